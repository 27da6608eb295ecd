"""The algebra of a path model: from parameters to covariances, and back by derivatives.

y = B y + e, with covariances Psi of exogenous variables and errors, so that the model implies
Sigma = (I - B)^-1 Psi (I - B)^-T. All matrices may be stacks, (..., p, p).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from helpers.pathmodel.spec import PathModel


class Frame:
    """The free parameters theta of a model, in order, and what follows from their values."""

    def __init__(self, model: PathModel, exogenous: str = "correlated") -> None:
        self.model, self.exogenous = model, exogenous
        self.names = list(model.variables)
        place = {name: number for number, name in enumerate(self.names)}
        self.paths = np.array([(place[to], place[cause]) for to, cause in model.paths])
        variances = [(number, number) for number in range(len(self.names))]
        drawn = [(place[one], place[other]) for one, other in model.all_covariances(exogenous)]
        self.spreads = np.array(variances + drawn)
        self.size = len(self.paths) + len(self.spreads)

    def parameters(self, B: np.ndarray, Psi: np.ndarray) -> np.ndarray:
        """Return theta, (q,), of the paths B and the variances and covariances Psi, (p, p)."""
        return np.concatenate([B[*self.paths.T], Psi[*self.spreads.T]])

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

    def proper(self, theta: np.ndarray) -> bool:
        """Tell whether Psi is positive definite, and so Sigma."""
        return bool(np.isfinite(theta).all() and np.linalg.eigvalsh(self.matrices(theta)[1])[0] > 0)

    def slopes(self, theta: np.ndarray) -> np.ndarray:
        """Return the derivative of Sigma by every parameter, (q, p, p)."""
        B, Psi = self.matrices(theta)
        A = np.linalg.inv(np.eye(len(self.names)) - B)
        Sigma = A @ Psi @ A.T
        first = np.concatenate([A[:, self.paths[:, 0]], A[:, self.spreads[:, 0]]], axis=1)
        second = np.concatenate([Sigma[:, self.paths[:, 1]], A[:, self.spreads[:, 1]]], axis=1)
        half = np.einsum("iq,jq->qij", first, second)
        whole = half + half.swapaxes(1, 2)
        k = len(self.paths)
        whole[k : k + len(self.names)] /= 2  # a variance stands once in Psi, a covariance twice
        return whole

    def gradient(self, theta: np.ndarray, S: np.ndarray) -> np.ndarray:
        """Return the derivative of F by every parameter, (q,)."""
        Sigma = self.implied(theta)
        inverse = np.linalg.inv(Sigma)
        return np.einsum("ij,qji->q", inverse @ (Sigma - S) @ inverse, self.slopes(theta))

    def curvature(self, theta: np.ndarray, S: np.ndarray) -> np.ndarray:
        """Return the second derivative of F by every pair of parameters, (q, q)."""
        return derivative(lambda moved: self.gradient(moved, S), theta)

    def information(self, theta: np.ndarray) -> np.ndarray:
        """Return the expected second derivative of F, (q, q)."""
        weighted = np.linalg.inv(self.implied(theta)) @ self.slopes(theta)
        return np.einsum("aij,bji->ab", weighted, weighted)

    def standardize(self, theta: np.ndarray) -> np.ndarray:
        """Return the parameters of variables that the model gives a variance of 1, (..., q).

        A covariance of two errors becomes their correlation, as in lavaan.
        """
        Psi = self.matrices(theta)[1]
        sd, own = (np.sqrt(np.einsum("...ii->...i", each)) for each in (self.implied(theta), Psi))
        (to, cause), (one, other) = self.paths.T, self.spreads.T
        unit = np.where(one == other, sd[..., one] ** 2, own[..., one] * own[..., other])
        return theta * np.concatenate([sd[..., cause] / sd[..., to], 1 / unit], axis=-1)


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
