"""What the chapters on data, oxygen and the maps say of numbers, held against the numbers."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from helpers.factors import load_factors
from helpers.paper.simulation import draw_fields
from helpers.paper.transect_rule import judge_relations
from helpers.paths import DATA, genuine_folder
from helpers.readers.gldas import load_climate, sample
from helpers.readers.plateau_plots import load_plots
from helpers.readers.terrain import cell_elevation, plateau_mask, way_southeast
from helpers.readers.transect import read_transect
from helpers.statistics.emulators import load_emulators
from helpers.statistics.gradients import describe_shape, fit_gradients
from helpers.study import EMBEDDED_TOP, load_study, minmax
from tests.chapters import words

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


def test_the_map_rises_more_to_the_south_than_to_the_southeast(maps):
    mean = maps.mean("model")
    by_way = {bearing: correlation(mean, bearing) for bearing in range(0, 360, 45)}
    assert max(by_way, key=by_way.get) == SOUTH
    assert (
        f"rises most towards the south, with a correlation of {by_way[SOUTH]:.2f}; "
        f"towards the south-east it is {by_way[SOUTHEAST]:.2f}."
    ) in words("03")


def test_all_maps_are_one_pattern_made_of_temperature_and_rain(maps):
    cells = maps.stack(cell=("lat", "lon")).dropna("cell")
    shares = cells / cells.mean("cell")
    assert float(shares.std("model").max()) < 0.002
    assert "all five maps are one pattern in five sizes" in words("03")
    climate = load_climate()
    warmth, rain = climate["Tair_f_inst"] - 273.15, climate["Rainf_f_tavg"] * 365 * 86400
    lower = xr.where(  # Lieth 1975, written anew
        1 / (1 + np.exp(1.315 - 0.119 * warmth)) < 1 - np.exp(-0.000664 * rain),
        1 / (1 + np.exp(1.315 - 0.119 * warmth)),
        1 - np.exp(-0.000664 * rain),
    )
    r = xr.corr(lower, maps.mean("model").reindex_like(lower, method="nearest", tolerance=0.01))
    assert float(r) > 0.999


def test_the_map_page_says_of_147_sites_what_the_genuine_table_says():
    if not (genuine_folder() / "plateau_transect").is_dir():
        pytest.skip("the transect is not here (set TIBET_REAL_DATA)")
    sites = read_transect()
    way = way_southeast(sites["longitude"], sites["latitude"])
    r = stats.pearsonr(way, sites["biomass"]).statistic
    ranks = stats.spearmanr(way, sites["biomass"]).statistic
    sixth = pd.qcut(way, 6, labels=False)
    first, last = (sites["biomass"][sixth == end].mean() for end in (0, 5))
    said = words("03")
    assert f"rises from {first:.0f} g m⁻² in the north-western sixth to {last:.0f}" in said
    assert f"how far south-east a site lies is {r:.2f}, by ranks {ranks:.2f}" in said
    meadow = stats.pearsonr(way, sites["land_cover"] == "meadow").statistic
    assert f"how far south-east a site lies by {meadow:.2f}" in said

    for bearing, stated in ((90, "due east ($r$ = 0.67)"), (180, "they fall (−0.44)")):
        angle, east = np.radians(bearing), sites["longitude"] * np.cos(np.radians(33))
        along = np.sin(angle) * east + np.cos(angle) * sites["latitude"]
        r = stats.pearsonr(along, sites["biomass"]).statistic
        assert f"{r:.2f}".replace("-", "−") in stated
        assert stated in said


@pytest.mark.slow
def test_the_rule_is_not_fooled_by_a_straight_way():
    if not (genuine_folder() / "plateau_transect").is_dir():
        pytest.skip("the transect is not here (set TIBET_REAL_DATA)")
    sites = read_transect()
    places = sites[["longitude", "latitude"]]
    way = way_southeast(places["longitude"], places["latitude"])
    rng, supported = np.random.default_rng(1), 0
    for reach in (200, 600, 1500):  # km over which a field is alike
        (drawn,) = draw_fields(places, reach, 1, 200, rng)
        fields = pd.DataFrame(drawn, sites.index).add_prefix("field ")
        claims = pd.DataFrame({"left": "way", "right": fields.columns, "sign": 1})
        judged = judge_relations(places.assign(way=way).join(fields), claims, draws=199)
        supported += (judged["verdict"] == "supported").sum()
    assert supported == 5
    assert "of 600 smooth fields" in words("03")
    assert "the rule called five *supported*" in words("03")


def test_the_map_page_says_of_58_sites_what_their_table_says():
    sites = load_plots()
    way = way_southeast(sites["longitude"], sites["latitude"])
    r = stats.pearsonr(way, sites["AGB"]).statistic
    said = f"the correlation with $s$ is {r:.2f} for biomass".replace("-", "−")
    assert f"Plants at {len(sites)} other sites do not show it" in words("03")
    assert said in words("03")
    assert "between 91 and 101 °E" in words("03")
    assert sites["longitude"].round().agg(["min", "max"]).tolist() == [91, 101]


@pytest.fixture(scope="module")
def cells() -> tuple[pd.Series, pd.DataFrame, pd.DataFrame]:
    """Return elevation, climatic factors and places of the cells of the Plateau."""
    climate = load_climate()
    elevation = cell_elevation(climate).where(plateau_mask(climate, 2500)).to_series().dropna()
    places = elevation.index.to_frame(index=False).set_axis(["latitude", "longitude"], axis=1)
    factors = sample(climate, places["longitude"], places["latitude"])
    return elevation.reset_index(drop=True), factors, places


def test_rain_rises_to_the_south_more_than_to_the_south_east(cells):
    _, factors, places = cells
    way = way_southeast(places["longitude"], places["latitude"])
    south_east, south = (
        np.corrcoef(each, factors["PRE"])[0, 1] for each in (way, -places["latitude"])
    )
    assert 0 < south_east < south
    assert f"Precipitation and $s$ correlate by {south_east:.2f}" in words("03")
    assert f"With the way due south it is {south:.2f}." in words("03")


def test_the_border_decides_on_which_side_of_the_printed_rain_the_mean_lies(cells):
    elevation, factors, places = cells
    area, rain = np.cos(np.radians(places["latitude"])), factors["PRE"] * 365 * 86400
    means = {
        border: np.average(rain[elevation >= border], weights=area[elevation >= border])
        for border in (2500, 3000, 3500, 4000, 4500)
    }
    assert [border for border, mean in means.items() if mean < 450] == [4500]
    assert f"the mean of the Plateau is {means[2500]:.0f} mm a year" in words("03")
    answers = json.loads((DATA / "answers.json").read_text(encoding="utf-8"))
    assert answers["03.2"]["answer"] == 4500


def test_peaks_of_climate_vanish_where_neighbours_are_counted_for_what_they_are_worth(cells):
    elevation, factors, places = cells
    scaled = minmax(factors.drop(columns="ST10"))
    alone, worth = (
        describe_shape(fit_gradients(elevation, scaled, places=each)) for each in (None, places)
    )
    bent = alone.index[alone.str.contains("mid-slope")]
    assert len(bent) == 5
    assert not worth.str.contains("mid-slope").any()
    names = load_factors()["name"].replace("total precipitation rate", "precipitation")
    said = f"5 of 14 factors would peak or dip mid-slope ({', '.join(names[bent])})"
    assert said in words("03")
    counts = worth.value_counts()
    assert f"{counts['falls']} fall and {counts['rises']} rise" in words("03")


def test_the_way_of_the_largest_correlation_is_that_of_the_steepest_plane(maps):
    east, north, values = cells_of(maps.mean("model"))
    design = np.column_stack([np.ones_like(east), east, north])
    _, *slopes = np.linalg.lstsq(design, values, rcond=None)[0]
    steepest = np.degrees(np.arctan2(*slopes)) % 360
    best = max(range(360), key=lambda bearing: correlation(maps.mean("model"), bearing))
    assert steepest == pytest.approx(best, abs=0.6)
    answers = json.loads((DATA / "answers.json").read_text(encoding="utf-8"))
    assert answers["03.3"]["answer"] == pytest.approx(steepest, abs=0.1)


def test_the_map_is_of_the_models_that_were_emulated_and_says_so(maps):
    emulated = load_emulators().index.unique("model")
    assert set(maps["model"].values) == set(emulated)
    assert len(emulated) == 5
    assert "{bdg-dark}`emulated` TOP of five CMIP5 models" in words("03")


def test_the_oxygen_page_has_nep_as_a_share_of_npp():
    drawn = re.search(r"NPP\) ([\d.]+) .*?Rh\) ([\d.]+) .*?= NPP − Rh\) ([\d.]+)", words("02"))
    npp, rh, nep = map(float, drawn.groups())
    assert npp - rh == pytest.approx(nep, abs=0.001)
    share = re.search(r"NEP is ([\d.]+)% of NPP", words("02"))[1]
    rounding = 0.05 + 100 * 0.0005 * (npp + nep) / npp**2  # of what is shown
    assert float(share) == pytest.approx(100 * nep / npp, abs=rounding)


def test_soils_of_most_sites_are_colder_than_those_of_the_equation():
    below = int((load_study().sites["ST10"] - 273.15 < 5).sum())
    assert below > 15
    assert f"at {below} of 30 sites it is below 5 °C" in words("01")


def test_every_file_of_data_is_described():
    table = (DATA / "README.md").read_text(encoding="utf-8")
    for path in DATA.rglob("*"):
        if path.is_file() and path.suffix != ".lav" and path.name != "README.md":
            assert path.relative_to(DATA).as_posix() in table, path
