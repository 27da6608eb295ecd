"""What a reader needs of any figure: letters that can be read, nothing covered, nothing cut off."""

from __future__ import annotations

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
    assert min(text.get_fontsize() for text in texts) >= 8
    for (one, here), (other, there) in combinations(zip(texts, extents(texts), strict=True), 2):
        assert not overlap(here, there), f"{one.get_text()!r} and {other.get_text()!r} overlap"
    assert len(fig.get_label()) > 60


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


def arrows_under_numbers(ax: plt.Axes) -> list[tuple[str, str]]:
    numbers = dict(zip(numbers_of(ax), extents(numbers_of(ax).values()), strict=True))
    return [
        (number, line)
        for line in lines_of(ax)
        for number, extent in numbers.items()
        if line != number and runs_through(points_of(ax, line), extent)
    ]


def assert_clear(ax: plt.Axes) -> None:
    """Check that no box or number covers another, and that no line runs through a box."""
    boxes = boxes_of(ax)
    numbers = dict(zip(numbers_of(ax), extents(numbers_of(ax).values()), strict=True))
    taken = [*boxes.items(), *numbers.items()]
    for (one, here), (other, there) in combinations(taken, 2):
        assert not overlap(here, there), f"{one} and {other} overlap"
    for gid in lines_of(ax):
        hit = [name for name, box in boxes.items() if runs_through(points_of(ax, gid), box)]
        assert not hit, f"{gid} runs through {hit}"


def assert_joined(ax: plt.Axes) -> None:
    """Check that each arrow leads from its cause to its effect, with its number on it."""
    boxes, inch = boxes_of(ax), ax.figure.dpi
    for gid in lines_of(ax).keys() - arcs_of(ax):
        ends = points_of(ax, gid)[[0, -1]]
        for name, end, reach in zip(gid.split(" to "), ends, (0.02, 0.15), strict=True):
            box = boxes[name]
            away = np.maximum(np.maximum(box[:2] - end, end - box[2:]), 0)
            assert np.linalg.norm(away) <= reach * inch, f"{gid} does not touch {name}"
    for gid, text in numbers_of(ax).items():
        (extent,) = extents([text])
        away = points_of(ax, gid) - (extent[:2] + extent[2:]) / 2
        assert np.linalg.norm(away, axis=1).min() < 0.03 * inch, f"{gid} is not on its line"


def assert_drawn_as(ax: plt.Axes, values: dict[str, float]) -> None:
    """Check that lines are solid where positive, dashed where negative, in two colours.

    They are wider where the value is larger, up to 1.
    """
    lines = lines_of(ax)
    colours = {True: set(), False: set()}
    for gid, value in values.items():
        assert (lines[gid].get_linestyle() == "-") == (value > 0), gid
        colours[value > 0].add(lines[gid].get_color())
    assert max(map(len, colours.values())) == 1
    assert not colours[True] & colours[False]
    widths = [lines[gid].get_linewidth() for gid in sorted(values, key=lambda g: abs(values[g]))]
    assert (np.diff(widths) >= 0).all()
