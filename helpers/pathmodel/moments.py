"""What data must be for a path model."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pandas as pd

from helpers.checks import (
    COLLINEAR,
    as_floats,
    check_array,
    check_collinear,
    check_columns,
    check_numbers,
    check_whole,
    unit_of,
)
from helpers.errors import InputError
from helpers.pathmodel.spec import PathModel


def model_table(
    model: PathModel, data: pd.DataFrame, exogenous: str = "correlated"
) -> pd.DataFrame:
    """Return the columns of a model, in its order, after checking that it can be fitted to them.

    Parameters
    ----------
    model : PathModel
        Whose variables to take.
    data : pandas.DataFrame
        One row per site, with a column for each variable; others are ignored.
    exogenous : {"correlated", "uncorrelated"}
        Whether exogenous variables may correlate.

    Raises
    ------
    InputError
        For a missing, doubled or constant column, a gap or text, and as :func:`check_size` and
        :func:`check_collinear`.
    """
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
    """Return the sites; refuse more parameters than moments, and fewer sites than parameters.

    Parameters
    ----------
    model : PathModel
        Whose parameters to count; moments of exogenous variables are the data's own.
    n : int
        Sites.
    exogenous : {"correlated", "uncorrelated"}
        Whether exogenous variables may correlate.
    """
    n = check_whole("n", n, 0, of="sites")
    free, moments = model.count_parameters(exogenous), model.count_moments()
    if free > moments:
        raise InputError(
            "path model",
            needed=f"at most {moments} free parameters, as many as moments",
            found=f"{free}",
            mend="take out arrows or covariances: the data cannot determine them all",
        )
    least = max(len(model.paths) + len(model.endogenous), len(model.variables))
    if n <= least:
        raise InputError(
            "path model",
            needed=f"more than {least} sites (its paths and error variances, or its variables)",
            found=f"{n}",
            mend="add sites, or take arrows out of the model",
        )
    return n


def check_covariances(S: np.ndarray, p: int | None = None, name: str = "S") -> np.ndarray:
    """Return the covariance matrices of many samples; refuse one that has no inverse.

    Parameters
    ----------
    S : numpy.ndarray
        (samples, p, p).
    p : int, optional
        The number of variables, where it is known.
    name : str
        Of the parameter, for the error.
    """
    S = check_array(name, S, "samples p p", **({} if p is None else {"p": p}))
    with suppress(np.linalg.LinAlgError):
        np.linalg.cholesky(S)
        if np.allclose(S, S.swapaxes(-1, -2), rtol=1e-9, atol=COLLINEAR * S.max(initial=0)):
            return S
    needed = "covariance matrices: symmetric, their eigenvalues all positive"
    mend = "leave out samples with a constant column, or with columns that determine each other"
    raise InputError(name, needed=needed, found="one that is not", mend=mend)


def check_moments(names: list[str], sample: pd.DataFrame) -> pd.DataFrame:
    """Return the covariance matrix of the named variables; refuse what is none.

    Parameters
    ----------
    names : list of str
        Variables of a model.
    sample : pandas.DataFrame
        Square, named by variable.
    """
    missing = [name for name in names if name not in sample.index or name not in sample.columns]
    needed = "a symmetric, finite matrix with positive variances, named by variable"
    if missing:
        found, mend = f"no row or column {', '.join(missing)}", "name rows and columns"
    else:
        table = sample.loc[names, names].apply(as_floats)
        S = table.to_numpy()
        if np.isfinite(S).all() and np.allclose(S, S.T) and (np.diag(S) > 0).all():
            sd = np.sqrt(np.diag(S))
            lowest = np.linalg.eigvalsh(S / np.outer(sd, sd))[0]
            if lowest > -COLLINEAR:
                return table
            found = "correlations that contradict each other (a negative eigenvalue)"
        else:
            found = "gaps, different values above and below the diagonal, or no variance"
        mend = "check the numbers against their source"
    raise InputError("covariance matrix", needed=needed, found=found, mend=mend)
