"""Time the bootstrap of a path model: all resamples at once, against one fit after another.

    make bench

writes benchmarks/README.md. semopy and lavaan fit a part of the same resamples; their time is
extrapolated to all of them. lavaan needs R.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import semopy

from helpers.pathmodel import PathModel, parse_model
from helpers.pathmodel.effects import effect_pairs
from helpers.pathmodel.resampling import bootstrap_effects

RESAMPLES, PART, SITES, SEED = 10_000, 50, 30, 2022
OUTCOME = "y"
MODEL = parse_model("""
a ~ x1 + x2
b ~ x3 + x4
c ~ a + x5
d ~ a + b
e ~ c + d
f ~ d + x3
g ~ e + b
h ~ f
i ~ h + a
y ~ i + g
""")
LAVAAN = """
suppressMessages(library(lavaan))
model <- paste(readLines("model.lav"), collapse = "\\n")
data <- read.csv("resamples.csv")
causes <- readLines("causes.txt")
started <- proc.time()[["elapsed"]]
effects <- t(sapply(split(data, data$resample), function(rows) {
  B <- lavInspect(suppressWarnings(sem(model, rows, se = "none")), "std")$beta
  (solve(diag(nrow(B)) - B) - diag(nrow(B)))["OUTCOME", causes]
}))
cat(proc.time()[["elapsed"]] - started, as.character(packageVersion("lavaan")))
options(digits = 15)
write.csv(effects, "effects.csv", row.names = FALSE)
""".replace("OUTCOME", OUTCOME)
README = Path(__file__).with_name("README.md")


def simulate(model: PathModel, n: int) -> pd.DataFrame:
    """Return data for which the model is true, every path 0.4."""
    noise = np.random.default_rng(SEED).standard_normal((n, len(model.variables)))
    data = pd.DataFrame(noise, columns=list(model.variables))
    for to in model.endogenous:
        data[to] += 0.4 * data[list(model.parents(to))].sum(axis="columns")
    return data


def fit_by_semopy(samples: list[pd.DataFrame], causes: list[str]) -> tuple[float, np.ndarray]:
    """Return seconds, and total effects (samples, causes), by semopy's default search."""
    names = list(MODEL.variables)
    started = time.perf_counter()
    totals = []
    for sample in samples:
        search = semopy.Model(MODEL.text)
        search.fit(sample / sample.std())
        found = search.inspect(std_est=True).query("op == '~'")
        B = found.pivot(index="lval", columns="rval", values="Est. Std").reindex(
            index=names, columns=names
        )
        reach = np.linalg.inv(np.eye(len(names)) - B.fillna(0).to_numpy(float))
        totals.append(pd.DataFrame(reach, names, names).loc[OUTCOME, causes])
    return time.perf_counter() - started, np.array(totals)


def fit_by_lavaan(samples: list[pd.DataFrame], causes: list[str]) -> tuple[float, np.ndarray, str]:
    """Return seconds (without the start of R), total effects, and lavaan's version."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.lav").write_text(MODEL.text)
        Path(folder, "causes.txt").write_text("\n".join(causes) + "\n")
        pd.concat(samples, keys=range(len(samples)), names=["resample", None]).to_csv(
            Path(folder, "resamples.csv")
        )
        run = subprocess.run(
            ["Rscript", "-e", LAVAAN], cwd=folder, check=True, capture_output=True, text=True
        )
        seconds, lavaan = run.stdout.split()
        return float(seconds), pd.read_csv(Path(folder, "effects.csv")).to_numpy(), lavaan


def time_best(function: Callable[[], object], times: int = 5) -> float:
    """Return the shortest of several times, in seconds."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


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


def main() -> None:
    data = simulate(MODEL, SITES)
    causes = list(effect_pairs(MODEL, OUTCOME).get_level_values("from"))
    bootstrap = bootstrap_effects(MODEL, data, OUTCOME, n_boot=RESAMPLES, seed=SEED)
    drawn = np.random.default_rng(SEED).integers(0, SITES, (PART, SITES))
    few = [data.iloc[sites].reset_index(drop=True) for sites in drawn]
    solvable = [sample for sample in few if np.linalg.matrix_rank(sample.corr()) == sample.shape[1]]
    ours = bootstrap.draws[: len(solvable)].to_numpy()

    def compute() -> None:
        bootstrap_effects(MODEL, data, OUTCOME, n_boot=RESAMPLES, seed=SEED)

    rows = [("closed form, batched, with BCa intervals", time_best(compute), RESAMPLES, 0.0)]
    seconds, totals = fit_by_semopy(solvable, causes)
    rows.append(
        (f"semopy {version('semopy')}", seconds, len(solvable), np.abs(totals - ours).max())
    )
    notes = []
    if shutil.which("Rscript"):
        seconds, totals, lavaan = fit_by_lavaan(solvable, causes)
        rows.append((f"lavaan {lavaan}", seconds, len(solvable), np.abs(totals - ours).max()))
    else:
        notes.append("lavaan was left out: there is no Rscript on this machine.")
    base = rows[0][1] / RESAMPLES
    table = [
        "| method | resamples fitted | seconds | "
        f"seconds for {RESAMPLES:,} | times as long | largest difference |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, seconds, fitted, difference in rows:
        each = seconds / fitted
        table.append(
            f"| {name} | {fitted:,} | {seconds:.2f} | {each * RESAMPLES:,.2f} | "
            f"{each / base:,.0f} | {difference:.0e} |"
        )
    text = "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `make bench` (`path_models.py`).",
            "",
            "## Bootstrap of a path model",
            "",
            f"Standardized total effects on one of {len(MODEL.variables)} variables "
            f"({len(MODEL.paths)} arrows, {SITES} sites), for {RESAMPLES:,} resamples of the "
            f"sites, {bootstrap.failed} of which cannot be fitted and are left out. semopy and "
            "lavaan fit the first of the same resamples; their time for all is extrapolated. "
            "Largest difference: of a total effect from that of the closed form.",
            "",
            *table,
            "",
            *notes,
            f"{date.today().isoformat()}: {describe_machine()}.",
            "",
        ]
    )
    README.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
