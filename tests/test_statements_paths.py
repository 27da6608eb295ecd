"""What chapters 7 to 12 say of models that fit alike, or do not: each sentence fits both."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import InputError
from helpers.figures.compared_intervals import compared_intervals
from helpers.figures.effect_plots import rank_chances
from helpers.paper import answer_effects, load_transect, published_order
from helpers.paper.effect_rule import judge_published
from helpers.paper.transect import Transect, add_variables
from helpers.pathmodel import (
    PathFit,
    effects,
    fit_indices,
    fit_model,
    identify,
    modification_indices,
    parse_model,
    read_model,
)
from helpers.readers import read_transect
from helpers.study import load_study, rescale, sample_top
from tests.chapters import words
from tests.conftest import GENUINE
from tests.test_pathmodel import EXOGENOUS
from tools.execution import NOTEBOOKS

WITH_AND_WITHOUT_ARCS = pytest.mark.parametrize("exogenous", EXOGENOUS)
MEN = 20_700
PLANTS = ("species", "growth")
DRAWN = """
education ~ father_education + father_job
first_job ~ father_job + education
job ~ father_job + education + first_job
"""

ADDED = DRAWN + "first_job ~ father_education"


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


def test_the_largest_index_of_the_men_is_shared_and_asks_for_the_added_arrow(men):
    found = modification_indices(fit_model(parse_model(DRAWN), men, MEN))["mi"]
    asked = found["first_job", "path", "father_education"]
    assert found.max() == pytest.approx(asked)
    assert np.isclose(found, asked).sum() == 7
    fall = fit_of_men(DRAWN, men)["chi2"] - fit_of_men(ADDED, men)["chi2"]
    assert asked == pytest.approx(fall, rel=0.01)


def test_each_friend_needs_a_cause_of_his_own():
    friends = "a ~ x1 + x2 + b\nb ~ y1 + y2 + a\na ~~ b"
    found = identify(parse_model(friends))
    assert found.equations[["order", "rank"]].all(axis=None)
    every = identify(parse_model(friends + "\nb ~ x1 + x2"))
    assert (every.parameters, every.moments, every.rank) == (21, 21, 20)
    refused = words("07").split("other values would fit as well: ")[1].split(".")[0]
    named = re.findall(r"(\w+) -> (\w+)", refused)
    assert ("RIQ", "FOccAsp") in named
    assert {to for _, to in named} == {"FOccAsp"}


def test_chapter_7_recomputes_what_was_printed_and_says_where_a_search_stops_short():
    text = words("07")
    for said in (
        "0.40 ± 0.10 and 0.42 ± 0.13",  # Fox: .40 and .42
        "χ² = 2.761 with 2 df",  # AMOS's manual
        "χ² is 1.251 with N − 1 and 1.259 with N (df 3)",  # lavaan, wishart and normal
        "0.18 ± 0.08 and −0.003 ± 0.07",  # lavaan, without the covariance of errors
        "0.28 ± 0.14 and 0.28 ± 0.16",  # lavaan, with both families
        "The stability index is 0.80 for the one and 1.25 for the other",
        "semopy ends at F = 0.119, a χ² of 11.88",
        "18 of the other 19 to every digit",
    ):
        assert said in text, said


def test_the_lines_for_a_model_of_your_own_run():
    text = (NOTEBOOKS.parent / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text.split("## A model of your own")[1], re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        assert len(block.strip().splitlines()) <= 15
        names: dict = {}
        exec(compile(block, "api.md", "exec"), names)
        assert names["fit"].stability_index < 1
        assert names["fit"].df > 0


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("y1 + y2 ~ x", True),
        ("y ~ a*x +\n  a*z ! equal", True),
        ('y ~ label("a")*x', True),
        ("y ~ 0.5*x + z; a ~~ 0*y; y ~~ 1*y; z ~ NA*a", True),
        ("y ~ a*x; ab := (a + 1)^2 / exp(a) - sqrt(a) * log(2)", True),
        ("y ~ x:z", False),
        ("y ~ I(x^2)", False),
        ("y ~ log(x)", False),
        ("y ~ x + z + x*z", False),
        ("f =~ x1 + x2", False),
        ("f <~ x1 + x2", False),
        ("y ~ a*x + b*z; a == b", False),
        ("y ~ a*x; a > 0", False),
        ('y ~ x + equal("y~x")*z', False),
        ("y ~ c(a, b)*x", False),
        ("group: 1\ny ~ x", False),
        ("level: 1\ny ~ x", False),
        ("y ~ 0,5*x", False),
        ("C/N ~ x", False),
        ("x -> y", False),
    ],
)
def test_the_language_is_what_the_page_of_helpers_says(text, reads):
    if reads:
        assert parse_model(text).paths
        return
    with pytest.raises(InputError):
        parse_model(text)


@pytest.mark.parametrize("left_out", ["1 + x", "start(0.5)*x"])
def test_what_is_left_out_of_a_model_is_said_by_its_fit(left_out):
    table = study_data(2022)[["EVI", "TF"]].set_axis(list("yx"), axis=1)
    assert "left out" in repr(fit_model(parse_model(f"y ~ {left_out}"), table))


@pytest.fixture(scope="module")
def transect() -> Transect:
    found = load_transect()
    return replace(found, paths=found.paths.sort_index())


def climatic_fit(transect: Transect, file: str, exogenous: str = "correlated") -> PathFit:
    """Fit a drawing of the climatic factors and measured biomass to the correlations of 147."""
    model = parse_model(read_model(file).text.replace("TOP", "biomass"))
    return fit_model(model, transect.correlations(model.variables), 147, exogenous=exogenous)


def test_with_three_claims_more_the_climatic_model_only_looks_better(transect):
    kept, cut = (fit_indices(climatic_fit(transect, "climatic", word)) for word in EXOGENOUS)
    assert cut["df"] == kept["df"] + 3
    three = transect.correlations(["PRE", "ALB", "DHFS"])
    growth = -146 * np.log(np.linalg.det(three))
    assert cut["chi2"] - kept["chi2"] == pytest.approx(growth)
    assert (cut[["chi2_df", "rmsea"]] < kept[["chi2_df", "rmsea"]]).all()


@pytest.mark.parametrize("scale", ["values", "ranks"])
def test_rain_helps_along_the_way_of_water_and_harms_where_all_else_is_held(transect, scale):
    effect = {
        name: transect.paths.loc[(f"{name}, biomass", scale, "biomass", "PRE", "biomass")]
        for name in ("climatic", "climatic direct")
    }
    assert effect["climatic"]["total_low"] > 0 > effect["climatic direct"]["total"]
    factors = published_order("climatic")
    R = transect.correlations([*factors, "biomass"], ranks=scale == "ranks")
    held = np.linalg.solve(R.loc[factors, factors], R.loc[factors, "biomass"])
    alone = transect.paths.loc[("climatic direct, biomass", scale, "biomass")].droplevel("to")
    np.testing.assert_allclose(alone.loc[factors, "total"], held, atol=0.01)
    if scale == "values":
        drawn = effects(climatic_fit(transect, "climatic"), "biomass").droplevel("to")["total"]
        there = transect.paths.loc[("climatic, biomass", scale, "biomass")].droplevel("to")
        np.testing.assert_allclose(there["total"], drawn[there.index], atol=0.01)


def test_the_direct_drawing_is_a_regression_on_the_genuine_table(transect):
    if not (GENUINE / "plateau_transect").is_dir():
        pytest.skip(f"the transect is not at {GENUINE} (set TIBET_REAL_DATA)")
    table = add_variables(read_transect(GENUINE))
    factors = published_order("climatic")
    z = (table - table.mean()) / table.std()
    slopes, *_ = np.linalg.lstsq(z[factors].to_numpy(), z["biomass"].to_numpy(), rcond=None)
    alone = transect.paths.loc[("climatic direct, biomass", "values", "biomass")].droplevel("to")
    np.testing.assert_allclose(alone.loc[factors, "total"], slopes, atol=1e-4)


def test_of_three_drawings_one_is_not_contradicted_and_its_mirror_fits_alike(transect):
    R = transect.correlations(["TF", "richness", "biomass"])
    texts = ["richness ~ TF\nbiomass ~ richness", "richness ~ biomass\nTF ~ richness"]
    ours, mirror = (fit_indices(fit_model(parse_model(text), R, 147)) for text in texts)
    assert mirror["chi2"] == pytest.approx(ours["chi2"], abs=1e-8)
    assert mirror["cfi"] == pytest.approx(ours["cfi"])
    partial = (R.loc["TF", "biomass"] - R.loc["TF", "richness"] * R.loc["richness", "biomass"]) ** 2
    partial /= (1 - R.loc["TF", "richness"] ** 2) * (1 - R.loc["richness", "biomass"] ** 2)
    assert ours["chi2"] == pytest.approx(-146 * np.log(1 - partial))
    for scale in ("values", "ranks"):
        species, growth = (transect.paths.loc[(f"{one} first", scale)] for one in PLANTS)
        assert species.loc[("biomass", "TF", "biomass"), "p"] > 0.05
        assert species.loc[("biomass", "richness", "biomass"), "p"] < 0.001
        assert growth.loc[("richness", "TF", "richness"), "p"] < 0.001


def test_an_error_of_the_cause_looks_like_an_arrow_between_its_effects():
    share, of_species, of_growth = 0.6, 0.9, 0.8
    seen = np.sqrt(share) * np.array([of_species, of_growth])
    R = pd.DataFrame(np.eye(3), list("tsb"), list("tsb"))
    for one, other, r in (("t", "s", seen[0]), ("t", "b", seen[1]), ("s", "b", 0.72)):
        R.loc[one, other] = R.loc[other, one] = r
    assert R.loc["t", "s"] * R.loc["t", "b"] / R.loc["s", "b"] == pytest.approx(share)
    assert fit_indices(fit_model(parse_model("s ~ t\nb ~ t"), R, 147))["p"] < 1e-9


def test_intervals_decide_orders_and_signs_only_where_they_lie_apart():
    order = published_order("climatic")
    steps = pd.Series([4.0, 3, 2, 1, -1, -2, -3, -4], order)
    clear = pd.DataFrame({"total_low": steps - 0.4, "total_high": steps + 0.4})
    wide = pd.DataFrame({"total_low": steps - 5, "total_high": steps + 5})
    turned = clear.copy()
    turned.loc["PRE"] = [0.2, 0.4]
    judged = judge_published("climatic", {"clear": clear, "wide": wide, "turned": turned})
    assert set(judged["clear"]) == {"supported"}
    assert set(judged["wide"]) == {"undecided"}
    assert judged["turned"].to_dict() == {
        "leader": "supported",
        "positive": "supported",
        "negative": "not supported",
        "signs": "not supported",
    }
    with pytest.raises(InputError, match="no column PRE"):
        judge_published("climatic", {"fewer": clear.drop("PRE")})


def test_answers_on_effects_name_the_leader_the_orders_and_the_signs():
    order = published_order("climatic")
    steps = pd.Series([4.0, 3, 2, 1, 1, -2, -3, -4], order)
    fits = {"a": pd.DataFrame({"total": steps, "total_low": steps, "total_high": steps})}
    answers = answer_effects("climatic", fits, "observed")
    assert answers["climatic-leader"].here == "TF (a)"
    assert answers["climatic-positive"].here == "TF > PET > RZSM > SH (a)"
    assert answers["climatic-negative"].here == "ALB > DHFS > ST (a)"
    assert answers["climatic-signs"][:2] == (["not supported"], "observed")
    assert answers["climatic-signs"].here == "7 of 8 (a)"


def test_rows_that_only_one_network_has_are_drawn_once_and_sides_are_shaded():
    ends = {"estimate": [0.5, -0.2], "low": [0.3, -0.5], "high": [0.7, 0.1]}
    one = pd.DataFrame(ends, ["a", "b"])
    names = pd.Series({"a": "first", "b": "second"})
    fig, ax = compared_intervals(
        {"here": one, "there": one.loc[["a"]], "nowhere": one.loc[[]]},
        names,
        "r",
        pd.Series({"a": 1, "b": -1}),
    )
    dots = [line for line in ax.lines if line.get_marker() in ("o", "D")]
    assert [dot.get_xdata()[0] for dot in dots] == [0.5, -0.2, 0.5]
    assert [np.sign(bar.get_width()) for bar in ax.patches] == [1, -1]
    assert "there: 1 leave out zero; first +0.50" in fig.get_label()
    assert "nowhere" not in fig.get_label()
    plt.close(fig)
    fig, _ = compared_intervals({"here": one.loc[[]]}, names, "r")
    assert "None of these" in fig.get_label()
    plt.close(fig)


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


def test_ratio_and_respiration_of_the_reconstruction_are_their_formulas(raw):
    np.testing.assert_allclose(raw["CN"], (raw["SOC"] + raw["SIC"]) / raw["TN"])
    line = stats.linregress(raw["ST10"], np.log(raw["Rs"]))
    assert line.rvalue**2 == pytest.approx(1)


def test_a_rank_that_a_cause_takes_now_and_then_is_not_called_never():
    table = pd.DataFrame({1: [0.998, 0.002], 2: [0.002, 0.998]}, index=["SOC", "pH"])
    fig, ax = rank_chances(table, ["SOC", "pH"])
    assert [text.get_text() for text in ax.texts] == [">99", "<1", "<1", ">99"]
    assert "SOC >99%, pH >99%" in fig.get_label()
    plt.close(fig)


def test_what_c_n_says_of_plants_is_an_echo_of_carbon():
    result = load_transect()
    R = result.correlations(["SOC", "CN", "biomass"])
    echo = R.loc["CN", "SOC"] * R.loc["SOC", "biomass"]
    assert echo == pytest.approx(R.loc["CN", "biomass"], abs=0.01)
    text = words("10")
    assert f"= {echo:.2f}, and measured was {R.loc['CN', 'biomass']:.2f}" in text
    judged = result.judge([("CN", "biomass", -1)])
    assert judged["verdict"].item() == "not supported"
    assert "C/N does not have the paper's sign" in text


def test_carbon_beside_nitrogen_has_the_other_sign():
    R = load_transect().correlations(["SOC", "TN", "biomass"])
    slopes = np.linalg.solve(R.iloc[:2, :2], R.iloc[:2, 2])
    assert slopes[0] < -0.4
    assert R.loc["SOC", "biomass"] > 0.6


def test_warmth_and_transpiration_lead_on_a_map_made_of_temperature_and_rain():
    total = load_transect().paths.sort_index()["total"]
    for model in ("climatic, TOP", "climatic direct, TOP"):
        for scale in ("values", "ranks"):
            most = total.loc[model, scale, "TOP"].xs("TOP", level="to").nlargest(2)
            assert set(most.index) == {"ST", "TF"}
    assert "ground temperature and transpiration lead, in both drawings" in words("08")


def test_most_of_what_four_leaders_explain_belongs_to_no_single_one():
    leaders = ["TF", "richness", "SOC", "bacteria"]
    R = load_transect().correlations([*leaders, "biomass"]).to_numpy()
    whole = R[:4, 4] @ np.linalg.solve(R[:4, :4], R[:4, 4])
    lost = []
    for left_out in range(4):
        kept = [place for place in range(4) if place != left_out]
        r = R[kept, 4]
        lost.append(whole - r @ np.linalg.solve(R[np.ix_(kept, kept)], r))
    assert whole - sum(lost) > sum(lost)
    text = words("12")
    assert f"they explain {whole:.0%} of the variance of biomass" in text
    assert f"{sum(lost):.0%} can be given to one or another of them" in text
    assert f"{whole - sum(lost):.0%} to no single one" in text


def test_an_order_of_four_small_effects_seldom_comes_home_from_thirty_sites():
    text = words("11")
    seldom, often = (
        int(re.search(rf"{before} (\d+)%", text).group(1))
        for before in ("frequent, and comes in", "sites find it in")
    )
    assert seldom < 25 < often < 60
