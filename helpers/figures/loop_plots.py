"""Figures of feedback loops: side by side, step by step, and in worlds that are known."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, pairwise, product
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.figures.layout import EDGE, Drawing, bend, clockwise, height_of, lift, place_numbers
from helpers.figures.path_diagrams import (
    BY_HAND,
    draw_arrow,
    draw_box,
    draw_number,
    line_widths,
    measure,
    width_of_boxes,
)
from helpers.figures.style import STYLE, WIDTH, printed_names
from helpers.pathmodel.loop import feedback, find_ring
from helpers.pathmodel.spec import PathModel

# dark enough on white, apart for colour-blind readers
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#7A4B00")
# tried until every number has its place: how far arrows bend outwards, by their length, and how
# high the circle is (its half, inches)
_BOWS = (0.15, 0.22, 0.3)
_HEIGHTS = (0.85, 1.2, 1.6, 2.0)
_APART = np.array([0.2, 0.2])  # least between boxes
_LINE = 0.16  # height of a line of letters
_ABOVE = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "fontsize": 9}


def loop_panels(loops: dict[str, pd.DataFrame]) -> tuple[plt.Figure, np.ndarray]:
    r"""Draw loops side by side, every variable at the same place in each of them.

    Arrows are solid and green where positive, dashed and red where negative; their width follows
    the size of the coefficient up to 1.

    Parameters
    ----------
    loops : dict of pandas.DataFrame
        By title: standardized coefficients, (p, p): row to, column from, of one loop
        (``find_ring``). The first loop sets the order, clockwise, and
        its first column stands on top. What follows from a loop is not drawn.

    Raises
    ------
    InputError
        For coefficients of another kind of model.

    Examples
    --------
    >>> names = ["TF", "EVI", "SOC"]
    >>> B = pd.DataFrame([[0, 0, 0.5], [0.8, 0, 0], [0, 0.5, 0]], names, names)
    >>> fig, axes = loop_panels({"a loop": B, "a weaker one": B / 2})
    >>> axes[0].texts[-1].get_text()
    'gain 0.20\nstability index 0.58: stable'
    """
    arrows = {title: _find_arrows(B) for title, B in loops.items()}
    measures = {title: feedback(B) for title, B in loops.items()}
    ring = [cause for cause, _ in next(iter(arrows.values())).index]
    names = {code: fill(name, 14) for code, name in printed_names(ring).items()}
    numbers = {
        title: {pair: _show(value) for pair, value in values.items()}
        for title, values in arrows.items()
    }
    with plt.rc_context(BY_HAND):
        fig = plt.figure(figsize=(WIDTH, WIDTH))
        lines = 1 + max(name.count("\n") for name in names.values())
        box = np.array([width_of_boxes(fig, names, {}), 0.1 + _LINE * lines])
        sizes = {
            title: {pair: measure(fig, text, 8) for pair, text in texts.items()}
            for title, texts in numbers.items()
        }
        columns, drawings = _arrange(ring, box, sizes)
        titles = {title: fill(title, 26 if columns == 2 else 54) for title in loops}
        below = max(measure(fig, title, 10)[1] for title in titles.values()) + 0.05
        head = below + 2 * _LINE
        height = head + max(
            height_of(drawing, places, sizes[title])
            for title, (drawing, places) in drawings.items()
        )
        rows = -(-len(loops) // columns)
        fig.set_size_inches(WIDTH, rows * height)
        whole = {"left": 0, "bottom": 0, "right": 1, "top": 1, "wspace": 0, "hspace": 0}
        axes = fig.subplots(rows, columns, squeeze=False, gridspec_kw=whole).ravel()
        for ax in axes[len(loops) :]:
            ax.remove()
        axes = axes[: len(loops)]
        for ax, (title, values) in zip(axes, arrows.items(), strict=True):
            ax.set(xlim=(0, WIDTH / columns), ylim=(0, height))  # inches
            ax.set_axis_off()
            drawing, places = drawings[title]
            for code, corners in drawing.boxes.items():
                style = {"edgecolor": "0.3", "linewidth": 0.8}
                draw_box(ax, code, corners, [names[code], None], style)
            for pair, width in line_widths(values.clip(-1, 1)).items():
                draw_arrow(ax, drawing.curves[pair], values[pair], width, " to ".join(pair))
                draw_number(ax, places[pair], numbers[title][pair], pair)
            centre = {"x": WIDTH / columns / 2, "ha": "center", "va": "top"}
            ax.text(y=height - EDGE, s=titles[title], **centre)
            said = "\n".join(_say_measures(measures[title]))
            ax.text(y=height - EDGE - below, s=said, fontsize=8, **centre)
    panels = [
        f"{title}: "
        + ", ".join(
            f"{_flat(names[cause])} to {_flat(names[to])} {numbers[title][cause, to]}"
            for cause, to in values.index
        )
        + f"; {', '.join(_say_measures(measures[title]))}"
        for title, values in arrows.items()
    ]
    count = f"{len(loops)} loops" if len(loops) > 1 else "A loop"
    fig.set_label(f"{count} of {len(ring)} variables in a circle. {'. '.join(panels)}.")
    return fig, axes


def _find_arrows(B: pd.DataFrame) -> pd.Series:
    """Return the coefficients of the loop by (from, to), one after the other."""
    paths = tuple((to, cause) for to in B.index for cause in B.columns if B.loc[to, cause])
    ring = find_ring(PathModel("\n".join(f"{to} ~ {cause}" for to, cause in paths), paths))
    first = min(range(len(ring)), key=lambda place: list(B.columns).index(ring[place]))
    ring = ring[first:] + ring[:first]
    return pd.Series({pair: B.loc[pair[::-1]] for pair in pairwise([*ring, ring[0]])})


def _arrange(ring: list[str], box: np.ndarray, sizes: dict[str, dict]) -> tuple[int, dict]:
    """Return how many loops stand in a row, and drawing and places of numbers of each."""
    tried = []
    for columns, bow, height in product((min(len(sizes), 2), 1), _BOWS, _HEIGHTS):
        middle = np.array([WIDTH / columns / 2, 0])
        centres = clockwise(ring, middle, np.array([middle[0] - 2 * EDGE - box[0] / 2, height]))
        spots = np.array(list(centres.values()))
        near = (np.abs(spots[:, None] - spots) < box + _APART).all(axis=-1)
        if near.sum() > len(ring):
            continue
        drawings = {
            title: _draw_ring(ring, centres, box, bow, list(numbers))
            for title, numbers in sizes.items()
        }
        found = {title: place_numbers(drawings[title], sizes[title]) for title in sizes}
        trouble = sum(each for _, each in found.values())
        trouble += sum(
            abs(place[0] - middle[0]) + sizes[title][pair][0] / 2 > middle[0]
            for title, (places, _) in found.items()
            for pair, place in places.items()
        )
        tried.append(
            (trouble, columns, {title: (drawings[title], found[title][0]) for title in sizes})
        )
        if not trouble:
            break
    return min(tried, key=lambda each: each[0])[1:]


def _draw_ring(
    ring: list[str], centres: dict, box: np.ndarray, bow: float, arrows: list
) -> Drawing:
    """Return boxes, and arrows bent outwards between neighbours, else straight.

    Boxes are at the same place whatever arrows there are: room is left for those of the whole ring.
    """
    ahead = list(pairwise([*ring, ring[0]]))
    bows = dict.fromkeys(ahead, bow) | {pair[::-1]: -bow for pair in ahead}
    curves = {
        (cause, to): bend((centres[cause], box), (centres[to], box), bows.get((cause, to), 0))
        for cause, to in {*ahead, *arrows}
    }
    drawing = lift(centres, curves, {}, dict.fromkeys(ring, box), "on a circle", room=0.16)
    return replace(drawing, curves={pair: drawing.curves[pair] for pair in arrows})


def _say_measures(measures: dict[str, np.ndarray]) -> list[str]:
    index = measures["stability_index"]
    return [
        f"gain {_show(measures['gain'])}",
        f"stability index {_show(index)}: {'stable' if index < 1 else 'unstable'}",
    ]


def response_steps(
    responses: dict[str, pd.DataFrame],
    limits: dict[str, float],
    variable: str,
    round_length: int,
) -> tuple[plt.Figure, plt.Axes]:
    """Draw what a lasting push on a variable becomes there, step by step.

    Parameters
    ----------
    responses : dict of pandas.DataFrame
        By case: from :func:`helpers.pathmodel.respond`, with a push on `variable`.
    limits : dict of float
        By case: what the response tends to, in standard deviations. The axis holds the cases that
        are named here (all, if none is); the label of a case that leaves it says where it ends.
    variable : str
        The one that is pushed.
    round_length : int
        Steps of one round, the number of variables in the loop.

    Examples
    --------
    >>> response = pd.DataFrame({"TF": [1, 1, 1, 1.2, 1.2, 1.2, 1.24]})
    >>> fig, _ = response_steps({"gain 0.2": response}, {"gain 0.2": 1.25}, "TF", 3)
    >>> fig.get_label().split(". ")[-1]
    'gain 0.2: tends to 1.25.'
    """
    lines = {case: response[variable] for case, response in responses.items()}
    kept = pd.DataFrame({case: lines[case] for case in limits or lines})
    ends = [0, *limits.values(), kept.min(axis=None), kept.max(axis=None)]
    margin = 0.04 * (max(ends) - min(ends))
    low, high = min(ends) - margin * (min(ends) < 0), max(ends) + margin
    cut = {case: ((line > high) | (line < low)).to_numpy() for case, line in lines.items()}
    said = {}
    for case, line in lines.items():
        tends = f"tends to {_show(limits[case])}" if case in limits else "no limit"
        rounds = f"{line.index[-1] / round_length:g} rounds"
        reached = f"{_show(line.iloc[-1])} after {rounds}"
        said[case] = reached if cut[case].any() else tends
    labels = {case: f"{fill(case, 18)}\n{said[case]}" for case in lines}
    heights = pd.Series(
        {case: 0.06 + _LINE * (1 + text.count("\n")) for case, text in labels.items()}
    )
    rank = pd.DataFrame(
        {
            "end": {case: line.clip(low, high).iloc[-1] for case, line in lines.items()},
            "leaves": {case: -np.argmax([*cut[case], True]) for case in lines},
        }
    ).sort_values(["end", "leaves"])
    (name,) = printed_names([variable]).values()
    with plt.rc_context(STYLE):
        size = (WIDTH, max(2.8, heights.sum() + 0.8))
        fig, ax = plt.subplots(figsize=size)
        for (case, line), colour in zip(lines.items(), cycle(LINE_COLOURS)):
            steps, held = [*line.index, line.index[-1] + 1], [*line, line.iloc[-1]]
            x = np.array(steps) / round_length
            ax.step(x, held, where="post", color=colour, lw=1.6, gid=case)
            if case in limits:
                ax.axhline(limits[case], color=colour, lw=1, ls=(0, (4, 2)), zorder=1)
        ax.set(ylim=(low, high), xlabel="Rounds of the loop")
        ax.set_ylabel(f"Response of {name}\n(standard deviations)")
        ax.autoscale(axis="x", tight=True)
        starts = (rank["end"] - low) / (high - low)
        places = _spread(starts, heights[rank.index] / (size[1] - 0.6))
        colours = {line.get_gid(): line.get_color() for line in ax.lines}
        beside = {"transform": ax.transAxes, "clip_on": False}
        for case, place in places.items():
            start = place if cut[case].any() else starts[case]
            ax.plot([1.01, 1.06], [start, place], color=colours[case], lw=1.6, **beside)
            ax.text(1.1, place, labels[case], fontsize=9, va="center", **beside)
    last = max(line.index[-1] for line in lines.values())
    count = f"{len(lines)} staircases" if len(lines) > 1 else "A staircase"
    fig.set_label(
        f"{count}: the response of {name} to a lasting push of 1 standard deviation, over "
        f"{last / round_length:g} rounds of the loop. "
        + "; ".join(
            f"{case}: {'cut off: ' if cut[case].any() else ''}{said[case]}" for case in lines
        )
        + "."
    )
    return fig, ax


def _spread(places: pd.Series, heights: pd.Series) -> pd.Series:
    """Return places near the given, rising ones, where labels of these heights fit into 0 to 1."""
    offset = heights.cumsum() - heights / 2
    lowest = (places - offset).clip(lower=0).cummax()
    return lowest.clip(upper=1 - heights.sum()) + offset


def gain_distributions(
    gains: dict[str, pd.Series], marked: dict[str, float]
) -> tuple[plt.Figure, plt.Axes]:
    """Draw how the gain of the stable solution varies in each of several worlds.

    Parameters
    ----------
    gains : dict of pandas.Series
        By world: gains between -1 and 1; NaN, where a sample has no real solution, is left out.
    marked : dict of float
        Gains to draw a line at, by name.

    Examples
    --------
    >>> fig, _ = gain_distributions({"a chain": pd.Series([0.1, 0.4, -0.2])}, {"printed": 0.41})
    >>> fig.get_label().split(": ")[-1]
    'printed 0.41.'
    """
    edges = np.linspace(-1, 1, 41)
    gains = {world: values.dropna() for world, values in gains.items()}
    shares = {world: _percent(values) for world, values in gains.items()}
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.62 * len(gains) + 0.17 * len(marked)))
        ax.set(xlim=(-1.02, 1.02), ylim=(len(gains), 0), xlabel="Gain of the stable loop")
        for base, (world, values) in enumerate(gains.items(), start=1):
            counts, _ = np.histogram(values, edges)
            tops = base - 0.8 * counts / max(counts.max(), 1)
            for side, colour in ((slice(0, 20), "0.6"), (slice(20, 40), "#0072B2")):
                ends = edges[side.start : side.stop + 1]
                ax.stairs(tops[side], ends, baseline=base, fill=True, color=colour)
            ax.axhline(base, color="0.6", lw=0.6)
            ax.text(1.07, base - 0.3, shares[world], va="center", gid=f"share {world}")
        ax.set_yticks(np.arange(len(gains)) + 0.7, [fill(world, 16) for world in gains])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.axvline(0, color="black", lw=0.8)
        head = ax.annotate("gain > 0", (1.07, 1), (0, 5), **_ABOVE, color="#0072B2")
        _mark(fig, ax, marked, head)
    rows = [
        f"{world}: {shares[world]} of {len(values)} above 0"
        + (f", median {_show(values.median())}" if len(values) else "")
        for world, values in gains.items()
    ]
    marks = ", ".join(f"{name} {_show(gain)}" for name, gain in marked.items())
    fig.set_label(
        f"Histograms of the gain between −1 and 1 of each world: "
        f"{'; '.join(rows)}. Lines at 0{f' and at: {marks}' if marks else ''}."
    )
    return fig, ax


def _percent(gains: pd.Series) -> str:
    """Return the share of gains above 0, with 0% and 100% only where it is none and all."""
    return "none left" if gains.empty else say_share((gains > 0).mean(), decimals=0)


def say_share(share: float, decimals: int = 1) -> str:
    """Write a share in percent, with 0% and 100% only for none and all.

    Parameters
    ----------
    share : float
        From 0 to 1.
    decimals : int
        Of the percentage.

    Examples
    --------
    >>> say_share(0.25), say_share(0.9999), say_share(1)
    ('25.0%', '> 99.9%', '100.0%')
    """
    least = 10.0**-decimals
    if 0 < share < least / 200:
        return f"< {least:.{decimals}f}%"
    if 1 - least / 200 <= share < 1:
        return f"> {100 - least:.{decimals}f}%"
    return f"{100 * share:.{decimals}f}%"


def _mark(fig: plt.Figure, ax: plt.Axes, marked: dict[str, float], head: plt.Annotation) -> None:
    """Draw lines with labels above the axes, as low as there is room beside the head."""
    labels = [head]
    for name, gain in sorted(marked.items(), key=lambda item: -item[1]):
        ax.axvline(gain, color="black", lw=1.4, ls=(0, (3, 1.5)))
        text = f"{name} {_show(gain)}"
        labels.append(ax.annotate(text, (gain, 1), (0, 5), **_ABOVE, ha="center"))
    fig.draw_without_rendering()
    taken = []
    for label in labels:
        box = label.get_window_extent()
        level = 0
        while any(level == at and box.x0 < x1 and x0 < box.x1 for at, x0, x1 in taken):
            level += 1
        taken.append((level, box.x0, box.x1))
        label.set_position((0, 5 + 14 * level))


def _show(value: float) -> str:
    """Return two decimals, or three digits of what is large or tiny."""
    usual = 0.005 <= abs(value) <= 10 or value == 0
    return (f"{value:.2f}" if usual else f"{value:.3g}").replace("-", "−")


def _flat(text: str) -> str:
    return text.replace("\n", " ")
