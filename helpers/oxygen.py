"""Terrestrial oxygen production: stoichiometry, years and sums over areas.

Photosynthesis and respiration exchange one molecule of O2 (32 g) for one atom of carbon (12 g), so
that TOP = (NPP - Rh) * 32/12 (the paper's Eq. 1-2; it rounds the ratio to 2.667). Land fluxes of
CMIP are per m2 of land: a regional content needs cell area times land fraction. Nothing here reads
files, and all of it is lazy on dask arrays.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from helpers.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

OXYGEN_PER_CARBON = 32 / 12
PUBLISHED_RATIO = 2.667
MONTHLY_FLUX = "kg m-2 s-1"
ANNUAL_FLUX = "kg m-2 yr-1"
_SECONDS_PER_DAY = 86_400
_KG_PER_GT = 1e12
_FACTOR = re.compile(r"(/?)\s*([A-Za-z%]+)[\^*]*([+-]?\d+)?")
_SYNONYMS = {"year": "yr", "a": "yr", "sec": "s", "second": "s", "percent": "%"}


def require_units(flux: xr.DataArray, needed: str) -> None:
    """Refuse an array whose attribute ``units`` is missing or another unit.

    Parameters
    ----------
    flux : xarray.DataArray
        Named, so that the message can name it.
    needed : str
        A product of units, as in ``kg m-2 s-1``. Other spellings of the same unit are accepted:
        ``kg m^-2 s^-1``, ``kg m**-2 s**-1``, ``kg/m2/s``.

    Raises
    ------
    InputError
        If the attribute is missing, or means another unit.
    """
    found = flux.attrs.get("units")
    if found is None or _exponents(str(found)) != _exponents(needed):
        raise InputError(
            f"variable {flux.name}",
            needed=f"units {needed}",
            found="no units attribute" if found is None else f"units {found}",
            mend="convert the values, or set the attribute units if they already have this unit",
        )


def _exponents(units: str) -> dict[str, int]:
    powers: dict[str, int] = {}
    for slash, symbol, power in _FACTOR.findall(units):
        symbol = _SYNONYMS.get(symbol, symbol)
        powers[symbol] = powers.get(symbol, 0) + int(power or 1) * (-1 if slash else 1)
    is_understood = not _FACTOR.sub("", units).strip(" .*")
    return powers if is_understood else {units: 1}


def oxygen_flux(nep: xr.DataArray, ratio: float = OXYGEN_PER_CARBON) -> xr.DataArray:
    """Turn a carbon flux into the oxygen flux that goes with it (the paper's Eq. 1-2).

    Parameters
    ----------
    nep : xarray.DataArray
        Net ecosystem production NPP - Rh in kg m-2 s-1 of carbon, positive into the land.
    ratio : float
        Mass of oxygen per mass of carbon: 32/12, or the paper's rounded `PUBLISHED_RATIO`.

    Returns
    -------
    xarray.DataArray
        Oxygen flux in kg m-2 s-1 of O2, positive into the air (production).

    Raises
    ------
    InputError
        If `nep` is not in kg m-2 s-1.
    """
    require_units(nep, MONTHLY_FLUX)
    names = {"long_name": "terrestrial oxygen production", "units": MONTHLY_FLUX}
    return (nep * ratio).rename("top").assign_attrs(names)


def annual_total(flux: xr.DataArray) -> xr.DataArray:
    """Add months up to years, each month by its own length in its own calendar.

    Takes a flux in kg m-2 s-1 on ``time`` (datetime64 or cftime of any calendar) and other
    dimensions, whole years of months in any order. Returns kg m-2 yr-1 on ``year`` (int) in place
    of ``time``, as float64; a year that lacks a value has none (NaN). The sign is kept.

    Raises
    ------
    InputError
        If the units are others, or a year does not have each of its twelve months once.
    """
    import xarray as xr  # path models need the constants above alone

    require_units(flux, MONTHLY_FLUX)
    if not flux.indexes["time"].is_monotonic_increasing:
        flux = flux.sortby("time")
    times = flux.indexes["time"]
    years = _whole_years(flux.name, np.asarray(times.year), np.asarray(times.month))
    axis = flux.get_axis_num("time")
    shape = [1] * flux.ndim
    shape[axis] = len(times)
    seconds = np.asarray(times.days_in_month, float).reshape(shape) * _SECONDS_PER_DAY
    total = _add_months(flux.data, seconds, axis) if not flux.chunks else _lazily(flux, seconds)
    others = {name: each for name, each in flux.coords.items() if "time" not in each.dims}
    return xr.DataArray(
        total,
        {**others, "year": years},
        ["year" if dim == "time" else dim for dim in flux.dims],
        flux.name,
        {**flux.attrs, "units": ANNUAL_FLUX, "cell_methods": "time: sum"},
    )


def _add_months(flux: np.ndarray, seconds: np.ndarray, axis: int) -> np.ndarray:
    months = flux.astype(float) * seconds
    years = (*flux.shape[:axis], -1, 12, *flux.shape[axis + 1 :])
    return months.reshape(years).sum(axis=axis + 1)


def _lazily(flux: xr.DataArray, seconds: np.ndarray):
    """Add months block by block; a block that ends within a year is drawn out to its end."""
    import dask.array as da

    axis = flux.get_axis_num("time")
    ends = np.unique(-(-np.cumsum(flux.chunks[axis]) // 12) * 12)
    months = np.diff(ends, prepend=0)
    flux = flux.data.rechunk({axis: tuple(months.tolist())}, method="tasks")
    seconds = da.from_array(
        seconds, [1 if size == 1 else tuple(months.tolist()) for size in seconds.shape]
    )
    chunks = list(flux.chunks)
    chunks[axis] = tuple((months // 12).tolist())
    return da.map_blocks(_add_months, flux, seconds, axis, chunks=chunks, dtype=float)


def _whole_years(name: str, year: np.ndarray, month: np.ndarray) -> np.ndarray:
    if not year.size:
        raise InputError(
            f"variable {name}: time",
            needed="at least one whole year of months",
            found="no month",
            mend="check the period that was cut out",
        )
    years = np.unique(year)
    if len(year) == 12 * len(years) and (month.reshape(-1, 12) == np.arange(1, 13)).all():
        return years.astype(int)
    for each in years:
        found = sorted(month[year == each].tolist())
        if found != list(range(1, 13)):
            absent = sorted(set(range(1, 13)) - set(found))
            twice = sorted({number for number in found if found.count(number) > 1})
            faults = [f"without {', '.join(map(str, absent))}"] if absent else []
            faults += [f"with {', '.join(map(str, twice))} more than once"] if twice else []
            raise InputError(
                f"variable {name}: year {each}",
                needed="each of the twelve months once",
                found=f"{len(found)} months, {', '.join(faults)}",
                mend="leave the year out, or add (or remove) the months",
            )
    return years.astype(int)


def content(
    annual_flux: xr.DataArray, area: xr.DataArray, land_fraction: xr.DataArray
) -> xr.DataArray:
    """Sum a yearly flux over a region.

    Parameters
    ----------
    annual_flux : xarray.DataArray
        kg m-2 yr-1 per m2 of land on (..., lat, lon). Cells without a value are left out, which
        makes ``annual_flux.where(mask)`` the way to choose a region.
    area : xarray.DataArray
        m2 on (lat, lon).
    land_fraction : xarray.DataArray
        0 to 1 on (lat, lon), with any further dimensions of `annual_flux` (model).

    Returns
    -------
    xarray.DataArray
        Gt yr-1 (1 Gt = 1e12 kg = 1e15 g) without lat and lon; NaN where no cell has a value.

    Raises
    ------
    InputError
        If a unit is another, or a land fraction is outside 0 to 1 (a percentage, for example).
    """
    require_units(annual_flux, ANNUAL_FLUX)
    mass = annual_flux * _land_area(area, land_fraction)
    total = (mass.sum(["lat", "lon"], min_count=1) / _KG_PER_GT).rename(annual_flux.name)
    name = annual_flux.attrs.get("long_name", annual_flux.name)
    total.attrs = {"units": "Gt yr-1", "long_name": f"content of {name}"}
    return total


def area_mean(
    annual_flux: xr.DataArray, area: xr.DataArray, land_fraction: xr.DataArray
) -> xr.DataArray:
    """Average a flux over a region, per m2 of land.

    Parameters
    ----------
    annual_flux : xarray.DataArray
        Per m2 of land on (..., lat, lon), in any unit. Cells without a value are left out.
    area : xarray.DataArray
        m2 on (lat, lon).
    land_fraction : xarray.DataArray
        0 to 1 on (lat, lon), with any further dimensions of `annual_flux` (model).

    Returns
    -------
    xarray.DataArray
        In the unit of `annual_flux`, without lat and lon.

    Raises
    ------
    InputError
        If `area` is not in m2, or a land fraction is outside 0 to 1.
    """
    weighted = annual_flux.weighted(_land_area(area, land_fraction))
    return weighted.mean(["lat", "lon"], keep_attrs=True)


def _land_area(area: xr.DataArray, land_fraction: xr.DataArray) -> xr.DataArray:
    require_units(area, "m2")
    land_fraction = land_fraction.compute()  # one map a model, used three times
    low, high = float(land_fraction.min()), float(land_fraction.max())
    if low < 0 or high > 1 + 1e-6:
        raise InputError(
            f"variable {land_fraction.name}",
            needed="a land fraction from 0 to 1",
            found=f"values from {low:g} to {high:g}",
            mend="divide a percentage (sftlf) by 100",
        )
    return (area * land_fraction).fillna(0)
