"""A notebook outside the checkout: beside an installed helpers, and in the environment of conda."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest
import yaml

from tests.conftest import ROOT, skip_without_packages


def new_python(folder: Path, *options: str) -> Path:
    """Make an environment with the libraries of this one, but without the book.

    Of the libraries it gets the folder, as one line of a .pth file: Python does not follow the
    .pth files in there, by which the checkout is installed.
    """
    subprocess.run([sys.executable, "-m", "venv", *options, folder], check=True)
    own = sysconfig.get_path("purelib", vars={"base": str(folder)})
    Path(own, "libraries.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder / "bin" / "python"


def elsewhere(**more: str) -> dict[str, str]:
    """Return the environment variables of somebody who has no checkout."""
    unwanted = ("PYTHONPATH", "TIBET_REAL_DATA", "PYTEST_ADDOPTS", "JUPYTER_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return kept | more


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """Return a Python in which a wheel of the book is installed, and no checkout is to be seen."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    python = new_python(folder / "python", "--without-pip")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index"]
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "--no-deps", "--ignore-installed", wheel], check=True)
    kernel = [python, "-m", "ipykernel", "install", "--sys-prefix"]
    subprocess.run(kernel, check=True, capture_output=True, env=elsewhere())
    return python


EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
asks = nbformat.v4.new_code_cell("import helpers; print(helpers.__file__)")
notebook.cells.append(asks)
NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""


def shown(notebook: nbformat.NotebookNode) -> list[tuple[str, list]]:
    """Return what each cell of the chapter shows, but for the pixels."""
    kinds = ("text/plain", "text/markdown", "text/html")
    return [
        (cell.id, [[output.data.get(kind) for kind in kinds] for output in cell.outputs])
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("number", ["14", "18"])
@pytest.mark.slow
def test_a_notebook_opened_alone_shows_what_the_book_shows(number, installed, tmp_path):
    (twin,) = ROOT.glob(f"book/notebooks/{number}_*.ipynb")
    shutil.copy(twin, tmp_path)
    command = [installed, "-c", EXECUTE, twin.name]
    done = subprocess.run(command, cwd=tmp_path, env=elsewhere(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(tmp_path / twin.name, 4)
    found = Path(executed.cells.pop().outputs[0].text.strip())
    assert found.is_relative_to(installed.parent.parent)
    assert shown(executed) == shown(nbformat.read(twin, 4))
    written = {path.name for path in tmp_path.iterdir()} - {twin.name}
    assert not written


@pytest.mark.slow
def test_conda_and_binder_get_an_environment_in_which_the_book_works(tmp_path):
    """What the lock names is here already: pip has to agree, not to fetch it once more."""
    about = yaml.safe_load((ROOT / "environment.yml").read_text())
    name, pip, section = about["dependencies"]
    if name.removeprefix("python=") != platform.python_version().rpartition(".")[0]:
        pytest.skip(f"conda gets {name}, this is {platform.python_version()}")
    programs = new_python(tmp_path / "env").parent
    here = elsewhere(PATH=f"{programs}:{os.environ['PATH']}", PIP_NO_COMPILE="1")
    skip_without_packages(["pip"], env=here)
    for line in (shlex.quote(pip), *section["pip"]):
        install = ["python", "-m", "pip", "install", "--quiet", *shlex.split(line)]
        subprocess.run(install, cwd=ROOT, env=here, check=True)
    subprocess.run([ROOT / "postBuild"], cwd=ROOT, env=here, check=True)
    check = "import ipykernel, jupyterlab; from helpers.study import load_study; load_study()"
    for command in (["python", "-c", check], ["pip", "check"]):
        done = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
