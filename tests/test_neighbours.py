"""Tests that keep neighbours: against enumeration and scipy, and by how often they are wrong."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import squareform

from helpers.errors import InputError
from helpers.statistics.associations import pair_distances
from helpers.statistics.neighbours import (
    count_among_neighbours,
    randomization_test,
    spatial_patterns,
)


def scattered(n: int, seed: int = 1) -> pd.DataFrame:
    """Return places on the Plateau."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"longitude": rng.uniform(80, 102, n), "latitude": rng.uniform(29, 38, n)})


def test_patterns_are_orthonormal_and_a_new_sign_changes_neither_variance_nor_likeness():
    places = scattered(40)
    patterns = spatial_patterns(places)
    np.testing.assert_allclose(patterns.T @ patterns, np.eye(39), atol=1e-12)
    np.testing.assert_allclose(patterns.sum(axis=0), 0, atol=1e-12)
    likeness = squareform(np.exp(-pair_distances(places) / 200))
    rng = np.random.default_rng(2)
    values = rng.standard_normal(40)
    values -= values.mean()
    drawn = patterns @ (rng.choice([-1, 1], 39) * (patterns.T @ values))
    assert drawn @ drawn == pytest.approx(values @ values)
    assert drawn @ likeness @ drawn == pytest.approx(values @ likeness @ values)
    assert not np.allclose(np.abs(drawn), np.abs(values))


@given(st.integers(0, 10_000))
def test_p_is_the_share_of_all_sign_vectors(seed):
    rng, places = np.random.default_rng(seed), scattered(8, seed)
    left, right = (pd.DataFrame({name: rng.standard_normal(8)}) for name in "ab")
    found = randomization_test(left, right, places, draws=999, seed=seed).iloc[0]
    patterns = spatial_patterns(places)
    one, other = (patterns.T @ stats.zscore(table.to_numpy()[:, 0]) for table in (left, right))
    r = [np.dot(signs, one * other) / 8 for signs in product((-1, 1), repeat=7)]
    exact = np.mean(np.abs(r) >= abs(one @ other) / 8 - 1e-12)
    assert found["p"] == pytest.approx(exact, abs=0.08)


@pytest.mark.parametrize(("ranks", "by"), [(False, stats.pearsonr), (True, stats.spearmanr)])
def test_the_correlation_is_scipys(ranks, by):
    rng = np.random.default_rng(3)
    left, right = (pd.DataFrame(rng.exponential(size=(30, 2)), columns=[*"ab"]) for _ in "xy")
    found = randomization_test(left, right, scattered(30), ranks=ranks, draws=100)
    for one, other in found.index:
        assert found.loc[(one, other), "r"] == pytest.approx(by(left[one], right[other]).statistic)


def test_with_a_control_the_correlation_is_that_of_what_regressions_leave():
    rng = np.random.default_rng(4)
    held = rng.standard_normal(50)
    x, y = (pd.DataFrame({name: held + rng.standard_normal(50)}) for name in "xy")
    rest = [
        table[name] - np.polyval(np.polyfit(held, table[name], 1), held)
        for name, table in (("x", x), ("y", y))
    ]
    found = randomization_test(x, y, scattered(50), given=pd.DataFrame({"held": held}), draws=100)
    assert found["r"].item() == pytest.approx(stats.pearsonr(*rest).statistic)


@pytest.mark.parametrize("reach", [50, 300, 1000])
def test_unrelated_fields_are_called_related_about_as_often_as_promised(reach):
    places = scattered(120)
    rng = np.random.default_rng(reach)
    likeness = squareform(np.exp(-pair_distances(places) / reach)) + np.eye(120)
    root = np.linalg.cholesky(likeness)
    left, right = (pd.DataFrame(root @ rng.standard_normal((120, 20))) for _ in "xy")
    p = randomization_test(left, right, places, draws=199)["p"]
    assert (p < 0.05).mean() < 0.08
    if reach >= 300:
        pairs = [stats.pearsonr(left[i], right[j]).pvalue for i in left for j in right]
        assert np.mean(np.array(pairs) < 0.05) > 0.2


def test_related_fields_are_found():
    rng = np.random.default_rng(5)
    x = pd.DataFrame({"x": rng.standard_normal(100)})
    y = pd.DataFrame({"y": 0.5 * x["x"] + rng.standard_normal(100)})
    assert randomization_test(x, y, scattered(100))["p"].item() < 0.01


def test_few_draws_and_other_sites_are_refused():
    x, places = pd.DataFrame({"x": range(9)}), scattered(9)
    with pytest.raises(InputError, match="draws"):
        randomization_test(x, x, places, draws=5)
    with pytest.raises(InputError, match="same sites"):
        randomization_test(x, x, places.iloc[::-1])


def test_crosses_of_unrelated_sets_are_counted_as_in_tables_that_are_written_out():
    places, rng = scattered(25), np.random.default_rng(3)
    left = pd.DataFrame(rng.standard_normal((25, 3)), columns=list("abc"))
    right = pd.DataFrame(rng.standard_normal((25, 2)), columns=list("de"))
    found = count_among_neighbours(left, right, places, alpha=0.1, seed=8, times=40)
    patterns, rng = spatial_patterns(places), np.random.default_rng(8)
    for count in found:
        turned = patterns @ (rng.choice([-1.0, 1.0], (24, 1)) * (patterns.T @ left.to_numpy()))
        p = [stats.pearsonr(x, right[name]).pvalue for x in turned.T for name in right]
        assert count == (np.array(p) < 0.1).sum()


def test_neighbours_that_are_alike_give_many_more_false_crosses_than_shuffled_ones():
    places, rng = scattered(60), np.random.default_rng(4)
    root = np.linalg.cholesky(squareform(np.exp(-pair_distances(places) / 500)) + np.eye(60))
    smooth = [pd.DataFrame(root @ rng.standard_normal((60, 4))) for _ in range(2)]
    plain = [pd.DataFrame(rng.standard_normal((60, 4))) for _ in range(2)]
    smooth, plain = (
        count_among_neighbours(*tables, places).mean() / 16 for tables in (smooth, plain)
    )
    assert plain < 0.08 < 0.1 < smooth
