"""What chapters 14, 17 and 18 say holds: sentences that a machine can check."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from helpers.paper import LOOP, count_shown, load_choices, load_transect
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


@pytest.fixture(scope="module")
def choices():
    return load_choices()


def test_ways_and_sets_are_as_many_as_chapter_18_says(choices):
    growth = choices[choices["conclusion"] == "plants grow with humidity"]
    assert count_shown(choices).loc["plants grow with humidity", "ways"] == 36
    sets = growth[growth["n"] == 30].drop_duplicates("set")
    assert len(sets) == 180
    assert set(sets["sites"].value_counts()) == {60}
    assert set(sets.groupby("sites")["outside"].value_counts()) == {30}
    assert growth.loc[growth["n"] == 29, "set"].nunique() == 30


def test_what_many_ways_show_may_hang_on_one_site_as_chapter_18_says():
    pairs = [("TF", "biomass", 1), ("peak", "SOC", 1), ("peak", "TN", 1)]
    found = load_transect().judge(pairs)
    assert (found["verdict"] == "undecided").all()
    assert (found["decides"] != "").all()


def test_the_last_table_of_chapter_18_says_what_the_sites_show(choices):
    shown = (choices["shown"] == 2).groupby(
        [choices["conclusion"], choices["sites"], choices["climate"], choices["function"]]
    )
    share = shown.mean().xs("147 sites", level="sites")
    for name in ("plants grow with humidity", "soil carbon rises with humidity"):
        assert share[name, "TF"].min() == share[name, "AI"].min() == 1
        assert share[name, "PRE"].max() < 1
    peaks = share["life and soil peak at middle elevations", ""]
    assert peaks[["SOC", "TN"]].min() == 1
    assert peaks[["biomass", "bacteria", "fungi", "protists", "animals"]].max() == 0
    assert not (choices.loc[choices["conclusion"] == LOOP, "shown"] > 0).any()
    away = choices[(choices["n"] == 58) & (choices["plants"] == "biomass")]
    assert not (away["shown"] > 1).any()
