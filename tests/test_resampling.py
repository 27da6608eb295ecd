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
from tests.test_pathmodel import EXOGENOUS

R = Path(__file__).parent / "r"
SITES = pd.read_csv(R / "diagnostics_input.csv")
MODEL = parse_model("b ~ a1 + a2\nc ~ b\nd ~ b + a2\ny ~ c + d")
CHAIN = parse_model("m ~ x\ny ~ m")
LOOP = parse_model("a ~ c + x\nb ~ a\nc ~ b")
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
    if model.recursive:
        return fit_model(model, data, exogenous=exogenous)
    both = find_loop(model, data)
    return both and both.stable


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


RELATED = parse_model("y ~ a + b + c\na ~~ b\nb ~~ c")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: bootstrap_effects(LOOP, noise(LOOP), "a"), "needed: a recursive model"),
        (lambda: bollen_stine(LOOP, noise(LOOP)), "one loop of three variables or more"),
        (
            lambda: bootstrap_effects(RELATED, noise(RELATED), "y", exogenous="uncorrelated"),
            "missing covariance",
        ),
        (lambda: bootstrap_effects(MODEL, SITES, "a1"), "outcome\n.*b or "),
        (lambda: bootstrap_effects(CHAIN, noise(CHAIN, sites=5), "y"), "at least half of the res"),
    ],
)
def test_input_that_cannot_be_resampled_is_refused(ask, message):
    with pytest.raises(InputError, match=message):
        ask()
