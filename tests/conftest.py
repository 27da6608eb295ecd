"""Shared inputs: genuine files where they are at hand, and small GLDAS folders made to order."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from unittest.mock import patch

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import settings

from helpers.factors import gldas_sources, load_factors
from helpers.paths import genuine_folder

settings.register_profile("book", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("book")

ROOT = Path(__file__).parent.parent
GENUINE = genuine_folder()
TWO_WORKERS = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "localhost:0"}


@pytest.fixture(autouse=True)
def same_environment():
    """Take back what a test sets in the environment, for whichever test comes next."""
    with patch.dict(os.environ):
        yield


def skip_without_packages(pip: list[str | Path], **how) -> None:
    """Skip where no package index answers to pip."""
    ask = [*pip, "install", "--dry-run", "--retries", "0", "--no-deps", "editables"]
    asked = subprocess.run(ask, capture_output=True, text=True, **how)
    if asked.returncode:
        pytest.skip(f"no package index can be reached: {asked.stderr.splitlines()[-1]}")


@pytest.fixture
def without_a_screen():
    """Draw the figures of a test in memory, and drop them at its end."""
    backend = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)


@pytest.fixture(scope="session")
def gldas_folder() -> Path:
    """Return the folder with the 24 genuine GLDAS files."""
    folder = GENUINE / "gldas_noah10_m_v21"
    if not folder.is_dir():
        pytest.skip(f"genuine GLDAS files are not at {folder} (set TIBET_REAL_DATA)")
    return folder


def gldas_month(month: str, value: float = 1.0) -> xr.Dataset:
    """Return one month shaped like a GLDAS file: 4 x 4 cells, every variable the same value.

    In units where it would be impossible, the value is moved or scaled into what is possible.
    """
    period = pd.Period(month, "M")
    units = load_factors()["unit"]
    possible = {"K": 250 + value, "kg m-2 s-1": 1e-4 * value, "kg kg-1": 1e-3 * value}
    data = {
        variable: (
            ("time", "lat", "lon"),
            np.full((1, 4, 4), possible.get(units[code], value), dtype="float32"),
            {"units": units[code]},
        )
        for code, variable in gldas_sources().items()
    }
    start, end = period.start_time, (period + 1).start_time
    data["time_bnds"] = (("time", "bnds"), np.array([[start, end]], dtype="datetime64[ns]"))
    time = xr.Variable("time", [start], {"bounds": "time_bnds"})
    time.encoding["units"] = "days since 2000-01-01"
    return xr.Dataset(
        data,
        {
            "time": time,
            "lat": [30.5, 31.5, 32.5, 33.5],
            "lon": [88.5, 89.5, 90.5, 91.5],
        },
    )


@pytest.fixture
def write_year(tmp_path: Path):
    """Return a function that writes twelve GLDAS-like files of 2014 and returns their folder.

    Its argument maps a month number to what is done to that month's dataset.
    """

    def write(change=None, name: str = "gldas") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for number in range(1, 13):
            month = gldas_month(f"2014-{number:02d}", value=float(number))
            if change:
                month = change(number, month)
            if month is not None:
                path = folder / f"GLDAS_NOAH10_M.A2014{number:02d}.021.nc4"
                month.to_netcdf(path, unlimited_dims=["time"])
        return folder

    return write
