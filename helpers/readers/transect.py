"""The 147 grassland sites of Kang et al. (2022), from which the paper's thirty seem to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.checks import check_word
from helpers.errors import InputError
from helpers.readers.plots import FETCH, find_collection
from helpers.readers.tables import check_once, check_words, read_named

COLUMNS = ("2021-05", "present")
TABLE = "metadata_2021-05.txt"
_COVERS = {"Meadow": "meadow", "Steppe": "steppe"}
_PLACES = {  # column in the file: (our name, least, most, unit)
    "Longitude": ("longitude", -180, 180, "degrees east"),
    "Latitude": ("latitude", -90, 90, "degrees north"),
    "Altitude": ("elevation", 500, 9000, "m"),
    "MAT_k10": ("MAT", -30, 40, "degrees Celsius"),
    "AI": ("AI", 0, 10, "1: precipitation over potential evaporation"),
}
_EARLIER = {
    "SOC": ("SOC", 0.001, 58, "g per 100 g: organic matter is 58 % carbon"),
    "TN": ("TN", 0.0001, 10, "g per 100 g"),
    "CN": ("CN", 1, 100, "1"),
    "pH": ("pH", 2, 12, "1"),
    "Silt": ("Silt", 0, 100, "%"),
    "Sand": ("Sand", 0, 100, "%"),
    "TP": ("TP", 1, 10_000, "mg kg-1"),
    "CP": ("CP", 0.1, 10_000, "1"),
    "Biomass": ("biomass", 0, 10_000, "g m-2, above ground"),
    "SR": ("richness", 0, 200, "plant species"),
}
_GROUPS = {"bacteria": "bacteria", "fungi": "fungi", "protist": "protists", "animal": "animals"}
_SHANNON = ("shannon", 0, 20, "1")
_SAME = 1e-3  # relative: what is a ratio of two columns agrees with it


def read_transect(source: str | Path = "genuine", columns: str = "2021-05") -> pd.DataFrame:
    """Read the 147 grassland sites of Kang et al. (2022): measured.

    Environmental Microbiology, doi 10.1111/1462-2920.15827.

    Parameters
    ----------
    source : "genuine" or path
        Where ``make data SOURCE=sites`` or ``TIBET_REAL_DATA`` put the collection, or a folder with
        it.
    columns : {"2021-05", "present"}
        The public version of the table: that of May 2021, with soil and plants, or the present one,
        with places, land cover, temperature and aridity only.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``site``: ``longitude``, ``latitude`` (degrees), ``elevation`` (m),
        ``land_cover``, ``MAT`` (mean annual temperature, degrees Celsius), ``AI`` (aridity index);
        Shannon diversity of soil ``bacteria``, ``fungi``, ``protists`` and ``animals``; and of May
        2021 ``SOC``, ``TN`` (g kg-1), ``CN``, ``pH``, ``Clay``, ``Silt``, ``Sand`` (%), ``TP``
        (mg kg-1), ``CP``, ``biomass`` (g m-2, above ground) and ``richness`` of plants.

    Notes
    -----
    The files name no unit. That CN is SOC over TN says that both have one unit, and that CP is
    10,000 SOC / TP that SOC is in percent where TP is in mg kg-1, the usual unit: as g kg-1 the
    richest meadow would hold 12 g kg-1, a tenth of what Plateau meadows are known to hold. CN is of
    organic carbon, where the paper's is of total carbon. Clay is what silt and sand leave.

    Examples
    --------
    >>> read_transect()["land_cover"].value_counts()["meadow"]  # doctest: +SKIP
    70
    """
    check_word("columns", columns, COLUMNS)
    folder = find_collection(source, "plateau_transect")
    path = folder / f"metadata_{columns}.txt"
    about = _PLACES | (_EARLIER if columns == COLUMNS[0] else {})
    sites = _read(path, about, "Biome")
    check_once(path, sites.reset_index(), "longitude", "latitude")
    check_words(path, sites.reset_index(), "Biome", _COVERS, "site")
    sites.insert(3, "land_cover", sites.pop("Biome").map(_COVERS))
    for name, group in _GROUPS.items():
        file = folder / f"{name}_vegan.txt"
        found = _read(file, {"shannon": _SHANNON})["shannon"]
        if len(odd := sites.index.symmetric_difference(found.index)):
            raise InputError(
                f"{file}: site {odd[0]}",
                needed=f"the sites of {path.name}",
                found=f"{len(odd)} in one of the two files only",
                mend=FETCH,
            )
        sites[group] = found
    if columns == COLUMNS[0]:
        _check_ratios(path, sites)
        sites[["SOC", "TN"]] *= 10
        sites["Clay"] = 100 - sites["Silt"] - sites["Sand"]
    return sites


def _read(path: Path, about: dict, *words: str) -> pd.DataFrame:
    table = read_named(path, ["SampleID", *words], about, FETCH, sep="\t")
    check_once(path, table, "SampleID")
    return table.set_index("SampleID").rename_axis("site")


def _check_ratios(path: Path, sites: pd.DataFrame) -> None:
    """Refuse C/N and C/P that are not those of SOC, TN (percent) and TP (mg kg-1)."""
    made = {"CN": sites["SOC"] / sites["TN"], "CP": 1e4 * sites["SOC"] / sites["TP"]}
    for name, ratio in made.items():
        wrong = ~np.isclose(sites[name], ratio, rtol=_SAME)
        if wrong.any():
            site = sites.index[wrong][0]
            raise InputError(
                f"{path}: column {name!r}, site {site}",
                needed=f"{ratio[site]:.4g}, as the columns that it is made from give",
                found=f"{sites.loc[site, name]:.4g}",
                mend=f"give SOC and TN in percent and TP in mg kg-1, or {FETCH}",
            )
