"""``make run``: rerun one notebook with other parameters, beside the book.

The executed notebook, its page, its figures (SVG) and tables (CSV), and ``run.json`` go to
``runs/NOTEBOOK/DIGEST/``, where the digest stands for the parameters. Standard output is the path
of the page. The exit status is 0, or 1 if
the notebook failed, 2 if the input cannot be used, 130 if the run was interrupted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import re
import shlex
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import papermill
from docutils.nodes import make_id
from filelock import FileLock
from nbclient.exceptions import DeadKernelError
from nbconvert.filters import strip_ansi
from papermill.exceptions import PapermillExecutionError

from helpers.errors import InputError
from helpers.paper.claims import collect
from helpers.paths import list_genuine
from tools.digests import digest
from tools.disk_space import require_disk_space
from tools.execution import ROOT, find_notebook
from tools.page import render_page
from tools.parameters import list_parameters, read_assignments
from tools.status import list_versions

RUNS = ROOT / "runs"
_LOCK = ROOT / "_build" / ".replace.lock"  # held while a finished folder takes its place
_ROOM = 50  # MB; a run takes some 3
_FILES = {"image/svg+xml": "svg", "text/csv": "csv"}  # kinds of outputs that become files
_BESIDE = "Figures (SVG) and tables (CSV) lie beside this page."
_MAKES = ("NB", "P", "PYTHON", "BIN")  # what make run reads itself
_KEEP = "--Run.keep=True"  # for helpers.figures.tables.keeps_files


def run_folder(notebook: Path, parameters: Mapping[str, object]) -> Path:
    """Return where the run with these checked parameters belongs; the book's make no difference."""
    known = list_parameters(notebook)
    other = {name: value for name, value in parameters.items() if value != known[name].default}
    key = json.dumps(other, sort_keys=True)
    return RUNS / notebook.stem / hashlib.sha256(key.encode()).hexdigest()[:12]


def state(notebook: Path, parameters: Mapping[str, object]) -> str:
    """Return a digest of all that the numbers of a run depend on, but the parameters.

    Of a ``source``, and of the files below it, these are names, sizes and times.
    """
    code = [each.source for each in nbformat.read(notebook, 4).cells if each.cell_type == "code"]
    source = Path(str(parameters.get("source", "")))
    files = (sorted(source.rglob("*")) or [source]) if source.is_absolute() else []
    there = ((path, path.stat()) for path in files if path.exists())  # no link to nowhere
    own = [[str(path), about.st_size, about.st_mtime_ns] for path, about in there]
    key = json.dumps([digest(), list_versions(), list_genuine(), code, own])
    return hashlib.sha256(key.encode()).hexdigest()


def perform(
    notebook: Path, parameters: Mapping[str, object], folder: Path, progress: bool = False
) -> None:
    """Execute a notebook with checked parameters; write it and all but its page into a folder.

    PapermillExecutionError if a cell fails, DeadKernelError if the kernel dies.
    """
    date, before = datetime.now(UTC), state(notebook, parameters)
    content = nbformat.read(notebook, 4)
    defaults = {name: each.default for name, each in list_parameters(notebook).items()}
    title = content.cells[0].source.splitlines()[0].removeprefix("# ")
    if parameters.get("source", defaults.get("source")) != defaults.get("source"):
        leave_out_the_book(content, notebook.stem)
    head = (
        f"**A rerun, not the book itself.** Chapter {int(notebook.stem[:2])}, "
        f"[{title}]({notebook.stem}.md), run on {date.day} {date:%B %Y} at {date:%H:%M} UTC:"
    )
    about = [head, "", "```python"]
    for name, default in defaults.items():
        value = parameters.get(name, default)
        about.append(
            f"{name} = {value!r}  # {'as' if value == default else repr(default)} in the book"
        )
    about = "\n".join(f"> {line}" for line in [*about, "```", "", _BESIDE])
    content.cells.insert(0, nbformat.v4.new_markdown_cell(about, id="rerun"))
    executed = papermill.execute_notebook(
        content,
        None,  # with a path papermill would write the whole notebook after every cell
        parameters=dict(parameters),
        kernel_name="python3",
        cwd=str(notebook.parent),
        progress_bar=progress,
        extra_arguments=["--log-level=CRITICAL", _KEEP],
    )
    _write_files(executed, folder)
    nbformat.write(executed, folder / notebook.name)
    record = {
        "notebook": notebook.stem,
        "parameters": defaults | dict(parameters),
        "state": before,
        "seconds": round((datetime.now(UTC) - date).total_seconds(), 1),
        "date": date.isoformat(timespec="seconds"),
        "versions": list_versions(),
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (folder / "run.json").write_text(f"{text}\n", encoding="utf-8")


def leave_out_the_book(notebook: nbformat.NotebookNode, chapter: str) -> None:
    """Take out of a notebook what holds of the book's own data alone: badges, exercises, and
    paragraphs that are tagged so.
    """
    told = {"book-data"}
    notebook.cells = [c for c in notebook.cells if not told & {*c.metadata.get("tags", [])}]
    cells, there = notebook.cells, f"Those of [the book]({chapter}.md) ask about its own data."
    cells[0].source = re.sub(r"\n\n\{bdg-.*?(?=\n\n|\Z)", "", cells[0].source, flags=re.DOTALL)
    heads = [re.findall("^## (.+)", cell.source, re.MULTILINE) for cell in cells]
    start, end = (
        next((number for number, each in enumerate(heads) if head in each), len(cells))
        for head in ("Exercises", "Summary")
    )
    for cell in cells[start : start + 1]:
        cell.source = cell.source.partition("## Exercises")[0] + f"## Exercises\n\n{there}"
    del cells[start + 1 : end]


def _write_files(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Move figures and tables out of an executed notebook into files, and copy its verdicts.

    A file is named by the label of its figure, or else by the heading above it.
    """
    heading, used = "", Counter()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = [heading, *re.findall("^#+ (.+)", cell.source, re.MULTILINE)][-1]
        name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name") or make_id(heading)
        for output in cell.get("outputs", []):
            for kind in _FILES.keys() & output.get("data", {}).keys():
                file = f"{name}.{_FILES[kind]}"
                used[file] += 1
                file = file if used[file] == 1 else f"{name}-{used[file]}.{_FILES[kind]}"
                (folder / file).write_bytes(output.data.pop(kind).encode())
    if len(claims := collect(notebook)):
        claims.to_csv(folder / "claims.csv", lineterminator="\n")


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder, which takes the place of `folder` if the block ends well."""
    for parent in (folder.parent, _LOCK.parent):
        parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as partial:
        fresh = Path(partial) / folder.name
        fresh.mkdir()
        yield fresh
        with FileLock(_LOCK):
            if folder.exists():
                folder.rename(Path(partial) / "before")
            fresh.rename(folder)


def run(notebook: Path, parameters: Mapping[str, object]) -> Path:
    """Execute a notebook as :func:`perform`, and return the path of its page.

    The folder of the run (:func:`run_folder`) appears only when all is complete.
    """
    folder = run_folder(notebook, parameters)
    with require_disk_space(folder.parent, _ROOM), replace_folder(folder) as fresh:
        perform(notebook, parameters, fresh, progress=sys.stderr.isatty())
        write_page(fresh / notebook.name, folder)
    return folder / f"{notebook.stem}.html"


def write_page(notebook: Path, folder: Path) -> None:
    """Write the page of an executed notebook beside it, for the time when both lie in `folder`."""
    page = notebook.with_suffix(".html")
    partial = page.with_suffix(".part")
    partial.write_text(render_page(notebook, folder), encoding="utf-8")
    partial.replace(page)


def read_words(text: str) -> list[str]:
    """Return the words of a text, split as a shell does."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(
            "parameters",
            needed="name=value, separated by spaces",
            found=f"{text!r} ({str(error).lower()})",
            mend="close the quotes",
        ) from error


def read_flags(flags: str) -> list[str]:
    """Return the words ``name=value`` of make's command line (MAKEFLAGS) that make has no use for.

    Make writes a backslash before each space and backslash of a value, and each $ twice.
    """
    lexer = shlex.shlex(flags.partition("-- ")[2], posix=True)
    lexer.whitespace_split, lexer.quotes, lexer.commenters = True, "", ""
    words = [word.replace("$$", "$") for word in lexer]
    return [word for word in words if word.partition("=")[0] not in _MAKES]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__.splitlines()[0])
    parser.add_argument("notebook", help="name of a notebook in book/notebooks, or its number")
    parser.add_argument("assignments", nargs="*", metavar="name=value")
    parser.add_argument("--parameters", default="", help="the same, as one text")
    parser.add_argument("--make", default="", help="the flags of make, with what it was given")
    asked = parser.parse_args()
    started = time.perf_counter()
    try:
        notebook = find_notebook(asked.notebook)
        words = [*asked.assignments, *read_words(asked.parameters), *read_flags(asked.make)]
        parameters = read_assignments(notebook, words)
        values = ", ".join(f"{name}={value}" for name, value in parameters.items())
        told = f"{notebook.stem} with {values or 'the values of the book'}"
        print(f"{told}, into {run_folder(notebook, parameters)}", file=sys.stderr, flush=True)
        page = run(notebook, parameters)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except PapermillExecutionError as error:
        trace = strip_ansi("\n".join(error.traceback)).splitlines()[-15:]
        why = error.evalue if error.ename == "InputError" else "\n".join(trace)
        print(f"{notebook.stem} stopped in cell [{error.exec_count}]\n{why}", file=sys.stderr)
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


if __name__ == "__main__":
    sys.exit(main())
