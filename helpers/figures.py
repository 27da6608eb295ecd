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
PERIOD_COLOURS = {"historical": "#CC79A7", "rcp45": "#009E73", "rcp85": "#0072B2"}
PERIOD_NAMES = {"historical": "historical", "rcp45": "RCP4.5", "rcp85": "RCP8.5"}
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


def field_maps(
    fields: xr.DataArray, label: str, dots: xr.DataArray | None = None
) -> tuple[plt.Figure, np.ndarray]:
    """Draw maps of one quantity side by side, with one colour scale.

    Parameters
    ----------
    fields : xarray.DataArray
        On (panel, lat, lon), NaN where nothing is to be drawn; the values of ``panel`` are the
        titles. A scale that spans zero is centred there.
    label : str
        Quantity and unit, for the colour bar.
    dots : xarray.DataArray, optional
        On the same coordinates; a dot is drawn in the cells where it is true.
    """
    columns = min(3, fields.sizes["panel"]) if fields.sizes["panel"] != 4 else 2
    rows = -(-fields.sizes["panel"] // columns)
    low, high = float(fields.min()), float(fields.max())
    scale = {"cmap": "viridis", "vmin": low, "vmax": high}
    if low < 0 < high:
        edge = max(-low, high)
        scale = {"cmap": "PuOr", "vmin": -edge, "vmax": edge}
    with plt.rc_context(STYLE):
        height = 0.9 + rows * (0.35 + 0.45 * WIDTH / columns)
        fig, axes = plt.subplots(
            rows, columns, figsize=(WIDTH, height), sharex=True, sharey=True, squeeze=False
        )
        for ax, panel in zip(axes.flat, fields["panel"].values, strict=False):
            field = fields.sel(panel=panel)
            mesh = ax.pcolormesh(fields["lon"], fields["lat"], field, **scale)
            if dots is not None:
                rows_, columns_ = np.nonzero(dots.sel(panel=panel).values)
                ax.plot(fields["lon"][columns_], fields["lat"][rows_], "k.", markersize=1.5)
            ax.set_title(str(panel), fontsize=10 if columns < 3 else 8, pad=2)
            ax.set_aspect(1 / np.cos(np.radians(33)))
            ax.set(xlim=(73, 105), ylim=(26, 40))
            ax.set_xticks([80, 100], ["80°E", "100°E"])
            ax.set_yticks([30, 38], ["30°N", "38°N"])
        for ax in axes.flat[fields.sizes["panel"] :]:
            ax.remove()
        bar = fig.colorbar(mesh, ax=axes, location="bottom", label=label, aspect=35, shrink=0.9)
        bar.ax.locator_params(nbins=5)
    fig.set_label(
        f"Maps of {label} on the Plateau. "
        + " ".join(
            f"{panel}: {float(field.min()):.3g} to {float(field.max()):.3g}, "
            f"mean {float(field.mean()):.3g}; highest near {_place_of_highest(field)}."
            for panel, field in (
                (panel, fields.sel(panel=panel)) for panel in fields["panel"].values
            )
        )
    )
    return fig, axes


def _place_of_highest(field: xr.DataArray) -> str:
    place = field.where(field == field.max(), drop=True)
    return f"{float(place['lon'][0]):.0f}°E, {float(place['lat'][0]):.0f}°N"


def period_violins(contents: dict[str, pd.Series], label: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw the yearly values of periods as violins with quartile boxes and medians (Fig. 6c).

    Parameters
    ----------
    contents : dict of pandas.Series
        Yearly values by period: historical, rcp45, rcp85.
    label : str
        Quantity and unit.
    """
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 3.2))
        parts = ax.violinplot(list(contents.values()), showextrema=False, widths=0.8)
        for body, period in zip(parts["bodies"], contents, strict=True):
            body.set(facecolor=PERIOD_COLOURS[period], alpha=0.5)
        ax.boxplot(
            list(contents.values()), widths=0.12, showfliers=False, medianprops={"color": "black"}
        )
        years = [f"{values.index.min()}–{values.index.max()}" for values in contents.values()]
        names = [PERIOD_NAMES[period] for period in contents]
        ticks = [f"{name}\n{span}" for name, span in zip(names, years, strict=True)]
        ax.set_xticks(range(1, len(contents) + 1), ticks)
        ax.set_ylabel(label)
    medians = ", ".join(
        f"{PERIOD_NAMES[period]} {values.median():.3g}" for period, values in contents.items()
    )
    fig.set_label(f"Violins of the yearly {label}. Medians: {medians}.")
    return fig, ax


def scenario_series(contents: xr.DataArray, label: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw yearly values of each scenario: mean of the models, and the range of the models.

    Parameters
    ----------
    contents : xarray.DataArray
        On (scenario, model, year); years before 2006 are historical in every scenario.
    label : str
        Quantity and unit.
    """
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 3.2))
        past = contents.sel(year=slice(None, 2005)).isel(scenario=0)
        parts = {"historical": past} | {
            str(name): contents.sel(scenario=name, year=slice(2006, None))
            for name in contents["scenario"].values
        }
        for name, part in parts.items():
            colour = PERIOD_COLOURS[name]
            ax.fill_between(
                part["year"], part.min("model"), part.max("model"), color=colour, alpha=0.15, lw=0
            )
            ax.plot(
                part["year"], part.mean("model"), color=colour, lw=1.6, label=PERIOD_NAMES[name]
            )
        ax.set(xlabel="Year", ylabel=label)
        ax.legend(loc="upper left")
    ends = ", ".join(
        f"{PERIOD_NAMES[name]} {float(part.isel(year=slice(-10, None)).mean()):.3g}"
        for name, part in parts.items()
    )
    fig.set_label(
        f"Lines of the yearly {label}, mean of {contents.sizes['model']} models, with bands from "
        f"the lowest to the highest model. Mean of the last ten years of each line: {ends}."
    )
    return fig, ax


def carbon_bars(means: xr.Dataset) -> tuple[plt.Figure, plt.Axes]:
    """Draw NPP, Rh and their difference NEP as bars, with the range of the models.

    Parameters
    ----------
    means : xarray.Dataset
        ``npp``, ``rh`` and ``nep`` on (model), kg m-2 yr-1 of carbon.
    """
    names = {"npp": "NPP", "rh": "Rh", "nep": "NEP = NPP − Rh"}
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 2.8))
        for position, name in enumerate(names):
            values = means[name]
            ax.bar(position, float(values.mean()), color="#009E73" if name == "npp" else "0.6")
            ax.plot([position] * 2, [values.min(), values.max()], color="black", lw=1.5)
        ax.axhline(0, color="black", lw=0.8)
        ax.set_xticks(range(len(names)), list(names.values()))
        ax.set_ylabel("Carbon (kg m⁻² yr⁻¹)")
    fig.set_label(
        "Three bars with ranges: "
        + "; ".join(
            f"{label} {float(means[name].mean()):.3g} ({float(means[name].min()):.3g} to "
            f"{float(means[name].max()):.3g})"
            for name, label in names.items()
        )
        + " kg of carbon per square metre and year."
    )
    return fig, ax
