"""The bootstrap by semopy and by lavaan: one fit after another, in rounds beside our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from timeit import default_timer, timeit
from typing import NamedTuple

import numpy as np
import pandas as pd
import semopy
from threadpoolctl import threadpool_limits

from benchmarks.common import ONE_THREAD
from helpers.pathmodel import PathModel

RESAMPLES = 2000
ROUNDS, PART, CALLS = 5, 80, 5  # in each round: resamples that the others fit, calls of ours

LAVAAN = """
suppressMessages(library(lavaan))
model <- paste(readLines("model.lav"), collapse = "\\n")
names <- readLines("names.txt")
data <- read.csv("samples.csv")
started <- proc.time()[["elapsed"]]
fits <- t(sapply(split(data, data$sample), function(rows) {
  nothing <- rep(NA, 3 * length(names)^2)
  tryCatch({
    fit <- suppressWarnings(sem(model, rows, se = "none", test = "none",
                                baseline = FALSE, h1 = FALSE, check.post = FALSE))
    standardized <- suppressWarnings(lavInspect(fit, "std"))$beta[names, names]
    found <- lavInspect(fit, "est")
    c(standardized, found$beta[names, names], found$psi[names, names])
  }, error = function(e) nothing)
}))
cat(proc.time()[["elapsed"]] - started, as.character(packageVersion("lavaan")))
options(digits = 15)
write.csv(fits, "fits.csv", row.names = FALSE)
"""


class Fits(NamedTuple):
    """What a package made of samples: matrices (samples, p, p), NaN where it gave up.

    Rows and columns are in the order of the model's variables.
    """

    standardized: np.ndarray
    B: np.ndarray
    Psi: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Standardized total effects."""
        one = np.eye(self.standardized.shape[-1])
        return np.linalg.inv(one - self.standardized) - one


@threadpool_limits.wrap(limits=1)
def fit_by_semopy(model: PathModel, samples: list[pd.DataFrame]) -> tuple[str, float, Fits]:
    """Fit by semopy's default search, a fresh model for each sample: its name, seconds, fits."""
    names = list(model.variables)
    matrices = np.full((len(samples), 3, len(names), len(names)), np.nan)
    started = default_timer()
    for matrix, sample in zip(matrices, samples, strict=True):
        search = semopy.Model(model.text)
        try:
            search.fit(sample)
            found = search.inspect(std_est=True, information=None)
        except np.linalg.LinAlgError:
            continue
        columns = (0, "~", "Est. Std"), (1, "~", "Estimate"), (2, "~~", "Estimate")
        for place, operator, column in columns:
            rows = found[found["op"] == operator]
            to, cause = ([names.index(name) for name in rows[end]] for end in ("lval", "rval"))
            matrix[place] = 0
            matrix[place, to, cause] = rows[column].astype(float)
    seconds = default_timer() - started
    return f"semopy {version('semopy')}", seconds, Fits(*matrices.swapaxes(0, 1))


def fit_by_lavaan(model: PathModel, samples: list[pd.DataFrame]) -> tuple[str, float, Fits]:
    """The same by lavaan, without the time that R takes to start."""
    names = list(model.variables)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.lav").write_text(model.text, encoding="utf-8")
        Path(folder, "names.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
        every = pd.concat(samples, keys=range(len(samples)), names=["sample", None])
        every.to_csv(Path(folder, "samples.csv"))
        how = {"env": os.environ | ONE_THREAD, "check": True, "capture_output": True, "text": True}
        run = subprocess.run(["Rscript", "-e", LAVAAN], cwd=folder, **how)
        found = pd.read_csv(Path(folder, "fits.csv")).to_numpy(float)
    seconds, lavaan = run.stdout.split()
    matrices = found.reshape(len(samples), 3, len(names), len(names)).swapaxes(-1, -2)  # by column
    return f"lavaan {lavaan}", float(seconds), Fits(*matrices.swapaxes(0, 1))


def time_rounds(
    model: PathModel, samples: list[pd.DataFrame], ours: str, bootstrap: Callable[[], object]
) -> tuple[dict[str, list[float]], dict[str, Fits]]:
    """Time our bootstrap of RESAMPLES and the others in turn, each round on a share of the samples.

    Return the seconds for RESAMPLES by method, and the fits of the others, all samples in order.
    """
    peers = [fit_by_semopy, *([fit_by_lavaan] if shutil.which("Rscript") else [])]
    times, parts = {ours: []}, {}
    for share in np.array_split(np.arange(len(samples)), ROUNDS):
        times[ours] += [timeit(bootstrap, number=1) for _ in range(CALLS)]
        for fit in peers:
            name, seconds, fits = fit(model, [samples[k] for k in share])
            times.setdefault(name, []).append(seconds / len(share) * RESAMPLES)
            parts.setdefault(name, []).append(fits)
    joined = {
        name: Fits(*map(np.concatenate, zip(*fits, strict=True))) for name, fits in parts.items()
    }
    return times, joined
