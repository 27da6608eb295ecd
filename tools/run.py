"""``make run``: rerun one notebook with other parameters, beside the book.

The executed notebook, its page and ``run.json`` go to ``runs/NOTEBOOK/DIGEST/``, where the digest
stands for the parameters. Standard output is the path of the page. The exit status is 0, or 1 if
the notebook failed, 2 if the input cannot be used, 130 if the run was interrupted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

import nbformat
import papermill
from filelock import FileLock
from nbclient.exceptions import DeadKernelError
from nbconvert.filters import strip_ansi
from papermill.exceptions import PapermillExecutionError

from helpers.errors import InputError
from helpers.paths import list_genuine
from tools.digests import digest
from tools.disk_space import require_disk_space
from tools.execution import NOTEBOOKS, ROOT
from tools.page import render_page
from tools.parameters import list_parameters, read_assignments
from tools.status import list_versions

RUNS = ROOT / "runs"
_LOCK = ROOT / "_build" / ".replace.lock"  # held while a finished folder takes its place
_ROOM = 50  # MB; a run takes some 2


def find_notebook(name: str) -> Path:
    """Return the notebook of this name, of this number (``4``, ``04``), or that alone begins so."""
    path = Path(name)
    stem = path.stem if path.suffix in (".ipynb", ".md") else path.name
    if path.parts[:-1] not in ((), ("notebooks",), ("book", "notebooks")):
        stem = name  # of a file elsewhere, not of the book's own
    known = {notebook.stem: notebook for notebook in sorted(NOTEBOOKS.glob("*.ipynb"))}
    begins = stem.zfill(2) if stem.isdecimal() else stem or " "
    begun = [stem] if stem in known else [each for each in known if each.startswith(begins)]
    if len(begun) == 1:
        return known[begun[0]]
    near = begun or get_close_matches(stem, known)
    raise InputError(
        "notebook",
        needed=f"one of {', '.join(known)}",
        found=repr(name),
        mend=f"did you mean {' or '.join(near)}?" if near else "name one of these (NB=...)",
    )


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
    """Execute a notebook with checked parameters; write it and ``run.json`` into a folder.

    PapermillExecutionError if a cell fails, DeadKernelError if the kernel dies.
    """
    date, before = datetime.now(UTC), state(notebook, parameters)
    content = nbformat.read(notebook, 4)
    defaults = {name: each.default for name, each in list_parameters(notebook).items()}
    title = content.cells[0].source.splitlines()[0].removeprefix("# ")
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
    about = "\n".join(f"> {line}" for line in [*about, "```"])
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
        "parameters": defaults | dict(parameters),
        "state": before,
        "seconds": round((datetime.now(UTC) - date).total_seconds(), 1),
        "date": date.isoformat(timespec="seconds"),
        "versions": list_versions(),
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (folder / "run.json").write_text(f"{text}\n", encoding="utf-8")


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
        page = render_page(fresh / notebook.name, folder)
        (fresh / f"{notebook.stem}.html").write_text(page, encoding="utf-8")
    return folder / f"{notebook.stem}.html"


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


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__.splitlines()[0])
    parser.add_argument("notebook", help="name of a notebook in book/notebooks, or its number")
    parser.add_argument("assignments", nargs="*", metavar="name=value")
    parser.add_argument("--parameters", default="", help="the same, as one text")
    asked = parser.parse_args()
    started = time.perf_counter()
    try:
        notebook = find_notebook(asked.notebook)
        words = [*asked.assignments, *read_words(asked.parameters)]
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
