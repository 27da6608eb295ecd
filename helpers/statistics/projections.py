"""Change in time: trends, differences between periods, and what serial correlation takes away.

Annual means resemble those of the year before. A test that counts every year as a new observation
finds too much; these functions count effective years instead.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import scipy  # its statistics load themselves when they are used
import xarray as xr

from helpers.checks import check_array, check_level, check_whole, check_word
from helpers.errors import InputError, list_some
from helpers.oxygen import OXYGEN_PER_CARBON
from helpers.paths import DATA
from helpers.readers.regional_means import read_regional_means

EMBEDDED_EAST_ASIA = DATA / "embedded" / "cmip6_east_asia.csv"
PAST, FUTURE = slice(1990, 2005), slice(2006, 2099)  # the paper's periods
WEIGHTINGS = ("models", "families")
_FEWEST_YEARS = 10


def fit_trend(annual: xr.DataArray) -> xr.Dataset:
    r"""Fit a straight line in time, and test its slope with effective years.

    n years count as fewer, but at least as 3 :cite:p:`santer2000`, by the lag-1 autocorrelation r
    of the residuals, to which (2 + 5 r) / n is added back, which the fitted line took:

    .. math:: n_\mathrm{eff} = n\,(1 - r) / (1 + r)

    From one value per ``year``, on the other dimensions of `annual`: ``slope``, ``p_plain`` (every
    year counts), ``p`` (with effective years), both two-sided, ``effective_years``. NaN in the
    cells of a map that have a gap or are constant; a series of that kind alone is refused.

    Measured on first-order autoregressive noise of 94 years with r from 0 to 0.9, `p` is below .05
    in 4 to 6 % of series; on 16 years in 3 to 10 %, the more the higher r.

    Examples
    --------
    >>> rise = xr.DataArray(np.arange(12.0) + [0, 1, 1] * 4, {"year": np.arange(2000, 2012)})
    >>> fit_trend(rise)[["slope", "effective_years"]].round(2).to_array().values
    array([ 1.03, 12.  ])
    """
    _check_years(annual)
    slope, residual, spread = _take_line(annual)
    n = annual.sizes["year"]
    effective = _count_independent(n, _memory(residual))
    squares = (residual**2).sum("year", skipna=False)

    def p_value(size: xr.DataArray) -> xr.DataArray:
        t = np.abs(slope) / np.sqrt(squares / (size - 2) / spread)
        return 2 * xr.apply_ufunc(scipy.stats.t.sf, t, size - 2, dask="parallelized")

    found = {"slope": slope, "p_plain": p_value(xr.full_like(effective, n))}
    return xr.Dataset({**found, "p": p_value(effective), "effective_years": effective})


def _take_line(annual: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Return the slope of a line in time, what it leaves, and the sum of squares of the years."""
    years, anomaly = annual["year"] - annual["year"].mean(), annual - annual.mean("year")
    spread = (years**2).sum()
    slope = (years * anomaly).sum("year", skipna=False) / spread
    return slope, anomaly - slope * years, spread


def _memory(residual: xr.DataArray) -> xr.DataArray:
    """Return the lag-1 autocorrelation of what a line left, which had made it too low."""
    n = residual.sizes["year"]
    lagged = (residual * residual.shift(year=1)).isel(year=slice(1, None))
    r = lagged.sum("year", skipna=False) / (residual**2).sum("year", skipna=False)
    return (n * r + 2) / (n - 5)


def _count_independent(n: int, r: xr.DataArray) -> xr.DataArray:
    r = r.clip(0, 1)
    return (n * (1 - r) / (1 + r)).clip(min=3)


def compare_periods(before: xr.DataArray, after: xr.DataArray) -> pd.Series:
    """Compare the means of two periods, as the paper does and with effective years.

    ``t`` and ``p_plain`` are those of Student's test on all years, ``effective_before`` and
    ``effective_after`` the years that the periods are worth, as of :func:`fit_trend`, and ``p`` is
    that of Welch's test with these sizes.

    Parameters
    ----------
    before, after : xarray.DataArray
        One value per ``year``, no other dimension.

    Notes
    -----
    Zwiers and von Storch (1995), J. Climate 8, 336-351, on t tests of correlated series. Sixteen
    years alone tell too little of their memory, so both periods get one lag-1 autocorrelation, the
    mean of those of the detrended periods by years. Measured on autoregressive noise without any
    change, with r of 0 to .8: for periods of 16 and 94 years `p` is below .05 in 4 to 7 % of worlds
    (`p_plain` in 5 to 49 %). The level does not hold for two of 16 years (r = .6: 8 %), nearer to 1
    (r = .9: 15 %), and where the short period has the longer memory (.7 against .3: 21 %).

    Examples
    --------
    >>> years = xr.DataArray([0, 1, 1, 2] * 3, {"year": np.arange(1990, 2002)})
    >>> compare_periods(years, years + 1)[["difference", "effective_after"]].tolist()
    [1.0, 12.0]
    """
    for period in (before, after):
        _check_years(period)
    student = scipy.stats.ttest_ind(after, before)
    years = [before.sizes["year"], after.sizes["year"]]
    memories = [float(_memory(_take_line(period)[1])) for period in (before, after)]
    shared = xr.DataArray(np.average(memories, weights=years))
    sizes = [float(_count_independent(n, shared)) for n in years]
    first, second = (
        (float(period.mean()), float(period.std(ddof=1)), size)
        for period, size in ((after, sizes[1]), (before, sizes[0]))
    )
    welch = scipy.stats.ttest_ind_from_stats(*first, *second, equal_var=False)
    return pd.Series(
        {
            "difference": float(after.mean() - before.mean()),
            "t": student.statistic,
            "p_plain": student.pvalue,
            "effective_before": sizes[0],
            "effective_after": sizes[1],
            "p": welch.pvalue,
        }
    )


def load_east_asia(source: str | Path = "embedded") -> pd.DataFrame:
    """Load TOP of East Asia in sixteen CMIP6 models, by the paper's two periods: simulated.

    Parameters
    ----------
    source : "embedded", "genuine" or path
        What ``make data`` computed, or the same anew from the fetched files, read by
        :func:`helpers.readers.read_regional_means`.

    Returns
    -------
    pandas.DataFrame
        By scenario and model: ``past`` and ``future``, means of 1990-2005 and 2006-2099, and
        ``nbp_past`` and ``nbp_future``, of the oxygen that goes with NBP (kg m-2 yr-1); ``trend``
        of TOP in 2006-2099 (kg m-2 yr-1 a year); means of TOP in ten years, ``1990`` to ``2090``.
        NaN where a model lacks a flux.

    Examples
    --------
    >>> load_east_asia().eval("future - past").groupby("scenario").mean().round(4).tolist()
    [0.0445, 0.0737]
    """
    if source == "embedded":
        return pd.read_csv(EMBEDDED_EAST_ASIA, index_col=["scenario", "model"])
    means = read_regional_means(source)
    means["nbp"] *= OXYGEN_PER_CARBON
    past, future = (means.sel(year=years).mean("year") for years in (PAST, FUTURE))
    found = {"past": past["top"], "future": future["top"]}
    found |= {"nbp_past": past["nbp"], "nbp_future": future["nbp"]}
    found["trend"] = fit_trend(means["top"].sel(year=FUTURE))["slope"]
    years = {str(start): slice(start, start + 9) for start in range(1990, 2100, 10)}
    found |= {name: means["top"].sel(year=ten).mean("year") for name, ten in years.items()}
    return xr.Dataset(found).to_dataframe()


def spread_of_models(change: xr.DataArray, confidence: float = 0.95) -> pd.Series:
    """Summarize one number per model: the mean with its t interval, which treats models as
    independent draws, and the p value against 0; the lowest and highest value; how many models
    there are, and how many rise.

    Parameters
    ----------
    change, confidence : xarray.DataArray, float
        One value per ``model``, and the level of the interval, between 0 and 1.

    Examples
    --------
    >>> three = xr.DataArray([1.0, 2.0, 6.0], dims="model")
    >>> spread_of_models(three)[["mean", "low"]].round(2).tolist()
    [3.0, -3.57]
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    values = check_array("change", change, "model")
    low = high = p = np.nan  # one model has no spread
    if values.size > 1:
        test = scipy.stats.ttest_1samp(values, 0)
        p, (low, high) = test.pvalue, test.confidence_interval(confidence)
    found = {"mean": values.mean(), "low": low, "high": high, "p": p}
    found |= {"lowest": values.min(), "highest": values.max()}
    return pd.Series({**found, "models": values.size, "rising": int((values > 0).sum())})


def share_votes(
    ensemble: xr.Dataset | xr.DataArray, weighting: str = "models"
) -> xr.Dataset | xr.DataArray:
    """Let models that share a land surface scheme share one vote.

    Parameters
    ----------
    ensemble : xarray.Dataset or xarray.DataArray
        With a dimension ``model``, whose coordinate has the names of CMIP5 or CMIP6.
    weighting : {"models", "families"}
        ``models`` returns the ensemble as it is. With ``families``, models of one scheme
        (``data/model_families.csv``, from Knutti et al. :cite:p:`knutti2013` and Table 9.A.1 of
        IPCC 2013) are replaced by their mean, named by the scheme and their number; a model of
        which no scheme is known is a family of its own.

    Examples
    --------
    >>> models = xr.DataArray([1.0, 3.0], {"model": ["CCSM4", "NorESM1-M"]})
    >>> share_votes(models, "families").to_series().to_dict()
    {'CLM4 (2 models)': 2.0}
    """
    check_word("weighting", weighting, WEIGHTINGS)
    if weighting == "models":
        return ensemble
    if isinstance(ensemble, xr.Dataset):
        voting = [name for name, part in ensemble.items() if "model" in part.dims]
        parts = {name: share_votes(ensemble[name], weighting) for name in voting}
        return ensemble.drop_dims("model").assign(parts)
    schemes = pd.read_csv(DATA / "model_families.csv", index_col="model")["land_model"]
    models = ensemble.indexes["model"].to_series()
    family = models.map(schemes).fillna(models)
    members = family.map(family.value_counts())
    names = models.where(members == 1, family + " (" + members.astype(str) + " models)")
    return ensemble.assign_coords(model=names).groupby("model").mean(keep_attrs=True)


def _check_years(annual: xr.DataArray) -> None:
    n, mend = annual.sizes.get("year", 0), "choose longer periods"
    check_whole("trend in time", n, _FEWEST_YEARS, of="years", mend=mend)
    years, alone = annual["year"].to_numpy(), annual.ndim == 1
    if years.dtype.kind not in "iuf" or (np.diff(years) != 1).any():
        mend, here = "sort by year, and choose a period without gaps", list_some(years, 5)
        raise InputError("year", needed="consecutive years, in order", found=here, mend=mend)
    if alone or annual.dtype.kind not in "biuf":
        check_array("annual means", annual, "year" if alone else "...")
    if alone and annual.min() == annual.max():
        found, mend = f"{float(annual.min()):g} in every year", "leave out what is constant"
        raise InputError("annual means", needed="numbers that vary", found=found, mend=mend)
