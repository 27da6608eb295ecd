"""``make refresh``: execute the .md notebooks and rewrite their .ipynb twins.

The same sources give the same bytes: cells are numbered, and what depends on the moment of
the run is left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
import nbformat

from helpers.commands.execution import NOTEBOOKS, execute


def read_source(path: Path) -> nbformat.NotebookNode:
    """Return the notebook of a .md file as its .ipynb twin should hold it, without outputs."""
    notebook = jupytext.read(path)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = {
        "jupytext": {"formats": "ipynb,md:myst"},
        "kernelspec": notebook.metadata["kernelspec"],
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{path.stem[:2]}-{number:02d}"
    return notebook


def main() -> int:
    sources = sorted(NOTEBOOKS.glob("*.md"))
    metadata = {path: dict(read_source(path).metadata) for path in sources}
    finished = execute({path: read_source(path) for path in sources})
    for path, result in finished.items():
        result.nb.metadata = nbformat.from_dict(metadata[path])
        nbformat.write(result.nb, path.with_suffix(".ipynb"))
    return int(len(finished) < len(sources))


if __name__ == "__main__":
    sys.exit(main())
