"""What chapters 14, 17 and 18 say holds: sentences that a machine can check."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from helpers.paper import LOOP, count_shown, load_choices, load_transect
from helpers.readers.terrain import plateau_mask
from helpers.statistics.emulators import load_emulators
from helpers.statistics.projections import fit_trend, load_east_asia
from helpers.study import load_top
from tests.chapters import words


@pytest.fixture(scope="module")
def flux() -> xr.DataArray:
    """Return TOP of the Plateau on (scenario, model, year)."""
    data = load_top("embedded")
    plateau = plateau_mask(data, 2500.0)
    area = data["area"] * data["land_fraction"].where(plateau, 0)
    return data["top"].where(plateau).weighted(area).mean(["lat", "lon"])


@pytest.fixture(scope="module")
def change(flux) -> pd.DataFrame:
    later, before = flux.sel(year=slice(2006, 2099)), flux.sel(year=slice(1990, 2005))
    return (later.mean("year") - before.mean("year")).to_series().unstack("scenario")


def test_one_emulator_decides_the_mean_as_chapter_14_says(change):
    assert (change > 0).all().all()
    for scenario in change:
        mean = change[scenario].mean()
        low, high = stats.t.interval(0.95, 4, mean, change[scenario].sem())
        assert low < 0 < high, "undecided"
        said = f"{mean:.3f} ({low:.3f} to {high:.3f}) under RCP{scenario[3]}.{scenario[4]}"
        assert said.replace("-", "−") in words("14")
    assert "the mean goes from 0.018 to 0.011" in words("14")
    rest = change.drop("MPI-ESM-LR").mean()
    assert rest.round(3).tolist() == [0.011, 0.031]
    ratio = change["rcp85"] / change["rcp45"]
    assert f"{ratio.min():.1f} to {ratio.max():.1f} times" in words("14")


def test_one_emulator_has_not_the_right_form_as_chapter_14_says():
    fits = load_emulators()
    value = fits["value"].unstack("quantity")
    assert value.index[value["kappa_tas"] < 0].tolist() == ["MPI-ESM-LR"]
    assert value["beta"].idxmin() == "CESM1-BGC"
    missed = value["npp_emulated"] / value["npp_run"] - 1
    assert missed.abs().idxmax() == "MPI-ESM-LR"
    said = words("14")
    decay = 1 - (value["rh_emulated"] / value["rh_run"])["MPI-ESM-LR"]
    assert (
        f"the emulator lacks {-100 * missed.min():.0f}%, and of its decay {100 * decay:.0f}%"
        in said
    )
    nep = value["nep_emulated"] / value["nep_run"]
    assert f"that of CanESM2 reaches only {100 * nep.min():.0f}% of it" in said
    rest = (nep.drop("CanESM2") - 1).abs().max()
    assert f"miss their model's NEP by at most {100 * rest:.0f}%" in said
    assert round(value["beta"].max() / value["beta"].min()) == 9
    assert value.loc["MPI-ESM-LR", ["area", "area_lowest"]].round().tolist() == [50, 27]


def test_cells_of_the_emulators_rise_and_fall_together_as_chapter_14_says():
    data = load_top("embedded")
    slopes = fit_trend(data["top"].sel(year=slice(2006, None)).mean("model"))["slope"]
    inside = slopes.where(plateau_mask(data, 2500.0)).stack(cell=("lat", "lon")).dropna("cell")
    for scenario in ("rcp45", "rcp85"):
        one = np.sign(inside.sel(scenario=scenario).values)
        assert (one == one[0]).all()


def test_level_and_trend_differ_in_the_weaker_scenario_as_chapter_14_says(flux, change):
    future = flux.mean("model").sel(year=slice(2006, None), scenario="rcp45")
    trend, more_oxygen = fit_trend(future), fit_trend(1.1 * future)
    assert change["rcp45"].mean() > 0
    assert float(trend["p"]) > 0.5
    for name in ("p", "p_plain", "effective_years"):  # the oxidative ratio changes no test
        assert float(more_oxygen[name]) == pytest.approx(float(trend[name]))
    smooth = future.rolling(year=21, center=True).mean()
    assert 2030 < int(smooth["year"][smooth.argmax("year")]) < 2070, "most near mid-century"


def test_east_asia_is_as_chapter_14_says():
    table = load_east_asia().dropna()
    rise = (table["future"] - table["past"]).unstack("scenario")
    assert (rise > 0).sum().tolist() == [13, 13]
    assert len(rise) == 14
    for scenario, name in (("ssp126", "SSP1-2.6"), ("ssp370", "SSP3-7.0")):
        low, high = stats.t.interval(0.95, 13, rise[scenario].mean(), rise[scenario].sem())
        said = f"{rise[scenario].mean():.3f} ({low:.3f} to {high:.3f}) under {name}"
        assert said in words("14")
    kept = (table["nbp_future"] - table["nbp_past"]).unstack("scenario").mean()
    assert (kept > rise.mean() / 2).all(), "most of the rise"
    decades = table.filter(regex=r"^\d").groupby("scenario").mean().loc["ssp126"]
    assert decades.idxmax() == "2050", "rises and sinks again"


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
