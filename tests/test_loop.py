"""Feedback loops: lavaan, textbook algorithms and the published loop as reference; invariants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from helpers.errors import InputError
from helpers.factors import load_factors
from helpers.paper.reprint import load_published_loop
from helpers.pathmodel import (
    PathFit,
    PathModel,
    bollen_stine,
    bootstrap_loop,
    choose_nodes,
    effects,
    feedback,
    find_loop,
    fit_indices,
    fit_many,
    imply_correlations,
    parse_model,
    read_loop,
    read_model,
    respond,
)
from helpers.pathmodel.frame import correlations_of, discrepancy, imply
from helpers.pathmodel.loop import NODES, LoopFit
from helpers.pathmodel.ring import complete, solve_ring
from tests.test_pathmodel import agree_with_lavaan, read_case, read_data, run_lavaan
from tests.test_resampling import brute_bollen_stine, draw_at_once

LAVAAN_LOOPS = Path(__file__).parent / "lavaan_loop"
NAMES = list("abcdef")


def ring(p: int) -> PathModel:
    """Return the loop a -> b -> ... -> a."""
    return parse_model("\n".join(f"{to} ~ {cause}" for to, cause in arrows(p)))


def mirror(p: int) -> PathModel:
    """Return the loop with its arrows turned round, its variables in the same order."""
    turned = sorted((cause, to) for to, cause in arrows(p))
    return parse_model("\n".join(f"{to} ~ {cause}" for to, cause in turned))


def arrows(p: int) -> list[tuple[str, str]]:
    return [(NAMES[i], NAMES[i - 1 if i else p - 1]) for i in range(p)]


FOUR = ring(4)
FOLLOWED = parse_model(f"{FOUR.text}\ne ~ a + d\nf ~ a + e")


def simulate(
    gain: float, n: int, seed: int, p: int = 4, follow: int = 0, df: float = np.inf
) -> pd.DataFrame:
    """Return data of a true loop, with columns of unlike scale."""
    rng = np.random.default_rng(seed)
    B = np.zeros((p + follow, p + follow))
    B[np.arange(p), np.arange(p) - 1] = abs(gain) ** (1 / p)
    B[0, p - 1] *= np.sign(gain)
    for k in range(p, p + follow):
        B[k, [0, k - 1]] = 0.4, 0.6
    e = rng.standard_t(df, (n, len(B))) if np.isfinite(df) else rng.standard_normal((n, len(B)))
    values = e @ np.linalg.inv(np.eye(len(B)) - B).T * 10.0 ** rng.uniform(-3, 3, len(B)) + 5
    return pd.DataFrame(values, columns=NAMES[: len(B)])


DATA = simulate(0.4, 44, seed=1)


@st.composite
def samples(draw, least: int = 3, most: int = 6) -> tuple[int, np.ndarray]:
    """Draw a correlation matrix of a small sample of variables that no loop need join."""
    p, n = draw(st.integers(least, most)), draw(st.sampled_from([10, 30, 200]))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    R = np.corrcoef(rng.standard_normal((p, n)), rowvar=True)
    mix = np.eye(p) + rng.normal(0, draw(st.sampled_from([0.2, 0.5, 1])), (p, p))
    R, _ = correlations_of(mix @ R @ mix.T)
    assume(np.linalg.eigvalsh(R)[0] > 0.005)
    return p, R


def as_table(R: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(R, NAMES[: len(R)], NAMES[: len(R)])


# lavaan


def fit_root(case: pd.Series, folder: Path, *, convention: str, exogenous: str) -> PathFit:
    data, model = read_data(case["data"], folder), read_case(case["model"])
    matrix = data.set_axis(data.columns) if len(data) == data.shape[1] else data.cov(ddof=0)
    both = find_loop(model, matrix, case["n"], convention=convention)
    assert exogenous == "correlated"  # a loop leaves no exogenous variable
    return getattr(both, case["root"])


def test_both_solutions_agree_with_lavaan_in_every_number():
    agree_with_lavaan(LAVAAN_LOOPS, fits=13 * 2 * 2, fit=fit_root)


def test_new_loops_agree_with_lavaan_as_it_runs_here(tmp_path):
    data = simulate(0.3, 60, seed=8, follow=1, df=5)
    text = FOUR.text.replace("\n", "; ") + "; e ~ b + d"
    cases = {"structure": ["loop", "twin"], "root": ["stable", "twin"], "model": text}
    run_lavaan(tmp_path, data, cases)
    agree_with_lavaan(tmp_path, fits=4, fit=fit_root)


# both solutions


@settings(max_examples=60)
@given(samples())
def test_both_solutions_imply_the_nearest_matrix_without_links_across(drawn):
    p, R = drawn
    B, Psi = solve_ring(ring(p), R)
    assume(not np.isnan(B).any())
    Sigma, nearest = imply(B, Psi), complete(R)
    np.testing.assert_allclose(Sigma, [nearest, nearest], rtol=0, atol=1e-12)
    assert (np.einsum("kii->ki", Psi) > 0).all()
    one, twin = (discrepancy(each, R) for each in Sigma)
    assert one == pytest.approx(twin, abs=1e-10)
    found = feedback(B)
    gain = np.prod(B[:, np.arange(p), np.arange(p) - 1], axis=-1)
    np.testing.assert_allclose(found["gain"], gain, rtol=1e-7, atol=1e-12)
    assert gain.prod() == pytest.approx(1, rel=1e-8)
    assert found["stability_index"][0] < 1 < found["stability_index"][1]
    np.testing.assert_allclose(found["stability_index"], np.abs(gain) ** (1 / p), rtol=1e-6)
    np.testing.assert_allclose(found["amplification"], 1 / (1 - gain), rtol=1e-6)


@pytest.mark.parametrize(("gain", "digits"), [(0.8, 12), (0.95, 11), (0.99, 9), (0.999, 7)])
def test_variables_that_nearly_determine_each_other_cost_few_digits(gain, digits):
    for seed in range(10):
        R = simulate(gain, 100, seed).corr().to_numpy()
        Sigma = imply(*solve_ring(FOUR, R))
        np.testing.assert_allclose(Sigma, [complete(R)] * 2, rtol=0, atol=10.0**-digits)


@settings(max_examples=40)
@given(samples())
def test_arrows_the_other_way_fit_as_well_and_have_the_same_two_gains(drawn):
    p, R = drawn
    B, Psi = solve_ring(ring(p), R)
    turned, left = solve_ring(mirror(p), R)
    np.testing.assert_array_equal(np.isnan(B), np.isnan(turned).swapaxes(-1, -2))
    assume(not np.isnan(B).any())
    F = [discrepancy(each, R) for each in (*imply(B, Psi), *imply(turned, left))]
    np.testing.assert_allclose(F, F[0], rtol=0, atol=1e-10)
    to, cause = np.arange(p), np.arange(p) - 1
    np.testing.assert_allclose(turned[::-1, cause, to], 1 / B[:, to, cause], rtol=1e-7)
    np.testing.assert_allclose(feedback(turned)["gain"], feedback(B)["gain"], rtol=1e-7)
    b, g = B[0, to, cause], feedback(B)["gain"][0]
    np.testing.assert_allclose(turned[0, cause, to], b, rtol=1e-7)
    np.testing.assert_allclose(R[to, cause], (b + g / b) / (1 + g), atol=1e-9)
    np.testing.assert_allclose(Psi[0, to, to], (1 - b**2) * (1 - g) / (1 + g), atol=1e-9)


@settings(max_examples=40)
@given(samples(), st.lists(st.floats(-3, 3), min_size=6, max_size=6))
def test_the_nearest_matrix_keeps_neighbours_and_unlinks_the_others(drawn, powers):
    p, R = drawn
    unit = 10.0 ** np.array(powers[:p])
    Sigma = complete(R * np.outer(unit, unit)) / np.outer(unit, unit)
    apart = np.abs(np.subtract.outer(np.arange(p), np.arange(p)))
    near = np.isin(apart, (0, 1, p - 1))
    np.testing.assert_allclose(Sigma[near], R[near], rtol=1e-12)
    assert np.abs(correlations_of(np.linalg.inv(Sigma))[0][~near]).sum() < 1e-9
    assert np.linalg.det(Sigma) >= np.linalg.det(R) * (1 - 1e-9)


def test_the_order_of_lines_and_columns_changes_nothing():
    data = simulate(0.4, 60, seed=2, follow=2)
    one = find_loop(FOLLOWED, data)
    lines = FOLLOWED.text.splitlines()
    model = parse_model("\n".join(lines[k] for k in (5, 2, 0, 3, 4, 1)))
    assert model.variables != FOLLOWED.variables
    for left, right in zip(one, find_loop(model, data[list("fdbace")]), strict=True):
        names = list(FOLLOWED.variables)
        np.testing.assert_allclose(right.coefficients.loc[names, names], left.coefficients)
        pd.testing.assert_series_equal(fit_indices(right), fit_indices(left), rtol=1e-7)


def test_a_loop_is_found_where_its_matrix_is_fitted_and_only_there():
    both = find_loop(FOUR, DATA.cov(ddof=0), len(DATA))
    for ours, reference in zip(find_loop(FOUR, DATA), both, strict=True):
        pd.testing.assert_frame_equal(ours.estimates, reference.estimates)
    assert find_loop(FOUR, UNREAL) is None


# without a real solution


def climb(R: np.ndarray, start: np.ndarray) -> optimize.OptimizeResult:
    """Search for the best loop from a start; parameters are paths and log variances."""
    p = len(R)
    to, cause = np.arange(p), np.arange(p) - 1

    def misfit(theta: np.ndarray) -> float:
        B = np.zeros((p, p))
        B[to, cause] = theta[:p]
        F = discrepancy(imply(B, np.diag(np.exp(theta[p:]))), R)
        return F if np.isfinite(F) else 1e10

    with np.errstate(all="ignore"):
        return optimize.minimize(misfit, start, method="L-BFGS-B", options={"ftol": 1e-15})


def noise(p: int, seed: int) -> pd.DataFrame:
    """Return 44 rows of variables that no loop need join."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.standard_normal((44, p)) @ rng.normal(size=(p, p)), columns=NAMES[:p])


def unreal_data(p: int, count: int) -> list[pd.DataFrame]:
    """Return tables to which no real loop belongs."""
    found = []
    for seed in range(200):
        table = noise(p, seed)
        R = table.corr().to_numpy()
        if np.linalg.eigvalsh(R)[0] > 0.05 and np.isnan(solve_ring(ring(p), R)[0]).any():
            found.append(table)
    return found[:count]


@pytest.mark.parametrize("p", [3, 4])
def test_without_a_real_solution_the_best_gain_is_minus_1(p):
    matrices = [table.corr().to_numpy() for table in unreal_data(p, 4)]
    assert len(matrices) == 4
    for R in matrices:
        starts = np.random.default_rng(2).uniform(-1.5, 1, (8, 2 * p))
        best = min((climb(R, start) for start in starts), key=lambda end: end.fun)
        assert best.x[:p].prod() == pytest.approx(-1, abs=1e-2)
        assert best.fun > discrepancy(complete(R), R) + 1e-7


@settings(max_examples=60)
@given(samples())
def test_only_a_negative_gain_can_leave_no_real_solution(drawn):
    p, R = drawn
    K = np.linalg.inv(complete(R))
    around = np.prod([-K[i, i - 1] for i in range(p)])
    B, Psi = solve_ring(ring(p), R)
    if np.isnan(B).any():
        assert np.isnan(B[:, np.arange(p), np.arange(p) - 1]).all()
        assert around < 0
        assert find_loop(ring(p), as_table(R), 99) is None
    else:
        assert np.sign(feedback(B)["gain"]) == pytest.approx(np.sign(around))
    assert around < 0 or not np.isnan(Psi).any()


# the published loop


def published(turned: bool = False) -> tuple[pd.DataFrame, LoopFit]:
    """Return B as Fig. 4c prints it, and what fits the correlations that it implies."""
    paths, _ = load_published_loop()
    names = paths.index.unique("from")
    B = paths.unstack("from").reindex(index=names, columns=names).fillna(0.0)
    pairs = [(cause, to) if turned else (to, cause) for cause, to in paths.index]
    model = parse_model("\n".join(f"{to} ~ {cause}" for to, cause in pairs))
    R = pd.DataFrame(imply_correlations(B.to_numpy()), names, names)
    return B, find_loop(model, R, 44)


def test_the_published_loop_is_a_bounded_amplification():
    B, both = published()
    assert {name: round(float(value), 4) for name, value in feedback(B).items()} == {
        "gain": 0.4065,
        "stability_index": 0.7985,
        "amplification": 1.685,
    }
    np.testing.assert_allclose(both.stable.coefficients.loc[B.index, B.columns], B, atol=1e-9)
    total = effects(both.stable)["total"]
    assert total.idxmax() == ("climatic", "plant")
    assert total.max() == pytest.approx(1.668, abs=5e-4)
    own = [total[name, name] for name in B]
    np.testing.assert_allclose(own, 0.685, atol=5e-4)
    left = both.stable.estimates.query("kind == 'covariance'").set_index("to")["standardized"]
    errors = {"climatic": 0.185, "plant": 0.008, "soil": 0.197, "microbial": 0.185}
    assert left.round(3).to_dict() == errors
    assert np.linalg.det(both.stable.sample) == pytest.approx(1.60e-4, abs=5e-7)


def test_the_published_loop_turned_round_has_reciprocal_coefficients():
    B, _ = published()
    _, turned = published(turned=True)
    cells = turned.twin.coefficients.T.loc[B.index, B.columns].to_numpy()
    np.testing.assert_allclose(cells[B != 0], 1 / B.to_numpy()[B != 0])
    np.testing.assert_allclose(turned.stable.coefficients.T.loc[B.index, B.columns], B, atol=1e-9)
    np.testing.assert_allclose(turned.stable.implied, turned.stable.sample, atol=1e-9)
    gains = [feedback(fit.coefficients)["gain"] for fit in turned]
    np.testing.assert_allclose(gains, [0.40652, 2.4599], rtol=1e-4)


# what a loop does to a push


@settings(max_examples=25)
@given(samples())
def test_a_push_ends_as_the_total_effects_and_itself(drawn):
    p, R = drawn
    model = ring(p)
    B, _ = solve_ring(model, R)
    assume(not np.isnan(B).any())
    assume(feedback(B[0])["stability_index"] < 0.9)
    both = find_loop(model, as_table(R), 99)
    total = effects(both.stable)["total"]
    for pushed in model.variables:
        states = respond(both.stable.coefficients, pushed, 400)
        assert list(states.index) == list(range(401))
        assert states.index.name == "step"
        end = total.xs(pushed, level="from").reindex(model.variables, fill_value=0.0)
        end[pushed] += 1
        np.testing.assert_allclose(states.iloc[-1], end[states.columns], atol=1e-8)
        own = feedback(both.stable.coefficients)["amplification"]
        assert states[pushed].iloc[-1] == pytest.approx(own)


def test_a_push_runs_along_the_arrows_step_by_step():
    B, _ = published()
    states = respond(B, "soil", 5)
    assert states.loc[0].to_dict() == {"climatic": 0, "plant": 0, "soil": 1, "microbial": 0}
    assert states.loc[1, "microbial"] == 0.75
    assert states.loc[1, ["climatic", "plant"]].to_list() == [0, 0]
    assert states.loc[2, "climatic"] == 0.75**2
    assert states.loc[3, "soil"] == 1
    assert states.loc[4, "soil"] == 1 + 0.75**2 * 0.99 * 0.73
    assert states.loc[5, "microbial"] == 0.75 * states.loc[4, "soil"]


@settings(max_examples=40)
@given(st.lists(st.floats(-1.3, 1.3), min_size=4, max_size=4), st.floats(-0.9, 0.9))
def test_implied_correlations_are_those_of_errors_that_exist(paths, tail):
    B = np.zeros((5, 5))
    B[[0, 1, 2, 3], [3, 0, 1, 2]], B[4, 1] = paths, tail
    assume(abs(1 - np.prod(paths)) > 0.02)
    A = np.linalg.inv(np.eye(5) - B)
    assume(np.linalg.cond(A**2) < 1e6)
    Psi = np.linalg.inv(A**2).sum(axis=1)
    R = imply_correlations(B)
    assume(np.abs(Psi).min() > 1e-6)
    assert np.isnan(R).all() == np.isnan(R).any() == (Psi < 0).any()
    if (Psi > 0).all():
        np.testing.assert_allclose(np.diag(R), 1, atol=1e-9)
        M = np.eye(5) - B
        np.testing.assert_allclose(M @ R @ M.T, np.diag(Psi), atol=1e-9)
    other = np.zeros((5, 5))
    batch = imply_correlations(np.stack([other, B]))
    np.testing.assert_array_equal(batch[0], np.eye(5))
    np.testing.assert_allclose(batch[1], R)


# resampling


def rows_of(fit: PathFit) -> dict[tuple[str, str, str], float]:
    """Return what a bootstrap should hold of a fit."""
    rows = {("direct", c, to): fit.coefficients.loc[to, c] for to, c in fit.model.paths}
    rows |= {("total", *pair): value for pair, value in effects(fit)["total"].items()}
    return rows | {(name, "", ""): value for name, value in feedback(fit.coefficients).items()}


def test_a_bootstrap_is_that_of_the_fit():
    data = simulate(0.6, 80, seed=3, follow=1)
    model = parse_model(f"{FOUR.text}\ne ~ a + c")
    found = bootstrap_loop(model, data, n_boot=300, seed=9)
    assert found.failed == found.unreal == 0
    table = found.table
    assert table["estimate"].to_dict() == pytest.approx(rows_of(find_loop(model, data).stable))
    assert (table["low"] < table["estimate"]).all()
    assert (table["estimate"] < table["high"]).all()
    sites = draw_at_once(80, 300, 9)
    for resample in (0, 1, 150, 299):
        again = find_loop(model, data.iloc[sites[resample]]).stable
        assert found.draws.iloc[resample].to_dict() == pytest.approx(rows_of(again), abs=1e-8)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_agree_with_scipy(confidence):
    def gain_of(*columns: np.ndarray) -> float:
        table = pd.DataFrame(dict(zip("abcd", columns, strict=True)))
        return float(feedback(find_loop(FOUR, table).stable.coefficients)["gain"])

    found = bootstrap_loop(FOUR, DATA, n_boot=120, confidence=confidence, seed=5)
    expected = stats.bootstrap(
        [DATA[name].to_numpy() for name in "abcd"],
        gain_of,
        n_resamples=120,
        paired=True,
        vectorized=False,
        confidence_level=confidence,
        method="BCa",
        rng=np.random.default_rng(5),
    )
    np.testing.assert_allclose(found.draws["gain"].squeeze(), expected.bootstrap_distribution)
    ends = found.table.loc["gain", ["low", "high"]].squeeze()
    np.testing.assert_allclose(ends, expected.confidence_interval, rtol=1e-8)


def test_resamples_without_a_loop_are_left_out_and_counted():
    data = simulate(-0.3, 30, seed=1)
    data["a"] = 1.0 * data["a"].rank().gt(28)
    found = bootstrap_loop(FOUR, data, n_boot=400, seed=6)
    failed, unreal = 0, 0
    for sites in draw_at_once(30, 400, 6):
        table = data.iloc[sites]
        if table["a"].nunique() == 1:
            failed += 1
        else:
            unreal += np.isnan(solve_ring(FOUR, table.cov().to_numpy())[0]).any()
    assert 0 < failed == found.failed
    assert 0 < unreal == found.unreal
    assert len(found.draws) == 400 - failed - unreal
    assert found.draws.notna().all(axis=None)
    assert (found.draws["gain"].abs() < 1).all(axis=None)


@pytest.mark.parametrize("gain", [0.4, -0.4], ids=["positive", "negative"])
def test_bollen_stine_agrees_with_refits(gain):
    data = simulate(gain, 40, seed=22)
    observed, F = brute_bollen_stine(FOUR, data, draw_at_once(40, 120, 3))
    found = bollen_stine(FOUR, data, n_boot=120, seed=3)
    np.testing.assert_allclose(found.draws, F[~np.isnan(F)], rtol=0, atol=1e-9)
    assert found.p == (F[~np.isnan(F)] > observed).mean()
    assert 0 < found.p < 1
    assert found.failed == np.isnan(F).sum()
    assert (found.failed > 0) == (gain < 0)


def test_a_loop_of_three_has_nothing_to_test():
    data = simulate(0.3, 50, seed=5, p=3)
    assert np.isnan(bollen_stine(ring(3), data, n_boot=100).p)
    stable = find_loop(ring(3), data).stable
    assert stable.df == 0
    assert fit_indices(stable)["cfi"] == 1
    weak = fit_many(ring(3), np.eye(3)[None] + 1e-3 * (1 - np.eye(3)), 50)  # no better than none
    assert weak["cfi"].tolist() == [1]


# many at once


@pytest.mark.parametrize("model", [ring(3), FOUR, FOLLOWED], ids=["three", "four", "followed"])
def test_many_samples_at_once_are_fitted_as_each(model):
    names = list(model.variables)
    unit = 10.0 ** np.arange(-2, len(names) - 2)
    S = np.stack([(noise(len(names), seed) * unit).cov() for seed in range(40, 52)])
    found = fit_many(model, S, 35)
    assert list(found.index) == list(range(12))
    indices = ["chi2", "p", "rmsea", "cfi", "tli", "nfi", "gfi"]
    unreal = 0
    for row, sample in zip(found.to_dict("records"), S, strict=True):
        both = find_loop(model, pd.DataFrame(sample, names, names), 35)
        if both is None:
            assert np.isnan(list(row.values())).all()
            unreal += 1
            continue
        fit = both.stable
        expected = {
            f"{cause} -> {to}": fit.coefficients.loc[to, cause] for to, cause in model.paths
        }
        expected |= feedback(fit.coefficients) | fit_indices(fit)[indices].to_dict()
        assert row == pytest.approx(expected, rel=1e-8, abs=1e-10, nan_ok=True)
        assert np.isnan(row["p"]) == np.isnan(row["rmsea"]) == (fit.df == 0)
    assert 0 < unreal < 12


# other factors in the loop


FILES = ("loop", "loop_top_all", "loop_top_two", "loop_top_inside")


@pytest.mark.parametrize("source", FILES)
def test_other_nodes_take_the_places_of_the_leaders(source):
    file = read_model(source)
    assert read_loop(source=source).paths == file.paths
    assert read_loop(source=source).reasons == file.reasons
    nodes = choose_nodes("PRE, NPP,Rs ,GP", load_factors().index)
    names = dict(zip(NODES, nodes, strict=True)) | {"TOP": "TOP"}
    model = read_loop(nodes, source)
    assert model.paths == tuple((names[to], names[cause]) for to, cause in file.paths)
    assert not model.reasons
    partly = read_loop(("PRE", "EVI", "SOC", "Cenzy")).reasons
    assert partly == {to: read_model("loop").reasons[to] for to in ("SOC", "Cenzy")}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("TF, EVI, SOC", r"TF \(climatic\), EVI \(plant\), SOC \(soil\)\n"),
        ("TF, EVI, SOC, Cenzy, pH", r"pH \(soil\)"),
        ("TF, SOC, EVI, Cenzy", r"SOC \(soil\), EVI \(plant\)"),
        ("TF, EVI, SOC, Nenzy", r"Nenzy \(no factor of this study\)"),
    ],
)
def test_nodes_that_are_not_one_factor_of_each_group_are_refused_with_the_list(text, found):
    known = load_factors().index.drop("Nenzy")
    with pytest.raises(InputError, match=rf"found:  (.|\n)*{found}") as refusal:
        choose_nodes(text, known)
    assert "plant: EVI, CIA" in refusal.value.needed
    assert "Nenzy" not in refusal.value.needed


# without a loop


def test_a_bootstrap_without_a_loop_has_no_estimate_and_still_counts():
    found = bootstrap_loop(FOUR, UNREAL, n_boot=200, seed=3)
    assert found.table.isna().all(axis=None)
    assert found.table.index.equals(bootstrap_loop(FOUR, DATA, n_boot=100).table.index)
    assert found.failed == 0
    assert 0 < found.unreal == 200 - len(found.draws)


def test_an_interval_needs_a_loop_without_each_site():
    table = next(table for seed in range(20) if needs_each_site(table := simulate(-0.85, 30, seed)))
    found = bootstrap_loop(FOUR, table, n_boot=100, seed=1).table
    assert found["estimate"].notna().all()
    assert np.isnan(found.loc[[("gain", "", "")], "low"].item())


def needs_each_site(table: pd.DataFrame) -> bool:
    fewer = np.stack([table.drop(index=site).cov() for site in table.index])
    return find_loop(FOUR, table) and np.isnan(solve_ring(FOUR, fewer)[0]).any()


# refusals


@pytest.mark.parametrize(
    "text",
    [
        "b ~ a\nc ~ b\nd ~ c",
        "b ~ a\na ~ b\nc ~ a\nd ~ c",
        "b ~ a + d\nc ~ b\na ~ c",
        "b ~ a\nc ~ b\na ~ c\ne ~ a + d",
        "b ~ a\nc ~ b\na ~ c + d\nd ~ c",
        "b ~ a\nc ~ b + a\nd ~ c\na ~ d",
        "b ~ a\nc ~ b\nd ~ c\na ~ d\nb ~~ c",
        "b ~ a\nc ~ b\na ~ c\nd ~ a\ne ~ d\nf ~ e\nd ~ f",
        "b ~ a\nc ~ b\na ~ c\ne ~ d\nf ~ e\nd ~ f",
        "b ~ k*a\nc ~ k*b\nd ~ c\na ~ d",
        "b ~ 0.5*a\nc ~ b\nd ~ c\na ~ d",
        "b ~ a\nc ~ b\nd ~ c\na ~ d\nb ~~ 0.5*b",
    ],
    ids=[
        *("chain", "pair", "cause", "other cause", "two ways", "chord", "errors", "eight", "two"),
        *("equal", "fixed", "variance"),
    ],
)
def test_other_shapes_are_sent_to_the_search(text):
    model = parse_model(text)
    names = list(model.variables)
    data = noise(len(names), seed=1).set_axis(names, axis="columns")
    for ask in (
        lambda: find_loop(model, data),
        lambda: bootstrap_loop(model, data),
        lambda: fit_many(model, data.cov().to_numpy()[None], 44),
    ):
        with pytest.raises(InputError, match="use fit_model"):
            ask()


(UNREAL,) = unreal_data(4, 1)
RARE = simulate(-0.3, 30, seed=2)
RARE[["a", "c"]] = 1.0 * (RARE[["a", "c"]].rank() > 29)  # constant in half of the resamples


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: find_loop(FOUR, DATA[:8]), "at least 9 sites"),
        (lambda: bootstrap_loop(FOUR, RARE, n_boot=100), "at least half of the resamples"),
        (lambda: bollen_stine(FOUR, UNREAL), "gain is -1"),
    ],
)
def test_input_that_no_loop_belongs_to_is_refused(ask, message):
    with pytest.raises(InputError, match=message):
        ask()
