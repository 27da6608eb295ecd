"""Maximum likelihood for path models: in closed form where there is one; elsewhere by a search from
many starts, on standardized variables.

S is the sample covariance matrix with divisor N, Sigma the one that the model implies, p the
number of variables. The discrepancy is F = ln|Sigma| - ln|S| + tr(S Sigma^-1) - p.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from helpers.checks import (
    COLLINEAR,
    check_array,
    check_collinear,
    check_columns,
    check_numbers,
    check_whole,
    check_word,
    unit_of,
)
from helpers.errors import InputError
from helpers.pathmodel.frame import (
    Frame,
    correlations_of,
    delta_errors,
    discrepancy,
    effect_matrices,
)
from helpers.pathmodel.moments import check_moments
from helpers.pathmodel.nonrecursive import (
    find_optima,
    follow,
    lower_slopes,
    refuse_undetermined,
    stability_index,
)
from helpers.pathmodel.recursive import has_closed_form, solve_recursive
from helpers.pathmodel.ring import ring_order, solve_ring, solve_stable
from helpers.pathmodel.spec import CONVENTIONS, PathModel, as_model

MISSING = ("refuse", "listwise")
_UNDETERMINED = 1e-9  # smallest singular value of the moments' slopes, each of length 1


@dataclass(frozen=True, repr=False)
class PathFit:
    """A fitted path model.

    Attributes
    ----------
    n, left_out, convention : int, int, str
        Cases (rows), those left out for their gaps, and ``amos`` or ``lavaan``.
    sample, implied : pandas.DataFrame
        S and Sigma, (p, p), in squared units of the data.
    estimates : pandas.DataFrame
        One row per path, variance and covariance: ``to``, ``kind`` (``path`` or ``covariance``),
        ``from``, ``estimate`` and ``se`` in units of the data, ``z``, ``p``, ``standardized`` and
        its ``standardized_se`` (delta method); ``label`` where the model has labels or fixed
        values, whose ``se`` is 0.
    frame, theta, covariance : Frame, numpy.ndarray
        The algebra of the model, and the estimates for standardized variables, (q,), with their
        covariances, in the same order.
    others : tuple of PathFit
        Further solutions, with the same Sigma or the same misfit. That the fit itself is the one
        with the smallest stability index is a convention, not a finding.
    """

    n: int
    convention: str
    sample: pd.DataFrame
    implied: pd.DataFrame
    estimates: pd.DataFrame
    frame: Frame
    theta: np.ndarray
    covariance: np.ndarray
    left_out: int = 0
    others: tuple[PathFit, ...] = ()

    @property
    def model(self) -> PathModel:
        """What was fitted."""
        return self.frame.model

    @property
    def exogenous(self) -> str:
        """Whether exogenous variables were left free to correlate."""
        return self.frame.exogenous

    @property
    def parameters(self) -> int:
        """Free parameters."""
        return len(self.frame.spread)

    @property
    def df(self) -> int:
        """Degrees of freedom: moments minus free parameters."""
        return self.model.count_moments() - self.parameters

    @property
    def scale(self) -> int:
        """What F is multiplied by: N - 1 by AMOS, N by lavaan."""
        return self.n - 1 if self.convention == "amos" else self.n

    @property
    def coefficients(self) -> pd.DataFrame:
        """Standardized path coefficients, (p, p): row ``to``, column ``from``."""
        direct, _ = effect_matrices(*self.frame.matrices(self.theta))
        table = pd.DataFrame(direct, self.frame.names, self.frame.names)
        return table.rename_axis(index="to", columns="from")

    @property
    def stability_index(self) -> float:
        """Largest modulus of the eigenvalues of the path coefficients: 0 without a loop; where it
        is 1 or more, a push grows from round to round :cite:p:`bentler1983`."""
        return stability_index(self.coefficients.to_numpy())

    @property
    def r_squared(self) -> pd.Series:
        """Explained share of the variance of each endogenous variable, 1 - Psi / Sigma, which can
        be negative in a loop."""
        Psi = self.frame.matrices(self.theta)[1].diagonal()
        share = 1 - Psi / self.frame.implied(self.theta).diagonal()
        return pd.Series(share, self.frame.names)[list(self.model.endogenous)]

    @property
    def defined(self) -> pd.DataFrame:
        """The effects that the model defines by ``:=``: ``estimate`` in units of the data, ``se``
        (delta method), ``z``, ``p``, ``standardized`` and ``standardized_se``."""

        def raw(theta: np.ndarray) -> np.ndarray:
            return define(self.frame, theta * self.frame.unit)

        def standardized(theta: np.ndarray) -> np.ndarray:
            return define(self.frame, self.frame.standardize(theta))

        columns = {}
        for name, of in (("estimate", raw), ("standardized", standardized)):
            columns[name] = values = of(self.theta)
            errors = delta_errors(of, self.theta, self.covariance)
            columns[name + "_se"] = np.where(np.isfinite(values), errors, np.nan)
        columns["se"] = columns.pop("estimate_se")
        table = pd.DataFrame(columns, pd.Index(list(self.model.defined), name="name"))
        z = table["estimate"] / table["se"]
        table = table.assign(z=z, p=2 * stats.norm.sf(z.abs()))
        return table[["estimate", "se", "z", "p", "standardized", "standardized_se"]]

    def _summary(self) -> tuple[str, list[pd.DataFrame]]:
        F = discrepancy(self.implied.to_numpy(), self.sample.to_numpy())
        chi2 = self.scale * max(float(F), 0)
        test = f", p = {stats.chi2.sf(chi2, self.df):.3g}" if self.df else ""
        gaps = f" ({self.left_out} with gaps left out)" if self.left_out else ""
        words = [
            f"{len(self.model.paths)} paths, {len(self.model.variables)} variables, {self.n} "
            f"cases{gaps}; {self.parameters} free parameters, {self.df} degrees of freedom. "
            f"Chi-square {chi2:.3f}{test} ({self.convention})."
        ]
        if index := self.stability_index:
            growth = ", unstable: its total effects are no sums over rounds" if index >= 1 else ""
            words.append(f"Stability index {index:.3g}{growth}.")
        if self.others:
            theirs = ", ".join(f"{each.stability_index:.3g}" for each in self.others)
            words.append(f"{len(self.others)} more with the same fit, stability index {theirs}.")
        rows = self.estimates.set_index(["to", "kind", "from"])
        drawn = [("covariance", *sorted(pair)) for pair in self.model.covariances]
        shown = [k == "path" or (k, *sorted((a, b))) in drawn for a, k, b in rows.index]
        tables = [rows[shown], self.defined] if self.model.defined else [rows[shown]]
        return " ".join([*words, *self.model.remarks]), [each.round(3) for each in tables]

    def __repr__(self) -> str:
        head, tables = self._summary()
        return "\n".join([head, *(table.to_string() for table in tables)])

    def _repr_html_(self) -> str:
        head, tables = self._summary()
        return f"<p>{head}</p>" + "".join(table.to_html() for table in tables)


@threadpool_limits.wrap(limits=1)  # on such small matrices threads only wait for each other
def fit_model(
    model: PathModel | str,
    data: pd.DataFrame,
    n: int | None = None,
    *,
    exogenous: str = "correlated",
    convention: str = "amos",
    missing: str = "refuse",
) -> PathFit:
    r"""Fit a path model by maximum likelihood, to data or to a matrix that was published.

    The result is the best optimum that there is, and of several equal ones the most stable. Refused
    are models whose parameters the moments do not determine, and data for which the likelihood has
    no optimum, such as those with an instrument that is too weak.

    Parameters
    ----------
    model : PathModel or str
        From :func:`helpers.pathmodel.read_model` or :func:`helpers.pathmodel.parse_model`, or its
        text.
    data : pandas.DataFrame
        One row per case, with a column for each variable; others are ignored. Or, with `n`,
        covariances with divisor N (or correlations), square, named by variable, as from
        :func:`helpers.pathmodel.read_moments`.
    n : int, optional
        Number of rows that a matrix was computed from.
    exogenous : str
        ``correlated``: exogenous variables may correlate. ``uncorrelated``: only those that the
        model joins by ``~~`` may, as in AMOS Graphics.
    convention : str
        Chi-square and standard errors with N - 1 (``amos``), or with N and the other defaults of
        lavaan's ``sem()``: the errors of variables that cause nothing may correlate.
    missing : str
        ``refuse`` cases with gaps in a variable of the model, or leave them out: ``listwise``.

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> R = pd.DataFrame([[1, 0.5], [0.5, 1]], ["x", "y"], ["x", "y"])
    >>> fit_model(parse_model("y ~ x"), R, 30).coefficients.loc["y"].round(2).to_dict()
    {'x': 0.5, 'y': 0.0}
    """
    check_word("missing", missing, MISSING)
    model = as_model(model)
    sample, frame, R, n, left_out = prepare(model, data, n, exogenous, convention, missing)
    found = [describe(frame, theta, sample, n, convention) for theta in solve(frame, R)]
    return replace(found[0], left_out=left_out, others=tuple(found[1:]))


def solve(frame: Frame, R: np.ndarray) -> list[np.ndarray]:
    """Return theta, (q,), of all solutions for correlations R, (p, p), the most stable first."""
    kind = _closed_form(frame)
    if kind == "recursive":
        return [frame.parameters(*solve_recursive(frame.model, R, frame.exogenous))]
    if kind == "ring":
        both = frame.parameters(*solve_ring(frame.model, R))
        if np.isfinite(both).all():
            return list(both)
    return find_optima(frame, R)


def solver(frame: Frame, R: np.ndarray) -> Callable:
    """Return a function that fits many samples, S (samples, p, p), as ``solve`` fits R, (p, p).

    It gives B and Psi where there is an optimum, (good, p, p), and where that is, (samples,).
    Without a closed form it follows the optimum for R to that of each sample.
    """
    kind = _closed_form(frame)
    if kind == "recursive":
        return lambda S: (
            *solve_recursive(frame.model, S, frame.exogenous),
            np.ones(len(S), bool),
        )
    if kind == "ring":
        return partial(solve_stable, frame.model)
    theta = find_optima(frame, R)[0]

    def fit_all(S: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        ends, good = follow(frame, S, theta)
        return *frame.matrices(ends[good]), good

    return fit_all


def _closed_form(frame: Frame) -> str:
    """Return how a model is solved: as ``recursive``, as a ``ring``, or by a search: nothing."""
    model = frame.model
    if has_closed_form(model, frame.exogenous, frame.convention):
        return "recursive"
    return "ring" if len(frame.spreads) == len(frame.names) and ring_order(model) else ""


def prepare(
    model: PathModel,
    data: pd.DataFrame,
    n: int | None,
    exogenous: str,
    convention: str,
    missing: str = "refuse",
) -> tuple[pd.DataFrame, Frame, np.ndarray, int, int]:
    """Check what ``fit_model`` is given; return the covariances in the model's order, the model's
    algebra, the correlations, n as a whole number, and how many rows were left out."""
    check_word("convention", convention, CONVENTIONS)
    left_out = 0
    if n is None:
        table = model_table(model, data, exogenous, missing)
        sample, n = table.cov(ddof=0), len(table)
        left_out = len(data) - n
    else:
        sample = check_moments(list(model.variables), data)
        n = check_size(model, n, exogenous, convention)
    R, sd = correlations_of(sample.to_numpy())
    frame = Frame(model, exogenous, convention, sd)
    check_collinear(frame.names, R)
    return sample, frame, R, n, left_out


def describe(
    frame: Frame, theta: np.ndarray, sample: pd.DataFrame, n: int, convention: str
) -> PathFit:
    """Return the fit that belongs to an optimum theta, (q,), for standardized variables; refuse
    parameters that the data cannot tell apart."""
    _check_determined(frame, theta)
    scale = n - 1 if convention == "amos" else n
    covariance = 2 * frame.spread.T @ np.linalg.inv(frame.information(theta)) @ frame.spread / scale
    _, sd = correlations_of(sample.to_numpy())
    to, cause = np.concatenate([frame.paths, frame.spreads]).T
    is_path = np.arange(frame.size) < len(frame.paths)
    se = np.sqrt(np.diag(covariance).clip(0))
    with np.errstate(divide="ignore"):
        z = np.where(se > 0, theta / se, np.nan)
    names = np.array(frame.names)
    estimates = pd.DataFrame(
        {
            "to": names[to],
            "kind": np.where(is_path, "path", "covariance"),
            "from": names[cause],
            "estimate": theta * frame.unit,
            "se": se * frame.unit,
            "z": z,
            "p": 2 * stats.norm.sf(np.abs(z)),
            "standardized": frame.standardize(theta),
            "standardized_se": delta_errors(frame.standardize, theta, covariance),
        }
    )
    if any(label is not None for label in frame.labels):
        words = ["" if each is None else each for each in frame.labels]
        estimates.insert(3, "label", [w if isinstance(w, str) else f"{w:g}" for w in words])
    implied = pd.DataFrame(frame.implied(theta) * np.outer(sd, sd), frame.names, frame.names)
    return PathFit(n, convention, sample, implied, estimates, frame, theta, covariance)


def define(frame: Frame, theta: np.ndarray) -> np.ndarray:
    """Return the effects that a model defines, (k, ...), from parameters, (..., q).

    Standardized, parameters of one label differ: the first of them counts, as in lavaan.
    """
    labelled = {}
    for k, name in enumerate(frame.labels):
        if isinstance(name, str):
            labelled.setdefault(name, theta[..., k])
    return np.array([*frame.model.define(labelled).values()])


def _check_determined(frame: Frame, theta: np.ndarray) -> None:
    """Refuse parameters that can move together without moving any implied moment."""
    slopes = lower_slopes(frame, theta)
    slopes /= np.linalg.norm(slopes, axis=1, keepdims=True)
    directions, sizes, _ = np.linalg.svd(slopes, full_matrices=False)
    if sizes.min(initial=1) <= _UNDETERMINED:
        refuse_undetermined(frame, directions[:, -1])


def model_table(
    model: PathModel, data: pd.DataFrame, exogenous: str = "correlated", missing: str = "refuse"
) -> pd.DataFrame:
    """Return the columns of a model, in its order; refuse what it cannot be fitted to."""
    names = list(model.variables)
    if not isinstance(data, pd.DataFrame):
        raise InputError(
            "path model",
            needed="a table with a column for each variable",
            found=f"a {type(data).__name__} without names",
            mend="pandas.DataFrame(values, columns=names), or read_moments(matrix, names) and n",
        )
    if list(data.index) == list(data.columns):
        raise InputError(
            "path model",
            needed="n, the number of rows that a matrix was computed from",
            found="a matrix without it",
            mend="give n, as in fit_model(model, matrix, n); a bootstrap needs the rows",
        )
    if products := sorted(set(model.labels) & set(data.columns)):
        raise InputError(
            "path model",
            needed="labels that are no columns of the table (x*z is z with the label x)",
            found=", ".join(products),
            mend='take another label; for a product add data["x_z"] = data["x"] * data["z"]',
        )
    lower = {str(column).lower(): column for column in data.columns}
    missed = [name for name in names if name not in data]
    near = [(name, get_close_matches(name.lower(), lower, 1, 0.8)) for name in missed]
    meant = [f"is {name} {lower[like[0]]}? " for name, like in near if like]
    mend = "add the data, or take the variable out of the model"
    check_columns("path model", data, names, "".join(meant) + mend)
    data = data[names].dropna() if missing == "listwise" else data[names]
    check_size(model, len(data), exogenous)
    try:
        table = check_numbers(data)
    except InputError as fault:
        if not data.isna().any(axis=None):
            raise
        mend = f'{fault.mend}; missing="listwise" leaves out rows with gaps'
        words = {"needed": fault.needed, "found": fault.found, "mend": mend}
        raise InputError(fault.where, **words) from None
    R = (table / unit_of(table)).corr().to_numpy()
    with np.errstate(over="ignore"):
        squares = table.var(ddof=0).to_numpy()
    check_collinear(names, np.where(np.isfinite(squares) & (squares > 0), R, np.nan))
    return table


def check_size(model: PathModel, n: int, exogenous: str, convention: str = "amos") -> int:
    """Return the sites; refuse more parameters than moments, and fewer sites than parameters, of
    which the moments of exogenous variables, the data's own, are none."""
    free, moments = model.count_parameters(exogenous, convention), model.count_moments()
    if free > moments:
        raise InputError(
            "path model",
            needed=f"at most {moments} free parameters, as many as moments",
            found=f"{free}",
            mend="take out arrows or covariances: the data cannot determine them all",
        )
    least = max(len(model.paths) + len(model.endogenous), len(model.variables))
    of = "sites (more than its paths and error variances, and than its variables)"
    mend = "add sites, or take arrows out of the model"
    n = check_whole("path model", n, least + 1, of=of, mend=mend)
    return check_whole("path model", n, 1, 2**53, of="sites")


def check_covariances(S: np.ndarray, name: str = "S", **sizes: int) -> np.ndarray:
    """Return the covariance matrices of samples, (samples, p, p); refuse one without inverse."""
    S = check_array(name, S, "samples p p", **sizes)
    with suppress(np.linalg.LinAlgError):
        np.linalg.cholesky(S)
        if np.allclose(S, S.swapaxes(-1, -2), rtol=1e-9, atol=COLLINEAR * S.max(initial=0)):
            return S
    needed = "covariance matrices: symmetric, their eigenvalues all positive"
    mend = "leave out samples with a constant column, or with columns that determine each other"
    raise InputError(name, needed=needed, found="one that is not", mend=mend)
