"""An archive of the shape and size of CMIP5 to measure with: noise with a season, no science.

Names, calendars, pieces and full global grids are those of ``models.yml``. The numbers are
random; only their layout on disk is that of genuine files.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

import cftime
import numpy as np
import pandas as pd
import xarray as xr
import yaml

from helpers.readers.grids import PLATEAU_BOX

HERE = Path(__file__).parent
MODELS = yaml.safe_load((HERE / "models.yml").read_text(encoding="utf-8"))
SCENARIOS = ("rcp45", "rcp85")
FLUXES = {"npp": 3e-8, "rh": 2e-8}  # kg m-2 s-1 of carbon, typical
_SEASON = 1 + 0.5 * np.sin(2 * np.pi * (np.arange(12) - 3) / 12)
_FILL = np.float32(1e20)
_DAYS = "days since 1850-01-01"


def globe(model: str) -> xr.Dataset:
    """Return all cells of a model's grid: ``lat``, ``lon`` (0-360), ``lat_bnds``, ``lon_bnds``."""
    shape = MODELS[model]["grid"]
    lat, lat_bnds = _latitudes(shape["latitudes"], shape["nlat"])
    step = 360 / shape["nlon"]
    lon = shape["first_lon"] + step * np.arange(shape["nlon"])
    lon_bnds = np.stack([lon - step / 2, lon + step / 2], axis=1)
    if shape.get("north_first"):
        lat, lat_bnds = lat[::-1], lat_bnds[::-1, ::-1]
    return xr.Dataset(
        {"lat_bnds": (("lat", "bnds"), lat_bnds), "lon_bnds": (("lon", "bnds"), lon_bnds)},
        {"lat": lat, "lon": lon},
    )


def around_plateau(model: str) -> xr.Dataset:
    """Return the cells of :func:`globe` that touch the Plateau's box."""
    cells = globe(model)
    for name, box in PLATEAU_BOX.items():
        low, high = cells[f"{name}_bnds"].min("bnds"), cells[f"{name}_bnds"].max("bnds")
        cells = cells.isel({name: ((high > box.start) & (low < box.stop)).values})
    return cells


def _latitudes(kind: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return centres and bounds from south to north, in degrees."""
    if kind == "gaussian":
        sines, weights = np.polynomial.legendre.leggauss(count)
        edges = np.degrees(np.arcsin(np.clip(np.cumsum([-1, *weights]), -1, 1)))
        centres = np.degrees(np.arcsin(sines))
    elif kind == "with_poles":
        centres = np.linspace(-90, 90, count)
        edges = np.array([-90, *(centres[1:] + centres[:-1]) / 2, 90])
    else:
        edges = np.linspace(-90, 90, count + 1)
        centres = (edges[1:] + edges[:-1]) / 2
    return centres, np.stack([edges[:-1], edges[1:]], axis=1)


def write_archive(
    folder: Path, models: Iterable[str] = MODELS, first_year: int = 1850, last_year: int = 2100
) -> Path:
    """Write models of ``models.yml`` on their own grids; return `folder`."""
    for model in models:
        write_model(folder, model, globe(model), first_year, last_year)
    return folder


def write_model(
    folder: Path, model: str, cells: xr.Dataset, first_year: int, last_year: int
) -> None:
    """Write historical, rcp45 and rcp85 runs (npp, rh) and sftlf of a model on any grid.

    `cells` are as :func:`globe` returns them. The historical run begins in
    `first_year` and ends in 2005, the scenarios follow until `last_year`.
    """
    land = _land_share(cells)
    values = (("lat", "lon"), 100 * land, {"units": "%"})
    _write(folder / model / f"sftlf_fx_{model}_historical_r0i0p0.nc", cells, sftlf=values)
    for experiment in ("historical", *SCENARIOS):
        for months in _pieces(model, experiment, first_year, last_year):
            span = f"{months[0]:%Y%m}-{months[-1]:%Y%m}"
            for variable in FLUXES:
                name = f"{variable}_Lmon_{model}_{experiment}_r1i1p1_{span}.nc"
                flux = _draw(name, FLUXES[variable], months, land)
                about = {"units": "kg m-2 s-1", "cell_methods": "time: mean area: mean where land"}
                _write(
                    folder / model / name,
                    cells.merge(_time_axis(model, months)),
                    **{variable: (("time", "lat", "lon"), flux, about)},
                )


def _land_share(cells: xr.Dataset) -> np.ndarray:
    """Return made-up land from 0 to 1 with coasts; some of them cross the Plateau's box."""
    east, north = np.meshgrid(*(np.radians(cells[name]) for name in ("lon", "lat")))
    return np.clip(0.7 + np.sin(5 * east) + np.cos(7 * north), 0, 1).astype("float32")


def _pieces(model: str, experiment: str, first_year: int, last_year: int) -> list[pd.PeriodIndex]:
    """Return the months of each file of a run; ``models.yml`` says when new ones begin."""
    rules = MODELS[model]
    early = int("first_month" in rules)  # HadGEM2-ES changes from run to run in December
    if experiment == "historical":
        start, end = pd.Period(f"{first_year}-01", "M") - early, pd.Period("2005-12", "M") - early
    else:
        start, end = pd.Period("2006-01", "M") - early, pd.Period(f"{last_year}-12", "M")
    months = pd.period_range(start, end)
    if not (files := rules.get("files")):
        return [months]
    opens = months.year % files["every"] == files["remainder"]
    opens &= months.month == files.get("month", 1)
    return [piece for piece in np.split(months, np.flatnonzero(opens)) if len(piece)]


def _time_axis(model: str, months: pd.PeriodIndex) -> xr.Dataset:
    """Return the middles and bounds of months as numbers, in the model's calendar."""
    about = {"units": _DAYS, "calendar": MODELS[model]["calendar"]}
    starts = [
        cftime.datetime(month.year, month.month, 1, calendar=about["calendar"])
        for month in (*months, months[-1] + 1)
    ]
    days = cftime.date2num(starts, **about).astype(float)
    bounds = np.stack([days[:-1], days[1:]], axis=1)
    time = ("time", bounds.mean(axis=1), about | {"standard_name": "time"})
    return xr.Dataset({"time_bnds": (("time", "bnds"), bounds)}, {"time": time})


def _draw(name: str, size: float, months: pd.PeriodIndex, land: np.ndarray) -> np.ndarray:
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    values = generator.random((len(months), *land.shape), dtype="float32") + np.float32(0.5)
    values *= (size * _SEASON[months.month - 1]).astype("float32")[:, None, None]
    values[:, land == 0] = _FILL
    return values


def _write(path: Path, cells: xr.Dataset, **variable: tuple) -> None:
    """Write a file as ESGF gives it: classic NetCDF-3, record by record, 1e20 where empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    title = "Noise in the shape of a CMIP5 file: not CMIP5 output"
    file = cells[[name for name in cells if name.endswith("_bnds")]].assign(**variable)
    file.attrs = {"Conventions": "CF-1.4", "title": title, "source": "benchmarks/noise.py"}
    for name, long_name in {"lat": "latitude", "lon": "longitude", "time": "time"}.items():
        if name in file:
            file[name].attrs |= {"standard_name": long_name, "bounds": f"{name}_bnds"}
    for name, direction in {"lat": "north", "lon": "east"}.items():
        file[name].attrs["units"] = f"degrees_{direction}"
    encoding = {name: {"_FillValue": None} for name in file.variables}
    encoding |= {name: {"_FillValue": _FILL} for name in variable}
    unlimited = ["time"] if "time" in file.dims else None
    file.to_netcdf(path, engine="scipy", encoding=encoding, unlimited_dims=unlimited)
