"""How sure the effects of a recursive model are: bootstrap, order of effects, influence of sites.

Resamples are fitted in blocks, each at once and in closed form
(:mod:`helpers.pathmodel.recursive`), on one thread: on stacks of small matrices threads only wait
for each other. After :func:`helpers.cluster.connect` the blocks are spread over a cluster.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import linalg, stats
from threadpoolctl import threadpool_limits

from helpers.checks import check_labels, check_level, check_numbers, check_whole
from helpers.cluster import spread
from helpers.errors import InputError
from helpers.pathmodel.decomposition import KINDS, check_outcome, effect_pairs
from helpers.pathmodel.moments import model_table
from helpers.pathmodel.recursive import (
    effects_on,
    solvable,
    solve_recursive,
    weighted_covariances,
)
from helpers.pathmodel.ring import check_real, solve_ring
from helpers.pathmodel.spec import PathModel

_BLOCK, _BYTES = 2000, 1_000_000  # at most: resamples at a time, and what they weigh
_FEWEST = 100


@dataclass(frozen=True)
class Bootstrap:
    """Effects on one variable, and how they vary when the sites are drawn anew.

    Attributes
    ----------
    table : pandas.DataFrame
        Indexed by ``from`` and ``to``: ``direct``, ``indirect`` and ``total``, each with the ends
        ``_low`` and ``_high`` of its interval.
    draws : pandas.DataFrame
        Total effects, one row per resample and one column per cause.
    failed : int
        Resamples that are left out of `draws` and of the intervals: a column was constant, or
        columns determined each other.
    """

    table: pd.DataFrame
    draws: pd.DataFrame
    failed: int


@threadpool_limits.wrap(limits=1)
def bootstrap_effects(
    model: PathModel,
    data: pd.DataFrame,
    outcome: str,
    *,
    n_boot: int = 2000,
    confidence: float = 0.95,
    seed: int = 2022,
    exogenous: str = "correlated",
    blocks: pd.Series | None = None,
) -> Bootstrap:
    """Return the standardized effects on a variable with bootstrap intervals (BCa).

    Parameters
    ----------
    model : PathModel
        A recursive model.
    data : pandas.DataFrame
        One row per site, with a column for each variable; others are ignored.
    outcome : str
        The variable that the effects end at.
    n_boot : int
        Number of resamples, at least 100; sites are drawn with replacement.
    confidence : float
        Level of the intervals, between 0 and 1.
    seed : int
        Of the drawing.
    exogenous : {"correlated", "uncorrelated"}
        Whether exogenous variables may correlate where the model does not draw it.
    blocks : pandas.Series, optional
        Block of each site, in the order of `data`, where neighbours are alike: whole blocks are
        drawn, and left out by the jackknife.

    Raises
    ------
    InputError
        As :func:`helpers.pathmodel.fit_model`, and for a model that is not recursive, a variable
        that nothing acts on, a site without a block, fewer than 5 blocks, or more than half of the
        resamples left out.

    Notes
    -----
    A direct or indirect effect without a chain of arrows behind it is 0, with the interval [0, 0].
    An interval is NaN where it does not exist: all draws lie on one side of the estimate, or the
    model cannot be fitted without one of the sites.

    References
    ----------
    Efron (1987), Journal of the American Statistical Association 82, 171-185.
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    n_boot, seed = check_draws(n_boot, seed)
    check_outcome(model, outcome)
    values = _standardized(model, data, exogenous)
    each = np.arange(len(values))
    if blocks is not None:
        each = check_labels("block", blocks, data.index)
    number, names = pd.factorize(each)
    n = len(names)
    if blocks is not None and n < 5:
        raise InputError("blocks", needed="at least 5", found=f"{n}", mend="make them smaller")

    def effects_of(sites: np.ndarray) -> np.ndarray:
        S = weighted_covariances(count_sites(sites, n)[..., number], values)
        return effects_on(outcome, model, S, exogenous)

    drawn = np.concatenate(spread(effects_of, draw_sites(n, n_boot, seed)), axis=-1)
    kept = drawn[..., ~np.isnan(drawn).any(axis=(0, 1))]
    failed = n_boot - kept.shape[-1]
    check_enough(failed, n_boot)
    pairs = effect_pairs(model, outcome)
    exist = _exist(model, pairs)
    estimate = np.where(exist, effects_of(np.arange(n)), 0.0)
    low, high = np.zeros_like(estimate), np.zeros_like(estimate)
    low[exist], high[exist] = bca_interval(
        lambda sites: effects_of(sites)[exist], kept[exist], n, confidence
    )
    columns = {}
    for kind, *numbers in zip(KINDS, estimate, low, high, strict=True):
        columns |= dict(zip([kind, f"{kind}_low", f"{kind}_high"], numbers, strict=True))
    return Bootstrap(
        table=pd.DataFrame(columns, index=pairs),
        draws=pd.DataFrame(kept[-1].T, columns=pairs.get_level_values("from")),
        failed=failed,
    )


def bca_interval(
    statistic: Callable, draws: np.ndarray, n: int, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of bootstrap intervals, (k,) each; scipy adds the jackknife.

    Parameters
    ----------
    statistic : callable
        From places of sites, (..., n), to numbers, (k, ...).
    draws : numpy.ndarray
        The same numbers of the resamples, (k, resamples).
    n : int
        Number of sites.
    confidence : float
        Level of the intervals, between 0 and 1.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # the interval is NaN
        warnings.simplefilter("ignore", RuntimeWarning)
        found = stats.bootstrap(
            (np.arange(n),),
            lambda sites, axis: statistic(sites.astype(int)),
            n_resamples=0,
            vectorized=True,
            confidence_level=confidence,
            method="BCa",
            bootstrap_result=SimpleNamespace(bootstrap_distribution=draws),
        )
    return found.confidence_interval.low, found.confidence_interval.high


def rank_stability(draws: pd.DataFrame) -> pd.DataFrame:
    """Return how often each cause has each rank, from the most positive total effect (1) down.

    Parameters
    ----------
    draws : pandas.DataFrame
        Of :class:`Bootstrap`.

    Returns
    -------
    pandas.DataFrame
        Shares of the resamples: one row per cause, one column per rank.
    """
    draws = check_numbers(draws, different=1)
    ranks = draws.rank(axis="columns", ascending=False, method="first").to_numpy()
    places = np.arange(1, draws.shape[1] + 1)
    shares = (ranks[..., None] == places).mean(axis=0)
    return pd.DataFrame(shares, draws.columns, pd.Index(places, name="rank"))


def order_agreement(
    bootstrap: Bootstrap, positive: Sequence[str], negative: Sequence[str] = ()
) -> pd.DataFrame:
    """Return how well total effects agree with a published order.

    Parameters
    ----------
    bootstrap : Bootstrap
        From :func:`bootstrap_effects`.
    positive, negative : sequence of str
        The causes with positive and with negative effects, the strongest of each first.

    Returns
    -------
    pandas.DataFrame
        Two rows, ``estimate`` and ``draws`` (mean over resamples), and three columns: ``order``,
        whether (how often) all causes are in the published order, from the most positive to the
        most negative; ``tau``, Kendall's correlation with that order; ``signs``, the share of
        causes whose sign agrees.
    """
    order = [*positive, *reversed(negative)]
    unknown = sorted(set(order) - set(bootstrap.draws))
    if unknown or len(order) < 2 or len(set(order)) < len(order):
        raise InputError(
            "published order",
            needed=f"two or more of {', '.join(bootstrap.draws)}, each once",
            found=", ".join(unknown or order) or "none",
            mend="name causes of the outcome in the model",
        )
    estimate = bootstrap.table["total"].droplevel("to").to_frame().T
    i, j = np.triu_indices(len(order), 1)
    sign = np.repeat([1, -1], [len(positive), len(negative)])
    rows = {}
    for name, effects in {"estimate": estimate, "draws": bootstrap.draws}.items():
        values = effects[order].to_numpy()
        falls = np.sign(values[:, i] - values[:, j])
        rows[name] = {
            "order": (falls > 0).all(axis=1).mean(),
            "tau": falls.mean(),
            "signs": (np.sign(values) == sign).mean(),
        }
    return pd.DataFrame(rows).T


class BollenStine(NamedTuple):
    """p value, discrepancy F of the resamples, (resamples,), and number of those left out."""

    p: float
    draws: np.ndarray
    failed: int


@threadpool_limits.wrap(limits=1)
def bollen_stine(
    model: PathModel,
    data: pd.DataFrame,
    *,
    n_boot: int = 2000,
    seed: int = 2022,
    exogenous: str = "correlated",
) -> BollenStine:
    """Test the fit of a recursive model, or of a loop, without the assumption of normal data.

    Parameters
    ----------
    model : PathModel
        A recursive model, or one with one loop as :func:`helpers.pathmodel.loop.fit_loop` fits it.
    data : pandas.DataFrame
        One row per site, with a column for each variable; others are ignored.
    n_boot : int
        Number of resamples, at least 100.
    seed : int
        Of the drawing.
    exogenous : {"correlated", "uncorrelated"}
        Whether exogenous variables may correlate where the model does not draw it.

    Returns
    -------
    BollenStine
        p is the share of resamples with a larger discrepancy than the data, as lavaan defines it;
        NaN for a model without degrees of freedom.

    Notes
    -----
    Resamples come from data that were turned to have the implied covariances: Z S^-1/2 Sigma^1/2
    with symmetric roots. Roots depend on units, so Z is standardized first.

    References
    ----------
    Bollen and Stine (1992), Sociological Methods and Research 21, 205-229.
    """
    n_boot, seed = check_draws(n_boot, seed)
    values = _standardized(model, data, exogenous)
    turned, observed = _turn(model, values, exogenous)

    def discrepancies_of(sites: np.ndarray) -> np.ndarray:
        S = weighted_covariances(count_sites(sites, len(values)), turned)
        return _discrepancies(model, S[solvable(S)], exogenous)

    draws = np.concatenate(spread(discrepancies_of, draw_sites(len(values), n_boot, seed)))
    draws = draws[~np.isnan(draws)]
    failed = n_boot - len(draws)
    check_enough(failed, n_boot)
    tested = model.count_parameters(exogenous) < model.count_moments()
    p = float((draws > observed).mean()) if tested else np.nan
    return BollenStine(p, draws, failed)


def _turn(model: PathModel, values: np.ndarray, exogenous: str) -> tuple[np.ndarray, float]:
    """Return data for which the model holds, (n, p), and the discrepancy of the given data."""
    S = np.cov(values.T, ddof=0)
    B, Psi = _solve(model, S, exogenous)
    check_real(B)
    A = np.linalg.inv(np.eye(len(S)) - B)
    roots = np.linalg.solve(linalg.sqrtm(S).real, linalg.sqrtm(A @ Psi @ A.T).real)
    return values @ roots, float(_discrepancies(model, S[None], exogenous)[0])


def _discrepancies(model: PathModel, S: np.ndarray, exogenous: str) -> np.ndarray:
    """Return F at the optimum, where tr(S Sigma^-1) = p; NaN without one, (samples,)."""
    B, Psi = _solve(model, S, exogenous)
    F = np.full(len(S), np.nan)
    real = ~np.isnan(B).any(axis=(-2, -1))
    rest, left, all_of = (
        np.linalg.slogdet(each[real])[1] for each in (np.eye(S.shape[-1]) - B, Psi, S)
    )
    F[real] = left - 2 * rest - all_of
    return F


def _solve(model: PathModel, S: np.ndarray, exogenous: str) -> tuple[np.ndarray, np.ndarray]:
    if model.recursive:
        return solve_recursive(model, S, exogenous)
    B, Psi = solve_ring(model, S)
    return B[0], Psi[0]


@threadpool_limits.wrap(limits=1)
def influence(
    model: PathModel, data: pd.DataFrame, outcome: str, exogenous: str = "correlated"
) -> pd.DataFrame:
    """Return how each standardized total effect changes when one site is left out.

    Parameters
    ----------
    model : PathModel
        A recursive model.
    data : pandas.DataFrame
        One row per site, with a column for each variable; others are ignored.
    outcome : str
        The variable that the effects end at.
    exogenous : {"correlated", "uncorrelated"}
        Whether exogenous variables may correlate where the model does not draw it.

    Returns
    -------
    pandas.DataFrame
        Effect without the site minus effect with it: one row per site, one column per cause. NaN
        for a site without which the model cannot be fitted.
    """
    check_outcome(model, outcome)
    values = _standardized(model, data, exogenous)
    n = len(values)
    weights = np.concatenate([np.ones((1, n)), 1 - np.eye(n)])
    total = effects_on(outcome, model, weighted_covariances(weights, values), exogenous)[-1]
    causes = effect_pairs(model, outcome).get_level_values("from")
    return pd.DataFrame((total[:, 1:] - total[:, :1]).T, data.index, causes)


def _standardized(model: PathModel, data: pd.DataFrame, exogenous: str) -> np.ndarray:
    return stats.zscore(model_table(model, data, exogenous).to_numpy())


def check_draws(n_boot: int, seed: int) -> tuple[int, int]:
    """Return the number of resamples and the seed as whole numbers; refuse others.

    Parameters
    ----------
    n_boot, seed : int
        As for :func:`draw_sites`.
    """
    n_boot = check_whole("n_boot", n_boot, -np.inf, mend="try 2000")
    return n_boot, check_whole("seed", seed, 0, mend="try 2022")


def draw_sites(n: int, n_boot: int, seed: int) -> Iterator[np.ndarray]:
    """Yield blocks of resamples, (resamples, n), in the smallest integers, since they may travel.

    Parameters
    ----------
    n : int
        Number of sites.
    n_boot : int
        Number of resamples, at least 100.
    seed : int
        Of the drawing.
    """
    check_whole("n_boot", n_boot, _FEWEST, of="resamples", mend="try 2000")
    rng, dtype = np.random.default_rng(seed), np.min_scalar_type(n)
    block = max(1, min(_BLOCK, _BYTES // (n * dtype.itemsize)))
    for start in range(0, n_boot, block):
        yield rng.integers(0, n, (min(block, n_boot - start), n)).astype(dtype)


def count_sites(sites: np.ndarray, n: int) -> np.ndarray:
    """Return how often each site was drawn, (..., n).

    Parameters
    ----------
    sites : numpy.ndarray
        Places of the sites that were drawn, (..., drawn).
    n : int
        Number of sites.
    """
    rows = sites.reshape(-1, sites.shape[-1])
    first = n * np.arange(len(rows))[:, None]
    counts = np.bincount((rows + first).ravel(), minlength=n * len(rows))
    return counts.reshape(*sites.shape[:-1], n)


def check_enough(failed: int, n_boot: int) -> None:
    """Refuse a bootstrap of which more than half is left out.

    Parameters
    ----------
    failed, n_boot : int
        Resamples that are left out, and all of them.
    """
    if failed > n_boot / 2:
        raise InputError(
            "bootstrap",
            needed="a model that can be fitted to at least half of the resamples",
            found=f"{failed} of {n_boot} with a constant column, with columns that determine each "
            "other, or with a loop whose coefficients are not real",
            mend="add sites, or take variables out of the model",
        )


def _exist(model: PathModel, pairs: pd.MultiIndex) -> np.ndarray:
    """Tell which direct, indirect and total effects have arrows behind them, (3, pairs)."""
    causes = set(pairs.get_level_values("from"))
    direct = [(to, cause) in model.paths for cause, to in pairs]
    indirect = [
        any(to in causes and start == cause for to, start in model.paths) for cause, _ in pairs
    ]
    return np.array([direct, indirect, [True] * len(pairs)])
