"""What a reader needs of any figure: letters that can be read, nothing covered, nothing cut off."""

from __future__ import annotations

import re
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text

from helpers.figures.style import WIDTH


def overlap(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())


def extents(artists) -> list[np.ndarray]:
    """Return (left, bottom, right, top) of each, in pixels."""
    return [artist.get_window_extent().extents for artist in artists]


def texts_of(fig: plt.Figure) -> list[Text]:
    """Return all letters that are drawn, without the ticks beyond the ends of an axis."""
    fig.draw_without_rendering()
    beyond = {
        text
        for ax in fig.axes
        for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim()))
        for tick in axis.get_major_ticks() + axis.get_minor_ticks()
        for text in (tick.label1, tick.label2)
        if not min(limits) <= tick.get_loc() <= max(limits)
    }
    texts = [text for text in fig.findobj(Text) if text.get_text() and text.get_visible()]
    return [text for text in texts if text not in beyond]


def words_of(fig: plt.Figure) -> list[str]:
    return [text.get_text() for text in texts_of(fig)]


def assert_readable(fig: plt.Figure) -> None:
    """Check that it fits a phone: letters large enough, none covers another, nothing is cut off."""
    texts = texts_of(fig)
    assert fig.get_figwidth() == WIDTH
    drawn = fig.get_tightbbox().extents
    assert (drawn[:2] > -0.02).all()
    assert (drawn[2:] < fig.get_size_inches() + 0.02).all()
    assert min(text.get_fontsize() for text in texts) >= 8.5
    for (one, here), (other, there) in combinations(zip(texts, extents(texts), strict=True), 2):
        assert not overlap(here, there), f"{one.get_text()!r} and {other.get_text()!r} overlap"
    assert len(fig.get_label()) > 60


def rows_of(ax: plt.Axes) -> list[str]:
    """Return the names of rows, without line breaks."""
    return [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]


def marks(ax: plt.Axes, marker: str) -> list[tuple[str, float]]:
    """Return the row and the place of each mark of this kind."""
    found = [line for line in ax.lines if line.get_marker() == marker]
    return [(rows_of(ax)[int(one.get_ydata()[0])], one.get_xdata()[0]) for one in found]


def filled(ax: plt.Axes) -> list[bool]:
    """Tell of each dot whether it is filled, row by row."""
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    return [dot.get_markerfacecolor() == dot.get_color() for dot in dots]


# Boxes that are joined by arrows with numbers


def boxes_of(ax: plt.Axes) -> dict[str, np.ndarray]:
    patches = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    names = [patch.get_gid().removeprefix("box ") for patch in patches]
    return dict(zip(names, extents(patches), strict=True))


def lines_of(ax: plt.Axes) -> dict[str, Line2D]:
    return {line.get_gid(): line for line in ax.lines}


def numbers_of(ax: plt.Axes) -> dict[str, Text]:
    return {text.get_gid(): text for text in ax.texts if text.get_gid()}


def arcs_of(ax: plt.Axes) -> set[str]:
    """Return the lines without an arrow's head: grey, for correlations."""
    return {gid for gid, line in lines_of(ax).items() if line.get_color() == "0.7"}


def points_of(ax: plt.Axes, gid: str) -> np.ndarray:
    """Return points of a line, dense enough that none of them leaps over a box or number."""
    points = ax.transData.transform(lines_of(ax)[gid].get_xydata())
    at = np.linspace(0, len(points) - 1, 2000)
    return np.stack([np.interp(at, range(len(points)), axis) for axis in points.T], axis=1)


def runs_through(points: np.ndarray, box: np.ndarray) -> bool:
    return bool(((points > box[:2]) & (points < box[2:])).all(axis=1).any())


def assert_diagram(ax: plt.Axes, values: dict[str, float], under_numbers: int = 0) -> None:
    """Check the boxes, lines and numbers of a diagram against the values, by "cause to effect".

    No box or number covers another; no line runs through a box or (but for so many) under the
    number of another; each joins its two boxes, with its number on it. Lines are solid where
    positive and dashed where negative, in two colours, and wider where the value is larger.
    """
    boxes, lines, inch = boxes_of(ax), lines_of(ax), ax.figure.dpi
    numbers = dict(zip(numbers_of(ax), extents(numbers_of(ax).values()), strict=True))
    assert lines.keys() == numbers.keys() == values.keys() | arcs_of(ax)
    for (one, here), (other, there) in combinations([*boxes.items(), *numbers.items()], 2):
        assert not overlap(here, there), f"{one} and {other} overlap"
    under = []
    for gid in lines:
        points = points_of(ax, gid)
        hit = [name for name, box in boxes.items() if runs_through(points, box)]
        assert not hit, f"{gid} runs through {hit}"
        under += [(gid, to) for to in numbers if to != gid and runs_through(points, numbers[to])]
        middle = (numbers[gid][:2] + numbers[gid][2:]) / 2
        assert np.linalg.norm(points - middle, axis=1).min() < 0.03 * inch, gid
        for name, end, reach in zip(
            re.split(" to | ~~ ", gid), points[[0, -1]], (0.02, 0.15), strict=True
        ):
            away = np.maximum(np.maximum(boxes[name][:2] - end, end - boxes[name][2:]), 0)
            joined = np.linalg.norm(away) <= reach * inch
            assert joined or gid in arcs_of(ax), f"{gid} does not touch {name}"
    assert len(under) <= under_numbers, under
    colours = {True: set(), False: set()}
    for gid, value in values.items():
        assert (lines[gid].get_linestyle() == "-") == (value > 0), gid
        colours[value > 0].add(lines[gid].get_color())
    assert max(map(len, colours.values())) == 1
    assert not colours[True] & colours[False]
    widths = [lines[gid].get_linewidth() for gid in sorted(values, key=lambda g: abs(values[g]))]
    assert (np.diff(widths) >= 0).all()
