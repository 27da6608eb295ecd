"""Models with loops of any kind: are they determined, and which solutions does a search find?"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from helpers.checks import check_whole
from helpers.errors import InputError
from helpers.pathmodel.fit import PathFit, describe, model_table, polish, prepare, search
from helpers.pathmodel.frame import Frame, discrepancy
from helpers.pathmodel.spec import PathModel

_AT_OPTIMUM = 1e-6  # of F, where semopy stopped close enough
_SAME = 1e-6  # of parameters


class Identification(NamedTuple):
    """What determines the parameters of a model.

    Attributes
    ----------
    equations : pandas.DataFrame
        One row per endogenous variable: ``endogenous_causes``, ``excluded_exogenous``, and whether
        the ``order`` and the ``rank`` condition hold, which are those for errors that may all
        correlate.
    parameters, moments, rank : int
        How many there are, and the rank of the slopes of all moments by all parameters, with errors
        that correlate only where the model says so. If it equals `parameters`, no other parameters
        nearby imply the same Sigma.
    """

    equations: pd.DataFrame
    parameters: int
    moments: int
    rank: int


def identify(model: PathModel, exogenous: str = "correlated", seed: int = 2022) -> Identification:
    r"""Tell whether a model's parameters can be determined, from its drawing alone.

    Parameters
    ----------
    model, exogenous : as for :func:`helpers.pathmodel.fit_model`
    seed : int
        Of the parameters at which ranks are taken; they hold at almost all others.

    Notes
    -----
    Order condition: an equation must leave out as many exogenous variables as it has endogenous
    causes. Rank condition: the coefficients of what it leaves out, in the other equations, must
    have as many independent rows as there are other equations (Bollen 1989, Structural Equations
    with Latent Variables, pp. 88-104).

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> found = identify(parse_model("m ~ y + x\ny ~ m"))
    >>> found.rank == found.parameters, found.equations["order"].to_dict()
    (True, {'m': False, 'y': True})
    """
    seed = check_whole("seed", seed, 0)
    frame = Frame(model, exogenous)
    theta = _draw_parameters(frame, np.random.default_rng(seed))
    lower = np.tril_indices(len(frame.names))
    slopes = frame.slopes(theta)[:, *lower]
    structure = (np.eye(len(frame.names)) - frame.matrices(theta)[0])[len(model.exogenous) :]
    rows = {}
    for row, to in enumerate(model.endogenous):
        causes = model.parents(to)
        needed = len(set(causes) & set(model.endogenous))
        left_out = [name not in (*causes, to) for name in frame.names]
        spare = len(set(model.exogenous) - set(causes))
        others = np.delete(structure, row, axis=0)[:, left_out]
        full = np.linalg.matrix_rank(others) == len(others) if others.size else not len(others)
        rows[to] = (needed, spare, spare >= needed, bool(full))
    columns = ["endogenous_causes", "excluded_exogenous", "order", "rank"]
    equations = pd.DataFrame.from_dict(rows, "index", columns=columns)
    rank = int(np.linalg.matrix_rank(slopes))
    return Identification(equations, frame.size, model.count_moments(), rank)


class Starts(NamedTuple):
    """What a search finds from many starts: the solutions with the lowest F, the most stable first.

    `ends` has one row per start: whether semopy reported ``success``, how far ``above`` the lowest
    F it stopped, and which of the `fits` it was at (``solution``, NaN if none).
    """

    fits: list[PathFit]
    ends: pd.DataFrame


@threadpool_limits.wrap(limits=1)
def fit_from_starts(
    model: PathModel,
    data: pd.DataFrame,
    *,
    starts: int = 50,
    seed: int = 2022,
    exogenous: str = "correlated",
    convention: str = "amos",
) -> Starts:
    r"""Search for all solutions of a path model, from random starts.

    Parameters
    ----------
    model : PathModel
        With loops of any kind, or without.
    starts, seed : int
        How many searches, and the seed of their starts.
    data, exogenous, convention : as for :func:`helpers.pathmodel.fit_model`

    Notes
    -----
    Solutions that no start leads to are missed; a closed form misses none. If no start leads to an
    optimum, the model is refused.

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> from helpers.study import load_study
    >>> model, data = parse_model("EVI ~ TF\nSOC ~ EVI"), load_study().factors()
    >>> len(fit_from_starts(model, data, starts=2).fits)
    1
    """
    table = model_table(model, data, exogenous)
    starts, seed = check_whole("starts", starts, 0), check_whole("seed", seed, 0)
    sample, frame, R, _ = prepare(model, table.cov(ddof=0), len(table), exogenous, convention)
    rng = np.random.default_rng(seed)
    rows, optima = [], []
    for _ in range(starts):
        start = _draw_parameters(frame, rng)
        with _silence():  # on the way through hopeless values
            end, success = search(frame, R, len(table), start)
            F = discrepancy(frame.implied(end), R)
            rows.append((success, F if frame.proper(end) else np.inf, end))
            optima.append(_reach(frame, end, R))
    found = [(F, theta) for F, theta in filter(None, optima)]
    if not found:
        raise InputError(
            "path model",
            needed="an optimum of the likelihood",
            found=f"none from {starts} starts",
            mend="try more starts, or simplify the model",
        )
    lowest = min(F for F, _ in found)
    solutions: list[np.ndarray] = []
    for F, theta in found:
        new = all(np.abs(theta - each).max() > _SAME for each in solutions)
        if lowest + _AT_OPTIMUM > F and new:
            solutions.append(theta)
    solutions.sort(key=lambda theta: np.abs(np.linalg.eigvals(frame.matrices(theta)[0])).max())
    nearest = [
        int(np.argmin([np.abs(end - each).max() for each in solutions]))
        if lowest + _AT_OPTIMUM > F
        else np.nan
        for _, F, end in rows
    ]
    reached, F, _ = zip(*rows, strict=True)
    ends = pd.DataFrame({"success": reached, "above": np.array(F) - lowest, "solution": nearest})
    fits = [describe(frame, theta, sample, len(table), convention) for theta in solutions]
    return Starts(fits, ends.rename_axis("start"))


@contextmanager
def _silence() -> Iterator[None]:
    """Keep numpy's warnings and semopy's log to themselves."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            yield
    finally:
        logging.disable(logging.NOTSET)


def _draw_parameters(frame: Frame, rng: np.random.Generator) -> np.ndarray:
    """Return paths around 0 and variances below 1; covariances are a tenth of that."""
    theta = np.r_[rng.normal(0, 0.7, len(frame.paths)), rng.uniform(0.2, 1, len(frame.spreads))]
    theta[len(frame.paths) + len(frame.names) :] /= 10
    return theta


def _reach(frame: Frame, end: np.ndarray, R: np.ndarray) -> tuple[float, np.ndarray] | None:
    """Return F and parameters of the minimum that Newton's steps lead to, if there is one."""
    try:
        theta = polish(frame, end, R)
    except (InputError, np.linalg.LinAlgError):
        return None
    if not frame.proper(theta) or np.linalg.eigvalsh(frame.curvature(theta, R))[0] <= 0:
        return None
    return discrepancy(frame.implied(theta), R), theta
