"""CMIP6 over East Asia: facts of the genuine files, closed forms on small ones, and refusals."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from helpers.errors import InputError
from helpers.readers import read_regional_means
from helpers.statistics import load_east_asia, share_votes
from tests.conftest import GENUINE

YEARS = {"historical": (1850, 2014), "ssp126": (2015, 2100), "ssp370": (2015, 2100)}
SIBLINGS = ["CESM2-WACCM", "NorESM2-LM", "NorESM2-MM"]
MASK = "RECCAP_AfricaSplit_MASK11_Mask_regridded.nc"


def name_of(model: str, experiment: str, variable: str) -> str:
    first, last = YEARS[experiment]
    run = "r1i1p1f1"
    name = f"CMIP6_{model}_Lmon_{experiment}_{run}_{variable}_East_Asia_{first}-{last}.txt"
    return f"East_Asia/{experiment}/{name}"


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Write a region that is a quarter of the Earth, and three models of which one lacks Rh."""
    mask = xr.Dataset(
        {
            "Region_Map": (("lat", "lon"), [[8.0, 12.0], [1.0, 12.0]]),
            "lat_bnds": (("lat", "bnds"), [[-90.0, 0.0], [0.0, 90.0]]),
            "lon_bnds": (("lon", "bnds"), [[0.0, 180.0], [180.0, 360.0]]),
        },
        {"lat": [-45.0, 45.0], "lon": [90.0, 270.0]},
    )
    mask.to_netcdf(tmp_path / MASK)
    for number, model in enumerate(("A1", "B-2", "C3")):
        for experiment, (first, last) in YEARS.items():
            years = np.arange(first, last + 1)
            slope = {"ssp126": 0.01, "ssp370": 0.03}.get(experiment, 0)
            npp = 5 + number + slope * (years - 2014) + 0.01 * (-1.0) ** years
            values = {"npp": npp, "rh": np.full(years.size, 4.0), "nbp": npp - 4.5}
            for variable, series in values.items():
                path = tmp_path / name_of(model, experiment, variable)
                path.parent.mkdir(parents=True, exist_ok=True)
                if (model, variable) != ("C3", "rh"):
                    np.savetxt(path, np.column_stack([years, series]), fmt="  %.1f   %.15g ")
    return tmp_path


def test_fluxes_become_oxygen_per_square_metre_of_the_region(collection):
    means = read_regional_means(collection)
    area = np.pi * 6.371e6**2  # a quarter of the sphere
    assert means.attrs["area"] == pytest.approx(area)
    assert means["top"].attrs["units"] == "kg m-2 yr-1"
    year = means.sel(year=2000, scenario="ssp370")
    assert year["top"].sel(model="B-2").item() == pytest.approx(2.01 * 1e12 * 32 / 12 / area)
    assert year["npp"].sel(model="C3").item() == pytest.approx(7.01 * 1e12 / area)
    assert means.attrs["left_out"] == "C3: no complete rh"
    assert means["top"].sel(model="C3").isnull().all()


def test_the_summary_has_the_papers_periods_and_the_trend_that_was_put_in(collection):
    table = load_east_asia(collection)
    per_pg = 1e12 * 32 / 12 / (np.pi * 6.371e6**2)
    late = table.loc["ssp370"].loc["A1"] / per_pg
    rises = 0.03 * np.arange(1, 86)  # 2015 to 2099
    assert late["past"] == pytest.approx(1)
    assert late["future"] == pytest.approx(1 + rises.sum() / 94)
    assert late["nbp_future"] == pytest.approx(late["future"] - 0.5)
    series = [1.0] * 9 + list(1 + rises)
    series += 0.01 * (-1.0) ** np.arange(2006, 2100)
    assert late["trend"] == pytest.approx(stats.linregress(np.arange(2006, 2100), series).slope)
    assert late["2090"] == pytest.approx(1 + 0.03 * (2094.5 - 2014))
    assert table.loc[("ssp126", "C3"), "past":"future"].isna().all()


@pytest.mark.parametrize(
    ("model", "variable", "text", "found"),
    [
        ("A1", "npp", "2015.0 5.0\n2016.0 five\n", "five"),
        ("A1", "npp", "2015.0 5.0\n2017.0 5.0\n", "2015, 2017"),
        ("A1", "npp", "", "empty"),
        ("A1", "npp", "2015.0 5000.0\n", "5000"),  # Tg
        ("A1", "npp", "2015.0 5.0 1.0\n", "more cells"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused(collection, model, variable, text, found):
    path = collection / name_of(model, "ssp126", variable)
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_regional_means(collection)
    assert path.name in error.value.where
    assert found in error.value.found


def test_a_turned_sign_a_file_twice_and_another_folder_are_refused(collection):
    for path in collection.glob("East_Asia/*/CMIP6_B-2_*_npp_*"):
        shutil.copy(path, path.with_name(path.name.replace("npp", "nbp")))  # as large as NPP
    with pytest.raises(InputError, match="B-2"):
        read_regional_means(collection)
    path = collection / name_of("A1", "ssp126", "rh")
    path.rename(path.with_name(path.name.replace("r1i1", "r2i1")))
    twin = path.with_name(path.name.replace("r1i1", "r3i1"))
    twin.write_text("2015.0 4.0\n")
    with pytest.raises(InputError, match="r2i1"):
        read_regional_means(collection)
    (collection / "empty").mkdir()
    with pytest.raises(InputError, match="ssp126 npp"):
        read_regional_means(collection / "empty")


@pytest.fixture(scope="module")
def genuine() -> Path:
    folder = GENUINE / "cmip6_reccap2"
    if not folder.is_dir():
        pytest.skip(f"the genuine CMIP6 means are not at {folder} (set TIBET_REAL_DATA)")
    return folder


def test_the_genuine_files_agree_with_the_authors_tables(genuine):
    means = read_regional_means(genuine)
    carbon = means[["npp", "rh", "nbp"]] * means.attrs["area"] / 1e12
    for experiment, (first, last) in YEARS.items():
        scenario = "ssp126" if experiment == "historical" else experiment
        for variable, values in carbon.items():
            name = f"CMIP6_{experiment}_{variable}_East_Asia_{first}-{last}.csv"
            path = genuine / "East_Asia" / experiment / name
            table = pd.read_csv(path, skipinitialspace=True, index_col="year")
            here = values.sel(scenario=scenario, model=list(table), year=slice(first, last))
            np.testing.assert_allclose(here.T, table, rtol=1e-12)


def test_the_genuine_region_and_models_are_as_the_book_says(genuine):
    means = read_regional_means(genuine)
    mask = xr.open_dataset(genuine / MASK)["Region_Map"]
    rows = (mask == 8).sum("lon") * np.cos(np.radians(mask["lat"]))  # on a sphere, by midpoints
    degree = np.radians(1) * 6.371e6
    assert means.attrs["area"] == pytest.approx(float(rows.sum()) * degree**2, rel=1e-4)
    assert means.attrs["area"] / 1e12 == pytest.approx(11.68, abs=0.005)
    assert means.sizes["model"] == 16
    assert means.attrs["left_out"].split("\n") == [
        "INM-CM4-8: no complete rh",
        "INM-CM5-0: no complete rh",
    ]
    nep = (means["npp"] - means["rh"]).dropna("model")
    assert (means["nbp"] < nep).mean() > 0.999  # in all but a few years of two models


def test_the_embedded_summary_is_that_of_the_genuine_files(genuine):
    pd.testing.assert_frame_equal(load_east_asia(), load_east_asia("genuine").round(6))
    table = load_east_asia()
    for experiment, model in (("ssp126", "CanESM5"), ("ssp370", "UKESM1-0-LL")):
        series = []
        for part in ("historical", experiment):
            folder = genuine / "East_Asia" / part
            npp, rh = (
                pd.read_csv(next(folder.glob(f"CMIP6_{model}_*_{name}_*")), sep=r"\s+", header=None)
                for name in ("npp", "rh")
            )
            series.append(pd.Series((npp[1] - rh[1]).values, npp[0]))
        top = pd.concat(series) * 32 / 12 / 11.6823
        row = table.loc[(experiment, model)]
        assert row["past"] == pytest.approx(top.loc[1990:2005].mean(), rel=1e-4)
        assert row["future"] == pytest.approx(top.loc[2006:2099].mean(), rel=1e-4)
        late = top.loc[2006:2099]
        slope = stats.linregress(late.index, late).slope
        assert row["trend"] == pytest.approx(slope, abs=1e-6)


def test_models_of_one_land_scheme_share_a_vote():
    rise = load_east_asia().eval("future - past").loc["ssp370"].dropna()
    votes = share_votes(rise.rename_axis("model").to_xarray(), "families").to_series()
    assert len(rise) == 14
    assert votes.size == 12
    assert votes["CLM5 (3 models)"] == pytest.approx(rise[SIBLINGS].mean())
