"""The registry of the 44 ecosystem factors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

import pandas as pd

from helpers.paths import DATA

GROUPS = ("climatic", "plant", "soil", "microbial")
POSSIBLE = {  # monthly means of GLDAS beyond these are impossible on land, whatever the place
    "K": (150, 350),
    "%": (1, 100),  # of albedo; 0.2 is a fraction
    "W m-2": (-500, 2000),
    "kg m-2 s-1": (-1e-5, 0.01),  # dew of 26 mm, rain of 26 m in a month
    "kg m-2": (1, 5000),  # of water in the root zone; 0.2 is a share of its volume
    "kg kg-1": (-0.01, 0.1),
    "m s-1": (0, 100),
}


@cache
def _registry() -> pd.DataFrame:
    table = pd.read_csv(DATA / "factors.csv", index_col="code", keep_default_na=False)
    table["named_in_text"] = table["named_in_text"].map({"yes": True, "no": False})
    from_gldas = table["source"].str.endswith(("_tavg", "_inst", "_acc"))
    table["unit_shown"] = table["unit"].map(show_unit)
    table["data_label"] = from_gldas.map({True: "assimilated", False: "reconstructed"})
    return table


def load_factors() -> pd.DataFrame:
    """Return the registry: one row per factor, in the order of the paper's groups.

    The text of Han et al. (2022) names 29 of the 44; the other 15 stand in figures and in a
    supplement that we do not have. They are informed guesses, with their confidence.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``code`` (an identifier: ``CN``, not ``C/N``). Besides what the names of the
        columns say: ``label`` is as printed in the paper, ``unit`` as GLDAS writes it; ``source``
        is a GLDAS variable or a formula, ``made_from`` the codes that it is computed from or the
        sum of; ``confidence`` (0-1) that it is one of the 44, ``meaning_confidence`` that the name
        means this; ``data_label`` its label in the embedded study.

    Examples
    --------
    >>> load_factors().loc["SOC", ["group", "unit"]].tolist()
    ['soil', 'g kg-1']
    """
    return _registry().copy()


def show_unit(unit: str) -> str:
    """Return a unit with raised exponents and spaces that do not break: ``m s-1``, m s⁻¹."""
    raised = re.sub(r"-(\d)", lambda power: "⁻" + "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(power[1])], unit)
    return raised.replace("umol", "µmol").replace(" ", "\N{NO-BREAK SPACE}")


def gldas_sources() -> dict[str, str]:
    """Return the GLDAS variable of each factor that comes from GLDAS, by factor code."""
    table = _registry()
    return table.loc[table["data_label"] == "assimilated", "source"].to_dict()


def built_in(pairs: pd.MultiIndex, made_from: Mapping[str, str] | None = None) -> pd.Series:
    """Tell which pairs of codes correlate by definition: both hold one and the same quantity.

    TC holds SOC, C/N holds TC, so both pairs are built in, and so is C/N with SOC.

    Parameters
    ----------
    pairs : pandas.MultiIndex
        Two codes each.
    made_from : mapping, optional
        What a code is computed from, in words apart, where that is not as in the registry.

    Examples
    --------
    >>> built_in(pd.MultiIndex.from_tuples([("TC", "SOC"), ("SOC", "pH")])).tolist()
    [True, False]
    >>> built_in(pd.MultiIndex.from_tuples([("CP", "SOC")]), {"CP": "SOC TP"}).tolist()
    [True]
    """
    parts = _registry()["made_from"].to_dict() | dict(made_from or {})
    shared = [bool(_contents(one, parts) & _contents(other, parts)) for one, other in pairs]
    return pd.Series(shared, index=pairs, name="built_in", dtype=bool)


def _contents(code: str, parts: Mapping[str, str]) -> frozenset[str]:
    return frozenset({code}).union(*(_contents(one, parts) for one in parts.get(code, "").split()))
