"""Yearly oxygen production of the Plateau by xarray alone, as a short script would have it.

python -m benchmarks.reduce_by_xarray ARCHIVE FILE FIRST_YEAR LAST_YEAR

The weights are those of ``xarray_regrid``'s conservative method, but between the true bounds of
the cells, without which the numbers would not agree with the other two.
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr

archive, file, first_year, last_year = sys.argv[1:]
times = xr.coders.CFDatetimeCoder(use_cftime=True)
sides = {"lat": np.arange(25, 42), "lon": np.arange(72, 107)}


def crop(data):
    lat = slice(21, 45) if data["lat"][0] < data["lat"][-1] else slice(45, 21)
    return data.sel(lat=lat, lon=slice(68, 110)).sortby("lat")


def open_flux(variable, model, scenario):
    names = [f"{variable}_Lmon_{model}_{run}_*.nc" for run in ("historical", scenario)]
    files = [path for name in names for path in sorted(Path(archive).rglob(name))]
    options = {"data_vars": "minimal", "coords": "minimal", "compat": "override"}
    data = xr.open_mfdataset(
        files,
        preprocess=crop,
        combine="nested",
        concat_dim="time",
        decode_times=times,
        **options,
    )
    return data.sel(time=slice(first_year, last_year))


def overlaps(data, name):
    source, edges = data[f"{name}_bnds"].values, sides[name]
    if name == "lat":
        source, edges = np.sin(np.radians(source)), np.sin(np.radians(edges))
    source = np.sort(source, axis=1)
    shared = np.minimum(source[:, [1]], edges[1:]) - np.maximum(source[:, [0]], edges[:-1])
    centres = (sides[name][1:] + sides[name][:-1]) / 2
    weights = xr.DataArray(
        shared.clip(0), {name: data[name], f"new_{name}": centres}, (name, f"new_{name}")
    )
    return weights / weights.sum(name)


def reduce(model, scenario):
    npp, rh = (open_flux(variable, model, scenario) for variable in ("npp", "rh"))
    fixed = crop(xr.open_dataset(next(Path(archive).rglob(f"sftlf_fx_{model}_*.nc"))))
    land = fixed["sftlf"].astype(float) / 100
    nep = npp["npp"].astype(float) - rh["rh"].astype(float)
    seconds = nep["time"].dt.days_in_month * 86400
    top = (nep * seconds * 32 / 12).groupby("time.year").sum()
    weights = [overlaps(fixed, name) for name in ("lat", "lon")]
    there = xr.dot(land, *weights)
    return (xr.dot(top * land, *weights) / there.where(there > 0)).transpose("year", ...)


paths = Path(archive).rglob("npp_Lmon_*_rcp45_*.nc")
models = sorted({path.name.split("_")[2] for path in paths})
result = xr.concat(
    [
        xr.concat([reduce(model, scenario) for model in models], "model")
        for scenario in ("rcp45", "rcp85")
    ],
    "scenario",
)
result = result.rename(new_lat="lat", new_lon="lon")
result = result.assign_coords(model=models, scenario=["rcp45", "rcp85"])
result.to_dataset(name="top").to_netcdf(file)
