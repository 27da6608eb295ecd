"""One house style, one function per kind of figure.

Every function returns ``fig, axes`` and leaves the alternative text on the figure, made from
the numbers that were drawn; :func:`show` puts both into the page. Figures are drawn 4.8 inches
wide with letters of 9-10 points, so that they can still be read 330 pixels wide, on a phone.
"""

from __future__ import annotations

import base64
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.colors import LightSource
from matplotlib.lines import Line2D

from helpers.factors import GROUPS, load_factors
from helpers.sites import ZONES

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
ZONE_MARKERS = dict(zip(ZONES, "vo^", strict=True))


def show(fig: plt.Figure, legend: str) -> None:
    """Put a figure into the page, with its alternative text and a legend below it.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        As a function of this module returns it; it is closed.
    legend : str
        Markdown: sample size, data label, and whatever else was computed.
    """
    from IPython.display import display

    png = BytesIO()
    fig.savefig(png, format="png", dpi=200, metadata={"Software": None})
    plt.close(fig)
    alt = fig.get_label()
    image = base64.b64encode(png.getvalue()).decode()
    about = {"alt": alt, "legend": legend, "width": round(fig.get_figwidth() * 120)}
    display(
        {"image/png": image, "text/plain": f"{alt}\n{legend}"},
        raw=True,
        metadata={"image/png": about},
    )


def site_map(sites: pd.DataFrame, elevation: xr.DataArray) -> tuple[plt.Figure, plt.Axes]:
    """Draw the sites on the shaded relief of the Plateau.

    Parameters
    ----------
    sites : pandas.DataFrame
        With longitude, latitude, land_cover and zone.
    elevation : xarray.DataArray
        Metres on (lat, lon).
    """
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 3.2))
        relief = elevation.values.astype(float)
        shade = LightSource(azdeg=315).hillshade(relief, vert_exag=0.006)
        extent = [
            float(edge)
            for pair in (elevation["lon"], elevation["lat"])
            for edge in (pair[0], pair[-1])
        ]
        ax.imshow(shade, cmap="Greys_r", origin="lower", extent=extent, vmin=-0.6, vmax=1.1)
        lines = ax.contour(
            elevation["lon"], elevation["lat"], relief, [3000], colors="0.25", linewidths=0.7
        )
        ax.clabel(lines, fmt="%d m", levels=[3000], fontsize=8, manual=[(87, 36.9)])
        for (cover, zone), group in sites.groupby(["land_cover", "zone"]):
            ax.plot(
                group["longitude"],
                group["latitude"],
                ZONE_MARKERS[zone],
                color=COVER_COLOURS[cover],
                markeredgecolor="black",
                markersize=7,
            )
        ax.set(xlabel="Longitude (°E)", ylabel="Latitude (°N)", xlim=(74, 105), ylim=(26, 40))
        ax.set_aspect(1 / np.cos(np.radians(33)))
        covers = [
            Line2D(
                [],
                [],
                ls="",
                marker="s",
                color=colour,
                label=f"{cover} ({(sites['land_cover'] == cover).sum()})",
            )
            for cover, colour in COVER_COLOURS.items()
        ]
        zones = [
            Line2D(
                [],
                [],
                ls="",
                marker=marker,
                color="0.4",
                label=f"{zone} ({(sites['zone'] == zone).sum()})",
            )
            for zone, marker in ZONE_MARKERS.items()
        ]
        fig.legend(
            handles=[*covers, *zones], ncols=3, loc="outside lower center", handletextpad=0.2
        )
    west, east = sites.loc[sites["longitude"].idxmin()], sites.loc[sites["longitude"].idxmax()]
    fig.set_label(
        f"Map of the Tibetan Plateau in grey relief with {len(sites)} sites from "
        f"{west['longitude']:.0f}°E, {west['latitude']:.0f}°N to "
        f"{east['longitude']:.0f}°E, {east['latitude']:.0f}°N; the steppe sites lie "
        f"on average at {_mean_longitude(sites, 'steppe')}, the meadow sites at "
        f"{_mean_longitude(sites, 'meadow')}."
    )
    return fig, ax


def _mean_longitude(sites: pd.DataFrame, cover: str) -> str:
    return f"{sites.loc[sites['land_cover'] == cover, 'longitude'].mean():.0f}°E"


def gradient_panels(
    elevation: pd.Series, scaled: pd.DataFrame, fits: pd.DataFrame
) -> tuple[plt.Figure, np.ndarray]:
    """Draw each factor of one group against elevation, with its line and its parabola.

    Parameters
    ----------
    elevation : pandas.Series
        Metres.
    scaled : pandas.DataFrame
        Min-max scaled factors of one group; without columns, the figure says so.
    fits : pandas.DataFrame
        One row per factor, with the columns ``shape`` and ``marks`` (:mod:`helpers.gradients`).
    """
    if scaled.empty:
        return _nothing_to_draw("No factors of this group. Add columns to sites.csv.")
    registry = load_factors()
    colour = GROUP_COLOURS[registry.loc[scaled.columns[0], "group"]]
    columns = 3
    rows = -(-scaled.shape[1] // columns)
    km = elevation / 1000
    ends = np.linspace(km.min(), km.max(), 50)
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(
            rows,
            columns,
            sharex=True,
            sharey=True,
            figsize=(WIDTH, 0.6 + 1.25 * rows),
            squeeze=False,
        )
        for ax, code in zip(axes.flat, scaled, strict=False):
            ax.plot(km, scaled[code], "o", color=colour, markersize=3, alpha=0.8)
            ax.plot(ends, np.polyval(np.polyfit(km, scaled[code], 1), ends), color="black", lw=1.2)
            parabola = np.polyval(np.polyfit(km, scaled[code], 2), ends)
            ax.plot(ends, parabola, color="black", lw=1, ls=(0, (3, 2)))
            ax.set_title(f"{registry.loc[code, 'label']} {fits.loc[code, 'marks']}", pad=2)
            ax.set(ylim=(-0.05, 1.05), yticks=[0, 1])
            ax.margins(x=0.1)
            ax.locator_params(axis="x", nbins=3)
        for ax in axes.flat[scaled.shape[1] :]:
            ax.remove()
        for ax in axes.flat[scaled.shape[1] - columns : scaled.shape[1]]:
            ax.tick_params(labelbottom=True)
        fig.supxlabel("Elevation (km)", fontsize=10)
        fig.supylabel("Share of the range", fontsize=10)
    shapes = fits.loc[scaled.columns, "shape"]
    fig.set_label(
        f"{scaled.shape[1]} small scatter plots against elevation, one for each factor: "
        + "; ".join(
            f"{shape}: {', '.join(registry.loc[codes, 'label'])}"
            for shape, codes in shapes.groupby(shapes).groups.items()
        )
        + "."
    )
    return fig, axes


def _nothing_to_draw(message: str) -> tuple[plt.Figure, np.ndarray]:
    """Return a figure that says what the study lacks, so that the page goes on without it."""
    with plt.rc_context(STYLE):
        fig = plt.figure(figsize=(WIDTH, 0.6))
        fig.text(0.5, 0.5, message, ha="center", va="center")
    fig.set_label(message)
    return fig, np.empty((0, 0))


def gradient_slopes(fits: pd.DataFrame, confidence: float) -> tuple[plt.Figure, plt.Axes]:
    """Draw the slope of every factor on elevation with its interval, grouped.

    Parameters
    ----------
    fits : pandas.DataFrame
        From :func:`helpers.gradients.fit_gradients` on min-max scaled factors.
    confidence : float
        Level of the intervals in `fits`, for the axis label.
    """
    registry = load_factors().loc[fits.index]
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.19 * len(fits)))
        ax.axvline(0, color="0.6", lw=1)
        for position, (code, fit) in enumerate(fits.iterrows()):
            colour = GROUP_COLOURS[registry.loc[code, "group"]]
            ax.plot(
                [fit["slope_low"], fit["slope_high"]], [position, position], color=colour, lw=1.5
            )
            clear = fit["slope_low"] > 0 or fit["slope_high"] < 0
            ax.plot(
                fit["slope"],
                position,
                "o",
                color=colour,
                markersize=5,
                markerfacecolor=colour if clear else "white",
            )
        ax.set_yticks(range(len(fits)), registry["label"])
        ax.set_ylim(len(fits) - 0.4, -0.6)
        ax.set_xlabel(f"Change per 1000 m, share of the range ({confidence:.0%} interval)")
        handles = [
            Line2D([], [], marker="o", lw=1.5, color=colour, label=group)
            for group, colour in GROUP_COLOURS.items()
            if (registry["group"] == group).any()
        ]
        fig.legend(
            handles=handles, ncols=4, loc="outside upper center", handlelength=1.2, columnspacing=1
        )
    up, down = (fits["slope_low"] > 0).sum(), (fits["slope_high"] < 0).sum()
    fig.set_label(
        f"Dots with intervals for {len(fits)} factors: the interval lies above zero for {up}, "
        f"below zero for {down}, and holds zero for {len(fits) - up - down}. The steepest rise is "
        f"{registry.loc[fits['slope'].idxmax(), 'label']} ({fits['slope'].max():+.2f} of its range "
        f"per 1000 m), the steepest fall {registry.loc[fits['slope'].idxmin(), 'label']} "
        f"({fits['slope'].min():+.2f})."
    )
    return fig, ax


def minmax_pair(values: pd.Series, scaled: pd.Series, unit: str) -> tuple[plt.Figure, np.ndarray]:
    """Draw one factor before and after min-max scaling, as the same dots on two axes.

    Parameters
    ----------
    values, scaled : pandas.Series
        The factor in its unit, and scaled to 0-1.
    unit : str
        Of `values`.
    """
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(2, 1, figsize=(WIDTH, 1.9))
        colour = GROUP_COLOURS[load_factors().loc[values.name, "group"]]
        for ax, numbers, label in (
            (axes[0], values, f"{values.name} ({unit})"),
            (axes[1], scaled, f"{values.name}, share of the range"),
        ):
            ax.plot(numbers, np.zeros(len(numbers)), "o", color=colour, alpha=0.6)
            ax.set(xlabel=label, yticks=[])
            ax.spines["left"].set_visible(False)
    fig.set_label(
        f"{len(values)} dots on a line from {values.min():g} to {values.max():g} {unit}; below, "
        "the same dots at the same places on a line from 0 to 1."
    )
    return fig, axes
