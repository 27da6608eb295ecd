"""Feedback loops in closed form: both solutions of the likelihood, and what they amplify.

A loop of p variables with independent errors leaves zeros in the inverse K of Sigma, wherever two
variables do not follow each other. The K that is most likely under these zeros is found first;
which arrows have this K is then a quadratic equation with two solutions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from helpers.checks import check_array, check_whole, check_word
from helpers.errors import InputError
from helpers.factors import GROUPS, load_factors
from helpers.pathmodel.fit import PathFit, check_covariances, describe, prepare
from helpers.pathmodel.frame import Frame, effect_matrices, imply
from helpers.pathmodel.indices import compare_moments
from helpers.pathmodel.recursive import regress_on_causes
from helpers.pathmodel.spec import PathModel, joined, parse_model, read_model

MEASURES = ("gain", "stability_index", "amplification")
NODES = ("TF", "EVI", "SOC", "Cenzy")  # in the files of the loop, a factor for each of GROUPS
_REACHED = 1e-20
_STEPS = 100


class LoopFit(NamedTuple):
    """The two solutions of a loop: same Sigma and same fit, gains g and 1 / g.

    To report `stable`, whose stability index is below 1, is a convention, not a finding.
    """

    stable: PathFit
    twin: PathFit


def choose_nodes(text: str, known: Iterable[str]) -> tuple[str, ...]:
    """Read which factor stands for each group in the loop.

    Parameters
    ----------
    text, known : str, iterable of str
        Four codes of factors with commas between them (climatic, plant, soil, microbial), and the
        codes that the study has.

    Examples
    --------
    >>> choose_nodes("PRE, EVI, SOC, GP", load_factors().index)
    ('PRE', 'EVI', 'SOC', 'GP')
    """
    nodes = tuple(part.strip() for part in text.split(","))
    group_of = load_factors()["group"].reindex(list(known)).dropna()
    if tuple(group_of.get(node) for node in nodes) != GROUPS:
        listing = (f"    {g}: {', '.join(group_of.index[group_of == g])}" for g in GROUPS)
        found = (f"{node} ({group_of.get(node, 'no factor of this study')})" for node in nodes)
        raise InputError(
            "nodes",
            needed="\n".join(["one factor of each group, in this order, with commas", *listing]),
            found=", ".join(found),
            mend=f"write for example {', '.join(NODES)}",
        )
    return nodes


def read_loop(nodes: Iterable[str] = NODES, source: str = "loop") -> PathModel:
    """Read a model of the loop, with other factors for its groups.

    Parameters
    ----------
    nodes, source : iterable of str, str
        A factor for each group, and what to read (:func:`helpers.pathmodel.read_model`): a line
        keeps its reason where none of its factors is another one.

    Examples
    --------
    >>> read_loop(("PRE", "EVI", "SOC", "GP")).parents("EVI")
    ('PRE',)
    """
    names = dict(zip(NODES, nodes, strict=True))
    lines = []
    for line in read_model(source).text.splitlines():
        statement = line.split("#")[0]
        renamed = re.sub(r"\w+", lambda name: names.get(name[0], name[0]), statement)
        lines.append(line if renamed == statement else renamed.rstrip())
    return parse_model("\n".join(lines))


def find_ring(model: PathModel) -> tuple[str, ...]:
    """Return the variables of the one loop of a model, each before the one that it acts on.

    The loop has three variables or more, each with the one before it as its only cause; variables
    that it acts on may follow, without a way back. Any other model is refused.
    """
    ring = [model.variables[i] for i, j in zip(*joined(model), strict=True) if i == j]
    follows, ordered = {model.parents(to)[0]: to for to in ring}, ring[:1]
    while ordered and (after := follows.get(ordered[-1])) and after not in ordered:
        ordered.append(after)
    alone = all(len(model.parents(to)) == 1 for to in ring)
    if not 3 <= len(ordered) == len(ring) or not alone or model.exogenous or model.covariances:
        raise InputError(
            "path model",
            needed="one loop of three variables or more, each with one cause, without exogenous "
            "variables or covariances",
            found=model.text.strip(),
            mend="fit each loop by itself; fit_from_starts is the one function for other models",
        )
    return tuple(ordered)


@threadpool_limits.wrap(limits=1)
def find_loop(
    model: PathModel, data: pd.DataFrame, n: int | None = None, *, convention: str = "amos"
) -> LoopFit | None:
    r"""Fit a model with one feedback loop, or return None where no real one belongs to the data.

    Parameters
    ----------
    model : PathModel
        A loop of three variables or more without exogenous variables, and what follows from it.
    data, n, convention : as for :func:`helpers.pathmodel.fit_model`

    Examples
    --------
    >>> R = pd.DataFrame(0.5 + 0.5 * np.eye(3), list("abc"), list("abc"))
    >>> both = find_loop(parse_model("b ~ a\nc ~ b\na ~ c"), R, 30)
    >>> [fit.coefficients.loc["b", "a"].round(3).item() for fit in both]
    [0.382, 2.618]
    """
    find_ring(model)
    sample, frame, R, n = prepare(model, data, n, "correlated", convention)
    B, Psi = solve_ring(model, R)
    if np.isnan(B).any():
        return None
    fits = [frame.parameters(*each) for each in zip(B, Psi, strict=True)]
    return LoopFit(*(describe(frame, theta, sample, n, convention) for theta in fits))


@threadpool_limits.wrap(limits=1)
def fit_many(model: PathModel, S: np.ndarray, n: int) -> pd.DataFrame:
    r"""Fit a loop to many samples, and return the stable solution of each, with its indices.

    That is one row per sample, NaN where no real solution exists, with each standardized
    coefficient (such as ``TF -> EVI``), the measures of :func:`feedback`, and fit indices as AMOS
    has them.

    Parameters
    ----------
    model : as for :func:`find_loop`
    S, n : numpy.ndarray, int
        Covariance matrices, (samples, p, p), in the order of ``model.variables``, and the rows
        behind each of them.

    Examples
    --------
    >>> R = 0.5 + 0.5 * np.eye(4)
    >>> found = fit_many(parse_model("b ~ a\nc ~ b\nd ~ c\na ~ d"), R[None], 44)
    >>> found[["gain", "chi2"]].round(2).to_numpy().tolist()
    [[0.04, 4.64]]
    """
    n = check_whole("n", n, 2, of="rows")
    S = check_covariances(S, p=len(model.variables))
    B, Psi, real = solve_stable(model, S)
    df = model.count_moments() - model.count_parameters()
    coefficients = effect_matrices(B, Psi)[0]
    each = coefficients[:, *Frame(model).paths.T].T
    arrows = [f"{cause} -> {to}" for to, cause in model.paths]
    columns = dict(zip(arrows, each, strict=True)) | feedback(coefficients)
    columns |= compare_moments(S[real], imply(B, Psi), df, n - 1)
    return pd.DataFrame(columns, np.flatnonzero(real)).reindex(range(len(real)))


def feedback(B: np.ndarray | pd.DataFrame) -> dict[str, np.ndarray]:
    r"""Return what a loop does to a push :cite:p:`bentler1983`, from path coefficients B, (..., p,
    p): row to, column from.

    ``gain`` is the product of the coefficients around the loop, which is 1 - det(I - B);
    ``stability_index`` the largest modulus of the eigenvalues of B: below 1 a push fades from round
    to round; ``amplification``, 1 / (1 - gain), is what a lasting push of 1 on a variable of the
    loop becomes there once all rounds have been run, if the loop is stable.

    Examples
    --------
    >>> B = np.array([[0, 0, 0.5], [0.8, 0, 0], [0, 0.5, 0]])
    >>> {name: round(float(value), 3) for name, value in feedback(B).items()}
    {'gain': 0.2, 'stability_index': 0.585, 'amplification': 1.25}
    """
    B = check_array("B", B, "... p p").astype(float)
    rest = np.linalg.det(np.eye(B.shape[-1]) - B)
    index = np.abs(np.linalg.eigvals(B)).max(axis=-1)
    with np.errstate(divide="ignore"):
        return dict(zip(MEASURES, (1 - rest, index, 1 / rest), strict=True))


def respond(B: pd.DataFrame, pushed: str, steps: int) -> pd.DataFrame:
    """Follow a lasting push of one standard deviation along the arrows, step by step.

    The limit, if the loop is stable, is the total effect of `pushed`, plus the push itself.

    Parameters
    ----------
    B : pandas.DataFrame
        Standardized path coefficients, (p, p): row to, column from.
    pushed : str
        The variable that is kept one standard deviation above what its causes give it.
    steps : int
        How often every arrow passes on what it got; step 0 is the push alone.

    Examples
    --------
    >>> B = pd.DataFrame([[0, 0.5], [0.8, 0]], ["a", "b"], ["a", "b"])
    >>> respond(B, "a", 2)["a"].to_list()
    [1.0, 1.0, 1.4]
    """
    check_word("pushed", pushed, B)
    steps = check_whole("steps", steps, 0)
    check_array("B", B, "p p")
    states = [push := (B.columns == pushed).astype(float)]
    for _ in range(steps):
        states.append(B.to_numpy() @ states[-1] + push)
    return pd.DataFrame(states, columns=B.columns).rename_axis("step")


def imply_correlations(B: np.ndarray) -> np.ndarray:
    """Return the correlations that standardized path coefficients imply, errors independent, both
    (..., p, p): NaN where no error variances give every variable the variance 1.

    Examples
    --------
    >>> imply_correlations(np.array([[0, 0, 0], [0.5, 0, 0], [0, 0.4, 0]]))[2].round(2).tolist()
    [0.2, 0.4, 1.0]
    """
    B = check_array("B", B, "... p p")
    A = np.linalg.inv(np.eye(B.shape[-1]) - B)
    Psi = np.linalg.solve(A**2, np.ones((*B.shape[:-1], 1)))
    R = A @ (Psi * A.swapaxes(-1, -2))
    return np.where((Psi > 0).all(axis=(-2, -1))[..., None, None], R, np.nan)


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
