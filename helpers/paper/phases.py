"""The four phases that the paper proposes (§4.4, Fig. 5), as tables, and when their markers change.

``data/phases.csv`` and ``data/phase_links.csv`` say what the paper's text says, in our words, and
what it rests on there.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.checks import check_level, check_sites, check_whole
from helpers.paths import DATA

SUPPORTS = {
    "Fig. 4c": "the loop that the paper fits (Fig. 4c), its arrows as we read them",
    "projections": "the paper's projections to 2099, which show TOP and no marker",
    "cited": "another study, which the paper names",
    "nothing named": "no data and no study are named in that place",
}


def load_phases() -> pd.DataFrame:
    """Return the phases in their order: one row each, indexed by group of factors.

    ``markers`` are codes with the sign of their relation to TOP, ``named_in`` and ``signs_from``
    the sections that name them and give their signs.

    Examples
    --------
    >>> load_phases()["markers"].tolist()
    ['TF+ ALB-', 'EVI+', 'SOC+', 'Cenzy+']
    """
    return pd.read_csv(DATA / "phases.csv", index_col="phase")


def load_links() -> pd.DataFrame:
    """Return what the text says to lead from one phase to another: one row per statement.

    It leads ``from`` one phase ``to`` another, or stays within one; its ``kind`` is ``acts`` (one
    changes the other) or ``order`` (one comes after the other); ``rests_on`` is a key of
    ``SUPPORTS``.

    Examples
    --------
    >>> sorted(load_links()["kind"].unique())
    ['acts', 'order']
    """
    return pd.read_csv(DATA / "phase_links.csv", keep_default_na=False)


def list_markers(phases: pd.DataFrame) -> pd.DataFrame:
    """Return one row per marker of :func:`load_phases`: its phase and its sign, ``+`` or ``−``.

    Examples
    --------
    >>> list_markers(load_phases())["sign"].to_dict()
    {'TF': '+', 'ALB': '−', 'EVI': '+', 'SOC': '+', 'Cenzy': '+'}
    """
    each = phases["markers"].str.split().explode()
    table = pd.DataFrame({"phase": each.index, "sign": each.str[-1].str.replace("-", "−")})
    return table.set_index(each.str[:-1].rename("marker"))


def gather_links(links: pd.DataFrame) -> pd.DataFrame:
    """Return one row per arrow of :func:`load_links` between two phases, and what it rests on.

    By ``kind`` of statement, words of ``SUPPORTS`` with commas; empty where there is none.
    """
    between = links[links["from"] != links["to"]]
    words = between.groupby(["from", "to", "kind"], sort=False)["rests_on"].agg(
        lambda used: ", ".join(word for word in SUPPORTS if word in set(used))
    )
    pairs = pd.MultiIndex.from_frame(between[["from", "to"]].drop_duplicates())
    kinds = words.unstack("kind").reindex(index=pairs, columns=["acts", "order"])
    return kinds.fillna("").rename_axis(columns=None)


def time_changes(
    top: pd.Series,
    markers: pd.DataFrame,
    *,
    n_boot: int = 2000,
    confidence: float = 0.95,
    seed: int = 2022,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Say where along TOP each marker changes: which share of its change the middle third has seen.

    Sites are cut into thirds by their TOP. With L, M and U the means of a marker in the lower,
    middle and upper third, its change is U - L and the share (M - L) / (U - L): near 1 for a marker
    that changes early on the way from low to high TOP, near 0 for one that changes late.

    Parameters
    ----------
    top, markers : pandas.Series, pandas.DataFrame
        TOP and markers (one column each) at n sites.
    n_boot, seed : int
        How often sites are drawn with replacement within each third, one fewer than it has: so
        the variance of a drawn mean is that of the mean, free of bias. Neighbouring sites are
        drawn as if independent: the true intervals are likely wider.
    confidence : float
        Level of the percentile intervals, between 0 and 1.

    Returns
    -------
    alone : pandas.DataFrame
        By marker: ``change`` and ``share`` with their intervals. Where that of the change holds 0
        there is nothing to be timed, and the share is NaN.
    earlier : pandas.DataFrame
        By two markers, the share of the first minus that of the second with its interval; above 0
        where the first changes at lower TOP.

    Examples
    --------
    >>> markers = pd.DataFrame({"early": [0, 0, 0, 3, 3, 3, 4, 4, 4]})
    >>> time_changes(pd.Series(range(9)), markers)[0].loc["early", ["change", "share"]].tolist()
    [4.0, 0.75]
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    tops, markers = check_sites(top=top, markers=markers)
    top, seed = tops["top"], check_whole("seed", seed, 0)
    mend = "2000 take a fraction of a second"
    n_boot = check_whole("n_boot", n_boot, 100, of="draws", mend=mend)
    check_whole("top", len(top), 9, of="sites", mend="add sites: a third of fewer says nothing")
    values = markers.loc[top.sort_values(kind="stable").index].to_numpy(float)
    thirds = np.array_split(values, 3)
    rng = np.random.default_rng(seed)
    drawn = [
        part[rng.integers(len(part), size=(n_boot, len(part) - 1))].mean(axis=1) for part in thirds
    ]
    estimates = [part.mean(axis=0) for part in thirds]
    (change, share), (changes, shares) = (_shares(*means) for means in (estimates, drawn))
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    change_low, change_high = np.quantile(changes, tails, axis=0)
    clear = (change_low > 0) | (change_high < 0)
    share, shares = np.where(clear, share, np.nan), np.where(clear, shares, np.nan)
    share_low, share_high = np.quantile(shares, tails, axis=0)
    columns = {"change": change, "change_low": change_low, "change_high": change_high}
    columns |= {"share": share, "share_low": share_low, "share_high": share_high}
    pairs = pd.MultiIndex.from_product([markers.columns] * 2, names=["first", "second"])
    low, high = np.quantile(shares[:, :, None] - shares[:, None, :], tails, axis=0)
    gaps = {"difference": share[:, None] - share, "low": low, "high": high}
    earlier = pd.DataFrame({name: gap.ravel() for name, gap in gaps.items()}, pairs)
    return pd.DataFrame(columns, markers.columns), earlier


def _shares(lower: np.ndarray, middle: np.ndarray, upper: np.ndarray) -> tuple:
    change = upper - lower
    with np.errstate(divide="ignore", invalid="ignore"):
        return change, (middle - lower) / change
