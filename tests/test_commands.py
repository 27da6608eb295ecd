"""What make calls: parameters of a run, the stale-number guard, and half-written files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
import zmq

from helpers.commands import data as data_command
from helpers.commands import run as run_command
from helpers.commands.book import digest
from helpers.commands.execution import NOTEBOOKS
from helpers.commands.refresh import write_twin
from helpers.errors import InputError
from tests.conftest import ROOT

GRADIENTS = NOTEBOOKS / "04_elevation_gradients.ipynb"


def test_parameters_take_the_declared_types(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = run_command.read_parameters(GRADIENTS, ["seed=7", "alpha=.1", "source=mine"])
    assert values == {"seed": 7, "alpha": 0.1, "source": str(tmp_path / "mine")}
    assert run_command.read_parameters(GRADIENTS, ["source=embedded"]) == {"source": "embedded"}
    real = NOTEBOOKS / "19_real_climate.ipynb"
    assert run_command.read_parameters(real, ["source=genuine"]) == {"source": "genuine"}


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("sed=7", ["parameter 'sed'", "seed: int = 2022", "confidence: float", "level of the"]),
        ("seed", ["name=value"]),
        ("seed=seven", ["a whole number", "'seven'"]),
        ("seed=7.5", ["a whole number"]),
        ("alpha=", ["a number", "''"]),
    ],
)
def test_unknown_names_and_bad_values_are_refused(assignment, words):
    with pytest.raises(InputError) as refusal:
        run_command.read_parameters(GRADIENTS, [assignment])
    for word in ["04_elevation_gradients", *words]:
        assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["04_elevation_gradients", "sed=7"], ["parameter 'sed'", "seed: int"]),
        (["99_nothing"], ["01_data", "'99_nothing'"]),
        ([""], ["01_data"]),
    ],
)
def test_the_command_refuses_with_an_exit_status_and_no_traceback(arguments, words, tmp_path):
    command = [sys.executable, "-m", "helpers.commands.run", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.slow
def test_a_run_that_stops_says_why_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run_command, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(sys, "argv", ["run", "01_data", f"source={tmp_path}"])
    assert run_command.main() == 1
    assert "needed: sites.csv, or GLDAS" in capsys.readouterr().err
    assert not list((tmp_path / "runs").glob("*/*"))


def test_data_from_a_folder_without_files_is_refused(tmp_path):
    command = [sys.executable, "-m", "helpers.commands.data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "a folder with GLDAS monthly files" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "sites.csv"
    path.write_text("old")

    def fail(partial):
        partial.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        data_command._replace(path, fail)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("sites.csv", "old")]


def test_the_digest_sees_helpers_data_and_lock_and_nothing_else(tmp_path):
    for name in ("helpers/a.py", "data/b.csv", "requirements.lock", "book/c.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    before = digest(tmp_path)
    (tmp_path / "book/c.md").write_text("2")
    assert digest(tmp_path) == before
    for name in ("helpers/a.py", "data/b.csv", "requirements.lock"):
        (tmp_path / name).write_text("2")
        assert digest(tmp_path) != before
        (tmp_path / name).write_text("1")
    assert digest(tmp_path) == before


@pytest.fixture
def small_book(tmp_path):
    """Return a function that builds a copy of the project whose only page is one notebook."""
    names = [
        "helpers",
        "data",
        "requirements.lock",
        "_config.yml",
        "pyproject.toml",
        "book/_static",
    ]
    names.append("book/references.bib")
    for name in names:
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, target)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/notebooks/01_page\n")
    notebook = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        }
    )
    (tmp_path / "book" / "notebooks").mkdir()

    def build(*code: str, was: str = "", **environment) -> tuple[subprocess.CompletedProcess, str]:
        if was:
            notebook.metadata["genuine"] = ["srdb"]
        notebook.cells = [
            nbformat.v4.new_markdown_cell("# A page"),
            *map(nbformat.v4.new_code_cell, code),
        ]
        for number, cell in enumerate(notebook.cells):
            cell.id = f"cell-{number}"
        if was:
            notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text=was)]
        nbformat.write(notebook, tmp_path / "book" / "notebooks" / "01_page.ipynb")
        done = subprocess.run(
            [sys.executable, "-m", "helpers.commands.book"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path)} | environment,
            capture_output=True,
            text=True,
        )
        page = tmp_path / "_build" / "html" / "book" / "notebooks" / "01_page.html"
        return done, page.read_text(encoding="utf-8") if page.exists() else ""

    return build


SHOW_ZONES = "from helpers.sites import ZONES\nprint(ZONES['Low'])"


@pytest.mark.slow
def test_a_changed_helper_never_leaves_an_old_number(small_book, tmp_path):
    done, page = small_book(SHOW_ZONES)
    assert done.returncode == 0, done.stderr
    assert "(3112, 3650)" in page
    assert "executed 01_page.ipynb" in done.stdout

    done, page = small_book(SHOW_ZONES)
    assert done.returncode == 0, done.stderr
    assert "executed" not in done.stdout, "nothing changed, so nothing runs again"

    helper = tmp_path / "helpers" / "sites.py"
    helper.write_text(re.sub(r"\(3112, 3650\)", "(3111, 3650)", helper.read_text()))
    done, page = small_book(SHOW_ZONES)
    assert done.returncode == 0, done.stderr
    assert "(3111, 3650)" in page
    assert "(3112, 3650)" not in page


@pytest.mark.slow
def test_without_its_genuine_files_a_page_is_shown_as_it_was_run(small_book, tmp_path):
    here = {"TIBET_REAL_DATA": str(tmp_path / "files")}
    done, page = small_book("print('run ' + 'here')", was="run elsewhere", **here)
    assert done.returncode == 0, done.stderr
    assert "01_page.ipynb is shown as it was run elsewhere: no srdb here" in done.stdout
    assert "run elsewhere" in page

    (tmp_path / "files" / "srdb").mkdir(parents=True)
    done, page = small_book("print('run ' + 'here')", was="run elsewhere", **here)
    assert done.returncode == 0, done.stderr
    assert "run here" in page
    assert "run elsewhere" not in page


def test_a_twin_that_differs_in_the_day_only_is_kept(tmp_path):
    def twin(day, number):
        cells = [nbformat.v4.new_code_cell(tag) for tag in ("day", "number")]
        cells[0].metadata["tags"] = ["moment-of-run"]
        for index, (cell, text) in enumerate(zip(cells, (day, number), strict=True)):
            cell.id = str(index)
            cell.outputs = [nbformat.v4.new_output("stream", text=text)]
        return nbformat.v4.new_notebook(cells=cells)

    path = tmp_path / "a.ipynb"
    for given, kept in (
        (("1 May", "7"), "1 May"),
        (("2 May", "7"), "1 May"),
        (("3 May", "8"), "3 May"),
    ):
        write_twin(path, twin(*given))
        assert nbformat.read(path, 4).cells[0].outputs[0].text == kept


@pytest.mark.slow
def test_a_failed_cell_fails_the_build_with_its_traceback(small_book):
    done, page = small_book("1 / 0")
    assert done.returncode == 1
    assert "01_page.ipynb failed" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert not page


@pytest.mark.slow
def test_a_warning_fails_the_build(small_book):
    done, _ = small_book("from IPython.display import Markdown\nMarkdown('[](nowhere.md)')")
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr


_START_THREE = """
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
from helpers.commands.execution import execute

code = "from ipykernel.kernelapp import IPKernelApp\\nIPKernelApp.instance().transport"
notebooks = {Path(f"{n}.ipynb"): new_notebook(cells=[new_code_cell(code)]) for n in range(3)}
for path in execute(notebooks):
    print(notebooks[path].cells[0].outputs[0]["data"]["text/plain"])
"""


@pytest.mark.slow
@pytest.mark.skipif(not zmq.has("ipc"), reason="this system has no socket files")
def test_kernels_started_at_once_meet_on_socket_files_and_leave_none(tmp_path):
    """Kernels side by side race for TCP ports: CI once failed with "Address already in use"."""
    command = [sys.executable, "-c", _START_THREE]
    here = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=here)
    assert done.stdout.count("'ipc'") == 3, done.stderr
    assert not list(tmp_path.glob("kernel-*"))
