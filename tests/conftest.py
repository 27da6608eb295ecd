"""Shared inputs: genuine files where they are at hand."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from unittest.mock import patch

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from hypothesis import settings

from helpers.parameters import check_parameters
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


@pytest.fixture
def own_data(tmp_path):
    """Tell the helpers, as a chapter does, that a folder of a reader's is read."""
    cell, injected = 'source: str = "embedded"', f"# Parameters\nsource = {str(tmp_path)!r}"
    check_parameters({"In": [cell, injected], "source": str(tmp_path)})
    yield
    check_parameters({})


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


@pytest.fixture(scope="session")
def transect_folder() -> Path:
    """Return the folder with the tables of the 147 sites."""
    folder = GENUINE / "plateau_transect"
    if not folder.is_dir():
        pytest.skip(f"the transect is not at {folder} (make data SOURCE=sites)")
    return folder
