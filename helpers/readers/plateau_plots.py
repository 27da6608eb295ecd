"""58 other grassland sites of the Plateau: the plots of Jing et al. (2015), soil fauna of 2017."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from helpers.errors import InputError
from helpers.paths import DATA
from helpers.readers.plots import FETCH, find_collection
from helpers.readers.tables import check_once, check_words, read_named

COVERS = {"AM": "meadow", "AS": "steppe", "DS": "desert steppe"}
EMBEDDED_PLOTS = DATA / "embedded" / "plots.csv"
_PLOTS, _FAUNA = "Jing_etal_Tibet.csv", "soil_fauna_data_final.txt"
_PLACE = {  # column in the file: (our name, least, most, unit)
    "Long": ("longitude", -180, 180, "degrees east"),
    "Lat": ("latitude", -90, 90, "degrees north"),
    "Ele.m": ("elevation", 500, 9000, "m"),
}
_OF_SITE = _PLACE | {
    "MAT": ("MAT", -30, 40, "degrees Celsius"),
    "MAP": ("MAP", 10, 5000, "mm a year"),
}
_OF_PLOT = {
    "SM": ("soil_moisture", 0, 10, "g of water per g of dry soil"),
    "pH": ("pH", 2, 12, "1"),
    "AGB": ("AGB", 0, 10_000, "g m-2"),
    "BGB": ("BGB", 0, 50_000, "g m-2"),
    "PTN": ("plant_N", 0.01, 10, "%"),
    "PTP": ("plant_P", 0.001, 2, "%"),
    "SSOC": ("SOC", 1, 58_000, "mg per 100 g"),
    "SSTN": ("TN", 0.1, 10_000, "mg per 100 g"),
    "SSTP": ("TP", 1, 1000, "mg per 100 g"),
    "SR": ("richness", 0, 200, "plant species"),
}
_OF_FAUNA = _PLACE | {
    "SCNratio": ("CN", 1, 200, "1"),
    "DOC": ("DOC", 0, 5000, "mg kg-1"),
    "plant.shannon.diversity": ("shannon", 0, 6, "1"),
    "faunal.richness": ("fauna_richness", 0, 100, "groups"),
    "faunal.abundance": ("fauna_abundance", 0, 1e8, "m-2"),
}
_TO_OURS = {"SOC": 0.01, "TN": 0.01, "TP": 10}  # from mg per 100 g to g kg-1, TP to mg kg-1
_ONE_PLACE = {"longitude": 0.15, "latitude": 0.15, "elevation": 50}  # degrees and metres


def read_plots(source: str | Path = "genuine") -> pd.DataFrame:
    """Read 58 grassland sites of Jing et al. (2015), with soil fauna of Zhao et al. (2017).

    Nature Communications 6, 8159; Ecosphere 8, e01901.

    Parameters
    ----------
    source : "genuine" or path
        Where ``make data SOURCE=sites`` or ``TIBET_REAL_DATA`` put the collections, or a folder
        with both.

    Returns
    -------
    pandas.DataFrame
        Means of the plots by ``site``: ``longitude``, ``latitude`` (degrees), ``elevation`` (m),
        ``MAT`` (degrees Celsius), ``MAP`` (mm a year), ``soil_moisture`` (g g-1), ``pH``, ``AGB``
        and ``BGB`` (biomass above and below ground, g m-2), ``plant_N`` and ``plant_P`` (%),
        ``SOC`` and ``TN`` (g kg-1), ``TP`` (mg kg-1), ``richness`` of plants; and where soil fauna
        was counted ``land_cover``, ``CN`` (of soil), ``DOC`` (mg kg-1), plant ``shannon``
        diversity, ``fauna_richness`` and ``fauna_abundance`` (m-2), else gaps.

    Notes
    -----
    The files name no unit. At 44 of 47 sites SSOC is 1000 times the organic carbon that Zhao et al.
    print, within 1 %; theirs is in percent (as g kg-1, dissolved carbon would be a third of all),
    so that SSOC is in mg per 100 g, and with it SSTN and SSTP. Other units are the usual ones that
    give plausible numbers. A site of the two tables is one only where they agree on its place: at
    P814 they are 0.8 degrees and 233 m apart, and its fauna is left out.

    Examples
    --------
    >>> len(read_plots())  # doctest: +SKIP
    58
    """
    path = find_collection(source, "plateau_plots") / _PLOTS
    about = _OF_SITE | _OF_PLOT
    plots = read_named(path, ["plot.id", "Site"], about, FETCH, errors="replace")
    plots[[*_TO_OURS]] *= list(_TO_OURS.values())
    check_once(path, plots, "plot.id")
    places = plots.groupby("Site")[[each[0] for each in _OF_SITE.values()]]
    if (several := places.nunique().max(axis=1) > 1).any():
        raise InputError(
            f"{path}: site {several.idxmax()}",
            needed="one place and climate of all plots of a site",
            found="several",
            mend=f"give each place a name of its own, or {FETCH}",
        )
    sites = plots.groupby("Site")[[each[0] for each in about.values()]].mean()
    path = find_collection(source, "tibet_fauna") / _FAUNA
    words = ["Site", "vege.type"]
    fauna = read_named(path, words, _OF_FAUNA, FETCH, errors="replace", sep="\t")
    check_once(path, fauna, "Site")
    check_words(path, fauna, "vege.type", COVERS, "Site")
    fauna["land_cover"] = fauna["vege.type"].map(COVERS)
    fauna = fauna.set_index("P" + fauna["Site"]).reindex(sites.index)
    apart = (fauna[[*_ONE_PLACE]] - sites[[*_ONE_PLACE]]).abs()
    same = (apart <= pd.Series(_ONE_PLACE)).all(axis="columns")
    added = ["land_cover", *(each[0] for each in _OF_FAUNA.values() if each[0] not in sites)]
    return sites.join(fauna.loc[same, added]).rename_axis("site")


def load_plots() -> pd.DataFrame:
    """Return the embedded table of :func:`read_plots`: measured.

    Examples
    --------
    >>> load_plots()["land_cover"].value_counts()["meadow"]
    np.int64(25)
    """
    return pd.read_csv(EMBEDDED_PLOTS, index_col="site")
