"""The bootstrap by semopy and by lavaan: one fit after another, in rounds beside our own."""

from __future__ import annotations

import os
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
from scipy import stats
from threadpoolctl import threadpool_limits

from benchmarks.common import time_of
from helpers.pathmodel import PathModel
from helpers.study import load_study, sample_top

RESAMPLES, SEED = 2000, 2022
ROUNDS, PART, CALLS = 5, 80, 5  # in each round: resamples that the others fit, calls of ours
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

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
    """What a package made of samples: its name, seconds, and matrices (samples, p, p).

    NaN where it gave up. Rows and columns are in the order of the model's variables.
    """

    name: str
    seconds: float
    standardized: np.ndarray
    B: np.ndarray
    Psi: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Total effects."""
        one = np.eye(self.standardized.shape[-1])
        return np.linalg.inv(one - self.standardized) - one


def load_sites(model: PathModel) -> pd.DataFrame:
    """Return the variables of a model at the sites of the embedded study, standardized."""
    study = load_study("embedded", SEED)
    data = study.factors().join(sample_top(study.sites, "embedded"))
    return data[list(model.variables)].apply(stats.zscore)


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
            found = search.inspect(std_est=True, information=None)
        except np.linalg.LinAlgError:
            continue
        columns = (0, "~", "Est. Std"), (1, "~", "Estimate"), (2, "~~", "Estimate")
        for place, operator, column in columns:
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
        write_samples(Path(folder), model, samples)
        run = subprocess.run(
            ["Rscript", "-e", LAVAAN],
            cwd=folder,
            env=os.environ | ONE_THREAD,
            check=True,
            capture_output=True,
            text=True,
        )
        seconds, lavaan = run.stdout.split()
        found = pd.read_csv(Path(folder, "fits.csv")).to_numpy(float)
    matrices = found.reshape(len(samples), 3, len(names), len(names)).swapaxes(-1, -2)  # by column
    return Fits(f"lavaan {lavaan}", float(seconds), *matrices.swapaxes(0, 1))


def write_samples(folder: Path, model: PathModel, samples: list[pd.DataFrame]) -> None:
    """Write what LAVAAN reads into a folder: a model, and what it is to be fitted to."""
    (folder / "model.lav").write_text(model.text)
    (folder / "names.txt").write_text("\n".join(model.variables) + "\n")
    pd.concat(samples, keys=range(len(samples)), names=["sample", None]).to_csv(
        folder / "samples.csv"
    )


def time_rounds(
    model: PathModel, samples: list[pd.DataFrame], ours: tuple[str, Callable[[], object]]
) -> tuple[dict[str, list[float]], list[Fits]]:
    """Time our bootstrap (its name, and the call that makes RESAMPLES) and the others, in turn.

    Each round the others fit their share of the samples. Returned are the seconds for RESAMPLES by
    method, and the fits of each of the others, all samples in order.
    """
    name, bootstrap = ours
    times, parts = {name: []}, {}
    for share in np.array_split(np.arange(len(samples)), ROUNDS):
        times[name] += [time_of(bootstrap) for _ in range(CALLS)]
        few = [samples[k] for k in share]
        for fits in (fit_by_semopy(model, few), fit_by_lavaan(model, few)):
            if fits:
                times.setdefault(fits.name, []).append(fits.seconds / len(few) * RESAMPLES)
                parts.setdefault(fits.name, []).append(fits)
    return times, [
        Fits(each, sum(times[each]), *(np.concatenate(m) for m in zip(*found, strict=True)))
        for each, found in ((each, [fits[2:] for fits in found]) for each, found in parts.items())
    ]
