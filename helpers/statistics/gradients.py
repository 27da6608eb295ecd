"""How factors change with elevation: straight lines, parabolas, and peaks that are tested.

The slope of a parabola at an elevation e is the slope on z - e with (z - e)^2 held, so that each
test is that of a partial correlation. Where neighbours are alike, each has its own effective number
of sites.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import check_columns, check_level, check_numbers, check_sites, check_whole
from helpers.statistics.associations import (
    correlate,
    effective_sizes,
    have_gaps,
    left_over,
    over_complete_sites,
)


def fit_gradients(
    elevation: pd.Series,
    factors: pd.DataFrame,
    confidence: float = 0.95,
    *,
    places: pd.DataFrame | None = None,
    given: pd.DataFrame | None = None,
    classes: int = 15,
) -> pd.DataFrame:
    """Regress every factor on elevation, with a straight line and with a parabola.

    Parameters
    ----------
    elevation, factors : pandas.Series, pandas.DataFrame
        Metres, and factors, scaled or not, of n sites or cells of a map. Each factor with gaps is
        taken at the sites that have it.
    confidence, places, given, classes : as for :func:`spatial_slopes`

    Returns
    -------
    pandas.DataFrame
        One row per factor, with the columns

        - ``n``; ``r``, ``r_low``, ``r_high``: Pearson correlation with Fisher's interval;
        - ``slope``, ``slope_low``, ``slope_high``: change per 1000 m, in units of the factor
          (of its range, where it is scaled by :func:`helpers.study.minmax`); ``p``, two-sided;
        - ``p_curvature``: two-sided p of the squared term;
        - ``p_peak``, ``p_dip``: p of the test :cite:p:`lind2010` that the parabola rises at the
          lowest and falls at the highest site (peak), or the reverse (dip);
        - without `places`, ``delta_aicc``: AICc of the line minus AICc of the parabola
          :cite:p:`burnham2002`; above 0 the parabola is the better description, above 2 by a common
          rule of thumb.

        Two elevations only determine no parabola: the columns from ``p_curvature`` on are NaN.

    Examples
    --------
    >>> up = pd.Series([3000, 3200, 3500, 3900, 4000, 4400, 4900])
    >>> hump = pd.DataFrame({"y": [1, 3, 4, 7, 6, 4, 2]})
    >>> fit_gradients(up, hump)["p_peak"].round(3).tolist()
    [0.004]
    """
    if have_gaps(factors):

        def part(some: pd.DataFrame) -> pd.DataFrame:
            held = [None if each is None else each.loc[some.index] for each in (places, given)]
            here = elevation.loc[some.index]
            options = {"places": held[0], "given": held[1], "classes": classes}
            return fit_gradients(here, some, confidence, **options)

        return over_complete_sites(part, factors).loc[[*factors]]
    table, factors, places, given = check_sites(
        elevation=elevation, factors=factors, places=places, given=given
    )
    mend = "add sites: a parabola cannot be judged on fewer"  # its AICc divides by n - 5
    n = check_whole("elevation gradients", len(table), 6, of="sites", mend=mend)
    km, controls = table["elevation"] / 1000, factors.iloc[:, :0] if given is None else given

    def slopes(predictor: pd.Series, **held: pd.Series) -> pd.DataFrame:
        options = {"given": controls.assign(**held), "classes": classes, "confidence": confidence}
        return spatial_slopes(predictor, factors, places, **options)

    line = slopes(km).drop(columns="p_rising")
    shown = ["p_curvature", "p_peak", "p_dip"]
    if places is None:
        line["n"] = n
        shown += ["delta_aicc"]
    if km.nunique() < 3:
        return line.assign(**dict.fromkeys(shown, np.nan))
    bend = slopes((km - km.mean()) ** 2, **{"the line": km})
    low, high = (slopes(km - e, **{"the bend": (km - e) ** 2}) for e in (km.min(), km.max()))
    penalty = 2 * n * (4 / (n - 5) - 3 / (n - 4))
    bent = {
        "p_curvature": bend["p"],
        "p_peak": np.maximum(low["p_rising"], 1 - high["p_rising"]),
        "p_dip": np.maximum(1 - low["p_rising"], high["p_rising"]),
        "delta_aicc": -n * np.log1p(-(bend["r"] ** 2)) - penalty,
    }
    return line.assign(**{name: bent[name] for name in shown})


def describe_shape(fits: pd.DataFrame, alpha: float = 0.05) -> pd.Series:
    """Name each shape: peaks or dips mid-slope, else rises or falls (line), else no clear trend.

    Parameters
    ----------
    fits : pandas.DataFrame
        As :func:`fit_gradients` returns it.
    alpha : float
        Level of each test; no correction for their number.

    Examples
    --------
    >>> fits = pd.DataFrame({"slope": [1, 1], "p": [0.01, 0.01], "p_peak": [0.9, 0.01]})
    >>> describe_shape(fits.assign(p_dip=0.9)).tolist()
    ['rises', 'peaks mid-slope']
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
    places: pd.DataFrame | None,
    *,
    given: pd.DataFrame | None = None,
    classes: int = 15,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Regress every factor on one predictor, with neighbours taken for what they are worth.

    ``n`` is the effective number of sites, ``p_rising`` one-sided, small where the factor rises.
    Intervals of the slope are from Student's t with n - 2 - k degrees of freedom, and infinite with
    none left.

    Parameters
    ----------
    predictor, factors : pandas.Series, pandas.DataFrame
        At n sites; a predictor of 0 and 1 is for two groups, whose means differ by the slope.
    places, classes : as for :func:`helpers.statistics.effective_sizes`
        For the size of what the controls leave over. With None, sites count as independent.
    given : pandas.DataFrame, optional
        k controls that are held; the slopes are then partial.
    confidence : as for :func:`helpers.statistics.correlate`

    Notes
    -----
    Of fields that have nothing to do with the predictor, at 48 sites of the Plateau and smooth over
    200 to 1000 km, 1 to 5 % had p < .05 with fifteen classes (elevation, its bend and peak, meadow
    or steppe), up to 10 % with five, and 10 to 59 % where sites were taken for independent. At the
    294 cells of 1 degree of the Plateau, fifteen classes give 3 to 7 % for elevation; taking cells
    for independent gives 30 to 84 %.

    Examples
    --------
    >>> places = pd.DataFrame({"longitude": range(80, 100), "latitude": 33})
    >>> zigzag = pd.Series([0, 1] * 10)
    >>> spatial_slopes(zigzag, zigzag.mul(3).to_frame("y"), places, classes=3)["slope"].item()
    3.0
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    one, factors, places, given = check_sites(
        predictor=predictor, factors=factors, places=places, given=given
    )
    (rest, k), (others, _) = left_over(one, given), left_over(factors, given)
    sizes = None if places is None else effective_sizes(rest, others, places, classes)
    fits = correlate(one, factors, given=given, sizes=sizes, confidence=confidence)
    fits = fits.droplevel("left").rename_axis("factor")
    freedom = np.maximum(fits["n"] - 2 - k, 0)
    per_r = others.std() / rest["predictor"].std()
    slope = fits["r"] * per_r
    with np.errstate(divide="ignore", invalid="ignore"):  # r = 1, or nothing left
        error = per_r * np.sqrt((1 - fits["r"] ** 2) / freedom)
        reach = (stats.t.ppf((1 + confidence) / 2, freedom) * error).where(freedom > 0, np.inf)
        rising = np.where(freedom > 0, stats.t.sf(slope / error, freedom), 0.5)
    ends = {"slope": slope, "slope_low": slope - reach, "slope_high": slope + reach}
    return fits.assign(**ends, p_rising=rising)
