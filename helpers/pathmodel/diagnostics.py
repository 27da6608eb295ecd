"""What to doubt in a fitted path model: its test in small samples, its claims, its causes."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from helpers.pathmodel.fit import PathFit, model_table
from helpers.pathmodel.indices import fit_indices
from helpers.pathmodel.spec import PathModel, check_recursive
from helpers.statistics.associations import correlate, effective_sizes


def swain(fit: PathFit) -> pd.Series:
    """Correct the chi-square of a model for a small sample :cite:p:`herzog2009`.

    Returned are ``chi2``, corrected; its ``p``; the ``factor`` that chi-square was multiplied by:
    NaN for a model without degrees of freedom.
    """
    factor = swain_factor(len(fit.sample), len(fit.estimates), fit.df, fit.scale)
    chi2 = factor * fit_indices(fit)["chi2"]
    return pd.Series({"chi2": chi2, "p": stats.chi2.sf(chi2, fit.df), "factor": factor})


def swain_factor(p: int, free: int, df: int, scale: int) -> float:
    """Return 1 - [p (2 p^2 + 3 p - 1) - q (2 q^2 + 3 q - 1)] / (12 df scale), NaN without df.

    p is the number of variables, and q = (sqrt(1 + 8 free) - 1) / 2, of the free parameters.
    """
    q = (np.sqrt(1 + 8 * free) - 1) / 2
    excess = p * (2 * p**2 + 3 * p - 1) - q * (2 * q**2 + 3 * q - 1)
    return 1 - excess / (12 * df * scale) if df else np.nan


class Separation(NamedTuple):
    """One claim for each pair left apart; Fisher's test of all: C, chi-square with df, and p."""

    claims: pd.DataFrame
    C: float
    df: int
    p: float


def d_separation(model: PathModel, data: pd.DataFrame, exogenous: str = "correlated") -> Separation:
    r"""Test one independence for each pair that a recursive model leaves apart, and all together.

    From these follow all others that the model claims :cite:p:`shipley2000`.

    Parameters
    ----------
    model : PathModel
        A recursive model.
    data, exogenous : as for :func:`helpers.pathmodel.fit_model`
        Where exogenous variables may not correlate, their independence is claimed, too.

    Returns
    -------
    Separation
        ``claims``: one row per pair (``left``, ``right``) that no arrow or covariance joins, with
        the causes of both that are held constant (``given``), the partial correlation ``r`` and
        its ``p``; ``C`` = -2 sum ln p; ``df``, twice the number of claims; ``p`` of C, NaN when
        nothing is claimed.

    Notes
    -----
    Fisher's test wants independent p values. Claims about one variable against several others are
    slightly dependent: in a true model of five variables with two such pairs, 30 sites, C rejected
    6.4 % of samples at the level of 5 % (chi-square 8.1 %, with Swain's factor 5.9 %).

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> from helpers.study import load_study
    >>> d_separation(parse_model("EVI ~ TF\nSOC ~ EVI"), load_study().factors()).claims["given"]
    left  right
    TF    SOC      EVI
    Name: given, dtype: str
    """
    check_recursive(model, "test it by its chi-square (fit_indices)")
    table = model_table(model, data, exogenous)
    joined = {frozenset(pair) for pair in model.paths + model.all_covariances(exogenous)}
    rows = []
    for left, right in combinations(model.variables, 2):
        if frozenset((left, right)) not in joined:
            given = list(dict.fromkeys(model.parents(left) + model.parents(right)))
            test = correlate(table[[left]], table[[right]], given=table[given]).iloc[0]
            rows.append((left, right, ", ".join(given), test["r"], test["p"]))
    claims = pd.DataFrame(rows, columns=["left", "right", "given", "r", "p"])
    claims = claims.set_index(["left", "right"])
    C, p = stats.combine_pvalues(claims["p"], "fisher") if rows else (0.0, np.nan)
    return Separation(claims, float(C), 2 * len(rows), float(p))


def collinearity(model: PathModel, data: pd.DataFrame) -> pd.DataFrame:
    """Return how far the causes of each variable explain each other.

    Parameters
    ----------
    model, data : as for :func:`helpers.pathmodel.fit_model`

    Returns
    -------
    pandas.DataFrame
        Indexed by ``to`` and ``from``, for variables with two causes or more: ``vif``, the factor
        by which the other causes inflate the variance of the coefficient, and ``condition``, the
        largest eigenvalue of the causes' correlations over the smallest.

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> from helpers.study import load_study
    >>> found = collinearity(parse_model("SOC ~ TF + EVI"), load_study().factors())
    >>> bool((found["vif"] >= 1).all())
    True
    """
    from statsmodels.stats.outliers_influence import variance_inflation_factor  # only needed here

    table = model_table(model, data, "correlated")
    rows = {}
    for to in model.endogenous:
        causes = list(model.parents(to))
        if len(causes) > 1:
            design = stats.zscore(table[causes].to_numpy())
            condition = np.linalg.cond(table[causes].corr())
            for column, cause in enumerate(causes):
                vif = variance_inflation_factor(design, column)
                rows[to, cause] = {"vif": vif, "condition": condition}
    index = pd.MultiIndex.from_tuples(rows, names=["to", "from"]) if rows else None
    return pd.DataFrame(list(rows.values()), index, columns=["vif", "condition"])


def spatial_separation(
    model: PathModel, data: pd.DataFrame, places: pd.DataFrame, classes: int = 5
) -> pd.DataFrame:
    r"""Test every independence that a recursive model claims, where neighbours are alike.

    Parameters
    ----------
    model, data : as for :func:`d_separation`
    places : pandas.DataFrame
        longitude and latitude of the same sites, degrees.
    classes : int
        Of distance, for the effective number of sites.

    Returns
    -------
    pandas.DataFrame
        The claims of :func:`helpers.pathmodel.d_separation` with ``p`` for independent sites,
        ``n``, what the partial correlation is worth in independent sites (Dutilleul, from what
        the given variables leave of both), and ``p_spatial``.

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> from helpers.study import load_study
    >>> study, model = load_study(), parse_model("EVI ~ TF\nSOC ~ EVI")
    >>> list(spatial_separation(model, study.factors(), study.sites))
    ['given', 'r', 'p', 'n', 'p_spatial']
    """
    claims = d_separation(model, data).claims
    rows = []
    for (left, right), claim in claims.iterrows():
        given = data[claim["given"].split(", ")] if claim["given"] else data.iloc[:, :0]
        design = np.column_stack([np.ones(len(data)), given.to_numpy(float)])
        pair = data[[left, right]].astype(float)
        rest = pair - design @ np.linalg.lstsq(design, pair.to_numpy())[0]
        sizes = effective_sizes(rest[[left]], rest[[right]], places, classes)
        test = correlate(pair[[left]], pair[[right]], given=given, sizes=sizes)
        rows.append(test[["n", "p"]].iloc[0].to_numpy())
    n, p = np.array(rows).T if rows else ([], [])
    return claims.assign(n=n, p_spatial=p)
