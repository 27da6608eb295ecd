"""Figures of the four phases: the diagram, and the markers along the thirds of TOP."""

from __future__ import annotations

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch

from helpers.factors import load_factors
from helpers.figures.path_diagrams import BY_HAND, inch_axes
from helpers.figures.style import GROUP_COLOURS, STYLE, WIDTH, printed_names
from helpers.paper.phases import gather_links, list_markers

_STYLES = {
    "Fig. 4c": {"ls": "-", "lw": 2.0},
    "projections": {"ls": (0, (6, 1.5, 1, 1.5)), "lw": 1.5},
    "cited": {"ls": (0, (4, 2)), "lw": 1.2},
    "nothing named": {"ls": (0, (1, 1.8)), "lw": 1.5},
}
_LINE = 0.15  # from one line of letters to the next, inches
_GAP = 0.56  # between two boxes
_LANE = 0.38  # between two arrows beside the boxes
_INNER = 0.3  # from a box to the first of them
_LEFT, _RIGHT = 1.4, 3.9  # sides of the boxes
_HEAD = {"arrowstyle": "-|>,head_length=0.45,head_width=0.22", "shrinkA": 0, "shrinkB": 0}


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
    >>> from helpers.paper.phases import load_links, load_phases
    >>> here = pd.DataFrame({"r": 0.9, "r_low": 0.8, "r_high": 0.95, "label": "observed"}, ["TF"])
    >>> fig, _ = phase_diagram(load_phases(), load_links(), here, pd.DataFrame())
    >>> fig.get_label().split("; ")[1]
    'here +0.90 [0.80, 0.95] observed'
    """
    arrows = gather_links(links)
    names = phases.sort_values("order")["name"]
    place = {phase: i for i, phase in enumerate(names.index)}
    pairs = pairs[pairs.index.isin(list(pairwise(names.index)))]
    lines = {
        phase: [f"{place[phase] + 1}  {names[phase]}", *_marker_lines(phases.loc[[phase]], markers)]
        for phase in names.index
    }
    with plt.rc_context(BY_HAND):
        height = sum(_height(each) for each in lines.values()) + _GAP * (len(lines) - 1) + 0.46
        fig = plt.figure()
        ax = inch_axes(fig, height)
        boxes = _draw_boxes(ax, lines, height - 0.4)
        middle = (_LEFT + _RIGHT) / 2
        for (cause, to), row in arrows.iterrows():
            if place[to] == place[cause] + 1:
                top, bottom = boxes[cause][1], boxes[to][3]
                _draw_arrow(ax, [(middle, top), (middle, bottom)], row, f"{cause} to {to}")
                here = pairs.loc[(cause, to)] if (cause, to) in pairs.index else None
                _draw_words(ax, middle, (top + bottom) / 2, row, here)
        for curve, (cause, to), row in _around(arrows, place, boxes):
            _draw_arrow(ax, curve, row, f"{cause} to {to}")
            spot = curve[1:3].mean(axis=0)
            text = row["acts"].replace(", ", ",\n").replace("nothing named", "nothing\nnamed")
            patch = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            ax.text(*spot, text, fontsize=8, ha="center", va="center", bbox=patch)
        used = [word for word in _STYLES if (arrows["acts"].str.split(", ").str[0] == word).any()]
        handles = [Line2D([], [], color="black", label=word, **_STYLES[word]) for word in used]
        fig.legend(
            handles=handles,
            ncols=len(used),
            loc="upper center",
            handlelength=2.6,
            borderaxespad=0.3,
            title="What the paper rests an arrow on",
            title_fontsize=9,
            columnspacing=1,
            borderpad=0,
            labelspacing=0.1,
        )
    fig.set_label(_describe(names, lines, arrows, pairs, links))
    return fig, ax


def _marker_lines(phases: pd.DataFrame, here: pd.DataFrame) -> list[str]:
    """Return two lines for each marker: its sign in the paper, its correlation with TOP here."""
    lines = []
    signs, section = list_markers(phases)["sign"], phases["signs_from"].iloc[0]
    for code, name in printed_names(signs.index).items():
        found = _estimate(here.loc[code]) if code in here.index else "no data"
        lines += [f"{name}: {signs[code]} in the paper ({section})", f"here {found}"]
    return lines


def _estimate(row: pd.Series) -> str:
    text = f"{row['r']:+.2f} [{row['r_low']:.2f}, {row['r_high']:.2f}] {row['label']}"
    return text.replace("-", "−")


def _height(lines: list[str]) -> float:
    return _LINE * len(lines) + 0.12


def _draw_boxes(ax: plt.Axes, lines: dict[str, list[str]], top: float) -> dict[str, np.ndarray]:
    """Draw the boxes from the top down; return (left, bottom, right, top) of each."""
    boxes = {}
    for phase, texts in lines.items():
        box = np.array([_LEFT, top - _height(texts), _RIGHT, top])
        shape = "round,pad=0,rounding_size=0.06"
        colour = GROUP_COLOURS[phase]
        style = {"facecolor": "0.96", "edgecolor": colour, "linewidth": 1.6}
        size = box[2:] - box[:2]
        ax.add_patch(FancyBboxPatch(box[:2], *size, boxstyle=shape, gid=f"box {phase}", **style))
        for i, text in enumerate(texts):
            y = top - 0.06 - _LINE * (i + 0.5)
            ax.text(_LEFT + 0.08, y, text, fontsize=8 if i else 10, va="center")
        boxes[phase] = box
        top = box[1] - _GAP
    return boxes


def _draw_arrow(ax: plt.Axes, curve: list, row: pd.Series, gid: str) -> None:
    curve = np.asarray(curve)
    style = _STYLES[row["acts"].split(", ")[0]] | {"color": "0.15", "solid_capstyle": "butt"}
    along = (curve[-1] - curve[-2]) / np.linalg.norm(curve[-1] - curve[-2])
    shaft = np.vstack([curve[:-1], curve[-1] - 0.06 * along])
    ax.plot(*shaft.T, gid=gid, **style)
    tip = {"facecolor": "0.15", "edgecolor": "0.15", "lw": 0.5} | _HEAD
    ax.annotate("", curve[-1], curve[-1] - 0.07 * along, arrowprops=tip)


def _draw_words(ax: plt.Axes, x: float, y: float, row: pd.Series, here: pd.Series | None) -> None:
    """Write what the paper rests an arrow on to its left, what is found here to its right."""
    order = [f"order: {row['order']}"] if row["order"] else []
    ax.text(x - 0.09, y, "\n".join([row["acts"], *order]), fontsize=8, ha="right", va="center")
    text = "here no data"
    if here is not None:
        left, right = printed_names([here["left"], here["right"]]).values()
        first, interval, label = _estimate(here).replace(" [", "|[").replace("] ", "]|").split("|")
        text = f"{left}–{right} {first}\n{interval}\n{label}"
    ax.text(x + 0.09, y, text, fontsize=8, ha="left", va="center")


def _around(arrows: pd.DataFrame, place: dict[str, int], boxes: dict[str, np.ndarray]) -> list:
    """Return the way of each arrow beside the boxes: back on the left, forward on the right."""
    found = []
    for side in (-1, 1):
        own = [pair for pair in arrows.index if _side(pair, place) == side]
        own.sort(key=lambda pair: abs(place[pair[0]] - place[pair[1]]))
        lanes = {}
        for pair in own:
            span = sorted(place[phase] for phase in pair)
            taken = [
                lanes[other]
                for other in lanes
                if max(span[0], min(place[p] for p in other))
                < min(span[1], max(place[p] for p in other))
            ]
            lanes[pair] = max(taken, default=0) + 1
        heights = _ports(lanes, place, boxes)
        for (cause, to), lane in lanes.items():
            edge = boxes[cause][2 if side > 0 else 0]
            x = edge + side * (_INNER + _LANE * (lane - 1))
            ends = [heights[cause, to, phase] for phase in (cause, to)]
            curve = np.array([(edge, ends[0]), (x, ends[0]), (x, ends[1]), (edge, ends[1])])
            found.append((curve, (cause, to), arrows.loc[(cause, to)]))
    return found


def _side(pair: tuple[str, str], place: dict[str, int]) -> int:
    step = place[pair[1]] - place[pair[0]]
    return -1 if step < 0 else 1 if step > 1 else 0


def _ports(lanes: dict, place: dict[str, int], boxes: dict[str, np.ndarray]) -> dict:
    """Return at which height each arrow meets each of its boxes, so that no two cross."""
    heights = {}
    for phase, box in boxes.items():
        met = []
        for pair, lane in lanes.items():
            if phase in pair:
                other = pair[1] if pair[0] == phase else pair[0]
                down = place[other] > place[phase]
                met.append((down, -lane if down else lane, pair))
        spots = np.linspace(box[3], box[1], len(met) + 2)[1:-1]
        heights |= {(*pair, phase): y for (_, _, pair), y in zip(sorted(met), spots, strict=True)}
    return heights


def _describe(
    names: pd.Series,
    lines: dict[str, list[str]],
    arrows: pd.DataFrame,
    pairs: pd.DataFrame,
    links: pd.DataFrame,
) -> str:
    words = [f"{len(names)} boxes, one below the other. "]
    words += [f"{text[0]}: {'; '.join(text[1:])}. " for text in lines.values()]
    words.append(f"{len(arrows)} arrows. ")
    for (cause, to), row in arrows.iterrows():
        order = f"; that one follows the other: {row['order']}" if row["order"] else ""
        here = ""
        if (cause, to) in pairs.index:
            pair = pairs.loc[(cause, to)]
            left, right = printed_names([pair["left"], pair["right"]]).values()
            here = f"; here {left} with {right} {_estimate(pair)}"
        words.append(f"{names[cause]} to {names[to]}: {row['acts']}{order}{here}. ")
    within = (links["from"] == links["to"]).sum()
    return "".join(words) + f"Within one phase, not drawn: {within}."


def third_panels(
    top: pd.Series, scaled: pd.DataFrame, alone: pd.DataFrame
) -> tuple[plt.Figure, np.ndarray]:
    """Draw each marker along the sites in the order of their TOP, with its mean in each third.

    Parameters
    ----------
    top : pandas.Series
        kg O2 m-2 yr-1.
    scaled : pandas.DataFrame
        Markers at the same sites, shares of their range.
    alone : pandas.DataFrame
        As :func:`helpers.paper.time_changes` returns it for them.

    Examples
    --------
    >>> alone = pd.DataFrame({"share": 0.7, "share_low": 0.5, "share_high": 0.9}, ["SOC"])
    >>> fig, axes = third_panels(
    ...     pd.Series([1, 2, 3]), pd.DataFrame({"SOC": [0, 0.7, 1]}), alone
    ... )
    >>> axes[0, 0].get_title(loc="left")
    'SOC: share 0.70 [0.50, 0.90]'
    """
    groups = load_factors()["group"]
    order = top.sort_values(kind="stable").index
    ranks = np.arange(1, len(order) + 1)
    names = printed_names(scaled.columns)
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(
            scaled.shape[1],
            1,
            sharex=True,
            sharey=True,
            squeeze=False,
            figsize=(WIDTH, 0.7 + 0.95 * scaled.shape[1]),
        )
        for ax, code in zip(axes.flat, scaled, strict=True):
            colour = GROUP_COLOURS[groups[code]]
            values = scaled.loc[order, code].to_numpy()
            ax.plot(ranks, values, "o", color=colour, ms=3.5, alpha=0.8)
            for third in np.array_split(ranks, 3):
                mean = values[third - 1].mean()
                ax.plot(third[[0, -1]] + [-0.4, 0.4], [mean, mean], color="black", lw=2)
            for edge in [third[0] - 0.5 for third in np.array_split(ranks, 3)[1:]]:
                ax.axvline(edge, color="0.7", lw=0.8, ls=(0, (2, 2)))
            ax.set_title(f"{names[code]}: {_said(alone.loc[code])}", loc="left", pad=2)
            ax.set(ylim=(-0.08, 1.08), yticks=[0, 1])
        axes[-1, 0].set_xlabel("Sites, from the lowest TOP to the highest")
        fig.supylabel("Share of the range", fontsize=10)
    fig.set_label(
        f"{scaled.shape[1]} rows of {len(order)} dots, sites in the order of their TOP "
        f"({top.min():.3f} to {top.max():.3f} kg m⁻² yr⁻¹), cut into thirds. The share of its "
        "change that a marker makes by the middle third: "
        + "; ".join(f"{names[code]} {_said(alone.loc[code])}" for code in scaled)
        + "."
    )
    return fig, axes


def _said(row: pd.Series) -> str:
    if np.isnan(row["share_low"]):
        return "no clear change"
    text = f"share {row['share']:.2f} [{row['share_low']:.2f}, {row['share_high']:.2f}]"
    return text.replace("-", "−")
