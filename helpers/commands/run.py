"""``make run``: rerun one notebook with other parameters, beside the book.

    python -m helpers.commands.run 04_elevation_gradients seed=7 source=/path/to/folder

The executed notebook and its rendered page go to ``runs/NOTEBOOK/DIGEST/``, where the digest
stands for the parameters; nothing of the book itself is touched.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import shutil
import sys
from pathlib import Path

import nbconvert
import papermill
from nbconvert.preprocessors import Preprocessor
from nbformat.v4 import new_output
from papermill.exceptions import PapermillExecutionError

from helpers.commands.execution import NOTEBOOKS, ROOT
from helpers.errors import InputError

RUNS = ROOT / "runs"


class FigureText(Preprocessor):
    """Show caption and legend of each figure, which live in metadata, below it."""

    def preprocess_cell(self, cell, resources, index):
        caption = cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")
        outputs = cell.get("outputs", [])
        for position, output in reversed(list(enumerate(outputs))):
            about = output.get("metadata", {}).get("image/png", {})
            if "legend" in about:
                text = {"text/markdown": f"*{caption}* {about['legend']}"}
                outputs.insert(position + 1, new_output("display_data", text))
        return cell, resources


def find_notebook(name: str) -> Path:
    """Return the notebook of this name (``04_elevation_gradients``, with or without ending)."""
    path = NOTEBOOKS / f"{Path(name).stem}.ipynb"
    if not name or not path.exists():
        known = ", ".join(sorted(notebook.stem for notebook in NOTEBOOKS.glob("*.ipynb")))
        raise InputError(
            "notebook",
            needed=f"one of {known}",
            found=repr(name),
            mend="name one of these (NB=...)",
        )
    return path


def read_parameters(notebook: Path, assignments: list[str]) -> dict[str, object]:
    """Check ``name=value`` texts against the notebook's own parameters.

    Parameters
    ----------
    notebook : Path
        Its cell tagged ``parameters`` gives names, types and meanings.
    assignments : list of str
        As typed by the user.

    Returns
    -------
    dict
        Values in the types that the notebook declares. A path to a folder is made absolute.

    Raises
    ------
    InputError
        For an unknown name, or a value that is not of the declared type; all known names are
        listed.
    """
    known = papermill.inspect_notebook(str(notebook))
    listing = "\n".join(
        f"    {name}: {about['inferred_type_name']} = {about['default']}   {about['help']}"
        for name, about in known.items()
    )
    values = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or name not in known:
            raise InputError(
                f"{notebook.stem}: parameter {name!r}",
                needed=f"name=value, with a name among\n{listing}",
                found=repr(assignment),
                mend="correct the name (no spaces around =)",
            )
        if name == "source" and repr(text) != known[name]["default"].replace('"', "'"):
            text = str(Path(text).resolve())
        values[name] = _convert(notebook, name, known[name]["inferred_type_name"], text)
    return values


def _convert(notebook: Path, name: str, kind: str, text: str) -> object:
    if kind == "str":
        return text
    try:
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        return {"int": int, "float": float}[kind](text)
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{notebook.stem}: parameter {name!r}",
            needed={"int": "a whole number", "bool": "True or False"}.get(kind, "a number"),
            found=repr(text),
            mend="give a value of this type",
        ) from error


def run(notebook: Path, parameters: dict[str, object]) -> Path:
    """Execute a notebook with parameters and return the path of its rendered page.

    The folder of the run appears only when the run is complete.
    """
    key = json.dumps(parameters, sort_keys=True)
    folder = RUNS / notebook.stem / hashlib.sha256(key.encode()).hexdigest()[:12]
    partial = folder.with_suffix(".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    executed = partial / notebook.name
    try:
        papermill.execute_notebook(
            str(notebook),
            str(executed),
            parameters=parameters,
            kernel_name="python3",
            cwd=str(notebook.parent),
            progress_bar=sys.stderr.isatty(),
        )
        exporter = nbconvert.HTMLExporter(preprocessors=[FigureText])
        page, _ = exporter.from_filename(str(executed))
        executed.with_suffix(".html").write_text(page, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder / f"{notebook.stem}.html"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__.splitlines()[0])
    parser.add_argument("notebook", help="name of a notebook in book/notebooks")
    parser.add_argument("assignments", nargs="*", metavar="name=value")
    parser.add_argument("--parameters", default="", help="the same, as one text")
    arguments = parser.parse_args()
    try:
        notebook = find_notebook(arguments.notebook)
        assignments = [*arguments.assignments, *shlex.split(arguments.parameters)]
        page = run(notebook, read_parameters(notebook, assignments))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except PapermillExecutionError as error:
        print(f"{notebook.stem} stopped: {error.ename}\n{error.evalue}", file=sys.stderr)
        return 1
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
