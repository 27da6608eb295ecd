"""Bootstrap of a recursive path model: all resamples at once, against one fit after another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.common import (
    compare_times,
    fit_by_lavaan,
    fit_by_semopy,
    time_best,
    write_table,
)
from helpers.pathmodel import PathModel, parse_model
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


def simulate(model: PathModel, n: int) -> pd.DataFrame:
    """Return data for which the model is true, every path 0.4."""
    noise = np.random.default_rng(SEED).standard_normal((n, len(model.variables)))
    data = pd.DataFrame(noise, columns=list(model.variables))
    for to in model.endogenous:
        data[to] += 0.4 * data[list(model.parents(to))].sum(axis="columns")
    return data


def report() -> list[str]:
    """Return lines of Markdown: what was timed, and the table."""
    data = simulate(MODEL, SITES)
    bootstrap = bootstrap_effects(MODEL, data, OUTCOME, n_boot=RESAMPLES, seed=SEED)
    drawn = np.random.default_rng(SEED).integers(0, SITES, (PART, SITES))
    few = [data.iloc[sites].reset_index(drop=True) for sites in drawn]
    few = [sample for sample in few if np.linalg.matrix_rank(sample.corr()) == sample.shape[1]]
    ours = bootstrap.draws[: len(few)]
    seconds = time_best(
        lambda: bootstrap_effects(MODEL, data, OUTCOME, n_boot=RESAMPLES, seed=SEED)
    )
    name = "closed form, batched, with BCa intervals"
    times, differences = {name: (seconds, RESAMPLES)}, {name: 0.0}
    standardized = [sample / sample.std() for sample in few]
    for fits in (fit_by_semopy(MODEL, standardized), fit_by_lavaan(MODEL, few)):
        if fits:
            times[fits.name] = fits.seconds, len(few)
            totals = np.linalg.inv(np.eye(len(MODEL.variables)) - fits.standardized)
            columns = [MODEL.variables.index(cause) for cause in ours]
            found = totals[:, MODEL.variables.index(OUTCOME), columns]
            differences[fits.name] = np.abs(found - ours.to_numpy()).max()
    table = compare_times(times, RESAMPLES)
    table["largest difference"] = pd.Series(differences).map("{:.0e}".format)
    return [
        "## Bootstrap of a path model",
        "",
        f"Standardized total effects on one of {len(MODEL.variables)} variables "
        f"({len(MODEL.paths)} arrows, {SITES} sites), for {RESAMPLES:,} resamples of the sites, "
        f"{bootstrap.failed} of which cannot be fitted and are left out. semopy and lavaan fit the "
        "first of the same resamples; their time for all is extrapolated. Largest difference: of a "
        "total effect from that of the closed form.",
        "",
        *write_table(table),
    ]
