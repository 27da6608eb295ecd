"""Figures of effects on an outcome: their intervals, and the chances of their ranks."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from helpers.figures import style


def effect_bars(
    effects: pd.DataFrame | dict[str, pd.DataFrame], label: str
) -> tuple[plt.Figure, plt.Axes]:
    """Draw total effects on an outcome with their intervals, the most positive on top (Fig. 3e).

    Dots are total effects, filled where the interval leaves out zero; hollow diamonds below them
    are direct effects, where there is an arrow.

    Parameters
    ----------
    effects : pandas.DataFrame or dict of pandas.DataFrame
        By cause: ``total``, ``total_low``, ``total_high`` and ``direct``, which is 0 or NaN without
        an arrow. Several tables, by group of factors, are drawn group below group.
    label : str
        Of the axis: quantity, unit, level of the intervals.

    Examples
    --------
    >>> one = {"total": 0.7, "total_low": 0.4, "total_high": 0.9, "direct": 0.5}
    >>> effect_bars(pd.DataFrame(one, ["CN"]), "Total effect")[0].get_label().split(". ")[1]
    'Highest C/N (+0.70), lowest C/N (+0.70)'
    """
    tables = effects if isinstance(effects, dict) else {"": effects}
    tables = {group: table for group, table in tables.items() if len(table)}
    if not tables:
        return style.nothing_to_draw(style.NO_EFFECTS)
    fig, ax = style.subplots(0.8 + 0.225 * (len(tables) + sum(map(len, tables.values()))))
    rows, said = [], []
    for group, table in tables.items():
        rows += [group] if group else []
        table = table.sort_values("total", ascending=False)
        named = list(style.name_in_words(table.index).values())
        table.index = style.printed_names(table.index).values()
        totals = table["total"]
        colours = totals.map(style.sign_colour)
        intervals = table[["total", "total_low", "total_high"]]
        above, below = style.draw_intervals(ax, intervals, colours, start=len(rows))
        for row, direct in enumerate(table["direct"].fillna(0), len(rows)):
            if direct:
                look = {"color": style.sign_colour(direct), "ms": 3.5, "mfc": "white"}
                ax.plot(direct, row + 0.3, "D", **look)
        rows += named
        said.append(
            (f"{group}: " if group else "")
            + f"{len(table)} total effects with intervals, {above.sum()} of them above 0, "
            f"{below.sum()} below it, {(~above & ~below).sum()} hold it. Highest "
            f"{totals.idxmax()} ({totals.max():+.2f}), lowest {totals.idxmin()} "
            f"({totals.min():+.2f})."
        )
    style.name_rows(ax, rows, label, 0)
    for tick in ax.get_yticklabels():
        tick.set_fontweight("bold" if tick.get_text() in tables else "normal")
    looks = {
        "total, interval without 0": {"marker": "o", "ms": 5, "color": "0.3"},
        "direct": {"marker": "D", "ms": 3.5, "mfc": "white", "ls": "", "color": "0.3"},
    }
    if not any(table["direct"].fillna(0).any() for table in tables.values()):
        del looks["direct"]
    style.add_legend(fig, looks, 2)
    fig.set_label(" ".join([*said, f"Axis: {label}."]))
    return fig, ax


def rank_chances(shares: pd.DataFrame, published: Sequence[str]) -> tuple[plt.Figure, plt.Axes]:
    """Draw how often each cause takes each rank in resamples, with frames at published ranks.

    Parameters
    ----------
    shares : pandas.DataFrame
        By cause; the columns are the ranks 1, 2, ..., the cells shares of the resamples (0-1).
    published : sequence of str
        Causes in the published order. Those without a row are passed over; a cause that was not
        published comes last, without a frame.

    Examples
    --------
    >>> shares = pd.DataFrame([[0.8, 0.2], [0.2, 0.8]], index=["TF", "SOC"], columns=[1, 2])
    >>> rank_chances(shares, ["TF", "SOC"])[0].get_label()[-33:]
    'Most frequent ranks: TF 1, SOC 2.'
    """
    if shares.empty:
        return style.nothing_to_draw(style.NO_EFFECTS)
    framed = [cause for cause in published if cause in shares.index]
    shares = shares.loc[[*framed, *shares.index.difference(framed, sort=False)]]
    named = list(style.name_in_words(shares.index).values())
    shares.index = style.printed_names(shares.index).values()
    percent = shares.map(lambda share: style.say_share(share, 0).replace(" ", "").rstrip("%"))
    fig, ax = style.subplots(0.6 + 0.27 * len(shares))
    colours = {"cmap": "Greys", "vmin": 0, "vmax": 1, "cbar": False}
    words = percent.where(shares > 0, "")
    style.draw_heatmap(ax, shares, annot=words, annot_kws={"fontsize": style.SMALL}, **colours)
    ax.set_yticks(ax.get_yticks(), named)
    for rank in range(len(framed)):
        ax.add_patch(Rectangle((rank, rank), 1, 1, fill=False, lw=1.6, clip_on=False))
    ax.set_xlabel("Rank (cells: % of the resamples)")
    kept = zip(shares.index, np.diag(percent)[: len(framed)], strict=False)
    often = ", ".join(f"{name} {rank}" for name, rank in shares.idxmax(axis=1).items())
    fig.set_label(
        f"Table of {len(shares)} causes by {shares.shape[1]} ranks, with frames at the published "
        "ranks. Share of resamples that agree with them: "
        + (", ".join(f"{name} {share}%" for name, share in kept) or "none published")
        + f". Most frequent ranks: {often}."
    )
    return fig, ax
