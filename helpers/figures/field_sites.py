"""Figures of real sites: where they lie, what rises with elevation, signs, and respiration."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.lines import Line2D

from helpers.figures.maps import relief_axes
from helpers.figures.style import (
    COVER_COLOURS,
    STYLE,
    WIDTH,
    interval,
    log_ticks,
    panels,
    sign_colour,
)

FIELD_COLOURS = COVER_COLOURS | {"desert steppe": "#CC79A7"}
_MARKERS = {"meadow": "o", "steppe": "s", "desert steppe": "^"}


def field_map(
    sites: pd.DataFrame, elevation: xr.DataArray, others: pd.DataFrame
) -> tuple[plt.Figure, plt.Axes]:
    """Draw sites by land cover, and where respiration was measured, on the shaded relief.

    Parameters
    ----------
    sites : pandas.DataFrame
        With longitude, latitude and land_cover.
    elevation : xarray.DataArray
        Metres on (lat, lon).
    others : pandas.DataFrame
        Equations of soil respiration with longitude and latitude; drawn as crosses.

    Examples
    --------
    >>> from helpers.readers.terrain import load_elevation
    >>> from helpers.study import load_study
    >>> sites = load_study().sites
    >>> field_map(sites, load_elevation(), sites[:3])[0].get_label().split(". ")[1]
    'Crosses mark where 3 equations of soil respiration come from.'
    """
    with plt.rc_context(STYLE):
        fig, ax = relief_axes(elevation, 3.3)
        style = {"markersize": 6, "markeredgecolor": "black", "markeredgewidth": 0.6}
        for cover, group in sites.groupby("land_cover"):
            places = group["longitude"], group["latitude"]
            ax.plot(*places, _MARKERS[cover], color=FIELD_COLOURS[cover], **style)
        ax.plot(others["longitude"], others["latitude"], "x", color="black", ms=7, mew=1.8)
        west = np.floor(min(sites["longitude"].min(), others["longitude"].min())) - 3
        ax.set_xlim(left=west)
        counts = sites["land_cover"].value_counts()
        handles = [
            Line2D([], [], ls="", marker=marker, color=FIELD_COLOURS[cover], label=label, **style)
            for cover, marker in _MARKERS.items()
            for label in [f"{cover} ({counts.get(cover, 0)})"]
        ]
        about = f"respiration equations ({len(others)})"
        handles.append(Line2D([], [], ls="", marker="x", color="black", ms=7, mew=1.8, label=about))
        fig.legend(handles=handles, ncols=2, loc="outside lower center", handletextpad=0.2)
    fig.set_label(
        f"Map of the eastern Tibetan Plateau in grey relief with {len(sites)} sites from "
        f"{sites['longitude'].min():.0f} to {sites['longitude'].max():.0f}°E and "
        f"{sites['latitude'].min():.0f} to {sites['latitude'].max():.0f}°N: "
        + ", ".join(f"{counts.get(cover, 0)} {cover}" for cover in _MARKERS)
        + f". Crosses mark where {len(others)} equations of soil respiration come from."
    )
    return fig, ax


def cover_gradients(
    sites: pd.DataFrame, labels: dict[str, str], logged: list[str]
) -> tuple[plt.Figure, np.ndarray]:
    """Draw measured properties against elevation, marked by land cover, with plain parabolas.

    Parameters
    ----------
    sites : pandas.DataFrame
        With elevation (m), land_cover and the properties.
    labels : dict of str
        Name and unit of each property, in the order drawn.
    logged : list of str
        Properties with a logarithmic axis, whose parabola is that of the logarithm.

    Examples
    --------
    >>> from helpers.study import load_study
    >>> sites, labels = load_study().sites, {"SOC": "SOC (g kg⁻¹)", "pH": "pH"}
    >>> fig, axes = cover_gradients(sites, labels, logged=["SOC"])
    >>> [ax.get_yscale() for ax in axes.flat]
    ['log', 'linear']
    """
    km = sites["elevation"] / 1000
    ends = np.linspace(km.min(), km.max(), 60)
    with plt.rc_context(STYLE):
        fig, axes = panels(len(labels), 2, 0.8, 1.75, sharex=True)
        for ax, (code, label) in zip(axes.flat, labels.items(), strict=False):
            for cover, group in sites.groupby("land_cover"):
                places = km[group.index], group[code]
                ax.plot(*places, _MARKERS[cover], **_look(cover))
            turn = (np.log, np.exp) if code in logged else (np.asarray, np.asarray)
            bent = turn[1](np.polyval(np.polyfit(km, turn[0](sites[code]), 2), ends))
            ax.plot(ends, bent, color="black", lw=1.1, ls=(0, (3, 2)))
            if code in logged:
                ax.set_yscale("log")
                log_ticks(ax.yaxis)
            ax.set_title(label, pad=3)
            ax.margins(x=0.06)
        fig.supxlabel("Elevation (km)", fontsize=10)
        handles = [
            Line2D([], [], ls="", marker=_MARKERS[cover], label=cover, **_look(cover))
            for cover in _MARKERS
        ]
        fig.legend(handles=handles, ncols=3, loc="outside upper center", handletextpad=0.2)
    mean = sites.groupby("land_cover")[list(labels)].mean()
    fig.set_label(
        f"{len(labels)} scatter plots against elevation, {km.min():.1f} to {km.max():.1f} km, with "
        "parabolas. Means: "
        + "; ".join(
            f"{label}: " + ", ".join(f"{cover} {mean.loc[cover, code]:.3g}" for cover in mean.index)
            for code, label in labels.items()
        )
        + "."
    )
    return fig, axes


def _look(cover: str) -> dict[str, object]:
    return {"color": FIELD_COLOURS[cover], "mec": "black", "mew": 0.4, "ms": 4.5}


def sign_forest(table: pd.DataFrame, label: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw correlations with intervals beside the sign that is read from the paper.

    Parameters
    ----------
    table : pandas.DataFrame
        Index: what is printed at the left. ``estimate``, ``low``, ``high``, and ``claimed``: 1, -1,
        or 0 where no sign is read from the paper.
    label : str
        Of the axis: quantity, level of the intervals.

    Examples
    --------
    >>> one = {"estimate": 0.6, "low": 0.3, "high": 0.8, "claimed": 1}
    >>> fig, ax = sign_forest(pd.DataFrame(one, ["TF – SOC"]), "Correlation r")
    >>> [text.get_text() for text in ax.texts]
    ['+', 'paper']
    """
    clear = (table["low"] > 0) | (table["high"] < 0)
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 1.1 + 0.25 * len(table)))
        for row, (one, filled) in enumerate(zip(table.itertuples(), clear, strict=True)):
            colour = sign_colour(one.estimate)
            interval(ax, row, one.low, one.estimate, one.high, colour, clear=filled)
            if one.claimed:
                sign = "+" if one.claimed > 0 else "−"
                ax.text(
                    1.04, row, sign, transform=ax.get_yaxis_transform(), ha="center", va="center",
                    color=sign_colour(one.claimed), fontsize=13, fontweight="bold",
                )  # fmt: skip
        ax.text(1.04, -1.1, "paper", transform=ax.get_yaxis_transform(), ha="center", fontsize=9)
        ax.axvline(0, color="0.6", lw=1, zorder=0)
        ax.set_yticks(range(len(table)), table.index)
        ax.set_ylim(len(table) - 0.4, -0.6)
        ax.set_xlim(-1, 1)
        ax.set_xticks([-1, -0.5, 0, 0.5, 1])
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(label)
    agree = clear & (np.sign(table["estimate"]) == table["claimed"])
    against = clear & (np.sign(table["estimate"]) == -table["claimed"])
    claims = table["claimed"] != 0
    fig.set_label(
        f"{len(table)} dots with intervals, {clear.sum()} of which leave out zero. A sign is "
        f"read from the paper for {claims.sum()}: {agree.sum()} intervals lie on its side of zero, "
        f"{(against & claims).sum()} on the other, {(claims & ~clear).sum()} hold zero. Highest: "
        f"{table['estimate'].idxmax()} ({table['estimate'].max():+.2f}); lowest: "
        f"{table['estimate'].idxmin()} ({table['estimate'].min():+.2f}). Axis: {label}."
    )
    return fig, ax


def respiration_curves(
    equations: pd.DataFrame, mean: pd.DataFrame, book: pd.Series
) -> tuple[plt.Figure, plt.Axes]:
    """Draw field equations of soil respiration, their mean with its interval, and the book's.

    Parameters
    ----------
    equations : pandas.DataFrame
        From :func:`helpers.readers.read_equations`; each is drawn between ``T_low`` and
        ``T_high``, as far as `mean` reaches. Those without alpha or limits are not drawn.
    mean : pandas.DataFrame
        From :func:`helpers.statistics.respiration_curve`, of all `equations` that have alpha.
    book : pandas.Series
        R_s by temperature in degrees Celsius, umol m-2 s-1.

    Examples
    --------
    >>> T = np.arange(0.0, 16)
    >>> field = pd.DataFrame({"alpha": [0.7], "beta": [0.1], "T_low": [2], "T_high": [12]})
    >>> mean = pd.DataFrame({"estimate": 0.7 * np.exp(0.1 * T), "low": 0.3, "high": 4}, T)
    >>> fig, ax = respiration_curves(field, mean, mean["estimate"])
    >>> ax.get_yscale()
    'log'
    """
    averaged = equations["alpha"].notna().sum()
    known = equations.dropna(subset=["alpha", "beta", "T_low", "T_high"])
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 3.6))
        low, high = mean.index.min(), mean.index.max()
        for one in known.itertuples():
            T = np.linspace(max(one.T_low, low), min(one.T_high, high), 40)
            ax.plot(T, one.alpha * np.exp(one.beta * T), color="0.55", lw=0.8)
        blue = "#0072B2"
        ax.fill_between(mean.index, mean["low"], mean["high"], color=blue, alpha=0.25, lw=0)
        ax.plot(mean.index, mean["estimate"], color=blue, lw=2)
        ax.plot(book.index, book, color="black", lw=1.6, ls=(0, (4, 2)))
        ax.set_yscale("log")
        log_ticks(ax.yaxis)
        ax.locator_params(axis="x", integer=True)
        ax.set(xlabel="Soil temperature (°C)", ylabel="Rₛ (µmol m⁻² s⁻¹)")
        handles = [
            Line2D([], [], color="0.55", lw=0.8, label=f"field equations drawn ({len(known)})"),
            Line2D([], [], color=blue, lw=2, label=f"mean of {averaged}, and interval"),
            Line2D([], [], color="black", lw=1.6, ls=(0, (4, 2)), label="this book"),
        ]
        fig.legend(handles=handles, ncols=2, loc="outside upper center")
    warm = mean.index[np.abs(mean.index - 10).argmin()]
    at = mean.loc[warm]
    fig.set_label(
        f"{len(known)} curves of soil respiration on temperature from {low:g} to {high:g} °C, on a "
        f"logarithmic axis. At {warm:g} °C the mean of {averaged} equations is "
        f"{at['estimate']:.2f}, with the interval "
        f"{at['low']:.2f} to {at['high']:.2f}; the dashed curve of this book has {book[warm]:.2f} "
        "µmol m⁻² s⁻¹."
    )
    return fig, ax
