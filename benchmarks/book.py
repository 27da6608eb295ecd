"""The book: how long it takes to build, clean and after a change, beside the least it could take.

A clone of the last commit is built in a scratch folder. The least is what cannot be left out:
Sphinx over the notebooks with execution switched off, and the code of the same notebooks as plain
scripts, as many at a time as the book executes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from timeit import timeit

import jupytext
import nbformat
import pandas as pd

from benchmarks.common import write_table
from helpers.paths import genuine_folder
from tools.execution import AT_A_TIME, ROOT

REPEATS = 3
CHAPTER = "book/notebooks/04_elevation_gradients.ipynb"
HELPER = "helpers/statistics/gradients.py"
BUILD = (sys.executable, "-m", "tools.book")
RENDER = (Path(sys.executable).with_name("jupyter-book"), "build", "-q", ".")


def report() -> list[str]:
    """Return lines of Markdown: what was timed, and the table."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "book")
        subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)
        (folder / ".venv").symlink_to(sys.prefix)
        times = pd.DataFrame([time_builds(folder) for _ in range(REPEATS)])
    times["least for a clean build"] = times["Sphinx alone"] + times["all scripts"]
    table = times.agg(["median", "min", "max"]).T
    over = table["median"]["clean build"] / table["median"]["least for a clean build"]
    return [
        f"Seconds of {REPEATS} rounds on a clone of the last commit: median, shortest, longest. A "
        "clean build begins with an empty `_build/`. The least for it is Sphinx alone (the same "
        "pages, nothing executed) and then all scripts (the code of the same notebooks, "
        f"{AT_A_TIME} at a time): the clean build took {over:.2f} times that. The notebook that "
        f"changes is `{CHAPTER}`, the helper `{HELPER}`: a change of any helper executes all "
        "notebooks.",
        "",
        write_table(table.map("{:.1f}".format)),
    ]


def time_builds(folder: Path) -> dict[str, float]:
    """Build a checkout, which may be changed, in every way and return the seconds of each."""
    for name in ("_build", "least"):
        shutil.rmtree(folder / name, ignore_errors=True)
    build = partial(run, folder, *BUILD)
    times = {"clean build": build(), "nothing changed": build()}
    notebook = nbformat.read(folder / CHAPTER, 4)
    notebook.cells.append(nbformat.v4.new_code_cell("pass"))
    nbformat.write(notebook, folder / CHAPTER)
    times["one notebook changed"] = build()
    with (folder / HELPER).open("a") as file:
        file.write("# more\n")
    times["one helper changed"] = build()

    config = (folder / "_config.yml").read_text(encoding="utf-8")
    unexecuted = folder / "_build" / "unexecuted.yml"
    unexecuted.write_text(config.replace("execute_notebooks: cache", "execute_notebooks: off"))
    times["Sphinx alone"] = run(folder, *RENDER, "--config", unexecuted, "--path-output", "least")
    scripts = write_scripts(folder)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        times["all scripts"] = timeit(
            lambda: list(pool.map(lambda s: run(s.parent, sys.executable, s), scripts)), number=1
        )
    return times


def write_scripts(folder: Path) -> list[Path]:
    """Write the code of each page that is executed beside it, without Jupyter."""
    scripts = []
    for path in sorted(folder.glob("book/**/*.md")):
        if "\nkernelspec:" in path.read_text(encoding="utf-8"):
            cells = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]
            scripts.append(path.with_suffix(".py"))
            scripts[-1].write_text("\n\n".join(cells), encoding="utf-8")
    return scripts


def run(place: Path, *command: str | Path) -> float:
    """Run a command in a folder of a checkout; return the seconds that it took."""
    checkout = next(folder for folder in (place, *place.parents) if (folder / "make.py").exists())
    own = {"PYTHONPATH": str(checkout), "TIBET_REAL_DATA": str(genuine_folder())}
    how = {"cwd": place, "env": os.environ | own | {"MPLBACKEND": "agg"}, "check": True}
    return timeit(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, **how), number=1)
