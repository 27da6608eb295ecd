"""Figures of the transect: relations with their verdicts, and means of groups of its sites."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.checks import check_word
from helpers.figures import style
from helpers.readers.sites import ZONES

VERDICT_COLOURS = {
    "supported": style.INK,
    "not supported": style.AGAINST,
    "undecided": style.GREY,
}
_CLASSES = {  # prefix of the groups, ends from first to last, axis label
    "elevation": ("class", "lowest", "highest", "Elevation (m)"),
    "southeast": ("way", "group of sites, north-west", "south-east", "Way to the south-east (km)"),
}
_KM_PER_DEGREE = 111.2
_LOOKS = ({"marker": "o", "ms": 6}, {"marker": "s", "ms": 5, "mfc": "white"})
_VALUES, _RANKS = {"marker": "o", "ms": 5}, {"marker": "D", "ms": 3.5, "mfc": "white"}


def relation_forest(judged: pd.DataFrame, names: pd.Series) -> tuple[plt.Figure, plt.Axes]:
    """Draw relations with their intervals, coloured by verdict, and the share of sets beside them.

    Dots are correlations of values, hollow diamonds below them those of ranks.

    Parameters
    ----------
    judged : pandas.DataFrame
        As :meth:`helpers.paper.Transect.judge` returns it; the most positive stands on top.
    names : pandas.Series
        What each row is called, by the same index.

    Examples
    --------
    >>> from helpers.paper import load_transect
    >>> judged = load_transect().judge([("AI", "SOC", 1)])
    >>> relation_forest(judged, judged["verdict"])[0].get_label().split(". ")[0]
    'Correlations of 1 relations with intervals: 1 supported, 0 not supported, 0 undecided'
    """
    if judged.empty:
        return style.nothing_to_draw(style.NOT_MEASURED)
    judged = judged.sort_values("r", ascending=False, kind="stable")
    fig, ax = style.subplots(0.9 + 0.27 * len(judged))
    for row, (_, one) in enumerate(judged.iterrows()):
        colour = VERDICT_COLOURS[one["verdict"]]
        for name, place, look in (("r", row, _VALUES), ("r_ranks", row + 0.28, _RANKS)):
            ends = [one[f"{name}_low"], one[f"{name}_high"]]
            ax.plot(ends, [place, place], color=colour, lw=1)
            ax.plot(one[name], place, color=colour, **look)
        ax.text(1.03, row, style.say_share(one["share"], 0), va="center", fontsize=9, clip_on=False)
    style.name_rows(ax, names.loc[judged.index], "Correlation over all sites", 0)
    ax.set(xlim=(-1, 1))
    ax.text(1.03, -0.6, "of sets", va="bottom", fontsize=9)
    looks = {word: {"color": colour, "marker": "o"} for word, colour in VERDICT_COLOURS.items()}
    style.add_legend(fig, looks, 3)
    counts = judged["verdict"].value_counts()
    said = ", ".join(f"{counts.get(word, 0)} {word}" for word in VERDICT_COLOURS)
    fig.set_label(
        f"Correlations of {len(judged)} relations with intervals: {said}. "
        + "; ".join(f"{names[key]} {r:+.2f}" for key, r in judged["r"].items())
        + "."
    )
    return fig, ax


def two_looks(
    looks: dict[str, pd.DataFrame], names: dict[tuple[str, str], str]
) -> tuple[plt.Figure, plt.Axes]:
    """Draw correlations at two networks of sites below each other, coloured by verdict.

    Parameters
    ----------
    looks : dict of pandas.DataFrame
        By the name of a network: ``r``, ``r_low``, ``r_high``, ``sign`` and ``verdict`` by left and
        right, as :meth:`helpers.paper.Transect.judge` and :func:`helpers.paper.judge_plots` return
        them. The first has filled circles, the second hollow squares.
    names : dict
        What each relation is called; those that no network has are left out. The most positive
        stands on top, by the first network that has it.

    Examples
    --------
    >>> from helpers.paper import load_transect
    >>> judged = load_transect().judge([("SOC", "pH", -1)])
    >>> two_looks({"147 sites": judged}, {("SOC", "pH"): "carbon, pH"})[0].get_label()[:41]
    '147 sites: carbon, pH -0.56 (supported). '
    """
    rows = [pair for pair in names if any(pair in table.index for table in looks.values())]
    if not rows:
        return style.nothing_to_draw(style.NOT_MEASURED)
    first = pd.concat([table["r"] for table in looks.values() if len(table)])
    first = first.groupby(level=[0, 1]).first()
    rows.sort(key=first.get, reverse=True)
    fig, ax = style.subplots(1.2 + 0.33 * len(rows))
    said = []
    for place, (network, table) in enumerate(looks.items()):
        here = [pair for pair in rows if pair in table.index]
        for pair in here:
            one, row = table.loc[pair], rows.index(pair) + 0.3 * place
            colour = VERDICT_COLOURS[one["verdict"]]
            ax.plot([one["r_low"], one["r_high"]], [row, row], color=colour, lw=1.2)
            ax.plot(one["r"], row, color=colour, **_LOOKS[place])
            said.append(f"{network}: {names[pair]} {one['r']:+.2f} ({one['verdict']}). ")
    style.name_rows(ax, [names[pair] for pair in rows], "Correlation, 95% interval", 0)
    ax.set(xlim=(-1, 1), xticks=[-1, -0.5, 0, 0.5, 1])
    marks = {
        network: {"color": "0.3", "ls": "", **look}
        for network, look in zip(looks, _LOOKS, strict=False)
    }
    words = {word: {"color": colour, "lw": 3} for word, colour in VERDICT_COLOURS.items()}
    blanks = {" " * k: {"alpha": 0} for k in range(1, 1 + len(words) - len(marks))}
    style.add_legend(fig, marks | blanks | words, 2)
    fig.set_label("".join(said) + "Axis: correlation from -1 to 1.")
    return fig, ax


def share_by_chance(judged: pd.DataFrame) -> tuple[plt.Figure, plt.Axes]:
    """Draw how often thirty sites show relations, over how often they show unrelated patterns.

    Parameters
    ----------
    judged : pandas.DataFrame
        As :meth:`helpers.paper.Transect.judge` returns it.

    Examples
    --------
    >>> from helpers.paper import load_transect
    >>> judged = load_transect().judge([("AI", "SOC", 1), ("TF", "pH", -1)])
    >>> share_by_chance(judged)[0].get_label().split(": ")[0]
    'Dots of 2 relations'
    """
    if judged.empty:
        return style.nothing_to_draw(style.NOT_MEASURED)
    fig, ax = style.subplots(3.2)
    looks = {}
    for word, colour in VERDICT_COLOURS.items():
        here = judged[judged["verdict"] == word]
        if len(here):
            ax.plot(100 * here["permuted"], 100 * here["share"], "o", color=colour, ms=5, alpha=0.7)
            looks[f"{word}: {len(here)}"] = {"color": colour, "marker": "o", "lw": 0}
    ends = [0, 105 * judged["permuted"].max()]
    ax.plot(ends, ends, color="0.6", lw=1, zorder=0)
    ax.axvline(2.5, color="0.6", lw=1, ls=style.DASHED, zorder=0)
    ax.set(xlabel="Unrelated patterns that thirty sites would show (%)", ylim=(-4, 104))
    ax.set(ylabel="Sets that show the relation (%)", xlim=(0, None))
    style.add_legend(fig, looks, 3)
    low, high = 100 * judged["permuted"].min(), 100 * judged["permuted"].max()
    fig.set_label(
        f"Dots of {len(judged)} relations: unrelated patterns are shown by {low:.0f} to {high:.0f} "
        f"per cent of sets of thirty sites, the relations by {100 * judged['share'].min():.0f} to "
        f"{100 * judged['share'].max():.0f} per cent. A dashed line marks the 2.5 per cent of "
        "independent sites, a grey one equal shares."
    )
    return fig, ax


def class_means(
    groups: pd.DataFrame, names: dict[str, str], along: str = "elevation"
) -> tuple[plt.Figure, np.ndarray]:
    """Draw the means of six classes of sites with their intervals (Fig. 1).

    Colours are those of the groups of factors.

    Parameters
    ----------
    groups : pandas.DataFrame
        As :func:`helpers.paper.load_transect` gives them.
    names : dict
        Axis label (name and unit) of each variable that is drawn.
    along : {"elevation", "southeast"}
        Classes of elevation, with the paper's zones shaded; or of the way to the south-east, in km
        from the first of them.

    Examples
    --------
    >>> from helpers.paper import load_transect
    >>> class_means(load_transect().groups, {"SOC": "SOC (g/kg)"})[0].get_label()[:22]
    'Means by elevation cla'
    """
    check_word("along", along, _CLASSES)
    names = {code: name for code, name in names.items() if code in groups.index.levels[0]}
    if not names:
        return style.nothing_to_draw(style.NOT_MEASURED)
    fig, axes = style.panels(len(names), 2, 0.5, 1.5, sharex=True)
    prefix, first, last, label = _CLASSES[along]
    classes = [f"{prefix} {number}" for number in range(1, 7)]
    place = groups.loc[along].loc[classes, "mean"]
    if along == "southeast":
        place = (place - place.iloc[0]) * _KM_PER_DEGREE
    said = []
    for ax, (code, name) in zip(axes.flat, names.items(), strict=False):
        here = groups.loc[code].loc[classes]
        if along == "elevation":
            for low, high in ZONES.values():
                ax.axvspan(low, high, color="0.93", zorder=0)
        (colour,) = style.factor_colours([code])
        ax.vlines(place, here["low"], here["high"], color=colour, lw=1.5)
        ax.plot(place, here["mean"], "o-", color=colour, ms=4, lw=0.8)
        ax.set_title(name, fontsize=9)
        said.append(f"{name} from {here['mean'].iloc[0]:.3g} to {here['mean'].iloc[-1]:.3g}")
    fig.supxlabel(label)
    way = f"{along} class, {first} to {last}" if along == "elevation" else f"{first} to {last}"
    fig.set_label(f"Means by {way}, with intervals: {'; '.join(said)}.")
    return fig, axes


def cover_zone_means(
    groups: pd.DataFrame, names: dict[str, str], marks: Sequence[pd.DataFrame] = ()
) -> tuple[plt.Figure, np.ndarray]:
    """Draw the means of land covers and of zones with their intervals (Fig. 2b, d, f).

    Parameters
    ----------
    groups, names : as for :func:`class_means`
    marks : sequence of pandas.DataFrame
        Marks of tests by variable and pair of groups, for covers, for zones or both. They stand
        above the pair, those of groups that are no neighbours higher up. Only groups of these pairs
        are drawn; without marks, meadow, steppe and the three zones.

    Examples
    --------
    >>> from helpers.paper import load_transect
    >>> cover_zone_means(load_transect().groups, {"SOC": "SOC (g/kg)"})[0].get_label()[-31:]
    'Low 32.9, Middle 36.1, High 16.'
    """
    names = {code: name for code, name in names.items() if code in groups.index.levels[0]}
    if not names:
        return style.nothing_to_draw(style.NOT_MEASURED)
    blocks = [list(dict.fromkeys(chain.from_iterable(table))) for table in marks]
    blocks = blocks or [["meadow", "steppe"], list(style.ZONE_MARKERS)]
    starts = np.cumsum([0, *(len(block) + 0.4 for block in blocks[:-1])])
    places = {
        group: start + number
        for start, block in zip(starts, blocks, strict=True)
        for number, group in enumerate(block)
    }
    zones = {zone: (marker, "0.35") for zone, marker in style.ZONE_MARKERS.items()}
    covers = style.cover_colours(group for group in places if group not in zones)
    looks = {cover: ("s", colour) for cover, colour in covers.items()} | zones
    columns, margin, row = (3, 0.4, 1.12) if marks else (2, 0.3, 1.25)
    fig, axes = style.panels(len(names), columns, margin, row, sharex=True)
    said = []
    for ax, (code, name) in zip(axes.flat, names.items(), strict=False):
        here = groups.loc[code]
        for group, place in places.items():
            (marker, colour), one = looks[group], here.loc[group]
            ax.vlines(place, one["low"], one["high"], color=colour, lw=1.5)
            ax.plot(place, one["mean"], marker, color=colour, ms=6, mec="black", mew=0.5)
        for start in starts[1:]:
            ax.axvline(start - 0.7, color="0.85", lw=1)
        ax.set_title(name, fontsize=style.SMALL if marks else 9, pad=4)
        ax.set(xlim=(-0.6, max(places.values()) + 0.6))
        ax.set_xticks([])
        means = here["mean"]
        values = [f"{group} {means[group]:.3g}" for group in places]
        said.append(f"{name}: {', '.join(values)}".replace("\n", " "))
        if marks:
            ax.locator_params(axis="y", nbins=3)
            _mark_pairs(ax, [table.loc[code] for table in marks], places)
            found = sum((table.loc[code] != "").sum() for table in marks)
            said[-1] += f"; {found} marked"
    handles = {
        name: {"marker": marker, "color": colour, "mec": "black", "mew": 0.5, "ls": ""}
        for name, (marker, colour) in looks.items()
        if name in places
    }
    if marks:
        fig.get_layout_engine().set(rect=(0, 0, 0.97, 1))  # titles are wider than panels
    place = "outside upper center" if marks else "outside lower center"
    style.add_legend(fig, handles, 6, place, handletextpad=0)
    fig.set_label(f"Means with intervals by land cover and zone. {'. '.join(said)}.")
    return fig, axes


def _mark_pairs(ax: plt.Axes, marks: list[pd.Series], places: dict[str, float]) -> None:
    """Write the mark of each pair above it, neighbours in the lower line, others above them."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.55 * (high - low))
    axis = ax.get_xaxis_transform()
    for row in marks:
        near = [pair for pair in row.index if places[pair[1]] - places[pair[0]] < 1.5]
        for pair, mark in row.items():
            ends = [places[group] for group in pair]
            x, side = sum(ends) / 2, "center"
            if len(near) > 1 and pair in near:  # side by side, apart at the group that they share
                x, side = (ends[1] - 0.08, "right") if pair == near[0] else (ends[0] + 0.08, "left")
            line = 0.7 if pair in near else 0.86
            how = {"ha": side, "va": "bottom", "fontsize": style.SMALL, "transform": axis}
            if mark:
                ax.text(x, line, mark, **how)
