"""Find the book's notebooks and execute several of them at a time."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode

from helpers.errors import InputError
from helpers.paths import find_genuine
from tools.kernels import use_socket_files

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "book" / "notebooks"
AT_A_TIME = 2
_SECONDS_PER_CELL = 300

use_socket_files()
# kernels share the cores: threads on small matrices would only wait for each other
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // AT_A_TIME)))


def explain_lack(notebook: NotebookNode) -> str:
    """Say which genuine files a notebook needs (its metadata ``genuine``) and cannot find here.

    Returns
    -------
    str
        Empty where it can be executed.
    """
    try:
        for name in notebook.metadata.get("genuine", []):
            find_genuine(name)
    except InputError as error:
        return f"no {error.where} here; {error.mend}"
    return ""


def execute(notebooks: dict[Path, NotebookNode]) -> dict[Path, ExecutionResult]:
    """Execute notebooks, each with a kernel of its own that starts in the notebook's folder.

    Parameters
    ----------
    notebooks : dict
        Notebooks by path; they receive their outputs in place.

    Returns
    -------
    dict
        The results of those that ran to their end. The traceback of each that did not is
        printed on standard error.
    """

    def run(item: tuple[Path, NotebookNode]) -> tuple[Path, ExecutionResult]:
        path, notebook = item
        return path, single_nb_execution(
            notebook,
            cwd=str(path.parent),
            timeout=_SECONDS_PER_CELL,
            allow_errors=False,
            extra_arguments=["--log-level=ERROR"],
        )

    finished = {}
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for path, result in pool.map(run, notebooks.items()):
            if result.err is None:
                print(f"executed {path.name} in {result.time:.1f} s", flush=True)
                finished[path] = result
            else:
                print(f"{path} failed:\n{strip_ansi(str(result.err))}", file=sys.stderr, flush=True)
    return finished
