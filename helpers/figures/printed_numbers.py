"""Figures of printed numbers: what else they allow."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from helpers.figures import style

_NOISE = 1e-12  # of a number that was rounded in binary


def rows_behind_rmsea(
    chi2_df: float, rmsea: float, decimals: int, stated: int, rows: range
) -> tuple[plt.Figure, np.ndarray]:
    """Draw the RMSEA that each number of rows would print, sqrt((chi2/df - 1) / (N - 1)).

    Above, all numbers of rows; below, those around the printed RMSEA, with a band for what rounds
    to it.

    Parameters
    ----------
    chi2_df, rmsea : float
    decimals : int
        As printed, and the decimals that `rmsea` was rounded to.
    stated : int
    rows : range
        Number of rows that the publication states, and those to draw, from 2 on.

    Examples
    --------
    >>> rows_behind_rmsea(4.257, 0.275, 3, 30, range(10, 101))[0].get_label().split(". ")[-1]
    'N = 44: prints 0.275; N = 30, the number of sites: would print 0.335.'
    """
    n = np.union1d(np.array(rows), [stated])
    index = np.sqrt(max(chi2_df - 1, 0) / (n - 1))
    half = 0.5 * 10.0**-decimals
    agrees = np.abs(index - rmsea) <= half + _NOISE
    near = np.flatnonzero(agrees) if agrees.any() else [np.abs(index - rmsea).argmin()]
    around = np.isin(np.arange(len(n)), np.arange(near[0] - 2, near[-1] + 3))
    printed, would = f"{rmsea:.{decimals}f}", f"{index[n == stated][0]:.{decimals}f}"
    found = (
        f"N = {_say_range(n[agrees])}: prints {printed}" if agrees.any() else "no N drawn prints it"
    )
    verb = "prints" if agrees[n == stated] else "would print"
    other = f"N = {stated}, the number of sites: {verb} {would}"
    fig, axes = style.subplots(4.2, 2)
    titles = f"N from {n[0]} to {n[-1]}", "around the printed RMSEA"
    for ax, shown, title in zip(axes, (n > 0, around), titles, strict=True):
        band = f"rounds to the printed {printed}"
        ax.axhspan(rmsea - half, rmsea + half, color="0.5", alpha=0.3, lw=0, label=band)
        ax.plot(n[shown], index[shown], "o-", color="0.55", ms=2.5, lw=0.8, label="_")
        one, two = agrees & shown, (n == stated) & shown
        ax.plot(n[one], index[one], "o", color=style.INK, ms=6, label=found)
        ax.plot(n[two], index[two], "D", color=style.SIMULATED, ms=4.5, label=other)
        ax.set_ylabel("RMSEA")
        ax.set_title(title, loc="left", pad=3)
        ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    ax.set_xlabel("Number of rows N")
    fig.legend(handles=axes[0].get_legend_handles_labels()[0], loc="outside upper left")
    fig.set_label(
        f"Falling curve of the RMSEA that goes with chi-square / df = {chi2_df:g}, for N from "
        f"{n[0]} ({index[0]:.{decimals}f}) to {n[-1]} ({index[-1]:.{decimals}f}), with a band for "
        f"what rounds to {printed}. {found[0].upper()}{found[1:]}; {other}."
    )
    return fig, axes


def possible_samples(
    panels: dict[str, dict[str, pd.DataFrame]],
) -> tuple[plt.Figure, np.ndarray]:
    """Draw which pairs of N and df are left by more and more of the printed indices.

    Parameters
    ----------
    panels : dict of dict of pandas.DataFrame
        By title of the panel, then by the indices that were used, at most four sets, each a part of
        the one before: from :func:`helpers.paper.implied_sample`, with ``n`` and ``df``.

    Examples
    --------
    >>> pairs = pd.DataFrame({"n": [43, 44], "df": 2})
    >>> possible_samples({"the loop": {"RMSEA": pairs}})[0].get_label().split(": ")[-1]
    'RMSEA leave 2, N 43 to 44, df 2.'
    """
    looks = (("o", "0.75", 11), ("o", style.PALE, 8), ("o", style.INK, 5), (".", "white", 4))
    pairs = pd.concat([table for panel in panels.values() for table in panel.values()])
    fig, axes = style.panels(len(panels), 1, 0.8, 1.7, sharex=True, sharey=True)
    said = []
    for ax, (title, panel) in zip(axes[:, 0], panels.items(), strict=True):
        for (kind, table), (marker, colour, size) in zip(panel.items(), looks, strict=False):
            dots = {"color": colour, "ms": size, "label": kind, "clip_on": False}
            ax.plot(table["n"], table["df"], marker, ls="", **dots)
        ax.set_title(title, loc="left", pad=5)
        ax.set_ylabel("df")
        left = [f"{kind} {_say_pairs(table)}" for kind, table in panel.items()]
        said.append(f"{title}: {'; '.join(left)}")
    for which, numbers in (("x", pairs["n"]), ("y", pairs["df"])):
        ax.set(**{f"{which}lim": (numbers.min() - 0.5, numbers.max() + 0.5)})
        getattr(ax, f"{which}axis").set_major_locator(MaxNLocator("auto", integer=True))
    ax.set_xlabel("Number of rows N")
    fig.legend(handles=axes[0, 0].get_legend_handles_labels()[0], loc="outside upper left")
    fig.set_label(
        "Dots for pairs of a number of rows N and degrees of freedom df that could have printed "
        f"the indices. {'. '.join(said)}."
    )
    return fig, axes[:, 0]


def _say_pairs(table: pd.DataFrame) -> str:
    if table.empty:
        return "leave no pair"
    return f"leave {len(table)}, N {_say_range(table['n'])}, df {_say_range(table['df'])}"


def _say_range(numbers: np.ndarray) -> str:
    ends = dict.fromkeys((numbers.min(), numbers.max()))
    return " to ".join(f"{end:g}" for end in ends)


def correlation_ranges(matches: pd.DataFrame, neighbours: list[str]) -> tuple[plt.Figure, plt.Axes]:
    """Draw how far each correlation varies among the matrices that would print the same numbers.

    Parameters
    ----------
    matches : pandas.DataFrame
        From :func:`helpers.paper.matching_correlations`: one column per pair, besides ``n`` and
        ``residual``.
    neighbours : list of str
        The columns of pairs that an arrow joins.

    Examples
    --------
    >>> matches = pd.DataFrame({"TF, SOC": [0.8, 0.9], "n": 44, "residual": 0.001})
    >>> correlation_ranges(matches, ["TF, SOC"])[0].get_label().split(": ")[-1]
    'TF, SOC 0.850 (0.800 to 0.900).'
    """
    if matches.empty:
        return style.nothing_to_draw("No matrix of correlations would print these numbers.")
    pairs = matches.drop(columns=["n", "residual"])
    spread = pairs.quantile([0, 0.25, 0.5, 0.75, 1]).T.sort_values(0.5, ascending=False)
    names = [", ".join(style.printed_names(pair.split(", ")).values()) for pair in spread.index]
    dot = {"mfc": "white", "ms": 6, "ls": "", "clip_on": False}
    looks = {
        "neighbours in the loop": dot | {"marker": "o", "color": style.INK},
        "not neighbours": dot | {"marker": "D", "color": style.SIMULATED},
    }
    fig, ax = style.subplots(1.1 + 0.28 * len(names))
    said = []
    for row, (pair, (low, first, median, third, high)) in enumerate(spread.iterrows()):
        kind = "neighbours in the loop" if pair in neighbours else "not neighbours"
        colour = looks[kind]["color"]
        ax.plot([low, high], [row, row], color=colour, lw=1)
        ax.plot([first, third], [row, row], color=colour, lw=4, solid_capstyle="butt")
        ax.plot(median, row, **looks[kind])
        beside = "" if pair in neighbours else " (not neighbours)"
        said.append(f"{names[row]}{beside} {median:.3f} ({low:.3f} to {high:.3f})")
    ax.set_xlim(right=1)
    style.name_rows(ax, names, "Correlation (range, quartiles and median)")
    style.add_legend(fig, looks, 2)
    fig.set_label(
        f"Ranges of {len(spread)} correlations, the highest median on top; the axis ends at 1 "
        f"(matrices: {len(matches)}). Medians with ranges: {'; '.join(said)}."
    )
    return fig, ax
