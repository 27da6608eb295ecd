"""What the chapters on data, oxygen and the maps say of numbers, held against the numbers."""

from __future__ import annotations

import inspect
import json
import re

import numpy as np
import pytest
import xarray as xr

from helpers.figures.maps import name_stand_ins
from helpers.paper.claims import collect
from helpers.paths import DATA
from helpers.readers.earth_system_models import open_historical
from helpers.readers.terrain import plateau_mask
from helpers.statistics.projections import share_votes
from helpers.study import EMBEDDED_TOP, load_study
from tests.chapters import read_chapter, words
from tools.standin import load_standin

MODELS = list(load_standin()["models"])
SOUTHEAST, SOUTH = 135, 180


@pytest.fixture(scope="module")
def maps() -> xr.DataArray:
    with xr.open_dataset(EMBEDDED_TOP, engine="scipy") as file:
        return file["top"].load().where(plateau_mask(file, 2500.0))


def cells_of(field: xr.DataArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the way east and the way north in degrees, and the values, of the cells with one."""
    table = field.to_series().dropna().reset_index(name="value")
    east = table["lon"] * np.cos(np.radians(33))
    return east.to_numpy(), table["lat"].to_numpy(), table["value"].to_numpy()


def correlation(field: xr.DataArray, bearing: float) -> float:
    east, north, values = cells_of(field)
    angle = np.radians(bearing)
    return np.corrcoef(np.sin(angle) * east + np.cos(angle) * north, values)[0, 1]


def test_every_map_rises_more_to_the_south_than_to_the_southeast(maps):
    each = [field.drop_vars("model") for field in maps] + [maps.mean("model")]
    for field in each:
        by_way = {bearing: correlation(field, bearing) for bearing in range(0, 360, 45)}
        assert max(by_way, key=by_way.get) == SOUTH
        assert by_way[SOUTH] > by_way[SOUTHEAST] > 0
    assert correlation(each[-1], SOUTH) == pytest.approx(0.77, abs=0.005)
    assert correlation(each[-1], SOUTHEAST) == pytest.approx(0.59, abs=0.005)
    said = words("03")
    assert "rises most towards: south in 9 of 9 models" in said
    assert (
        "it is south, with a correlation of 0.77; towards the south-east that map has 0.59" in said
    )
    here = collect(read_chapter("03")).loc["top-southeast", "here"]
    assert here.endswith("rises most towards: south in 9 of 9")


def test_the_way_of_the_largest_correlation_is_that_of_the_steepest_plane(maps):
    east, north, values = cells_of(maps.mean("model"))
    design = np.column_stack([np.ones_like(east), east, north])
    _, *slopes = np.linalg.lstsq(design, values, rcond=None)[0]
    steepest = np.degrees(np.arctan2(*slopes)) % 360
    best = max(range(360), key=lambda bearing: correlation(maps.mean("model"), bearing))
    assert steepest == pytest.approx(best, abs=0.6)
    answers = json.loads((DATA / "answers.json").read_text(encoding="utf-8"))
    assert answers["03.3"]["answer"] == pytest.approx(steepest, abs=0.1)


def test_what_is_emulated_is_named_a_stand_in_and_nothing_else_is(maps):
    emulated = name_stand_ins(maps, "emulated")
    assert emulated["model"].values.tolist() == [
        f"stand-in for {name}" for name in maps["model"].values
    ]
    np.testing.assert_array_equal(emulated, maps)
    assert name_stand_ins(maps, "observed") is maps
    families = name_stand_ins(share_votes(maps, "families"), "emulated")
    assert "stand-in for CLM4 (2 models)" in families["model"]


@pytest.mark.parametrize("number", ["02", "03"])
def test_no_invented_map_or_row_carries_the_name_of_a_genuine_model_alone(number):
    for cell in read_chapter(number).cells:
        for output in cell.get("outputs", []):
            shown = str(output.get("data", {}).get("text/html", ""))
            shown += output.get("metadata", {}).get("image/png", {}).get("alt", "")
            for name in MODELS:
                assert not re.search(rf"(?<!stand-in for )\b{re.escape(name)}\b", shown), name


def test_the_oxygen_page_stops_in_2004_because_one_historical_run_does(maps):
    begins = {model: rules.get("first_month") for model, rules in load_standin()["models"].items()}
    early = {model: months["rcp"] for model, months in begins.items() if months}
    assert early == {"HadGEM2-ES": "2005-12"}
    period = inspect.signature(open_historical).parameters
    first, last = (period[f"{end}_year"].default for end in ("first", "last"))
    assert (first, last) == (1990, 2004)
    said = words("02")
    assert "HadGEM2-ES, ends in November 2005" in said
    assert f"Its TOP in {first}–{last} is" in said


def test_a_rise_of_npp_by_one_per_cent_is_worth_what_the_oxygen_page_says():
    drawn = re.search(r"NPP ([\d.]+) .*?Rh ([\d.]+) .*?NEP = NPP − Rh ([\d.]+)", words("02"))
    npp, _, nep = map(float, drawn.groups())
    share, rise = re.search(r"NEP is ([\d.]+) % of NPP.*?would be (\d+) %", words("02")).groups()
    assert float(share) == pytest.approx(100 * nep / npp, abs=0.06)
    assert float(rise) == pytest.approx(npp / nep, abs=0.6)


def test_the_virtual_sites_lead_from_the_dry_west_to_the_moister_east():
    sites = load_study().sites
    assert sites["PRE"].corr(sites["longitude"]) > 0.5
    assert sites["longitude"].corr(sites["latitude"]) > -0.3
    assert "from the dry west to the moister east" in words("01")


def test_soils_of_most_sites_are_colder_than_those_of_the_equation():
    below = int((load_study().sites["ST10"] - 273.15 < 5).sum())
    assert below > 15
    assert f"at {below} of 30 sites it is below 5 °C" in words("01")


def test_every_file_of_data_is_described():
    table = (DATA / "README.md").read_text(encoding="utf-8")
    for path in DATA.rglob("*"):
        if path.is_file() and path.suffix != ".lav" and path.name != "README.md":
            assert path.relative_to(DATA).as_posix() in table, path
