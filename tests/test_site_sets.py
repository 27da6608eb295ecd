"""Admissible sets of sites: counted by brute force, drawn alike, and never against the paper."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import InputError
from helpers.paper import site_sets
from helpers.paper.site_sets import (
    FIXED_SITES,
    WEIGHTINGS,
    correlate_in_sets,
    count_site_sets,
    draw_site_sets,
)
from helpers.readers.sites import ZONES


def transect(low: tuple, middle: tuple, high: tuple) -> pd.DataFrame:
    """Return the seven fixed sites, and so many meadow and steppe sites in each zone."""
    elevation = [3112, 3650, 3830, 4390, 4417, 4764, 4538]
    cover = ["steppe", "meadow", "meadow", "steppe", "meadow", "meadow", "steppe"]
    for counts, ends in zip((low, middle, high), ZONES.values(), strict=True):
        for name, count in zip(("meadow", "steppe"), counts, strict=True):
            elevation += [np.mean(ends)] * count
            cover += [name] * count
    names = [*FIXED_SITES, *(f"P{i}" for i in range(len(cover) - 7))]
    rng = np.random.default_rng(1)
    places = rng.uniform((80, 29, 0.1), (102, 38, 0.7), (len(names), 3))
    table = pd.DataFrame(places, names, columns=["longitude", "latitude", "AI"])
    table = table.assign(elevation=elevation, land_cover=cover)
    return table.assign(SOC=rng.exponential(size=len(names)), pH=rng.normal(8, 1, len(names)))


SMALL = transect((2, 3), (5, 4), (4, 8))


def agrees(places: np.ndarray, sites: pd.DataFrame) -> bool:
    """Tell whether a set has what the paper prints."""
    chosen = sites.iloc[places]
    zones = [chosen["elevation"].between(*ends).sum() for ends in ZONES.values()]
    meadows = (chosen["land_cover"] == "meadow").sum()
    return zones == [6, 10, 14] and meadows == 12 and set(FIXED_SITES) <= set(chosen.index)


def test_the_count_is_that_of_all_combinations():
    free, fixed = range(7, len(SMALL)), list(range(7))
    possible = sum(agrees([*fixed, *each], SMALL) for each in combinations(free, 23))
    assert count_site_sets(SMALL) == possible > 30


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_every_set_agrees_with_the_paper_and_has_thirty_different_sites(weighting):
    sites = transect((15, 21), (26, 6), (17, 37))
    sets = draw_site_sets(sites, 200, weighting=weighting, seed=3)
    assert all(agrees(places, sites) and len(set(places)) == 30 for places in sets.places)
    again = draw_site_sets(sites, 200, weighting=weighting, seed=3)
    np.testing.assert_array_equal(sets.places, again.places)


def test_all_sets_come_alike():
    free = range(7, len(SMALL))
    every = [frozenset(e) for e in combinations(free, 23) if agrees([*range(7), *e], SMALL)]
    drawn = draw_site_sets(SMALL, 20 * len(every), seed=4).places[:, 7:]
    found = pd.Series([frozenset(each) for each in drawn]).value_counts().reindex(every)
    assert stats.chisquare(found.fillna(0)).pvalue > 0.001


def test_sets_along_the_aridity_index_are_spread_more_evenly_than_others():
    sites = transect((15, 21), (26, 6), (17, 37))
    index = stats.rankdata(sites["AI"])

    def widest_gap(weighting: str) -> float:
        places = draw_site_sets(sites, 300, weighting=weighting).places
        return np.diff(np.sort(index[places], axis=1), axis=1).max(axis=1).mean()

    assert widest_gap("aridity") < widest_gap("uniform")


@pytest.mark.parametrize(("ranks", "by"), [(False, stats.pearsonr), (True, stats.spearmanr)])
def test_correlations_in_sets_are_scipys(ranks, by):
    sites = transect((15, 21), (26, 6), (17, 37))
    sets = draw_site_sets(sites, 5)
    found = correlate_in_sets(sites, [("SOC", "pH"), ("AI", "SOC")], sets, ranks=ranks)
    for row, places in enumerate(sets.places):
        chosen = sites.iloc[places]
        for left, right in found:
            expected = by(chosen[left], chosen[right]).statistic
            assert found.loc[row, (left, right)] == pytest.approx(expected)


def test_sites_outside_the_table_blur_a_relation_and_keep_the_fixed_sites():
    sites = transect((15, 21), (26, 6), (17, 37))
    sites["AI"] = sites["SOC"]  # the strongest of relations
    sets = draw_site_sets(sites, 100, outside=1.0)
    assert sets.outside[:, :7].sum() == 0
    assert sets.outside[:, 7:].all()
    values = site_sets.values_in_sets(sites, ["SOC", "pH"], sets)
    np.testing.assert_array_equal(
        values[:, :7], np.broadcast_to(sites[["SOC", "pH"]].to_numpy()[:7], (100, 7, 2))
    )
    assert values.min(axis=(0, 1)).tolist() >= sites[["SOC", "pH"]].min().tolist()
    blurred = correlate_in_sets(sites, [("SOC", "AI")], sets)
    assert (blurred > 0.99).all(axis=None)  # both columns move together


def test_a_table_without_the_fixed_sites_or_with_too_few_others_is_refused():
    with pytest.raises(InputError, match="Q190"):
        count_site_sets(SMALL.drop(index="Q190"))
    with pytest.raises(InputError, match="too few"):
        draw_site_sets(SMALL.iloc[:20])
    with pytest.raises(InputError, match="weighting"):
        draw_site_sets(SMALL, weighting="random")
