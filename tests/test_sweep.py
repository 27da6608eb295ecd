"""Sweeps: a grid becomes runs, each made once, and the same table whatever went wrong."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
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
from helpers.paper.specifications import read_answers
from tests.conftest import ROOT, TWO_WORKERS
from tests.test_notebooks import OTHER_VALUES, SOURCES, numbers
from tools import sweep as sweep_command
from tools.execution import explain_lack
from tools.run import perform, run_folder
from tools.sweep import is_finished, read_grid, sweep

GRIDS = sorted((ROOT / "book" / "sweeps").glob("*.yml"))
SHIPPED = ROOT / "book" / "sweeps" / "what_survives_small.yml"
RERUN = {job.notebook.stem: job for job in read_grid(SHIPPED)}  # the last run of each notebook
TWO = {"convention": ["amos", "lavaan"]}
FOUR = {**TWO, "exogenous": ["correlated", "uncorrelated"]}


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("tools.run.RUNS", tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def write_grid(tmp_path):
    """Return a function that writes a grid of one entry and returns its path."""

    def write(parameters: dict, notebooks=("07_path_models",)) -> Path:
        path = tmp_path / "mine.yml"
        part = {"notebooks": list(notebooks), "parameters": parameters}
        path.write_text(yaml.safe_dump({"about": "a test", "runs": [part]}), encoding="utf-8")
        return path

    return write


def test_lists_are_crossed_and_the_same_run_is_made_once(write_grid):
    jobs = read_grid(write_grid({**FOUR, "confidence": [0.95, 0.9]}))
    assert len(jobs) == len({run_folder(*job) for job in jobs}) == 8
    again = read_grid(write_grid({"confidence": [0.95, 0.95, 0.9], "source": "embedded"}))
    assert len(again) == 2


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: path.stem)
def test_the_grids_of_the_book_can_be_run(path):
    jobs = read_grid(path)
    assert len(jobs) >= 8


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"x\n1\n", b"notebook,run\na,b\n"])
def test_a_file_that_is_no_table_of_a_sweep_is_not_replaced(write_grid, runs, content):
    grid = write_grid(TWO)
    target = grid.with_suffix(".csv")
    target.write_bytes(content)
    with pytest.raises(InputError, match="rename the grid"):
        sweep(grid)
    assert target.read_bytes() == content
    assert not runs.exists()


@pytest.mark.parametrize("content", ["", "{}", "null", '{"state": '])
def test_a_run_whose_record_cannot_be_read_is_not_finished(write_grid, runs, content):
    job = read_grid(write_grid(TWO))[0]
    run_folder(*job).mkdir(parents=True)
    (run_folder(*job) / "run.json").write_text(content)
    assert not is_finished(job)


def test_a_grid_that_cannot_be_run_is_refused_before_anything_runs(
    write_grid, runs, monkeypatch, capsys
):
    grid = write_grid({"confidence": [0.9, 2]})
    monkeypatch.setattr(sys, "argv", ["sweep", str(grid)])
    assert sweep_command.main() == 2
    assert "between 0 and 1" in capsys.readouterr().err
    assert list(grid.parent.iterdir()) == [grid]


def test_without_genuine_files_rows_stay_but_not_those_that_left_the_grid(
    write_grid, runs, monkeypatch, tmp_path
):
    grid = write_grid({"seed": [1, 2]}, ["00_where_the_sites_are"])
    monkeypatch.setenv("TIBET_REAL_DATA", str(tmp_path / "nothing"))
    names = [run_folder(*job).name for job in read_grid(grid)]
    shipped = read_answers(SHIPPED.with_suffix(".csv"))
    rows = shipped[:3].assign(notebook="00_where_the_sites_are")
    rows.assign(run=[names[1], "gone", names[0]]).to_csv(grid.with_suffix(".csv"), index=False)
    path, failed = sweep(grid)
    assert read_answers(path)["run"].tolist() == names
    assert not failed


@pytest.mark.slow
def test_finished_runs_are_not_made_again_and_a_killed_worker_loses_nothing(
    write_grid, runs, capsys
):
    with LocalCluster(**TWO_WORKERS) as cluster:
        with Client(cluster) as client:
            victim = next(iter(client.run(os.getpid).values()))
        Timer(3, os.kill, [victim, signal.SIGKILL]).start()
        path, failed = sweep(write_grid(FOUR), cluster.scheduler_address)
        with Client(cluster) as client:
            assert victim not in client.run(os.getpid).values()
    assert not failed
    whole, table = path.read_bytes(), read_answers(path)
    assert table["run"].nunique() == 4
    assert len(table[[*FOUR]].drop_duplicates()) == 4
    path.unlink()
    shutil.rmtree(runs / "07_path_models" / table["run"].iloc[0])
    capsys.readouterr()
    sweep(write_grid(FOUR))
    assert "4 runs: 3 are there, 1 to make" in capsys.readouterr().out
    assert path.read_bytes() == whole
    sweep(write_grid(TWO), pages=True)
    said = capsys.readouterr().out.splitlines()
    pages = [Path(line) for line in said if line.endswith(".html")]
    assert {page.parent for page in pages} == {
        run_folder(*job) for job in read_grid(write_grid(TWO))
    }
    assert all("A rerun, not the book itself" in page.read_text("utf-8") for page in pages)


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
    assert set(pd.read_csv(said.out.splitlines()[-1])["source"]) == {"embedded"}


def test_the_shipped_table_holds_the_runs_of_its_grid_and_no_other():
    table = read_answers(SHIPPED.with_suffix(".csv"))
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
    table = read_answers(SHIPPED.with_suffix(".csv"))
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
