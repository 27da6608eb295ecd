"""All pairs of variables of the transect at once, and what relations are called in few words."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, product

import numpy as np
import pandas as pd
from scipy import stats

from helpers.factors import load_factors
from helpers.paper.claims import NO_DATA, Answer
from helpers.paper.transect import EARLIER, SOIL_LIFE, Transect, kind_of, name_variables
from helpers.statistics.associations import control_errors, correlation_p

SHORT = {
    "SH": "humidity of the air",
    "ALB": "albedo",
    "ST": "surface temperature",
    "PRE": "precipitation",
    "MAP": "precipitation, own record",
    "MAT": "temperature, own record",
    "SOC": "soil carbon",
    "pH": "pH",
    "biomass": "biomass",
    "BGB": "roots",
    "richness": "plant species",
    "shannon": "plant diversity",
    "meadow": "meadow",
}
_MOST = 0.99995  # r is embedded with four digits


def short_names() -> dict[str, str]:
    """Return what a figure or a sentence calls each variable, by its code.

    Examples
    --------
    >>> [short_names()[code] for code in ("TF", "BGB")]
    ['transpiration', 'roots']
    """
    return name_variables().to_dict() | SHORT


def group_variables() -> dict[str, list[str]]:
    """Return the climatic factors, and what was measured on the transect, by group.

    Examples
    --------
    >>> {group: len(codes) for group, codes in group_variables().items()}
    {'climate': 14, 'plants': 2, 'soil': 9, 'soil life': 4}
    """
    registry = load_factors()
    return {
        "climate": list(registry.index[registry["group"] == "climatic"]),
        "plants": ["biomass", "richness"],
        "soil": [code for code in EARLIER if code not in ("biomass", "richness")],
        "soil life": list(SOIL_LIFE),
    }


def name_relations(judged: pd.DataFrame) -> pd.Series:
    """Return what relations are called, with an arrow for the sign that is asked.

    Parameters
    ----------
    judged : pandas.DataFrame
        As :meth:`helpers.paper.Transect.judge` returns it.

    Examples
    --------
    >>> from helpers.paper import load_transect
    >>> name_relations(load_transect().judge([("ALB", "SOC", -1)])).item()
    'albedo, soil carbon ↓'
    """
    names, arrow = short_names(), {1: "↑", -1: "↓"}
    said = [
        f"{names[left]}, {names[right]} {arrow[sign]}"
        for (left, right), sign in judged["sign"].items()
    ]
    return pd.Series(said, judged.index, dtype=object)


def answer_relations(judged: pd.DataFrame) -> Answer:
    """Return what the ledger's rule ``judged`` wants of relations, no data where there are none.

    Parameters
    ----------
    judged : pandas.DataFrame
        As :meth:`helpers.paper.Transect.judge` returns it.

    Examples
    --------
    >>> from helpers.paper import load_transect
    >>> answer_relations(load_transect().judge([("TF", "SOC", 1)])).here
    'transpiration, soil carbon: r = +0.55, supported'
    """
    if judged.empty:
        return NO_DATA
    names = name_relations(judged).str[:-2]
    said = "; ".join(
        f"{names[pair]}: r = {row['r']:+.2f}, {row['verdict']}"
        + (f" (hangs on site {row['decides']})" if row["decides"] else "")
        for pair, row in judged.iterrows()
    )
    codes = {code for pair in judged.index for code in pair}
    return Answer(list(judged["verdict"]), kind_of(codes), said)


def judge_crosses(
    transect: Transect, left: Iterable[str], right: Iterable[str] | None = None
) -> pd.DataFrame:
    """Judge all pairs of two sets of variables, or within one, with the sign that all sites give.

    Parameters
    ----------
    transect : Transect
        From :func:`helpers.paper.load_transect`.
    left, right : iterable of str
        Codes of variables.

    Returns
    -------
    pandas.DataFrame
        By left and right, beside what :meth:`helpers.paper.Transect.judge` returns: ``naive``, the
        p value of independent sites; ``q``, which allows for the number of pairs; ``worth``, how
        many independent sites would give the interval of r; ``either``, whether the pair is
        supported in one direction, not supported in both, or undecided.

    Examples
    --------
    >>> from helpers.paper import load_transect
    >>> judge_crosses(load_transect(), ["TF"], ["SOC", "pH"])["sign"].tolist()
    [1, -1]
    """
    pairs = list(combinations(left, 2) if right is None else product(left, right))
    rising, falling = (transect.judge([(*pair, sign) for pair in pairs]) for sign in (1, -1))
    up = rising["r"] >= 0
    table = pd.concat([rising[up], falling[~up]]).loc[rising.index]
    r, high = table["r"].clip(-_MOST, _MOST), table["r_high"].clip(-_MOST, _MOST)
    table["naive"] = correlation_p(r, table["n"])
    table["q"] = control_errors(table)["q"]
    with np.errstate(divide="ignore"):
        reach = np.arctanh(high) - np.arctanh(r)
        table["worth"] = np.minimum(3 + (stats.norm.isf(0.025) / reach) ** 2, table["n"])
    both = pd.concat([rising["verdict"], falling["verdict"]], axis=1)
    table["either"] = "undecided"
    table.loc[(both == "supported").any(axis=1), "either"] = "supported"
    table.loc[(both == "not supported").all(axis=1), "either"] = "not supported"
    return table
