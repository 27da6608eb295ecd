"""``make handouts``: the notebooks without solutions and outputs, for a class.

``make refresh`` also collects here what the solutions answer (:func:`write_answers`).
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor

from helpers.commands.execution import NOTEBOOKS, ROOT
from helpers.exercises import ANSWERS, gather, load_exercises, show_answer

HANDOUTS = ROOT / "_build" / "handouts"
_SOLUTION = "solution"  # tag of a cell
_TABLE = """| exercise | level | what it trains | answer | what wrong answers hear |
| --- | --- | --- | --- | --- |
"""


def write_answers(notebooks: Path = NOTEBOOKS) -> None:
    """Write ``data/answers.json`` and the instructor's table from executed notebooks."""
    answers = gather(nbformat.read(path, 4) for path in sorted(notebooks.glob("*.ipynb")))
    text = json.dumps(answers, ensure_ascii=False, indent=1, sort_keys=True)
    ANSWERS.write_text(text + "\n", encoding="utf-8")
    rows = []
    for exercise, listed in load_exercises().iterrows():
        answer = answers[exercise]
        hints = " ".join(
            f"{show_answer(listed, wrong)}: *{hint}*" for wrong, hint in answer["hints"]
        )
        cells = (
            exercise,
            listed["level"],
            listed["objective"],
            show_answer(listed, answer["answer"]),
            hints,
        )
        rows.append(f"| {' | '.join(cells)} |\n")
    generated = notebooks.parent / "_generated" / "exercises.md"
    generated.write_text(_TABLE + "".join(rows), encoding="utf-8")


def strip(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook without its solutions and outputs."""
    for preprocessor in (
        TagRemovePreprocessor(remove_cell_tags={_SOLUTION}),
        ClearOutputPreprocessor(),
    ):
        notebook, _ = preprocessor.preprocess(notebook, {})
    return notebook


def write_handouts(folder: Path = HANDOUTS) -> list[Path]:
    """Write a handout of every chapter and return their paths; an older folder is replaced."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        nbformat.write(strip(nbformat.read(path, 4)), part / path.name)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return sorted(folder.iterdir())


def main() -> int:
    made = write_handouts()
    print(f"{len(made)} handouts: {HANDOUTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
