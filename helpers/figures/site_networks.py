"""Figures of the network of sites: whose numbers they are, and which of them may be the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.patheffects import withStroke

from helpers.figures import style
from helpers.figures.maps import relief_axes

_COVERS = ("meadow", "steppe")
_UP, _DOWN = ((0, 6), "center"), ((0, -13), "center")
_BESIDE = (_UP, _DOWN, _DOWN, ((-7, -4), "right"), _DOWN, ((7, -4), "left"), _UP)  # west to east


def edge_matches(
    sites: pd.DataFrame, zones: Mapping[str, tuple[float, float]], matches: pd.Series
) -> tuple[plt.Figure, np.ndarray]:
    """Draw where sites stand among printed zones, and how many edges match if all are moved.

    Parameters
    ----------
    sites : pandas.DataFrame
        With elevation (m) and land_cover.
    zones : mapping
        The lowest and the highest elevation of each zone, m, as printed.
    matches : pandas.Series
        From :func:`helpers.paper.match_edges`.

    Examples
    --------
    >>> sites = pd.DataFrame({"elevation": [3000, 3500], "land_cover": ["meadow", "steppe"]})
    >>> matches = pd.Series([0, 2, 1], [-1, 0, 1])
    >>> fig, _ = edge_matches(sites, {"Low": (3000, 3500)}, matches)
    >>> fig.get_label().split(". ")[-1]
    '2 as printed; at most 1 at any of the 2 other shifts up to 1 m.'
    """
    fig, (above, below) = style.subplots(4.2, 2, height_ratios=[1, 1.4])
    for row, cover in enumerate(_COVERS):
        here = sites.loc[sites["land_cover"] == cover, "elevation"]
        colour = style.COVER_COLOURS[cover]
        above.plot(here, np.full(len(here), row), "|", color=colour, ms=13, mew=1.1)
    for name, ends in zones.items():
        above.axvspan(*ends, color="0.92", zorder=0)
        above.text(np.mean(ends), 1.75, name.lower(), ha="center", fontsize=9)
        for edge in ends:
            above.axvline(edge, color="black", lw=0.9, ls=style.DASHED, zorder=0)
    above.set_yticks(range(len(_COVERS)), _COVERS)
    above.set(ylim=(-0.6, 2.3), xlabel="Elevation (m)")
    above.tick_params(axis="y", length=0)
    below.vlines(matches.index, 0, matches, color="0.6", lw=0.8)
    below.plot(0, matches[0], "o", color="black", ms=5)
    below.annotate("as printed", (0, matches[0]), (6, -3), textcoords="offset points")
    below.set(xlabel="All six moved by (m)", ylabel="Edges that are\nelevations of sites")
    below.set_ylim(0, matches.max() + 0.5)
    others = matches.drop(0)
    counts = sites["land_cover"].value_counts()
    fig.set_label(
        f"Above, {len(sites)} ticks for the elevations of sites ("
        + ", ".join(f"{counts[cover]} {cover}" for cover in _COVERS if cover in counts)
        + f") on bands for the {len(zones)} printed zones. Below, a bar for each shift of the "
        f"printed edges: how many of them are elevations of sites. {matches[0]} as printed; at "
        f"most {others.max()} at any of the {len(others)} other shifts up to "
        f"{matches.index.max()} m."
    )
    return fig, np.array([above, below])


def set_density(
    sites: pd.DataFrame, share: pd.Series, named: Sequence[str], elevation: xr.DataArray
) -> tuple[plt.Figure, plt.Axes]:
    """Draw how often each site is in an admissible set, on the shaded relief.

    Parameters
    ----------
    sites : pandas.DataFrame
        With longitude and latitude, degrees.
    share : pandas.Series
        Of the sets that hold the site, from 0 to 1.
    named : sequence of str
        Sites that are in every set, which are ringed and named.
    elevation : xarray.DataArray
        Metres on (lat, lon).

    Examples
    --------
    >>> from helpers.readers.terrain import load_elevation
    >>> sites = pd.DataFrame({"longitude": [90, 95], "latitude": [31, 33]}, ["Q1", "Q2"])
    >>> share = pd.Series([1.0, 0.2], sites.index)
    >>> set_density(sites, share, ["Q1"], load_elevation())[0].get_label().split("; ")[0]
    'Map of 2 sites in grey relief'
    """
    free = sites.drop(index=list(named))
    fig, ax = relief_axes(elevation, 3.5)
    dots = ax.scatter(
        free["longitude"],
        free["latitude"],
        c=100 * share[free.index],
        cmap="YlOrBr",
        vmin=0,
        s=26,
        edgecolor="black",
        linewidth=0.5,
    )
    fixed = sites.loc[list(named)]
    ax.plot(fixed["longitude"], fixed["latitude"], "D", color=style.INK, mec="white", ms=6.5)
    eastward = fixed.sort_values("longitude").iterrows()
    for (name, place), (offset, ha) in zip(eastward, cycle(_BESIDE), strict=False):
        at = (place["longitude"], place["latitude"])
        how = {"textcoords": "offset points", "fontsize": style.SMALL, "ha": ha}
        text = ax.annotate(name, at, offset, **how)
        text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    ax.set(xlim=(79, 103), ylim=(28, 39))
    label = "Sets that hold the site (%)"
    fig.colorbar(dots, ax=ax, label=label, location="bottom", aspect=35, shrink=0.9)
    never = (share[free.index] == 0).sum()
    fig.set_label(
        f"Map of {len(sites)} sites in grey relief; {len(fixed)} black diamonds, "
        f"{', '.join(named)}, are in every set; {never} dots are in none; the others are in up to "
        f"{100 * share[free.index].max():.0f} % of the sets."
    )
    return fig, ax
