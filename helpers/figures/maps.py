"""Maps: the sites on the relief, and fields on the grid."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.colors import LightSource
from matplotlib.lines import Line2D

from helpers.figures.style import COVER_COLOURS, STYLE, WIDTH, ZONE_MARKERS, panels


def relief_axes(elevation: xr.DataArray, height: float) -> tuple[plt.Figure, plt.Axes]:
    """Return a figure with the shaded relief, (lat, lon), in degrees."""
    fig, ax = plt.subplots(figsize=(WIDTH, height))
    shade = LightSource(azdeg=315).hillshade(elevation.values.astype(float), vert_exag=0.006)
    lon, lat = elevation["lon"].values, elevation["lat"].values
    extent = [lon[0], lon[-1], lat[0], lat[-1]]
    ax.imshow(shade, cmap="Greys_r", origin="lower", extent=extent, vmin=-0.6, vmax=1.1)
    ax.set(xlabel="Longitude (°E)", ylabel="Latitude (°N)", xlim=(74, 105), ylim=(26, 40))
    ax.set_aspect(1 / np.cos(np.radians(33)))
    return fig, ax


def site_map(sites: pd.DataFrame, elevation: xr.DataArray) -> tuple[plt.Figure, plt.Axes]:
    """Draw the sites on the shaded relief of the Plateau.

    Parameters
    ----------
    sites : pandas.DataFrame
        With longitude, latitude, land_cover and zone.
    elevation : xarray.DataArray
        Metres on (lat, lon).

    Examples
    --------
    >>> from helpers.readers.terrain import load_elevation
    >>> from helpers.study import load_study
    >>> site_map(load_study().sites, load_elevation())[0].get_label()[:60]
    'Map of the Tibetan Plateau in grey relief with 30 sites from'
    """
    with plt.rc_context(STYLE):
        fig, ax = relief_axes(elevation, 3.2)
        places = elevation["lon"], elevation["lat"]
        lines = ax.contour(*places, elevation, [3000], colors="0.25", linewidths=0.7)
        ax.clabel(lines, fmt="%d m", levels=[3000], fontsize=8, manual=[(87, 36.9)])
        for (cover, zone), group in sites.groupby(["land_cover", "zone"]):
            style = {"color": COVER_COLOURS[cover], "mec": "black", "ms": 7}
            ax.plot(group["longitude"], group["latitude"], ZONE_MARKERS[zone], **style)
        looks = [("land_cover", cover, "s", colour) for cover, colour in COVER_COLOURS.items()]
        looks += [("zone", zone, marker, "0.4") for zone, marker in ZONE_MARKERS.items()]
        handles = [
            Line2D([], [], ls="", marker=marker, color=colour, label=f"{word} ({n})")
            for by, word, marker, colour in looks
            for n in [(sites[by] == word).sum()]
        ]
        fig.legend(handles=handles, ncols=3, loc="outside lower center", handletextpad=0.2)
    west, east = sites.loc[sites["longitude"].idxmin()], sites.loc[sites["longitude"].idxmax()]
    middle = sites.groupby("land_cover")["longitude"].mean().reindex(["steppe", "meadow"])
    fig.set_label(
        f"Map of the Tibetan Plateau in grey relief with {len(sites)} sites from "
        f"{west['longitude']:.0f}°E, {west['latitude']:.0f}°N to "
        f"{east['longitude']:.0f}°E, {east['latitude']:.0f}°N; the steppe sites lie "
        f"on average at {middle['steppe']:.0f}°E, the meadow sites at {middle['meadow']:.0f}°E."
    )
    return fig, ax


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

    Examples
    --------
    >>> from helpers.study import load_study
    >>> albedo = load_study().climate["Albedo_inst"].expand_dims(panel=["albedo"])
    >>> fig, axes = field_maps(albedo, "albedo (%)")
    >>> axes[0, 0].get_title()
    'albedo'
    """
    names = fields["panel"].values
    columns = min(3, len(names)) if len(names) != 4 else 2
    low, high = float(fields.min()), float(fields.max())
    scale = {"cmap": "viridis", "vmin": low, "vmax": high}
    if low < 0 < high:
        edge = max(-low, high)
        scale = {"cmap": "PuOr", "vmin": -edge, "vmax": edge}
    with plt.rc_context(STYLE):
        row = 0.35 + 0.45 * WIDTH / columns
        fig, axes = panels(len(names), columns, 0.9, row, sharex=True, sharey=True)
        for ax, panel in zip(axes.flat, names, strict=False):
            field = fields.sel(panel=panel)
            mesh = ax.pcolormesh(fields["lon"], fields["lat"], field, **scale)
            if dots is not None:
                rows_, columns_ = np.nonzero(dots.sel(panel=panel).values)
                ax.plot(fields["lon"][columns_], fields["lat"][rows_], "k.", markersize=1.5)
            size = 10 if columns < 3 else 8
            ax.set_title(str(panel), fontsize=size, pad=2, parse_math=False)  # a file's name
            ax.set_aspect(1 / np.cos(np.radians(33)))
            ax.set(xlim=(73, 105), ylim=(26, 40))
            ax.set_xticks([80, 100], ["80°E", "100°E"])
            ax.set_yticks([30, 38], ["30°N", "38°N"])
        drawn = list(axes.flat[: len(names)])
        bar = fig.colorbar(mesh, ax=drawn, location="bottom", label=label, aspect=35, shrink=0.9)
        bar.ax.locator_params(nbins=5)
    fig.set_label(
        f"Maps of {label} on the Plateau. "
        + " ".join(
            f"Panel {panel}: {float(field.min()):.3g} to {float(field.max()):.3g}, "
            f"mean of the cells {float(field.mean()):.3g}; highest near {_place_of_highest(field)}."
            for panel, field in ((panel, fields.sel(panel=panel)) for panel in names)
        )
    )
    return fig, axes


def name_stand_ins(models: xr.DataArray, label: str) -> xr.DataArray:
    """Say in the names of models that they are stand-ins, where their values are emulated.

    Parameters
    ----------
    models : xarray.DataArray
        With a dimension ``model``, whose coordinate has the names of genuine models or families.
    label : str
        Of the values, as in ``LABELS``.

    Examples
    --------
    >>> models = xr.DataArray([1.0, 2.0], {"model": ["CanESM2", "MIROC5"]})
    >>> name_stand_ins(models, "emulated")["model"].values.tolist()
    ['stand-in for CanESM2', 'stand-in for MIROC5']
    """
    if label != "emulated":
        return models
    return models.assign_coords(model=[f"stand-in for {name}" for name in models["model"].values])


def _place_of_highest(field: xr.DataArray) -> str:
    place = field.where(field == field.max(), drop=True)
    return f"{float(place['lon'][0]):.0f}°E, {float(place['lat'][0]):.0f}°N"
