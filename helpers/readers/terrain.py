"""The relief of the Plateau, from the global altitude table that pvlib packages."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pandas as pd
import xarray as xr

from helpers.paths import DATA

Place = TypeVar("Place", float, pd.Series, xr.DataArray)


def load_elevation() -> xr.DataArray:
    """Return the elevation of the Plateau box: m on (lat, lon), cells of 1/12 degree, observed.

    In steps of 28 m, from Mapzen's open terrain data as pvlib packages it.

    Examples
    --------
    >>> load_elevation().sel(lat=36.0, lon=90.0, method="nearest").item()
    5038
    """
    with xr.open_dataset(DATA / "embedded" / "elevation_tp.nc", engine="scipy") as file:
        return file["elevation"].load()


def plateau_mask(grid: xr.Dataset | xr.DataArray, lowest: float = 2500) -> xr.DataArray:
    """Say which cells of a regular grid belong to the Tibetan Plateau: True or False.

    Parameters
    ----------
    grid : xarray.Dataset or xarray.DataArray
        With evenly spaced ``lat`` and ``lon`` inside the Plateau box (25-41 °N, 72-106 °E).
    lowest : float
        Mean elevation in metres from which a cell counts whose centre is inside 25-40 °N,
        73-105 °E.

    Examples
    --------
    >>> from helpers.readers import load_climate
    >>> int(plateau_mask(load_climate()).sum())
    294
    """
    cells = cell_elevation(grid)
    inside = (grid["lat"] < 40) & (grid["lon"] > 73) & (grid["lon"] < 105)
    return ((cells >= lowest) & inside).transpose("lat", "lon").rename("plateau")


def cell_elevation(grid: xr.Dataset | xr.DataArray) -> xr.DataArray:
    """Return the mean elevation of the cells of a grid as for :func:`plateau_mask`: m.

    Examples
    --------
    >>> from helpers.readers import load_climate
    >>> cell_elevation(load_climate()).sel(lat=35.5, lon=90.5).round().item()
    4973.0
    """
    elevation = load_elevation()
    per_cell = round(float(grid["lat"].diff("lat")[0] / elevation["lat"].diff("lat")[0]))
    cells = elevation.coarsen(lat=per_cell, lon=per_cell).mean()
    return cells.reindex(lat=grid["lat"], lon=grid["lon"], method="nearest")


def way_southeast(longitude: Place, latitude: Place) -> Place:
    """Return how far south-east a place of the Plateau lies, in degrees of latitude.

    Places with the same number lie on a line from south-west to north-east. A degree of longitude
    counts as long as it is at 33 °N.

    Parameters
    ----------
    longitude, latitude : float, pandas.Series or xarray.DataArray
        Degrees east and north.

    Examples
    --------
    >>> round(way_southeast(91.0, 32.0) - way_southeast(90.0, 33.0), 2)  # 1 S, .84 E
    np.float64(1.3)
    """
    return (longitude * np.cos(np.radians(33)) - latitude) / np.sqrt(2)
