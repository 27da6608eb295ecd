"""``make key``: the instructor's key, apart from the book: all exercises with their answers.

``exercises.csv`` is for course systems and spreadsheets, ``key.html`` has the questions and what
their solutions gave when the book was executed.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat
import pandas as pd
from nbformat.v4 import new_markdown_cell, new_notebook

from helpers.exercises import find_margin, load_exercises, show_answer
from tools.execution import NOTEBOOKS, ROOT
from tools.handouts import gather
from tools.page import render_page

FOLDER = ROOT / "_build" / "key"
_QUESTION = re.compile(r"^\*\*(\d)\.\*\* \([a-z-]+\) ", re.M)


def write_key(folder: Path = FOLDER) -> None:
    """Write ``exercises.csv`` and ``key.html``, both from the executed chapters, into a folder."""
    chapters = {path.stem: nbformat.read(path, 4) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    table = list_exercises(chapters)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as other:
        notebook = Path(other, "key.ipynb")
        nbformat.write(_gather_solutions(chapters, table), notebook)
        page = render_page(notebook, folder, title="Key")
    # a spreadsheet takes a file without this mark for one in its own encoding
    table.to_csv(folder / "exercises.csv", encoding="utf-8-sig")
    (folder / "key.html").write_text(page, encoding="utf-8")


def list_exercises(chapters: Mapping[str, nbformat.NotebookNode]) -> pd.DataFrame:
    """Return all exercises with question, answer, tolerance (in the answer's unit) and hints."""
    listed = load_exercises()
    answers = gather(chapters.values())
    asked = {
        exercise: (_find_title(chapters[name]), question)
        for name in chapters
        for exercise, question in _find_questions(name, chapters[name])
    }
    rows = {}
    for exercise, row in listed.iterrows():
        known = answers[exercise]
        answer = known["answer"]
        chapter, question = asked[exercise]
        rows[exercise] = {
            "chapter": chapter,
            "level": row["level"],
            "question": question,
            **row[["kind", "choices", "unit", "decimals"]],
            "answer": ", ".join(answer) if isinstance(answer, list) else answer,
            "tolerance": find_margin(row, answer, known["tolerance"]),
            "hints": "\n".join(
                f"{show_answer(row, wrong)}: {hint}" for wrong, hint in known["hints"]
            ),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("exercise")


def _find_title(chapter: nbformat.NotebookNode) -> str:
    return chapter.cells[0].source.splitlines()[0].removeprefix("# ")


def _find_questions(name: str, chapter: nbformat.NotebookNode) -> Iterator[tuple[str, str]]:
    """Yield the number and the text of each exercise, without what only a page can show."""
    text = "\n\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    text = text.split("## Exercises\n")[1].split("\n## ")[0]
    _, *parts = _QUESTION.split(text)
    for number, question in zip(parts[::2], parts[1::2], strict=True):
        question = re.sub(r"\{numref\}`[^`]+`", "the figure of the chapter", question.strip())
        yield f"{name[:2]}.{number}", re.sub(r"(?<!\n)\n(?![\n-])", " ", question)


def _gather_solutions(
    chapters: Mapping[str, nbformat.NotebookNode], table: pd.DataFrame
) -> nbformat.NotebookNode:
    cells = [new_markdown_cell("# Key to the exercises")]
    for name, chapter in chapters.items():
        title = f"## {int(name[:2])} · [{_find_title(chapter)}]({name}.md)"
        cells.append(new_markdown_cell(title))
        solutions = (cell for cell in chapter.cells if "solution" in cell.metadata.get("tags", []))
        rows = table[table.index.str.startswith(f"{name[:2]}.")]
        for (exercise, row), solution in zip(rows.iterrows(), solutions, strict=True):
            solution.metadata["tags"] = ["hide-input"]
            hints = "".join(f"- {hint}\n" for hint in row["hints"].splitlines())
            question = f"### Exercise {exercise} ({row['level']})\n\n{row['question']}"
            replies = f"**Wrong answers, and what they hear**\n\n{hints}"
            cells += [new_markdown_cell(question), solution]
            cells += [new_markdown_cell(replies)] * bool(hints)
    return new_notebook(cells=cells, metadata=chapter.metadata)


if __name__ == "__main__":
    write_key()
    print(f"the key, for instructors alone: {FOLDER}")
