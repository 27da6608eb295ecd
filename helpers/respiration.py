"""Field soil respiration of the Plateau's grasslands: SRDB, version 5 (Jian et al. 2021), observed.

Records and equations of one study, or of one place, are alike: means and slopes are those of a
mixed model with a random mean of each.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import GLS
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.tools.sm_exceptions import ModelWarning

from helpers.checks import (
    check_array,
    check_columns,
    check_labels,
    check_level,
    check_numbers,
    check_sites,
    unit_of,
)
from helpers.errors import InputError
from helpers.fieldsites import find_collection, read_table
from helpers.pathmodel.checks import check_collinear

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
    """Read the records of SRDB from the grasslands of the Plateau: observed.

    Parameters
    ----------
    source : "genuine" or path
        As for :func:`helpers.fieldsites.read_field_sites`. The folder holds ``srdb-data.csv`` of
        SRDB version 5, or a part of it (any ``srdb*.csv`` with its columns).

    Returns
    -------
    pandas.DataFrame
        Indexed by ``Record_number``, inside 26-40 N and 75-104 E, above 2800 m, of an ecosystem
        type with the word grass, meadow, steppe, tundra or wetland: ``study``, ``longitude``,
        ``latitude``, ``elevation`` (m), ``T`` (degrees Celsius: of the year of study where it is
        reported, else the long-term mean), ``Rs_annual`` (g C m-2), and SRDB's own words. A part
        that was made by this rule comes out whole.

    Raises
    ------
    InputError
        For a missing file or column, a record that is there twice, text in a number column, a
        number that cannot be right in its unit, or no record that the rule takes.

    References
    ----------
    Jian et al. (2021), Earth System Science Data 13, 255-267.
    """
    folder = find_collection(source, "srdb")
    files = sorted(folder.glob("srdb-data*.csv")) + sorted(folder.glob("srdb_*.csv"))
    path = files[0] if files else folder / "srdb-data.csv"
    options = {"once": (["Record_number"],), "gaps": tuple(_RESPIRATION)[2:]}
    table = read_table(path, _RESPIRATION_WORDS, _RESPIRATION, keep=_is_plateau, **options)
    if table.empty:
        raise InputError(
            path,
            needed=f"records from {PLATEAU_RULE}",
            found="none",
            mend="give the whole srdb-data.csv",
        )
    names = {
        "Study_number": "study",
        "Longitude": "longitude",
        "Latitude": "latitude",
        "Elevation": "elevation",
    }
    table = table.rename(columns=names).astype({"Record_number": int, "study": int})
    table["T"] = table.pop("Study_temp").fillna(table.pop("MAT"))
    return table.set_index("Record_number")


def _is_plateau(rows: pd.DataFrame) -> pd.Series:
    latitude, longitude, elevation = (
        pd.to_numeric(rows[name], errors="coerce")
        for name in ("Latitude", "Longitude", "Elevation")
    )
    kind = rows["Ecosystem_type"]
    return (
        latitude.between(26, 40)
        & longitude.between(75, 104)
        & (elevation > 2800)
        & kind.str.contains("grass|meadow|steppe|tundra|wetland", case=False)
    )


def screen_records(records: pd.DataFrame) -> Screened:
    """Keep the records of unmanipulated grassland without a known problem.

    Parameters
    ----------
    records : pandas.DataFrame
        From :func:`read_respiration`.

    Returns
    -------
    Screened
        The records, and ``records`` and ``studies`` left after each rule.

    Notes
    -----
    A record is manipulated where SRDB names a manipulation, or a level of one that is no control.
    Its flags Q10 to Q14 mean a potential, suspected or known problem, a duplicate, or an
    inconsistency. "Q1", which SRDB does not define, is kept, as Q01 (read off a figure) is.
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
    kept = pd.Series(True, index=table.index)
    counts = {start: kept}
    for rule, holds in rules.items():
        kept = kept & holds
        counts[rule] = kept
    steps = pd.DataFrame(
        {
            "records": {rule: each.sum() for rule, each in counts.items()},
            "studies": {rule: table.loc[each, "study"].nunique() for rule, each in counts.items()},
        }
    )
    return Screened(table[kept], steps.rename_axis("after the rule"))


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
        By record: ``study``, ``Site_ID``, ``longitude``, ``latitude``, ``elevation``, ``alpha``
        (umol CO2 m-2 s-1 at 0 degrees Celsius; NaN where the equation has no unit), ``beta`` (per
        degree), ``depth`` of the temperature (cm), ``T_low`` and ``T_high`` (degrees Celsius, where
        it was fitted).

    Raises
    ------
    InputError
        For a missing file or column, text in a number column, or no equation that is left.

    Notes
    -----
    An equation a b^((T - c) / 10) is the same curve with beta = ln(b) / 10. Three things are
    checked: an equation must give the R10 and the Q10 that SRDB reports beside it within 10 %
    (which also tests the unit), and one that a study gives for several records counts once.
    """
    path = find_collection(source, "srdb") / "srdb-equations.csv"
    numbers = (*_EQUATION, *_EQUATION_Q10, *_FITTED_TO)
    limits = dict.fromkeys(numbers, (-np.inf, np.inf, "a number"))
    limits["Record_number"] = _RESPIRATION["Record_number"]
    table = read_table(path, ["Model_type", "Model_output_units"], limits, gaps=numbers)
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


def cluster_regression(
    values: pd.Series,
    clusters: pd.Series,
    causes: pd.DataFrame | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Regress values on causes where the values of one study, or of one place, are alike.

    Parameters
    ----------
    values : pandas.Series
        n values.
    clusters : pandas.Series
        The study or place of each.
    causes : pandas.DataFrame, optional
        k columns; without it, the mean is estimated.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        By coefficient (``constant`` first): ``estimate``, ``low`` and ``high``, by t with
        (clusters - k - 1) degrees of freedom, since only clusters are independent. Where there
        are no causes, ``new_low`` and ``new_high``, too, between which one more value, of one more
        cluster, would lie.

    Raises
    ------
    InputError
        For a gap, anything but numbers, a constant column, causes or clusters of other values or
        in another order, causes that determine each other, or fewer than k + 4 clusters.

    Notes
    -----
    A random mean of each cluster by restricted maximum likelihood (MixedLM of statsmodels, by
    Nelder and Mead's search, as the others lose their way where its variance is 0); with this
    variance, coefficients by generalized least squares.
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    table, causes = check_sites(values=values, causes=causes)
    clusters = check_labels("cluster", clusters, table.index)
    causes = table.iloc[:, :0] if causes is None else causes
    per, unit = unit_of(causes.to_numpy()), unit_of(table.to_numpy()).item()
    values, causes = table["values"] / unit, causes / per
    units, k = clusters.nunique(), causes.shape[1]
    if units < k + 4:
        raise InputError(
            "regression",
            needed=f"at least {k + 4} clusters",
            found=f"{units}",
            mend="add studies or places, or take causes out",
        )
    if k:
        check_collinear(list(causes), causes.corr().to_numpy())
    X = causes.assign(constant=1.0)[["constant", *causes]]
    with warnings.catch_warnings():  # a variance of 0 is an answer here
        warnings.simplefilter("ignore", ModelWarning)
        mixed = MixedLM(values, X, groups=clusters).fit(reml=True, method="nm")
    between = mixed.cov_re.iloc[0, 0]
    same = clusters.to_numpy()[:, None] == clusters.to_numpy()
    fit = GLS(values, X, sigma=between * same + mixed.scale * np.eye(len(values))).fit()
    reach = stats.t.ppf((1 + confidence) / 2, units - k - 1)
    table = pd.DataFrame({"estimate": fit.params})
    table = table.assign(low=fit.params - reach * fit.bse, high=fit.params + reach * fit.bse)
    if not k:
        further = reach * np.hypot(fit.bse, np.sqrt(between + mixed.scale))
        table = table.assign(new_low=fit.params - further, new_high=fit.params + further)
    return table.mul(unit / np.r_[1, per], axis="index")


def pool_equations(
    equations: pd.DataFrame, clusters: pd.Series, confidence: float = 0.95
) -> pd.DataFrame:
    """Average field equations over studies or places.

    Parameters
    ----------
    equations : pandas.DataFrame
        From :func:`read_equations`; those without alpha count for beta only.
    clusters : pandas.Series
        Study or place of each equation.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        Rows ``beta`` (per degree), ``Q10`` = exp(10 beta), ``alpha`` and ``R10`` (umol m-2 s-1, at
        0 and 10 degrees Celsius; geometric means): ``estimate`` with ``low`` and ``high``, the
        interval of the mean; ``new_low`` and ``new_high``, in which one more equation, of one more
        study, would lie; ``equations`` and ``clusters``.

    Notes
    -----
    No standard errors of the equations are known, so each counts alike
    (:func:`cluster_regression`).
    """
    equations, clusters = _check_equations(equations, clusters)
    has_unit = equations["alpha"].notna()
    logs = np.log(equations.loc[has_unit, "alpha"])
    quantities = {
        "beta": (equations["beta"], lambda x: x),
        "Q10": (10 * equations["beta"], np.exp),
        "alpha": (logs, np.exp),
        "R10": (logs + 10 * equations.loc[has_unit, "beta"], np.exp),
    }
    rows = {}
    for name, (values, back) in quantities.items():
        groups = clusters if len(values) == len(clusters) else clusters[has_unit]
        mean = cluster_regression(values, groups, confidence=confidence).iloc[0]
        rows[name] = {**back(mean), "equations": len(values), "clusters": groups.nunique()}
    return pd.DataFrame.from_dict(rows, "index")


def respiration_curve(
    equations: pd.DataFrame, clusters: pd.Series, temperature: np.ndarray, confidence: float = 0.95
) -> pd.DataFrame:
    """Average the curves of field equations at each temperature.

    Parameters
    ----------
    equations : pandas.DataFrame
        From :func:`read_equations`; those without alpha are left out.
    clusters : pandas.Series
        Study or place of each equation.
    temperature : numpy.ndarray
        Of the soil, degrees Celsius.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        By temperature: ``estimate``, ``low``, ``high``, ``new_low``, ``new_high`` of R_s in umol
        m-2 s-1, as of :func:`pool_equations`.
    """
    equations, clusters = _check_equations(equations, clusters)
    has_unit = equations["alpha"].notna()
    known, groups = equations[has_unit], clusters[has_unit]
    rows = {
        T: np.exp(
            cluster_regression(
                np.log(known["alpha"]) + known["beta"] * T, groups, confidence=confidence
            ).iloc[0]
        )
        for T in check_array("temperature", temperature, "n")
    }
    return pd.DataFrame.from_dict(rows, "index").rename_axis("T")


def _check_equations(
    equations: pd.DataFrame, clusters: pd.Series
) -> tuple[pd.DataFrame, pd.Series]:
    check_columns("equations", equations, ["alpha", "beta"])
    beta = check_numbers(equations[["beta"]])
    positive = {"alpha": (np.nextafter(0, 1), np.inf)}
    alpha = check_numbers(equations[["alpha"]], within=positive, gaps=True)
    clusters = check_labels("cluster", clusters, equations.index)
    return equations.assign(alpha=alpha["alpha"], beta=beta["beta"]), clusters
