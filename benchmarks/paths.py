"""The suite of the path models: the bootstrap beside semopy and lavaan, and how it grows."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from timeit import repeat

import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from benchmarks.common import compare, exponents, measure, write_table
from benchmarks.peers import CALLS, PART, RESAMPLES, ROUNDS, Fits, time_rounds
from helpers.pathmodel import PathModel, bootstrap_effects, parse_model, read_model
from helpers.pathmodel.frame import discrepancy, effect_matrices, imply
from helpers.pathmodel.loop import feedback
from helpers.pathmodel.recursive import solvable
from helpers.pathmodel.resampling import bootstrap_loop, draw_sites
from helpers.pathmodel.ring import solve_ring
from helpers.study import load_study, sample_top

SEED = 2022
OURS = "closed form, batched, with BCa intervals"
OUTCOME = "TOP"
AT_OPTIMUM = 1e-6  # of F, above the closed form's
SAME_GAIN = 1e-2
GROWTH = Path(__file__).with_name("growth_paths.csv")
MIDDLE = {"resamples": 20_000, "variables": 6, "sites": 120}
GROWN = {
    "resamples": [10_000, 20_000, 40_000, 80_000, 160_000],
    "variables": [6, 9, 12, 18, 24],
    "sites": [30, 60, 120, 240, 480],
}


def report() -> list[str]:
    """Return lines of Markdown: what was timed, and the tables."""
    lavaan = "semopy and lavaan fit" if shutil.which("Rscript") else "There is no R; semopy fits"
    with threadpool_limits(1):
        compared = [*compare_recursive(), "", *compare_loop()]
    return [
        f"Everything runs on one thread. {lavaan} a part of the same resamples of the sites, "
        f"{PART} in each of {ROUNDS} rounds; the time for all {RESAMPLES:,} is extrapolated by the "
        f"number, ours is timed {CALLS} times a round. Median (shortest to longest). At least: the "
        "shortest time over our longest. Difference: of a standardized total effect from that of "
        "the closed form.",
        "",
        *compared,
        "",
        *report_growth(),
    ]


def draw(model: PathModel) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Return a model's variables at the embedded sites, standardized, and its first resamples."""
    study = load_study("embedded", SEED)
    data = study.factors().join(sample_top(study.sites, "embedded"))
    data = data[list(model.variables)].apply(stats.zscore)
    drawn = next(draw_sites(len(data), RESAMPLES, SEED))[: ROUNDS * PART]
    return data, [data.iloc[sites].reset_index(drop=True) for sites in drawn]


def compare_recursive() -> list[str]:
    """Bootstrap the model of plants."""
    model = read_model("plant")
    data, samples = draw(model)

    def bootstrap():
        return bootstrap_effects(model, data, OUTCOME, n_boot=RESAMPLES, seed=SEED)

    good = solvable(np.stack([sample.cov() for sample in samples]))
    samples = [sample for sample, kept in zip(samples, good, strict=True) if kept]
    whole = bootstrap()
    ours = whole.draws[: len(samples)]
    times, others = time_rounds(model, samples, OURS, bootstrap)
    columns = [model.variables.index(cause) for cause in ours]
    found = {}
    for name, fits in others.items():
        effects = fits.total[:, model.variables.index(OUTCOME), columns]
        difference = np.abs(effects - ours.to_numpy())
        middle, most = np.nanmedian(difference), np.nanmax(difference)
        found[name] = {"fitted": len(samples), "difference": f"{middle:.0e}, at most {most:.0e}"}
    return [
        "### Bootstrap of a path model",
        "",
        f"Estimates and total effects on {OUTCOME} of the model of plants "
        f"(`data/models/plant.lav`: {len(model.variables)} variables, {len(model.paths)} arrows, "
        f"{len(data)} sites); {whole.failed} resamples cannot be fitted and are left out.",
        "",
        write_table(compare(times, "seconds").join(pd.DataFrame(found).T)),
    ]


def compare_loop() -> list[str]:
    """Bootstrap the feedback loop, which has two solutions that fit equally well."""
    model = read_model("loop")
    data, samples = draw(model)

    def bootstrap():
        return bootstrap_loop(model, data, n_boot=RESAMPLES, seed=SEED)

    S = np.stack([sample.cov(ddof=0) for sample in samples])
    B, Psi = solve_ring(model, S)
    real = solvable(S) & ~np.isnan(B).any(axis=(0, -2, -1))
    samples = [sample for sample, kept in zip(samples, real, strict=True) if kept]
    S, B, Psi = S[real], B[0, real], Psi[0, real]
    standardized, ours = effect_matrices(B, Psi)
    gain, lowest = feedback(standardized)["gain"], discrepancy(imply(B, Psi), S)

    def follow(fits: Fits) -> dict[str, object]:
        """Return where the searches ended, and how far from the stable solution at its gain."""
        with np.errstate(invalid="ignore", divide="ignore"):
            there = discrepancy(imply(fits.B, fits.Psi), S) - lowest <= AT_OPTIMUM
        found = 1 - np.linalg.det(np.eye(S.shape[-1]) - fits.standardized)
        stable = there & (np.abs(found) < 1)
        same = there & (np.abs(found - gain) < SAME_GAIN)
        most = np.abs(fits.total - ours)[same].max(initial=0)
        ends = {
            "stable": stable.sum(),
            "twin": (there & ~stable).sum(),
            "elsewhere": (~there).sum(),
        }
        return {"fitted": len(samples), **ends, "difference": f"at most {most:.0e} ({same.sum()})"}

    times, others = time_rounds(model, samples, OURS, bootstrap)
    found = pd.DataFrame({name: follow(fits) for name, fits in others.items()}).T
    whole = bootstrap()
    return [
        "### Bootstrap of the feedback loop",
        "",
        f"Coefficients and total effects of the loop of {len(model.variables)} variables "
        f"(`data/models/loop.lav`); {whole.failed + whole.unreal} resamples have no loop with real "
        "coefficients and are left out. Every loop has two solutions that fit equally well. "
        "Counted is at which of them a search ended: the stable one, its twin, or elsewhere (F "
        f"more than {AT_OPTIMUM:.0e} above that of both). Difference: over the resamples (their "
        f"number) whose gain agrees within {SAME_GAIN:g}.",
        "",
        write_table(compare(times, "seconds").join(found)),
    ]


def report_growth() -> list[str]:
    """Measure how our bootstrap grows, each size in processes of its own, and write GROWTH."""
    points = [(what, MIDDLE | {what: size}) for what, sizes in GROWN.items() for size in sizes]
    rows = []
    for what, sizes in points:
        code = f"from benchmarks.paths import time_growth; time_growth(**{sizes})"
        costs, told = measure([sys.executable, "-c", code])
        rows.append({"what": what, **sizes, "megabytes": costs["peak MB"], **json.loads(told)})
    table = pd.DataFrame(rows)
    table.to_csv(GROWTH, index=False, float_format="%.4g")
    fixed = ", ".join(f"{number:,} {what}" for what, number in MIDDLE.items())
    return [
        "### Growth",
        "",
        "Our bootstrap, BCa intervals included, when one number grows and the others stay at "
        f"{fixed}; every variable has the two before it as causes. Exponents: slopes of "
        "least-squares lines through logarithms, ± standard errors (from the smallest to the "
        f"largest). Seconds are medians of {CALLS}, megabytes peaks of a process of its own. "
        f"All points: `benchmarks/{GROWTH.name}`.",
        "",
        write_table(exponents(table, ["seconds", "megabytes"]), "what grows"),
    ]


def time_growth(resamples: int, variables: int, sites: int) -> None:
    """Bootstrap a model of this size, and print the seconds: median, shortest, longest."""
    names = [f"v{number}" for number in range(variables)]
    lines = [f"{names[k]} ~ {' + '.join(names[max(0, k - 2) : k])}" for k in range(1, variables)]
    model = parse_model("\n".join(lines))
    noise = np.random.default_rng(SEED).standard_normal((sites, variables))
    data = pd.DataFrame(noise, columns=names)
    for to in model.endogenous:
        data[to] += 0.4 * data[list(model.parents(to))].sum(axis="columns")

    def bootstrap():
        return bootstrap_effects(model, data, names[-1], n_boot=resamples, seed=SEED)

    times = pd.Series(repeat(bootstrap, number=1, repeat=CALLS))
    spread = {"seconds": times.median(), "shortest": times.min(), "longest": times.max()}
    print(json.dumps(spread))
