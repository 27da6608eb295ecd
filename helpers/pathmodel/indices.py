"""How well a path model fits: every index by a written definition.

F is the discrepancy of ``helpers.pathmodel.fit``, N the number of sites, p that of variables, q
that of free parameters. The baseline model lets no two variables correlate.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special, stats

from helpers.checks import check_array, check_number, check_whole
from helpers.pathmodel.fit import PathFit
from helpers.pathmodel.frame import correlations_of, discrepancy


def fit_indices(fit: PathFit) -> pd.Series:
    r"""Return the fit indices of a model, as AMOS or as lavaan (``sem(model, data)``) computes
    them: its convention says which.

    Returns
    -------
    pandas.Series
        - ``n``, ``parameters``, ``df``;
        - ``chi2`` = (N - 1) F by AMOS, N F by lavaan; ``p`` of it; ``chi2_df`` = chi2 / df;
        - ``rmsea`` = sqrt(max(chi2 - df, 0) / (df (N - 1))), with N for N - 1 by lavaan;
          ``rmsea_low``, ``rmsea_high``: its 90 % interval; ``p_close``: p of RMSEA <= .05;
        - ``rmr``: root mean square of S - Sigma, diagonal included, in squared units of the data;
          ``srmr``: the same of correlations;
        - ``cfi`` = 1 - max(chi2 - df, 0) / max(chi2 - df, chi2_b - df_b, 0), with b for the
          baseline; ``tli`` = (chi2_b / df_b - chi2 / df) / (chi2_b / df_b - 1);
          ``nfi`` = 1 - chi2 / chi2_b;
        - ``gfi`` = 1 - tr[(Sigma^-1 S - I)^2] / tr[(Sigma^-1 S)^2];
          ``agfi`` = 1 - p (p + 1) / (2 df) (1 - gfi);
        - ``log_likelihood``: of normal data; ``aic``, ``bic``: chi2 + 2 q and chi2 + q ln N by
          AMOS, -2 log L + 2 q and -2 log L + q ln N by lavaan.

        With no degrees of freedom the model is as good as the data, and what tests it is NaN.

    Notes
    -----
    lavaan conditions on exogenous variables that are free to correlate: its baseline keeps their
    covariances, and its likelihood and q leave their moments out. GFI, AGFI, RMR and SRMR are
    those of all variables in both conventions (lavaan's with ``fixed.x=FALSE``), and so is
    everything where the model labels or fixes a moment of exogenous variables. An exogenous
    variable that the text of a model names in a ``~~`` correlates in lavaan with those that it is
    joined to by ``~~`` only, which lavaan warns of; here with all.

    Examples
    --------
    >>> from helpers.pathmodel import fit_model, parse_model
    >>> R = pd.DataFrame([[1, 0.5, 0.3], [0.5, 1, 0.6], [0.3, 0.6, 1]], list("xmy"), list("xmy"))
    >>> fit_indices(fit_model(parse_model("m ~ x\ny ~ m"), R, 30))[["df", "chi2"]].to_dict()
    {'df': 1.0, 'chi2': 0.0}
    """
    S, Sigma = fit.sample.to_numpy(), fit.implied.to_numpy()
    n, df, p = fit.n, fit.df, len(S)
    outer = set(fit.model.exogenous)
    said = any(sign == "~~" and {a, b} <= outer for a, sign, b in fit.model.modifiers)
    said |= any(len(outer & {*pair}) == 1 for pair in fit.model.covariances)
    conditional = fit.convention == "lavaan" and fit.exogenous == "correlated" and not said
    m = len(fit.model.exogenous) if conditional else 0
    found = compare_moments(S, Sigma, df, fit.scale, m)
    q = fit.parameters - m * (m + 1) // 2
    log_det = np.linalg.slogdet(S)[1] - np.linalg.slogdet(S[:m, :m])[1]
    deviations = (p - m) * (np.log(2 * np.pi) + 1) + found["chi2"] / fit.scale
    log_likelihood = -n / 2 * (deviations + log_det)
    deviance = found["chi2"] if fit.convention == "amos" else -2 * log_likelihood
    lower, sd = np.tril_indices(p), np.sqrt(np.diag(S))
    residual = (S - Sigma)[lower]
    return pd.Series(
        {
            "n": n,
            "parameters": q,
            "df": df,
            "chi2": found["chi2"],
            **chi2_indices(found["chi2"], df, fit.scale),
            "rmr": np.sqrt(np.mean(residual**2)),
            "srmr": np.sqrt(np.mean((residual / np.outer(sd, sd)[lower]) ** 2)),
            "cfi": found["cfi"],
            "tli": found["tli"],
            "gfi": found["gfi"],
            "agfi": 1 - p * (p + 1) / (2 * df) * (1 - found["gfi"]) if df else np.nan,
            "nfi": found["nfi"],
            "log_likelihood": log_likelihood,
            "aic": deviance + 2 * q,
            "bic": deviance + q * np.log(n),
        },
        name=fit.convention,
    )


def chi2_indices(chi2: float, df: int, scale: int) -> dict[str, float]:
    """Return what chi-square alone says of a model, each as in :func:`fit_indices`.

    Parameters
    ----------
    chi2, df, scale : float, int, int
        Chi-square, degrees of freedom (without any, everything is NaN), and N - 1 by AMOS, N by
        lavaan.

    Examples
    --------
    >>> [round(float(value), 3) for value in chi2_indices(8.514, 2, 43).values()]
    [0.014, 4.257, 0.275, 0.105, 0.477, 0.021]
    """
    chi2, df = check_number("chi2", chi2, 0), check_whole("df", df, 0)
    scale = check_whole("scale", scale)
    names = ("p", "chi2_df", "rmsea", "rmsea_low", "rmsea_high", "p_close")
    if not df:
        return dict.fromkeys(names, np.nan)
    p_close = stats.ncx2.sf(chi2, df, 0.05**2 * df * scale)
    # the noncentralities of which chi2 is the upper and the lower 5 % point; 0 where there is none
    ends = [
        special.chndtrinc(chi2, df, tail) if stats.chi2.cdf(chi2, df) > tail else 0.0
        for tail in (0.95, 0.05)
    ]
    interval = np.sqrt(np.array(ends) / (df * scale))
    values = (stats.chi2.sf(chi2, df), chi2 / df, rmsea(chi2, df, scale), *interval, p_close)
    return dict(zip(names, values, strict=True))


def rmsea(chi2: np.ndarray, df: int, scale: int) -> np.ndarray:
    """Return ``rmsea`` as in :func:`fit_indices`, (...); NaN without degrees of freedom."""
    return np.sqrt(np.maximum(chi2 - df, 0) / (df * scale)) if df else np.full_like(chi2, np.nan)


def baseline_indices(
    chi2: np.ndarray, df: int, chi2_b: np.ndarray, df_b: int
) -> dict[str, np.ndarray]:
    """Return ``cfi``, ``tli`` and ``nfi`` as in :func:`fit_indices`, (...), from chi-square of the
    model and of the baseline, (...), and their degrees of freedom."""
    chi2, chi2_b = check_array("chi2", chi2, "..."), check_array("chi2_b", chi2_b, "...")
    df, df_b = check_whole("df", df, 0), check_whole("df_b", df_b)
    excess = np.maximum(chi2 - df, 0)
    excess_b = np.maximum(excess, chi2_b - df_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio_b = np.divide(chi2_b, df_b)
        return {
            "cfi": np.where(excess_b > 0, 1 - excess / excess_b, 1.0)[()] if df else 1.0,
            "tli": (ratio_b - np.divide(chi2, df)) / (ratio_b - 1) if df else np.nan,
            "nfi": np.where(chi2_b > 0, 1 - np.divide(chi2, chi2_b), np.nan)[()],
        }


def compare_moments(
    S: np.ndarray, Sigma: np.ndarray, df: int, scale: int, fixed: int = 0
) -> dict[str, np.ndarray]:
    """Return ``chi2`` and what it and the baseline tell, as in :func:`fit_indices`, (...) each, of
    covariances (..., p, p), of which the baseline keeps those among the first `fixed` variables."""
    p = S.shape[-1]
    chi2 = scale * np.maximum(discrepancy(Sigma, S), 0)
    kept, all_of = (np.linalg.slogdet(correlations_of(S[..., :k, :k])[0])[1] for k in (fixed, p))
    df_b = p * (p - 1) // 2 - fixed * (fixed - 1) // 2
    ratio = np.linalg.solve(Sigma, S)
    off, whole = (np.einsum("...ij,...ji", x, x) for x in (ratio - np.eye(p), ratio))
    return {
        "chi2": chi2,
        "p": stats.chi2.sf(chi2, df),
        "rmsea": rmsea(chi2, df, scale),
        **baseline_indices(chi2, df, scale * (kept - all_of), df_b),
        "gfi": 1 - off / whole,
    }
