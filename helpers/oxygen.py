"""Terrestrial oxygen production: stoichiometry, years and sums over areas; lazy on dask arrays.

Photosynthesis and respiration exchange one molecule of O2 (32 g) for one atom of carbon (12 g), so
that TOP = (NPP - Rh) * 32/12 (the paper's Eq. 1-2; it rounds the ratio to 2.667). Land fluxes of
CMIP are per m2 of land: a regional content needs cell area times land fraction.
"""

from __future__ import annotations

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
_SPELLINGS = (  # of one unit, replaced one after the other
    *((sign, "") for sign in ("^", "**")),
    *((sign, " ") for sign in (".", "*")),
    *((f"/{unit}", f" {unit[0]}-{unit[1:] or 1}") for unit in ("m2", "s")),
    *((word, "yr") for word in ("/year", "/yr", "year")),
    ("percent", "%"),
)


def require_units(flux: xr.DataArray, needed: str) -> None:
    """Refuse an array whose attribute ``units`` is missing, or means another unit.

    Parameters
    ----------
    flux, needed : xarray.DataArray, str
        Named, so that the message can name it; and a product of units such as ``kg m-2 s-1``, which
        may be spelled ``kg m^-2 s^-1``, ``kg m**-2 s**-1`` or ``kg/m2/s``, in any order.
    """
    found = flux.attrs.get("units")
    if found is None or _parts(str(found)) != _parts(needed):
        raise InputError(
            f"variable {flux.name}",
            needed=f"units {needed}",
            found="no units attribute" if found is None else f"units {found}",
            mend="convert the values, or set the attribute units if they already have this unit",
        )


def _parts(units: str) -> list[str]:
    for other, plain in _SPELLINGS:
        units = units.replace(other, plain)
    return sorted(units.split())


def oxygen_flux(nep: xr.DataArray, ratio: float = OXYGEN_PER_CARBON) -> xr.DataArray:
    """Turn a carbon flux into the oxygen flux that goes with it (the paper's Eq. 1-2).

    Returns kg m-2 s-1 of O2, positive into the air (production).

    Parameters
    ----------
    nep : xarray.DataArray
        Net ecosystem production NPP - Rh in kg m-2 s-1 of carbon, positive into the land.
    ratio : float
        Mass of oxygen per mass of carbon: 32/12, or the paper's rounded `PUBLISHED_RATIO`.

    Examples
    --------
    >>> import xarray as xr
    >>> oxygen_flux(xr.DataArray(3e-9, attrs={"units": "kg m-2 s-1"})).round(12).item()
    8e-09
    """
    require_units(nep, MONTHLY_FLUX)
    names = {"long_name": "terrestrial oxygen production", "units": MONTHLY_FLUX}
    return (nep * ratio).rename("top").assign_attrs(names)


def annual_total(flux: xr.DataArray) -> xr.DataArray:
    """Add months up to years, each month by its own length in its own calendar.

    Takes a flux in kg m-2 s-1 on ``time`` (datetime64 or cftime of any calendar) and other
    dimensions, whole years of months in any order. Returns kg m-2 yr-1 on ``year`` (int) in place
    of ``time``, as float64; a year that lacks a value has none (NaN). The sign is kept.

    Examples
    --------
    >>> import xarray as xr
    >>> months = {"time": xr.date_range("2001-01", periods=12, freq="MS", use_cftime=True)}
    >>> nep = xr.DataArray([1e-9] * 12, months, name="nep", attrs={"units": "kg m-2 s-1"})
    >>> annual_total(nep).round(4).item()
    0.0315
    """
    import xarray as xr  # path models need the constants above alone

    require_units(flux, MONTHLY_FLUX)
    if not flux.indexes["time"].is_monotonic_increasing:
        flux = flux.sortby("time")
    times = flux.indexes["time"]
    years = _whole_years(flux.name, np.asarray(times.year), np.asarray(times.month))
    seconds = xr.DataArray(np.asarray(times.days_in_month, float) * _SECONDS_PER_DAY, dims="time")
    months = flux.drop_vars([name for name, each in flux.coords.items() if "time" in each.dims])
    total = (months.astype(float) * seconds).coarsen(time=12).reduce(np.sum)
    total = total.rename(time="year").assign_coords(year=years)
    return total.assign_attrs(flux.attrs | {"units": ANNUAL_FLUX, "cell_methods": "time: sum"})


def _whole_years(name: str, year: np.ndarray, month: np.ndarray) -> np.ndarray:
    """Return the years; refuse one that does not have each of its twelve months once."""
    years = np.unique(year)
    wrong = [each for each in years if sorted(month[year == each]) != [*range(1, 13)]]
    if wrong or not years.size:
        found = ", ".join(map(str, sorted(month[year == wrong[0]]))) if wrong else ""
        raise InputError(
            f"variable {name}: time",
            needed="whole years, with each of the twelve months once",
            found=f"of {wrong[0]} the months {found}" if wrong else "no month",
            mend="leave the year out, add (or remove) months, or check the period",
        )
    return years.astype(int)


def content(
    annual_flux: xr.DataArray, area: xr.DataArray, land_fraction: xr.DataArray
) -> xr.DataArray:
    """Sum a yearly flux over a region: Gt yr-1 (1 Gt = 1e12 kg), NaN where no cell has a value.

    Parameters
    ----------
    annual_flux : xarray.DataArray
        kg m-2 yr-1 per m2 of land on (..., lat, lon). Cells without a value are left out, which
        makes ``annual_flux.where(mask)`` the way to choose a region.
    area, land_fraction : xarray.DataArray
        m2 on (lat, lon), and 0 to 1, also with further dimensions of `annual_flux` (model).

    Examples
    --------
    >>> from helpers.study import load_carbon
    >>> carbon = load_carbon().isel(model=0, year=0)
    >>> content(carbon["npp"], carbon["area"], carbon["land_fraction"]).round(2).item()
    1.29
    """
    require_units(annual_flux, ANNUAL_FLUX)
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
    mass = annual_flux * (area * land_fraction).fillna(0)
    total = (mass.sum(["lat", "lon"], min_count=1) / _KG_PER_GT).rename(annual_flux.name)
    name = annual_flux.attrs.get("long_name", annual_flux.name)
    total.attrs = {"units": "Gt yr-1", "long_name": f"content of {name}"}
    return total
