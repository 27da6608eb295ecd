"""Specification curves: one number per answer, and which choice explains the spread."""

from __future__ import annotations

import json
from itertools import permutations
from math import comb

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.anova import anova_lm

from helpers.errors import InputError
from helpers.paper.claims import Answer, judge, load_claims, share_in_order
from helpers.paper.specifications import explained, load_sweep, measure

LEDGER = load_claims()
ANSWER = ["notebook", "run", "claim", "value", "here", "label", "agrees", "verdict", "reason"]


@pytest.mark.parametrize(
    ("claim", "value", "estimate"),
    [
        ("loop-positive", [0.3, 0.1, 0.6], (0.3, 0.1, 0.6)),
        ("phase-albedo", [-0.8, -0.9, -0.5], (0.8, 0.5, 0.9)),
        ("climate-peaks", [3, 12], (0.25, np.nan, np.nan)),
        ("climate-peaks", [0, 0], (np.nan, np.nan, np.nan)),
        ("soc-meadow", ["supported", "undecided"], (0.5, np.nan, np.nan)),
        ("plant-signs", [5, 5], (1, np.nan, np.nan)),
        ("rise-rcp85", [0.041, -0.01, 0.1], (0.041, -0.01, 0.1)),
        ("yearly-trend-rcp45", [2, 4], (0.5, np.nan, np.nan)),
        ("plant-leader", ["EVI"], (1, np.nan, np.nan)),
        ("plant-leader", ["CIA"], (0, np.nan, np.nan)),
        ("loop-positive", None, (np.nan, np.nan, np.nan)),
    ],
)
def test_every_rule_gives_one_number_turned_to_the_printed_side(claim, value, estimate):
    measured = measure(LEDGER.loc[claim], json.dumps(value))
    np.testing.assert_equal(tuple(measured.values()), estimate)


@given(st.permutations(["Cenzy", "BPLFA", "Nenzy", "FPLFA"]), st.integers(2, 4))
def test_the_share_of_pairs_in_order_is_kendalls_tau_and_missing_pairs_did_not_come_out(
    here, listed
):
    shown = here[:listed]
    printed = LEDGER.loc["microbial-positive", "published"].split(" > ")
    assert printed == ["Cenzy", "BPLFA", "Nenzy", "FPLFA"]
    places = [shown.index(name) for name in printed if name in shown]
    tau = stats.kendalltau(range(listed), places).statistic
    share = measure(LEDGER.loc["microbial-positive"], json.dumps(shown))["estimate"]
    assert share == pytest.approx((tau + 1) / 2 * comb(listed, 2) / comb(4, 2))


@given(st.permutations(["Cenzy", "BPLFA", "Nenzy", "FPLFA", "Penzy"]), st.integers(0, 5))
def test_the_dot_of_an_order_lies_above_one_half_where_its_colour_says_partly(here, listed):
    shown, claim = here[:listed], LEDGER.loc["microbial-positive"]
    share = measure(claim, json.dumps(shown))["estimate"]
    assert (judge(claim, Answer(shown, "observed", ""))["agrees"] != "no") == (share > 0.5)


def test_explained_shares_are_those_of_an_analysis_of_variance():
    rng = np.random.default_rng(1)
    grid = pd.MultiIndex.from_product([range(4), ["a", "b"], [0.1, 0.2]], names=["x", "y", "z"])
    rows = grid.to_frame(index=False)
    rows["estimate"] = rows["x"] + 3 * (rows["y"] == "a") + rng.normal(size=len(rows))
    shares = explained(rows, ["x", "y", "z"])
    table = anova_lm(smf.ols("estimate ~ C(x) + C(y) + C(z)", rows).fit())
    expected = table["sum_sq"] / ((rows["estimate"] - rows["estimate"].mean()) ** 2).sum()
    np.testing.assert_allclose(shares, expected.iloc[:3], rtol=1e-12)
    assert shares.sum() <= 1


def test_a_conclusion_that_does_not_vary_depends_on_nothing():
    rows = pd.DataFrame({"x": [1, 2, 1, 2], "estimate": [0.3, 0.3, 0.3, 0.1 + 0.2]})
    assert explained(rows, ["x"]).tolist() == [0]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"run": ["a"]}, "no column agrees, claim, here, label, notebook, reason, value, verdict"),
        ({name: ["x"] for name in ANSWER}, "claims of data/claims.csv"),
    ],
)
def test_a_table_of_something_else_is_refused(columns, said, tmp_path):
    path = tmp_path / "mine.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    with pytest.raises(InputError, match=said):
        load_sweep(str(path))


def test_a_table_of_answers_is_read_as_it_was_written(tmp_path):
    rows = pd.DataFrame({name: ["x", "NA"] for name in ANSWER}).assign(
        run=["0123", "12e4"],
        here=["", "null"],
        claim=["climate-peaks", "loop-positive"],
        value=["[1, 4]", "[0.3, 0.1, 0.6]"],
        reason="",
        seed=pd.array([7, None], "Int64"),
        fdr=pd.array([None, True], "boolean"),
    )
    path = tmp_path / "mine.csv"
    rows.to_csv(path, index=False)
    read = load_sweep(str(path))
    assert read["estimate"].tolist() == [0.25, 0.3]
    pd.testing.assert_frame_equal(read[rows.columns], rows.convert_dtypes())


def test_a_sweep_that_was_not_made_is_refused_with_the_command_that_makes_it():
    with pytest.raises(InputError, match=r"make sweep GRID=.*book/sweeps/nothing\.yml"):
        load_sweep("nothing")


def test_half_of_all_pairs_of_shuffled_orders_are_as_printed():
    for names in ("abc", "abcde"):
        shares = [share_in_order(list(names), list(each)) for each in permutations(names)]
        assert np.mean(shares) == pytest.approx(0.5)
