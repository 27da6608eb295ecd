"""The site table: what is read, and what is refused with which words."""

from __future__ import annotations

import pandas as pd
import pytest

from helpers.paths import DATA
from helpers.readers.sites import REQUIRED, ZONES, allowed_columns, read_sites
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


def test_template_and_embedded_table_follow_the_schema():
    template = pd.read_csv(DATA / "sites_template.csv", dtype=str)
    assert template.iloc[0].fillna("").to_dict() == allowed_columns()  # units
    assert len(read_sites(EMBEDDED_SITES)) == 30
