"""The reconstruction: what it promises for every seed, and that it is what data/ holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.factors import load_factors
from helpers.paths import DATA, list_genuine
from helpers.readers.sites import ZONES
from helpers.readers.terrain import load_elevation
from helpers.reconstruction import load_places, load_reconstruction, reconstruct_sites
from helpers.study import EMBEDDED_ENSEMBLE, EMBEDDED_TOP, SEED, load_study
from tests.conftest import ROOT
from tools.data import write_embedded

CLIMATE = load_study().climate
ELEVATION = load_elevation()
NEEDED = {  # collections without which a table is not made anew
    "places.csv": {"plateau_transect"},
    "transect": {"plateau_transect"},
    "plots.csv": {"plateau_plots", "tibet_fauna"},
    "respiration.csv": {"srdb"},
    "emulators.csv": {"cmip5_oscar", "rcp"},
    "emulators": {"cmip5_oscar", "rcp"},
    "ensemble": {"cmip5_oscar", "rcp"},
    "top": {"cmip5_oscar", "rcp"},
    "towers.csv": {"fluxnet2015"},
}


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_seed_keeps_the_places_the_published_ranges_and_the_definitions(seed):
    sites = reconstruct_sites(CLIMATE, seed)
    assert sites["land_cover"].value_counts().to_dict() == {"meadow": 12, "steppe": 18}
    assert sites["zone"].value_counts().to_dict() == {"Low": 6, "Middle": 10, "High": 14}
    for zone, (low, high) in ZONES.items():
        assert sites.loc[sites["zone"] == zone, "elevation"].between(low, high).all()
    places = ["longitude", "latitude", "elevation", "land_cover"]
    pd.testing.assert_frame_equal(sites[places], load_places())
    for code, rule in load_reconstruction()["factors"].items():
        if code in sites:
            assert [sites[code].min(), sites[code].max()] == pytest.approx(rule["range"])
    definitions = {
        "TC": sites["SOC"] + sites["SIC"],
        "CN": sites["TC"] / sites["TN"],
        "NPP": sites["ANPP"] + sites["BNPP"],
        "BPLFA": sites["GP"] + sites["GN"],
        "FB": sites["FPLFA"] / sites["BPLFA"],
        "Sand": 100 - sites["Clay"] - sites["Silt"],
    }
    for code, values in definitions.items():
        np.testing.assert_allclose(sites[code], values, rtol=1e-12)
    assert (sites["TPLFA"] > sites[["BPLFA", "FPLFA", "APLFA"]].sum(axis="columns")).all()
    numbers = sites.drop(columns=["land_cover", "zone"])
    assert (numbers >= 0).all(axis=None)


def test_every_factor_is_there():
    sites = reconstruct_sites(CLIMATE, 1)
    registry = load_factors()
    drawn = registry.index[registry["data_label"] == "reconstructed"]
    assert set(drawn) - set(sites.columns) == {"Rs"}


def test_another_seed_draws_other_values_and_the_same_seed_the_same():
    one, again = (reconstruct_sites(CLIMATE, 1) for _ in range(2))
    pd.testing.assert_frame_equal(one, again)
    assert not one.equals(reconstruct_sites(CLIMATE, 2))


def test_embedded_data_are_what_make_data_writes(gldas_folder, tmp_path):
    target = tmp_path / "embedded"
    target.mkdir()
    write_embedded(gldas_folder, target)
    fetched = set(list_genuine())
    for path in (DATA / "embedded").iterdir():
        if not NEEDED.get(path.name.partition("_")[0], set()) <= fetched:
            continue  # it stays as it is embedded
        if path in (EMBEDDED_ENSEMBLE, EMBEDDED_TOP):  # other processors, other last digits
            with xr.open_dataset(path) as here, xr.open_dataset(target / path.name) as made:
                xr.testing.assert_allclose(made, here, rtol=0, atol=1.01e-5)
        elif path.name.startswith("transect_"):
            tables = [pd.read_csv(folder / path.name) for folder in (target, path.parent)]
            pd.testing.assert_frame_equal(*tables, rtol=0, atol=1.01e-4)
        elif path.name.startswith("emulators"):  # by iteration, whose last digits differ elsewhere
            tables = [pd.read_csv(folder / path.name) for folder in (target, path.parent)]
            pd.testing.assert_frame_equal(*tables, rtol=5e-3, atol=1e-4)
        else:
            assert (target / path.name).read_bytes() == path.read_bytes(), path.name
    assert (tmp_path / "sites_template.csv").read_bytes() == (
        DATA / "sites_template.csv"
    ).read_bytes()
    assert not list(tmp_path.glob("**/*.part"))


def test_embedded_sites_are_those_of_the_named_seed():
    study = load_study()
    again = reconstruct_sites(CLIMATE, SEED)
    codes = again.columns.intersection(study.sites.columns)
    pd.testing.assert_frame_equal(study.sites[codes], again[codes])


def test_embedded_elevation_is_pvlibs():
    from pvlib.location import lookup_altitude

    rng = np.random.default_rng(5)
    for row, column in zip(rng.integers(0, 192, 40), rng.integers(0, 408, 40), strict=True):
        cell = ELEVATION[row, column]
        assert float(cell) == lookup_altitude(float(cell["lat"]), float(cell["lon"]))


def test_every_arrow_leads_from_something_known_and_every_range_says_its_basis():
    known = set(load_factors().index[load_factors()["data_label"] == "assimilated"])
    bibliography = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    for name, rule in load_reconstruction()["factors"].items():
        assert set(rule["causes"]) <= known, name
        known.add(name)
        assert rule["basis"] in {"published", "literature", "assumed"}
        if rule["basis"] != "assumed":
            assert "source" in rule, name
        for key in rule.get("source", "").split("; "):
            assert not key or f"{{{key}," in bibliography, key
