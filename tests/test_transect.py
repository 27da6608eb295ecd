"""The tables of measured sites: facts of the genuine ones, and what is refused of broken ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.errors import InputError
from helpers.readers.plateau_plots import load_plots, read_plots
from helpers.readers.sites import ZONES
from helpers.readers.transect import read_transect
from tests.conftest import GENUINE

TRANSECT = (
    "SampleID Longitude Latitude Altitude Biome SOC pH Silt Sand TN CN MAT_k10 Biomass SR TP CP AI"
)
PLOTS = "plot.id Site Long Lat Ele.m MAT MAP SM pH AGB PTN PTP BGB SSOC SSTN SSTP SR"
FAUNA = (
    "Site Long Lat Ele.m SCNratio DOC plant.shannon.diversity faunal.richness faunal.abundance "
    "vege.type"
)


@pytest.fixture
def collections(tmp_path: Path) -> Path:
    """Write small tables of the form of the genuine ones: three sites each."""
    folder = tmp_path / "plateau_transect"
    folder.mkdir()
    soc, tn, tp = np.array([2.0, 4.0, 8.0]), np.array([0.2, 0.5, 0.8]), np.array([400, 500, 800.0])
    places = [["Q1", "Q2", "Q3"], [91.5, 95.2, 100.1], [31.0, 33.5, 35.0], [4700, 4300, 3300]]
    soil = [soc, [8.1, 7.4, 6.9], [20, 30, 40], [75, 60, 50], tn, soc / tn]
    rest = [[-1.5, 0, 2], [40, 90, 180], [5.2, 9, 14], tp, 1e4 * soc / tp, [0.2, 0.4, 0.6]]
    columns = [*places, ["Steppe", "Meadow", "Meadow"], *soil, *rest]
    table = pd.DataFrame(dict(zip(TRANSECT.split(), columns, strict=True)))
    table.to_csv(folder / "metadata_2021-05.txt", sep="\t", index=False)
    present = ["SampleID", "Longitude", "Latitude", "Altitude", "Biome", "MAT_k10", "AI"]
    table[present].to_csv(folder / "metadata_present.txt", sep="\t", index=False)
    for number, name in enumerate(("bacteria", "fungi", "protist", "animal")):
        diversity = pd.DataFrame({"SampleID": ["Q3", "Q1", "Q2"], "shannon": [7 - number, 6, 5]})
        diversity.to_csv(folder / f"{name}_vegan.txt", sep="\t", index=False)
    plots, fauna = (tmp_path / name for name in ("plateau_plots", "tibet_fauna"))
    plots.mkdir()
    fauna.mkdir()
    cells = [
        ["P1.1", "P1", 91, 31, 4500, -1, 400, 0.1, 8, 50, 1.5, 0.1, 500, 2000, 200, 60, 8],
        ["P1.2", "P1", 91, 31, 4500, -1, 400, 0.3, 7, 70, 1.7, 0.1, 700, 4000, 300, 80, 10],
        ["P2.1", "P2", 100, 36, 3300, 2, 500, 0.2, 7.5, 90, 2, 0.2, 900, 6000, 500, 70, 12],
    ]
    pd.DataFrame(cells, columns=PLOTS.split()).to_csv(plots / "Jing_etal_Tibet.csv")
    cells = [
        [1, 91.05, 31.02, 4500, 12, 200, 1.5, 3, 2000, "AM"],
        [2, 99, 36, 3300, 14, 300, 1.2, 4, 3000, "AS"],
        [7, 95, 33, 4000, 30, 100, 0.9, 2, 1000, "DS"],
    ]
    found = pd.DataFrame(cells, columns=FAUNA.split())
    found.to_csv(fauna / "soil_fauna_data_final.txt", sep="\t", index=False)
    return tmp_path


def change(path: Path, row: int, **cells: object) -> None:
    """Write other cells into a row of a table."""
    table = pd.read_csv(path, sep="\t").astype(object)
    table.loc[row, list(cells)] = list(cells.values())
    table.to_csv(path, sep="\t", index=False)


def test_carbon_comes_in_grams_per_kilogram_and_clay_is_what_is_left(collections):
    sites = read_transect(collections)
    assert sites["SOC"].tolist() == [20, 40, 80]
    assert sites["TN"].tolist() == [2, 5, 8]
    assert sites["Clay"].tolist() == [5, 10, 10]
    assert sites["bacteria"].tolist() == [6, 5, 7]
    assert sites["animals"].tolist() == [6, 5, 4]
    assert sites["land_cover"].tolist() == ["steppe", "meadow", "meadow"]


def test_the_present_version_has_places_climate_and_diversity_only(collections):
    sites = read_transect(collections, columns="present")
    whole = read_transect(collections)
    pd.testing.assert_frame_equal(sites, whole[sites.columns])
    assert not {"SOC", "pH", "biomass", "richness", "TP"} & {*sites}


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"SOC": 20.0}, "column 'CN', site Q2"),
        ({"TP": 5000.0, "CP": 80.0}, r"column 'CP'|to 1e\+04"),
        ({"Altitude": 4.3}, "Altitude"),
        ({"Biome": "Forest"}, "Forest"),
        ({"SampleID": "Q1"}, "SampleID"),
        ({"Longitude": 91.5, "Latitude": 31.0}, "longitude"),
        ({"pH": "n.d."}, "n.d."),
        ({"AI": None}, "empty cell"),
    ],
)
def test_what_cannot_be_is_refused_by_name(collections, cells, said):
    change(collections / "plateau_transect" / "metadata_2021-05.txt", 1, **cells)
    with pytest.raises(InputError, match=said):
        read_transect(collections)


def test_a_site_without_diversity_an_earlier_version_that_is_absent_and_a_word_are_refused(
    collections,
):
    folder = collections / "plateau_transect"
    change(folder / "fungi_vegan.txt", 0, SampleID="Q9")
    with pytest.raises(InputError, match=r"fungi_vegan.txt: site Q(3|9)"):
        read_transect(collections)
    (folder / "metadata_2021-05.txt").unlink()
    with pytest.raises(InputError, match="SOURCE=sites"):
        read_transect(collections)
    with pytest.raises(InputError, match="columns"):
        read_transect(collections, columns="2022")


def test_plots_are_averaged_and_fauna_joins_where_the_places_agree(collections):
    sites = read_plots(collections)
    assert sites.loc["P1", ["SOC", "TN", "TP"]].tolist() == [30, 2.5, 700]
    assert sites.loc["P1", ["pH", "AGB", "richness"]].tolist() == [7.5, 60, 9]
    assert sites["land_cover"].to_dict()["P1"] == "meadow"
    assert sites.loc["P2", ["land_cover", "CN", "shannon"]].isna().all()  # a degree away


def test_a_site_at_two_places_and_an_unknown_vegetation_are_refused(collections):
    path = collections / "plateau_plots" / "Jing_etal_Tibet.csv"
    path.write_text(path.read_text().replace("P1.2,P1,91,31", "P1.2,P1,92,31"))
    with pytest.raises(InputError, match="site P1"):
        read_plots(collections)
    path.write_text(path.read_text().replace("P1.2,P1,92,31", "P1.2,P1,91,31"))
    change(collections / "tibet_fauna" / "soil_fauna_data_final.txt", 0, **{"vege.type": "XX"})
    with pytest.raises(InputError, match="XX"):
        read_plots(collections)


@pytest.fixture(scope="module")
def transect() -> pd.DataFrame:
    """Read the genuine transect."""
    if not (GENUINE / "plateau_transect").is_dir():
        pytest.skip(f"the transect is not at {GENUINE} (set TIBET_REAL_DATA)")
    return read_transect(GENUINE)


def test_the_genuine_transect_has_the_numbers_that_the_paper_prints(transect):
    assert len(transect) == 147
    assert transect["land_cover"].value_counts().to_dict() == {"steppe": 77, "meadow": 70}
    edges = [edge for ends in ZONES.values() for edge in ends]
    assert set(edges) <= set(transect["elevation"])
    assert transect["SOC"].agg(["min", "max"]).round(1).tolist() == [1.1, 118.3]


def test_the_embedded_plots_are_those_of_the_genuine_tables():
    embedded = load_plots()
    assert len(embedded) == 58
    assert embedded["land_cover"].notna().sum() == 46
    if not (GENUINE / "plateau_plots").is_dir():
        pytest.skip(f"the plots are not at {GENUINE} (set TIBET_REAL_DATA)")
    pd.testing.assert_frame_equal(read_plots(GENUINE), embedded, rtol=1e-4)
