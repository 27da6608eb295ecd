"""Path models: lavaan and textbooks as reference, invariants, and refused input."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers.errors import InputError
from helpers.pathmodel import (
    PathFit,
    PathModel,
    effects,
    fit_indices,
    fit_model,
    parse_model,
    read_model,
)
from tests.conftest import ROOT

LAVAAN = Path(__file__).parent / "lavaan"
FIT = ["data", "structure", "convention", "exogenous"]
TABLES = ("estimates", "effects", "implied", "indices")
EFFECTS = ("direct", "direct_se", "indirect", "indirect_se", "total", "total_se")
COUNTS = ["n", "parameters", "df"]
EXOGENOUS = ["correlated", "uncorrelated"]
CHAIN = parse_model("b ~ a\nc ~ b\nd ~ c")
LOOP = parse_model("c ~ a + d\nd ~ b + c")


def read_data(name: str, folder: Path = LAVAAN) -> pd.DataFrame:
    return pd.read_csv(folder / "data" / f"{name}.csv")


FOUR = read_data("chain30")


def read_case(text: str):
    return (
        read_model(ROOT / text) if text.endswith(".lav") else parse_model(text.replace(";", "\n"))
    )


def fit_case(case: pd.Series, folder: Path, **options) -> PathFit:
    data, model = read_data(case["data"], folder), read_case(case["model"])
    if options["convention"] == "lavaan":  # the references are lavaan()'s, not sem()'s
        model = without_pairs(model, "lavaan")
    if len(data) == data.shape[1]:  # a matrix of correlations
        return fit_model(model, data.set_axis(data.columns), case["n"], **options)
    return fit_model(model, data, **options)


def without_pairs(model: PathModel, convention: str) -> PathModel:
    """Return a model with 0 for the covariances that only lavaan's convention leaves free."""
    drawn = model.all_covariances()
    more = [pair for pair in model.all_covariances(convention=convention) if pair not in drawn]
    return parse_model("\n".join([model.text, *(f"{a} ~~ 0*{b}" for a, b in more)]))


def effects_of(fit: PathFit, *which) -> pd.DataFrame:
    """Return effects of any solution, for which an unstable one must warn."""
    if fit.stability_index < 1:
        return effects(fit, *which)
    with pytest.warns(UserWarning, match="unstable"):
        return effects(fit, *which)


def compare(fit: PathFit, expected: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Return the largest difference from lavaan for each quantity; NaN if one of them has less."""
    implied = expected["implied"].pivot(index="to", columns="from", values="value")
    implied = implied.combine_first(implied.T).loc[fit.implied.index, fit.implied.columns]
    sd = np.sqrt(np.diag(fit.implied))
    worst = {
        "implied": ((fit.implied - implied) / np.outer(sd, sd)).abs().max(axis=None, skipna=False)
    }

    ours, theirs = by_pair(fit.estimates), by_pair(expected["estimates"])
    gaps = (ours - theirs)[["estimate", "se", "standardized", "standardized_se"]]
    gaps[["estimate", "se"]] = gaps[["estimate", "se"]].div(theirs["se"], axis="index")
    gaps_of_effects = effects_of(fit) - expected["effects"].set_index(["from", "to"])
    for table in (gaps, gaps_of_effects[list(EFFECTS)]):
        worst |= table.abs().max(skipna=False).to_dict()

    ours, theirs = fit_indices(fit), expected["indices"].iloc[0]
    scale = theirs.abs().clip(lower=1)
    scale["rmr"] = np.sqrt((fit.sample**2).mean(axis=None))
    gaps = ((ours - theirs) / scale).abs()
    return worst | gaps.mask(ours.isna() & theirs.isna(), 0).to_dict()


def by_pair(estimates: pd.DataFrame) -> pd.DataFrame:
    """Index estimates by kind and pair, whichever way round a covariance is written."""
    pairs = [
        (kind, *(sorted(pair) if kind == "covariance" else pair))
        for kind, *pair in estimates[["kind", "to", "from"]].to_numpy()
    ]
    numbers = estimates.drop(columns=["kind", "to", "from"])
    return numbers.set_index(pd.MultiIndex.from_tuples(pairs))


def agree_with_lavaan(folder: Path, fits: int, fit=fit_case) -> None:
    """Compare every number of every fit with what lavaan wrote into the folder."""
    cases = pd.read_csv(folder / "cases.csv").set_index(["data", "structure"], drop=False)
    tables = {name: dict(list(pd.read_csv(folder / f"{name}.csv").groupby(FIT))) for name in TABLES}
    rows = {}
    for key in tables["indices"]:
        expected = {name: table[key].drop(columns=FIT) for name, table in tables.items()}
        _, _, convention, exogenous = key
        options = {"convention": convention, "exogenous": exogenous}
        rows[key] = compare(fit(cases.loc[key[:2]], folder, **options), expected)
    worst = pd.DataFrame(rows).T.fillna(np.inf).max()
    assert len(rows) == fits
    assert len(worst) == 31
    assert (worst[COUNTS] == 0).all()
    assert worst.max() <= 1e-8, worst[worst > 1e-8]


def run_lavaan(
    folder: Path, data: pd.DataFrame, cases: dict, script: Path = LAVAAN / "reference.R"
) -> None:
    """Let lavaan fit new data, as it runs here."""
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not installed")
    if subprocess.run(["Rscript", "-e", "library(lavaan)"], capture_output=True).returncode:
        pytest.skip("R has no lavaan")
    (folder / "data").mkdir()
    data.to_csv(folder / "data" / "new.csv", index=False)
    pd.DataFrame({"data": "new", "n": len(data)} | cases).to_csv(folder / "cases.csv", index=False)
    command = ["Rscript", str(script), str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def test_every_number_agrees_with_lavaan():
    agree_with_lavaan(LAVAAN, fits=190)


def test_new_data_agree_with_lavaan_as_it_runs_here(tmp_path):
    rng = np.random.default_rng(1921)
    table = pd.DataFrame(rng.standard_t(5, (45, 5)), columns=list("abcde")).cumsum(axis="columns")
    models = ["c ~ a + b; d ~ c; e ~ a + d", "c ~ a + d; d ~ b + c; e ~ d; c ~~ e"]
    run_lavaan(tmp_path, table, {"structure": ["recursive", "loop"], "model": models})
    agree_with_lavaan(tmp_path, fits=8)


def test_blau_and_duncan():
    matrix = read_data("blau_duncan")
    case = pd.read_csv(LAVAAN / "cases.csv").set_index("structure").loc["mobility"]
    fit = fit_model(read_case(case["model"]), matrix.set_axis(matrix.columns), 20700)
    published = {
        ("education", "father_education"): 0.310,
        ("education", "father_job"): 0.279,
        ("first_job", "father_job"): 0.224,
        ("first_job", "education"): 0.440,
        ("job", "father_job"): 0.115,
        ("job", "education"): 0.394,
        ("job", "first_job"): 0.281,
    }
    paths = fit.estimates[fit.estimates["kind"] == "path"].set_index(["to", "from"])
    assert paths["standardized"].to_dict() == pytest.approx(published, abs=1e-3)


# invariants


def same_fit(one: PathFit, other: PathFit, *, but: tuple[str, ...] = ()) -> None:
    for table in (
        lambda fit: by_pair(fit.estimates)[["standardized", "standardized_se"]],
        effects_of,
    ):
        expected = table(one)
        actual = table(other).loc[expected.index, expected.columns]
        pd.testing.assert_frame_equal(actual, expected, rtol=1e-7, atol=1e-9)
    left, right = (fit_indices(fit).drop(list(but)) for fit in (one, other))
    pd.testing.assert_series_equal(left, right, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    "model", [CHAIN, LOOP, parse_model("c ~ a\nd ~ b\nc ~~ d")], ids=["chain", "loop", "errors"]
)
@settings(max_examples=10)
@given(
    powers=st.lists(st.integers(-3, 3), min_size=4, max_size=4),
    signs=st.lists(st.sampled_from([-1, 1]), min_size=4, max_size=4),
)
def test_units_scale_estimates_and_change_nothing_else(model, powers, signs):
    table, unit = read_data("loop200"), pd.Series(10.0 ** np.array(powers), list("abcd"))
    one, other = fit_model(model, table), fit_model(model, table * unit + 7)
    same_fit(one, other, but=("rmr", "log_likelihood"))
    unit *= signs
    turned = fit_model(model, table * unit)
    to, cause = (unit[one.estimates[end]].to_numpy() for end in ("to", "from"))
    factor = np.where(one.estimates["kind"] == "path", to / cause, to * cause)
    np.testing.assert_allclose(turned.estimates["estimate"] / factor, one.estimates["estimate"])
    np.testing.assert_allclose(turned.estimates["se"] / abs(factor), one.estimates["se"])
    pairs = effects(one).index
    sign = np.prod([np.sign(unit[pairs.get_level_values(end)]) for end in pairs.names], axis=0)
    total = effects(turned)["total"] * sign
    pd.testing.assert_series_equal(total, effects(one)["total"], check_names=False)


@pytest.mark.parametrize("model", [CHAIN, LOOP], ids=["chain", "loop"])
def test_the_order_of_columns_rows_and_lines_changes_nothing(model):
    table = read_data("loop200")
    one = fit_model(model, table)
    pd.testing.assert_frame_equal(fit_model(model, table[list("dbca")]).estimates, one.estimates)
    same_fit(one, fit_model(model, table.sample(frac=1, random_state=3)))
    lines = "\n".join(reversed(model.text.splitlines()))
    same_fit(one, fit_model(parse_model(lines), table))


@st.composite
def random_graphs(draw):
    """Draw a directed acyclic graph and data for it, which it need not fit."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    p = draw(st.integers(3, 7))
    names = rng.permutation(list("abcdefg"[:p]))
    drawn = np.tril(rng.random((p, p)) < draw(st.sampled_from([0.3, 0.6, 1.0])), -1)
    assume(drawn.any())
    n = max(draw(st.integers(20, 60)), drawn.sum() + p + 1)
    lines = [f"{names[to]} ~ {names[cause]}" for to, cause in np.argwhere(drawn)]
    values = rng.standard_normal((n, p)) @ rng.uniform(-1, 1, (p, p)) + rng.standard_normal((n, p))
    return parse_model("\n".join(rng.permutation(lines))), pd.DataFrame(values, columns=names)


def chains(model, cause: str, to: str) -> list[list[tuple[str, str]]]:
    """Return every chain of arrows from one variable to another."""
    found = [[(to, cause)]] if (to, cause) in model.paths else []
    for before in model.parents(to):
        found += [[*chain, (to, before)] for chain in chains(model, cause, before)]
    return found


@settings(max_examples=25)
@given(random_graphs())
def test_recursive_models_are_least_squares_and_effects_are_products_along_chains(drawn):
    model, table = drawn
    fit = fit_model(model, table)
    assert model.recursive
    assert fit.df == model.count_moments() - model.count_parameters()
    estimates = fit.estimates.set_index(["kind", "to", "from"])["estimate"]
    centred = table - table.mean()
    for to in model.endogenous:
        causes = list(model.parents(to))
        slopes, squares, *_ = np.linalg.lstsq(centred[causes], centred[to])
        np.testing.assert_allclose([estimates["path", to, x] for x in causes], slopes, atol=1e-8)
        left = estimates["covariance", to, to]
        np.testing.assert_allclose(left, squares[0] / len(table), atol=1e-8)
    path, found = fit.coefficients, effects(fit)
    expected = {
        (cause, to): sum(np.prod([path.loc[arrow] for arrow in chain]) for chain in every)
        for to in model.variables
        for cause in model.variables
        if (every := chains(model, cause, to))
    }
    assert found["total"].to_dict() == pytest.approx(expected, abs=1e-8)
    direct = [path.loc[to, cause] for cause, to in found.index]
    np.testing.assert_allclose(found["direct"], direct, atol=1e-12)
    np.testing.assert_allclose(found["indirect"], found["total"] - direct, atol=1e-12)


def test_total_effects_of_a_loop_add_up_all_rounds():
    fit = fit_model(LOOP, read_data("loop200"))
    B = fit.coefficients.to_numpy()
    gain = fit.coefficients.loc["c", "d"] * fit.coefficients.loc["d", "c"]
    assert abs(gain) < 1
    rounds = sum(np.linalg.matrix_power(B, k) for k in range(1, 400))
    names = list(fit.model.variables)
    for (cause, to), total in effects(fit)["total"].items():
        assert total == pytest.approx(rounds[names.index(to), names.index(cause)], abs=1e-10)
    assert effects(fit).loc[("c", "c"), "total"] == pytest.approx(gain / (1 - gain), abs=1e-10)


def test_intervals_and_p_are_normal():
    fit = fit_model(CHAIN, FOUR)
    table = effects(fit, confidence=0.8)
    for kind in ("direct", "indirect", "total"):
        value, error = table[kind], table[f"{kind}_se"]
        np.testing.assert_allclose(table[f"{kind}_low"], value + stats.norm.ppf(0.1) * error)
        np.testing.assert_allclose(table[f"{kind}_high"], value + stats.norm.ppf(0.9) * error)
    pd.testing.assert_frame_equal(
        effects(fit, "d", 0.8), table.xs("d", level="to", drop_level=False)
    )
    table = fit.estimates
    np.testing.assert_allclose(table["z"], table["estimate"] / table["se"])
    np.testing.assert_allclose(table["p"], 2 * stats.norm.cdf(-table["z"].abs()))


@pytest.mark.parametrize("convention", ["amos", "lavaan"])
@pytest.mark.parametrize("text", ["c ~ a + b\nd ~ a + b + c", "c ~ a + d\nd ~ b + c\nc ~~ d"])
def test_a_model_with_as_many_parameters_as_moments_is_as_good_as_the_data(text, convention):
    table = read_data("loop200")
    indices = fit_indices(fit_model(parse_model(text), table, convention=convention))
    assert indices["df"] == 0
    assert indices["chi2"] == pytest.approx(0, abs=1e-10)
    assert indices[["gfi", "cfi", "nfi"]].to_list() == pytest.approx([1, 1, 1], abs=1e-12)
    undefined = ["p", "chi2_df", "rmsea", "rmsea_low", "rmsea_high", "p_close", "tli", "agfi"]
    assert list(indices.index[indices.isna()]) == undefined


def test_uncorrelated_exogenous_variables_cost_their_correlation():
    model, table = parse_model("c ~ a + b\nd ~ c"), read_data("drawn44")
    free = fit_model(model, table)
    fixed = fit_model(model, table, exogenous="uncorrelated")
    assert fixed.df == free.df + 1
    assert fixed.implied.loc["a", "b"] == 0
    assert free.implied.loc["a", "b"] == pytest.approx(free.sample.loc["a", "b"], abs=1e-12)
    r = table["a"].corr(table["b"])
    difference = fit_indices(fixed)["chi2"] - fit_indices(free)["chi2"]
    assert difference == pytest.approx(-43 * np.log(1 - r**2), abs=1e-9)
    drawn = parse_model(model.text + "\na ~~ b")
    same_fit(fit_model(drawn, table, exogenous="uncorrelated"), free)
    same_fit(fit_model(drawn, table), free)


def test_a_fit_shows_its_sites_its_freedom_and_its_paths():
    fit = fit_model(CHAIN, FOUR)
    (table,) = re.findall("<tbody>.*</tbody>", fit._repr_html_(), re.DOTALL)
    assert table.count("<tr>") == 3
    for shown in (repr(fit), fit._repr_html_()):
        assert "3 paths, 4 variables, 30 cases; 7 free parameters, 3 degrees of freedom" in shown
        for value in fit.estimates.loc[:2, "standardized"]:
            assert f"{value:.3f}" in shown


# refusals


@pytest.mark.parametrize(
    ("ask", "match"),
    [
        (lambda: fit_model(CHAIN, FOUR.corr() + 3 * (np.eye(4) - 1), 30), "contradict"),
        (lambda: effects(fit_model(CHAIN, FOUR), "a"), "found:  'a'"),
    ],
)
def test_what_cannot_be_fitted_is_refused(ask, match):
    with pytest.raises(InputError, match=match):
        ask()


def test_one_more_site_or_an_instrument_for_each_is_enough():
    assert fit_model(parse_model("d ~ a + b + c"), FOUR[:5]).n == 5
    six = pd.DataFrame(np.random.default_rng(4).standard_normal((80, 4)), columns=list("xmyz"))
    assert fit_model(parse_model("m ~ y + x\ny ~ m + z"), six).df == 1
