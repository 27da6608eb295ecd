"""What may be changed in a notebook: its parameters, read from its own cell and checked.

The comment of a number gives its range: ``between 0 and 1`` (without the ends), ``from 0 to 1``
(with them) or ``at least 0``; that of a text with a closed list of values quotes the others (``or
"lavaan"``). ``make refresh`` writes the page of all parameters from the same cells.
"""

from __future__ import annotations

import ast
import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import nbformat
import papermill

from helpers.errors import InputError
from tools.execution import NOTEBOOKS

GENERATED = "_generated/parameters.md"
_NUMBER = r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)"
_RANGE = re.compile(
    rf"\bbetween {_NUMBER} and {_NUMBER}|\bfrom {_NUMBER} to {_NUMBER}|\bat least {_NUMBER}"
)
# Python reads more as a number (1_000, or digits of another script), which is likely a slip
_WRITTEN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell.

    `limits` are the words of its comment that give a number its range, `choices` all that a text
    may be; both are empty where any will do.
    """

    name: str
    kind: str
    default: object
    comment: str
    limits: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """Say which values it takes."""
        if self.kind == "bool":
            return "True or False"
        if self.kind == "str":
            any_other = ("or a folder" if self.name == "source" else "or another text",)
            others = [f'or "{choice}"' for choice in self.choices[1:]] or any_other
            return " ".join([f'"{self.default}"', *others])
        comma = "," if self.limits.startswith("at") else ""
        kind = "a whole number" if self.kind == "int" else "a number"
        return f"{kind}{comma} {self.limits}".rstrip()

    def takes(self, value: object) -> bool:
        """Return whether a value has the right type and is allowed."""
        types = {"str": str, "bool": bool, "int": int, "float": (int, float)}[self.kind]
        if not isinstance(value, types) or isinstance(value, bool) != (self.kind == "bool"):
            return False
        if self.kind in ("str", "bool"):
            return not self.choices or value in self.choices
        if not abs(value) <= sys.float_info.max:  # as good as infinite, or nan
            return False
        if self.limits.startswith("between"):
            return self.low < value < self.high
        return self.low <= value <= self.high


def list_parameters(notebook: Path) -> dict[str, Parameter]:
    """Return the parameters of a notebook by name, in its order."""
    return dict(_read_cell(notebook, notebook.stat().st_mtime_ns))


@cache
def _read_cell(notebook: Path, changed: int) -> dict[str, Parameter]:
    """Read a notebook once for each time that it was `changed`: sweeps ask often."""
    return {
        name: _parse(name, ast.literal_eval(about["default"]), about["help"].strip())
        for name, about in papermill.inspect_notebook(str(notebook)).items()
    }


def _parse(name: str, default: object, comment: str) -> Parameter:
    kind = type(default).__name__
    if kind == "str":
        others = re.findall(r'"([^"]+)"', comment)
        choices = tuple(dict.fromkeys([default, *others])) if others else ()
        return Parameter(name, kind, default, comment, choices=choices)
    if not (found := _RANGE.search(comment)):
        return Parameter(name, kind, default, comment)
    low, high, *_ = [*(float(end) for end in found.groups() if end), math.inf]
    return Parameter(name, kind, default, comment, found[0], low, high)


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
    """Check values, typed or as texts, against the notebook's own parameters.

    A whole number may stand for a float, not the other way round. Floats are returned as floats,
    and the folder of ``source`` as an absolute path.
    """
    known = list_parameters(notebook)
    return {name: _check(notebook.stem, known, name, value) for name, value in values.items()}


def _check(notebook: str, known: Mapping[str, Parameter], name: str, value: object) -> object:
    where = f"{notebook}: parameter {name!r}"
    if name not in known:
        told = [
            f"    {f'{each.name}: {each.kind} = {each.default!r}':<30} {each.comment}"
            for each in known.values()
        ]
        near = get_close_matches(str(name).lower(), known, n=1)
        raise InputError(
            where,
            needed="\n".join(["one of these names", *told]),
            found=repr(name),
            mend=f"did you mean {near[0]}?" if near else "give one of these names",
        )
    parameter = known[name]
    value = _read(parameter.kind, value) if isinstance(value, str) else value
    if not parameter.takes(value):
        raise InputError(
            where,
            needed=parameter.allowed,
            found=repr(value),
            mend=f"give a value like {parameter.default!r}, the book's",
        )
    if name == "source" and value != parameter.default:
        folder = os.path.expanduser(value)  # unlike pathlib's, it leaves a "~name" nobody has
        if not os.path.isdir(folder):
            raise InputError(
                where,
                needed=parameter.allowed,
                found=f"the file {value!r}"
                if os.path.isfile(folder)
                else f"{value!r}: there is no folder {os.path.abspath(folder)}",
                mend="check the path (one with spaces needs quotes)",
            )
        return str(Path(folder).resolve())
    return float(value) if parameter.kind == "float" else value


def _read(kind: str, text: str) -> object:
    """Return the value that a text means, or the text itself where it is none of this kind."""
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind == "str" or not _WRITTEN.fullmatch(text):
        return text
    try:
        return int(text) if kind == "int" else float(text)
    except ValueError:  # a fraction for a whole number, or thousands of digits
        return text


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
