"""The parameters of the book's notebooks: read from files, typed by users, listed on their page.

``make refresh`` writes the page of all parameters from the notebooks' own cells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import nbformat

from helpers.errors import InputError
from helpers.parameters import Parameter, read_cell
from helpers.parameters import check_values as check_against
from tools.execution import NOTEBOOKS

GENERATED = "_generated/parameters.md"


def list_parameters(notebook: Path) -> dict[str, Parameter]:
    """Return the parameters of a notebook by name, in its order."""
    return dict(_read_notebook(notebook, notebook.stat().st_mtime_ns))


@cache
def _read_notebook(notebook: Path, changed: int) -> dict[str, Parameter]:
    """Read a notebook once for each time that it was `changed`: sweeps ask often."""
    cells = nbformat.read(notebook, 4).cells
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    return read_cell("\n".join(tagged))


def read_assignments(notebook: Path, assignments: Sequence[str]) -> dict[str, object]:
    """Check ``name=value`` texts, as typed by the user, against the notebook's own parameters."""
    values: dict[str, object] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not (name and equals):
            raise InputError(
                f"{notebook.stem}: parameters",
                needed="name=value, one or more of them",
                found=repr(assignment),
                mend="no spaces around =, and quotes around a value with spaces: name='a b'",
            )
        if name in values:
            raise InputError(
                f"{notebook.stem}: parameter {name!r}",
                needed="one value",
                found=f"{values[name]!r} and {text!r}",
                mend="name each parameter once",
            )
        values[name] = text
    return check_values(notebook, values)


def check_values(notebook: Path, values: Mapping[str, object]) -> dict[str, object]:
    """Check values, typed or as texts, against the parameters of a notebook."""
    return check_against(notebook.stem, list_parameters(notebook), values)


def write_parameters() -> None:
    """Write the part of the page of parameters that is made from the notebooks."""
    (NOTEBOOKS.parent / GENERATED).write_text(print_parameters(), encoding="utf-8")


def print_parameters() -> str:
    """Return Markdown: an index of parameters by name, then a table for each chapter."""
    known = {path: list_parameters(path) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    lines = ["## By name", "", "| Parameter | Chapters |", "| --- | --- |"]
    for name in sorted({name for parameters in known.values() for name in parameters}):
        knowing = [path.stem for path, parameters in known.items() if name in parameters]
        links = ", ".join(f"[{int(each[:2])}](notebooks/{each}.md)" for each in knowing)
        lines.append(f"| `{name}` | {links} |")
    lines += ["", "## By chapter", ""]
    for path, parameters in known.items():
        title = nbformat.read(path, 4).cells[0].source.splitlines()[0].removeprefix("# ")
        lines += [f"### {int(path.stem[:2])} · [{title}](notebooks/{path.stem}.md)", ""]
        lines += ["| Parameter | Allowed | Meaning |", "| --- | --- | --- |"]
        for each in parameters.values():
            told = [re.sub('"([^"]+)"', r"`\1`", text) for text in (each.allowed, each.comment)]
            cells = [f"`{each.name}: {each.kind} = {each.default!r}`", *told]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)
