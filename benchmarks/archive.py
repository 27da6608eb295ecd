"""From an archive of nine models to yearly oxygen production: the helpers, CDO and plain xarray.

python -m benchmarks.archive [FOLDER]

FOLDER takes the archive (5 GB) and keeps it; without it the archive goes to ``_build`` and is
deleted at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import linregress

from benchmarks.noise import MODELS, write_archive, write_model
from helpers.standin import SCENARIOS, globe

HERE = Path(__file__).parent
GROWTH = HERE / "growth.csv"
TOLERANCE = 1e-6  # kg m-2 yr-1; CDO counts in single precision, and values reach 2


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
        A CSV file: measured points, exponents and their standard errors, and the full archive.
    """
    (HERE.parent / "_build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HERE.parent / "_build") as scratch:
        scratch = Path(scratch)
        archive = folder or scratch / "archive"
        if not archive.exists():
            write_archive(archive, size.models, size.first_year, size.last_year)
        costs, differences = compare(archive, scratch, size)
        rounds = [
            measure_reduction(archive, scratch, size.period) for _ in range(max(size.times, 1))
        ]
        anchor = pd.DataFrame(rounds).median().to_dict()
        growth = pd.concat(
            [_describe_anchor(archive, size, anchor, costs), *measure_growth(scratch, size)],
            ignore_index=True,
        )
        taken = _bytes_of(archive)
        files = len(list(archive.rglob("*.nc")))
    growth.to_csv(table, index=False, float_format="%.6g", lineterminator="\n")
    return _write(costs, differences, growth, taken, files, size)


def peers(archive: Path, scratch: Path, size: Size) -> dict[str, tuple[list[str], Callable]]:
    """Return the command of each peer, and how its result is read."""
    period = list(map(str, size.period))
    files = {name: scratch / f"{name}.nc" for name in ("helpers", "xarray")}
    python = [sys.executable, "-m"]
    commands = {
        name: [*python, f"benchmarks.reduce_by_{name}", str(archive), str(file), *period]
        for name, file in files.items()
    }
    found = {
        "helpers": (commands["helpers"], lambda: _load(files["helpers"])),
        "CDO": (
            ["sh", str(HERE / "reduce_by_cdo.sh"), str(archive), str(scratch), *period],
            lambda: _load_cdo(scratch, size.models),
        ),
        "xarray": (commands["xarray"], lambda: _load(files["xarray"])),
    }
    if not shutil.which("cdo"):
        del found["CDO"]
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
    costs = {name: [measure(command)] for name, (command, _) in commands.items()}
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
            costs[name].append(measure(command))
    return {name: of_peer[-max(size.times, 1) :] for name, of_peer in costs.items()}, differences


def measure(command: list[str]) -> list[float]:
    """Run a process; return wall seconds, CPU seconds, and MB of the largest process."""
    return _measure(command)[1]


def _measure(command: list[str]) -> tuple[list[str], list[float]]:
    *told, cost = _run([sys.executable, "-S", str(HERE / "cost.py"), *command])
    return told, json.loads(cost)


def measure_reduction(archive: Path, scratch: Path, period: tuple[int, int]) -> dict[str, float]:
    """Return seconds after the imports, peak MB and bytes read, of the helpers alone."""
    where = [str(archive), str(scratch / "one.nc"), *map(str, period)]
    told, (_, _, peak) = _measure([sys.executable, "-m", "benchmarks.reduction", *where])
    return json.loads(told[-1]) | {"megabytes": peak}


def _run(command: list[str]) -> list[str]:
    done = subprocess.run(
        command, cwd=HERE.parent, env=_environment(), capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout.splitlines()


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent)}


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


def measure_growth(scratch: Path, size: Size) -> Iterator[pd.DataFrame]:
    """Yield, for years, models and cells, the measured points and the exponents of growth."""
    kinds = {
        "years": (size.years, _archive_of_years),
        "models": (size.copies, _archive_of_models),
        "cells": (size.rows, _archive_of_cells),
    }
    for what, (sizes, make) in kinds.items():
        rounds = []
        for each in sizes:
            with _scratch_archive(scratch, make, each) as (archive, period, amount):
                measured = [
                    measure_reduction(archive, scratch, period) for _ in range(size.times + 1)
                ]
                rounds += [{"size": amount} | each for each in measured[-max(size.times, 1) :]]
        yield _fit(what, pd.DataFrame(rounds).groupby("size").median())


@contextmanager
def _scratch_archive(
    scratch: Path, make: Callable[[Path, int], tuple[tuple[int, int], int]], size: int
) -> Iterator[tuple[Path, tuple[int, int], int]]:
    folder = scratch / "growth"
    try:
        yield folder, *make(folder, size)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _archive_of_years(folder: Path, years: int) -> tuple[tuple[int, int], int]:
    period = 2006 - years // 2, 2005 + years // 2
    write_model(folder, "CanESM2", globe("CanESM2"), *period)
    return period, years


def _archive_of_models(folder: Path, count: int) -> tuple[tuple[int, int], int]:
    """Write one model, and give its files to other names too."""
    period = 1990, 2021
    write_model(folder, "CanESM2", globe("CanESM2"), *period)
    for path in list(folder.rglob("*.nc")):
        for number in range(1, count):
            os.link(path, path.with_name(path.name.replace("CanESM2", f"COPY{number}")))
    return period, count


def _archive_of_cells(folder: Path, rows: int) -> tuple[tuple[int, int], int]:
    period = 2000, 2011
    edges = {"lat": np.linspace(-90, 90, rows + 1), "lon": np.linspace(0, 360, 2 * rows + 1)}
    cells = xr.Dataset(
        {
            f"{name}_bnds": ((name, "bnds"), np.stack([each[:-1], each[1:]], axis=1))
            for name, each in edges.items()
        },
        {name: (each[:-1] + each[1:]) / 2 for name, each in edges.items()},
    )
    write_model(folder, "CanESM2", cells, *period)
    return period, 2 * rows**2


def _fit(what: str, points: pd.DataFrame) -> pd.DataFrame:
    """Return points and, by least squares on logarithms, the exponents."""
    rows = [
        (what, size, quantity, value, np.nan)
        for quantity, of_quantity in points.items()
        for size, value in of_quantity.items()
    ]
    for quantity in points:
        line = linregress(np.log(points.index), np.log(points[quantity]))
        rows.append((what, np.nan, f"exponent of {quantity}", line.slope, line.stderr))
    return pd.DataFrame(rows, columns=["what", "size", "quantity", "value", "standard_error"])


def _describe_anchor(
    archive: Path, size: Size, measured: dict[str, float], costs: dict[str, list[list[float]]]
) -> pd.DataFrame:
    cells = sum(globe(model)["lat"].size * globe(model)["lon"].size for model in size.models)
    wall = statistics.median(cost[0] for cost in costs["helpers"])
    values: dict[str, float] = {
        "models": len(size.models),
        "years": size.period[1] - size.period[0] + 1,
        "cells": cells / len(size.models),
        "bytes_of_archive": _bytes_of(archive),
        "seconds_with_start": wall,
        **measured,
    }
    rows = [("full archive", np.nan, name, value, np.nan) for name, value in values.items()]
    return pd.DataFrame(rows, columns=["what", "size", "quantity", "value", "standard_error"])


def _bytes_of(archive: Path) -> int:
    return sum(path.stat().st_size for path in archive.rglob("*.nc"))


def _write(
    costs: dict[str, list[list[float]]],
    differences: dict[str, float],
    growth: pd.DataFrame,
    taken: int,
    files: int,
    size: Size,
) -> list[str]:
    unit = [statistics.median(column) for column in zip(*costs["helpers"], strict=True)]
    rows = []
    for name, rounds in costs.items():
        cells = [name]
        for column, one in zip(zip(*rounds, strict=True), unit, strict=True):
            middle = statistics.median(column)
            cells.append(f"{middle:.1f} ({min(column):.1f}-{max(column):.1f})")
            cells.append(f"{middle / one:.2f}")
        rows.append([*cells, f"{differences[name]:.0e}"])
    head = ["method", "wall s", "ratio", "CPU s", "ratio", "peak MB", "ratio", "difference"]
    numbers = growth.set_index(["what", "quantity"])["value"]
    points = growth.dropna(subset="size")
    grown = []
    for what, of_what in points.groupby("what", sort=False):
        sizes = of_what["size"].astype(int)
        exponents = []
        for quantity in ("seconds", "megabytes", "bytes_read"):
            chosen = (growth["what"] == what) & (growth["quantity"] == f"exponent of {quantity}")
            (fit,) = growth[chosen].itertuples()
            exponents.append(f"{fit.value:.2f} ± {fit.standard_error:.2f}")
        ends = of_what[of_what["quantity"] == "megabytes"]["value"]
        steps = f"{sizes.min():,}-{sizes.max():,} ({sizes.nunique()})"
        grown.append([what, steps, *exponents, f"{ends.iloc[0]:.0f}-{ends.iloc[-1]:.0f}"])
    first, last = size.period
    without = [] if "CDO" in costs else ["", "There is no CDO here, so it is left out."]
    return [
        f"{len(size.models)} models on their full global grids, {files} files of classic NetCDF, "
        f"{taken / 1e9:.1f} GB in the page cache: noise with a season, no science. Each method "
        f"makes the yearly oxygen production of {first}-{last} for two scenarios on the 1 degree "
        "grid of the Plateau, from its start as a process to its end. "
        f"CDO{_version_of_cdo()} crops and chooses years first, chains all operators, and runs "
        f"{os.cpu_count()} processes at a time. Medians (smallest-largest) of {size.times} rounds "
        "in turn after one round to warm up; peak: the "
        "largest process. `difference`: the largest from the helpers, in kg m-2 yr-1 of values up "
        f"to 2; above {TOLERANCE:g} there would be no table.",
        "",
        *_table(head, rows),
        *without,
        "",
        "The helpers work on one core for most of the time, and their CPU seconds hardly depend on "
        "what else the machine does; CDO uses every core. So the ratio of CPU seconds says on how "
        "many idle cores CDO would draw level.",
        "",
        "How the helpers grow, each alone, as exponents by least squares on logarithms (± standard "
        "error); seconds without the start of Python and its imports. An exponent below 1 tells of "
        "work that does not grow, such as headers and the graph of tasks; beyond the range it "
        "rises towards that of the bytes read:",
        "",
        *_table(["with", "range (points)", "seconds", "MB", "bytes read", "peak MB"], grown),
        "",
        f"Of the archive the helpers read {numbers['full archive', 'bytes_read'] / 1e6:.0f} MB; "
        f"without start they take {numbers['full archive', 'seconds']:.1f} s. All points: "
        "`benchmarks/growth.csv`. Repeat it with `python -m benchmarks.archive [FOLDER]`.",
    ]


def _version_of_cdo() -> str:
    if not shutil.which("cdo"):
        return ""
    told = subprocess.run(["cdo", "--version"], capture_output=True, text=True, check=True)
    return " " + (told.stdout + told.stderr).split("version ")[1].split()[0]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


if __name__ == "__main__":
    print("\n".join(report(*map(Path, sys.argv[1:2]))))
