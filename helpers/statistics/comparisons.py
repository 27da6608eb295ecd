"""Differences between groups of sites: land covers and elevation zones.

Tables of factors come in, one row per site; tidy tables go out, one row per factor and pair of
groups. scipy and statsmodels do the testing.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd
from scipy import special, stats
from statsmodels.stats.oneway import anova_oneway

from helpers.checks import check_labels, check_level, check_sites, unit_of
from helpers.errors import InputError
from helpers.factors import load_factors

_FEWEST_SITES = 3
_KEYS = ["factor", "first", "second"]
_IN_UNITS = ["mean_first", "mean_second", "difference", "low", "high"]
_MEASURES = [
    "n_first",
    "n_second",
    "mean_first",
    "mean_second",
    "difference",
    "low",
    "high",
    "t_student",
    "df_student",
    "p_student",
    "t_welch",
    "df_welch",
    "p_welch",
    "p_games_howell",
    "g",
    "g_low",
    "g_high",
]


def choose_groups(groups: pd.Series, names: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return those of the wanted groups that have enough sites to be compared.

    Parameters
    ----------
    groups : pandas.Series
        Group of each site.
    names : sequence of str
        The groups that are wanted, in this order.
    known : sequence of str
        The groups that exist.

    Raises
    ------
    InputError
        If a wanted group does not exist, or is named twice.
    """
    for name in names:
        if name not in known or list(names).count(name) > 1:
            raise InputError(
                f"{groups.name} {name!r}",
                needed=f"names out of {', '.join(known)}, each once",
                found=", ".join(names),
                mend="use these names, with commas between them",
            )
    return [name for name in names if (groups == name).sum() >= _FEWEST_SITES]


def compare_pairs(
    values: pd.DataFrame, groups: pd.Series, names: Sequence[str], confidence: float = 0.95
) -> pd.DataFrame:
    """Compare the means of every factor between every two groups, by t tests.

    Parameters
    ----------
    values : pandas.DataFrame
        Factors, in any unit, one row per site.
    groups : pandas.Series
        Group of each site.
    names : sequence of str
        Groups to compare; a difference is that of an earlier name minus a later one.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``factor``, ``first`` and ``second`` (groups); no rows for fewer than two names.

        - ``n_first``, ``n_second``, ``mean_first``, ``mean_second``;
        - ``difference``, ``low``, ``high``: first minus second, with Welch's interval;
        - ``t_student``, ``df_student``, ``p_student``: Student's test, which takes the
          variances of both groups for equal;
        - ``t_welch``, ``df_welch``, ``p_welch``: the test that does not;
        - ``p_games_howell``: p of that test, corrected for looking at all pairs of `names`;
        - ``g``, ``g_low``, ``g_high``: Hedges' g, the difference in pooled standard deviations,
          corrected for small samples, with the interval from the noncentral t.

        NaN where neither group varies.

    Raises
    ------
    InputError
        For a gap, anything but numbers, a constant column, groups of other sites or in another
        order, fewer than 3 sites in a group, or a group that is named twice.

    References
    ----------
    Welch (1947), Biometrika 34, 28-35. Games and Howell (1976), Journal of Educational Statistics
    1, 113-125. Hedges (1981), Journal of Educational Statistics 6, 107-128.
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    values, groups = _check_groups(values, groups, names)
    units = pd.Series(unit_of(values.to_numpy()), values.columns)
    scaled = values / units
    tables = {
        (one, other): _compare(scaled[groups == one], scaled[groups == other], confidence)
        for one, other in combinations(names, 2)
    }
    if not tables:
        nothing = pd.MultiIndex.from_arrays([[], [], []], names=_KEYS)
        return pd.DataFrame(index=nothing, columns=_MEASURES, dtype=float)
    table = pd.concat(tables, names=["first", "second", "factor"]).reorder_levels(_KEYS)
    table["p_games_howell"] = stats.studentized_range.sf(
        np.sqrt(2) * table["t_welch"].abs(), len(names), table["df_welch"]
    )
    table[_IN_UNITS] = table[_IN_UNITS].mul(units, axis="index", level="factor")
    return table.loc[[(code, *pair) for code in values for pair in tables], _MEASURES]


def _check_groups(
    values: pd.DataFrame, groups: pd.Series, names: Sequence[str]
) -> tuple[pd.DataFrame, pd.Series]:
    (values,) = check_sites(values=values)
    groups = check_labels("group", groups, values.index, gaps=True)
    sizes = groups.value_counts()
    if len(set(names)) < len(names):
        found = ", ".join(map(str, names))
        raise InputError("names", needed="each group once", found=found, mend="name it once")
    for name in names:
        if sizes.get(name, 0) < _FEWEST_SITES:
            raise InputError(
                f"group {name!r}",
                needed=f"at least {_FEWEST_SITES} sites in each group that is compared",
                found=", ".join(f"{group} {size}" for group, size in sizes.items()),
                mend="leave the group out, or add sites",
            )
    return values, groups


def _compare(one: pd.DataFrame, other: pd.DataFrame, confidence: float) -> pd.DataFrame:
    vary = (one.nunique() > 1) | (other.nunique() > 1)
    a, b = one.loc[:, vary], other.loc[:, vary]
    with (
        warnings.catch_warnings()
    ):  # where one group does not vary: the other one's variance counts
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        student = stats.ttest_ind(a, b)
        welch = stats.ttest_ind(a, b, equal_var=False)
    low, high = welch.confidence_interval(confidence)
    freedom, t = student.df, student.statistic
    tails = np.array([[1 + confidence], [1 - confidence]]) / 2
    per_t = _small_sample_factor(freedom) * np.sqrt(1 / len(one) + 1 / len(other))
    g_low, g_high = per_t * special.nctdtrinc(freedom, tails, t)
    tested = {
        "low": low,
        "high": high,
        "t_student": t,
        "df_student": freedom,
        "p_student": student.pvalue,
        "t_welch": welch.statistic,
        "df_welch": welch.df,
        "p_welch": welch.pvalue,
        "g": per_t * t,
        "g_low": g_low,
        "g_high": g_high,
    }
    described = {
        "n_first": len(one),
        "n_second": len(other),
        "mean_first": one.mean(),
        "mean_second": other.mean(),
        "difference": one.mean() - other.mean(),
    }
    return pd.DataFrame(described).join(pd.DataFrame(tested, index=a.columns)).rename_axis("factor")


def _small_sample_factor(freedom: np.ndarray) -> np.ndarray:
    """Return Hedges' factor, by which d overestimates the effect."""
    ratio = special.gammaln(freedom / 2) - special.gammaln((freedom - 1) / 2)
    return np.exp(ratio) / np.sqrt(freedom / 2)


def compare_means(values: pd.DataFrame, groups: pd.Series, names: Sequence[str]) -> pd.DataFrame:
    """Ask of every factor whether any of the groups differs: Welch's analysis of variance.

    Parameters
    ----------
    values : pandas.DataFrame
        Factors, in any unit, one row per site.
    groups : pandas.Series
        Group of each site.
    names : sequence of str
        Groups to compare.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``factor``, with ``F``, ``df_between``, ``df_within`` and ``p``; no rows for
        fewer than two names, NaN where one of the groups does not vary.

    Raises
    ------
    InputError
        As :func:`compare_pairs`.

    References
    ----------
    Welch (1951), Biometrika 38, 330-336.
    """
    values, groups = _check_groups(values, groups, names)
    values = values / unit_of(values.to_numpy())
    columns = ["F", "df_between", "df_within", "p"]
    rows = {}
    for code, factor in values.items() if len(names) > 1 else ():
        samples = [factor[groups == name].to_numpy() for name in names]
        if all(np.ptp(sample) > 0 for sample in samples):
            test = anova_oneway(samples, use_var="unequal")
            rows[code] = [test.statistic, *test.df, test.pvalue]
        else:
            rows[code] = [np.nan] * len(columns)
    return pd.DataFrame.from_dict(rows, "index", columns=columns).rename_axis("factor")


def response_ratios(
    values: pd.DataFrame, groups: pd.Series, names: Sequence[str], confidence: float = 0.95
) -> pd.DataFrame:
    """Divide the mean of one group by that of another, where a ratio means something.

    Parameters
    ----------
    values : pandas.DataFrame
        Factors in their units: a ratio of min-max scaled values depends on the lowest site.
    groups : pandas.Series
        Group of each site.
    names : sequence of str
        Groups to compare, the numerator before the denominator.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        Indexed as by :func:`compare_pairs`, with ``ratio``, ``low`` and ``high`` (normal
        approximation on the logarithm). Temperatures (their zero is far off), pH (a logarithm),
        and factors with values below zero or with a mean of zero in a group have no rows.

    Raises
    ------
    InputError
        As :func:`compare_pairs`.

    References
    ----------
    Hedges, Gurevitch and Curtis (1999), Ecology 80, 1150-1156.
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    values, groups = _check_groups(values, groups, names)
    values = values / unit_of(values.to_numpy())
    means, variances = values.groupby(groups).mean(), values.groupby(groups).var()
    registered = load_factors().reindex(values.columns)
    true_zero = (registered["unit"] != "K") & (values.columns != "pH") & (values.min() >= 0)
    relative = variances.div(groups.value_counts(), axis="index") / means**2
    reach = stats.norm.ppf((1 + confidence) / 2) * np.array([0, -1, 1])
    rows = {
        (code, one, other): means.loc[one, code]
        / means.loc[other, code]
        * np.exp(reach * np.sqrt(relative.loc[one, code] + relative.loc[other, code]))
        for code, (one, other) in product(values.columns[true_zero], combinations(names, 2))
        if means.loc[one, code] > 0 and means.loc[other, code] > 0
    }
    keys = pd.MultiIndex.from_tuples(rows or [("", "", "")], names=_KEYS)[: len(rows)]
    return pd.DataFrame(list(rows.values()), keys, columns=["ratio", "low", "high"])
