"""``make sweep``: run notebooks over a grid of parameters, and gather what they answer.

    python -m tools.sweep book/sweeps/what_survives_small.yml
    python -m tools.sweep my_grid.yml --cluster tcp://scheduler:8786

A grid is a YAML file: ``about``, and ``runs``, each with ``notebooks`` and ``parameters``, where a
list of values means every one of them. Each run goes where ``make run`` puts it, and one that is
there already, made by the same code from the same data, is not made again. At the end the answers
of all runs to the paper's claims lie in one table beside the grid, ``GRID.parquet``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, NamedTuple

import nbformat
import pandas as pd
import yaml
from distributed import Client, LocalCluster, as_completed, default_client
from papermill.exceptions import PapermillExecutionError
from pyarrow import parquet

from helpers.cluster import connect
from helpers.errors import InputError
from helpers.paper.claims import collect
from tools.disk_space import require_disk_space
from tools.execution import explain_lack
from tools.parameters import check_values
from tools.run import find_notebook, perform, replace_folder, run_folder, state

_KEYS = {"notebooks", "parameters"}
_ROOM = 2  # MB that a run takes
_MOST = 10_000  # runs: half a minute each, these take days
_PLAIN = [f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "null")]


class Job(NamedTuple):
    """One run: a notebook and the values that differ from its defaults."""

    notebook: Path
    parameters: dict[str, object]

    def __str__(self) -> str:
        values = (f"{name}={value}" for name, value in self.parameters.items())
        return " ".join([self.notebook.stem, *map(shlex.quote, values)])


class Result(NamedTuple):
    """What a worker sends back: the files of a run, or why there are none."""

    files: dict[str, bytes]
    error: str


class _Loader(yaml.SafeLoader):
    """Read mappings, lists and texts, and nothing else of YAML.

    Numbers stay texts, which the parameters' own checks read as ``make run`` does: YAML would take
    010 for 8 and 1:30 for 90. Tags are refused, and so are aliases, by which ten lines can mean
    more than a memory holds, and a name that stands twice: YAML would keep the last one silently.
    """

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, words) for tag, words in pairs if tag in _PLAIN]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors: ClassVar = {
        tag: yaml.SafeLoader.yaml_constructors[tag] for tag in (*_PLAIN, None)
    }

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "an alias (*name)", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for name in (key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{name!r} stands here twice", node.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


def read_grid(path: Path) -> list[Job]:
    """Return the runs of a grid, each once.

    Parameters
    ----------
    path : Path
        YAML, as the head of this module describes it.

    Raises
    ------
    InputError
        For a file that is no such grid, for more than 10 000 runs, and for notebooks, names and
        values that ``make run`` would refuse.
    """
    try:
        grid = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(
            path,
            needed="a YAML file of names, texts, numbers and lists",
            found="too many lists within lists"
            if isinstance(error, RecursionError)
            else " ".join(str(error).split()),
            mend="name a grid, such as GRID=book/sweeps/what_survives_small.yml, or mend it",
        ) from error
    well_formed = (
        isinstance(grid, dict)
        and set(grid) == {"about", "runs"}
        and isinstance(grid["runs"], list)
        and all(isinstance(part, dict) and set(part) == _KEYS for part in grid["runs"])
        and all(isinstance(part["notebooks"], list) for part in grid["runs"])
        and all(isinstance(part["parameters"], dict) for part in grid["runs"])
    )
    if not well_formed:
        raise InputError(
            path,
            needed="'about', and 'runs': a list of entries, each with 'notebooks' (a list) and "
            "'parameters' (values or lists of values, by name)",
            found="something else",
            mend="begin with book/sweeps/what_survives_small.yml",
        )
    crossed = sum(math.prod(map(len, _lists(part))) for part in grid["runs"])
    if crossed > _MOST:
        raise InputError(
            path,
            needed=f"at most {_MOST:,} runs",
            found=f"{crossed:,}, when every value meets every other",
            mend="shorten the lists, or split the grid",
        )
    jobs = {run_folder(*job): job for part in grid["runs"] for job in _expand(part)}
    if not jobs:
        raise InputError(
            path,
            needed="one run or more",
            found="an empty list",
            mend="give each list a value, or leave its name out",
        )
    return list(jobs.values())


def _lists(part: dict) -> list[list]:
    """Return what an entry crosses: its notebooks, then the values of each parameter."""
    values = part["parameters"].values()
    return [part["notebooks"], *(each if isinstance(each, list) else [each] for each in values)]


def _expand(part: dict) -> Iterator[Job]:
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


def _work(name: str, parameters: dict[str, object], expected: str) -> Result:
    """Make a run in a folder of this worker's own."""
    notebook = find_notebook(name)
    if state(notebook, parameters) != expected:
        return Result({}, "this worker has other notebooks, helpers or data")
    with tempfile.TemporaryDirectory() as folder:
        try:
            perform(notebook, parameters, Path(folder))
        except PapermillExecutionError as error:
            return Result({}, " ".join(f"{error.ename}: {error.evalue}".split()))
        return Result({path.name: path.read_bytes() for path in Path(folder).iterdir()}, "")


def keep(job: Job, files: dict[str, bytes]) -> None:
    with replace_folder(run_folder(*job)) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)


def make_runs(jobs: list[Job], client: Client) -> dict[str, str]:
    """Make runs on the workers of a cluster, and keep each as soon as it is finished.

    Parameters
    ----------
    jobs : list of Job
        Runs that are not there yet.
    client : distributed.Client
        Its workers need this version of the book, not its disk.

    Returns
    -------
    dict
        The error of each run that failed.
    """
    waiting = {
        client.submit(_work, job.notebook.stem, job.parameters, state(*job), pure=False): job
        for job in jobs
    }
    failed = {}
    for number, future in enumerate(as_completed(waiting), 1):
        job = waiting[future]
        error = future.exception()  # such as workers that were killed again and again
        result = future.result() if error is None else Result({}, repr(error))
        if result.error:
            failed[str(job)] = result.error
        else:
            keep(job, result.files)
        print(f"{number}/{len(jobs)} {job}: {result.error or 'finished'}", flush=True)
        future.release()
    return failed


def tabulate(jobs: list[Job]) -> pd.DataFrame:
    """Return the answers of finished runs.

    Parameters
    ----------
    jobs : list of Job
        Those that are not finished are left out.

    Returns
    -------
    pandas.DataFrame
        One row per run and claim: ``notebook``, ``run`` (name of its folder), ``claim``, the
        columns of :func:`helpers.paper.claims.collect`, and every parameter by its name.
    """
    parts = []
    for job in jobs:
        folder = run_folder(*job)
        if is_finished(job):
            about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
            answers = collect(nbformat.read(folder / job.notebook.name, 4)).reset_index()
            answers = answers.rename(columns={"id": "claim"})
            answers.insert(0, "notebook", job.notebook.stem)
            answers.insert(1, "run", folder.name)
            parts.append(answers.assign(**about["parameters"]))
    nothing = pd.DataFrame({"notebook": [], "run": []})
    return pd.concat(parts or [nothing], ignore_index=True)


@contextmanager
def workers(cluster: str) -> Iterator[Client]:
    """Yield a client of one process per core of this machine (``here``), or of a cluster."""
    if cluster == "here":
        local = LocalCluster(threads_per_worker=1, dashboard_address="localhost:0")
        with local, Client(local) as client:
            yield client
    else:
        connect(cluster)
        with default_client() as client:
            yield client


def sweep(grid: Path, cluster: str = "here") -> tuple[Path, dict[str, str]]:
    """Make the runs of a grid that are missing, and write its table.

    Parameters
    ----------
    grid : Path
        See :func:`read_grid`.
    cluster : str
        ``here``, or the address of a dask scheduler.

    Returns
    -------
    Path
        The table. Runs that failed are not in it; if none is finished, it stays as it was. Where a
        notebook's genuine files are not here, the rows of its runs stay as they were.
    dict
        The error of each run that failed.

    Raises
    ------
    InputError
        As :func:`read_grid`, and if another file has the name of the table.
    """
    jobs, target = read_grid(grid), grid.with_suffix(".parquet")
    _check_target(target)
    lacking = {
        path for path in {job.notebook for job in jobs} if explain_lack(nbformat.read(path, 4))
    }
    possible = [job for job in jobs if job.notebook not in lacking]
    missing = [job for job in possible if not is_finished(job)]
    print(
        f"{len(jobs)} runs: {len(possible) - len(missing)} are there, {len(missing)} to make, "
        f"{len(jobs) - len(possible)} lack their genuine files",
        flush=True,
    )
    failed = {}
    if missing:
        with (
            require_disk_space(run_folder(*missing[0]).parent, _ROOM * len(missing)),
            workers(cluster) as client,
        ):
            failed = make_runs(missing, client)
    table = tabulate(possible)
    if lacking and target.exists():
        before = pd.read_parquet(target)
        kept = before["notebook"].isin([path.stem for path in lacking])
        table = pd.concat([table, before[kept]], ignore_index=True)
    order = {(job.notebook.stem, run_folder(*job).name): k for k, job in enumerate(jobs)}
    place = pd.Series(zip(table["notebook"], table["run"], strict=True), dtype=object).map(order)
    table = table.iloc[place.dropna().sort_values(kind="stable").index]
    if table.empty:
        return target, failed
    partial = target.with_name(f"{target.name}.part")
    table.convert_dtypes().to_parquet(partial, index=False)
    partial.rename(target)
    return target, failed


def _check_target(target: Path) -> None:
    """Refuse to write over a file that is no table of a sweep."""
    if not target.exists():
        return
    try:
        columns = set(parquet.read_schema(target).names)
    except (OSError, ValueError):
        columns = set()
    if not columns >= {"notebook", "run"}:
        raise InputError(
            target,
            needed="no file, or the table of an earlier sweep of this grid",
            found="another file, which the table would replace",
            mend="move it, or give the grid another name",
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="make sweep", description=__doc__.splitlines()[0])
    parser.add_argument("grid", type=Path, help="a YAML file, such as those in book/sweeps")
    parser.add_argument("--cluster", default="here", help="address of a dask scheduler")
    arguments = parser.parse_args()
    try:
        table, failed = sweep(arguments.grid, arguments.cluster)
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
