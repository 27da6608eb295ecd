"""Equal, fixed and defined coefficients: closed forms, regressions and scipy as reference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from helpers.pathmodel import (
    PathFit,
    effects,
    fit_indices,
    fit_model,
    identify,
    parse_model,
)
from tests.random_models import imply
from tests.test_pathmodel import read_data, same_fit

N = 200
DATA = read_data("loop200")
S = DATA.cov(ddof=0)
CONVENTION = pytest.mark.parametrize("convention", ["amos", "lavaan"])


def value(fit: PathFit, to: str, cause: str, column: str = "estimate") -> float:
    """Return a number of the one row of estimates between two variables."""
    rows = fit.estimates[(fit.estimates["to"] == to) & (fit.estimates["from"] == cause)]
    return rows[column].item()


# equal


@CONVENTION
def test_equal_causes_are_a_regression_on_their_sum(convention):
    fit = fit_model(parse_model("d ~ k*a + k*b + c"), DATA, convention=convention)
    X = np.stack([DATA["a"] + DATA["b"], DATA["c"], np.ones(N)], axis=1)
    slopes, left, *_ = np.linalg.lstsq(X, DATA["d"])
    variance = left.item() / N
    se = np.sqrt(variance * np.linalg.inv(X.T @ X / N)[0, 0] / fit.scale)
    assert value(fit, "d", "a") == pytest.approx(slopes[0], rel=1e-7)
    assert value(fit, "d", "b") == pytest.approx(value(fit, "d", "a"), rel=1e-14)
    assert value(fit, "d", "c") == pytest.approx(slopes[1], rel=1e-7)
    assert value(fit, "d", "d") == pytest.approx(variance, rel=1e-7)
    for cause in "ab":
        assert value(fit, "d", cause, "se") == pytest.approx(se, rel=1e-7)
    assert fit.df == 1
    full = np.linalg.lstsq(np.c_[DATA[["a", "b", "c"]], np.ones(N)], DATA["d"])[1].item()
    chi2 = fit.scale * np.log(left.item() / full)
    assert fit_indices(fit)["chi2"] == pytest.approx(chi2, rel=1e-7)


EQUAL = {  # the text, and Sigma in the order a, b, c, d from free parameters
    "across equations": (
        "c ~ k*a\nd ~ k*b",
        lambda t: (np.array([[0, 0, 0, 0], [0, 0, 0, 0], [t[0], 0, 0, 0], [0, t[0], 0, 0]]), t[1:]),
    ),
    "with a fixed one": (
        "c ~ k*a + 0.3*b\nd ~ k*c",
        lambda t: (
            np.array([[0, 0, 0, 0], [0, 0, 0, 0], [t[0], 0.3, 0, 0], [0, 0, t[0], 0]]),
            t[1:],
        ),
    ),
    "variances": (
        "c ~ a\nd ~ b\nc ~~ v*c\nd ~~ v*d",
        lambda t: (
            np.array([[0, 0, 0, 0], [0, 0, 0, 0], [t[0], 0, 0, 0], [0, t[1], 0, 0]]),
            np.r_[t[2:5], t[5], t[5]],
        ),
    ),
    "in a loop": (
        "c ~ a + g*d\nd ~ b + g*c",
        lambda t: (
            np.array([[0, 0, 0, 0], [0, 0, 0, 0], [t[0], 0, 0, t[2]], [0, t[1], t[2], 0]]),
            t[3:],
        ),
    ),
}


@pytest.mark.parametrize(("text", "build"), EQUAL.values(), ids=EQUAL)
def test_the_optimum_is_that_of_fewer_parameters(text, build):
    """Parameters: paths, then the lower triangle of a and b, then error variances."""
    names = list("abcd")
    fit = fit_model(parse_model(text), DATA)
    R = S.loc[names, names].to_numpy()

    def misfit(t: np.ndarray) -> float:
        B, spreads = build(t)
        Psi = np.diag([spreads[0], spreads[2], *spreads[3:5]])
        Psi[0, 1] = Psi[1, 0] = spreads[1]
        if np.linalg.eigvalsh(Psi)[0] <= 0:
            return np.inf
        C = np.eye(4) - B
        Sigma = np.linalg.inv(C) @ Psi @ np.linalg.inv(C).T
        return float(
            np.linalg.slogdet(Sigma)[1]
            - np.linalg.slogdet(R)[1]
            + np.trace(np.linalg.solve(Sigma, R))
            - 4
        )

    k = fit.parameters
    paths = k - (4 if "v*" in text else 5)
    best = np.inf
    for seed in range(6):
        start = np.random.default_rng(seed).uniform(-0.5, 0.5, k)
        start[paths:] = [R[0, 0], R[0, 1], R[1, 1], R[2, 2], R[3, 3]][: k - paths]
        how = {"maxiter": 40_000, "maxfev": 40_000, "fatol": 1e-13, "xatol": 1e-10}
        end = optimize.minimize(misfit, start, method="Nelder-Mead", options=how)
        best = min(best, optimize.minimize(misfit, end.x, method="Powell", tol=1e-13).fun)
    assert fit_indices(fit)["chi2"] / fit.scale == pytest.approx(best, abs=1e-8)
    by_label = fit.estimates.groupby("label")["estimate"].agg(["min", "max"]).drop("")
    np.testing.assert_allclose(by_label["min"], by_label["max"], rtol=1e-13)


def test_a_label_that_stands_once_changes_nothing_but_the_table():
    plain, labelled = (
        fit_model(parse_model(text), DATA)
        for text in ("c ~ a + d\nd ~ b + c", "c ~ k*a + l*d\nd ~ b + c\nc ~~ v*c")
    )
    same_fit(plain, labelled)
    assert "label" not in plain.estimates
    rows = labelled.estimates
    labels = dict(zip(zip(rows["to"], rows["from"], strict=True), rows["label"], strict=True))
    assert {pair: label for pair, label in labels.items() if label} == {
        ("c", "a"): "k",
        ("c", "d"): "l",
        ("c", "c"): "v",
    }


def test_units_that_equal_causes_share_change_nothing():
    model = parse_model("c ~ k*a + k*b\nd ~ c\nc ~~ d")
    one = fit_model(model, DATA)
    unit = pd.Series({"a": 1e4, "b": 1e4, "c": 1e-2, "d": 50.0})
    other = fit_model(model, DATA * unit)
    same_fit(one, other, but=("rmr", "log_likelihood", "aic", "bic"))
    assert value(other, "c", "a") == pytest.approx(value(one, "c", "a") * 1e-6, rel=1e-6)
    apart = fit_model(model, DATA * [1e4, 1, 1, 1])  # k*a is another claim in other units
    assert fit_indices(apart)["chi2"] > fit_indices(one)["chi2"] + 1


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("c ~ k*a + k*b\nd ~ c", 2 + 4 + 1),
        ("c ~ k*a + b\nd ~ k*c", 2 + 4 + 1),
        ("c ~ a + g*d\nd ~ b + g*c\nc ~~ v*c\nd ~~ v*d", 3 + 3 + 1),
        ("c ~ 0.5*a + b\nd ~ c\na ~~ 0*b", 2 + 4),
        ("c ~ a\nd ~ b\nc ~~ k*d\na ~~ k*b", 2 + 4 + 1),
        ("c ~ 0*a + b\nd ~ c", 2 + 4 + 1),
    ],
)
def test_equal_ones_count_once_and_fixed_ones_not(text, free):
    model = parse_model(text)
    found = identify(model)
    assert model.count_parameters() == found.parameters == found.rank == free
    fit = fit_model(model, DATA)
    assert fit.parameters == free
    assert fit.df == 10 - free == fit_indices(fit)["df"]


# fixed


@CONVENTION
def test_a_fixed_path_leaves_what_it_does_not_explain(convention):
    fit = fit_model(parse_model("c ~ 0.5*a"), DATA, convention=convention)
    left = (DATA["c"] - 0.5 * DATA["a"]).var(ddof=0)
    least = S.loc["c", "c"] - S.loc["a", "c"] ** 2 / S.loc["a", "a"]
    assert value(fit, "c", "a") == 0.5
    assert value(fit, "c", "a", "se") == 0
    assert np.isnan(value(fit, "c", "a", "z"))
    assert value(fit, "c", "a", "label") == "0.5"
    assert value(fit, "c", "c") == pytest.approx(left, rel=1e-8)
    assert fit_indices(fit)["chi2"] == pytest.approx(fit.scale * np.log(left / least), rel=1e-8)
    standardized = 0.5 * np.sqrt(S.loc["a", "a"] / (0.25 * S.loc["a", "a"] + left))
    assert value(fit, "c", "a", "standardized") == pytest.approx(standardized, rel=1e-8)
    assert value(fit, "c", "a", "standardized_se") > 0  # it follows free variances


def test_a_value_fixed_at_its_optimum_costs_nothing():
    free = fit_model(parse_model("c ~ a + d\nd ~ b + c"), DATA)
    held = value(free, "c", "d")
    fit = fit_model(parse_model(f"c ~ a + {held!r}*d\nd ~ b + c"), DATA)
    assert fit_indices(fit)["chi2"] == pytest.approx(fit_indices(free)["chi2"], abs=1e-8)
    assert fit.df == free.df + 1
    np.testing.assert_allclose(fit.theta, free.theta, rtol=1e-5, atol=1e-8)


def test_what_is_fixed_at_0_is_as_if_it_were_not_drawn():
    drawn = fit_model(parse_model("c ~ a + 0*b\nd ~ b + c\na ~~ 0*b"), DATA)
    same_fit(fit_model(parse_model("c ~ a\nd ~ b + c"), DATA, exogenous="uncorrelated"), drawn)


# lavaan's sem() leaves the errors of final outcomes free


def test_errors_of_final_outcomes_are_joined_by_lavaans_convention_alone():
    text = "c ~ a\nd ~ a + b"
    models = {
        convention: fit_model(parse_model(text), DATA, convention=convention)
        for convention in ("amos", "lavaan")
    }
    assert models["lavaan"].df == models["amos"].df - 1
    drawn = fit_model(parse_model(f"{text}\nc ~~ d"), DATA, convention="lavaan")
    same_fit(drawn, models["lavaan"])
    off = fit_model(parse_model(f"{text}\nc ~~ 0*d"), DATA, convention="lavaan")
    assert off.df == models["amos"].df
    np.testing.assert_allclose(off.coefficients, models["amos"].coefficients, atol=1e-12)
    with_zero = fit_model(parse_model(f"{text}\nc ~~ 0*d"), DATA)
    same_fit(models["amos"], with_zero)
    three = parse_model("b ~ a\nc ~ a\nd ~ a")
    assert len(three.all_covariances(convention="lavaan")) == 3
    assert three.count_parameters(convention="lavaan") == three.count_parameters() + 3
    assert not parse_model("b ~ a\nc ~ b").all_covariances(convention="lavaan")


# defined


@CONVENTION
def test_an_indirect_effect_has_the_error_of_sobel(convention):
    model = parse_model("c ~ k*a\nd ~ l*c\nkl := k*l")
    fit = fit_model(model, DATA * [1, 1, 100, 1], convention=convention)
    (k, m), (se_k, se_m) = (fit.estimates[each][:2] for each in ("estimate", "se"))
    row = fit.defined.loc["kl"]
    assert row["estimate"] == pytest.approx(k * m, rel=1e-12)
    se = np.sqrt(k**2 * se_m**2 + m**2 * se_k**2)
    assert row["se"] == pytest.approx(se, rel=1e-9)
    assert row["z"] == pytest.approx(k * m / se, rel=1e-9)
    assert row["p"] == pytest.approx(2 * stats.norm.sf(abs(k * m / se)), rel=1e-9)
    total = effects(fit, "d").loc[("a", "d")]
    assert row["standardized"] == pytest.approx(total["indirect"], rel=1e-12)
    assert row["standardized_se"] == pytest.approx(total["indirect_se"], rel=1e-9)


FORMULAS = {
    "ratio": "k / l",
    "difference": "k - l",
    "powers": "k^2 - 3*l^-1",
    "functions": "exp(k) * sqrt(v) + log(v)",
    "of others": "2 * ratio - (difference)",
}


@pytest.mark.parametrize("text", ["c ~ k*a + b\nd ~ l*c + b", "c ~ k*a + l*d\nd ~ b + m*c"])
def test_defined_effects_agree_with_derivatives_by_differences(text):
    lines = [f"{name.replace(' ', '_')} := {formula}" for name, formula in FORMULAS.items()]
    model = parse_model("\n".join([text, "d ~~ v*d", *lines]))
    fit = fit_model(model, DATA)
    rows = [k for k, label in enumerate(fit.estimates["label"]) if label]
    labels = fit.estimates["label"].iloc[rows]
    covariance = fit.covariance * np.outer(fit.frame.unit, fit.frame.unit)

    def by_hand(values: np.ndarray) -> np.ndarray:
        at = dict(zip(labels, values, strict=True))
        k, m, v = at["k"], at["l"], at["v"]
        found = [k / m, k - m, k**2 - 3 / m, np.exp(k) * np.sqrt(v) + np.log(v)]
        return np.array([*found, 2 * found[0] - found[1]])

    values = fit.estimates["estimate"].iloc[rows].to_numpy()
    steps = 1e-6 * np.diag(np.abs(values))
    slopes = [(by_hand(values + h) - by_hand(values - h)) / (2 * h.sum()) for h in steps]
    slopes = np.array(slopes).T
    np.testing.assert_allclose(fit.defined["estimate"], by_hand(values), rtol=1e-12)
    se = np.sqrt(np.diag(slopes @ covariance[np.ix_(rows, rows)] @ slopes.T))
    np.testing.assert_allclose(fit.defined["se"], se, rtol=1e-7)
    errors = fit.estimates["se"].iloc[rows]
    np.testing.assert_allclose(errors, np.sqrt(np.diag(covariance)[rows]), rtol=1e-12)
    at = fit.estimates["standardized"].iloc[rows].to_numpy()
    np.testing.assert_allclose(fit.defined["standardized"], by_hand(at), rtol=1e-12)
    theta = fit.theta
    moved = [
        by_hand(fit.frame.standardize(theta + h)[rows])
        - by_hand(fit.frame.standardize(theta - h)[rows])
        for h in 1e-6 * np.eye(len(theta))
    ]
    slopes = np.array(moved).T / 2e-6
    se = np.sqrt(np.diag(slopes @ fit.covariance @ slopes.T))
    np.testing.assert_allclose(fit.defined["standardized_se"], se, rtol=1e-6)


def test_definitions_take_arrays_and_complex_numbers():
    model = parse_model("c ~ k*a + l*b\nratio := k / l\ntwice := 2 * ratio + 1\nfour := 4")
    k = np.arange(6.0).reshape(2, 3)
    found = model.define({"k": k, "l": 2.0})
    np.testing.assert_array_equal(found["ratio"], k / 2)
    np.testing.assert_array_equal(found["twice"], k + 1)
    np.testing.assert_array_equal(found["four"], np.full((2, 3), 4))
    assert model.define({"k": 1 + 1j, "l": 1j})["ratio"] == 1 - 1j
    fit = fit_model(model, DATA)
    assert list(fit.defined.index) == ["ratio", "twice", "four"]
    assert fit.defined.loc["four", "se"] == 0


def test_what_is_undefined_has_no_error():
    model = parse_model("d ~ k*c\nlog_k := log(k)\nnone := k / (k - k)\nroot := sqrt(k)")
    data = DATA.assign(c=-DATA["c"] * np.sign(S.loc["c", "d"]))  # so that k is negative
    found = fit_model(model, data).defined
    assert (found[["estimate", "standardized"]].isin([np.nan, np.inf, -np.inf])).all(axis=None)
    assert found[["se", "z", "p", "standardized_se"]].isna().all(axis=None)


def test_equal_paths_of_a_true_model_come_back():
    truth = imply("y ~ m + z\nm ~ y + x\nw ~ y + m", [0.5, 0.4, 0.5, 0.7, 0.3, 0.3])
    fit = fit_model(parse_model("y ~ g*m + z\nm ~ g*y + x\nw ~ h*y + h*m"), truth.S, 100)
    assert fit_indices(fit)["chi2"] < 1e-9
    assert fit.estimates["estimate"][:6].to_list() == pytest.approx(
        [0.5, 0.4, 0.5, 0.7, 0.3, 0.3], abs=1e-6
    )
