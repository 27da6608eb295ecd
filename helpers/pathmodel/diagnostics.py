"""What to doubt in a fitted path model: its test in small samples, its claims, its causes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import check_collinear, check_word
from helpers.errors import InputError
from helpers.pathmodel.fit import MISSING, PathFit, check_size, model_table
from helpers.pathmodel.frame import correlations_of
from helpers.pathmodel.indices import fit_indices
from helpers.pathmodel.moments import check_moments
from helpers.pathmodel.spec import PathModel, as_model, check_recursive
from helpers.statistics.associations import correlate, effective_sizes, left_over


def swain(fit: PathFit) -> pd.Series:
    """Correct the chi-square of a model for a small sample :cite:p:`herzog2009`.

    Returned are ``chi2``, corrected; its ``p``; the ``factor`` that chi-square was multiplied by:
    NaN for a model without degrees of freedom.
    """
    factor = swain_factor(len(fit.sample), fit.parameters, fit.df, fit.scale)
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


def d_separation(
    model: PathModel | str,
    data: pd.DataFrame,
    exogenous: str = "correlated",
    *,
    n: int | None = None,
    missing: str = "refuse",
    places: pd.DataFrame | None = None,
    classes: int = 5,
) -> Separation:
    r"""Test one independence for each pair that a recursive model leaves apart, and all together.

    From these follow all others that the model claims :cite:p:`shipley2000`.

    Parameters
    ----------
    model, data, exogenous, n, missing : as for :func:`helpers.pathmodel.fit_model`
        Where exogenous variables may not correlate, their independence is claimed, too.
    places, classes : as for :func:`helpers.statistics.effective_sizes`, optional
        Where neighbours are alike; not for a matrix.

    Returns
    -------
    Separation
        ``claims``: one row per pair (``left``, ``right``) that no arrow or covariance joins, with
        the causes of both that are held constant (``given``), the partial correlation ``r`` and
        its ``p``; with `places`, the independent sites ``n`` that what is left of both is worth,
        and ``p_spatial`` from these. ``C`` = -2 sum ln p; ``df``, twice the number of claims; ``p``
        of C, NaN when nothing is claimed.

    Notes
    -----
    Fisher's test wants independent p values. Claims about one variable against several others are
    slightly dependent: in a true model of five variables with two such pairs, 30 sites, C rejected
    6.4 % of samples at the level of 5 % (chi-square 8.1 %, with Swain's factor 5.9 %).

    Examples
    --------
    >>> from helpers.pathmodel import parse_model
    >>> table = pd.DataFrame(np.random.default_rng(1).random((30, 3)), columns=list("xmy"))
    >>> d_separation(parse_model("m ~ x\ny ~ m"), table).claims["given"].to_dict()
    {('x', 'y'): 'm'}
    """
    model = as_model(model)
    check_recursive(model, "test it by its chi-square (fit_indices)")
    check_word("missing", missing, MISSING)
    if n is not None and places is not None:
        mend = "give the table of the sites, or leave out places"
        raise InputError("places", needed="a table of sites", found="a matrix", mend=mend)
    table = model_table(model, data, exogenous, missing) if n is None else data
    if n is None:
        S, n = table.cov(), len(table)
    else:
        S, n = check_moments(list(model.variables), data), check_size(model, n, exogenous)
    check_collinear(list(S), correlations_of(S.to_numpy())[0])
    claimed, rows = model.claims(exogenous), []
    for (left, right), given in claimed.items():
        among = [left, right, *given]
        R, _ = correlations_of(np.linalg.inv(correlations_of(S.loc[among, among].to_numpy())[0]))
        df = n - len(among)
        p = 2 * stats.t.sf(abs(R[0, 1]) * np.sqrt(df / (1 - R[0, 1] ** 2)), df)
        row = [", ".join(given), -R[0, 1], p]
        if places is not None:
            one, other, held = table[[left]], table[[right]], table[given]
            rest, rest_of_other = (left_over(each, held)[0] for each in (one, other))
            sizes = effective_sizes(rest, rest_of_other, places, classes)
            row += correlate(one, other, given=held, sizes=sizes)[["n", "p"]].iloc[0].to_list()
        rows.append(row)
    columns = ["given", "r", "p"] if places is None else ["given", "r", "p", "n", "p_spatial"]
    index = pd.MultiIndex.from_tuples(claimed, names=["left", "right"])
    claims = pd.DataFrame(rows, index, columns)
    C, p = stats.combine_pvalues(claims["p"], "fisher") if rows else (0.0, np.nan)
    return Separation(claims, float(C), 2 * len(rows), float(p))
