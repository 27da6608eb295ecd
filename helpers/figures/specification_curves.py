"""Figures of one conclusion under many choices."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.figures import style

AGREE_COLOURS = {
    "yes": style.GREEN,
    "nearly": style.BLUE,
    "partly": "#C28500",
    "open": "#555555",
    "no": "#A6380A",
}


def specification_curve(
    rows: pd.DataFrame, choices: list[str], axis: str, printed: float
) -> tuple[plt.Figure, np.ndarray]:
    """Draw a conclusion under every specification, and below each what was chosen.

    Parameters
    ----------
    rows : pandas.DataFrame
        One per specification: ``estimate``, ``low``, ``high`` (NaN: no bar), ``agrees``, and the
        columns of the choices.
    choices : list of str
        Columns to show below, one line for each of their values.
    axis : str
        Label of the estimates, with unit.
    printed : float
        Where the paper's claim begins to hold: a line.

    Examples
    --------
    >>> rows = pd.DataFrame({"estimate": [0.3, 0.5], "low": 0.1, "high": 0.7, "agrees": "yes"})
    >>> specification_curve(rows, ["agrees"], "gain", 0)[0].get_label()[:47]
    'Gain under 2 specifications, from 0.3 to 0.5, w'
    """
    rows = rows.dropna(subset="estimate").sort_values(["estimate", *choices])
    if rows.empty:
        return style.nothing_to_draw("No run of the sweep has an answer.")
    levels = [(name, value) for name in choices for value in sorted(rows[name].unique())]
    x = np.arange(len(rows))
    height = 0.17 * len(levels)
    number = f"{len(rows)} specification{'s' if len(rows) > 1 else ''}"
    ratios = {"height_ratios": [2.2, max(height, 0.2)]}
    fig, (upper, lower) = style.subplots(2.9 + height, 2, sharex=True, **ratios)
    upper.axhline(printed, color="0.4", lw=0.8, ls=":")
    shares = rows["agrees"].value_counts()
    for agrees in [answer for answer in AGREE_COLOURS if answer in shares]:
        part = (rows["agrees"] == agrees).to_numpy()
        at, each, colour = x[part], rows[part], AGREE_COLOURS[agrees]
        upper.vlines(at, each["low"], each["high"], color=colour, lw=1, alpha=0.5)
        label = f"{agrees} ({shares[agrees]})"
        upper.plot(at, each["estimate"], "o", ms=3, color=colour, label=label)
    upper.set_ylabel(axis)
    upper.tick_params(bottom=False, labelbottom=False)
    close = {"alignment": "left", "handletextpad": 0.1, "columnspacing": 0.8}
    fig.legend(loc="outside upper left", ncols=5, title="as printed", **close)
    for line, (name, value) in enumerate(levels):
        chosen = x[(rows[name] == value).to_numpy()]
        lower.plot(chosen, np.full(len(chosen), line), "|", ms=7, color="0.2", mew=1.2)
    breaks = [i - 0.5 for i in range(1, len(levels)) if levels[i][0] != levels[i - 1][0]]
    lower.hlines(breaks, -0.5, len(rows) - 0.5, color="0.8", lw=0.6)
    names = [
        f"{name}: {value:g}" if isinstance(value, float) else f"{name}: {value}"
        for name, value in levels
    ]
    style.name_rows(lower, names, f"{number}, sorted")
    lower.tick_params(labelsize=8)
    lower.set(xticks=[], xlim=(-0.7, len(rows) - 0.3))
    fig.set_label(
        f"{axis[0].upper()}{axis[1:]} under {number}, from "
        f"{rows['estimate'].min():.3g} to {rows['estimate'].max():.3g}, with a line at "
        f"{printed:g}. As printed: "
        + ", ".join(f"{agrees} in {count}" for agrees, count in shares.items())
        + f". Below, one line for each value of {', '.join(choices)}."
    )
    return fig, np.array([upper, lower])


def dependence_table(shares: pd.DataFrame) -> tuple[plt.Figure, plt.Axes]:
    """Draw which choice explains how much of each conclusion's spread.

    Parameters
    ----------
    shares : pandas.DataFrame
        Shares between 0 and 1, conclusions down, choices across; NaN, drawn grey, where the choice
        was not made.

    Examples
    --------
    >>> dependence_table(pd.DataFrame({"seed": {"gain": 0.2}}))[0].get_label().split(": ")[1]
    'seed explains 20% of gain.'
    """
    if shares.empty:
        return style.nothing_to_draw("None of these conclusions is in the sweep.")
    fig, ax = style.subplots(1.8 + 0.3 * len(shares))
    bar = {"label": "share of the spread", "location": "bottom", "aspect": 35}
    colours = {"cmap": "Blues", "vmin": 0, "vmax": 1, "cbar_kws": bar}
    percent = (100 * shares).map("{:.0f}".format)
    style.draw_heatmap(ax, shares, annot=percent, annot_kws={"fontsize": 8}, **colours)
    ax.set_facecolor("0.92")
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=8)
    slanted = {"rotation": 45, "ha": "left", "rotation_mode": "anchor"}
    ax.set_xticks(ax.get_xticks(), shares.columns, **slanted)
    top = shares.stack().sort_values(ascending=False).head(3)
    said = "; ".join(
        f"{choice} explains {share:.0%} of {what}" for (what, choice), share in top.items()
    )
    fig.set_label(
        f"Table of {len(shares)} conclusions by {shares.shape[1]} choices, darker where a choice "
        f"explains more of the spread. Most: {said}."
    )
    return fig, ax
