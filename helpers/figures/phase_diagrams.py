"""Figures of the four phases: the diagram, and the markers along the thirds of TOP."""

from __future__ import annotations

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.figures import style
from helpers.figures.path_diagrams import draw_box, draw_line, inch_axes
from helpers.paper.phases import gather_links, list_markers

_LOOKS = {
    "Fig. 4c": {"ls": "-", "lw": 2.0},
    "projections": {"ls": (0, (6, 1.5, 1, 1.5)), "lw": 1.5},
    "cited": {"ls": style.DASHED, "lw": 1.2},
    "nothing named": {"ls": (0, (1, 1.8)), "lw": 1.5},
}
_LINE = 0.15  # from one line of letters to the next, inches
_GAP = 0.56  # between two boxes
_LANE = 0.34  # between two arrows beside the boxes
_INNER = 0.27  # from a box to the first of them
_LEFT, _RIGHT = 1.28, 4.02  # sides of the boxes


def phase_diagram(
    phases: pd.DataFrame, links: pd.DataFrame, markers: pd.DataFrame, pairs: pd.DataFrame
) -> tuple[plt.Figure, plt.Axes]:
    """Draw the phases, what leads from one to another, and what the study says on each (Fig. 5).

    An arrow's line and the words on it say what the paper rests it on; the line shows the first
    word. What stays within one phase is not drawn.

    Parameters
    ----------
    phases, links : pandas.DataFrame
        As :func:`helpers.paper.load_phases` and :func:`helpers.paper.load_links` return them.
    markers : pandas.DataFrame
        By marker: ``r``, ``r_low``, ``r_high`` (its correlation with TOP here) and ``label``. Those
        that are absent are said to have no data.
    pairs : pandas.DataFrame
        By ``from`` and ``to`` (shown where one phase follows the other): ``left``, ``right``
        (two markers), ``r``, ``r_low``, ``r_high`` and ``label`` of their correlation here.

    Examples
    --------
    >>> from helpers.paper import load_links, load_phases
    >>> none = pd.DataFrame()
    >>> phase_diagram(load_phases(), load_links(), none, none)[0].get_label().split("; ")[1]
    'here no data'
    """
    arrows = gather_links(links)
    names = phases.sort_values("order")["name"]
    place = {phase: i for i, phase in enumerate(names.index)}
    found = {
        pair: (*style.printed_names(row[["left", "right"]]).values(), _estimate(row))
        for pair, row in pairs.iterrows()
        if pair in pairwise(names.index)
    }
    lines = {
        phase: [f"{place[phase] + 1}  {names[phase]}", *_marker_lines(phases.loc[[phase]], markers)]
        for phase in names.index
    }
    boxes, top = {}, 0.0
    for phase, texts in lines.items():
        boxes[phase] = np.array([_LEFT, top - 0.12 - _LINE * len(texts), _RIGHT, top])
        top = boxes[phase][1] - _GAP
    fig = plt.figure()
    (ax,) = inch_axes(fig, top + _GAP - 0.06, 0.46)
    for phase, box in boxes.items():
        draw_box(ax, phase, box, "", edgecolor=style.GROUP_COLOURS[phase], linewidth=1.6)
        for i, text in enumerate(lines[phase]):
            y = box[3] - 0.06 - _LINE * (i + 0.5)
            ax.text(_LEFT + 0.05, y, text, fontsize=style.SMALL if i else 10, va="center")
    ways = _beside(list(arrows.index), place, boxes)
    for (cause, to), row in arrows.iterrows():
        middle = (_LEFT + _RIGHT) / 2
        straight = [(middle, boxes[cause][1]), (middle, boxes[to][3])]
        way = np.array(ways.get((cause, to), straight))
        look = _LOOKS[row["acts"].split(", ")[0]] | {"color": "0.15"}
        draw_line(ax, way, (cause, to), head=True, **look)
        x, y = way[1:3].mean(axis=0) if len(way) > 2 else way.mean(axis=0)
        if (cause, to) in ways:
            text = row["acts"].replace(", ", ",\n").replace("nothing named", "nothing\nnamed")
            white = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            ax.text(x, y, text, fontsize=style.SMALL, ha="center", va="center", bbox=white)
        else:
            order = f"\norder:\n{row['order']}" if row["order"] else ""
            ax.text(x - 0.09, y, row["acts"] + order, fontsize=style.SMALL, ha="right", va="center")
            here = "{}–{} {}".format(*found[cause, to]) if (cause, to) in found else "here no data"
            here = here.replace(" (", "\n(").replace(") ", ")\n")
            ax.text(x + 0.09, y, here, fontsize=style.SMALL, ha="left", va="center")
    first = arrows["acts"].str.split(", ").str[0]
    used = {word: look | {"color": "black"} for word, look in _LOOKS.items() if word in set(first)}
    title = {"title": "What the paper rests an arrow on", "title_fontsize": 9}
    wide = {"handlelength": 2.6, "borderaxespad": 0.2}
    style.add_legend(fig, used, len(used), "upper center", **wide, **title)
    said = [f"{len(names)} boxes, one below the other."]
    said += [f"{head}: {'; '.join(markers)}." for head, *markers in lines.values()]
    said.append(f"{len(arrows)} arrows.")
    for (cause, to), row in arrows.iterrows():
        order = f"; that one follows the other: {row['order']}" if row["order"] else ""
        here = "; here {} with {} {}".format(*found[cause, to]) if (cause, to) in found else ""
        said.append(f"{names[cause]} to {names[to]}: {row['acts']}{order}{here}.")
    within = (links["from"] == links["to"]).sum()
    fig.set_label(" ".join([*said, f"Within one phase, not drawn: {within}."]))
    return fig, ax


def _marker_lines(phases: pd.DataFrame, here: pd.DataFrame) -> list[str]:
    """Return two lines for each marker: its sign in the paper, its correlation with TOP here."""
    lines = []
    signs, section = list_markers(phases)["sign"], phases["signs_from"].iloc[0]
    for code, name in style.name_in_words(signs.index).items():
        found = _estimate(here.loc[code]) if code in here.index else "no data"
        lines += [f"{name}: {signs[code]} ({section})", f"here {found}"]
    return lines


def _estimate(row: pd.Series) -> str:
    text = f"{row['r']:+.2f} ({row['r_low']:.2f} to {row['r_high']:.2f}) {row['label']}"
    return text.replace("-", "−")


def _beside(
    arrows: list[tuple[str, str]], place: dict[str, int], boxes: dict[str, np.ndarray]
) -> dict[tuple[str, str], list]:
    """Return the corners of each arrow beside the boxes: back on the left, forward on the right.

    Long arrows pass outside short ones, and arrows meet a box in an order that lets none cross.
    """
    steps = {(cause, to): place[to] - place[cause] for cause, to in arrows}
    lanes = {pair: -step if step < 0 else step - 1 for pair, step in steps.items() if step != 1}
    heights = {}
    for phase, box in boxes.items():
        for back in (True, False):
            met = []
            for pair in [pair for pair in lanes if phase in pair and (steps[pair] < 0) == back]:
                down = (phase == pair[0]) != back
                met.append((down, -lanes[pair] if down else lanes[pair], pair))
            spots = np.linspace(box[3], box[1], len(met) + 2)[1:-1]
            heights |= {(phase, pair): y for (*_, pair), y in zip(sorted(met), spots, strict=True)}
    ways = {}
    for pair, lane in lanes.items():
        edge, side = (_LEFT, -1) if steps[pair] < 0 else (_RIGHT, 1)
        x = edge + side * (_INNER + _LANE * (lane - 1))
        leaves, arrives = (heights[phase, pair] for phase in pair)
        ways[pair] = [(edge, leaves), (x, leaves), (x, arrives), (edge, arrives)]
    return ways


def third_panels(
    top: pd.Series, values: pd.DataFrame, alone: pd.DataFrame, others: dict[str, str] | None = None
) -> tuple[plt.Figure, np.ndarray]:
    """Draw each marker along the sites in the order of their TOP, with its mean in each third.

    Bands are 95 % intervals of the means by Student's t, as if sites were independent.

    Parameters
    ----------
    top : pandas.Series
        kg O2 m-2 yr-1.
    values : pandas.DataFrame
        Markers at the same sites, in the units of the registry.
    alone : pandas.DataFrame
        As :func:`helpers.paper.time_changes` returns it for them.
    others : dict
        Units of markers that the registry does not have.

    Examples
    --------
    >>> alone = pd.DataFrame({"share": 0.7, "share_low": 0.5, "share_high": 0.9}, ["SOC"])
    >>> top, values = pd.Series([1, 2, 3]), pd.DataFrame({"SOC": [0, 7, 10]})
    >>> third_panels(top, values, alone)[0].get_label().split(": ")[1]
    'SOC share 0.70 (0.50 to 0.90).'
    """
    order = top.sort_values(kind="stable").index
    thirds = np.array_split(np.arange(1, len(order) + 1), 3)
    names, words = style.printed_names(values.columns), style.name_in_words(values.columns)
    drawn, units = style.in_handy_units(values.loc[order].set_axis(np.arange(len(order)) + 1))
    units |= others or {}
    number = pd.Series({site: at for at, third in enumerate(thirds) for site in third})
    means = style.means_with_intervals(drawn, number)
    fig, axes = style.panels(len(names), 1, 0.7, 0.95, sharex=True)
    for ax, code, colour in zip(axes.flat, names, style.factor_colours(names), strict=True):
        ax.plot(drawn[code], "o", color=colour, ms=3.5, alpha=0.8)
        for third, (_, one) in zip(thirds, means.loc[code].iterrows(), strict=True):
            ends = third[[0, -1]] + [-0.4, 0.4]
            ax.fill_between(ends, one["low"], one["high"], color="0.85", lw=0, zorder=0)
            ax.plot(ends, [one["mean"]] * 2, color="black", lw=2)
            if third[0] > 1:
                ax.axvline(third[0] - 0.5, color="0.7", lw=0.8, ls=style.DASHED)
        unit = f", {units[code]}" if units[code] else ""
        title = f"{words[code]}{unit}: {_said(alone.loc[code])}"
        ax.set_title(title, loc="left", pad=2, fontsize=9)
        ax.locator_params(axis="y", nbins=3)
    ax.set_xlabel("Sites, from the lowest TOP to the highest")
    fig.set_label(
        f"{values.shape[1]} rows of {len(order)} dots, sites in the order of their TOP "
        f"({top.min():.3f} to {top.max():.3f} kg m⁻² yr⁻¹), cut into thirds. The share of its "
        "change that a marker makes by the middle third: "
        + "; ".join(f"{names[code]} {_said(alone.loc[code])}" for code in values)
        + "."
    )
    return fig, axes


def _said(row: pd.Series) -> str:
    if np.isnan(row["share_low"]):
        return "no clear change"
    text = f"share {row['share']:.2f} ({row['share_low']:.2f} to {row['share_high']:.2f})"
    return text.replace("-", "−")
