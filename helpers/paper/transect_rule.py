"""When the transect supports a claim: two tests on all sites, and no site that decides alone.

*Supported*: Pearson's and Spearman's correlations both have the claimed sign and p < .05, with
neighbours kept as alike as they are, and stay so whichever site is left out. *Not supported*: the
same with the other sign; or a relation that thirty sites would show (|r| >= .361 at p < .05) is
outside both intervals. *Undecided*: everything else.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import check_columns, check_level, check_numbers, check_whole
from helpers.pathmodel.resampling import bootstrap_effects
from helpers.pathmodel.spec import PathModel
from helpers.statistics.associations import left_over
from helpers.statistics.neighbours import (
    name_blocks,
    randomization_test,
    randomize_pairs,
    spatial_patterns,
)

VERDICTS = ("supported", "not supported", "undecided")
_ALPHA, _THIRTY = 0.05, 30


def least_shown(alpha: float = _ALPHA, n: int = _THIRTY) -> float:
    """Return the smallest correlation that has p < alpha at n independent sites.

    Parameters
    ----------
    alpha, n : float and int
        Level of the two-sided t test, and number of sites.

    Examples
    --------
    >>> round(least_shown(), 3)
    0.361
    """
    alpha, n = check_level("alpha", alpha, usual=0.05), check_whole("n", n, 3, of="sites")
    t = stats.t.isf(alpha / 2, n - 2)
    return float(t / np.sqrt(n - 2 + t**2))


def hold_elevation(sites: pd.DataFrame, variables: list[str]) -> pd.DataFrame:
    """Return places, and what a straight line on elevation leaves of variables, and of ``peak``.

    Peak is minus the square of elevation: it correlates positively with what is highest, and
    negatively with what is lowest, at middle elevations.
    """
    km = sites[["elevation"]] / 1000
    table = sites[variables].assign(peak=-(km["elevation"] ** 2))
    return sites[["longitude", "latitude"]].join(left_over(table, km)[0])


def judge_relations(
    sites: pd.DataFrame,
    relations: pd.DataFrame,
    *,
    draws: int = 1999,
    seed: int = 2022,
) -> pd.DataFrame:
    """Say what all sites of the transect tell of claimed relations, by the rule of this module.

    Parameters
    ----------
    sites : pandas.DataFrame
        longitude, latitude and the variables; a group of sites is a variable of 0 and 1.
    relations : pandas.DataFrame
        By claim: ``left``, ``right`` (variables) and ``sign`` (1 or -1, as the paper has it).
    draws, seed : int
        As for :func:`helpers.statistics.randomization_test`.

    Returns
    -------
    pandas.DataFrame
        By claim: ``r``, its 95 % interval ``r_low`` to ``r_high``, ``p`` of values, the same with
        ``_ranks`` of ranks, ``decides`` (of the sites without which the verdict would be another,
        the one that moves the correlation of ranks most; empty where there is none) and
        ``verdict``.
    """
    draws, seed = check_whole("draws", draws, 100), check_whole("seed", seed, 0)
    check_columns("relations", relations, ["left", "right", "sign"])
    check_columns("sites", sites, pd.unique(relations[["left", "right"]].to_numpy().ravel()))
    x, y = (
        check_numbers(sites[list(relations[side])].set_axis(relations.index, axis=1)).to_numpy()
        for side in ("left", "right")
    )
    places, sign = sites[["longitude", "latitude"]], relations["sign"].to_numpy()
    found = _judge(x, y, places, sign, draws, seed)
    decides, change = pd.Series("", relations.index), np.zeros(len(relations))
    everything = np.arange(len(sites))
    for row in everything:
        kept = everything != row
        without = _judge(x[kept], y[kept], places[kept], sign, draws, seed)
        other = (without["verdict"] != found["verdict"]) & (found["verdict"] != "undecided")
        moved = (without["r_ranks"] - found["r_ranks"]).abs().to_numpy()
        most = other.to_numpy() & (moved > change + 1e-9)  # of equal ones the first, anywhere
        decides[most], change[most] = sites.index[row], moved[most]
    table = found.set_axis(relations.index)
    verdict = table["verdict"].where(decides == "", "undecided")
    return table.assign(decides=decides, verdict=verdict)


def _judge(x, y, places, sign, draws, seed) -> pd.DataFrame:
    """Return correlations, intervals and the verdict of each pair of columns, (n, pairs)."""
    patterns = spatial_patterns(places)
    columns, clear, small = {}, [], []
    for kind, (one, other) in {
        "": (x, y),
        "_ranks": (stats.rankdata(x, axis=0), stats.rankdata(y, axis=0)),
    }.items():
        r, p, n = randomize_pairs(one, other, patterns, draws, seed)
        reach = stats.norm.isf(_ALPHA / 2) / np.sqrt(np.maximum(n - 3, 1))
        low, high = np.tanh(np.arctanh(r) - reach), np.tanh(np.arctanh(r) + reach)
        columns |= {f"r{kind}": r, f"r{kind}_low": low, f"r{kind}_high": high, f"p{kind}": p}
        clear.append(np.where(p < _ALPHA, np.sign(r) * sign, 0))
        small.append(np.where(sign > 0, high, -low) < least_shown())
    both = clear[0] + clear[1]
    verdict = np.where(both == 2, VERDICTS[0], VERDICTS[2])
    verdict = np.where((both == -2) | (small[0] & small[1] & (both < 2)), VERDICTS[1], verdict)
    return pd.DataFrame(columns).assign(verdict=verdict)


def estimate_effects(
    model: PathModel,
    data: pd.DataFrame,
    places: pd.DataFrame,
    outcome: str,
    *,
    n_boot: int = 2000,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """Return the effects on an outcome with intervals from blocks of neighbours, and p of each
    arrow, the other causes held and neighbours kept; NaN without an arrow.
    """
    options = {"blocks": name_blocks(places), "n_boot": n_boot, "seed": seed}
    found = bootstrap_effects(model, data, outcome, **options).table.assign(p=np.nan)
    causes = list(model.parents(outcome))
    for cause in causes:
        others = [name for name in causes if name != cause]
        options = {"given": data[others] if others else None, "draws": draws, "seed": seed}
        test = randomization_test(data[[cause]], data[[outcome]], places, **options)
        found.loc[(cause, outcome), "p"] = test["p"].item()
    return found
