"""Correlations between factors: how strong, how sure, and how many by chance.

Tables of factors come in, one row per site; tidy tables go out, one row per pair of factors.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import scipy  # its statistics load themselves when they are used
from scipy.spatial.distance import pdist, squareform

from helpers.checks import (
    check_columns,
    check_level,
    check_numbers,
    check_sites,
    check_whole,
    unit_of,
)
from helpers.errors import InputError
from helpers.readers.grids import EARTH_RADIUS

_SHARES = {"different": 1, "within": {"p": (0, 1)}, "gaps": True}
_SAME = 1e-10  # share of a column that rounding may leave where nothing should be left


def correlate(
    left: pd.DataFrame,
    right: pd.DataFrame | None = None,
    *,
    given: pd.DataFrame | None = None,
    sizes: pd.Series | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Correlate every factor of one set with every factor of another (Pearson).

    Parameters
    ----------
    left, right : pandas.DataFrame
        Factors at the same n sites, in any unit. Without `right`, every pair within `left`. Ranks
        (``left.rank()``) give Spearman's correlation.
    given : pandas.DataFrame, optional
        k controls at the same sites; the correlations are then partial: of what is left of each
        factor after a linear regression on the controls. One that the others determine does not
        count.
    sizes : pandas.Series, optional
        Effective sample size of each pair (:func:`effective_sizes`), used in place of n.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        Indexed by the factor codes ``left`` and ``right``, with ``n`` (the size that was used),
        ``r``, ``r_low`` and ``r_high`` (Fisher's interval), and ``p`` (two-sided, from Student's t
        with n - 2 - k degrees of freedom).

    Raises
    ------
    InputError
        For anything but numbers, a gap, a constant column, tables of different sites or of
        another order, a pair without a size, or n - k < 4.

    References
    ----------
    Fisher (1924), Metron 3, 329-332: each control costs a partial correlation one site.
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    left, right, given = check_sites(left=left, right=right, given=given)
    others = left if right is None else right
    controls = independent_columns(left.iloc[:, :0] if given is None else given)
    k = controls.shape[1]
    if len(left) - k < 4:
        raise InputError(
            "correlation",
            needed=f"at least {4 + k} sites" + (f" with {k} controls" if k else ""),
            found=f"{len(left)}",
            mend="add sites: the interval divides by n - 3, less one for each control",
        )
    pairs = _pairs(left, right)
    matrix = _standardize(left, controls).T @ _standardize(others, controls)
    r = np.clip(_in_pairs(matrix, right), -1, 1)
    n = np.full(len(r), float(len(left))) if sizes is None else _check_sizes(sizes, pairs)
    freedom = np.maximum(n - 2 - k, 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # r = 1: t and z are infinite, p is 0
        p = 2 * scipy.stats.t.sf(np.abs(r) * np.sqrt(freedom / (1 - r**2)), freedom)
        reach = scipy.stats.norm.ppf((1 + confidence) / 2) / np.sqrt(np.maximum(n - 3 - k, 0))
        r_low, r_high = np.tanh(np.arctanh(r) - reach), np.tanh(np.arctanh(r) + reach)
    columns = {
        "n": n,
        "r": r,
        "r_low": np.where(n - 3 - k > 0, r_low, -1),
        "r_high": np.where(n - 3 - k > 0, r_high, 1),
        "p": np.where(freedom > 0, p, 1),
    }
    return pd.DataFrame(columns, index=pairs)


def _check_sizes(sizes: pd.Series, pairs: pd.MultiIndex) -> np.ndarray:
    sizes = pd.Series(sizes).reindex(pairs)
    within = {"sizes": (0, np.inf)}
    return check_numbers(sizes.to_frame("sizes"), different=1, within=within)["sizes"].to_numpy()


def _pairs(left: pd.DataFrame, right: pd.DataFrame | None) -> pd.MultiIndex:
    codes = combinations(left, 2) if right is None else product(left, right)
    return pd.MultiIndex.from_tuples(codes, names=["left", "right"])


def _in_pairs(matrix: np.ndarray, right: pd.DataFrame | None) -> np.ndarray:
    """Return the entries of a matrix of left by right in the order of :func:`_pairs`."""
    return matrix[np.triu_indices(len(matrix), 1)] if right is None else matrix.ravel()


def independent_columns(controls: pd.DataFrame) -> np.ndarray:
    """Return those columns that neither the constant nor the other ones determine, near 1.

    Parameters
    ----------
    controls : pandas.DataFrame
        Numbers at n sites, none constant.
    """
    values = controls.to_numpy(float)
    values = values / unit_of(values)
    centred = values - values.mean(axis=0)
    if not values.size:
        return values
    _, R, order = scipy.linalg.qr(
        centred / np.linalg.norm(centred, axis=0), mode="economic", pivoting=True
    )
    return values[:, np.sort(order[: (np.abs(np.diag(R)) > _SAME).sum()])]


def left_over(values: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Return what a linear regression on the controls leaves of each column.

    Parameters
    ----------
    values : numpy.ndarray
        (n, p).
    controls : numpy.ndarray
        (n, k), as :func:`independent_columns` returns them.
    """
    design = np.column_stack([np.ones(len(controls)), controls])
    return values - design @ np.linalg.lstsq(design, values)[0]


def _standardize(table: pd.DataFrame, controls: np.ndarray | None = None) -> np.ndarray:
    """Return columns of length 1, free of their mean and of the controls."""
    values = table.to_numpy(float)
    values = values / unit_of(values)
    controls = values[:, :0] if controls is None else controls
    rest = left_over(values, controls)
    length = np.linalg.norm(rest, axis=0)
    explained = length < _SAME * np.linalg.norm(values, axis=0)
    if explained.any():
        needed, found = "a part that the controls do not explain", "controls that explain it fully"
        mend = "take it out of the factors or out of the controls"
        if not controls.shape[1]:
            needed, found = f"differences above {_SAME:g} of the values", "smaller ones"
            mend = "take a constant off, so that a computer can tell the values apart"
        where = f"column {table.columns[explained][0]!r}"
        raise InputError(where, needed=needed, found=found, mend=mend)
    return rest / length


def as_matrix(pairs: pd.Series) -> pd.DataFrame:
    """Return a symmetric matrix, 1 on its diagonal, from one value for each pair of factors.

    Parameters
    ----------
    pairs : pandas.Series
        By ``left`` and ``right``, every pair once, as :func:`correlate` within one table gives.
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
    """Add p values that allow for the number of tests, which is the number of p values.

    Parameters
    ----------
    table : pandas.DataFrame
        With a column ``p``: all the tests that one looks at together.

    Returns
    -------
    pandas.DataFrame
        The same with ``q`` (Benjamini and Hochberg: reject where q < f, and at most the share f
        of the rejections is false, on average, if the tests are independent or depend on each other
        positively) and ``p_bonferroni`` (reject where it is < a, and the chance of any false
        rejection is at most a, however the tests depend on each other).

    Notes
    -----
    Positive dependence is that of Benjamini and Yekutieli: on each test of a true null hypothesis.
    Two-sided tests of correlated factors need not have it. Under any dependence, the share of false
    rejections is at most f (1 + 1/2 + ... + 1/m) for m tests.

    References
    ----------
    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300.
    Benjamini and Yekutieli (2001), Annals of Statistics 29, 1165-1188.
    """
    check_columns("table", table, ["p"])
    done = check_numbers(table[["p"]], **_SHARES)["p"].dropna()
    q = pd.Series(scipy.stats.false_discovery_control(done) if len(done) else [], done.index, float)
    return table.assign(q=q, p_bonferroni=np.minimum(done * len(done), 1))


def significance_marks(p: pd.Series, mark: str = "*") -> pd.Series:
    """Return the marks of the paper's Fig. 2: one for p < .1, two for p < .05, three for p < .01.

    Parameters
    ----------
    p : pandas.Series
        p values; one that is NaN gets no mark.
    mark : str
        ``*`` for correlations, ``#`` for t tests.
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
    """Count the significant crosses that are left when the sites of one set are shuffled.

    Parameters
    ----------
    left, right : pandas.DataFrame
        Factors at the same sites.
    alpha : float
        Level of each test, between 0 and 1.
    seed : int
        Of the shuffling.
    times : int
        How often to shuffle.

    Returns
    -------
    numpy.ndarray
        Number of crosses with p < alpha in each shuffle, shape (times,). Shuffling whole sites
        keeps the correlations within each set, so the counts spread far more widely than those
        of independent tests. It does not keep the likeness of neighbouring sites.
    """
    alpha = check_level("alpha", alpha, usual=0.05)
    seed, times = check_whole("seed", seed, 0), check_whole("times", times, of="shuffles")
    left, right = check_sites(left=left, right=right)
    check_whole("left", len(left), 3, of="sites", mend="add sites")
    z_left, z_right = _standardize(left), _standardize(right)
    t = scipy.stats.t.isf(alpha / 2, len(left) - 2)
    critical = t / np.sqrt(len(left) - 2 + t**2)
    rng = np.random.default_rng(seed)
    shuffled = (np.abs(rng.permutation(z_left).T @ z_right) for _ in range(times))
    return np.array([(r > critical).sum() for r in shuffled])


def moran_correlogram(table: pd.DataFrame, places: pd.DataFrame, classes: int = 5) -> pd.DataFrame:
    """Return Moran's I of every factor by class of distance between sites.

    Parameters
    ----------
    table : pandas.DataFrame
        Factors at n sites.
    places : pandas.DataFrame
        longitude and latitude of the same sites, degrees.
    classes : int
        Number of distance classes, with equally many pairs of sites in each.

    Returns
    -------
    pandas.DataFrame
        One row per factor, one column per class, named by the largest distance in it (km). I is
        above -1 / (n - 1) where sites that far apart resemble each other, below it where they
        differ.

    Notes
    -----
    I is no correlation. With w = 1 for the pairs of a class, else 0, I = n z'wz / sum(w) for
    z of mean 0 and length 1, so that I lies between n / sum(w) times the smallest and the largest
    eigenvalue of w with the means of its rows and columns taken off (de Jong, Sprenger and van
    Veen 1984, Geographical Analysis 16, 17-24). This is within -1 and 1 where each site has as many
    partners as the others; with few pairs, some sites have most of them, and I may be below -1.

    References
    ----------
    Moran (1950), Biometrika 37, 17-23.
    """
    table, places = check_sites(table=table, places=places)
    members, edges = _distance_classes(places, classes)
    return pd.DataFrame(_morans_i(table, members), table.columns, edges)


def _morans_i(table: pd.DataFrame, members: np.ndarray) -> np.ndarray:
    """Return I of each factor in each class, (factor, class)."""
    z = _standardize(table)
    found = [len(z) * np.einsum("if,ij,jf->f", z, w, z) / w.sum() for w in members]
    return np.stack(found, axis=-1)


def pair_distances(places: pd.DataFrame) -> np.ndarray:
    """Return the great-circle distance of every pair of sites.

    Parameters
    ----------
    places : pandas.DataFrame
        longitude and latitude, degrees, of n sites.

    Returns
    -------
    numpy.ndarray
        Kilometres, (n (n - 1) / 2,), in the order of :func:`scipy.spatial.distance.pdist`.
    """
    (places,) = check_sites(places=places)
    lon, lat = np.radians(places["longitude"]), np.radians(places["latitude"])
    points = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
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
    left: pd.DataFrame,
    right: pd.DataFrame | None,
    places: pd.DataFrame,
    classes: int = 5,
) -> pd.Series:
    """Return how many independent sites each correlation is worth.

    Parameters
    ----------
    left, right : pandas.DataFrame
        Factors at n sites; with ``None`` for `right`, every pair within `left`.
    places : pandas.DataFrame
        longitude and latitude of the same sites, degrees.
    classes : int
        Number of distance classes (:func:`moran_correlogram`). With five, unrelated fields that
        are smooth over 100 to 2000 km on the embedded sites have p < .05 in 4 to 6 % of cases,
        instead of 10 to 48 %; with more, the test loses power.

    Returns
    -------
    pandas.Series
        Effective sample size by ``left`` and ``right``, at most n: where only one of two
        factors resembles itself among neighbours, the correlation is worth all n sites.

    Notes
    -----
    1 + n^2 / tr(BXBY), where X and Y hold Moran's I of the two factors at the distance of each
    pair of sites and 1 on the diagonal, and B takes off the mean (the classes cover all pairs, so
    that tr(BX) = tr(BY) = n).

    References
    ----------
    Dutilleul (1993), Biometrics 49, 305-314; Clifford, Richardson and Hemon (1989), Biometrics
    45, 123-134.
    """
    left, right, places = check_sites(left=left, right=right, places=places)
    others = left if right is None else right
    members, _ = _distance_classes(places, classes)
    one, other = (_centred_likeness(table, members) for table in (left, others))
    n = len(left)
    overlap = np.einsum("fij,gij->fg", one, other)
    worth = np.where(overlap > n**2 / (n - 1), 1 + n**2 / overlap, n)
    return pd.Series(_in_pairs(worth, right), index=_pairs(left, right), name="n")


def _centred_likeness(table: pd.DataFrame, members: np.ndarray) -> np.ndarray:
    """Return B X B of each factor, (factor, n, n)."""
    n = len(table)
    likeness = _morans_i(table, members)
    matrices = np.eye(n) + np.einsum("fk,kij->fij", likeness, members)
    centre = np.eye(n) - 1 / n
    return centre @ matrices @ centre
