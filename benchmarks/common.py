"""What the benchmarks share: clocks, fits by semopy and by lavaan, and the table."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import semopy
from threadpoolctl import threadpool_limits

from helpers.pathmodel import PathModel

LAVAAN = """
suppressMessages(library(lavaan))
model <- paste(readLines("model.lav"), collapse = "\\n")
names <- readLines("names.txt")
data <- read.csv("samples.csv")
started <- proc.time()[["elapsed"]]
fits <- t(sapply(split(data, data$sample), function(rows) {
  nothing <- rep(NA, 3 * length(names)^2)
  tryCatch({
    fit <- suppressWarnings(sem(model, rows, se = "none"))
    standardized <- suppressWarnings(lavInspect(fit, "std"))$beta
    found <- lavInspect(fit, "est")
    c(sapply(list(standardized, found$beta, found$psi), function(each) each[names, names]))
  }, error = function(e) nothing)
}))
cat(proc.time()[["elapsed"]] - started, as.character(packageVersion("lavaan")))
options(digits = 15)
write.csv(fits, "fits.csv", row.names = FALSE)
"""


class Fits(NamedTuple):
    """What a package made of samples: its name, seconds, and matrices (samples, p, p).

    NaN where it gave up. Rows and columns are in the order of the model's variables.
    """

    name: str
    seconds: float
    standardized: np.ndarray
    B: np.ndarray
    Psi: np.ndarray


@threadpool_limits.wrap(limits=1)
def fit_by_semopy(model: PathModel, samples: list[pd.DataFrame]) -> Fits:
    """Fit by semopy's default search, with a fresh model for each sample."""
    names = list(model.variables)
    matrices = np.full((len(samples), 3, len(names), len(names)), np.nan)
    started = time.perf_counter()
    for matrix, sample in zip(matrices, samples, strict=True):
        search = semopy.Model(model.text)
        try:
            search.fit(sample)
            found = search.inspect(std_est=True)
        except np.linalg.LinAlgError:
            continue
        for place, operator, column in (
            (0, "~", "Est. Std"),
            (1, "~", "Estimate"),
            (2, "~~", "Estimate"),
        ):
            rows = found[found["op"] == operator]
            to, cause = ([names.index(name) for name in rows[end]] for end in ("lval", "rval"))
            matrix[place] = 0
            matrix[place, to, cause] = rows[column].astype(float)
    seconds = time.perf_counter() - started
    return Fits(f"semopy {version('semopy')}", seconds, *matrices.swapaxes(0, 1))


def fit_by_lavaan(model: PathModel, samples: list[pd.DataFrame]) -> Fits | None:
    """Fit by lavaan, without the time that R takes to start; None where there is no R."""
    if not shutil.which("Rscript"):
        return None
    names = list(model.variables)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.lav").write_text(model.text)
        Path(folder, "names.txt").write_text("\n".join(names) + "\n")
        pd.concat(samples, keys=range(len(samples)), names=["sample", None]).to_csv(
            Path(folder, "samples.csv")
        )
        run = subprocess.run(
            ["Rscript", "-e", LAVAAN],
            cwd=folder,
            env=os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
            check=True,
            capture_output=True,
            text=True,
        )
        seconds, lavaan = run.stdout.split()
        found = pd.read_csv(Path(folder, "fits.csv")).to_numpy(float)
    matrices = found.reshape(len(samples), 3, len(names), len(names)).swapaxes(-1, -2)  # by column
    return Fits(f"lavaan {lavaan}", float(seconds), *matrices.swapaxes(0, 1))


def time_best(function: Callable[[], object], times: int = 5) -> float:
    """Return the shortest of several times, in seconds."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def compare_times(times: dict[str, tuple[float, int]], resamples: int) -> pd.DataFrame:
    """Return the columns on time, from seconds and resamples fitted; the first row is the unit."""
    table = pd.DataFrame(times, ["seconds", "fitted"]).T
    each = table["seconds"] / table["fitted"]
    return pd.DataFrame(
        {
            "resamples fitted": table["fitted"].map("{:,.0f}".format),
            "seconds": table["seconds"].map("{:.2f}".format),
            f"seconds for {resamples:,}": (each * resamples).map("{:,.2f}".format),
            "times as long": (each / each.iloc[0]).map("{:,.0f}".format),
        }
    )


def write_table(table: pd.DataFrame) -> list[str]:
    """Return lines of Markdown, numbers to the right."""
    rows = [["method", *table.columns], ["---", *["---:"] * table.shape[1]]]
    rows += [[name, *row] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    return [f"| {' | '.join(map(str, row))} |" for row in rows]


def describe_machine() -> str:
    """Return processor and versions."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = named[0] if named else platform.processor() or platform.machine()
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "semopy"))
    return (
        f"{processor}, {os.cpu_count()} cores, {platform.system()}; "
        f"Python {platform.python_version()}, {packages}"
    )
