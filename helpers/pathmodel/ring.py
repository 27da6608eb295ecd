"""Models of one feedback loop in closed form: both solutions, any number of samples at once.

A loop of p variables with independent errors leaves zeros in the inverse K of Sigma, wherever two
variables do not follow each other. The K that is most likely under these zeros is found first;
which arrows have this K is then a quadratic equation with two solutions.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from helpers.errors import InputError
from helpers.pathmodel.decomposition import joined
from helpers.pathmodel.recursive import regress
from helpers.pathmodel.spec import PathModel

_REACHED = 1e-20
_STEPS = 100


def find_ring(model: PathModel) -> tuple[str, ...]:
    """Return the variables of the one loop of a model, each before the one that it acts on.

    Parameters
    ----------
    model : PathModel
        A loop of three variables or more, each with the one before it as its only cause; variables
        that it acts on may follow, without a way back.

    Raises
    ------
    InputError
        For any other model.
    """
    ring = [model.variables[i] for i, j in zip(*joined(model), strict=True) if i == j]
    follows = {model.parents(to)[0]: to for to in ring}
    alone = all(len(model.parents(to)) == 1 for to in ring)
    if len(ring) < 3 or not alone or model.exogenous or model.covariances:
        raise InputError(
            "path model",
            needed="one loop of three variables or more, each with one cause, without exogenous "
            "variables or covariances",
            found=model.text.strip(),
            mend="fit_from_starts is the one function for other models with loops",
        )
    ordered = [ring[0]]
    while follows[ordered[-1]] != ring[0]:
        ordered.append(follows[ordered[-1]])
    if len(ordered) < len(ring):
        raise InputError(
            "path model", needed="one loop", found="two", mend="fit each loop by itself"
        )
    return tuple(ordered)


def solve_ring(model: PathModel, S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both maximum-likelihood solutions of a model with one loop, (2, ..., p, p).

    Parameters
    ----------
    model : PathModel
        As :func:`find_ring` needs it.
    S : numpy.ndarray
        Covariance matrices, (..., p, p), positive definite, in the order of ``model.variables``.

    Returns
    -------
    B, Psi : numpy.ndarray
        Path coefficients and error variances. The first solution is the stable one, with gain g
        (the product of the loop's coefficients) between -1 and 1; the second is its twin, with gain
        1 / g. Both imply the same Sigma. NaN where no real solution exists: the likelihood is then
        highest at g = -1, where the two meet.

    Notes
    -----
    With w = 1 / Psi, K_ii = w_i + c_i^2 / w_j for the j that i acts on and c_i = K_ij. Going around
    once gives w_i as a ratio of linear functions of itself, whose matrix has trace t and two
    eigenvalues with the product P^2, P being that of all -c_i. They are real if t >= 2 |P|, which
    always holds for P > 0, since t - 2 P = |K|; the gains are P over the eigenvalues.

    Standardized, with coefficient b, neighbours have the correlation (b + g / b) / (1 + g), and an
    error variance is (1 - b^2) (1 - g) / (1 + g). Neither changes when every b becomes 1 / b (the
    twin, whose error variances are those of the stable solution over b^2), nor does the first when
    all arrows are turned and keep their b: the reversed loop fits with the same numbers.
    """
    ring = find_ring(model)
    at = np.array([model.variables.index(name) for name in ring])
    Sigma = complete(S[..., at[:, None], at])
    variances = np.einsum("...ii->...i", Sigma)
    slopes, errors = _stable_root(np.linalg.inv(Sigma))
    ratio = variances / np.roll(variances, 1, axis=-1)  # of effect and cause
    B, Psi = (np.zeros((2, *S.shape)) for _ in range(2))
    before = np.roll(at, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        B[..., at, before] = slopes, ratio / slopes
        Psi[..., at, at] = errors, errors * ratio / slopes**2
    for name in model.endogenous:
        if name not in ring:
            i = model.variables.index(name)
            causes = np.array([model.variables.index(cause) for cause in model.parents(name)])
            B[..., i, causes], Psi[..., i, i] = regress(S, i, causes)
    return B, Psi


def check_real(B: np.ndarray) -> None:
    """Refuse data that leave no real solution, for which :func:`solve_ring` returns NaN."""
    if np.isnan(B).any():
        raise InputError(
            "feedback loop",
            needed="data to which a loop with real coefficients belongs",
            found="data that are most likely where the gain is -1",
            mend="doubt the loop: its arrows cannot be told from these data",
        )


def complete(S: np.ndarray) -> np.ndarray:
    """Return the covariance matrices nearest to S whose inverse links neighbours on a ring only.

    Parameters
    ----------
    S : numpy.ndarray
        Covariance matrices, (..., p, p), positive definite; the last variable is next to the first.

    Returns
    -------
    numpy.ndarray
        (..., p, p), with the variances of S and its covariances of neighbours; of all such
        matrices, those with the largest determinant.

    Notes
    -----
    Newton's steps on ln|Sigma|, shortened to 1 / (1 + their length in its own metric): from inside,
    they never leave the positive definite matrices (Nesterov and Nemirovskii 1994, chapter 2).
    """
    p = S.shape[-1]
    apart = [(i, j) for i, j in combinations(range(p), 2) if j - i not in (1, p - 1)]
    Sigma = np.array(S, float)
    if not apart:
        return Sigma
    i, j = np.array(apart).T
    for _ in range(_STEPS):
        K = np.linalg.inv(Sigma)
        slope = K[..., i, j]
        bend = K[..., i[:, None], i] * K[..., j[:, None], j]
        bend += K[..., i[:, None], j] * K[..., j[:, None], i]
        step = np.linalg.solve(bend, slope[..., None])[..., 0]
        length2 = np.clip(2 * (slope * step).sum(axis=-1), 0, None)
        step /= 1 + np.sqrt(length2)[..., None]
        Sigma[..., i, j] += step
        Sigma[..., j, i] += step
        if length2.size == 0 or length2.max() < _REACHED:
            break
    return Sigma


def _stable_root(K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the slope onto each variable and its error variance, of the stable loop, (..., p).

    Once around from the root, every step backwards shrinks an error: the recursion is stable.
    """
    p = K.shape[-1]
    c = np.stack([K[..., i, (i + 1) % p] for i in range(p)], axis=-1)
    around = np.broadcast_to(np.eye(2), (*K.shape[:-2], 2, 2))
    for i in range(p):
        turn = np.zeros(around.shape)
        turn[..., 0, 0], turn[..., 0, 1], turn[..., 1, 0] = K[..., i, i], -(c[..., i] ** 2), 1
        around = around @ turn
    t, P = np.trace(around, axis1=-2, axis2=-1), np.prod(-c, axis=-1)
    # t - 2 |P| would lose its digits where variables nearly determine each other
    above = np.where(P > 0, np.linalg.det(K), t - 2 * np.abs(P))
    above = np.where(above >= 0, above, np.nan)
    root = np.abs(P) + (above + np.sqrt(above * (above + 4 * np.abs(P)))) / 2
    w = np.empty(c.shape)
    w[..., 0] = (root - around[..., 1, 1]) / around[..., 1, 0]
    for i in range(p - 1, 0, -1):
        w[..., i] = K[..., i, i] - c[..., i] ** 2 / w[..., (i + 1) % p]
    return -np.roll(c, 1, axis=-1) / w, 1 / w
