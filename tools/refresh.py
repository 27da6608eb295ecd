"""``make refresh``: execute the .md notebooks, all or those named, and rewrite their .ipynb twins.

The same sources give the same bytes: cells are numbered, and what depends on the moment of
the run is left out. A source itself gets the form that jupytext gives it, so that opening,
saving or synchronising it changes nothing. A notebook whose genuine files are not here keeps its
twin. At the end the course, the report of all claims and the list of all parameters are written
anew. The exit status is 0, or 1 if a notebook failed, 2 if there is none of a name.
"""

from __future__ import annotations

import argparse
import copy
import sys
from pathlib import Path

import jupytext
import nbformat
from jupytext.config import load_jupytext_config

from helpers.errors import InputError
from tools.execution import NOTEBOOKS, execute, explain_lack, find_notebook
from tools.handouts import write_course
from tools.parameters import write_parameters
from tools.report import write_report

_MOMENT = "moment-of-run"  # tag of a cell whose output names the day


def read_source(path: Path) -> nbformat.NotebookNode:
    """Return the notebook of a .md file as its .ipynb twin should hold it, without outputs."""
    notebook = jupytext.read(path)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    kept = {key: notebook.metadata[key] for key in ("genuine",) if key in notebook.metadata}
    notebook.metadata = {
        "jupytext": {"default_lexer": "ipython3"},
        "kernelspec": notebook.metadata["kernelspec"],
        "language_info": {"name": "python"},
        **kept,
    }
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{path.stem[:2]}-{number:02d}"
    return notebook


def print_source(path: Path) -> str:
    """Return a .md file as jupytext writes it from its twin, which has all keys in order."""
    notebook = nbformat.reads(nbformat.writes(read_source(path)), 4)
    return jupytext.writes(notebook, "md:myst", config=load_jupytext_config(str(path)))


def write_twin(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Write a twin, unless only the moment of the run differs from the one that is there."""
    if path.exists():
        before = nbformat.read(path, 4)
        if _without_moment(before) == _without_moment(notebook):
            return
    nbformat.write(notebook, path)


def _without_moment(notebook: nbformat.NotebookNode) -> dict:
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if _MOMENT in cell.metadata.get("tags", []):
            cell.outputs = []
    return notebook


def main() -> int:
    parser = argparse.ArgumentParser(prog="make refresh", description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", help="names or numbers (all, if there is none)")
    names = parser.parse_args().notebooks
    try:
        named = {find_notebook(name, ".md") for name in names}
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    sources = {}
    for path in sorted(named or NOTEBOOKS.glob("*.md")):
        text = print_source(path)
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
        sources[path] = read_source(path)
    lacks = {path: explain_lack(source) for path, source in sources.items()}
    for path in [path for path, lack in lacks.items() if lack]:
        print(f"{path.name} keeps its twin: {lacks[path]}", flush=True)
        del sources[path]
    metadata = {path: source.metadata for path, source in copy.deepcopy(sources).items()}
    finished = execute(sources)
    for path in finished:
        sources[path].metadata = metadata[path]  # without what the kernel said of itself
        write_twin(path.with_suffix(".ipynb"), sources[path])
    write_course()
    write_report()
    write_parameters()
    return int(len(finished) < len(sources))


if __name__ == "__main__":
    sys.exit(main())
