"""Figures of simulations: rates with the error that the number of worlds leaves them."""

from __future__ import annotations

from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import NullLocator

from helpers.figures import style

_TARGET = {"color": "black", "lw": 1, "ls": (0, (4, 3)), "zorder": 0}
_LOOKS = [
    {"color": colour, "marker": marker, "ms": 4.5, "capsize": 2}
    for colour, marker in zip(style.SERIES, "os^D", strict=True)
]


def least_curves(least: pd.DataFrame, n: int, power: float = 0.8) -> tuple[plt.Figure, plt.Axes]:
    """Draw the smallest correlation that is found with a given chance, against the sites.

    Parameters
    ----------
    least : pandas.DataFrame
        Correlations by number of sites (rows) and question (columns, at most four).
    n : int
        Sites of the design, one of the rows; a line and numbers stand there.
    power : float
        The chance.

    Examples
    --------
    >>> least = pd.DataFrame({"one pair": [0.49, 0.25]}, [30, 120])
    >>> least_curves(least, 30)[0].get_label().split(". ")[1]
    'one pair: 0.49 at 30 sites, 0.25 at 120.'
    """
    fig, ax = style.subplots(3.2)
    for (question, line), look in zip(least.items(), _LOOKS, strict=False):
        ax.plot(line, color=look["color"], lw=1.8, label=question)
        ax.plot(n, line[n], "o", color=look["color"], ms=5)
        lowest = line[n] == least.loc[n].min()
        where = {"xytext": (-4, -11), "ha": "right"} if lowest else {"xytext": (6, -1)}
        ax.annotate(f"{line[n]:.2f}", (n, line[n]), textcoords="offset points", **where)
    ax.axvline(n, color="0.6", lw=1, zorder=0)
    style.log_scale(ax, "x")
    ax.set(ylim=(0, 1), xlim=(least.index[0], least.index[-1]))
    ax.set(xlabel="Independent sites", ylabel=f"True correlation found\nby {power:.0%} of studies")
    fig.legend(loc="outside upper center")
    last = least.index[-1]
    said = "; ".join(
        f"{question}: {line[n]:.2f} at {n} sites, {line[last]:.2f} at {last}"
        for question, line in least.items()
    )
    fig.set_label(f"The smallest correlation that is found falls as sites are added. {said}.")
    return fig, ax


def mark_histograms(counts: dict[str, pd.DataFrame], alpha: float) -> tuple[plt.Figure, np.ndarray]:
    """Draw how the share of unrelated pairs that get a mark varies from world to world.

    Parameters
    ----------
    counts : dict of pandas.DataFrame
        By kind of world, as :func:`helpers.paper.count_false_marks` returns them. Bars have
        whiskers of one binomial standard error.
    alpha : float
        Level of the tests; drawn as a line.

    Examples
    --------
    >>> worlds = pd.DataFrame({"p": [4, 6, 5], "pairs": 100})
    >>> mark_histograms({"alike": worlds}, 0.05)[0].get_label().split(". ")[1]
    'alike: mean 5.0 %, 95 % of worlds from 4.0 to 6.0 %'
    """
    shares = {kind: 100 * table["p"] / table["pairs"] for kind, table in counts.items()}
    top = 5 * np.ceil(max(share.max() for share in shares.values()) / 5 + 0.2)
    edges = np.arange(0, top + 1)
    fig, axes = style.panels(len(shares), 1, 0.7, 1.15, sharex=True)
    for ax, (kind, share) in zip(axes[:, 0], shares.items(), strict=True):
        bars = np.histogram(share, edges)[0] / len(share)
        error = np.sqrt(bars * (1 - bars) / len(share))
        ax.bar(edges[:-1] + 0.5, bars, 1, yerr=error, color=style.SIMULATED, error_kw={"lw": 0.8})
        ax.axvline(100 * alpha, **_TARGET)
        ax.set_title(kind, loc="right", pad=2)
        ax.set(xlim=(0, top), yticks=[])
        ax.spines["left"].set_visible(False)
    ax.set_xlabel("Unrelated pairs with a mark (%)")
    rows = [
        f"{kind}: mean {share.mean():.1f} %, 95 % of worlds from "
        f"{share.quantile(0.025):.1f} to {share.quantile(0.975):.1f} %"
        for kind, share in shares.items()
    ]
    fig.set_label(
        f"Histograms of the share of unrelated pairs with p < {alpha:g}. {'; '.join(rows)}. "
        f"A line marks {100 * alpha:g} %."
    )
    return fig, axes[:, 0]


def rate_lines(
    table: pd.DataFrame, along: str, about: str, target: float | None = None
) -> tuple[plt.Figure, np.ndarray]:
    """Draw rates against a size, one panel per kind of world, one line per question.

    Parameters
    ----------
    table : pandas.DataFrame
        ``rate``, ``low`` and ``high``, as :func:`helpers.paper.rates` returns them, indexed by
        panel, line and size; at most four lines.
    along, about : str
        What the size is, and what the rate is of.
    target : float, optional
        A rate to draw a line at.

    Examples
    --------
    >>> rates = {("a chain", "χ²", 30): 0.5, ("a chain", "χ²", 60): 0.7}
    >>> table = pd.DataFrame({"rate": rates, "low": 0.4, "high": 0.8})
    >>> rate_lines(table, "Sites", "Models that pass")[0].get_label().split(". ")[1]
    'a chain, χ²: 50 % at 30 and 70 % at 60.'
    """
    kinds, lines, sizes = (table.index.unique(level) for level in range(3))
    ticks = []
    for size in sorted(sizes):
        if not ticks or size > 1.7 * ticks[-1]:  # room for its number
            ticks.append(size)
    columns = 2 if len(kinds) != 3 else 3
    fig, axes = style.panels(len(kinds), columns, 1.1, 1.9, sharex=True, sharey=True)
    for ax, panel in zip(axes.flat, kinds, strict=False):
        for k, (line, look) in enumerate(zip(lines, _LOOKS, strict=False)):
            part = 100 * table.xs(panel).xs(line)
            beside = part.index.to_numpy(float) * 1.05 ** (k - (len(lines) - 1) / 2)
            ax.errorbar(beside, part["rate"], _reach(part), label=line, lw=1.2, **look)
        if target is not None:
            ax.axhline(100 * target, **_TARGET)
        ax.set_title(fill(panel, 48 // columns), pad=3)
        ax.set(xscale="log", ylim=(-3, 110 * table["high"].max()))
        ax.set_xticks(ticks, [f"{size:g}" for size in ticks])
        ax.xaxis.set_minor_locator(NullLocator())
    fig.supxlabel(along)
    fig.supylabel(f"{about} (%)")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    fig.legend(handles, labels, ncols=2, loc="outside upper center")
    ends = [
        f"{panel}, {line}: "
        + " and ".join(
            f"{100 * part['rate'].iloc[at]:.0f} % at {part.index[at][-1]:g}"
            for at in ((0, -1) if len(part) > 1 else (0,))
        )
        for (panel, line), part in table.groupby(level=[0, 1], sort=False)
    ]
    fig.set_label(f"{about} against {_lower(along)}, with error bars. {'; '.join(ends)}.")
    return fig, axes


def rate_dots(
    table: pd.DataFrame, about: str, target: float | None = None
) -> tuple[plt.Figure, plt.Axes]:
    """Draw rates as dots with whiskers, one row per thing, one colour per case.

    Parameters
    ----------
    table : pandas.DataFrame
        ``rate``, ``low`` and ``high``, indexed by row and case; at most four cases, of which a
        row may lack some.
    about, target : as for :func:`rate_lines`

    Examples
    --------
    >>> rates = {("TF", "all"): 0.1, ("SOC", "all"): 0.3}
    >>> table = pd.DataFrame({"rate": rates, "low": 0, "high": 0.5})
    >>> rate_dots(table, "Wrong signs")[0].get_label().split(". ")[-1]
    'all: 10 to 30 %, the most at SOC.'
    """
    names, cases = (table.index.unique(level) for level in range(2))
    fig, ax = style.subplots(1.2 + 0.27 * len(names))
    for k, (case, look) in enumerate(zip(cases, _LOOKS, strict=False)):
        part = 100 * table.xs(case, level=1)
        at = names.get_indexer(part.index) + 0.3 * (k - (len(cases) - 1) / 2)
        ax.errorbar(part["rate"], at, xerr=_reach(part), label=case, ls="", **look)
    if target is not None:
        ax.axvline(100 * target, **_TARGET)
    style.name_rows(ax, names, f"{about} (%)")
    ax.set_xlim(left=0)
    ax.grid(axis="y", color="0.92")
    ax.set_axisbelow(True)
    fig.legend(loc="outside upper center", handletextpad=0.2)
    spans = [
        f"{case}: {part.min():.0f} to {part.max():.0f} %, the most at {part.idxmax()[0]}"
        for case, part in (100 * table["rate"]).groupby(level=1, sort=False)
    ]
    fig.set_label(
        f"Dots with error bars in {len(names)} rows: {_lower(about)}. {'; '.join(spans)}."
    )
    return fig, ax


def power_curves(
    worlds: pd.DataFrame, exact: pd.Series, least: float, power: float
) -> tuple[plt.Figure, np.ndarray]:
    """Draw how often a true correlation is found, and how much what is found exaggerates it.

    Parameters
    ----------
    worlds : pandas.DataFrame
        By true correlation: ``rate``, ``low``, ``high`` of finding it; ``factor``, ``factor_low``,
        ``factor_high``: mean size of the correlations that were found over the true one; NaN
        where none was.
    exact : pandas.Series
        The exact chance of finding it, by true correlation.
    least, power : float
        The true correlation that is found with the chance `power`; both are drawn as lines.

    Examples
    --------
    >>> worlds = pd.DataFrame({"rate": {0.1: 0.1, 0.6: 0.9}, "low": 0.05, "high": 1})
    >>> worlds = worlds.assign(factor=2, factor_low=1, factor_high=3)
    >>> power_curves(worlds, worlds["rate"], 0.49, 0.8)[0].get_label().split("it: ")[1][:28]
    '10 % at 0.1, 90 % at 0.6, 80'
    """
    fig, axes = style.subplots(4.3, 2, sharex=True)
    axes[0].plot(exact.index, 100 * exact, color="black", lw=1.2, label="exact")
    part = 100 * worlds[["rate", "low", "high"]]
    axes[0].errorbar(part.index, part["rate"], _reach(part), ls="", label="worlds", **_LOOKS[0])
    axes[0].set(ylabel="Found (%)", ylim=(0, 103))
    axes[0].legend(loc="lower right")
    factor = worlds[["factor", "factor_low", "factor_high"]].set_axis(part.columns, axis=1)
    axes[1].errorbar(factor.index, factor["rate"], _reach(factor), ls="", **_LOOKS[0])
    axes[1].set(xlabel="True correlation", ylabel="Found size / true", xlim=(0, None), yscale="log")
    ticks = [tick for tick in (1, 2, 4, 8, 16) if tick <= max(2, 1.2 * factor["high"].max())]
    axes[1].set_yticks(ticks, [f"{tick}" for tick in ticks])
    axes[1].yaxis.set_minor_locator(NullLocator())
    for ax, target in zip(axes, (100 * power, 1), strict=True):
        ax.axhline(target, **_TARGET)
        ax.axvline(least, color="0.6", lw=1, zorder=0)
    first, last = worlds.index[0], worlds.index[-1]
    seen = worlds["factor"].dropna()
    fig.set_label(
        f"Two panels against the true correlation. Above, the share of worlds that find it: "
        f"{100 * worlds['rate'].iloc[0]:.0f} % at {first:g}, {100 * worlds['rate'].iloc[-1]:.0f} % "
        f"at {last:g}, {100 * power:g} % at {least:.2f}. Below, the size of what was found over "
        f"the true one: {seen.iloc[0]:.1f} at {seen.index[0]:g}, "
        f"{seen.iloc[-1]:.2f} at {seen.index[-1]:g}."
    )
    return fig, axes


def _reach(part: pd.DataFrame) -> np.ndarray:
    """Return how far each whisker reaches below and above its rate, (2, rates)."""
    return np.abs(part[["low", "high"]].sub(part["rate"], axis=0)).T.to_numpy()


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
