"""The relief of the Plateau, from the global altitude table that pvlib packages."""

from __future__ import annotations

import xarray as xr

from helpers.factors import DATA


def load_elevation() -> xr.DataArray:
    """Return the elevation of the Plateau box.

    Returns
    -------
    xarray.DataArray
        Metres above sea level on (lat, lon), cells of 1/12 degree, in steps of 28 m.
        Observed: Mapzen's open terrain data as pvlib packages it.
    """
    with xr.open_dataset(DATA / "embedded" / "elevation_tp.nc", engine="scipy") as file:
        return file["elevation"].load()
