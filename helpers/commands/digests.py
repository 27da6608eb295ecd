"""Checksums of what numbers depend on: a change executes what it concerns, and nothing else."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from helpers.commands.execution import ROOT

_COMMANDS = Path("helpers", "commands")


def digest(root: Path = ROOT) -> str:
    """Return one checksum of all that any notebook's numbers depend on, but itself."""
    helpers = (
        path for path in root.glob("helpers/**/*.py") if root / _COMMANDS not in path.parents
    )
    return _sum_up([*helpers, *_inputs(root), *_results(root)], root)


def digest_of(notebook: NotebookNode, root: Path = ROOT) -> str:
    """Return one checksum of all that a notebook's numbers depend on, but itself.

    Of the helpers these are the modules that its code imports, and those that they import; where
    the code cannot be read, it is all of them. Of the tables of results it is those that the code
    names.
    """
    code = (cell.source for cell in notebook.cells if cell.cell_type == "code")
    plain = TransformerManager().transform_cell("\n".join(code))  # without magics
    named = (path for path in _results(root) if path.stem in plain)
    try:
        return _sum_up([*_modules(plain, root), *_inputs(root), *named], root)
    except SyntaxError:  # the kernel will say where
        return digest(root)


def digest_pages(root: Path = ROOT) -> str:
    """Return one checksum of what makes pages of executed notebooks."""
    return _sum_up((root / _COMMANDS).glob("*"), root)


def digest_everything(root: Path = ROOT) -> str:
    """Return one checksum of all files that a build of the book reads."""
    folders = ("book", "helpers", "data")
    files = [path for folder in folders for path in root.glob(f"{folder}/**/*")]
    files += [root / name for name in ("requirements.lock", "pyproject.toml", "CITATION.cff")]
    return _sum_up([*files, *root.glob("*.yml"), *root.glob("benchmarks/*.csv")], root)


def _inputs(root: Path) -> Iterator[Path]:
    yield from root.glob("data/**/*")
    yield root / "requirements.lock"


def _results(root: Path) -> Iterator[Path]:
    """Yield the tables of the book that benchmarks and a sweep wrote; a reader's own are others."""
    yield from root.glob("benchmarks/*.csv")
    yield root / "book" / "sweeps" / "what_survives_small.parquet"


def _sum_up(files: Iterable[Path], root: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(file for file in files if file.is_file() and file.suffix != ".pyc"):
        total.update(f"{path.relative_to(root)} {path.stat().st_size}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _modules(code: str, root: Path) -> set[Path]:
    """Return the files below `root` that code imports, directly or through each other."""
    found, waiting = set(), [code]
    while waiting:
        for name in _imports(waiting.pop()):
            place = root.joinpath(*name.split("."))
            for path in (place.with_suffix(".py"), place / "__init__.py"):
                if path not in found and path.is_file():
                    found.add(path)
                    waiting.append(path.read_text(encoding="utf-8"))
    return found


@cache
def _imports(code: str) -> frozenset[str]:
    """Return what may be modules of `helpers` among the names that code imports."""
    named = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            named |= {f"{node.module}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in named if name.partition(".")[0] == "helpers"]
    return frozenset(".".join(each[:end]) for each in parts for end in range(1, len(each) + 1))
