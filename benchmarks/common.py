"""What the suites share: clocks, tables, and the machine."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import linregress

from tools.execution import ROOT

COSTS = ["wall s", "CPU s", "peak MB"]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def measure(command: list[str | Path], **environment: str) -> tuple[dict[str, float], str]:
    """Run a process of one thread per library; return its COSTS, and what it printed."""
    own = ONE_THREAD | {"PYTHONPATH": str(ROOT)} | environment
    done = subprocess.run(
        [sys.executable, "-S", Path(__file__).with_name("cost.py"), *command],
        cwd=ROOT,
        env=os.environ | own,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{command}\n{done.stdout}{done.stderr}")
    *told, cost = done.stdout.splitlines()
    return dict(zip(COSTS, json.loads(cost), strict=True)), "\n".join(told)


def exponents(points: pd.DataFrame, quantities: Iterable[str]) -> pd.DataFrame:
    """Return slopes of lines through logarithms, ± standard errors, for each thing that grows."""
    shown = {}
    for what, of_what in points.groupby("what", sort=False):
        sizes = of_what[what].astype(float)
        shown[what] = {"range": f"{sizes.min():,.0f} to {sizes.max():,.0f}"}
        for name in quantities:
            line = linregress(np.log(sizes), np.log(of_what[name]))
            ends = " to ".join(map(show, of_what[name].iloc[[0, -1]]))
            shown[what][name] = f"{line.slope:.2f} ± {line.stderr:.2f} ({ends})"
    return pd.DataFrame(shown).T


def compare(rounds: dict[str, list[float]], quantity: str) -> pd.DataFrame:
    """Return a quantity of each method, the first being the unit of the ratios.

    Median (smallest to largest) of its rounds; how many times the first's median that is, and at
    least (smallest over the first's largest).
    """
    table = pd.DataFrame({name: pd.Series(each) for name, each in rounds.items()})
    table = table.agg(["median", "min", "max"]).T
    spread = table.map(show)
    own = table.iloc[0]
    columns = {
        quantity: spread["median"] + " (" + spread["min"] + " to " + spread["max"] + ")",
        "times ours": (table["median"] / own["median"]).map(show),
        "at least": (table["min"] / own["max"]).map(show),
    }
    shown = pd.DataFrame(columns)
    shown.iloc[0, 1:] = ["1", ""]
    return shown


def show(number: float) -> str:
    """Write a number with three digits."""
    return f"{number:,.3g}" if abs(number) < 100 else f"{number:,.0f}"


def write_table(table: pd.DataFrame, first: str = "method") -> str:
    """Return a table as Markdown; `first` is the heading of the index."""
    return table.fillna("").rename_axis(first).to_markdown(disable_numparse=True)


def describe_machine(packages: Iterable[str] = ("numpy", "scipy", "semopy")) -> str:
    """Return processor, Python, and the versions of these packages."""
    told = Path("/proc/cpuinfo")
    named = (
        re.search(r"model name\s*: (.+)", told.read_text(encoding="utf-8"))
        if told.exists()
        else None
    )
    processor = named[1] if named else platform.processor() or platform.machine()
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{processor}, {os.cpu_count()} cores, {platform.system()}; "
        f"Python {platform.python_version()}, {versions}"
    )
