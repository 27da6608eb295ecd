"""How our bootstrap grows: with resamples, variables and sites."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.common import time_of, write_table
from benchmarks.peers import SEED
from helpers.pathmodel import PathModel, bootstrap_effects, parse_model

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
    shown = table.groupby("what", sort=False).agg(
        least=("value", "min"),
        most=("value", "max"),
        fastest=("seconds", "min"),
        slowest=("seconds", "max"),
        exponent=("exponent", "first"),
        error=("standard_error", "first"),
    )
    text = pd.DataFrame(
        {
            "from": shown["least"].map("{:,}".format),
            "to": shown["most"].map("{:,}".format),
            "seconds": shown["fastest"].map("{:.2f}".format)
            + " to "
            + shown["slowest"].map("{:.2f}".format),
            "exponent": shown["exponent"].map("{:.2f}".format)
            + " ± "
            + shown["error"].map("{:.2f}".format),
        }
    )
    fixed = ", ".join(f"{number:,} {what}" for what, number in MIDDLE.items())
    return [
        "### Growth",
        "",
        "Seconds of our bootstrap, BCa intervals included, when one number grows and the others "
        f"stay at {fixed}; every variable has the two before it as causes. Exponent: slope of a "
        "least-squares line through the logarithms, ± its standard error. "
        f"`benchmarks/{TABLE.name}` has every point (median of {REPEATS}).",
        "",
        *write_table(text, "what grows"),
    ]


def measure() -> pd.DataFrame:
    """Return one row per point: what grows, its value, the seconds, and the exponent."""
    points = [(what, value) for what, values in VALUES.items() for value in values]
    seconds = {point: [] for point in points}
    for _ in range(REPEATS):
        for what, value in points:
            seconds[what, value].append(time_of(prepare(**MIDDLE | {what: value})))
    rows = pd.DataFrame(seconds).agg(["median", "min", "max"]).T.rename_axis(["what", "value"])
    table = rows.set_axis(["seconds", "shortest", "longest"], axis="columns").reset_index()
    for _, part in table.groupby("what"):
        line = stats.linregress(np.log(part["value"]), np.log(part["seconds"]))
        table.loc[part.index, ["exponent", "standard_error"]] = line.slope, line.stderr
    return table.join(pd.DataFrame([MIDDLE | {what: value} for what, value in points]))


def prepare(resamples: int, variables: int, sites: int) -> Callable[[], object]:
    """Return a call that bootstraps a model of this size.

    Parameters
    ----------
    resamples, variables, sites : int
        The size.
    """
    names = [f"v{number}" for number in range(variables)]
    lines = [f"{names[k]} ~ {' + '.join(names[max(0, k - 2) : k])}" for k in range(1, variables)]
    model = parse_model("\n".join(lines))
    data = simulate(model, sites)
    return lambda: bootstrap_effects(model, data, names[-1], n_boot=resamples, seed=SEED)


def simulate(model: PathModel, n: int) -> pd.DataFrame:
    """Return data for which the model is true, every path 0.4.

    Parameters
    ----------
    model : PathModel
        A recursive model.
    n : int
        Rows.
    """
    noise = np.random.default_rng(SEED).standard_normal((n, len(model.variables)))
    data = pd.DataFrame(noise, columns=list(model.variables))
    for to in model.endogenous:
        data[to] += 0.4 * data[list(model.parents(to))].sum(axis="columns")
    return data
