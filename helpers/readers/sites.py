"""The site table: its columns, their names and units, its checks, and its reader."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.errors import Faults, InputError, list_some, show
from helpers.factors import POSSIBLE, load_factors
from helpers.oxygen import ANNUAL_FLUX, OXYGEN_PER_CARBON
from helpers.readers.tables import check_once, read_any_cells, to_numbers

REQUIRED = ("site", "longitude", "latitude", "elevation", "land_cover")
LAND_COVERS = ("meadow", "steppe")
ZONES = {"Low": (3112, 3650), "Middle": (3830, 4390), "High": (4417, 4764)}
_ZONE_EDGES = (3740, 4403.5)  # halfway across the gaps between the paper's zones
_WORDS = ("site", "land_cover", "zone")
_MISSING = {"", "na", "n/a", "#n/a", "nan", "n.a.", "nd", "n.d.", "null", "-", "--", "–", "—"}
_MISSING |= {"-9999", "-9999.0", "-9999,0"}
_POSSIBLE = {  # least and most, of a unit or of a column alone; fill values lie beyond
    **POSSIBLE,
    "%": (0, 100),
    "1": (0, 1000),
    "g kg-1": (0, 1000),
    "g cm-3": (0, 3),
    "g m-2 yr-1": (0, 10_000),
    "umol m-2 s-1": (0, 100),
    "nmol g-1": (0, 10_000),
    "nmol g-1 h-1": (0, 1_000_000),
    "degrees east": (-180, 180),
    "degrees north": (-90, 90),
    "m": (10, 9000),  # 4.5 is in kilometres
    "ALB": POSSIBLE["%"],
    "EVI": (-1, 1),
    "pH": (0, 14),
    "TOP": (-5, 5),
    "NEE": (-2, 2),
    "NEP": (-2, 2),
}
_UNITS = {  # of columns that are no factors
    "longitude": "degrees east",
    "latitude": "degrees north",
    "elevation": "m",
    "TOP": ANNUAL_FLUX,
    "NEE": ANNUAL_FLUX,
    "NEP": ANNUAL_FLUX,
}
_NAMES = {  # and what else they are called
    "site": "plot;site name;site id;plot id;station",
    "longitude": "lon;long;lng",
    "latitude": "lat",
    "elevation": "elev;altitude;alt",
    "land_cover": "vegetation;vegetation type;land cover type;grassland type;habitat;biome",
    "zone": "elevation zone;belt",
    "TOP": "oxygen production;terrestrial oxygen production",
    "NEE": "net ecosystem exchange",
    "NEP": "net ecosystem production",
}
_CARBON = {"NEE": -1, "NEP": 1}  # of which TOP is made, and its sign
_DEGREES: dict[str, float] = {"°": 1, "dd": 1, "wgs84": 1}
_TO: dict[
    str, dict[str, float]
] = {  # a unit of ours: others by how they are spelled here, and what they are multiplied by
    "degrees east": {**_DEGREES, "°e": 1, "°east": 1, "e": 1, "°w": -1, "°west": -1, "w": -1},
    "degrees north": {**_DEGREES, "°n": 1, "°north": 1, "n": 1, "°s": -1, "°south": -1, "s": -1},
    "m": {"km": 1000, "ft": 0.3048},
    "K": {"°c": 1, "c": 1},  # and 273.15 is added
    "%": {"1": 100, "g kg-1": 0.1},
    "g kg-1": {"%": 10, "mg g-1": 1, "g g-1": 1000, "mg kg-1": 0.001},
    "g cm-3": {"kg m-3": 0.001, "mg m-3": 1, "t m-3": 1},  # no capitals are left: Mg
    "g m-2 yr-1": {"kg m-2 yr-1": 1000, "mg ha-1 yr-1": 100, "t ha-1 yr-1": 100},
    ANNUAL_FLUX: {"g m-2 yr-1": 0.001, "mg ha-1 yr-1": 0.1, "t ha-1 yr-1": 0.1},
    "kg m-2 s-1": {"mm s-1": 1, "mm d-1": 1 / 86_400, "mm yr-1": 1 / 86_400 / 365},
    "kg m-2": {"mm": 1},
    "kg kg-1": {"g kg-1": 0.001, "g g-1": 1},
    "m s-1": {"km h-1": 1 / 3.6},
    "nmol g-1": {"umol g-1": 1000},
    "nmol g-1 h-1": {"umol g-1 h-1": 1000},
}
_OF = {  # what a unit may say besides that it is of, by columns
    "c": ("SOC", "SIC", "TC", "CIA", "NEE", "NEP"),
    "n": ("TN",),
    "o2": ("TOP",),
    "co2": ("Rs",),
    "dm": ("ANPP", "BNPP", "NPP"),
}
_SPELLINGS = {
    r"\b(decimal )?deg(ree)?s?(?![a-z])[\s_]*|°[\s_]*": "°",
    r"°?celsius|\bdegc\b": "°c",
    r"\bkelvin\b": "k",
    r"\b(fraction|unitless|dimensionless)\b": "1",
    "percent|pct": "%",
    r"m?\W?a\.?s\.?l\b\.?": "m",
    r"\b(k?g|t|mg)c\b": r"\1 c",
    r"\bper\s": "/",
    r"\b(dry|soil|dw)\b": "",
    r"\b(years?|y|a)\b": "yr",
    r"\bday\b": "d",
    r"\b(hour|hr)\b": "h",
}
_MEND = "save the table as a workbook (.xlsx) or CSV UTF-8; data/README.md says what is taken"
_IN_CAPITALS = {zone.lower(): zone for zone in ZONES}
_STATE = (
    "state the unit of the values in the header if it is another, as in 'AT (°C)' or 'elevation "
    "(m)'; write a decimal point (a decimal comma where semicolons are between the cells) and no "
    "sign between thousands; or correct the cell, or leave out the row"
)


@cache
def _units() -> dict[str, str]:
    words = dict.fromkeys([*REQUIRED, "zone"], "")
    return words | load_factors()["unit"].to_dict() | _UNITS


def allowed_columns() -> dict[str, str]:
    """Return the unit of every column of a site table: position, cover, zone, factors, oxygen."""
    return {name: unit for name, unit in _units().items() if name not in _CARBON}


def read_sites(path: str | Path) -> pd.DataFrame:
    """Read a site table as people have it, and check it; indexed by ``site`` (text).

    Returned are the columns that the book knows, in its units: longitude, latitude, elevation,
    land_cover, zone, factors, and ``TOP`` (kg m-2 yr-1 of O2), which is made from ``NEE`` where the
    table has that. The attribute ``remarks`` lists what was converted, ignored and missing. All
    faults are refused together.

    Parameters
    ----------
    path : path
        A workbook (.xlsx, the first sheet) or text, with the columns site, longitude, latitude,
        elevation and land_cover, and any others (:func:`list_columns`). Factors may have gaps. A
        zone that is not there is made from elevation: cut halfway between the zones of the paper
        (3740 and 4403.5 m), or at its terciles where most sites lie outside of these zones.

    Examples
    --------
    >>> from helpers.paths import DATA
    >>> read_sites(DATA / "embedded" / "sites.csv").loc["T01", ["land_cover", "zone"]].tolist()
    ['steppe', 'High']
    """
    path = Path(path)
    columns, cells, separator, remarks = _open(path)
    faults = Faults()
    taken = columns[columns["code"] != ""]
    of = taken["code"].replace(dict.fromkeys(_CARBON, "TOP"))
    for code, same in taken[of.duplicated(keep=False)].groupby(of, sort=False):
        faults.append(
            InputError(
                f"{path}: columns {', '.join(same['header'].map(show))}",
                needed=f"one column of {code}",
                found=f"{len(same)} that mean the same",
                mend="take out or rename all but one of them",
            )
        )
    taken = taken[~of.duplicated()]
    if missing := [name for name in REQUIRED if name not in [*taken["code"]]]:
        faults.append(
            InputError(
                path,
                needed=f"the columns {', '.join(REQUIRED)}",
                found=f"no column {', '.join(missing)} among {list_some(columns['header'], 20)}",
                mend="delete the lines above the header"
                if (columns["header"] == "").mean() > 0.5
                else "give the columns these names, and separate the cells as they should be",
            )
        )
    if cells.empty:
        fault = InputError(path, needed="a row for each site", found="no rows", mend="add them")
        faults.append(fault)
        faults.refuse()
    table = cells[taken.index].set_axis(taken["code"], axis=1)
    gaps = table.apply(lambda column: column.str.lower().isin(_MISSING))
    empty = [name for name in table if name not in REQUIRED and gaps[name].all()]
    table = table.drop(columns=empty)
    optional = table.columns.difference(REQUIRED, sort=False)
    table[optional] = table[optional].mask(gaps[optional], "")
    if "site" in table:
        with faults.gather():
            check_once(path, table, "site")
    else:
        table["site"] = [f"in line {number + 2}" for number in table.index]
    table, converted = _convert(path, table, taken, separator, optional, faults)
    for name in table.columns.intersection(_WORDS[1:]):
        if gaps[name].any():
            faults.append(
                InputError(
                    f"{path}: column {name!r}, site {list_some(table['site'][gaps[name]], 12)}",
                    needed="a word in every row",
                    found="an empty cell, or a sign that the value is missing",
                    mend="write a word into each, or leave out the rows",
                )
            )
    faults.refuse()
    table = table.rename_axis(columns=None).set_index("site")
    table["land_cover"] = table["land_cover"].str.lower()
    if "zone" in table:
        table["zone"] = table["zone"].map(lambda zone: _IN_CAPITALS.get(zone.lower(), zone))
    else:
        table.insert(table.columns.get_loc("land_cover") + 1, "zone", _cut(table["elevation"]))
    remarks += _remark(columns, taken, empty, converted)
    for name, sign in _CARBON.items():
        if name in table:
            table["TOP"] = sign * table.pop(name) * OXYGEN_PER_CARBON
            uptake = {-1: "negative: TOP = −NEE · 32/12", 1: "positive: TOP = NEP · 32/12"}[sign]
            remarks.append(f"TOP is made from {name}, of which uptake by the land is {uptake}")
    if "TOP" in table and (table["TOP"].dropna() < 0).all():
        remarks.append("TOP is below zero at every site: is the sign right?")
    lacking = table.isna().sum()
    remarks += [
        f"{name}: {count} of {len(table)} sites without a value"
        for name, count in lacking[lacking > 0].items()
    ]
    table.attrs["remarks"] = remarks
    return table


def _convert(
    path: Path,
    table: pd.DataFrame,
    taken: pd.DataFrame,
    separator: str,
    optional: pd.Index,
    faults: Faults,
) -> tuple[pd.DataFrame, list[str]]:
    """Return a table with its numbers in our units, and what was converted; gather the faults."""
    limits, factors, converted = {}, {}, []
    for _, header, code, stated, unit in taken.itertuples():
        if code in _WORDS or code not in table:
            continue
        factor = _factor(code, stated) if stated else 1
        if not factor:
            faults.append(
                InputError(
                    f"{path}: column {show(header)}",
                    needed=f"a unit that is known for {code}: {', '.join([unit, *_TO[unit]])}",
                    found=f"the unit {show(stated)}",
                    mend=f"state the unit as in '{code} ({unit})', and convert the values where "
                    "they have another; or rename the column if it is something else",
                )
            )
            continue
        low, high = _POSSIBLE.get(code) or _POSSIBLE[unit]
        if code == "elevation" and (stated or _are_low(table[code])):
            low = -430
        zero = 273.15 if unit == "K" and _spell(stated) in _TO["K"] else 0.0
        ends = sorted([(low - zero) / factor, (high - zero) / factor])
        limits[code], factors[code] = (*ends, stated or unit), (factor, zero)
        if (factor, zero) != (1, 0):
            converted.append(f"{code} from {stated} to {unit}")
    commas = [code for code in limits if table[code].str.contains(",").any()]
    if separator == ";" and commas:
        for code in limits:
            if (points := table[code].str.contains(r"\.")).any():
                sites = list_some(table["site"][points], 12)
                faults.append(
                    InputError(
                        f"{path}: column {code!r}, site {sites}",
                        needed=f"decimal commas, as in the column {commas[0]!r}",
                        found=list_some(map(show, table.loc[points, code].unique()), 3),
                        mend="write one decimal sign in all columns, and none between thousands",
                    )
                )
        table[[*limits]] = table[[*limits]].replace(",", ".", regex=True)
    with faults.gather():
        table = to_numbers(path, table, limits, "site", optional, _STATE)
        for code, (factor, zero) in factors.items():
            table[code] = table[code] * factor + zero
    return table, converted


def _are_low(cells: pd.Series) -> bool:
    """Return whether elevations are those of lowlands, and not kilometres."""
    heights = pd.to_numeric(cells.str.replace(",", "."), errors="coerce")
    return heights.median() < 500 and heights.max() >= 10


def _remark(
    columns: pd.DataFrame, taken: pd.DataFrame, empty: list[str], converted: list[str]
) -> list[str]:
    """Say in sentences which columns were taken under other names, and what else was done."""
    renamed = [
        f"{header} as {code}"
        for header, code in zip(taken["header"], taken["code"], strict=True)
        if not _key(header).startswith(_key(code))
    ]
    ignored = columns["header"][columns["code"] == ""].replace("", "one without a name")
    told = {
        "taken: ": renamed,
        "converted: ": converted,
        "ignored, as the book knows no such column: ": ignored,
        "left out, as no site has a value: ": empty,
    }
    return [f"{head}{list_some(names)}" for head, names in told.items() if len(names)]


def _cut(elevation: pd.Series) -> np.ndarray:
    """Return the zone of each elevation, by the paper's edges where these apply."""
    plateau = elevation.between(ZONES["Low"][0], ZONES["High"][1]).mean() >= 0.5
    edges = _ZONE_EDGES if plateau else elevation.quantile([1 / 3, 2 / 3])
    return np.array([*ZONES], object)[np.searchsorted(edges, elevation)]


def list_columns(path: str | Path) -> pd.DataFrame:
    """Say as what each column of a site table is taken: ``header``, ``code``, ``stated``, ``unit``.

    The code is empty where the column is ignored, ``stated`` where the table gives no unit: the
    column must then have that of the book, ``unit``. A header may be a code, a label or a name of
    the registry of factors, or one of its synonyms, in any letters, with a unit behind it; or units
    stand in the row below.

    Examples
    --------
    >>> from helpers.paths import DATA
    >>> list_columns(DATA / "embedded" / "sites.csv").iloc[3].tolist()
    ['elevation', 'elevation', '', 'm']
    """
    return _open(Path(path))[0]


def _open(path: Path) -> tuple[pd.DataFrame, pd.DataFrame, str, list[str]]:
    """Return what the columns are, the cells below, their separator, and remarks."""
    cells, separator, remarks = read_any_cells(path, _MEND)
    told = [(header, *_understand(header)) for header in cells]
    columns = pd.DataFrame(told, columns=["header", "code", "stated"])
    bare = (columns["code"] == "NEP") & (columns["stated"] == "")
    if bare.any():
        columns.loc[bare, "code"] = ""
        remarks.append("NEP is ignored, as it has no unit: 'NEP (g C m-2 yr-1)' would make TOP")
    columns["unit"] = [_units().get(code, "") for code in columns["code"]]
    cells.columns = columns.index
    if len(cells):
        row = cells.iloc[0].str.strip("()[] ").where(columns["unit"] != "", "")
        row = row.mask(row.str.lower().isin(_MISSING), "")
        named = row[~row.isin(["", "1"])]
        if len(named) and named.str.match(r"[^\W\d]|[%°]").all():
            columns["stated"] = columns["stated"].where(columns["stated"] != "", row)
            cells = cells.iloc[1:]
    return columns, cells, separator, remarks


def _key(name: str) -> str:
    """Return what is the same in all spellings of a name."""
    name = unicodedata.normalize("NFKC", name.replace("−", "-")).casefold()
    return re.sub(r"[^a-z0-9%+-]|-(?!$)", "", name)


@cache
def _known() -> dict[str, str]:
    factors = load_factors()
    names = factors["label"] + ";" + factors["name"] + ";" + factors["synonyms"]
    called = {code: [code, *some.split(";")] for code, some in {**names, **_NAMES}.items()}
    return {_key(name): code for code, some in called.items() for name in some if name}


def _find(name: str) -> str:
    code = _known().get(_key(name), "")
    two_letters = len(name) == 2 and name.isascii() and name.isalpha()
    return "" if two_letters and name.istitle() and name != code else code  # Cs is no CS


def _understand(header: str) -> tuple[str, str]:
    """Return the code that a header means, or an empty text, and the unit that it states."""
    if code := _find(header):
        return code, ""
    for gap in re.finditer(r"[\s_,.]*[(\[]|[\s_,.]+|(?=[%°])", header[:200]):
        code, unit = _find(header[: gap.start()]), header[gap.end() :].strip(" )]")
        bracket = gap[0].endswith(("(", "["))
        if code and (bracket or (code not in _WORDS and unit != "1" and _factor(code, unit))):
            return code, "" if code in _WORDS else unit
    return "", ""


def _spell(unit: str) -> str:
    """Return a unit in one spelling: small letters, powers, in the order of the alphabet."""
    unit = unicodedata.normalize("NFKC", re.sub("[º˚]", "°", unit)).replace("−", "-")
    unit = unit.casefold().replace("μ", "u")
    for pattern, plain in _SPELLINGS.items():
        unit = re.sub(pattern, plain, unit)
    parts = re.findall(r"(/)?\s*([a-z%°]+)[\^*]*(-?\d+)?", unit)
    powers = (f"{name}{-int(power or 1) if per else power}" for per, name, power in parts)
    return " ".join(sorted(powers)) or unit.strip()


def _factor(code: str, unit: str) -> float:
    """Return what to multiply a column in some unit by, 0 if that is not known."""
    ours = _units()[code]
    known = {_spell(each): factor for each, factor in {**_TO.get(ours, {}), ours: 1}.items()}
    parts = [part for part in _spell(unit).split() if code not in _OF.get(part, ())]
    return known.get(" ".join(parts), 0)
