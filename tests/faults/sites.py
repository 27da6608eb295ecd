"""Faults in a table of sites."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from helpers.pathmodel import fit_model, parse_model
from helpers.readers.gldas import load_climate, sample
from helpers.readers.sites import read_sites
from helpers.study import load_study, minmax, sample_top
from tests.faults import Case
from tests.faults.gldas import path_of, year
from tests.test_sites import GOOD

TABLE = "sites.csv"
HEADER, *ROWS = GOOD.splitlines()


def written(text: str | bytes, encoding: str = "utf-8") -> Callable[[Path], pd.DataFrame]:
    """Return a reader of a table with this text."""

    def read(folder: Path) -> pd.DataFrame:
        content = text if isinstance(text, bytes) else text.encode(encoding)
        (folder / TABLE).write_bytes(content)
        return read_sites(folder / TABLE)

    return read


def changed(old: str, new: str) -> Callable[[Path], pd.DataFrame]:
    """Return a reader of a good table with one thing replaced."""
    assert old in GOOD
    return written(GOOD.replace(old, new))


def added(column: str, value: object) -> Callable[[Path], pd.DataFrame]:
    """Return a reader of a good table with one more column, the same value at every site."""
    return written("\n".join([f"{HEADER},{column}", *(f"{row},{value}" for row in ROWS)]))


def studied(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return a reader of a study in a folder with a good table, after something is made there."""

    def read(folder: Path) -> object:
        (folder / TABLE).write_text(GOOD, encoding="utf-8")
        make(folder)
        return load_study(folder)

    return read


def _in_place_of_the_table(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        make(folder / TABLE)
        return load_study(folder)

    return read


def _table_in_capitals(folder: Path) -> object:
    (folder / "Sites.CSV").write_text(GOOD, encoding="utf-8")
    return load_study(year(folder))


def same(found: pd.DataFrame) -> None:
    """Assert that a table is the good one."""
    assert found.index.tolist() == ["A", "B", "C"]
    assert found["zone"].tolist() == ["High", "Low", "Middle"]
    assert found["SOC"].tolist() == [20.5, 3, 5]
    assert found["pH"].tolist() == [7.1, 8.2, 8]
    assert found["longitude"].tolist() == [91.5, 92.5, 93.5]


def _named(name: str) -> Callable[[pd.DataFrame], None]:
    def check(found: pd.DataFrame) -> None:
        assert found.index.tolist() == [name, "B", "C"]
        assert found["SOC"].tolist() == [20.5, 3, 5]

    return check


def _without_soc(found: pd.DataFrame) -> None:
    assert found["SOC"].isna().tolist() == [True, False, False]
    assert "SOC: 1 of 3 sites without a value" in found.attrs["remarks"]


def _masked(folder: Path) -> object:
    sites, climate = written(GOOD)(folder), load_climate()
    climate["Tveg_tavg"] = climate["Tveg_tavg"].where(climate["lon"] > 92)
    return sample(climate, sites["longitude"], sites["latitude"])


def _scaled(folder: Path) -> object:
    table = written(GOOD.replace(",3,", ",20.5,").replace(",5,", ",20.5,"))(folder)
    return minmax(table[["pH", "SOC"]])


def _all_rows(found: pd.DataFrame) -> None:
    assert len(found) == 100_000
    assert found.index[-1] == "S99999"
    assert (found["SOC"] == 20.5).all()


MANY_ROWS = "".join(f"S{number},91.5,31.5,4500,meadow,20.5,7.1\n" for number in range(100_000))
MANY_COLUMNS = ",".join(f"c{number}" for number in range(20_000)) + f"\n{'1,' * 19_999}1\n"
TURNED = "\n".join(",".join(line.split(",")[::-1]) for line in GOOD.splitlines())
FILES = {  # what is written, further words
    "An empty file": ("", "an empty file"),
    "A header without rows": (HEADER + "\n", "no rows"),
    "A web page": ("<!DOCTYPE html>\n<title>Not found</title>\n", "no column site", "<!DOCTYPE"),
    "A zip archive that is no workbook": (b"PK\x03\x04\xff\xfe", "no workbook that can be read"),
    "A workbook of old (.xls)": (b"\xd0\xcf\x11\xe0\0\0", "can't decode", "as a workbook (.xlsx)"),
    "Bytes that are no text": (b"\x89\x01\x02", "can't decode"),
    "A zero byte": (GOOD.replace("A,", "A\0,"), "a zero byte"),
    "Decimal commas": (GOOD.replace("20.5", "20,5"), "more cells in a row than names", "line 2"),
    "A row with too many cells": (GOOD + "D,90,30,4000,steppe,1,7,0", "in line 5"),
    "A column is missing": (GOOD.replace("latitude", "northing"), "no column latitude"),
    "A quotation mark that never closes": (GOOD.replace("A,", '"A,'), "unexpected end of data"),
    "A column twice": (GOOD.replace("pH", "SOC"), "columns 'SOC', 'SOC'", "mean the same"),
    "Two names of one factor": (
        GOOD.replace("pH", "Soil organic carbon"),
        "columns 'SOC', 'Soil organic carbon'",
        "one column of SOC",
    ),
    "Decimal commas and points in one table": (
        GOOD.replace(",", ";").replace("20.5", "20,5"),
        "column 'pH', site A",
        "decimal commas, as in the column 'SOC'",
    ),
    "Four faults in one table": (
        GOOD.replace("7.1", "71").replace("B,92.5", ",NA").replace("4000,steppe", "4000,n.d."),
        "column 'site'",
        "column 'longitude'",
        "column 'pH'",
        "column 'land_cover', site C",
    ),
    "20 000 columns with other names": (MANY_COLUMNS, "and 19980 more"),
}
ELEVATION, SOC = "elevation', site A", "SOC', site A"
COLUMNS = {  # what is replaced, and by what, the column and the row, further words
    "A land cover is missing": (
        "steppe,3",
        "NA,3",
        "land_cover', site B",
        "an empty cell",
    ),
    "A row with too few cells": ("\nC,", "\nD,1,2\nC,", "elevation', site D", "an empty cell"),
    "A site twice": ("B,", "A,", "site'", "'A' in line 3"),
    "A site without a name": ("B,", ",", "site'", "'' in line 3"),
    "Decimal commas in quotation marks": ("20.5", '"20,5"', SOC, "'20,5'"),
    "A formula for a number": ("20.5", "=1+1", SOC, "'=1+1'"),
    "A word for a number": ("20.5", "much", SOC, "'much'"),
    "An infinite number": ("20.5", "inf", SOC, "'inf'"),
    "A pH of 71": ("7.1", "71", "pH', site A", "between 0 and 14"),
    "A unit that is not known": ("SOC", "SOC (kg/m2)", "", "the unit 'kg/m2'", "SOC (g kg-1)"),
    "Millimetres without a time": ("SOC", "MAP (mm)", "", "the unit 'mm'", "mm yr-1"),
    "A thousand with a comma, in quotation marks": ("4500", '"4,500"', ELEVATION, "'4,500'"),
    "Degrees Celsius in a column of kelvin": ("SOC", "ST10", "ST10', site A", "150 and 350 (K)"),
    "An elevation in kilometres": ("4500", "4.5", ELEVATION, "between 10 and 9000 (m)", "'4.5'"),
    "An elevation in feet": ("4500", "14764", ELEVATION, "between 10 and 9000 (m)"),
    "Longitude and latitude swapped": ("91.5,31.5", "31.5,91.5", "latitude'", "-90 and 90"),
    "Longitudes beyond 180 (0 to 360)": ("91.5", "291.5", "longitude'", "-180 and 180 (degrees e"),
}
IN_UNITS = {  # a column of the value, further words
    "A fill value (-999), in DHFS": ("DHFS", -999, "between -500 and 2000 (W m-2)"),
    "A negative amount, in TPLFA": ("TPLFA", -5, "between 0 and 10000 (nmol g-1)"),
    "Millimetres a year, in PRE": ("PRE", 450, "(kg m-2 s-1)"),
    "Grams per kilogram, in SH": ("SH", 3.5, "(kg kg-1)"),
    "A share of the volume, in RZSM": ("RZSM", 0.25, "between 1 and 5000 (kg m-2)"),
    "A fraction for per cent, in ALB": ("ALB", 0.2, "between 1 and 100 (%)"),
    "Integers of a satellite's file, in EVI": ("EVI", 2500, "between -1 and 1 (1)"),
}
OTHERWISE = {  # how it is read, what the refusal says
    "The table is not there": (lambda folder: read_sites(folder / TABLE), TABLE, "No such file"),
    "The folder of the study is empty": (load_study, "", "none of these in it"),
    "A folder named sites.csv": (_in_place_of_the_table(Path.mkdir), TABLE, "Is a directory"),
    "A link that leads nowhere": (
        _in_place_of_the_table(lambda path: path.symlink_to("nowhere")),
        TABLE,
        "a link that leads to no file",
    ),
    "Longitude and latitude swapped, west of 90 degrees": (
        studied(changed("91.5,31.5", "31.5,85.5")),
        "site A",
        "lat between",
        "85.5",
    ),
    "A site outside the grid": (studied(changed("91.5,31.5", "9.5,47")), "site A", "found:  47"),
    "A site on a masked cell": (_masked, "site A: TF", "a land cell"),
    "GLDAS files of a region without the sites of the book": (
        lambda folder: load_study(year(folder)),
        "site T13",
        "lat between 30 and 34",
        "give climate that reaches there",
    ),
    "The name of the table in other letters": (
        _table_in_capitals,
        "Sites.CSV",
        "the site table, sites.csv",
    ),
    "A folder for GLDAS files without one": (
        studied(lambda folder: (folder / "gldas" / "2014").mkdir(parents=True)),
        "gldas",
        "monthly files of GLDAS",
        "its own data in its place",
    ),
    "An empty folder for the CMIP5 archive": (
        studied(lambda folder: (folder / "cmip5").mkdir()),
        "cmip5",
        "files of npp and rh of CMIP",
    ),
    "The table under another name, beside GLDAS files": (
        lambda folder: (
            (folder / "plots.csv").write_text(GOOD, encoding="utf-8") and load_study(year(folder))
        ),
        "plots.csv",
        "the site table, sites.csv",
    ),
    "Two tables of sites in a folder": (
        studied(lambda folder: (folder / "sites.tsv").write_text(GOOD, encoding="utf-8")),
        "sites.tsv",
        "the site table, sites.csv",
    ),
    "Sites beyond the map of oxygen, and no column TOP": (
        lambda folder: sample_top(changed("91.5,31.5", "9.5,47")(folder)[:1], str(folder / TABLE)),
        "site A",
        "found:  47",
        "a column TOP",
    ),
    "Faults in the table and in GLDAS files": (
        studied(
            lambda folder: [
                (folder / TABLE).write_text(GOOD.replace("7.1", "71"), encoding="utf-8"),
                path_of(year(folder), 3).unlink(),
            ]
        ),
        "",
        "without 2014-03",
        "column 'pH'",
        "'71'",
    ),
    "The same value at every site, to be scaled to 0-1": (
        _scaled,
        "column 'SOC'",
        "20.5 at every site",
    ),
    "Three sites for a path model with three parameters": (
        lambda folder: fit_model(parse_model("SOC ~ pH + elevation"), written(GOOD)(folder)),
        "path model",
        "at least 4 sites",
        "add sites",
    ),
}
SCRIPT = "<script>alert(1)</script>"
HANDLED = {  # how it is read, what is made of it, the check if it is not the good table
    "A byte order mark": (written(GOOD, "utf-8-sig"), "Read."),
    "Lines that end as in Windows": (changed("\n", "\r\n"), "Read."),
    "Empty lines": (changed("\n", "\n\n"), "Left out."),
    "Rows of empty cells": (changed("\nC,", f"\n{',' * 6}\nC,"), "Left out."),
    "Empty cells behind each row": (changed("\n", ",,,\n"), "Left out."),
    "UTF-16": (written(GOOD, "utf-16"), "Read."),
    "Latin-1 letters": (
        written(GOOD.replace("A,", "Ü,"), "latin-1"),
        "Read as Windows writes, and this is said.",
        _named("Ü"),
    ),
    "Semicolons between the cells, and decimal commas": (
        written(GOOD.replace(",", ";").replace(".", ",")),
        "Read.",
    ),
    "Tabs between the cells": (changed(",", "\t"), "Read."),
    "A column in other letters": (changed("SOC", "soc"), "Read."),
    "The name of a factor for its code, and a unit": (
        changed("SOC", "Soil organic carbon (g/kg)"),
        "Read, and it is said as what.",
    ),
    "A land cover in other letters": (changed("steppe,3", "Steppe,3"), "Read as steppe."),
    "A column that nobody knows": (added("colour of sky", "blue"), "Ignored, and this is said."),
    "A script as the name of a column": (
        added(SCRIPT, 1),
        "Ignored, and this is said; pages escape it.",
    ),
    "A name of a column with 100 000 letters": (added("S" * 100_000, 1), "Ignored."),
    "An empty cell": (
        changed("20.5", ""),
        "A gap, which is counted where the page starts.",
        _without_soc,
    ),
    "NaN for a number": (changed("20.5", "NaN"), "A gap.", _without_soc),
    "A fill value (-9999)": (changed("20.5", "-9999"), "A gap.", _without_soc),
    "Blanks before the cells": (changed(",", ", "), "Left out."),
    "Columns in another order": (written(TURNED), "Read by name."),
    "100 000 rows": (written(f"{HEADER}\n{MANY_ROWS}"), "Read.", _all_rows),
    "Numbers as names": (changed("A,", "007,"), "They stay text: 007 is not 7.", _named("007")),
    "NA as a name": (changed("A,", "NA,"), "Text like any other.", _named("NA")),
    "A script as a name": (
        changed("A,", f"{SCRIPT},"),
        "Text like any other; pages escape it.",
        _named(SCRIPT),
    ),
}
CASES = [
    *(Case(fault, written(text), (TABLE, *words)) for fault, (text, *words) in FILES.items()),
    *(
        Case(fault, changed(old, new), (f"{TABLE}: column '{place}", *words))
        for fault, (old, new, place, *words) in COLUMNS.items()
    ),
    *(
        Case(fault, added(name, value), (f"{TABLE}: column '{name}'", needed, f"'{value}'"))
        for fault, (name, value, needed) in IN_UNITS.items()
    ),
    *(Case(fault, read, tuple(words)) for fault, (read, *words) in OTHERWISE.items()),
    *(
        Case(fault, read, handled=check[0] if check else same, answer=answer)
        for fault, (read, answer, *check) in HANDLED.items()
    ),
]
