"""How our bootstrap grows: with resamples, variables and sites."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.common import exponent_of, time_of, write_table
from benchmarks.peers import ONE_THREAD, SEED
from helpers.pathmodel import PathModel, bootstrap_effects, parse_model
from tools.execution import ROOT

TABLE = Path(__file__).with_name("growth_paths.csv")
MIDDLE = {"resamples": 20_000, "variables": 6, "sites": 120}
VALUES = {
    "resamples": [10_000, 20_000, 40_000, 80_000, 160_000],
    "variables": [6, 9, 12, 18, 24],
    "sites": [30, 60, 120, 240, 480],
}
REPEATS = 5


def report() -> list[str]:
    """Measure, write the table, and return lines of Markdown."""
    table = measure()
    table.to_csv(TABLE, index=False, float_format="%.4g")
    shown = {}
    for what, points in table.groupby("what", sort=False):
        slope, error = exponent_of(points[what], points["seconds"])
        shown[what] = {
            "from": f"{points[what].min():,}",
            "to": f"{points[what].max():,}",
            "seconds": f"{points['seconds'].min():.2f} to {points['seconds'].max():.2f}",
            "exponent": f"{slope:.2f} ± {error:.2f}",
            "peak MB": f"{points['megabytes'].min():.0f} to {points['megabytes'].max():.0f}",
        }
    fixed = ", ".join(f"{number:,} {what}" for what, number in MIDDLE.items())
    return [
        "### Growth",
        "",
        "Seconds of our bootstrap, BCa intervals included, when one number grows and the others "
        f"stay at {fixed}; every variable has the two before it as causes. Exponent: slope of a "
        "least-squares line through the logarithms, ± its standard error. "
        "The peak of memory is that of a process that does nothing else, once. "
        f"`benchmarks/{TABLE.name}` has every point (median of {REPEATS}).",
        "",
        *write_table(pd.DataFrame(shown).T, "what grows"),
    ]


def measure() -> pd.DataFrame:
    """Return one row per point: what grows, the sizes, seconds and their spread, and peak MB."""
    points = [(what, value) for what, values in VALUES.items() for value in values]
    sizes = pd.DataFrame([MIDDLE | {what: value} for what, value in points])
    sizes.insert(0, "what", [what for what, _ in points])
    rounds = [
        [time_of(prepare(*size)) for size in sizes[list(MIDDLE)].itertuples(index=False)]
        for _ in range(REPEATS)
    ]
    times = pd.DataFrame(rounds).agg(["median", "min", "max"]).T
    times.columns = ["seconds", "shortest", "longest"]
    held = [peak_of(*size) for size in sizes[list(MIDDLE)].itertuples(index=False)]
    return sizes.join(times).assign(megabytes=held)


def peak_of(resamples: int, variables: int, sites: int) -> float:
    """Return the peak MB of a process that does this bootstrap only; see `prepare`."""
    code = f"from benchmarks.growth import prepare; prepare({resamples}, {variables}, {sites})()"
    command = [sys.executable, "-S", Path(__file__).with_name("cost.py"), sys.executable, "-c"]
    done = subprocess.run(
        [*command, code],
        cwd=ROOT,
        env=os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)[-1]


def prepare(resamples: int, variables: int, sites: int) -> Callable[[], object]:
    """Return a call that bootstraps a model of this size."""
    names = [f"v{number}" for number in range(variables)]
    lines = [f"{names[k]} ~ {' + '.join(names[max(0, k - 2) : k])}" for k in range(1, variables)]
    model = parse_model("\n".join(lines))
    data = simulate(model, sites)
    return lambda: bootstrap_effects(model, data, names[-1], n_boot=resamples, seed=SEED)


def simulate(model: PathModel, n: int) -> pd.DataFrame:
    """Return n rows of data for which a recursive model is true, every path 0.4."""
    noise = np.random.default_rng(SEED).standard_normal((n, len(model.variables)))
    data = pd.DataFrame(noise, columns=list(model.variables))
    for to in model.endogenous:
        data[to] += 0.4 * data[list(model.parents(to))].sum(axis="columns")
    return data
