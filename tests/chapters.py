"""What an executed chapter says: its prose, and what its cells show."""

from __future__ import annotations

from functools import cache

import nbformat

from tools.execution import NOTEBOOKS


@cache
def read_chapter(number: str) -> nbformat.NotebookNode:
    return nbformat.read(next(NOTEBOOKS.glob(f"{number}_*.ipynb")), 4)


@cache
def words(number: str) -> str:
    """Return prose, sentences and tables of outputs, and alternative texts, on one line."""
    parts = []
    for cell in read_chapter(number).cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        for output in cell.get("outputs", []):
            parts += [
                output.get("data", {}).get(f"text/{kind}", "") for kind in ("markdown", "html")
            ]
            parts.append(output.get("metadata", {}).get("image/png", {}).get("alt", ""))
    return " ".join(" ".join(parts).split())
