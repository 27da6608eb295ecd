"""Models with loops of any kind: are they determined, and which solutions does a search find?"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from helpers.checks import check_whole
from helpers.errors import InputError
from helpers.pathmodel.fit import PathFit, describe, polish, prepare, search
from helpers.pathmodel.frame import Frame, discrepancy
from helpers.pathmodel.spec import PathModel

_AT_OPTIMUM = 1e-6  # of F, where semopy stopped close enough
_SAME = 1e-6  # of parameters


class Identification(NamedTuple):
    """How many parameters and moments a model has, and what :func:`identify` tells of them."""

    equations: pd.DataFrame
    parameters: int
    moments: int
    rank: int


def identify(model: PathModel, exogenous: str = "correlated", seed: int = 2022) -> Identification:
    r"""Tell whether a model's parameters can be determined, from its drawing alone.

    ``rank`` is that of the slopes of all moments by all parameters, with errors that correlate
    only where the model says so. If it equals their number, ``parameters``, no other parameters
    nearby imply the same Sigma. Each of its ``equations`` has two conditions for errors that may
    all correlate. Order: it must leave out as many exogenous variables as it has endogenous causes.
    Rank: the coefficients of what it leaves out, in the other equations, must have as many
    independent rows as there are other equations (Bollen 1989, Structural Equations with Latent
    Variables, pp. 88-104).

    Parameters
    ----------
    model, exogenous : as for :func:`helpers.pathmodel.fit_model`
    seed : int
        Of the parameters at which ranks are taken; they hold at almost all others.

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


@threadpool_limits.wrap(limits=1)
def fit_from_starts(
    model: PathModel,
    data: pd.DataFrame,
    *,
    starts: int = 50,
    seed: int = 2022,
    exogenous: str = "correlated",
    convention: str = "amos",
) -> tuple[list[PathFit], pd.DataFrame]:
    r"""Search for all solutions of a path model, from random starts.

    Returned are the solutions with the lowest F, the most stable first, and a table with one row
    per start: whether semopy reported ``success``, how far ``above`` the lowest F it stopped, and
    at which ``solution``, if at one. Solutions that no start leads to are missed; a closed form
    misses none. If no start leads to an optimum, the model is refused.

    Parameters
    ----------
    model, data, exogenous, convention : as for :func:`helpers.pathmodel.fit_model`
    starts, seed : int
        How many searches, and the seed of their starts.

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> from helpers.study import load_study
    >>> len(fit_from_starts(parse_model("SOC ~ EVI"), load_study().factors(), starts=2)[0])
    1
    """
    starts, seed = check_whole("starts", starts, 0), check_whole("seed", seed, 0)
    sample, frame, R, n = prepare(model, data, None, exogenous, convention)
    rng = np.random.default_rng(seed)
    rows, optima = [], []
    for _ in range(starts):
        with _silence():  # on the way through hopeless values
            end, success = search(frame, R, n, _draw_parameters(frame, rng))
            F = discrepancy(frame.implied(end), R) if frame.proper(end) else np.inf
        rows.append((success, F, end))
        optima += _reach(frame, end, R)
    if not optima:
        raise InputError(
            "path model",
            needed="an optimum of the likelihood",
            found=f"none from {starts} starts",
            mend="try more starts, or simplify the model",
        )
    lowest = min(F for F, _ in optima)
    solutions: list[np.ndarray] = []
    for theta in (theta for F, theta in optima if lowest + _AT_OPTIMUM > F):
        if all(np.abs(theta - each).max() > _SAME for each in solutions):
            solutions.append(theta)
    solutions.sort(key=lambda theta: np.abs(np.linalg.eigvals(frame.matrices(theta)[0])).max())
    reached, F, found = (np.array(column) for column in zip(*rows, strict=True))
    away = np.abs(found[:, None] - solutions).max(axis=-1)
    nearest = np.where(lowest + _AT_OPTIMUM > F, away.argmin(axis=-1), np.nan)
    ends = pd.DataFrame({"success": reached, "above": F - lowest, "solution": nearest})
    fits = [describe(frame, theta, sample, n, convention) for theta in solutions]
    return fits, ends.rename_axis("start")


@contextmanager
def _silence() -> Iterator[None]:
    """Keep numpy's warnings and semopy's log to themselves."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _draw_parameters(frame: Frame, rng: np.random.Generator) -> np.ndarray:
    """Return paths around 0 and variances below 1; covariances are a tenth of that."""
    theta = np.r_[rng.normal(0, 0.7, len(frame.paths)), rng.uniform(0.2, 1, len(frame.spreads))]
    theta[len(frame.paths) + len(frame.names) :] /= 10
    return theta


def _reach(frame: Frame, end: np.ndarray, R: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """Return F and theta of the minimum that Newton's steps lead to, or nothing."""
    with suppress(InputError, np.linalg.LinAlgError):
        theta = polish(frame, end, R)
        if frame.proper(theta) and np.linalg.eigvalsh(frame.curvature(theta, R))[0] > 0:
            return [(discrepancy(frame.implied(theta), R), theta)]
    return []
