"""Emulators: closed forms, known parameters found again, genuine runs, and what is embedded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from helpers.errors import InputError
from helpers.readers.oscar import PREINDUSTRIAL, RUNS, read_forcing, read_land_runs
from helpers.readers.terrain import plateau_mask
from helpers.statistics.emulators import (
    LEFT_OUT,
    PARAMETERS,
    Emulator,
    fit_emulator,
    load_emulators,
    load_emulators_choices,
    load_emulators_test,
    miami,
    resample_emulator,
)
from helpers.study import load_top
from tests.conftest import GENUINE
from tools.emulate import describe_emulator, spread

YEARS = pd.RangeIndex(1, 141)
BASE = pd.Series({"tas": 4.0, "pr": 800.0})


def needs(folder: str):
    return pytest.mark.skipif(
        not (GENUINE / folder).is_dir(), reason=f"no {folder} (set TIBET_REAL_DATA)"
    )


def emulator(share: float = 0.95, **values: float) -> Emulator:
    known = dict.fromkeys(PARAMETERS, 0.0) | {"npp0": 0.4, "tau": 25.0} | values
    return Emulator(pd.Series(known), share, BASE)


def steady(years: pd.Index = YEARS, **forcing: float) -> pd.DataFrame:
    given = {"co2": PREINDUSTRIAL, **BASE} | forcing
    return pd.DataFrame(given, index=years, dtype=float)


def test_without_a_cause_nothing_changes_and_respiration_is_the_share_of_production():
    made = emulator(share=0.9, beta=0.7, gamma_tas=0.1, kappa_tas=0.2).run(steady())
    np.testing.assert_allclose(made["npp"], 0.4)
    np.testing.assert_allclose(made["rh"], 0.36)


def test_production_is_the_formula_and_the_pool_follows_it_with_its_time():
    made = emulator(share=1, beta=0.5).run(steady(co2=2 * PREINDUSTRIAL))
    higher = 0.4 * (1 + 0.5 * np.log(2))
    np.testing.assert_allclose(made["npp"], higher)
    # a pool that turns over in 25 years: the gap between supply and loss shrinks by 1/25 a year
    gap = (higher - 0.4) * (1 - 1 / 25) ** np.arange(140)
    np.testing.assert_allclose(made["npp"] - made["rh"], gap, rtol=1e-9)


def test_warmth_and_water_act_on_production_and_decay_as_stated():
    warm = steady(tas=6.0, pr=1000.0)
    made = emulator(share=1, gamma_tas=0.03, gamma_pr=0.4, kappa_tas=0.05, kappa_pr=0.1).run(warm)
    assert made["npp"].iloc[0] == pytest.approx(0.4 * np.exp(0.03 * 2 + 0.4 * 0.25))
    assert made["rh"].iloc[0] == pytest.approx(0.4 * np.exp(0.05 * 2 + 0.1 * 0.25))


@settings(max_examples=25, deadline=None)
@given(
    beta=st.floats(0, 1),
    by_warmth=st.floats(-0.05, 0.05),
    decay=st.floats(-0.05, 0.1),
    tau=st.floats(5, 80),
    seed=st.integers(0, 99),
)
def test_known_parameters_are_found_again(beta, by_warmth, decay, tau, seed):
    known = emulator(
        beta=beta, gamma_tas=by_warmth, gamma_pr=0.3, tau=tau, kappa_tas=decay, kappa_pr=0.1
    )
    found = fit_emulator(make_runs(known, seed))
    np.testing.assert_allclose(found.parameters, known.parameters, rtol=6e-2, atol=2e-2)


def make_runs(known: Emulator, seed: int = 0, noise: float = 0.0) -> pd.DataFrame:
    """Return idealized runs of a model that is an emulator; the control's mean is its base."""
    rng = np.random.default_rng(seed)
    runs = {}
    for run, (_, fertilized) in RUNS.items():
        one = steady()
        weather = rng.normal(0, [[0.4], [40.0]], (2, len(YEARS)))
        weather -= weather.mean(axis=1, keepdims=True)
        one["tas"] += weather[0] + (run in ("fdbk", "upct")) * 0.04 * YEARS
        one["pr"] += weather[1]
        if fertilized:
            one["co2"] = PREINDUSTRIAL * 1.01**YEARS
        made = known.run(one) + rng.normal(0, noise, (len(YEARS), 2))
        runs[run] = one.join(made).assign(area=40.0)
    return pd.concat(runs, names=["run", "year"])


def test_a_gap_in_a_run_is_refused_and_the_flux_is_named():
    runs = make_runs(emulator())
    for flux in ("npp", "rh"):
        damaged = runs.copy()
        damaged.loc[("fdbk", 7), flux] = np.nan
        with pytest.raises(InputError, match=f"runs: {flux}"):
            fit_emulator(damaged)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    known = emulator(beta=0.5, gamma_tas=0.02, gamma_pr=0.3, kappa_tas=0.04, kappa_pr=0.1)
    held = []
    for seed in range(40):
        runs = make_runs(known, seed, noise=0.01)
        drawn = [one.parameters["beta"] for one in resample_emulator(runs, 60, seed)]
        low, high = np.quantile(drawn, [0.05, 0.95])
        held.append(low <= 0.5 <= high)
    assert 28 <= sum(held) <= 40  # 36 of 40 expected


def test_what_is_drawn_for_production_feeds_the_pool():
    """If decay follows production exactly, drawing again leaves no doubt about the pool."""
    known = emulator(beta=0.5, gamma_tas=0.02, kappa_tas=0.04)
    runs, rng = make_runs(known), np.random.default_rng(1)
    for run in RUNS:
        npp = runs.loc[run, "npp"] + rng.normal(0, 0.02, len(YEARS))
        rh = known.run(runs.loc[run], supply=npp.to_numpy())["rh"]
        runs.loc[run, ["npp", "rh"]] = np.column_stack([npp, rh])
    found = fit_emulator(runs).parameters["tau"]
    drawn = [one.parameters["tau"] for one in resample_emulator(runs, 20, 1)]
    assert np.std(drawn) < 0.02 * found


def test_what_a_fit_misses_all_along_moves_no_interval_away_from_it():
    runs = make_runs(emulator(beta=0.5, gamma_tas=0.02, kappa_tas=0.04), noise=0.003)
    bend = np.square(np.linspace(-1, 1, len(YEARS)))
    for run, sign in (("fxcl", 1), ("fdbk", -1)):
        runs.loc[run, "rh"] = (runs.loc[run, "rh"] + sign * 0.03 * bend).to_numpy()
    found = fit_emulator(runs).parameters
    drawn = pd.DataFrame([one.parameters for one in resample_emulator(runs, 40, 1)])
    assert ((drawn.mean() - found).abs() < 0.6 * drawn.std()).all()


def test_every_embedded_interval_holds_its_value():
    found = load_emulators()
    assert (found["low"] <= found["value"]).all()
    assert (found["value"] <= found["high"]).all()


def test_the_direction_hangs_on_no_choice_and_the_amount_on_the_way_to_the_plateau():
    choices, found = load_emulators_choices(), load_emulators()["value"].unstack("quantity")
    assert (choices > 0).all(axis=None)
    assert (choices["rcp85"] > 2 * choices["rcp45"]).all()
    for scenario in ("rcp45", "rcp85"):
        china = found[f"change_{scenario}"]
        plateau = (china * found["pattern"]).mean()
        assert choices[scenario].iloc[0] == pytest.approx(plateau, rel=1e-3)
        assert choices[scenario].iloc[-1] == pytest.approx(china.mean(), rel=1e-3)


def test_miami_is_the_lower_of_two_published_limits():
    # 3000 g of dry matter: warmth at 0 degrees 3000 / (1 + e^1.315), water at 200 mm
    assert miami(0.0, 5000.0) == pytest.approx(3 / (1 + np.exp(1.315)))
    assert miami(25.0, 200.0) == pytest.approx(3 * (1 - np.exp(-0.1328)))


@needs("cmip5_oscar")
def test_genuine_runs_have_the_size_of_grassland_and_two_models_cannot_be_used():
    runs = read_land_runs()
    assert runs.shape == (7 * 4 * 140, 6)
    assert np.isfinite(runs).all(axis=None)
    mean = runs.groupby(["model", "run"]).mean()
    used = mean.drop(index=list(LEFT_OUT))
    assert used["npp"].between(0.1, 1).all()  # kg m-2 yr-1
    assert used["tas"].between(1, 10).all()
    assert used["pr"].between(600, 1100).all()
    assert mean.loc["HadGEM2-ES", "area"].max() < 1
    assert (mean.loc["NorESM1-ME", "rh"] > 2 * mean.loc["NorESM1-ME", "npp"]).all()
    assert mean["area"].drop("HadGEM2-ES").min() > 20


@needs("cmip5_oscar")
def test_a_model_s_numbers_are_the_columns_of_china(gldas_folder):
    folder = GENUINE / "cmip5_oscar" / "Land_CMIP5"
    plain = {
        name: pd.read_csv(folder / f"#DATA.Land_CanESM2.140yr_114reg1.fxcl_{name}.csv", header=None)
        for name in ("NPP_gra", "AREA_gra")
    }
    # Gt C over Mha; column 4, counted from 1
    expected = plain["NPP_gra"][3] * 1e12 / (plain["AREA_gra"][3] * 1e10)
    found = read_land_runs().loc["CanESM2", "fxcl"]["npp"]
    np.testing.assert_allclose(found, expected)


@needs("rcp")
def test_scenarios_share_the_past_and_end_at_the_published_concentrations():
    forcing = read_forcing()
    low, high = (forcing.xs(name, level="scenario") for name in ("rcp45", "rcp85"))
    past = low.index.get_level_values("year") <= 2005
    pd.testing.assert_frame_equal(low[past], high[past])
    assert low.loc[("CanESM2", 2100), "co2"] == pytest.approx(538.4, abs=0.1)
    assert high.loc[("CanESM2", 2100), "co2"] == pytest.approx(935.9, abs=0.1)
    assert low.loc[("CanESM2", 2005), "co2"] == pytest.approx(378.8, abs=0.1)


@needs("cmip5_oscar")
def test_production_agrees_with_another_fit_of_the_same_formula():
    runs = read_land_runs().loc["IPSL-CM5A-LR"]
    base = runs.loc["ctrl"].mean()
    used = runs.loc[["ctrl", "fxcl", "fdbk"]]

    def formula(x, npp0, beta, by_warmth, by_water):
        co2, tas, pr = x
        change = by_warmth * (tas - base["tas"]) + by_water * (pr - base["pr"]) / base["pr"]
        return npp0 * (1 + beta * np.log(co2 / PREINDUSTRIAL)) * np.exp(change)

    expected, _ = curve_fit(formula, used[["co2", "tas", "pr"]].T.to_numpy(), used["npp"])
    found = fit_emulator(runs).parameters.iloc[:4]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@needs("cmip5_oscar")
def test_embedded_numbers_are_those_of_the_genuine_runs():
    embedded, test = load_emulators()["value"], load_emulators_test()
    runs = read_land_runs()
    assert set(embedded.index.unique("model")) == set(runs.index.unique("model")) - set(LEFT_OUT)
    for model in embedded.index.unique("model"):
        fitted, left = fit_emulator(runs.loc[model]), runs.loc[model, "upct"]
        np.testing.assert_allclose(
            embedded[model][list(PARAMETERS)], fitted.parameters, rtol=2e-3, atol=1e-4
        )
        last = left.iloc[-20:]
        assert embedded[model]["nep_run"] == pytest.approx(
            (last["npp"] - last["rh"]).mean(), rel=1e-3
        )
        made = fitted.run(left)
        nep = (made["npp"] - made["rh"]).iloc[-10:].mean()
        assert test.loc[(model, 140), "nep_emulated"] == pytest.approx(nep, rel=1e-2, abs=1e-5)


@needs("cmip5_oscar")
def test_what_make_data_does_with_an_emulator_is_what_is_embedded():
    model = "CESM1-BGC"
    runs, forcing = read_land_runs().loc[model], read_forcing().loc[model]
    found, embedded = (
        describe_emulator(fit_emulator(runs), runs, forcing),
        load_emulators()["value"],
    )
    np.testing.assert_allclose(found, embedded[model][found.index], rtol=2e-3)
    one, whole = spread({model: fit_emulator(runs)}), load_top()
    assert one.attrs["label"] == whole.attrs["label"] == "emulated"
    xr.testing.assert_allclose(
        one["top"].isel(model=0),
        whole["top"].sel(model=model).transpose(*one["top"].dims[1:]),
        rtol=5e-3,
        atol=2e-5,
    )


def test_no_number_of_the_paper_was_a_target():
    """The change over the Plateau is that of China's grassland times one climatic ratio."""
    ensemble, found = load_top(), load_emulators()["value"].unstack("quantity")
    plateau = plateau_mask(ensemble, 2500)
    mean = ensemble["top"].weighted(ensemble["area"].where(plateau, 0)).mean(["lat", "lon"])
    change = mean.sel(year=slice(2006, 2099)).mean("year") - mean.sel(year=slice(1990, 2005)).mean(
        "year"
    )
    for scenario in ("rcp45", "rcp85"):
        expected = found[f"change_{scenario}"] * found["pattern"]
        here = change.sel(scenario=scenario).to_series()
        np.testing.assert_allclose(here, expected[here.index], rtol=2e-3, atol=2e-5)


def test_the_embedded_cells_are_scaled_copies_of_one_another():
    top = load_top()["top"].sel(model="IPSL-CM5A-LR", scenario="rcp85")
    scaled = top / top.isel(year=0)
    np.testing.assert_allclose(scaled.std(["lat", "lon"]), 0, atol=2e-2)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_text("1,2,3\n4,5,6\n"), "2 x 3 numbers"),
        (lambda path: path.write_text("a,b\n"), "could not convert"),
        (lambda path: path.unlink(), "not found"),
    ],
)
@needs("cmip5_oscar")
def test_a_damaged_table_is_refused_by_name(tmp_path, damage, words):
    folder = tmp_path / "cmip5_oscar" / "Land_CMIP5"
    folder.mkdir(parents=True)
    for path in (GENUINE / "cmip5_oscar" / "Land_CMIP5").glob("*BCC*"):
        (folder / path.name).write_bytes(path.read_bytes())
    damaged = folder / "#DATA.Land_BCC-CSM-11.140yr_114reg1.fdbk_RH_gra.csv"
    damage(damaged)
    with pytest.raises(InputError, match=words) as refusal:
        read_land_runs(tmp_path)
    assert damaged.name in str(refusal.value)
    assert "make data SOURCE=models" in str(refusal.value)
