"""Whole processes: what a user waits for who starts Python, or R, from nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.common import compare_times, time_of, write_table
from benchmarks.peers import LAVAAN, ONE_THREAD, RESAMPLES, ROUNDS, SEED, load_sites, write_samples
from benchmarks.recursive import MODEL, OUTCOME
from tools.execution import ROOT

FIRST = 10  # resamples that semopy and lavaan fit in such a process
OURS = """
import pandas as pd
from helpers.pathmodel import bootstrap_effects, read_model
data = pd.read_csv("sites.csv")
print(bootstrap_effects(read_model("model.lav"), data, "{outcome}", n_boot={n}, seed={seed}).table)
"""
SEMOPY = """
import numpy as np
import pandas as pd
import semopy
text = open("model.lav").read()
for _, rows in pd.read_csv("samples.csv").groupby("sample"):
    search = semopy.Model(text)
    search.fit(rows)
    print(search.inspect(std_est=True, information=None))
"""


def report(seconds: pd.Series) -> list[str]:
    """Return lines of Markdown: what was timed, and the table.

    `seconds` are medians by method for RESAMPLES inside a running process, ours first.
    """
    data = load_sites(MODEL)
    samples = [data.sample(frac=1, replace=True, random_state=k) for k in range(FIRST)]
    ours, *others = seconds.index
    code = OURS.format(outcome=OUTCOME, n=RESAMPLES, seed=SEED)
    commands = {ours: [sys.executable, "-c", code]}
    for name in others:
        lavaan = name.startswith("lavaan")
        commands[name] = (
            [shutil.which("Rscript"), "-e", LAVAAN] if lavaan else [sys.executable, "-c", SEMOPY]
        )
    times = {name: [] for name in commands}
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        write_samples(Path(folder), MODEL, samples)
        data.to_csv(Path(folder, "sites.csv"), index=False)
        start = partial(
            subprocess.run, cwd=folder, env=environment, check=True, capture_output=True
        )
        for _ in range(ROUNDS):
            for name, command in commands.items():
                rest = 0 if name == ours else seconds[name] * (1 - FIRST / RESAMPLES)
                times[name].append(time_of(partial(start, command)) + rest)
    table = compare_times(times, f"for {RESAMPLES:,}")
    before = pd.DataFrame(times).median() - seconds
    table["of these before and after computing"] = before.map("{:.1f}".format)
    return [
        "### The same as a process of its own",
        "",
        "Started from nothing: it imports what it needs, reads the table, fits, resamples and "
        f"prints. The files are in the cache of the disk. semopy and lavaan fit {FIRST} resamples "
        "in the process; the rest is taken from the table of the path model above.",
        "",
        *write_table(table),
    ]
