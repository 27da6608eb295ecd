"""GLDAS-2.1 Noah monthly files: from a folder of downloads to the climate of a site.

The paper takes its climate from this product (§2.2), in a release that it does not name: monthly
means on a 1° grid, 2013-2014.
Fluxes (``*_tavg``) are W m-2 or kg m-2 s-1, ``Albedo_inst`` is percent, temperatures are kelvin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from helpers.errors import Faults, InputError, list_some, show
from helpers.factors import POSSIBLE, gldas_sources, load_factors
from helpers.paths import DATA
from helpers.provenance import sha256
from helpers.readers.grids import PLATEAU_BOX, SIDES, check_degrees, find_hole
from helpers.readers.netcdf import (
    UNREADABLE,
    check_variable,
    dimensions_of,
    open_netcdf,
    unreadable,
    walk,
)

EMBEDDED_CLIMATE = DATA / "embedded" / "gldas_tp_mean_2013_2014.nc"
_PRODUCT = "monthly means of GLDAS-2.1 Noah on cells of 1 degree (GLDAS_NOAH10_M)"
_DOWNLOAD = "download it again from NASA GES DISC (product GLDAS_NOAH10_M 2.1)"
_NAMES = re.compile("gldas|http_services", re.IGNORECASE)  # GES DISC's subsetter names the second
_DATA = re.compile(r"\.(nc4?|cdf|h5|hdf5?|he5|gri?b2?|tiff?|zip|gz|bz2|xz|tar|tgz)$|http_services")
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp")
_OF_CMIP = re.compile(r"_r\d+i\d+p\d+|^(npp|rh|nep|gpp|ra|nbp|sftlf)_[a-z]+_", re.IGNORECASE)
_OTHERWISE = {  # in a name, a title or a source: why such a file is not what the paper took
    r"_3H\b|_3H[._]|output$": "values of three hours, no monthly means",
    r"_(DA1_)?D\b|_D\.": "daily values, no monthly means",
    r"NOAH025": "cells of 0.25 degrees",
    r"\.020\.|_M\.2\.0|GLDAS2\.0": "GLDAS-2.0, which is driven by other weather",
    r"GLDAS_(CLSM|VIC|MOS|CLM)|^(Catchment|VIC|Mosaic|CLM)": "another land model than Noah",
}


def find_gldas_files(folder: str | Path) -> list[Path]:
    """Return the GLDAS files anywhere in a folder by name, short ones first; none if none is there.

    A file is one by its name or its folder's, or by the variables that it holds. So is, to be
    refused by :func:`open_gldas`, what may be one: NetCDF that is damaged or packed, and, where no
    other file is one, fields of three dimensions under other names. Descriptions beside them,
    unfinished downloads, files of CMIP, and packed files beside unpacked ones are left alone.
    InputError where there is nothing else.
    """
    folder = Path(folder)
    found, named, other = [], [], []
    for path in walk(folder):
        if path.is_dir() and path.suffix not in (".nc", ".nc4"):
            continue
        inside = path.relative_to(folder).as_posix()
        by_name = bool(_NAMES.search(inside))
        named += [path] * by_name
        if inside.lower().endswith(_UNFINISHED) or _OF_CMIP.search(path.name):
            continue
        held = dimensions_of(path)
        if (
            held is None
            or not held.keys().isdisjoint(gldas_sources().values())
            or (by_name and (held or not path.suffix or _DATA.search(inside.lower())))
        ):
            found.append(path)
        elif max(held.values(), default=0) > 2:
            other.append(path)
    names = {path.name for path in found}
    found = [path for path in found if path.stem == path.name or path.stem not in names] or other
    if named and not found:
        raise InputError(
            folder,
            needed=_PRODUCT,
            found=f"no file of data, only {list_some((path.name for path in named), 5)}",
            mend="download the files, or take out what is named GLDAS: else the book would use its "
            "own climate in its place",
        )
    return sorted(found, key=lambda path: (len(path.name), path.name, path))


def is_doubtful(path: Path) -> bool:
    """Say whether a file is damaged or packed, and no product by its name."""
    return dimensions_of(path) is None and not _NAMES.search(path.name)


def open_gldas(
    folder: str | Path,
    units: dict[str, str] | None = None,
    box: dict[str, slice] = PLATEAU_BOX,
) -> xr.Dataset:
    """Read the monthly climate of a region from a folder of GLDAS files, in any order.

    Parameters
    ----------
    folder : path
        Holds files of whole years anywhere in it, of any name: ``GLDAS_NOAH10_M.A201301.021.nc4``
        as GES DISC gives them, or as its subsetters do. Dates are those in the files.
    units : dict of str, optional
        Variables, each with the unit that it must have: ``{"Lwnet_tavg": "W m-2"}``. Without it,
        those behind the factors of the registry, of which values are checked too.
    box : dict of slice
        The ends of ``lat`` and ``lon``, degrees north and east; without it, the Plateau's.

    Returns
    -------
    xarray.Dataset
        On (time, lat, lon), in the files' own units. Latitude and longitude (-180 to 180) ascend.
        The attribute ``inputs`` lists every file with its SHA-256 checksum, ``left_out`` files of a
        month that another one holds with the same values. All faults of all files are refused
        together.

    Examples
    --------
    >>> open_gldas("downloads/gldas_noah10_m_v21")  # doctest: +SKIP
    """
    if units is None:
        of_factors = load_factors()["unit"]
        units = {name: of_factors[code] for code, name in gldas_sources().items()}
    folder = Path(folder)
    files = find_gldas_files(folder)
    if not files:
        raise InputError(
            folder,
            needed=f"a folder with {_PRODUCT}",
            found="no such file in it" if folder.is_dir() else "no such folder",
            mend="check the path, or " + _DOWNLOAD,
        )
    months, faults = {}, Faults()
    for path in files:
        with faults.gather():
            months[path] = _read_month(path, units, box)
    for path, month in months.items():
        first = next(iter(months))
        with faults.gather():
            if not all(month[name].equals(months[first][name]) for name in SIDES):
                raise InputError(
                    path,
                    needed=f"the grid of {first.name}",
                    found=f"{month.sizes['lat']} x {month.sizes['lon']} other cells in the region",
                    mend="keep files of one product and resolution in the folder",
                )
    faults.refuse()
    left_out = _check_months(folder, months)
    months = {path: month for path, month in months.items() if path not in left_out}
    parts = months.values()
    monthly = xr.concat(parts, "time", data_vars="all", combine_attrs="override").sortby("time")
    inputs = (f"{sha256(path)}  {path.relative_to(folder).as_posix()}" for path in months)
    return monthly.assign_attrs(inputs="\n".join(inputs), left_out="\n".join(left_out.values()))


def _read_month(path: Path, units: dict[str, str], box: dict[str, slice]) -> xr.Dataset:
    """Return a month in the region, or refuse a file with all of its faults."""
    _check_product(path, path.name)
    faults, sound = Faults(), []
    with open_netcdf(path, _DOWNLOAD) as file:
        for name in ("title", "source"):
            _check_product(path, str(file.attrs.get(name, "")))
        _check_time(path, file)
        with faults.gather():
            _check_all_there(path, file, units)
        gridded = {*SIDES} <= {*file.indexes}
        there = [name for name in units if name in file]
        for name in there if gridded else there[:1]:  # the others would repeat what is said
            with faults.gather():
                check_variable(path, file, name, ("time", *SIDES), units[name], _DOWNLOAD)
                sound.append(name)
        if not gridded:
            faults.refuse()
        east = ((file["lon"] + 180) % 360 - 180).assign_attrs(file["lon"].attrs)
        month = file[[*sound, *SIDES]].assign_coords(lon=east).sortby([*SIDES])
        for name, most in (("lat", 90), ("lon", 180)):
            with faults.gather():
                check_degrees(f"{path}: {name}", month[name].values, most, _DOWNLOAD)
                _check_region(f"{path}: {name}", month[name].values, box[name])
        try:
            month = month.sel(box).transpose("time", *SIDES, missing_dims="ignore").load()
        except UNREADABLE as error:
            faults.refuse()
            raise unreadable(path, _DOWNLOAD) from error
    for name in sound:
        with faults.gather():
            _check_values(path, month[name], units[name])
    faults.refuse()
    return month


def _check_product(path: Path, words: str) -> None:
    for pattern, why in _OTHERWISE.items():
        if re.search(pattern, words):
            raise InputError(
                path,
                needed=_PRODUCT,
                found=f"{why}, by its {'name' if words == path.name else 'head'}",
                mend="download that product, and take this file out of the folder",
            )


def _check_time(path: Path, file: xr.Dataset) -> None:
    times = file.indexes.get("time", pd.Index([]))
    if len(times) != 1 or not isinstance(times, pd.DatetimeIndex) or times.hasnans:
        encoding = file["time"].encoding if "time" in file else {}
        calendar = show(str(encoding.get("calendar", "no")), quote=False)
        raise InputError(
            f"{path}: time",
            needed="one month in each file, with a date in the standard calendar",
            found=f"{len(times)} time steps, {calendar} calendar, {times.dtype}",
            mend="split the file by month (cdo splityearmon), or set its calendar",
        )


def _check_all_there(path: Path, file: xr.Dataset, wanted: Iterable[str]) -> None:
    missing = [name for name in wanted if name not in file]
    if missing:
        raise InputError(
            f"{path}: {list_some(missing)}",
            needed=f"all of the variables {list_some(wanted)}",
            found=f"without {list_some(missing)}; there are "
            f"{list_some(sorted(map(str, file.variables))) or 'none'}",
            mend="rename them, choose all of these where files are cut to a subset, or take the "
            f"file out of the folder if it is none of GLDAS; or {_DOWNLOAD}",
        )


def _check_values(path: Path, field: xr.DataArray, unit: str) -> None:
    known = field.name in gldas_sources().values()
    low, high = POSSIBLE[unit] if known else (-9998.0, np.inf)
    wrong = field.values[(field < low) | (field > high) | np.isinf(field)]
    if wrong.size:
        raise InputError(
            f"{path}: {field.name}",
            needed=f"values from {low:g} to {high:g} {unit}",
            found=f"{wrong.size} beyond, the first {wrong[0]:g}",
            mend="mend the attributes units, _FillValue, scale_factor and add_offset if the "
            f"values have another unit, are packed or stand for no value, or {_DOWNLOAD}",
        )


def _check_region(where: str, centres: np.ndarray, wanted: slice) -> None:
    """Refuse too few cells, and a hole between them: sites there would take far cells."""
    centres = centres[(centres >= wanted.start) & (centres <= wanted.stop)]
    hole = find_hole(centres)
    if centres.size < 2 or hole:
        raise InputError(
            where,
            needed=f"two cells or more, side by side, from {wanted.start:g} to {wanted.stop:g}",
            found=hole or f"{centres.size} there",
            mend="download the whole globe, or this region",
        )
    if abs(np.median(np.diff(centres)) - 1) > 0.01:
        raise InputError(
            where,
            needed="cells of 1 degree",
            found=f"cells of {np.median(np.diff(centres)):g} degrees",
            mend="download GLDAS_NOAH10_M, or put the files on such cells (cdo remapcon)",
        )


def _check_months(folder: Path, months: dict[Path, xr.Dataset]) -> dict[Path, str]:
    """Refuse years that are not whole; return why files are left out that repeat a month."""
    faults, left_out = Faults(), {}
    of_month: dict[pd.Period, Path] = {}
    for path, month in months.items():
        period = pd.Period(month["time"].values[0], "M")
        first = of_month.setdefault(period, path)
        if first is path:
            continue
        left_out[path] = f"{path.name}: {period} again, with the values of {first.name}"
        with faults.gather():
            if not month.drop_vars("time").equals(months[first].drop_vars("time")):
                raise InputError(
                    folder,
                    needed="each month once",
                    found=f"{period} in {first.name} and {path.name}, with other values",
                    mend="keep one of them in the folder",
                )
    years = pd.period_range(f"{min(of_month).year}-01", f"{max(of_month).year}-12", freq="M")
    missing = years.difference(pd.PeriodIndex([*of_month]))
    with faults.gather():
        if len(missing):
            raise InputError(
                folder,
                needed=f"every month from {years[0]} to {years[-1]} (whole years)",
                found=f"{len(of_month)} months, without {list_some(missing)}",
                mend="add the missing files, or remove the year that is not whole",
            )
    faults.refuse()
    return left_out


def annual_mean(monthly: xr.Dataset) -> xr.Dataset:
    """Average months from :func:`open_gldas` into one annual mean, each weighted by its length.

    Returns the same variables on (lat, lon) as float64, with the attribute ``period``. A cell that
    lacks a month has no mean.

    Examples
    --------
    >>> time = pd.to_datetime(["2014-01", "2014-02"])
    >>> months = xr.Dataset({"AT": ("time", [270.0, 280.0])}, {"time": time})
    >>> annual_mean(months)["AT"].round(2).item()  # (31 * 270 + 28 * 280) / 59
    274.75
    """
    by_days = monthly.astype(float).weighted(monthly["time"].dt.days_in_month)
    mean = by_days.mean("time", skipna=False, keep_attrs=True)
    for variable in mean.data_vars.values():
        variable.attrs["cell_methods"] = "time: mean"
    first, last = (pd.Period(monthly["time"].values[i], "M") for i in (0, -1))
    return mean.assign_attrs(period=f"{first} to {last}")


def load_climate() -> xr.Dataset:
    """Return the embedded annual mean climate of the Plateau box, 2013-2014: assimilated.

    Examples
    --------
    >>> dict(load_climate().sizes)
    {'lat': 16, 'lon': 34}
    """
    with xr.open_dataset(EMBEDDED_CLIMATE, engine="scipy") as file:
        return file.load()


def sample(
    climate: xr.Dataset, longitude: pd.Series, latitude: pd.Series, method: str = "nearest"
) -> pd.DataFrame:
    """Take the climatic factors of sites from gridded climate.

    Parameters
    ----------
    climate : xarray.Dataset
        GLDAS variables on (lat, lon), as :func:`annual_mean` returns them.
    longitude, latitude : pandas.Series
        Degrees east (-180 to 180) and north, indexed by site.
    method : {"nearest", "linear"}
        The value of the site's own cell, or bilinear between cell centres.

    Returns
    -------
    pandas.DataFrame
        One row per site, one column per factor code, in GLDAS units. A site outside the grid, or on
        a cell without values (water), is refused.

    Examples
    --------
    >>> sample(load_climate(), pd.Series([91.1]), pd.Series([30.5]))["AT"].round().tolist()
    [272.0]
    """
    check_inside(climate, longitude, latitude, method)
    points = {"lat": latitude.to_xarray(), "lon": longitude.to_xarray()}
    at_sites = (
        climate.sel(points, method="nearest") if method == "nearest" else climate.interp(points)
    )
    columns = {code: at_sites[variable].values for code, variable in gldas_sources().items()}
    table = pd.DataFrame(columns, index=latitude.index)
    if table.isna().any(axis=None):
        site, code = table.stack(future_stack=True).loc[lambda value: value.isna()].index[0]
        raise InputError(
            f"site {site}: {code}",
            needed="a land cell with a value",
            found=f"no value at {latitude[site]:g} N, {longitude[site]:g} E (a lake, or masked)",
            mend="move the site to a neighbouring land cell, or leave it out",
        )
    return table


def check_inside(
    grid: xr.Dataset | xr.DataArray,
    longitude: pd.Series,
    latitude: pd.Series,
    method: str = "nearest",
    mend: str = "give climate that reaches there",
) -> None:
    """Refuse a site outside of the cells of a grid, or with "linear", of their centres."""
    for name, values in (("lat", latitude), ("lon", longitude)):
        centres = grid[name].values
        margin = np.diff(centres).min() / 2 if method == "nearest" else 0.0
        outside = values[(values < centres.min() - margin) | (values > centres.max() + margin)]
        if len(outside):
            raise InputError(
                f"site {outside.index[0]}",
                needed=f"{name} between {centres.min() - margin:g} and {centres.max() + margin:g}",
                found=f"{outside.iloc[0]:g}",
                mend="correct the coordinate (degrees north, and east from -180 to 180), or "
                + mend,
            )
