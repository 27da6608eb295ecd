"""Recursive models in closed form: any number of samples are fitted at once.

Where no arrow closes a loop and no errors correlate, maximum likelihood is one least-squares
regression for each variable on its causes.
"""

from __future__ import annotations

import numpy as np

from helpers.checks import COLLINEAR
from helpers.errors import InputError
from helpers.pathmodel.decomposition import joined, standardize
from helpers.pathmodel.spec import PathModel

_SURE = 3 * COLLINEAR  # a determinant of correlations, a little above e * COLLINEAR


def solve_recursive(
    model: PathModel, S: np.ndarray, exogenous: str = "correlated"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the maximum-likelihood B (paths) and Psi of a recursive model, (..., p, p).

    Parameters
    ----------
    model : PathModel
        Without loops or correlated errors.
    S : numpy.ndarray
        Covariance matrices, (..., p, p), positive definite, in the order of ``model.variables``.
    exogenous : {"correlated", "uncorrelated"}
        Whether exogenous variables may correlate where the model does not draw it.

    Raises
    ------
    InputError
        For a model without this closed form: with a loop, with a covariance of an error, or with
        covariances of a with b and of b with c, but not of a with c.
    """
    _check_closed_form(model, exogenous)
    place = {name: number for number, name in enumerate(model.variables)}
    B, Psi = np.zeros(S.shape), np.zeros(S.shape)
    for name in model.exogenous:
        i = place[name]
        Psi[..., i, i] = S[..., i, i]
    for one, other in model.all_covariances(exogenous):
        i, j = place[one], place[other]
        Psi[..., i, j] = Psi[..., j, i] = S[..., i, j]
    for name in model.endogenous:
        i, causes = place[name], np.array([place[cause] for cause in model.parents(name)])
        B[..., i, causes], Psi[..., i, i] = regress(S, i, causes)
    return B, Psi


def regress(S: np.ndarray, to: int, causes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least-squares slopes of a variable on its causes, and the variance that is left.

    Parameters
    ----------
    S : numpy.ndarray
        Covariance matrices, (..., p, p).
    to : int
        Place of the variable.
    causes : numpy.ndarray
        Places of its causes, (k,).

    Returns
    -------
    slopes : numpy.ndarray
        (..., k).
    left : numpy.ndarray
        (...).
    """
    with_causes = S[..., causes, to]
    slopes = np.linalg.solve(S[..., causes[:, None], causes], with_causes[..., None])[..., 0]
    return slopes, S[..., to, to] - (slopes * with_causes).sum(axis=-1)


def sum_chains(B: np.ndarray) -> np.ndarray:
    """Return (I - B)^-1 = I + B + B^2 + ..., (..., p, p), of a model without loops.

    B^k holds what passes along chains of k arrows. Without a loop none is longer than p - 1, and
    few products of matrices, (I + B) (I + B^2) (I + B^4) ..., have them all.
    """
    one = np.eye(B.shape[-1])
    total, power, length = one + B, B, 2
    while length < B.shape[-1]:
        power = power @ power
        total, length = total @ (one + power), 2 * length
    return total


def _check_closed_form(model: PathModel, exogenous: str) -> None:
    if not model.recursive:
        raise InputError(
            "path model",
            needed="a recursive model: no loop, no covariance of an error",
            found="a loop" if not model.covariances else "a loop or a covariance of an error",
            mend="use fit_model, which searches for the optimum",
        )
    if not _in_groups(model, exogenous):
        raise InputError(
            "path model",
            needed="exogenous variables in groups, within which all of them may correlate",
            found="covariances of one variable with two that may not correlate",
            mend='draw the missing covariance, or use exogenous="correlated"',
        )


def has_closed_form(model: PathModel, exogenous: str) -> bool:
    """Tell whether :func:`solve_recursive` takes a model.

    Parameters
    ----------
    model : PathModel
        Any.
    exogenous : {"correlated", "uncorrelated"}
        Whether exogenous variables may correlate where the model does not draw it.
    """
    return model.recursive and _in_groups(model, exogenous)


def _in_groups(model: PathModel, exogenous: str) -> bool:
    """Tell whether exogenous variables that correlate with one and the same correlate."""
    linked = {name: {name} for name in model.exogenous}
    for one, other in model.all_covariances(exogenous):
        linked[one].add(other)
        linked[other].add(one)
    return all(linked[name] == linked[other] for name in linked for other in linked[name])


def weighted_covariances(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the covariance matrix of a table under each set of weights, (..., p, p).

    Parameters
    ----------
    weights : numpy.ndarray
        How often each row counts, (..., n); the divisor is their sum.
    values : numpy.ndarray
        The table, (n, p), its columns near zero mean.
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
    do not determine each other, (...).

    Notes
    -----
    The smallest eigenvalue of the correlations tells. The eigenvalues have the sum p, so that all
    but one have a product below (p / (p - 1))^(p - 1) < e: the smallest is above |R| / e, and only
    where this bound does not settle the matter is it computed.
    """
    variance = np.einsum("...ii->...i", S)
    sd = np.sqrt(np.where(variance > COLLINEAR, variance, 1))  # a constant leaves an eigenvalue 0
    R = S / (sd[..., :, None] * sd[..., None, :])
    good = np.asarray(np.linalg.det(R) > _SURE)
    good[~good] = np.linalg.eigvalsh(R[~good])[..., 0] > COLLINEAR
    return good


def effects_on(outcome: str, model: PathModel, S: np.ndarray, exogenous: str) -> np.ndarray:
    """Return standardized direct, indirect and total effects on a variable, (3, causes, ...).

    Parameters
    ----------
    outcome : str
        The variable; its causes are in the order of :func:`helpers.pathmodel.effect_pairs`.
    model : PathModel
        Without loops or correlated errors.
    S : numpy.ndarray
        Covariance matrices, (..., p, p); where one is not :func:`solvable`, the effects are NaN.
    exogenous : {"correlated", "uncorrelated"}
        Whether exogenous variables may correlate where the model does not draw it.
    """
    to, cause = joined(model, outcome)
    good = solvable(S)
    found = np.full((*S.shape[:-2], 3, len(cause)), np.nan)
    B, Psi = solve_recursive(model, S[good], exogenous)
    direct, total = (each[:, to, cause] for each in standardize(B, sum_chains(B), Psi))
    found[good] = np.stack([direct, total - direct, total], axis=1)
    return np.moveaxis(found, (-2, -1), (0, 1))
