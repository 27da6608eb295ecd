"""``make handouts``: the notebooks without solutions and outputs, for a class.

``make refresh`` also writes here what the course needs: the answers of the exercises,
and the timetable of the chapters (:func:`write_course`).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nbformat
import pandas as pd
from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor

from helpers.exercises import ANSWERS, KEY, LEVELS, load_exercises
from tools.copies import tell_kept, write_copies
from tools.execution import NOTEBOOKS, ROOT

HANDOUTS = ROOT / "_build" / "handouts"
SECONDS = ROOT / "benchmarks" / "chapters.csv"  # by python -m benchmarks.chapters
MINUTES = dict(zip(LEVELS, (5, 10, 20), strict=True))  # planned for an exercise
_FIRST_CELL = """try:
    import helpers.study
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"there is no {{error.name}} here. Run this in a cell, then restart the kernel:\\n"
        "%pip install ./{wheel}"
    ) from None"""
_CHAPTERS = """| Chapter | Read (min) | Run (s) | Exercises (min) |
| --- | --- | --- | --- |
"""


def write_course(notebooks: Path = NOTEBOOKS) -> None:
    """Write ``data/answers.json`` and the timetable from executed notebooks."""
    chapters = {path.stem: nbformat.read(path, 4) for path in sorted(notebooks.glob("*.ipynb"))}
    answers = gather(chapters.values())
    text = json.dumps(answers, ensure_ascii=False, indent=1, sort_keys=True)
    ANSWERS.write_text(text + "\n", encoding="utf-8")
    (notebooks.parent / "_generated" / "timetable.md").write_text(_plan(chapters), encoding="utf-8")


def gather(notebooks: Iterable[nbformat.NotebookNode]) -> dict[str, dict]:
    """Return the answers that executed notebooks hold, by exercise."""
    cells = (cell for notebook in notebooks for cell in notebook.cells)
    outputs = (output for cell in cells for output in cell.get("outputs", []))
    records = [output.metadata[KEY] for output in outputs if KEY in output.get("metadata", {})]
    kept = ("answer", "tolerance", "hints")
    return {record["exercise"]: {key: record[key] for key in kept} for record in records}


def _plan(chapters: dict[str, nbformat.NotebookNode]) -> str:
    seconds = pd.read_csv(SECONDS, index_col="notebook")["seconds"]
    levels = load_exercises()["level"]
    rows = []
    for name, notebook in chapters.items():
        title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
        planned = levels[levels.index.str.startswith(f"{name[:2]}.")].map(MINUTES)
        rows.append(
            f"| {int(name[:2])} · [{title}](notebooks/{name}.md) | {count_minutes(notebook)} "
            f"| {seconds[name]:.0f} | {' + '.join(map(str, planned))} |\n"
        )
    return _CHAPTERS + "".join(rows)


def count_minutes(notebook: nbformat.NotebookNode) -> int:
    """Estimate the minutes that reading an executed chapter takes, without its exercises."""
    minutes = 0.0
    for cell in notebook.cells:
        tags = {*cell.metadata.get("tags", [])}
        if "solution" in tags:
            continue
        if cell.cell_type == "markdown":
            minutes += _count_words(cell.source.split("\n## Exercises")[0]) / 120
            continue
        if not tags & {"hide-cell", "hide-input", "remove-input"}:
            minutes += len(cell.source.splitlines()) / 30
        for kinds in (output.get("data", {}) for output in cell.outputs):
            minutes += 1.5 * ("image/png" in kinds) + 0.5 * ("text/html" in kinds)
            minutes += _count_words(kinds.get("text/markdown", "")) / 120
    return max(5, 5 * round(minutes / 5))


def _count_words(markdown: str) -> int:
    prose = re.sub(r"\]\(.*?\)|\$\$.*?\$\$|`.*?`", " ", markdown, flags=re.DOTALL)
    return len(re.findall(r"[^\W\d_]+", prose))


def strip(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook without its solutions and outputs, and no pair of any other file."""
    notebook, _ = TagRemovePreprocessor(remove_cell_tags={"solution"}).preprocess(notebook, {})
    notebook.metadata.pop("jupytext", None)
    return ClearOutputPreprocessor().preprocess(notebook, {})[0]


def write_handouts(folder: Path = HANDOUTS) -> list[str]:
    """Write a handout of every chapter, and the wheel of ``helpers`` that they need, into a folder.

    Return the names of handouts kept as changed. Below its title a handout looks for ``helpers``,
    and says how to install the wheel.
    """
    wheel, content = _build_wheel()
    source = _FIRST_CELL.format(wheel=wheel)
    fresh = {wheel: content}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        handout = strip(nbformat.read(path, 4))
        handout.cells.insert(1, nbformat.v4.new_code_cell(source, id="look-for-helpers"))
        fresh[path.name] = f"{nbformat.writes(handout)}\n".encode()
    return write_copies(folder, fresh)


def _build_wheel() -> tuple[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        built = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
        if built.returncode:
            sys.exit(f"the wheel of helpers could not be built:\n{built.stderr}")
        (wheel,) = Path(folder).glob("*.whl")
        return wheel.name, wheel.read_bytes()


def main() -> None:
    kept = write_handouts()
    print(f"handouts of the chapters, and the wheel that they need: {HANDOUTS}")
    tell_kept(kept, "make handouts")


if __name__ == "__main__":
    main()
