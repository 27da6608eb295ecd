"""Doubts about a path model: R as reference, invariants, calibration by simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.paper import fit_recursive
from helpers.pathmodel import (
    d_separation,
    fit_model,
    parse_model,
    swain,
)
from tests.test_pathmodel import EXOGENOUS, random_graphs
from tests.test_resampling import LOOP, MODEL, SITES, noise

REFERENCE = pd.read_csv(Path(__file__).parent / "r" / "diagnostics.csv")
REFERENCE = REFERENCE.set_index(["quantity", "exogenous", "left"])
TRUE = parse_model("m1 ~ x1 + x2\nm2 ~ m1\ny ~ m1 + m2")


def reference(*key: str) -> pd.DataFrame:
    return REFERENCE.sort_index().loc[key]


@pytest.mark.parametrize("exogenous", EXOGENOUS)
def test_swains_correction_agrees_with_r(exogenous):
    found = swain(fit_model(MODEL, SITES, exogenous=exogenous))
    expected = reference("swain", exogenous)["value"]
    pd.testing.assert_series_equal(found[expected.index], expected, rtol=1e-8, check_names=False)


def test_swains_factor_nears_1_in_large_samples_and_follows_the_convention():
    S = fit_model(MODEL, SITES).sample
    factors = [swain(fit_model(MODEL, S, n))["factor"] for n in (30, 300, 30_000)]
    assert factors == sorted(factors)
    assert factors[-1] == pytest.approx(1, abs=2e-4)
    n_times = swain(fit_model(MODEL, S, 29, convention="lavaan"))
    pd.testing.assert_series_equal(n_times, swain(fit_model(MODEL, S, 30)))


def test_a_saturated_model_has_nothing_to_correct_or_claim():
    saturated = parse_model("b ~ a1 + a2\ny ~ b + a1 + a2")
    assert swain(fit_model(saturated, SITES)).isna().all()
    claims, C, df, p = d_separation(saturated, SITES)
    assert claims.empty
    assert (C, df) == (0, 0)
    assert np.isnan(p)


@pytest.mark.parametrize("exogenous", EXOGENOUS)
def test_claims_and_their_common_test_agree_with_r(exogenous):
    claims, *fisher = d_separation(MODEL, SITES, exogenous)
    expected = pd.concat(
        [reference("claim", each) for each in dict.fromkeys(["correlated", exogenous])]
    ).reset_index()
    expected = {frozenset(pair): p for *pair, p in expected[["left", "right", "value"]].to_numpy()}
    found = {frozenset(pair): p for pair, p in claims["p"].items()}
    assert found == pytest.approx(expected, rel=1e-8)
    assert fisher == pytest.approx(reference("fisher", exogenous)["value"].to_list(), rel=1e-8)


def test_what_is_held_constant_are_the_causes_of_both():
    given = d_separation(MODEL, SITES, "uncorrelated").claims["given"]
    assert given["b", "y"] == "a1, a2, c, d"
    assert given["a1", "c"] == "b"
    assert given["a1", "a2"] == ""


@settings(max_examples=20)
@given(random_graphs(), st.sampled_from(EXOGENOUS))
def test_a_matrix_and_n_claim_what_the_table_does(drawn, exogenous):
    model, data = drawn
    table = d_separation(model, data * 10.0 ** np.arange(data.shape[1]), exogenous)
    for matrix in (data.corr(), data.cov()):
        found = d_separation(model, matrix, exogenous, n=len(data))
        pd.testing.assert_frame_equal(found.claims, table.claims, rtol=1e-7, atol=1e-10)
        assert found[1:] == pytest.approx(table[1:], rel=1e-7, nan_ok=True)


def test_cases_with_gaps_are_left_out_on_request():
    gaps = SITES.copy()
    gaps.loc[[2, 9], "b"] = np.nan
    found = d_separation(MODEL, gaps, missing="listwise")
    pd.testing.assert_frame_equal(found.claims, d_separation(MODEL, gaps.dropna()).claims)
    with pytest.raises(InputError, match="gap at 2"):
        d_separation(MODEL, gaps)


@settings(max_examples=40)
@given(random_graphs(), st.sampled_from(EXOGENOUS))
def test_a_model_claims_as_much_as_it_has_degrees_of_freedom(drawn, exogenous):
    model, data = drawn
    found = d_separation(model, data, exogenous)
    df = model.count_moments() - model.count_parameters(exogenous)
    assert found.df == 2 * len(found.claims) == 2 * df


def true_samples(samples: int, n: int = 30, seed: int = 5) -> np.ndarray:
    """Return covariance matrices of data for which TRUE is true, (samples, 5, 5)."""
    rng = np.random.default_rng(seed)
    x1, e2, e3, e4, e5 = rng.standard_normal((5, samples, n))
    x2 = 0.4 * x1 + e2
    m1 = 0.5 * x1 - 0.4 * x2 + e3
    m2 = 0.6 * m1 + e4
    y = 0.5 * m1 + 0.5 * m2 + e5
    columns = np.stack([x1, x2, m1, m2, y], axis=-1)
    centred = columns - columns.mean(axis=1, keepdims=True)
    return centred.swapaxes(1, 2) @ centred / n


def test_in_30_sites_chi_square_rejects_true_models_too_often_and_the_others_hardly():
    found = fit_recursive(TRUE, true_samples(10_000), TRUE.variables, 30, claims=True)
    rates = (found < 0.05).mean()
    assert 0.065 < rates["p"] < 0.10  # .083 was found
    assert 0.045 < rates["p_swain"] < 0.07  # .062
    assert 0.05 < rates["p_shipley"] < 0.08  # .064: claims about one variable are dependent


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: d_separation(LOOP, noise(LOOP)), "needed: a recursive model"),
        (lambda: d_separation(MODEL, SITES.corr()), "needed: n, the number of rows"),
        (lambda: d_separation(MODEL, SITES, n=30), "covariance matrix"),
        (lambda: d_separation(MODEL, SITES.corr(), n=5), "at least"),
        (
            lambda: d_separation(
                MODEL,
                SITES[list(MODEL.variables)].corr(),
                n=30,
                places=pd.DataFrame({"latitude": 30.0, "longitude": SITES.index}),
            ),
            "places",
        ),
    ],
)
def test_input_that_cannot_be_diagnosed_is_refused(ask, message):
    with pytest.raises(InputError, match=message):
        ask()
