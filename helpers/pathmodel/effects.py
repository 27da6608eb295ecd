"""Standardized direct, indirect and total effects, with their standard errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import check_level
from helpers.errors import InputError
from helpers.pathmodel.fit import PathFit
from helpers.pathmodel.frame import derivative
from helpers.pathmodel.spec import PathModel

KINDS = ("direct", "indirect", "total")


def effect_pairs(model: PathModel, outcome: str | None = None) -> pd.MultiIndex:
    """Return the pairs (from, to) of variables that are joined by at least one chain of arrows.

    Parameters
    ----------
    model : PathModel
        Recursive or not.
    outcome : str, optional
        Only the pairs that end there.
    """
    names = list(model.variables)
    step = np.array([[float((to, cause) in model.paths) for cause in names] for to in names])
    reached = np.linalg.matrix_power(step + np.eye(len(names)), len(names)) @ step > 0
    pairs = [
        (cause, to)
        for i, to in enumerate(names)
        for j, cause in enumerate(names)
        if reached[i, j] and outcome in (None, to)
    ]
    return pd.MultiIndex.from_tuples(pairs, names=["from", "to"])


def check_outcome(model: PathModel, outcome: str) -> None:
    """Refuse an outcome that no arrow points to.

    Parameters
    ----------
    model : PathModel
        Whose variables to choose from.
    outcome : str
        What was asked for.
    """
    if outcome not in model.endogenous:
        raise InputError(
            "outcome",
            needed=f"one of {', '.join(model.endogenous)}",
            found=repr(outcome),
            mend="choose a variable that an arrow points to",
        )


def effect_matrices(B: np.ndarray, Psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return standardized direct and total effects, (..., p, p): row to, column from.

    Parameters
    ----------
    B : numpy.ndarray
        Path coefficients, (..., p, p).
    Psi : numpy.ndarray
        Covariances of exogenous variables and errors, (..., p, p).

    Notes
    -----
    Total = (I - B)^-1 - I, in standard deviations that the model implies.
    """
    inverse = np.linalg.inv(np.eye(B.shape[-1]) - B)
    sd = np.sqrt(np.einsum("...ij,...jk,...ik->...i", inverse, Psi, inverse))
    unit = sd[..., None, :] / sd[..., :, None]
    return B * unit, (inverse - np.eye(B.shape[-1])) * unit


def effects(fit: PathFit, outcome: str | None = None, confidence: float = 0.95) -> pd.DataFrame:
    """Return the standardized effects of a fitted model.

    Parameters
    ----------
    fit : PathFit
        From :func:`helpers.pathmodel.fit_model`.
    outcome : str, optional
        Only effects on this variable.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``from`` and ``to``: ``direct``, ``indirect`` and ``total`` (their sum), each
        with ``_se`` (delta method), ``_low`` and ``_high`` (normal interval).
    """
    check_level("confidence", confidence, usual=0.95)
    if outcome is not None:
        check_outcome(fit.model, outcome)
    pairs = effect_pairs(fit.model, outcome)
    names = list(fit.model.variables)
    to, cause = (
        [names.index(name) for name in pairs.get_level_values(level)] for level in ("to", "from")
    )

    def of(theta: np.ndarray) -> np.ndarray:
        direct, total = effect_matrices(*fit.frame.matrices(theta))
        return np.concatenate([each[to, cause] for each in (direct, total - direct, total)])

    slopes = derivative(of, fit.theta)
    values = of(fit.theta).reshape(3, -1)
    # an effect that is 0 or +-1 by construction has a variance of rounding noise around 0
    variance = np.einsum("ka,ab,kb->k", slopes, fit.covariance, slopes).clip(0)
    errors = np.sqrt(variance).reshape(3, -1)
    reach = stats.norm.ppf((1 + confidence) / 2) * errors
    columns = {}
    for kind, value, error, half in zip(KINDS, values, errors, reach, strict=True):
        columns |= {
            kind: value,
            f"{kind}_se": error,
            f"{kind}_low": value - half,
            f"{kind}_high": value + half,
        }
    return pd.DataFrame(columns, index=pairs)
