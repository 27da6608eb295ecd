"""Figures of correlations: a map of crosses, the whole matrix, and what chance would give."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.patches import Rectangle
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from helpers.factors import GROUPS, built_in, load_factors
from helpers.figures.style import GROUP_COLOURS, STYLE, WIDTH, nothing_to_draw
from helpers.statistics.associations import as_matrix

_SCALE = {"cmap": "PuOr_r", "vmin": -1, "vmax": 1}
_LABEL = "Pearson correlation r"


def correlation_map(crosses: pd.DataFrame, marks: pd.Series) -> tuple[plt.Figure, plt.Axes]:
    """Draw the correlations of two sets of factors as colours, with marks (Fig. 2a, c, e).

    Parameters
    ----------
    crosses : pandas.DataFrame
        From :func:`helpers.statistics.correlate`: ``left`` becomes rows, ``right`` columns.
        Without rows, the figure says so.
    marks : pandas.Series
        What is written into each cell, by the same index.

    Examples
    --------
    >>> pairs = [("TF", "SOC"), ("TF", "pH")]
    >>> crosses = pd.DataFrame({"r": [0.9, -0.5]}, pd.MultiIndex.from_tuples(pairs))
    >>> fig, _ = correlation_map(crosses, pd.Series(["*", ""], crosses.index))
    >>> fig.get_label().split("Highest: ")[1]
    'TF with SOC (+0.90); lowest: TF with pH (-0.50).'
    """
    if crosses.empty:
        return nothing_to_draw("No factors of this group. Add columns to sites.csv.")
    registry = load_factors()
    table = crosses["r"].unstack(sort=False)
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 1.2 + 0.24 * len(table)))
        seaborn.heatmap(
            table,
            ax=ax,
            annot=marks.unstack(sort=False),
            fmt="",
            linewidths=0.5,
            annot_kws={"va": "center_baseline"},
            xticklabels=_names(table.columns, registry),
            yticklabels=_names(table.index, registry),
            cbar_kws={"label": _LABEL, "location": "bottom", "aspect": 35},
            **_SCALE,
        )
        ax.set(xlabel="", ylabel="")
        ax.tick_params(length=0)
        ax.xaxis.tick_top()
        ax.tick_params(axis="x", rotation=90)
        ax.tick_params(axis="y", rotation=0)
    marked = (marks != "").sum()
    fig.set_label(
        f"Coloured table of {len(table)} by {table.shape[1]} correlations, {marked} of them "
        f"marked. Highest: {_pair_of(crosses['r'].idxmax(), registry)} "
        f"({crosses['r'].max():+.2f}); lowest: {_pair_of(crosses['r'].idxmin(), registry)} "
        f"({crosses['r'].min():+.2f})."
    )
    return fig, ax


def _names(codes: pd.Index, registry: pd.DataFrame) -> list[str]:
    """Return the printed labels, with a dagger after factors that hold others."""
    computed = registry.loc[codes, "made_from"] != ""
    return list(registry.loc[codes, "label"] + computed.map({True: "†", False: ""}))


def _pair_of(codes: tuple[str, str], registry: pd.DataFrame) -> str:
    return " with ".join(registry.loc[list(codes), "label"])


def correlation_matrix(pairs: pd.DataFrame) -> tuple[plt.Figure, plt.Axes]:
    """Draw the correlations of all factors with each other, group by group (Fig. 4a).

    Parameters
    ----------
    pairs : pandas.DataFrame
        From :func:`helpers.statistics.correlate` within one table.

    Notes
    -----
    Within a group, factors that correlate strongly stand side by side (average linkage on
    1 - abs(r)). Names stand in turn on opposite sides, which leaves room for letters that can be
    read; dots mark pairs that hold one and the same quantity by definition.

    Examples
    --------
    >>> from helpers.statistics import correlate
    >>> from helpers.study import load_study
    >>> correlation_matrix(correlate(load_study().factors()))[0].get_label().split(",")[0]
    'Square of 44 by 44 coloured cells'
    """
    table = as_matrix(pairs["r"])
    registry = load_factors().loc[table.index]
    groups = [registry.index[registry["group"] == group] for group in GROUPS]
    order = [code for codes in groups for code in _side_by_side(table.loc[codes, codes])]
    table, names = table.loc[order, order], registry.loc[order, "label"].to_list()
    dots = built_in(pairs.index)
    with plt.rc_context(STYLE | {"xtick.labelsize": 8, "ytick.labelsize": 8}):
        fig, ax = plt.subplots(figsize=(WIDTH, WIDTH + 0.6))
        image = ax.imshow(table, **_SCALE)
        for pair in dots.index[dots]:
            places = [order.index(code) for code in pair]
            ax.plot(places, places[::-1], "o", ms=2.5, mfc="white", mec="black", mew=0.4)
        start = -0.5
        for group, codes in zip(GROUPS, groups, strict=True):
            edge = {"fill": False, "edgecolor": GROUP_COLOURS[group], "linewidth": 2}
            ax.add_patch(Rectangle((start, start), len(codes), len(codes), **edge))
            start += len(codes)
        opposite = ax.secondary_xaxis("top"), ax.secondary_yaxis("right")
        for axis in (ax, *opposite):
            axis.spines[:].set_visible(False)
            axis.tick_params(length=2, pad=1)
        for first, x, y in ((0, ax, ax), (1, *opposite)):
            ticks = range(first, len(order), 2)
            x.set_xticks(ticks, names[first::2], rotation=90)
            y.set_yticks(ticks, names[first::2])
        fig.colorbar(image, ax=ax, location="bottom", label=_LABEL, aspect=35)
    strong = pairs["r"].abs() > 0.7
    fig.set_label(
        f"Square of {len(order)} by {len(order)} coloured cells, with frames around the groups "
        f"{', '.join(group for group, codes in zip(GROUPS, groups, strict=True) if len(codes))}. "
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
    >>> fig, _ = chance_counts(np.array([3, 4, 4, 5]), found=12)
    >>> fig.get_label().split(". ")[1]
    'A line marks the 12 that were found without shuffling.'
    """
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 2.4))
        ax.hist(counts, bins=np.arange(max(counts.max(), found) + 2) - 0.5, color="0.6")
        ax.axvline(found, color="black", lw=2)
        ax.annotate(
            f"found: {found}",
            (found, 0.9),
            xycoords=("data", "axes fraction"),
            xytext=(-5 if found > counts.mean() else 5, 0),
            textcoords="offset points",
            ha="right" if found > counts.mean() else "left",
        )
        ax.set(xlabel="Significant crosses", ylabel="Shuffles")
    low, high = np.quantile(counts, [0.025, 0.975])
    fig.set_label(
        f"Histogram of the number of significant crosses in {len(counts)} shuffles: mean "
        f"{counts.mean():.1f}, 95 % of them between {low:.0f} and {high:.0f}. A line marks the "
        f"{found} that were found without shuffling."
    )
    return fig, ax
