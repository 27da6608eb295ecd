"""The tests: what CI waits for, from an empty clone with nothing set up."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from helpers.paths import genuine_folder
from tools.execution import ROOT


def report() -> list[str]:
    """Return a line of Markdown: how long they took, and how many there are.

    Raises
    ------
    RuntimeError
        If one fails.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "book")
        subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)
        own = {"TIBET_REAL_DATA": str(genuine_folder())}
        started = time.perf_counter()
        done = subprocess.run(
            ["make", "test"], cwd=folder, env=os.environ | own, capture_output=True, text=True
        )
        minutes = (time.perf_counter() - started) / 60
    if done.returncode:
        raise RuntimeError(f"make test failed:\n{done.stdout[-20000:]}\n{done.stderr[-3000:]}")
    ends = re.findall(r"^=* ?(\d+ passed.*? in [\d.]+s)", done.stdout, re.MULTILINE)
    return [
        f"`make test` on a clone of the last commit, once, with nothing set up: {minutes:.1f} "
        f"minutes for the packages, the book and the tests (pytest said: {'; '.join(ends)})."
    ]
