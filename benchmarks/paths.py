"""The suite of the path models: the bootstrap beside semopy and lavaan, and how it grows."""

from __future__ import annotations

import shutil

from benchmarks import growth, loop, processes, recursive
from benchmarks.peers import PART, ROUNDS


def report() -> list[str]:
    """Return lines of Markdown: what was timed, and the tables."""
    missing = (
        [] if shutil.which("Rscript") else ["There is no Rscript here: lavaan is left out.", ""]
    )
    effects, per_fit = recursive.report()
    return [
        "Everything runs on one thread. semopy and lavaan fit a part of the same resamples, "
        f"{PART} in each of {ROUNDS} rounds; their time for all is extrapolated by the number.",
        "",
        *missing,
        *effects,
        "",
        *loop.report(),
        "",
        *processes.report(per_fit),
        "",
        *growth.report(),
    ]
