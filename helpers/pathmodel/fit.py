"""Maximum likelihood for path models: in closed form where there is one; elsewhere semopy finds the
optimum, and a few steps remove its last digits.

S is the sample covariance matrix with divisor N, Sigma the one that the model implies, p the
number of variables. The discrepancy is F = ln|Sigma| - ln|S| + tr(S Sigma^-1) - p. Variables are
standardized before the search, and the estimates brought back to their units after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from helpers.checks import check_collinear, check_word
from helpers.errors import InputError
from helpers.pathmodel.frame import Frame, derivative
from helpers.pathmodel.moments import check_moments, check_size, model_table
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
    model : PathModel
        What was fitted.
    n : int
        Sites (rows).
    exogenous : str
        Whether exogenous variables were left free to correlate.
    convention : str
        ``amos`` or ``lavaan``: chi-square with N - 1 or with N.
    sample, implied : pandas.DataFrame
        S and Sigma, (p, p), in squared units of the data.
    estimates : pandas.DataFrame
        One row per free parameter: ``to``, ``kind`` (``path`` or ``covariance``), ``from``,
        ``estimate`` and ``se`` in units of the data, ``z``, ``p``, ``standardized`` and its
        ``standardized_se`` (delta method).
    frame : Frame
        The algebra of the model.
    theta, covariance : numpy.ndarray
        Estimates for standardized variables, (q,), and their covariances, (q, q), in the order of
        `estimates`.
    """

    model: PathModel
    n: int
    exogenous: str
    convention: str
    sample: pd.DataFrame
    implied: pd.DataFrame
    estimates: pd.DataFrame
    frame: Frame
    theta: np.ndarray
    covariance: np.ndarray

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
        names = list(self.model.variables)
        paths = self.estimates[self.estimates["kind"] == "path"]
        table = paths.pivot(index="to", columns="from", values="standardized")
        return table.reindex(index=names, columns=names).fillna(0.0)

    def _head(self) -> str:
        return (
            f"{len(self.model.paths)} paths, {len(self.model.variables)} variables, {self.n} "
            f"cases; {len(self.estimates)} free parameters, {self.df} degrees of freedom."
        )

    def _paths(self) -> pd.DataFrame:
        paths = self.estimates[self.estimates["kind"] == "path"].set_index(["to", "from"])
        return paths.drop(columns="kind").round(3)

    def __repr__(self) -> str:
        return f"{self._head()}\n{self._paths()}"

    def _repr_html_(self) -> str:
        return f"<p>{self._head()}</p>{self._paths().to_html()}"


def fit_model(
    model: PathModel,
    data: pd.DataFrame,
    *,
    exogenous: str = "correlated",
    convention: str = "amos",
) -> PathFit:
    """Fit a path model to data by maximum likelihood.

    Parameters
    ----------
    model : PathModel
        From :func:`helpers.pathmodel.read_model` or :func:`helpers.pathmodel.parse_model`.
    data : pandas.DataFrame
        One row per site, with a column for each variable; others are ignored.
    exogenous : {"correlated", "uncorrelated"}
        Whether exogenous variables may correlate where the model does not draw it.
    convention : {"amos", "lavaan"}
        Whether chi-square and standard errors use N - 1 or N.

    Raises
    ------
    InputError
        For a missing or constant column, a gap, columns that determine each other, fewer rows than
        parameters, more parameters than moments, or parameters that the data cannot tell apart.
    """
    table = model_table(model, data, exogenous)
    sample = table.cov(ddof=0)
    return fit_moments(model, sample, len(table), exogenous=exogenous, convention=convention)


@threadpool_limits.wrap(limits=1)  # on such small matrices threads only wait for each other
def fit_moments(
    model: PathModel,
    sample: pd.DataFrame,
    n: int,
    *,
    exogenous: str = "correlated",
    convention: str = "amos",
) -> PathFit:
    """Fit a path model to a covariance or correlation matrix, such as one that was published.

    Parameters
    ----------
    model : PathModel
        What to fit.
    sample : pandas.DataFrame
        Covariances with divisor N (or correlations), square, named by variable.
    n : int
        Number of rows that it was computed from.
    exogenous, convention : str
        As for :func:`fit_model`.

    Raises
    ------
    InputError
        As :func:`fit_model`.
    """
    sample, frame, R, n = prepare(model, sample, n, exogenous, convention)
    if has_closed_form(model, exogenous):
        B, Psi = solve_recursive(model, R, exogenous)
        theta = np.concatenate([B[*frame.paths.T], Psi[*frame.spreads.T]])
    else:
        theta = polish(frame, search(frame, R, n)[0], R)
    return describe(frame, theta, sample, n, convention)


def prepare(
    model: PathModel, sample: pd.DataFrame, n: int, exogenous: str, convention: str
) -> tuple[pd.DataFrame, Frame, np.ndarray, int]:
    """Check what is to be fitted; return the matrix in the model's order, the model's algebra, the
    correlations, and n as a whole number.

    Parameters
    ----------
    model, sample, n, exogenous, convention : as for :func:`fit_moments`
    """
    check_word("convention", convention, CONVENTIONS)
    names = list(model.variables)
    sample = check_moments(names, sample)
    frame = Frame(model, exogenous)
    n = check_size(model, n, exogenous)
    R = sample.to_numpy() / _outer_sd(sample)
    check_collinear(names, R)
    return sample, frame, R, n


def describe(
    frame: Frame, theta: np.ndarray, sample: pd.DataFrame, n: int, convention: str
) -> PathFit:
    """Return the fit that belongs to an optimum.

    Parameters
    ----------
    frame : Frame
        The algebra of the model.
    theta : numpy.ndarray
        Parameters at the optimum, for standardized variables, (q,).
    sample, n, convention : as for :func:`fit_moments`

    Raises
    ------
    InputError
        For parameters that the data cannot tell apart.
    """
    _check_determined(frame, theta)
    names = frame.names
    scale = n - 1 if convention == "amos" else n
    covariance = 2 * np.linalg.inv(frame.information(theta)) / scale
    return PathFit(
        model=frame.model,
        n=n,
        exogenous=frame.exogenous,
        convention=convention,
        sample=sample,
        implied=pd.DataFrame(frame.implied(theta) * _outer_sd(sample), names, names),
        estimates=_tabulate(frame, theta, covariance, np.sqrt(np.diag(sample))),
        frame=frame,
        theta=theta,
        covariance=covariance,
    )


def _outer_sd(sample: pd.DataFrame) -> np.ndarray:
    sd = np.sqrt(np.diag(sample))
    return np.outer(sd, sd)


def search(
    frame: Frame, R: np.ndarray, n: int, start: np.ndarray | None = None
) -> tuple[np.ndarray, bool]:
    """Let semopy look for the optimum, with a fresh model; return parameters, and if it is content.

    It takes covariances of exogenous variables from the data where none is spelled out: right
    where all of them are free, and much faster.

    Parameters
    ----------
    frame : Frame
        The algebra of the model.
    R : numpy.ndarray
        Correlations, (p, p).
    n : int
        Sites.
    start : numpy.ndarray, optional
        Where to start, (q,); without it, semopy chooses.
    """
    import semopy  # takes a second, with sympy and scikit-learn, and most models never come here

    names, inner = frame.names, len(frame.model.exogenous)
    searched = np.arange(len(frame.spreads))
    among = (frame.spreads < inner).all(axis=1)
    if among.sum() == inner * (inner + 1) // 2:
        searched = searched[~among]
    pairs = [(to, "~", cause) for to, cause in frame.model.paths]
    pairs += [(names[one], "~~", names[other]) for one, other in frame.spreads[searched]]
    lines = [f"{left} {sign} free{k}*{right}" for k, (left, sign, right) in enumerate(pairs)]
    at = np.r_[np.arange(len(frame.paths)), len(frame.paths) + searched]
    if start is not None:
        lines += [f"START({value:.12f}) free{k}" for k, value in enumerate(start[at])]
    model = semopy.Model("\n".join(lines))
    result = model.fit(
        cov=pd.DataFrame(R, names, names),
        n_samples=n,
        solver="SLSQP",
        options={"ftol": 1e-12, "maxiter": 2000},
    )
    theta = np.r_[np.zeros(len(frame.paths)), R[tuple(frame.spreads.T)]]
    found = model.inspect(information=None).set_index(["lval", "op", "rval"])["Estimate"]
    theta[at] = [
        found[left, sign, right] if (left, sign, right) in found.index else found[right, sign, left]
        for left, sign, right in pairs
    ]
    return theta, bool(result.success)


def polish(frame: Frame, theta: np.ndarray, S: np.ndarray) -> np.ndarray:
    """Go from semopy's answer to the optimum by Newton's steps.

    Parameters
    ----------
    frame : Frame
        The algebra of the model.
    theta : numpy.ndarray
        Where to start, (q,).
    S : numpy.ndarray
        Covariances of the sample, (p, p).

    Raises
    ------
    InputError
        When the steps do not end.
    """
    before = np.inf
    for _ in range(_STEPS):
        gradient = frame.gradient(theta, S)
        curvature = derivative(lambda t: frame.gradient(t, S), theta)
        step = np.linalg.pinv(curvature, hermitian=True) @ gradient
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
    arrows = [
        f"{cause} -> {to}"
        for (to, cause), part in zip(frame.model.paths, free, strict=True)
        if part
    ]
    raise InputError(
        "path model",
        needed="parameters that the data determine",
        found="other values would fit as well: " + (", ".join(arrows) or "of the covariances"),
        mend="take out an arrow or covariance, or add a cause of only one of the variables",
    )


def _tabulate(
    frame: Frame, theta: np.ndarray, covariance: np.ndarray, sd: np.ndarray
) -> pd.DataFrame:
    names = np.array(frame.names)
    pairs = np.concatenate([frame.paths, frame.spreads])
    is_path = np.arange(frame.size) < len(frame.paths)
    unit = np.where(is_path, sd[pairs[:, 0]] / sd[pairs[:, 1]], sd[pairs[:, 0]] * sd[pairs[:, 1]])
    se = np.sqrt(np.diag(covariance))
    slopes = derivative(frame.standardize, theta)
    z = theta / se
    return pd.DataFrame(
        {
            "to": names[pairs[:, 0]],
            "kind": np.where(is_path, "path", "covariance"),
            "from": names[pairs[:, 1]],
            "estimate": theta * unit,
            "se": se * unit,
            "z": z,
            "p": 2 * stats.norm.sf(np.abs(z)),
            "standardized": frame.standardize(theta),
            "standardized_se": np.sqrt(
                np.clip(np.einsum("ka,ab,kb->k", slopes, covariance, slopes), 0, None)
            ),
        }
    )
