"""What the reduction of an archive opens, reads and holds: counts, and its benchmark tried out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import dask
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from benchmarks.__main__ import put_section
from benchmarks.archive import SMALL, report
from benchmarks.common import exponent_of
from benchmarks.noise import write_archive, write_model
from helpers.readers import earth_system_models as cmip5
from helpers.readers import netcdf
from tools.standin import globe

MODELS = ["CanESM2", "HadGEM2-ES"]


@pytest.fixture(scope="module")
def noise(tmp_path_factory) -> Path:
    """Return an archive of two models on full grids, 2003-2008."""
    return write_archive(tmp_path_factory.mktemp("noise"), MODELS, 2003, 2008)


@pytest.fixture
def opened(monkeypatch) -> dict[str, Counter]:
    """Return what is counted from now on: headers and windows read, by the file's name."""
    counts = {"read_header": Counter(), "read_window": Counter()}
    for name, count in counts.items():
        read = getattr(cmip5, name)

        def counted(path, *others, read=read, count=count):
            count[path.name] += 1
            return read(path, *others)

        monkeypatch.setattr(cmip5, name, counted)
    return counts


@pytest.fixture
def sizes(monkeypatch) -> list[int]:
    """Return the sizes in bytes of all reads from now on."""
    found = []
    read = netcdf._read_at

    def counted(*place):
        found.append(len(data := read(*place)))
        return data

    monkeypatch.setattr(netcdf, "_read_at", counted)
    return found


def test_each_header_is_read_once_and_only_files_of_the_period_are_opened_again(noise, opened):
    ensemble = cmip5.open_ensemble(noise, first_year=2006, last_year=2008)
    names = {path.name for path in noise.rglob("*.nc")}
    assert opened["read_header"] == dict.fromkeys(names, 1)
    assert opened["read_window"] == {}
    ensemble["top"].compute()
    scenarios = {name for name in names if "_rcp" in name}
    assert opened["read_window"] == dict.fromkeys(scenarios, 1)


def test_the_historical_half_is_read_once_per_scenario(noise, opened):
    cmip5.open_ensemble(noise, first_year=2004, last_year=2007)["top"].compute()
    for name, times in opened["read_window"].items():
        assert times == (2 if "historical" in name else 1)


def test_of_each_month_only_the_rows_of_the_region_are_read(noise, sizes):
    ensemble = cmip5.open_ensemble(noise, first_year=2004, last_year=2007)
    sizes.clear()
    ensemble["top"].compute()
    expected = 0
    for model in MODELS:
        cells = globe(model)
        inside = int(((cells["lat"] >= 25) & (cells["lat"] <= 41)).sum())
        months = 2 * 2 * 48  # variables, scenarios
        expected += months * (inside + 2) * cells.sizes["lon"] * 4
    assert sum(sizes) == expected
    assert expected < 0.2 * sum(path.stat().st_size for path in noise.rglob("*Lmon*.nc"))


def test_a_model_takes_few_tasks(noise):
    ensemble = cmip5.open_ensemble(noise, first_year=2004, last_year=2007)
    (top,) = dask.optimize(ensemble["top"])
    assert len(top.__dask_graph__()) / len(MODELS) <= 22


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_twice_the_years_are_held_in_blocks_of_the_same_size(tmp_path, sizes, scheduler):
    edges = {"lat": np.linspace(-90, 90, 37), "lon": np.linspace(0, 360, 73)}
    cells = xr.Dataset(
        {f"{n}_bnds": ((n, "bnds"), np.stack([e[:-1], e[1:]], axis=1)) for n, e in edges.items()},
        {name: (each[:-1] + each[1:]) / 2 for name, each in edges.items()},
    )
    held = []
    for years in (60, 120):
        folder = tmp_path / str(years)
        period = 2006 - years // 2, 2005 + years // 2
        write_model(folder, "CanESM2", cells, *period)
        npp = cmip5.find_files(folder).query("variable == 'npp' and experiment == 'rcp85'")
        run = cmip5.open_run(npp)
        ensemble = cmip5.open_ensemble(folder, first_year=period[0], last_year=period[1])
        sizes.clear()
        ensemble["top"].compute(scheduler=scheduler)
        blocks = [max(array.data.chunks[axis]) for array, axis in ((run, 0), (ensemble["top"], 2))]
        held.append([*blocks, max(sizes)])
    assert held[0] == held[1]
    assert held[0][:2] == [360, 30]


def test_the_benchmark_runs_on_a_small_archive(tmp_path):
    table = tmp_path / "growth.csv"
    text = put_section("", "archive", report(size=SMALL, table=table))
    assert "| helpers |" in text
    assert "| xarray |" in text
    assert "| CDO |" in text or "There is no CDO here" in text
    growth = pd.read_csv(table)
    assert growth["what"].tolist() == [
        "full archive",
        *2 * ["years"],
        *2 * ["models"],
        *2 * ["cells"],
    ]
    slopes = {
        what: exponent_of(points[what], points["bytes_read"])[0]
        for what, points in growth.iloc[1:].groupby("what")
    }
    assert slopes["models"] == pytest.approx(1, rel=1e-4)
    assert all(0.5 < slope < 1.1 for slope in slopes.values())
