"""The one loop of a model in closed form: both solutions of its likelihood, for many samples.

A loop of p variables with independent errors leaves zeros in the inverse K of Sigma, wherever two
variables do not follow each other. The K that is most likely under these zeros is found first;
which arrows have this K is then a quadratic equation with two solutions.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from helpers.errors import InputError
from helpers.pathmodel.recursive import regress_on_causes
from helpers.pathmodel.spec import PathModel, joined

_REACHED = 1e-20
_STEPS = 100


def ring_order(model: PathModel) -> tuple[str, ...]:
    """Return the variables of the one loop of a model, each before the one that it acts on.

    The loop has three variables or more, each with the one before it as its only cause; variables
    that it acts on may follow, without a way back. Any other model has no such order, ().
    """
    ring = [model.variables[i] for i, j in zip(*joined(model), strict=True) if i == j]
    follows, ordered = {model.parents(to)[0]: to for to in ring}, ring[:1]
    while ordered and (after := follows.get(ordered[-1])) and after not in ordered:
        ordered.append(after)
    alone = all(len(model.parents(to)) == 1 for to in ring)
    closed = 3 <= len(ordered) == len(ring) and alone
    more = model.exogenous or model.covariances or model.restricted
    return tuple(ordered) if closed and not more else ()


def find_ring(model: PathModel) -> tuple[str, ...]:
    """Return the order of :func:`ring_order`; refuse a model without one."""
    if ordered := ring_order(model):
        return ordered
    raise InputError(
        "path model",
        needed="one loop of three variables or more, each with one cause, without exogenous "
        "variables, covariances, and equal or fixed coefficients",
        found=model.text.strip(),
        mend="use fit_model, which takes any loops",
    )


def solve_ring(model: PathModel, S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return B and Psi of both maximum-likelihood solutions of a model with one loop, (2, ..., p,
    p), from covariance matrices S, (..., p, p), in the order of ``model.variables``.

    The first solution is the stable one, with gain g (the product of the loop's coefficients)
    between -1 and 1; the second is its twin, with gain 1 / g. Both imply the same Sigma. NaN where
    no real solution exists: the likelihood is then highest at g = -1, where the two meet.

    With w = 1 / Psi, K_ii = w_i + c_i^2 / w_j for the j that i acts on and c_i = K_ij. Going around
    once gives w_i as a ratio of linear functions of itself, whose matrix has trace t and two
    eigenvalues with the product P^2, P being that of all -c_i. They are real if t >= 2 |P|, which
    always holds for P > 0, since t - 2 P = |K|; the gains are P over the eigenvalues.
    """
    ring = find_ring(model)
    at = np.array([model.variables.index(name) for name in ring])
    Sigma = complete(S[..., at[:, None], at])
    variances = np.einsum("...ii->...i", Sigma)
    slopes, errors = _stable_root(np.linalg.inv(Sigma))
    ratio = variances / np.roll(variances, 1, axis=-1)  # of effect and cause
    B, Psi = (np.zeros((2, *S.shape)) for _ in range(2))
    with np.errstate(divide="ignore", invalid="ignore"):
        B[..., at, np.roll(at, 1)] = slopes, ratio / slopes
        Psi[..., at, at] = errors, errors * ratio / slopes**2
    behind = [name for name in model.endogenous if name not in ring]
    regress_on_causes(model, behind, S, B, Psi)
    return B, Psi


def solve_stable(model: PathModel, S: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return B and Psi of the stable solutions that exist, and for which samples they do."""
    B, Psi = (each[0] for each in solve_ring(model, S))
    real = ~np.isnan(B).any(axis=(-2, -1))
    return B[real], Psi[real], real


def complete(S: np.ndarray) -> np.ndarray:
    """Return the covariance matrices nearest to S whose inverse links neighbours on a ring only.

    They have the variances of S, (..., p, p), and its covariances of neighbours, the last variable
    being next to the first; of all such matrices, those with the largest determinant. Steps of
    Newton on ln|Sigma| are shortened to 1 / (1 + their length in its own metric): from inside, they
    never leave the positive definite matrices (Nesterov and Nemirovskii 1994, chapter 2).
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
        if length2.max(initial=0) < _REACHED:
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
