"""GLDAS-2.1 Noah monthly files: from a folder of downloads to the climate of a site.

The paper takes its climate from this product (§2.2), in a release that it does not name: monthly
means on a 1° grid, 2013-2014.
Fluxes (``*_tavg``) are W m-2 or kg m-2 s-1, ``Albedo_inst`` is percent, temperatures are kelvin.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from helpers.checks import find_hole
from helpers.errors import InputError, list_some, show
from helpers.factors import POSSIBLE, gldas_sources, load_factors
from helpers.paths import DATA
from helpers.provenance import sha256
from helpers.readers.netcdf import UNREADABLE, describe

EMBEDDED_CLIMATE = DATA / "embedded" / "gldas_tp_mean_2013_2014.nc"
PLATEAU_BOX = {"lat": slice(25, 41), "lon": slice(72, 106)}
_FILE_NAMES = "GLDAS_NOAH*_M*.nc4"
_FILL = -9999.0
_MOST_CELLS = 50_000_000
_DOWNLOAD = "download it again from NASA GES DISC (product GLDAS_NOAH10_M 2.1)"


def holds_gldas(folder: Path) -> bool:
    """Say whether a folder holds any GLDAS monthly file."""
    return any(folder.glob(_FILE_NAMES))


def find_gldas_files(folder: str | Path) -> list[Path]:
    """Return the GLDAS monthly files of a folder, sorted by name.

    Raises
    ------
    InputError
        If the folder does not exist or holds no such file.
    """
    folder = Path(folder)
    files = sorted(folder.glob(_FILE_NAMES))
    if not files:
        raise InputError(
            folder,
            needed=f"a folder with GLDAS monthly files ({_FILE_NAMES})",
            found="no such file in it" if folder.is_dir() else "no such folder",
            mend="check the path, or " + _DOWNLOAD,
        )
    return files


def open_gldas(folder: str | Path, box: dict[str, slice] = PLATEAU_BOX) -> xr.Dataset:
    """Read the monthly climate of a region from a folder of GLDAS files, in any order.

    Parameters
    ----------
    folder : path
        Holds files as GES DISC names them (``GLDAS_NOAH10_M.A201301.021.nc4``).
    box : dict of slice
        Region in degrees north and east, ``{"lat": slice(25, 41), "lon": slice(72, 106)}``.

    Returns
    -------
    xarray.Dataset
        The GLDAS variables behind the factors of the registry, on (time, lat, lon), in the
        files' own units, with ``time_bnds``. Latitude and longitude (-180 to 180) ascend. The
        attribute ``inputs`` lists every file with its SHA-256 checksum.

    Raises
    ------
    InputError
        For a file that is no NetCDF or is truncated, a missing variable, an unexpected unit,
        fill values left as data, a value that is impossible in its unit, coordinates that are no
        degrees, another grid than its neighbours', a month twice, or a month missing between the
        first January and the last December.
    """
    files = find_gldas_files(folder)
    months = [_read_month(path, box) for path in files]
    for path, month in zip(files, months, strict=True):
        if not (month["lat"].equals(months[0]["lat"]) and month["lon"].equals(months[0]["lon"])):
            raise InputError(
                path,
                needed=f"the grid of {files[0].name}",
                found=f"{month.sizes['lat']} x {month.sizes['lon']} other cells in the region",
                mend="keep files of one product and resolution in the folder",
            )
        if set(month.variables) != set(months[0].variables):
            raise InputError(
                f"{path}: time",
                needed=f"time bounds as in {files[0].name}, or none",
                found=f"variables {list_some(set(month.variables) ^ set(months[0].variables))} "
                "in one of them only",
                mend=_DOWNLOAD,
            )
    _check_months(Path(folder), files, months)
    months.sort(key=lambda month: month["time"].values[0])
    joined = xr.concat(months, "time", data_vars="all", combine_attrs="override")
    joined.attrs["inputs"] = "\n".join(f"{sha256(path)}  {path.name}" for path in files)
    return joined


def _read_month(path: Path, box: dict[str, slice]) -> xr.Dataset:
    try:
        with xr.open_dataset(path, engine="netcdf4") as file:
            month = _check_variables(path, file)
            east = ((month["lon"] + 180) % 360 - 180).assign_attrs(month["lon"].attrs)
            month = month.assign_coords(lon=east).sortby(["lat", "lon"])
            _check_grid(path, month)
            month = month.sel(box)
            _check_region(path, month, box)
            return month.load()
    except UNREADABLE as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            path,
            needed="a complete NetCDF-4 file",
            found=describe(path),
            mend=f"it may be cut short, or a login page saved under this name: {_DOWNLOAD}",
        ) from error


def _show_box(box: dict[str, slice]) -> str:
    return ", ".join(f"{name} {span.start:g} to {span.stop:g}" for name, span in box.items())


def _check_grid(path: Path, month: xr.Dataset) -> None:
    """Refuse coordinates that are no degrees, or the same twice; they ascend."""
    for name, most in (("lat", 90), ("lon", 180)):
        centres = month[name].values
        if not (np.abs(centres) <= most).all() or not (np.diff(centres) > 0).all():
            raise InputError(
                f"{path}: {name}",
                needed="degrees, each once" + (", from -90 to 90" if name == "lat" else ""),
                found=f"from {centres[0]:g} to {centres[-1]:g}, "
                f"{len(np.unique(centres))} different ones of {len(centres)}",
                mend=f"mend the coordinate, or {_DOWNLOAD}",
            )


def _check_region(path: Path, month: xr.Dataset, box: dict[str, slice]) -> None:
    """Refuse too few cells to tell their size, or a hole: sites in it would take far cells."""
    for name in ("lat", "lon"):
        centres = month[name].values
        hole = find_hole(centres)
        if centres.size < 2 or hole:
            raise InputError(
                f"{path}: {name}",
                needed=f"two cells or more, side by side, in {_show_box(box)}",
                found=hole or f"{centres.size} there",
                mend="download the whole globe, or this region",
            )


def _check_variables(path: Path, file: xr.Dataset) -> xr.Dataset:
    absent = [name for name in ("time", "lat", "lon") if name not in file.indexes]
    if absent:
        raise InputError(
            path,
            needed="the coordinates time, lat and lon",
            found=f"no {', '.join(absent)} among {list_some(file.coords) or 'none'}",
            mend=f"rename the coordinates, or {_DOWNLOAD}",
        )
    units = load_factors()["unit"]
    for code, variable in gldas_sources().items():
        if variable not in file:
            raise InputError(
                f"{path}: {variable}",
                needed=f"the variable {variable} (factor {code})",
                found="variables " + (list_some(sorted(file.data_vars, key=str)) or "none"),
                mend="download the whole file, not a subset without this variable",
            )
        dims = file[variable].dims
        if {*dims} != {"time", "lat", "lon"} or file[variable].size > _MOST_CELLS:
            raise InputError(
                f"{path}: {variable}",
                needed=f"the dimensions time, lat and lon, with at most {_MOST_CELLS:g} values",
                found=f"{list_some(dims) or 'none'}, {file[variable].size:g} values",
                mend=f"choose one level or member (cdo sellevel), or {_DOWNLOAD}",
            )
        unit = str(file[variable].attrs.get("units", "no units attribute"))
        if unit != units[code]:
            raise InputError(
                f"{path}: {variable}",
                needed=f"unit {units[code]}",
                found=show(unit, quote=False),
                mend=f"convert the variable or mend its attribute, or {_DOWNLOAD}",
            )
        _check_fill(path, file[variable])
        _check_values(path, file[variable], unit)
    if file.sizes["time"] != 1 or file["time"].dtype.kind != "M":
        calendar = show(str(file["time"].encoding.get("calendar", "no")), quote=False)
        raise InputError(
            f"{path}: time",
            needed="one month in each file, in the standard calendar",
            found=f"{file.sizes['time']} time steps, {calendar} calendar",
            mend="split the file by month (cdo splityearmon), or set its calendar",
        )
    keep = [*gldas_sources().values()]
    if file["time"].isnull().any():
        raise InputError(f"{path}: time", needed="a date", found="a missing value", mend=_DOWNLOAD)
    bounds = file["time"].attrs.get("bounds")
    if bounds in file:
        keep.append(bounds)
        _check_bounds(f"{path}: {show(bounds, quote=False)}", file[bounds], file["time"].values)
    return file[keep].transpose("time", "lat", "lon", ...)


def _check_fill(path: Path, variable: xr.DataArray) -> None:
    """Refuse the fill value of GLDAS where no attribute declares it."""
    if (variable == _FILL).any():
        raise InputError(
            f"{path}: {variable.name}",
            needed=f"{_FILL:g} declared as _FillValue",
            found=f"{_FILL:g} left among the data",
            mend="set the variable's attribute _FillValue = -9999.f",
        )


def _check_values(path: Path, variable: xr.DataArray, unit: str) -> None:
    """Refuse values that cannot be right in their unit."""
    low, high = POSSIBLE.get(unit, (-np.inf, np.inf))
    values = variable.values
    if values.dtype.kind not in "iuf":
        raise InputError(
            f"{path}: {variable.name}",
            needed=f"numbers in {unit}",
            found="values that are no numbers",
            mend=_DOWNLOAD,
        )
    wrong = values[(values < low) | (values > high) | np.isinf(values)]
    if wrong.size:
        raise InputError(
            f"{path}: {variable.name}",
            needed=f"values from {low:g} to {high:g} {unit}",
            found=f"{wrong.size} beyond, the first {wrong[0]:g}",
            mend="mend the attributes units, _FillValue, scale_factor and add_offset if the values "
            f"have another unit or are packed, or {_DOWNLOAD}",
        )


def _check_bounds(where: str, bounds: xr.DataArray, time: np.ndarray) -> None:
    found = "no dates of begin and end"
    if bounds.shape == (1, 2) and bounds.dtype.kind == "M":
        begin, end = bounds.values[0]
        days = float((end - begin) / np.timedelta64(1, "D"))
        if 27 < days < 32 and begin <= time[0] <= end:
            return
        found = f"{days:g} days, {begin:.10} to {end:.10}, of the time {time[0]:.10}"
    raise InputError(
        where,
        needed="the begin and the end of one month, around its time",
        found=found,
        mend=f"mend the bounds, or take away the attribute bounds of time, or {_DOWNLOAD}",
    )


def _check_months(folder: Path, files: list[Path], months: list[xr.Dataset]) -> None:
    index = pd.PeriodIndex([pd.Period(month["time"].values[0], "M") for month in months])
    if index.has_duplicates:
        month = index[index.duplicated()][0]
        twice = [path.name for path, period in zip(files, index, strict=True) if period == month]
        raise InputError(
            folder,
            needed="each month once",
            found=f"{month} in {' and '.join(twice)}",
            mend="keep one of them in the folder",
        )
    whole_years = pd.period_range(f"{index.min().year}-01", f"{index.max().year}-12", freq="M")
    missing = whole_years.difference(index)
    if len(missing):
        raise InputError(
            folder,
            needed=f"every month from {whole_years[0]} to {whole_years[-1]} (whole years)",
            found=f"{len(index)} months, without {', '.join(map(str, missing))}",
            mend="add the missing files, or remove the year that is not whole",
        )


def annual_mean(monthly: xr.Dataset) -> xr.Dataset:
    """Average months into one annual mean, each month weighted by its length.

    Parameters
    ----------
    monthly : xarray.Dataset
        As :func:`open_gldas` returns it: whole years of months on (time, lat, lon).

    Returns
    -------
    xarray.Dataset
        The same variables on (lat, lon) as float64, units and names kept, with
        ``cell_methods = "time: mean"`` and the attribute ``period``. A cell that lacks a month has
        no mean.
    """
    bounds = monthly["time"].attrs.get("bounds")
    if bounds in monthly:
        start, end = monthly[bounds].values.T
        days = xr.DataArray((end - start) / np.timedelta64(1, "D"), dims="time")
        monthly = monthly.drop_vars(bounds)
    else:
        days = monthly["time"].dt.days_in_month
    mean = monthly.astype(float).weighted(days).mean("time", skipna=False, keep_attrs=True)
    for variable in mean.data_vars.values():
        variable.attrs["cell_methods"] = "time: mean"
    first, last = (pd.Period(monthly["time"].values[i], "M") for i in (0, -1))
    mean.attrs["period"] = f"{first} to {last}"
    return mean


def load_climate() -> xr.Dataset:
    """Return the embedded annual mean climate of the Plateau box, 2013-2014: observed."""
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
        One row per site, one column per factor code, in GLDAS units.

    Raises
    ------
    InputError
        For a site outside the grid, or on a cell without values (water, or a missing cell).
    """
    points = {"lat": latitude.to_xarray(), "lon": longitude.to_xarray()}
    for name, values in (("lat", latitude), ("lon", longitude)):
        centres = climate[name].values
        half_cell = np.diff(centres).min() / 2
        margin = half_cell if method == "nearest" else 0.0
        outside = values[(values < centres.min() - margin) | (values > centres.max() + margin)]
        if len(outside):
            raise InputError(
                f"site {outside.index[0]}",
                needed=f"{name} between {centres.min() - margin:g} and {centres.max() + margin:g}",
                found=f"{outside.iloc[0]:g}",
                mend="correct the coordinate (degrees north, and east from -180 to 180), or give "
                "climate that reaches there",
            )
    at_sites = (
        climate.sel(points, method="nearest") if method == "nearest" else climate.interp(points)
    )
    table = pd.DataFrame(
        {code: at_sites[variable].values for code, variable in gldas_sources().items()},
        index=latitude.index,
    )
    if table.isna().any(axis=None):
        site, code = table.stack(future_stack=True).loc[lambda value: value.isna()].index[0]
        raise InputError(
            f"site {site}: {code}",
            needed="a land cell with a value",
            found=f"no value at {latitude[site]:g} N, {longitude[site]:g} E (a lake, or masked)",
            mend="move the site to a neighbouring land cell, or leave it out",
        )
    return table


def shared_cells(climate: xr.Dataset, longitude: Iterable[float], latitude: Iterable[float]) -> int:
    """Count the sites that share their grid cell with an earlier site.

    Parameters
    ----------
    climate : xarray.Dataset
        On (lat, lon).
    longitude, latitude : iterable of float
        Degrees east (-180 to 180) and north, one each per site.
    """
    rows = climate.get_index("lat").get_indexer(pd.Index(latitude), method="nearest")
    columns = climate.get_index("lon").get_indexer(pd.Index(longitude), method="nearest")
    return len(rows) - len(set(zip(rows, columns, strict=True)))


def open_variables(
    folder: str | Path, units: dict[str, str], box: dict[str, slice] = PLATEAU_BOX
) -> xr.Dataset:
    """Read variables beyond the factors of the registry, month by month.

    Parameters
    ----------
    folder : path
        Whole GLDAS files, which :func:`open_gldas` has accepted.
    units : dict of str
        The unit that each variable must have: ``{"Lwnet_tavg": "W m-2"}``.
    box : dict of slice
        Region in degrees north and east.

    Returns
    -------
    xarray.Dataset
        These variables on (time, lat, lon), in the files' own units; everything ascends.

    Raises
    ------
    InputError
        For a variable that is missing, has another unit, or has fill values left as data.
    """
    months = []
    for path in find_gldas_files(folder):
        with xr.open_dataset(path) as file:
            for variable, unit in units.items():
                found = file[variable].attrs.get("units", "no unit") if variable in file else None
                if found != unit:
                    raise InputError(
                        f"{path}: {variable}",
                        needed=f"this variable, in {unit}",
                        found=found or "no such variable",
                        mend="download the whole file, not a subset: " + _DOWNLOAD,
                    )
                _check_fill(path, file[variable])
            east = ((file["lon"] + 180) % 360 - 180).assign_attrs(file["lon"].attrs)
            month = file[[*units]].load().assign_coords(lon=east)
            months.append(month.sortby(["lat", "lon"]).sel(box))
    return xr.concat(months, "time", data_vars="all", combine_attrs="override").sortby("time")
