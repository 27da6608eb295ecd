"""Oxygen from carbon: closed forms, every calendar, and refused units and years."""

from __future__ import annotations

import dask.array
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.oxygen import (
    OXYGEN_PER_CARBON,
    PUBLISHED_RATIO,
    annual_total,
    content,
    oxygen_flux,
    require_units,
)
from helpers.readers.grids import cell_area
from tests.conftest import GENUINE

SECONDS = 86_400
EARTH = 6_371_000.0


def monthly(calendar: str = "standard", start: str = "1999-01", months: int = 24) -> xr.DataArray:
    """Return 1e-8 kg m-2 s-1 in every month on one cell."""
    use_cftime = calendar != "numpy"
    time = xr.date_range(
        f"{start}-01",
        periods=months,
        freq="MS",
        calendar=calendar if use_cftime else "standard",
        use_cftime=use_cftime,
    )
    flux = np.full((months, 1, 1), 1e-8)
    coords = {"time": time, "lat": [30.5], "lon": [90.5]}
    attributes = {"units": "kg m-2 s-1"}
    return xr.DataArray(flux, coords, ("time", "lat", "lon"), name="npp", attrs=attributes)


@pytest.mark.parametrize(
    ("calendar", "days"),
    [
        ("numpy", [365, 366]),
        ("standard", [365, 366]),
        ("proleptic_gregorian", [365, 366]),
        ("julian", [365, 366]),
        ("noleap", [365, 365]),
        ("all_leap", [366, 366]),
        ("360_day", [360, 360]),
    ],
)
def test_a_year_has_the_seconds_of_its_calendar(calendar, days):
    total = annual_total(monthly(calendar))
    np.testing.assert_allclose(total.squeeze(), 1e-8 * SECONDS * np.array(days), rtol=1e-14)
    assert total.dims == ("year", "lat", "lon")
    assert total["year"].values.tolist() == [1999, 2000]
    assert total["year"].dtype.kind == "i"
    assert total.attrs["units"] == "kg m-2 yr-1"


def test_months_count_by_their_length():
    flux = monthly("noleap", months=12)
    flux[:] = np.arange(1, 13)[:, None, None] * 1e-9
    lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    expected = np.dot(np.arange(1, 13) * 1e-9, lengths) * SECONDS
    assert annual_total(flux).item() == pytest.approx(expected, rel=1e-14)


@given(st.permutations(range(24)))
def test_the_order_of_months_does_not_matter(order):
    flux = monthly() * np.arange(1, 25)[:, None, None]
    flux.attrs = {"units": "kg m-2 s-1"}
    xr.testing.assert_identical(annual_total(flux), annual_total(flux.isel(time=list(order))))


def test_a_missing_month_leaves_its_year_without_a_value():
    flux = monthly()
    flux[3] = np.nan
    assert annual_total(flux).isnull().squeeze().values.tolist() == [True, False]


def test_years_are_lazy_on_dask_and_the_same():
    flux = monthly("360_day", months=36)
    lazy = annual_total(flux.chunk(time=7))
    assert isinstance(lazy.data, dask.array.Array)
    xr.testing.assert_identical(lazy.compute(), annual_total(flux))


@pytest.mark.parametrize(
    ("pick", "said"),
    [
        (slice(11, None), "of 1999 the months 12\n"),
        (slice(0, 23), "of 2000 the months 1(.*) 10, 11\n"),
        ([*range(12), 11], "of 1999 the months 1(.*), 11, 12, 12\n"),
        ([], "no month"),
    ],
)
def test_years_that_are_not_whole_are_refused(pick, said):
    with pytest.raises(InputError, match=said):
        annual_total(monthly().isel(time=pick))


@pytest.mark.parametrize("units", ["kg m^-2 s^-1", "kg m**-2 s**-1", "kg/m2/s", "kg.m-2.s-1"])
def test_spellings_of_a_unit_are_one_unit(units):
    require_units(monthly().assign_attrs(units=units), "kg m-2 s-1")


@pytest.mark.parametrize(
    "units", ["W m-2", "g m-2 s-1", "kg m-2", "kg m2 s-1", "kg m-2 yr-1", "kg m-2 s-1 (C)", "", "1"]
)
def test_other_units_are_refused_by_name(units):
    with pytest.raises(InputError, match=r"variable npp\n  needed: units kg m-2 s-1\n"):
        require_units(monthly().assign_attrs(units=units), "kg m-2 s-1")


@pytest.mark.parametrize("function", [oxygen_flux, annual_total])
def test_a_flux_without_units_is_refused(function):
    with pytest.raises(InputError, match=r"variable npp\n.*\n  found:  no units attribute"):
        function(monthly().drop_attrs())


def test_one_kilogram_of_carbon_goes_with_eight_thirds_of_oxygen():
    oxygen = oxygen_flux(monthly())
    np.testing.assert_allclose(oxygen, 1e-8 * 8 / 3, rtol=1e-15)
    assert oxygen.attrs["units"] == "kg m-2 s-1"
    rounded = oxygen_flux(monthly(), PUBLISHED_RATIO)
    assert float((rounded / oxygen).max()) == pytest.approx(1.000125, rel=1e-9)
    assert OXYGEN_PER_CARBON == 32 / 12


def cells(south: float, north: float, width: float = 1.0) -> xr.Dataset:
    """Return the bounds of cells around the whole globe between two parallels."""
    grid = {}
    for name, low, high in (("lat", south, north), ("lon", -180, 180)):
        edges = np.arange(low, high + width / 2, width)
        pairs = np.column_stack([edges[:-1], edges[1:]])
        grid[name] = xr.DataArray(pairs, {name: pairs.mean(axis=1)}, (name, "bnds"))
    return xr.Dataset({"area": cell_area(grid["lat"], grid["lon"])})


def test_areas_are_those_of_a_genuine_model():
    path = GENUINE / "cmip5_fullgrid" / "areacella_fx_HadGEM2-ES_historical_r0i0p0.nc"
    if not path.exists():
        pytest.skip(f"the genuine areacella is not at {path} (set TIBET_REAL_DATA)")
    with xr.open_dataset(path) as file:
        ours = cell_area(file["lat_bnds"], file["lon_bnds"])
        np.testing.assert_allclose(ours, file["areacella"], rtol=1e-4)


@pytest.mark.parametrize(
    ("south", "north", "width"), [(25, 41, 1.0), (-10, 10, 2.5), (60, 90, 1.5)]
)
def test_the_content_of_a_band_has_a_closed_form(south, north, width):
    area = cells(south, north, width)["area"]
    flux = (xr.zeros_like(area) + 0.25).assign_attrs(units="kg m-2 yr-1")
    land = xr.zeros_like(area) + 0.5
    band = 2 * np.pi * EARTH**2 * (np.sin(np.radians(north)) - np.sin(np.radians(south)))
    total = content(flux, area, land)
    assert float(total) == pytest.approx(0.25 * 0.5 * band / 1e12, rel=1e-12)
    assert total.attrs["units"] == "Gt yr-1"


def test_cells_without_a_value_are_left_out():
    area = cells(30, 32)["area"]
    flux = (xr.zeros_like(area) + 1).assign_attrs(units="kg m-2 yr-1")
    land = xr.ones_like(area)
    south = flux.where(flux["lat"] < 31)
    expected = float(area.sel(lat=30.5).sum()) / 1e12
    assert float(content(south, area, land)) == pytest.approx(expected)
    assert np.isnan(content(flux.where(False), area, land))


def test_percentages_and_other_units_are_refused():
    area = cells(30, 32)["area"]
    flux = xr.ones_like(area).rename("top").assign_attrs(units="kg m-2 yr-1")
    with pytest.raises(InputError, match="0 to 1\n  found:  values from 100 to 100"):
        content(flux, area, (xr.zeros_like(area) + 100).rename("sftlf"))
    with pytest.raises(InputError, match="variable top\n  needed: units kg m-2 yr-1"):
        content(flux.assign_attrs(units="kg m-2 s-1"), area, xr.ones_like(area))
    with pytest.raises(InputError, match="variable area\n  needed: units m2"):
        content(flux, area.assign_attrs(units="km2"), xr.ones_like(area))
