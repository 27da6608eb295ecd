"""Small CMIP archives made to order."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import cftime
import numpy as np
import pytest
import xarray as xr

from tests.conftest import GENUINE

GLOBE = {"lat": slice(-90, 90), "lon": slice(-180, 180)}
UNITS = "kg m-2 s-1"
PERIODS = {"historical": "2004-01", "rcp45": "2006-01", "rcp85": "2006-01"}  # two years each


needs_cdo = pytest.mark.skipif(not shutil.which("cdo"), reason="CDO is not installed")


def cdo(*arguments: object) -> None:
    """Run CDO quietly in double precision."""
    subprocess.run(["cdo", "-s", "-b", "F64", *map(str, arguments)], check=True)


def genuine(part: str) -> Path:
    """Return a folder of genuine CMIP5 files, or skip."""
    folder = GENUINE / part
    if not folder.is_dir():
        pytest.skip(f"genuine CMIP5 files are not at {folder} (set TIBET_REAL_DATA)")
    return folder


def midpoints(edges: np.ndarray) -> np.ndarray:
    """Return the middles of cells between edges."""
    return (edges[:-1] + edges[1:]) / 2


def regular(width: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of a global grid: latitudes, and longitudes from 0 to 360."""
    return np.arange(-90, 90.1, width), np.arange(0, 360.1, width) - width / 2


def gaussian(rows: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of a Gaussian grid, latitudes by the weights of its quadrature."""
    _, weights = np.polynomial.legendre.leggauss(rows)
    edges = np.degrees(np.arcsin(np.clip(np.cumsum([-1, *weights]), -1, 1)))
    return edges, np.arange(0, 360.1, 180 / rows) - 90 / rows


def run(
    variable: str = "npp",
    start: str = "2004-01",
    months: int = 24,
    calendar: str = "noleap",
    edges: tuple[np.ndarray, np.ndarray] | None = None,
    value=None,
) -> xr.Dataset:
    """Return one run as CMIP5 files have it: a smooth field that changes with every month."""
    lat_edges, lon_edges = regular(2.5) if edges is None else edges
    lat, lon = midpoints(lat_edges), midpoints(lon_edges)
    year, month = map(int, start.split("-"))
    first = year * 12 + month - 1
    ends = [
        cftime.datetime(each // 12, each % 12 + 1, 1, calendar=calendar)
        for each in range(first, first + months + 1)
    ]
    time = [a + (b - a) / 2 for a, b in itertools.pairwise(ends)]
    if value is None:
        size = {"npp": 3e-8, "rh": 2e-8, "nep": 1e-8, "gpp": 7e-8, "ra": 4e-8}[variable]
        numbers = np.arange(first, first + months)[:, None, None]
        east, north = np.meshgrid(np.radians(lon), np.radians(lat))
        value = size * (1 + 0.3 * np.sin(3 * east) * np.cos(5 * north) + 0.1 * np.sin(numbers))
    values = np.broadcast_to(value, (months, lat.size, lon.size)).astype("float32")
    file = xr.Dataset(
        {variable: (("time", "lat", "lon"), values, {"units": UNITS})},
        {"time": time, "lat": lat, "lon": lon},
    )
    file[variable].encoding = {"_FillValue": np.float32(1e20)}
    file["time"].encoding = {"units": "days since 1850-01-01", "dtype": "float64"}
    file["lat"].attrs, file["lon"].attrs = {"units": "degrees_north"}, {"units": "degrees_east"}
    for name, sides in (("time", ends), ("lat", lat_edges), ("lon", lon_edges)):
        file[name].attrs["bounds"] = f"{name}_bnds"
        file[f"{name}_bnds"] = ((name, "bnds"), np.column_stack([sides[:-1], sides[1:]]))
    return file


def bare(file: xr.Dataset) -> xr.Dataset:
    """Return a run without any bounds."""
    file = file.drop_vars(["lat_bnds", "lon_bnds", "time_bnds"])
    for name in ("lat", "lon", "time"):
        del file[name].attrs["bounds"]
    return file


def save(
    folder: Path,
    file: xr.Dataset,
    variable: str = "npp",
    experiment: str = "historical",
    model: str = "MODEL-A",
    member: str = "r1i1p1",
    period: str | None = None,
    table: str = "Lmon",
) -> Path:
    """Write a dataset under the name that CMIP gives it; a member of CMIP6 has its grid as well."""
    folder.mkdir(parents=True, exist_ok=True)
    if period is None:
        period = "-".join(f"{file['time'].dt.strftime('%Y%m').values[i]}" for i in (0, -1))
    path = folder / f"{variable}_{table}_{model}_{experiment}_{member}_{period}.nc"
    file.to_netcdf(path, format="NETCDF3_CLASSIC")
    return path


def save_fixed(
    folder: Path,
    variable: str,
    value,
    units: str,
    model: str = "MODEL-A",
    edges: tuple[np.ndarray, np.ndarray] | None = None,
) -> Path:
    """Write a field without time: sftlf."""
    lat, lon = map(midpoints, regular(2.5) if edges is None else edges)
    values = np.broadcast_to(value, (lat.size, lon.size)).astype("float32")
    file = xr.Dataset(
        {variable: (("lat", "lon"), values, {"units": units})}, {"lat": lat, "lon": lon}
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{variable}_fx_{model}_historical_r0i0p0.nc"
    file.to_netcdf(path, format="NETCDF3_CLASSIC")
    return path


def save_model(
    folder: Path, model: str = "MODEL-A", variables=("npp", "rh"), member: str = "r1i1p1", **options
) -> Path:
    """Write historical, rcp45 and rcp85 of a model, two years each."""
    for experiment, start in PERIODS.items():
        for variable in variables:
            save(folder, run(variable, start, **options), variable, experiment, model, member)
    return folder


NINE = {  # calendar and grid of each model, and what it is a case of in a mixed archive
    "BNU-ESM": ("noleap", gaussian(64)),  # gpp and ra, no npp
    "CanESM2": ("noleap", gaussian(64)),  # two versions
    "CESM1-BGC": ("noleap", regular(1.25)),
    "GFDL-ESM2M": ("noleap", regular(2.0)),  # nep alone, five years in a file
    "HadGEM2-ES": ("360_day", regular(1.5)),  # from December on, December 2099 twice
    "IPSL-CM5A-LR": ("noleap", regular(2.5)),
    "MIROC-ESM": ("standard", gaussian(64)),
    "MPI-ESM-LR": ("proleptic_gregorian", gaussian(96)),
    "NorESM1-ME": ("noleap", regular(2.5)),
}


def around(edges: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of the cells around the Plateau."""
    lat, lon = edges
    return lat[(lat > 15) & (lat < 50)], lon[(lon > 62) & (lon < 116)]


def write_mixed(folder: Path, models=tuple(NINE), first_year: int = 1990) -> Path:
    """Write models of NINE to 2099 around the Plateau, each in the way that its comment says."""
    for model in models:
        calendar, edges = NINE[model]
        early = model == "HadGEM2-ES"
        for experiment in PERIODS:
            start = first_year * 12 if experiment == "historical" else 2006 * 12
            end = (2006 if experiment == "historical" else 2100) * 12 - early
            start, end = start - early, end + 13 * (early and experiment != "historical")
            step = {"GFDL-ESM2M": 60, "HadGEM2-ES": 564}.get(model, end - start)
            for variable in _VARIABLES.get(model, ("npp", "rh")):
                for month in range(start, end, step):
                    months = min(step, end - month) + (early and month + step < end)
                    since = f"{month // 12}-{month % 12 + 1:02}"
                    file = run(variable, since, months, calendar, around(edges))
                    if early and month > start:  # the month that is in the file before as well
                        file[variable][0] *= 2
                    place = folder / model
                    if model == "CanESM2":
                        place = place / "v20120407"
                        older = file.assign(
                            {variable: (file[variable] * 2).assign_attrs(units=UNITS)}
                        )
                        save(folder / model / "v20110829", older, variable, experiment, model)
                    save(place, file, variable, experiment, model)
    return folder


_VARIABLES = {"BNU-ESM": ("gpp", "ra", "rh"), "GFDL-ESM2M": ("nep",)}
