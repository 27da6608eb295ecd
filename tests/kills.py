"""Kill a command at random moments, and see whether its next run puts everything right.

    python -m tests.kills book 50
    python -m tests.kills sweep 50 --seed 2
    KILLS=50 python -m pytest tests/test_download.py -k kill

The last line is for downloads, which have a test of their own.

It works on a copy of the project that has two short notebooks. A command runs there once
undisturbed. Then, again and again, what it made is removed or made stale, and it is started and
killed (``kill -9``) after a random share of the time that it needs, either alone or with all its
children. The next run must succeed and make the same, byte for byte, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jupytext
import pandas as pd

from tests.conftest import GENUINE, ROOT

GLDAS = GENUINE / "gldas_noah10_m_v21"
NAMES = ("01_first", "02_second")
TEXT = """---
kernelspec: {{display_name: Python 3 (ipykernel), language: python, name: python3}}
---

# Chapter {name}

```{{code-cell}} ipython3
:tags: [parameters]

source = "embedded"  # or a folder
seed = {number}  # at least 0
```

```{{code-cell}} ipython3
import time

from helpers.paper.claims import weigh
from helpers.statistics.gradients import fit_gradients

time.sleep(0.5)
fit_gradients.__name__, seed
```

```{{code-cell}} ipython3
weigh("{name}", {{"{name}": (seed, "reconstructed", str(seed))}})
```
"""


class Kind(NamedTuple):
    """A command that is killed.

    Attributes
    ----------
    command : tuple of str
        After the name of Python.
    spoil : callable
        Takes the project and a random generator: removes what was made, or makes it stale.
    made : callable
        Takes the project: what the command made, by name.
    """

    command: tuple[str, ...]
    spoil: Callable[[Path, random.Random], None]
    made: Callable[[Path], dict[str, bytes]]


def copy_project(folder: Path) -> Path:
    """Copy the project without its notebooks, pages and builds, and give it two short notebooks."""
    project = folder / "project"
    unwanted = shutil.ignore_patterns(
        ".*", "_build", "runs", "downloads", "tests", "benchmarks", "notebooks", "_generated"
    )
    shutil.copytree(ROOT, project, ignore=unwanted)
    book = project / "book"
    for page in book.glob("*.md"):
        page.unlink()
    (book / "index.md").write_text("# A short book\n", encoding="utf-8")
    (book / "notebooks").mkdir()
    for number, name in enumerate(NAMES):
        text = TEXT.format(name=name, number=number)
        (book / "notebooks" / f"{name}.md").write_text(text, encoding="utf-8")
        jupytext.write(jupytext.reads(text, "md:myst"), book / "notebooks" / f"{name}.ipynb")
    claims = pd.read_csv(project / "data" / "claims.csv", dtype=str, keep_default_na=False)
    claims = pd.concat([claims[:1].assign(id=name, notebook=name) for name in NAMES])
    claims.to_csv(project / "data" / "claims.csv", index=False)
    chapters = "".join(f"  - file: book/notebooks/{name}\n" for name in NAMES)
    (project / "_toc.yml").write_text(f"format: jb-book\nroot: book/index\nchapters:\n{chapters}")
    described = "".join(f"book/notebooks/{name}: {name}\n" for name in NAMES)
    (book / "descriptions.yml").write_text(f"book/index: A short book\n{described}")
    config = (project / "_config.yml").read_text(encoding="utf-8")
    (project / "_config.yml").write_text(config.partition("    redirects:")[0], encoding="utf-8")
    grid = {"about": "-", "runs": [{"notebooks": list(NAMES), "parameters": {"seed": [3, 4]}}]}
    (project / "grid.yml").write_text(json.dumps(grid))
    return project


def spoil_book(project: Path, rng: random.Random) -> None:
    """Remove the build, or the outputs, or the pages; or make all of it stale."""
    choice = rng.randrange(4)
    if choice == 3:
        with (project / "helpers" / "errors.py").open("a") as file:
            file.write(f"# {rng.random()}\n")
    else:
        what = ("_build", "_build/.jupyter_cache", "_build/html")[choice]
        shutil.rmtree(project / what, ignore_errors=True)
        (project / "_build" / "finished.json").unlink(missing_ok=True)


def pages(project: Path) -> dict[str, bytes]:
    """Return the pages of the book, with whatever lies beside them."""
    return read_files(project / "_build" / "html", {".buildinfo"})


def spoil_sweep(project: Path, rng: random.Random) -> None:
    """Remove some runs, and the table."""
    (project / "grid.csv").unlink(missing_ok=True)
    for folder in (project / "runs").glob("*/*"):
        if rng.random() < 0.7:
            shutil.rmtree(folder)


def table(project: Path) -> dict[str, bytes]:
    """Return the table of the sweep, and the names of all that lies where runs belong."""
    names = sorted(str(path.relative_to(project)) for path in (project / "runs").glob("*/[!.]*/*"))
    rows = (project / "grid.csv").read_text(encoding="utf-8")
    return {"table": rows.encode(), "names": "\n".join(names).encode()}


def spoil_data(project: Path, rng: random.Random) -> None:
    """Remove some files of the embedded data."""
    for path in sorted((project / "data" / "embedded").iterdir()):
        if rng.random() < 0.5:
            path.unlink()


def embedded(project: Path) -> dict[str, bytes]:
    """Return the embedded data."""
    return read_files(project / "data" / "embedded", set())


def read_files(folder: Path, without: set[str]) -> dict[str, bytes]:
    """Return the content of all files below a folder by their names there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in without
    }


KINDS = {
    "book": Kind(("tools.book",), spoil_book, pages),
    "sweep": Kind(("tools.sweep", "grid.yml"), spoil_sweep, table),
    "data": Kind(("tools.data", str(GLDAS)), spoil_data, embedded),
}


def kill(kind: str, times: int, seed: int, scratch: Path) -> Iterator[str]:
    """Kill a command again and again; yield of each time what was killed.

    Where the command ends before its moment comes, another moment is drawn.

    Parameters
    ----------
    kind : str
        One of KINDS.
    times : int
        Kills.
    seed : int
        Of the moments, and of what is spoilt.
    scratch : Path
        An empty folder.

    Raises
    ------
    AssertionError
        If a run after a kill fails, or makes something else.
    """
    command, spoil, made = KINDS[kind]
    project, rng = copy_project(scratch), random.Random(seed)
    how = {
        "args": [sys.executable, "-m", *command],
        "cwd": project,
        "env": os.environ | {"PYTHONPATH": str(project)},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
    }
    started = time.monotonic()
    first = subprocess.run(**how)
    needs = time.monotonic() - started
    assert first.returncode == 0, first.stdout
    whole = made(project)
    number = 0
    while number < times:
        spoil(project, rng)
        moment, alone = rng.uniform(0, needs), rng.random() < 0.5
        run = subprocess.Popen(**how | {"stdout": subprocess.DEVNULL}, start_new_session=True)
        try:
            assert run.wait(moment) == 0, f"{kind}, seed {seed}, after kill {number}: it failed"
            continue
        except subprocess.TimeoutExpired:
            met = "the command alone" if alone else "the command and its children"
            (os.kill if alone else os.killpg)(run.pid, signal.SIGKILL)
            run.wait()
        number += 1
        after = subprocess.run(**how)
        where = f"{kind}, seed {seed}, kill {number}, of {met}, after {moment:.2f} s"
        assert after.returncode == 0, f"{where}\n{after.stdout}"
        now = made(project)
        others = sorted(name for name in {*now, *whole} if now.get(name) != whole.get(name))
        assert not others, f"{where}: other files {others}"
        yield met


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description="Kill a command.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("times", type=int)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        met = Counter(kill(asked.kind, asked.times, asked.seed, Path(scratch)))
    for what, times in met.items():
        print(f"{asked.kind}: {times} kills of {what}; each time the next run put it right")


if __name__ == "__main__":
    main()
