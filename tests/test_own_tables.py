"""Tables as people have them: each gives the values of the reference, or one list of its faults."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.factors import gldas_sources, load_factors
from helpers.readers import list_columns, read_sites
from helpers.study import load_study, name_used, sample_top, top_label
from tests.own_tables import OWN_TABLES, REFERENCE, as_text, as_workbook
from tests.test_study import warm_month


@pytest.mark.parametrize("name", OWN_TABLES)
def test_a_table_gives_its_values_or_one_list_of_its_faults(tmp_path, name):
    own = OWN_TABLES[name]
    path = own.write(tmp_path)
    if own.refused:
        with pytest.raises(InputError) as refusal:
            load_study(path)
        assert [word for word in own.said if word not in str(refusal.value)] == []
        return
    study = load_study(path)
    assert [word for word in own.said if word not in "; ".join(study.remarks)] == []
    assert set(own.read) <= set(study.sites)
    read = study.sites[own.read.columns]
    pd.testing.assert_frame_equal(read, own.read, rtol=1e-12, check_dtype=False)
    assert (study.labels[own.read.columns] == "observed").all()
    assert name in ("the Alps",) or set(gldas_sources()) <= set(study.sites)
    pd.testing.assert_frame_equal(load_study(tmp_path).sites, study.sites)  # in its folder


@pytest.mark.parametrize("text", [*load_factors()["name"], *load_factors()["label"], "NEP", "Date"])
def test_a_name_means_its_factor_and_no_other(tmp_path, text):
    path = as_text(REFERENCE[["longitude"]].assign(**{text: 1.0}))(tmp_path)
    registry = load_factors()
    found = registry.index[(registry["name"] == text) | (registry["label"] == text)]
    assert list_columns(path)["code"].iloc[-1] == "".join(found)


def test_no_synonym_means_two_columns():
    registry = load_factors()
    names = [
        name.casefold()
        for code, row in registry.iterrows()
        for name in {code, row["label"], row["name"], *filter(None, row["synonyms"].split(";"))}
    ]
    assert len(names) == len(set(names))


def test_oxygen_of_the_table_is_the_response_and_its_label_is_observed(tmp_path):
    path = OWN_TABLES["net exchange of carbon"].write(tmp_path)
    sites = load_study(path).sites
    pd.testing.assert_series_equal(sample_top(sites, path), sites["TOP"])
    assert top_label(path) == "observed"
    assert "oxygen production at sites (observed)" in name_used(path)
    assert top_label(OWN_TABLES["a workbook"].write(tmp_path)) == "emulated"


def test_what_was_done_with_a_table_stands_at_the_head_of_a_page(tmp_path):
    path = OWN_TABLES["gaps in many spellings"].write(tmp_path)
    assert "SOC: 6 of 12 sites without a value" in name_used(path, ["sites"])


def test_sites_elsewhere_have_their_own_climate_or_none(tmp_path):
    path = OWN_TABLES["the Alps"].write(tmp_path)
    study = load_study(path)
    climatic = [code for code in gldas_sources() if code in study.sites]
    assert climatic == ["PRE", "AT", "ST10"]
    assert "without TF, PET" in study.remarks[-1]
    with pytest.raises(InputError, match="a column TOP"):
        sample_top(study.sites, path)


def test_sites_elsewhere_take_climate_from_files_that_reach_there(tmp_path):
    OWN_TABLES["the Alps"].write(tmp_path)
    for month in range(1, 13):
        (tmp_path / "Tibet").write_bytes(warm_month(month))
        with xr.open_dataset(tmp_path / "Tibet", engine="netcdf4") as file:
            there = file.assign_coords(lon=file["lon"] - 72, lat=file["lat"] + 14).load()
        there.to_netcdf(tmp_path / f"{month}.nc", unlimited_dims=["time"])
    (tmp_path / "Tibet").unlink()
    study = load_study(tmp_path)
    assert set(gldas_sources()) <= set(study.sites)
    assert "without TF" not in "".join(study.remarks)
    assert float(study.climate["lat"].max()) > 41


def test_zones_elsewhere_are_terciles(tmp_path):
    alps = OWN_TABLES["the Alps"].read.drop(columns="zone")
    sites = read_sites(as_text(alps)(tmp_path))
    assert sites["zone"].value_counts().to_dict() == {"Low": 4, "Middle": 4, "High": 4}
    means = sites.groupby("zone")["elevation"].mean()
    assert means["Low"] < means["Middle"] < means["High"]


def test_a_table_is_checked_with_an_exit_status_and_nothing_is_written(tmp_path):
    def check(name: str) -> subprocess.CompletedProcess:
        path = OWN_TABLES[name].write(tmp_path)
        before = sorted(tmp_path.rglob("*"))
        command = [sys.executable, "-m", "tools.check_table", path]
        made = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        assert sorted(tmp_path.rglob("*")) == before
        return made

    good = check("gaps in many spellings")
    assert good.returncode == 0
    assert "12 sites can be used" in good.stdout
    assert "rows with a gap: T01, T02, T03, T04, T05, T06" in good.stdout
    assert "ignored" in check("unknown columns").stdout
    bad = check("many faults")
    assert bad.returncode == 2
    assert [word for word in OWN_TABLES["many faults"].said if word not in bad.stderr] == []


SITES = st.lists(
    st.tuples(
        st.floats(73, 105).map(lambda x: round(x, 4)),
        st.floats(26, 40),
        st.integers(3000, 5000),
        st.sampled_from(["meadow", "steppe", "shrub"]),
        st.floats(0, 1000) | st.none(),
        st.floats(0, 14),
    ),
    min_size=1,
    max_size=8,
)
DIALECTS = {
    "commas": as_text,
    "a byte order mark": lambda table: as_text(table, encoding="utf-8-sig"),
    "semicolons": lambda table: as_text(table, ";", ","),
    "tabs": lambda table: as_text(table, "\t", encoding="utf-16"),
    "a workbook": as_workbook,
}


@settings(max_examples=20)
@given(rows=SITES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_table_is_the_same_in_every_dialect(tmp_path_factory, dialect, rows):
    columns = ["longitude", "latitude", "elevation", "land_cover", "SOC", "pH"]
    table = pd.DataFrame(rows, [f"S{k}" for k in range(len(rows))], columns)
    table["SOC"] = table["SOC"].astype(float)
    sites = read_sites(DIALECTS[dialect](table)(tmp_path_factory.mktemp("own")))
    if table["SOC"].isna().all():
        table = table.drop(columns="SOC")
    read = sites[table.columns]
    assert read["land_cover"].tolist() == table["land_cover"].tolist()
    read, table = (each.drop(columns="land_cover").astype(float) for each in (read, table))
    np.testing.assert_allclose(read, table, rtol=1e-12)
