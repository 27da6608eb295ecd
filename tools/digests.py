"""Checksums of what numbers depend on: a change executes what it concerns, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from nbformat import NotebookNode

from tools.execution import ROOT


def digest(root: Path = ROOT) -> str:
    """Return one checksum of all that any notebook's numbers depend on, but itself."""
    return _sum_up([*root.glob("helpers/**/*.py"), *_inputs(root), *_results(root)], root)


def digest_of(notebook: NotebookNode, root: Path = ROOT) -> str:
    """Return one checksum of all that a notebook's numbers depend on, but itself.

    Of the helpers it is all, of the tables of results those that its code names.
    """
    code = (cell.source for cell in notebook.cells if cell.cell_type == "code")
    plain = "\n".join(code)
    named = (path for path in _results(root) if path.stem in plain)
    return _sum_up([*root.glob("helpers/**/*.py"), *_inputs(root), *named], root)


def digest_pages(root: Path = ROOT) -> str:
    """Return one checksum of what makes pages of executed notebooks."""
    return _sum_up(root.glob("tools/**/*"), root)


def digest_everything(root: Path = ROOT) -> str:
    """Return one checksum of all files that a build of the book reads."""
    folders = ("book", "helpers", "tools", "data")
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
