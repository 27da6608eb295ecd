"""Figures of path models: the diagram, and the web of effects around an outcome."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import FancyBboxPatch, Polygon

from helpers.figures import layout, style
from helpers.pathmodel.fit import PathFit
from helpers.pathmodel.spec import PathModel

_LINE = 0.16  # of letters in a box, inches
_GAPS = (0.6, 0.7, 0.85, 1.0, 1.2)  # tried between layers until every number has its place


def path_diagram(
    fit: PathFit,
    outcome: str = "TOP",
    words: Mapping[str, str] | None = None,
    intervals: pd.DataFrame | None = None,
) -> tuple[plt.Figure, plt.Axes]:
    r"""Draw a fitted path model with its standardized coefficients (Fig. 3a-d, 4c).

    Arrows are solid and green where positive, dashed and red where negative; their width follows
    the size of the coefficient.

    Parameters
    ----------
    fit : PathFit
        From :func:`helpers.pathmodel.fit_model`. Variables of a loop of three or more are placed
        on a circle, those of any other model in layers, causes before effects; two that cause
        each other stand side by side.
    outcome : str
        The variable that is drawn last, where the model has it and it causes nothing.
    words : mapping, optional
        What stands in the boxes, in lines; the printed acronyms if left out.
    intervals : pandas.DataFrame, optional
        Lower and upper end, by ``from`` and ``to``, that stand below the numbers of arrows.

    Examples
    --------
    >>> from helpers.pathmodel import fit_model, parse_model
    >>> from helpers.study import load_study
    >>> fit = fit_model(parse_model("SOC ~ TF\nCenzy ~ SOC"), load_study().factors())
    >>> path_diagram(fit)[0].get_label().split(":")[0]
    'Path diagram of 3 variables in 3 rows, causes before effects'
    """
    rows = fit.estimates
    paths = rows[rows["kind"] == "path"].set_index(["from", "to"])["standardized"]
    spreads = rows[rows["kind"] == "covariance"].set_index(["to", "from"])["standardized"]
    explained = {name: 1 - spreads[name, name] for name in fit.model.endogenous}
    covariances = {(a, "~~", b): value for (a, b), value in spreads.items() if a != b}
    names = style.printed_names(fit.model.variables)
    r2 = {name: f"R² {share:.2f}" for name, share in explained.items()}
    texts = _two_decimals(dict(paths.items()) | covariances)
    if intervals is not None:
        for pair in paths.index.intersection(intervals.index):
            ends = _two_decimals(dict(enumerate(intervals.loc[pair]))).values()
            texts[pair] += f"\n({', '.join(ends)})"
    fig = plt.figure(figsize=(style.WIDTH, style.WIDTH))
    in_layers, loop = layout.find_layers(fit.model, outcome), _find_loop(fit.model)
    said = {name: text for name, text in (words or {}).items() if name in names}
    for letters in (15, 12):
        written = names | {name: wrap(text, letters) for name, text in said.items()}
        lines = {name: text.split("\n") for name, text in written.items()}
        width = width_of_boxes(fig, [*chain.from_iterable(lines.values()), *r2.values()])
        if layout.has_room(in_layers or {}, width):
            break
    boxes = {
        name: np.array([width, 0.1 + _LINE * len(lines[name]) + 0.14 * (name in r2)])
        for name in names
    }
    sizes = {pair: measure(fig, text, style.SMALL) for pair, text in texts.items()}
    options = (
        [
            layout.in_layers(fit.model, in_layers, covariances, boxes, gap)
            if in_layers
            else _draw_loop(fit.model, loop, boxes, gap)
        ]
        for gap in _GAPS
    )
    (drawing,), (numbers,) = layout.arrange(options, [sizes])
    (ax,) = inch_axes(fig, *layout.limits([drawing], [numbers]))
    left = min(0, *(box[0] for box in numbers.values()))  # wide numbers may stand out
    right = max(style.WIDTH, *(box[2] for box in numbers.values()))
    ax.set_xlim(left, right)
    fig.set_figwidth(right - left)
    for name, box in drawing.boxes.items():
        look = {"edgecolor": "0.3", "linewidth": 1.6 if name == outcome else 0.8}
        draw_box(ax, name, box, written[name], r2.get(name, ""), **look)
    draw_effects(ax, drawing, numbers, texts, paths)
    unstable = f"unstable: stability index {fit.stability_index:.2f}"
    if fit.stability_index >= 1:
        ax.set_title(unstable, fontsize=style.SMALL, color="0.3")
    strongest = paths.abs().idxmax()
    arcs = [f"{names[a]} and {names[b]} {spreads[a, b]:+.2f}" for a, _, b in drawing.arcs]
    left_out = len(covariances) - len(arcs)
    fig.set_label(
        f"Path diagram of {len(names)} variables {drawing.words}: {_count_signs(paths)} arrows. "
        f"Strongest: {names[strongest[0]]} to {names[strongest[1]]} ({paths[strongest]:+.2f}). R²: "
        + ", ".join(f"{names[name]} {share:.2f}" for name, share in explained.items())
        + "."
        + (f" Grey arcs, correlations: {', '.join(arcs)}." if arcs else "")
        + (f" {left_out} covariances are not drawn." if left_out else "")
        + (f" The solution is {unstable}." if fit.stability_index >= 1 else "")
    )
    return fig, ax


def wrap(text: str, letters: int = 15) -> str:
    """Return words in lines that fit a box, the acronym on a line of its own."""
    words, bracket, acronym = text.replace("_", " ").partition(" (")
    return "\n".join(
        fill(part, letters, break_long_words=False)
        for part in (words, bracket[1:] + acronym)
        if part
    )


def _find_loop(model: PathModel) -> list[str]:
    try:
        TopologicalSorter({to: model.parents(to) for to in model.endogenous}).prepare()
    except CycleError as error:
        return error.args[1][:-1]
    return []


def _draw_loop(model: PathModel, loop: list[str], sizes: dict, gap: float) -> layout.Drawing:
    """Place the loop on a ring, one other variable in its middle, more beside it."""
    others = [name for name in model.variables if name not in loop]
    ring, others = (loop, others) if len(others) < 2 else (loop + others, [])
    arrows = [(cause, to) for to, cause in model.paths]
    return layout.on_ring(ring, others, arrows, sizes, style.WIDTH / 2, 0.7 + gap)


def effect_web(
    tables: dict[str, pd.DataFrame], outcome: str = "TOP"
) -> tuple[plt.Figure, plt.Axes]:
    """Draw the total effects of all factors as lines to an outcome, as wide as they are (Fig. 4b).

    Lines whose interval holds zero are grey.

    Parameters
    ----------
    tables : dict of pandas.DataFrame
        By group of factors: a column ``total``, by cause; perhaps ``total_low`` and ``total_high``.
    outcome : str
        What stands in the middle.

    Examples
    --------
    >>> totals = pd.DataFrame({"total": {"TF": 0.8, "PET": -0.3}})
    >>> effect_web({"climatic": totals})[0].get_label().split(": ")[-1]
    'TF +0.80, PET -0.30.'
    """
    tables = {group: table for group, table in tables.items() if len(table)}
    if not tables:
        return style.nothing_to_draw(style.NO_EFFECTS)
    totals = pd.concat([table["total"].sort_values(ascending=False) for table in tables.values()])
    group_of = {cause: group for group, table in tables.items() for cause in table.index}
    names = style.printed_names([*totals.index, outcome])
    values = totals.set_axis(pd.MultiIndex.from_product([totals.index, [outcome]]))
    texts = _two_decimals(values)
    fig = plt.figure(figsize=(style.WIDTH, style.WIDTH))
    size = np.array([width_of_boxes(fig, names.values()), 0.24])
    sizes = {pair: measure(fig, text, style.SMALL) for pair, text in texts.items()}
    web = layout.around(list(totals.index), size, outcome)
    (drawing,), (numbers,) = layout.arrange([[web]], [sizes])
    low, high = layout.limits([drawing], [numbers])
    (ax,) = inch_axes(fig, low, high + 0.3)
    effects = pd.concat(tables.values()).reindex(columns=["total_low", "total_high"])
    unsure = (effects["total_low"] <= 0) & (effects["total_high"] >= 0)
    open_ = {(cause, outcome) for cause in effects.index[unsure]}
    draw_effects(ax, drawing, numbers, texts, values, heads=False, unsure=open_)
    for name, box in drawing.boxes.items():
        edge = style.GROUP_COLOURS[group_of[name]] if name in group_of else "0.3"
        draw_box(ax, name, box, names[name], edgecolor=edge, linewidth=1.6)
    square = {"marker": "s", "ms": 9, "mfc": "0.95", "mew": 1.6, "ls": ""}
    groups = {group: square | {"mec": style.GROUP_COLOURS[group]} for group in tables}
    style.add_legend(fig, groups, 4, "upper center")
    strongest = totals.abs().nlargest(3).index
    fig.set_label(
        f"Lines from {len(totals)} factors around a circle to {names[outcome]} in the middle, as "
        f"wide as the total effect: {_count_signs(totals)}, {len(open_)} of them grey, with an "
        "interval that holds zero. Strongest: "
        + ", ".join(f"{names[cause]} {totals[cause]:+.2f}" for cause in strongest)
        + "."
    )
    return fig, ax


def _count_signs(values: pd.Series) -> str:
    positive = (values > 0).sum()
    return f"{positive} positive (solid, green) and {len(values) - positive} negative (dashed, red)"


def _two_decimals(values: Mapping | pd.Series) -> dict[layout.Key, str]:
    return {key: f"{value:.2f}".replace("-", "−") for key, value in values.items()}


def measure(fig: plt.Figure, text: str, fontsize: float) -> np.ndarray:
    """Return width and height of letters, inches."""
    artist = fig.text(0.5, 0.5, text, fontsize=fontsize)
    box = artist.get_window_extent()
    artist.remove()
    return np.array([box.width, box.height]) / fig.dpi


def width_of_boxes(fig: plt.Figure, lines: Iterable[str]) -> float:
    """Return the width of a box that holds any of these lines."""
    return (
        max(measure(fig, line, style.SMALL if line.startswith("R²") else 10)[0] for line in lines)
        + 0.14
    )


def inch_axes(
    fig: plt.Figure, low: float, high: float, columns: int = 1, count: int = 1
) -> list[plt.Axes]:
    """Return axes that fill the picture, row by row, and count in inches from `low` to `high`."""
    rows = -(-count // columns)
    fig.set_size_inches(style.WIDTH, rows * (high - low))
    whole = {"left": 0, "right": 1, "bottom": 0, "top": 1, "wspace": 0, "hspace": 0}
    axes = fig.subplots(rows, columns, squeeze=False, gridspec_kw=whole)
    plt.setp(axes, xlim=(0, style.WIDTH / columns), ylim=(low, high))
    for ax in axes.flat:
        ax.set_axis_off()
    return list(axes.flat[:count])


def draw_box(ax: plt.Axes, name: str, box: np.ndarray, line: str, below: str = "", **look) -> None:
    """Draw a box with one line of letters, and perhaps a second, smaller one below it."""
    look = {"facecolor": "0.95", "boxstyle": "round,pad=0,rounding_size=0.06"} | look
    ax.add_patch(FancyBboxPatch(box[:2], *(box[2:] - box[:2]), gid=f"box {name}", **look))
    x, y = (box[:2] + box[2:]) / 2
    ax.text(x, y + (0.08 if below else 0), line, ha="center", va="center", linespacing=1.05)
    ax.text(x, box[1] + 0.11, below, fontsize=style.SMALL, ha="center", va="center")


def draw_effects(
    ax: plt.Axes,
    drawing: layout.Drawing,
    numbers: layout.Lines,
    texts: dict[layout.Key, str],
    values: pd.Series,
    heads: bool = True,
    unsure: Container[layout.Key] = (),
) -> None:
    """Draw lines from 0.7 points wide for 0 to 3.7 for 1 or more, with their numbers."""
    # rounded, as are places: pictures are the same on any processor
    widths = 0.7 + 3 * values.abs().clip(upper=1).round(2)
    for pair, value in values.items():
        colour = style.GREY if pair in unsure else style.sign_colour(value)
        look = {"color": colour, "ls": "-" if value > 0 else style.DASHED}
        draw_line(ax, drawing.curves[pair], pair, heads, lw=widths[pair], **look)
    for pair, arc in drawing.arcs.items():
        draw_line(ax, arc, pair, False, color="0.7", lw=0.8, zorder=1)
    for pair, box in numbers.items():
        white = {"facecolor": "white", "edgecolor": "none", "pad": layout.ROOM * 72 / 2}
        words = {
            "ha": "center",
            "va": "center",
            "fontsize": style.SMALL,
            "linespacing": 1.0,
            "bbox": white,
            "zorder": 4,
        }
        words["color"] = "0.35" if pair in drawing.arcs else "black"
        ax.text(*(box[:2] + box[2:]) / 2, texts[pair], gid=_gid(pair), **words)


def _gid(key: layout.Key) -> str:
    return (" to " if len(key) == 2 else " ").join(key)


def draw_line(ax: plt.Axes, line: np.ndarray, pair: layout.Key, head: bool, **look) -> None:
    """Draw a line from cause to effect, perhaps with a triangle at its end."""
    line = layout.even_out(line, 0.01)
    shaft = line[np.linalg.norm(line - line[-1], axis=1) > layout.HEAD] if head else line
    ax.plot(*shaft.T, gid=_gid(pair), solid_capstyle="butt", **look)
    if head:
        along = (line[-1] - shaft[-1]) / np.linalg.norm(line[-1] - shaft[-1])
        across = np.array([-along[1], along[0]]) * (0.03 + look["lw"] / 72 / 2)
        corners = [line[-1], shaft[-1] + across, shaft[-1] - across]
        ax.add_patch(Polygon(corners, facecolor=look["color"], edgecolor="none", zorder=3))
