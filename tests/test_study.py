"""The study: its labels, its sources, and min-max scaling."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from helpers.errors import InputError
from helpers.factors import GROUPS, load_factors
from helpers.provenance import LABELS, least_real
from helpers.readers.transect import read_transect
from helpers.reconstruction import soil_respiration
from helpers.study import (
    SCALINGS,
    load_carbon,
    load_study,
    load_top,
    mean_top,
    minmax,
    name_used,
    rescale,
    sample_top,
)
from tests.faults.gldas import gldas_month
from tests.test_sites import GOOD


def test_the_embedded_study_has_all_factors_and_a_label_for_every_column():
    study = load_study()
    assert list(study.factors().columns) == list(load_factors().index)
    assert [study.factors(group).shape[1] for group in GROUPS] == [14, 8, 12, 10]
    assert list(study.labels.index) == list(study.sites.columns)
    assert set(study.labels) <= set(LABELS)
    assert (study.labels[study.factors("climatic").columns] == "assimilated").all()
    assert study.labels["ST10"] == study.climate.attrs["label"] == "assimilated"
    life = study.factors().columns.difference([*study.factors("climatic").columns, "ST10"])
    assert (study.labels[life] == "reconstructed").all()
    assert study.summary()["n"].sum() == 44
    pd.testing.assert_series_equal(
        study.sites["Rs"], soil_respiration(study.sites["ST10"]), check_names=False
    )


@pytest.mark.parametrize("place", [".", "gldas"])
def test_genuine_files_give_the_embedded_climate(gldas_folder, tmp_path, place):
    (tmp_path / place).mkdir(exist_ok=True)
    for path in gldas_folder.glob("*.nc4"):
        (tmp_path / place / path.name).symlink_to(path)
    embedded, own = load_study(), load_study(tmp_path)
    climatic = [*embedded.factors("climatic").columns, "ST10"]
    np.testing.assert_allclose(own.sites[climatic], embedded.sites[climatic], rtol=1e-6)
    assert "24 GLDAS files" in own.provenance["TF"]
    assert own.provenance["TF"] == own.provenance["ST10"]
    assert "reconstruction" in own.provenance["EVI"]


def test_an_own_table_keeps_its_numbers_and_its_labels(tmp_path):
    (tmp_path / "sites.csv").write_text(GOOD, encoding="utf-8")
    study = load_study(tmp_path)
    assert study.sites["SOC"].tolist() == [20.5, 3, 5]
    assert study.labels[["SOC", "pH", "longitude"]].eq("observed").all()
    assert study.labels["TF"] == "assimilated"
    assert study.labels["Rs"] == "reconstructed"
    assert "EVI" not in study.factors()
    assert str(tmp_path) in study.provenance["SOC"]
    assert "GLDAS" in study.provenance["TF"]
    assert "field equation" in study.provenance["Rs"]


def test_an_own_climatic_column_is_not_overwritten(tmp_path):
    (tmp_path / "sites.csv").write_text(GOOD.replace("SOC", "RZSM"), encoding="utf-8")
    assert load_study(tmp_path).sites["RZSM"].tolist() == [20.5, 3, 5]


def test_soil_that_was_fetched_stands_in_the_place_of_reconstructed_soil(transect_folder):
    embedded, study = load_study(), load_study(transect_folder)
    measured = study.labels.index[study.labels == "measured"].drop(embedded.labels.index[:5])
    assert set(measured) == {"SOC", "TN", "pH", "Clay", "Silt", "Sand"}
    assert study.chosen == embedded.chosen == "reconstructed"
    table = read_transect(transect_folder)
    for name, site in study.sites.iterrows():
        near = (
            (table[["longitude", "latitude"]] - site[["longitude", "latitude"]]).abs().sum(axis=1)
        )
        own = table[(near < 1e-3) & (table["elevation"] == site["elevation"])]
        assert len(own) == 1, name
        assert own[measured].iloc[0].tolist() == site[measured].tolist()
        assert own["land_cover"].item() == site["land_cover"]
    np.testing.assert_allclose(study.sites["CN"], study.sites["TC"] / study.sites["TN"])
    np.testing.assert_allclose(study.sites["TC"], study.sites["SOC"] + study.sites["SIC"])
    others = study.labels.index[study.labels == "reconstructed"].drop(["TC", "CN"])
    pd.testing.assert_frame_equal(study.sites[others], embedded.sites[others])


columns = arrays(float, (12, 3), elements=st.floats(-1e6, 1e6, width=32)).filter(
    lambda values: (np.ptp(values, axis=0) > 1e-3).all()
)


@given(values=columns, shift=st.floats(-100, 100), stretch=st.floats(0.01, 100))
def test_minmax_reaches_0_and_1_keeps_order_and_forgets_the_unit(values, shift, stretch):
    table = pd.DataFrame(values, columns=list("abc"))
    scaled = minmax(table)
    assert (scaled.min() == 0).all()
    assert (scaled.max() == 1).all()
    assert scaled.rank(method="min").le(table.rank(method="max")).all(axis=None)
    np.testing.assert_allclose(minmax(table * stretch + shift), scaled, atol=1e-5)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ([1.0, 1.0, 1.0], "1 at every site"),
        ([1.0, np.nan, 1.0], "1 at every site"),
        ([1.0, np.inf, 2.0], "inf at B"),
    ],
)
def test_minmax_refuses_what_cannot_be_scaled_by_name(column, words):
    table = pd.DataFrame({"pH": [1.0, 2.0, 3.0], "SOC": column}, index=list("ABC"))
    with pytest.raises(InputError, match=f"column 'SOC'(.|\n)*{words}"):
        minmax(table)


def test_linear_scalings_change_no_correlation_and_ranks_make_it_spearmans():
    table = load_study().factors()
    for by in ("min-max", "z-score"):
        np.testing.assert_allclose(rescale(table, by).corr(), table.corr(), atol=1e-12)
    pd.testing.assert_frame_equal(rescale(table, "min-max"), minmax(table))
    z_scores = rescale(table, "z-score").agg(["mean", "std"])
    np.testing.assert_allclose(z_scores.T, np.tile([0.0, 1.0], (44, 1)), atol=1e-12)
    spearman = stats.spearmanr(table[["SOC", "pH"]]).statistic
    assert rescale(table, "ranks")[["SOC", "pH"]].corr().loc["SOC", "pH"] == pytest.approx(spearman)


@pytest.mark.parametrize("by", SCALINGS)
def test_columns_that_cannot_be_scaled_stay_and_the_others_are_scaled(by):
    table = pd.DataFrame(
        {"SIC": [2.0, 2.0, 2.0], "pH": [8.0, 6.0, 7.0], "SOC": [1.0, np.nan, 5.0]}, list("ABC")
    )
    scaled = rescale(table, by)
    pd.testing.assert_series_equal(scaled["SIC"], table["SIC"])
    assert list(scaled) == list(table)
    expected = {"min-max": [1, 0, 0.5], "z-score": [1, -1, 0], "ranks": [3, 1, 2]}[by]
    assert scaled["pH"].tolist() == expected
    assert scaled["SOC"].isna().tolist() == [False, True, False]
    alone = rescale(table[["SOC"]].dropna(), by)["SOC"]
    pd.testing.assert_series_equal(scaled["SOC"].dropna(), alone)
    equal = pd.DataFrame({"PRE": [3.0, 3.0, 9.0, 1.0]})
    assert rescale(equal, "ranks")["PRE"].tolist() == [2.5, 2.5, 4, 1]


def test_another_scaling_is_refused():
    with pytest.raises(InputError, match=r"min-max or z-score or ranks\n(.|\n)*found:  'log'"):
        rescale(pd.DataFrame({"pH": [8.0, 6.0]}), "log")


def at(field: xr.DataArray, sites: pd.DataFrame) -> np.ndarray:
    """Return a field in the cell of each site."""
    places = zip(sites["latitude"], sites["longitude"], strict=True)
    return np.array([field.sel(lat=lat, lon=lon, method="nearest") for lat, lon in places])


def test_top_at_the_sites_is_the_embedded_map_and_the_map_is_the_ensembles():
    sites = load_study().sites
    at_sites = sample_top(sites)
    ensemble = load_top()
    expected = at(mean_top(ensemble).mean("model"), sites)
    np.testing.assert_allclose(at_sites, expected, rtol=0, atol=5e-6)  # as the ensemble is rounded
    assert ensemble.attrs["label"] == "emulated"
    assert at_sites.index.equals(sites.index)


def test_npp_less_rh_is_the_top_of_the_same_archive():
    carbon = load_carbon().sel(year=slice(1990, 2004)).compute()
    top = load_top()["top"].isel(scenario=0, drop=True).sel(year=slice(1990, 2004)).compute()
    nep = (carbon["npp"] - carbon["rh"]).transpose(*top.dims)
    np.testing.assert_allclose(nep * 32 / 12, top, rtol=0, atol=4e-5)  # all three are rounded


WARM = 285.36  # K, 5 K above the book's at its sites
CLASSIC = "GLDAS_NOAH10_M.A2014{month:02d}.021.nc4"
LINK = "HTTP_services.cgi?FILENAME=%2Fdata%2FGLDAS%2FGLDAS_NOAH10_M.2.1%2F2014%2F" + CLASSIC
ANY = "month {month}.nc"
AS_GLDAS = {  # names of months that the book reads
    "as delivered": CLASSIC,
    "in their folder": f"gldas/{CLASSIC}",
    "a folder for each year": f"2014/{CLASSIC}",
    "a folder for each year, in another": f"gldas/2014/{CLASSIC}",
    "the new subsetter": f"JOB_GLDAS_NOAH10_M.2.1_{CLASSIC}_subsetted.nc4",
    "the older subsetter": f"{CLASSIC}.SUB.nc4",
    "a link of the older subsetter": f"{LINK}&FORMAT=bmM0Lw&VERSION=1.02",
    "a link with a suffix": f"{LINK}&LABEL={CLASSIC}.SUB.nc4",
    "in .nc": CLASSIC.removesuffix("4"),
    "in other letters": CLASSIC.replace("GLDAS_NOAH", "gldas_noah").replace("nc4", "NC4"),
    "without a suffix": CLASSIC.removesuffix(".nc4"),
    "of any name": "climate/month {month}.nc",
}
NO_GLDAS = {  # names that are refused, and what is done to the bytes of a file
    "packed": (f"{CLASSIC}.gz", gzip.compress),
    "packed, in .nc": (f"2014/{CLASSIC.removesuffix('4')}.gz", gzip.compress),
    "0.25 degrees": (CLASSIC.replace("10", "025", 1), bytes),
    "three hours": ("GLDAS_NOAH10_3H.A2014{month:02d}01.0300.021.nc4", bytes),
    "GLDAS-2.0": (CLASSIC.replace(".021", ".020"), bytes),
    "another land model": (CLASSIC.replace("NOAH", "CLSM"), bytes),
    "cut short": (CLASSIC, lambda whole: whole[:5000]),
    "login pages": (CLASSIC, lambda whole: b"<!DOCTYPE html>"),
    "login pages behind links": (LINK, lambda whole: b"<!DOCTYPE html>"),
    "unfinished": (f"{CLASSIC}.part", bytes),
    "descriptions only": (f"{CLASSIC}.xml", lambda whole: b"<granule/>"),
    "a folder without files": ("GLDAS/{month}/.keep", lambda whole: b""),
    "of any name, packed": (f"{ANY}.gz", gzip.compress),
    "of any name, packed otherwise": (f"{ANY}.bz2", bz2.compress),
    "of any name and no suffix, packed": ("{month}.xz", lzma.compress),
    "of any name, in a zip": ("{month}.zip", lambda whole: zipped(ANY, whole)),
    "of any name, cut short": (ANY, lambda whole: whole[:5000]),
    "of any name and no suffix, cut short": ("{month}", lambda whole: whole[:5000]),
    "of any name, login pages": (ANY, lambda whole: b"<!DOCTYPE html>"),
    "of any name, with other variables": (ANY, lambda whole: renamed(whole)),
}
AS_CMIP = [
    "npp_Lmon_CanESM2_rcp45_r1i1p1_200601-210012.nc",
    "cmip5/npp_Lmon_CanESM2_rcp45_r1i1p1_200601-210012.nc",
    "npp_Lmon_CanESM5_ssp585_r1i1p1f1_gn_201501-210012.nc",
    "npp_Lmon_CanESM5_ssp585_r1i1p1f1_gn_201501-210012.nc.gz",
    "npp_Lmon_CanESM5_ssp585_r1i1p1f1_gn_201501-210012.nc4",
    "npp_Lmon_CanESM5_ssp585_r1i1p1f1_gn_201501-210012.NC",
    "2015/rh_Lmon_CanESM5_ssp585_r1i1p1f1_gn_201501-201512.nc",
    "nbp_Lmon_CanESM5_ssp585_r1i1p1f1_gn_201501-210012.nc",
    "gpp_Lmon_CanESM5_ssp585_r1i1p1f1_gn_201501-210012.nc",
    "ra_Lmon_CanESM5_ssp585_r1i1p1f1_gn_201501-210012.nc",
    "nep_Emon_CanESM5_ssp585_r1i1p1f1_gn_201501-210012.nc",
    "CMIP6/README.md",
]


@cache
def warm_month(month: int) -> bytes:
    """Return a GLDAS file of a month of 2014 on the whole Plateau, with one temperature."""
    cell = gldas_month(f"2014-{month:02d}", WARM - 250).isel(lat=0, lon=0, drop=True)
    axes = {"lat": np.arange(25.5, 41), "lon": np.arange(72.5, 106)}
    whole = cell.drop_vars("time_bnds").expand_dims(axes).transpose("time", "lat", "lon")
    whole["time"].attrs.pop("bounds")
    for variable, low in (("Wind_f_inst", 2), ("Albedo_inst", 20)):
        whole[variable] = (whole[variable] * 0 + low).assign_attrs(whole[variable].attrs)
    with TemporaryDirectory() as folder:
        whole.to_netcdf(Path(folder, "month.nc"), unlimited_dims=["time"])
        return Path(folder, "month.nc").read_bytes()


def zipped(name: str, content: bytes) -> bytes:
    """Return a zip with one file in it."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as file:
        file.writestr(name, content)
    return whole.getvalue()


def renamed(content: bytes) -> bytes:
    """Return a NetCDF file with other names of its variables."""
    with TemporaryDirectory() as folder:
        Path(folder, "before.nc").write_bytes(content)
        with xr.open_dataset(Path(folder, "before.nc")) as file:
            other = file.rename({name: f"my_{name}" for name in file.data_vars}).load()
        other.to_netcdf(Path(folder, "after.nc"))
        return Path(folder, "after.nc").read_bytes()


def fill(folder: Path, names: list[str], content: list[bytes], with_table: bool) -> None:
    """Write files into a folder, and a table of sites beside them."""
    for name, each in zip(names, content, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(each)
    if with_table:
        (folder / "sites.csv").write_text(GOOD, encoding="utf-8")


with_or_without_table = pytest.mark.parametrize("with_table", [False, True])


@with_or_without_table
@pytest.mark.parametrize("case", AS_GLDAS)
def test_climate_is_the_readers_whatever_the_names_of_its_files(tmp_path, case, with_table):
    names = [AS_GLDAS[case].format(month=month) for month in range(1, 13)]
    fill(tmp_path, names, [warm_month(month) for month in range(1, 13)], with_table)
    study = load_study(tmp_path)
    np.testing.assert_allclose(study.sites["AT"], WARM, rtol=1e-6)
    assert len(study.sites) == (3 if with_table else 30)
    told = name_used(tmp_path)
    assert "12 files" in told
    assert Path(names[0]).name in told
    assert "2014-01 to 2014-12" in told
    assert "oxygen production (emulated): **the book's**" in told
    assert load_top(tmp_path).attrs["label"] == "emulated"


@with_or_without_table
@pytest.mark.parametrize("load", [load_study, load_top, load_carbon, name_used])
@pytest.mark.parametrize("case", NO_GLDAS)
def test_what_looks_like_gldas_and_is_none_is_an_error(tmp_path, case, load, with_table):
    name, change = NO_GLDAS[case]
    names = [name.format(month=month) for month in range(1, 13)]
    fill(tmp_path, names, [change(warm_month(month)) for month in range(1, 13)], with_table)
    try:
        loaded = load(tmp_path)
    except InputError:
        return
    assert load in (load_top, load_carbon)  # has nothing to do with climate, and says so
    assert loaded.attrs["label"] == "emulated"
    with pytest.raises(InputError):
        name_used(tmp_path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("2015-{month}.nc", lambda whole: whole[:5000]),
        ("2015-{month}.nc", lambda whole: b"<!DOCTYPE html>"),
        ("2015-{month}.nc.gz", gzip.compress),
    ],
)
@pytest.mark.parametrize("load", [load_study, load_top])
def test_a_year_that_cannot_be_read_is_never_passed_over(tmp_path, load, name, change):
    months = range(1, 13)
    fill(tmp_path, [f"{month}.nc" for month in months], [*map(warm_month, months)], False)
    bad = [change(warm_month(month)) for month in months]
    fill(tmp_path, [name.format(month=month) for month in months], bad, False)
    with pytest.raises(InputError) as refusal:
        load(tmp_path)
    assert all(name.format(month=month) in str(refusal.value) for month in months)
    assert not refusal.value.others


def test_packed_files_beside_their_own_unpacked_ones_are_left_alone(tmp_path):
    months = range(1, 13)
    fill(tmp_path, [f"{month}.nc" for month in months], [*map(warm_month, months)], False)
    (tmp_path / "3.nc.gz").write_bytes(gzip.compress(warm_month(3)))
    np.testing.assert_allclose(load_study(tmp_path).sites["AT"], WARM, rtol=1e-6)


@pytest.mark.parametrize("name", ["carbon.nc", "npp_rcp45.nc", "a/CLASSIC_S2.nc4"])
@pytest.mark.parametrize("load", [load_study, load_top, name_used])
def test_fluxes_under_other_names_than_cmips_are_refused(tmp_path, load, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    xr.Dataset({"npp": (("time", "lat", "lon"), np.ones((1, 2, 2)))}).to_netcdf(tmp_path / name)
    with pytest.raises(InputError, match="named as ESGF names them"):
        load(tmp_path)


@pytest.mark.parametrize("load", [load_study, load_top])
@pytest.mark.parametrize("closed", ["", "climate"])
def test_a_folder_that_may_not_be_read_is_refused(tmp_path, monkeypatch, load, closed):
    fill(tmp_path, ["climate/1.nc"], [warm_month(1)], True)
    scandir = os.scandir

    def refuse(path):
        if Path(path) == tmp_path / closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match="found:  permission denied") as refusal:
        load(tmp_path)
    assert refusal.value.where == str(tmp_path / closed)


def test_files_that_are_no_data_and_links_to_nowhere_are_no_fault(tmp_path):
    fill(tmp_path, ["photo.zip", "notes.gz"], [zipped("a.jpg", b""), gzip.compress(b"a")], True)
    (tmp_path / "photo.jpg").symlink_to(tmp_path / "nowhere.jpg")
    xr.Dataset({"height": (("lat", "lon"), np.ones((2, 2)))}).to_netcdf(tmp_path / "terrain.nc")
    assert len(load_study(tmp_path).sites) == 3


@with_or_without_table
@pytest.mark.parametrize("load", [load_top, load_carbon, name_used])
@pytest.mark.parametrize("name", AS_CMIP)
def test_what_looks_like_an_archive_and_is_none_is_an_error(tmp_path, name, load, with_table):
    fill(tmp_path, [name], [b"no NetCDF"], with_table)
    with pytest.raises(InputError):
        load(tmp_path)


def test_a_page_names_the_table_the_book_and_what_is_left_out(tmp_path, transect_folder):
    assert name_used("embedded") == ""
    fill(tmp_path, ["<b>x.nc"], [warm_month(1)], with_table=True)
    for month in range(1, 13):
        (tmp_path / f"{month}.nc").write_bytes(warm_month(month))
    told = name_used(tmp_path, ["climate", "sites"])
    assert "left out: &lt;b&gt;x.nc: 2014-01 again" in told
    assert "`sites.csv`, 3 sites" in told
    assert "EVI" in told
    assert "oxygen" not in told
    (tmp_path / "plateau_transect").symlink_to(transect_folder)
    assert "left out: the transect's soil" in name_used(tmp_path)
    told = name_used(transect_folder)
    assert "Clay, SOC, Sand, Silt, TN, pH as measured there" in told
    assert "climate (assimilated): **the book's**" in told
    assert "nothing that this page uses" in name_used(transect_folder, ["top"])


def test_a_result_is_as_real_as_its_least_real_part():
    order = ["measured", "observed", "published", "assimilated", "simulated", "emulated"]
    order.append("reconstructed")
    assert set(order) == set(LABELS)
    assert all(least_real([real, less]) == less for real, less in pairwise(order))


@pytest.mark.parametrize("load", [load_top, load_carbon, load_study])
def test_a_wrong_path_never_falls_back_to_the_embedded_data(tmp_path, load):
    with pytest.raises(InputError, match="no such folder"):
        load(tmp_path / "typo")
