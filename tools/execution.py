"""Find the book's notebooks, and execute several of them at a time in this process."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from difflib import get_close_matches
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode

from helpers.errors import InputError
from helpers.paths import find_genuine

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "book" / "notebooks"
AT_A_TIME = 2
_SECONDS_PER_CELL = 300

# kernels share the cores: threads on small matrices would only wait for each other
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // AT_A_TIME)))


def find_notebook(name: str, suffix: str = ".ipynb") -> Path:
    """Return the notebook of this name, of this number (``4``, ``04``), or that alone begins so."""
    path = Path(name)
    stem = path.stem if path.suffix in (".ipynb", ".md") else path.name
    if path.parts[:-1] not in ((), ("notebooks",), ("book", "notebooks")):
        stem = name  # of a file elsewhere, not of the book's own
    known = {notebook.stem: notebook for notebook in sorted(NOTEBOOKS.glob(f"*{suffix}"))}
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


def explain_lack(notebook: NotebookNode) -> str:
    """Say which genuine files a notebook needs (its metadata ``genuine``) and lacks; else ''."""
    try:
        for name in notebook.metadata.get("genuine", []):
            find_genuine(name)
    except InputError as error:
        return f"no {error.where} here; {error.mend}"
    return ""


def execute(notebooks: dict[Path, NotebookNode]) -> dict[Path, float]:
    """Execute notebooks in place, each with a kernel of its own that starts in its folder.

    Return the seconds of those that ran to their end; the tracebacks of the others are printed.
    """

    async def execute_all() -> list[float | None]:
        turns = asyncio.Semaphore(AT_A_TIME)
        return await asyncio.gather(*(_execute(*item, turns) for item in notebooks.items()))

    seconds = dict(zip(notebooks, asyncio.run(execute_all()), strict=True))
    return {path: taken for path, taken in seconds.items() if taken is not None}


async def _execute(path: Path, notebook: NotebookNode, turns: asyncio.Semaphore) -> float | None:
    async with turns:
        started = time.perf_counter()
        try:
            await NotebookClient(
                notebook,
                timeout=_SECONDS_PER_CELL,
                record_timing=False,  # the same sources give the same bytes
                resources={"metadata": {"path": str(path.parent)}},
                extra_arguments=["--log-level=ERROR"],
            ).async_execute()
        except (CellControlSignal, DeadKernelError) as error:
            print(f"{path} failed:\n{strip_ansi(str(error))}", file=sys.stderr, flush=True)
            return None
        taken = time.perf_counter() - started
    print(f"executed {path.name} in {taken:.1f} s", flush=True)
    return taken
