"""Bootstrap of path models: lavaan, scipy and refits as reference, calibration by simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.checks import COLLINEAR
from helpers.errors import InputError
from helpers.paper import group_models
from helpers.paper.group_models import GroupModel
from helpers.pathmodel import (
    PathModel,
    bollen_stine,
    bootstrap_defined,
    bootstrap_effects,
    effect_pairs,
    effects,
    effects_on,
    find_loop,
    fit_indices,
    fit_model,
    parse_model,
)
from helpers.pathmodel.recursive import solvable
from helpers.pathmodel.resampling import Bootstrap
from helpers.pathmodel.ring import ring_order
from tests.test_pathmodel import EXOGENOUS

R = Path(__file__).parent / "r"
SITES = pd.read_csv(R / "diagnostics_input.csv")
MODEL = parse_model("b ~ a1 + a2\nc ~ b\nd ~ b + a2\ny ~ c + d")
CHAIN = parse_model("m ~ x\ny ~ m")
LOOP = parse_model("a ~ c + x\nb ~ a\nc ~ b")
INSTRUMENT = parse_model("m ~ z\ny ~ m\nm ~~ y")
ERRORS = parse_model("m ~ x\ny ~ x + z\nw ~ y\nm ~~ y")
EACH = pytest.mark.parametrize("exogenous", EXOGENOUS)


def lavaan(name: str, exogenous: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return lavaan's results of its resamples, and the sites that are in them."""
    table = pd.read_csv(R / f"diagnostics_{name}.csv")
    table = table[table["exogenous"] == exogenous].drop(columns="exogenous")
    sites = table.filter(like="site")
    return table.drop(columns=sites.columns), sites.to_numpy() - 1


def noise(model: PathModel, sites: int = 30, seed: int = 3) -> pd.DataFrame:
    """Return correlated columns of unlike scale for a model."""
    rng = np.random.default_rng(seed)
    p = len(model.variables)
    mix = np.eye(p) + rng.normal(0, 0.5, (p, p))
    values = rng.standard_normal((sites, p)) @ mix * 10.0 ** rng.uniform(-3, 3, p) + 5
    return pd.DataFrame(values, columns=list(model.variables))


def draw_at_once(n: int, n_boot: int, seed: int) -> np.ndarray:
    """Return the sites of resamples as numpy draws them at once."""
    return np.random.default_rng(seed).integers(0, n, (n_boot, n))


# the closed form


def test_only_the_smallest_eigenvalue_tells_whether_columns_determine_each_other():
    rng = np.random.default_rng(4)
    values = rng.standard_normal((4000, 12, 5))
    values[..., 4] = values[..., 0] + values[..., 4] * 10.0 ** rng.uniform(-7, 1, (4000, 1))
    R = np.stack([np.corrcoef(table.T) for table in values])
    expected = np.linalg.eigvalsh(R)[:, 0] > COLLINEAR
    assert 300 < expected.sum() < 3700
    np.testing.assert_array_equal(solvable(R), expected)
    np.testing.assert_array_equal([solvable(each) for each in R[:50]], expected[:50])


def test_a_matrix_that_cannot_be_solved_has_no_effects():
    S = np.stack([np.eye(3), np.ones((3, 3)), np.diag([1.0, 0, 1])])
    found = effects_on("y", CHAIN, S, "correlated")
    assert found.shape == (3, 2, 3)
    np.testing.assert_array_equal(np.isnan(found).all(axis=(0, 1)), [False, True, True])


# effects


@EACH
def test_total_effects_of_resamples_agree_with_lavaan_and_are_those_that_are_kept(exogenous):
    expected, sites = lavaan("effects", exogenous)
    causes = effect_pairs(MODEL, "y").get_level_values("from")

    def totals(sites: np.ndarray) -> pd.DataFrame:
        S = np.stack([SITES.iloc[rows][list(MODEL.variables)].cov(ddof=0) for rows in sites])
        return pd.DataFrame(effects_on("y", MODEL, S, exogenous)[-1].T, columns=causes)

    np.testing.assert_allclose(totals(sites)[expected.columns], expected, rtol=0, atol=1e-8)
    draws = bootstrap_effects(MODEL, SITES, "y", n_boot=100, seed=8, exogenous=exogenous).draws
    np.testing.assert_allclose(draws, totals(draw_at_once(30, 100, 8)), rtol=0, atol=1e-9)


@EACH
def test_estimates_are_those_of_the_fit(exogenous):
    model = parse_model(f"{MODEL.text}\ny ~ b")  # b acts directly and through others
    table = bootstrap_effects(model, SITES, "y", n_boot=100, exogenous=exogenous).table
    expected = effects(fit_model(model, SITES, exogenous=exogenous), "y")
    kinds = ["direct", "indirect", "total"]
    pd.testing.assert_frame_equal(table[kinds], expected[kinds], atol=1e-8)


@pytest.mark.parametrize("n_boot", [1000, 4000])  # one block, and more than one
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_agree_with_scipy_on_one_chain(n_boot, confidence):
    x, m, y = (SITES[name].to_numpy() for name in ("a1", "b", "y"))

    def correlation(one, other, axis):
        return stats.pearsonr(one, other, axis=axis).statistic

    def product(x, m, y, axis):
        return correlation(x, m, axis) * correlation(m, y, axis)

    data = pd.DataFrame({"x": x, "m": m, "y": y})
    found = bootstrap_effects(CHAIN, data, "y", n_boot=n_boot, confidence=confidence, seed=5)
    for cause, kind, columns, statistic in (
        ("m", "direct", (m, y), correlation),
        ("x", "indirect", (x, m, y), product),
    ):
        expected = stats.bootstrap(
            columns,
            statistic,
            n_resamples=n_boot,
            paired=True,
            confidence_level=confidence,
            method="BCa",
            rng=np.random.default_rng(5),
        )
        ends = found.table.loc[(cause, "y"), [f"{kind}_low", f"{kind}_high"]]
        np.testing.assert_allclose(ends, expected.confidence_interval, rtol=1e-10)
        np.testing.assert_allclose(found.draws[cause], expected.bootstrap_distribution)


def test_effects_without_arrows_are_0_and_sure():
    table = bootstrap_effects(CHAIN, noise(CHAIN), "y", n_boot=100).table.droplevel("to")
    assert (table.loc["x"].filter(like="indirect_") != 0).all()
    assert (table.loc["x", ["direct", "direct_low", "direct_high"]] == 0).all()
    assert (table.loc["m", ["indirect", "indirect_low", "indirect_high"]] == 0).all()
    assert (table["total_low"] < table["total"]).all()
    assert (table["total"] < table["total_high"]).all()


def test_units_change_nothing_and_another_seed_does():
    one, same = (bootstrap_effects(MODEL, SITES, "y", n_boot=200) for _ in range(2))
    pd.testing.assert_frame_equal(one.table, same.table)
    rescaled = SITES * [1e-3, 1e3, -1, 7, 1, 1e6] + 40
    found = bootstrap_effects(MODEL, rescaled, "y", n_boot=200)
    turned = pd.Series({"a1": 1, "a2": 1, "b": -1, "c": 1, "d": 1})
    pd.testing.assert_frame_equal(found.draws * turned[found.draws.columns], one.draws)
    scaled = SITES * [1e-3, 1e3, 1, 7, 1, 1e6] + 40
    assert bollen_stine(MODEL, scaled).p == bollen_stine(MODEL, SITES).p
    other = bootstrap_effects(MODEL, SITES, "y", n_boot=200, seed=1)
    assert not np.isclose(one.draws, other.draws).any()


def test_resamples_that_cannot_be_fitted_are_left_out_and_counted():
    data = noise(CHAIN, sites=12)
    data["x"] = 1.0 * (data.index == 4)
    found = bootstrap_effects(CHAIN, data, "y", n_boot=1000, seed=6)
    constant = np.count_nonzero((draw_at_once(12, 1000, 6) != 4).all(axis=1))
    assert found.failed == constant > 300
    assert len(found.draws) == 1000 - constant
    assert found.draws.notna().all(axis=None)
    assert found.table.loc["x", ["total_low", "total_high"]].isna().all(axis=None)
    assert found.table["total"].notna().all()
    assert bollen_stine(CHAIN, data, n_boot=1000, seed=6).failed == constant

    data = noise(CHAIN, sites=10)
    data.loc[1:, "m"] = 2 * data.loc[1:, "x"]  # only site 0 tells them apart
    found = bootstrap_effects(CHAIN, data, "y", n_boot=500, seed=6)
    assert found.failed == np.count_nonzero((draw_at_once(10, 500, 6) != 0).all(axis=1))


# Bollen and Stine


def fit_of(model: PathModel, data: pd.DataFrame, exogenous: str):
    if ring_order(model):
        both = find_loop(model, data)
        return both and both.stable
    return fit_model(model, data, exogenous=exogenous)


def brute_bollen_stine(
    model: PathModel, data: pd.DataFrame, sites: np.ndarray, exogenous: str = "correlated"
) -> tuple[float, np.ndarray]:
    """Turn the data and refit them one by one; return F of the data, and of the resamples."""
    Z = data[list(model.variables)].apply(stats.zscore)
    fit = fit_of(model, Z, exogenous)

    def root(S: pd.DataFrame, power: float) -> np.ndarray:
        values, vectors = np.linalg.eigh(S)
        return vectors @ np.diag(values**power) @ vectors.T

    turned = Z.to_numpy() @ root(fit.sample, -0.5) @ root(fit.implied, 0.5)
    turned = pd.DataFrame(turned, columns=list(model.variables))
    fits = [fit, *(fit_of(model, turned.iloc[rows], exogenous) for rows in sites)]
    F = [fit_indices(each)["chi2"] / each.scale if each else np.nan for each in fits]
    return F[0], np.array(F[1:])


@EACH
def test_bollen_stine_agrees_with_lavaan_and_refits(exogenous):
    expected, sites = lavaan("bollen_stine", exogenous)
    _, F = brute_bollen_stine(MODEL, SITES, sites, exogenous)
    np.testing.assert_allclose(F, expected["F"], rtol=0, atol=1e-8)
    observed, F = brute_bollen_stine(MODEL, SITES, draw_at_once(30, 100, 3), exogenous)
    found = bollen_stine(MODEL, SITES, n_boot=100, seed=3, exogenous=exogenous)
    np.testing.assert_allclose(found.draws, F, rtol=0, atol=1e-8)
    assert found.p == (observed < F).mean()
    assert 0 < found.p < 1
    assert found.failed == 0


def test_a_saturated_model_has_no_bollen_stine_p():
    assert np.isnan(bollen_stine(parse_model("m ~ x\ny ~ m + x"), noise(CHAIN), n_boot=100).p)


# models without a closed form


def instrumented(n: int, seed: int, strength: float = 1.0) -> pd.DataFrame:
    """Return data of y = 0.5 m + v, where what drives m besides its instrument z drives y, too."""
    z, u, e, v = np.random.default_rng(seed).standard_normal((4, n))
    m = strength * z + u + e
    return pd.DataFrame({"z": z, "m": m, "y": 0.5 * m + u + v})


def confounded(n: int, seed: int) -> pd.DataFrame:
    """Return data for which ERRORS is true."""
    x, z, u, e, v, w = np.random.default_rng(seed).standard_normal((6, n))
    y = 0.4 * x + 0.5 * z + u + v
    return pd.DataFrame({"x": x, "z": z, "m": 0.6 * x + u + e, "y": y, "w": 0.7 * y + w})


def test_an_instrument_that_just_identifies_is_a_ratio_of_covariances():
    data = instrumented(80, seed=1)
    found = bootstrap_effects(INSTRUMENT, data, "y", n_boot=200, seed=2)

    def ratio(rows: np.ndarray) -> float:
        S = data.iloc[rows].cov(ddof=0)
        slope = S.loc["z", "y"] / S.loc["z", "m"]
        return slope * np.sqrt(S.loc["m", "m"] / S.loc["y", "y"])

    draws = [ratio(rows) for rows in draw_at_once(80, 200, 2)]
    assert found.failed == found.unreal == 0
    np.testing.assert_allclose(found.draws["m"], draws, rtol=1e-6)
    assert found.table.loc[("m", "y"), "direct"] == pytest.approx(ratio(np.arange(80)), rel=1e-7)


@pytest.mark.parametrize("model", [ERRORS, LOOP, parse_model("m ~ k*x\ny ~ k*x + z\nw ~ y")])
def test_resamples_of_any_model_are_refitted_as_each_alone(model):
    data = confounded(60, seed=3) if "w" in model.variables else looped(60, seed=3)
    outcome = model.endogenous[-1]
    found = bootstrap_effects(model, data, outcome, n_boot=100, seed=4)
    causes = found.table.index.get_level_values("from")
    assert found.failed == found.unreal == 0
    for row, sites in enumerate(draw_at_once(60, 100, 4)):
        if row % 10 == 0:
            total = effects(fit_model(model, data.iloc[sites]), outcome)["total"]
            np.testing.assert_allclose(found.draws.loc[row, causes], total, rtol=1e-5, atol=1e-7)
    kinds = ["direct", "indirect", "total"]
    expected = effects(fit_model(model, data), outcome)[kinds]
    pd.testing.assert_frame_equal(found.table[kinds], expected, atol=1e-7)


def looped(n: int, seed: int) -> pd.DataFrame:
    """Return data for which LOOP is true."""
    values = np.random.default_rng(seed).standard_normal((n, 4))
    C = np.eye(4)
    C[0, 2], C[1, 0], C[2, 1], C[0, 3] = -0.5, -0.6, -0.7, -0.8
    return pd.DataFrame(values @ np.linalg.inv(C).T, columns=list("abcx"))


def test_resamples_of_a_weak_instrument_have_their_ratios_and_few_are_lost():
    data = instrumented(100, seed=1, strength=0.3)
    found = bootstrap_effects(INSTRUMENT, data, "y", n_boot=200, seed=2)
    S = np.stack([data.iloc[rows].cov() for rows in draw_at_once(100, 200, 2)])  # z, m, y
    ratios = S[:, 0, 2] / S[:, 0, 1] * np.sqrt(S[:, 1, 1] / S[:, 2, 2])
    assert found.unreal + len(found.draws) == 200
    assert found.unreal <= 4
    assert all(np.isclose(ratios, draw, rtol=1e-4).any() for draw in found.draws["m"])


def test_effects_of_an_unstable_solution_warn_here_too():
    C = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [-1, 0, 1, -1.6], [0, -1, -0.9, 1]])
    values = np.random.default_rng(3).standard_normal((100, 4)) @ np.linalg.inv(C).T
    data = pd.DataFrame(values, columns=list("zxym"))
    with pytest.warns(UserWarning, match="unstable"):
        bootstrap_effects(parse_model("y ~ m + z\nm ~ y + x"), data, "y", n_boot=100)


def test_seemingly_unrelated_equations_with_the_same_causes_are_least_squares():
    data = confounded(60, seed=5)
    joined = parse_model("y ~ x + z\nm ~ x + z\nm ~~ y")
    alone = parse_model("y ~ x + z\nm ~ x + z")
    one, other = (bootstrap_effects(model, data, "y", n_boot=200) for model in (joined, alone))
    pd.testing.assert_frame_equal(one.table, other.table, rtol=1e-6, atol=1e-8)
    pd.testing.assert_frame_equal(one.draws, other.draws, rtol=1e-6, atol=1e-8)


def test_effects_through_equal_paths_and_defined_ones_are_those_of_the_fit():
    model = parse_model("m ~ k*x + z\ny ~ l*m + z\nkl := k*l\nshare := k / (k + l)")
    data = confounded(60, seed=6) * [1, 10, 1e3, 1e-2, 1]
    found = bootstrap_defined(model, data, n_boot=100, seed=7)
    fit = fit_model(model, data)
    kinds = ["estimate", "standardized"]
    pd.testing.assert_frame_equal(found.table[kinds], fit.defined[kinds], rtol=1e-8)
    for kind in kinds:
        assert (found.table[f"{kind}_low"] < found.table[kind]).all()
        assert (found.table[kind] < found.table[f"{kind}_high"]).all()
    for row, sites in enumerate(draw_at_once(60, 100, 7)):
        again = fit_model(model, data.iloc[sites]).defined["estimate"]
        np.testing.assert_allclose(found.draws.loc[row, again.index], again, rtol=1e-7)
    product = bootstrap_effects(model, data, "y", n_boot=100, seed=7).table.loc[("x", "y")]
    columns = [f"indirect{end}" for end in ("", "_low", "_high")]
    ours = found.table.loc["kl", [f"standardized{end}" for end in ("", "_low", "_high")]]
    np.testing.assert_allclose(ours, product[columns], rtol=1e-8)


def test_blocks_and_gaps_keep_rows_and_labels_together():
    data = confounded(60, seed=8)
    blocks = pd.Series(np.repeat(np.arange(12), 5), data.index)
    gaps = data.copy()
    gaps.loc[[3, 17, 40], "y"] = np.nan
    gaps.loc[[3, 50], "x"] = np.nan
    kept = gaps[list(ERRORS.variables)].notna().all(axis=1)
    how = {"n_boot": 100, "seed": 9}
    for with_blocks in (False, True):
        one = bootstrap_effects(
            ERRORS, gaps, "w", missing="listwise", blocks=blocks if with_blocks else None, **how
        )
        other = bootstrap_effects(
            ERRORS, gaps[kept], "w", blocks=blocks[kept] if with_blocks else None, **how
        )
        pd.testing.assert_frame_equal(one.table, other.table)
        pd.testing.assert_frame_equal(one.draws, other.draws)
    assert bollen_stine(ERRORS, gaps, missing="listwise", n_boot=100).p == (
        bollen_stine(ERRORS, gaps[kept], n_boot=100).p
    )
    fits = fit_model(ERRORS, gaps, missing="listwise"), fit_model(ERRORS, gaps.dropna())
    pd.testing.assert_frame_equal(fits[0].estimates, fits[1].estimates)
    assert (fits[0].n, fits[0].left_out) == (56, 4)
    for shown in (repr(fits[0]), fits[0]._repr_html_()):
        assert "56 cases (4 with gaps left out)" in shown
    with pytest.raises(InputError, match="gap at 3"):
        fit_model(ERRORS, gaps)


@pytest.mark.parametrize("model", [ERRORS, LOOP], ids=["errors", "loop"])
def test_bollen_stine_of_any_model_agrees_with_refits(model):
    data = confounded(50, seed=10) if model is ERRORS else looped(50, seed=10)
    observed, F = brute_bollen_stine(model, data, draw_at_once(50, 100, 3)[:20])
    found = bollen_stine(model, data, n_boot=100, seed=3)
    np.testing.assert_allclose(found.draws[:20], F, rtol=0, atol=1e-8)
    assert found.failed == 0
    assert found.p == (found.draws > observed).mean()


# order


DRAWS = pd.DataFrame({"p": [0.9, 0.5, 0.8], "q": [0.4, 0.6, -0.1], "r": [-0.5, -0.2, -0.3]})


def of_draws(draws: pd.DataFrame) -> GroupModel:
    """Return a model with these draws, of which the first is the estimate, too."""
    index = pd.MultiIndex.from_product([draws.columns, ["y"]], names=["from", "to"])
    table = pd.DataFrame({"total": draws.iloc[0].to_numpy()}, index)
    return GroupModel("made up", SITES, None, Bootstrap(table, draws, 0), 1)


def publish(monkeypatch, positive: list[str], negative: list[str]) -> None:
    """Let the paper have printed these causes, the strongest of each sign first."""
    ranks = [*range(1, len(positive) + 1), *range(-1, -len(negative) - 1, -1)]
    published = pd.Series(ranks, [*positive, *negative])
    monkeypatch.setattr(group_models, "load_published_effects", lambda group: published)


def test_rank_1_is_the_most_positive_effect(monkeypatch):
    publish(monkeypatch, ["p", "q"], ["r"])
    shares = of_draws(DRAWS).ranks()
    expected = [[2 / 3, 1 / 3, 0], [1 / 3, 2 / 3, 0], [0, 0, 1]]
    np.testing.assert_allclose(shares, expected)
    assert shares.index.to_list() == ["p", "q", "r"]
    assert shares.columns.to_list() == [1, 2, 3]


# calibration


def true_chains(samples: int, seed: int) -> list[pd.DataFrame]:
    """Return data of a true chain, with standardized effects 0.3 of x and 0.5 of m on y."""
    x, one, two = np.random.default_rng(seed).standard_normal((3, samples, 30))
    m = 0.6 * x + 0.8 * one
    y = 0.5 * m + np.sqrt(0.75) * two
    return [pd.DataFrame(each, columns=list("xmy")) for each in np.stack([x, m, y], axis=-1)]


def test_intervals_cover_the_truth():
    truth, covered = pd.Series({"x": 0.3, "m": 0.5}), []
    for data in true_chains(120, seed=11):
        table = bootstrap_effects(CHAIN, data, "y", n_boot=300).table.droplevel("to")
        covered.append((table["total_low"] < truth) & (truth < table["total_high"]))
    assert pd.DataFrame(covered).mean().between(0.89, 0.98).all()


def test_bollen_stine_rejects_a_true_chain_at_its_level():
    p = np.array([bollen_stine(CHAIN, data, n_boot=200).p for data in true_chains(300, seed=12)])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 300))
    assert p.mean() == pytest.approx(0.5, abs=0.06)


def test_intervals_of_a_strong_instrument_cover_the_truth():
    covered = []
    for seed in range(60):
        data = instrumented(60, seed, strength=1.5)
        table = bootstrap_effects(INSTRUMENT, data, "y", n_boot=200).table
        low, high = table.loc[("m", "y"), ["direct_low", "direct_high"]]
        sd = np.sqrt([1.5**2 + 2, 0.25 * (1.5**2 + 2) + 0.5 * 2 + 2])
        covered.append(low < 0.5 * sd[0] / sd[1] < high)
    assert 0.86 < np.mean(covered) < 0.999


def test_bollen_stine_rejects_a_true_model_with_correlated_errors_at_its_level():
    p = np.array([bollen_stine(ERRORS, confounded(50, s), n_boot=100).p for s in range(80)])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 80))
    assert p.mean() == pytest.approx(0.5, abs=0.13)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: bootstrap_effects(
                parse_model("a ~ b\nb ~ a"), SITES.set_axis([*"abcdef"], axis=1), "a"
            ),
            "at most 3 free",
        ),
        (lambda: bootstrap_defined(CHAIN, noise(CHAIN)), ":="),
        (lambda: bootstrap_effects(MODEL, SITES, "a1"), "outcome\n.*b or "),
        (lambda: bootstrap_effects(CHAIN, noise(CHAIN, sites=5), "y"), "at least half of the res"),
    ],
)
def test_input_that_cannot_be_resampled_is_refused(ask, message):
    with pytest.raises(InputError, match=message):
        ask()
