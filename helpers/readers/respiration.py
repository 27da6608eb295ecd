"""Field soil respiration of the Plateau's grasslands: SRDB, version 5 (Jian et al. 2021), measured.

Means and slopes of records and equations: ``helpers.statistics.clusters``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.errors import InputError
from helpers.paths import DATA
from helpers.readers.plots import FETCH, find_collection
from helpers.readers.tables import check_once, read_cells, to_numbers

EMBEDDED_RESPIRATION = DATA / "embedded" / "respiration.csv"
PLATEAU_RULE = "26-40 N, 75-104 E, above 2800 m; grass, meadow, steppe, tundra or wetland"
_RESPIRATION = {
    "Record_number": (0, 1e9, "a number"),
    "Study_number": (0, 1e9, "a number"),
    "Latitude": (-90, 90, "degrees north"),
    "Longitude": (-180, 180, "degrees east"),
    "Elevation": (-500, 9000, "m"),
    "MAT": (-40, 40, "degrees Celsius"),
    "Study_temp": (-40, 40, "degrees Celsius"),
    "Rs_annual": (-500, 10_000, "g C m-2"),
}
_RESPIRATION_WORDS = [
    "Duplicate_record",
    "Quality_flag",
    "Site_ID",
    "Manipulation",
    "Manipulation_level",
    "Ecosystem_type",
]
_NAMES = {"Study_number": "study"} | {
    name: name.lower() for name in ("Latitude", "Longitude", "Elevation")
}
_EQUATION = ("Record_number", "Model_paramA", "Model_paramB", "Model_paramC", "R10")
_EQUATION_Q10 = ("Q10_0_10", "Q10_5_15", "Q10_10_20", "Q10_0_20")
_FITTED_TO = {"T_depth": "depth", "Model_temp_min": "T_low", "Model_temp_max": "T_high"}
_CARBON, _CARBON_DIOXIDE, _HOUR, _DAY = 12.011, 44.009, 3600, 86400
_TO_UMOL = {  # of the output of an equation, to umol CO2 m-2 s-1
    "umol CO2/m2/s": 1,
    "mg CO2/m2/s": 1e3 / _CARBON_DIOXIDE,
    "mg CO2/m2/hr": 1e3 / _CARBON_DIOXIDE / _HOUR,
    "g CO2/m2/hr": 1e6 / _CARBON_DIOXIDE / _HOUR,
    "g CO2/m2/day": 1e6 / _CARBON_DIOXIDE / _DAY,
    "mg C/m2/hr": 1e3 / _CARBON / _HOUR,
    "g C/m2/hr": 1e6 / _CARBON / _HOUR,
    "g C/m2/day": 1e6 / _CARBON / _DAY,
}
_EXPONENTIAL, _Q10_FORM = "Exponential, R=a exp(b(T-c))", "Q10, R=a b^((T-c)/10)"
_SAME = 0.1  # largest relative gap between an equation and what is reported of it
_PROBLEM = r"Q1[0-4]"  # SRDB's flags of a potential, suspected or known problem


def read_respiration(source: str | Path = "genuine") -> pd.DataFrame:
    """Return the records of SRDB from the grasslands of the Plateau, by ``Record_number``.

    ``elevation`` is in m, ``T`` in degrees Celsius (of the year of study where it is reported, else
    the long-term mean), ``Rs_annual`` in g C m-2; the other columns are SRDB's own words.
    """
    folder = find_collection(source, "srdb")
    files = sorted(folder.glob("srdb-data*.csv")) + sorted(folder.glob("srdb_*.csv"))
    path = files[0] if files else folder / "srdb-data.csv"
    needed = [*_RESPIRATION_WORDS, *_RESPIRATION]
    # names of places are in other encodings; records of other places are nobody's concern here
    table = read_cells(path, needed, FETCH, "replace")[needed]
    table = table[_is_plateau(table)]
    check_once(path, table, "Record_number")
    gaps = tuple(_RESPIRATION)[2:]
    table = to_numbers(path, table, _RESPIRATION, "Record_number", gaps)
    if table.empty:
        raise InputError(
            path,
            needed=f"records from {PLATEAU_RULE}",
            found="none",
            mend="give the whole srdb-data.csv",
        )
    table = table.astype({"Record_number": int, "Study_number": int}).rename(columns=_NAMES)
    table["T"] = table.pop("Study_temp").fillna(table.pop("MAT"))
    return table.set_index("Record_number")


def _is_plateau(rows: pd.DataFrame) -> pd.Series:
    place = rows[["Latitude", "Longitude", "Elevation"]].apply(pd.to_numeric, errors="coerce")
    return (
        place["Latitude"].between(26, 40)
        & place["Longitude"].between(75, 104)
        & (place["Elevation"] > 2800)
        & rows["Ecosystem_type"].str.contains("grass|meadow|steppe|tundra|wetland", case=False)
    )


def screen_records(records: pd.DataFrame) -> pd.DataFrame:
    """Keep the records of unmanipulated grassland without a known problem.

    A record is manipulated where SRDB names a manipulation, or a level of one that is no control.
    Its flags Q10 to Q14 mean a potential, suspected or known problem, a duplicate, or an
    inconsistency. "Q1", which SRDB does not define, is kept, as Q01 (read off a figure) is.
    """
    level, done = records["Manipulation_level"], records["Manipulation"].str.lower()
    return records[
        ~records["Ecosystem_type"].str.contains("wetland", case=False)
        & done.isin(["", "none"])
        & ((level == "") | level.str.contains("control|ungrazed|natural", case=False))
        & ~records["Quality_flag"].str.contains(_PROBLEM)
        & (records["Duplicate_record"] == "")
    ]


def read_equations(records: pd.DataFrame, source: str | Path = "genuine") -> pd.DataFrame:
    """Return what SRDB's studies fitted to records: respiration on temperature.

    An equation a b^((T - c) / 10) is the same curve as alpha exp(beta T) with beta = ln(b) / 10. An
    equation must give the R10 and the Q10 that SRDB reports beside it within 10 % (which also tests
    the unit), and one that a study gives for several records counts once.
    """
    path = find_collection(source, "srdb") / "srdb-equations.csv"
    numbers = (*_EQUATION, *_EQUATION_Q10, *_FITTED_TO)
    limits = dict.fromkeys(numbers, (-np.inf, np.inf, "a number"))
    limits["Record_number"] = _RESPIRATION["Record_number"]
    table = read_cells(path, ["Model_type", "Model_output_units", *numbers], FETCH, "replace")
    table = to_numbers(path, table, limits, "Record_number", numbers)
    table = table.dropna(subset=["Record_number"]).astype({"Record_number": int})
    columns = ["study", "Site_ID", "longitude", "latitude", "elevation"]
    joined = records[columns].join(table.set_index("Record_number"), how="inner")
    form, b, c = joined["Model_type"], joined["Model_paramB"], joined["Model_paramC"].fillna(0)
    powers = form == _Q10_FORM
    joined["beta"] = np.where(powers, np.log(b.where(powers & (b > 0))) / 10, b)
    unit = joined["Model_output_units"].map(_TO_UMOL)
    joined["alpha"] = joined["Model_paramA"] * np.exp(-joined["beta"] * c) * unit
    exponential = form.isin([_EXPONENTIAL, _Q10_FORM]) & joined["beta"].notna()
    exponential &= joined["Model_paramA"] > 0
    r10 = joined["alpha"] * np.exp(10 * joined["beta"])
    q10 = joined[list(_EQUATION_Q10)].bfill(axis="columns").iloc[:, 0]
    agree = _agree(r10, joined["R10"]) & _agree(np.exp(10 * joined["beta"]), q10)
    once = ~joined.duplicated(["study", "Model_paramA", "beta"])
    found = joined[exponential & agree & once]
    if found.empty:
        raise InputError(
            path,
            needed="an exponential equation of at least one of the records",
            found=f"none among {len(table)}",
            mend="give the whole srdb-equations.csv, and records that it belongs to",
        )
    kept = [*columns, "alpha", "beta", *_FITTED_TO.values()]
    return found.rename(columns=_FITTED_TO)[kept]


def read_srdb(source: str | Path = "genuine") -> pd.DataFrame:
    """Read SRDB's records of grassland on the Plateau :cite:p:`jian2021`, and their equations.

    Records lie inside 26-40 N and 75-104 E, above 2800 m; their ecosystem type has the word grass,
    meadow, steppe or tundra. Left out are manipulated plots, known problems and duplicates, and
    equations that are not R_s = alpha exp(beta T), contradict the R10 or Q10 that is reported
    beside them by more than 10 %, or repeat another of their study.

    Parameters
    ----------
    source : "genuine" or path
        Where ``make data SOURCE=sites`` or ``TIBET_REAL_DATA`` put it, or a folder. It holds
        ``srdb-data.csv`` of SRDB version 5, or a part of it (any ``srdb*.csv`` with its columns),
        and ``srdb-equations.csv``.

    Returns
    -------
    pandas.DataFrame
        By record: ``study``, ``site`` (SRDB's own word), ``longitude``, ``latitude`` (degrees),
        ``elevation`` (m), ``T`` (degrees Celsius, of the year of study where it is reported, else
        the long-term mean), ``Rs_annual`` (g C m-2), and where the record has an equation ``alpha``
        (umol CO2 m-2 s-1 at 0 degrees Celsius; NaN where the equation has no unit), ``beta`` (per
        degree), ``depth`` of the temperature (cm), ``T_low`` and ``T_high`` (degrees Celsius, where
        it was fitted), else gaps. A record with several equations has as many rows.

    Examples
    --------
    >>> read_srdb()["beta"].count()  # doctest: +SKIP
    np.int64(19)
    """
    records = screen_records(read_respiration(source))
    equations = read_equations(records, source)
    columns = ["study", "Site_ID", "longitude", "latitude", "elevation", "T", "Rs_annual"]
    added = equations.columns.difference(columns, sort=False)
    table = records[columns].join(equations[added]).rename(columns={"Site_ID": "site"})
    return table.sort_index().rename_axis("record")


def load_respiration() -> pd.DataFrame:
    """Return the embedded table of :func:`read_srdb`: measured, SRDB v5 (Jian et al. 2021, MIT).

    Examples
    --------
    >>> load_respiration()["beta"].count()
    np.int64(19)
    """
    table = pd.read_csv(EMBEDDED_RESPIRATION, index_col="record")
    return table.assign(site=table["site"].fillna("").astype(str))


def _agree(ours: pd.Series, reported: pd.Series) -> pd.Series:
    """Tell where a number is what is reported, or nothing is."""
    return ~((ours / reported - 1).abs() > _SAME)
