"""How factors change with elevation: straight lines, parabolas, and peaks that are tested."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import OLS

from helpers.checks import check_columns, check_level, check_numbers, check_sites, unit_of
from helpers.errors import InputError
from helpers.statistics.associations import (
    correlate,
    effective_sizes,
    independent_columns,
    left_over,
)

_FEWEST_SITES = 5  # the parabola's AICc divides by n - 5 + 1 estimates


def fit_gradients(
    elevation: pd.Series, factors: pd.DataFrame, confidence: float = 0.95
) -> pd.DataFrame:
    """Regress every factor on elevation, with a straight line and with a parabola.

    Parameters
    ----------
    elevation : pandas.Series
        Metres, n sites.
    factors : pandas.DataFrame
        n rows, one column per factor, scaled or not.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        One row per factor, with the columns

        - ``n``;
        - ``slope``, ``slope_low``, ``slope_high``: change per 1000 m, in units of the factor
          (of its range, where it is scaled by :func:`helpers.study.minmax`);
        - ``r``, ``r_low``, ``r_high``: Pearson correlation with Fisher's interval;
        - ``p``: two-sided p of the slope;
        - ``delta_aicc``: AICc of the line minus AICc of the parabola; above 0 the parabola
          is the better description, above 2 by a common rule of thumb;
        - ``p_curvature``: two-sided p of the squared term;
        - ``vertex``: elevation in metres where the parabola turns;
        - ``p_peak``, ``p_dip``: p of the Lind-Mehlum test that the parabola rises at the lowest
          and falls at the highest site (peak), or the reverse (dip).

        Two elevations only determine the line but no parabola: the columns from ``delta_aicc`` on
        are then NaN.

    Raises
    ------
    InputError
        For too few sites, other sites or another order of them in `factors`, a gap, anything but
        numbers, or an elevation or a factor with one value only.

    References
    ----------
    Lind and Mehlum (2010), Oxford Bulletin of Economics and Statistics 72, 109-118. Burnham and
    Anderson (2002), Model Selection and Multimodel Inference, for AICc.
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    elevations, factors = check_sites(elevation=elevation, factors=factors)
    if len(elevations) <= _FEWEST_SITES:
        raise InputError(
            "elevation gradients",
            needed=f"more than {_FEWEST_SITES} sites",
            found=f"{len(elevations)}",
            mend="add sites: a parabola cannot be judged on fewer",
        )
    elevation = elevations["elevation"]
    bends = _can_bend(elevation)
    rows = {code: _fit_one(elevation, each, bends, confidence) for code, each in factors.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("factor")


def _fit_one(
    elevation: pd.Series, values: pd.Series, bends: bool, confidence: float
) -> dict[str, float]:
    per, unit = unit_of(elevation), unit_of(values)
    elevation, values = elevation / per, values / unit
    centre = elevation.mean()
    km = ((elevation - centre) / 1000).to_numpy()
    line = OLS(values.to_numpy(), np.vander(km, 2, increasing=True)).fit()
    slopes = np.array([line.params[1], *line.conf_int(1 - confidence)[1]]) * (unit / per)
    correlation = stats.pearsonr(km, values)
    r_low, r_high = correlation.confidence_interval(confidence)
    found = {
        "n": len(values),
        **dict(zip(["slope", "slope_low", "slope_high"], slopes, strict=True)),
        "r": correlation.statistic,
        "r_low": r_low,
        "r_high": r_high,
        "p": line.pvalues[1],
    }
    if not bends:
        nothing = ["delta_aicc", "p_curvature", "vertex", "p_peak", "p_dip"]
        return found | dict.fromkeys(nothing, np.nan)
    parabola = OLS(values.to_numpy(), np.vander(km, 3, increasing=True)).fit()
    curvature = parabola.params[2]
    ends = [parabola.t_test([0, 1, 2 * end]) for end in (km.min(), km.max())]
    rising = [stats.t.sf(float(np.squeeze(end.tvalue)), parabola.df_resid) for end in ends]
    return found | {
        "delta_aicc": _aicc(line) - _aicc(parabola),
        "p_curvature": parabola.pvalues[2],
        "vertex": (centre - 1000 * parabola.params[1] / (2 * curvature)) * per,
        "p_peak": max(rising[0], 1 - rising[1]),
        "p_dip": max(1 - rising[0], rising[1]),
    }


def _can_bend(elevation: pd.Series) -> bool:
    """Tell whether there are more than two elevations, rounding aside."""
    away = elevation / unit_of(elevation)
    away = away - away.mean()
    return np.linalg.matrix_rank(np.vander(away / away.abs().max(), 3)) == 3


def _aicc(fit) -> float:
    """Return AIC with its small-sample term; the error variance counts as an estimate."""
    estimates = len(fit.params) + 1
    n = fit.nobs
    return -2 * fit.llf + 2 * estimates * n / (n - estimates - 1)


def describe_shape(fits: pd.DataFrame, alpha: float = 0.05) -> pd.Series:
    """Name the shape of each gradient at a level of significance.

    Parameters
    ----------
    fits : pandas.DataFrame
        As :func:`fit_gradients` returns it.
    alpha : float
        Level of each test; no correction for their number.

    Returns
    -------
    pandas.Series
        ``peaks mid-slope`` or ``dips mid-slope`` (Lind-Mehlum), else ``rises`` or ``falls``
        (slope of the line), else ``no clear trend``.
    """
    alpha = check_level("alpha", alpha, usual=0.05)
    tested = dict.fromkeys(["p", "p_peak", "p_dip"], (0, 1))
    check_columns("fits", fits, ["slope", *tested])
    fits = check_numbers(fits[["slope", *tested]], different=1, within=tested, gaps=True)
    shape = pd.Series("no clear trend", index=fits.index, name="shape")
    shape[(fits["p"] < alpha) & (fits["slope"] > 0)] = "rises"
    shape[(fits["p"] < alpha) & (fits["slope"] < 0)] = "falls"
    shape[fits["p_peak"] < alpha] = "peaks mid-slope"
    shape[fits["p_dip"] < alpha] = "dips mid-slope"
    return shape


def spatial_slopes(
    predictor: pd.Series,
    factors: pd.DataFrame,
    places: pd.DataFrame,
    *,
    given: pd.DataFrame | None = None,
    classes: int = 15,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Regress every factor on one predictor, with neighbours taken for what they are worth.

    Parameters
    ----------
    predictor : pandas.Series
        At n sites; of 0 and 1 for two groups, whose means differ by the slope.
    factors : pandas.DataFrame
        n rows, one column per factor.
    places : pandas.DataFrame
        longitude and latitude of the sites, degrees.
    given : pandas.DataFrame, optional
        k controls that are held; the slopes are then partial.
    classes : int
        Of distance, for the effective number of sites (:func:`helpers.statistics.effective_sizes`
        of what the controls leave over).
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        One row per factor: ``n`` (the effective number of sites), ``r`` with ``r_low`` and
        ``r_high``, ``slope`` with ``slope_low`` and ``slope_high``, ``p`` (two-sided), and
        ``p_rising`` (one-sided, small where the factor rises). From Student's t with n - 2 - k
        degrees of freedom; with none left, the interval is infinite. A control that the others
        determine does not count.

    Raises
    ------
    InputError
        As :func:`helpers.statistics.correlate` and :func:`helpers.statistics.effective_sizes`.

    Notes
    -----
    Fields that have nothing to do with the predictor should have p < .05 in 5 % of cases. At the
    48 sites of :func:`helpers.readers.read_field_sites`, with covariance that falls
    exponentially over 200, 500 or 1000 km and a nugget of 0 or 0.3 (1000 cases of each), the
    share was, from the lowest of the six to the highest:

    ====================  ============  ============  ============
    predictor             5 classes     6 classes     15 classes
    ====================  ============  ============  ============
    elevation             1 to 5 %      1 to 3 %      1 to 3 %
    its square (a bend)   6 to 10 %     5 to 6 %      3 to 5 %
    peak (Lind, Mehlum)   4 to 5 %      2 to 4 %      2 to 3 %
    meadow or steppe      4 to 7 %      2 to 5 %      2 to 4 %
    another such field    4 to 8 %      3 to 7 %      3 to 5 %
    ====================  ============  ============  ============

    For a single smooth predictor the share may lie between 0 and 15 %; for a dozen of them (six
    classes, 500 km) it was 5 % on average, and 9 % for bends. Taking sites for independent gives
    10 to 59 %. At the 294 cells of 1 degree of the Plateau, fifteen classes give 3 to 7 % for
    elevation, at any range from 150 to 1200 km; taking cells for independent gives 30 to 84 %.
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    one, factors, places, given = check_sites(
        predictor=predictor, factors=factors, places=places, given=given
    )
    held = independent_columns(places.iloc[:, :0] if given is None else given)
    per, units = unit_of(one.to_numpy()), unit_of(factors.to_numpy())
    left, right = (left_over(table, held) for table in (one / per, factors / units))
    sizes = effective_sizes(left, right, places, classes)
    fits = correlate(one, factors, given=given, sizes=sizes, confidence=confidence)
    fits = fits.droplevel("left").rename_axis("factor")
    freedom = np.maximum(fits["n"] - 2 - held.shape[1], 0)
    per_r = right.std() / left["predictor"].std()
    error = per_r * np.sqrt((1 - fits["r"] ** 2) / freedom)
    critical = np.where(freedom > 0, stats.t.ppf((1 + confidence) / 2, freedom), np.inf)
    slope, unit = fits["r"] * per_r, units / per
    return fits.assign(
        slope=slope * unit,
        slope_low=(slope - critical * error) * unit,
        slope_high=(slope + critical * error) * unit,
        p_rising=np.where(freedom > 0, stats.t.sf(slope / error, freedom), 0.5),
    )


def spatial_gradients(
    elevation: pd.Series,
    factors: pd.DataFrame,
    places: pd.DataFrame,
    *,
    given: pd.DataFrame | None = None,
    classes: int = 15,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Regress every factor on elevation, with neighbours taken for what they are worth.

    Parameters
    ----------
    elevation : pandas.Series
        Metres, n sites or cells of a map.
    factors : pandas.DataFrame
        n rows, one column per factor.
    places : pandas.DataFrame
        longitude and latitude, degrees.
    given : pandas.DataFrame, optional
        k controls that are held; the slopes are then partial.
    classes : int
        Of distance; what the number does to the level of the tests stands at
        :func:`spatial_slopes`.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        One row per factor: ``n`` (the effective number of sites), ``r`` with ``r_low`` and
        ``r_high``, ``slope`` with ``slope_low`` and ``slope_high`` (per 1000 m, in the unit of
        the factor), ``p``, and of the parabola ``p_curvature``, ``p_peak`` and ``p_dip``, NaN
        where elevation has but two values. These mean what they mean in :func:`fit_gradients`, and
        are the same where neighbours are no more alike than others.

    Raises
    ------
    InputError
        As :func:`spatial_slopes`.

    Notes
    -----
    The slope of a parabola at an elevation e is the slope on z - e with (z - e)^2 held, so that
    each test is that of a partial correlation, and each has its own effective number of sites.
    """
    table, factors, places, given = check_sites(
        elevation=elevation, factors=factors, places=places, given=given
    )
    per = unit_of(table.to_numpy()).item()
    km = table["elevation"] / per / 1000
    controls = places.iloc[:, :0] if given is None else given
    options = {"classes": classes, "confidence": confidence}

    def slopes(predictor: pd.Series, **held: pd.Series) -> pd.DataFrame:
        return spatial_slopes(predictor, factors, places, given=controls.assign(**held), **options)

    line = slopes(km).drop(columns="p_rising")
    ends = ["slope", "slope_low", "slope_high"]
    line[ends] /= per
    if not _can_bend(km):
        return line.assign(p_curvature=np.nan, p_peak=np.nan, p_dip=np.nan)
    bend = slopes((km - km.mean()) ** 2, **{"the line": km})
    low, high = (
        slopes(km - e, **{"the bend": (km - e) ** 2})["p_rising"] for e in (km.min(), km.max())
    )
    return line.assign(
        p_curvature=bend["p"],
        p_peak=np.maximum(low, 1 - high),
        p_dip=np.maximum(1 - low, high),
    )
