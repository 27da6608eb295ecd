"""Real sites: readers and what they refuse, path models of neighbours."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import squareform

import helpers.readers.plots
from helpers.errors import InputError
from helpers.pathmodel import bootstrap_effects, d_separation, parse_model
from helpers.readers.gldas import load_climate
from helpers.readers.plots import add_climate, read_field_sites
from helpers.statistics import correlate, name_blocks, pair_distances
from tests.conftest import GENUINE

FAUNA, WORLDCLIM = "soil_fauna_data_final.txt", "site_clim_worldClim.txt"


@pytest.fixture(scope="module")
def genuine() -> pd.DataFrame:
    """Return the 48 genuine sites."""
    folder = GENUINE / "tibet_fauna"
    if not folder.is_dir():
        pytest.skip(f"the genuine sites are not at {folder} (set TIBET_REAL_DATA)")
    return read_field_sites(folder)


MADE_UP = """
ID,Site,Long,Lat,Ele.m,pH,SOC,SCNratio,DOC,plant.species.richness,plant.shannon.diversity,vege.type
1,701,92.1,32.5,4700,8.1,1.2,30.1,150.0,8,1.1,AS
2,702,93.4,33.1,4600,7.4,8.8,12.2,300.0,17,1.8,AM
3,703,95.2,34.7,4300,7.7,5.0,14.0,210.0,12,1.4,AM
4,704,96.8,35.2,4250,7.0,10.1,12.1,260.0,20,2.0,AM
5,705,98.3,33.9,4100,6.9,12.4,11.8,350.0,24,2.1,AM
6,706,100.1,36.4,3300,8.3,0.8,41.0,120.0,4,0.6,DS
"""
WEATHER = """
Site,bio1,bio7,bio12
701,-45,381,300
702,-30,370,380
703,-22,366,410
704,-10,352,470
705,3,349,520
706,12,402,180
"""


def made_up_sites() -> list[pd.DataFrame]:
    """Return both tables of the collection, with six made-up sites, as text."""
    return [pd.read_csv(io.StringIO(table), dtype=str) for table in (MADE_UP, WEATHER)]


def write_sites(folder: Path, fauna: pd.DataFrame, weather: pd.DataFrame) -> Path:
    fauna.to_csv(folder / FAUNA, sep="\t", index=False)
    weather.to_csv(folder / WORLDCLIM, sep="\t", index=False)
    return folder


def test_the_genuine_sites_have_the_units_that_the_page_says(genuine):
    assert genuine.shape == (48, 12)
    covers = genuine["land_cover"].value_counts().to_dict()
    assert covers == {"meadow": 26, "steppe": 18, "desert steppe": 4}
    assert genuine["SOC"].agg(["min", "max"]).tolist() == pytest.approx([6.3, 210.3])
    assert genuine["T_worldclim"].agg(["min", "max"]).tolist() == pytest.approx([-6.6, 4.0])
    as_percent = genuine["DOC"] / 1000 / genuine["SOC"]
    assert as_percent.max() < 0.04 < 0.3 < 10 * as_percent.max()
    assert genuine.loc[genuine["CN"] > 20, "pH"].min() > 7.8
    assert genuine.loc["751"].to_dict() == {
        "longitude": 100.88,
        "latitude": 36.32,
        "elevation": 3282,
        "land_cover": "steppe",
        "pH": 7.51,
        "SOC": pytest.approx(30.2),
        "CN": 9.27,
        "DOC": 164.98,
        "richness": 10,
        "shannon": 1.34,
        "T_worldclim": pytest.approx(0.6),
        "P_worldclim": 352,
    }


def test_the_packaged_relief_and_climate_are_at_the_genuine_sites(genuine):
    sites = add_climate(genuine)
    gap = sites["relief"] - sites["elevation"]
    assert np.sqrt((gap**2).mean()) == pytest.approx(187, abs=1)
    assert sites["cell"].nunique() == 25
    assert sites.loc["751", "cell"] == "36.5 N, 100.5 E"
    cell = load_climate()["Tair_f_inst"].sel(lat=36.5, lon=100.5)
    assert sites.loc["751", "AT"] == float(cell)
    together = sites.groupby("cell")["PRE"].nunique()
    assert (together == 1).all()


def test_a_collection_may_be_a_folder_or_a_subfolder(tmp_path):
    (tmp_path / "tibet_fauna").mkdir()
    write_sites(tmp_path / "tibet_fauna", *made_up_sites())
    outside = read_field_sites(tmp_path)
    pd.testing.assert_frame_equal(outside, read_field_sites(tmp_path / "tibet_fauna"))
    fauna, weather = made_up_sites()  # order and further columns do not matter
    write_sites(tmp_path / "tibet_fauna", fauna.assign(more="x"), weather.iloc[::-1])
    pd.testing.assert_frame_equal(outside, read_field_sites(tmp_path))
    assert outside.loc["702", "SOC"] == 88
    assert outside.loc["701", "T_worldclim"] == -4.5
    assert list(outside["land_cover"]) == ["steppe", *["meadow"] * 4, "desert steppe"]


def put(table: str, row: int, *cells: str):
    """Return a change of cells of one row: a column and its value, and so on."""

    def change(fauna: pd.DataFrame, weather: pd.DataFrame) -> tuple:
        for column, value in zip(cells[::2], cells[1::2], strict=True):
            (fauna if table == FAUNA else weather).loc[row, column] = value
        return fauna, weather

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f, w: (f.drop(columns="pH"), w), "no column pH"),
        (lambda f, w: (f, w.drop(columns="bio12")), "no column bio12"),
        (lambda f, w: (f, w.drop(index=2)), "site 703"),
        (put(FAUNA, 1, "pH", "neutral"), "column 'pH', Site 702\n"),
        (put(FAUNA, 1, "pH", "77"), "between 2 and 12"),
        (put(FAUNA, 3, "Lat", "352"), "degrees north"),
        (put(FAUNA, 3, "Site", "702"), "'702' in line 5"),
        (put(FAUNA, 5, "Long", "98.3", "Lat", "33.9"), "there twice counts twice"),
        (put(FAUNA, 4, "vege.type", "forest"), "'forest'"),
        (put(FAUNA, 4, "SOC", "124"), "g per 100 g"),
        (put(FAUNA, 4, "Ele.m", "4.1"), "(m)"),
        (put(WORLDCLIM, 4, "bio7", "34.9"), "tenths of a degree"),
        (put(WORLDCLIM, 4, "bio12", "0.52"), "mm a year"),
    ],
)
def test_a_site_table_that_cannot_be_right_is_refused(change, said, tmp_path):
    write_sites(tmp_path, *change(*made_up_sites()))
    with pytest.raises(InputError) as refusal:
        read_field_sites(tmp_path)
    assert said in str(refusal.value)


def test_files_that_are_absent_are_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such folder"):
        read_field_sites(tmp_path / "nowhere")
    with pytest.raises(InputError, match="No such file"):
        read_field_sites(tmp_path)
    monkeypatch.setenv("TIBET_REAL_DATA", str(tmp_path / "empty"))
    with pytest.raises(InputError, match="make data SOURCE=fieldsites"):
        read_field_sites()


def test_sites_without_climate_are_refused(tmp_path, monkeypatch):
    fauna, weather = made_up_sites()
    sites = read_field_sites(write_sites(tmp_path, fauna, weather))
    with pytest.raises(InputError, match="site 701"):
        add_climate(sites.assign(longitude=sites["longitude"].where(sites.index != "701", 20.0)))
    holed = load_climate()
    holed["Tair_f_inst"].loc[{"lat": 34.5, "lon": 95.5}] = np.nan
    monkeypatch.setattr(helpers.readers.plots, "load_climate", lambda: holed)
    with pytest.raises(InputError, match="site 703: AT"):
        add_climate(sites)


MODEL = parse_model("m ~ a + b\nz ~ m + b")
PLACES = pd.DataFrame(
    np.random.default_rng(40).uniform([92, 32], [101, 37], (40, 2)),
    columns=["longitude", "latitude"],
)


@pytest.fixture(scope="module")
def chain() -> pd.DataFrame:
    """Return 40 sites of a small model."""
    rng = np.random.default_rng(4)
    a, b, e, f = rng.standard_normal((4, len(PLACES)))
    m = 0.6 * a + 0.3 * b + e
    return pd.DataFrame({"a": a, "b": b, "m": m, "z": 0.5 * m - 0.4 * b + f})


def test_a_block_for_each_site_gives_the_usual_bootstrap(chain):
    blocks = pd.Series(chain.index.astype(str), chain.index)
    ours = bootstrap_effects(MODEL, chain, "z", n_boot=500, seed=3, blocks=blocks)
    usual = bootstrap_effects(MODEL, chain, "z", n_boot=500, seed=3)
    pd.testing.assert_frame_equal(ours.table, usual.table)


def test_copies_of_sites_within_a_block_tell_nothing_new(chain):
    blocks = pd.Series(chain.index.astype(str), chain.index)
    once = bootstrap_effects(MODEL, chain, "z", n_boot=300)
    copied = pd.concat([chain, chain, chain], ignore_index=True)
    threefold = pd.Series([*blocks] * 3)
    thrice = bootstrap_effects(MODEL, copied, "z", n_boot=300, blocks=threefold)
    np.testing.assert_allclose(thrice.table, once.table)


def test_few_blocks_are_refused(chain):
    blocks = pd.Series(chain.index % 4, chain.index)
    with pytest.raises(InputError, match="at least 5"):
        bootstrap_effects(MODEL, chain, "z", blocks=blocks)


def test_blocks_are_cells_of_degrees():
    places = pd.DataFrame({"longitude": [91.9, 92.0, 93.99], "latitude": [33.9, 32.1, 32.0]})
    with pytest.raises(InputError, match="a side above 0"):
        name_blocks(places, 0)
    assert name_blocks(places).tolist() == ["32 N, 90 E", "32 N, 92 E", "32 N, 92 E"]


def test_claims_are_tested_at_their_effective_number_of_sites(chain):
    found = d_separation(MODEL, chain, places=PLACES).claims
    claims = d_separation(MODEL, chain).claims
    pd.testing.assert_frame_equal(found[claims.columns], claims)
    assert (found["n"] <= len(chain)).all()
    far = squareform(pair_distances(PLACES))
    smooth = np.linalg.cholesky(np.exp(-far / 800) + 0.01 * np.eye(len(far)))
    model = parse_model("m ~ a\nz ~ m")
    fields = pd.DataFrame(smooth @ np.random.default_rng(4).standard_normal((len(far), 3)))
    fields.columns = ["a", "m", "z"]
    alike = d_separation(model, fields, places=PLACES).claims.iloc[0]
    assert alike["n"] < 25
    sizes = pd.Series([alike["n"]], pd.MultiIndex.from_tuples([("a", "z")]))
    test = correlate(fields[["a"]], fields[["z"]], given=fields[["m"]], sizes=sizes)
    assert alike["p_spatial"] == pytest.approx(test["p"].iloc[0])
    assert alike["p_spatial"] > alike["p"]
