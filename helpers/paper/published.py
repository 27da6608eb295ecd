"""Which sample could have printed these fit indices? Arithmetic on rounded numbers."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import check_number, check_whole
from helpers.errors import InputError

_AGAIN = {"mend": "copy it again from the publication"}
_NOISE = 1e-12  # of an index that was rounded in binary
_MOST = 2e6  # pairs to try


def implied_sample(
    *,
    chi2_df: float,
    rmsea: float,
    gfi: float | None = None,
    nfi: float | None = None,
    cfi: float | None = None,
    variables: int,
    digits: int = 3,
    paths: int | None = None,
) -> pd.DataFrame:
    """Return every number of sites and of degrees of freedom that agrees with published indices.

    RMSEA and chi2 / df give N; F = (chi2 / df) df / (N - 1) with the bounds of
    :func:`bound_discrepancy` gives df, at most df_b = p (p - 1) / 2. NFI = 1 - chi2 / chi2_b and
    CFI = 1 - (chi2 - df) / (chi2_b - df_b) must leave one chi2_b possible.

    Parameters
    ----------
    chi2_df, rmsea, gfi, nfi, cfi : float
        As published by AMOS (:func:`helpers.pathmodel.fit_indices`), of maximum likelihood;
        the last three may be left out.
    variables : int
        Number of observed variables p, from 2 to 100.
    digits : int
        Decimals that the indices were rounded to.
    paths : int, optional
        Number of arrows that were drawn.

    Returns
    -------
    pandas.DataFrame
        One row for each possible pair of ``n`` and ``df``, with the range (``_low``, ``_high``) of
        ``chi2``, of its ``p``, of the discrepancy ``F`` and of the ``baseline`` chi-square (NaN
        without NFI and CFI, infinite where both may be 1). With `paths`, ``drawn`` tells whether df
        is what is left by these arrows and no covariance. No row: the indices contradict each
        other. ``n`` is for programs with chi2 = (N - 1) F; where chi2 = N F, it is one lower.

    Examples
    --------
    >>> implied_sample(chi2_df=4.257, rmsea=0.275, gfi=0.922, variables=4)[["n", "df"]].to_numpy()
    array([[44,  2]])
    """
    variables, digits = _check_counts(variables, digits)
    df_b = variables * (variables - 1) // 2
    paths = paths if paths is None else check_whole("arrows", paths, 0, df_b, **_AGAIN)
    ratio = _unround(check_number("chi2_df", chi2_df, 0, **_AGAIN), digits)
    distance = _unround(check_number("rmsea", rmsea, 0, **_AGAIN), digits)
    printed = {
        name: _unround(check_number(name, value, 0, 1, **_AGAIN), digits)
        for name, value in (("nfi", nfi), ("cfi", cfi))
        if value is not None
    }
    found = f"{rmsea:g} with {digits} decimals, for chi2/df {chi2_df:g}"
    if distance[0] <= 0:
        mend = "give more decimals: RMSEA is 0 whenever chi-square is below df, for any sites"
        raise InputError("rmsea", needed="an RMSEA above 0 after rounding", found=found, mend=mend)
    fewest = max(np.ceil((ratio[0] - 1) / distance[1] ** 2), 1)
    most = np.floor((ratio[1] - 1) / distance[0] ** 2)
    if (most - fewest + 1) * df_b > _MOST:
        needed = f"indices that leave at most {_MOST:.0f} pairs of rows and df"
        raise InputError("rmsea", needed=needed, found=found, mend="give more decimals")
    scale, df = (
        each.ravel() for each in np.meshgrid(np.arange(fewest, most + 1), np.arange(1, df_b + 1))
    )
    low = np.maximum(ratio[0], 1 + scale * distance[0] ** 2) * df
    high = np.minimum(ratio[1], 1 + scale * distance[1] ** 2) * df
    if gfi is not None:
        F = bound_discrepancy(gfi, variables, digits)
        low, high = np.maximum(low, F[0] * scale), np.minimum(high, F[1] * scale)
    possible = low <= high
    df, scale, low, high = (each[possible] for each in (df, scale, low, high))
    low, high = _leave_room(low, high, lambda chi2: _bound_baseline(chi2, df, df_b, printed))
    ends = [_bound_baseline(chi2, df, df_b, printed) for chi2 in (low, high)]
    table = pd.DataFrame(
        {
            "n": scale.astype(int) + 1,
            "df": df,
            "chi2_low": low,
            "chi2_high": high,
            "p_low": stats.chi2.sf(high, df),
            "p_high": stats.chi2.sf(low, df),
            "F_low": low / scale,
            "F_high": high / scale,
            "baseline_low": np.max(ends[0][0], axis=0) if printed else np.nan,
            "baseline_high": np.min(ends[1][1], axis=0) if printed else np.nan,
        }
    )
    if paths is not None:
        table["drawn"] = df == df_b - paths
    return table[low <= high].sort_values(["n", "df"], ignore_index=True)


def _bound_baseline(
    chi2: np.ndarray, df: np.ndarray, df_b: int, printed: dict[str, tuple[float, float]]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the lower and the upper bound of the baseline chi-square that each index gives.

    A CFI of 0 may be one that was cut off there: then only chi2_b >= chi2 is known.
    """
    bounds: tuple[list, list] = ([], [])
    for name, ends in printed.items():
        part, start = (chi2, 0) if name == "nfi" else (chi2 - df, df_b)
        for side, end in zip(bounds, ends, strict=True):
            if end <= 0:
                side.append(chi2)
            else:
                side.append(start + part / (1 - end) if end < 1 else np.full(len(df), np.inf))
    return bounds


def _leave_room(low: np.ndarray, high: np.ndarray, bounds) -> tuple[np.ndarray, np.ndarray]:
    """Narrow ranges of chi-square to where no lower bound is above an upper one, all being lines.

    A range that leaves no room ends as NaN.
    """
    (lower_low, upper_low), (lower_high, upper_high) = bounds(low), bounds(high)
    narrow_low, narrow_high = low, high
    for one, other in permutations(range(len(lower_low)), 2):
        room_low = upper_low[other] - lower_low[one]
        room_high = upper_high[other] - lower_high[one]
        with np.errstate(divide="ignore", invalid="ignore"):
            touch = low + (high - low) * room_low / (room_low - room_high)
        touch = np.where((room_low < 0) & (room_high < 0), np.nan, touch)
        narrow_low = np.where(room_low < 0, np.maximum(narrow_low, touch), narrow_low)
        narrow_high = np.where(room_high < 0, np.minimum(narrow_high, touch), narrow_high)
    return narrow_low, narrow_high


def bound_discrepancy(gfi: float, variables: int, digits: int = 3) -> tuple[float, float]:
    """Return the smallest and the largest discrepancy F that a published GFI allows.

    At the optimum the eigenvalues of Sigma^-1 S sum to p, so that GFI = p / sum(lambda^2) and
    F = -sum(ln lambda). For a given sum of squares F is smallest and largest where the eigenvalues
    have two values: k times one above 1, p - k times one below.

    Parameters
    ----------
    gfi, variables, digits : as for :func:`implied_sample`

    Examples
    --------
    >>> np.round(bound_discrepancy(0.922, 4), 3).tolist()
    [0.143, 0.237]
    """
    variables, digits = _check_counts(variables, digits)
    least = np.nextafter(_unround(0, digits)[1], 1)
    needed = "a GFI above 0 and at most 1, after rounding too"
    gfi = check_number("gfi", gfi, least, _unround(1, digits)[1], needed=needed, **_AGAIN)
    low, high = _unround(gfi, digits)
    k = np.arange(1, variables)
    spread = np.sqrt(1 / np.minimum([[high], [low]], 1) - 1)
    above = 1 + spread * np.sqrt((variables - k) / k)
    below = np.maximum(1 - spread * np.sqrt(k / (variables - k)), 0)
    with np.errstate(divide="ignore"):
        least, most = -k * np.log(above) - (variables - k) * np.log(below)
    return float(least.min()), float(most.max())


def _check_counts(variables: int, digits: int) -> tuple[int, int]:
    variables = check_whole("variables", variables, 2, 100, **_AGAIN)
    return variables, check_whole("digits", digits, 0, of="decimals", **_AGAIN)


def _unround(value: float, digits: int) -> tuple[float, float]:
    """Return the range of numbers that are printed as this one."""
    half = 0.5 * 10.0**-digits + _NOISE
    return value - half, value + half
