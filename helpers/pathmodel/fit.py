"""Maximum likelihood for path models: semopy finds the optimum, a few steps remove its last digits.

S is the sample covariance matrix with divisor N, Sigma the one that the model implies, p the
number of variables. The discrepancy is F = ln|Sigma| - ln|S| + tr(S Sigma^-1) - p. Variables are
standardized before the search, and the estimates brought back to their units after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import semopy
from scipy import stats

from helpers.checks import check_numbers
from helpers.errors import InputError
from helpers.pathmodel.frame import Frame, derivative
from helpers.pathmodel.spec import PathModel

CONVENTIONS = ("amos", "lavaan")
_FLAT = 1e-10  # largest slope of F that counts as an optimum, of standardized variables
_STEPS = 20
_COLLINEAR = 1e-10  # smallest eigenvalue of a correlation matrix
_UNDETERMINED = 1e-9  # smallest eigenvalue of the information, as a share of the largest


@dataclass(frozen=True)
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

    def _repr_html_(self) -> str:
        head = (
            f"<p>{len(self.model.paths)} paths, {len(self.model.variables)} variables, {self.n} "
            f"sites; {len(self.estimates)} free parameters, {self.df} degrees of freedom.</p>"
        )
        paths = self.estimates[self.estimates["kind"] == "path"].set_index(["to", "from"])
        return head + paths.drop(columns="kind").round(3).to_html()


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
    names = list(model.variables)
    missing = [name for name in names if name not in data]
    if missing:
        raise InputError(
            "path model",
            needed=f"the columns {', '.join(names)}",
            found=f"no column {', '.join(missing)}",
            mend="add the data, or take the variable out of the model",
        )
    table = data[names].astype(float)
    check_numbers(table)
    sample = table.cov(ddof=0)
    return fit_moments(model, sample, len(table), exogenous=exogenous, convention=convention)


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
    if convention not in CONVENTIONS:
        raise InputError(
            "convention",
            needed=" or ".join(CONVENTIONS),
            found=repr(convention),
            mend="use one of these words",
        )
    names = list(model.variables)
    sample = sample.loc[names, names]
    sd = np.sqrt(np.diag(sample))
    R = sample.to_numpy() / np.outer(sd, sd)
    frame = Frame(model, exogenous)
    _check_size(model, frame, n)
    _check_collinear(names, R)
    theta = _polish(frame, _search(frame, R, n), R)
    information = frame.information(theta)
    _check_determined(frame, information)
    scale = n - 1 if convention == "amos" else n
    covariance = 2 * np.linalg.inv(information) / scale
    return PathFit(
        model=model,
        n=n,
        exogenous=exogenous,
        convention=convention,
        sample=sample,
        implied=pd.DataFrame(frame.implied(theta) * np.outer(sd, sd), names, names),
        estimates=_tabulate(frame, theta, covariance, sd),
        frame=frame,
        theta=theta,
        covariance=covariance,
    )


def _search(frame: Frame, R: np.ndarray, n: int) -> np.ndarray:
    """Let semopy look for the optimum, from a fresh model with every parameter spelled out."""
    names = frame.names
    lines = [f"{to} ~ {cause}" for to, cause in frame.model.paths]
    lines += [f"{names[one]} ~~ {names[other]}" for one, other in frame.spreads]
    search = semopy.Model("\n".join(lines))
    search.fit(
        cov=pd.DataFrame(R, names, names),
        n_samples=n,
        solver="SLSQP",
        options={"ftol": 1e-12, "maxiter": 2000},
    )
    found = search.inspect().set_index(["lval", "op", "rval"])["Estimate"]
    paths = [found[to, "~", cause] for to, cause in frame.model.paths]
    spreads = [
        found[(one, "~~", other) if (one, "~~", other) in found.index else (other, "~~", one)]
        for one, other in (np.array(names)[pair] for pair in frame.spreads)
    ]
    return np.array(paths + spreads, dtype=float)


def _polish(frame: Frame, theta: np.ndarray, S: np.ndarray) -> np.ndarray:
    """Go from semopy's answer to the optimum by Newton's steps."""
    for _ in range(_STEPS):
        gradient = frame.gradient(theta, S)
        if np.abs(gradient).max() < _FLAT:
            return theta
        curvature = derivative(lambda t: frame.gradient(t, S), theta)
        theta = theta - np.linalg.pinv(curvature, hermitian=True) @ gradient
    raise InputError(
        "path model",
        needed="an optimum of the likelihood",
        found=f"a slope of {np.abs(gradient).max():.1g} after {_STEPS} steps",
        mend="simplify the model, or look for columns that nearly determine each other",
    )


def _check_size(model: PathModel, frame: Frame, n: int) -> None:
    if frame.size > model.count_moments():
        raise InputError(
            "path model",
            needed=f"at most {model.count_moments()} free parameters, as many as moments",
            found=f"{frame.size}",
            mend="take out arrows or covariances: the data cannot determine them all",
        )
    asked = len(model.paths) + len(model.endogenous)
    least = max(asked, len(model.variables))
    if n <= least:
        raise InputError(
            "path model",
            needed=f"more than {least} sites (its paths and error variances, or its variables)",
            found=f"{n}",
            mend="add sites, or take arrows out of the model",
        )


def _check_collinear(names: list[str], R: np.ndarray) -> None:
    values, vectors = np.linalg.eigh(R)
    if values[0] < _COLLINEAR:
        together = [
            name for name, part in zip(names, vectors[:, 0], strict=True) if abs(part) > 1e-4
        ]
        raise InputError(
            f"columns {', '.join(together)}",
            needed="columns that do not determine each other",
            found="one of them is a sum of the others",
            mend="leave one of them out of the model",
        )


def _check_determined(frame: Frame, information: np.ndarray) -> None:
    values, vectors = np.linalg.eigh(information)
    if values[0] < _UNDETERMINED * values[-1]:
        loose = np.abs(vectors[: len(frame.paths), 0]) > 0.1
        arrows = [
            f"{cause} -> {to}"
            for (to, cause), part in zip(frame.model.paths, loose, strict=True)
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
