"""Differences between groups of sites: land covers and elevation zones."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.oneway import anova_oneway

from helpers.checks import check_labels, check_level, check_numbers, check_sites
from helpers.errors import InputError
from helpers.statistics.associations import have_gaps, over_complete_sites

_FEWEST_SITES = 3
_KEYS = ["factor", "first", "second"]


def choose_groups(
    groups: pd.Series, wanted: str, known: Sequence[str] = (), parameter: str = "wanted"
) -> list[str]:
    """Return those of the wanted groups that have enough sites to be compared.

    Parameters
    ----------
    groups : pandas.Series
        Group of each site.
    wanted : str
        Groups in the order in which they are compared, with commas between them.
    known : sequence of str
        The usual groups. Where all sites are in these, one without sites may be wanted, too.
    parameter : str
        What `wanted` is called where a reader gives it.

    Examples
    --------
    >>> choose_groups(pd.Series(["low"] * 3 + ["high"] * 2), "high, low")
    ['low']
    """
    sizes = groups.value_counts()
    there = {*sizes.index, *(known if {*sizes.index} <= {*known} else ())}
    spelled = {name.lower(): name for name in there}
    names = [spelled.get(name.lower(), name) for name in map(str.strip, wanted.split(","))]
    unknown = [name for name in names if name not in there]
    if unknown or len(set(names)) < len(names):
        here = ", ".join(f"{name} ({count})" for name, count in sizes.items())
        raise InputError(
            f"parameter {parameter!r}",
            needed=f"names out of those in the table, each once: {here}",
            found=repr(wanted),
            mend=f"{parameter}={', '.join(sizes.index[:2])!r}, for example",
        )
    return [name for name in names if (groups == name).sum() >= _FEWEST_SITES]


def compare_pairs(
    values: pd.DataFrame, groups: pd.Series, names: Sequence[str], confidence: float = 0.95
) -> pd.DataFrame:
    """Compare the means of every factor between every two groups, by t tests.

    Parameters
    ----------
    values, groups : pandas.DataFrame, pandas.Series
        Factors, in any unit, one row per site, and the group of each site. A factor with gaps is
        taken at the sites that have it.
    names : sequence of str
        Groups to compare; a difference is that of an earlier name minus a later one.
    confidence : as for :func:`helpers.statistics.correlate`

    Returns
    -------
    pandas.DataFrame
        Indexed by ``factor``, ``first`` and ``second`` (groups); no rows for fewer than two names.

        - ``difference``, ``low``, ``high``: first minus second, with Welch's interval;
        - ``t_student``, ``df_student``, ``p_student``: Student's test, which takes the
          variances of both groups for equal;
        - ``t_welch``, ``df_welch``, ``p_welch``: the test that does not;
        - ``p_games_howell``: p of that test, corrected for looking at all pairs of `names`
          :cite:p:`games1976`.

        NaN where neither group varies, or one has fewer than three values.

    Examples
    --------
    >>> values, groups = pd.DataFrame({"y": [1, 2, 3, 4, 5, 9]}), pd.Series(list("aaabbb"))
    >>> compare_pairs(values, groups, ["a", "b"]).round(2)[["difference", "p_welch"]].to_numpy()
    array([[-4.  ,  0.11]])
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    values, groups = _check_groups(values, groups, names)
    pairs = list(combinations(names, 2))

    def compare(one: str, other: str) -> pd.DataFrame:
        def part(some: pd.DataFrame) -> pd.DataFrame:
            here = groups[some.index]
            return _compare(some[here == one], some[here == other], names, confidence)

        return over_complete_sites(part, values).loc[[*values]]

    tables = {pair: compare(*pair) for pair in pairs}
    tables = tables or {("", ""): _compare(values, values, ["", ""], confidence)}  # for its columns
    table = pd.concat(tables, names=["first", "second", "factor"]).reorder_levels(_KEYS)
    return table.loc[[(code, *pair) for code in values for pair in pairs]]


def _check_groups(
    values: pd.DataFrame, groups: pd.Series, names: Sequence[str]
) -> tuple[pd.DataFrame, pd.Series]:
    values = (
        check_numbers(values, gaps=True) if have_gaps(values) else check_sites(values=values)[0]
    )
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


def _compare(
    one: pd.DataFrame, other: pd.DataFrame, names: Sequence[str], confidence: float
) -> pd.DataFrame:
    # where one does not vary, the other one's variance counts
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        student = stats.ttest_ind(one, other)
        welch = stats.ttest_ind(one, other, equal_var=False)
        low, high = welch.confidence_interval(confidence)
    ranges = np.sqrt(2) * np.abs(welch.statistic), len(names), welch.df
    columns = {"difference": one.mean() - other.mean(), "low": low, "high": high}
    for name, test in {"student": student, "welch": welch}.items():
        columns |= {f"t_{name}": test.statistic, f"df_{name}": test.df, f"p_{name}": test.pvalue}
    columns["p_games_howell"] = stats.studentized_range.sf(*ranges)
    table = pd.DataFrame(columns, one.columns.rename("factor"))
    table.loc[(one.nunique() == 1) & (other.nunique() == 1), "low":] = np.nan
    if min(len(one), len(other)) < _FEWEST_SITES:
        table[:] = np.nan
    return table


def compare_means(values: pd.DataFrame, groups: pd.Series, names: Sequence[str]) -> pd.DataFrame:
    """Ask of every factor whether any group differs: Welch's analysis of variance.

    One row per factor :cite:p:`welch1951`, NaN where a group does not vary or has fewer than three
    values; no rows for fewer than two names.

    Parameters
    ----------
    values, groups, names : as for :func:`compare_pairs`

    Examples
    --------
    >>> values, groups = pd.DataFrame({"y": [1, 2, 3, 4, 5, 9]}), pd.Series(list("aaabbb"))
    >>> compare_means(values, groups, ["a", "b"])["F"].round(3).tolist()
    [6.0]
    """
    values, groups = _check_groups(values, groups, names)
    columns = ["F", "df_between", "df_within", "p"]
    rows = {}
    for code, factor in values.items() if len(names) > 1 else ():
        samples = [factor[groups == name].dropna().to_numpy() for name in names]
        rows[code] = [np.nan] * len(columns)
        if all(len(sample) >= _FEWEST_SITES and np.ptp(sample) > 0 for sample in samples):
            test = anova_oneway(samples, use_var="unequal")
            rows[code] = [test.statistic, *test.df, test.pvalue]
    return pd.DataFrame.from_dict(rows, "index", columns=columns).rename_axis("factor")
