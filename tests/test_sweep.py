"""Sweeps: a grid becomes runs, each made once, and the same table whatever went wrong."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from concurrent.futures import Future
from pathlib import Path
from threading import Timer

import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml
from distributed import Client, LocalCluster

from helpers.errors import InputError
from helpers.paper.claims import collect
from tests.conftest import ROOT, TWO_WORKERS
from tests.test_notebooks import OTHER_VALUES, SOURCES, numbers
from tools import sweep as sweep_command
from tools.execution import explain_lack
from tools.run import perform, run_folder
from tools.sweep import Job, Result, read_grid, sweep

GRIDS = sorted((ROOT / "book" / "sweeps").glob("*.yml"))
SHIPPED = ROOT / "book" / "sweeps" / "what_survives_small.yml"
RERUN = {job.notebook.stem: job for job in read_grid(SHIPPED)}  # the last run of each notebook


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("tools.run.RUNS", tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def write_grid(tmp_path):
    """Return a function that writes a grid of one entry and returns its path."""

    def write(parameters: dict, notebooks=("07_path_models",), name: str = "mine") -> Path:
        path = tmp_path / f"{name}.yml"
        part = {"notebooks": list(notebooks), "parameters": parameters}
        path.write_text(yaml.safe_dump({"about": "a test", "runs": [part]}), encoding="utf-8")
        return path

    return write


TWO = {"convention": ["amos", "lavaan"]}
FOUR = {**TWO, "exogenous": ["correlated", "uncorrelated"]}


def test_lists_are_crossed_and_the_same_run_is_made_once(write_grid):
    jobs = read_grid(write_grid({**FOUR, "confidence": [0.95, 0.9]}))
    assert len(jobs) == 8
    assert len({run_folder(*job) for job in jobs}) == 8
    again = read_grid(write_grid({"confidence": [0.95, 0.95, 0.9], "source": "embedded"}))
    assert len(again) == 2


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: path.stem)
def test_the_grids_of_the_book_can_be_run(path):
    jobs = read_grid(path)
    assert len(jobs) > 40
    assert len({job.notebook for job in jobs}) > 8


@pytest.mark.parametrize("content", [b"", b"mine", None])
def test_a_file_that_is_no_table_of_a_sweep_is_not_replaced(write_grid, runs, content):
    grid = write_grid(TWO)
    target = grid.with_suffix(".parquet")
    if content is None:
        pd.DataFrame({"x": [1]}).to_parquet(target)
    else:
        target.write_bytes(content)
    before = target.read_bytes()
    with pytest.raises(InputError, match="give the grid another name"):
        sweep(grid)
    assert target.read_bytes() == before
    assert not runs.exists()


@pytest.mark.parametrize("content", ["", "{}", "null", '{"state": '])
def test_a_run_whose_record_cannot_be_read_is_not_finished(write_grid, runs, content):
    job = read_grid(write_grid(TWO))[0]
    run_folder(*job).mkdir(parents=True)
    (run_folder(*job) / "run.json").write_text(content)
    assert not sweep_command.is_finished(job)


def test_a_grid_that_cannot_be_run_is_refused_before_anything_runs(tmp_path, runs):
    path = tmp_path / "mine.yml"
    values = "{confidence: [0.9, 2]}"
    path.write_text(f"about: x\nruns: [{{notebooks: [7], parameters: {values}}}]")
    with pytest.raises(InputError, match="between 0 and 1"):
        sweep(path)
    assert list(tmp_path.iterdir()) == [path]


def test_numbers_that_yaml_reads_as_something_else_mean_what_they_say(tmp_path):
    path = tmp_path / "mine.yml"
    part = "{notebooks: [8, 04], parameters: {alpha: 1e-3, seed: [1, 2]}}"
    path.write_text(f"about: x\nruns: [{part}]", encoding="utf-8")
    jobs = read_grid(path)
    assert [job.notebook.stem[:2] for job in jobs] == ["08", "08", "04", "04"]
    assert [job.parameters["alpha"] for job in jobs] == [0.001] * 4


class _NoClient:
    """A cluster on which every run ends with an exception that says nothing."""

    def submit(self, *_, **__):
        future = Future()
        future.set_exception(MemoryError())
        return future


def test_an_exception_without_words_is_a_failure_and_replaces_nothing(
    write_grid, runs, monkeypatch
):
    job = read_grid(write_grid({}))[0]
    sweep_command.keep(job, {"07_path_models.html": b"of an earlier run"})
    monkeypatch.setattr(sweep_command, "as_completed", list)
    monkeypatch.setattr(Future, "release", lambda self: None, raising=False)
    assert sweep_command.make_runs([job], _NoClient()) == {str(job): "MemoryError()"}
    assert (run_folder(*job) / "07_path_models.html").read_bytes() == b"of an earlier run"


def test_rows_of_runs_that_left_the_grid_leave_the_table(write_grid, runs, monkeypatch):
    grid = write_grid({"seed": [1, 2]}, ["20_field_sites"])
    monkeypatch.setattr(sweep_command, "explain_lack", lambda notebook: "no files here")
    names = [run_folder(*job).name for job in read_grid(grid)]
    rows = pd.DataFrame({"notebook": "20_field_sites", "run": [names[1], "gone", names[0]]})
    rows.to_parquet(grid.with_suffix(".parquet"))
    path, failed = sweep(grid)
    assert pd.read_parquet(path)["run"].tolist() == names
    assert not failed


def test_no_grid_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sweep", str(tmp_path / "none.yml")])
    assert sweep_command.main() == 2
    assert "No such file" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sweep_that_was_interrupted_goes_on_and_gives_the_same_table(
    write_grid, runs, monkeypatch, capsys
):
    whole, failed = sweep(write_grid(TWO, name="whole"))
    assert not failed
    table = pd.read_parquet(whole)
    assert table["run"].nunique() == 2
    assert set(table["convention"]) == set(TWO["convention"])
    for folder in (runs / "07_path_models").iterdir():
        folder.rename(runs.parent / folder.name)  # as if none had been made

    kept = []

    def keep_one(job: Job, files: dict[str, bytes]) -> None:
        if len(kept) == 1:
            raise KeyboardInterrupt
        kept.append(job)
        keep(job, files)

    keep = sweep_command.keep
    grid = write_grid(TWO, name="half")
    monkeypatch.setattr(sys, "argv", ["sweep", str(grid)])
    monkeypatch.setattr(sweep_command, "keep", keep_one)
    assert sweep_command.main() == 130
    assert not grid.with_suffix(".parquet").exists()
    assert len(list((runs / "07_path_models").iterdir())) == 1
    monkeypatch.setattr(sweep_command, "keep", keep)
    capsys.readouterr()
    assert sweep_command.main() == 0
    assert "2 runs: 1 are there, 1 to make" in capsys.readouterr().out
    assert grid.with_suffix(".parquet").read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(write_grid, runs):
    with LocalCluster(**TWO_WORKERS) as cluster:
        with Client(cluster) as client:
            victim = next(iter(client.run(os.getpid).values()))
        Timer(3, os.kill, [victim, signal.SIGKILL]).start()
        path, failed = sweep(write_grid(FOUR), cluster.scheduler_address)
        with Client(cluster) as client:
            assert victim not in client.run(os.getpid).values()
    assert not failed
    table = pd.read_parquet(path)
    assert table["run"].nunique() == 4
    assert set(zip(table["convention"], table["exogenous"], strict=True)) == {
        (a, b) for a in FOUR["convention"] for b in FOUR["exogenous"]
    }


@pytest.mark.slow
def test_a_run_that_fails_is_reported_with_the_command_that_retries_it(
    write_grid, runs, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "my own"
    folder.mkdir()
    (folder / "sites.csv").write_text("site,longitude\na,1\n", encoding="utf-8")
    grid = write_grid({"source": ["embedded", str(folder)]}, ["09_plant_sem"])
    monkeypatch.setattr(sys, "argv", ["sweep", str(grid)])
    assert sweep_command.main() == 1
    said = capsys.readouterr()
    assert "sites.csv" in said.err
    command = next(line.strip() for line in said.err.splitlines() if "make run" in line)
    _, _, notebook, parameters = shlex.split(command)
    assert notebook == "NB=09_plant_sem"
    assert shlex.split(parameters.removeprefix("P=")) == [f"source={folder}"]
    table = pd.read_parquet(said.out.splitlines()[-1])
    assert set(table["source"]) == {"embedded"}


def test_a_worker_of_another_version_is_refused(write_grid, runs, monkeypatch):
    job = read_grid(write_grid({}))[0]
    result = sweep_command._work(job.notebook.stem, job.parameters, "of another version")
    assert result == Result({}, "this worker has other notebooks, helpers or data")


def test_the_shipped_table_holds_the_runs_of_its_grid_and_no_other():
    table = pd.read_parquet(SHIPPED.with_suffix(".parquet"))
    rows = table[["notebook", "run"]].drop_duplicates().itertuples(index=False, name=None)
    assert list(rows) == [(job.notebook.stem, run_folder(*job).name) for job in read_grid(SHIPPED)]
    assert not table.duplicated(["notebook", "run", "claim"]).any()


def test_every_chapter_runs_with_other_values_in_some_test():
    assert {*RERUN, *OTHER_VALUES, "18_what_survives"} == {path.stem for path in SOURCES}


@pytest.mark.slow
@pytest.mark.parametrize("name", RERUN)
def test_the_shipped_table_is_what_the_code_of_today_computes(name, tmp_path):
    job = RERUN[name]
    notebook = nbformat.read(job.notebook, 4)
    if lack := explain_lack(notebook):
        pytest.skip(lack)
    perform(*job, tmp_path)
    executed = nbformat.read(tmp_path / job.notebook.name, 4)
    assert numbers(executed) != numbers(notebook), "other values, other numbers"
    now = collect(executed)
    table = pd.read_parquet(SHIPPED.with_suffix(".parquet"))
    here = (table["notebook"] == name) & (table["run"] == run_folder(*job).name)
    shipped = table[here].set_index("claim")
    for column in ("label", "agrees", "verdict", "reason"):
        assert now[column].to_dict() == shipped[column].to_dict(), "make the sweep again"
    for claim, value in shipped["value"].items():
        ours, theirs = (
            np.ravel(np.array(json.loads(text), object)).tolist()
            for text in (now.loc[claim, "value"], value)
        )
        number = isinstance(theirs[0], float)
        assert ours == (pytest.approx(theirs, rel=1e-4) if number else theirs), claim
