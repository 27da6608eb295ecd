"""Figures of factors: scaled, against elevation, with intervals, and by group of sites."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.factors import load_factors
from helpers.figures import style


def minmax_pair(values: pd.Series, scaled: pd.Series, unit: str) -> tuple[plt.Figure, np.ndarray]:
    """Draw one factor before and after min-max scaling, as the same dots on two axes.

    Parameters
    ----------
    values, scaled : pandas.Series
    unit : str
        The factor in its unit, and scaled to 0-1.

    Examples
    --------
    >>> minmax_pair(pd.Series([2, 6], name="SOC"), pd.Series([0, 1]), "g kg-1")[0].get_label()[:35]
    '2 dots on a line from 2 to 6 g kg-1'
    """
    fig, axes = style.subplots(1.9, 2)
    (colour,) = style.factor_colours([values.name])
    labels = f"{values.name} ({unit})", f"{values.name}, share of the range"
    for ax, numbers, label in zip(axes, (values, scaled), labels, strict=True):
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
        Min-max scaled factors of one group.
    fits : pandas.DataFrame
        By factor: ``shape``, from :func:`helpers.statistics.describe_shape`, and ``marks``.

    Examples
    --------
    >>> fits = pd.DataFrame({"shape": "rises", "marks": "**"}, index=["SOC"])
    >>> km, scaled = pd.Series([3000, 4000, 4800]), pd.DataFrame({"SOC": [0, 0.4, 1]})
    >>> gradient_panels(km, scaled, fits)[0].get_label()[-11:]
    'rises: SOC.'
    """
    if scaled.empty:
        return style.nothing_to_draw("No factors of this group. Add columns to sites.csv.")
    names, words = style.printed_names(scaled.columns), load_factors()["name"]
    km = elevation / 1000
    ends = np.linspace(km.min(), km.max(), 50)
    fig, axes = style.panels(len(names), 3, 0.6, 1.4, sharex=True, sharey=True)
    for ax, code, colour in zip(axes.flat, names, style.factor_colours(names), strict=False):
        ax.plot(km, scaled[code], "o", color=colour, markersize=3, alpha=0.8)
        for degree, line in ((1, "-"), (2, style.DASHED)):
            curve = np.polyval(np.polyfit(km, scaled[code], degree), ends)
            ax.plot(ends, curve, color="black", lw=1.1, ls=line)
        title = f"{words.get(code, '')} {names[code]}\u00a0{fits.loc[code, 'marks']}"
        ax.set_title(textwrap.fill(title.strip(), 21), pad=2, fontsize=9)
        ax.set(ylim=(-0.05, 1.05), yticks=[0, 1])
        ax.margins(x=0.1)
        ax.locator_params(axis="x", nbins=3)
    fig.supxlabel("Elevation (km)")
    fig.supylabel("Share of the range")
    shapes = fits.loc[scaled.columns, "shape"]
    fig.set_label(
        f"{len(names)} small scatter plots against elevation, one for each factor: "
        + "; ".join(
            f"{shape}: {', '.join(names[code] for code in codes)}"
            for shape, codes in shapes.groupby(shapes).groups.items()
        )
        + "."
    )
    return fig, axes


def group_means(
    scaled: pd.DataFrame, sites: pd.DataFrame, marks: dict[str, pd.DataFrame]
) -> tuple[plt.Figure, np.ndarray]:
    """Draw the mean of every factor in each land cover and zone, with marks (Fig. 2b, d, f).

    Parameters
    ----------
    scaled : as for :func:`gradient_panels`
    sites : pandas.DataFrame
        With land_cover and zone.
    marks : dict of pandas.DataFrame
        For ``land_cover`` and ``zone``: rows are factors, columns pairs of groups (first, second),
        cells the marks of their tests. Groups that are in no pair are not drawn.

    Examples
    --------
    >>> sites = pd.DataFrame({"land_cover": ["meadow", "steppe"]})
    >>> marks = {"land_cover": pd.DataFrame({("meadow", "steppe"): {"SOC": "*"}})}
    >>> group_means(pd.DataFrame({"SOC": [1, 0]}), sites, marks)[0].get_label()[-37:]
    '0 factors, 1 of 1 comparisons marked.'
    """
    drawn = {by: table for by, table in marks.items() if table.shape[1]}
    if scaled.empty or not drawn:
        return style.nothing_to_draw("Nothing to compare: add factors or sites to sites.csv.")
    looks = {name: ("s", colour) for name, colour in style.COVER_COLOURS.items()}
    looks |= {name: (marker, "0.35") for name, marker in style.ZONE_MARKERS.items()}
    rows = range(scaled.shape[1])
    widths = [1.07 + 0.36 * table.shape[1] for table in drawn.values()]
    shared = {"sharey": True, "width_ratios": widths, "squeeze": False}
    fig, axes = style.subplots(1.2 + 0.24 * len(rows), 1, len(drawn), **shared)
    said = []
    for ax, (by, table) in zip(axes[0], drawn.items(), strict=True):
        table = table.loc[scaled.columns]
        names = list(dict.fromkeys(name for pair in table for name in pair))
        means = scaled.groupby(sites[by]).mean().loc[names]
        for name, mean in means.iterrows():
            marker, colour = looks[name]
            ax.plot(mean, rows, marker, color=colour, mec="black", mew=0.5, label=name)
        ax.hlines(rows, 0, 1, color="0.85", lw=0.6, zorder=0)
        for number, (first, second) in enumerate(table):
            x = 1.2 + 0.36 * number
            ax.text(x, -0.9, f"{first[0]}–{second[0]}", ha="center", fontsize=8)
            for row, mark in enumerate(table[first, second]):
                ax.text(x, row + 0.2, mark, ha="center", fontsize=8)
        ax.set(xlim=(-0.05, 1.02 + 0.36 * table.shape[1]))
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        ax.spines["bottom"].set_bounds(0, 1)
        style.name_rows(ax, style.printed_names(scaled.columns).values(), "Mean, share of range")
        highest = means.idxmax().value_counts()
        said.append(
            f"{by.replace('_', ' ')}: highest mean in "
            + ", ".join(f"{name} for {highest.get(name, 0)}" for name in names)
            + f" factors, {(table != '').to_numpy().sum()} of {table.size} comparisons marked"
        )
    fig.legend(loc="outside lower center", ncols=5, handletextpad=0, columnspacing=0.8)
    fig.set_label(f"Means of {len(rows)} factors side by side. By " + "; by ".join(said) + ".")
    return fig, axes[0]
