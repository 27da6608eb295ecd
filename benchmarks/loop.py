"""Bootstrap of the feedback loop: a closed form at once, against one search after another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.common import compare_times, write_table
from benchmarks.peers import PART, RESAMPLES, ROUNDS, SEED, Fits, load_sites, time_rounds
from helpers.pathmodel import read_model
from helpers.pathmodel.frame import discrepancy, effect_matrices, imply
from helpers.pathmodel.loop import feedback, solve_ring
from helpers.pathmodel.recursive import solvable
from helpers.pathmodel.resampling import bootstrap_loop, draw_sites

OURS = "closed form, batched, all statistics with BCa intervals"
AT_OPTIMUM = 1e-6  # of F, above the closed form's
SAME_GAIN = 1e-2
MODEL = read_model("loop")


def report() -> list[str]:
    """Return lines of Markdown: what was timed, and the table."""
    data = load_sites(MODEL)
    bootstrap = bootstrap_loop(MODEL, data, n_boot=RESAMPLES, seed=SEED)
    drawn = next(draw_sites(len(data), RESAMPLES, SEED))[: ROUNDS * PART]
    samples = [data.iloc[sites].reset_index(drop=True) for sites in drawn]
    S = np.stack([sample.cov(ddof=0) for sample in samples])
    B, Psi = solve_ring(MODEL, S)
    real = solvable(S) & ~np.isnan(B).any(axis=(0, -2, -1))
    few = [sample for sample, kept in zip(samples, real, strict=True) if kept]
    S, B, Psi = S[real], B[0, real], Psi[0, real]
    ours = effect_matrices(B, Psi)[1]
    gain, lowest = feedback(effect_matrices(B, Psi)[0])["gain"], discrepancy(imply(B, Psi), S)

    def follow(fits: Fits) -> dict[str, str]:
        """Return where the searches ended, and how far from the stable solution at its gain."""
        with np.errstate(invalid="ignore", divide="ignore"):
            above = discrepancy(imply(fits.B, fits.Psi), S) - lowest
        there = above <= AT_OPTIMUM
        found = 1 - np.linalg.det(np.eye(S.shape[-1]) - fits.standardized)
        stable = there & (np.abs(found) < 1)
        same = there & (np.abs(found - gain) < SAME_GAIN)
        difference = np.abs(fits.total - ours)[same].max(initial=0)
        return {
            "fitted": f"{len(few):,}",
            "stable": f"{stable.sum()}",
            "twin": f"{(there & ~stable).sum()}",
            "elsewhere": f"{(~there).sum()}",
            "largest difference": f"{difference:.0e} ({same.sum()})",
        }

    times, others = time_rounds(
        MODEL, few, (OURS, lambda: bootstrap_loop(MODEL, data, n_boot=RESAMPLES, seed=SEED))
    )
    solved = f"{len(bootstrap.draws):,}"
    ends = {OURS: {"fitted": f"{RESAMPLES:,}", "stable": solved, "twin": "0", "elsewhere": "0"}}
    ends |= {fits.name: follow(fits) for fits in others}
    table = compare_times(times, f"for {RESAMPLES:,}").join(pd.DataFrame(ends).T.fillna(""))
    left_out = bootstrap.failed + bootstrap.unreal
    return [
        "### Bootstrap of the feedback loop",
        "",
        f"Coefficients and total effects of the loop of {len(MODEL.variables)} variables "
        f"(`data/models/loop.lav`, {len(data)} sites), for {RESAMPLES:,} resamples of the sites, "
        f"{left_out} of which have no loop with real coefficients and are left out. Every loop has "
        "two solutions that fit equally well. Counted is at which of them a search ended: the "
        f"stable one, its twin, or elsewhere (F more than {AT_OPTIMUM:.0e} above that of both). "
        "Difference: of a total effect from that of the closed form, over the resamples (their "
        f"number in brackets) whose gain agrees within {SAME_GAIN:g}.",
        "",
        *write_table(table),
    ]
