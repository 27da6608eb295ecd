"""The site table: its schema, its checks, and its reader."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.errors import InputError, show
from helpers.factors import POSSIBLE, load_factors
from helpers.readers.tables import check_once, check_words, read_cells, to_numbers

REQUIRED = ("site", "longitude", "latitude", "elevation", "land_cover")
LAND_COVERS = ("meadow", "steppe")
ZONES = {"Low": (3112, 3650), "Middle": (3830, 4390), "High": (4417, 4764)}
_ZONE_EDGES = (-np.inf, 3740, 4403.5, np.inf)  # halfway across the gaps between the paper's zones
_POSITION = {  # column: (least, most, unit)
    "longitude": (-180, 180, "degrees east"),
    "latitude": (-90, 90, "degrees north"),
    "elevation": (10, 9000, "m"),  # 4.5 is in kilometres
}
_POSSIBLE = {  # least and most, of a unit or of a factor alone; fill values lie beyond
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
}
_MEND = "save the table as CSV UTF-8, with commas; data/sites_template.csv has the header"


def allowed_columns() -> list[str]:
    """Return every column that a site table may have: position, cover, zone, then factors."""
    return [*REQUIRED, "zone", *load_factors().index]


def read_sites(path: str | Path) -> pd.DataFrame:
    """Read a site table and check it; indexed by ``site`` (text).

    Parameters
    ----------
    path : path
        A CSV file with the columns site, longitude, latitude, elevation and land_cover, and any of
        zone and the factor codes, in the units of the registry; ``data/sites_template.csv`` has
        them all. A zone that is not there is made from elevation, cut halfway between the zones of
        the paper (3740 and 4403.5 m).

    Examples
    --------
    >>> from helpers.paths import DATA
    >>> read_sites(DATA / "embedded" / "sites.csv").loc["T01", ["land_cover", "zone"]].tolist()
    ['steppe', 'High']
    """
    path = Path(path)
    table = read_cells(path, REQUIRED, _MEND, keep_default_na=False)
    _check_known(path, table.columns)
    check_once(path, table, "site")
    words = {"land_cover": LAND_COVERS, "zone": tuple(ZONES)}
    numbers = [name for name in table if name != "site" and name not in words]
    table = to_numbers(path, table, {name: _limits(name) for name in numbers}, "site")
    for name in table.columns.intersection([*words]):
        check_words(path, table, name, words[name], "site")
    table = table.set_index("site")
    if "zone" not in table:
        zone = pd.cut(table["elevation"], _ZONE_EDGES, labels=list(ZONES)).astype(str)
        table.insert(table.columns.get_loc("land_cover") + 1, "zone", zone)
    return table


def _limits(name: str) -> tuple[float, float, str]:
    if name in _POSITION:
        return _POSITION[name]
    unit = load_factors()["unit"][name]
    return *(_POSSIBLE.get(name) or _POSSIBLE[unit]), unit


def _check_known(path: Path, columns: Iterable[str]) -> None:
    """Refuse a column that no site table has, and say which one its name is most like."""
    allowed = allowed_columns()
    known = {column.lower(): column for column in allowed}
    known |= {label.lower(): code for code, label in load_factors()["label"].items()}
    for column in columns:
        if column not in allowed:
            near = difflib.get_close_matches(column[:60].lower(), known, n=1)
            mend = f"rename it to {known[near[0]]!r}" if near else "remove it"
            raise InputError(
                f"{path}: column {show(column)}",
                needed="column names of the site table (data/README.md)",
                found=f"the unknown name {show(column)}",
                mend=f"{mend}, or rename it to a code",
            )
