"""Real grassland sites of the Plateau: the 48 of Zhao et al. (2017), genuine and observed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.errors import InputError, list_some, show
from helpers.paths import find_genuine
from helpers.readers.gldas import load_climate, sample
from helpers.readers.terrain import load_elevation

COVERS = {"AM": "meadow", "AS": "steppe", "DS": "desert steppe"}

_FETCH = "make data SOURCE=fieldsites"
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
    """Read the 48 grassland sites of Zhao et al. (2017): observed.

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

    Raises
    ------
    InputError
        For a missing file or column, a site or a place that is there twice, a site that one of
        the two files lacks, text or a gap in a number column, a number that cannot be right in
        its unit, or an unknown type of vegetation.

    Notes
    -----
    The files name no unit. SOC is read as percent of dry soil (g per 100 g) and multiplied by 10.
    As g kg-1 it could hardly be right: dissolved organic carbon, whose range fits mg kg-1 only,
    would then be up to a third of all organic carbon (as percent, at most 3 %; 0.1-2 % is usual),
    and the average alpine meadow would hold 8 g kg-1, where the paper has sites up to 118 g kg-1.
    So percent is likely, not certain. No correlation, ratio, test, standardized effect or peak
    depends on it; only numbers in g kg-1 do. C/N rises to 58 where the soil is alkaline and poor
    in organic carbon, as total carbon over nitrogen does where there is carbonate; the files do
    not say which carbon it is. WorldClim (version 1.4) gives temperature in tenths of a degree,
    1950-2000. The sites were sampled in the growing season of 2011, as the script says that the
    authors keep beside the data.

    References
    ----------
    Zhao et al. (2017), Ecosphere 8, e01901.
    """
    folder = find_collection(source, "tibet_fauna")
    once = (["Site"], ["Long", "Lat"])
    measured = _read_by_site(folder / _FAUNA, ["vege.type"], _MEASURED, once=once, separator="\t")
    weather = _read_by_site(folder / _WORLDCLIM, [], _WEATHER, once=once[:1], separator=r"\s+")
    odd = measured.index.symmetric_difference(weather.index)
    if len(odd):
        raise InputError(
            f"{folder}: site {odd[0]}",
            needed=f"the same sites in {_FAUNA} and {_WORLDCLIM}",
            found=f"{len(odd)} in one of them only",
            mend="download both files again, or take the sites out of both",
        )
    cover = measured["vege.type"]
    unknown = cover[~cover.isin(COVERS)]
    if len(unknown):
        raise InputError(
            f"{folder / _FAUNA}: column 'vege.type', site {unknown.index[0]}",
            needed=f"one of {', '.join(COVERS)}",
            found=repr(unknown.iloc[0]),
            mend="correct the cell, or leave the site out",
        )
    sites = measured[[about[0] for about in _MEASURED.values()]].copy()
    sites.insert(3, "land_cover", cover.map(COVERS))
    sites["SOC"] *= 10
    sites["T_worldclim"] = weather["T_worldclim"] / 10
    sites["P_worldclim"] = weather["P_worldclim"]
    return sites


def _read_by_site(path: Path, words: list[str], about: dict, **options: object) -> pd.DataFrame:
    limits = {column: each[1:] for column, each in about.items()}
    table = read_table(path, ["Site", *words], limits, **options).set_index("Site")
    names = {column: each[0] for column, each in about.items()}
    return table.rename(columns=names).rename_axis("site")


def find_collection(source: str | Path, name: str) -> Path:
    """Return the folder of a collection of field data.

    Parameters
    ----------
    source : "genuine" or path
        Where ``make data`` or ``TIBET_REAL_DATA`` put it, or a folder that holds it or is it.
    name : str
        tibet_fauna or srdb.
    """
    if source == "genuine":
        return find_genuine(name)
    folders = [folder for folder in (Path(source) / name, Path(source)) if folder.is_dir()]
    if not folders:
        raise InputError(
            source,
            needed=f"'genuine', or a folder with the collection {name}",
            found="no such folder",
            mend=f"check the path, or fetch the files: {_FETCH}",
        )
    return folders[0]


def read_table(
    path: Path,
    words: list[str],
    numbers: dict[str, tuple[float, float, str]],
    *,
    once: tuple[list[str], ...] = (),
    gaps: tuple[str, ...] = (),
    keep: Callable[[pd.DataFrame], pd.Series] | None = None,
    separator: str = ",",
) -> pd.DataFrame:
    """Read columns of a table of text, and refuse what cannot be right.

    Parameters
    ----------
    path : path
        Of the table, with one header line.
    words : list of str
        Columns of text; a cell that is empty or NA is blank.
    numbers : dict
        Columns of numbers, with the least, the most, and the unit.
    once : tuple of lists of str
        Columns that tell one row from all others.
    gaps : tuple of str
        Columns of numbers where a cell may be empty; it is NaN.
    keep : callable, optional
        Says of the rows, as text, which are read and checked; others are nobody's concern here.
    separator : str
        Between cells.
    """
    try:
        table = pd.read_csv(
            path,
            sep=separator,
            dtype=str,
            encoding="utf-8-sig",
            encoding_errors="replace",  # SRDB has names of places in other encodings
        )
    except OSError as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise InputError(path, needed="this file", found=found, mend=_FETCH) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(
            path,
            needed="a table with one header line",
            found=str(error).strip(),
            mend=f"download it again: {_FETCH}",
        ) from error
    columns = [*words, *numbers]
    missing = [column for column in columns if column not in table]
    twice = [column for column in columns if f"{column}.1" in table]  # as pandas names the second
    longer = not isinstance(table.index, pd.RangeIndex)
    if missing or twice or longer or table.empty:
        raise InputError(
            path,
            needed=f"rows as long as the header, and once the columns {', '.join(columns)}",
            found=f"no column {', '.join(missing)} among {list_some(table.columns, 20)}"
            if missing
            else f"two columns {twice[0]}"
            if twice
            else "more cells in a row than names in the header"
            if longer
            else "no rows",
            mend="download it again, or give the columns back their names",
        )
    table = table[columns].fillna("").apply(lambda column: column.str.strip())
    table = table[keep(table)] if keep else table
    for name, (low, high, unit) in numbers.items():
        text = table[name]
        table[name] = pd.to_numeric(text, errors="coerce").astype(float)
        right = table[name].between(low, high) & np.isfinite(table[name])
        wrong = text[~right & ~((text == "") & (name in gaps))]
        if len(wrong):
            raise InputError(
                f"{path}: column {name!r}, line {wrong.index[0] + 2}",
                needed=f"a number between {low:g} and {high:g} ({unit})",
                found=show(wrong.iloc[0]) if wrong.iloc[0] else "an empty cell",
                mend="correct the cell, or bring the whole column into this unit",
            )
    for key in once:
        twice = table[table.duplicated(key, keep=False)]
        if len(twice):
            raise InputError(
                f"{path}: {', '.join(key)}",
                needed="each of them once: what is there twice counts twice",
                found=f"{tuple(twice[key].iloc[0])} in {len(twice)} rows",
                mend="keep one of the rows, or their mean",
            )
    return table


def add_climate(sites: pd.DataFrame) -> pd.DataFrame:
    """Add the GLDAS climate of 2013-2014 and the packaged elevation to sites: observed.

    Parameters
    ----------
    sites : pandas.DataFrame
        With longitude and latitude.

    Returns
    -------
    pandas.DataFrame
        The sites with the climatic factor codes in GLDAS units, ``relief`` (m, of the 1/12 degree
        cell) and ``cell``, the name of the 1 degree climate cell.

    Raises
    ------
    InputError
        For a site outside the grid, or on a cell without values (:func:`helpers.readers.sample`).
    """
    climate = load_climate()
    weather = sample(climate, sites["longitude"], sites["latitude"])
    points = {"lat": sites["latitude"].to_xarray(), "lon": sites["longitude"].to_xarray()}
    cell = climate.sel(points, method="nearest")
    names = [f"{lat:g} N, {lon:g} E" for lat, lon in zip(cell["lat"], cell["lon"], strict=True)]
    relief = load_elevation().sel(points, method="nearest").to_series().astype(float)
    return sites.join(weather).assign(relief=relief, cell=names)
