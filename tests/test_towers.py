"""Flux towers: plain pandas, the book's own annual totals and genuine files as reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.errors import InputError
from helpers.figures import tower_oxygen
from helpers.oxygen import annual_total, oxygen_flux
from helpers.readers import load_tower_sites, load_towers, read_towers
from tests.chapters import words
from tests.conftest import GENUINE

NAME = "FLX_CN-Dan_FLUXNET2015_SUBSET_MM_2004-2005_1-4.csv"
NAMES = {
    "NEE": "NEE_VUT_REF",
    "NEE_25": "NEE_VUT_25",
    "NEE_75": "NEE_VUT_75",
    "NEE_random": "NEE_VUT_REF_RANDUNC",
    "quality": "NEE_VUT_REF_QC",
    "RECO_night": "RECO_NT_VUT_REF",
    "RECO_day": "RECO_DT_VUT_REF",
    "GPP_night": "GPP_NT_VUT_REF",
    "GPP_day": "GPP_DT_VUT_REF",
    "T": "TA_F",
    "P": "P_F",
}


@pytest.fixture(scope="module")
def files() -> dict[str, pd.DataFrame]:
    paths = sorted((GENUINE / "fluxnet2015").glob("*.csv"))
    if not paths:
        pytest.skip(f"genuine files of FLUXNET2015 are not in {GENUINE}")
    return {path.name[4:10]: pd.read_csv(path, na_values=-9999) for path in paths}


def write(folder: Path, name: str = NAME, **changes: object) -> Path:
    plain = dict.fromkeys(NAMES.values(), "0.5") | {"TIMESTAMP": ["200401", "200402"]}
    pd.DataFrame(plain | changes).to_csv(folder / name, index=False)
    return folder


def totals(months: pd.DataFrame) -> pd.Series:
    """Return g O2 m-2 of whole years as they are computed for models."""
    nep = (-months["NEE"] / 1000 / 86400).to_xarray().assign_attrs(units="kg m-2 s-1")
    years = annual_total(oxygen_flux(nep))
    return 1000 * years.to_series().dropna()


def test_what_is_read_is_what_stands_in_the_files(files):
    found = read_towers(GENUINE)
    assert set(found.index.unique("tower")) == set(files) == {"CN-Dan", "CN-Ha2", "CN-HaM"}
    for tower, table in files.items():
        mine = found.loc[tower]
        assert mine.index.strftime("%Y%m").astype(int).tolist() == table["TIMESTAMP"].tolist()
        for ours, theirs in NAMES.items():
            np.testing.assert_array_equal(mine[ours], table[theirs], err_msg=ours)
    pd.testing.assert_frame_equal(load_towers(), found)


def test_a_missing_value_is_a_gap_in_any_spelling(tmp_path):
    changes = {"NEE_VUT_REF_RANDUNC": ["-9999", "0.02"], "NEE_VUT_REF": ["-1.5", "-9999.000"]}
    found = read_towers(write(tmp_path, **changes)).loc["CN-Dan"]
    np.testing.assert_array_equal(found["NEE_random"], [np.nan, 0.02])
    np.testing.assert_array_equal(found["NEE"], [-1.5, np.nan])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"NEE_VUT_REF": ["0.1", "-1500"]}, "g C m-2 d-1"),
        ({"NEE_VUT_REF_QC": ["0.9", "98"]}, "between 0 and 1"),
        ({"TA_F": ["271", "272"]}, "degrees Celsius"),
        ({"TIMESTAMP": ["200401", "200401"]}, "there twice counts twice"),
        ({"TIMESTAMP": ["20040101", "20040102"]}, "months, as 200401"),
    ],
)
def test_months_that_cannot_be_right_are_refused(change, said, tmp_path):
    with pytest.raises(InputError) as refusal:
        read_towers(write(tmp_path, **change))
    assert said in str(refusal.value)
    assert NAME in str(refusal.value)


def test_files_that_are_not_there_are_refused(tmp_path, monkeypatch):
    write(tmp_path, "FLX_CN-Dan_FLUXNET2015_SUBSET_DD_2004-2005_1-4.csv")
    with pytest.raises(InputError, match="found:  none of this name"):
        read_towers(tmp_path)
    pd.DataFrame({"TIMESTAMP": ["200401"]}).to_csv(tmp_path / NAME)
    with pytest.raises(InputError, match="no column NEE_VUT_REF"):
        read_towers(tmp_path)
    monkeypatch.setenv("TIBET_REAL_DATA", str(tmp_path / "empty"))
    with pytest.raises(InputError, match="make data SOURCE=sites"):
        read_towers()


def test_one_year_of_respiration_cannot_be_and_its_exchange_can(files):
    for tower, table in files.items():
        sums = table.groupby(table["TIMESTAMP"] // 100)[[*NAMES.values()]].sum()
        ways = sums["RECO_NT_VUT_REF"] / sums["RECO_DT_VUT_REF"]
        odd = ways[~ways.between(0.5, 2)].index.tolist()
        assert odd == ([2004] if tower == "CN-HaM" else [])
        left = sums["RECO_NT_VUT_REF"] - sums["GPP_NT_VUT_REF"]  # the method adds NEE to RECO
        assert (left / sums["NEE_VUT_REF"]).between(0.6, 1.1).all()
    meadow = files["CN-HaM"]
    unmeasured = meadow["TA_F_QC"] == 0
    assert unmeasured.equals(meadow["NEE_VUT_REF_RANDUNC"].isna())
    assert f"For {unmeasured.sum()} months of that year the weather was not measured" in words("02")


def test_every_year_of_the_page_is_the_year_of_the_models_arithmetic():
    years = totals(load_towers())
    carbon = (years * -12 / 32).round().astype(int)
    assert carbon.to_dict() == {  # g C m-2 of NEE, counted apart
        ("CN-Dan", 2004): -129,
        ("CN-Dan", 2005): -68,
        ("CN-Ha2", 2003): -110,
        ("CN-Ha2", 2004): -226,
        ("CN-Ha2", 2005): -182,
        ("CN-HaM", 2002): 33,
        ("CN-HaM", 2003): -127,
        ("CN-HaM", 2004): -192,
    }
    names, said = load_tower_sites()["name"], words("02").replace("−", "-")
    for (tower, year), value in years.items():
        assert f"<td>{names[tower]}</td><td>{year}</td><td>{value:.0f}</td>" in said
    gains = years[years > 0]
    summary = f"In {len(gains)} of {len(years)} years at three towers a square metre gave"
    assert f"{summary} {gains.min():.0f} to {gains.max():.0f} g of oxygen" in said


def test_a_year_that_lacks_a_month_is_not_added_up():
    months = load_towers()
    months.loc[("CN-Dan", "2004-03-01"), "NEE"] = np.nan
    assert sorted(totals(months.loc[["CN-Dan"]]).index) == [("CN-Dan", 2005)]


def test_what_the_page_says_of_the_months():
    months = load_towers()
    month = months.index.get_level_values("time").month
    gives = months["NEE"] < 0
    assert gives[month.isin([6, 7, 8])].all()
    assert not gives[~month.isin([6, 7, 8])].mean() > 0.5
    cold = months[months["T"] < -5]
    frost = f"In {(cold['NEE'] < 0).sum()} of {len(cold)} months with a mean below -5 °C"
    assert frost in words("02").replace("−", "-")


def test_towers_stand_where_their_sources_say():
    sites = load_tower_sites()
    assert set(sites.index) == set(load_towers().index.unique("tower"))
    haibei = sites.loc[["CN-Ha2", "CN-HaM"], ["latitude", "longitude"]] // 1
    assert (haibei == [37, 101]).all(axis=None)
    assert sites["latitude"]["CN-HaM"] < 37 + 29 / 60  # outside the rectangle of Kato et al.
    assert all(sites["source"].str.contains("FLUXNET2015's list"))


@pytest.mark.usefixtures("without_a_screen")
def test_the_figure_counts_months_and_leaves_gaps_out():
    time = pd.date_range("2004-01", periods=24, freq="MS")
    values = np.where(time.month < 9, 10.0, -5.0)
    values[0] = np.nan
    monthly = pd.Series(values, pd.MultiIndex.from_product([["A"], time]))
    yearly = pd.Series({("A", 2004): np.nan, ("A", 2005): 60.0})
    models = pd.DataFrame({"one": [20.0], "two": [np.nan]}, ["A"])
    none = pd.Series(dtype=float, index=pd.MultiIndex.from_arrays([[], []]))
    fig, axes = tower_oxygen(monthly, yearly, models, pd.Series({"A": "Here"}), none)
    said = "Here: 15 of 23 months give; 2005 60; one model 20."
    assert fig.get_label() == f"Oxygen given to the air, g m⁻². {said}"
    assert len(axes[0].patches) == 23
