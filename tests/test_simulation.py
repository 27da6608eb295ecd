"""Simulations: closed forms, the book's single fits one by one, invariants and refused input."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats
from scipy.spatial.distance import squareform

from helpers.errors import InputError
from helpers.paper.simulation import (
    Truth,
    count_false_marks,
    cover_effects,
    draw_covariances,
    draw_fields,
    equal_effects,
    fit_recursive,
    judge_loops,
    least_correlation,
    power_of_correlation,
    print_rate,
    rates,
    ratio,
    read_truth,
    regress_many,
    search_loops,
)
from helpers.pathmodel import (
    d_separation,
    find_loop,
    fit_indices,
    fit_model,
    parse_model,
    swain,
)
from helpers.statistics.associations import control_errors, correlate, pair_distances
from helpers.study import load_study

TEXT = """plant ~ 0.6 climate
soil ~ 0.5 plant + 0.3 climate
microbes ~ 0.6 soil
TOP ~ 0.4 plant + 0.3 microbes"""
TRUTH = read_truth(TEXT)
LOOP = parse_model("b ~ a\nc ~ b\nd ~ c\na ~ d")
STUDY = load_study()
PLACES = STUDY.sites[["longitude", "latitude"]]


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def line(k: int) -> Truth:
    """Return the world of the page: each variable acted on by the two before it."""
    later = [f"y{i} ~ 0.5 y{i - 1} + 0.3 y{i - 2}" for i in range(3, k + 1)]
    return read_truth("\n".join(["y2 ~ 0.5 y1", *later]))


def tables(truth: pd.DataFrame, n: int, worlds: int) -> tuple[list[pd.DataFrame], np.ndarray]:
    """Return samples and their covariances."""
    values = rng().standard_normal((worlds, n, len(truth))) @ np.linalg.cholesky(truth).T
    samples = [pd.DataFrame(each, columns=truth.columns) for each in values]
    return samples, np.stack([table.cov(ddof=0) for table in samples])


def near(hits, rate: float) -> bool:
    """Tell whether a share of hits is within 4 standard errors of the true rate."""
    return abs(np.mean(hits) - rate) < 4 * np.sqrt(rate * (1 - rate) / np.size(hits))


def test_a_truth_implies_the_correlations_that_its_equations_give():
    R = TRUTH.correlations
    assert R.loc["climate", "plant"] == pytest.approx(0.6)
    assert R.loc["climate", "soil"] == pytest.approx(0.5 * 0.6 + 0.3)
    assert R.loc["plant", "soil"] == pytest.approx(0.5 + 0.3 * 0.6)
    assert R.loc["plant", "microbes"] == pytest.approx(0.6 * 0.68)
    assert R.loc["climate", "TOP"] == pytest.approx(0.4 * 0.6 + 0.3 * 0.6 * 0.6)
    assert TRUTH.coefficients.loc["TOP", "microbes"] == 0.3
    assert TRUTH.coefficients.loc["microbes", "TOP"] == 0
    assert len(TRUTH.model.paths) == 6


@pytest.mark.parametrize(
    "text", ["y ~ x", "y ~ 0.5 * x", "y = 0.5 x", "y ~ 0.5 x + z", "y ~ 0.9 x + 0.9 z"]
)
def test_a_truth_without_coefficients_or_with_too_much_variance_is_refused(text):
    with pytest.raises(InputError, match="truth"):
        read_truth(text)


def test_covariances_have_divisor_n_and_the_spread_of_normal_samples():
    R = TRUTH.correlations.to_numpy()
    S = draw_covariances(R, 10, 20_000, rng())
    np.testing.assert_allclose(S.mean(axis=0), 0.9 * R, atol=0.012)
    np.testing.assert_allclose(S.var(axis=0), 9 / 100 * (1 + R**2), rtol=0.06)


def test_fields_correlate_as_their_distance_says_and_not_with_each_other():
    fields = draw_fields(PLACES, 500, 2000, 2, rng())
    assert fields.shape == (2000, len(PLACES), 2)
    expected = np.exp(-squareform(pair_distances(PLACES)) / 500)
    found = np.corrcoef(fields[..., 0].T)
    assert np.abs(found - expected).max() < 0.1
    assert fields.var() == pytest.approx(1, rel=0.05)
    across = (fields[..., 0] * fields[..., 1]).mean(axis=0)
    assert np.abs(across).max() < 4.5 / np.sqrt(2000)


@pytest.mark.parametrize("groups", [None, np.repeat([0, 1, 2], 4)], ids=["all", "across"])
def test_marks_are_those_of_the_correlations_of_the_book(groups):
    values = draw_fields(PLACES, 500, 3, 12, rng())
    counts = count_false_marks(values, 0.05, groups)
    i, j = np.triu_indices(12, 1)
    across = slice(None) if groups is None else groups[i] != groups[j]
    for table, count in zip(values, counts.itertuples(), strict=True):
        book = control_errors(correlate(pd.DataFrame(table))[across])
        assert count.p == (book["p"] < 0.05).sum() > 0
        assert count.q == (book["q"] < 0.05).sum()
        assert count.pairs == len(book) == (66 if groups is None else 48)


def test_rates_of_what_happens_or_not_have_wilson_intervals():
    hits = pd.DataFrame({"some": np.arange(200) < 30, "none": np.zeros(200, bool)})
    table = rates(hits, 0.9)
    for name, count in (("some", 30), ("none", 0)):
        expected = stats.binomtest(count, 200).proportion_ci(0.9, method="wilson")
        row = table.loc[name]
        assert row["rate"] == count / 200
        assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert (table["worlds"] == 200).all()
    assert print_rate(table.loc["some"]) == "15.0% (11.3 to 19.6)"


def test_means_of_counts_have_normal_intervals_and_gaps_are_left_out():
    table = rates(pd.DataFrame({"x": [1.0, 2, 3, np.nan], "y": [1, 0, np.nan, 0], "z": np.nan}))
    reach = 1.959964 / np.sqrt(3)
    assert tuple(table.loc["x"]) == pytest.approx((2, 2 - reach, 2 + reach, 3), abs=1e-6)
    wilson = stats.binomtest(1, 3).proportion_ci(0.95, method="wilson")
    assert tuple(table.loc["y"]) == pytest.approx((1 / 3, wilson.low, wilson.high, 3))
    assert table.loc["z", ["rate", "low", "high"]].isna().all()


def test_intervals_of_a_ratio_know_that_events_of_one_world_come_together():
    draw = rng()
    holds = []
    for _ in range(400):
        whole = pd.Series(draw.poisson(3, 300))
        part = pd.Series(draw.binomial(whole, draw.beta(1, 3, 300)))
        row = ratio(part, whole)
        holds.append(row["low"] <= 0.25 <= row["high"])
    assert near(holds, 0.95)
    assert row["rate"] == part.sum() / whole.sum()
    same = ratio(whole / 4, whole)
    assert (same["low"], same["high"]) == pytest.approx((0.25, 0.25)), "no world differs"


def test_a_ratio_of_nothing_is_not_a_number_and_that_of_all_or_none_has_wilson_s_interval():
    nothing = ratio(pd.Series(np.zeros(5)), pd.Series(np.zeros(5)))
    assert nothing[["rate", "low", "high"]].isna().all()
    assert print_rate(nothing) == "–"
    whole = pd.Series([3, 0, 1, 2, 0])
    for share in (0, 1):  # three worlds have an event
        row = ratio(share * whole, whole, 0.9)
        expected = stats.binomtest(3 * share, 3).proportion_ci(0.9, method="wilson")
        ends = (share, expected.low, expected.high)
        assert tuple(row[["rate", "low", "high"]]) == pytest.approx(ends, abs=1e-12)


WRONG = parse_model("soil ~ climate + plant\nmicrobes ~ soil\nTOP ~ climate")
BACK = parse_model("climate ~ TOP\nsoil ~ TOP")


@pytest.mark.parametrize("model", [TRUTH.model, WRONG, BACK], ids=["true", "wrong", "of three"])
def test_many_fits_are_the_fits_of_the_book_one_by_one(model):
    samples, S = tables(TRUTH.correlations, 18, 5)
    many = fit_recursive(model, S, list(TRUTH.correlations), 18, claims=True)
    for table, row in zip(samples, many.itertuples(), strict=True):
        fit = fit_model(model, table)
        indices = fit_indices(fit)
        for name in ("chi2", "p", "cfi", "rmsea"):
            assert getattr(row, name) == pytest.approx(indices[name], abs=1e-8), name
        assert row.p_swain == pytest.approx(swain(fit)["p"], abs=1e-8)
        assert row.p_shipley == pytest.approx(d_separation(model, table).p, abs=1e-8)


@pytest.mark.parametrize(("k", "n"), [(5, 30), (10, 30), (15, 30), (15, 120)])
def test_chi_square_of_a_true_model_has_its_exact_distribution(k, n):
    """In a line of complete neighbourhoods 1 - R^2 of each variable is an independent beta."""
    truth, worlds = line(k), 1500
    S = draw_covariances(truth.correlations, n, worlds, rng())
    fitted = fit_recursive(truth.model, S, list(truth.correlations), n)
    i = np.arange(4, k + 1)
    a, b = (n - i) / 2, (i - 3) / 2
    mean = (n - 1) * (special.digamma(a + b) - special.digamma(a)).sum()
    sd = (n - 1) * np.sqrt((special.polygamma(1, a) - special.polygamma(1, a + b)).sum())
    assert abs(fitted["chi2"].mean() - mean) < 4 * sd / np.sqrt(worlds)
    assert fitted["chi2"].std() == pytest.approx(sd, rel=0.1)
    drawn = np.random.default_rng(1).beta(a, b, (40_000, len(i)))
    exact = -(n - 1) * np.log(drawn).sum(axis=1)
    df = (k - 2) * (k - 3) // 2
    assert near(fitted["p"] < 0.05, (stats.chi2.sf(exact, df) < 0.05).mean())


def test_regressions_are_those_of_statsmodels():
    from statsmodels.api import OLS, add_constant
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    samples, S = tables(TRUTH.correlations, 20, 3)
    many = regress_many(S, [0, 1, 3], 20, 0.9)
    assert list(TRUTH.correlations)[-1] == "TOP"
    for k, table in enumerate(samples):
        causes = table.iloc[:, [0, 1, 3]]
        fit = OLS(table["TOP"], add_constant(causes)).fit()
        ends = many["slope"][k] + np.array([[-1], [1]]) * many["reach"][k]
        np.testing.assert_allclose(ends.T, fit.conf_int(0.1).iloc[1:], atol=1e-10)
        with_constant = add_constant(causes).to_numpy()
        vif = [variance_inflation_factor(with_constant, place) for place in (1, 2, 3)]
        np.testing.assert_allclose(many["vif"][k], vif, rtol=1e-8)


def test_equal_effects_are_equal_positive_and_explain_what_was_asked():
    R = STUDY.factors("climatic").iloc[:, :8].corr()
    full = equal_effects(R, 0.4)
    assert list(full) == [*R, "outcome"]
    np.testing.assert_array_equal(full, full.T)
    slopes = regress_many(full.to_numpy()[None], range(8), 30)["slope"][0]
    np.testing.assert_allclose(slopes, np.sqrt(0.4 / R.to_numpy().sum()), rtol=1e-8)
    assert slopes @ full["outcome"].iloc[:-1] == pytest.approx(0.4)


def test_wrong_signs_have_the_chance_of_students_t():
    """With given causes a slope is normal; over random ones its t is a mixture."""
    full = equal_effects(pd.DataFrame(np.eye(2), *[list("ab")] * 2), 0.1)
    S = draw_covariances(full, 12, 4000, rng())
    slope = regress_many(S, [0, 1], 12)["slope"][:, 0]
    signal = np.sqrt(0.05 / 0.9)
    chance = stats.chi2(10).expect(lambda v: stats.norm.cdf(-signal * np.sqrt(v)))
    assert near(slope < 0, chance)


def test_intervals_of_a_correlation_are_as_wide_as_its_standard_error_says():
    cover = cover_effects(read_truth("b ~ 0.5 a"), "b", 200, worlds=100, n_boot=200, confidence=0.8)
    width = cover.xs("width", axis="columns", level="kind").mean()
    assert len(width) == 3
    np.testing.assert_allclose(width, 2 * 1.28155 * (1 - 0.5**2) / np.sqrt(200), rtol=0.06)


def test_intervals_hold_the_effects_of_a_truth_as_often_as_they_say():
    cover = cover_effects(TRUTH, "TOP", 200, worlds=100, n_boot=200, confidence=0.8)
    holds = cover.xs("holds", axis="columns", level="kind").mean().unstack("method")
    assert sorted(holds.index) == ["climate", "microbes", "plant", "soil"]
    assert holds.stack().between(0.66, 0.94).all()


@pytest.mark.parametrize(("r", "n", "alpha"), [(0.3, 30, 0.05), (-0.5, 20, 0.01), (0.7, 44, 1e-4)])
def test_power_is_the_integral_over_the_sum_of_squares(r, n, alpha):
    edge = stats.t.isf(alpha / 2, n - 2) ** 2

    def part(v: float) -> float:
        shift = v * r**2 / (1 - r**2)
        return stats.ncf.sf(edge, 1, n - 2, shift) * stats.chi2.pdf(v, n - 1)

    exact, _ = integrate.quad(part, 0, 40 * n, limit=400, points=[n])
    assert power_of_correlation(r, n, alpha) == pytest.approx(exact, abs=1e-8)


@settings(max_examples=15)
@given(st.integers(12, 200), st.sampled_from([0.01, 0.05, 0.1]), st.integers(0, 5))
def test_the_least_correlation_is_found_as_often_as_was_asked(n, alpha, controls):
    least = least_correlation(n, alpha, 0.8, controls)
    assert power_of_correlation(least, n, alpha, controls) == pytest.approx(0.8, abs=1e-4)
    assert least == pytest.approx(least_correlation(n - controls, alpha), abs=1e-4)


def test_an_arrow_is_found_as_often_as_its_partial_correlation():
    truth = read_truth("y ~ 0.5 x + 0.3 z\nx ~ 0.6 z")
    R = truth.correlations
    K = np.linalg.inv(R)
    i, j = (list(R).index(name) for name in "xy")
    partial = -K[i, j] / np.sqrt(K[i, i] * K[j, j])
    S = draw_covariances(R, 25, 4000, rng())
    assert list(R)[-1] == "y"
    fitted = regress_many(S, [0, 1], 25, 0.95)
    found = (np.abs(fitted["slope"]) > fitted["reach"])[:, i]
    assert near(found, power_of_correlation(partial, 25, 0.05, controls=1))


@pytest.mark.parametrize("r", [0.5, 0.8])
def test_verdicts_on_loops_are_those_of_single_fits(r):
    R = np.full((4, 4), r) + (1 - r) * np.eye(4)
    samples, S = tables(pd.DataFrame(R, *[list(LOOP.variables)] * 2), 30, 40)
    judged = judge_loops(LOOP, S, 30, alpha=0.1, cfi=0.9)
    chains = [
        parse_model("\n".join(f"{to} ~ {by}" for to, by in LOOP.paths if (to, by) != left_out))
        for left_out in LOOP.paths
    ]
    for table, row in zip(samples, judged.itertuples(), strict=True):
        fit = find_loop(LOOP, table).stable
        indices = fit_indices(fit)
        arrows = [fit.coefficients.loc[to, cause] for to, cause in LOOP.paths]
        worse = [fit_indices(fit_model(chain, table))["chi2"] - indices["chi2"] for chain in chains]
        assert row.gain == pytest.approx(np.prod(arrows), abs=1e-6)
        assert row.positive == (min(arrows) > 0)
        assert row.passes == (row.positive and indices["cfi"] >= 0.9)
        assert row.fits == (row.passes and indices["p"] >= 0.1)
        assert row.clear == (row.fits and min(worse) > stats.chi2.isf(0.1, 1))
    assert 0 < judged["clear"].sum() <= judged["fits"].sum() < 40
    units = np.array([1.0, 100, 0.01, 7])
    other = judge_loops(LOOP, S * np.outer(units, units), 30, alpha=0.1, cfi=0.9)
    pd.testing.assert_frame_equal(judged, other)


def test_a_chain_is_rarely_taken_for_a_clear_loop():
    chain = read_truth("b ~ 0.9 a\nc ~ 0.7 b\nd ~ 0.7 c").correlations
    order = list(LOOP.variables)
    S = draw_covariances(chain.loc[order, order], 200, 3000, rng())
    judged = judge_loops(LOOP, S, 200)
    assert near(judged["positive"], 0.5)
    free = judge_loops(LOOP, S, 200, cfi=0)["clear"].mean()
    assert 0.012 < free < 0.035, "one side of a test at .05"


def test_the_search_finds_every_loop_that_fits():
    values = rng().standard_normal((6, 25, 4, 3)) + 0.7 * np.random.default_rng(1).standard_normal(
        (6, 25, 1, 1)
    )
    found = search_loops(LOOP, values, alpha=0.1, cfi=0.9)
    each = list(product(range(6), product(range(3), repeat=4)))
    S = np.stack([np.cov(values[world][:, range(4), picks].T) for world, picks in each])
    judged = judge_loops(LOOP, S, 25, alpha=0.1, cfi=0.9)
    fitting = np.flatnonzero(judged["fits"])
    assert len(fitting) > 20
    assert list(found["world"]) == [each[k][0] for k in fitting]
    assert list(found["needs"]) == [max(each[k][1]) + 1 for k in fitting]
    np.testing.assert_allclose(found["gain"], judged.loc[fitting, "gain"], atol=1e-9)
    assert list(found["clear"]) == list(judged.loc[fitting, "clear"])
