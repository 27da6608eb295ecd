"""Standardized direct, indirect and total effects, with their standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import check_level
from helpers.errors import InputError
from helpers.pathmodel.frame import derivative
from helpers.pathmodel.spec import PathModel

if TYPE_CHECKING:
    from helpers.pathmodel.fit import PathFit  # which needs this module

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
    names = np.array(model.variables)
    to, cause = joined(model, outcome)
    return pd.MultiIndex.from_arrays([names[cause], names[to]], names=["from", "to"])


def joined(model: PathModel, outcome: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the variables of :func:`effect_pairs`: rows (to), columns (from).

    Parameters
    ----------
    model : PathModel
        Recursive or not.
    outcome : str, optional
        Only the pairs that end there.
    """
    names = model.variables
    step = np.array([[float((to, cause) in model.paths) for cause in names] for to in names])
    reached = np.linalg.matrix_power(step + np.eye(len(names)), len(names)) @ step > 0
    wanted = np.array([outcome in (None, to) for to in names])
    return np.nonzero(reached & wanted[:, None])


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
    return standardize(B, np.linalg.inv(np.eye(B.shape[-1]) - B), Psi)


def standardize(
    B: np.ndarray, inverse: np.ndarray, Psi: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what :func:`effect_matrices` does, where (I - B)^-1 is already known.

    Parameters
    ----------
    B, inverse, Psi : numpy.ndarray
        Path coefficients, (I - B)^-1, and covariances of exogenous variables and errors, each
        (..., p, p).
    """
    sd = np.sqrt(((inverse @ Psi) * inverse).sum(axis=-1))
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
    confidence = check_level("confidence", confidence, usual=0.95)
    if outcome is not None:
        check_outcome(fit.model, outcome)
    to, cause = joined(fit.model, outcome)

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
    return pd.DataFrame(columns, index=effect_pairs(fit.model, outcome))
