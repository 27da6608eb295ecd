"""Figures of feedback loops: side by side, step by step, measured, and in worlds that are known."""

from __future__ import annotations

from itertools import cycle, pairwise
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.figures import layout, style
from helpers.figures.path_diagrams import draw_box, draw_effects, inch_axes, measure, width_of_boxes
from helpers.pathmodel.loop import feedback, respond
from helpers.pathmodel.ring import find_ring
from helpers.pathmodel.spec import parse_model

_HEIGHTS = (0.85, 1.2, 1.6, 2.0)  # of half the circle, tried until every number has its place
_COLOURS = (*style.SERIES, style.AGAINST, "0.35")
_VALUES, _RANKS = {"marker": "o", "ms": 5}, {"marker": "D", "ms": 3.5, "mfc": "white"}
_LINE = 0.16  # height of a line of letters, inches
_LABEL = 0.06 + 2 * _LINE


def loop_panels(loops: dict[str, pd.DataFrame]) -> tuple[plt.Figure, np.ndarray]:
    r"""Draw loops side by side, every variable at the same place in each of them.

    Arrows are solid and green where positive, dashed and red where negative; their width follows
    the size of the coefficient up to 1.

    Parameters
    ----------
    loops : dict of pandas.DataFrame
        By title: standardized coefficients, (p, p): row to, column from, of one loop. The first
        sets the order, clockwise, and its first column stands on top. What follows from a loop is
        not drawn.

    Examples
    --------
    >>> B = pd.DataFrame([[0, 0, 0.5], [0.8, 0, 0], [0, 0.5, 0]], list("abc"), list("abc"))
    >>> loop_panels({"a loop": B})[0].get_label().split("; ")[1]
    'gain 0.20, stability index 0.58: stable.'
    """
    arrows = [_find_arrows(B) for B in loops.values()]
    texts = [{pair: _show(value) for pair, value in values.items()} for values in arrows]
    said = [_say_measures(feedback(B)) for B in loops.values()]
    ring = [cause for cause, _ in arrows[0].index]
    names = style.printed_names(ring)
    fig = plt.figure(figsize=(style.WIDTH, style.WIDTH))
    boxes = dict.fromkeys(ring, np.array([width_of_boxes(fig, names.values()), 0.26]))
    sizes = [
        {pair: measure(fig, text, style.SMALL) for pair, text in each.items()} for each in texts
    ]
    columns = min(len(loops), 2)
    middle = style.WIDTH / columns / 2
    options = (
        [layout.on_ring(ring, [], list(values.index), boxes, middle, half) for values in arrows]
        for half in _HEIGHTS
    )
    drawings, numbers = layout.arrange(options, sizes)
    low, high = layout.limits(drawings, numbers)
    top = high + 0.2 + 2 * _LINE
    axes = inch_axes(fig, low, top, columns, len(loops))
    centre = {"ha": "center", "va": "top"}
    panels = []
    for i, (ax, title, values) in enumerate(zip(axes, loops, arrows, strict=True)):
        for code, box in drawings[i].boxes.items():
            draw_box(ax, code, box, names[code], edgecolor="0.3", linewidth=0.8)
        draw_effects(ax, drawings[i], numbers[i], texts[i], values)
        ax.text(middle, top - layout.EDGE, title, **centre)
        ax.text(middle, top - layout.EDGE - 0.2, "\n".join(said[i]), fontsize=style.SMALL, **centre)
        ways = [f"{names[one]} to {names[to]} {text}" for (one, to), text in texts[i].items()]
        panels.append(f"{title}: {', '.join(ways)}; {', '.join(said[i])}")
    count = f"{len(loops)} loops" if len(loops) > 1 else "A loop"
    fig.set_label(f"{count} of {len(ring)} variables in a circle. {'. '.join(panels)}.")
    return fig, np.array(axes)


def _find_arrows(B: pd.DataFrame) -> pd.Series:
    """Return the coefficients of the loop by (from, to), one after the other."""
    paths = B.stack().loc[lambda value: value != 0].index
    ring = find_ring(parse_model("\n".join(f"{to} ~ {cause}" for to, cause in paths)))
    first = ring.index(min(ring, key=list(B.columns).index))
    ring = ring[first:] + ring[:first]
    return pd.Series({pair: B.loc[pair[::-1]] for pair in pairwise([*ring, ring[0]])})


def _say_measures(measures: dict[str, np.ndarray]) -> list[str]:
    index = measures["stability_index"]
    return [
        f"gain {_show(measures['gain'])}",
        f"stability index {_show(index)}: {'stable' if index < 1 else 'unstable'}",
    ]


def response_steps(
    loops: dict[str, pd.DataFrame], variable: str, rounds: int
) -> tuple[plt.Figure, plt.Axes]:
    """Draw what a lasting push on a variable becomes there, step by step.

    The axis holds the loops whose response tends to a limit (all, if none does); the label of one
    that leaves it says where it ends.

    Parameters
    ----------
    loops : as for :func:`loop_panels`
    variable, rounds : str, int
        The one that is pushed, and how often the push goes round.

    Examples
    --------
    >>> B = pd.DataFrame([[0, 0, 0.5], [0.8, 0, 0], [0, 0.5, 0]], list("abc"), list("abc"))
    >>> response_steps({"a loop": B}, "a", rounds=2)[0].get_label().split(". ")[-1]
    'a loop: tends to 1.25.'
    """
    length = len(next(iter(loops.values())))
    responses = {case: respond(B, variable, rounds * length) for case, B in loops.items()}
    steps = pd.DataFrame({case: response[variable] for case, response in responses.items()})
    measures = {case: feedback(B) for case, B in loops.items()}
    stable = [case for case in steps if measures[case]["stability_index"] < 1 - 1e-9]
    limits = {case: float(measures[case]["amplification"]) for case in stable}
    kept = steps[stable or list(steps)]
    ends = [0, *limits.values(), kept.min(axis=None), kept.max(axis=None)]
    margin = 0.04 * (max(ends) - min(ends))
    low, high = min(ends) - margin * (min(ends) < 0), max(ends) + margin
    cut = (steps < low) | (steps > high)
    said = {case: f"{_show(end)} after {rounds} rounds" for case, end in steps.iloc[-1].items()}
    said |= {case: f"tends to {_show(limit)}" for case, limit in limits.items()}
    # labels stand in the order of the ends; of those that leave, the first to do so is outermost
    last = steps.clip(low, high).iloc[-1]
    order = sorted(steps, key=lambda case: (last[case], -cut[case].to_numpy().argmax()))
    height = max(2.8, _LABEL * len(order) + 0.8)
    starts = (last[order] - low) / (high - low)
    places = _spread(starts, _LABEL / (height - 0.6))
    (name,) = style.printed_names([variable]).values()
    fig, ax = style.subplots(height)
    beside = {"transform": ax.transAxes, "clip_on": False}
    for case, colour in zip(steps, cycle(_COLOURS)):
        held = [*steps[case], steps[case].iloc[-1]]
        x = np.arange(len(held)) / length
        ax.step(x, held, where="post", color=colour, lw=1.6, gid=case)
        if case in stable:
            ax.axhline(limits[case], color=colour, lw=1, ls=style.DASHED, zorder=1)
        start = places[case] if cut[case].any() else starts[case]
        ax.plot([1.01, 1.06], [start, places[case]], color=colour, lw=1.6, **beside)
        ax.text(1.1, places[case], f"{case}\n{said[case]}", fontsize=9, va="center", **beside)
    ax.set(ylim=(low, high), xlabel="Rounds of the loop")
    ax.set_ylabel(f"Response of {name}\n(standard deviations)")
    ax.autoscale(axis="x", tight=True)
    count = f"{steps.shape[1]} staircases" if steps.shape[1] > 1 else "A staircase"
    whole = [f"{case}: {'cut off: ' if cut[case].any() else ''}{said[case]}" for case in steps]
    fig.set_label(
        f"{count}: the response of {name} to a lasting push of 1 standard deviation, over "
        f"{rounds} rounds of the loop. {'; '.join(whole)}."
    )
    return fig, ax


def _spread(places: pd.Series, height: float) -> pd.Series:
    """Return places near the given, rising ones, where labels of this height fit into 0 to 1."""
    offset = height * (np.arange(len(places)) + 0.5)
    lowest = (places - offset).clip(lower=0).cummax()
    return lowest.clip(upper=1 - height * len(places)) + offset


def gain_distributions(gains: dict[str, pd.Series], printed: float) -> tuple[plt.Figure, plt.Axes]:
    """Draw how the gain of the stable solution varies in each of several worlds.

    Parameters
    ----------
    gains : dict of pandas.Series
        By world: gains between -1 and 1; NaN, where a sample has no real solution, is left out.
    printed : float
        Gain of the printed loop; drawn as a line.

    Examples
    --------
    >>> worlds = {"a chain": pd.Series([0.1, 0.4, -0.2])}
    >>> gain_distributions(worlds, 0.4)[0].get_label().split(": ")[2][:29]
    '67% of 3 above 0, median 0.10'
    """
    edges = np.linspace(-1, 1, 41)
    fig, ax = style.subplots(0.9 + 0.62 * len(gains) + 0.17)
    ax.set(xlim=(-1.02, 1.02), ylim=(len(gains), 0), xlabel="Gain of the stable loop")
    rows = []
    for base, (world, values) in enumerate(gains.items(), start=1):
        values = values.dropna()
        share = style.say_share((values > 0).mean(), 0) if len(values) else "none left"
        counts, _ = np.histogram(values, edges)
        tops = base - 0.8 * counts / max(counts.max(), 1)
        for start, colour in ((0, style.sign_colour(-1)), (20, style.sign_colour(1))):
            half, ends = tops[start : start + 20], edges[start : start + 21]
            ax.stairs(half, ends, baseline=base, fill=True, color=colour)
        ax.axhline(base, color="0.6", lw=0.6)
        ax.text(1.07, base - 0.3, share, va="center", gid=f"share {world}")
        median = f", median {_show(values.median())}" if len(values) else ""
        rows.append(f"{world}: {share} of {len(values)} above 0{median}")
    ax.set_yticks(np.arange(len(gains)) + 0.7, [fill(world, 16) for world in gains])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.axvline(0, color="black", lw=0.8)
    ax.axvline(printed, color="black", lw=1.4, ls=style.DASHED)
    above = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "fontsize": 9}
    ax.annotate("gain > 0", (1.07, 1), (0, 5), **above, color=style.sign_colour(1))
    ax.annotate(f"printed {_show(printed)}", (printed, 1), (0, 5), **above, ha="center")
    fig.set_label(
        f"Histograms of the gain between −1 and 1 of each world: {'; '.join(rows)}. "
        f"Lines at 0 and at: printed {_show(printed)}."
    )
    return fig, ax


def ring_arrows(
    loops: pd.DataFrame, printed: dict[int, float], names: dict[str, str]
) -> tuple[plt.Figure, np.ndarray]:
    """Draw the arrows of several rings with their intervals, each once, largest first, and, in a
    panel of their own, since they are products of four, the gains.

    Dots are estimates from values, hollow diamonds below them those from ranks; black bars are
    what the paper prints.

    Parameters
    ----------
    loops : pandas.DataFrame
        As :func:`helpers.paper.load_transect` gives them.
    printed : dict
        What stands on the first, second, ... arrow (0, 1, ...), and as -1 the gain.
    names : dict
        What each variable is called.

    Examples
    --------
    >>> from helpers.paper import load_transect
    >>> loops = load_transect().loops
    >>> codes = {code: code for ring in loops.index.levels[0] for code in ring.split(" > ")}
    >>> ring_arrows(loops, {0: 0.99}, codes)[0].get_label()[:43]
    'Arrows of 6 rings with intervals: TF → rich'
    """
    if loops.empty:
        return style.nothing_to_draw("No ring was measured in the columns that are here.")
    rows = {}
    for ring in loops.index.unique(0):
        *nodes, last = ring.split(" > ")
        ends = [*nodes[1:], last, nodes[0]]
        for step, pair in enumerate(zip([*nodes, last], ends, strict=True)):
            rows.setdefault((step, " → ".join(names[code] for code in pair)), (ring, pair))
        title = ", ".join(names[code] for code in ends[:-1])
        rows[-1, title] = (ring, ("loop", "loop"))
    found = {
        row: loops.loc[(ring, "values", *pair), "estimate"] for row, (ring, pair) in rows.items()
    }
    order = sorted(rows, key=lambda row: (row[0] % (len(ends) + 1), -found[row]))
    parts = [[row for row in order if row[0] >= 0], [row for row in order if row[0] < 0]]
    how = {"height_ratios": [len(part) + 0.6 for part in parts]}
    fig, axes = style.subplots(1.6 + 0.25 * len(order), 2, **how)
    said = []
    for ax, part, label in zip(axes, parts, ("Coefficient", "Gain: what comes back"), strict=True):
        for place, (step, text) in enumerate(part):
            ring, pair = rows[step, text]
            for scale, up, look in (("values", 0, _VALUES), ("ranks", 0.3, _RANKS)):
                one = loops.loc[(ring, scale, *pair)]
                ax.plot([one["low"], one["high"]], [place + up] * 2, color=style.INK, lw=1)
                ax.plot(one["estimate"], place + up, color=style.INK, **look)
                if scale == "values":
                    said.append(f"{text} {one['estimate']:+.2f}")
            if step in printed:
                ax.vlines(printed[step], place - 0.4, place + 0.6, color="black", lw=2, zorder=0)
            if place and step != part[place - 1][0]:
                ax.axhline(place - 0.4, color="0.85", lw=0.8)
        style.name_rows(ax, [text for _, text in part], label, 0)
    looks = {
        "values": {"color": style.INK, **_VALUES},
        "ranks": {"color": style.INK, **_RANKS},
        "printed": {"color": "black", "lw": 2},
    }
    style.add_legend(fig, looks, 3)
    fig.set_label(
        f"Arrows of {loops.index.unique(0).size} rings with intervals: {'; '.join(said)}."
    )
    return fig, axes


def _show(value: float) -> str:
    """Return two decimals, or three digits of what is large and one of what is tiny."""
    usual = 0.005 <= abs(value) <= 10 or value == 0
    digits = ".2f" if usual else ".3g" if abs(value) > 1 else ".1g"
    return f"{value:{digits}}".replace("-", "−")
