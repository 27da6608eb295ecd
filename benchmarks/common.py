"""What the suites share: clocks, tables, and the machine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import linregress


def time_of(function: Callable[[], object]) -> float:
    """Return the seconds that one call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def exponent_of(sizes: pd.Series, values: pd.Series) -> tuple[float, float]:
    """Return the slope of the least-squares line through the logarithms, and its standard error."""
    line = linregress(np.log(sizes.astype(float)), np.log(values))
    return line.slope, line.stderr


def compare_times(times: dict[str, list[float]], unit: str) -> pd.DataFrame:
    """Return the columns on time of each method; the first one is the unit of the ratios.

    Parameters
    ----------
    times : dict
        By method: seconds of each round, for the same work.
    unit : str
        What the seconds are of, for the heading.

    Returns
    -------
    pandas.DataFrame
        Median, shortest and longest; how many times the first's median that is, and at least
        (shortest over its longest).
    """
    table = pd.DataFrame({name: pd.Series(each) for name, each in times.items()})
    table = table.agg(["median", "min", "max"]).T
    own = table.iloc[0]
    columns = {
        f"seconds {unit}": table["median"].map(_digits),
        "shortest to longest": table["min"].map(_digits) + " to " + table["max"].map(_digits),
        "times as long": (table["median"] / own["median"]).map("{:,.0f}".format),
        "at least": (table["min"] / own["max"]).map("{:,.0f}".format),
    }
    shown = pd.DataFrame(columns)
    shown.iloc[0, 2:] = ["1", ""]
    return shown


def _digits(seconds: float) -> str:
    return f"{seconds:,.3g}" if seconds < 100 else f"{seconds:,.0f}"


def write_table(table: pd.DataFrame, first: str = "method") -> list[str]:
    """Return lines of Markdown, numbers to the right; `first` is the heading of the index."""
    rows = [[first, *table.columns], ["---", *["---:"] * table.shape[1]]]
    rows += [[name, *row] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    return [f"| {' | '.join(map(str, row))} |" for row in rows]


def describe_machine(packages: Iterable[str] = ("numpy", "scipy", "semopy")) -> str:
    """Return processor, Python, and the versions of these packages."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = named[0] if named else platform.processor() or platform.machine()
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{processor}, {os.cpu_count()} cores, {platform.system()}; "
        f"Python {platform.python_version()}, {versions}"
    )
