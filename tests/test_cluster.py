"""Work that is spread over a cluster: the same bits as here, whatever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster, default_client

from benchmarks.noise import write_archive
from helpers.cluster import connect, spread
from helpers.errors import InputError
from helpers.pathmodel import bollen_stine, bootstrap_effects, loop, read_model, resampling
from helpers.readers.earth_system_models import open_ensemble
from helpers.study import load_study, sample_top
from tests.conftest import TWO_WORKERS

PLANT, LOOP = read_model("plant"), read_model("loop")
N_BOOT = 6001  # three blocks, and a last one of a single resample


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Return the factors, one of them such that some resamples find it constant."""
    study = load_study("embedded", 2022)
    table = study.factors().join(sample_top(study.sites, "embedded"))
    return table.assign(CG=1.0 * (table["CG"].rank() > 25))


@contextmanager
def two_workers() -> Iterator[Client]:
    """Connect to two workers."""
    with LocalCluster(**TWO_WORKERS) as cluster:
        connect(cluster.scheduler_address)
        with default_client() as client:
            yield client


def all_bootstraps(data: pd.DataFrame) -> list:
    blocks = pd.Series(np.arange(len(data)) // 3, data.index)
    effects = bootstrap_effects(PLANT, data, "TOP", n_boot=N_BOOT, blocks=blocks)
    ring = loop.bootstrap_loop(LOOP, data, n_boot=N_BOOT)
    test = bollen_stine(PLANT, data, n_boot=N_BOOT)
    assert effects.failed  # both left out resamples, so that both count them right
    assert ring.failed + ring.unreal
    return [
        effects.table,
        effects.draws,
        effects.failed,
        ring.table,
        ring.draws,
        ring.failed,
        ring.unreal,
        test.p,
        test.draws.tolist(),
    ]


def same(one: list, other: list) -> bool:
    return all(
        a.equals(b) if isinstance(a, pd.DataFrame) else a == b
        for a, b in zip(one, other, strict=True)
    )


def die_once(function: Callable, mark: Path) -> Callable:
    """Return the function, which kills the process that meets the last block first."""

    def of(sites: np.ndarray) -> np.ndarray:
        found = function(sites)
        if len(sites) == 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    return of


@pytest.mark.slow
def test_two_workers_give_the_same_bits_even_if_one_is_killed(data, tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.cluster._TOGETHER", 2)  # so that both workers have something
    here = all_bootstraps(data)
    with two_workers() as client:
        there = all_bootstraps(data)
        before = set(client.run(os.getpid).values())
        for module in (resampling, loop):
            mark = tmp_path / module.__name__
            monkeypatch.setattr(
                module, "spread", lambda of, pieces, mark=mark: spread(die_once(of, mark), pieces)
            )
        after_a_death = all_bootstraps(data)
        assert len(before & set(client.run(os.getpid).values())) < 2
    assert same(here, there)
    assert same(here, after_a_death)


def die_at_first(mark: Path) -> Callable:
    """Return a function that kills the process which gets the first block, and changes none."""

    def of(block: np.ndarray) -> np.ndarray:
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return block

    return of


@pytest.mark.slow
def test_an_ensemble_has_the_same_bits_even_if_a_worker_is_killed(tmp_path):
    archive = write_archive(tmp_path / "noise", ["CanESM2", "HadGEM2-ES"], 2003, 2008)
    top = open_ensemble(archive, first_year=2004, last_year=2007)["top"]
    alone = top.compute()
    with two_workers() as client:
        before = set(client.run(os.getpid).values())
        lazy = top.data.map_blocks(die_at_first(tmp_path / "mark"), meta=np.empty((0,) * 5))
        there = top.copy(data=lazy).compute()
        assert before - set(client.run(os.getpid).values())
    assert there.identical(alone)


def test_here_is_here_again_after_a_cluster():
    with LocalCluster(**TWO_WORKERS) as cluster:
        connect(cluster.scheduler_address)
        connect("here")
        assert spread(lambda _: os.getpid(), [0]) == [os.getpid()]
        with pytest.raises(ValueError, match="No clients"):
            default_client()


def test_pieces_keep_their_order_and_are_computed_on_the_workers():
    with two_workers():
        found = spread(lambda piece: (piece, os.getpid()), range(40))
        with pytest.raises(ZeroDivisionError):
            spread(lambda piece: 1 / piece, [1, 0])
    assert [piece for piece, _ in found] == list(range(40))
    assert os.getpid() not in {process for _, process in found}


def test_without_a_cluster_nothing_is_imported_for_one():
    code = """
import sys
from helpers.cluster import connect, spread
connect("here")
assert spread(abs, [-1, 2]) == [1, 2]
assert not {"dask", "distributed"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("address", ["garbage", "tcp://", "http://127.0.0.1:1"])
def test_after_an_address_that_is_none_work_is_done_here(address):
    with pytest.raises(InputError, match="no answer"):
        connect(address)
    assert da.ones(3).sum().compute() == 3
