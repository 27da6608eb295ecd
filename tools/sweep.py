"""``make sweep``: run notebooks over a grid of parameters, and gather what they answer.

A grid is a YAML file: ``about``, and ``runs``, each with ``notebooks`` and ``parameters``, where a
list of values means every one of them. Each run goes where ``make run`` puts it, and one that the
same code has made there from the same data is not made again. ``GRID.csv`` holds all answers.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import math
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
import pandas as pd
import yaml
from distributed import Client, as_completed, default_client
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from helpers.cluster import connect
from helpers.errors import InputError
from helpers.paper.claims import collect
from helpers.paper.specifications import read_answers
from tools.disk_space import require_disk_space
from tools.execution import explain_lack, find_notebook
from tools.parameters import check_values
from tools.run import perform, replace_folder, run_folder, state, write_page

_ROOM = 3  # MB that a run takes
_EMPTY = pd.DataFrame({"notebook": [], "run": []})
_MOST = 10_000  # runs: half a minute each, these take days


class Job(NamedTuple):
    """One run: a notebook and the values that differ from its defaults."""

    notebook: Path
    parameters: dict[str, object]

    def __str__(self) -> str:
        values = (f"{name}={value}" for name, value in self.parameters.items())
        return " ".join([self.notebook.stem, *map(shlex.quote, values)])


class _Loader(yaml.BaseLoader):
    """Read mappings, lists and texts, and nothing else of YAML.

    Numbers stay texts, which the parameters' own checks read as ``make run`` does: YAML would take
    010 for 8 and 1:30 for 90. A name that stands twice is refused: YAML would keep the last one.
    Tags are refused, and so are aliases, by which ten lines can mean more than a memory holds.
    """

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None):
            told = getattr(event, "tag", None) or "an alias (*name)"
            raise yaml.composer.ComposerError(None, None, told, event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := {name for name in names if names.count(name) > 1}:
            told = f"{min(twice)!r} stands here twice"
            raise yaml.constructor.ConstructorError(None, None, told, node.start_mark)
        return super().construct_mapping(node, deep)


def read_grid(path: Path) -> list[Job]:
    """Return the runs of a grid, each once."""
    try:
        grid = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        too_deep = isinstance(error, RecursionError)
        raise InputError(
            path,
            needed="a YAML file of names, texts, numbers and lists",
            found="too many lists within lists" if too_deep else " ".join(str(error).split()),
            mend="name a grid, such as GRID=book/sweeps/what_survives_small.yml, or mend it",
        ) from error
    parts = grid.get("runs") if isinstance(grid, dict) and set(grid) == {"about", "runs"} else None
    well_formed = isinstance(parts, list) and all(
        isinstance(part, dict)
        and set(part) == {"notebooks", "parameters"}
        and isinstance(part["notebooks"], list)
        and isinstance(part["parameters"], dict)
        for part in parts
    )
    if not well_formed:
        raise InputError(
            path,
            needed="'about', and 'runs': a list of entries, each with 'notebooks' (a list) and "
            "'parameters' (values or lists of values, by name)",
            found="something else",
            mend="begin with book/sweeps/what_survives_small.yml",
        )
    crossed = sum(math.prod(map(len, _lists(part))) for part in parts)
    if not 1 <= crossed <= _MOST:
        raise InputError(
            path,
            needed=f"one run or more, and at most {_MOST:,} runs",
            found=f"{crossed:,}, when every value meets every other",
            mend="shorten the lists or split the grid; give an empty list a value",
        )
    jobs = [job for part in parts for job in _cross(part)]
    return list({run_folder(*job): job for job in jobs}.values())


def _lists(part: dict) -> list[list]:
    """Return what an entry crosses: its notebooks, then the values of each parameter."""
    values = part["parameters"].values()
    return [part["notebooks"], *(each if isinstance(each, list) else [each] for each in values)]


def _cross(part: dict) -> Iterator[Job]:
    for name, *values in itertools.product(*_lists(part)):
        notebook = find_notebook(str(name))
        chosen = dict(zip(part["parameters"], values, strict=True))
        yield Job(notebook, check_values(notebook, chosen))


def is_finished(job: Job) -> bool:
    """Return whether today's code has made this run already, from the same data."""
    try:
        made = json.loads((run_folder(*job) / "run.json").read_text(encoding="utf-8"))["state"]
    except (OSError, ValueError, LookupError, TypeError):  # none, or not what a run left there
        return False
    return made == state(*job)


def _work(name: str, parameters: dict[str, object], expected: str) -> dict[str, bytes] | str:
    """Return the files of a run that a worker makes in a folder of its own, or why it failed."""
    notebook = find_notebook(name)
    if state(notebook, parameters) != expected:
        return "this worker has other notebooks, helpers or data"
    with tempfile.TemporaryDirectory() as folder:
        try:
            perform(notebook, parameters, Path(folder))
        except (PapermillExecutionError, DeadKernelError) as error:
            told = f"{error.ename}: {error.evalue}" if hasattr(error, "ename") else repr(error)
            return " ".join(told.split())
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def make_runs(jobs: list[Job], client: Client) -> dict[str, str]:
    """Make runs on the workers of a cluster, and keep each as soon as it is finished.

    The workers need this version of the book, not its disk. Return the error of each that failed.
    """
    waiting = {
        client.submit(_work, job.notebook.stem, job.parameters, state(*job), pure=False): job
        for job in jobs
    }
    failed = {}
    for number, future in enumerate(as_completed(waiting), 1):
        job = waiting[future]
        error = future.exception()  # such as workers that were killed again and again
        files = future.result() if error is None else repr(error)
        if isinstance(files, str):
            failed[str(job)] = files
        else:
            with replace_folder(run_folder(*job)) as folder:
                for name, content in files.items():
                    (folder / name).write_bytes(content)
        print(f"{number}/{len(jobs)} {job}: {failed.get(str(job), 'finished')}", flush=True)
        future.release()
    return failed


def read_run(job: Job) -> pd.DataFrame:
    """Return the answers of a finished run by claim, beside notebook, run and parameters."""
    folder = run_folder(*job)
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    answers = collect(nbformat.read(folder / job.notebook.name, 4))
    answers = answers.rename_axis("claim").reset_index()
    answers.insert(0, "notebook", job.notebook.stem)
    answers.insert(1, "run", folder.name)
    return answers.assign(**about["parameters"])


def _connect(cluster: str) -> Client:
    """Return a client of one process per core of this machine (``here``), or of a cluster."""
    if cluster == "here":
        here = {"threads_per_worker": 1, "dashboard_address": "localhost:0"}
        return Client(**here, silence_logs=logging.ERROR)  # else slow ends of workers are told
    connect(cluster)
    return default_client()


def sweep(grid: Path, cluster: str = "here", pages: bool = False) -> tuple[Path, dict[str, str]]:
    """Make the runs of a grid that are missing; return its table, and the errors of those failed.

    Runs that failed are not in the table; if none is finished, it stays as it was. Where a
    notebook's genuine files are not here, the rows of its runs stay as they were. With `pages`,
    each finished run that has no page gets one.
    """
    jobs, target = read_grid(grid), grid.with_suffix(".csv")
    before = read_answers(target) if target.exists() else _EMPTY
    books = {job.notebook for job in jobs}
    lacking = {path for path in books if explain_lack(nbformat.read(path, 4))}
    possible = [job for job in jobs if job.notebook not in lacking]
    missing = [job for job in possible if not is_finished(job)]
    print(
        f"{len(jobs)} runs: {len(possible) - len(missing)} are there, {len(missing)} to make, "
        f"{len(jobs) - len(possible)} lack their genuine files",
        flush=True,
    )
    failed = {}
    if missing:
        folder = run_folder(*missing[0]).parent
        space = require_disk_space(folder, _ROOM * len(missing))
        with space, _connect(cluster) as client:
            failed = make_runs(missing, client)
    parts = [_EMPTY]
    for job in jobs:
        if job.notebook in lacking:
            name = {"notebook": job.notebook.stem, "run": run_folder(*job).name}
            parts.append(before[(before[[*name]] == name).all(axis=1)])
        elif is_finished(job):
            parts.append(read_run(job))
            executed = run_folder(*job) / job.notebook.name
            if pages and not executed.with_suffix(".html").exists():
                write_page(executed, executed.parent)
                print(executed.with_suffix(".html"), flush=True)
    table = pd.concat(parts, ignore_index=True)
    if not table.empty:
        partial = target.with_name(f"{target.name}.part")
        table.convert_dtypes().to_csv(partial, index=False, lineterminator="\n")
        partial.replace(target)
    return target, failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="make sweep", description=__doc__.splitlines()[0])
    parser.add_argument("grid", type=Path, help="a YAML file, such as those in book/sweeps")
    parser.add_argument("--cluster", default="here", help="address of a dask scheduler")
    parser.add_argument("--pages", action="store_true", help="make a page of each run, too")
    arguments = parser.parse_args()
    try:
        table, failed = sweep(arguments.grid, arguments.cluster, arguments.pages)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    for job, error in failed.items():
        notebook, *values = shlex.split(job)
        alone = shlex.quote(shlex.join(values))
        print(f"failed: {error}\n    make run NB={notebook} P={alone}", file=sys.stderr)
    print(table)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
