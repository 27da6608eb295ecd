"""Recursive models in closed form: any number of samples are fitted at once.

Where no arrow closes a loop and no errors correlate, maximum likelihood is one least-squares
regression for each variable on its causes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from helpers.checks import COLLINEAR
from helpers.errors import InputError
from helpers.pathmodel.frame import Frame, correlations_of, effect_matrices
from helpers.pathmodel.spec import PathModel, check_recursive, joined

_SURE = 3 * COLLINEAR  # a determinant of correlations, a little above e * COLLINEAR


def solve_recursive(
    model: PathModel, S: np.ndarray, exogenous: str = "correlated"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the maximum-likelihood B (paths) and Psi of a recursive model, (..., p, p), from
    covariance matrices S, (..., p, p), positive definite, in the order of ``model.variables``.
    """
    check_recursive(model, "use fit_model, which searches for the optimum")
    if not has_closed_form(model, exogenous):
        raise InputError(
            "path model",
            needed="exogenous variables in groups, within which all of them may correlate",
            found="covariances of one variable with two that may not correlate",
            mend='draw the missing covariance, or use exogenous="correlated"',
        )
    B, Psi = np.zeros(S.shape), np.zeros(S.shape)
    i, j = Frame(model, exogenous).spreads.T
    Psi[..., i, j] = Psi[..., j, i] = S[..., i, j]
    regress_on_causes(model, model.endogenous, S, B, Psi)
    return B, Psi


def has_closed_form(model: PathModel, exogenous: str, convention: str = "amos") -> bool:
    """Tell whether ``solve_recursive`` takes a model."""
    if not model.recursive or model.restricted:
        return False
    linked = {name: {name} for name in model.exogenous}
    for one, other in model.all_covariances(exogenous, convention):
        if not {one, other} <= set(linked):
            return False
        linked[one].add(other)
        linked[other].add(one)
    return all(linked[name] == linked[other] for name in linked for other in linked[name])


def regress_on_causes(
    model: PathModel, names: Iterable[str], S: np.ndarray, B: np.ndarray, Psi: np.ndarray
) -> None:
    """Write slopes and variances left of these variables into B and Psi, (..., p, p)."""
    place = model.variables.index
    for name in names:
        i, causes = place(name), np.array([place(cause) for cause in model.parents(name)], int)
        B[..., i, causes], Psi[..., i, i] = regress(S, i, causes)


def regress(S: np.ndarray, to: int, causes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return least-squares slopes, (..., k), of a variable on its causes, and the variance left;
    `to` and `causes`, (k,), are places in the covariance matrices S, (..., p, p).
    """
    with_causes = S[..., causes, to]
    slopes = np.linalg.solve(S[..., causes[:, None], causes], with_causes[..., None])[..., 0]
    return slopes, S[..., to, to] - (slopes * with_causes).sum(axis=-1)


def weighted_covariances(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the covariance matrix of a table, (n, p), if each row counts as often as its weight
    says, (..., n): (..., p, p). The columns have a mean near 0.
    """
    share = weights / weights.sum(axis=-1, keepdims=True)
    mean = share @ values
    i, j = np.triu_indices(values.shape[1])
    above = share @ (values[:, i] * values[:, j]) - mean[..., i] * mean[..., j]
    S = np.empty((*above.shape[:-1], values.shape[1], values.shape[1]))
    S[..., i, j] = S[..., j, i] = above
    return S


def solvable(S: np.ndarray) -> np.ndarray:
    """Tell which covariance matrices of standardized tables belong to columns that all vary and
    do not determine each other, (...): the smallest eigenvalue of the correlations does.

    The eigenvalues have the sum p, so that all but one have a product below
    (p / (p - 1))^(p - 1) < e: the smallest is above |R| / e, and only where this bound does not
    settle the matter is it computed.
    """
    constant = np.einsum("...ii->...i", S) <= COLLINEAR
    R, _ = correlations_of(S + constant[..., None] * np.eye(S.shape[-1]))
    good = np.asarray(np.linalg.det(R) > _SURE)
    good[~good] = np.linalg.eigvalsh(R[~good])[..., 0] > COLLINEAR
    return good & ~constant.any(axis=-1)


def effects_on(outcome: str, model: PathModel, S: np.ndarray, exogenous: str) -> np.ndarray:
    r"""Return standardized direct, indirect and total effects on a variable, (3, causes, ...).

    Parameters
    ----------
    outcome : str
        The variable; its causes are in the order of :func:`helpers.pathmodel.effect_pairs`.
    model, exogenous : as for :func:`helpers.pathmodel.fit_model`, but recursive
    S : numpy.ndarray
        Covariance matrices, (..., p, p), of standardized tables. The effects are NaN where a column
        is constant, or where columns determine each other.

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> S = np.array([[1, 0.5, 0.3], [0.5, 1, 0.6], [0.3, 0.6, 1]])
    >>> effects_on("y", parse_model("m ~ x\ny ~ m"), S, "correlated").round(2).tolist()
    [[0.0, 0.6], [0.3, 0.0], [0.3, 0.6]]
    """
    to, cause = joined(model, outcome)
    good = solvable(S)
    found = np.full((*S.shape[:-2], 3, len(cause)), np.nan)
    effects = effect_matrices(*solve_recursive(model, S[good], exogenous))
    direct, total = (each[:, to, cause] for each in effects)
    found[good] = np.stack([direct, total - direct, total], axis=1)
    return np.moveaxis(found, (-2, -1), (0, 1))
