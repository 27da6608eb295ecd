"""What data must be for a path model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.checks import check_numbers
from helpers.errors import InputError
from helpers.pathmodel.spec import PathModel

COLLINEAR = 1e-10  # smallest eigenvalue of a correlation matrix


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
        For a missing or constant column, a gap, and as :func:`check_size` and
        :func:`check_collinear`.
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
    check_size(model, len(table), exogenous)
    check_collinear(names, table.corr().to_numpy())
    return table


def check_size(model: PathModel, n: int, exogenous: str) -> None:
    """Refuse more parameters than moments, and fewer sites than parameters.

    Parameters
    ----------
    model : PathModel
        Whose parameters to count; moments of exogenous variables are the data's own.
    n : int
        Sites.
    exogenous : {"correlated", "uncorrelated"}
        Whether exogenous variables may correlate.
    """
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


def check_collinear(names: list[str], R: np.ndarray) -> None:
    """Refuse a column that follows from others.

    Parameters
    ----------
    names : list of str
        Of the columns.
    R : numpy.ndarray
        Their correlations, (p, p).
    """
    if np.linalg.eigvalsh(R)[0] > COLLINEAR:
        return
    for k in range(1, len(names)):
        weights = np.linalg.lstsq(R[:k, :k], R[:k, k])[0]
        if 1 - weights @ R[:k, k] < 10 * COLLINEAR:
            parts = zip(names, weights, strict=False)
            others = [name for name, weight in parts if abs(weight) > 1e-4]
            raise InputError(
                f"columns {', '.join(others)} and {names[k]}",
                needed="columns that do not determine each other",
                found=f"{names[k]} follows from the others",
                mend="leave one of them out of the model",
            )
