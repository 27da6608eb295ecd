"""Estimates where the values of one study, or of one place, are alike.

Means and slopes are those of a mixed model with a random mean of each study or place.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import GLS
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.tools.sm_exceptions import ModelWarning

from helpers.checks import (
    check_array,
    check_collinear,
    check_columns,
    check_labels,
    check_level,
    check_numbers,
    check_sites,
    unit_of,
)
from helpers.errors import InputError


def name_blocks(places: pd.DataFrame, degrees: float = 2.0) -> pd.Series:
    """Return the block of each site: cells of so many degrees of longitude and latitude.

    Parameters
    ----------
    places : pandas.DataFrame
        longitude and latitude, degrees.
    degrees : float
        Side of a block; 2 degrees of latitude are about 220 km.
    """
    if not degrees > 0:
        raise InputError("degrees", needed="a side above 0", found=f"{degrees:g}", mend="try 2")
    corner = np.floor(places[["latitude", "longitude"]] / degrees) * degrees
    return corner.apply(lambda row: f"{row.iloc[0]:g} N, {row.iloc[1]:g} E", axis=1).rename("block")


def cluster_regression(
    values: pd.Series,
    clusters: pd.Series,
    causes: pd.DataFrame | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Regress values on causes where the values of one study, or of one place, are alike.

    Parameters
    ----------
    values : pandas.Series
        n values.
    clusters : pandas.Series
        The study or place of each.
    causes : pandas.DataFrame, optional
        k columns; without it, the mean is estimated.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        By coefficient (``constant`` first): ``estimate``, ``low`` and ``high``, by t with
        (clusters - k - 1) degrees of freedom, since only clusters are independent. Where there
        are no causes, ``new_low`` and ``new_high``, too, between which one more value, of one more
        cluster, would lie.

    Raises
    ------
    InputError
        For a gap, anything but numbers, a constant column, causes or clusters of other values or
        in another order, causes that determine each other, or fewer than k + 4 clusters.

    Notes
    -----
    A random mean of each cluster by restricted maximum likelihood (MixedLM of statsmodels, by
    Nelder and Mead's search, as the others lose their way where its variance is 0); with this
    variance, coefficients by generalized least squares.
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    table, causes = check_sites(values=values, causes=causes)
    clusters = check_labels("cluster", clusters, table.index)
    causes = table.iloc[:, :0] if causes is None else causes
    per, unit = unit_of(causes.to_numpy()), unit_of(table.to_numpy()).item()
    values, causes = table["values"] / unit, causes / per
    units, k = clusters.nunique(), causes.shape[1]
    if units < k + 4:
        raise InputError(
            "regression",
            needed=f"at least {k + 4} clusters",
            found=f"{units}",
            mend="add studies or places, or take causes out",
        )
    if k:
        check_collinear(list(causes), causes.corr().to_numpy())
    X = causes.assign(constant=1.0)[["constant", *causes]]
    with warnings.catch_warnings():  # a variance of 0 is an answer here
        warnings.simplefilter("ignore", ModelWarning)
        mixed = MixedLM(values, X, groups=clusters).fit(reml=True, method="nm")
    between = mixed.cov_re.iloc[0, 0]
    same = clusters.to_numpy()[:, None] == clusters.to_numpy()
    fit = GLS(values, X, sigma=between * same + mixed.scale * np.eye(len(values))).fit()
    reach = stats.t.ppf((1 + confidence) / 2, units - k - 1)
    table = pd.DataFrame({"estimate": fit.params})
    table = table.assign(low=fit.params - reach * fit.bse, high=fit.params + reach * fit.bse)
    if not k:
        further = reach * np.hypot(fit.bse, np.sqrt(between + mixed.scale))
        table = table.assign(new_low=fit.params - further, new_high=fit.params + further)
    return table.mul(unit / np.r_[1, per], axis="index")


def pool_equations(
    equations: pd.DataFrame, clusters: pd.Series, confidence: float = 0.95
) -> pd.DataFrame:
    """Average field equations over studies or places.

    Parameters
    ----------
    equations : pandas.DataFrame
        From :func:`helpers.readers.read_equations`; those without alpha count for beta only.
    clusters : pandas.Series
        Study or place of each equation.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        Rows ``beta`` (per degree), ``Q10`` = exp(10 beta), ``alpha`` and ``R10`` (umol m-2 s-1, at
        0 and 10 degrees Celsius; geometric means): ``estimate`` with ``low`` and ``high``, the
        interval of the mean; ``new_low`` and ``new_high``, in which one more equation, of one more
        study, would lie; ``equations`` and ``clusters``.

    Notes
    -----
    No standard errors of the equations are known, so each counts alike
    (:func:`cluster_regression`).
    """
    equations, clusters = _check_equations(equations, clusters)
    has_unit = equations["alpha"].notna()
    logs = np.log(equations.loc[has_unit, "alpha"])
    quantities = {
        "beta": (equations["beta"], lambda x: x),
        "Q10": (10 * equations["beta"], np.exp),
        "alpha": (logs, np.exp),
        "R10": (logs + 10 * equations.loc[has_unit, "beta"], np.exp),
    }
    rows = {}
    for name, (values, back) in quantities.items():
        groups = clusters if len(values) == len(clusters) else clusters[has_unit]
        mean = cluster_regression(values, groups, confidence=confidence).iloc[0]
        rows[name] = {**back(mean), "equations": len(values), "clusters": groups.nunique()}
    return pd.DataFrame.from_dict(rows, "index")


def respiration_curve(
    equations: pd.DataFrame, clusters: pd.Series, temperature: np.ndarray, confidence: float = 0.95
) -> pd.DataFrame:
    """Average the curves of field equations at each temperature.

    Parameters
    ----------
    equations : pandas.DataFrame
        From :func:`helpers.readers.read_equations`; those without alpha are left out.
    clusters : pandas.Series
        Study or place of each equation.
    temperature : numpy.ndarray
        Of the soil, degrees Celsius.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        By temperature: ``estimate``, ``low``, ``high``, ``new_low``, ``new_high`` of R_s in umol
        m-2 s-1, as of :func:`pool_equations`.
    """
    equations, clusters = _check_equations(equations, clusters)
    has_unit = equations["alpha"].notna()
    known, groups = equations[has_unit], clusters[has_unit]
    rows = {
        T: np.exp(
            cluster_regression(
                np.log(known["alpha"]) + known["beta"] * T, groups, confidence=confidence
            ).iloc[0]
        )
        for T in check_array("temperature", temperature, "n")
    }
    return pd.DataFrame.from_dict(rows, "index").rename_axis("T")


def _check_equations(
    equations: pd.DataFrame, clusters: pd.Series
) -> tuple[pd.DataFrame, pd.Series]:
    check_columns("equations", equations, ["alpha", "beta"])
    beta = check_numbers(equations[["beta"]])
    positive = {"alpha": (np.nextafter(0, 1), np.inf)}
    alpha = check_numbers(equations[["alpha"]], within=positive, gaps=True)
    clusters = check_labels("cluster", clusters, equations.index)
    return equations.assign(alpha=alpha["alpha"], beta=beta["beta"]), clusters
