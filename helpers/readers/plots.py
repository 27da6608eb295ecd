"""Real grassland sites of the Plateau: the 48 of Zhao et al. (2017), genuine and observed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from helpers.errors import InputError
from helpers.paths import find_genuine
from helpers.readers.gldas import load_climate, sample
from helpers.readers.tables import check_once, check_words, read_cells, to_numbers
from helpers.readers.terrain import load_elevation

COVERS = {"AM": "meadow", "AS": "steppe", "DS": "desert steppe"}

FETCH = "download it again: make data SOURCE=fieldsites"
_FAUNA, _WORLDCLIM = "soil_fauna_data_final.txt", "site_clim_worldClim.txt"
_MEASURED = {  # column in the file: (our name, least, most, unit)
    "Long": ("longitude", -180, 180, "degrees east"),
    "Lat": ("latitude", -90, 90, "degrees north"),
    "Ele.m": ("elevation", 500, 9000, "m"),
    "pH": ("pH", 2, 12, "1"),
    "SOC": ("SOC", 0.01, 58, "g per 100 g: organic matter is 58 % carbon"),
    "SCNratio": ("CN", 1, 200, "1"),
    "DOC": ("DOC", 0, 5000, "mg kg-1"),
    "plant.species.richness": ("richness", 1, 200, "species"),
    "plant.shannon.diversity": ("shannon", 0, 6, "1"),
}
_WEATHER = {
    "bio1": ("T_worldclim", -200, 300, "tenths of a degree Celsius"),
    "bio7": ("T_range", 100, 700, "tenths of a degree Celsius (warmest to coldest month)"),
    "bio12": ("P_worldclim", 10, 5000, "mm a year"),
}


def read_field_sites(source: str | Path = "genuine") -> pd.DataFrame:
    """Read the 48 grassland sites of Zhao et al. :cite:p:`zhao2017`: observed.

    Parameters
    ----------
    source : "genuine" or path
        Where ``make data`` or ``TIBET_REAL_DATA`` put the collection, or a folder with it.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``site``: ``longitude``, ``latitude`` (degrees), ``elevation`` (m, as measured),
        ``land_cover`` (meadow, steppe, desert steppe), ``pH``, ``SOC`` (g kg-1), ``CN``, ``DOC``
        (mg kg-1), plant species ``richness`` and ``shannon`` diversity of the plot, and
        ``T_worldclim`` (degrees Celsius) and ``P_worldclim`` (mm a year).

    Notes
    -----
    The files name no unit. SOC is read as percent of dry soil (g per 100 g) and multiplied by 10.
    As g kg-1 it could hardly be right: dissolved organic carbon, whose range fits mg kg-1 only,
    would then be up to a third of all organic carbon (as percent, at most 3 %; 0.1-2 % is usual).
    So percent is likely, not certain; only numbers in g kg-1 depend on it. C/N is of total carbon
    or of organic, which the files do not say. WorldClim (version 1.4) is of 1950-2000; the sites
    were sampled in the growing season of 2011.

    Examples
    --------
    >>> read_field_sites()["land_cover"].value_counts()["meadow"]  # doctest: +SKIP
    26
    """
    folder = find_collection(source, "tibet_fauna")
    measured = _read_by_site(folder / _FAUNA, ["vege.type"], _MEASURED, sep="\t")
    weather = _read_by_site(folder / _WORLDCLIM, [], _WEATHER, sep=r"\s+")
    check_once(folder / _FAUNA, measured.reset_index(), "longitude", "latitude")
    check_words(folder / _FAUNA, measured.reset_index(), "vege.type", COVERS, "site")
    odd = measured.index.symmetric_difference(weather.index)
    if len(odd):
        raise InputError(
            f"{folder}: site {odd[0]}",
            needed=f"the same sites in {_FAUNA} and {_WORLDCLIM}",
            found=f"{len(odd)} in one of them only",
            mend="download both files again, or take the sites out of both",
        )
    sites = measured[[about[0] for about in _MEASURED.values()]].copy()
    sites.insert(3, "land_cover", measured["vege.type"].map(COVERS))
    sites["SOC"] *= 10
    sites["T_worldclim"] = weather["T_worldclim"] / 10
    sites["P_worldclim"] = weather["P_worldclim"]
    return sites


def _read_by_site(path: Path, words: list[str], about: dict, sep: str) -> pd.DataFrame:
    table = read_cells(path, ["Site", *words, *about], FETCH, "replace", sep=sep)
    check_once(path, table, "Site")
    table = to_numbers(path, table, {name: each[1:] for name, each in about.items()}, "Site")
    names = {name: each[0] for name, each in about.items()}
    return table.set_index("Site").rename(columns=names).rename_axis("site")


def find_collection(source: str | Path, name: str) -> Path:
    """Return the folder of a collection, tibet_fauna or srdb, from "genuine", it or its parent."""
    if source == "genuine":
        return find_genuine(name)
    folders = [folder for folder in (Path(source) / name, Path(source)) if folder.is_dir()]
    if not folders:
        raise InputError(
            source,
            needed=f"'genuine', or a folder with the collection {name}",
            found="no such folder",
            mend="check the path, or fetch the files: make data SOURCE=fieldsites",
        )
    return folders[0]


def add_climate(sites: pd.DataFrame) -> pd.DataFrame:
    """Add the GLDAS climate of 2013-2014 and the packaged elevation to sites: observed.

    The sites have longitude and latitude. Added are the climatic factor codes in GLDAS units,
    ``relief`` (m, of the 1/12 degree cell) and ``cell``, the name of the 1 degree climate cell.

    Examples
    --------
    >>> sites = pd.DataFrame({"longitude": [91.1], "latitude": [29.7]}, index=["Lhasa"])
    >>> add_climate(sites)[["relief", "cell"]].values.tolist()
    [[3974.0, '29.5 N, 91.5 E']]
    """
    climate = load_climate()
    weather = sample(climate, sites["longitude"], sites["latitude"])
    points = {"lat": sites["latitude"].to_xarray(), "lon": sites["longitude"].to_xarray()}
    cell = climate.sel(points, method="nearest")
    names = [f"{lat:g} N, {lon:g} E" for lat, lon in zip(cell["lat"], cell["lon"], strict=True)]
    relief = load_elevation().sel(points, method="nearest").to_series().astype(float)
    return sites.join(weather).assign(relief=relief, cell=names)
