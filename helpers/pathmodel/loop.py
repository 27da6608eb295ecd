"""Feedback loops: both solutions of the likelihood, what they amplify, and how sure they are.

The closed form is that of :mod:`helpers.pathmodel.ring`; a model that it does not cover goes to
:func:`helpers.pathmodel.fit_from_starts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from helpers.checks import check_array, check_level, check_whole
from helpers.cluster import spread
from helpers.errors import InputError
from helpers.factors import GROUPS, load_factors
from helpers.pathmodel.decomposition import effect_matrices, effect_pairs, joined
from helpers.pathmodel.fit import PathFit, describe, prepare
from helpers.pathmodel.indices import baseline_indices, goodness_of_fit
from helpers.pathmodel.moments import check_covariances, model_table
from helpers.pathmodel.recursive import solvable, weighted_covariances
from helpers.pathmodel.resampling import (
    bca_interval,
    check_draws,
    check_enough,
    count_sites,
    draw_sites,
)
from helpers.pathmodel.ring import check_real, find_ring, solve_ring
from helpers.pathmodel.spec import PathModel, parse_model, read_model

MEASURES = ("gain", "stability_index", "amplification")
NODES = ("TF", "EVI", "SOC", "Cenzy")  # in the files of the loop, a factor for each of GROUPS


class LoopFit(NamedTuple):
    """The two solutions of a loop: same Sigma and same fit, gains g and 1 / g.

    `stable` is the one whose stability index is below 1; reporting it is a convention, not a
    finding.
    """

    stable: PathFit
    twin: PathFit


def choose_nodes(text: str, known: Iterable[str]) -> tuple[str, ...]:
    """Read which factor stands for each group in the loop.

    Parameters
    ----------
    text : str
        Four codes of factors with commas between them: climatic, plant, soil, microbial.
    known : iterable of str
        The codes that the study has.

    Returns
    -------
    tuple of str
        The codes, in the order of the groups.

    Raises
    ------
    InputError
        For another number of names, an unknown one, or one of another group. The codes of each
        group are listed.
    """
    nodes = tuple(part.strip() for part in text.split(","))
    group_of = load_factors()["group"].reindex(list(known)).dropna()
    if tuple(group_of.get(node) for node in nodes) != GROUPS:
        listing = (f"    {g}: {', '.join(group_of.index[group_of == g])}" for g in GROUPS)
        found = (f"{node} ({group_of.get(node, 'no factor of this study')})" for node in nodes)
        raise InputError(
            "nodes",
            needed="\n".join(["one factor of each group, in this order, with commas", *listing]),
            found=", ".join(found),
            mend=f"write for example {', '.join(NODES)}",
        )
    return nodes


def read_loop(nodes: Iterable[str] = NODES, source: str = "loop") -> PathModel:
    """Read a model of the loop, with other factors for its groups.

    Parameters
    ----------
    nodes : iterable of str
        A factor for each group, as :func:`choose_nodes` returns them.
    source : str
        A file of the loop, for :func:`helpers.pathmodel.read_model`.

    Returns
    -------
    PathModel
        The arrows of the file between these factors. A line keeps its reason where none of its
        factors is another one.
    """
    names = dict(zip(NODES, nodes, strict=True))
    lines = []
    for line in read_model(source).text.splitlines():
        statement = line.split("#")[0]
        renamed = re.sub(r"\w+", lambda name: names.get(name[0], name[0]), statement)
        lines.append(line if renamed == statement else renamed.rstrip())
    return parse_model("\n".join(lines))


def find_loop(model: PathModel, data: pd.DataFrame) -> LoopFit | None:
    """Fit a model with one feedback loop, or return None where no real one belongs to the data.

    Parameters
    ----------
    model, data : as for :func:`fit_loop`

    Raises
    ------
    InputError
        As :func:`fit_loop`, but for data to which no loop with real coefficients belongs.
    """
    S = model_table(model, data).cov().to_numpy()
    B, _ = solve_ring(model, S)
    return None if np.isnan(B).any() else fit_loop(model, data)


def fit_loop(model: PathModel, data: pd.DataFrame, *, convention: str = "amos") -> LoopFit:
    """Fit a model with one feedback loop to data.

    Parameters
    ----------
    model : PathModel
        A loop of three variables or more without exogenous variables, and what follows from it
        (:func:`helpers.pathmodel.ring.find_ring`).
    data : pandas.DataFrame
        One row per site, with a column for each variable; others are ignored.
    convention : {"amos", "lavaan"}
        Whether chi-square and standard errors use N - 1 or N.

    Raises
    ------
    InputError
        As :func:`helpers.pathmodel.fit_model`; for another kind of model; for data to which no
        loop with real coefficients belongs.
    """
    table = model_table(model, data)
    return fit_loop_moments(model, table.cov(ddof=0), len(table), convention=convention)


@threadpool_limits.wrap(limits=1)
def fit_loop_moments(
    model: PathModel, sample: pd.DataFrame, n: int, *, convention: str = "amos"
) -> LoopFit:
    """Fit a model with one feedback loop to a covariance or correlation matrix.

    Parameters
    ----------
    model, convention : as for :func:`fit_loop`
    sample : pandas.DataFrame
        Covariances with divisor N (or correlations), square, named by variable.
    n : int
        Number of rows that it was computed from.

    Raises
    ------
    InputError
        As :func:`fit_loop`.
    """
    find_ring(model)
    sample, frame, R, n = prepare(model, sample, n, "correlated", convention)
    B, Psi = solve_ring(model, R)
    check_real(B)
    paths, spreads = frame.paths.T, frame.spreads.T
    fits = (np.concatenate([b[*paths], psi[*spreads]]) for b, psi in zip(B, Psi, strict=True))
    return LoopFit(*(describe(frame, theta, sample, n, convention) for theta in fits))


def feedback(B: np.ndarray | pd.DataFrame) -> dict[str, np.ndarray]:
    """Return what a loop does to a push.

    Parameters
    ----------
    B : numpy.ndarray or pandas.DataFrame
        Path coefficients, (..., p, p): row to, column from; of a model with one loop.

    Returns
    -------
    dict
        ``gain``, the product of the coefficients around the loop, which is 1 - |I - B|;
        ``stability_index``, the largest modulus of the eigenvalues of B: below 1 a push fades from
        round to round; ``amplification``, 1 / (1 - gain): what a lasting push of 1 on a variable
        of the loop becomes there once all rounds have been run, if the loop is stable.

    References
    ----------
    Bentler and Freeman (1983), Psychometrika 48, 143-145.
    """
    B = check_array("B", B, "... p p").astype(float)
    rest = np.linalg.det(np.eye(B.shape[-1]) - B)
    index = np.abs(np.linalg.eigvals(B)).max(axis=-1)
    with np.errstate(divide="ignore"):
        return dict(zip(MEASURES, (1 - rest, index, 1 / rest), strict=True))


def respond(B: pd.DataFrame, pushed: str, steps: int) -> pd.DataFrame:
    """Follow a lasting push of one standard deviation along the arrows, step by step.

    Parameters
    ----------
    B : pandas.DataFrame
        Standardized path coefficients, (p, p): row to, column from.
    pushed : str
        The variable that is kept one standard deviation above what its causes give it.
    steps : int
        How often every arrow passes on what it got.

    Returns
    -------
    pandas.DataFrame
        By ``step`` (0 is the push alone) and variable. The limit, if the loop is stable, is the
        total effect of `pushed`, plus the push itself.

    Raises
    ------
    InputError
        For a variable that the loop does not have.
    """
    if not isinstance(pushed, str) or pushed not in B:
        raise InputError(
            "pushed",
            needed=f"one of {', '.join(B)}",
            found=repr(pushed),
            mend="push a variable of the loop",
        )
    steps = check_whole("steps", steps, 0)
    check_array("B", B, "p p")
    push = (B.columns == pushed).astype(float)
    states = [push]
    for _ in range(steps):
        states.append(B.to_numpy() @ states[-1] + push)
    return pd.DataFrame(states, columns=B.columns).rename_axis("step")


def imply_correlations(B: np.ndarray) -> np.ndarray:
    """Return the correlations that standardized path coefficients imply, errors independent.

    Parameters
    ----------
    B : numpy.ndarray
        (..., p, p): row to, column from.

    Returns
    -------
    numpy.ndarray
        (..., p, p). NaN where no error variances give every variable the variance 1.
    """
    B = check_array("B", B, "... p p")
    A = np.linalg.inv(np.eye(B.shape[-1]) - B)
    Psi = np.linalg.solve(A**2, np.ones((*B.shape[:-1], 1)))
    R = A @ (Psi * A.swapaxes(-1, -2))
    return np.where((Psi > 0).all(axis=(-2, -1))[..., None, None], R, np.nan)


@threadpool_limits.wrap(limits=1)
def fit_many(model: PathModel, S: np.ndarray, n: int) -> pd.DataFrame:
    """Fit a loop to many samples, and return the stable solution of each, with its indices.

    Parameters
    ----------
    model : PathModel
        As for :func:`fit_loop`.
    S : numpy.ndarray
        Covariance matrices, (samples, p, p), in the order of ``model.variables``.
    n : int
        Rows behind each of them.

    Returns
    -------
    pandas.DataFrame
        One row per sample: each standardized coefficient (such as ``TF -> EVI``), the measures of
        :func:`feedback`, and ``chi2``, ``p``, ``rmsea``, ``cfi``, ``nfi``, ``gfi`` as AMOS has
        them. NaN where no real solution exists; a loop of three leaves ``p`` and ``rmsea`` NaN.
    """
    n = check_whole("n", n, 2, of="rows")
    S = check_covariances(S, len(model.variables))
    B, Psi, real = _stable(model, S)
    S = S[real]
    A = np.linalg.inv(np.eye(B.shape[-1]) - B)
    Sigma = A @ Psi @ A.swapaxes(-1, -2)
    df, p = model.count_moments() - model.count_parameters(), S.shape[-1]
    chi2 = (n - 1) * (np.linalg.slogdet(Sigma)[1] - np.linalg.slogdet(S)[1])
    variances = np.einsum("...ii->...i", S)
    chi2_b = (n - 1) * (np.log(variances).sum(axis=-1) - np.linalg.slogdet(S)[1])
    relative = baseline_indices(chi2, df, chi2_b, p * (p - 1) // 2)
    ratio = chi2 / df if df else np.full(len(chi2), np.nan)
    coefficients = effect_matrices(B, Psi)[0]
    place = model.variables.index
    columns = {
        f"{cause} -> {to}": coefficients[:, place(to), place(cause)] for to, cause in model.paths
    }
    columns |= feedback(coefficients)
    columns |= {
        "chi2": chi2,
        "p": stats.chi2.sf(chi2, df),
        "rmsea": np.sqrt(np.clip(ratio - 1, 0, None) / (n - 1)),
        "cfi": relative["cfi"],
        "nfi": relative["nfi"],
        "gfi": goodness_of_fit(S, Sigma),
    }
    return pd.DataFrame(columns, np.flatnonzero(real)).reindex(range(len(real)))


@dataclass(frozen=True)
class LoopBootstrap:
    """A loop, and how it varies when the sites are drawn anew.

    Attributes
    ----------
    table : pandas.DataFrame
        Indexed by ``kind``, ``from`` and ``to``: ``estimate``, ``low`` and ``high``. Kinds are
        ``direct`` and ``total`` (standardized), and the measures of :func:`feedback`, whose
        ``from`` and ``to`` are empty.
    draws : pandas.DataFrame
        One row per resample that is left, one column per row of the table.
    failed : int
        Resamples left out because a column was constant, or columns determined each other.
    unreal : int
        Resamples left out because no loop with real coefficients belongs to them. All others have
        exactly one stable solution, which is the one taken: that the gain is below 1 is by
        construction.
    """

    table: pd.DataFrame
    draws: pd.DataFrame
    failed: int
    unreal: int


@threadpool_limits.wrap(limits=1)
def bootstrap_loop(
    model: PathModel,
    data: pd.DataFrame,
    *,
    n_boot: int = 2000,
    confidence: float = 0.95,
    seed: int = 2022,
) -> LoopBootstrap:
    """Return the stable solution of a loop with bootstrap intervals (BCa).

    Parameters
    ----------
    model : PathModel
        As for :func:`fit_loop`.
    data : pandas.DataFrame
        One row per site, with a column for each variable; others are ignored.
    n_boot : int
        Number of resamples, at least 100; sites are drawn with replacement.
    confidence : float
        Level of the intervals, between 0 and 1.
    seed : int
        Of the drawing.

    Raises
    ------
    InputError
        As :func:`find_loop`, and if more than half of the resamples cannot be fitted because of
        their columns (`failed`).

    Notes
    -----
    The estimate is NaN where no loop with real coefficients belongs to the data. An interval is
    NaN where it does not exist: without an estimate; where all draws lie on one side of it; where
    the loop cannot be fitted without one of the sites.
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    n_boot, seed = check_draws(n_boot, seed)
    find_ring(model)
    values = stats.zscore(model_table(model, data).to_numpy())
    n = len(values)

    def statistics_of(sites: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return all rows of the table, (k, ...), and which samples had columns that work."""
        S = weighted_covariances(count_sites(sites, n), values)
        good = solvable(S)
        found = np.full((len(index), *S.shape[:-2]), np.nan)
        found[:, good] = _statistics(model, S[good])
        return found, good

    index = _rows(model)
    parts = spread(statistics_of, draw_sites(n, n_boot, seed))
    drawn = np.concatenate([found for found, _ in parts], axis=-1)
    failed = n_boot - int(sum(good.sum() for _, good in parts))
    kept = drawn[:, ~np.isnan(drawn).any(axis=0)]
    check_enough(failed, n_boot)
    estimate, _ = statistics_of(np.arange(n))
    low, high = bca_interval(lambda sites: statistics_of(sites)[0], kept, n, confidence)
    return LoopBootstrap(
        table=pd.DataFrame({"estimate": estimate, "low": low, "high": high}, index),
        draws=pd.DataFrame(kept.T, columns=index),
        failed=failed,
        unreal=n_boot - kept.shape[-1] - failed,
    )


def _rows(model: PathModel) -> pd.MultiIndex:
    rows = [("direct", cause, to) for to, cause in model.paths]
    rows += [("total", cause, to) for cause, to in effect_pairs(model)]
    rows += [(measure, "", "") for measure in MEASURES]
    return pd.MultiIndex.from_tuples(rows, names=["kind", "from", "to"])


def _statistics(model: PathModel, S: np.ndarray) -> np.ndarray:
    """Return the values of the stable solution in the order of the rows, (k, samples)."""
    B, Psi, real = _stable(model, S)
    direct, total = effect_matrices(B, Psi)
    place = model.variables.index
    columns = [direct[:, place(to), place(cause)] for to, cause in model.paths]
    columns += [*total[:, *joined(model)].T]
    columns += feedback(direct).values()
    found = np.full((len(columns), len(S)), np.nan)
    found[:, real] = columns
    return found


def _stable(model: PathModel, S: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return B and Psi of the stable solutions that exist, and for which samples they do."""
    B, Psi = (each[0] for each in solve_ring(model, S))
    real = ~np.isnan(B).any(axis=(-2, -1))
    return B[real], Psi[real], real
