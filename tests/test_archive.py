"""The benchmark of the archive, tried out on a small one: its methods agree."""

from __future__ import annotations

import shutil

from benchmarks.archive import TOLERANCE, measure_reduction, race
from benchmarks.noise import write_archive


def test_helpers_cdo_and_plain_xarray_agree_on_a_small_archive(tmp_path):
    archive = write_archive(tmp_path / "archive", ["CanESM2", "HadGEM2-ES"], 2003, 2008)
    rounds, differences = race(archive, tmp_path, (2004, 2007), 1)
    assert set(differences) == {"helpers", "xarray", *(["CDO"] if shutil.which("cdo") else [])}
    assert max(differences.values()) <= TOLERANCE
    assert all((costs > 0).all(axis=None) for costs in rounds.values())
    found = measure_reduction(archive, (2004, 2007), 1)
    assert all(number > 0 for number in found.values())
