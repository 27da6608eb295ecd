"""The site table: what is read, and what is refused with which words."""

from __future__ import annotations

import pandas as pd
import pytest

from helpers.errors import InputError
from helpers.places import DATA
from helpers.sites import REQUIRED, ZONES, allowed_columns, read_sites
from helpers.study import EMBEDDED_SITES

GOOD = """site,longitude,latitude,elevation,land_cover,SOC,pH
A,91.5,31.5,4500,meadow,20.5,7.1
B,92.5,31.5,3200,steppe,3,8.2
C,93.5,31.5,4000,steppe,5,8
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str, encoding: str = "utf-8"):
        path = tmp_path / "sites.csv"
        path.write_text(text, encoding=encoding)
        return path

    return write


def test_a_good_table_is_read_and_gets_its_zones(write):
    sites = read_sites(write(GOOD))
    assert sites["zone"].tolist() == ["High", "Low", "Middle"]
    assert sites.loc["A", "SOC"] == 20.5
    assert sites.index.name == "site"


def test_every_elevation_of_a_published_zone_falls_into_it(write):
    rows = [
        f"{zone}{number},90,32,{elevation},meadow"
        for zone, bounds in ZONES.items()
        for number, elevation in enumerate(bounds)
    ]
    sites = read_sites(write("\n".join([",".join(REQUIRED), *rows])))
    assert [zone[:-1] for zone in sites.index] == sites["zone"].tolist()


def test_a_table_saved_by_a_spreadsheet_is_read(write):
    marked = read_sites(write(GOOD, encoding="utf-8-sig"))
    pd.testing.assert_frame_equal(marked, read_sites(write(GOOD)))


def test_numbers_as_names_stay_text(write):
    assert read_sites(write(GOOD.replace("A,", "007,"))).index[0] == "007"


def test_template_and_embedded_table_follow_the_schema():
    template = pd.read_csv(DATA / "sites_template.csv")
    assert list(template.columns) == allowed_columns()
    assert len(read_sites(EMBEDDED_SITES)) == 30


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("latitude", "lat"), ["no column latitude", "sites_template.csv"]),
        (GOOD.replace("SOC", "Soc"), ["column 'Soc'", "rename it to 'SOC'"]),
        (GOOD.replace("SOC", "C/N"), ["column 'C/N'", "rename it to 'CN'"]),
        (GOOD.replace("SOC", "G+"), ["rename it to 'GP'"]),
        (GOOD.replace("SOC", "colour of the sky"), ["remove it"]),
        (GOOD.replace("B,", "A,"), ["'A' in data row 2", "its own name"]),
        (GOOD.replace("B,", ","), ["'' in data row 2"]),
        (GOOD.replace("20.5", "much"), ["column 'SOC', site A", "a number", "g kg-1", "'much'"]),
        (GOOD.replace("20.5", ""), ["column 'SOC', site A", "an empty cell"]),
        (GOOD.replace("20.5", "NaN"), ["column 'SOC', site A"]),
        (GOOD.replace("20.5", "inf"), ["column 'SOC', site A"]),
        (GOOD.replace("20.5", "-3"), ["between 0 and 1000"]),
        (GOOD.replace("7.1", "71"), ["column 'pH', site A", "between 0 and 14"]),
        (GOOD.replace("91.5", "291.5"), ["column 'longitude'", "between -180 and 180 in degrees"]),
        (GOOD.replace("4500", "14500"), ["column 'elevation'", "in m"]),
        (GOOD.replace("steppe,3", "Steppe,3"), ["site B", "meadow, steppe", "'Steppe'"]),
        (GOOD.replace("SOC,pH", "zone,pH").replace("20.5", "Top"), ["'zone'", "'Top'"]),
        (GOOD.splitlines()[0] + "\n", ["no rows"]),
        (GOOD + "D,1,2\n,,,,,,,,,\n", ["comma-separated table"]),
        ("", ["comma-separated table"]),
        (GOOD.replace("pH", "SOC"), ["column 'SOC'", "each name once"]),
    ],
)
def test_a_faulty_table_is_refused(write, text, words):
    with pytest.raises(InputError) as refusal:
        read_sites(write(text))
    for word in ["sites.csv", *words, "needed:", "found:", "mend:"]:
        assert word in str(refusal.value)


def test_celsius_in_a_kelvin_column_is_refused(write):
    with pytest.raises(InputError, match="between 150 and 350 in K"):
        read_sites(write(GOOD.replace("SOC", "ST10")))


def test_another_encoding_is_refused(write):
    with pytest.raises(InputError, match="UTF-8"):
        read_sites(write(GOOD.replace("A,", "Ü,"), encoding="latin-1"))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_sites(tmp_path / "sites.csv")
