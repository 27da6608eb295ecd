"""Figures of path models: the diagram, and the web of effects around an outcome."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle

from helpers.figures.layout import HEAD, ROOM, around, arrange, even_out, height_of, place_numbers
from helpers.figures.style import (
    GROUP_COLOURS,
    NO_EFFECTS,
    STYLE,
    WIDTH,
    nothing_to_draw,
    printed_names,
    sign_colour,
)
from helpers.pathmodel.fit import PathFit

_DASHED = (0, (4, 1.6))
BY_HAND = STYLE | {"figure.constrained_layout.use": False}


def path_diagram(fit: PathFit, outcome: str = "TOP") -> tuple[plt.Figure, plt.Axes]:
    r"""Draw a fitted path model with its standardized coefficients (Fig. 3a-d, 4c).

    Arrows are solid and green where positive, dashed and red where negative; their width follows
    the size of the coefficient.

    Parameters
    ----------
    fit : PathFit
        From :func:`helpers.pathmodel.fit_model`. Variables of a loop are placed on a circle,
        those of any other model in layers, causes before effects.
    outcome : str
        The variable that is drawn last, where the model has it and it causes nothing.

    Examples
    --------
    >>> from helpers.pathmodel import fit_model, parse_model
    >>> from helpers.study import load_study
    >>> fit = fit_model(parse_model("SOC ~ TF\nCenzy ~ SOC"), load_study().factors())
    >>> path_diagram(fit)[0].get_label().split(":")[0]
    'Path diagram of 3 variables in 3 rows, causes before effects'
    """
    model = fit.model
    rows = fit.estimates
    paths = rows[rows["kind"] == "path"].set_index(["from", "to"])["standardized"]
    spreads = rows[rows["kind"] == "covariance"].set_index(["to", "from"])["standardized"]
    explained = {name: 1 - spreads[name, name] for name in model.endogenous}
    spreads = spreads[[one != other for one, other in spreads.index]]
    names = printed_names(model.variables)
    values = pd.concat([paths, spreads])
    numbers = _two_decimals(values)
    with plt.rc_context(BY_HAND):
        fig = plt.figure(figsize=(WIDTH, WIDTH))
        r2 = {name: f"R² {share:.2f}" for name, share in explained.items()}
        width = width_of_boxes(fig, names, r2)
        boxes = {name: np.array([width, 0.4 if name in r2 else 0.26]) for name in names}
        sizes = {pair: measure(fig, text, 8) for pair, text in numbers.items()}
        drawing, places = arrange(model, outcome, boxes, sizes)
        ax = inch_axes(fig, height_of(drawing, places, sizes))
        for name, box in drawing.boxes.items():
            style = {"edgecolor": "0.3", "linewidth": 1.6 if name == outcome else 0.8}
            draw_box(ax, name, box, [names[name], r2.get(name)], style)
        for arrow, line_width in line_widths(paths).items():
            draw_arrow(ax, drawing.curves[arrow], paths[arrow], line_width, " to ".join(arrow))
        for pair, curve in drawing.arcs.items():
            ax.plot(*curve.T, color="0.7", lw=0.8, gid=" to ".join(pair), zorder=1)
        for pair, place in places.items():
            draw_number(ax, place, numbers[pair], pair, "0.35" if pair in drawing.arcs else "black")
    strongest = paths.abs().idxmax()
    arcs = [f"{names[a]} and {names[b]} {spreads[a, b]:+.2f}" for a, b in drawing.arcs]
    fig.set_label(
        f"Path diagram of {len(names)} variables {drawing.words}: {_count_signs(paths)} arrows. "
        f"Strongest: {names[strongest[0]]} to {names[strongest[1]]} ({paths[strongest]:+.2f}). R²: "
        + ", ".join(f"{names[name]} {share:.2f}" for name, share in explained.items())
        + "."
        + (f" Grey arcs, correlations: {', '.join(arcs)}." if arcs else "")
        + (
            f" {len(spreads) - len(arcs)} covariances are not drawn."
            if len(spreads) > len(arcs)
            else ""
        )
    )
    return fig, ax


def effect_web(tables: dict[str, pd.DataFrame]) -> tuple[plt.Figure, plt.Axes]:
    """Draw the total effects of all factors as lines to TOP, as wide as the effect (Fig. 4b).

    Parameters
    ----------
    tables : dict of pandas.DataFrame
        By group of factors: a column ``total``, by cause. Without rows, the figure says so.

    Examples
    --------
    >>> totals = pd.DataFrame({"total": [0.8, -0.3]}, index=["TF", "PET"])
    >>> effect_web({"climatic": totals})[0].get_label().split(": ")[-1]
    'TF +0.80, PET -0.30.'
    """
    parts = {
        (group, cause): total
        for group, table in tables.items()
        for cause, total in table["total"].sort_values(ascending=False).items()
    }
    if not parts:
        return nothing_to_draw(NO_EFFECTS)
    totals = pd.Series({(cause, "TOP"): total for (_, cause), total in parts.items()})
    colours = {cause: GROUP_COLOURS[group] for group, cause in parts}
    names = printed_names([*colours, "TOP"])
    numbers = _two_decimals(totals)
    with plt.rc_context(BY_HAND):
        fig = plt.figure(figsize=(WIDTH, WIDTH))
        box = np.array([width_of_boxes(fig, names, {}), 0.24])
        sizes = {pair: measure(fig, text, 8) for pair, text in numbers.items()}
        drawing = around(list(colours), box)
        places, _ = place_numbers(drawing, sizes)
        height = height_of(drawing, places, sizes)
        ax = inch_axes(fig, height + 0.3)
        for pair, line_width in line_widths(totals).items():
            _draw_line(ax, drawing.curves[pair], totals[pair], line_width, " to ".join(pair))
            draw_number(ax, places[pair], numbers[pair], pair)
        for name, corners in drawing.boxes.items():
            style = {"edgecolor": colours.get(name, "0.3"), "linewidth": 1.6}
            draw_box(ax, name, corners, [names[name], None], style)
        handles = [
            Rectangle((0, 0), 1, 1, facecolor="0.95", ec=GROUP_COLOURS[group], lw=1.6, label=group)
            for group in tables
            if len(tables[group])
        ]
        fig.legend(handles=handles, ncols=4, loc="upper center", handlelength=1, columnspacing=1)
    strongest = totals.abs().nlargest(3).index
    fig.set_label(
        f"Lines from {len(totals)} factors around a circle to TOP in the middle, as wide as the "
        f"total effect: {_count_signs(totals)}. Strongest: "
        + ", ".join(f"{names[pair[0]]} {totals[pair]:+.2f}" for pair in strongest)
        + "."
    )
    return fig, ax


def line_widths(values: pd.Series) -> pd.Series:
    """Return widths in points: from 0.7 for 0 to 3.7 for 1, or for the largest if that is more."""
    return 0.7 + 3 * values.abs() / max(1.0, values.abs().max())


def _count_signs(values: pd.Series) -> str:
    positive = (values > 0).sum()
    return f"{positive} positive (solid, green) and {len(values) - positive} negative (dashed, red)"


def _two_decimals(values: pd.Series) -> dict:
    return {key: f"{value:.2f}".replace("-", "−") for key, value in values.items()}


def measure(fig: plt.Figure, text: str, fontsize: float) -> np.ndarray:
    """Return width and height of letters, inches."""
    artist = fig.text(0.5, 0.5, text, fontsize=fontsize)
    box = artist.get_window_extent()
    artist.remove()
    return np.array([box.width, box.height]) / fig.dpi


def width_of_boxes(fig: plt.Figure, names: dict[str, str], below: dict[str, str]) -> float:
    """Return the width of a box that holds any of the names, and any of the lines below them."""
    widths = [measure(fig, text, 10)[0] for text in names.values()]
    widths += [measure(fig, text, 8)[0] for text in below.values()]
    return max(widths) + 0.14


def inch_axes(fig: plt.Figure, height: float) -> plt.Axes:
    """Return axes that fill the picture and count in inches."""
    fig.set_size_inches(WIDTH, height)
    ax = fig.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height))
    ax.set_axis_off()
    return ax


def draw_box(
    ax: plt.Axes, name: str, box: np.ndarray, lines: list[str | None], style: dict
) -> None:
    """Draw a box with one line of letters, or a second, smaller one below it."""
    corner, size = box[:2], box[2:] - box[:2]
    shape = "round,pad=0,rounding_size=0.06"
    style = {"facecolor": "0.95", "gid": f"box {name}"} | style
    ax.add_patch(FancyBboxPatch(corner, *size, boxstyle=shape, **style))
    x, y = corner + size / 2
    centred = {"ha": "center", "va": "center"}
    ax.text(x, y + (0.08 if lines[1] else 0), lines[0], **centred)
    if lines[1]:
        ax.text(x, y - 0.09, lines[1], fontsize=8, **centred)


def draw_number(
    ax: plt.Axes, place: np.ndarray, text: str, pair: tuple[str, str], colour: str = "black"
) -> None:
    """Write the number of an arrow on white."""
    patch = {"facecolor": "white", "edgecolor": "none", "pad": ROOM * 72 / 2}
    style = {"ha": "center", "va": "center", "fontsize": 8, "bbox": patch, "zorder": 4}
    ax.text(*place, text, color=colour, gid=" to ".join(pair), **style)


def _draw_line(ax: plt.Axes, curve: np.ndarray, value: float, width: float, gid: str) -> None:
    dashes = "-" if value > 0 else _DASHED
    ax.plot(*curve.T, color=sign_colour(value), lw=width, ls=dashes, solid_capstyle="butt", gid=gid)


def draw_arrow(ax: plt.Axes, curve: np.ndarray, value: float, width: float, gid: str) -> None:
    """Draw a curve that ends in a triangle, coloured and dashed by its sign."""
    curve = even_out(curve, 0.01)
    shaft = curve[np.linalg.norm(curve - curve[-1], axis=1) > HEAD]
    _draw_line(ax, shaft, value, width, gid)
    along = (curve[-1] - shaft[-1]) / np.linalg.norm(curve[-1] - shaft[-1])
    across = np.array([-along[1], along[0]]) * (0.03 + width / 72 / 2)
    corners = [curve[-1], shaft[-1] + across, shaft[-1] - across]
    ax.add_patch(Polygon(corners, facecolor=sign_colour(value), edgecolor="none", zorder=3))
