"""What may be changed in a notebook: its parameters, read from its own cell and checked.

The comment of a parameter says which values it takes:

- a number: ``between 0 and 1`` (both ends excluded), ``from 0 to 1`` (both included), or
  ``at least 0``;
- a text with a closed list of values: the comment quotes the others (``or "lavaan"``);
- True or False: nothing.

A number is written with the digits 0 to 9, as 7, -0.5 or 1e-3: what else Python reads as a number
(1_000, or digits of another script) is more likely a slip.

``make refresh`` writes the page of all parameters from the same cells.
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

BOOK = NOTEBOOKS.parent
GENERATED = "_generated/parameters.md"
_NUMBER = r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)"
_RANGE = re.compile(
    rf"\bbetween {_NUMBER} and {_NUMBER}|\bfrom {_NUMBER} to {_NUMBER}|\bat least {_NUMBER}"
)
_WRITTEN = {
    "int": re.compile(r"[+-]?[0-9]+"),
    "float": re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"),
}
_KINDS = {"int": "a whole number", "float": "a number"}
_TRY = {"seed": 7, "confidence": 0.9, "alpha": 0.01, "lowest": 3000}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell.

    Attributes
    ----------
    name : str
        As in the notebook.
    kind : str
        str, int, float or bool.
    default : object
        The value with which the book is made.
    comment : str
        What it means.
    limits : str
        Of a number: the words of the comment that give its range, empty without one.
    low, high : float
        Its ends, infinite where there is none.
    open_ended : bool
        Whether the ends themselves are excluded.
    choices : tuple of str
        Of a text: the values it may take, empty where any will do.
    """

    name: str
    kind: str
    default: object
    comment: str
    limits: str = ""
    low: float = -math.inf
    high: float = math.inf
    open_ended: bool = False
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """Say which values it takes."""
        if self.kind == "bool":
            return "True or False"
        if self.choices:
            return " or ".join(f'"{choice}"' for choice in self.choices)
        if self.kind == "str":
            other = "or a folder" if self.name == "source" else "or another text"
            return f'"{self.default}" {self.comment if self.comment.startswith("or ") else other}'
        comma = "," if self.limits.startswith("at") else ""
        return f"{_KINDS[self.kind]}{comma} {self.limits}".rstrip()

    @property
    def meaning(self) -> str:
        """Say what it means, without what :attr:`allowed` says."""
        if self.comment.replace(",", "") in self.allowed:
            return "–"
        if not self.limits:
            return self.comment
        return re.sub(rf",? ?{re.escape(self.limits)}", "", self.comment)

    def takes(self, value: object) -> bool:
        """Return whether a value has the right type and is allowed."""
        if self.kind in ("bool", "str") or isinstance(value, bool):
            right = isinstance(value, {"bool": bool, "str": str}.get(self.kind, ()))
            return right and (not self.choices or value in self.choices)
        if not isinstance(value, int if self.kind == "int" else (int, float)):
            return False
        if abs(value) > sys.float_info.max:  # as good as infinite
            return False
        if self.open_ended:
            return self.low < value < self.high
        return self.low <= value <= self.high


def list_parameters(notebook: Path) -> dict[str, Parameter]:
    """Return the parameters of a notebook by name, in its order."""
    return dict(_read_cell(notebook, notebook.stat().st_mtime_ns))


@cache
def _read_cell(notebook: Path, changed: int) -> dict[str, Parameter]:
    """Read a notebook once for each time that it was `changed`: sweeps ask often."""
    return {
        name: _parse(name, about["inferred_type_name"], about["default"], about["help"].strip())
        for name, about in papermill.inspect_notebook(str(notebook)).items()
    }


def _parse(name: str, kind: str, default: str, comment: str) -> Parameter:
    value = ast.literal_eval(default)
    kind = kind if kind in _WRITTEN else type(value).__name__
    if kind == "str":
        others = re.findall(r'"([^"]+)"', comment)
        choices = tuple(dict.fromkeys([value, *others])) if others else ()
        return Parameter(name, kind, value, comment, choices=choices)
    if not (found := _RANGE.search(comment)):
        return Parameter(name, kind, value, comment)
    low, high, *_ = [*(float(end) for end in found.groups() if end), math.inf]
    between = found[0].startswith("between")
    return Parameter(name, kind, value, comment, found[0], low, high, open_ended=between)


def read_assignments(notebook: Path, assignments: Sequence[str]) -> dict[str, object]:
    """Check ``name=value`` texts against the notebook's own parameters.

    Parameters
    ----------
    notebook : Path
        An ``.ipynb`` file.
    assignments : sequence of str
        As typed by the user.

    Returns
    -------
    dict
        Values of the declared types, see :func:`check_values`.

    Raises
    ------
    InputError
        As :func:`check_values`; and if a name has no value, or two.
    """
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


def _read(kind: str, text: str) -> object:
    """Return the value that a text means, or the text itself where it is none of this kind."""
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind == "str" or not _WRITTEN[kind].fullmatch(text):
        return text
    try:
        return {"int": int, "float": float}[kind](text)
    except ValueError:  # thousands of digits
        return text


def check_values(notebook: Path, values: Mapping[str, object]) -> dict[str, object]:
    """Check values against the notebook's own parameters.

    Parameters
    ----------
    notebook : Path
        An ``.ipynb`` file.
    values : mapping
        By name, typed or as texts (YAML takes 1e-3 for a text). A whole number may stand for a
        float, but not the other way round.

    Returns
    -------
    dict
        The same, floats as floats, and the folder of ``source`` as an absolute path.

    Raises
    ------
    InputError
        For an unknown name: the known ones are listed, and the nearest is proposed. For a value of
        another type, outside the range, or not among the choices. For a ``source`` that is
        no folder.
    """
    known = list_parameters(notebook)
    return {name: _check(notebook.stem, known, name, value) for name, value in values.items()}


def _check(notebook: str, known: Mapping[str, Parameter], name: str, value: object) -> object:
    where = f"{notebook}: parameter {name!r}"
    if name not in known:
        near = get_close_matches(str(name).lower(), known, n=1)
        raise InputError(
            where,
            needed="\n".join(["one of these names", *map(_line, known.values())]),
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
        return _find_folder(where, parameter, value)
    return float(value) if parameter.kind == "float" else value


def _line(parameter: Parameter) -> str:
    about = f"{parameter.name}: {parameter.kind} = {parameter.default!r}"
    return f"    {about:<30} {parameter.comment}"


def _find_folder(where: str, parameter: Parameter, text: str) -> str:
    path = os.path.expanduser(text)  # unlike pathlib's, it leaves a "~name" that nobody has
    if not os.path.isdir(path):
        raise InputError(
            where,
            needed=parameter.allowed,
            found=f"the file {text!r}"
            if os.path.isfile(path)
            else f"{text!r}: there is no folder {os.path.abspath(path)}",
            mend="check the path (one with spaces needs quotes)",
        )
    return str(Path(path).resolve())


def suggest(parameters: Mapping[str, Parameter]) -> dict[str, object]:
    """Return other values than the book's to try, for at most two parameters."""
    other = {name: value for name, value in _TRY.items() if name in parameters}
    for name, parameter in parameters.items():
        if parameter.kind == "bool":
            other[name] = not parameter.default
        elif parameter.choices:
            other[name] = parameter.choices[-1]
    ordered = [name for name in parameters if name in other]
    return {name: other[name] for name in ordered[:2]}


def write_parameters(notebooks: Path = NOTEBOOKS, book: Path = BOOK) -> None:
    """Write the part of the page of parameters that is made from the notebooks.

    Parameters
    ----------
    notebooks : Path
        Folder with ``.ipynb`` files.
    book : Path
        Folder of the page.
    """
    (book / GENERATED).write_text(print_parameters(notebooks), encoding="utf-8")


def print_parameters(notebooks: Path = NOTEBOOKS) -> str:
    """Return Markdown: an index of parameters by name, then a table for each chapter."""
    chapters = {path.stem: path for path in sorted(notebooks.glob("*.ipynb"))}
    known = {chapter: list_parameters(path) for chapter, path in chapters.items()}
    names = sorted({name for parameters in known.values() for name in parameters})
    index = ["## By name", "", "| Parameter | Chapters |", "| --- | --- |"]
    for name in names:
        knowing = [chapter for chapter in chapters if name in known[chapter]]
        links = ", ".join(f"[{int(each[:2])}](notebooks/{each}.md)" for each in knowing)
        index.append(f"| `{name}` | {links} |")
    tables = [_print_chapter(chapters[chapter], known[chapter]) for chapter in chapters]
    return "\n".join([*index, "", "## By chapter", "", *tables])


def _print_chapter(path: Path, parameters: Mapping[str, Parameter]) -> str:
    title = nbformat.read(path, 4).cells[0].source.splitlines()[0].removeprefix("# ")
    values = " ".join(f"{name}={value}" for name, value in suggest(parameters).items())
    lines = [
        f"### {int(path.stem[:2])} · [{title}](notebooks/{path.stem}.md)",
        "",
        "```bash",
        f"make run NB={path.stem}" + (f' P="{values}"' if values else ""),
        "```",
        "",
        "| Parameter | Allowed | Meaning |",
        "| --- | --- | --- |",
    ]
    for each in parameters.values():
        told = (re.sub('"([^"]+)"', r"`\1`", text) for text in (each.allowed, each.meaning))
        lines.append(f"| `{each.name}: {each.kind} = {each.default!r}` | {' | '.join(told)} |")
    return "\n".join([*lines, ""])
