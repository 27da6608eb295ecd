"""GLDAS-2.1 Noah monthly files: from a folder of downloads to the climate of a site.

The paper takes its climate from this product (§2.2), in a release that it does not name: monthly
means on a 1° grid, 2013-2014.
Fluxes (``*_tavg``) are W m-2 or kg m-2 s-1, ``Albedo_inst`` is percent, temperatures are kelvin.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from helpers.errors import InputError, show
from helpers.factors import POSSIBLE, gldas_sources, load_factors
from helpers.paths import DATA
from helpers.provenance import sha256
from helpers.readers.grids import PLATEAU_BOX, SIDES, check_degrees, find_hole
from helpers.readers.netcdf import UNREADABLE, check_variable, open_netcdf, unreadable

EMBEDDED_CLIMATE = DATA / "embedded" / "gldas_tp_mean_2013_2014.nc"
FILE_NAMES = "GLDAS_NOAH*_M*.nc4"
_DOWNLOAD = "download it again from NASA GES DISC (product GLDAS_NOAH10_M 2.1)"


def find_gldas_files(folder: str | Path) -> list[Path]:
    """Return the GLDAS monthly files of a folder, sorted by name; at least one is needed."""
    folder = Path(folder)
    files = sorted(folder.glob(FILE_NAMES))
    if not files:
        raise InputError(
            folder,
            needed=f"a folder with GLDAS monthly files ({FILE_NAMES})",
            found="no such file in it" if folder.is_dir() else "no such folder",
            mend="check the path, or " + _DOWNLOAD,
        )
    return files


def open_gldas(folder: str | Path, units: dict[str, str] | None = None) -> xr.Dataset:
    """Read the monthly climate of the Plateau box from a folder of GLDAS files, in any order.

    Parameters
    ----------
    folder : path
        Holds files as GES DISC names them (``GLDAS_NOAH10_M.A201301.021.nc4``), of whole years.
    units : dict of str, optional
        Variables, each with the unit that it must have: ``{"Lwnet_tavg": "W m-2"}``. Without it,
        those behind the factors of the registry, of which values are checked too.

    Returns
    -------
    xarray.Dataset
        On (time, lat, lon), in the files' own units. Latitude and longitude (-180 to 180) ascend.
        The attribute ``inputs`` lists every file with its SHA-256 checksum.

    Examples
    --------
    >>> open_gldas("downloads/gldas_noah10_m_v21")  # doctest: +SKIP
    """
    if units is None:
        of_factors = load_factors()["unit"]
        units = {name: of_factors[code] for code, name in gldas_sources().items()}
    files = find_gldas_files(folder)
    months = [_read_month(path, units) for path in files]
    for path, month in zip(files, months, strict=True):
        if not all(month[name].equals(months[0][name]) for name in SIDES):
            raise InputError(
                path,
                needed=f"the grid of {files[0].name}",
                found=f"{month.sizes['lat']} x {month.sizes['lon']} other cells in the region",
                mend="keep files of one product and resolution in the folder",
            )
    _check_months(Path(folder), files, months)
    monthly = xr.concat(months, "time", data_vars="all", combine_attrs="override").sortby("time")
    return monthly.assign_attrs(inputs="\n".join(f"{sha256(path)}  {path.name}" for path in files))


def _read_month(path: Path, units: dict[str, str]) -> xr.Dataset:
    with open_netcdf(path, _DOWNLOAD) as file:
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
        for variable, unit in units.items():
            check_variable(path, file, variable, ("time", *SIDES), unit, _DOWNLOAD)
        east = ((file["lon"] + 180) % 360 - 180).assign_attrs(file["lon"].attrs)
        month = file[[*units]].assign_coords(lon=east).sortby([*SIDES])
        for name, most in (("lat", 90), ("lon", 180)):
            check_degrees(f"{path}: {name}", month[name].values, most, _DOWNLOAD)
            _check_region(f"{path}: {name}", month[name].values, PLATEAU_BOX[name])
        try:
            month = month.sel(PLATEAU_BOX).transpose("time", *SIDES).load()
        except UNREADABLE as error:
            raise unreadable(path, _DOWNLOAD) from error
    for name, unit in units.items():
        low, high = POSSIBLE[unit] if name in gldas_sources().values() else (-9998.0, np.inf)
        values = month[name].values
        wrong = values[(values < low) | (values > high) | np.isinf(values)]
        if wrong.size:
            raise InputError(
                f"{path}: {name}",
                needed=f"values from {low:g} to {high:g} {unit}",
                found=f"{wrong.size} beyond, the first {wrong[0]:g}",
                mend="mend the attributes units, _FillValue, scale_factor and add_offset if the "
                "values have another unit, are packed or stand for no value, or " + _DOWNLOAD,
            )
    return month


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
    """Return the embedded annual mean climate of the Plateau box, 2013-2014: observed.

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
