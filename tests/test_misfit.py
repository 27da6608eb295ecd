"""Where a model misfits: score tests from their definition, refits, and closed forms."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.pathmodel import (
    PathFit,
    fit_indices,
    fit_model,
    modification_indices,
    parse_model,
    residual_correlations,
)
from tests.random_models import imply, standardize
from tests.test_pathmodel import read_data

TEXTS = {
    "chain": "b ~ a\nc ~ b\nd ~ c",
    "causes": "c ~ a + b\nd ~ c",
    "loop": "c ~ a + d\nd ~ b + c",
    "errors": "c ~ a\nd ~ b\nc ~~ d",
    "ring": "b ~ a\nc ~ b\nd ~ c\na ~ d",
    "equal": "c ~ k*a + k*b\nd ~ c",
    "fixed": "c ~ 0.5*a + b\nd ~ c\na ~~ 0*b",
}


DATA = read_data("loop200").apply(stats.zscore)
Place = tuple[str, str, str]


def matrices(fit: PathFit) -> dict[str, pd.DataFrame]:
    """Return B and Psi in units of the data, as the table of estimates has them."""
    names = list(fit.implied)
    found = {kind: pd.DataFrame(0.0, names, names) for kind in ("path", "covariance")}
    for to, kind, cause, value in fit.estimates[["to", "kind", "from", "estimate"]].to_numpy():
        found[kind].loc[to, cause] = value
        if kind == "covariance":
            found[kind].loc[cause, to] = value
    return found


def slope(fit: PathFit, places: list[Place]) -> np.ndarray:
    """Return the derivative of Sigma by a parameter that stands at these places, by differences."""
    ends = []
    for step in (1e-5, -1e-5):
        moved = matrices(fit)
        for to, kind, cause in places:
            pairs = {(to, cause), (cause, to)} if kind == "covariance" else {(to, cause)}
            for pair in pairs:
                moved[kind].loc[pair] += step
        A = np.linalg.inv(np.eye(len(fit.implied)) - moved["path"].to_numpy())
        ends.append(A @ moved["covariance"].to_numpy() @ A.T)
    return (ends[0] - ends[1]) / 2e-5


def free_places(fit: PathFit) -> list[list[Place]]:
    """Return where each free parameter stands."""
    table = fit.estimates.assign(label=fit.estimates.get("label", ""))
    free: dict[object, list[Place]] = {}
    for row, (to, kind, cause, label) in enumerate(
        table[["to", "kind", "from", "label"]].to_numpy()
    ):
        if not label or label.isalpha():
            free.setdefault(label or row, []).append((to, kind, cause))
    return list(free.values())


def candidates(fit: PathFit) -> list[Place]:
    """Return all parameters that a model could have and that are not free."""
    names, free = list(fit.implied), [place for each in free_places(fit) for place in each]
    pairs = [("path", pair) for pair in permutations(names, 2)]
    pairs += [("covariance", pair) for pair in combinations(names, 2)]
    known = {(kind, *sorted([to, cause])) for to, kind, cause in free if kind == "covariance"}
    known |= {(kind, to, cause) for to, kind, cause in free if kind == "path"}
    return [(to, kind, cause) for kind, (to, cause) in pairs if (kind, to, cause) not in known]


@pytest.mark.parametrize("convention", ["amos", "lavaan"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_modification_indices_are_score_tests(text, convention):
    fit = fit_model(parse_model(text), DATA, convention=convention)
    W, S = np.linalg.inv(fit.implied), fit.sample.to_numpy()
    own = [W @ slope(fit, places) for places in free_places(fit)]
    assert len(own) == fit.parameters
    information = np.array([[np.trace(a @ b) for b in own] for a in own])
    expected = {}
    for place in candidates(fit):
        extra = W @ slope(fit, [place])
        score = np.trace(extra @ W @ (fit.implied.to_numpy() - S))
        shared = np.array([np.trace(extra @ each) for each in own])
        whole = np.trace(extra @ extra)
        left = whole - shared @ np.linalg.solve(information, shared)
        if left > 1e-6 * whole:  # else the data cannot determine it
            expected[place] = (fit.scale / 2 * score**2 / left, -score / left)
    found = modification_indices(fit)
    assert found.index.names == ["to", "kind", "from"]
    assert set(found.index) == set(expected)
    table = pd.DataFrame(expected, ["mi", "epc"]).T.loc[found.index]
    np.testing.assert_allclose(found[["mi", "epc"]], table, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["p"], stats.chi2.sf(found["mi"], 1))
    assert found["mi"].round(6).is_monotonic_decreasing


@pytest.mark.parametrize(
    ("text", "more", "arrow"),
    [
        ("m ~ x\ny ~ m", "y ~ x", ("y", "path", "x")),
        ("m ~ x\ny ~ x", "m ~~ y", ("m", "covariance", "y")),
        ("y ~ m + z\nm ~ y + x\nw ~ y", "w ~ x", ("w", "path", "x")),
        ("m ~ x + z\ny ~ m\nm ~~ y", "y ~ z", ("y", "path", "z")),
    ],
)
def test_they_foretell_what_a_refit_finds_the_better_the_smaller_it_is(text, more, arrow):
    gaps = []
    for size in (1e-1, 1e-2, 1e-3):
        plain = parse_model(f"{text}\n{more}")
        values = [size if place == (arrow[0], arrow[2]) else 0.5 for place in plain.paths]
        truth = imply(plain.text, values, size if arrow[1] == "covariance" else 0.3)
        small, large = (fit_model(parse_model(each), truth.S, 101) for each in (text, plain.text))
        fallen = fit_indices(small)["chi2"] - fit_indices(large)["chi2"]
        row = modification_indices(small).loc[arrow]
        gaps.append([row["mi"] / fallen - 1, row["epc"] / size - 1])
    gaps = np.abs(gaps)
    assert (gaps[1:] < gaps[:-1] / 5 + 1e-3).all()
    assert (gaps[-1] < 0.01).all()


def test_units_scale_expected_changes_and_no_index():
    unit = pd.Series({"a": 1e-3, "b": 10.0, "c": 1e4, "d": 1.0})
    one, other = (
        modification_indices(fit_model(parse_model(TEXTS["loop"]), data))
        for data in (DATA, DATA * unit)
    )
    other = other.loc[one.index]
    to, kind, cause = (one.index.get_level_values(k) for k in range(3))
    to, cause = unit[to].to_numpy(), unit[cause].to_numpy()
    columns = ["mi", "p", "standardized_epc"]
    np.testing.assert_allclose(other[columns], one[columns], rtol=1e-5, atol=1e-9)
    factor = np.where(kind == "path", to / cause, to * cause)
    np.testing.assert_allclose(other["epc"] / factor, one["epc"], rtol=1e-5, atol=1e-9)


def test_standardized_changes_are_those_of_variables_with_variance_1():
    fit = fit_model(parse_model(TEXTS["ring"]), DATA)
    found = modification_indices(fit)
    paths = found.xs("path", level="kind")
    sd = np.sqrt(pd.Series(np.diag(fit.implied), list(fit.implied)))
    to, cause = (sd[paths.index.get_level_values(k)].to_numpy() for k in ("to", "from"))
    np.testing.assert_allclose(paths["standardized_epc"], paths["epc"] * cause / to)
    joined = found.xs("covariance", level="kind")
    left = np.sqrt(matrices(fit)["covariance"].to_numpy().diagonal())
    left = pd.Series(left, list(fit.implied))
    one, other = (left[joined.index.get_level_values(k)].to_numpy() for k in ("to", "from"))
    np.testing.assert_allclose(joined["standardized_epc"], joined["epc"] / one / other)


def test_a_model_as_good_as_the_data_has_nothing_to_add():
    assert modification_indices(fit_model(parse_model("c ~ a + b\nd ~ a + b + c"), DATA)).empty


def test_a_fixed_value_shows_what_freeing_it_would_change():
    free = fit_model(parse_model("c ~ a + b"), DATA).estimates["estimate"][0]
    fit = fit_model(parse_model(f"c ~ {free - 0.01}*a + b"), DATA)
    row = modification_indices(fit).loc[("c", "path", "a")]
    assert row["epc"] == pytest.approx(0.01, rel=1e-3)
    assert row["mi"] == pytest.approx(fit_indices(fit)["chi2"], rel=1e-2)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_residuals_are_correlations_less_those_implied(text):
    fit = fit_model(parse_model(text), DATA * [1e-3, 1, 50, 1e5])
    found = residual_correlations(fit)
    expected = standardize(fit.sample) - standardize(fit.implied)
    pd.testing.assert_frame_equal(found, expected, atol=1e-12)


def test_a_chain_leaves_what_its_products_do_not_make():
    r = DATA.corr()
    found = residual_correlations(fit_model(parse_model("b ~ a\nc ~ b"), DATA))
    left = r.loc["a", "c"] - r.loc["a", "b"] * r.loc["b", "c"]
    assert found.loc["a", "c"] == found.loc["c", "a"] == pytest.approx(left, abs=1e-12)
    assert found.loc["a", "b"] == pytest.approx(0, abs=1e-12)


def test_r_squared_is_that_of_regression_and_of_the_errors_in_a_loop():
    fit = fit_model(parse_model("c ~ a + b\nd ~ b + c"), DATA * [1e3, 1, 1e-3, 7])
    for to, causes in (("c", ["a", "b"]), ("d", ["b", "c"])):
        left = np.linalg.lstsq(DATA[causes], DATA[to])[1].item()
        assert fit.r_squared[to] == pytest.approx(1 - left / len(DATA), abs=1e-10)
    assert list(fit.r_squared.index) == ["c", "d"]
    text = "y ~ m + z\nm ~ y + x"
    truth = imply(text, [1.6, 1, -0.9, 1])
    found = fit_model(truth.model, truth.S, 100).r_squared
    expected = 1 - 1 / pd.Series(np.diag(truth.S), list(truth.S))[found.index]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    truth = imply(text, [1.6, 0.1, -0.9, 0.1])
    assert (fit_model(truth.model, truth.S, 100).r_squared < 0).any()
