"""Bootstrap of a recursive path model: all resamples at once, against one fit after another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.common import compare_times, write_table
from benchmarks.peers import PART, RESAMPLES, ROUNDS, SEED, load_sites, time_rounds
from helpers.pathmodel import bootstrap_effects, read_model
from helpers.pathmodel.recursive import solvable
from helpers.pathmodel.resampling import draw_sites

OUTCOME = "TOP"
MODEL = read_model("plant")
OURS = "closed form, batched, with BCa intervals"


def report() -> tuple[list[str], dict[str, float]]:
    """Return lines of Markdown, and the median seconds of each method for all resamples."""
    data = load_sites(MODEL)
    bootstrap = bootstrap_effects(MODEL, data, OUTCOME, n_boot=RESAMPLES, seed=SEED)
    drawn = next(draw_sites(len(data), RESAMPLES, SEED))[: ROUNDS * PART]
    samples = [data.iloc[sites].reset_index(drop=True) for sites in drawn]
    good = solvable(np.stack([sample.cov() for sample in samples]))
    samples = [sample for sample, kept in zip(samples, good, strict=True) if kept]
    ours = bootstrap.draws[: len(samples)]
    times, others = time_rounds(
        MODEL,
        samples,
        (OURS, lambda: bootstrap_effects(MODEL, data, OUTCOME, n_boot=RESAMPLES, seed=SEED)),
    )
    table = compare_times(times, f"for {RESAMPLES:,}")
    table.insert(0, "fitted", "")
    table.loc[OURS, ["fitted", "largest difference"]] = f"{RESAMPLES:,}", ""
    columns = [MODEL.variables.index(cause) for cause in ours]
    for fits in others:
        found = fits.total[:, MODEL.variables.index(OUTCOME), columns]
        difference = np.abs(found - ours.to_numpy())
        table.loc[fits.name, ["fitted", "largest difference"]] = (
            f"{len(samples):,}",
            f"{np.nanmax(difference):.0e} (median {np.nanmedian(difference):.0e})",
        )
    lines = [
        "### Bootstrap of a path model",
        "",
        f"Estimates and standardized total effects on {OUTCOME} of the model of plants "
        f"(`data/models/plant.lav`: {len(MODEL.variables)} variables, {len(MODEL.paths)} arrows, "
        f"{len(data)} sites), for {RESAMPLES:,} resamples of the sites. {bootstrap.failed} of them "
        "cannot be fitted and are left out. Times are medians of the rounds, the shortest and the "
        "longest. The ratio is that of the medians; at least: the shortest time over our longest. "
        "Difference: of a total effect from that of the closed form, over the resamples fitted.",
        "",
        *write_table(table),
    ]
    return lines, pd.DataFrame({name: pd.Series(each) for name, each in times.items()}).median()
