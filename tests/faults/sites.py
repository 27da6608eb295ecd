"""Faults in a table of sites."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from helpers.pathmodel import fit_model, parse_model
from helpers.readers.gldas import load_climate, sample
from helpers.readers.sites import read_sites
from helpers.study import load_study, minmax
from tests.faults import Case
from tests.faults.gldas import year
from tests.test_sites import GOOD

TABLE = "sites.csv"


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


def studied(old: str, new: str) -> Callable[[Path], object]:
    """Return a reader of a whole study with this table."""

    def read(folder: Path) -> object:
        changed(old, new)(folder)
        return load_study(folder)

    return read


def added(column: str, value: object) -> Callable[[Path], pd.DataFrame]:
    """Return a reader of a good table with one more column, the same value at every site."""
    header, *rows = GOOD.splitlines()
    return written("\n".join([f"{header},{column}", *(f"{row},{value}" for row in rows)]))


def beside(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return a reader of a study in a folder with a good table and something else."""

    def read(folder: Path) -> object:
        (folder / TABLE).write_text(GOOD, encoding="utf-8")
        make(folder)
        return load_study(folder)

    return read


def _climate_below(name: str, ending: str = "") -> Callable[[Path], object]:
    """Return a function that writes GLDAS files below a folder, their ending taken away."""

    def make(folder: Path) -> None:
        place = folder / name
        place.mkdir(parents=True)
        for path in sorted(year(place).iterdir()):
            path.rename(place / path.name.removesuffix(ending))

    return make


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


def _link(target: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / TABLE).symlink_to(target)
        return load_study(folder)

    return read


def _folder(folder: Path) -> object:
    (folder / TABLE).mkdir()
    return load_study(folder)


def _masked(folder: Path) -> object:
    sites = changed("91.5", "91.5")(folder)
    climate = load_climate()
    climate["Tveg_tavg"] = climate["Tveg_tavg"].where(climate["lon"] > 92)
    return sample(climate, sites["longitude"], sites["latitude"])


def _shuffled_columns(folder: Path) -> pd.DataFrame:
    rows = [line.split(",") for line in GOOD.splitlines()]
    return written("\n".join(",".join(row[::-1]) for row in rows))(folder)


def _scaled(folder: Path) -> object:
    table = written(GOOD.replace(",3,", ",20.5,").replace(",5,", ",20.5,"))(folder)
    return minmax(table[["pH", "SOC"]])


def _many_rows(folder: Path) -> pd.DataFrame:
    rows = "".join(f"S{number},91.5,31.5,4500,meadow,20.5,7.1\n" for number in range(100_000))
    return written(GOOD.splitlines()[0] + "\n" + rows)(folder)


def _all_rows(found: pd.DataFrame) -> None:
    assert len(found) == 100_000
    assert found.index[-1] == "S99999"
    assert (found["SOC"] == 20.5).all()


def _few_sites(folder: Path) -> object:
    return fit_model(parse_model("SOC ~ pH + elevation"), written(GOOD)(folder))


def _many_columns(folder: Path) -> object:
    names = ",".join(f"c{number}" for number in range(100_000))
    return written(f"{names}\n{'1,' * 99_999}1\n")(folder)


def _many_unknown_columns(folder: Path) -> object:
    header, *rows = GOOD.splitlines()
    names = "".join(f",c{number}" for number in range(20_000))
    return written("\n".join([header + names, *(row + ",1" * 20_000 for row in rows)]))(folder)


COLUMN = f"{TABLE}: column"
CASES = [
    Case(
        "The table is not there", lambda folder: read_sites(folder / TABLE), (TABLE, "No such file")
    ),
    Case("The folder of the study is empty", load_study, ("", "none of these in it")),
    Case("A folder named sites.csv", _folder, (TABLE, "Is a directory")),
    Case("A link that leads nowhere", _link("nowhere"), (TABLE, "a link that leads to no file")),
    Case("An empty file", written(""), (TABLE, "an empty file")),
    Case("A header without rows", written(GOOD.splitlines()[0] + "\n"), (TABLE, "no rows")),
    Case(
        "A web page",
        written("<!DOCTYPE html>\n<title>Not found</title>\n"),
        (TABLE, "no column site", "<!DOCTYPE html>"),
    ),
    Case(
        "A spreadsheet (a zip archive)",
        written(b"PK\x03\x04\xff\xfe"),
        (TABLE, "needed: a table in UTF-8"),
    ),
    Case("A byte order mark", written(GOOD, "utf-8-sig"), handled=same, answer="Read."),
    Case("UTF-16", written(GOOD, "utf-16"), (TABLE, "needed: a table in UTF-8")),
    Case(
        "Latin-1 letters",
        written(GOOD.replace("A,", "Ü,"), "latin-1"),
        (TABLE, "needed: a table in UTF-8", "save the table as CSV UTF-8"),
    ),
    Case("Lines that end as in Windows", changed("\n", "\r\n"), handled=same, answer="Read."),
    Case("Blanks before the cells", changed(",", ", "), handled=same, answer="Left out."),
    Case("Columns in another order", _shuffled_columns, handled=same, answer="Read by name."),
    Case(
        "Semicolons between the cells",
        changed(",", ";"),
        (TABLE, "no column site", "site;longitude"),
    ),
    Case("Decimal commas", changed("20.5", "20,5"), (TABLE, "more cells in a row than names")),
    Case(
        "Decimal commas in quotation marks",
        changed("20.5", '"20,5"'),
        (f"{COLUMN} 'SOC', site A", "'20,5'"),
    ),
    Case(
        "A quotation mark that never closes",
        changed("A,", '"A,'),
        (TABLE, "EOF inside string"),
    ),
    Case(
        "A row with too few cells",
        written(GOOD + "D,1,2\n"),
        (f"{COLUMN} 'elevation', site D", "an empty cell"),
    ),
    Case("A row with too many cells", written(GOOD + "," * 9), (TABLE, "in line 5, saw 10")),
    Case(
        "A row of empty cells at the end",
        written(GOOD + "," * 6),
        (f"{COLUMN} 'site'", "'' in line 5"),
    ),
    Case("100 000 rows", _many_rows, handled=_all_rows, answer="Read."),
    Case("A column is missing", changed("latitude", "lat"), (TABLE, "no column latitude")),
    Case(
        "A column in other letters",
        changed("SOC", "Soc"),
        (f"{COLUMN} 'Soc'", "rename it to 'SOC'"),
    ),
    Case(
        "The label of a factor for its code",
        changed("SOC", "C/N"),
        (f"{COLUMN} 'C/N'", "rename it to 'CN'"),
    ),
    Case(
        "A column that nobody knows",
        changed("SOC", "colour of the sky"),
        (f"{COLUMN} 'colour of the sky'", "remove it"),
    ),
    Case("A column twice", changed("pH", "SOC"), (TABLE, "two columns SOC")),
    Case("A site twice", changed("B,", "A,"), (f"{COLUMN} 'site'", "'A' in line 3")),
    Case("A site without a name", changed("B,", ","), (f"{COLUMN} 'site'", "'' in line 3")),
    Case(
        "Numbers as names",
        changed("A,", "007,"),
        handled=_named("007"),
        answer="They stay text: 007 is not 7.",
    ),
    Case("NA as a name", changed("A,", "NA,"), handled=_named("NA"), answer="Text like any other."),
    Case("A formula for a number", changed("20.5", "=1+1"), (f"{COLUMN} 'SOC', site A", "'=1+1'")),
    Case("A word for a number", changed("20.5", "much"), (f"{COLUMN} 'SOC', site A", "'much'")),
    Case("An empty cell", changed("20.5", ""), (f"{COLUMN} 'SOC', site A", "an empty cell")),
    Case("NaN for a number", changed("20.5", "NaN"), (f"{COLUMN} 'SOC', site A", "'NaN'")),
    Case("An infinite number", changed("20.5", "inf"), (f"{COLUMN} 'SOC', site A", "'inf'")),
    Case("A fill value (-9999)", changed("20.5", "-9999"), (f"{COLUMN} 'SOC'", "0 and 1000")),
    Case("A pH of 71", changed("7.1", "71"), (f"{COLUMN} 'pH', site A", "between 0 and 14")),
    Case(
        "Degrees Celsius in a column of kelvin",
        changed("SOC", "ST10"),
        (f"{COLUMN} 'ST10', site A", "between 150 and 350 (K)"),
    ),
    *(
        Case(
            f"{fault}, in {column}",
            added(column, value),
            (f"{COLUMN} '{column}', site A", needed, f"'{value}'"),
        )
        for fault, column, value, needed in (
            ("A fill value (-9999)", "NPP", -9999, "between 0 and 10000 (g m-2 yr-1)"),
            ("A fill value (-999)", "DHFS", -999, "between -500 and 2000 (W m-2)"),
            ("A negative amount", "TPLFA", -5, "between 0 and 10000 (nmol g-1)"),
            ("Millimetres a year", "PRE", 450, "(kg m-2 s-1)"),
            ("Grams per kilogram", "SH", 3.5, "(kg kg-1)"),
            ("A share of the volume", "RZSM", 0.25, "between 1 and 5000 (kg m-2)"),
            ("A fraction for per cent", "ALB", 0.2, "between 1 and 100 (%)"),
            ("Integers of a satellite's file", "EVI", 2500, "between -1 and 1 (1)"),
        )
    ),
    Case(
        "An elevation in kilometres",
        changed("4500", "4.5"),
        (f"{COLUMN} 'elevation', site A", "between 10 and 9000 (m)", "'4.5'"),
    ),
    Case(
        "Longitude and latitude swapped",
        changed("91.5,31.5", "31.5,91.5"),
        (f"{COLUMN} 'latitude', site A", "between -90 and 90"),
    ),
    Case(
        "Longitude and latitude swapped, west of 90 degrees",
        studied("91.5,31.5", "31.5,85.5"),
        ("site A", "lat between", "85.5"),
    ),
    Case(
        "Longitudes beyond 180 (0 to 360)",
        changed("91.5", "291.5"),
        (f"{COLUMN} 'longitude', site A", "between -180 and 180 (degrees east)"),
    ),
    Case(
        "A site outside the grid",
        studied("91.5,31.5", "9.5,47"),
        ("site A", "l", "found:  47"),
    ),
    Case("A site on a masked cell", _masked, ("site A: TF", "a land cell")),
    Case(
        "GLDAS files of a region without the sites of the book",
        lambda folder: load_study(year(folder)),
        ("site T01", "lat between 30 and 34", "give climate that reaches there"),
    ),
    Case(
        "The name of the table in other letters",
        _table_in_capitals,
        ("Sites.CSV", "the site table, sites.csv"),
    ),
    Case(
        "GLDAS files one folder too deep",
        beside(_climate_below("gldas/2014")),
        ("gldas", "right in its gldas", "its own data in its place"),
    ),
    Case(
        "GLDAS files that end in .nc, in their folder",
        beside(_climate_below("gldas", "4")),
        ("gldas", "GLDAS_NOAH10_M*.nc4"),
    ),
    Case(
        "An empty folder for the CMIP5 archive",
        beside(lambda folder: (folder / "cmip5").mkdir()),
        ("cmip5", "CMIP5 files of npp and rh"),
    ),
    Case(
        "A land cover in other letters",
        changed("steppe,3", "Steppe,3"),
        (f"{COLUMN} 'land_cover', site B", "meadow, steppe", "'Steppe'"),
    ),
    Case(
        "A zone that does not exist",
        written(GOOD.replace("SOC,pH", "zone,pH").replace("20.5", "Top")),
        (f"{COLUMN} 'zone', site A", "'Top'"),
    ),
    Case(
        "The same value at every site, to be scaled to 0-1",
        _scaled,
        ("column 'SOC'", "20.5 at every site"),
    ),
    Case(
        "Three sites for a path model with three parameters",
        _few_sites,
        ("path model", "more than 3 sites", "add sites"),
    ),
    Case("A link to itself", _link(TABLE), (TABLE, "a link that leads to no file")),
    Case("UTF-16 without a mark", written(GOOD, "utf-16-le"), (TABLE, "a zero byte")),
    Case("A zero byte", changed("A,", "A\0,"), (TABLE, "a zero byte")),
    Case(
        "Lines that end as in an old Macintosh", changed("\n", "\r"), handled=same, answer="Read."
    ),
    Case("Empty lines", changed("\n", "\n\n"), handled=same, answer="Left out."),
    Case("Tabs between the cells", changed(",", "\t"), (TABLE, "no column site")),
    Case(
        "A name of a column with 100 000 letters",
        changed("SOC", "S" * 100_000),
        (COLUMN, "99940 letters more"),
    ),
    Case("100 000 columns with other names", _many_columns, (TABLE, "and 99980 more")),
    Case("20 000 columns too many", _many_unknown_columns, (f"{COLUMN} 'c0'",)),
    Case(
        "A sign in the label of a factor",
        changed("SOC", "G+"),
        (f"{COLUMN} 'G+'", "rename it to 'GP'"),
    ),
    Case(
        "A script as the name of a column",
        changed("SOC", "<script>alert(1)</script>"),
        (f"{COLUMN} '<script>alert(1)</script>'", "remove it"),
    ),
    Case(
        "A site twice, once with blanks",
        changed("B,", "A ,"),
        (f"{COLUMN} 'site'", "'A' in line 3"),
    ),
    Case(
        "A script as a name",
        changed("A,", "<script>alert(1)</script>,"),
        handled=_named("<script>alert(1)</script>"),
        answer="Text like any other; pages escape it.",
    ),
    Case(
        "A picture that runs a script as a name",
        changed("A,", '"""><img src=x onerror=alert(1)>",'),
        handled=_named('"><img src=x onerror=alert(1)>'),
        answer="Text like any other; pages escape it.",
    ),
    Case(
        "A formula as a name",
        changed("A,", "=1+1,"),
        handled=_named("=1+1"),
        answer="Text like any other; nothing computes it.",
    ),
    Case("A sign of truth for a number", changed("20.5", "True"), (f"{COLUMN} 'SOC', site A",)),
    Case("A number beyond all (1e999)", changed("20.5", "1e999"), (f"{COLUMN} 'SOC', site A",)),
    Case(
        "An elevation in feet",
        changed("4500", "14764"),
        (f"{COLUMN} 'elevation', site A", "between 10 and 9000 (m)"),
    ),
    Case(
        "A script as a land cover",
        changed("steppe,3", "<script>alert(1)</script>,3"),
        (f"{COLUMN} 'land_cover', site B", "'<script>alert(1)</script>'"),
    ),
]
