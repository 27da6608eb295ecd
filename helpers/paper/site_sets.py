"""Which thirty of the transect's sites may be the paper's, and what they could have shown.

The paper prints the edges of its three zones of elevation, how many sites lie in each, and how
many are meadow. Sets of thirty sites that agree are *admissible*; there are very many of them. A
share of them says what thirty sites could show, not what is true: that is asked of all sites.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import comb, prod
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.spatial.distance import squareform

from helpers.checks import check_number, check_numbers, check_whole, check_word
from helpers.errors import InputError
from helpers.readers.sites import ZONES
from helpers.statistics.associations import pair_distances

SITES_IN_ZONE = {"Low": 6, "Middle": 10, "High": 14}
MEADOWS = 12
FIXED_SITES = {  # sites of the transect with a number that the paper prints
    "Q3": "3112 m, the lowest of the low zone",
    "Q16": "3650 m, the highest of the low zone",
    "Q26": "3830 m, the lowest of the middle zone",
    "Q186": "4390 m, the highest of the middle zone",
    "Q35": "4417 m, the lowest of the high zone; the highest SOC",
    "Q200": "4764 m, the highest of the high zone",
    "Q190": "the lowest SOC",
}
EDGES = tuple(edge for ends in ZONES.values() for edge in ends)  # m
WEIGHTINGS = ("uniform", "aridity", "space")


class SiteSets(NamedTuple):
    """Admissible sets: places in the table, (draws, 30), and which of them stand for a site that is
    not in the table, (draws, 30).
    """

    places: np.ndarray
    outside: np.ndarray


def _strata(sites: pd.DataFrame) -> tuple[list[np.ndarray], list[tuple[int, ...]], list[int]]:
    """Return the free sites of each zone and cover, the ways to fill them, the sets of each way."""
    if lacking := [name for name in FIXED_SITES if name not in sites.index]:
        raise InputError(
            "sites",
            needed="the transect, with the seven sites that the paper's numbers name",
            found=f"no site {', '.join(lacking)}",
            mend="give the whole table, as helpers.readers.read_transect returns it",
        )
    fixed = sites.index.isin(list(FIXED_SITES))
    meadow = sites["land_cover"] == "meadow"
    left, pools = [], []
    for zone, ends in ZONES.items():
        inside = sites["elevation"].between(*ends)
        left.append(SITES_IN_ZONE[zone] - int((inside & fixed).sum()))
        pools += [np.flatnonzero(inside & ~fixed & cover) for cover in (meadow, ~meadow)]
    ways = []
    for meadows in product(*(range(each + 1) for each in left)):
        if sum(meadows) == MEADOWS - int((fixed & meadow).sum()):
            pairs = zip(meadows, left, strict=True)
            ways.append(tuple(count for m, each in pairs for count in (m, each - m)))
    sizes = [
        prod(comb(len(pool), count) for pool, count in zip(pools, way, strict=True)) for way in ways
    ]
    return pools, ways, sizes


def count_site_sets(sites: pd.DataFrame) -> int:
    """Return how many sets of thirty sites of the transect are admissible.

    Parameters
    ----------
    sites : pandas.DataFrame
        The transect, as :func:`helpers.readers.read_transect` returns it.

    Examples
    --------
    >>> from helpers.readers import read_transect
    >>> f"{count_site_sets(read_transect()):.1e}"  # doctest: +SKIP
    '2.1e+21'
    """
    return sum(_strata(sites)[2])


def draw_site_sets(
    sites: pd.DataFrame,
    draws: int = 1000,
    *,
    weighting: str = "uniform",
    outside: float = 0.0,
    seed: int = 2022,
) -> SiteSets:
    """Draw admissible sets: 6, 10 and 14 sites in the zones, 12 meadow, the seven fixed ones.

    Parameters
    ----------
    sites : pandas.DataFrame
        The transect, as :func:`helpers.readers.read_transect` returns it.
    draws, seed : int
        How many sets, and the seed of the drawing.
    weighting : {"uniform", "aridity", "space"}
        All sets alike; or only those whose free sites are spread evenly along the aridity index, or
        from west to east, within each zone and land cover.
    outside : float
        Share of the free sites that stand for one that is not in the table, from 0 to 1.

    Examples
    --------
    >>> from helpers.readers import read_transect
    >>> draw_site_sets(read_transect(), 5).places.shape  # doctest: +SKIP
    (5, 30)
    """
    check_word("weighting", weighting, WEIGHTINGS)
    draws, seed = check_whole("draws", draws), check_whole("seed", seed, 0)
    outside = check_number("outside", outside, 0, 1)
    pools, ways, sizes = _strata(sites)
    if not sum(sizes):
        raise InputError(
            "sites",
            needed="6, 10 and 14 sites in the paper's zones, 12 of them meadow",
            found="too few sites of a zone and land cover",
            mend="give the whole table, as helpers.readers.read_transect returns it",
        )
    along = {"aridity": "AI", "space": "longitude"}.get(weighting)
    if along:
        pools = [pool[np.argsort(sites[along].to_numpy()[pool], kind="stable")] for pool in pools]
    rng = np.random.default_rng(seed)
    places = np.empty((draws, sum(SITES_IN_ZONE.values())), int)
    places[:, : len(FIXED_SITES)] = sites.index.get_indexer(list(FIXED_SITES))
    chances = [size / sum(sizes) for size in sizes]
    for row, way in zip(places, rng.choice(len(ways), draws, p=chances), strict=True):
        chosen = []
        for pool, count in zip(pools, ways[way], strict=True):
            if along is None:
                chosen.append(rng.choice(pool, count, replace=False))
            elif count:
                step = len(pool) / count
                chosen.append(pool[((rng.random() + np.arange(count)) * step).astype(int)])
        row[len(FIXED_SITES) :] = np.concatenate(chosen)
    free = np.arange(places.shape[1]) >= len(FIXED_SITES)
    return SiteSets(places, free & (rng.random(places.shape) < outside))


def values_in_sets(sites: pd.DataFrame, columns: list[str], sets: SiteSets) -> np.ndarray:
    """Return what was measured at the sites of each set, (draws, 30, columns).

    A site that stands for one outside the table differs from it as two neighbours of one land cover
    differ from each other, in all columns together, and stays within the range of the table.
    """
    table = sites[columns].to_numpy(float)
    values = table[sets.places]
    count = int(sets.outside.sum())
    if count:
        apart = squareform(pair_distances(sites[["longitude", "latitude"]]))
        cover = sites["land_cover"].to_numpy()
        apart[(cover[:, None] != cover) | np.eye(len(cover), dtype=bool)] = np.inf
        differences = table - table[apart.argmin(axis=1)]
        rng = np.random.default_rng(count)
        moved = differences[rng.integers(len(table), size=count)] * rng.choice([-1, 1], (count, 1))
        low, high = table.min(axis=0), table.max(axis=0)
        values[sets.outside] = np.clip(values[sets.outside] + moved, low, high)
    return values


def set_correlations(
    sites: pd.DataFrame, columns: list[str], sets: SiteSets, *, ranks: bool = False
) -> np.ndarray:
    """Return the correlations of columns within each set, of values or ranks, (draws, p, p)."""
    values = values_in_sets(sites, columns, sets)
    if ranks:
        values = stats.rankdata(values, axis=1)
    values = values - values.mean(axis=1, keepdims=True)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values.swapaxes(1, 2) @ values


def correlate_in_sets(
    sites: pd.DataFrame, pairs: list[tuple[str, str]], sets: SiteSets, *, ranks: bool = False
) -> pd.DataFrame:
    """Return r by set of thirty sites and pair of columns; p < .05 from 0.361 on.

    Parameters
    ----------
    sites : pandas.DataFrame
        The transect; a group of sites is a column of 0 and 1.
    pairs : list of (str, str)
        Columns to correlate.
    sets : SiteSets
        As :func:`draw_site_sets` returns them.
    ranks : bool
        Whether to correlate ranks (Spearman) instead of values (Pearson).
    """
    columns = list(dict.fromkeys(name for pair in pairs for name in pair))
    R = set_correlations(sites, columns, sets, ranks=ranks)
    left, right = np.array([[columns.index(name) for name in pair] for pair in pairs]).T
    r = R[:, left, right]
    return pd.DataFrame(r, columns=pd.MultiIndex.from_tuples(pairs, names=["left", "right"]))


def match_edges(
    elevation: pd.Series, edges: Sequence[int] = EDGES, furthest: int = 300
) -> pd.Series:
    """Count how many printed elevations are those of sites, by how far (m) all are moved together.

    Parameters
    ----------
    elevation : pandas.Series
        Of the sites, m; to the nearest metre.
    edges : sequence of int
        The printed ones, m.
    furthest : int
        The largest shift, m, in either direction.

    Examples
    --------
    >>> match_edges(pd.Series([3000.2, 3100]), edges=[2999, 3099], furthest=1).to_dict()
    {-1: 0, 0: 0, 1: 2}
    """
    here = np.unique(np.rint(check_numbers(elevation.to_frame("elevation"), different=1)))
    furthest = check_whole("furthest", furthest, of="metres")
    shifts = pd.RangeIndex(-furthest, furthest + 1, name="shift")
    moved = np.asarray(edges) + shifts.to_numpy()[:, None]
    return pd.Series(np.isin(moved, here).sum(axis=1), shifts, name="matches")


def least_in_table(found: int) -> int:
    """Return how many of the thirty sites are at least in a table where all that were sought are.

    Parameters
    ----------
    found : int
        Sites that were looked for, a fair sample of the thirty, all of which were found. With fewer
        in the table, that would have a chance below 5 %.

    Examples
    --------
    >>> least_in_table(7)
    21
    """
    thirty = sum(SITES_IN_ZONE.values())
    found = check_whole("found", found, 1, thirty, of="sites")
    chances = stats.hypergeom.pmf(found, thirty, np.arange(thirty + 1), found)
    return int(np.argmax(chances >= 0.05))
