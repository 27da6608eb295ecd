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
from jupyter_cache import get_cache

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
    middle = table["median"]
    goals = {
        "clean build": 1.3 * middle["least for a clean build"],
        "nothing changed": 5,
        "one notebook changed": 1.3 * middle["one script"] + 8,
    }
    over = middle["clean build"] / middle["least for a clean build"]
    shown = table.map("{:.1f}".format)
    shown["goal, at most"] = pd.Series(goals).map("{:.1f}".format).reindex(shown.index).fillna("")
    return [
        f"Seconds of {REPEATS} rounds on a clone of the last commit: median, shortest, longest. A "
        "clean build begins with an empty `_build/`. The least for it is Sphinx alone (the same "
        "pages, nothing executed) and then all scripts (the code of the same notebooks, "
        f"{AT_A_TIME} at a time): the clean build took {over:.2f} times that. The notebook that "
        f"changes is `{CHAPTER}`, here also as a script; the helper is `{HELPER}`. Goals: 1.3 "
        "times the least; 5 seconds; 1.3 times the script and 8 seconds for Sphinx.",
        "",
        f"Of the clean build, kernels take {middle['of it, notebooks in kernels']:.0f} seconds: "
        "each has to start and to end, and makes a picture of each figure and a page of each "
        "table, which scripts do not. The rest is Sphinx, which has these outputs to render, and "
        "the command itself.",
        "",
        *write_table(shown),
    ]


def time_builds(folder: Path) -> dict[str, float]:
    """Build a checkout in every way and return the seconds of each.

    Parameters
    ----------
    folder : Path
        A checkout that may be changed.
    """
    for name in ("_build", "least"):
        shutil.rmtree(folder / name, ignore_errors=True)
    times = {"clean build": run(folder, *BUILD)}
    records = get_cache(folder / "_build" / ".jupyter_cache").list_cache_records()
    executed = sum(record.data["execution_seconds"] for record in records)
    times["of it, notebooks in kernels"] = executed / AT_A_TIME
    times["nothing changed"] = run(folder, *BUILD)
    chapter = folder / "book" / "notebooks" / f"{CHAPTER}.ipynb"
    notebook = nbformat.read(chapter, 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code[-1].source += f"\n# {time.time()}"
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
    times["one script"] = run_script(folder, scripts[CHAPTER])
    started = time.perf_counter()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(lambda script: run_script(folder, script), scripts.values()))
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


def run_script(folder: Path, script: Path) -> float:
    """Run a script where its notebook lies and return the seconds that it took."""
    return run(folder, sys.executable, script, cwd=script.parent, MPLBACKEND="agg")


def run(folder: Path, *command: str | Path, cwd: Path | None = None, **environment: str) -> float:
    """Run a command of a checkout and return the seconds that it took."""
    own = {"PYTHONPATH": str(folder), "TIBET_REAL_DATA": str(genuine_folder())}
    started = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=cwd or folder,
        env=os.environ | own | environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return time.perf_counter() - started
