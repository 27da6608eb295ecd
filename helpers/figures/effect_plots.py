"""Figures of effects on an outcome: their intervals, and the chances of their ranks."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from helpers.figures.style import (
    NO_EFFECTS,
    STYLE,
    WIDTH,
    interval,
    nothing_to_draw,
    printed_names,
    sign_colour,
)


def effect_bars(effects: pd.DataFrame, label: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw total effects on an outcome with their intervals, the most positive on top (Fig. 3e).

    Dots are total effects, filled where the interval leaves out zero; hollow diamonds below them
    are direct effects, where there is an arrow.

    Parameters
    ----------
    effects : pandas.DataFrame
        By cause: ``total``, ``total_low``, ``total_high`` and ``direct``, which is 0 or NaN without
        an arrow. Without rows, the figure says so.
    label : str
        Of the axis: quantity, level of the intervals.

    Examples
    --------
    >>> one = {"total": 0.7, "total_low": 0.4, "total_high": 0.9, "direct": 0.5}
    >>> fig, ax = effect_bars(pd.DataFrame(one, ["SOC"]), "Total effect, 95 %")
    >>> ax.get_xlabel()
    'Total effect, 95 %'
    """
    if effects.empty:
        return nothing_to_draw(NO_EFFECTS)
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.26 * len(effects)))
        names = _draw_effects(ax, effects, 0)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.4, -0.6)
        _finish_effects(fig, ax, label)
    fig.set_label(f"{_say_effects(effects)} Axis: {label}.")
    return fig, ax


def effect_groups(tables: dict[str, pd.DataFrame], label: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw the total effects of all groups on one scale, group below group (Fig. 3e).

    Parameters
    ----------
    tables : dict of pandas.DataFrame
        By group of factors, each as for :func:`effect_bars`; empty ones are left out.
    label : str
        Of the axis: quantity, level of the intervals.

    Examples
    --------
    >>> one = {"total": 0.7, "total_low": 0.4, "total_high": 0.9, "direct": 0.5}
    >>> fig, ax = effect_groups({"soil": pd.DataFrame(one, ["CN"])}, "Total effect, 95 %")
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['soil', 'C/N']
    """
    tables = {group: table for group, table in tables.items() if len(table)}
    if not tables:
        return nothing_to_draw(NO_EFFECTS)
    ticks = []
    rows = len(tables) + sum(map(len, tables.values()))
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.22 * rows))
        for group, table in tables.items():
            ticks += [group, *_draw_effects(ax, table, len(ticks) + 1)]
        ax.set_yticks(range(rows), ticks)
        for tick in ax.get_yticklabels():
            if tick.get_text() in tables:
                tick.set_fontweight("bold")
        ax.set_ylim(rows - 0.4, -0.6)
        _finish_effects(fig, ax, label)
    said = [f"{group}: {_say_effects(table)}" for group, table in tables.items()]
    fig.set_label(" ".join([*said, f"Axis: {label}."]))
    return fig, ax


def _draw_effects(ax: plt.Axes, effects: pd.DataFrame, start: int) -> list[str]:
    """Draw rows from `start` on, and return the names of the causes in the order drawn."""
    effects = effects.sort_values("total", ascending=False)
    for row, one in enumerate(effects.itertuples(), start):
        colour = sign_colour(one.total)
        clear = one.total_low > 0 or one.total_high < 0
        interval(ax, row, one.total_low, one.total, one.total_high, colour, clear=clear)
        if one.direct and not np.isnan(one.direct):
            ax.plot(one.direct, row + 0.3, "D", color=sign_colour(one.direct), ms=3.5, mfc="white")
    return list(printed_names(effects.index).values())


def _finish_effects(fig: plt.Figure, ax: plt.Axes, label: str) -> None:
    ax.axvline(0, color="0.6", lw=1, zorder=0)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(label)
    handles = [
        Line2D([], [], color="0.3", marker="o", ms=5, lw=1.5, label="total, interval without 0"),
        Line2D([], [], color="0.3", marker="D", ms=3.5, mfc="white", ls="", label="direct"),
    ]
    fig.legend(handles=handles, ncols=2, loc="outside upper center", handlelength=1.4)


def _say_effects(effects: pd.DataFrame) -> str:
    above, below = (effects["total_low"] > 0).sum(), (effects["total_high"] < 0).sum()
    totals = effects["total"].set_axis(list(printed_names(effects.index).values()))
    return (
        f"{len(effects)} total effects with intervals, {above} of them above 0, {below} below it, "
        f"{len(effects) - above - below} hold it. Highest {totals.idxmax()} ({totals.max():+.2f}), "
        f"lowest {totals.idxmin()} ({totals.min():+.2f})."
    )


def rank_chances(shares: pd.DataFrame, published: Sequence[str]) -> tuple[plt.Figure, plt.Axes]:
    """Draw how often each cause takes each rank in resamples, with frames at published ranks.

    Parameters
    ----------
    shares : pandas.DataFrame
        By cause; the columns are the ranks 1, 2, ..., the cells shares of the resamples (0-1).
        Without rows, the figure says so.
    published : sequence of str
        Causes in the published order. Those without a row are passed over; a cause that was not
        published comes last, without a frame.

    Examples
    --------
    >>> shares = pd.DataFrame([[0.8, 0.2], [0.2, 0.8]], index=["TF", "SOC"], columns=[1, 2])
    >>> rank_chances(shares, ["TF", "SOC"])[0].get_label()[-33:]
    'Most frequent ranks: TF 1, SOC 2.'
    """
    import seaborn  # only for this figure

    if shares.empty:
        return nothing_to_draw(NO_EFFECTS)
    framed = [cause for cause in published if cause in shares.index]
    shares = shares.loc[[*framed, *shares.index.difference(framed, sort=False)]]
    names = list(printed_names(shares.index).values())
    percent = shares.map(_say_percent).where(shares > 0, "")
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 0.6 + 0.27 * len(shares)))
        seaborn.heatmap(
            shares,
            ax=ax,
            annot=percent,
            fmt="",
            cmap="Blues",
            vmin=0,
            vmax=1,
            cbar=False,
            linewidths=0.5,
            annot_kws={"fontsize": 8, "va": "center_baseline"},
            yticklabels=names,
        )
        for rank in range(len(framed)):
            ax.add_patch(Rectangle((rank, rank), 1, 1, fill=False, lw=1.6, clip_on=False))
        ax.set(xlabel="Rank (cells: % of the resamples)", ylabel="")
        ax.tick_params(length=0)
        ax.tick_params(axis="y", rotation=0)
    agreeing = pd.Series(np.diag(shares)[: len(framed)], names[: len(framed)])
    kept = ", ".join(f"{name} {_say_percent(share)}%" for name, share in agreeing.items())
    often = ", ".join(
        f"{name} {rank}" for name, rank in zip(names, shares.idxmax(axis=1), strict=True)
    )
    fig.set_label(
        f"Table of {len(shares)} causes by {shares.shape[1]} ranks, with frames at the published "
        f"ranks. Share of resamples that agree with them: {kept or 'none published'}. Most "
        f"frequent ranks: {often}."
    )
    return fig, ax


def _say_percent(share: float) -> str:
    """Return whole percent; 0 is said of none and 100 of all only."""
    percent = round(100 * share)
    if 0 < share < 1 and percent in (0, 100):
        return "<1" if percent == 0 else ">99"
    return f"{percent}"
