"""Specification curves: one conclusion under every combination of reasonable choices.

Simonsohn, Simmons and Nelson (2020, Nature Human Behaviour 4, 1208-1214) draw a result once for
each *specification*, a combination of choices that an analyst could defend. The tables come from
``make sweep``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.checks import check_columns, check_numbers
from helpers.errors import InputError
from helpers.paper.claims import ANSWER, load_claims, share_in_order
from helpers.paths import SWEEPS

_TEXTS = ("claim", *ANSWER)


def load_sweep(name: str) -> pd.DataFrame:
    """Return the answers that a sweep gathered, one row per run and claim.

    Each is measured by one number, ``estimate``, of a sign also by ``low`` and ``high``.

    Parameters
    ----------
    name : str
        Of a grid in ``book/sweeps`` (``what_survives``), or the path of a table of your own.

    Examples
    --------
    >>> {"claim", "estimate"} <= set(load_sweep("what_survives_small"))
    True
    """
    path = Path(name) if name.endswith(".csv") else SWEEPS / f"{name}.csv"
    table = read_answers(path)
    ledger = load_claims()
    if unknown := set(table["claim"]).difference(ledger.index):
        raise InputError(
            path,
            needed="claims of data/claims.csv",
            found=", ".join(sorted(unknown)),
            mend="make the sweep again",
        )
    answers = zip(table["claim"], table["value"], strict=True)
    return table.join(pd.DataFrame([measure(ledger.loc[name], value) for name, value in answers]))


def read_answers(path: Path) -> pd.DataFrame:
    """Return a table that ``make sweep`` wrote, as it was written."""
    if not path.exists():
        raise InputError(
            path,
            needed="the table of a sweep",
            found="no such file",
            mend=f"make sweep GRID={path.with_suffix('.yml')}",
        )
    try:
        texts = dict.fromkeys(("notebook", "run", *_TEXTS), str)  # a run may look like a number
        table = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])
    except (OSError, ValueError):
        table = pd.DataFrame()
    if lacking := {"notebook", "run", *_TEXTS}.difference(table.columns):
        raise InputError(
            path,
            needed="a table that make sweep wrote",
            found=f"no column {', '.join(sorted(lacking))}",
            mend="make the sweep again; if this is another file, move it or rename the grid",
        )
    return table.convert_dtypes().fillna(dict.fromkeys(_TEXTS, ""))


def measure(claim: Mapping, value: str) -> dict[str, float]:
    """Return one number for what a run answered (JSON), NaN where it had no answer.

    A sign is the estimate with its interval, turned so that the printed sign is positive.
    """
    try:
        answer: Any = json.loads(value)
    except (TypeError, ValueError) as error:
        needed, mend = "JSON, as helpers.paper.claims.collect returns it", "make the sweep again"
        raise InputError("value", needed=needed, found=repr(value), mend=mend) from error
    estimate = low = high = float("nan")
    match claim["rule"]:
        case _ if answer is None:
            pass
        case "sign":
            turned = [number if claim["published"] == "+" else -number for number in answer]
            estimate, (low, high) = turned[0], sorted(turned[1:])
        case "every" | "tests" | "most":
            count, total = answer
            estimate = count / total if total else estimate
        case "judged":
            estimate = answer.count("supported") / len(answer) if answer else estimate
        case "order":
            estimate = share_in_order(claim["published"].split(" > "), answer)
        case "rounds to" if not isinstance(answer, list):
            estimate = answer
    return {"estimate": estimate, "low": low, "high": high}


def explained(rows: pd.DataFrame, choices: list[str]) -> pd.Series:
    """Return the share of the variance between specifications that each choice explains alone.

    This is the sum of squares between its values over the total (eta squared), 0 where nothing
    varies. In a complete grid the shares add up to 1 at most; the rest is interaction.

    Parameters
    ----------
    rows, choices : pandas.DataFrame and list of str
        Runs of one conclusion, with ``estimate``, and the columns with the choices.

    Examples
    --------
    >>> explained(pd.DataFrame({"x": [1, 1, 2, 2], "estimate": [0, 0, 3, 3]}), ["x"]).tolist()
    [1.0]
    """
    check_columns("rows", rows, ["estimate", *choices])
    estimate = check_numbers(rows[["estimate"]], different=1, gaps=True)["estimate"].dropna()
    total = ((estimate - estimate.mean()) ** 2).sum()
    if total <= 1e-12 * (estimate**2).sum():
        return pd.Series(0.0, choices)
    means = {name: estimate.groupby(rows[name]).transform("mean") for name in choices}
    between = {name: ((each - estimate.mean()) ** 2).sum() for name, each in means.items()}
    return pd.Series(between) / total
