"""An archive of the shape and size of CMIP5 to measure with: noise with a season, no science.

Names, calendars, pieces and full global grids are those of ``data/standin.yml``. The numbers are
random; only their layout on disk is that of genuine files.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from tools.standin import (
    SCENARIOS,
    describe_cells,
    file_spans,
    globe,
    load_standin,
    run_folder,
    time_axis,
    write_file,
)

MODELS = tuple(load_standin()["models"])
FLUXES = {"npp": 3e-8, "rh": 2e-8}  # kg m-2 s-1 of carbon, typical
_SEASON = 1 + 0.5 * np.sin(2 * np.pi * (np.arange(12) - 3) / 12)


def write_archive(
    folder: Path, models: Sequence[str] = MODELS, first_year: int = 1850, last_year: int = 2100
) -> Path:
    """Write historical, rcp45 and rcp85 runs (npp, rh) and sftlf of models; return `folder`.

    Parameters
    ----------
    folder : pathlib.Path
        Made where it is absent.
    models : sequence of str
        Names of ``data/standin.yml``.
    first_year, last_year : int
        Of the historical run (to 2005), and of the scenarios (from 2006).
    """
    for model in models:
        write_model(folder, model, globe(model), first_year, last_year)
    return folder


def write_model(
    folder: Path, model: str, cells: xr.Dataset, first_year: int, last_year: int
) -> None:
    """Write one model on any grid: `cells` are as :func:`helpers.standin.globe` returns them.

    Parameters
    ----------
    folder : pathlib.Path
        Of the archive.
    model : str
        A name of ``data/standin.yml``.
    cells : xarray.Dataset
        The grid.
    first_year, last_year : int
        As in :func:`write_archive`.
    """
    land = _land_share(cells)
    fixed = describe_cells(cells).assign_attrs(_attributes(model, "fx"))
    fixed["sftlf"] = (("lat", "lon"), 100 * land, {"units": "%", "missing_value": np.float32(1e20)})
    place = run_folder(folder, model, "historical") / "fx/atmos/fx/r0i0p0/latest/sftlf"
    write_file(fixed, place, f"sftlf_fx_{model}_historical_r0i0p0.nc")
    for experiment in ("historical", *SCENARIOS):
        for span in file_spans(model, experiment, first_year, last_year):
            for variable in FLUXES:
                _write_months(folder, model, experiment, variable, span, land, cells)


def _land_share(cells: xr.Dataset) -> np.ndarray:
    """Return made-up land from 0 to 1 with coasts; some of them cross the Plateau's box."""
    east, north = np.meshgrid(*(np.radians(cells[name]) for name in ("lon", "lat")))
    return np.clip(0.7 + np.sin(5 * east) + np.cos(7 * north), 0, 1).astype("float32")


def _write_months(
    folder: Path, model: str, experiment: str, variable: str, span: tuple[int, int], land, cells
) -> None:
    months = np.arange(span[0], span[1] + 1)
    seed = zlib.crc32(f"{model} {experiment} {variable} {span[0]}".encode())
    values = np.random.default_rng(seed).random((len(months), *land.shape), dtype="float32")
    values += 0.5
    values *= (FLUXES[variable] * _SEASON[months % 12]).astype("float32")[:, None, None]
    values[:, land == 0] = 1e20
    file = time_axis(model, months).merge(describe_cells(cells))
    file = file.assign_attrs(_attributes(model, experiment))
    about = {"units": "kg m-2 s-1", "cell_methods": "time: mean area: mean where land"}
    about["missing_value"] = np.float32(1e20)
    file[variable] = (("time", "lat", "lon"), values, about)
    dates = "-".join(f"{month // 12:04d}{month % 12 + 1:02d}" for month in span)
    place = run_folder(folder, model, experiment) / "mon/land/Lmon/r1i1p1/latest" / variable
    write_file(file, place, f"{variable}_Lmon_{model}_{experiment}_r1i1p1_{dates}.nc")


def _attributes(model: str, experiment: str) -> dict[str, str]:
    title = f"Noise in the shape of a file of {model}, {experiment}: not CMIP5 output"
    return {"Conventions": "CF-1.4", "title": title, "source": "benchmarks/noise.py of the book"}
