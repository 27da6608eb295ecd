"""The study: its labels, its sources, and min-max scaling."""

from __future__ import annotations

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
from helpers.provenance import LABELS
from helpers.readers.transect import read_transect
from helpers.reconstruction import soil_respiration
from helpers.statistics.projections import share_votes
from helpers.study import (
    EMBEDDED_TOP,
    SCALINGS,
    load_carbon,
    load_study,
    load_top,
    mean_top,
    minmax,
    rescale,
    sample_top,
)
from tests.test_sites import GOOD


def test_the_embedded_study_has_all_factors_and_a_label_for_every_column():
    study = load_study()
    assert list(study.factors().columns) == list(load_factors().index)
    assert [study.factors(group).shape[1] for group in GROUPS] == [14, 8, 12, 10]
    assert list(study.labels.index) == list(study.sites.columns)
    assert set(study.labels) <= set(LABELS)
    assert (study.labels[study.factors("climatic").columns] == "observed").all()
    assert study.labels["ST10"] == "observed"
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
    assert study.labels[["SOC", "pH", "longitude", "TF"]].eq("observed").all()
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
    [([1.0, 1.0, 1.0], "1 at every site"), ([1.0, np.nan, 2.0], "a gap at B")],
)
def test_minmax_refuses_constants_and_gaps_by_name(column, words):
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
    unusable = ["SIC", "SOC"]
    pd.testing.assert_frame_equal(scaled[unusable], table[unusable])
    assert list(scaled) == list(table)
    expected = {"min-max": [1, 0, 0.5], "z-score": [1, -1, 0], "ranks": [3, 1, 2]}[by]
    assert scaled["pH"].tolist() == expected
    equal = pd.DataFrame({"PRE": [3.0, 3.0, 9.0, 1.0]})
    assert rescale(equal, "ranks")["PRE"].tolist() == [2.5, 2.5, 4, 1]


def test_another_scaling_is_refused():
    with pytest.raises(InputError, match=r"min-max or z-score or ranks\n(.|\n)*found:  'log'"):
        rescale(pd.DataFrame({"pH": [8.0, 6.0]}), "log")


def at(field: xr.DataArray, sites: pd.DataFrame) -> np.ndarray:
    """Return a field in the cell of each site."""
    places = zip(sites["latitude"], sites["longitude"], strict=True)
    return np.array([field.sel(lat=lat, lon=lon, method="nearest") for lat, lon in places])


def test_families_share_a_vote_at_the_sites():
    sites = load_study().sites
    with xr.open_dataset(EMBEDDED_TOP, engine="scipy") as file:
        field = file["top"].load()
    pair = field.sel(model=["CESM1-CAM5", "NorESM1-M"]).mean("model")
    others = field.drop_sel(model=["CESM1-CAM5", "NorESM1-M"]).sum("model", skipna=False)
    at_sites = sample_top(sites, weighting="families")
    np.testing.assert_allclose(at_sites, at((others + pair) / 8, sites), rtol=1e-9)
    assert not np.allclose(at_sites, sample_top(sites), rtol=1e-3)
    assert share_votes(field, "families").sizes["model"] == 8


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


@pytest.mark.parametrize("load", [load_top, load_carbon, load_study])
def test_a_wrong_path_never_falls_back_to_the_embedded_data(tmp_path, load):
    with pytest.raises(InputError, match="no such folder"):
        load(tmp_path / "typo")
