"""Maps: sites on the relief, and fields on the grid."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.colors import LightSource
from matplotlib.patheffects import withStroke

from helpers.figures import style

_SHAPE = 1 / np.cos(np.radians(33))  # of a square degree


def relief_axes(elevation: xr.DataArray, height: float = 3.2) -> tuple[plt.Figure, plt.Axes]:
    """Return a figure with the shaded relief, (lat, lon), in degrees."""
    fig, ax = style.subplots(height)
    shade = LightSource(azdeg=315).hillshade(elevation.values.astype(float), vert_exag=0.006)
    lon, lat = elevation["lon"].values, elevation["lat"].values
    extent = [lon[0], lon[-1], lat[0], lat[-1]]
    ax.imshow(shade, cmap="Greys_r", origin="lower", extent=extent, vmin=-0.6, vmax=1.1)
    ax.set(xlabel="Longitude (°E)", ylabel="Latitude (°N)", xlim=(74, 105), ylim=(26, 40))
    ax.set_aspect(_SHAPE)
    return fig, ax


def site_map(sites: pd.DataFrame, elevation: xr.DataArray) -> tuple[plt.Figure, plt.Axes]:
    """Draw the sites with their codes, on the shaded relief where they lie on it.

    Parameters
    ----------
    sites : pandas.DataFrame
        By code: longitude, latitude, land_cover and zone.
    elevation : xarray.DataArray
        Metres on (lat, lon).

    Examples
    --------
    >>> from helpers.readers import load_elevation
    >>> from helpers.study import load_study
    >>> site_map(load_study().sites, load_elevation())[0].get_label()[:60]
    'Map of the Tibetan Plateau in grey relief with 30 sites from'
    """
    colours, markers = style.cover_colours(sites["land_cover"]), style.zone_markers(sites["zone"])
    looks = {
        (cover, zone): {
            "marker": marker,
            "color": colour,
            "mec": "black",
            "mew": 0.6,
            "ms": 6,
            "ls": "",
        }
        for cover, colour in colours.items()
        for zone, marker in markers.items()
    }
    ends = {side: (sites[side].min(), sites[side].max()) for side in ("longitude", "latitude")}
    (west, east), (south, north) = ends.values()
    lon, lat = elevation["lon"].values, elevation["lat"].values
    on_relief = lon[0] <= west and east <= lon[-1] and lat[0] <= south and north <= lat[-1]
    if on_relief:
        fig, ax = relief_axes(elevation, 3.6)
        ax.set(
            xlim=(min(79, west - 1), max(104, east + 1)),
            ylim=(min(27, south - 1), max(39.5, north + 1)),
        )
        lines = ax.contour(lon, lat, elevation, [3000], colors="0.25", linewidths=0.7)
        ax.clabel(lines, fmt="%d m", levels=[3000], fontsize=style.SMALL, manual=[(89, 37.6)])
    else:
        fig, ax = style.subplots(3.6)
        ax.set(xlabel="Longitude (°E)", ylabel="Latitude (°N)")
        ax.set_aspect(1 / np.cos(np.radians((south + north) / 2)), adjustable="datalim")
    for group, places in sites.groupby(["land_cover", "zone"]):
        ax.plot(places["longitude"], places["latitude"], **looks[group])
    words = [("land_cover", cover, "s", colour) for cover, colour in colours.items()]
    words += [("zone", zone, marker, "0.4") for zone, marker in markers.items()]
    dots = {
        f"{word} ({(sites[by] == word).sum()})": {"ls": "", "marker": marker, "color": colour}
        for by, word, marker, colour in words
        if (sites[by] == word).any()
    }
    style.add_legend(fig, dots, 3, "outside lower center")
    _write_codes(ax, sites)
    middle = sites.groupby("land_cover")["longitude"].mean().sort_values()
    means = ", ".join(f"{cover} at {degrees:.0f}°E" for cover, degrees in middle.items())
    on = " of the Tibetan Plateau in grey relief" if on_relief else ""
    fig.set_label(
        f"Map{on} with {len(sites)} sites from {west:.0f} to {east:.0f}°E and {south:.0f} to "
        f"{north:.0f}°N; on average the sites of {means}."
    )
    return fig, ax


def _write_codes(ax: plt.Axes, sites: pd.DataFrame) -> None:
    """Write the code of each site where it covers no dot and no other code."""
    fig = ax.figure
    fig.draw_without_rendering()
    dots = ax.transData.transform(sites[["longitude", "latitude"]]) * 72 / fig.dpi
    taken = [np.r_[dot - 3.5, dot + 3.5] for dot in dots]
    angles = np.radians([90, -90, 0, 180, 45, 135, -45, -135, 20, 160, -20, -160, 70, 110])
    size = np.array([18, 8])  # of three letters, points
    for name, dot in zip(sites.index, dots, strict=True):
        options = []
        for reach in (1, 1.7, 2.5, 3.5, 4.5):
            for angle in angles:
                way = np.array([np.cos(angle) * (4 + size[0] / 2), np.sin(angle) * 9]) * reach
                box = np.r_[dot + way - size / 2, dot + way + size / 2]
                covers = sum((box[:2] < b[2:]).all() and (b[:2] < box[2:]).all() for b in taken)
                options.append((covers, reach, way, box))
            if not min(option[0] for option in options):
                break
        _, reach, way, box = min(options, key=lambda option: option[:2])
        taken.append(box)
        line = {"arrowstyle": "-", "lw": 0.6, "shrinkA": 0, "shrinkB": 2} if reach > 1 else None
        place = sites.loc[name, ["longitude", "latitude"]].astype(float)
        how = {"textcoords": "offset points", "ha": "center", "va": "center", "arrowprops": line}
        text = ax.annotate(name, place, way, fontsize=style.SMALL, **how)
        text.set_path_effects([withStroke(linewidth=2, foreground="white")])


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
    >>> rain = load_study().climate["Rainf_f_tavg"].expand_dims(panel=["rain"])
    >>> field_maps(rain, "rain")[0].get_label().split(": ")[0]
    'Maps of rain on the Plateau. Panel rain'
    """
    by_name = {str(panel): fields.sel(panel=panel) for panel in fields["panel"].values}
    columns = 2 if len(by_name) == 4 else min(3, len(by_name))
    low, high = float(fields.min()), float(fields.max())
    scale = {"cmap": "viridis", "vmin": low, "vmax": high}
    if low < 0 < high:
        edge = max(-low, high)
        scale = {"cmap": "PuOr", "vmin": -edge, "vmax": edge}
    row = 0.35 + 0.45 * style.WIDTH / columns
    fig, axes = style.panels(len(by_name), columns, 0.9, row, sharex=True, sharey=True)
    for ax, (panel, field) in zip(axes.flat, by_name.items(), strict=False):
        mesh = ax.pcolormesh(fields["lon"], fields["lat"], field, **scale)
        if dots is not None:
            y, x = np.nonzero(dots.sel(panel=field["panel"]).values)
            ax.plot(fields["lon"][x], fields["lat"][y], "k.", markersize=1.5)
        size = 10 if columns < 3 else style.SMALL
        ax.set_title(panel, fontsize=size, pad=2, parse_math=False)  # a file's name
        ax.set_aspect(_SHAPE)
        ax.set(xlim=(73, 105), ylim=(26, 40))
        ax.set_xticks([80, 100], ["80°E", "100°E"])
        ax.set_yticks([30, 38], ["30°N", "38°N"])
    drawn = list(axes.flat[: len(by_name)])
    bar = fig.colorbar(mesh, ax=drawn, location="bottom", label=label, aspect=35, shrink=0.9)
    bar.ax.locator_params(nbins=5)
    said = [f"Maps of {label} on the Plateau."]
    for panel, field in by_name.items():
        highest = field.where(field == field.max(), drop=True)
        said.append(
            f"Panel {panel}: {float(field.min()):.3g} to {float(field.max()):.3g}, mean of the "
            f"cells {float(field.mean()):.3g}; highest near {float(highest['lon'][0]):.0f}°E, "
            f"{float(highest['lat'][0]):.0f}°N."
        )
    fig.set_label(" ".join(said))
    return fig, axes
