"""Tables of sites as people have them, each written into a folder: what it says, and what is read.

python -m tests.own_tables FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.study import EMBEDDED_SITES

CODES = ["land_cover", "zone", "AT", "PRE", "NPP", "SOC", "pH", "ST10", "Clay"]
_PLACES = ["longitude", "latitude", "elevation"]


def _make_reference() -> pd.DataFrame:
    sites = pd.read_csv(EMBEDDED_SITES, index_col="site").head(12)
    sites = sites.assign(AT=275 - sites["elevation"] / 1000, PRE=1.5e-5, ST10=276.5)
    sites["ST10"] += sites["SOC"] / 100
    sites["PRE"] *= 1 + sites["SOC"] / 1000
    return sites[[*_PLACES, *CODES]]


REFERENCE = _make_reference()


class Own(NamedTuple):
    """A table: what writes it into a folder, words of its remarks or faults, and what is read."""

    write: Callable[[Path], Path]
    said: tuple[str, ...] = ()
    read: pd.DataFrame = REFERENCE
    refused: bool = False


def as_text(
    table: pd.DataFrame, separator: str = ",", decimal: str = ".", encoding: str = "utf-8"
) -> Callable[[Path], Path]:
    """Return what writes a table as text."""

    def write(folder: Path) -> Path:
        path = folder / "sites.csv"
        how = {"sep": separator, "decimal": decimal, "index_label": "site"}
        path.write_bytes(table.to_csv(lineterminator="\n", **how).encode(encoding))
        return path

    return write


def as_workbook(table: pd.DataFrame) -> Callable[[Path], Path]:
    """Return what writes a table as the first of two sheets, below an empty row."""

    def write(folder: Path) -> Path:
        with pd.ExcelWriter(folder / "sites.xlsx") as book:
            table.to_excel(book, sheet_name="plots", index_label="site", startrow=1)
            pd.DataFrame({"about": ["field work"]}).to_excel(book, sheet_name="notes")
        return folder / "sites.xlsx"

    return write


def _in_other_units() -> pd.DataFrame:
    table = REFERENCE.assign(AT=REFERENCE["AT"] - 273.15, PRE=REFERENCE["PRE"] * 86_400 * 365)
    table["SOC"], table["NPP"] = table["SOC"] / 10, table["NPP"] / 100
    names = {"AT": "MAT [°C]", "PRE": "MAP (mm/yr)", "SOC": "SOC (%)", "NPP": "NPP (t ha⁻¹ yr⁻¹)"}
    names |= {"elevation": "Elevation_m", "ST10": "ST10 (K)", "Clay": "Clay %"}
    return table.rename(columns=names)


def _with_a_row_of_units() -> pd.DataFrame:
    table = REFERENCE.astype(str)
    table["ST10"] = (REFERENCE["ST10"] - 273.15).astype(str)
    units = {"longitude": "°E", "latitude": "°N", "elevation": "m a.s.l.", "SOC": "g/kg"}
    units |= {"ST10": "°C", "pH": "-", "AT": "K", "Clay": "%"}
    return pd.concat([pd.DataFrame(units, index=[""]), table]).fillna("")


def _with_gaps() -> pd.DataFrame:
    table = REFERENCE.astype(str)
    table.iloc[:6, table.columns.get_loc("SOC")] = ["NA", "n.d.", "nd", "-", "-9999", ""]
    return table


def _filled_template(folder: Path) -> Path:
    template = pd.read_csv(EMBEDDED_SITES.parents[1] / "sites_template.csv", dtype=str)
    table = pd.concat([template, REFERENCE.reset_index().astype(str)])
    table.to_csv(folder / "sites.csv", index=False)
    return folder / "sites.csv"


_NO_ZONE = REFERENCE.drop(columns="zone")
_ALPS = REFERENCE.assign(
    longitude=REFERENCE["longitude"] - 72,
    latitude=REFERENCE["latitude"] + 14,
    elevation=REFERENCE["elevation"] - 3000,
    zone=["Low", "Middle", "High"] * 4,
)
_OXYGEN = pd.Series(range(12), REFERENCE.index) / 100 - 0.05  # kg m-2 yr-1
_UNKNOWN = {"NEP": 1.5, "Cs": 2, "Date": "2014-07", "Observer": "Li", "Plot no": 3, "": "x"}
_COMMON = {"longitude": "Long", "latitude": "Lat", "elevation": "Altitude", "SOC": "soc"}
_COMMON |= {"land_cover": "Vegetation", "pH": "pH (H2O)", "Clay": "clay content"}
_OWN_WORDS = REFERENCE.assign(land_cover="alpine shrub", zone=["Subalpine", "Nival"] * 6)
_NUMBERED = REFERENCE.set_axis(pd.Index([f"{k}" for k in range(12)], name="site"))
_TWO = {"SOC": [1.0] * 12, "Soil organic carbon": [2.0] * 12}
_FAULTY = REFERENCE.rename(columns={"NPP": "NPP (g m-2)"}).astype(str)
_FAULTY.loc["T02", ["latitude", "SOC", "land_cover"]] = ["", "12,5", "n.d."]
_FAULTY.loc["T03", ["elevation", "pH"]] = ["4.1", "81"]

OWN_TABLES = {
    "a workbook": Own(as_workbook(REFERENCE), ("the first sheet was read, plots",)),
    "semicolons and decimal commas": Own(as_text(REFERENCE, ";", ",")),
    "tabs, in UTF-16": Own(as_text(REFERENCE, "\t", encoding="utf-16")),
    "Windows letters": Own(
        as_text(REFERENCE.assign(Städte="Zürich"), encoding="cp1252"), ("cp1252", "Städte")
    ),
    "units in headers": Own(
        as_text(_in_other_units()), ("AT from °C to K", "SOC from % to g kg-1")
    ),
    "units in a second row": Own(as_text(_with_a_row_of_units()), ("ST10 from °C to K",)),
    "gaps in many spellings": Own(
        as_text(_with_gaps()),
        ("SOC: 6 of 12 sites without a value",),
        REFERENCE.assign(SOC=REFERENCE["SOC"].where(REFERENCE.index > "T06")),
    ),
    "unknown columns": Own(
        as_workbook(REFERENCE.assign(**_UNKNOWN)),
        ("ignored", "NEP, Cs, Date, Observer, Plot no, one without a name"),
    ),
    "common names": Own(
        as_workbook(REFERENCE.rename(columns=_COMMON)), ("Long as longitude", "Vegetation as land")
    ),
    "land covers and zones of one's own": Own(
        as_text(_OWN_WORDS.assign(land_cover=" Alpine SHRUB")), (), _OWN_WORDS
    ),
    "the template, filled": Own(_filled_template, ("no site has a value: TF, PET",)),
    "no zones, numbers for names, empty rows at the end": Own(
        as_workbook(pd.concat([_NUMBERED.drop(columns="zone").reset_index(drop=True)])),
        (),
        _NUMBERED,
    ),
    "net exchange of carbon": Own(
        as_text(REFERENCE.assign(**{"NEE (g C m-2 yr-1)": _OXYGEN * -1000 * 12 / 32})),
        ("uptake by the land is negative",),
        REFERENCE.assign(TOP=_OXYGEN),
    ),
    "the Alps": Own(as_text(_ALPS), (), _ALPS),
    "two columns of one factor": Own(
        as_text(REFERENCE.assign(**_TWO)), ("'SOC', 'Soil organic carbon'",), refused=True
    ),
    "many faults": Own(
        as_text(_FAULTY),
        (
            "the unit 'g m-2'",
            "column 'latitude', site T02",
            "column 'land_cover', site T02",
            "'12,5'",
            "column 'elevation', site T03",
            "column 'pH', site T03",
        ),
        refused=True,
    ),
}


def write_field_table(folder: Path) -> tuple[Path, pd.DataFrame]:
    """Write 25 sites of the Plateau as a field book has them, and return their table, too.

    Units are in headers, commas are decimal, values are missing, five columns mean nothing to the
    book, and one site is a shrub.
    """
    sites = pd.read_csv(EMBEDDED_SITES, index_col="site").head(25)
    codes = ["SOC", "pH", "EVI", "ANPP", "Cenzy", "Sand"]
    field = sites[[*_PLACES, "land_cover", *codes]].round(3)
    field.loc["T08", "land_cover"] = "Shrub"
    for code, missing in {"SOC": ["T03", "T10"], "pH": ["T05"], "EVI": ["T10", "T13"]}.items():
        field.loc[missing, code] = float("nan")
    heads = {"longitude": "Lon", "latitude": "Lat", "elevation": "Altitude (m a.s.l.)"}
    heads |= {"SOC": "SOC (g/kg)", "ANPP": "ANPP (g m-2 yr-1)", "Sand": "Sand (%)"}
    unknown = {"Date": "2019-07-14", "Observer": "LW", "Slope": 7, "Soil type": "x", "NEP": 93}
    table = field.rename(columns=heads).assign(**unknown)
    how = {"sep": ";", "decimal": ",", "na_rep": "n.d.", "index_label": "Plot"}
    table.to_csv(folder / "field.csv", **how)
    return folder / "field.csv", field


def write_alps(folder: Path) -> Path:
    """Write 22 sites of the Alps, with land covers, climate and net exchange of their own."""
    rng = np.random.default_rng(5)
    height = rng.uniform(900, 2700, 22).round()
    warm, green = 281 - height / 180 + rng.normal(0, 0.6, 22), rng.normal(0.4, 0.05, 22)
    columns = {
        "longitude": rng.uniform(6.5, 13.5, 22),
        "latitude": rng.uniform(45.5, 47.3, 22),
        "elevation": height,
        "land_cover": np.where(height > 1900, "alpine meadow", "pasture"),
        "AT (°C)": warm - 273.15,
        "PRE (mm/yr)": 1200 + height / 5 + rng.normal(0, 80, 22),
        "EVI": green,
        "pH": rng.normal(5.8, 0.5, 22),
        "NEE (g C m-2 yr-1)": -400 * green + rng.normal(0, 30, 22),
    }
    table = pd.DataFrame(columns, index=pd.Index([f"A{k}" for k in range(22)], name="site"))
    table.to_csv(folder / "alps.csv")
    return folder / "alps.csv"


if __name__ == "__main__":
    for name, own in OWN_TABLES.items():
        place = Path(sys.argv[1]) / name
        place.mkdir(parents=True, exist_ok=True)
        print(own.write(place))
