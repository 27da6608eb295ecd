"""Models of any kind: are they determined, and where is their likelihood highest?

The likelihood of a model with loops or correlated errors may have several optima, and may rise
without end as a coefficient grows. So the search goes from many starts at once, by Newton's steps
with exact derivatives, and an end counts as an optimum only where both derivatives say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, NoReturn

import numpy as np
import pandas as pd

from helpers.checks import check_whole
from helpers.errors import InputError
from helpers.pathmodel.frame import Frame
from helpers.pathmodel.spec import PathModel, as_model

_STARTS = 100  # in a round
_ROUNDS = 5
_SEEN = 5  # how often the best optimum must have been reached, for no further round
_STEPS = 100
_PATIENCE = 2000  # steps, where the likelihood is higher than at any optimum
_SIZES = (0.3, 0.8, 1.5, 2.5)  # of the standardized coefficients that a search starts from
_FLAT = 1e-8  # the least second derivative, of parameters scaled so that their own are 1
_NOTHING = 1e-13  # of a second derivative, what is left of it is rounding
_DONE = 1e-22  # what a further step could take off F
_ROUNDING = 1e-12  # the same, where steps have stopped to lessen it
_SHORT = 1e-5  # that step, beside the parameters
_SAME = 1e-6  # of parameters
_EQUAL = 1e-10  # of F
_BETTER = 1e-8  # of F, more than rounding
_LARGE = 10  # of a standardized coefficient
_SEED = 2022


class Identification(NamedTuple):
    """How many parameters and moments a model has, and what :func:`identify` tells of them."""

    equations: pd.DataFrame
    parameters: int
    moments: int
    rank: int


def identify(
    model: PathModel | str, exogenous: str = "correlated", seed: int = _SEED
) -> Identification:
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
    model, seed = as_model(model), check_whole("seed", seed, 0)
    frame = Frame(model, exogenous)
    theta = _draw_anywhere(frame, seed)
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
    rank = int(np.linalg.matrix_rank(lower_slopes(frame, theta)))
    return Identification(equations, len(frame.spread), model.count_moments(), rank)


def lower_slopes(frame: Frame, theta: np.ndarray) -> np.ndarray:
    """Return the derivatives of the moments by the free parameters, (free, moments)."""
    return frame.spread @ frame.slopes(theta)[:, *np.tril_indices(len(frame.names))]


def find_optima(frame: Frame, R: np.ndarray) -> list[np.ndarray]:
    """Return all theta, (q,), with the least F that a search finds, the most stable first.

    R are correlations, (p, p). Refused are parameters that no moments can determine, and a
    likelihood without an optimum.
    """
    slopes = lower_slopes(frame, _draw_anywhere(frame, _SEED))
    if np.linalg.matrix_rank(slopes) < len(slopes):
        refuse_undetermined(frame, np.linalg.eigh(slopes @ slopes.T)[1][:, 0])
    frame, rng = frame.conditional(), np.random.default_rng(_SEED)
    ends, F, good = np.empty((0, frame.size)), np.empty(0), np.empty(0, bool)
    for _ in range(_ROUNDS):
        found = minimise(frame, R, draw_starts(frame, R, _STARTS, rng))
        ends, F, good = (np.concatenate(pair) for pair in zip((ends, F, good), found, strict=True))
        best = np.min(F, where=good, initial=np.inf)
        if (F[good] < best + _EQUAL).sum() >= _SEEN:
            break
    better = ~good & (best - _BETTER > F)
    if not np.isfinite(F).any():
        raise InputError(
            "path model",
            needed="fixed values that errors can have: positive variances, correlations below 1",
            found="none of the free parameters can have a value beside them",
            mend="fix other values, or leave one of them free",
        )
    if better.any():  # not yet at an end
        at, low, there = minimise(frame, R, ends[better][[F[better].argmin()]], _PATIENCE)
        if not there[0]:
            _refuse_endless(frame, R, at[0])
        ends, F, good = np.r_[ends, at], np.r_[F, low], np.r_[good, there]
        best = min(best, low[0])
    solutions: list[np.ndarray] = []
    for theta in ends[good & (best + _EQUAL > F)]:
        apart = [np.abs(theta - each).max() / (1 + np.abs(each).max()) for each in solutions]
        if not apart or min(apart) > _SAME:
            solutions.append(theta)
    return sorted(solutions, key=lambda theta: stability_index(frame.matrices(theta)[0]))


def stability_index(B: np.ndarray) -> float:
    """Return the largest modulus of the eigenvalues of path coefficients, (p, p)."""
    return float(np.abs(np.linalg.eigvals(B)).max())


def follow(frame: Frame, S: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Go from an optimum, (q,), to that of other samples, S (k, p, p).

    Returned are the ends, (k, q), and whether each is an optimum, (k,). Where none is reached from
    there, the best counts that is reached from other starts.
    """
    frame, rng = frame.conditional(), np.random.default_rng(_SEED)
    starts = np.tile(theta, (len(S), 1))
    starts[:, frame.held] = S[:, *frame.spreads[frame.held - len(frame.paths)].T]
    ends, _, good = minimise(frame, S, starts)
    for k in np.flatnonzero(~good):
        found, F, reached = minimise(frame, S[k], draw_starts(frame, S[k], _STARTS, rng))
        good[k] = reached.any()
        if good[k]:
            ends[k] = found[np.where(reached, F, np.inf).argmin()]
    return ends, good


def minimise(
    frame: Frame, S: np.ndarray, theta: np.ndarray, steps: int = _STEPS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Go down from many theta, (k, q), at once, for one S, (p, p), or one each, (k, p, p).

    Returned are the ends, (k, q), their F as :meth:`Frame.discrepancy` has it, and whether each is
    a minimum, (k,). The steps are Newton's, with the moduli of the eigenvalues of the second
    derivative, so that they lead down, and shortened as Levenberg and Marquardt do.
    """
    theta, S = theta.copy(), np.broadcast_to(S, (len(theta), *S.shape[-2:]))
    F, damping = frame.discrepancy(theta, S), np.full(len(theta), 1e-2)
    inner = ~frame.spread[:, len(frame.paths) :].any(axis=1)
    good, before = np.zeros(len(theta), bool), np.full(len(theta), np.inf)
    active = np.flatnonzero(np.isfinite(F))
    for _ in range(steps):
        if not len(active):
            break
        slope, bend = frame.derivatives(theta[active], S[active])
        usable = np.isfinite(bend).all(axis=(-2, -1)) & np.isfinite(slope).all(axis=-1)
        active, slope, bend = active[usable], slope[usable], bend[usable]
        own = np.sqrt(np.abs(np.einsum("kii->ki", bend)) + 1e-12)
        sizes, axes = np.linalg.eigh(bend / (own[:, :, None] * own[:, None, :]))
        along = np.einsum("kji,kj->ki", axes, slope / own)
        moduli = np.abs(sizes) + 1e-12
        whole = -np.einsum("kij,kj->ki", axes, along / moduli) / own @ frame.spread
        left = (along**2 / moduli).sum(axis=-1)
        size = 1 + np.abs(theta[active]).max(axis=-1)
        near = (left < _DONE) | ((before[active] <= left) & (left < _ROUNDING))
        near &= np.abs(whole).max(axis=-1) < _SHORT * size
        before[active] = left
        good[active[near]] = _is_bottom(bend[near], inner)
        part = along / (moduli + damping[active][:, None])
        moved = theta[active] - np.einsum("kij,kj->ki", axes, part) / own @ frame.spread
        fitted = _refit_errors(frame, moved, S[active])
        lower, other = (frame.discrepancy(each, S[active]) for each in (moved, fitted))
        lower, moved = np.minimum(lower, other), np.where((other < lower)[:, None], fitted, moved)
        gain = F[active] - lower
        down = gain >= -1e-14 * np.maximum(1, np.abs(F[active]))
        theta[active[down]], F[active[down]] = moved[down], lower[down]
        as_told = down & (gain > (along * part).sum(axis=-1) / 4)
        factor = np.where(as_told, 0.2, np.where(down, 1, 5))
        damping[active] = np.clip(damping[active] * factor, 1e-12, None)
        damping[active[~down]] = np.clip(damping[active[~down]], 1e-4, None)
        active = active[~near & (damping[active] < 1e7)]
    return theta, F, good


def _is_bottom(bend: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Tell where second derivatives, (k, free, free), are those of a minimum, (k,).

    Those by paths, `inner` (free,), are taken with the covariances of errors following them: a weak
    instrument then leaves a slight bend, but no direction without any.
    """
    paths, mixed = bend[:, inner][:, :, inner], bend[:, inner][:, :, ~inner]
    errors = bend[:, ~inner][:, :, ~inner]
    bottom = _is_positive(errors)
    paths, mixed, errors = paths[bottom], mixed[bottom], errors[bottom]
    left = paths - mixed @ np.linalg.solve(errors, mixed.swapaxes(1, 2))
    something = left.diagonal(axis1=1, axis2=2) > _NOTHING * paths.diagonal(axis1=1, axis2=2)
    bottom[bottom] = something.all(axis=-1) & _is_positive(left)
    return bottom


def _is_positive(H: np.ndarray) -> np.ndarray:
    """Tell whether matrices, (k, m, m), are positive definite, scaled by their diagonals, (k,)."""
    own = np.sqrt(H.diagonal(axis1=1, axis2=2).clip(np.finfo(float).tiny))
    return (np.linalg.eigvalsh(H / (own[:, :, None] * own[:, None, :])) > _FLAT).all(axis=-1)


def draw_starts(frame: Frame, S: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Return theta to start a search from, (number, q), for correlations S, (p, p).

    Coefficients of arrows within loops are drawn, half of them with the signs of the correlations;
    so are those of the other arrows in every fourth start, and found by regression in the rest. Psi
    is what these leave, with covariances shortened until it is positive definite.
    """
    p, (to, cause) = len(frame.names), frame.paths.T
    step = np.zeros((p, p))
    step[to, cause] = 1
    inner = (np.linalg.matrix_power(step + np.eye(p), p) @ step > 0)[cause, to]
    drawn = np.abs(rng.normal(0, rng.choice(_SIZES, (number, 1)), (number, len(to))))
    alike = rng.random((number, 1)) < 0.5
    drawn *= np.where(alike, np.sign(S[to, cause]), rng.choice([-1, 1], drawn.shape))
    regressed = rng.random(number) < 0.75
    B = np.zeros((number, p, p))
    B[:, to, cause] = np.where(inner | ~regressed[:, None], drawn, 0)
    for row in np.unique(to[~inner]):
        causes = cause[(to == row) & ~inner]
        left = S[row, causes] - B[regressed, row] @ S[:, causes]
        slopes = np.linalg.solve(S[causes[:, None], causes], left.T).T
        B[np.flatnonzero(regressed)[:, None], row, causes] = slopes
    C = np.eye(p) - B
    free, held = np.eye(p), frame.spreads[frame.held - len(frame.paths)].T
    free[*frame.spreads.T] = free[*frame.spreads.T[::-1]] = 1
    free[*held] = held[0] == held[1]
    free[*held[::-1]] = held[0] == held[1]
    Psi = C @ S @ C.swapaxes(-1, -2) * free
    own = Psi * np.eye(p)
    sd = np.sqrt(np.einsum("kii->ki", own))
    for _ in range(20):
        short = np.linalg.eigvalsh(Psi / (sd[:, :, None] * sd[:, None]))[:, 0] < 0.05
        Psi[short] = (Psi + own)[short] / 2
    theta = _obey(frame, frame.parameters(B, Psi))
    theta[:, frame.held] = S[*held]
    return theta


def _refit_errors(frame: Frame, theta: np.ndarray, S: np.ndarray) -> np.ndarray:
    """Return theta, (k, q), with the covariances of errors that its paths leave in S, (k, p, p)."""
    C = np.eye(len(frame.names)) - frame.matrices(theta)[0]
    left = (C @ S @ C.swapaxes(-1, -2))[..., *frame.spreads.T]
    free = _obey(frame, np.concatenate([theta[:, : len(frame.paths)], left], axis=-1))
    free[:, frame.held] = theta[:, frame.held]
    return free


def _obey(frame: Frame, theta: np.ndarray) -> np.ndarray:
    """Return the parameters nearest to theta, (..., q), that the model allows."""
    return frame.fixed + (theta - frame.fixed) @ np.linalg.pinv(frame.spread) @ frame.spread


def _draw_anywhere(frame: Frame, seed: int) -> np.ndarray:
    """Return paths around 0 and variances below 1; covariances are a tenth of that."""
    rng = np.random.default_rng(seed)
    theta = np.r_[rng.normal(0, 0.7, len(frame.paths)), rng.uniform(0.2, 1, len(frame.spreads))]
    theta[len(frame.paths) + len(frame.names) :] /= 10
    theta = _obey(frame, theta)
    if abs(np.linalg.det(np.eye(len(frame.names)) - frame.matrices(theta)[0])) < _ROUNDING:
        raise InputError(
            "path model",
            needed="equations that can be solved",
            found="fixed coefficients that close a loop with the gain 1",
            mend="fix other values, or leave one of them free",
        )
    return theta


def refuse_undetermined(frame: Frame, direction: np.ndarray) -> NoReturn:
    """Refuse free parameters that can move together, (free,), and move no implied moment."""
    moved = np.abs(direction @ frame.spread)[: len(frame.paths)]
    arrows = list(_name_arrows(frame, moved > max(1e-6 * moved.max(initial=0), _ROUNDING)))
    raise InputError(
        "path model",
        needed="parameters that the data determine",
        found="other values would fit as well: " + (", ".join(arrows) or "of the covariances"),
        mend="take out an arrow or covariance, or add a cause of only one of the variables",
    )


def _refuse_endless(frame: Frame, R: np.ndarray, theta: np.ndarray) -> NoReturn:
    size = np.abs(theta[: len(frame.paths)])
    if size.max() < _LARGE:
        _, bend = frame.derivatives(theta, R)
        refuse_undetermined(frame, np.linalg.eigh(bend)[1][:, 0])
    arrows = ", ".join(_name_arrows(frame, size > _LARGE))
    raise InputError(
        "path model",
        needed="an optimum of the likelihood",
        found=f"a likelihood that rises without end as {arrows} grows",
        mend="take out an arrow or covariance, or add a strong cause of one variable only",
    )


def _name_arrows(frame: Frame, chosen: np.ndarray) -> Iterator[str]:
    """Yield the arrows among chosen parameters, (q,)."""
    for (to, cause), wanted in zip(frame.paths, chosen[: len(frame.paths)], strict=False):
        if wanted:
            yield f"{frame.names[cause]} -> {frame.names[to]}"
