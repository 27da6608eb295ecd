"""Lazy arrays on a cluster: the same bits as here, whatever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
from distributed import LocalCluster, default_client

from benchmarks.noise import write_archive
from helpers.cluster import connect
from helpers.errors import InputError
from helpers.readers.archive_files import find_files
from helpers.readers.earth_system_models import open_ensemble, open_run
from tests.conftest import TWO_WORKERS


def die_at_first(block: np.ndarray, mark: Path) -> np.ndarray:
    """Kill the process that gets the first block; change none."""
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return block


@pytest.mark.slow
def test_an_ensemble_has_the_same_bits_even_if_a_worker_is_killed(tmp_path):
    archive = write_archive(tmp_path / "noise", ["CanESM2", "HadGEM2-ES"], 2003, 2008)
    files = find_files(archive)
    top = open_run(files[(files["variable"] == "npp") & (files["experiment"] == "historical")][:1])
    alone = top.compute()
    years = {"first_year": 2004, "last_year": 2007}
    whole = open_ensemble(archive, **years)
    with LocalCluster(**TWO_WORKERS) as cluster:
        connect(cluster.scheduler_address)
        with default_client() as client:
            before = set(client.run(os.getpid).values())
            meta = np.empty((0,) * 3)
            lazy = top.data.map_blocks(die_at_first, mark=tmp_path / "mark", meta=meta)
            there = top.copy(data=lazy).compute()
            assert before - set(client.run(os.getpid).values())
            assert open_ensemble(archive, **years).identical(whole)
    assert there.identical(alone)


def test_here_is_here_again_after_a_cluster():
    with LocalCluster(**TWO_WORKERS) as cluster:
        connect(cluster.scheduler_address)
        assert default_client().scheduler.address == cluster.scheduler_address
        connect("here")
        with pytest.raises(ValueError, match="No clients"):
            default_client()


def test_without_a_cluster_nothing_is_imported_for_one():
    code = "import sys; from helpers.cluster import connect; connect('here'); "
    code += "assert not {'dask', 'distributed'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("address", ["garbage", "tcp://", "http://127.0.0.1:1"])
def test_after_an_address_that_is_none_work_is_done_here(address):
    with pytest.raises(InputError, match="no answer"):
        connect(address)
    assert da.ones(3).sum().compute() == 3
