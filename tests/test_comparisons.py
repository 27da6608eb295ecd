"""Differences between groups: R as reference, closed forms, calibration and refused input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.errors import InputError
from helpers.statistics.comparisons import (
    choose_groups,
    compare_means,
    compare_pairs,
)

R = Path(__file__).parent / "r"
SITES = pd.read_csv(R / "associations_input.csv")
FACTORS = SITES[list("abcde")]
COVERS = ["meadow", "steppe"]
ZONES = ["Low", "Middle", "High"]
GROUPINGS = pytest.mark.parametrize(
    ("grouping", "names", "confidence"), [("land_cover", COVERS, 0.95), ("zone", ZONES, 0.9)]
)
KEYS = ["factor", "first", "second"]


def from_r(name: str, grouping: str, keys: list[str]) -> pd.DataFrame:
    table = pd.read_csv(R / f"{name}.csv", index_col=keys)
    return table[table["grouping"] == grouping].drop(
        columns=["grouping", "confidence"], errors="ignore"
    )


@GROUPINGS
def test_every_t_test_agrees_with_r(grouping, names, confidence):
    expected = from_r("comparisons", grouping, KEYS)
    table = compare_pairs(FACTORS, SITES[grouping], names, confidence)
    assert table.columns.equals(expected.columns)
    searched = ["p_games_howell"]  # by iteration, in scipy and in R
    pd.testing.assert_frame_equal(
        table.drop(columns=searched),
        expected.drop(columns=searched),
        check_dtype=False,
        rtol=1e-11,
        atol=0,
    )
    pd.testing.assert_frame_equal(table[searched], expected[searched], rtol=2e-7, atol=1e-11)


@GROUPINGS
def test_every_analysis_of_variance_agrees_with_r(grouping, names, confidence):
    expected = from_r("comparisons_means", grouping, ["factor"])
    table = compare_means(FACTORS, SITES[grouping], names)
    pd.testing.assert_frame_equal(table, expected, check_dtype=False, rtol=1e-11, atol=0)


@pytest.mark.parametrize(("grouping", "names"), [("land_cover", COVERS), ("zone", ["Low", "High"])])
def test_two_groups_leave_nothing_to_correct_and_one_test_to_make(grouping, names):
    pairs = compare_pairs(FACTORS, SITES[grouping], names).droplevel(["first", "second"])
    np.testing.assert_allclose(pairs["p_games_howell"], pairs["p_welch"], rtol=1e-6)
    means = compare_means(FACTORS, SITES[grouping], names)
    expected = {
        "F": pairs["t_welch"] ** 2,
        "df_between": 1.0,
        "df_within": pairs["df_welch"],
        "p": pairs["p_welch"],
    }
    pd.testing.assert_frame_equal(means, pd.DataFrame(expected), rtol=1e-9, atol=0)


def test_a_factor_that_is_constant_in_one_group_has_no_analysis_of_variance_but_a_t_test():
    zoned = FACTORS["e"].mask(SITES["zone"] == "Low", 0.1)
    values = FACTORS.assign(e=zoned)
    means = compare_means(values, SITES["zone"], ZONES)
    assert means.loc["e"].isna().all()
    assert means.drop("e").notna().all(axis=None)
    pair = compare_pairs(values, SITES["zone"], ["Low", "High"]).loc["e"].iloc[0]
    high = zoned[SITES["zone"] == "High"]
    assert pair["t_welch"] == pytest.approx((0.1 - high.mean()) / high.sem())
    assert pair["df_welch"] == pytest.approx(13)


@pytest.mark.parametrize("compare", [compare_pairs, compare_means])
def test_fewer_than_two_groups_give_an_empty_table(compare):
    nothing = compare(FACTORS, SITES["land_cover"], ["meadow"])
    full = compare(FACTORS, SITES["land_cover"], COVERS)
    assert nothing.empty
    assert nothing.columns.equals(full.columns)
    assert nothing.index.names == full.index.names


def test_groups_that_are_large_enough_are_chosen_in_the_order_that_is_asked_for():
    zones = pd.Series(["Low"] * 3 + ["Middle"] * 2 + ["High"] * 4, name="zone")
    assert choose_groups(zones, "High, Middle, Low") == ["High", "Low"]
    usual = ["Low", "Middle", "High", "Alpine"]
    assert choose_groups(zones, "Low,Alpine", usual) == ["Low"]
    for wanted, known in (("Low, Alpine", []), ("Low, Alpine", ["Alpine"]), ("Low, Low", usual)):
        with pytest.raises(InputError, match=r"High \(4\), Low \(3\), Middle \(2\)"):
            choose_groups(zones, wanted, known)


@pytest.mark.parametrize("compare", [compare_pairs, compare_means])
def test_a_group_that_is_too_small_or_not_there_is_refused_by_name(compare):
    zones = SITES["zone"]
    two_low = zones.mask(zones.eq("Low") & (zones.eq("Low").cumsum() > 2), "High")
    with pytest.raises(InputError, match=r"group 'Low'\n(.|\n)*at least 3 sites(.|\n)*Low 2"):
        compare(FACTORS, two_low, ZONES)
    with pytest.raises(InputError, match="group 'Alpine'"):
        compare(FACTORS, zones, ["Low", "Alpine"])


def test_a_factor_that_only_tells_the_groups_apart_has_a_difference_but_no_test():
    step = (SITES["land_cover"] == "meadow").astype(float).to_frame("step")
    row = compare_pairs(step, SITES["land_cover"], COVERS).iloc[0]
    assert row["difference"] == 1
    assert row.drop("difference").isna().all()
