"""Maximum likelihood for path models: in closed form where there is one; elsewhere semopy finds the
optimum of standardized variables, and a few steps remove its last digits.

S is the sample covariance matrix with divisor N, Sigma the one that the model implies, p the
number of variables. The discrepancy is F = ln|Sigma| - ln|S| + tr(S Sigma^-1) - p.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from helpers.checks import (
    COLLINEAR,
    as_floats,
    check_array,
    check_collinear,
    check_columns,
    check_numbers,
    check_whole,
    check_word,
    unit_of,
)
from helpers.errors import InputError
from helpers.pathmodel.frame import Frame, correlations_of, delta_errors, effect_matrices
from helpers.pathmodel.recursive import has_closed_form, solve_recursive
from helpers.pathmodel.spec import PathModel

CONVENTIONS = ("amos", "lavaan")
_REACHED = 1e-20  # what a further step could take off F at an optimum
_ROUNDING = 1e-12  # the same where columns nearly determine each other and steps stop helping
_STEPS = 20
_UNDETERMINED = 1e-9  # smallest singular value of the moments' slopes, each of length 1


@dataclass(frozen=True, repr=False)
class PathFit:
    """A fitted path model.

    Attributes
    ----------
    n, convention : int, str
        Sites (rows), and ``amos`` or ``lavaan``.
    sample, implied : pandas.DataFrame
        S and Sigma, (p, p), in squared units of the data.
    estimates : pandas.DataFrame
        One row per free parameter: ``to``, ``kind`` (``path`` or ``covariance``), ``from``,
        ``estimate`` and ``se`` in units of the data, ``z``, ``p``, ``standardized`` and its
        ``standardized_se`` (delta method).
    frame, theta, covariance : Frame, numpy.ndarray
        The algebra of the model, and the estimates for standardized variables, (q,), with their
        covariances, in the same order.
    """

    n: int
    convention: str
    sample: pd.DataFrame
    implied: pd.DataFrame
    estimates: pd.DataFrame
    frame: Frame
    theta: np.ndarray
    covariance: np.ndarray

    @property
    def model(self) -> PathModel:
        """What was fitted."""
        return self.frame.model

    @property
    def exogenous(self) -> str:
        """Whether exogenous variables were left free to correlate."""
        return self.frame.exogenous

    @property
    def df(self) -> int:
        """Degrees of freedom: moments minus free parameters."""
        return self.model.count_moments() - len(self.estimates)

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

    def _summary(self) -> tuple[str, pd.DataFrame]:
        paths = self.estimates[self.estimates["kind"] == "path"].drop(columns="kind")
        return (
            f"{len(self.model.paths)} paths, {len(self.model.variables)} variables, {self.n} "
            f"cases; {len(self.estimates)} free parameters, {self.df} degrees of freedom."
        ), paths.set_index(["to", "from"]).round(3)

    def __repr__(self) -> str:
        return "{}\n{}".format(*self._summary())

    def _repr_html_(self) -> str:
        head, table = self._summary()
        return f"<p>{head}</p>{table.to_html()}"


@threadpool_limits.wrap(limits=1)  # on such small matrices threads only wait for each other
def fit_model(
    model: PathModel,
    data: pd.DataFrame,
    n: int | None = None,
    *,
    exogenous: str = "correlated",
    convention: str = "amos",
) -> PathFit:
    r"""Fit a path model by maximum likelihood, to data or to a matrix that was published.

    Parameters
    ----------
    model : PathModel
        From :func:`helpers.pathmodel.read_model` or :func:`helpers.pathmodel.parse_model`.
    data : pandas.DataFrame
        One row per site, with a column for each variable; others are ignored. Or, with `n`,
        covariances with divisor N (or correlations), square, named by variable.
    n : int, optional
        Number of rows that a matrix was computed from.
    exogenous : {"correlated", "uncorrelated"}
        Whether exogenous variables may correlate where the model does not draw it.
    convention : {"amos", "lavaan"}
        Whether chi-square and standard errors use N - 1 or N.

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> R = pd.DataFrame([[1, 0.5], [0.5, 1]], ["x", "y"], ["x", "y"])
    >>> fit_model(parse_model("y ~ x"), R, 30).coefficients.loc["y"].round(2).to_dict()
    {'x': 0.5, 'y': 0.0}
    """
    sample, frame, R, n = prepare(model, data, n, exogenous, convention)
    if has_closed_form(model, exogenous):
        theta = frame.parameters(*solve_recursive(model, R, exogenous))
    else:
        theta = polish(frame, search(frame, R, n)[0], R)
    return describe(frame, theta, sample, n, convention)


def prepare(
    model: PathModel, data: pd.DataFrame, n: int | None, exogenous: str, convention: str
) -> tuple[pd.DataFrame, Frame, np.ndarray, int]:
    """Check what ``fit_model`` is given; return the covariances in the model's order, the model's
    algebra, the correlations, and n as a whole number."""
    check_word("convention", convention, CONVENTIONS)
    if n is None:
        table = model_table(model, data, exogenous)
        sample, n = table.cov(ddof=0), len(table)
    else:
        sample, n = check_moments(list(model.variables), data), check_size(model, n, exogenous)
    frame = Frame(model, exogenous)
    R, _ = correlations_of(sample.to_numpy())
    check_collinear(frame.names, R)
    return sample, frame, R, n


def describe(
    frame: Frame, theta: np.ndarray, sample: pd.DataFrame, n: int, convention: str
) -> PathFit:
    """Return the fit that belongs to an optimum theta, (q,), for standardized variables; refuse
    parameters that the data cannot tell apart."""
    _check_determined(frame, theta)
    scale = n - 1 if convention == "amos" else n
    covariance = 2 * np.linalg.inv(frame.information(theta)) / scale
    _, sd = correlations_of(sample.to_numpy())
    to, cause = np.concatenate([frame.paths, frame.spreads]).T
    is_path = np.arange(frame.size) < len(frame.paths)
    unit = np.where(is_path, sd[to] / sd[cause], sd[to] * sd[cause])
    se = np.sqrt(np.diag(covariance))
    names = np.array(frame.names)
    estimates = pd.DataFrame(
        {
            "to": names[to],
            "kind": np.where(is_path, "path", "covariance"),
            "from": names[cause],
            "estimate": theta * unit,
            "se": se * unit,
            "z": theta / se,
            "p": 2 * stats.norm.sf(np.abs(theta / se)),
            "standardized": frame.standardize(theta),
            "standardized_se": delta_errors(frame.standardize, theta, covariance),
        }
    )
    implied = pd.DataFrame(frame.implied(theta) * np.outer(sd, sd), frame.names, frame.names)
    return PathFit(n, convention, sample, implied, estimates, frame, theta, covariance)


def search(
    frame: Frame, R: np.ndarray, n: int, start: np.ndarray | None = None
) -> tuple[np.ndarray, bool]:
    """Return theta, (q,), where semopy ends from a start, (q,), or one of its own, and whether it
    is content."""
    import semopy  # takes a second, with sympy and scikit-learn, and most models never come here

    names = frame.names
    pairs = [(to, "~", cause) for to, cause in frame.model.paths]
    pairs += [(names[one], "~~", names[other]) for one, other in frame.spreads]
    lines = [f"{left} {sign} free{k}*{right}" for k, (left, sign, right) in enumerate(pairs)]
    if start is not None:
        lines += [f"START({value:.12f}) free{k}" for k, value in enumerate(start)]
    model = semopy.Model("\n".join(lines))
    result = model.fit(
        cov=pd.DataFrame(R, names, names),
        n_samples=n,
        solver="SLSQP",
        options={"ftol": 1e-12, "maxiter": 2000},
    )
    found = model.inspect(information=None).set_index(["lval", "op", "rval"])["Estimate"]
    theta = [
        found[left, sign, right] if (left, sign, right) in found.index else found[right, sign, left]
        for left, sign, right in pairs
    ]
    return np.array(theta), bool(result.success)


def polish(frame: Frame, theta: np.ndarray, S: np.ndarray) -> np.ndarray:
    """Go from semopy's answer, (q,), to the optimum by Newton's steps; refuse steps without end."""
    before = np.inf
    for _ in range(_STEPS):
        gradient = frame.gradient(theta, S)
        step = np.linalg.pinv(frame.curvature(theta, S), hermitian=True) @ gradient
        theta = theta - step
        gain = abs(gradient @ step)
        if gain < _REACHED or before <= gain < _ROUNDING:
            return theta
        before = gain
    raise InputError(
        "path model",
        needed="an optimum of the likelihood",
        found=f"a slope of {np.abs(gradient).max():.1g} after {_STEPS} steps",
        mend="simplify the model, or look for columns that nearly determine each other",
    )


def _check_determined(frame: Frame, theta: np.ndarray) -> None:
    """Refuse parameters that can move together without moving any implied moment."""
    lower = np.tril_indices(len(frame.names))
    slopes = frame.slopes(theta)[:, *lower]
    slopes /= np.linalg.norm(slopes, axis=1, keepdims=True)
    directions, sizes, _ = np.linalg.svd(slopes, full_matrices=False)
    if sizes[-1] > _UNDETERMINED:
        return
    free = np.abs(directions[: len(frame.paths), -1]) > 0.1
    arrows = [f"{frame.names[cause]} -> {frame.names[to]}" for to, cause in frame.paths[free]]
    raise InputError(
        "path model",
        needed="parameters that the data determine",
        found="other values would fit as well: " + (", ".join(arrows) or "of the covariances"),
        mend="take out an arrow or covariance, or add a cause of only one of the variables",
    )


def model_table(
    model: PathModel, data: pd.DataFrame, exogenous: str = "correlated"
) -> pd.DataFrame:
    """Return the columns of a model, in its order; refuse what it cannot be fitted to."""
    names = list(model.variables)
    mend = "add the data, or take the variable out of the model"
    check_columns("path model", data, names, mend)
    check_size(model, len(data), exogenous)
    table = check_numbers(data[names])
    R = (table / unit_of(table)).corr().to_numpy()
    with np.errstate(over="ignore"):
        squares = table.var(ddof=0).to_numpy()
    check_collinear(names, np.where(np.isfinite(squares) & (squares > 0), R, np.nan))
    return table


def check_size(model: PathModel, n: int, exogenous: str) -> int:
    """Return the sites; refuse more parameters than moments, and fewer sites than parameters, of
    which the moments of exogenous variables, the data's own, are none."""
    free, moments = model.count_parameters(exogenous), model.count_moments()
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
    return check_whole("path model", n, least + 1, of=of, mend=mend)


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


def check_moments(names: list[str], sample: pd.DataFrame) -> pd.DataFrame:
    """Return the covariance matrix of the named variables; refuse what is none."""
    for named in (sample, sample.T):
        check_columns("covariance matrix", named, names, "name rows and columns by variable")
    table = sample.loc[names, names].apply(as_floats)
    S = table.to_numpy()
    if not (np.isfinite(S).all() and np.allclose(S, S.T) and (np.diag(S) > 0).all()):
        found = "gaps, different values above and below the diagonal, or no variance"
    elif np.linalg.eigvalsh(correlations_of(S)[0])[0] > -COLLINEAR:
        return table
    else:
        found = "correlations that contradict each other (a negative eigenvalue)"
    needed, mend = "a symmetric, finite matrix with positive variances", "check its source"
    raise InputError("covariance matrix", needed=needed, found=found, mend=mend)
