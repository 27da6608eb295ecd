"""From an archive of nine models to yearly oxygen production: the helpers, CDO and plain xarray."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from benchmarks.common import COSTS, compare, exponents, measure, write_table
from benchmarks.noise import MODELS, SCENARIOS, globe, write_archive, write_model

HERE = Path(__file__).parent
GROWTH = HERE / "growth.csv"  # the first row is the full archive, which the book predicts
TOLERANCE = 1e-6  # kg m-2 yr-1; CDO counts in single precision, and values reach 2
PERIOD, ROUNDS = (1990, 2099), 5
QUANTITIES = ["seconds", "megabytes", "bytes_read"]
YEARS, COPIES, ROWS = (32, 64, 128, 256, 512), (2, 4, 8, 16, 32), (90, 180, 360, 720)


def report() -> list[str]:
    """Return lines of Markdown, and write how the helpers grow to GROWTH."""
    (HERE.parent / "_build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HERE.parent / "_build") as folder:
        scratch = Path(folder)
        archive = write_archive(scratch / "archive")
        rounds, differences = race(archive, scratch, PERIOD, ROUNDS)
        cells = np.mean([_count(globe(model)) for model in MODELS])
        years = PERIOD[1] - PERIOD[0] + 1
        full = {"what": "full archive", "models": len(MODELS), "years": years, "cells": cells}
        full |= measure_reduction(archive, PERIOD, ROUNDS)
        files = len(list(archive.rglob("*.nc")))
        shutil.rmtree(archive)
        growth = pd.DataFrame([full, *measure_growth(scratch)])
    growth.to_csv(GROWTH, index=False, float_format="%.6g", lineterminator="\n")
    tables = [compare({name: each[cost] for name, each in rounds.items()}, cost) for cost in COSTS]
    difference = pd.Series(differences, name="difference").map("{:.0e}".format)
    return [
        f"{len(MODELS)} models on their full global grids, {files} files of classic NetCDF, "
        f"{full['bytes_stored'] / 1e9:.1f} GB in the page cache: noise with a season, no science. "
        f"Each method makes the yearly oxygen production of {PERIOD[0]}-{PERIOD[1]} for two "
        "scenarios on the 1 degree grid of the Plateau, as a process of its own. "
        f"{_about_cdo()} The helpers and xarray have two threads. Medians (smallest to largest) of "
        f"{ROUNDS} rounds in turn after one to warm up; peak: the largest process. Difference: the "
        "largest from the helpers, in kg m-2 yr-1 of values up to 2; above "
        f"{TOLERANCE:g} there is no table.",
        "",
        write_table(pd.concat([*tables, difference], axis=1)),
        "",
        "How the helpers grow, each size alone: slopes of least-squares lines through logarithms, "
        "± standard errors (from the smallest to the largest); seconds without the start of Python "
        "and its imports. All points: `benchmarks/growth.csv`.",
        "",
        write_table(exponents(growth.iloc[1:], QUANTITIES), "what grows"),
    ]


def race(
    archive: Path, scratch: Path, period: tuple[int, int], rounds: int
) -> tuple[dict[str, pd.DataFrame], dict[str, float]]:
    """Time the peers in turn, after one round that fills the page cache and compares numbers.

    Return by peer the COSTS of its rounds, and the largest difference from the helpers, kg m-2
    yr-1. One above TOLERANCE, or values elsewhere, is an ArithmeticError.
    """
    years = list(map(str, period))
    commands = {
        name: [
            sys.executable,
            "-m",
            f"benchmarks.{module}",
            archive,
            scratch / f"{name}.nc",
            *years,
        ]
        for name, module in (("helpers", "reduction"), ("xarray", "reduce_by_xarray"))
    }
    if shutil.which("cdo"):
        commands["CDO"] = ["sh", HERE / "reduce_by_cdo.sh", archive, scratch, *years]
    for command in commands.values():
        _measure(command)
    found = {name: _load(scratch / f"{name}.nc") for name in ("helpers", "xarray")}
    ours = found["helpers"]
    if "CDO" in commands:
        found["CDO"] = _load_cdo(scratch, ours)
    differences = {}
    for name, theirs in found.items():
        if (theirs.isnull() != ours.isnull()).any():
            raise ArithmeticError(f"{name} has values elsewhere than the helpers")
        differences[name] = float(np.abs(theirs - ours).max())
        if not differences[name] <= TOLERANCE:
            raise ArithmeticError(f"{name} differs by {differences[name]} from the helpers")
    costs = [
        {name: _measure(command)[0] for name, command in commands.items()} for _ in range(rounds)
    ]
    return {name: pd.DataFrame([each[name] for each in costs]) for name in commands}, differences


def _measure(command: list[str | Path]) -> tuple[dict[str, float], str]:
    return measure(command, DASK_NUM_WORKERS="2")  # of any machine


def _load(file: Path) -> xr.DataArray:
    with xr.open_dataset(file) as data:
        return data["top"].transpose("scenario", "model", "year", "lat", "lon").load()


def _load_cdo(folder: Path, ours: xr.DataArray) -> xr.DataArray:
    """Read what CDO wrote, a file for each model and scenario, in our order."""

    def read(scenario: str, model: str) -> np.ndarray:
        with xr.open_dataset(folder / f"top_{model}_{scenario}.nc", decode_times=False) as data:
            (top,) = (each for each in data.data_vars.values() if each.ndim == 3)
            return top.values

    names = ours["model"].values
    return ours.copy(data=[[read(name, model) for model in names] for name in SCENARIOS])


def measure_reduction(archive: Path, period: tuple[int, int], rounds: int) -> dict[str, float]:
    """Return bytes stored and medians of QUANTITIES, of the helpers alone after one to warm up."""
    file, years = archive.with_suffix(".nc"), map(str, period)
    command = [sys.executable, "-m", "benchmarks.reduction", archive, file, *years]
    measured = [_measure(command) for _ in range(rounds + 1)][1:]
    found = [json.loads(told) | {"megabytes": costs["peak MB"]} for costs, told in measured]
    stored = sum(path.stat().st_size for path in archive.rglob("*.nc"))
    return {"bytes_stored": stored, **pd.DataFrame(found)[QUANTITIES].median()}


def measure_growth(scratch: Path) -> Iterator[dict[str, str | float]]:
    """Yield a row of the table for each of the archives in which years, models or cells grow."""
    decades = 1990, 2021  # both in the historical run and in the scenarios
    plain = {"models": 1, "period": decades, "cells": globe("CanESM2")}
    grown = [("years", {"period": (2006 - n // 2, 2005 + n // 2)}) for n in YEARS]
    grown += [("models", {"models": n}) for n in COPIES]
    grown += [("cells", {"cells": _cells(n)}) for n in ROWS]
    for what, changed in grown:
        folder, about = scratch / "growth", plain | changed
        first, last = about["period"]
        write_model(folder, "CanESM2", about["cells"], first, last)
        for path in list(folder.rglob("*.nc")):  # the files of one model under other names too
            for number in range(1, about["models"]):
                os.link(path, path.with_name(path.name.replace("CanESM2", f"COPY{number}")))
        row = {"what": what, "models": about["models"], "years": last - first + 1}
        row["cells"] = _count(about["cells"])
        yield row | measure_reduction(folder, about["period"], ROUNDS)
        shutil.rmtree(folder)


def _cells(rows: int) -> xr.Dataset:
    """Return the cells of a globe with twice as many columns as rows."""
    edges = {"lat": np.linspace(-90, 90, rows + 1), "lon": np.linspace(0, 360, 2 * rows + 1)}
    return xr.Dataset(
        {f"{n}_bnds": ((n, "bnds"), np.stack([e[:-1], e[1:]], axis=1)) for n, e in edges.items()},
        {name: (each[:-1] + each[1:]) / 2 for name, each in edges.items()},
    )


def _count(cells: xr.Dataset) -> int:
    return cells["lat"].size * cells["lon"].size


def _about_cdo() -> str:
    if not shutil.which("cdo"):
        return "There is no CDO here, so it is left out."
    told = subprocess.run(["cdo", "--version"], capture_output=True, text=True, check=True)
    version = (told.stdout + told.stderr).split("version ")[1].split()[0]
    return f"CDO {version} crops first and runs {os.cpu_count()} processes at a time."
