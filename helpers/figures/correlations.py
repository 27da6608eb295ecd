"""Figures of correlations: a map of crosses, the whole matrix, and what chance would give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
_BAR = {
    "label": "Pearson correlation r",
    "location": "bottom",
    "aspect": 35,
    "ticks": [-1, -0.5, 0, 0.5, 1],
}


def correlation_map(
    crosses: pd.DataFrame, marks: pd.Series, frames: pd.Series | None = None
) -> tuple[plt.Figure, plt.Axes]:
    """Draw the correlations of two sets of factors as colours, with marks (Fig. 2a, c, e).

    Parameters
    ----------
    crosses : pandas.DataFrame
        From :func:`helpers.statistics.correlate`: ``left`` becomes rows, ``right`` columns.
    marks : pandas.Series
        What is written into each cell, by the same index.
    frames : pandas.Series, optional
        Which cells get a frame, by the same index.

    Examples
    --------
    >>> crosses = pd.DataFrame({"r": {("TF", "SOC"): 0.9, ("TF", "pH"): -0.5}})
    >>> correlation_map(crosses, crosses["r"].astype(str))[0].get_label().split("Highest: ")[1]
    'TF with SOC (+0.90); lowest: TF with pH (-0.50).'
    """
    if crosses.empty:
        return style.nothing_to_draw("No factors of this group. Add columns to sites.csv.")
    r, made_from = crosses["r"], load_factors()["made_from"]
    names = style.printed_names(np.unique(crosses.index.to_frame()))
    daggers = {code: name + "†" * bool(made_from.get(code)) for code, name in names.items()}
    table = r.unstack(sort=False)
    fig, ax = style.subplots(2.2 + 0.24 * len(table))
    cells = {"annot": marks.unstack(sort=False).to_numpy(), "cbar_kws": _BAR} | _SCALE
    cells["annot_kws"] = {"fontsize": style.SMALL}
    words = style.name_in_words(names)
    words = {code: words[code] + "†" * daggers[code].endswith("†") for code in names}
    style.draw_heatmap(ax, table.rename(words).rename(words, axis=1), **cells)
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", length=0, rotation=90)
    framed = "" if frames is None else f" and {frames.sum()} framed"
    for left, right in [] if frames is None else frames.index[frames]:
        corner = table.columns.get_loc(right), table.index.get_loc(left)
        ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="black", lw=1.3, clip_on=False))
    highest, lowest = (
        f"{' with '.join(names[code] for code in pair)} ({r[pair]:+.2f})"
        for pair in (r.idxmax(), r.idxmin())
    )
    fig.set_label(
        f"Coloured table of {len(table)} by {table.shape[1]} correlations, {(marks != '').sum()} "
        f"of them marked{framed}. Highest: {highest}; lowest: {lowest}."
    )
    return fig, ax


def fading_marks(r: pd.Series, marks: pd.DataFrame) -> tuple[plt.Figure, np.ndarray]:
    """Draw one table of correlations several times, each time with those that keep a mark.

    Parameters
    ----------
    r : pandas.Series
        Correlations; ``left`` becomes the columns of a panel, ``right`` the rows.
    marks : pandas.DataFrame
        A column for each panel, named as its title: marks by the same index, empty where there is
        none.

    Examples
    --------
    >>> r = pd.Series({("TF", "SOC"): 0.9, ("TF", "pH"): -0.5})
    >>> marks = pd.DataFrame({"naive": ["***", "*"], "honest": ["**", ""]}, r.index)
    >>> fading_marks(r, marks)[0].get_label().split(": ")[1]
    'naive 2, honest 1.'
    """
    rows = list(dict.fromkeys(r.index.get_level_values(1)))
    columns = list(dict.fromkeys(r.index.get_level_values(0)))
    fig, axes = style.subplots(
        1.9 + 0.19 * len(rows), columns=marks.shape[1], sharey=True, squeeze=False
    )
    for ax, (title, column) in zip(axes.flat, marks.items(), strict=True):
        table = r.where(column != "").unstack(0).loc[rows, columns]
        image = ax.imshow(table, aspect="auto", **_SCALE)
        ax.set(facecolor="0.93", xticks=[])
        ax.set_title(f"{title}\n{(column != '').sum()} of {len(r)}", fontsize=9)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    axes[0, 0].set_yticks(range(len(rows)), style.name_in_words(rows).values())
    fig.colorbar(image, ax=axes, **_BAR)
    counts = (marks != "").sum()
    said = ", ".join(f"{' '.join(title.split())} {count}" for title, count in counts.items())
    fig.set_label(
        f"{len(counts)} coloured tables of {len(rows)} by {len(columns)} correlations, one beside "
        f"the other, with fewer and fewer cells that keep their colour: {said}."
    )
    return fig, axes


def correlation_matrix(
    pairs: pd.DataFrame,
    groups: Mapping[str, Iterable[str]] | None = None,
    dots: pd.Series | None = None,
) -> tuple[plt.Figure, plt.Axes]:
    """Draw the correlations of all factors with each other, group by group (Fig. 4a).

    Within a group, factors that correlate strongly stand side by side (average linkage on
    1 - abs(r)); dots mark pairs that hold one and the same quantity by definition.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From :func:`helpers.statistics.correlate` within one table.
    groups : mapping, optional
        Codes by group, in the order of the registry's groups; as in the registry if left out.
    dots : pandas.Series, optional
        Which pairs get a dot; those of :func:`helpers.factors.built_in` if left out.

    Examples
    --------
    >>> from helpers.statistics import correlate
    >>> from helpers.study import load_study
    >>> correlation_matrix(correlate(load_study().factors()))[0].get_label().split(",")[0]
    'Square of 44 by 44 coloured cells'
    """
    table = as_matrix(pairs["r"])
    if groups is None:
        group_of = load_factors()["group"][table.index]
        groups = {group: group_of.index[group_of == group] for group in GROUPS}
    groups = {group: pd.Index(codes).intersection(table.index) for group, codes in groups.items()}
    order = [code for codes in groups.values() for code in _side_by_side(table.loc[codes, codes])]
    names = list(style.printed_names(order).values())
    dots = built_in(pairs.index) if dots is None else dots
    fig, ax = style.subplots(style.WIDTH + 0.6)
    image = ax.imshow(table.loc[order, order], **_SCALE)
    for pair in dots.index[dots]:
        places = [order.index(code) for code in pair]
        ax.plot(places, places[::-1], "o", ms=2.5, mfc="white", mec="black", mew=0.4)
    start = -0.5
    for colour, codes in zip(style.GROUP_COLOURS.values(), groups.values(), strict=False):
        edge = {"fill": False, "edgecolor": colour, "linewidth": 2}
        ax.add_patch(Rectangle((start, start), len(codes), len(codes), **edge))
        start += len(codes)
    for first, x, y in ((0, ax, ax), (1, ax.secondary_xaxis("top"), ax.secondary_yaxis("right"))):
        ticks = range(first, len(order), 2)
        x.set_xticks(ticks, names[first::2], rotation=90)
        y.set_yticks(ticks, names[first::2])
        for axis in (x, y):
            axis.spines[:].set_visible(False)
            axis.tick_params(length=2, pad=1, labelsize=style.SMALL)
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


def chance_counts(counts: Mapping[str, np.ndarray], found: int) -> tuple[plt.Figure, plt.Axes]:
    """Draw how many significant crosses chance gives, beside the number that was found.

    Parameters
    ----------
    counts : mapping
        By what chance does, how often each number of crosses came: one count for each draw, as
        from :func:`helpers.statistics.count_by_chance`.
    found : int
        Number of significant crosses in the table as it is.

    Examples
    --------
    >>> chance_counts({"shuffled": np.array([3, 4, 4, 5])}, found=12)[0].get_label().split(". ")[1]
    'A line marks the 12 that were found.'
    """
    fig, ax = style.subplots(2.4)
    most = max(found, *(each.max() for each in counts.values()))
    edges = np.arange(0, most + 2, max(1, most // 40)) - 0.5
    looks, said = {}, []
    for colour, (name, each) in zip(("0.75", "0.35"), counts.items(), strict=False):
        weights = np.full(len(each), 100 / len(each))
        ax.hist(np.clip(each, None, edges[-1]), edges, weights=weights, color=colour, alpha=0.75)
        looks[name] = {"color": colour, "lw": 6}
        low, high = np.quantile(each, [0.025, 0.975])
        said.append(f"{name}, mean {each.mean():.1f}, 95 % between {low:.0f} and {high:.0f}")
    ax.axvline(found, color="black", lw=2)
    looks[f"found: {found}"] = {"color": "black", "lw": 2}
    style.add_legend(fig, looks, 3)
    ax.set(xlabel="Significant crosses", ylabel="Draws (%)")
    fig.set_label(
        f"Histograms of the number of significant crosses by chance: {'; '.join(said)}. A line "
        f"marks the {found} that were found."
    )
    return fig, ax
