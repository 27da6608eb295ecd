"""The four phases that the paper proposes (§4.4, Fig. 5), as tables, and when their markers change.

``data/phases.csv`` and ``data/phase_links.csv`` say what the paper's text says, in our words, and
what it rests on there.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.checks import check_level, check_sites, check_whole
from helpers.errors import InputError
from helpers.paths import DATA

SUPPORTS = {
    "Fig. 4c": "the loop that the paper fits (Fig. 4c), its arrows as we read them",
    "projections": "the paper's projections to 2099, which show TOP and no marker",
    "cited": "another study, which the paper names",
    "nothing named": "no data and no study are named in that place",
}
_FEWEST_SITES = 9  # three to a third
_FEWEST_DRAWS = 100


def load_phases() -> pd.DataFrame:
    """Return the phases in their order: one row each, indexed by group of factors.

    Returns
    -------
    pandas.DataFrame
        ``order``, ``name``, ``markers`` (codes with the sign of their relation to TOP),
        ``named_in`` and ``signs_from`` (sections that name the markers and give their signs),
        ``says``.
    """
    return pd.read_csv(DATA / "phases.csv", index_col="phase")


def load_links() -> pd.DataFrame:
    """Return what the text says to lead from one phase to another: one row per statement.

    Returns
    -------
    pandas.DataFrame
        ``from`` and ``to`` (phases; the same where it stays within one), ``kind`` (``acts``: one
        changes the other; ``order``: one comes after the other), ``says``, ``rests_on`` (a key of
        :data:`SUPPORTS`), ``study`` (which one, empty for none), ``section``.
    """
    return pd.read_csv(DATA / "phase_links.csv", keep_default_na=False)


def list_markers(phases: pd.DataFrame) -> pd.DataFrame:
    """Return one row per marker: its phase and its sign, ``+`` or ``−``.

    Parameters
    ----------
    phases : pandas.DataFrame
        As :func:`load_phases` returns it.
    """
    each = phases["markers"].str.split().explode()
    table = pd.DataFrame({"phase": each.index, "sign": each.str[-1].str.replace("-", "−")})
    return table.set_index(each.str[:-1].rename("marker"))


def gather_links(links: pd.DataFrame) -> pd.DataFrame:
    """Return one row per arrow between two phases: all that it rests on, in a few words.

    Parameters
    ----------
    links : pandas.DataFrame
        As :func:`load_links` returns it.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``from`` and ``to``: ``acts`` and ``order``, words of :data:`SUPPORTS` in its
        order, separated by commas; empty where the text makes no such statement.
    """
    between = links[links["from"] != links["to"]]
    words = between.groupby(["from", "to", "kind"], sort=False)["rests_on"].agg(_in_order)
    pairs = pd.MultiIndex.from_frame(between[["from", "to"]].drop_duplicates())
    kinds = words.unstack("kind").reindex(index=pairs, columns=["acts", "order"])
    return kinds.fillna("").rename_axis(columns=None)


def _in_order(words: pd.Series) -> str:
    return ", ".join(word for word in SUPPORTS if word in set(words))


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
    top : pandas.Series
        TOP at n sites.
    markers : pandas.DataFrame
        n rows, one column per marker.
    n_boot : int
        How often sites are drawn with replacement within each third, one fewer than it has: so
        the variance of a drawn mean is that of the mean, free of bias.
    confidence : float
        Level of the percentile intervals, between 0 and 1.
    seed : int
        Of the drawing.

    Returns
    -------
    alone : pandas.DataFrame
        By marker: ``change`` and ``share`` with ``_low`` and ``_high``. Where the interval of the
        change holds 0 there is nothing to be timed, and share and interval are NaN.
    earlier : pandas.DataFrame
        By ``first`` and ``second`` (two markers): the share of the first minus that of the second,
        ``difference`` with ``low`` and ``high``; above 0 where the first changes at lower TOP.

    Raises
    ------
    InputError
        For fewer than 9 sites or 100 draws, markers of other sites or in another order, a gap, or a
        column with one value only.

    Notes
    -----
    Neighbouring sites are drawn as if independent: the true intervals are likely wider.
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    tops, markers = check_sites(top=top, markers=markers)
    top, seed = tops["top"], check_whole("seed", seed, 0)
    mend = "2000 take a fraction of a second"
    n_boot = check_whole("n_boot", n_boot, _FEWEST_DRAWS, of="draws", mend=mend)
    if len(top) < _FEWEST_SITES:
        raise InputError(
            "thirds of the sites",
            needed=f"at least {_FEWEST_SITES} sites",
            found=f"{len(top)}",
            mend="add sites: a third of fewer says nothing",
        )
    values = markers.loc[top.sort_values(kind="stable").index].to_numpy(float)
    thirds = np.array_split(values, 3)
    rng = np.random.default_rng(seed)
    drawn = [
        part[rng.integers(len(part), size=(n_boot, len(part) - 1))].mean(axis=1) for part in thirds
    ]
    estimates = [part.mean(axis=0) for part in thirds]
    with np.errstate(divide="ignore", invalid="ignore"):
        (change, share), (changes, shares) = (_shares(*means) for means in (estimates, drawn))
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    change_low, change_high = np.quantile(changes, tails, axis=0)
    clear = (change_low > 0) | (change_high < 0)
    share, shares = np.where(clear, share, np.nan), np.where(clear, shares, np.nan)
    share_low, share_high = np.quantile(shares, tails, axis=0)
    columns = {"change": change, "change_low": change_low, "change_high": change_high}
    columns |= {"share": share, "share_low": share_low, "share_high": share_high}
    alone = pd.DataFrame(columns, markers.columns)
    pairs = pd.MultiIndex.from_product([markers.columns] * 2, names=["first", "second"])
    low, high = np.quantile(shares[:, :, None] - shares[:, None, :], tails, axis=0)
    gaps = {"difference": share[:, None] - share, "low": low, "high": high}
    earlier = pd.DataFrame({name: gap.ravel() for name, gap in gaps.items()}, pairs)
    return alone, earlier


def _shares(lower: np.ndarray, middle: np.ndarray, upper: np.ndarray) -> tuple:
    return upper - lower, (middle - lower) / (upper - lower)
