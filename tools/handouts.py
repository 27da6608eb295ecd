"""``make handouts``: the notebooks without solutions and outputs, for a class.

``make refresh`` also writes here what the course needs: the answers of the exercises, the
instructor's table of them, and the timetable of the chapters (:func:`write_course`).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import nbformat
import pandas as pd
from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor

from helpers.exercises import ANSWERS, KEY, LEVELS, load_exercises, show_answer
from tools.execution import NOTEBOOKS, ROOT

HANDOUTS = ROOT / "_build" / "handouts"
SECONDS = ROOT / "benchmarks" / "chapters.csv"  # by python -m benchmarks.chapters
MINUTES = dict(zip(LEVELS, (5, 10, 20), strict=True))  # planned for an exercise
_EXERCISES = """| Exercise | Level | What it trains | Answer | What wrong answers hear |
| --- | --- | --- | --- | --- |
"""
_CHAPTERS = """| Chapter | Read (min) | Run (s) | Exercises (min) |
| --- | --- | --- | --- |
"""


def write_course(notebooks: Path = NOTEBOOKS) -> None:
    """Write ``data/answers.json`` and the course's tables from executed notebooks."""
    chapters = {path.stem: nbformat.read(path, 4) for path in sorted(notebooks.glob("*.ipynb"))}
    answers = gather(chapters.values())
    text = json.dumps(answers, ensure_ascii=False, indent=1, sort_keys=True)
    ANSWERS.write_text(text + "\n", encoding="utf-8")
    generated = notebooks.parent / "_generated"
    (generated / "exercises.md").write_text(_list_answers(answers), encoding="utf-8")
    (generated / "timetable.md").write_text(_plan(chapters), encoding="utf-8")


def gather(notebooks: Iterable[nbformat.NotebookNode]) -> dict[str, dict]:
    """Return the answers that executed notebooks hold, by exercise."""
    cells = (cell for notebook in notebooks for cell in notebook.cells)
    outputs = (output for cell in cells for output in cell.get("outputs", []))
    records = [output.metadata[KEY] for output in outputs if KEY in output.get("metadata", {})]
    kept = ("answer", "tolerance", "hints")
    return {record["exercise"]: {key: record[key] for key in kept} for record in records}


def _list_answers(answers: dict[str, dict]) -> str:
    rows = []
    for exercise, listed in load_exercises().iterrows():
        answer = answers[exercise]
        hints = (f"{show_answer(listed, wrong)}: *{hint}*" for wrong, hint in answer["hints"])
        shown = show_answer(listed, answer["answer"])
        cells = (exercise, listed["level"], listed["objective"], shown, " ".join(hints))
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n")
    return _EXERCISES + "".join(rows)


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
    """Return a notebook without its solutions and outputs."""
    notebook, _ = TagRemovePreprocessor(remove_cell_tags={"solution"}).preprocess(notebook, {})
    return ClearOutputPreprocessor().preprocess(notebook, {})[0]


def write_handouts(folder: Path = HANDOUTS) -> list[Path]:
    """Write a handout of every chapter and return their paths; an older folder is replaced."""
    handouts = {path.name: strip(nbformat.read(path, 4)) for path in NOTEBOOKS.glob("*.ipynb")}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, notebook in handouts.items():
        nbformat.write(notebook, folder / name)
    return sorted(folder.iterdir())


if __name__ == "__main__":
    print(f"{len(write_handouts())} handouts: {HANDOUTS}")
