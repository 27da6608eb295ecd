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
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
import nbformat
import pandas as pd
import yaml

from benchmarks.common import write_table
from helpers.paths import genuine_folder
from tools.execution import AT_A_TIME, ROOT

REPEATS = 3
CHAPTER, HELPER = "04_elevation_gradients", "helpers/statistics/gradients.py"
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
        f"changes is `{CHAPTER}`, here also as a script; the helper is `{HELPER}`: a change of "
        "any helper executes all notebooks.",
        "",
        *write_table(table.map("{:.1f}".format)),
    ]


def time_builds(folder: Path) -> dict[str, float]:
    """Build a checkout, which may be changed, in every way and return the seconds of each."""
    for name in ("_build", "least"):
        shutil.rmtree(folder / name, ignore_errors=True)
    times = {"clean build": run(folder, *BUILD), "nothing changed": run(folder, *BUILD)}
    chapter = folder / "book" / "notebooks" / f"{CHAPTER}.ipynb"
    notebook = nbformat.read(chapter, 4)
    [*_, last] = [cell for cell in notebook.cells if cell.cell_type == "code"]
    last.source += f"\n# {time.time()}"
    nbformat.write(notebook, chapter)
    times["one notebook changed"] = run(folder, *BUILD)
    with (folder / HELPER).open("a") as file:
        file.write(f"# {time.time()}\n")
    times["one helper changed"] = run(folder, *BUILD)

    config = yaml.safe_load((folder / "_config.yml").read_text(encoding="utf-8"))
    config["execute"]["execute_notebooks"] = "off"
    unexecuted = folder / "_build" / "unexecuted.yml"
    unexecuted.write_text(yaml.safe_dump(config), encoding="utf-8")
    times["Sphinx alone"] = run(folder, *RENDER, "--config", unexecuted, "--path-output", "least")
    scripts = write_scripts(folder)
    times["one script"] = run(folder, sys.executable, scripts[CHAPTER])
    started = time.perf_counter()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(lambda script: run(folder, sys.executable, script), scripts.values()))
    times["all scripts"] = time.perf_counter() - started
    return times


def write_scripts(folder: Path) -> dict[str, Path]:
    """Write the code of each page that is executed beside it, without Jupyter."""
    scripts = {}
    pages = [*folder.glob("book/notebooks/*.md"), *folder.glob("book/*.md")]
    for path in sorted(path for path in pages if "\nkernelspec:" in path.read_text()):
        cells = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]
        scripts[path.stem] = path.with_suffix(".py")
        scripts[path.stem].write_text("\n\n".join(cells), encoding="utf-8")
    return scripts


def run(folder: Path, *command: str | Path) -> float:
    """Run a command of a checkout, a script where it lies; return the seconds that it took."""
    script = isinstance(command[-1], Path) and command[-1].suffix == ".py"
    own = {
        "PYTHONPATH": str(folder),
        "TIBET_REAL_DATA": str(genuine_folder()),
        "MPLBACKEND": "agg",
    }
    started = time.perf_counter()
    subprocess.run(
        command,
        cwd=command[-1].parent if script else folder,
        env=os.environ | own,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started
