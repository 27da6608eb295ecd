"""Gradients: R's own lm as reference, closed forms, calibration and refused input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import squareform
from statsmodels.regression.linear_model import OLS

from helpers.statistics.associations import effective_sizes, pair_distances
from helpers.statistics.gradients import (
    describe_shape,
    fit_gradients,
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
    assert shape.to_list() == ["rises", "peaks mid-slope", "no clear trend"]
    mirrored = describe_shape(fit_gradients(SITES["elevation"], -FACTORS))
    assert mirrored.to_list() == ["falls", "dips mid-slope", "no clear trend"]


def test_a_bend_outside_the_sites_is_no_peak():
    rising = pd.DataFrame({"y": -((SITES["elevation"] / 1000 - 6) ** 2) + 0.1 * FACTORS["noise"]})
    fits = fit_gradients(SITES["elevation"], rising)
    assert fits.loc["y", "p_peak"] > 0.5
    assert describe_shape(fits)["y"] == "rises"


def test_false_peaks_are_rarer_than_alpha():
    rng = np.random.default_rng(11)
    noise = pd.DataFrame(rng.standard_normal((30, 400))).add_prefix("y")
    fits = fit_gradients(SITES["elevation"], noise)
    assert (fits["p_peak"] < 0.05).mean() < 0.05
    # p of the slope is uniform: 400 draws, so within 4 standard errors of 0.05
    assert (fits["p"] < 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 400))


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


def worth_all(fits: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of factors whose neighbours are no more alike than others: some are."""
    free = fits[fits["n"] == 48]
    assert len(free) > 5
    return free


def test_slopes_of_independent_sites_are_those_of_a_multiple_regression(field):
    places, _ = field
    values = pd.DataFrame(np.random.default_rng(1).standard_normal((48, 30)))
    values = values.add(places["elevation"] / 1000, axis="index")
    held = places[["latitude"]]
    ours = spatial_slopes(places["elevation"], values, places, given=held, confidence=0.9)
    X = np.column_stack([np.ones(48), places["elevation"], held])
    for code, row in worth_all(ours).iterrows():
        fit = OLS(values[code].to_numpy(), X).fit()
        expected = [fit.params[1], *fit.conf_int(0.1)[1], fit.pvalues[1]]
        expected.append(stats.t.sf(fit.tvalues[1], fit.df_resid))
        found = row[["slope", "slope_low", "slope_high", "p", "p_rising"]]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_slope_on_membership_is_the_difference_of_two_means(field):
    places, _ = field
    values = pd.DataFrame(np.random.default_rng(2).standard_normal((48, 30)))
    first = (places["longitude"] > 97).astype(float)
    ours = worth_all(spatial_slopes(first, values, places))
    values = values[ours.index]
    student = stats.ttest_ind(values[first == 1], values[first == 0])
    means = values.groupby(first).mean()
    np.testing.assert_allclose(ours["slope"], means.loc[1] - means.loc[0])
    ends = np.transpose(student.confidence_interval())
    np.testing.assert_allclose(ours[["slope_low", "slope_high"]], ends)
    np.testing.assert_allclose(ours["p"], student.pvalue)


def test_sites_worth_no_more_than_the_line_tell_nothing():
    places = pd.DataFrame({"longitude": np.arange(80.0, 100), "latitude": 33.0})
    along = places["longitude"] - 80
    held = pd.DataFrame(np.random.default_rng(1).standard_normal((20, 2)))
    options = {"given": held, "classes": 5}
    (row,) = spatial_slopes(along, along.pow(2).to_frame("y"), places, **options).itertuples()
    assert row.n < 4
    assert (row.slope_low, row.slope_high, row.p, row.p_rising) == (-np.inf, np.inf, 1, 0.5)


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


def test_peaks_dips_and_lines_are_those_that_were_put_in(field):
    places, values = field
    fits = fit_gradients(places["elevation"], values, places=places, classes=6)
    peak, dip = "peaks mid-slope", "dips mid-slope"
    assert describe_shape(fits).to_list() == ["rises", peak, dip, peak]
    assert fits["p_curvature"].lt(0.05).tolist() == [False, True, True, True]


def smooth_root(places: pd.DataFrame) -> np.ndarray:
    """Return what turns noise into fields that are smooth over 500 km."""
    far = squareform(pair_distances(places))
    return np.linalg.cholesky(np.exp(-far / 500) + 1e-9 * np.eye(len(places)))


def test_fields_that_ignore_a_smooth_predictor_seldom_seem_to_follow_it(field):
    """10 predictors, 40 fields each: 3 to 9 % on average, and up to 3 % more in such a sample."""
    places, _ = field
    root, rng = smooth_root(places), np.random.default_rng(21)
    naive, near = [], []
    for _ in range(10):
        predictor = pd.Series(1000 * (root @ rng.standard_normal(48)))
        fields = pd.DataFrame(root @ rng.standard_normal((48, 40)))
        naive.append(fit_gradients(predictor, fields))
        near.append(fit_gradients(predictor, fields, places=places, classes=6))
    naive, near = pd.concat(naive), pd.concat(near)
    for p, most in {"p": 0.09, "p_curvature": 0.12, "p_peak": 0.06}.items():
        assert (near[p] < 0.05).mean() <= most, p
    assert (naive["p"] < 0.05).mean() > 0.25
    assert ((near["slope_low"] > 0) | (near["slope_high"] < 0)).equals(near["p"] < 0.05)
