"""Field soil respiration of the Plateau's grasslands: SRDB, version 5 (Jian et al. 2021), observed.

Means and slopes of records and equations: ``helpers.statistics.clusters``.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.errors import InputError
from helpers.readers.plots import FETCH, find_collection
from helpers.readers.tables import check_once, read_cells, to_numbers

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


class Screened(NamedTuple):
    """What is left of a table after a series of rules, and how much each rule left."""

    table: pd.DataFrame
    steps: pd.DataFrame


def read_respiration(source: str | Path = "genuine") -> pd.DataFrame:
    """Read the records of SRDB from the grasslands of the Plateau :cite:p:`jian2021`: observed.

    Parameters
    ----------
    source : "genuine" or path
        As for :func:`helpers.readers.read_field_sites`. The folder holds ``srdb-data.csv`` of
        SRDB version 5, or a part of it (any ``srdb*.csv`` with its columns).

    Returns
    -------
    pandas.DataFrame
        Indexed by ``Record_number``, inside 26-40 N and 75-104 E, above 2800 m, of an ecosystem
        type with the word grass, meadow, steppe, tundra or wetland. ``elevation`` is in m, ``T`` in
        degrees Celsius (of the year of study where it is reported, else the long-term mean),
        ``Rs_annual`` in g C m-2; the other columns are SRDB's own words.

    Examples
    --------
    >>> len(read_respiration())  # doctest: +SKIP
    411
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


def screen_records(records: pd.DataFrame) -> Screened:
    """Keep the records of unmanipulated grassland without a known problem, and count the steps.

    A record is manipulated where SRDB names a manipulation, or a level of one that is no control.
    Its flags Q10 to Q14 mean a potential, suspected or known problem, a duplicate, or an
    inconsistency. "Q1", which SRDB does not define, is kept, as Q01 (read off a figure) is.

    Examples
    --------
    >>> screen_records(read_respiration()).steps["records"].iloc[-1]  # doctest: +SKIP
    148
    """
    level = records["Manipulation_level"]
    done = records["Manipulation"].str.lower()
    rules = {
        "grassland, not wetland": ~records["Ecosystem_type"].str.contains("wetland", case=False),
        "not manipulated": done.isin(["", "none"])
        & ((level == "") | level.str.contains("control|ungrazed|natural", case=False)),
        "no problem flagged": ~records["Quality_flag"].str.contains(_PROBLEM),
        "no known duplicate": records["Duplicate_record"] == "",
    }
    return _screen(records, rules, f"SRDB records: {PLATEAU_RULE}")


def _screen(table: pd.DataFrame, rules: dict[str, pd.Series], start: str) -> Screened:
    holds = pd.DataFrame({start: True, **rules}, index=table.index)
    kept = holds.cumprod(axis="columns").astype(bool)  # by this rule and all before it
    studies = kept.apply(lambda rows: table.loc[rows, "study"].nunique())
    steps = pd.DataFrame({"records": kept.sum(), "studies": studies})
    return Screened(table[kept.iloc[:, -1]], steps.rename_axis("after the rule"))


def read_equations(records: pd.DataFrame, source: str | Path = "genuine") -> Screened:
    """Read what SRDB's studies fitted: respiration on temperature, R_s = alpha exp(beta T).

    Parameters
    ----------
    records : pandas.DataFrame
        Whose equations to take, from :func:`screen_records`.
    source : "genuine" or path
        The folder holds ``srdb-equations.csv``.

    Returns
    -------
    Screened
        By record: the study and its place, ``alpha`` (umol CO2 m-2 s-1 at 0 degrees Celsius; NaN
        where the equation has no unit), ``beta`` (per degree), ``depth`` of the temperature (cm),
        ``T_low`` and ``T_high`` (degrees Celsius, where it was fitted).

    Notes
    -----
    An equation a b^((T - c) / 10) is the same curve with beta = ln(b) / 10. An equation must give
    the R10 and the Q10 that SRDB reports beside it within 10 % (which also tests the unit), and one
    that a study gives for several records counts once.

    Examples
    --------
    >>> read_equations(screen_records(read_respiration()).table).steps  # doctest: +SKIP
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
    rules = {
        "R = a exp(b T) with a and b": exponential,
        "agrees with its own R10 and Q10": _agree(r10, joined["R10"])
        & _agree(np.exp(10 * joined["beta"]), q10),
        "each equation once": ~joined.duplicated(["study", "Model_paramA", "beta"]),
    }
    screened = _screen(joined, rules, "with any equation")
    if screened.table.empty:
        raise InputError(
            path,
            needed="an exponential equation of at least one of the records",
            found=f"none among {len(table)}",
            mend="give the whole srdb-equations.csv, and records that it belongs to",
        )
    kept = [*columns, "alpha", "beta", *_FITTED_TO.values()]
    return Screened(screened.table.rename(columns=_FITTED_TO)[kept], screened.steps)


def _agree(ours: pd.Series, reported: pd.Series) -> pd.Series:
    """Tell where a number is what is reported, or nothing is."""
    return ~((ours / reported - 1).abs() > _SAME)
