"""Small archives of noise: the readers, CDO and plain xarray agree, as the benchmark needs it."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
import xarray as xr

from benchmarks.archive import TOLERANCE, measure_reduction, race
from benchmarks.noise import write_archive, write_model
from helpers.oxygen import annual_total, content
from helpers.readers.earth_system_models import find_files, land_fraction, open_run
from helpers.readers.grids import cell_area, cell_bounds
from tools.standin import grid


def test_helpers_cdo_and_plain_xarray_agree_on_a_small_archive(tmp_path):
    archive = write_archive(tmp_path / "archive", ["CanESM2", "HadGEM2-ES"], 2003, 2008)
    rounds, differences = race(archive, tmp_path, (2004, 2007), 1)
    assert set(differences) == {"helpers", "xarray", *(["CDO"] if shutil.which("cdo") else [])}
    assert max(differences.values()) <= TOLERANCE
    assert all((costs > 0).all(axis=None) for costs in rounds.values())
    found = measure_reduction(archive, (2004, 2007), 1)
    assert all(number > 0 for number in found.values())


@pytest.mark.skipif(not shutil.which("cdo"), reason="CDO is not installed")
@pytest.mark.parametrize("model", ["CanESM2", "HadGEM2-ES", "MIROC-ESM"])
def test_what_the_reader_sums_is_what_cdo_sums(tmp_path, model):
    write_model(tmp_path, model, grid(model), 2003, 2008)
    files = find_files(tmp_path)
    runs = files[(files["experiment"] == "rcp85") & (files["variable"] == "npp")]
    flux = open_run(runs)
    flux = flux.isel(time=flux["time"].dt.year > 2005)
    annual = annual_total(flux)
    land = land_fraction(files, model, flux)
    corner = [
        f"{float(edge) + shift:.6f}"
        for name in ("lon", "lat")
        for edge, shift in ((flux[name][0], -1e-3), (flux[name][-1], 1e-3))
    ]
    box = "-sellonlatbox," + ",".join(corner)
    sums, gigatonnes = tmp_path / "sums.nc", tmp_path / "gt.nc"
    yearly = ["-yearsum", "-muldpm", "-mulc,86400", "-selyear,2006/2008", "-selname,npp", box]
    share = ["-divc,100", "-setmisstoc,0", box, next(tmp_path.rglob("sftlf_*.nc"))]
    cdo = ["cdo", "-s", "-O", "-b", "F64"]
    subprocess.run([*cdo, *yearly, runs["path"].iloc[0], sums], check=True)
    # CDO takes the sides of its cells for great circles
    weighted = ["-divc,1e12", "-fldsum", "-mul", sums, "-mul", "-gridarea", sums, *share]
    subprocess.run([*cdo, *weighted, gigatonnes], check=True)
    with xr.open_dataset(sums, decode_times=False) as reference:
        expected = reference["npp"].sortby("lat").values
    np.testing.assert_allclose(annual.values, expected, rtol=1e-6)
    total = content(annual, cell_area(*cell_bounds(flux)), land)
    with xr.open_dataset(gigatonnes, decode_times=False) as reference:
        np.testing.assert_allclose(total.values, reference["npp"].values.ravel(), rtol=2e-5)
