"""The same numbers from two runs, from one thread or two, and from each Python that is here."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from packaging.utils import canonicalize_name

from tests.conftest import ROOT, skip_without_packages

PYTHONS, HERE = ("3.11", "3.12", "3.13"), platform.python_version().rpartition(".")[0]

COMPUTE = """
import sys
import numpy as np
from helpers.statistics.associations import count_by_chance
from helpers.statistics.gradients import fit_gradients
from helpers.pathmodel import bootstrap_effects, bootstrap_loop, fit_model, read_model
from helpers.study import load_study, load_top, mean_top, sample_top

study = load_study("embedded", 2022)
factors = study.factors()
data = factors.join(sample_top(study.sites, "embedded"))
halves = factors.iloc[:, :14], factors.iloc[:, 14:]
results = {
    "gradients": fit_gradients(study.sites["elevation"], factors).select_dtypes("number"),
    "chance": count_by_chance(*halves, times=200, seed=7),
    "estimates": fit_model(read_model("climatic"), data).estimates.select_dtypes("number"),
    "effects": bootstrap_effects(read_model("plant"), data, "TOP", n_boot=500, seed=7).table,
    "loop": bootstrap_loop(read_model("loop"), data, n_boot=500, seed=7).table,
    "searched": fit_model(read_model("loop"), data).theta,
    "top": mean_top(load_top()),
}
np.savez(sys.argv[1], **{name: np.asarray(each, float) for name, each in results.items()})
"""
TELL = """
from importlib.metadata import packages_distributions
found = packages_distributions()
print(*{name for module in sys.modules for name in found.get(module.partition(".")[0], ())})
"""


@pytest.fixture(scope="module")
def computed(tmp_path_factory) -> dict[str, dict[str, np.ndarray]]:
    """Return results by name, of two processes with one thread and one with two."""
    folder = tmp_path_factory.mktemp("runs")
    return {
        name: compute(folder / f"{name}.npz", threads)
        for name, threads in (("once", 1), ("again", 1), ("two threads", 2))
    }


def compute(target: Path, threads: int, python: str | Path = sys.executable) -> dict:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    limits = dict.fromkeys(names, str(threads)) | {"PYTHONHASHSEED": "random"}
    command = [python, "-W", "error", "-c", COMPUTE, target]
    subprocess.run(command, env=os.environ | limits | {"PYTHONPATH": str(ROOT)}, check=True)
    with np.load(target) as results:
        return dict(results)


def test_two_runs_give_the_same_bits(computed):
    for name, values in computed["once"].items():
        assert values.size
        assert values.tobytes() == computed["again"][name].tobytes(), name


def test_threads_change_nothing_beyond_rounding(computed):
    for name, values in computed["once"].items():
        np.testing.assert_allclose(
            computed["two threads"][name], values, rtol=1e-9, atol=1e-12, err_msg=name
        )


@pytest.fixture(scope="module")
def lock(tmp_path_factory) -> Path:
    """Return the part of the lock that the computation imports."""
    folder = tmp_path_factory.mktemp("lock")
    run = [sys.executable, "-c", COMPUTE + TELL, folder / "results.npz"]
    told = subprocess.run(run, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    needed = set(map(canonicalize_name, told.split()))
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / "requirements.lock").read_text(), flags=re.M)
    kept = [entry for entry in entries if re.split(r"[=\[]", entry)[0] in needed]
    assert len(kept) >= len(needed) > 20
    path = folder / "some.lock"
    path.write_text("".join(kept))
    return path


def find_python(version: str) -> Path:
    """Return a Python of a version such as 3.12, or skip."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    named = shutil.which(f"python{version}")
    for python in (sys.executable, named, *pyenv.glob(f"versions/{version}.*/bin/python")):
        told = subprocess.run([python or "false", "-V"], capture_output=True, text=True).stdout
        if told.startswith(f"Python {version}."):
            return Path(python)
    pytest.skip(f"no Python {version} on this machine")


@pytest.mark.slow
@pytest.mark.parametrize("version", [each for each in PYTHONS if each != HERE])
def test_another_python_changes_nothing_beyond_rounding(version, lock, computed, tmp_path):
    subprocess.run(
        [find_python(version), "-m", "venv", "--without-pip", tmp_path / "v"], check=True
    )
    python = tmp_path / "v" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    skip_without_packages(pip)
    install = ["install", "--quiet", "--no-compile", "--no-deps", "--require-hashes", "-r", lock]
    subprocess.run([*pip, *install], check=True)
    found = compute(tmp_path / "found.npz", 1, python)
    for name, values in computed["once"].items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-12, err_msg=name)
