"""Random path models with loops or correlated errors, and the moments that they imply exactly."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize

from helpers.pathmodel import PathFit, PathModel, identify, parse_model

KINDS = ("ring", "pair", "digraph", "two loops", "errors")
GAIN = 3  # the largest modulus that a loop may have


class Truth(NamedTuple):
    """A model, its path coefficients (row to, column from), covariances of errors, and Sigma."""

    model: PathModel
    B: pd.DataFrame
    Psi: pd.DataFrame
    S: pd.DataFrame


def gains(B: np.ndarray) -> list[float]:
    """Return the product of coefficients around each loop."""

    def walk(start: int, node: int, product: float, seen: set[int]):
        for to in range(start, len(B)):
            if B[to, node] and to == start:
                yield product * B[to, node]
            elif B[to, node] and to not in seen:
                yield from walk(start, to, product * B[to, node], seen | {to})

    return [gain for start in range(len(B)) for gain in walk(start, start, 1.0, {start})]


def draw_model(kind: str, rng: np.random.Generator, most: int) -> PathModel:
    """Return a model of up to so many variables that is of a kind, identified or not."""

    def some(share: float) -> bool:
        return rng.random() < share

    causes = [f"x{k}" for k in range(rng.integers(0, min(4, most - 1)))]
    inner = [f"y{k}" for k in range(rng.integers(2, most + 1 - len(causes)))]
    pairs = [(to, cause) for to in inner for cause in inner if to != cause]
    paths = [(to, cause) for to in inner for cause in causes if some(0.5)]
    if kind == "ring":
        paths = [(rng.choice(inner), cause) for cause in causes]
        paths += [(to, inner[k - 1]) for k, to in enumerate(inner)]
    elif kind == "pair":
        paths = [(inner[k % 2], cause) for k, cause in enumerate(causes)]
        paths += [(inner[0], inner[1]), (inner[1], inner[0])]
        paths += [(to, inner[rng.integers(0, 2)]) for to in inner[2:]]
    elif kind == "digraph":
        paths += [pair for pair in pairs if some(0.35)]
    elif kind == "two loops":
        half = max(2, len(inner) // 2)
        for loop in (inner[:half], inner[half:]):
            paths += [(to, loop[k - 1]) for k, to in enumerate(loop) if len(loop) > 1]
        paths += [(inner[-1], inner[0])] if len(inner) > half else []
    else:
        paths += [pair for pair in pairs if pair[0] > pair[1] and some(0.6)]
    paths = list(dict.fromkeys((str(to), str(cause)) for to, cause in paths))
    joined = combinations(sorted({to for to, _ in paths}), 2)
    joined = [pair for pair in joined if some(0.4 if kind == "errors" else 0.15)]
    lines = [f"{to} ~ {cause}" for to, cause in paths] + [f"{a} ~~ {b}" for a, b in joined]
    return parse_model("\n".join(lines or ["y0 ~ x0"]))


def draw_truth(rng: np.random.Generator, most: int = 7, smallest: float = 0.02) -> Truth:
    """Return an identified model that has no closed form, with coefficients, in unlike units.

    Gains are between -3 and 3, and `smallest` bounds |det(I - B)| and the eigenvalues of the
    correlations of errors and of variables from below.
    """
    while True:
        model = draw_model(str(rng.choice(KINDS)), rng, most)
        parameters = model.count_parameters()
        if model.recursive or parameters > model.count_moments():
            continue
        if identify(model).rank < parameters:
            continue
        names = list(model.variables)
        for _ in range(20):
            B, Psi = (pd.DataFrame(0.0, names, names) for _ in range(2))
            for to, cause in model.paths:
                B.loc[to, cause] = rng.uniform(0.2, 1.5) * rng.choice([-1, 1])
            sd = rng.uniform(0.7, 1.4, len(names))
            Psi[:] = np.diag(sd**2)
            for one, other in model.all_covariances():
                value = rng.uniform(-0.6, 0.6) * np.sqrt(Psi.loc[one, one] * Psi.loc[other, other])
                Psi.loc[one, other] = Psi.loc[other, one] = value
            C = np.eye(len(names)) - B.to_numpy()
            if max(map(abs, gains(B.to_numpy())), default=0) > GAIN:
                continue
            if abs(np.linalg.det(C)) < smallest or least(Psi) < smallest:
                continue
            A = np.linalg.inv(C)
            S = pd.DataFrame(A @ Psi.to_numpy() @ A.T, names, names)
            if least(S) < smallest / 100:
                continue
            unit = 10.0 ** rng.uniform(-3, 3, len(names))
            return Truth(
                model,
                B * np.outer(unit, 1 / unit),
                *(each * np.outer(unit, unit) for each in (Psi, S)),
            )


def imply(text: str, paths: list[float], covariance: float = 0) -> Truth:
    """Return a model with these coefficients, errors of variance 1 and covariances alike."""
    model = parse_model(text)
    names = list(model.variables)
    B, Psi = pd.DataFrame(0.0, names, names), pd.DataFrame(np.eye(len(names)), names, names)
    for arrow, value in zip(model.paths, paths, strict=True):
        B.loc[arrow] = value
    for one, other in model.covariances:
        Psi.loc[one, other] = Psi.loc[other, one] = covariance
    A = np.linalg.inv(np.eye(len(names)) - B)
    return Truth(model, B, Psi, pd.DataFrame(A @ Psi.to_numpy() @ A.T, names, names))


def standardize(S: pd.DataFrame) -> pd.DataFrame:
    """Return correlations."""
    sd = np.sqrt(np.diag(S))
    return S / np.outer(sd, sd)


def least(S: pd.DataFrame) -> float:
    """Return the smallest eigenvalue of the correlations that belong to covariances."""
    return float(np.linalg.eigvalsh(standardize(S))[0])


def difference(fit: PathFit, truth: Truth) -> float:
    """Return the largest difference from the true coefficients, in true standard deviations."""
    raw = fit.estimates.query("kind == 'path'").set_index(["to", "from"])["estimate"]
    sd = np.sqrt(np.diag(truth.S))
    found = raw.unstack().reindex(index=truth.B.index, columns=truth.B.index).fillna(0.0)
    return float((np.abs(found - truth.B) * sd / sd[:, None]).max(axis=None))


def search(model: PathModel, R: pd.DataFrame, starts: int, rng: np.random.Generator) -> float:
    """Return the least F = ln|Sigma| - ln|R| + tr(R Sigma^-1) - p that scipy finds.

    Without anything of the book: Sigma and its slopes are written out here, and the climb is
    that of Broyden, Fletcher, Goldfarb and Shanno, from random coefficients.
    """
    names = list(model.variables)
    R, p = R.loc[names, names].to_numpy(), len(names)
    to, cause = np.transpose([(names.index(a), names.index(b)) for a, b in model.paths])
    pairs = [(names.index(a), names.index(b)) for a, b in model.all_covariances()]
    one, other = np.transpose([(k, k) for k in range(p)] + pairs)
    k, log_det = len(to), np.linalg.slogdet(R)[1]

    def misfit(theta: np.ndarray) -> tuple[float, np.ndarray]:
        B, Psi = np.zeros((2, p, p))
        B[to, cause] = theta[:k]
        Psi[one, other] = Psi[other, one] = theta[k:]
        C = np.eye(p) - B
        if np.linalg.eigvalsh(Psi)[0] <= 1e-12 or np.linalg.cond(C) > 1e12:
            return np.inf, np.zeros(len(theta))
        A = np.linalg.inv(C)
        Sigma = A @ Psi @ A.T
        K = np.linalg.inv(Sigma)
        G = K @ (Sigma - R) @ K
        by_paths = 2 * (A.T @ G @ Sigma)[to, cause]
        by_spreads = np.where(one == other, 1, 2) * (A.T @ G @ A)[one, other]
        F = np.linalg.slogdet(Sigma)[1] - log_det + np.trace(K @ R) - p
        return F, np.concatenate([by_paths, by_spreads])

    best = np.inf
    for _ in range(starts):
        B = np.zeros((p, p))
        B[to, cause] = rng.normal(0, rng.choice([0.3, 0.8, 2]), k)
        C = np.eye(p) - B
        left = (C @ R @ C.T)[one, other] * (one == other)
        with np.errstate(all="ignore"):
            start = np.r_[B[to, cause], left]
            end = optimize.minimize(misfit, start, jac=True, options={"maxiter": 200})
        best = min(best, end.fun)
    return best
