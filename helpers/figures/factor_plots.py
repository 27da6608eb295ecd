"""Figures of factors: scaled, against elevation, with intervals, and by group of sites."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from helpers.factors import load_factors
from helpers.figures.style import (
    COVER_COLOURS,
    GROUP_COLOURS,
    STYLE,
    WIDTH,
    ZONE_MARKERS,
    interval,
    log_ticks,
    nothing_to_draw,
    panels,
)


def minmax_pair(values: pd.Series, scaled: pd.Series, unit: str) -> tuple[plt.Figure, np.ndarray]:
    """Draw one factor before and after min-max scaling, as the same dots on two axes.

    Parameters
    ----------
    values, scaled : pandas.Series
        The factor in its unit, and scaled to 0-1.
    unit : str
        Of `values`.

    Examples
    --------
    >>> fig, _ = minmax_pair(pd.Series([2, 3, 6], name="SOC"), pd.Series([0, 0.25, 1]), "g kg-1")
    >>> fig.get_label().split(";")[0]
    '3 dots on a line from 2 to 6 g kg-1'
    """
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(2, 1, figsize=(WIDTH, 1.9))
        colour = GROUP_COLOURS[load_factors().loc[values.name, "group"]]
        for ax, numbers, label in (
            (axes[0], values, f"{values.name} ({unit})"),
            (axes[1], scaled, f"{values.name}, share of the range"),
        ):
            ax.plot(numbers, np.zeros(len(numbers)), "o", color=colour, alpha=0.6)
            ax.set(xlabel=label, yticks=[])
            ax.spines["left"].set_visible(False)
    fig.set_label(
        f"{len(values)} dots on a line from {values.min():g} to {values.max():g} {unit}; below, "
        "the same dots at the same places on a line from 0 to 1."
    )
    return fig, axes


def gradient_panels(
    elevation: pd.Series, scaled: pd.DataFrame, fits: pd.DataFrame
) -> tuple[plt.Figure, np.ndarray]:
    """Draw each factor of one group against elevation, with its line and its parabola.

    Parameters
    ----------
    elevation : pandas.Series
        Metres.
    scaled : pandas.DataFrame
        Min-max scaled factors of one group; without columns, the figure says so.
    fits : pandas.DataFrame
        One row per factor, with the columns ``shape`` and ``marks``
        (``helpers.statistics.gradients``).

    Examples
    --------
    >>> fits = pd.DataFrame({"shape": "rises", "marks": "**"}, index=["SOC"])
    >>> scaled = pd.DataFrame({"SOC": [0, 0.4, 1]})
    >>> gradient_panels(pd.Series([3000, 4000, 4800]), scaled, fits)[0].get_label()[-11:]
    'rises: SOC.'
    """
    if scaled.empty:
        return nothing_to_draw("No factors of this group. Add columns to sites.csv.")
    registry = load_factors()
    colour = GROUP_COLOURS[registry.loc[scaled.columns[0], "group"]]
    km = elevation / 1000
    ends = np.linspace(km.min(), km.max(), 50)
    with plt.rc_context(STYLE):
        fig, axes = panels(scaled.shape[1], 3, 0.6, 1.25, sharex=True, sharey=True)
        for ax, code in zip(axes.flat, scaled, strict=False):
            ax.plot(km, scaled[code], "o", color=colour, markersize=3, alpha=0.8)
            ax.plot(ends, np.polyval(np.polyfit(km, scaled[code], 1), ends), color="black", lw=1.2)
            parabola = np.polyval(np.polyfit(km, scaled[code], 2), ends)
            ax.plot(ends, parabola, color="black", lw=1, ls=(0, (3, 2)))
            ax.set_title(f"{registry.loc[code, 'label']} {fits.loc[code, 'marks']}", pad=2)
            ax.set(ylim=(-0.05, 1.05), yticks=[0, 1])
            ax.margins(x=0.1)
            ax.locator_params(axis="x", nbins=3)
        fig.supxlabel("Elevation (km)", fontsize=10)
        fig.supylabel("Share of the range", fontsize=10)
    shapes = fits.loc[scaled.columns, "shape"]
    fig.set_label(
        f"{scaled.shape[1]} small scatter plots against elevation, one for each factor: "
        + "; ".join(
            f"{shape}: {', '.join(registry.loc[codes, 'label'])}"
            for shape, codes in shapes.groupby(shapes).groups.items()
        )
        + "."
    )
    return fig, axes


def factor_intervals(
    estimates: pd.DataFrame, label: str, neutral: float = 0
) -> tuple[plt.Figure, plt.Axes]:
    """Draw one estimate of every factor with its interval, coloured by group.

    Parameters
    ----------
    estimates : pandas.DataFrame
        By factor: the estimate and the two ends of its interval, in this order.
    label : str
        Of the axis: quantity, unit, level of the intervals.
    neutral : float
        The value that means no effect; dots are filled where the interval leaves it out. With 1,
        for ratios, the axis is logarithmic.

    Examples
    --------
    >>> table = pd.DataFrame({"r": [0.6, -0.1], "low": [0.3, -0.5], "high": [0.8, 0.4]})
    >>> fig, ax = factor_intervals(table.set_axis(["TF", "CN"]), "r, 95 %")
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['TF', 'C/N']
    """
    if estimates.empty:
        return nothing_to_draw("Nothing to compare: two groups of 3 sites are needed.")
    registry = load_factors().loc[estimates.index]
    estimates = estimates.set_axis(["middle", "low", "high"], axis="columns")
    above, below = estimates["low"] > neutral, estimates["high"] < neutral
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.19 * len(estimates)))
        if neutral == 1:
            ax.set_xscale("log")
            log_ticks(ax.xaxis)
        ax.axvline(neutral, color="0.6", lw=1)
        for position, (code, one) in enumerate(estimates.iterrows()):
            colour = GROUP_COLOURS[registry.loc[code, "group"]]
            clear = above[code] or below[code]
            interval(ax, position, one["low"], one["middle"], one["high"], colour, clear=clear)
        ax.set_yticks(range(len(estimates)), registry["label"])
        ax.set_ylim(len(estimates) - 0.4, -0.6)
        ax.set_xlabel(label)
        handles = [
            Line2D([], [], marker="o", lw=1.5, color=colour, label=group)
            for group, colour in GROUP_COLOURS.items()
            if (registry["group"] == group).any()
        ]
        fig.legend(
            handles=handles, ncols=4, loc="outside upper center", handlelength=1.2, columnspacing=1
        )
    largest, smallest = estimates["middle"].idxmax(), estimates["middle"].idxmin()
    fig.set_label(
        f"Dots with intervals for {len(estimates)} factors: the interval lies above {neutral:g} "
        f"for {above.sum()}, below it for {below.sum()}, holds it for {(~above & ~below).sum()}. "
        f"Highest is {registry.loc[largest, 'label']} ({estimates['middle'].max():.2f}), lowest "
        f"{registry.loc[smallest, 'label']} ({estimates['middle'].min():.2f}). Axis: {label}."
    )
    return fig, ax


def group_means(
    scaled: pd.DataFrame, sites: pd.DataFrame, marks: dict[str, pd.DataFrame]
) -> tuple[plt.Figure, np.ndarray]:
    """Draw the mean of every factor in each land cover and zone, with marks (Fig. 2b, d, f).

    Parameters
    ----------
    scaled : pandas.DataFrame
        Min-max scaled factors of one group; without columns, the figure says so.
    sites : pandas.DataFrame
        With land_cover and zone.
    marks : dict of pandas.DataFrame
        For ``land_cover`` and ``zone``: rows are factors, columns pairs of groups (first, second),
        cells the marks of their tests. Groups that are in no pair are not drawn.

    Examples
    --------
    >>> sites = pd.DataFrame({"land_cover": ["meadow", "steppe"], "zone": "arid"})
    >>> marks = pd.DataFrame({("meadow", "steppe"): {"SOC": "*"}})
    >>> fig, axes = group_means(pd.DataFrame({"SOC": [1, 0]}), sites, {"land_cover": marks})
    >>> len(axes)
    1
    """
    drawn = {by: table for by, table in marks.items() if table.shape[1]}
    if scaled.empty or not drawn:
        return nothing_to_draw("Nothing to compare: add factors or sites to sites.csv.")
    styles = {name: ("s", colour) for name, colour in COVER_COLOURS.items()}
    styles |= {name: (marker, "0.35") for name, marker in ZONE_MARKERS.items()}
    rows = range(scaled.shape[1])
    said = []
    with plt.rc_context(STYLE):
        size = (WIDTH, 1.2 + 0.24 * len(rows))
        widths = [1.07 + 0.36 * table.shape[1] for table in drawn.values()]
        fig, axes = plt.subplots(
            1, len(drawn), sharey=True, figsize=size, width_ratios=widths, squeeze=False
        )
        for ax, (by, table) in zip(axes[0], drawn.items(), strict=True):
            names = list(dict.fromkeys(name for pair in table for name in pair))
            means = scaled.groupby(sites[by]).mean().loc[names]
            for name, mean in means.iterrows():
                marker, colour = styles[name]
                ax.plot(mean, rows, marker, color=colour, mec="black", mew=0.5, label=name)
            ax.hlines(rows, 0, 1, color="0.85", lw=0.6, zorder=0)
            for number, (first, second) in enumerate(table):
                x = 1.2 + 0.36 * number
                ax.text(x, -0.9, f"{first[0]}–{second[0]}", ha="center", fontsize=8)
                for row, mark in enumerate(table.loc[scaled.columns, (first, second)]):
                    ax.text(x, row + 0.2, mark, ha="center", fontsize=8)
            ax.set(xlim=(-0.05, 1.02 + 0.36 * table.shape[1]), xlabel="Mean, share of range")
            ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
            ax.spines["bottom"].set_bounds(0, 1)
            highest = means.idxmax().value_counts()
            marked = (table.loc[scaled.columns] != "").to_numpy().sum()
            said.append(
                f"{by.replace('_', ' ')}: highest mean in "
                + ", ".join(f"{name} for {highest.get(name, 0)}" for name in names)
                + f" factors, {marked} of {table.loc[scaled.columns].size} comparisons marked"
            )
        axes[0, 0].set_yticks(rows, load_factors().loc[scaled.columns, "label"])
        axes[0, 0].set_ylim(len(rows) - 0.4, -0.6)
        fig.legend(loc="outside lower center", ncols=5, handletextpad=0, columnspacing=0.8)
    fig.set_label(f"Means of {len(rows)} factors side by side. By " + "; by ".join(said) + ".")
    return fig, axes[0]
