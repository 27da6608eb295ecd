"""Figures of printed numbers: what else they allow."""

from __future__ import annotations

from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from helpers.figures.style import STYLE, WIDTH, log_ticks, nothing_to_draw, printed_names

_BLUE, _ORANGE = "#0072B2", "#D55E00"
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
        As printed.
    decimals : int
        That `rmsea` was rounded to.
    stated : int
        Number of rows that the publication states.
    rows : range
        Numbers of rows to draw, from 2 on.

    Examples
    --------
    >>> fig, _ = rows_behind_rmsea(4.257, 0.275, 3, stated=30, rows=range(10, 101))
    >>> fig.get_label().split(". ")[-1]
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
    other = "prints" if agrees[n == stated] else "would print"
    other = f"N = {stated}, the number of sites: {other} {would}"
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(2, 1, figsize=(WIDTH, 5.0))
        band = f"rounds to the printed {printed}"
        for ax, shown in ((axes[0], n > 0), (axes[1], around)):
            ax.axhspan(rmsea - half, rmsea + half, color=_BLUE, alpha=0.25, lw=0, label=band)
            ax.plot(n[shown], index[shown], "o-", color="0.55", ms=2.5, lw=0.8, label="_")
            for marked, marker, colour, label in (
                (agrees, "o", _BLUE, found),
                (n == stated, "D", _ORANGE, other),
            ):
                both = marked & shown
                size = 6 if marker == "o" else 4.5
                ax.plot(n[both], index[both], marker, color=colour, ms=size, zorder=3, label=label)
            ax.set_ylabel("RMSEA")
            ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        axes[0].set_title("from the smallest to the largest N", loc="left", pad=3)
        axes[1].set_title("around the printed RMSEA", loc="left", pad=3)
        axes[1].set_xlabel("Number of rows N")
        handles, _ = axes[0].get_legend_handles_labels()
        fig.legend(handles=handles, loc="outside upper left")
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
    >>> pairs = pd.DataFrame({"n": [43, 44], "df": [2, 2]})
    >>> fig, _ = possible_samples({"the loop": {"RMSEA": pairs, "and CFI": pairs[1:]}})
    >>> fig.get_label().split(": ")[-1]
    'RMSEA leave 2, N 43 to 44, df 2; and CFI leave 1, N 44, df 2.'
    """
    looks = (("o", "0.75", 11), ("o", "#009E73", 8), ("o", _BLUE, 5), (".", "black", 4))
    kinds = list(next(iter(panels.values())))
    pairs = pd.concat([table for panel in panels.values() for table in panel.values()])
    said = []
    with plt.rc_context(STYLE):
        size = (WIDTH, 0.8 + 1.7 * len(panels))
        fig, axes = plt.subplots(len(panels), 1, figsize=size, sharex=True, squeeze=False)
        for ax, (title, panel) in zip(axes[:, 0], panels.items(), strict=True):
            for (kind, table), (marker, colour, points) in zip(panel.items(), looks, strict=False):
                style = {"color": colour, "ms": points, "label": kind, "clip_on": False}
                ax.plot(table["n"], table["df"], marker, ls="", **style)
            ax.set_title(title, loc="left", pad=5)
            ax.set_ylabel("df")
            ax.set_ylim(pairs["df"].min() - 0.5, pairs["df"].max() + 0.5)
            ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
            ax.yaxis.set_major_locator(MaxNLocator("auto", integer=True))
            left = [f"{kind} {_say_pairs(table)}" for kind, table in panel.items()]
            said.append(f"{title}: {'; '.join(left)}")
        axes[-1, 0].set(xlim=(pairs["n"].min() - 0.5, pairs["n"].max() + 0.5))
        axes[-1, 0].set_xlabel("Number of rows N")
        handles, _ = axes[0, 0].get_legend_handles_labels()
        fig.legend(handles=handles, labels=kinds, loc="outside upper left")
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


def bound_ranges(ranges: pd.DataFrame, axis: str, *, log: bool) -> tuple[plt.Figure, plt.Axes]:
    """Draw ranges as bars below each other.

    Parameters
    ----------
    ranges : pandas.DataFrame
        By name: ``low`` and ``high``; ``value``, if there is one, is a dot on the bar (NaN: none).
    axis : str
        Label of the axis: quantity and unit.
    log : bool
        Whether the axis is logarithmic; a `low` of 0 is then an arrow that leaves it.

    Examples
    --------
    >>> ranges = pd.DataFrame({"low": [7e-5], "high": [2.7e-4]}, index=["the coefficients"])
    >>> bound_ranges(ranges, "Determinant", log=True)[1].get_xscale()
    'log'
    """
    names = [fill(name.replace(" = ", "\u00a0=\u00a0"), 24) for name in ranges.index]
    lines = sum(1 + name.count("\n") for name in names)
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 0.8 + 0.17 * (lines + len(names))))
        ends = ranges.filter(["low", "high", "value"]).stack()
        if log:
            ax.set_xscale("log")
            ax.set_xlim(*_round_outwards(ends[ends > 0]))
            ax.xaxis.set_major_formatter(_show_power)
            if np.ptp(np.log10(ax.get_xlim())) < 1.5:
                log_ticks(ax.xaxis)
        left = ax.get_xlim()[0]
        for row, (low, high) in enumerate(ranges[["low", "high"]].to_numpy()):
            endless = log and low <= 0
            start = left if endless else low
            ax.plot([start, high], [row, row], color=_BLUE, lw=7, solid_capstyle="butt")
            if endless:
                ax.plot(left, row, "<", color=_BLUE, ms=9, clip_on=False)
        if "value" in ranges:
            ax.plot(ranges["value"], range(len(ranges)), "o", color="black", ms=5, mec="white")
        ax.set_yticks(range(len(names)), names)
        ax.set(ylim=(len(names) - 0.4, -0.6), xlabel=axis)
        ax.tick_params(axis="y", length=0, pad=9)
        ax.grid(axis="x", color="0.9", lw=0.6)
        ax.set_axisbelow(True)
    said = [
        f"{row.Index}: {row.low:.3g} to {row.high:.3g}"
        + (f" ({row.value:.3g})" if np.isfinite(getattr(row, "value", np.nan)) else "")
        for row in ranges.itertuples()
    ]
    scale = ", logarithmic" if log else ""
    fig.set_label(f"Ranges as bars, one below the other. {'; '.join(said)}. Axis: {axis}{scale}.")
    return fig, ax


def _round_outwards(values: pd.Series) -> tuple[float, float]:
    """Return the ends of a logarithmic axis: 1, 2 or 5 times a power of ten beyond the values."""
    steps = np.array([1, 2, 5]) * 10.0 ** np.arange(-20, 21)[:, None]
    steps = np.sort(steps.ravel())
    return steps[steps < values.min()].max(), steps[steps > values.max()].min()


def _show_power(value: float, _: int) -> str:
    """Return a power of ten as 10 with a raised exponent."""
    return "10" + f"{np.log10(value):.0f}".translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def correlation_ranges(matches: pd.DataFrame, neighbours: list[str]) -> tuple[plt.Figure, plt.Axes]:
    """Draw how far each correlation varies among the matrices that would print the same numbers.

    Parameters
    ----------
    matches : pandas.DataFrame
        From :func:`helpers.paper.matching_correlations`: one column per pair, besides ``n`` and
        ``residual``. Without rows, the figure says so.
    neighbours : list of str
        The columns of pairs that an arrow joins.

    Examples
    --------
    >>> matches = pd.DataFrame({"TF, SOC": [0.8, 0.9], "n": 44, "residual": 0.001})
    >>> correlation_ranges(matches, ["TF, SOC"])[0].get_label().split(": ")[-1]
    'TF, SOC 0.850 (0.800 to 0.900).'
    """
    if matches.empty:
        return nothing_to_draw("No matrix of correlations would print these numbers.")
    pairs = matches.drop(columns=["n", "residual"])
    spread = pairs.quantile([0, 0.25, 0.5, 0.75, 1]).T.sort_values(0.5, ascending=False)
    names = [", ".join(printed_names(pair.split(", ")).values()) for pair in spread.index]
    ticks = [fill(name, 22) for name in names]
    lines = sum(1 + tick.count("\n") for tick in ticks)
    kinds = {True: ("o", _BLUE, "neighbours in the loop"), False: ("D", _ORANGE, "not neighbours")}
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 1.1 + 0.14 * (lines + len(ticks))))
        for row, (pair, (low, first, median, third, high)) in enumerate(spread.iterrows()):
            marker, colour, label = kinds[pair in neighbours]
            ax.plot([low, high], [row, row], color=colour, lw=1)
            ax.plot([first, third], [row, row], color=colour, lw=4, solid_capstyle="butt")
            dot = {"color": colour, "mfc": "white", "ms": 6, "clip_on": False}
            ax.plot(median, row, marker, **dot, label=label)
        ax.set_xlim(right=1)
        ax.set_yticks(range(len(ticks)), ticks)
        ax.set(ylim=(len(ticks) - 0.4, -0.6))
        ax.set_xlabel("Correlation (range, quartiles and median)")
        ax.tick_params(axis="y", length=0)
        handles = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
        fig.legend(handles.values(), handles, loc="outside upper center", ncols=2)
    said = [
        f"{name}{'' if pair in neighbours else ' (not neighbours)'} {row[0.5]:.3f} "
        f"({row[0]:.3f} to {row[1]:.3f})"
        for name, (pair, row) in zip(names, spread.iterrows(), strict=True)
    ]
    fig.set_label(
        f"Ranges of {len(spread)} correlations, the highest median on top; the axis ends at 1 "
        f"(matrices: {len(matches)}). Medians with ranges: {'; '.join(said)}."
    )
    return fig, ax
