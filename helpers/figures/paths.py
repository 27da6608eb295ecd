"""Figures of path models: the diagram, and the effects that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle
from scipy.interpolate import PchipInterpolator
from scipy.optimize import lsq_linear

from helpers.factors import load_factors
from helpers.figures.style import GROUP_COLOURS, STYLE, WIDTH, nothing_to_draw
from helpers.pathmodel.fit import PathFit
from helpers.pathmodel.spec import PathModel

POSITIVE, NEGATIVE = "#006400", "#8B0000"
_DASHED = (0, (4, 1.6))
_BY_HAND = STYLE | {"figure.constrained_layout.use": False}
_NO_EFFECTS = "No effects. Add columns to sites.csv."

# Lengths in diagrams are inches, and so are the data units of their axes.
_EDGE = 0.06  # between the drawing and the border of the picture
_HEAD = 0.1  # length of an arrow's head
_ROOM = 0.035  # around letters
_BESIDE = (0.12, 0.7)  # least and most between neighbours in a layer
_LANE = 0.16  # what a long arrow takes where it passes a layer
_PORT = 0.17  # between arrows that meet at one side of a box
_GAPS = (0.6, 0.7, 0.85, 1.0, 1.2)  # tried between layers until every number has its place
_MOST_IN_A_ROW = 5
_MOST_ARCS = 3  # covariances that still fit above the first row
_CURVE = 20  # points of a curve from layer to layer


@dataclass(frozen=True)
class _Drawing:
    """Where everything goes: boxes as (left, bottom, right, top), curves as points."""

    boxes: dict[str, np.ndarray]
    curves: dict[tuple[str, str], np.ndarray]
    arcs: dict[tuple[str, str], np.ndarray]
    words: str


def path_diagram(fit: PathFit, outcome: str = "TOP") -> tuple[plt.Figure, plt.Axes]:
    """Draw a fitted path model with its standardized coefficients (Fig. 3a-d, 4c).

    Arrows are solid and green where positive, dashed and red where negative; their width follows
    the size of the coefficient.

    Parameters
    ----------
    fit : PathFit
        From :func:`helpers.pathmodel.fit_model`. Variables of a loop are placed on a circle,
        those of any other model in layers, causes before effects.
    outcome : str
        The variable that is drawn last, where the model has it and it causes nothing.
    """
    model = fit.model
    rows = fit.estimates
    paths = rows[rows["kind"] == "path"].set_index(["from", "to"])["standardized"]
    spreads = rows[rows["kind"] == "covariance"].set_index(["to", "from"])["standardized"]
    explained = {name: 1 - spreads[name, name] for name in model.endogenous}
    spreads = spreads[[one != other for one, other in spreads.index]]
    names = _printed(model.variables)
    values = pd.concat([paths, spreads])
    numbers = _two_decimals(values)
    with plt.rc_context(_BY_HAND):
        fig = plt.figure(figsize=(WIDTH, WIDTH))
        r2 = {name: f"R² {share:.2f}" for name, share in explained.items()}
        width = _width_of_boxes(fig, names, r2)
        boxes = {name: np.array([width, 0.4 if name in r2 else 0.26]) for name in names}
        sizes = {pair: _extent(fig, text, 8) for pair, text in numbers.items()}
        drawing, places = _arrange(model, outcome, boxes, sizes)
        ax = _inch_axes(fig, _height(drawing, places, sizes))
        for name, box in drawing.boxes.items():
            style = {"edgecolor": "0.3", "linewidth": 1.6 if name == outcome else 0.8}
            _draw_box(ax, name, box, [names[name], r2.get(name)], style)
        for arrow, line_width in _line_widths(paths).items():
            _draw_arrow(ax, drawing.curves[arrow], paths[arrow], line_width, _gid(arrow))
        for pair, curve in drawing.arcs.items():
            ax.plot(*curve.T, color="0.7", lw=0.8, gid=_gid(pair), zorder=1)
        for pair, place in places.items():
            _draw_number(
                ax, place, numbers[pair], pair, "0.35" if pair in drawing.arcs else "black"
            )
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


def _printed(codes: Sequence[str]) -> dict[str, str]:
    """Return the printed label of each code, or the code of what is no factor."""
    labels = load_factors()["label"]
    return {code: labels.get(code, code) for code in codes}


def _gid(pair: tuple[str, str]) -> str:
    return f"{pair[0]} to {pair[1]}"


def _colour(value: float) -> str:
    return POSITIVE if value > 0 else NEGATIVE


def _line_widths(values: pd.Series) -> pd.Series:
    """Return widths in points: from 0.7 for 0 to 3.7 for 1, or for the largest if that is more."""
    return 0.7 + 3 * values.abs() / max(1.0, values.abs().max())


def _count_signs(values: pd.Series) -> str:
    positive = (values > 0).sum()
    return f"{positive} positive (solid, green) and {len(values) - positive} negative (dashed, red)"


def _two_decimals(values: pd.Series) -> dict:
    return {key: f"{value:.2f}".replace("-", "−") for key, value in values.items()}


def _extent(fig: plt.Figure, text: str, fontsize: float) -> np.ndarray:
    """Return width and height of letters, inches."""
    artist = fig.text(0.5, 0.5, text, fontsize=fontsize)
    box = artist.get_window_extent()
    artist.remove()
    return np.array([box.width, box.height]) / fig.dpi


def _width_of_boxes(fig: plt.Figure, names: dict[str, str], below: dict[str, str]) -> float:
    """Return the width of a box that holds any of the names, and any of the lines below them."""
    widths = [_extent(fig, text, 10)[0] for text in names.values()]
    widths += [_extent(fig, text, 8)[0] for text in below.values()]
    return max(widths) + 0.14


def _inch_axes(fig: plt.Figure, height: float) -> plt.Axes:
    """Return axes that fill the picture and count in inches."""
    fig.set_size_inches(WIDTH, height)
    ax = fig.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height))
    ax.set_axis_off()
    return ax


def _draw_box(
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


def _draw_number(
    ax: plt.Axes, place: np.ndarray, text: str, pair: tuple[str, str], colour: str = "black"
) -> None:
    patch = {"facecolor": "white", "edgecolor": "none", "pad": _ROOM * 72 / 2}
    style = {"ha": "center", "va": "center", "fontsize": 8, "bbox": patch, "zorder": 4}
    ax.text(*place, text, color=colour, gid=_gid(pair), **style)


def _draw_line(ax: plt.Axes, curve: np.ndarray, value: float, width: float, gid: str) -> None:
    dashes = "-" if value > 0 else _DASHED
    ax.plot(*curve.T, color=_colour(value), lw=width, ls=dashes, solid_capstyle="butt", gid=gid)


def _draw_arrow(ax: plt.Axes, curve: np.ndarray, value: float, width: float, gid: str) -> None:
    """Draw a curve that ends in a triangle."""
    curve = _even(curve, 0.01)
    shaft = curve[np.linalg.norm(curve - curve[-1], axis=1) > _HEAD]
    _draw_line(ax, shaft, value, width, gid)
    along = (curve[-1] - shaft[-1]) / np.linalg.norm(curve[-1] - shaft[-1])
    across = np.array([-along[1], along[0]]) * (0.03 + width / 72 / 2)
    corners = [curve[-1], shaft[-1] + across, shaft[-1] - across]
    ax.add_patch(Polygon(corners, facecolor=_colour(value), edgecolor="none", zorder=3))


def effect_bars(effects: pd.DataFrame, label: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw total effects on an outcome with their intervals, the most positive on top (Fig. 3e).

    Dots are total effects, filled where the interval leaves out zero; hollow diamonds below them
    are direct effects, where there is an arrow.

    Parameters
    ----------
    effects : pandas.DataFrame
        By cause: ``total``, ``total_low``, ``total_high`` and ``direct``, which is 0 or NaN without
        an arrow. Without rows, the figure says so.
    label : str
        Of the axis: quantity, level of the intervals.
    """
    if effects.empty:
        return nothing_to_draw(_NO_EFFECTS)
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.26 * len(effects)))
        names = _draw_effects(ax, effects, 0)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.4, -0.6)
        _finish_effects(fig, ax, label)
    fig.set_label(f"{_say_effects(effects)} Axis: {label}.")
    return fig, ax


def effect_groups(tables: dict[str, pd.DataFrame], label: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw the total effects of all groups on one scale, group below group (Fig. 3e).

    Parameters
    ----------
    tables : dict of pandas.DataFrame
        By group of factors, each as for :func:`effect_bars`; empty ones are left out.
    label : str
        Of the axis: quantity, level of the intervals.
    """
    tables = {group: table for group, table in tables.items() if len(table)}
    if not tables:
        return nothing_to_draw(_NO_EFFECTS)
    ticks = []
    rows = len(tables) + sum(map(len, tables.values()))
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.22 * rows))
        for group, table in tables.items():
            ticks += [group, *_draw_effects(ax, table, len(ticks) + 1)]
        ax.set_yticks(range(rows), ticks)
        for tick in ax.get_yticklabels():
            if tick.get_text() in tables:
                tick.set(color=GROUP_COLOURS[tick.get_text()], fontweight="bold")
        ax.set_ylim(rows - 0.4, -0.6)
        _finish_effects(fig, ax, label)
    said = [f"{group}: {_say_effects(table)}" for group, table in tables.items()]
    fig.set_label(" ".join([*said, f"Axis: {label}."]))
    return fig, ax


def _draw_effects(ax: plt.Axes, effects: pd.DataFrame, start: int) -> list[str]:
    """Draw rows from `start` on, and return the names of the causes in the order drawn."""
    effects = effects.sort_values("total", ascending=False)
    for row, one in enumerate(effects.itertuples(), start):
        colour = _colour(one.total)
        face = colour if one.total_low > 0 or one.total_high < 0 else "white"
        ax.plot([one.total_low, one.total_high], [row, row], color=colour, lw=1.5)
        ax.plot(one.total, row, "o", color=colour, ms=5, mfc=face)
        if one.direct and not np.isnan(one.direct):
            ax.plot(one.direct, row + 0.3, "D", color=_colour(one.direct), ms=3.5, mfc="white")
    return list(_printed(effects.index).values())


def _finish_effects(fig: plt.Figure, ax: plt.Axes, label: str) -> None:
    ax.axvline(0, color="0.6", lw=1, zorder=0)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(label)
    handles = [
        Line2D([], [], color="0.3", marker="o", ms=5, lw=1.5, label="total, interval without 0"),
        Line2D([], [], color="0.3", marker="D", ms=3.5, mfc="white", ls="", label="direct"),
    ]
    fig.legend(handles=handles, ncols=2, loc="outside upper center", handlelength=1.4)


def _say_effects(effects: pd.DataFrame) -> str:
    above, below = (effects["total_low"] > 0).sum(), (effects["total_high"] < 0).sum()
    totals = effects["total"].set_axis(list(_printed(effects.index).values()))
    return (
        f"{len(effects)} total effects with intervals, {above} of them above 0, {below} below it, "
        f"{len(effects) - above - below} hold it. Highest {totals.idxmax()} ({totals.max():+.2f}), "
        f"lowest {totals.idxmin()} ({totals.min():+.2f})."
    )


def rank_chances(shares: pd.DataFrame, published: Sequence[str]) -> tuple[plt.Figure, plt.Axes]:
    """Draw how often each cause takes each rank in resamples, with frames at published ranks.

    Parameters
    ----------
    shares : pandas.DataFrame
        By cause; the columns are the ranks 1, 2, ..., the cells shares of the resamples (0-1).
        Without rows, the figure says so.
    published : sequence of str
        Causes in the published order. Those without a row are passed over; a cause that was not
        published comes last, without a frame.
    """
    if shares.empty:
        return nothing_to_draw(_NO_EFFECTS)
    framed = [cause for cause in published if cause in shares.index]
    shares = shares.loc[[*framed, *shares.index.difference(framed, sort=False)]]
    names = list(_printed(shares.index).values())
    percent = (100 * shares).round().astype(int).astype(str).where(shares > 0, "")
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 0.6 + 0.27 * len(shares)))
        seaborn.heatmap(
            shares,
            ax=ax,
            annot=percent,
            fmt="",
            cmap="Blues",
            vmin=0,
            vmax=1,
            cbar=False,
            linewidths=0.5,
            annot_kws={"fontsize": 8, "va": "center_baseline"},
            yticklabels=names,
        )
        for rank in range(len(framed)):
            ax.add_patch(Rectangle((rank, rank), 1, 1, fill=False, lw=1.6, clip_on=False))
        ax.set(xlabel="Rank (cells: % of the resamples)", ylabel="")
        ax.tick_params(length=0)
        ax.tick_params(axis="y", rotation=0)
    agreeing = pd.Series(np.diag(shares)[: len(framed)], names[: len(framed)])
    kept = ", ".join(f"{name} {share:.0%}" for name, share in agreeing.items())
    often = ", ".join(
        f"{name} {rank}" for name, rank in zip(names, shares.idxmax(axis=1), strict=True)
    )
    fig.set_label(
        f"Table of {len(shares)} causes by {shares.shape[1]} ranks, with frames at the published "
        f"ranks. Share of resamples that agree with them: {kept or 'none published'}. Most "
        f"frequent ranks: {often}."
    )
    return fig, ax


def effect_web(tables: dict[str, pd.DataFrame]) -> tuple[plt.Figure, plt.Axes]:
    """Draw the total effects of all factors as lines to TOP, as wide as the effect (Fig. 4b).

    Parameters
    ----------
    tables : dict of pandas.DataFrame
        By group of factors: a column ``total``, by cause. Without rows, the figure says so.
    """
    parts = {
        (group, cause): total
        for group, table in tables.items()
        for cause, total in table["total"].sort_values(ascending=False).items()
    }
    if not parts:
        return nothing_to_draw(_NO_EFFECTS)
    totals = pd.Series({(cause, "TOP"): total for (_, cause), total in parts.items()})
    colours = {cause: GROUP_COLOURS[group] for group, cause in parts}
    names = _printed([*colours, "TOP"])
    numbers = _two_decimals(totals)
    with plt.rc_context(_BY_HAND):
        fig = plt.figure(figsize=(WIDTH, WIDTH))
        box = np.array([_width_of_boxes(fig, names, {}), 0.24])
        sizes = {pair: _extent(fig, text, 8) for pair, text in numbers.items()}
        drawing = _around(list(colours), box)
        places, _ = _place_numbers(drawing, sizes)
        height = _height(drawing, places, sizes)
        ax = _inch_axes(fig, height + 0.3)
        for pair, line_width in _line_widths(totals).items():
            _draw_line(ax, drawing.curves[pair], totals[pair], line_width, _gid(pair))
            _draw_number(ax, places[pair], numbers[pair], pair)
        for name, corners in drawing.boxes.items():
            style = {"edgecolor": colours.get(name, "0.3"), "linewidth": 1.6}
            _draw_box(ax, name, corners, [names[name], None], style)
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


def _around(causes: list[str], size: np.ndarray) -> _Drawing:
    """Place causes clockwise on an ellipse around TOP, one above the other on either side."""
    right = -(-len(causes) // 2)
    spots = []
    for count, side in ((right, 1), (len(causes) - right, -1)):
        y = side * (size[1] + 0.08) * ((count - 1) / 2 - np.arange(count))
        reach = max(right, 3) * (size[1] + 0.08) / 2
        x = (WIDTH - 2 * _EDGE - size[0]) / 2 * np.sqrt(1 - (y / reach) ** 2)
        spots += list(np.stack([WIDTH / 2 + side * x, y], axis=1))
    centres = dict(zip(causes, spots, strict=True)) | {"TOP": np.array([WIDTH / 2, 0.0])}
    sizes = dict.fromkeys(centres, size)
    curves = {}
    for cause in causes:
        inner = np.array([np.sign(WIDTH / 2 - centres[cause][0]) * size[0] / 2, 0])
        curves[cause, "TOP"] = _bow((centres[cause] + inner, 0 * size), (centres["TOP"], size), 0)
    return _lift(centres, curves, {}, sizes, "on a circle")


# Arrangement


def _arrange(
    model: PathModel,
    outcome: str,
    sizes: dict[str, np.ndarray],
    numbers: dict[tuple[str, str], np.ndarray],
) -> tuple[_Drawing, dict[tuple[str, str], np.ndarray]]:
    """Return the drawing and the centre of each number, with gaps as small as numbers allow."""
    loop = _find_loop(model)
    layers = {} if loop else _find_layers(model, outcome)
    tried = []
    for gap in _GAPS:
        if loop:
            drawing = _on_circle(model, loop, sizes, gap)
        else:
            drawing = _in_layers(model, layers, list(numbers), sizes, gap)
        places, trouble = _place_numbers(drawing, numbers)
        tried.append((trouble, gap, drawing, places))
        if not trouble:
            break
    return min(tried, key=lambda each: each[:2])[2:]


def _height(
    drawing: _Drawing,
    places: dict[tuple[str, str], np.ndarray],
    numbers: dict[tuple[str, str], np.ndarray],
) -> float:
    """Return the height of the picture, inches."""
    tops = [box[3] for box in drawing.boxes.values()]
    tops += [curve[:, 1].max() for curve in drawing.curves.values()]
    tops += [places[pair][1] + numbers[pair][1] / 2 for pair in places]
    return max(tops) + _EDGE


def _find_loop(model: PathModel) -> list[str]:
    try:
        TopologicalSorter({to: model.parents(to) for to in model.endogenous}).prepare()
    except CycleError as error:
        return error.args[1][:-1]
    return []


def _find_layers(model: PathModel, outcome: str) -> dict[str, int]:
    """Return the longest chain of arrows that leads to each variable; the outcome comes last."""
    layers = dict.fromkeys(model.exogenous, 0)
    for name in model.endogenous:
        layers[name] = 1 + max(layers[cause] for cause in model.parents(name))
    if outcome in layers and outcome not in {cause for _, cause in model.paths}:
        others = [layer for name, layer in layers.items() if name != outcome]
        layers[outcome] = max(others) + 1
    return layers


def _in_layers(
    model: PathModel,
    layers: dict[str, int],
    joined: list[tuple[str, str]],
    sizes: dict[str, np.ndarray],
    gap: float,
) -> _Drawing:
    """Place variables in rows from top to bottom, or in columns where a row could not hold them.

    An arrow that passes a layer gets a lane of its own there, so that it runs through no box.
    """
    count = max(layers.values()) + 1
    rows = [[name for name in layers if layers[name] == layer] for layer in range(count)]
    sideways = max(map(len, rows)) > _MOST_IN_A_ROW
    if sideways:
        asked = {name: [sizes[name][0], 0.12 * len(model.parents(name))] for name in sizes}
        sizes = {name: np.maximum(size, asked[name]) for name, size in sizes.items()}
    chains = {}
    for to, cause in model.paths:
        lanes = [(cause, to, layer) for layer in range(layers[cause] + 1, layers[to])]
        for lane in lanes:
            rows[lane[2]].append(lane)
        chains[cause, to] = [cause, *lanes, to]
    links = [link for chain in chains.values() for link in pairwise(chain)]
    rows = _order(rows, links)
    wide = {name: size[1 if sideways else 0] for name, size in sizes.items()}
    half = {node: wide.get(node, _LANE) / 2 for row in rows for node in row}
    across = _spread(rows, links, half, np.inf if sideways else WIDTH - 2 * _EDGE)
    thick = np.array(
        [max(sizes[node][0 if sideways else 1] for node in row if node in sizes) for row in rows]
    )
    if sideways:
        gap = (WIDTH - 2 * _EDGE - thick.sum()) / (count - 1)
    middles = thick.cumsum() - thick / 2 + gap * np.arange(count)

    def turn(points: np.ndarray) -> np.ndarray:
        """Turn (across, along) into (x, y), with y upwards."""
        if sideways:
            return np.stack([points[:, 1] + _EDGE, -points[:, 0]], axis=1)
        return np.stack([points[:, 0] + WIDTH / 2, -points[:, 1]], axis=1)

    leaving, arriving = _ports(chains, across, wide)
    curves = {}
    for (cause, to), chain in chains.items():
        edges = middles[:, None] + np.outer(thick / 2, [-1, 1])
        knots = [(leaving[cause, to], edges[layers[cause], 1])]
        knots += [(across[lane], edge) for lane in chain[1:-1] for edge in edges[lane[2]]]
        knots.append((arriving[cause, to], edges[layers[to], 0]))
        u, v = np.array(knots).T
        fine = np.linspace(v[0], v[-1], _CURVE * len(chain))
        curves[cause, to] = turn(np.stack([PchipInterpolator(v, u)(fine), fine], axis=1))
    centres = {name: turn(np.array([[across[name], middles[layers[name]]]]))[0] for name in layers}
    arcs = {}
    if not sideways and len(rows[0]) <= _MOST_ARCS:
        arcs = _arcs(joined, rows[0], centres, sizes)
    words = f"in {count} {'columns' if sideways else 'rows'}, causes before effects"
    return _lift(centres, curves, arcs, sizes, words)


def _arcs(
    joined: list[tuple[str, str]],
    row: list[str],
    centres: dict[str, np.ndarray],
    sizes: dict[str, np.ndarray],
) -> dict[tuple[str, str], np.ndarray]:
    """Return arcs above the first row that join the variables no arrow points to."""
    arcs = {}
    t = np.linspace(0, 1, 40)[:, None]
    for pair in joined:
        if set(pair) <= set(row):
            ends = sorted(pair, key=row.index)
            inward = np.array([0.1, 0])
            start, end = (
                centres[name] + [0, sizes[name][1] / 2] + side * inward
                for name, side in zip(ends, (1, -1), strict=True)
            )
            rise = 0.25 * (row.index(ends[1]) - row.index(ends[0])) - 0.08
            arcs[pair] = start + t * (end - start) + 4 * t * (1 - t) * [0, rise]
    return arcs


def _lift(
    centres: dict[str, np.ndarray],
    curves: dict[tuple[str, str], np.ndarray],
    arcs: dict[tuple[str, str], np.ndarray],
    sizes: dict[str, np.ndarray],
    words: str,
) -> _Drawing:
    """Move everything so that the lowest point is just above the border."""
    boxes = {
        name: np.concatenate([centre - sizes[name] / 2, centre + sizes[name] / 2])
        for name, centre in centres.items()
    }
    lowest = min(
        [box[1] for box in boxes.values()] + [curve[:, 1].min() for curve in curves.values()]
    )
    up = np.array([0, _EDGE - lowest])
    return _Drawing(
        {name: box + np.tile(up, 2) for name, box in boxes.items()},
        {arrow: curve + up for arrow, curve in curves.items()},
        {pair: arc + up for pair, arc in arcs.items()},
        words,
    )


def _order(rows: list[list], links: list[tuple]) -> list[list]:
    """Reduce the crossings of links between layers by sweeps of barycentres.

    References
    ----------
    Sugiyama, Tagawa and Toda (1981), IEEE Transactions on Systems, Man and Cybernetics 11, 109-125.
    """
    best, fewest = rows, _count_crossings(rows, links)
    for sweep in range(12):
        rows = [list(row) for row in rows]
        down = sweep % 2 == 0
        for layer in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            fixed = {
                node: place for place, node in enumerate(rows[layer - 1 if down else layer + 1])
            }
            place = {}
            for own, node in enumerate(rows[layer]):
                linked = [
                    fixed[other]
                    for link in links
                    for other, same in (link, link[::-1])
                    if same == node and other in fixed
                ]
                place[node] = np.mean(linked) if linked else own
            rows[layer].sort(key=place.get)
        crossings = _count_crossings(rows, links)
        if crossings < fewest:
            best, fewest = rows, crossings
    return best


def _count_crossings(rows: list[list], links: list[tuple]) -> int:
    place = {node: (layer, at) for layer, row in enumerate(rows) for at, node in enumerate(row)}
    ends = [(*place[one], place[other][1]) for one, other in links]
    return sum(a[0] == b[0] and (a[1] - b[1]) * (a[2] - b[2]) < 0 for a, b in combinations(ends, 2))


def _spread(rows: list[list], links: list[tuple], half: dict, room: float) -> dict:
    """Return where in its layer each node stands: near what it is linked with, without overlap.

    Least squares of the differences across links. The unknowns are the first place of each layer
    and the gaps after it, so that room for each node is a bound on an unknown; a pull to the middle
    grows until all fits.
    """
    spare = room - max(sum(2 * half[node] for node in row) for row in rows)
    beside = np.clip(spare / max(map(len, rows)), *_BESIDE) if np.isfinite(room) else _BESIDE[0]
    nodes = [node for row in rows for node in row]
    number = {node: i for i, node in enumerate(nodes)}
    places, low = np.zeros((len(nodes), len(nodes))), np.full(len(nodes), -np.inf)
    for row in rows:
        first = number[row[0]]
        for before, node in pairwise(row):
            low[number[node]] = half[before] + half[node] + beside
        places[first : first + len(row), first : first + len(row)] = np.tri(len(row))
    pulls = np.zeros((len(links), len(nodes)))
    for i, (one, other) in enumerate(links):
        weight = (1, 2, 5)[isinstance(one, tuple) + isinstance(other, tuple)]
        pulls[i, [number[one], number[other]]] = weight, -weight
    reach = np.array([half[node] for node in nodes])
    for pull in 10.0 ** np.arange(-2, 4):
        system = np.concatenate([pulls, pull * np.eye(len(nodes))]) @ places
        x = places @ lsq_linear(system, np.zeros(len(system)), (low, np.inf)).x
        left, right = (x - reach).min(), (x + reach).max()
        if right - left <= room:
            break
    return dict(zip(nodes, x - (left + right) / 2, strict=True))


def _ports(chains: dict, across: dict, wide: dict) -> tuple[dict, dict]:
    """Return where each arrow leaves and reaches the side of a box, in the order of its way."""
    found = []
    for end, neighbour in ((0, 1), (-1, -2)):
        ports, boxes = {}, {}
        for arrow, chain in chains.items():
            boxes.setdefault(chain[end], []).append((across[chain[neighbour]], arrow))
        for box, arrows in boxes.items():
            step = min(_PORT, 0.8 * wide[box] / len(arrows))
            for i, (_, arrow) in enumerate(sorted(arrows)):
                ports[arrow] = across[box] + (i - (len(arrows) - 1) / 2) * step
        found.append(ports)
    return found[0], found[1]


def _on_circle(
    model: PathModel, loop: list[str], sizes: dict[str, np.ndarray], gap: float
) -> _Drawing:
    """Place the loop clockwise on an ellipse, one other variable in its middle, more beside it."""
    others = [name for name in model.variables if name not in loop]
    ring = loop if len(others) < 2 else loop + others
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(ring)) / len(ring)
    radii = np.array([WIDTH / 2 - _EDGE - sizes[loop[0]][0] / 2 - 0.1, 0.7 + gap])
    middle = np.array([WIDTH / 2, 0])
    spots = middle + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    centres = dict(zip(ring, spots, strict=True))
    centres |= {name: middle for name in others if name not in ring}
    follows = dict(zip(ring, ring[1:] + ring[:1], strict=True))
    arrows = [(cause, to) for to, cause in model.paths]
    curves = {}
    for cause, to in arrows:
        bowed = (to, cause) in arrows or follows.get(cause) == to or follows.get(to) == cause
        bows = [0.15 if bowed else 0.0, 0.15, -0.15, 0.3, -0.3, 0.45, -0.45]
        ends = [(centres[name], sizes[name]) for name in (cause, to)]
        foreign = [(centres[name], sizes[name]) for name in centres if name not in (cause, to)]
        options = [_bow(*ends, bow) for bow in bows]
        hits = [
            sum(_inside(option, spot, size + 0.08).any() for spot, size in foreign)
            for option in options
        ]
        curves[cause, to] = options[int(np.argmin(hits))]
    return _lift(centres, curves, {}, sizes, "on a circle")


def _bow(start: tuple, end: tuple, bow: float) -> np.ndarray:
    """Return a parabola from box to box, bent to the left of its way by a share of its length."""
    along = end[0] - start[0]
    control = (start[0] + end[0]) / 2 + 2 * bow * np.array([-along[1], along[0]])
    t = np.linspace(0, 1, 200)[:, None]
    points = (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * control + t**2 * end[0]
    return points[~(_inside(points, *start) | _inside(points, *end))]


def _inside(points: np.ndarray, centre: np.ndarray, size: np.ndarray) -> np.ndarray:
    return (np.abs(points - centre) < size / 2).all(axis=-1)


# Numbers beside arrows


def _place_numbers(
    drawing: _Drawing, sizes: dict[tuple[str, str], np.ndarray]
) -> tuple[dict[tuple[str, str], np.ndarray], float]:
    """Put each number on its arrow, clear of boxes, of other numbers and of other arrows.

    Returns
    -------
    places : dict of numpy.ndarray
        Centres, inches.
    trouble : float
        0 where all are clear; else how many lines and heads and, a hundredfold, boxes and numbers
        they cover.
    """
    boxes = np.array(list(drawing.boxes.values()))
    lines = {pair: _even(curve, 0.04) for pair, curve in (drawing.curves | drawing.arcs).items()}
    options, costs, covers = {}, {}, {}
    for pair, spots in lines.items():
        patches = _patches(spots, sizes[pair])
        covers[pair] = 100 * _overlaps(patches[:, None], boxes[None]).sum(axis=1)
        covers[pair] += sum(_hit(patches, lines[other]) for other in lines if other != pair)
        if pair in drawing.curves:
            covers[pair] += _hit(patches, spots[np.linalg.norm(spots - spots[-1], axis=1) < _HEAD])
        options[pair] = spots, patches
        costs[pair] = covers[pair] + 0.4 * np.abs(np.linspace(-0.5, 0.5, len(spots)))
    chosen = {}
    for _ in range(4):
        for pair in sorted(options, key=lambda key: (covers[key] == 0).sum()):
            taken = [options[key][1][at] for key, at in chosen.items() if key != pair]
            clash = _overlaps(options[pair][1][:, None], np.array(taken).reshape(1, -1, 4))
            chosen[pair] = int(np.argmin(costs[pair] + 100 * clash.sum(axis=1)))
    places = {pair: options[pair][0][at] for pair, at in chosen.items()}
    final = [options[pair][1][at] for pair, at in chosen.items()]
    clashes = sum(_overlaps(one, other) for one, other in combinations(final, 2))
    return places, 100 * clashes + sum(covers[pair][at] for pair, at in chosen.items())


def _even(curve: np.ndarray, step: float) -> np.ndarray:
    """Return points of a curve at even distances of about one step."""
    way = np.r_[0, np.linalg.norm(np.diff(curve, axis=0), axis=1).cumsum()]
    at = np.linspace(0, way[-1], max(3, round(way[-1] / step)))
    return np.stack([np.interp(at, way, axis) for axis in curve.T], axis=1)


def _patches(centres: np.ndarray, size: np.ndarray) -> np.ndarray:
    half = size / 2 + _ROOM
    return np.concatenate([centres - half, centres + half], axis=1)


def _hit(patches: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Tell which patches a point lies in."""
    low, high = patches[:, None, :2], patches[:, None, 2:]
    return ((points > low) & (points < high)).all(axis=-1).any(axis=1)


def _overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return ((one[..., :2] < other[..., 2:]) & (other[..., :2] < one[..., 2:])).all(axis=-1)
