"""From an archive of nine models to yearly oxygen production: the helpers, CDO and plain xarray.

python -m benchmarks.archive [FOLDER]

FOLDER takes the archive (5 GB) and keeps it; without it the archive goes to ``_build`` and is
deleted at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from benchmarks.common import exponent_of, write_table
from benchmarks.noise import MODELS, write_archive, write_model
from tools.standin import SCENARIOS, globe

HERE = Path(__file__).parent
GROWTH = HERE / "growth.csv"
TOLERANCE = 1e-6  # kg m-2 yr-1; CDO counts in single precision, and values reach 2
QUANTITIES = ["seconds", "megabytes", "bytes_read"]


class Size(NamedTuple):
    """How much is measured."""

    models: tuple[str, ...]
    first_year: int
    last_year: int
    period: tuple[int, int]
    times: int  # after a first one, which counts only where there is no other
    years: tuple[int, ...]
    copies: tuple[int, ...]
    rows: tuple[int, ...]


FULL = Size(
    models=MODELS,
    first_year=1850,
    last_year=2100,
    period=(1990, 2099),
    times=5,
    years=(32, 64, 128, 256, 512),
    copies=(2, 4, 8, 16, 32),
    rows=(90, 180, 360, 720),
)
SMALL = Size(
    models=("CanESM2", "HadGEM2-ES"),
    first_year=2003,
    last_year=2008,
    period=(2004, 2007),
    times=0,
    years=(4, 8),
    copies=(1, 2),
    rows=(64, 90),
)


def report(folder: Path | None = None, size: Size = FULL, table: Path = GROWTH) -> list[str]:
    """Return lines of Markdown, and write how the helpers grow to a table.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Where the archive is made, and kept; made before, it is taken as it is.
    size : Size
        `FULL`, or `SMALL` to try the benchmark itself.
    table : pathlib.Path
        A CSV file with one row per archive: what grows there, the sizes, the bytes stored, and
        the QUANTITIES. The first row is the full archive, which the book predicts from the others.
    """
    (HERE.parent / "_build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HERE.parent / "_build") as scratch:
        scratch = Path(scratch)
        archive = folder or scratch / "archive"
        if not archive.exists():
            write_archive(archive, size.models, size.first_year, size.last_year)
        costs, differences = compare(archive, scratch, size)
        cells = np.mean([_count(globe(model)) for model in size.models])
        years = size.period[1] - size.period[0] + 1
        full = {"what": "full archive", "models": len(size.models), "years": years, "cells": cells}
        full |= {"bytes_stored": _bytes_of(archive)}
        full |= measure_reduction(archive, scratch, size.period, size.times)
        growth = pd.DataFrame([full, *measure_growth(scratch, size)])
        files = len(list(archive.rglob("*.nc")))
    growth.to_csv(table, index=False, float_format="%.6g", lineterminator="\n")
    return _write(costs, differences, growth, files, size)


def peers(archive: Path, scratch: Path, size: Size) -> dict[str, tuple[list[str], Callable]]:
    """Return the command of each peer, and how its result is read."""
    period = list(map(str, size.period))
    found = {}
    for name, module in (("helpers", "reduction"), ("xarray", "reduce_by_xarray")):
        file = scratch / f"{name}.nc"
        command = [sys.executable, "-m", f"benchmarks.{module}", str(archive), str(file), *period]
        found[name] = command, partial(_load, file)
    if shutil.which("cdo"):
        script = ["sh", str(HERE / "reduce_by_cdo.sh"), str(archive), str(scratch), *period]
        found["CDO"] = script, partial(_load_cdo, scratch, size.models)
    return found


def compare(
    archive: Path, scratch: Path, size: Size
) -> tuple[dict[str, list[list[float]]], dict[str, float]]:
    """Time the peers in turn, after one round that fills the page cache and compares numbers.

    Returns
    -------
    costs : dict of list
        Per peer and round: wall seconds, CPU seconds, MB of the largest process.
    differences : dict of float
        The largest difference from the helpers, kg m-2 yr-1.

    Raises
    ------
    ArithmeticError
        If the numbers of a peer differ by more than `TOLERANCE`, or are absent elsewhere.
    """
    commands = peers(archive, scratch, size)
    costs = {name: [measure(command)[1]] for name, (command, _) in commands.items()}
    ours = commands["helpers"][1]()
    differences = {}
    for name, (_, load) in commands.items():
        theirs = load().transpose(*ours.dims)
        if theirs.shape != ours.shape or (theirs.isnull().values != ours.isnull().values).any():
            raise ArithmeticError(f"{name} has values elsewhere than the helpers")
        differences[name] = float(np.nanmax(np.abs(theirs.values - ours.values)))
        if not differences[name] <= TOLERANCE:
            raise ArithmeticError(f"{name} differs by {differences[name]} from the helpers")
    for _ in range(size.times):
        for name, (command, _) in commands.items():
            costs[name].append(measure(command)[1])
    return {name: of_peer[-max(size.times, 1) :] for name, of_peer in costs.items()}, differences


def measure(command: list[str]) -> tuple[list[str], list[float]]:
    """Run a process; return its lines, and wall seconds, CPU seconds, MB of the largest process."""
    threads = {"OMP_NUM_THREADS": "1", "DASK_NUM_WORKERS": "2"}  # of any machine
    done = subprocess.run(
        [sys.executable, "-S", str(HERE / "cost.py"), *command],
        cwd=HERE.parent,
        env=os.environ | threads | {"PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    *told, cost = done.stdout.splitlines()
    return told, json.loads(cost)


def measure_reduction(
    archive: Path, scratch: Path, period: tuple[int, int], times: int
) -> dict[str, float]:
    """Return medians of QUANTITIES, of the helpers alone; the first round only warms up."""
    command = [sys.executable, "-m", "benchmarks.reduction", str(archive), str(scratch / "one.nc")]
    rounds = []
    for _ in range(times + 1):
        told, (_, _, peak) = measure([*command, *map(str, period)])
        rounds.append(json.loads(told[-1]) | {"megabytes": peak})
    return pd.DataFrame(rounds[-max(times, 1) :])[QUANTITIES].median().to_dict()


def _load(file: Path) -> xr.DataArray:
    with xr.open_dataset(file) as data:
        return data["top"].load()


def _load_cdo(folder: Path, models: tuple[str, ...]) -> xr.DataArray:
    def load(model: str, scenario: str) -> xr.DataArray:
        with xr.open_dataset(folder / f"top_{model}_{scenario}.nc", decode_times=False) as data:
            (name,) = (name for name, each in data.data_vars.items() if each.ndim == 3)
            return data[name].load().rename(time="year").drop_vars("year")

    rows = [
        xr.concat([load(model, scenario) for model in sorted(models)], "model", join="override")
        for scenario in SCENARIOS
    ]
    return xr.concat(rows, "scenario", join="override")


def measure_growth(scratch: Path, size: Size) -> Iterator[dict[str, str | float]]:
    """Yield a row of the table for each of the archives in which years, models or cells grow."""
    decades = 1990, 2021  # both in the historical run and in the scenarios
    plain = {"models": 1, "period": decades, "cells": globe("CanESM2")}
    grown = [("years", {"period": (2006 - n // 2, 2005 + n // 2)}) for n in size.years]
    grown += [("models", {"models": n}) for n in size.copies]
    grown += [("cells", {"cells": _cells(n)}) for n in size.rows]
    for what, changed in grown:
        folder, about = scratch / "growth", plain | changed
        first, last = about["period"]
        write_model(folder, "CanESM2", about["cells"], first, last)
        for path in list(folder.rglob("*.nc")):  # the files of one model under other names too
            for number in range(1, about["models"]):
                os.link(path, path.with_name(path.name.replace("CanESM2", f"COPY{number}")))
        row = {"what": what, "models": about["models"], "years": last - first + 1}
        row |= {"cells": _count(about["cells"]), "bytes_stored": _bytes_of(folder)}
        yield row | measure_reduction(folder, scratch, about["period"], size.times)
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


def _bytes_of(archive: Path) -> int:
    return sum(path.stat().st_size for path in archive.rglob("*.nc"))


def _write(
    costs: dict[str, list[list[float]]],
    differences: dict[str, float],
    growth: pd.DataFrame,
    files: int,
    size: Size,
) -> list[str]:
    first, last = size.period
    return [
        f"{len(size.models)} models on their full global grids, {files} files of classic "
        f"NetCDF, {growth['bytes_stored'].iloc[0] / 1e9:.1f} GB in the page cache: noise with a "
        "season, no science. "
        f"Each method makes the yearly oxygen production of {first}-{last} for two scenarios on "
        f"the 1 degree grid of the Plateau, as a process of its own. {_about_cdo()} The helpers "
        f"and xarray have two threads. Medians (smallest to largest) of {size.times} rounds in "
        "turn after one to warm up; peak: the largest process. Difference: the largest from the "
        f"helpers, in kg m-2 yr-1 of values up to 2; above {TOLERANCE:g} there is no table.",
        "",
        *write_table(_compare(costs, differences)),
        "",
        "How the helpers grow, each size alone: slopes of least-squares lines through logarithms, "
        "± their standard errors; seconds without the start of Python and its imports. All points: "
        "`benchmarks/growth.csv`.",
        "",
        *write_table(_describe_growth(growth.iloc[1:]), "what grows"),
    ]


def _compare(costs: dict[str, list[list[float]]], differences: dict[str, float]) -> pd.DataFrame:
    columns = ["wall s", "CPU s", "peak MB"]
    rounds = {name: pd.DataFrame(each, columns=columns) for name, each in costs.items()}
    own = rounds["helpers"].median()
    shown = {}
    for name, each in rounds.items():
        middle, least, most = each.median(), each.min(), each.max()
        shown[name] = {}
        for column in columns:
            spread = f"({least[column]:.1f} to {most[column]:.1f})"
            shown[name][column] = f"{middle[column]:.1f} {spread}"
            shown[name][f"ratio of {column}"] = f"{middle[column] / own[column]:.2f}"
        shown[name]["difference"] = f"{differences[name]:.0e}"
    return pd.DataFrame(shown).T


def _describe_growth(points: pd.DataFrame) -> pd.DataFrame:
    shown = {}
    for what, of_what in points.groupby("what", sort=False):
        sizes, held = of_what[what], of_what["megabytes"]
        shown[what] = {"range": f"{sizes.min():,.0f} to {sizes.max():,.0f}", "points": len(sizes)}
        for quantity in QUANTITIES:
            slope, error = exponent_of(sizes, of_what[quantity])
            shown[what][quantity] = f"{slope:.2f} ± {error:.2f}"
        shown[what]["peak MB"] = f"{held.iloc[0]:.0f} to {held.iloc[-1]:.0f}"
    return pd.DataFrame(shown).T


def _about_cdo() -> str:
    if not shutil.which("cdo"):
        return "There is no CDO here, so it is left out."
    told = subprocess.run(["cdo", "--version"], capture_output=True, text=True, check=True)
    version = (told.stdout + told.stderr).split("version ")[1].split()[0]
    return f"CDO {version} crops first and runs {os.cpu_count()} processes at a time."


if __name__ == "__main__":
    print("\n".join(report(*map(Path, sys.argv[1:2]))))
