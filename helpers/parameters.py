"""What may be changed in a notebook: its parameters, read from its own cell and checked.

The comment of a number gives its range: ``between 0 and 1`` (without the ends), ``from 0 to 1``
(with them) or ``at least 0``; that of a text with a closed list of values quotes them (``"amos" or
"lavaan"``).
"""

from __future__ import annotations

import ast
import math
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from helpers.errors import Faults, InputError

_NUMBER = r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)"
_RANGE = re.compile(
    rf"\bbetween {_NUMBER} and {_NUMBER}|\bfrom {_NUMBER} to {_NUMBER}|\bat least {_NUMBER}"
)
# Python reads more as a number (1_000, or digits of another script), which is likely a slip
_WRITTEN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BOOKS = ("embedded", "genuine")  # sources that are no folder of a reader
_checked: dict[str, object] = {}  # parameters of the chapter that runs in this process


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
            own = "or a folder" + " or a table" * (self.default == "embedded")
            any_other = (own if self.name == "source" else "or another text",)
            others = [f'or "{choice}"' for choice in self.choices[1:]] or any_other
            return " ".join([f'"{(self.choices or (self.default,))[0]}"', *others])
        comma = "," if self.limits.startswith("at") else ""
        kind = "a whole number" if self.kind == "int" else "a number"
        return f"{kind}{comma} {self.limits}".rstrip()

    def takes(self, value: Any) -> bool:
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


def read_cell(source: str) -> dict[str, Parameter]:
    """Return the parameters that a cell declares, by name, in its order."""
    known, lines = {}, source.splitlines()
    for line in ast.parse(source).body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value:
            comment = lines[(line.end_lineno or 1) - 1][line.end_col_offset :].strip(" #")
            name, kind = line.target.id, ast.unparse(line.annotation)
            known[name] = _parse(name, kind, _evaluate(line.value), comment)
    return known


def _evaluate(value: ast.expr) -> object:
    try:
        return ast.literal_eval(value)
    except ValueError:  # computed, by a reader who edits the cell
        return ast.unparse(value)


def _parse(name: str, kind: str, default: object, comment: str) -> Parameter:
    if kind == "str":
        choices = re.findall(r'"([^"]+)"', comment)
        if choices and comment.startswith("or "):
            choices = [str(default), *choices]
        return Parameter(name, kind, default, comment, choices=tuple(dict.fromkeys(choices)))
    if not (found := _RANGE.search(comment)):
        return Parameter(name, kind, default, comment)
    low, high, *_ = [*(float(end) for end in found.groups() if end), math.inf]
    return Parameter(name, kind, default, comment, found[0], low, high)


def check_values(
    notebook: str, known: Mapping[str, Parameter], values: Mapping[str, object]
) -> dict[str, object]:
    """Check values, typed or as texts, against the parameters of a notebook; all faults at once.

    A whole number may stand for a float, not the other way round. Floats are returned as floats,
    and the folder or table of ``source`` as an absolute path.
    """
    faults, checked = Faults(), {}
    for name, value in values.items():
        with faults.gather():
            checked[name] = _check(notebook, known, name, value)
    faults.refuse()
    return checked


def check_parameters(scope: dict[str, Any]) -> None:
    """Check the parameters that a chapter is run with, however they were set.

    Each chapter calls it once, below its parameters, with ``globals()``: so papermill, JupyterLab
    and VS Code refuse what ``make run`` refuses. A text that spells a number or a truth value
    becomes one, and the folder or table of ``source`` an absolute path.

    Parameters
    ----------
    scope : dict
        The names of the notebook. IPython keeps the cells that were executed as its ``In``; where
        there is none, in a script, nothing is checked.

    Examples
    --------
    >>> cell, injected = "seed: int = 2022  # at least 0", "# Parameters\\nseed = -1"
    >>> check_parameters({"In": [cell, injected], "seed": -1})
    Traceback (most recent call last):
    helpers.errors.InputError: parameter 'seed'
      needed: a whole number, at least 0
      found:  -1
      mend:   give a value like 2022, the book's
    """
    known: dict[str, Parameter] = {}
    given: set[str] = set()
    for cell in scope.get("In", ()):
        try:
            lines = ast.parse(cell).body
        except SyntaxError:  # one of IPython's own commands
            continue
        if lines and all(isinstance(line, ast.AnnAssign) for line in lines):
            known, given = read_cell(cell), set()
        elif cell.startswith("# Parameters\n"):  # as papermill heads what it injects
            names = [line.targets[0] for line in lines if isinstance(line, ast.Assign)]
            given |= {name.id for name in names if isinstance(name, ast.Name)}
    values = {name: scope[name] for name in [*known, *sorted(given - {*known})] if name in scope}
    _checked.clear()
    _checked.update(check_values("", known, values))
    scope.update(_checked)


def reads_own_data() -> bool:
    """Return whether the chapter that runs in this process reads a folder of the reader's.

    It has told so to :func:`check_parameters`; elsewhere there is no chapter, and no such folder.

    Examples
    --------
    >>> reads_own_data()
    False
    """
    return _checked.get("source", "embedded") not in _BOOKS


def _check(notebook: str, known: Mapping[str, Parameter], name: str, value: Any) -> object:
    where = f"{notebook}: parameter {name!r}".removeprefix(": ")
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
        like = [each for each in (parameter.default, *parameter.choices) if parameter.takes(each)]
        raise InputError(
            where,
            needed=parameter.allowed,
            found=repr(value),
            mend=f"give a value like {like[0]!r}, the book's"
            if like
            else "give a value that is allowed",
        )
    word = "genuine" if parameter.default == "genuine" else "embedded"
    if name == "source" and value != word:
        folder = os.path.expanduser(value)  # unlike pathlib's, it leaves a "~name" nobody has
        if not (os.path.isdir(folder) or (word == "embedded" and os.path.isfile(folder))):
            raise InputError(
                where,
                needed=parameter.allowed,
                found=f"the file {value!r}"
                if os.path.isfile(folder)
                else f"{value!r}: there is no folder or file {os.path.abspath(folder)}",
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
