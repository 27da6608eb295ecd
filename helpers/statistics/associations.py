"""Correlations between factors: how strong, how sure, and how many by chance."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its statistics load themselves when they are used
from scipy.spatial.distance import pdist, squareform

from helpers.checks import check_columns, check_level, check_numbers, check_sites, check_whole
from helpers.errors import InputError

_SHARES = {"different": 1, "within": {"p": (0, 1)}, "gaps": True}
_SAME = 1e-10  # share of a column that rounding may leave where nothing should be left


def over_complete_sites(
    analyse: Callable[..., Any], left: pd.DataFrame, right: pd.DataFrame | None = None
) -> Any:
    """Return an analysis of factors with gaps, each pair of them at the sites that have both.

    ``analyse(left, right)`` is called for factors that lack the same sites, and must return a
    Series or DataFrame; their rows are joined. With one table it is ``analyse(left)``.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [1.0, 2.0, None], "b": [1.0, 2.0, 3.0]})
    >>> over_complete_sites(pd.DataFrame.count, table).sort_index().to_dict()
    {'a': 2, 'b': 3}
    """
    parts = []
    for one in _alike(left):
        for other in [None] if right is None else _alike(right):
            pair = [one] if other is None else [one, other]
            complete = pd.concat(pair, axis=1).notna().all(axis=1)
            parts.append(analyse(*(each[complete] for each in pair)))
    return pd.concat(parts)


def _alike(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Split a table into factors that lack the same sites."""
    lacking = [column.isna().to_numpy().tobytes() for _, column in table.items()]
    return [table[names] for names in table.columns.groupby(pd.Index(lacking)).values()]


def have_gaps(*tables: object) -> bool:
    """Return whether these are tables of which one has a gap."""
    frames = [each for each in tables if isinstance(each, pd.DataFrame) and each.shape[1]]
    return len(frames) == len(tables) and any(each.isna().any(axis=None) for each in frames)


def _choose(table: Any, rows: Any) -> Any:
    return None if table is None else table.loc[rows]


def correlate(
    left: pd.DataFrame,
    right: pd.DataFrame | None = None,
    *,
    given: pd.DataFrame | None = None,
    sizes: pd.Series | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    r"""Correlate every factor of one set with every factor of another (Pearson).

    ``n`` is the size that was used, ``p`` that of :func:`correlation_p`, and Fisher's interval

    .. math:: \tanh\left(\operatorname{artanh} r \pm z / \sqrt{n - 3 - k}\right)

    Parameters
    ----------
    left, right : pandas.DataFrame
        Factors at the same n sites, or every pair within `left`. Ranks (``left.rank()``) give
        Spearman's correlation. Two tables may have gaps: a pair takes the sites that have both.
    given : pandas.DataFrame, optional
        k controls at the same sites; the correlations are then partial.
    sizes : pandas.Series, optional
        Effective sample size of each pair (:func:`effective_sizes`), used in place of n.
    confidence : float
        Level of the intervals, between 0 and 1.

    Examples
    --------
    >>> table = pd.DataFrame({"warmth": [1, 2, 3, 4, 5], "growth": [1, 3, 2, 5, 4]})
    >>> correlate(table)[["r", "p"]].round(3).to_numpy()
    array([[0.8  , 0.104]])
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    if have_gaps(left, right):

        def part(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
            held = _choose(given, one.index)
            return correlate(one, other, given=held, sizes=sizes, confidence=confidence)

        pairs = pd.MultiIndex.from_product([left, right], names=["left", "right"])
        return over_complete_sites(part, left, right).loc[pairs]
    left, right, given = check_sites(left=left, right=right, given=given)
    one, k = _standardize(left, given)
    other, _ = (one, k) if right is None else _standardize(right, given)
    of = f"sites with {k} controls" if k else "sites"
    mend = "add sites: the interval divides by n - 3, less one for each control"
    check_whole("correlation", len(left), 4 + k, of=of, mend=mend)
    r = _by_pair(one.T @ other, left, right).clip(-1, 1)
    n = pd.Series(float(len(left)), r.index)
    if sizes is not None:
        sizes = pd.Series(sizes).reindex(r.index).to_frame("sizes")
        n = check_numbers(sizes, different=1, within={"sizes": (0, np.inf)})["sizes"]
    spare = np.maximum(n - 3 - k, 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # r = 1, or nothing to spare
        z, reach = np.arctanh(r), scipy.stats.norm.ppf((1 + confidence) / 2) / np.sqrt(spare)
    low, high = (np.tanh(z + end * reach).where(spare > 0, end) for end in (-1, 1))
    columns = {"n": n, "r": r, "r_low": low, "r_high": high, "p": correlation_p(r, n, k)}
    return pd.DataFrame(columns)


def correlation_p(r: np.ndarray, n: np.ndarray, controls: int = 0) -> np.ndarray:
    r"""Return the two-sided p of (partial) correlations, 1 where no degree of freedom is left.

    .. math:: t = |r| \sqrt{(n - 2 - k) / (1 - r^2)}

    Parameters
    ----------
    r, n, controls : numpy.ndarray, numpy.ndarray, int
        Correlations, the (effective) number of sites behind each, and k variables held constant.

    Examples
    --------
    >>> correlation_p(0.5, 30).round(4)
    np.float64(0.0049)
    """
    freedom = np.asarray(n) - 2 - controls
    with np.errstate(divide="ignore", invalid="ignore"):  # r = 1: t is infinite, p is 0
        p = 2 * scipy.stats.t.sf(np.abs(r) * np.sqrt(freedom / (1 - r**2)), freedom)
    return np.where(freedom > 0, p, 1.0)


def _by_pair(matrix: np.ndarray, left: pd.DataFrame, right: pd.DataFrame | None) -> pd.Series:
    """Return the entries of a matrix of left by right, of each pair once."""
    codes = combinations(left, 2) if right is None else product(left, right)
    values = matrix[np.triu_indices(len(matrix), 1)] if right is None else matrix.ravel()
    return pd.Series(values, pd.MultiIndex.from_tuples(codes, names=["left", "right"]), name="n")


def left_over(
    table: pd.DataFrame, controls: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, int]:
    """Return what a linear regression on controls leaves of each column, and how many count: one
    that the others determine does not."""
    centred = table - table.mean()
    if controls is None:
        return centred, 0
    z = ((controls - controls.mean()) / controls.std()).to_numpy()
    weights, _, rank, _ = np.linalg.lstsq(z, centred.to_numpy(), rcond=_SAME)
    return centred - z @ weights, int(rank)


def _standardize(
    table: pd.DataFrame, controls: pd.DataFrame | None = None
) -> tuple[np.ndarray, int]:
    """Return columns of length 1, free of their mean and of the controls, which are counted."""
    rest, k = left_over(table, controls)
    length = np.linalg.norm(rest, axis=0)
    explained = length < _SAME * np.linalg.norm(table, axis=0)
    if explained.any():
        raise InputError(
            f"column {table.columns[explained][0]!r}",
            needed="a part that its mean and the controls do not explain",
            found=f"less than {_SAME:g} of it, as rounding leaves",
            mend="take it out of the factors or out of the controls, or take a constant off",
        )
    return rest.to_numpy() / length, k


def as_matrix(pairs: pd.Series) -> pd.DataFrame:
    """Return a symmetric matrix, 1 on its diagonal, from one value for each pair of factors, in the
    order of :func:`correlate` within one table.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [1, 2, 3, 4], "b": [1, 3, 2, 4], "c": [4, 3, 2, 1]})
    >>> as_matrix(correlate(table)["r"]).loc["c"].round(2).tolist()
    [-1.0, -0.8, 1.0]
    """
    left, right = (pairs.index.get_level_values(side) for side in pairs.index.names)
    codes = left.unique().append(right[-1:])
    if pairs.index.to_list() != list(combinations(codes, 2)):
        needed = "every pair of factors once, in the order of correlate"
        found = f"{len(pairs)} pairs of {len(codes)} factors, or another order"
        raise InputError("pairs", needed=needed, found=found, mend="take all rows, unsorted")
    values = check_numbers(pairs.to_frame("pairs"), different=1, gaps=True)["pairs"]
    return pd.DataFrame(squareform(values) + np.eye(len(codes)), codes, codes)


def control_errors(table: pd.DataFrame) -> pd.DataFrame:
    """Add p values that allow for the number of tests to a table whose column ``p`` holds all that
    one looks at together.

    They are ``q`` :cite:p:`benjamini1995` (reject where q < f, and at most the share f of the
    rejections is false, on average, if the tests are independent or depend positively on each test
    of a true null hypothesis :cite:p:`benjamini2001`; two-sided tests of correlated factors need
    not) and ``p_bonferroni`` (reject where it is < a, and the chance of any false rejection is at
    most a).

    Examples
    --------
    >>> control_errors(pd.DataFrame({"p": [0.01, 0.04, 0.5]}))["q"].tolist()
    [0.03, 0.06, 0.5]
    """
    check_columns("table", table, ["p"])
    done = check_numbers(table[["p"]], **_SHARES)["p"].dropna()
    q = pd.Series(scipy.stats.false_discovery_control(done) if len(done) else [], done.index, float)
    return table.assign(q=q, p_bonferroni=np.minimum(done * len(done), 1))


def significance_marks(p: pd.Series, mark: str = "*") -> pd.Series:
    """Return the marks of the paper's Fig. 2: one for p < .1, two for p < .05, three for p < .01.

    Parameters
    ----------
    p, mark : pandas.Series, str
        p values, and ``*`` for correlations or ``#`` for t tests.

    Examples
    --------
    >>> significance_marks(pd.Series([0.001, 0.03, 0.1])).tolist()
    ['***', '**', '']
    """
    p = check_numbers(pd.Series(p).to_frame("p"), **_SHARES)["p"]
    steps = [-np.inf, 0.01, 0.05, 0.1, np.inf]
    marks = pd.cut(p, steps, right=False, labels=[3 * mark, 2 * mark, mark, ""])
    return marks.astype(object).fillna("")


def count_by_chance(
    left: pd.DataFrame,
    right: pd.DataFrame,
    alpha: float = 0.05,
    seed: int = 2022,
    times: int = 5000,
) -> np.ndarray:
    """Count the significant crosses that are left when the sites of one set are shuffled, (times,).

    Shuffling whole sites keeps the correlations within each set, so the counts spread far more
    widely than those of independent tests. It does not keep the likeness of neighbouring sites.

    Parameters
    ----------
    left, right, alpha, seed, times : pandas.DataFrame, float, int
        Factors at the same sites, level of each test, seed of the shuffling, and how often.

    Examples
    --------
    >>> count_by_chance(pd.DataFrame({"a": range(9)}), pd.DataFrame({"b": range(9)}), times=3).shape
    (3,)
    """
    alpha = check_level("alpha", alpha, usual=0.05)
    seed, times = check_whole("seed", seed, 0), check_whole("times", times, of="shuffles")
    left, right = check_sites(left=left, right=right)
    check_whole("left", len(left), 3, of="sites", mend="add sites")
    (one, _), (other, _) = _standardize(left), _standardize(right)
    t = scipy.stats.t.isf(alpha / 2, len(left) - 2)
    critical = t / np.sqrt(len(left) - 2 + t**2)
    rng = np.random.default_rng(seed)
    shuffled = (np.abs(rng.permutation(one).T @ other) for _ in range(times))
    return np.array([(r > critical).sum() for r in shuffled])


def moran_correlogram(table: pd.DataFrame, places: pd.DataFrame, classes: int = 5) -> pd.DataFrame:
    r"""Return Moran's I of every factor (rows) by class of distance between sites.

    With z of mean 0 and length 1, and w = 1 for the pairs of a class, else 0:

    .. math:: I = n\, z^\top w z \,\big/ \sum w

    I is above -1 / (n - 1) where sites that far apart resemble each other, below it where they
    differ. It is no correlation: where few sites have most of the pairs, it may be below -1.

    Parameters
    ----------
    table, places : pandas.DataFrame
        Factors at n sites, and their longitude and latitude, degrees.
    classes : int
        Number of distance classes, with equally many pairs of sites in each. A column is named by
        the largest distance in its class (km).

    Examples
    --------
    >>> places = pd.DataFrame({"longitude": range(90, 96), "latitude": 33})
    >>> moran_correlogram(pd.DataFrame({"a": range(6)}), places, classes=2).round(2).to_numpy()
    array([[ 0.45, -0.94]])
    """
    table, places = check_sites(table=table, places=places)
    members, edges = _distance_classes(places, classes)
    return pd.DataFrame(_morans_i(table, members), table.columns, edges)


def _morans_i(table: pd.DataFrame, members: np.ndarray) -> np.ndarray:
    """Return I of each factor in each class, (factor, class)."""
    z, _ = _standardize(table)
    found = [len(z) * np.einsum("if,ij,jf->f", z, w, z) / w.sum() for w in members]
    return np.stack(found, axis=-1)


def pair_distances(places: pd.DataFrame) -> np.ndarray:
    """Return the great-circle distance of every pair of sites in km, in the order of scipy's pdist.

    Examples
    --------
    >>> pair_distances(pd.DataFrame({"longitude": [90, 90], "latitude": [30, 31]})).round(1)
    array([111.2])
    """
    (places,) = check_sites(places=places)
    lon, lat = np.radians(places["longitude"]), np.radians(places["latitude"])
    points = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    from helpers.readers.grids import EARTH_RADIUS  # with xarray, which few pages need here

    return 2 * EARTH_RADIUS / 1000 * np.arcsin(np.clip(pdist(points) / 2, 0, 1))


def _distance_classes(places: pd.DataFrame, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which pairs of sites are in which class (class, n, n), and where classes end (km)."""
    classes = check_whole("classes", classes, of="classes of distance")
    check_whole("places", len(places), 2, of="sites", mend="add sites")
    km = pair_distances(places)
    edges = np.quantile(km, np.linspace(0, 1, classes + 1)[1:])
    number = np.searchsorted(edges, km)
    filled = np.unique(number)  # with few or tied distances a class may stay empty
    return np.stack([squareform(number == each).astype(float) for each in filled]), edges[filled]


def effective_sizes(
    left: pd.DataFrame, right: pd.DataFrame | None, places: pd.DataFrame, classes: int = 5
) -> pd.Series:
    r"""Return how many independent sites each correlation is worth :cite:p:`dutilleul1993`.

    At most n: where only one of two factors resembles itself among neighbours, the correlation is
    worth all n sites. X and Y hold Moran's I of the two factors at the distance of each pair of
    sites and 1 on the diagonal, and B takes off the mean:

    .. math:: 1 + n^2 / \operatorname{tr}(B X B Y)

    Parameters
    ----------
    left, right : pandas.DataFrame
        Factors at n sites; with ``None`` for `right`, every pair within `left`. Two tables may have
        gaps, as for :func:`correlate`.
    places, classes : as for :func:`moran_correlogram`
        With five classes, unrelated fields that are smooth over 100 to 2000 km on the embedded
        sites have p < .05 in 4 to 6 % of cases, not in 10 to 48 %; with more, the test loses power.

    Examples
    --------
    >>> places = pd.DataFrame({"longitude": range(80, 100), "latitude": 33})
    >>> along = pd.DataFrame({"a": range(20), "b": np.arange(20) ** 2})
    >>> effective_sizes(along, None, places).round(1).item()
    2.9
    """
    if have_gaps(left, right):

        def part(one: pd.DataFrame, other: pd.DataFrame) -> pd.Series:
            return effective_sizes(one, other, places.loc[one.index], classes)

        pairs = pd.MultiIndex.from_product([left, right], names=["left", "right"])
        return over_complete_sites(part, left, right).loc[pairs]
    left, right, places = check_sites(left=left, right=right, places=places)
    members, _ = _distance_classes(places, classes)
    n = len(left)
    centre = np.eye(n) - 1 / n

    def likeness(table: pd.DataFrame) -> np.ndarray:
        matrices = np.eye(n) + np.einsum("fk,kij->fij", _morans_i(table, members), members)
        return centre @ matrices @ centre

    others = left if right is None else right
    overlap = np.einsum("fij,gij->fg", likeness(left), likeness(others))
    worth = np.where(overlap > n**2 / (n - 1), 1 + n**2 / overlap, n)
    return _by_pair(worth, left, right)
