"""The same numbers from two runs, and from one thread or two."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT

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


@pytest.fixture(scope="module")
def computed(tmp_path_factory) -> dict[str, dict[str, np.ndarray]]:
    """Return results by name, of two processes with one thread and one with two."""
    folder = tmp_path_factory.mktemp("runs")
    return {
        name: compute(folder / f"{name}.npz", threads)
        for name, threads in (("once", 1), ("again", 1), ("two threads", 2))
    }


def compute(target: Path, threads: int) -> dict[str, np.ndarray]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    limits = dict.fromkeys(names, str(threads)) | {"PYTHONHASHSEED": "random"}
    command = [sys.executable, "-W", "error", "-c", COMPUTE, target]
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
