"""What chapters 14, 17 and 18 say holds: sentences that a machine can check."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from helpers.readers.terrain import plateau_mask
from helpers.statistics.projections import fit_trend
from helpers.study import load_top
from tests.chapters import words
from tools.standin import load_standin


@pytest.fixture(scope="module")
def ensemble() -> xr.Dataset:
    data = load_top("embedded")
    return data.assign(plateau=plateau_mask(data, 2500.0))


@pytest.fixture(scope="module")
def flux(ensemble) -> xr.DataArray:
    """Return the mean of the models on (scenario, year)."""
    land = ensemble["land_fraction"].where(ensemble["plateau"], 0)
    top = ensemble["top"].where(ensemble["plateau"])
    return top.weighted(ensemble["area"] * land).mean(["lat", "lon"]).mean("model").compute()


def test_level_and_trend_of_the_stand_ins_differ_as_chapter_14_says(flux):
    future = flux.sel(year=slice(2006, None), scenario="rcp45")
    past = flux.sel(year=slice(None, 2005), scenario="rcp45")
    assert float(future.mean() - past.mean()) == pytest.approx(0.01, abs=0.001)
    trend, more_oxygen = fit_trend(future), fit_trend(1.1 * future)
    assert float(trend["slope"]) < 0
    for name in ("p", "p_plain", "effective_years"):  # the oxidative ratio changes no test
        assert float(more_oxygen[name]) == pytest.approx(float(trend[name]))
    smooth = future.rolling(year=21, center=True).mean()
    assert 2030 < int(smooth["year"][smooth.argmax("year")]) < 2060, "most near mid-century"


def test_co2_levels_off_in_rcp45_after_the_middle_of_the_century():
    path = load_standin()["co2_ppm"]
    each = np.diff(np.interp([2006, 2050, 2099], path["years"], path["rcp45"])) / [44, 49]
    assert each[1] < each[0] / 2


def test_the_page_says_how_many_cells_fall(ensemble):
    future = ensemble["top"].sel(year=slice(2006, None)).where(ensemble["plateau"])
    slopes = fit_trend(future.mean("model").compute())["slope"]
    for scenario in ("rcp45", "rcp85"):
        falling = int((slopes.sel(scenario=scenario) < 0).sum())
        assert f"{falling} of {int(ensemble['plateau'].sum())} cells under {scenario}" in words(
            "14"
        )
