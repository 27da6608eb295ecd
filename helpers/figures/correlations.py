"""Figures of correlations: a map of crosses, the whole matrix, and what chance would give."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from helpers.factors import GROUPS, built_in, load_factors
from helpers.figures import style
from helpers.statistics.associations import as_matrix

_SCALE = {"cmap": "PuOr_r", "vmin": -1, "vmax": 1}
_BAR = {"label": "Pearson correlation r", "location": "bottom", "aspect": 35}


def correlation_map(crosses: pd.DataFrame, marks: pd.Series) -> tuple[plt.Figure, plt.Axes]:
    """Draw the correlations of two sets of factors as colours, with marks (Fig. 2a, c, e).

    Parameters
    ----------
    crosses : pandas.DataFrame
        From :func:`helpers.statistics.correlate`: ``left`` becomes rows, ``right`` columns.
    marks : pandas.Series
        What is written into each cell, by the same index.

    Examples
    --------
    >>> crosses = pd.DataFrame({"r": {("TF", "SOC"): 0.9, ("TF", "pH"): -0.5}})
    >>> correlation_map(crosses, crosses["r"].astype(str))[0].get_label().split("Highest: ")[1]
    'TF with SOC (+0.90); lowest: TF with pH (-0.50).'
    """
    if crosses.empty:
        return style.nothing_to_draw("No factors of this group. Add columns to sites.csv.")
    r, names = crosses["r"], load_factors()["label"]
    computed = load_factors()["made_from"] != ""
    daggers = names.where(~computed, names + "†")
    table = r.unstack(sort=False)
    fig, ax = style.subplots(1.2 + 0.24 * len(table))
    cells = {"annot": marks.unstack(sort=False).to_numpy(), "cbar_kws": _BAR} | _SCALE
    style.draw_heatmap(ax, table.rename(daggers).rename(daggers, axis=1), **cells)
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", length=0, rotation=90)
    highest, lowest = (
        f"{' with '.join(names[list(pair)])} ({r[pair]:+.2f})" for pair in (r.idxmax(), r.idxmin())
    )
    fig.set_label(
        f"Coloured table of {len(table)} by {table.shape[1]} correlations, {(marks != '').sum()} "
        f"of them marked. Highest: {highest}; lowest: {lowest}."
    )
    return fig, ax


def correlation_matrix(pairs: pd.DataFrame) -> tuple[plt.Figure, plt.Axes]:
    """Draw the correlations of all factors with each other, group by group (Fig. 4a).

    Within a group, factors that correlate strongly stand side by side (average linkage on
    1 - abs(r)); dots mark pairs that hold one and the same quantity by definition.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From :func:`helpers.statistics.correlate` within one table.

    Examples
    --------
    >>> from helpers.statistics import correlate
    >>> from helpers.study import load_study
    >>> correlation_matrix(correlate(load_study().factors()))[0].get_label().split(",")[0]
    'Square of 44 by 44 coloured cells'
    """
    table = as_matrix(pairs["r"])
    group_of = load_factors()["group"][table.index]
    groups = {group: group_of.index[group_of == group] for group in GROUPS}
    order = [code for codes in groups.values() for code in _side_by_side(table.loc[codes, codes])]
    names = list(style.printed_names(order).values())
    dots = built_in(pairs.index)
    fig, ax = style.subplots(style.WIDTH + 0.6)
    image = ax.imshow(table.loc[order, order], **_SCALE)
    for pair in dots.index[dots]:
        places = [order.index(code) for code in pair]
        ax.plot(places, places[::-1], "o", ms=2.5, mfc="white", mec="black", mew=0.4)
    start = -0.5
    for group, codes in groups.items():
        edge = {"fill": False, "edgecolor": style.GROUP_COLOURS[group], "linewidth": 2}
        ax.add_patch(Rectangle((start, start), len(codes), len(codes), **edge))
        start += len(codes)
    for first, x, y in ((0, ax, ax), (1, ax.secondary_xaxis("top"), ax.secondary_yaxis("right"))):
        ticks = range(first, len(order), 2)
        x.set_xticks(ticks, names[first::2], rotation=90)
        y.set_yticks(ticks, names[first::2])
        for axis in (x, y):
            axis.spines[:].set_visible(False)
            axis.tick_params(length=2, pad=1, labelsize=8)
    fig.colorbar(image, ax=ax, **_BAR)
    strong = pairs["r"].abs() > 0.7
    fig.set_label(
        f"Square of {len(order)} by {len(order)} coloured cells, with frames around the groups "
        f"{', '.join(group for group, codes in groups.items() if len(codes))}. "
        f"{strong.sum()} of {len(pairs)} pairs have |r| above 0.7; {(strong & dots).sum()} of "
        "them hold one and the same quantity by definition."
    )
    return fig, ax


def _side_by_side(table: pd.DataFrame) -> pd.Index:
    """Return factors in an order that puts those of strong correlation next to each other."""
    if len(table) < 3:
        return table.index
    distance = squareform(1 - table.abs().to_numpy(), checks=False)
    return table.index[leaves_list(linkage(distance, "average", optimal_ordering=True))]


def chance_counts(counts: np.ndarray, found: int) -> tuple[plt.Figure, plt.Axes]:
    """Draw how many significant crosses shuffled sites give, beside the number that was found.

    Parameters
    ----------
    counts : numpy.ndarray
        From :func:`helpers.statistics.count_by_chance`.
    found : int
        Number of significant crosses in the table as it is.

    Examples
    --------
    >>> chance_counts(np.array([3, 4, 4, 5]), found=12)[0].get_label().split(". ")[1]
    'A line marks the 12 that were found without shuffling.'
    """
    fig, ax = style.subplots(2.4)
    ax.hist(counts, bins=np.arange(max(counts.max(), found) + 2) - 0.5, color="0.6")
    ax.axvline(found, color="black", lw=2, label=f"found: {found}")
    fig.legend(loc="outside upper right")
    ax.set(xlabel="Significant crosses", ylabel="Shuffles")
    low, high = np.quantile(counts, [0.025, 0.975])
    fig.set_label(
        f"Histogram of the number of significant crosses in {len(counts)} shuffles: mean "
        f"{counts.mean():.1f}, 95 % of them between {low:.0f} and {high:.0f}. A line marks the "
        f"{found} that were found without shuffling."
    )
    return fig, ax
