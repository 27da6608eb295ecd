"""The algebra of a path model: from parameters to covariances, and back by derivatives.

y = B y + e, with covariances Psi of exogenous variables and errors, so that the model implies
Sigma = (I - B)^-1 Psi (I - B)^-T. All matrices may be stacks, (..., p, p).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import numpy as np

from helpers.pathmodel.spec import PathModel

_IMPROPER = 1e-13  # an eigenvalue of correlations that rounding may have made


class Frame:
    """The parameters theta of a model, in order, and what follows from their values.

    There is one for each path, variance and covariance: (q,), of variables with the standard
    deviation 1; times `unit`, (q,), they are those of variables with the standard deviations `sd`.
    What the model fixes, or holds equal, in these units, makes them follow from fewer `free` ones:
    theta = fixed + free @ spread.
    """

    def __init__(
        self,
        model: PathModel,
        exogenous: str = "correlated",
        convention: str = "amos",
        sd: np.ndarray | None = None,
    ) -> None:
        self.model, self.exogenous, self.convention = model, exogenous, convention
        self.names = list(model.variables)
        place = {name: number for number, name in enumerate(self.names)}
        self.paths = np.array([(place[to], place[cause]) for to, cause in model.paths])
        self.paths = self.paths.reshape(-1, 2)
        variances = [(number, number) for number in range(len(self.names))]
        covariances = model.all_covariances(exogenous, convention)
        self.spreads = np.array(variances + [(place[a], place[b]) for a, b in covariances])
        self.size = len(self.paths) + len(self.spreads)
        self.labels = [model.modifiers.get((to, "~", cause)) for to, cause in model.paths]
        pairs = [(name, name) for name in self.names] + list(covariances)
        self.labels += [model.modifiers.get((one, "~~", other)) for one, other in pairs]
        (to, cause), (one, other) = self.paths.T, self.spreads.T
        sd = np.ones(len(self.names)) if sd is None else sd
        self.unit = np.concatenate([sd[to] / sd[cause], sd[one] * sd[other]])
        self.fixed, self.spread = self._restrict()
        self.held = np.empty(0, int)

    def _restrict(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the fixed values, (q,), and which parameters follow a free one, (free, q)."""
        fixed, rows = np.zeros(self.size), {}
        for slot, label in enumerate(self.labels):
            if isinstance(label, float):
                fixed[slot] = label / self.unit[slot]
            else:
                rows.setdefault(slot if label is None else label, []).append(slot)
        spread = np.zeros((len(rows), self.size))
        for row, slots in zip(spread, rows.values(), strict=True):
            row[slots] = self.unit[slots[0]] / self.unit[slots]
        return fixed, spread

    def conditional(self) -> Frame:
        """Return the same with moments of exogenous variables `held`: not among what is searched.

        They are those of the sample where all of them are free, and none joins an error.
        """
        m = len(self.model.exogenous)
        inner = (self.spreads < m).sum(axis=1)
        held = len(self.paths) + np.flatnonzero(inner == 2)
        plain = all(self.labels[slot] is None for slot in held) and not (inner == 1).any()
        if not plain or len(held) < m * (m + 1) // 2:
            return self
        other = copy(self)
        other.held = held
        other.spread = self.spread[~self.spread[:, held].any(axis=1)]
        return other

    def parameters(self, B: np.ndarray, Psi: np.ndarray) -> np.ndarray:
        """Return theta, (..., q), of the paths B and the variances and covariances Psi, (..., p,
        p)."""
        paths, spreads = B[..., *self.paths.T], Psi[..., *self.spreads.T]
        return np.concatenate([paths, spreads], axis=-1)

    def matrices(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return B and Psi for theta (..., q)."""
        shape = (*theta.shape[:-1], len(self.names), len(self.names))
        B, Psi = np.zeros(shape, theta.dtype), np.zeros(shape, theta.dtype)
        k = len(self.paths)
        B[..., self.paths[:, 0], self.paths[:, 1]] = theta[..., :k]
        Psi[..., self.spreads[:, 0], self.spreads[:, 1]] = theta[..., k:]
        Psi[..., self.spreads[:, 1], self.spreads[:, 0]] = theta[..., k:]
        return B, Psi

    def implied(self, theta: np.ndarray) -> np.ndarray:
        """Return Sigma."""
        return imply(*self.matrices(theta))

    def slopes(self, theta: np.ndarray) -> np.ndarray:
        """Return the derivative of Sigma by every parameter, (q, p, p)."""
        return slopes(*self.matrices(theta), self.paths, self.spreads)

    def information(self, theta: np.ndarray) -> np.ndarray:
        """Return the expected second derivative of F by the free parameters, (free, free)."""
        weighted = np.linalg.inv(self.implied(theta)) @ self.slopes(theta)
        return self.spread @ np.einsum("aij,bji->ab", weighted, weighted) @ self.spread.T

    def discrepancy(self, theta: np.ndarray, S: np.ndarray) -> np.ndarray:
        """Return F of S, (..., p, p), but for what depends on S alone: infinite where Psi, and so
        Sigma, is not positive definite."""
        B, Psi = self.matrices(theta)
        proper = np.isfinite(theta).all(axis=-1) & (Psi.diagonal(axis1=-2, axis2=-1) > 0).all(-1)
        proper[proper] = np.linalg.eigvalsh(correlations_of(Psi[proper])[0])[..., 0] > _IMPROPER
        C, Psi = np.eye(len(self.names)) - B[proper], Psi[proper]
        S = np.broadcast_to(S, (*theta.shape[:-1], *S.shape[-2:]))[proper]
        F = np.full(theta.shape[:-1], np.inf)
        ratio = np.linalg.solve(Psi, C @ S @ C.swapaxes(-1, -2))
        log_det = np.linalg.slogdet(Psi)[1] - 2 * np.linalg.slogdet(C)[1]
        F[proper] = log_det + np.trace(ratio, axis1=-2, axis2=-1)
        return F

    def derivatives(self, theta: np.ndarray, S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first and the second derivative of F by the free parameters, (..., free) and
        (..., free, free).

        With C = I - B, W = Psi^-1 and M = W C S C' W, those of F = ln|Psi| - 2 ln|det C| +
        tr(W C S C') are -2 W C S + 2 C^-T by B, and W - M by Psi.
        """
        B, Psi = self.matrices(theta)
        (to, cause), (one, other) = self.paths.T, self.spreads.T
        C = np.eye(len(self.names)) - B
        A, W = np.linalg.inv(C), np.linalg.inv(Psi)
        L = W @ C @ S
        M = L @ C.swapaxes(-1, -2) @ W
        twice = np.where(one == other, 1, 2)  # a variance stands once in Psi, a covariance twice
        by_paths = 2 * (A[..., cause, to] - L[..., to, cause])
        by_spreads = twice * (W - M)[..., one, other]
        paths = W[..., to[:, None], to] * S[..., cause[:, None], cause]
        paths = 2 * (paths + A[..., cause[:, None], to] * A[..., cause, to[:, None]])
        mixed = W[..., to[:, None], one] * L[..., other, cause[:, None]]
        mixed = twice * (mixed + W[..., to[:, None], other] * L[..., one, cause[:, None]])
        i, j = one[:, None], other[:, None]
        spreads = W[..., i, one] * (M - W / 2)[..., j, other]
        spreads += (M - W / 2)[..., i, one] * W[..., j, other]
        spreads += W[..., i, other] * (M - W / 2)[..., j, one]
        spreads += (M - W / 2)[..., i, other] * W[..., j, one]
        spreads *= twice * twice[:, None] / 2
        bend = np.concatenate(
            [
                np.concatenate([paths, mixed], axis=-1),
                np.concatenate([mixed.swapaxes(-1, -2), spreads], axis=-1),
            ],
            axis=-2,
        )
        slope = np.concatenate([by_paths, by_spreads], axis=-1)
        return slope @ self.spread.T, self.spread @ bend @ self.spread.T

    def standardize(self, theta: np.ndarray) -> np.ndarray:
        """Return the parameters of variables that the model gives a variance of 1, (..., q).

        A covariance of two errors becomes their correlation, as in lavaan.
        """
        Psi = self.matrices(theta)[1]
        sd, own = (np.sqrt(np.einsum("...ii->...i", each)) for each in (self.implied(theta), Psi))
        (to, cause), (one, other) = self.paths.T, self.spreads.T
        unit = np.where(one == other, sd[..., one] ** 2, own[..., one] * own[..., other])
        return theta * np.concatenate([sd[..., cause] / sd[..., to], 1 / unit], axis=-1)


def slopes(B: np.ndarray, Psi: np.ndarray, paths: np.ndarray, spreads: np.ndarray) -> np.ndarray:
    """Return the derivative of Sigma by places in B and in Psi, (k, 2) each: (k, p, p)."""
    A = np.linalg.inv(np.eye(len(B)) - B)
    Sigma = A @ Psi @ A.T
    first = np.concatenate([A[:, paths[:, 0]], A[:, spreads[:, 0]]], axis=1)
    second = np.concatenate([Sigma[:, paths[:, 1]], A[:, spreads[:, 1]]], axis=1)
    half = np.einsum("iq,jq->qij", first, second)
    whole = half + half.swapaxes(1, 2)
    once = np.flatnonzero(spreads[:, 0] == spreads[:, 1])
    whole[len(paths) + once] /= 2  # a variance stands once in Psi, a covariance twice
    return whole


def imply(B: np.ndarray, Psi: np.ndarray) -> np.ndarray:
    """Return Sigma = (I - B)^-1 Psi (I - B)^-T."""
    A = np.linalg.inv(np.eye(B.shape[-1]) - B)
    return A @ Psi @ A.swapaxes(-1, -2)


def effect_matrices(B: np.ndarray, Psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return standardized direct and total effects, row to, column from.

    Total = (I - B)^-1 - I, in standard deviations that the model implies.
    """
    one = np.eye(B.shape[-1])
    A = np.linalg.inv(one - B)
    sd = np.sqrt(((A @ Psi) * A).sum(axis=-1))
    unit = sd[..., None, :] / sd[..., :, None]
    return B * unit, (A - one) * unit


def discrepancy(Sigma: np.ndarray, S: np.ndarray) -> np.ndarray:
    """Return F = ln|Sigma| - ln|S| + tr(S Sigma^-1) - p, of a model and a sample."""
    log_ratio = np.linalg.slogdet(Sigma)[1] - np.linalg.slogdet(S)[1]
    return log_ratio + np.trace(np.linalg.solve(Sigma, S), axis1=-2, axis2=-1) - S.shape[-1]


def correlations_of(S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the correlations and the standard deviations, (..., p), of covariances."""
    sd = np.sqrt(np.einsum("...ii->...i", S))
    return S / (sd[..., :, None] * sd[..., None, :]), sd


def derivative(function: Callable, theta: np.ndarray) -> np.ndarray:
    """Return the derivative of a vector function, (q,) to (outputs,), at theta, (outputs, q).

    By complex steps, which lose no digits: Squire and Trapp (1998), SIAM Review 40, 110-112.
    """
    step = 1e-30
    moved = theta + 1j * step * np.eye(len(theta))
    return np.stack([np.imag(function(each)) / step for each in moved], axis=-1)


def delta_errors(function: Callable, theta: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return the standard errors of a vector function of estimates, (outputs,): delta method."""
    slopes = derivative(function, theta)
    # what is 0 or +-1 by construction has a variance of rounding noise around 0
    return np.sqrt(np.einsum("ka,ab,kb->k", slopes, covariance, slopes).clip(0))
