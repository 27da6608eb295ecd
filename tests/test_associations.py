"""Correlations: R as reference, invariants, calibration by simulation and refused input."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.factors import built_in, load_factors
from helpers.statistics.associations import (
    control_errors,
    correlate,
    count_by_chance,
    effective_sizes,
    moran_correlogram,
    significance_marks,
)
from helpers.study import load_study

R = Path(__file__).parent / "r"
SITES = pd.read_csv(R / "associations_input.csv")
PLACES = SITES[["longitude", "latitude"]]
FACTORS = SITES[list("abcde")]
REFERENCE = pd.read_csv(R / "associations.csv", index_col=["left", "right"])


def noise(columns: int, sites: int = 30, seed: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.standard_normal((sites, columns))).add_prefix("x")


@pytest.mark.parametrize(
    ("kind", "factors", "options"),
    [
        ("pearson", FACTORS, {}),
        ("pearson", FACTORS, {"confidence": 0.8}),
        ("spearman", FACTORS.rank(), {}),
        ("given elevation", FACTORS, {"given": SITES[["elevation"]], "confidence": 0.9}),
        ("given elevation and longitude", FACTORS, {"given": SITES[["elevation", "longitude"]]}),
    ],
)
def test_every_number_agrees_with_r(kind, factors, options):
    assert_as_in_r(correlate(factors, **options), kind, options.get("confidence", 0.95))


def test_effective_sizes_and_what_follows_from_them_agree_with_r():
    sizes = effective_sizes(FACTORS, None, PLACES)
    assert_as_in_r(correlate(FACTORS, sizes=sizes), "effective size")


def assert_as_in_r(table: pd.DataFrame, kind: str, confidence: float = 0.95) -> None:
    rows = (REFERENCE["kind"] == kind) & (REFERENCE["confidence"] == confidence)
    expected = REFERENCE[rows].drop(columns=["kind", "confidence"])
    pd.testing.assert_frame_equal(
        control_errors(table), expected, check_dtype=False, rtol=1e-11, atol=0
    )


def test_morans_i_agrees_with_r():
    expected = pd.read_csv(R / "associations_correlogram.csv", index_col=0)
    table = moran_correlogram(FACTORS, PLACES)
    np.testing.assert_allclose(table.columns, expected.columns.astype(float), rtol=1e-11)
    np.testing.assert_allclose(table, expected, rtol=1e-11)


def test_two_sets_give_the_numbers_of_one():
    within = correlate(FACTORS)
    pd.testing.assert_frame_equal(correlate(FACTORS, FACTORS).loc[within.index], within)
    across = correlate(FACTORS[["c", "a"]], FACTORS[["e", "d"]])
    assert across.index.to_list() == [("c", "e"), ("c", "d"), ("a", "e"), ("a", "d")]
    pd.testing.assert_frame_equal(across.loc[["a"]], within.loc[[("a", "e"), ("a", "d")]])
    sizes = effective_sizes(FACTORS, None, PLACES)
    found = effective_sizes(FACTORS[["a", "b"]], FACTORS[["d", "e"]], PLACES)
    pd.testing.assert_series_equal(found, sizes.loc[found.index])


@settings(max_examples=25)
@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.sampled_from([None, SITES[["elevation"]]]))
def test_a_negative_unit_turns_the_sign_and_nothing_else(shift, stretch, controls):
    plain = correlate(FACTORS[["a"]], FACTORS[["b", "e"]], given=controls)
    turned = correlate(FACTORS[["a"]] * -stretch + shift, FACTORS[["b", "e"]], given=controls)
    mirrored = plain.assign(r=-plain["r"], r_low=-plain["r_high"], r_high=-plain["r_low"])
    pd.testing.assert_frame_equal(turned, mirrored, rtol=1e-6, atol=0)


def test_a_column_and_its_double_correlate_perfectly():
    column = noise(20)
    for double, sign in ((2 * column, 1), (-2 * column, -1)):
        table = correlate(column, double).loc[[(code, code) for code in column]]
        np.testing.assert_allclose(table[["r", "r_low", "r_high"]], sign, rtol=1e-12)
        assert (table["p"] < 1e-100).all()


@pytest.mark.parametrize("size", [1.5, 2.0, 2.5, 3.0])
def test_hardly_any_effective_sites_say_nothing(size):
    left, right = FACTORS.join(noise(20)), FACTORS.join(2 * noise(20))  # some with r = 1
    sizes = correlate(left, right)["n"] * 0 + size
    table = correlate(left, right, sizes=sizes)
    assert (table["r_low"] == -1).all()
    assert (table["r_high"] == 1).all()
    assert size > 2 or (table["p"] == 1).all()


def test_noise_is_worth_nearly_all_sites_and_two_gradients_a_few():
    sizes = effective_sizes(noise(200)[["x0"]], noise(200).iloc[:, 1:], PLACES)
    assert sizes.mean() > 0.9 * 30
    assert sizes.max() == 30
    smooth = pd.DataFrame({"a": PLACES["longitude"], "b": np.sin(PLACES["longitude"] / 15)})
    assert effective_sizes(smooth, None, PLACES).item() < 4
    opposites = pd.DataFrame({"gradient": PLACES["longitude"], "zigzag": np.arange(30) % 2})
    assert effective_sizes(opposites, None, PLACES).item() == 30


@pytest.mark.parametrize("reach_km", [100, 500, 2000])
def test_effective_sizes_tame_the_false_alarms_of_smooth_fields(reach_km):
    spread = np.random.default_rng(30).uniform([80, 30], [102, 37], (30, 2))
    places = pd.DataFrame(spread, columns=["longitude", "latitude"])
    flat_km = 111 * places.to_numpy() * [np.cos(np.radians(34)), 1]
    km = np.linalg.norm(flat_km[:, None] - flat_km, axis=-1)
    fields = np.linalg.cholesky(np.exp(-km / reach_km)) @ noise(400, seed=5)
    left, right = (
        fields.set_index(places.index).iloc[:, part] for part in (slice(200), slice(200, 400))
    )
    naive = correlate(left, right)["p"]
    corrected = correlate(left, right, sizes=effective_sizes(left, right, places))["p"]
    assert (naive < 0.05).mean() > 0.08
    assert 0.035 < (corrected < 0.05).mean() < 0.065


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_one_cross_is_significant_by_chance_at_the_rate_alpha(alpha):
    counts = count_by_chance(FACTORS[["b"]], FACTORS[["c"]], alpha, times=4000)
    assert set(counts) == {0, 1}
    assert counts.mean() == pytest.approx(alpha, abs=4 * np.sqrt(alpha * (1 - alpha) / 4000))


def test_likeness_within_a_set_spreads_the_crosses_but_keeps_their_mean():
    common = noise(2, seed=8)
    left, right = noise(12), noise(10, seed=9)
    independent = count_by_chance(left, right, times=2000)
    alike = count_by_chance(
        left.add(3 * common["x0"], axis="index"),
        right.add(3 * common["x1"], axis="index"),
        times=2000,
    )
    binomial = np.sqrt(120 * 0.05 * 0.95)
    assert independent.std() == pytest.approx(binomial, rel=0.25)
    assert alike.std() > 4 * binomial
    for counts in (independent, alike):
        assert counts.mean() == pytest.approx(6, abs=4 * counts.std() / np.sqrt(2000))


def test_marks_are_the_papers():
    p = pd.Series([0.001, 0.01, 0.049, 0.05, 0.099, 0.1, 0.9])
    assert significance_marks(p).tolist() == ["***", "**", "**", "*", "*", "", ""]
    assert significance_marks(p, "#").tolist() == ["###", "##", "##", "#", "#", "", ""]


def test_fewer_than_two_factors_give_an_empty_table():
    nothing = control_errors(correlate(FACTORS[["a"]]))
    full = control_errors(correlate(FACTORS))
    assert nothing.empty
    assert nothing.columns.equals(full.columns)
    assert nothing.index.names == full.index.names
    assert effective_sizes(FACTORS[["a"]], None, PLACES).empty


TWO = SITES[["elevation", "longitude"]]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: correlate(FACTORS[:3]), "at least 4 sites\n"),
        (lambda: correlate(FACTORS[:5], given=TWO[:5]), "at least 6 sites with 2 controls"),
        (lambda: correlate(FACTORS, given=FACTORS[["a"]]), r"'a'(.|\n)*controls do not explain"),
    ],
)
def test_what_leaves_nothing_to_correlate_is_refused(ask, message):
    with pytest.raises(InputError, match=message):
        ask()


def test_a_test_that_was_not_made_does_not_count():
    tests = pd.DataFrame({"p": [0.01, np.nan, 0.04]})
    controlled = control_errors(tests)
    pd.testing.assert_frame_equal(controlled.dropna(), control_errors(tests.dropna()))
    assert controlled.loc[1].isna().all()
    assert significance_marks(tests["p"]).to_list() == ["**", "", "**"]


def test_pairs_that_hold_the_same_quantity_are_built_in():
    same = ["TC-SOC", "CN-SOC", "TC-CN", "NPP-ANPP", "Rs-ST10", "TPLFA-FPLFA", "LHF-TF", "BPLFA-GN"]
    different = ["ANPP-BNPP", "SOC-SIC", "GP-GN", "SOC-pH", "EVI-NPP"]
    pairs = pd.MultiIndex.from_tuples([pair.split("-") for pair in same + different])
    assert built_in(pairs).to_list() == [True] * len(same) + [False] * len(different)
    assert built_in(pairs.swaplevel()).to_list() == built_in(pairs).to_list()


def test_what_factors_are_made_from_is_what_the_embedded_table_shows():
    registry, sites = load_factors(), load_study().sites
    parts = registry["made_from"].str.split()
    assert set(parts.sum()) <= set(registry.index)
    formulas = {
        code: source
        for code, source in registry["source"].items()
        if parts[code] and set(re.findall(r"[A-Za-z]\w*", source)) == set(parts[code])
    }
    assert list(formulas) == ["NPP", "CN", "TC", "Sand", "FB"]
    for code, formula in {**formulas, "BPLFA": "GP + GN"}.items():
        np.testing.assert_allclose(sites[code], sites.eval(formula), rtol=1e-6, err_msg=code)
    assert (sites[parts["TPLFA"]].sum(axis="columns") <= sites["TPLFA"]).all()
