"""The site table: its schema, its checks, and its reader."""

from __future__ import annotations

import csv
import difflib
import io
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.errors import InputError, list_some, show
from helpers.factors import POSSIBLE, load_factors

REQUIRED = ("site", "longitude", "latitude", "elevation", "land_cover")
LAND_COVERS = ("meadow", "steppe")
ZONES = {"Low": (3112, 3650), "Middle": (3830, 4390), "High": (4417, 4764)}
_ZONE_EDGES = (-np.inf, 3740, 4403.5, np.inf)  # halfway across the gaps between the paper's zones
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
    "ALB": POSSIBLE["%"],
    "EVI": (-1, 1),
    "pH": (0, 14),
    "longitude": (-180, 180),
    "latitude": (-90, 90),
    "elevation": (10, 9000),  # 4.5 is in kilometres
}


def allowed_columns() -> list[str]:
    """Return every column that a site table may have: position, cover, zone, then factors."""
    return [*REQUIRED, "zone", *load_factors().index]


def read_sites(path: str | Path) -> pd.DataFrame:
    """Read a site table and check it.

    Parameters
    ----------
    path : path
        A CSV file with the columns of :data:`REQUIRED`, and any of ``zone`` and the factor
        codes, in the units of the registry. ``data/sites_template.csv`` has them all.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``site`` (text). Where the table has no ``zone``, it is made from elevation,
        cut halfway between the zones of the paper (3740 and 4403.5 m).

    Raises
    ------
    InputError
        For a missing file, missing, doubled or unknown columns, a site named twice, text or a
        gap in a number column, a number that cannot be right in its unit, or an unknown land
        cover or zone.
    """
    path = Path(path)
    header, *rows = _read_rows(path)
    _check_columns(path, header)
    table = pd.DataFrame(rows, columns=header, dtype=str)
    table["site"] = table["site"].str.strip()
    _check_ids(path, table["site"])
    table = table.set_index("site")
    for column in table.columns.difference(["land_cover", "zone"], sort=False):
        table[column] = _numbers(path, table[column])
    _check_words(path, table["land_cover"], LAND_COVERS)
    if "zone" in table:
        _check_words(path, table["zone"], tuple(ZONES))
    else:
        zone = pd.cut(table["elevation"], _ZONE_EDGES, labels=list(ZONES)).astype(str)
        table.insert(table.columns.get_loc("land_cover") + 1, "zone", zone)
    return table


def _read_rows(path: Path) -> list[list[str]]:
    """Return the header and the rows of a table, all as long as the header."""
    try:
        # spreadsheets put a mark before the first letter, which utf-8-sig takes away
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_table(path, f"byte {error.start} that is not UTF-8") from error
    except OSError as error:
        found = "no such file"
        if path.is_dir() or path.is_symlink():
            found = "a folder" if path.is_dir() else "a link that leads to no file"
        elif path.exists():
            found = "a file that may not be read"
        raise InputError(path, needed="a site table", found=found, mend="check the path") from error
    if "\0" in text:
        raise _no_table(path, "a zero byte")
    lines = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    rows: list[list[str]] = []
    try:
        for row in lines:
            if rows and row and len(row) != len(rows[0]):
                number = lines.line_num
                raise _no_table(
                    path, f"{len(row)} cells in line {number}, {len(rows[0])} in the header"
                )
            if row:
                rows.append(row)
    except csv.Error as error:
        found = "a quotation mark out of place or without its partner, or a cell of a whole book"
        raise _no_table(path, f"{found}, before the end of line {lines.line_num}") from error
    if not rows:
        raise _no_table(path, "an empty file")
    return rows


def _no_table(path: Path, found: str) -> InputError:
    return InputError(
        path,
        needed="a comma-separated table in UTF-8 with one header line",
        found=found,
        mend="save the table as CSV UTF-8; data/sites_template.csv has the header",
    )


def _check_columns(path: Path, header: list[str]) -> None:
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        raise InputError(
            path,
            needed=f"the columns {', '.join(REQUIRED)}",
            found=f"no column {', '.join(missing)} among {list_some(header)}",
            mend="add it; data/sites_template.csv has the header",
        )
    allowed = allowed_columns()
    known = {column.lower(): column for column in allowed}
    known |= {label.lower(): code for code, label in load_factors()["label"].items()}
    for column in header:
        if column in allowed:
            continue
        near = difflib.get_close_matches(column[:60].lower(), known, n=1)
        raise InputError(
            f"{path}: column {show(column)}",
            needed="column names of the site table (data/README.md)",
            found=f"the unknown name {show(column)}",
            mend=f"rename it to {known[near[0]]!r}"
            if near
            else "remove it, or rename it to a code",
        )
    twice = [column for column in allowed if header.count(column) > 1]
    if twice:
        raise InputError(
            f"{path}: column {twice[0]!r}",
            needed="each name once",
            found="the same name twice",
            mend="remove or rename one of them",
        )


def _check_ids(path: Path, ids: pd.Series) -> None:
    wrong = ids[ids.duplicated() | (ids == "")]
    if ids.empty or len(wrong):
        raise InputError(
            f"{path}: column 'site'",
            needed="a name for every site, each once",
            found="no rows"
            if ids.empty
            else f"{show(wrong.iloc[0])} in data row {wrong.index[0] + 1}",
            mend="give every row its own name",
        )


def _numbers(path: Path, text: pd.Series) -> pd.Series:
    code = str(text.name)
    unit = load_factors()["unit"].get(code, {"elevation": "m"}.get(code, "degrees"))
    low, high = _POSSIBLE.get(code) or _POSSIBLE[unit]
    numbers = pd.to_numeric(text, errors="coerce")
    wrong = text[~np.isfinite(numbers) | (numbers < low) | (numbers > high)]
    if len(wrong):
        raise InputError(
            f"{path}: column {code!r}, site {show(wrong.index[0], quote=False)}",
            needed=f"a number between {low:g} and {high:g} in {unit}",
            found=show(wrong.iloc[0]) if wrong.iloc[0].strip() else "an empty cell",
            mend="correct the cell or its unit, or leave out the site or the whole column",
        )
    return numbers.astype(float)


def _check_words(path: Path, words: pd.Series, known: tuple[str, ...]) -> None:
    wrong = words[~words.isin(known)]
    if len(wrong):
        raise InputError(
            f"{path}: column {words.name!r}, site {show(wrong.index[0], quote=False)}",
            needed=f"one of {', '.join(known)}",
            found=show(wrong.iloc[0]),
            mend="use one of these words, spelled like this",
        )
