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
    check_whole,
)

_POSITIVE = {"alpha": (np.nextafter(0, 1), np.inf)}


def cluster_regression(
    values: pd.Series,
    clusters: pd.Series,
    causes: pd.DataFrame | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Regress values on causes where the values of one study, or of one place, are alike.

    A random mean of each cluster by restricted maximum likelihood (by Nelder and Mead's search, as
    others lose their way where its variance is 0); with this variance, coefficients by generalized
    least squares. From ``low`` to ``high`` goes the interval by t with (clusters - k - 1) degrees
    of freedom, since only clusters are independent.

    Parameters
    ----------
    values, clusters : pandas.Series
        n values, and the study or place of each.
    causes : pandas.DataFrame, optional
        k columns; without it, the mean is estimated.
    confidence : as for :func:`helpers.statistics.correlate`

    Examples
    --------
    >>> studies = pd.Series(list("aabbccdd"))
    >>> alike = pd.Series([1.0, 1.2, 2.0, 2.2, 3.0, 3.2, 4.0, 4.2])
    >>> cluster_regression(alike, studies).round(1)[["estimate", "low", "high"]].to_numpy()
    array([[2.6, 0.5, 4.7]])
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    table, causes = check_sites(values=values, causes=causes)
    clusters = check_labels("cluster", clusters, table.index)
    causes = table.iloc[:, :0] if causes is None else causes
    values, units, k = table["values"], clusters.nunique(), causes.shape[1]
    mend = "add studies or places, or take causes out"
    check_whole("regression", units, k + 4, of="clusters", mend=mend)
    if k:
        check_collinear(list(causes), causes.corr().to_numpy())
    X = causes.assign(constant=1.0)[["constant", *causes]]
    with warnings.catch_warnings(action="ignore", category=ModelWarning):  # 0 is an answer here
        mixed = MixedLM(values, X, groups=clusters).fit(reml=True, method="nm")
    between = mixed.cov_re.iloc[0, 0]
    same = clusters.to_numpy()[:, None] == clusters.to_numpy()
    fit = GLS(values, X, sigma=between * same + mixed.scale * np.eye(len(values))).fit()
    reach = stats.t.ppf((1 + confidence) / 2, units - k - 1) * fit.bse
    ends = {"low": fit.params - reach, "high": fit.params + reach}
    return pd.DataFrame({"estimate": fit.params, **ends})


def pool_equations(
    equations: pd.DataFrame, clusters: pd.Series, confidence: float = 0.95
) -> pd.DataFrame:
    """Average field equations, R_s = alpha exp(beta T), over studies or places.

    Returned are ``beta`` (per degree), ``Q10`` = exp(10 beta), ``alpha`` and ``R10`` (umol m-2 s-1,
    at 0 and 10 degrees Celsius; geometric means), with the columns of :func:`cluster_regression`.
    No standard errors of the equations are known, so each counts alike.

    Parameters
    ----------
    equations : pandas.DataFrame
        From :func:`helpers.readers.read_srdb`; those without alpha count for beta only.
    clusters, confidence : as for :func:`cluster_regression`

    Examples
    --------
    >>> equations = pd.DataFrame({"beta": [0.05, 0.06, 0.07, 0.1], "alpha": [1.0, 1.2, 0.9, 1.1]})
    >>> pool_equations(equations, pd.Series(list("abcd"))).loc["beta", "estimate"].round(3)
    np.float64(0.07)
    """
    equations, clusters = _check_equations(equations, clusters)
    curve = respiration_curve(equations, clusters, [0.0, 10.0], confidence)
    beta = cluster_regression(equations["beta"], clusters, confidence=confidence).iloc[0]
    rows = {"beta": beta, "Q10": np.exp(10 * beta), "alpha": curve.loc[0], "R10": curve.loc[10]}
    known = clusters[equations["alpha"].notna()]
    counted = [[len(each), each.nunique()] for each in (clusters, clusters, known, known)]
    table = pd.DataFrame.from_dict(rows, "index")
    table[["equations", "clusters"]] = counted
    return table


def respiration_curve(
    equations: pd.DataFrame, clusters: pd.Series, temperature: np.ndarray, confidence: float = 0.95
) -> pd.DataFrame:
    """Average the curves of field equations at each temperature: R_s in umol m-2 s-1, in the
    columns of :func:`cluster_regression`.

    Parameters
    ----------
    equations, clusters, confidence : as for :func:`pool_equations`
        Equations without alpha are left out.
    temperature : numpy.ndarray
        Of the soil, degrees Celsius.

    Examples
    --------
    >>> equations = pd.DataFrame({"beta": [0.05, 0.06, 0.07, 0.1], "alpha": [1.0, 1.2, 0.9, 1.1]})
    >>> respiration_curve(equations, pd.Series(list("abcd")), [0, 10])["estimate"].round(2).tolist()
    [1.04, 2.1]
    """
    equations, clusters = _check_equations(equations, clusters)
    known = equations["alpha"].notna()
    means = {}
    for T in check_array("temperature", temperature, "n"):
        logs = np.log(equations["alpha"]) + equations["beta"] * T
        means[T] = cluster_regression(logs[known], clusters[known], confidence=confidence)
    return np.exp(pd.concat(means, names=["T"]).droplevel(1))


def _check_equations(
    equations: pd.DataFrame, clusters: pd.Series
) -> tuple[pd.DataFrame, pd.Series]:
    check_columns("equations", equations, ["alpha", "beta"])
    beta = check_numbers(equations[["beta"]])
    alpha = check_numbers(equations[["alpha"]], within=_POSITIVE, gaps=True)
    return beta.join(alpha), check_labels("cluster", clusters, equations.index)
