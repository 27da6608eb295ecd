"""The GLDAS reader: genuine files, an independent reference (CDO), and refused faults."""

from __future__ import annotations

import random
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers.errors import InputError
from helpers.factors import gldas_sources
from helpers.provenance import sha256
from helpers.readers.gldas import EMBEDDED_CLIMATE, annual_mean, open_gldas, sample, shared_cells
from tests.conftest import gldas_month
from tools.data import embedded_climate


def test_embedded_climate_is_recomputed_from_the_genuine_files(gldas_folder):
    with xr.open_dataset(EMBEDDED_CLIMATE, engine="scipy") as embedded:
        xr.testing.assert_allclose(embedded_climate(gldas_folder), embedded, rtol=1e-12)
        listed = dict(line.split("  ")[::-1] for line in embedded.attrs["inputs"].splitlines())
    assert listed == {path.name: sha256(path) for path in gldas_folder.glob("*.nc4")}
    assert len(listed) == 24


def test_files_may_come_in_any_order_and_place(gldas_folder, tmp_path, monkeypatch):
    files = sorted(gldas_folder.glob("*.nc4"))[:12]
    for path in files:
        (tmp_path / path.name).symlink_to(path)
    in_order = annual_mean(open_gldas(tmp_path))
    random.Random(3).shuffle(files)
    monkeypatch.setattr("helpers.readers.gldas.find_gldas_files", lambda folder: files)
    shuffled = annual_mean(open_gldas(tmp_path))
    xr.testing.assert_identical(in_order.drop_attrs(), shuffled.drop_attrs())


@pytest.mark.skipif(not shutil.which("cdo"), reason="CDO is not installed")
def test_annual_mean_agrees_with_cdo(gldas_folder, tmp_path):
    merged, mean = tmp_path / "merged.nc", tmp_path / "mean.nc"
    files = sorted(map(str, gldas_folder.glob("*.nc4")))
    names = ",".join(gldas_sources().values())
    crop = ["-sellonlatbox,72,106,25,41", f"-selname,{names}", "-mergetime", *files]
    subprocess.run(["cdo", "-s", "-b", "F64", *crop, str(merged)], check=True)
    # CDO weights months by their days in yearmonmean; both years have 365
    subprocess.run(["cdo", "-s", "-timmean", "-yearmonmean", str(merged), str(mean)], check=True)
    ours = annual_mean(open_gldas(gldas_folder))
    with xr.open_dataset(mean) as cdo:
        for variable in gldas_sources().values():
            reference = cdo[variable].squeeze("time").sortby("lat").values
            np.testing.assert_allclose(ours[variable].values, reference, rtol=1e-6, atol=1e-12)


def test_months_count_by_their_days(write_year):
    mean = annual_mean(open_gldas(write_year()))
    days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    expected = np.average(range(1, 13), weights=days)
    np.testing.assert_allclose(mean["Tveg_tavg"], expected, rtol=1e-7)
    assert mean["Tveg_tavg"].attrs == {"units": "W m-2", "cell_methods": "time: mean"}
    assert mean.attrs["period"] == "2014-01 to 2014-12"


def test_the_embedded_climate_is_of_the_studys_years_only(write_year):
    with pytest.raises(InputError, match="2013-01 to 2014-12\n  found:  2014-01 to 2014-12"):
        embedded_climate(write_year())


def test_months_without_bounds_count_by_the_calendar(write_year):
    with_bounds = annual_mean(open_gldas(write_year()))

    def drop_bounds(number, month):
        del month["time"].attrs["bounds"]
        return month.drop_vars("time_bnds")

    without = annual_mean(open_gldas(write_year(drop_bounds, "without")))
    xr.testing.assert_allclose(with_bounds, without)


def test_other_conventions_of_the_grid_give_the_same_climate(write_year):
    def graded(number, month):
        return month + 1e-6 * (month["lat"] + 10 * month["lon"])

    def keep_attributes(change):
        def changed(number, month):
            result = change(number, graded(number, month.drop_vars("time_bnds")))
            for name in month.data_vars:
                if name in result:
                    result[name].attrs = month[name].attrs
            return result

        return changed

    plain = annual_mean(open_gldas(write_year(keep_attributes(lambda n, m: m))))
    north_first = keep_attributes(lambda n, m: m.isel(lat=slice(None, None, -1)))
    xr.testing.assert_equal(plain, annual_mean(open_gldas(write_year(north_first, "north"))))

    def from_zero(number, month):
        east = month.assign_coords(lon=month["lon"] + 360)
        return east

    xr.testing.assert_equal(
        plain, annual_mean(open_gldas(write_year(keep_attributes(from_zero), "east")))
    )


def test_a_genuine_file_cut_short_is_refused(gldas_folder, tmp_path):
    for path in sorted(gldas_folder.glob("*2013*.nc4")):
        (tmp_path / path.name).symlink_to(path)
    broken = tmp_path / "GLDAS_NOAH10_M.A201308.021.nc4"
    whole = broken.read_bytes()
    broken.unlink()
    broken.write_bytes(whole[:-100_000])
    with pytest.raises(InputError, match=r"A201308\.021\.nc4"):
        open_gldas(tmp_path)


@pytest.fixture
def plane() -> xr.Dataset:
    """Return a climate in which every variable is lat + 10 lon."""
    month = gldas_month("2014-01").drop_vars("time_bnds").squeeze("time", drop=True)
    return month * 0 + month["lat"] + 10 * month["lon"]


def _at(longitude, latitude):
    return pd.Series({"A": longitude}), pd.Series({"A": latitude})


def test_sampling_takes_the_cell_or_the_plane_between_cells(plane):
    position = _at(89.7, 31.9)
    nearest = sample(plane, *position)
    assert nearest.loc["A", "TF"] == 31.5 + 10 * 89.5
    linear = sample(plane, *position, method="linear")
    assert linear.loc["A", "TF"] == pytest.approx(31.9 + 10 * 89.7, rel=1e-7)
    assert list(nearest.columns) == list(gldas_sources())


def test_a_site_at_the_outer_half_of_a_cell_is_inside(plane):
    assert sample(plane, *_at(88.1, 30.1)).loc["A", "TF"] == 30.5 + 10 * 88.5


@pytest.mark.parametrize(("longitude", "latitude"), [(87.9, 32), (92.1, 32), (90, 29.9), (90, 60)])
def test_a_site_outside_the_grid_is_refused(plane, longitude, latitude):
    with pytest.raises(InputError, match=r"site A\n  needed: l(at|on) between"):
        sample(plane, *_at(longitude, latitude))


def test_a_site_on_a_masked_cell_is_refused(plane):
    plane["Tveg_tavg"][1, 1] = np.nan
    with pytest.raises(InputError, match="site A: TF\n  needed: a land cell"):
        sample(plane, *_at(89.5, 31.5))


def test_shared_cells_are_counted(plane):
    assert shared_cells(plane, [88.5, 88.7, 90.5], [30.5, 30.6, 30.5]) == 1
