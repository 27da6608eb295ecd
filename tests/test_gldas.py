"""The GLDAS reader: genuine files, an independent reference (CDO), and sites on its grid."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers.errors import InputError
from helpers.factors import gldas_sources
from helpers.provenance import sha256
from helpers.readers.gldas import (
    EMBEDDED_CLIMATE,
    annual_mean,
    open_gldas,
    sample,
)
from tests.archives import cdo, needs_cdo
from tests.faults.gldas import EVERY, gldas_month, year
from tools.data import embedded_climate


def test_embedded_climate_is_recomputed_from_the_genuine_files(gldas_folder):
    with xr.open_dataset(EMBEDDED_CLIMATE, engine="scipy") as embedded:
        xr.testing.assert_allclose(embedded_climate(gldas_folder), embedded, rtol=1e-12)
        listed = dict(line.split("  ")[::-1] for line in embedded.attrs["inputs"].splitlines())
    assert listed == {path.name: sha256(path) for path in gldas_folder.glob("*.nc4")}
    assert len(listed) == 24


@needs_cdo
def test_annual_mean_agrees_with_cdo(gldas_folder, tmp_path):
    merged, mean = tmp_path / "merged.nc", tmp_path / "mean.nc"
    files = sorted(map(str, gldas_folder.glob("*.nc4")))
    names = ",".join(gldas_sources().values())
    crop = ["-sellonlatbox,72,106,25,41", f"-selname,{names}", "-mergetime", *files]
    cdo(*crop, merged)
    # CDO weights months by their days in yearmonmean; both years have 365
    cdo("-timmean", "-yearmonmean", merged, mean)
    ours = annual_mean(open_gldas(gldas_folder))
    with xr.open_dataset(mean) as theirs:
        for variable in gldas_sources().values():
            reference = theirs[variable].squeeze("time").sortby("lat").values
            np.testing.assert_allclose(ours[variable].values, reference, rtol=1e-6, atol=1e-12)


def test_months_count_by_their_days(tmp_path):
    mean = annual_mean(open_gldas(year(tmp_path)))
    days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    expected = np.average(range(1, 13), weights=days)
    assert float(mean["Tveg_tavg"][0, 0]) == pytest.approx(expected, rel=1e-7)
    assert mean["Tveg_tavg"].attrs == {"units": "W m-2", "cell_methods": "time: mean"}
    assert mean.attrs["period"] == "2014-01 to 2014-12"


def test_the_embedded_climate_is_of_the_studys_years_only(tmp_path):
    with pytest.raises(InputError, match="2013-01 to 2014-12\n  found:  2014-01 to 2014-12"):
        embedded_climate(year(tmp_path))


def test_variables_beyond_the_factors_are_read_by_name_and_unit(tmp_path):
    def change(month):
        runoff = (month["Tveg_tavg"] * 0).assign_attrs(units="kg m-2")
        snow = xr.full_like(runoff, -9999.0)
        snow.encoding["_FillValue"] = None
        return month.assign(Qs_acc=runoff, SWE_inst=snow)

    folder = year(tmp_path, change, EVERY)
    units = {"Tveg_tavg": "W m-2", "Albedo_inst": "%"}
    xr.testing.assert_equal(open_gldas(folder, units), open_gldas(folder)[[*units]])
    runoff = open_gldas(folder, {"Qs_acc": "kg m-2"})["Qs_acc"]
    assert (runoff == 0).all()
    assert runoff.attrs["units"] == "kg m-2"
    with pytest.raises(InputError, match="the first -9999"):
        open_gldas(folder, {"SWE_inst": "kg m-2"})


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
    # the outer half of a cell is inside
    assert sample(plane, *_at(88.1, 30.1)).loc["A", "TF"] == 30.5 + 10 * 88.5


@pytest.mark.parametrize(("longitude", "latitude"), [(87.9, 32), (92.1, 32), (90, 29.9), (90, 60)])
def test_a_site_outside_the_grid_is_refused(plane, longitude, latitude):
    with pytest.raises(InputError, match=r"site A\n  needed: l(at|on) between"):
        sample(plane, *_at(longitude, latitude))
