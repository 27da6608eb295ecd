"""What the pages on genuine data, the glossary and the course say is what their numbers say."""

from __future__ import annotations

import re

import numpy as np
import pytest

from helpers.paths import find_genuine
from helpers.readers.gldas import load_climate, sample
from helpers.readers.respiration import read_equations, read_respiration, screen_records
from helpers.readers.terrain import cell_elevation, plateau_mask
from helpers.statistics.associations import significance_marks
from helpers.statistics.gradients import describe_shape, fit_gradients
from helpers.study import minmax
from tests.chapters import words
from tests.conftest import ROOT

BOOK = ROOT / "book"


@pytest.fixture(scope="module")
def cells():
    """Return elevation, climatic factors and places of the cells of the Plateau."""
    climate = load_climate()
    elevation = cell_elevation(climate).where(plateau_mask(climate, 2500)).to_series().dropna()
    places = elevation.index.to_frame(index=False).set_axis(["latitude", "longitude"], axis=1)
    factors = sample(climate, places["longitude"], places["latitude"])
    return elevation.reset_index(drop=True), factors, places


def test_rain_rises_to_the_south_more_than_to_the_south_east(cells):
    _, factors, places = cells
    east = places["longitude"] * np.cos(np.radians(33))
    along = [(east - places["latitude"]) / np.sqrt(2), -places["latitude"]]
    south_east, south = (np.corrcoef(way, factors["PRE"])[0, 1] for way in along)
    assert 0 < south_east < south
    assert f"with $s$: {south_east:.2f}; with the way due south: {south:.2f}." in words("19")


def test_a_star_is_less_than_a_trend_and_the_page_says_for_which_factors(cells):
    elevation, factors, places = cells
    codes = ["TF", "ALB", "SH", "PRE"]
    fits = fit_gradients(elevation, minmax(factors[codes]), places=places)
    marks, shapes = significance_marks(fits["p"]), describe_shape(fits, 0.05)
    assert 0.05 < fits.loc["ALB", "p"] < 0.1
    assert (marks["ALB"], shapes["ALB"]) == ("*", "no clear trend")
    assert "Factors with one star and no clear trend: ALB." in words("19")


def test_three_counts_of_equations_are_told_apart():
    folder = find_genuine("srdb")
    if not (folder / "srdb-equations.csv").exists():
        pytest.skip(f"genuine records of SRDB are not at {folder} (set TIBET_REAL_DATA)")
    equations = read_equations(screen_records(read_respiration()).table).table
    with_unit = equations.dropna(subset=["alpha"])
    drawn = with_unit.dropna(subset=["T_low", "T_high"])
    counts = [len(equations), len(with_unit), len(drawn)]
    assert counts == [19, 18, 16]
    text = words("20")
    assert f"All {counts[0]} equations that are left give β" in text
    assert f"{counts[1]} of them name the unit" in text
    assert f"{counts[2]} of these also say to which temperatures they were fitted" in text
    assert f"{counts[2]} curves of soil respiration" in text
    assert f"the mean of {counts[1]} equations is" in text
    assert f"where {counts[0]} equations of soil respiration come from" in text


def test_the_times_of_the_plans_add_up():
    text = (BOOK / "teaching.md").read_text(encoding="utf-8")
    _, lesson, workshop, _ = re.split(r"\n## Plan \d", text)
    minutes = [[*map(int, pair)] for pair in re.findall(r"^\| (\d+)–(\d+) \|", lesson, re.M)]
    assert minutes[0][0] == 0
    assert minutes[-1][1] == 90
    assert [end for _, end in minutes[:-1]] == [start for start, _ in minutes[1:]]
    clock = r"^\| (\d+):(\d+)–(\d+):(\d+) \|"
    times = [[*map(int, row)] for row in re.findall(clock, workshop, re.M)]
    worked = sum(60 * (hour - begun) + end - start for begun, start, hour, end in times)
    assert worked == 6.5 * 60
    assert "\nSix and a half hours of work" in workshop
