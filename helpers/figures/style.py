"""The house style of figures, and how one gets into a page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullLocator

from helpers.factors import GROUPS, load_factors
from helpers.readers.sites import ZONES

WIDTH = 4.8
STYLE = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}
# Okabe and Ito's colours, which colour-blind readers can tell apart
GROUP_COLOURS = dict(zip(GROUPS, ("#0072B2", "#009E73", "#D55E00", "#CC79A7"), strict=True))
COVER_COLOURS = {"meadow": "#009E73", "steppe": "#E69F00"}
PERIOD_COLOURS = {"historical": "#CC79A7", "rcp45": "#009E73", "rcp85": "#0072B2"}
PERIOD_NAMES = {"historical": "historical", "rcp45": "RCP4.5", "rcp85": "RCP8.5"}
POSITIVE, NEGATIVE = "#006400", "#8B0000"
NO_EFFECTS = "No effects. Add columns to sites.csv."
ZONE_MARKERS = dict(zip(ZONES, "vo^", strict=True))


def show(fig: plt.Figure, legend: str) -> None:
    """Put a figure into the page, with its alternative text and a legend below it.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        As a function of this module returns it; it is closed.
    legend : str
        Markdown: sample size, data label, and whatever else was computed.

    Examples
    --------
    >>> fig, ax = plt.subplots()
    >>> fig.set_label("An empty square.")
    >>> show(fig, "Nothing, n = 0.")  # doctest: +ELLIPSIS
    {'image/png': '...', 'text/plain': 'An empty square...
    """
    from IPython.display import display

    png = BytesIO()
    fig.savefig(png, format="png", dpi=200, metadata={"Software": None})
    images = {"image/png": base64.b64encode(png.getvalue()).decode()}
    plt.close(fig)
    alt = fig.get_label()
    about = {"alt": alt, "legend": legend, "width": round(fig.get_figwidth() * 120)}
    display(
        images | {"text/plain": f"{alt}\n{legend}"},
        raw=True,
        metadata=dict.fromkeys(images, about),
    )


def nothing_to_draw(message: str) -> tuple[plt.Figure, np.ndarray]:
    """Return a figure that says what the study lacks, so that the page goes on without it.

    Examples
    --------
    >>> fig, axes = nothing_to_draw("No factors of this group.")
    >>> fig.get_label(), axes.size
    ('No factors of this group.', 0)
    """
    with plt.rc_context(STYLE):
        fig = plt.figure(figsize=(WIDTH, 0.6))
        fig.text(0.5, 0.5, message, ha="center", va="center")
    fig.set_label(message)
    return fig, np.empty((0, 0))


def panels(
    count: int, columns: int, margin: float, row: float, **shared: bool
) -> tuple[plt.Figure, np.ndarray]:
    """Return a figure with so many panels, row by row; `margin` and each `row` are inches high."""
    rows = -(-count // columns)
    size = (WIDTH, margin + row * rows)
    fig, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, **shared)
    for ax in axes.flat[count:]:
        ax.remove()
    for ax in axes.flat[max(count - columns, 0) : count]:
        ax.tick_params(labelbottom=True)
    return fig, axes


def log_ticks(axis: Axis) -> None:
    """Put ticks at 1, 2 and 5 times the powers of ten of a logarithmic axis, as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def interval(
    ax: plt.Axes, row: int, low: float, middle: float, high: float, colour: str, *, clear: bool
) -> None:
    """Draw an estimate with its interval in a row; the dot is filled where the result is clear."""
    ax.plot([low, high], [row, row], color=colour, lw=1.5)
    ax.plot(middle, row, "o", color=colour, ms=5, mfc=colour if clear else "white")


def printed_names(codes: Sequence[str]) -> dict[str, str]:
    """Return the printed label of each code, or the code of what is no factor."""
    labels = load_factors()["label"]
    return {code: labels.get(code, code) for code in codes}


def sign_colour(value: float) -> str:
    """Return dark green for a positive effect, dark red for a negative one, as in the paper."""
    return POSITIVE if value > 0 else NEGATIVE
