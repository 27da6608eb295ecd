"""Gradients: R's own lm as reference, closed forms, calibration and refused input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import squareform
from statsmodels.regression.linear_model import OLS

from helpers.errors import InputError
from helpers.statistics.associations import correlate, effective_sizes, pair_distances
from helpers.statistics.gradients import (
    describe_shape,
    fit_gradients,
    spatial_gradients,
    spatial_slopes,
)

R = Path(__file__).parent / "r"
SITES = pd.read_csv(R / "gradients_input.csv")
FACTORS = SITES[["line", "peak", "noise"]]


def test_every_number_agrees_with_r():
    reference = pd.read_csv(R / "gradients.csv", index_col="factor")
    fits = fit_gradients(SITES["elevation"], FACTORS, confidence=0.9)
    pd.testing.assert_frame_equal(fits[reference.columns], reference, rtol=1e-9)


def test_shapes_are_those_that_were_put_in():
    shape = describe_shape(fit_gradients(SITES["elevation"], FACTORS))
    assert shape.to_dict() == {
        "line": "rises",
        "peak": "peaks mid-slope",
        "noise": "no clear trend",
    }
    mirrored = describe_shape(fit_gradients(SITES["elevation"], -FACTORS))
    assert mirrored.to_dict() == {
        "line": "falls",
        "peak": "dips mid-slope",
        "noise": "no clear trend",
    }


def test_a_bend_outside_the_sites_is_no_peak():
    rising = pd.DataFrame({"y": -((SITES["elevation"] / 1000 - 6) ** 2) + 0.1 * FACTORS["noise"]})
    fits = fit_gradients(SITES["elevation"], rising)
    assert fits.loc["y", "vertex"] > SITES["elevation"].max()
    assert describe_shape(fits)["y"] == "rises"


def test_false_peaks_are_rarer_than_alpha():
    rng = np.random.default_rng(11)
    noise = pd.DataFrame(rng.standard_normal((30, 400))).add_prefix("y")
    fits = fit_gradients(SITES["elevation"], noise)
    assert (fits["p_peak"] < 0.05).mean() < 0.05
    # p of the slope is uniform: 400 draws, so within 4 standard errors of 0.05
    assert (fits["p"] < 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 400))


@settings(max_examples=25)
@given(shift=st.floats(-1e3, 1e3), stretch=st.floats(1e-3, 1e3))
def test_the_unit_of_a_factor_changes_slopes_but_no_verdict(shift, stretch):
    plain = fit_gradients(SITES["elevation"], FACTORS)
    other = fit_gradients(SITES["elevation"], FACTORS * stretch + shift)
    np.testing.assert_allclose(other["slope"], plain["slope"] * stretch, rtol=1e-5)
    free = ["r", "r_low", "r_high", "p", "p_curvature", "p_peak", "p_dip", "vertex"]
    np.testing.assert_allclose(other[free], plain[free], rtol=1e-4)
    np.testing.assert_allclose(other["delta_aicc"], plain["delta_aicc"], atol=1e-4)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_outside_0_to_1_is_refused(confidence):
    with pytest.raises(InputError, match="confidence\n  needed: a number between 0 and 1"):
        fit_gradients(SITES["elevation"], FACTORS, confidence)


def test_an_alpha_outside_0_to_1_is_refused():
    with pytest.raises(InputError, match="alpha"):
        describe_shape(fit_gradients(SITES["elevation"], FACTORS), alpha=5)


def test_too_few_sites_gaps_and_constants_are_refused():
    with pytest.raises(InputError, match="more than 5 sites"):
        fit_gradients(SITES["elevation"][:5], FACTORS[:5])
    with pytest.raises(InputError, match=r"column 'flat'(.|\n)*1 at every site"):
        fit_gradients(SITES["elevation"], FACTORS.assign(flat=1.0))
    with pytest.raises(InputError, match=r"column 'noise'(.|\n)*a gap"):
        fit_gradients(SITES["elevation"], FACTORS.replace(FACTORS.loc[3, "noise"], np.nan))


@pytest.fixture(scope="module")
def field() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return 48 made-up sites, and a cause and values that follow it."""
    rng = np.random.default_rng(48)
    places = pd.DataFrame(
        rng.uniform([92, 32], [101, 37], (48, 2)), columns=["longitude", "latitude"]
    )
    places["elevation"] = rng.uniform(2900, 5200, 48)
    z = (places["elevation"] - 4000) / 1000
    values = {"line": 2 * z, "peak": -2 * z**2, "dip": 2 * z**2, "late": -2 * (z - 0.5) ** 2}
    values = pd.DataFrame(values) + rng.standard_normal((48, 4)) / 3
    return places, values


def _worth(monkeypatch, n: float) -> None:
    def sizes(left, right, places, classes):
        pairs = pd.MultiIndex.from_product([left.columns, right.columns], names=["left", "right"])
        return pd.Series(float(n), index=pairs)

    monkeypatch.setattr("helpers.statistics.gradients.effective_sizes", sizes)


def test_slopes_of_independent_sites_are_those_of_a_multiple_regression(field, monkeypatch):
    places, values = field
    _worth(monkeypatch, len(places))
    held = places[["latitude"]]
    ours = spatial_slopes(places["elevation"], values, places, given=held, confidence=0.9)
    X = np.column_stack([np.ones(48), places["elevation"], held])
    for code, row in ours.iterrows():
        fit = OLS(values[code].to_numpy(), X).fit()
        expected = [fit.params[1], *fit.conf_int(0.1)[1], fit.pvalues[1]]
        np.testing.assert_allclose(
            row[["slope", "slope_low", "slope_high", "p"]], expected, rtol=1e-6
        )
        above = stats.t.sf(fit.tvalues[1], fit.df_resid)
        assert row["p_rising"] == pytest.approx(above, rel=1e-6)


def test_a_slope_on_membership_is_the_difference_of_two_means(field, monkeypatch):
    places, values = field
    _worth(monkeypatch, len(places))
    first = (places["longitude"] > 97).astype(float)
    ours = spatial_slopes(first, values, places)
    student = stats.ttest_ind(values[first == 1], values[first == 0])
    interval = student.confidence_interval()
    means = values.groupby(first).mean()
    np.testing.assert_allclose(ours["slope"], means.loc[1] - means.loc[0])
    np.testing.assert_allclose(ours[["slope_low", "slope_high"]], np.transpose(interval))
    np.testing.assert_allclose(ours["p"], student.pvalue)


def test_each_control_costs_one_of_the_sites_that_a_slope_is_worth(field, monkeypatch):
    places, values = field
    _worth(monkeypatch, 10)
    for held, freedom in ((None, 8), (places[["latitude"]], 7)):
        row = spatial_slopes(places["elevation"], values, places, given=held).loc["line"]
        t = row["r"] * np.sqrt(freedom / (1 - row["r"] ** 2))
        assert row["p_rising"] == pytest.approx(stats.t.sf(t, freedom))
        width = 2 * stats.t.ppf(0.975, freedom) * row["slope"] / t
        assert row["slope_high"] - row["slope_low"] == pytest.approx(width)


def test_sites_are_worth_what_the_controls_leave_of_both(field):
    places, values = field
    held = places[["latitude"]]
    slanted = values.add(20 * places["latitude"], axis="index")
    ours = spatial_slopes(places["elevation"], slanted, places, given=held, classes=6)
    X = np.column_stack([np.ones(48), held])
    left, right = (
        pd.DataFrame({code: OLS(y.to_numpy(), X).fit().resid for code, y in table.items()})
        for table in (places[["elevation"]], slanted)
    )
    expected = effective_sizes(left, right, places, 6)
    np.testing.assert_allclose(ours["n"], expected, rtol=1e-6)


def test_sites_worth_no_more_than_the_line_tell_nothing(field, monkeypatch):
    places, values = field
    _worth(monkeypatch, 2)
    row = spatial_slopes(places["elevation"], values, places).loc["line"]
    assert (row["slope_low"], row["slope_high"], row["p"]) == (-np.inf, np.inf, 1)
    gradients = spatial_gradients(places["elevation"], values, places)
    assert gradients[["p_peak", "p_dip"]].eq(0.5).all(axis=None)


def test_gradients_of_independent_sites_are_the_plain_ones(field, monkeypatch):
    places, values = field
    _worth(monkeypatch, len(places))
    ours = spatial_gradients(places["elevation"], values, places)
    plain = fit_gradients(places["elevation"], values)
    np.testing.assert_allclose(ours, plain[ours.columns], rtol=1e-6, atol=1e-12)


def test_peaks_dips_and_lines_are_those_that_were_put_in(field):
    places, values = field
    fits = spatial_gradients(places["elevation"], values, places, classes=6)
    assert describe_shape(fits).to_dict() == {
        "line": "rises",
        "peak": "peaks mid-slope",
        "dip": "dips mid-slope",
        "late": "peaks mid-slope",
    }
    assert fits["p_curvature"].lt(0.05).tolist() == [False, True, True, True]


def test_fields_that_ignore_a_smooth_predictor_seldom_seem_to_follow_it(field):
    """10 predictors, 40 fields each: 3 to 9 % on average, and up to 3 % more in such a sample."""
    places, _ = field
    far = squareform(pair_distances(places))
    root = np.linalg.cholesky(np.exp(-far / 500) + 1e-9 * np.eye(48))
    rng = np.random.default_rng(21)
    naive, near = [], []
    for _ in range(10):
        predictor = pd.Series(1000 * (root @ rng.standard_normal(48)))
        fields = pd.DataFrame(root @ rng.standard_normal((48, 40)))
        naive.append(fit_gradients(predictor, fields))
        near.append(spatial_gradients(predictor, fields, places, classes=6))
    naive, near = pd.concat(naive), pd.concat(near)
    for p, most in {"p": 0.09, "p_curvature": 0.12, "p_peak": 0.06}.items():
        assert (near[p] < 0.05).mean() <= most, p
    assert (naive["p"] < 0.05).mean() > 0.25
    assert ((near["slope_low"] > 0) | (near["slope_high"] < 0)).equals(near["p"] < 0.05)


def test_fields_that_ignore_groups_seldom_seem_to_follow_them(field):
    places, _ = field
    far = squareform(pair_distances(places))
    root = np.linalg.cholesky(np.exp(-far / 500) + 1e-9 * np.eye(48))
    fields = pd.DataFrame(root @ np.random.default_rng(22).standard_normal((48, 300)))
    west = (places["longitude"] + places["latitude"] < 130).astype(float)
    plain = correlate(west.to_frame("west"), fields)["p"]
    near = spatial_slopes(west, fields, places, classes=6)["p"]
    assert (near < 0.05).mean() <= 0.09 < 0.3 < (plain < 0.05).mean()
