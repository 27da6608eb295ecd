"""The registry of the 44 ecosystem factors."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

DATA = Path(__file__).parent.parent / "data"
GROUPS = ("climatic", "plant", "soil", "microbial")


@cache
def _registry() -> pd.DataFrame:
    table = pd.read_csv(DATA / "factors.csv", index_col="code", keep_default_na=False)
    table["named_in_text"] = table["named_in_text"].map({"yes": True, "no": False})
    from_gldas = table["source"].str.endswith(("_tavg", "_inst", "_acc"))
    table["data_label"] = from_gldas.map({True: "observed", False: "reconstructed"})
    return table


def load_factors() -> pd.DataFrame:
    """Return the registry: one row per factor, in the order of the paper's groups.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``code`` (an identifier: ``CN``, not ``C/N``), 44 rows with the columns
        ``label`` (as printed in the paper), ``name``, ``group``, ``unit``, ``source`` (GLDAS
        variable or defining formula), ``definition``, ``named_in_text`` (does the paper's text
        name it?), ``confidence`` (0-1, that it is one of the 44), ``meaning_confidence`` (0-1,
        that the name means this), ``alternates`` and ``data_label`` (its label in the embedded
        study).

    Notes
    -----
    The text of Han et al. (2022) names 29 of the 44; the other 15 stand in figures and in a
    supplement that we do not have. They are informed guesses, with their confidence.
    """
    return _registry().copy()


def gldas_sources() -> dict[str, str]:
    """Return the GLDAS variable of each factor that comes from GLDAS, by factor code."""
    table = _registry()
    return table.loc[table["data_label"] == "observed", "source"].to_dict()
