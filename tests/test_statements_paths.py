"""What chapters 7 to 12 say of models that fit alike, or do not: each sentence fits both."""

from __future__ import annotations

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import InputError
from helpers.figures.effect_plots import rank_chances
from helpers.pathmodel import (
    d_separation,
    effects,
    fit_indices,
    fit_model,
    parse_model,
    read_model,
)
from helpers.study import load_study, rescale, sample_top
from tests.chapters import words
from tests.test_pathmodel import EXOGENOUS

WITH_AND_WITHOUT_ARCS = pytest.mark.parametrize("exogenous", EXOGENOUS)
MEN = 20_700
DRAWN = """
education ~ father_education + father_job
first_job ~ father_job + education
job ~ father_job + education + first_job
"""


@pytest.fixture(scope="module")
def men() -> pd.DataFrame:
    """Return the correlations that Blau and Duncan printed in 1967."""
    names = ["father_education", "father_job", "education", "first_job", "job"]
    table = np.eye(5)
    below = [0.516, 0.453, 0.438, 0.332, 0.417, 0.538, 0.322, 0.405, 0.596, 0.541]
    table[np.tril_indices(5, -1)] = below
    return pd.DataFrame(table + np.tril(table, -1).T, names, names)


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return study_data(2022)


@pytest.fixture(scope="module")
def data(raw) -> pd.DataFrame:
    return rescale(raw, "min-max")


def study_data(seed: int) -> pd.DataFrame:
    study = load_study(seed=seed)
    return study.factors().join(sample_top(study.sites))


def fit_of_men(text: str, men: pd.DataFrame, exogenous: str = "correlated") -> pd.Series:
    return fit_indices(fit_model(parse_model(text), men, MEN, exogenous=exogenous))


def turn(text: str, arrow: tuple[str, str]) -> str:
    """Return a model with one arrow (to, from) the other way round."""
    paths = [one if one != arrow else arrow[::-1] for one in parse_model(text).paths]
    return "\n".join(f"{to} ~ {cause}" for to, cause in paths)


@WITH_AND_WITHOUT_ARCS
def test_only_the_arrow_between_the_jobs_can_be_turned_without_a_change_of_the_fit(men, exogenous):
    drawn = fit_of_men(DRAWN, men, exogenous)
    for arrow in parse_model(DRAWN).paths:
        turned = fit_of_men(turn(DRAWN, arrow), men, exogenous)
        if arrow == ("job", "first_job"):
            pd.testing.assert_series_equal(turned, drawn, rtol=1e-9)
        else:
            assert turned["df"] != drawn["df"] or abs(turned["chi2"] - drawn["chi2"]) > 100, arrow


@pytest.mark.parametrize("father", ["father_education", "father_job"])
def test_an_arrow_into_education_can_be_turned_where_the_arc_between_the_fathers_stays(men, father):
    turned = turn(DRAWN, ("education", father)) + "\nfather_education ~~ father_job"
    drawn = fit_of_men(DRAWN, men)
    pd.testing.assert_series_equal(fit_of_men(turned, men), drawn, rtol=1e-6)
    both = turn(turn(DRAWN, ("education", "father_education")), ("education", "father_job"))
    both += "\nfather_education ~~ father_job"
    pd.testing.assert_series_equal(fit_of_men(both, men), drawn, rtol=1e-6)


@WITH_AND_WITHOUT_ARCS
def test_education_and_first_job_can_be_turned_once_the_arrow_is_added_and_not_before(
    men, exogenous
):
    arrow = ("first_job", "education")
    more = DRAWN + "\nfirst_job ~ father_education"
    pd.testing.assert_series_equal(
        fit_of_men(turn(more, arrow), men, exogenous), fit_of_men(more, men, exogenous), rtol=1e-9
    )
    drawn, turned = fit_of_men(DRAWN, men), fit_of_men(turn(DRAWN, arrow), men)
    assert [*drawn[["df", "chi2"]], *turned[["df", "chi2"]]] == pytest.approx(
        [2, 18.118, 2, 476.164], abs=1e-3
    )
    assert [drawn["cfi"], turned["cfi"]] == pytest.approx([0.9995, 0.9855], abs=5e-5)


def test_equal_other_causes_are_what_makes_a_turned_arrow_equivalent():
    """In every drawing of four variables without a loop, on data that follow none of them."""
    rng = np.random.default_rng(7)
    table = pd.DataFrame(rng.standard_normal((40, 4)) @ rng.standard_normal((4, 4)))
    table.columns = list("abcd")
    pairs = list(combinations("abcd", 2))
    for kept in range(1, 1 << len(pairs)):
        joined = [pair for place, pair in enumerate(pairs) if kept >> place & 1]
        text = "\n".join(f"{to} ~ {cause}" for cause, to in joined)
        model = parse_model(text)
        drawn = fit_model(model, table, exogenous="uncorrelated")
        for to, cause in model.paths:
            same = set(model.parents(to)) - {cause} == set(model.parents(cause))
            other = parse_model(turn(text, (to, cause)))
            if other.recursive and set(other.variables) == set(model.variables):
                turned = fit_model(other, table, exogenous="uncorrelated")
                gap = fit_indices(turned)["chi2"] - fit_indices(drawn)["chi2"]
                assert (abs(gap) < 1e-8) == same, (text, to, cause)


def test_the_misfit_does_not_depend_on_the_men_and_one_correlation_costs_its_logarithm(men):
    model = parse_model(DRAWN)
    F = {n: fit_indices(fit_model(model, men, n))["chi2"] / (n - 1) for n in (30, 6_850, MEN)}
    assert list(F.values()) == pytest.approx([F[MEN]] * 3)
    kept, cut = (fit_model(model, men, MEN, exogenous=word) for word in EXOGENOUS)
    rise = (fit_indices(cut)["chi2"] - fit_indices(kept)["chi2"]) / (MEN - 1)
    assert rise == pytest.approx(-np.log(1 - 0.516**2))
    arrows = [each.estimates.query("kind == 'path'")["estimate"] for each in (kept, cut)]
    np.testing.assert_allclose(*arrows, atol=1e-9)


def test_with_three_claims_more_the_climatic_model_only_looks_better(data):
    kept, cut = (
        fit_indices(fit_model(read_model("climatic"), data, exogenous=word)) for word in EXOGENOUS
    )
    assert cut["df"] == kept["df"] + 3
    assert cut["chi2"] > kept["chi2"]
    assert (cut[["chi2_df", "rmsea"]] < kept[["chi2_df", "rmsea"]]).all()


def test_the_climatic_model_passes_cfi_90_while_its_test_still_rejects(data):
    model = read_model("climatic")
    while (indices := fit_indices(fit_model(model, data)))["cfi"] < 0.9:
        left, right = d_separation(model, data).claims["p"].idxmin()
        model = parse_model(f"{model.text}\n{right} ~ {left}")
    assert indices["p"] < 0.05
    assert indices["rmsea"] > 0.1


def test_the_turned_plant_model_joins_the_same_pairs_and_is_not_equivalent(data):
    ours = read_model("plant")
    turned = parse_model("EVI ~ CG + CF\nTOP ~ EVI\nANPP ~ EVI + TOP\nCIA ~ ANPP + TOP")
    assert {frozenset(pair) for pair in ours.paths} == {frozenset(pair) for pair in turned.paths}
    assert len(set(ours.paths) - set(turned.paths)) == 2
    gaps = {}
    for seed in (2022, 3, 10):
        table = data if seed == 2022 else rescale(study_data(seed), "min-max")
        one, other = (fit_indices(fit_model(each, table)) for each in (ours, turned))
        assert one["df"] == other["df"]
        assert seed != 2022 or min(one["p"], other["p"]) >= 0.05
        gaps[seed] = other["aic"] - one["aic"]
    assert 0.1 < abs(gaps[2022]) < 2
    assert gaps[3] < -2 < 2 < gaps[10]
    assert gaps[3] == pytest.approx(-gaps[10], abs=0.05)


@pytest.mark.parametrize("columns", ["raw", "data"])
def test_two_of_a_sum_and_its_parts_predict_alike_and_all_three_are_refused(columns, request):
    table = request.getfixturevalue(columns)
    fits = [
        fit_model(parse_model(f"TOP ~ {one} + {other}"), table)
        for one, other in combinations(["SOC", "SIC", "TC"], 2)
    ]
    left_over = [
        each.estimates.query("to == 'TOP' and `from` == 'TOP'")["standardized"].item()
        for each in fits
    ]
    assert left_over == pytest.approx([left_over[0]] * 3)
    assert [fit_indices(each)["chi2"] for each in fits] == pytest.approx([0, 0, 0], abs=1e-7)
    beside = [each.coefficients.loc["TOP", "SOC"] for each in fits[:2]]
    assert abs(beside[0] - beside[1]) > 0.5
    with pytest.raises(InputError, match="do not determine each other"):
        fit_model(parse_model("TOP ~ SOC + SIC + TC"), table)


def test_the_ratio_is_its_formula_and_a_line_in_its_parts_is_not(raw):
    np.testing.assert_allclose(raw["CN"], (raw["SOC"] + raw["SIC"]) / raw["TN"])
    fit = fit_model(parse_model("CN ~ SOC + SIC"), raw).estimates
    left_over = fit.query("to == 'CN' and `from` == 'CN'")["standardized"].item()
    assert 1 - left_over == pytest.approx(0.60, abs=0.005)
    assert "explains R² = 0.60 of C/N" in words("10")
    line = stats.linregress(raw["ST10"], np.log(raw["Rs"]))
    assert line.rvalue**2 == pytest.approx(1)


def test_one_set_of_sites_gives_each_drawing_its_own_effect(data):
    direct = parse_model("TOP ~ CG + CF + EVI + ANPP + CIA")
    stated, other = (
        effects(fit_model(each, data), "TOP").loc[("CG", "TOP"), "total"]
        for each in (read_model("plant"), direct)
    )
    assert stated > 0.2 > abs(other)


def test_a_rank_that_a_cause_takes_now_and_then_is_not_called_never():
    table = pd.DataFrame({1: [0.998, 0.002], 2: [0.002, 0.998]}, index=["SOC", "pH"])
    fig, ax = rank_chances(table, ["SOC", "pH"])
    assert [text.get_text() for text in ax.texts] == [">99", "<1", "<1", ">99"]
    assert "SOC >99%, pH >99%" in fig.get_label()
    plt.close(fig)
