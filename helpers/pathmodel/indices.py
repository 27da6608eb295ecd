"""How well a path model fits: every index by a written definition.

F is the discrepancy of :mod:`helpers.pathmodel.fit`, N the number of sites, p that of variables, q
that of free parameters. The baseline model lets no two variables correlate.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import optimize, stats

from helpers.pathmodel.fit import PathFit
from helpers.pathmodel.frame import discrepancy


def fit_indices(fit: PathFit) -> pd.Series:
    """Return the fit indices of a model.

    Parameters
    ----------
    fit : PathFit
        From :func:`helpers.pathmodel.fit_model`; its convention says whether as AMOS or as lavaan
        (``sem(model, data)``, for models with one last outcome) computes them.

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
    those of all variables in both conventions (lavaan's with ``fixed.x=FALSE``).
    """
    S, Sigma = fit.sample.to_numpy(), fit.implied.to_numpy()
    n, df, scale, p = fit.n, fit.df, fit.scale, len(S)
    chi2 = scale * max(discrepancy(Sigma, S), 0)
    conditional = fit.convention == "lavaan" and fit.exogenous == "correlated"
    m = len(fit.model.exogenous) if conditional else 0
    chi2_b = scale * (_log_det_correlation(S[:m, :m]) - _log_det_correlation(S))
    df_b = p * (p - 1) // 2 - m * (m - 1) // 2
    excess, excess_b = max(chi2 - df, 0), max(chi2 - df, chi2_b - df_b, 0)
    tested = df > 0
    low, high = _rmsea_interval(chi2, df, scale) if tested else (np.nan, np.nan)
    ratio = np.linalg.solve(Sigma, S)
    gfi = 1 - np.trace((ratio - np.eye(p)) @ (ratio - np.eye(p))) / np.trace(ratio @ ratio)
    q = len(fit.estimates) - m * (m + 1) // 2
    log_likelihood = _log_likelihood(S, Sigma, n) - _log_likelihood(S[:m, :m], S[:m, :m], n)
    deviance = chi2 if fit.convention == "amos" else -2 * log_likelihood
    lower = np.tril_indices(p)
    sd = np.sqrt(np.diag(S))
    residual = (S - Sigma)[lower]
    return pd.Series(
        {
            "n": n,
            "parameters": q,
            "df": df,
            "chi2": chi2,
            "p": stats.chi2.sf(chi2, df) if tested else np.nan,
            "chi2_df": chi2 / df if tested else np.nan,
            "rmsea": np.sqrt(excess / (df * scale)) if tested else np.nan,
            "rmsea_low": low,
            "rmsea_high": high,
            "p_close": stats.ncx2.sf(chi2, df, 0.05**2 * df * scale) if tested else np.nan,
            "rmr": np.sqrt(np.mean(residual**2)),
            "srmr": np.sqrt(np.mean((residual / np.outer(sd, sd)[lower]) ** 2)),
            "cfi": 1 - excess / excess_b if excess_b else 1.0,
            "tli": (chi2_b / df_b - chi2 / df) / (chi2_b / df_b - 1) if tested else np.nan,
            "gfi": gfi,
            "agfi": 1 - p * (p + 1) / (2 * df) * (1 - gfi) if tested else np.nan,
            "nfi": 1 - chi2 / chi2_b if chi2_b > 0 else np.nan,
            "log_likelihood": log_likelihood,
            "aic": deviance + 2 * q,
            "bic": deviance + q * np.log(n),
        },
        name=fit.convention,
    )


def _log_det_correlation(S: np.ndarray) -> float:
    return np.linalg.slogdet(S)[1] - np.log(np.diag(S)).sum()


def _log_likelihood(S: np.ndarray, Sigma: np.ndarray, n: int) -> float:
    p = len(S)
    misfit = np.linalg.slogdet(Sigma)[1] + np.trace(np.linalg.solve(Sigma, S))
    return -n / 2 * (p * np.log(2 * np.pi) + misfit)


def _rmsea_interval(chi2: float, df: int, scale: int, level: float = 0.90) -> tuple[float, float]:
    """Return the RMSEA at which chi2 is the upper and the lower 5 % point."""
    ends = []
    for tail in ((1 + level) / 2, (1 - level) / 2):
        excess = 0.0
        if stats.chi2.cdf(chi2, df) > tail:
            edge = max(chi2, df) * 2
            while stats.ncx2.cdf(chi2, df, edge) > tail:
                edge *= 2
            excess = optimize.brentq(
                lambda nc, tail=tail: stats.ncx2.cdf(chi2, df, nc) - tail, 1e-12, edge, xtol=1e-12
            )
        ends.append(np.sqrt(excess / (df * scale)))
    return ends[0], ends[1]
