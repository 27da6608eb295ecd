"""Tests in which neighbours stay as alike as they are.

Moran spectral randomization :cite:p:`wagner2015`: a variable is a sum of spatial patterns, from
broad to fine, and a draw gives each pattern a new sign. So it has the mean, the variance and the
likeness of neighbours of the data, and nothing else of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import linalg, stats
from scipy.spatial.distance import squareform

from helpers.checks import check_level, check_number, check_sites, check_whole
from helpers.statistics.associations import left_over, pair_distances

_REACH = 200.0  # km
_AT_A_TIME = 250  # draws


def spatial_patterns(places: pd.DataFrame) -> np.ndarray:
    """Return the patterns of n sites, orthonormal and of mean 0, (n, n - 1).

    They are the eigenvectors of exp(-distance / 200 km), mean taken off.
    """
    likeness = squareform(np.exp(-pair_distances(places) / _REACH))
    basis = linalg.helmert(len(places)).T
    return basis @ np.linalg.eigh(basis.T @ likeness @ basis)[1]


def randomization_test(
    left: pd.DataFrame,
    right: pd.DataFrame,
    places: pd.DataFrame,
    *,
    given: pd.DataFrame | None = None,
    ranks: bool = False,
    draws: int = 1999,
    seed: int = 2022,
) -> pd.DataFrame:
    """Correlate two tables, and ask how often unrelated patterns would correlate as much.

    By ``left`` and ``right``: ``r``, and ``p``, two-sided. Of unrelated fields at the 147 sites of
    :func:`helpers.readers.read_transect`, alike over 20 to 1000 km, 3 to 6 % have p < .05; taken
    for independent, 9 to 70 %.

    Parameters
    ----------
    left, right : pandas.DataFrame
        Variables at n sites; a group of sites is a variable of 0 and 1.
    places : pandas.DataFrame
        longitude and latitude of the same sites, degrees.
    given : pandas.DataFrame, optional
        Variables that are held: the correlations are then partial.
    ranks : bool
        Whether to correlate ranks (Spearman) instead of values (Pearson).
    draws, seed : int
        Number of draws, at least 100, and the seed of their signs.

    Examples
    --------
    >>> places = pd.DataFrame({"longitude": range(80, 110), "latitude": 33})
    >>> table = pd.DataFrame({"a": range(30), "b": np.arange(30) ** 2})
    >>> randomization_test(table[["a"]], table[["b"]], places)["r"].round(2).item()
    0.97
    """
    left, right, places, given = check_sites(left=left, right=right, places=places, given=given)
    draws, seed = check_whole("draws", draws, 100), check_whole("seed", seed, 0)
    if ranks:
        left, right = left.rank(), right.rank()
    index = pd.MultiIndex.from_product([left.columns, right.columns], names=["left", "right"])
    x, y = (left_over(table, given)[0].to_numpy() for table in (left, right))
    x, y = np.repeat(x, right.shape[1], axis=1), np.tile(y, left.shape[1])
    r, p, _ = randomize_pairs(x, y, spatial_patterns(places), draws, seed)
    return pd.DataFrame({"r": r, "p": p}, index)


def count_among_neighbours(
    left: pd.DataFrame,
    right: pd.DataFrame,
    places: pd.DataFrame,
    alpha: float = 0.05,
    seed: int = 2022,
    times: int = 2000,
) -> np.ndarray:
    """Count the crosses that a plain t test calls significant between unrelated sets, (times,).

    As :func:`helpers.statistics.count_by_chance`, but neighbours stay as alike as they are: each
    draw gives the patterns of the left set new signs, the same for all of its factors.

    Parameters
    ----------
    left, right, places : pandas.DataFrame
        Factors, and longitude and latitude, of the same sites.
    alpha, seed, times : float, int
        Level of each test, seed of the signs, and how often.

    Examples
    --------
    >>> places = pd.DataFrame({"longitude": range(80, 110), "latitude": 33})
    >>> table = pd.DataFrame({"a": range(30), "b": np.arange(30) ** 2})
    >>> count_among_neighbours(table[["a"]], table[["b"]], places, times=4).shape
    (4,)
    """
    left, right, places = check_sites(left=left, right=right, places=places)
    alpha, seed = check_level("alpha", alpha, usual=0.05), check_whole("seed", seed, 0)
    times = check_whole("times", times, of="draws")
    patterns = spatial_patterns(places)
    one, other = (patterns.T @ left_over(table, None)[0].to_numpy() for table in (left, right))
    one, other = (parts / np.linalg.norm(parts, axis=0) for parts in (one, other))
    t = stats.t.isf(alpha / 2, len(left) - 2)
    critical = t / np.sqrt(len(left) - 2 + t**2)
    rng = np.random.default_rng(seed)
    signs = (rng.choice([-1.0, 1.0], (len(one), 1)) for _ in range(times))
    return np.array([(np.abs((sign * one).T @ other) > critical).sum() for sign in signs])


def randomize_pairs(
    x: np.ndarray, y: np.ndarray, patterns: np.ndarray, draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return r and p of each pair of columns, (n, pairs), and how many sites r is worth.

    Unrelated patterns give r a variance, and so many independent sites would give it the same.
    """
    one, other = (patterns.T @ values for values in (x, y))
    parts = one * other / (np.linalg.norm(one, axis=0) * np.linalg.norm(other, axis=0))
    r, beyond, rng = parts.sum(axis=0), 0, np.random.default_rng(seed)
    for start in range(0, draws, _AT_A_TIME):
        signs = rng.choice([-1.0, 1.0], (min(_AT_A_TIME, draws - start), len(parts)))
        beyond = beyond + (np.abs(signs @ parts) >= np.abs(r) - 1e-12).sum(axis=0)
    return r, (1 + beyond) / (1 + draws), 1 + 1 / (parts**2).sum(axis=0)


def name_blocks(places: pd.DataFrame, degrees: float = 2.0) -> pd.Series:
    """Return the block of each site: cells of so many degrees of longitude and latitude.

    Parameters
    ----------
    places, degrees : pandas.DataFrame, float
        longitude and latitude, and the side of a block: 2 degrees of latitude are about 220 km.

    Examples
    --------
    >>> name_blocks(pd.DataFrame({"longitude": [91.5], "latitude": [33.2]})).item()
    '32 N, 90 E'
    """
    degrees = check_number("degrees", degrees, np.nextafter(0, 1), needed="a side above 0")
    corner = np.floor(places[["latitude", "longitude"]] / degrees) * degrees
    return corner.apply(lambda row: f"{row.iloc[0]:g} N, {row.iloc[1]:g} E", axis=1).rename("block")
