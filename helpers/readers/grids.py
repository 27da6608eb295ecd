"""Grids of parallels and meridians: cells, their areas, and a regridding that keeps totals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import xarray as xr

from helpers.errors import InputError

PLATEAU_BOX = {"lat": slice(25, 41), "lon": slice(72, 106)}
EARTH_RADIUS = 6_371_000.0
SIDES = {"lat": ("south", "north"), "lon": ("west", "east")}
_ALL_SIDES = [side for sides in SIDES.values() for side in sides]
_LARGER = "download the whole grid, or a larger region"


def check_degrees(where: str, centres: np.ndarray, most: float, again: str) -> None:
    """Refuse coordinates that are no degrees, are there twice, or of which there is none."""
    unique, counts = np.unique(centres, return_counts=True)
    wrong = unique[~(np.abs(unique) <= most) | (counts > 1)]
    if wrong.size or not unique.size:
        raise InputError(
            where,
            needed="degrees, each once" + (", from -90 to 90" if most == 90 else ""),
            found=f"{wrong[0]:g}" if wrong.size else "no cell",
            mend=f"mend the coordinate, or {again}",
        )


def find_hole(centres: np.ndarray) -> str:
    """Say where rows or columns of a grid are not side by side, nothing where all are.

    Centres ascend, in degrees. Rows of a Gaussian grid are not quite evenly apart.
    """
    steps = np.diff(centres)
    if not steps.size or steps.max() <= 1.5 * np.median(steps):
        return ""
    here = np.argmax(steps)
    return f"nothing between {centres[here]:g} and {centres[here + 1]:g}"


def edges_between(centres: np.ndarray, limit: float, where: str = "grid") -> np.ndarray:
    """Return the n + 1 edges of n cells that meet halfway between their ascending centres.

    No edge lies beyond plus or minus `limit`. A single cell does not say how wide it is.
    """
    if len(centres) == 1:
        raise InputError(
            where,
            needed="at least two cells in each direction, or their bounds",
            found=f"one cell, at {centres[0]:g}",
            mend=_LARGER,
        )
    middle = (centres[:-1] + centres[1:]) / 2
    edges = [2 * centres[0] - middle[0], *middle, 2 * centres[-1] - middle[-1]]
    return np.clip(edges, -limit, limit)


def cell_bounds(array: xr.DataArray | xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the bounds of an array's cells, (lat, bnds) and (lon, bnds), in degrees.

    They are its coordinates south, north, west and east, else halfway between centres.
    """
    found = []
    for name, sides in SIDES.items():
        if set(sides) <= set(array.coords):
            lower, upper = (array[side].values for side in sides)
        else:
            edges = edges_between(array[name].values, limit=90 if name == "lat" else np.inf)
            lower, upper = edges[:-1], edges[1:]
        pairs = np.column_stack([lower, upper])
        found.append(xr.DataArray(pairs, {name: array[name].variable}, (name, "bnds")))
    return tuple(found)


def cell_area(lat_bounds: xr.DataArray, lon_bounds: xr.DataArray) -> xr.DataArray:
    r"""Return the areas of cells between parallels and meridians on the sphere, exactly: m2.

    .. math:: A = R^2 (\sin\varphi_n - \sin\varphi_s) (\lambda_e - \lambda_w), \quad R = 6371 km

    Parameters
    ----------
    lat_bounds, lon_bounds : xarray.DataArray
        On (lat, bnds) and (lon, bnds), degrees north and east, in either order of the two bounds.

    Examples
    --------
    >>> lat = xr.DataArray([[-90, 0], [0, 90]], dims=("lat", "bnds"))
    >>> lon = xr.DataArray([[0, 360]], dims=("lon", "bnds"))
    >>> print((cell_area(lat, lon) / 1e12).round(1).values.ravel())  # million km2 each
    [255. 255.]
    """
    north, east = (
        np.radians(bounds.reset_coords(drop=True)) for bounds in (lat_bounds, lon_bounds)
    )
    height = np.abs(np.sin(north).diff("bnds").squeeze("bnds", drop=True))
    width = np.abs(east.diff("bnds").squeeze("bnds", drop=True))
    area = (EARTH_RADIUS**2 * height * width).transpose("lat", "lon").rename("area")
    area.attrs = {"units": "m2", "long_name": "cell area", "standard_name": "cell_area"}
    return area


def target_grid() -> xr.Dataset:
    """Return the 1 degree cells of the Plateau by their centres, lat and lon."""
    units = {"lat": "degrees_north", "lon": "degrees_east"}
    return xr.Dataset(
        coords={
            name: (name, np.arange(box.start + 0.5, box.stop), {"units": units[name]})
            for name, box in PLATEAU_BOX.items()
        }
    )


def overlap(bounds: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the common length of intervals, (n, 2) and (m, 2), each with each: (n, m)."""
    upper = np.minimum(bounds[:, None, 1], others[None, :, 1])
    return np.maximum(upper - np.maximum(bounds[:, None, 0], others[None, :, 0]), 0)


def first_step(flux: xr.DataArray) -> xr.DataArray:
    """Return the first map of a flux on (..., lat, lon)."""
    return flux.isel({dim: 0 for dim in flux.dims if dim not in SIDES}, drop=True)


def regrid(
    flux: xr.DataArray, fraction: xr.DataArray, where: str = "flux"
) -> tuple[xr.DataArray, xr.DataArray]:
    """Put a flux per m2 of land, and land fractions, on the 1 degree grid; the total is kept.

    First-order conservative: flux times fraction, and fraction, are averaged over the area that
    each source cell shares with a target cell, and then divided. Along each axis the shared part
    is the overlap of intervals, in longitude and in the sine of latitude, between the cells' true
    bounds. (The library ``xarray_regrid`` takes bounds halfway between centres, and weighs a source
    cell by its whole area: it misses the total by up to 5e-4 from a 2.8 degree grid.)

    A source cell without a value at the first step is no land. One that lacks a value later has
    a gap, which the target cells that touch it show as NaN. A target cell on the rim that is
    only partly covered takes the average of the covered part.
    """
    target = target_grid()
    shares = []
    for name, source, wanted in zip(SIDES, cell_bounds(flux), cell_bounds(target), strict=True):
        _check_cover(f"{where}: {name}", source, wanted)
        ends = [source.values, wanted.values]
        if name == "lat":
            ends = [np.sin(np.radians(each)) for each in ends]
        shared = overlap(*ends)
        shares.append(shared / np.where(shared.any(axis=0), shared.sum(axis=0), 1))
    flux, fraction = (each.drop_vars(_ALL_SIDES, errors="ignore") for each in (flux, fraction))
    there = first_step(flux).notnull()
    land = fraction.where(there, 0.0)

    def move(function: Callable, *arrays: xr.DataArray) -> xr.DataArray:
        moved = xr.apply_ufunc(
            function,
            *arrays,
            kwargs={"shares": shares},
            input_core_dims=[[*SIDES]] * len(arrays),
            output_core_dims=[[*SIDES]],
            exclude_dims=set(SIDES),
            dask="parallelized",
            output_dtypes=[float],
            dask_gufunc_kwargs={"output_sizes": {name: target.sizes[name] for name in SIDES}},
        )
        return moved.assign_coords({name: target[name].variable for name in SIDES})

    moved = move(partial(_average_on_land, where=where), flux, land, there)
    land = move(_average, land).assign_attrs(units="1", long_name="land fraction")
    return moved.assign_attrs(flux.attrs).rename(flux.name), land.rename("land_fraction")


def _average(values: np.ndarray, shares: list[np.ndarray]) -> np.ndarray:
    by_lat, by_lon = shares
    return by_lat.T @ values @ by_lon


def _average_on_land(
    values: np.ndarray, land: np.ndarray, there: np.ndarray, shares: list[np.ndarray], where: str
) -> np.ndarray:
    absent = np.isnan(values)
    late = (~absent & ~there).reshape(-1, *there.shape).any(axis=0)
    if late.any():
        raise InputError(
            where,
            needed="the same cells with values from the first step to the last",
            found=f"{late.sum()} cells of the region whose values begin later",
            mend="fill the gaps, leave the model out, or download its files again",
        )
    on_land = _average(np.where(absent, 0, values) * land, shares)
    whole = _average(land, shares)
    moved = on_land / np.where(whole > 0, whole, np.nan)
    gap = absent & (land > 0)
    if gap.any():
        moved[_average(gap.astype(float), shares) > 0] = np.nan
    return moved


def _check_cover(where: str, source: xr.DataArray, target: xr.DataArray) -> None:
    low, high = source.values.min(), source.values.max()
    centres = target[target.dims[0]]
    hole = find_hole(source[source.dims[0]].values)
    if centres.min() < low or centres.max() > high or hole:
        raise InputError(
            where,
            needed=f"cells from {target.values.min():g} to {target.values.max():g}, side by side",
            found=f"cells from {low:g} to {high:g}" + (f", {hole}" if hole else ""),
            mend=_LARGER,
        )
