"""``make run``: rerun one notebook with other parameters, beside the book.

    python -m tools.run 04_elevation_gradients seed=7 source=/path/to/folder

The executed notebook, its page and ``run.json`` go to ``runs/NOTEBOOK/DIGEST/``, where the digest
stands for the parameters; nothing of the book itself is touched. The path of the page is the last
line on standard output. The exit status is 0, or 1 if the notebook failed, 2 if the input cannot
be used, 130 if the run was interrupted.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import logging
import os
import platform
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from nbconvert.filters import strip_ansi
from papermill.exceptions import PapermillExecutionError

from helpers.errors import InputError
from helpers.paths import find_genuine
from tools.digests import digest_of
from tools.disk_space import require_disk_space
from tools.execution import NOTEBOOKS, ROOT, explain_lack
from tools.page import render_page
from tools.parameters import list_parameters, read_assignments

RUNS = ROOT / "runs"
_ROOM = 50  # MB; a run takes some 2
_LIBRARIES = ("matplotlib", "numpy", "pandas", "scipy", "semopy", "statsmodels", "xarray")
_TRACEBACK_LINES = 15


def find_notebook(name: str) -> Path:
    """Return the notebook of this name, of this number (``4``, ``04``), or that alone begins so."""
    path = Path(name)
    stem = path.stem if path.suffix in (".ipynb", ".md") else path.name
    if path.parts[:-1] != NOTEBOOKS.parts[len(NOTEBOOKS.parts) - len(path.parts) + 1 :]:
        stem = name  # of a file elsewhere, not of the book's own
    number = stem.zfill(2) if stem.isdecimal() else stem
    known = sorted(notebook.stem for notebook in NOTEBOOKS.glob("*.ipynb"))
    begun = [each for each in known if stem and each.startswith(number)]
    if stem not in known and len(begun) != 1:
        near = begun or [each for each in known if stem and each.startswith(stem)]
        near = near or get_close_matches(stem, known)
        raise InputError(
            "notebook",
            needed=f"one of {', '.join(known)}",
            found=repr(name),
            mend=f"did you mean {' or '.join(near)}?" if near else "name one of these (NB=...)",
        )
    return NOTEBOOKS / f"{stem if stem in known else begun[0]}.ipynb"


def run_folder(notebook: Path, parameters: Mapping[str, object]) -> Path:
    """Return where the run with these parameters belongs.

    Parameters
    ----------
    notebook : Path
        An ``.ipynb`` file.
    parameters : mapping
        As :func:`tools.parameters.check_values` returns them. One that has the value
        of the book makes no difference.
    """
    defaults = _defaults(notebook)
    other = {name: value for name, value in parameters.items() if value != defaults[name]}
    key = json.dumps(other, sort_keys=True)
    return RUNS / notebook.stem / hashlib.sha256(key.encode()).hexdigest()[:12]


def state(notebook: Path, parameters: Mapping[str, object]) -> str:
    """Return a digest of all that the numbers of a run depend on, but the parameters.

    These are its code, the helpers that it imports, the data, the versions of the libraries, names
    and sizes of its genuine files, and names, sizes and times of the files below ``source``.

    Parameters
    ----------
    notebook : Path
        An ``.ipynb`` file.
    parameters : mapping
        Checked values.
    """
    content = nbformat.read(notebook, 4)
    code = [cell.source for cell in content.cells if cell.cell_type == "code"]
    names = () if explain_lack(content) else content.metadata.get("genuine", ())
    genuine = [[name, size] for each in names for name, size, _ in _list_files(find_genuine(each))]
    source = parameters.get("source", _defaults(notebook)["source"])
    own = [] if source == _defaults(notebook)["source"] else _list_files(Path(source))
    key = json.dumps([digest_of(content), _versions(), code, genuine, own])
    return hashlib.sha256(key.encode()).hexdigest()


def _list_files(folder: Path) -> list[tuple[str, int, int]]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    stats = [path.stat() for path in paths]
    return [
        (str(path.relative_to(folder)), about.st_size, about.st_mtime_ns)
        for path, about in zip(paths, stats, strict=True)
    ]


def _versions() -> dict[str, str]:
    libraries = {name: version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), **libraries}


def perform(
    notebook: Path, parameters: Mapping[str, object], folder: Path, progress: bool = False
) -> None:
    """Execute a notebook with parameters into a folder.

    Parameters
    ----------
    notebook : Path
        An ``.ipynb`` file.
    parameters : mapping
        Checked values (:func:`tools.parameters.check_values`).
    folder : Path
        Exists. It gets the executed notebook, and at the end ``run.json``: without this file the
        run is not complete.
    progress : bool
        Whether to show a bar.

    Raises
    ------
    papermill.exceptions.PapermillExecutionError
        If a cell fails.
    nbclient.exceptions.DeadKernelError
        If the kernel dies.
    """
    date, started = datetime.now(UTC), time.perf_counter()
    before = state(notebook, parameters)
    content = nbformat.read(notebook, 4)
    about = _describe(notebook, content, parameters, date)
    content.cells.insert(0, nbformat.v4.new_markdown_cell(about, id="rerun"))
    executed = papermill.execute_notebook(
        content,
        None,  # with a path papermill would write the whole notebook after every cell
        parameters=dict(parameters),
        kernel_name="python3",
        cwd=str(notebook.parent),
        progress_bar=progress,
        extra_arguments=["--log-level=CRITICAL"],
    )
    nbformat.write(executed, folder / notebook.name)
    record = {
        "notebook": notebook.stem,
        "parameters": _defaults(notebook) | dict(parameters),
        "given": sorted(parameters),
        "state": before,
        "seconds": round(time.perf_counter() - started, 1),
        "date": date.isoformat(timespec="seconds"),
        "versions": _versions(),
    }
    partial = folder / "run.json.part"
    partial.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / "run.json")


def _defaults(notebook: Path) -> dict[str, object]:
    return {name: each.default for name, each in list_parameters(notebook).items()}


def _describe(
    notebook: Path,
    content: nbformat.NotebookNode,
    parameters: Mapping[str, object],
    date: datetime,
) -> str:
    """Say in Markdown what was run, when, on which data, and that it is not the book."""
    title = content.cells[0].source.splitlines()[0].removeprefix("# ")
    defaults = _defaults(notebook)
    values = defaults | dict(parameters)
    source = values.pop("source")
    data = f"*{source}*, as in the book"
    if source != defaults["source"]:
        data = f"the folder {_code(source)}; what it lacks comes with the book"
    other, same = (
        [
            _code(f"{name} = {value}")
            for name, value in values.items()
            if (value == defaults[name]) is as_is
        ]
        for as_is in (False, True)
    )
    return "\n".join(
        [
            f"> **A rerun, not the book itself.** Chapter {int(notebook.stem[:2])}, "
            f"[{title}]({notebook.stem}.md), run on {date.day} {date:%B %Y} at {date:%H:%M} UTC.",
            ">",
            f"> - Other than in the book: {', '.join(other) or 'no value'}",
            f"> - As in the book: {', '.join(same) or 'no value'}",
            f"> - Data: {data}",
        ]
    )


def _code(text: str) -> str:
    """Return Markdown that shows a text as it is, whatever marks of Markdown or HTML it has."""
    text = " ".join(text.split())
    marks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{marks} {text} {marks}" if "`" in text else f"{marks}{text}{marks}"


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder, which takes the place of `folder` if the block ends well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as partial:
        fresh = Path(partial) / folder.name
        fresh.mkdir()
        yield fresh
        while not _take_place(fresh, folder):
            pass


def _take_place(fresh: Path, folder: Path) -> bool:
    """Put a folder in the place of another one, unless a third was faster."""
    with suppress(FileNotFoundError):
        folder.rename(tempfile.mkdtemp(dir=fresh.parent))
    try:
        fresh.rename(folder)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        return False
    return True


def run(notebook: Path, parameters: Mapping[str, object]) -> Path:
    """Execute a notebook with parameters and return the path of its page.

    Parameters
    ----------
    notebook : Path
        An ``.ipynb`` file.
    parameters : mapping
        Checked values (:func:`tools.parameters.check_values`).

    Returns
    -------
    Path
        In the folder of the run (:func:`run_folder`), which appears only when all is complete.

    Raises
    ------
    papermill.exceptions.PapermillExecutionError, nbclient.exceptions.DeadKernelError
        As :func:`perform`.
    """
    folder = run_folder(notebook, parameters)
    with require_disk_space(folder.parent, _ROOM), replace_folder(folder) as fresh:
        perform(notebook, parameters, fresh, progress=sys.stderr.isatty())
        page = render_page(fresh / notebook.name, folder)
        (fresh / notebook.name).with_suffix(".html").write_text(page, encoding="utf-8")
    return folder / f"{notebook.stem}.html"


def _explain(error: PapermillExecutionError) -> str:
    """Say where a notebook stopped and why; an InputError says enough by itself."""
    where = f"stopped in cell [{error.exec_count}]"
    if error.ename == "InputError":
        return f"{where}\n{error.evalue}"
    lines = strip_ansi("\n".join(error.traceback)).splitlines()
    return "\n".join([where, *lines[-_TRACEBACK_LINES:]])


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__.splitlines()[0])
    parser.add_argument("notebook", help="name of a notebook in book/notebooks, or its number")
    parser.add_argument("assignments", nargs="*", metavar="name=value")
    parser.add_argument("--parameters", default="", help="the same, as one text")
    arguments = parser.parse_args()
    started = time.perf_counter()
    try:
        notebook = find_notebook(arguments.notebook)
        assignments = [*arguments.assignments, *_split(arguments.parameters)]
        parameters = read_assignments(notebook, assignments)
        folder = os.path.relpath(run_folder(notebook, parameters))
        values = ", ".join(f"{name}={value}" for name, value in parameters.items())
        told = f"{notebook.stem} with {values or 'the values of the book'}"
        print(f"{told}, into {folder}", file=sys.stderr, flush=True)
        page = run(notebook, parameters)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except PapermillExecutionError as error:
        print(f"{notebook.stem} {_explain(error)}", file=sys.stderr)
        return 1
    except DeadKernelError:
        print(f"{notebook.stem} stopped: its kernel died (no memory left?)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        logging.getLogger("asyncio").disabled = True  # it would report the cell given up
        print("\ninterrupted: nothing was kept", file=sys.stderr)
        return 130
    print(f"done in {time.perf_counter() - started:.0f} s; the page:", file=sys.stderr, flush=True)
    print(page)
    return 0


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(
            "parameters",
            needed="name=value, separated by spaces",
            found=f"{text!r} ({str(error).lower()})",
            mend="close the quotes",
        ) from error


if __name__ == "__main__":
    sys.exit(main())
