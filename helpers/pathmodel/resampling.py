"""How sure effects are: bootstrap, resampled fit.

Resamples are fitted in blocks, each at once and in closed form, on one thread: on stacks of small
matrices threads only wait for each other. Blocks keep a million resamples within memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import linalg, stats
from threadpoolctl import threadpool_limits

from helpers.checks import check_labels, check_level, check_whole, check_word
from helpers.errors import InputError
from helpers.pathmodel.decomposition import KINDS, warn_of_growth
from helpers.pathmodel.fit import MISSING, define, model_table, solver
from helpers.pathmodel.frame import Frame, discrepancy, effect_matrices, imply
from helpers.pathmodel.loop import MEASURES, feedback
from helpers.pathmodel.nonrecursive import stability_index
from helpers.pathmodel.recursive import solvable, weighted_covariances
from helpers.pathmodel.ring import find_ring, solve_stable
from helpers.pathmodel.spec import PathModel, as_model, effect_pairs, joined

ENDS = ("", "_low", "_high")
_NUMBERS = 100_000  # places of sites that are drawn at a time


@dataclass(frozen=True)
class Bootstrap:
    """Estimates with the ends of their intervals, one row of draws for each resample that is left,
    and how many are left out."""

    table: pd.DataFrame
    draws: pd.DataFrame
    failed: int
    unreal: int = 0


@threadpool_limits.wrap(limits=1)
def bootstrap_effects(
    model: PathModel | str,
    data: pd.DataFrame,
    outcome: str,
    *,
    n_boot: int = 2000,
    confidence: float = 0.95,
    seed: int = 2022,
    exogenous: str = "correlated",
    missing: str = "refuse",
    blocks: pd.Series | None = None,
) -> Bootstrap:
    r"""Return the standardized effects on a variable with BCa intervals :cite:p:`efron1987`.

    Parameters
    ----------
    model, data, exogenous, missing : as for :func:`helpers.pathmodel.fit_model`
    outcome : str
        The variable that the effects end at.
    n_boot, seed : int
        Number of resamples, at least 100, of sites with replacement, and the seed of the drawing.
    confidence : as for :func:`helpers.statistics.correlate`
    blocks : pandas.Series, optional
        Block of each site, in the order of `data`, where neighbours are alike: whole blocks, of
        which there are 5 or more, are drawn, and left out by the jackknife.

    Returns
    -------
    Bootstrap
        ``table`` of the effects, ``draws`` of the total ones, and how many resamples ``failed``,
        since a column was constant or columns determined each other, and how many are ``unreal``,
        since no optimum was found, where there is no closed form. More than half of the former are
        refused. An effect
        without a chain of arrows behind it is 0, with the interval [0, 0]. An interval is NaN where
        it does not exist: all draws lie on one side of the estimate, or the model cannot be fitted
        without one of the sites.

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> from helpers.study import load_study
    >>> bootstrap_effects(parse_model("SOC ~ EVI"), load_study().factors(), "SOC").draws.shape
    (2000, 1)
    """
    model = as_model(model)
    check_word("outcome", outcome, model.endogenous)
    values, frame, kept_rows = _standardized(model, data, exogenous, missing)
    blocks = _number_blocks(blocks, data, kept_rows)
    to, cause = joined(model, outcome)
    step, reached = (np.zeros((len(frame.names),) * 2) for _ in range(2))
    step[*frame.paths.T], reached[*joined(model)] = 1, 1
    ways = (step, step @ reached, reached)  # direct, indirect, total
    exist = np.array([each[to, cause] > 0 for each in ways])
    S = np.cov(values.T, ddof=0)
    fit_all = solver(frame, S)
    for B in fit_all(S[None])[0]:
        warn_of_growth(stability_index(B))

    def statistic(S: np.ndarray) -> np.ndarray:
        B, Psi, real = fit_all(S)
        direct, total = (each[:, to, cause].T for each in effect_matrices(B, Psi))
        found = np.full((exist.sum(), len(S)), np.nan)
        found[:, real] = np.stack([direct, total - direct, total])[exist]
        return found

    *found, kept, failed, unreal = _bootstrap(statistic, values, blocks, n_boot, confidence, seed)
    pairs = effect_pairs(model, outcome)
    causes = pairs.get_level_values("from")
    kinds, places = np.nonzero(exist)
    numbers = np.zeros((len(causes), len(KINDS), 3))  # an estimate and two ends
    numbers[places, kinds] = np.transpose(found)
    columns = [f"{kind}{end}" for kind in KINDS for end in ENDS]
    table = pd.DataFrame(numbers.reshape(len(causes), -1), pairs, columns)
    return Bootstrap(table, pd.DataFrame(kept[-len(causes) :].T, columns=causes), failed, unreal)


@threadpool_limits.wrap(limits=1)
def bootstrap_defined(
    model: PathModel | str,
    data: pd.DataFrame,
    *,
    n_boot: int = 2000,
    confidence: float = 0.95,
    seed: int = 2022,
    exogenous: str = "correlated",
    missing: str = "refuse",
    blocks: pd.Series | None = None,
) -> Bootstrap:
    r"""Return the effects that a model defines by ``:=`` with BCa intervals :cite:p:`efron1987`.

    Parameters
    ----------
    model, data, exogenous, missing : as for :func:`helpers.pathmodel.fit_model`
    n_boot, confidence, seed, blocks : as for :func:`bootstrap_effects`

    Returns
    -------
    Bootstrap
        ``table``: one row per effect, ``estimate`` in units of the data and ``standardized``, each
        with ``_low`` and ``_high``; ``draws`` of the estimates; ``failed`` and ``unreal`` as in
        :func:`bootstrap_effects`.

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> from helpers.study import load_study
    >>> model = parse_model("EVI ~ a*TF\nSOC ~ b*EVI\nindirect := a*b")
    >>> bootstrap_defined(model, load_study().factors()).table.index.to_list()
    ['indirect']
    """
    model = as_model(model)
    if not model.defined:
        raise InputError(
            "path model",
            needed="a defined effect, such as the last line of y ~ b*m; m ~ a*x; ab := a*b",
            found="no ':='",
            mend="add the line, or use bootstrap_effects",
        )
    values, frame, kept_rows = _standardized(model, data, exogenous, missing)
    blocks = _number_blocks(blocks, data, kept_rows)
    fit_all = solver(frame, np.cov(values.T, ddof=0))

    def statistic(S: np.ndarray) -> np.ndarray:
        B, Psi, real = fit_all(S)
        theta = frame.parameters(B, Psi)
        found = np.full((2 * len(model.defined), len(S)), np.nan)
        scales = (theta * frame.unit, frame.standardize(theta))
        found[:, real] = np.concatenate([define(frame, each) for each in scales])
        return found

    *found, kept, failed, unreal = _bootstrap(statistic, values, blocks, n_boot, confidence, seed)
    names = list(model.defined)
    columns = [f"{kind}{end}" for kind in ("estimate", "standardized") for end in ENDS]
    numbers = np.reshape(found, (3, 2, len(names))).transpose(2, 1, 0).reshape(len(names), -1)
    table = pd.DataFrame(numbers, pd.Index(names, name="name"), columns)
    draws = pd.DataFrame(kept[: len(names)].T, columns=names)
    return Bootstrap(table, draws, failed, unreal)


@threadpool_limits.wrap(limits=1)
def bootstrap_loop(
    model: PathModel,
    data: pd.DataFrame,
    *,
    n_boot: int = 2000,
    confidence: float = 0.95,
    seed: int = 2022,
    blocks: pd.Series | None = None,
) -> Bootstrap:
    r"""Return the stable solution of a loop with BCa intervals :cite:p:`efron1987`.

    Parameters
    ----------
    model, data : as for :func:`helpers.pathmodel.find_loop`
    n_boot, confidence, seed, blocks : as for :func:`bootstrap_effects`

    Returns
    -------
    Bootstrap
        ``table`` of standardized ``direct`` and ``total`` effects, and of the measures of
        :func:`helpers.pathmodel.feedback`, whose ``from`` and ``to`` are empty; ``draws`` of each
        of its rows; how many resamples ``failed``, as in :func:`bootstrap_effects`, and how many
        are ``unreal``, since no loop with real coefficients belongs to them. All others have
        exactly one stable solution: that the gain is below 1 is by construction. The estimate is
        NaN where no loop with real coefficients belongs to the data.

    Examples
    --------
    >>> from helpers.pathmodel import read_loop
    >>> from helpers.study import load_study
    >>> bootstrap_loop(read_loop(), load_study().factors(), n_boot=200).unreal
    1
    """
    find_ring(model)
    values, _, kept_rows = _standardized(model, data, "correlated")
    blocks = _number_blocks(blocks, data, kept_rows)
    rows = [("direct", cause, to) for to, cause in model.paths]
    rows += [("total", cause, to) for cause, to in effect_pairs(model)]
    rows += [(measure, "", "") for measure in MEASURES]
    index = pd.MultiIndex.from_tuples(rows, names=["kind", "from", "to"])
    arrows, chains = Frame(model).paths.T, joined(model)

    def statistic(S: np.ndarray) -> np.ndarray:
        B, Psi, real = solve_stable(model, S)
        direct, total = effect_matrices(B, Psi)
        found = np.full((len(rows), len(S)), np.nan)
        found[:, real] = [*direct[:, *arrows].T, *total[:, *chains].T, *feedback(direct).values()]
        return found

    *found, kept, failed, unreal = _bootstrap(statistic, values, blocks, n_boot, confidence, seed)
    table = pd.DataFrame(dict(zip(("estimate", "low", "high"), found, strict=True)), index)
    return Bootstrap(table, pd.DataFrame(kept.T, columns=index), failed, unreal)


def _number_blocks(
    blocks: pd.Series | None, data: pd.DataFrame, kept: np.ndarray
) -> np.ndarray | None:
    if blocks is None:
        return None
    numbers = pd.factorize(check_labels("block", blocks, data.index)[kept])[0]
    check_whole("blocks", numbers.max() + 1, 5, of="blocks", mend="make them smaller")
    return numbers


def _bootstrap(statistic, values, blocks, n_boot, confidence, seed) -> tuple:
    """Return estimates and the ends of their intervals, (k,) each, and as ``_resample``."""
    confidence = check_level("confidence", confidence, usual=0.95)
    blocks = np.arange(len(values)) if blocks is None else blocks
    kept, failed, unreal = _resample(statistic, values, blocks, n_boot, seed)
    n = blocks.max() + 1

    def of(sites: np.ndarray) -> np.ndarray:
        S = weighted_covariances(count_sites(sites, n)[..., blocks], values)
        good = solvable(S)
        found = np.full((len(kept), *S.shape[:-2]), np.nan)
        found[:, good] = statistic(S[good])
        return found

    # scipy adds the jackknife; an interval that does not exist is NaN, with a RuntimeWarning
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        low, high = stats.bootstrap(
            (np.arange(n),),
            lambda sites, axis: of(sites.astype(int)),
            n_resamples=0,
            vectorized=True,
            confidence_level=confidence,
            method="BCa",
            bootstrap_result=SimpleNamespace(bootstrap_distribution=kept),
        ).confidence_interval
    return of(np.arange(n)), low, high, kept, failed, unreal


def _resample(statistic, values, blocks, n_boot, seed) -> tuple[np.ndarray, int, int]:
    """Return the numbers of resamples, (k, left); how many had columns that do not work, and how
    many are left out since a number is NaN.

    The statistic goes from covariance matrices, (samples, p, p), to numbers, (k, samples). Values
    are the standardized table, (n, p), and blocks, (n,), say what is drawn together.
    """
    n_boot = check_whole("n_boot", n_boot, 100, of="resamples", mend="try 2000")
    seed = check_whole("seed", seed, 0, mend="try 2022")
    n, drawn = blocks.max() + 1, []
    for sites in draw_sites(n, n_boot, seed):
        S = weighted_covariances(count_sites(sites, n)[..., blocks], values)
        drawn.append(statistic(S[solvable(S)]))
    drawn = np.concatenate(drawn, axis=-1)
    kept, failed = drawn[:, ~np.isnan(drawn).any(axis=0)], n_boot - drawn.shape[1]
    if failed > n_boot / 2:
        raise InputError(
            "bootstrap",
            needed="a model that can be fitted to at least half of the resamples",
            found=f"{failed} of {n_boot} with a constant column, with columns that determine each "
            "other, or with a loop whose coefficients are not real",
            mend="add sites, or take variables out of the model",
        )
    return kept, failed, drawn.shape[1] - kept.shape[1]


class BollenStine(NamedTuple):
    """p value, discrepancy F of the resamples, (resamples,), and number of those left out."""

    p: float
    draws: np.ndarray
    failed: int


@threadpool_limits.wrap(limits=1)
def bollen_stine(
    model: PathModel | str,
    data: pd.DataFrame,
    *,
    n_boot: int = 2000,
    seed: int = 2022,
    exogenous: str = "correlated",
    missing: str = "refuse",
) -> BollenStine:
    r"""Test the fit of a model for data of any distribution :cite:p:`bollen1992`.

    p is the share of resamples with a larger discrepancy than the data, as lavaan defines it; NaN
    for a model without degrees of freedom. Resamples come from data that were turned to have the
    implied covariances,

    .. math:: Z S^{-1/2} \Sigma^{1/2}

    with symmetric roots. Roots depend on units, so Z is standardized first.

    Parameters
    ----------
    model, data, exogenous, missing : as for :func:`helpers.pathmodel.fit_model`
    n_boot, seed : as for :func:`bootstrap_effects`

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> from helpers.study import load_study
    >>> bollen_stine(parse_model("EVI ~ TF\nSOC ~ EVI"), load_study().factors()).draws.shape
    (2000,)
    """
    model = as_model(model)
    values, frame, _ = _standardized(model, data, exogenous, missing)
    S = np.cov(values.T, ddof=0)
    fit_all = solver(frame, S)

    def solve_all(S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return F at each optimum, NaN where there is none, and each Sigma."""
        B, Psi, real = fit_all(S)
        Sigma, F = imply(B, Psi), np.full((1, len(S)), np.nan)
        F[:, real] = discrepancy(Sigma, S[real])
        return F, Sigma

    observed, Sigma = solve_all(S[None])
    if not len(Sigma):
        raise InputError(
            "feedback loop",
            needed="data to which a loop with real coefficients belongs",
            found="data that are most likely where the gain is -1",
            mend="doubt the loop: its arrows cannot be told from these data",
        )
    turned = values @ np.linalg.solve(linalg.sqrtm(S).real, linalg.sqrtm(Sigma[0]).real)
    each = np.arange(len(values))
    (draws,), failed, unreal = _resample(lambda S: solve_all(S)[0], turned, each, n_boot, seed)
    tested = len(frame.spread) < model.count_moments()
    p = float((draws > observed[0]).mean()) if tested else np.nan
    return BollenStine(p, draws, failed + unreal)


def _standardized(
    model: PathModel, data: pd.DataFrame, exogenous: str, missing: str = "refuse"
) -> tuple[np.ndarray, Frame, np.ndarray]:
    """Return z scores of a model's table, (n, p), the model's algebra, and which rows are kept."""
    check_word("missing", missing, MISSING)
    table = model_table(model, data, exogenous, missing)
    sd = table.std(ddof=0).to_numpy()
    kept = data[list(model.variables)].notna().all(axis=1).to_numpy()
    return stats.zscore(table.to_numpy()), Frame(model, exogenous, sd=sd), kept


def draw_sites(n: int, n_boot: int, seed: int) -> Iterator[np.ndarray]:
    """Yield blocks of resamples of n sites, (resamples, n), until there are `n_boot`."""
    rng, block = np.random.default_rng(seed), max(1, _NUMBERS // n)
    for start in range(0, n_boot, block):
        yield rng.integers(0, n, (min(block, n_boot - start), n))


def count_sites(sites: np.ndarray, n: int) -> np.ndarray:
    """Return how often each of n sites was drawn, (..., n), from the places, (..., drawn)."""
    rows = sites.reshape(-1, sites.shape[-1])
    first = n * np.arange(len(rows))[:, None]
    counts = np.bincount((rows + first).ravel(), minlength=n * len(rows))
    return counts.reshape(*sites.shape[:-1], n)
