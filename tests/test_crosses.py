"""All pairs of the transect: against its relations, scipy and the genuine table; their figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.factors import built_in
from helpers.figures.correlations import (
    chance_counts,
    correlation_map,
    correlation_matrix,
    fading_marks,
)
from helpers.figures.transect_plots import share_by_chance
from helpers.paper.claims import NO_DATA, agree
from helpers.paper.crosses import (
    answer_relations,
    group_variables,
    judge_crosses,
)
from helpers.paper.transect import add_variables, load_transect
from helpers.readers.transect import read_transect
from helpers.statistics.associations import significance_marks
from tests.conftest import GENUINE
from tests.figures import assert_readable, words_of

pytestmark = pytest.mark.usefixtures("without_a_screen")
CLIMATE, *REST = group_variables().values()
LIFE = [code for codes in REST for code in codes]


@pytest.fixture(scope="module")
def crosses() -> pd.DataFrame:
    return judge_crosses(load_transect(), CLIMATE, LIFE)


def test_each_pair_stands_once_with_the_sign_that_all_sites_give(crosses):
    assert len(crosses) == len(CLIMATE) * len(LIFE) == 210
    assert (np.sign(crosses["r"]) == crosses["sign"]).all()
    one = load_transect().judge([("TF", "pH", -1)]).iloc[0]
    assert crosses.loc[("TF", "pH"), list(one.index)].to_dict() == one.to_dict()


def test_naive_p_is_that_of_independent_sites_and_neighbours_make_pairs_worth_less(crosses):
    n = 147
    for pair in (("TF", "SOC"), ("AT", "fungi"), ("WS", "Sand")):
        r = crosses.loc[pair, "r"]
        t = abs(r) * np.sqrt((n - 2) / (1 - r**2))
        assert crosses.loc[pair, "naive"] == pytest.approx(2 * stats.t.sf(t, n - 2))
    np.testing.assert_allclose(crosses["q"], stats.false_discovery_control(crosses["p"]))
    assert crosses["worth"].between(3, n).all()
    r, worth = crosses["r"], crosses["worth"]
    high = np.tanh(np.arctanh(r) + stats.norm.isf(0.025) / np.sqrt(worth - 3))
    np.testing.assert_allclose(high[worth < n], crosses["r_high"][worth < n], atol=1e-6)
    assert worth.median() < n / 4


def test_a_pair_is_related_if_one_sign_is_supported_and_unrelated_if_neither_could_be(crosses):
    rising, falling = (
        load_transect().judge([(*pair, sign) for pair in crosses.index])["verdict"]
        for sign in (1, -1)
    )
    related = crosses["either"] == "supported"
    assert related.equals((rising == "supported") | (falling == "supported"))
    unrelated = crosses["either"] == "not supported"
    assert unrelated.equals((rising == "not supported") & (falling == "not supported"))
    assert not (related & unrelated).any()


def test_correlations_are_those_of_the_genuine_table(crosses):
    if not (GENUINE / "plateau_transect").is_dir():
        pytest.skip(f"the transect is not at {GENUINE} (set TIBET_REAL_DATA)")
    table = add_variables(read_transect(GENUINE))
    R = table[[*CLIMATE, *LIFE]].corr()
    expected = [R.loc[pair] for pair in crosses.index]
    np.testing.assert_allclose(crosses["r"], expected, atol=6e-5)
    ranks = table[[*CLIMATE, *LIFE]].corr("spearman")
    expected = [ranks.loc[pair] for pair in crosses.index]
    np.testing.assert_allclose(crosses["r_ranks"], expected, atol=6e-5)


def test_within_one_set_every_pair_stands_once_and_a_perfect_one_does_no_harm():
    found = judge_crosses(load_transect(), LIFE)
    assert len(found) == 15 * 14 / 2
    assert np.isfinite(found[["naive", "q", "worth"]]).all(axis=None)


def test_without_earlier_columns_soil_life_is_left():
    found = judge_crosses(load_transect(columns="present"), CLIMATE, LIFE)
    assert set(found.index.unique("right")) == set(REST[-1])


def test_relations_are_answered_with_verdicts_and_words():
    transect = load_transect()
    judged = transect.judge([("TF", "biomass", 1), ("SH", "biomass", 1)])
    answer = answer_relations(judged)
    assert agree({"rule": "judged", "published": "+"}, answer.value) == "open"
    assert answer.here.startswith(f"transpiration, biomass: r = {judged['r'].iloc[0]:+.2f}, ")
    assert f"hangs on site {judged['decides'].iloc[0]}" in answer.here
    assert answer_relations(transect.judge([("SOC", "pH", -1)])).label == "measured"
    assert answer_relations(transect.judge([("TF", "none", 1)])) == NO_DATA


def test_grains_and_ratios_are_built_in_where_the_caller_says_so():
    pairs = pd.MultiIndex.from_tuples([("Silt", "Sand"), ("CP", "CN"), ("CP", "pH"), ("TN", "CN")])
    grains = dict.fromkeys(["Clay", "Silt", "Sand"], "whole")
    held = built_in(pairs, grains | {"CN": "SOC TN", "CP": "SOC TP"})
    assert held.tolist() == [True, True, False, True]


def test_a_map_frames_and_stars_the_cells_it_is_told_to(crosses):
    clear = crosses["verdict"] == "supported"
    fig, ax = correlation_map(crosses, significance_marks(crosses["p"]), clear)
    assert_readable(fig)
    corners = {patch.get_xy() for patch in ax.patches}
    assert corners == {(LIFE.index(b), CLIMATE.index(a)) for a, b in clear.index[clear]}
    assert f"{clear.sum()} framed" in fig.get_label()


def test_stars_fade_from_panel_to_panel(crosses):
    marks = crosses[["naive", "p", "q"]].apply(significance_marks)
    fig, axes = fading_marks(crosses["r"], marks)
    assert_readable(fig)
    for ax, (name, column) in zip(axes.flat, marks.items(), strict=True):
        image = np.ma.filled(ax.images[0].get_array(), np.nan)
        assert image.shape == (15, 14)
        assert np.isfinite(image).sum() == (column != "").sum()
        assert image[LIFE.index("SOC"), CLIMATE.index("SH")] == crosses.loc[("SH", "SOC"), "r"]
        assert f"{name} {(column != '').sum()}" in fig.get_label()


def test_the_matrix_puts_dots_where_it_is_told_to():
    every = judge_crosses(load_transect(), ["TF", "SH", "SOC", "CN"])
    dots = pd.Series([pair == ("SOC", "CN") for pair in every.index], every.index)
    groups = {"climate": ["TF", "SH"], "soil": ["SOC", "CN"]}
    fig, ax = correlation_matrix(every, groups, dots)
    assert len([line for line in ax.lines if line.get_marker() == "o"]) == 1
    assert str(len(ax.patches)) == "2"
    assert "climate, soil" in fig.get_label()


def test_counts_by_chance_are_shares_of_draws_and_name_what_was_found():
    fig, ax = chance_counts({"dealt": np.array([1, 1, 2, 3]), "alike": np.arange(9)}, 7)
    assert_readable(fig)
    heights = sum(patch.get_height() for patch in ax.patches)
    assert heights == pytest.approx(200)
    assert "found: 7" in words_of(fig)
    assert "dealt, mean 1.8" in fig.get_label()


def test_shares_are_drawn_in_per_cent(crosses):
    fig, ax = share_by_chance(crosses)
    assert_readable(fig)
    dots = np.concatenate([line.get_xydata() for line in ax.lines if line.get_marker() == "o"])
    expected = 100 * crosses[["permuted", "share"]].to_numpy()
    np.testing.assert_allclose(np.sort(dots, axis=0), np.sort(expected, axis=0))
