"""Feedback loops: both solutions of the likelihood, and what they amplify."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
from helpers.pathmodel.ring import find_ring, solve_ring, solve_stable
from helpers.pathmodel.spec import PathModel, parse_model, read_model

MEASURES = ("gain", "stability_index", "amplification")
NODES = ("TF", "EVI", "SOC", "Cenzy")  # in the files of the loop, a factor for each of GROUPS


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
        of = {group: list(group_of.index[group_of == group]) for group in GROUPS}
        listing = (f"    {group}: {', '.join(codes) or 'none'}" for group, codes in of.items())
        ours = zip(NODES, of.values(), strict=True)
        example = [node if node in codes else (codes or ["?"])[0] for node, codes in ours]
        lacks = [group for group, codes in of.items() if not codes]
        found = (f"{node} ({group_of.get(node, 'no factor of this study')})" for node in nodes)
        raise InputError(
            "nodes",
            needed="\n".join(["one factor of each group, in this order, with commas", *listing]),
            found=", ".join(found),
            mend=f"add a {' and a '.join(lacks)} factor to your table"
            if lacks
            else f"nodes={', '.join(example)!r}, for example",
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
    sample, frame, R, n, _ = prepare(model, data, n, "correlated", convention)
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
