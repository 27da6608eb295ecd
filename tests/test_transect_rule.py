"""The rule by which the transect supports a claim: what it says of relations that are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import InputError
from helpers.paper.simulation import draw_fields
from helpers.paper.transect_rule import judge_relations, least_shown
from helpers.readers.terrain import way_southeast
from helpers.statistics.neighbours import randomization_test

RNG = np.random.default_rng(1)
N = 90
PLACES = pd.DataFrame({"longitude": RNG.uniform(80, 102, N), "latitude": RNG.uniform(29, 38, N)})
PLACES.index = [f"S{number}" for number in range(N)]


def worlds(truth: float, count: int, reach: float = 150) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return sites with pairs of fields of a known correlation, and the relations between them."""
    x, e = draw_fields(PLACES, reach, 2, count, np.random.default_rng(2))
    y = truth * x + np.sqrt(1 - truth**2) * e
    table = pd.DataFrame(np.c_[x, y], PLACES.index).add_prefix("v")
    pairs = {"left": table.columns[:count], "right": table.columns[count:], "sign": 1}
    return PLACES.join(table), pd.DataFrame(pairs)


def test_thirty_sites_show_a_correlation_from_the_tabled_value_on():
    assert least_shown() == pytest.approx(0.361, abs=5e-4)  # any table of critical values
    r = least_shown(0.01, 50)
    t = r * np.sqrt(48 / (1 - r**2))
    assert 2 * stats.t.sf(t, 48) == pytest.approx(0.01)


def test_what_is_unrelated_is_hardly_ever_supported_and_what_is_strong_nearly_always():
    unrelated = judge_relations(*worlds(0.0, 60), draws=199)["verdict"]
    assert (unrelated == "supported").mean() <= 0.05
    strong = judge_relations(*worlds(0.9, 20), draws=199)["verdict"]
    assert (strong == "supported").mean() >= 0.8


def test_the_other_sign_turns_a_verdict_around():
    sites, pairs = worlds(0.9, 5)
    as_it_is = judge_relations(sites, pairs, draws=199)
    turned = judge_relations(sites, pairs.assign(sign=-1), draws=199)
    opposite = {"supported": "not supported", "undecided": "undecided"}
    assert turned["verdict"].tolist() == as_it_is["verdict"].map(opposite).tolist()
    pd.testing.assert_frame_equal(turned.filter(regex="^[rp]"), as_it_is.filter(regex="^[rp]"))


def test_correlations_and_p_are_those_of_the_test_that_keeps_neighbours():
    sites, pairs = worlds(0.5, 2)
    found = judge_relations(sites, pairs, draws=499)
    for ranks, kind in ((False, ""), (True, "_ranks")):
        for name, row in pairs.iterrows():
            left, right = sites[[row["left"]]], sites[[row["right"]]]
            alone = randomization_test(left, right, PLACES, ranks=ranks, draws=499).iloc[0]
            assert found.loc[name, f"r{kind}"] == pytest.approx(alone["r"])
            assert found.loc[name, f"p{kind}"] == pytest.approx(alone["p"], abs=0.03)
    assert (found["r_low"] < found["r"]).all()
    assert (found["r"] < found["r_high"]).all()


def test_a_relation_that_hangs_on_one_site_is_undecided_and_the_site_is_named():
    sites, pairs = worlds(0.45, 40)
    found = judge_relations(sites, pairs, draws=199)
    hanging = found[found["decides"] != ""]
    assert len(hanging)
    assert (hanging["verdict"] == "undecided").all()
    for name, row in hanging.iterrows():
        assert max(row["p"], row["p_ranks"]) < 0.05  # clear with all sites
        fewer = sites.drop(index=row["decides"])
        without = judge_relations(fewer, pairs.loc[[name]], draws=199).iloc[0]
        assert max(without["p"], without["p_ranks"]) >= 0.05


def test_a_table_of_relations_without_its_columns_and_a_gap_are_refused():
    sites, pairs = worlds(0.5, 1)
    with pytest.raises(InputError, match="sign"):
        judge_relations(sites, pairs.drop(columns="sign"))
    sites.iloc[3, 2] = np.nan
    with pytest.raises(InputError, match="S3"):
        judge_relations(sites, pairs)


def test_a_straight_way_is_followed_by_unrelated_fields_seldom_by_the_rule_and_often_without_it():
    way = way_southeast(PLACES["longitude"], PLACES["latitude"])
    fields = draw_fields(PLACES, 300, 1, 60, np.random.default_rng(3))[0]
    table = PLACES.assign(way=way).join(pd.DataFrame(fields, PLACES.index).add_prefix("v"))
    pairs = pd.DataFrame({"left": "way", "right": table.columns[3:], "sign": 1})
    judged = judge_relations(table, pairs, draws=199)
    naive = stats.pearsonr(np.repeat(way.to_numpy()[:, None], 60, 1), fields).pvalue
    assert (judged["verdict"] == "supported").mean() <= 0.07 < 0.4 < (naive < 0.05).mean()
    assert (judged["p"] < 0.05).mean() <= 0.15
