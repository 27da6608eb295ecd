"""The house style of figures, what many of them share, and how figures get into a page.

Who imports this takes over the house's letters and lines, for figures of their own, too.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from html import escape
from io import BytesIO, StringIO
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from helpers.factors import GROUPS, load_factors
from helpers.figures.tables import keeps_files
from helpers.readers.sites import ZONES

WIDTH = 4.8
plt.rcParams.update(
    {
        "font.size": 10,
        "axes.titlesize": 10,
        "axes.labelsize": 10,
        "figure.labelsize": 10,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.fontsize": 9,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)
# Okabe and Ito's colours, which colour-blind readers can tell apart
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
BLUE, ORANGE, GREEN, PINK = PALETTE
# One meaning each: these four are the groups of factors, and nothing else
GROUP_COLOURS = dict(zip(GROUPS, (BLUE, GREEN, ORANGE, PINK), strict=True))
_STAND_INS = (
    dict.fromkeys(("AI", "MAT", "MAP"), "climatic")
    | dict.fromkeys(("biomass", "BGB", "richness"), "plant")
    | dict.fromkeys(
        ("bacteria", "fungi", "protists", "animals", "fauna_abundance", "fauna_richness"),
        "microbial",
    )
)
COVER_COLOURS = {"meadow": "#5B7F00", "steppe": "#E69F00", "desert steppe": "#A98467"}
INK, GREY, AGAINST = "0.1", "0.6", "#A6611A"  # shown, open, against
SIMULATED, PALE = "#5B3A9B", "#A58BD3"  # scenarios, the more forcing the darker; models
SERIES = (INK, SIMULATED, "0.55", PALE)  # whatever else is compared
SMALL = 8.5  # points: eight pixels on a phone, the least there is
_SHORT = {  # what the registry's names become where room is short
    "root-zone soil moisture": "root-zone moisture",
    "downward heat flux in soil": "heat flux into soil",
    "surface skin temperature": "surface temperature",
    "total precipitation rate": "precipitation",
    "net shortwave radiation": "net sunlight",
    "enhanced vegetation index": "greenness",
    "carbon input amount": "carbon input",
    "coverage of grass": "cover of grass",
    "coverage of forb": "cover of forbs",
    "coverage of sedge": "cover of sedges",
    "aboveground net primary productivity": "growth above ground",
    "belowground net primary productivity": "growth of roots",
    "net primary productivity": "growth",
    "soil organic carbon": "organic carbon",
    "soil inorganic carbon": "inorganic carbon",
    "carbon to nitrogen ratio": "carbon/nitrogen",
    "soil temperature at 10 cm": "soil warmth, 10 cm",
    "total phospholipid fatty acids": "all microbes",
    "bacterial phospholipid fatty acids": "bacteria",
    "fungal phospholipid fatty acids": "fungi",
    "actinomycete phospholipid fatty acids": "actinomycetes",
    "Gram-positive bacterial phospholipid fatty acids": "Gram-positive",
    "Gram-negative bacterial phospholipid fatty acids": "Gram-negative",
    "carbon-acquiring enzyme activity": "carbon enzymes",
    "nitrogen-acquiring enzyme activity": "nitrogen enzymes",
    "phosphorus-acquiring enzyme activity": "phosphorus enzymes",
    "fungi to bacteria ratio": "fungi/bacteria",
}
_WORDS = {  # what is no factor of the registry
    "TP": "total phosphorus (TP)",
    "CP": "carbon/phosphorus (C/P)",
    "biomass": "plant biomass",
    "richness": "plant species",
    "BGB": "roots",
}
ZONE_MARKERS = dict(zip(ZONES, "vo^", strict=True))
_OTHER_COLOURS = ("#0072b2", "#cc79a7", "#56b4e9", "#d55e00", "#999999", "#f0e442")
_OTHER_MARKERS = "DPX*<>"
_HANDY = {  # what a unit is multiplied with, what is added, and the unit that is drawn
    "kg m-2 s-1": (365 * 86400, 0, "mm yr⁻¹"),
    "kg kg-1": (1000, 0, "g kg⁻¹"),
    "K": (1, -273.15, "°C"),
}
DASHED = (0, (4, 2))
NOT_MEASURED = "None of these was measured in the columns that are here."
NO_EFFECTS = "No effects. Add columns to sites.csv."


def show(fig: plt.Figure, legend: str) -> None:
    """Put a figure into the page, with its alternative text and a legend below it.

    The text is the figure's label, which the function that drew it has set (``fig.set_label``).

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        As a function of this module returns it; it is closed.
    legend : str
        Markdown: sample size, data label, and whatever else was computed.

    Examples
    --------
    >>> show(nothing_to_draw("No factors.")[0], "n = 0.")  # doctest: +ELLIPSIS
    {'image/png': '...', 'text/plain': 'No factors...
    """
    from IPython.display import display

    png = BytesIO()
    fig.savefig(png, format="png", dpi=200, metadata={"Software": None})
    images = {"image/png": base64.b64encode(png.getvalue()).decode()}
    if keeps_files():
        svg = StringIO()
        fig.savefig(svg, format="svg")
        images["image/svg+xml"] = svg.getvalue()
    plt.close(fig)
    alt = fig.get_label()
    about = {"alt": alt, "legend": legend, "width": round(fig.get_figwidth() * 120)}
    display(
        images | {"text/plain": f"{alt}\n{legend}"},
        raw=True,
        metadata=dict.fromkeys(images, about),
    )


def place_widget(name: str, figure: str, start: dict[str, object]) -> None:
    """Put the place of a widget into the page, above the figure that stands for it elsewhere.

    The script ``book/_static/NAME-page.js`` fills the place and takes the cell of the figure off
    the screen. The figure stays where no script runs, and on paper.

    Parameters
    ----------
    name, figure : str
        Of the widget (``loop-explorer`` or ``fit-indices``), and as in the metadata of its cell.
    start : dict
        What it starts with, for JSON.

    Examples
    --------
    >>> place_widget("loop-explorer", "four-loops", {"gain": 0.4})  # doctest: +ELLIPSIS
    {...'In the built book, where JavaScript runs, you can change these numbers right here.'}
    """
    from IPython.display import display

    note = "In the built book, where JavaScript runs, you can change these numbers right here."
    about = f'data-widget="{name}" data-figure="{figure}" data-start="{escape(json.dumps(start))}"'
    place = f'<div class="widget" {about}><p>{note}</p></div>'
    display({"text/html": place, "text/plain": note}, raw=True)


def nothing_to_draw(message: str) -> tuple[plt.Figure, np.ndarray]:
    """Return a figure that says what the study lacks, so that the page goes on without it.

    Examples
    --------
    >>> nothing_to_draw("No factors of this group.")[0].get_label()
    'No factors of this group.'
    """
    fig = plt.figure(figsize=(WIDTH, 0.6))
    fig.text(0.5, 0.5, message, ha="center", va="center")
    fig.set_label(message)
    return fig, np.empty((0, 0))


def subplots(height: float, rows: int = 1, columns: int = 1, **how) -> tuple:
    """Return a figure of the house's width, so many inches high, and its axes."""
    return plt.subplots(rows, columns, figsize=(WIDTH, height), layout="constrained", **how)


def panels(
    count: int, columns: int, margin: float, row: float, **shared: bool
) -> tuple[plt.Figure, np.ndarray]:
    """Return a figure with so many panels, row by row; `margin` and each `row` are inches high."""
    rows = -(-count // columns)
    fig, axes = subplots(margin + row * rows, rows, columns, squeeze=False, **shared)
    for ax in axes.flat[count:]:
        ax.remove()
    for ax in axes.flat[max(count - columns, 0) : count]:
        ax.tick_params(labelbottom=True)
    return fig, axes


def log_scale(ax: plt.Axes, which: str) -> None:
    """Make the x or y axis logarithmic, with ticks at 1, 2 and 5 times the powers of ten."""
    ax.set(**{f"{which}scale": "log"})
    axis = getattr(ax, f"{which}axis")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def name_rows(ax: plt.Axes, names: Iterable[str], label: str, zero: float | None = None) -> None:
    """Name rows from the top down and the axis below them; a grey line stands at `zero`."""
    names = list(names)
    ax.set_yticks(range(len(names)), names)
    ax.set(ylim=(len(names) - 0.4, -0.6), xlabel=label)
    ax.tick_params(axis="y", length=0)
    if zero is not None:
        ax.axvline(zero, color="0.6", lw=1, zorder=0)


def draw_intervals(
    ax: plt.Axes, table: pd.DataFrame, colours: Iterable[str], start: int = 0
) -> tuple[pd.Series, pd.Series]:
    """Draw estimates with their intervals (columns estimate, low, high), row by row.

    Return which intervals lie above zero, and which below it; their dots are filled.
    """
    table = table.set_axis(["estimate", "low", "high"], axis=1)
    above, below = table["low"] > 0, table["high"] < 0
    rows = zip(table.itertuples(), colours, above | below, strict=True)
    for row, (one, colour, clear) in enumerate(rows, start):
        ax.plot([one.low, one.high], [row, row], color=colour, lw=1.5)
        ax.plot(one.estimate, row, "o", color=colour, ms=5, mfc=colour if clear else "white")
    return above, below


def draw_heatmap(ax: plt.Axes, table: pd.DataFrame, **how) -> None:
    """Draw a table as coloured cells with what is written into them."""
    import seaborn  # only for these figures

    letters = {"va": "center_baseline"} | how.pop("annot_kws", {})
    how = {"xticklabels": True, "yticklabels": True} | how
    seaborn.heatmap(table, ax=ax, fmt="", linewidths=0.5, annot_kws=letters, **how)
    ax.set(xlabel="", ylabel="")
    ax.tick_params(length=0)
    ax.tick_params(axis="y", rotation=0)


def add_legend(
    fig: plt.Figure,
    looks: dict[str, dict],
    columns: int,
    place: str = "outside upper center",
    **how,
) -> None:
    """Put a legend outside the axes: the look of a line or marker, by label."""
    handles = [Line2D([], [], label=label, **look) for label, look in looks.items()]
    how = {"handlelength": 1.6, "columnspacing": 1} | how
    fig.legend(handles=handles, ncols=columns, loc=place, **how)


def printed_names(codes: Iterable[str]) -> dict[str, str]:
    """Return the printed label of each code, or the code of what is no factor."""
    labels = load_factors()["label"]
    return {code: labels.get(code, {"CP": "C/P"}.get(code, code)) for code in codes}


def name_in_words(codes: Iterable[str]) -> dict[str, str]:
    """Return a short name of each code with its printed acronym, for the rows of a figure.

    Examples
    --------
    >>> list(name_in_words(["TF", "Clay", "pH", "biomass"]).values())
    ['transpiration (TF)', 'clay content', 'soil pH', 'plant biomass']
    """
    names = load_factors()["name"]
    texts = {}
    for code, label in printed_names(codes).items():
        words = _SHORT.get(names.get(code), names.get(code))
        if words is None:
            texts[code] = _WORDS.get(code, label)
        else:
            plain = label.lower() in words.lower().split()
            texts[code] = words if plain else f"{words} ({label})"
    return texts


def in_handy_units(values: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return factors in °C, mm a year and g a kg instead of K and tiny numbers, and their units.

    Examples
    --------
    >>> drawn, units = in_handy_units(pd.DataFrame({"AT": [273.15], "pH": [7.0], "biomass": [80]}))
    >>> drawn.loc[0].tolist(), units
    ([0.0, 7.0, 80.0], {'AT': '°C', 'pH': '', 'biomass': ''})
    """
    registry, drawn, units = load_factors()[["unit", "unit_shown"]], {}, {}
    for code in values:
        plain, shown = registry.loc[code] if code in registry.index else ("1", "1")
        factor, shift, unit = _HANDY.get(plain, (1, 0, shown.replace("\u00a0", " ")))
        drawn[code] = values[code] * factor + shift
        units[code] = "" if unit == "1" else unit
    return pd.DataFrame(drawn, values.index), units


def means_with_intervals(values: pd.DataFrame, groups: pd.Series | np.ndarray) -> pd.DataFrame:
    """Return mean, low and high of each variable in each group, by (variable, group).

    Intervals of 95 % by Student's t, as if the rows were independent; none for a single row.

    Examples
    --------
    >>> table = means_with_intervals(pd.DataFrame({"SOC": [1, 3, 5]}), pd.Series(["a", "a", "b"]))
    >>> table.loc[("SOC", "a")].round(1).tolist()
    [2.0, -10.7, 14.7]
    """
    from scipy import stats  # only for these figures

    parts = values.groupby(groups)
    means, counts = parts.mean(), parts.count()
    half = stats.t.ppf(0.975, (counts - 1).where(counts > 1)) * parts.sem()
    table = {"mean": means.T, "low": (means - half).T, "high": (means + half).T}
    return pd.DataFrame({name: each.stack(future_stack=True) for name, each in table.items()})


def cover_colours(covers: Iterable[str]) -> dict[str, str]:
    """Return the colour of each land cover: that of the book, or another."""
    names = dict.fromkeys(covers)
    others = [name for name in names if name not in COVER_COLOURS]
    return COVER_COLOURS | dict(zip(others, cycle(_OTHER_COLOURS), strict=False))


def zone_markers(zones: Iterable[str]) -> dict[str, str]:
    """Return the marker of each elevation zone: that of the book, or another."""
    others = [name for name in dict.fromkeys(zones) if name not in ZONE_MARKERS]
    return ZONE_MARKERS | dict(zip(others, cycle(_OTHER_MARKERS), strict=False))


def factor_colours(codes: Iterable[str]) -> list[str]:
    """Return the colour of each factor's group, or of the group for which a variable stands in.

    What belongs to no group is dark grey.
    """
    groups = load_factors()["group"].to_dict() | _STAND_INS
    return [GROUP_COLOURS.get(groups.get(code), "0.2") for code in codes]


def sign_colour(value: float) -> str:
    """Return dark green for a positive effect, dark red for a negative one, as in the paper."""
    return "#006400" if value > 0 else "#8B0000"


def say_share(share: float, decimals: int = 1) -> str:
    """Write a share of 0 to 1 in percent, with 0% and 100% only for none and all.

    Parameters
    ----------
    share, decimals : float, int
        The decimals are those of the percentage.

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
