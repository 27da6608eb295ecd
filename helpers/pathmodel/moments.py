"""Covariances and correlations as they are printed, made a table with names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import COLLINEAR, as_floats, check_array, check_columns
from helpers.errors import InputError
from helpers.pathmodel.frame import correlations_of

_COUNTED = r"^\s*(\d+\.|\(\d+\))\s+(?=[^\W\d])"  # the number of a row, before its name
_ONE = ("-", "\N{EN DASH}", "\N{EM DASH}")  # how some papers print the diagonal of correlations


def read_moments(
    values: Any, names: Iterable[str] | None = None, sd: Sequence[float] | Mapping | None = None
) -> pd.DataFrame:
    r"""Read correlations or covariances as papers print them.

    Parameters
    ----------
    values : str, sequence, numpy.ndarray or pandas.DataFrame
        A triangle with the diagonal, row by row: as text, one line for each row, each with the name
        of its variable in front or none; as rows; the lower one also as one sequence. Or all of the
        matrix, or with zeros or gaps above the diagonal.
    names : iterable of str, optional
        The variables, in order, where `values` does not name them.
    sd : sequence of float or mapping, optional
        Standard deviations, (p,) or by name, that turn correlations into covariances.

    Returns
    -------
    pandas.DataFrame
        The matrix, (p, p), its rows and columns named.

    Examples
    --------
    >>> read_moments("education 1\njob .5 1", sd=[2, 10]).loc["job"].to_list()
    [10.0, 100.0]
    """
    if isinstance(values, str):
        values, found = _read_text(values)
        names = found if names is None else names
    elif not isinstance(values, Sequence | np.ndarray | pd.DataFrame):
        _refuse("text, rows or a table", f"a {type(values).__name__}", "see help(read_moments)")
    table = _complete(values if isinstance(values, pd.DataFrame) else _fill(values))
    if names is not None:
        names = list(names)
        if len(names) != len(table):
            _refuse(f"{len(table)} names, one for each row", f"{len(names)}", "name each variable")
        table = table.set_axis(names).set_axis(names, axis=1)
    elif not isinstance(values, pd.DataFrame):
        _refuse("a name for each row", "none", "give names=[...], in the order of the rows")
    table = check_moments(list(table.columns), table)
    if sd is None:
        return table
    if isinstance(sd, Mapping | pd.Series):
        sd = pd.Series(sd).reindex(table.columns)
    spread = check_array("sd", sd, "p", p=len(table)).astype(float)
    if not (spread > 0).all():
        _refuse("positive standard deviations, sd", f"{spread.min():g}", "check their source")
    return table * np.outer(spread, spread)


def check_moments(names: list[str], sample: pd.DataFrame) -> pd.DataFrame:
    """Return the covariance matrix of the named variables; refuse what is none."""
    if not isinstance(sample, pd.DataFrame):
        found = f"a {type(sample).__name__} without names"
        _refuse("rows and columns with names", found, "read_moments(matrix, names) names them")
    if len(sample) != len(sample.columns):
        found = f"a table of {len(sample)} rows and {len(sample.columns)} columns"
        _refuse("a square matrix", found, "leave out n for a table of cases")
    for named in (sample, sample.T):
        check_columns("covariance matrix", named, names, "name rows and columns by variable")
        if named.columns.has_duplicates:
            _refuse("each name once", "the same name twice", "rename one of them")
    table = _complete(sample.loc[names, names])
    S = np.stack([as_floats(column) for _, column in table.items()], axis=1)
    if not np.isfinite(S).all():
        i, j = np.argwhere(~np.isfinite(S))[0]
        value = table.iat[i, j]
        found = "a gap" if pd.isna(value) else repr(value)
        mend = "write 0.5 for 0,5" if "," in str(value) else "complete the matrix"
        _refuse("a number for each pair", f"{found} for {names[i]} and {names[j]}", mend)
    if not np.allclose(S, S.T):
        i, j = np.argwhere(~np.isclose(S, S.T))[0]
        found = f"{S[i, j]:g} and {S[j, i]:g} for {names[i]} and {names[j]}"
        _refuse("a symmetric matrix", found, "check its source, or leave the upper triangle empty")
    if not (np.diag(S) > 0).all():
        wrong = np.argmin(np.diag(S))
        _refuse("positive variances", f"{S[wrong, wrong]:g} of {names[wrong]}", "check its source")
    if np.linalg.eigvalsh(correlations_of(S)[0])[0] < -COLLINEAR:
        found = "correlations that contradict each other (a negative eigenvalue)"
        _refuse("the moments of one sample", found, "check its source")
    return pd.DataFrame(S, names, names)


def _complete(table: pd.DataFrame) -> pd.DataFrame:
    """Return a square table with the gaps above its diagonal filled from below it."""
    return table.where(table.notna(), table.T)


def _read_text(text: str) -> tuple[list[list[str]], list[str] | None]:
    """Return the numbers of each line, and the names in front of them, if there are any."""
    text = text.replace("\N{MINUS SIGN}", "-")
    between = r"[\s;,]+" if "." in text else r"[\s;]+|,(?!\d)"  # 0,5 may be half, or 0 and 5
    lines = [re.sub(_COUNTED, "", line) for line in text.splitlines()]
    rows = [[part for part in re.split(between, line) if part] for line in lines]
    rows = [row for row in rows if row]
    heads = [[*takewhile(re.compile(r"[^\W\d]").match, row)] for row in rows]
    if any(heads) and not all(heads):
        found = f"{sum(map(bool, heads))} names"
        _refuse("a name in front of every row, or of none", found, "name each row")
    rows = [row[len(head) :] for row, head in zip(rows, heads, strict=True)]
    rows = [[part.rstrip("*") for part in row] for row in rows]  # stars of significance
    rows = [row[:-1] + ["1" if part in _ONE else part for part in row[-1:]] for row in rows]
    for part in (part for row in rows for part in row):
        try:
            float(part)
        except ValueError:
            mend = "write 0.5 for 0,5" if "," in part else "correct it"
            _refuse("numbers", repr(part), mend)
    return rows, ["_".join(head) for head in heads] if any(heads) else None


def _fill(values: Any) -> pd.DataFrame:
    """Return a square table from rows, or from all numbers of a triangle in one row."""
    rows = [np.ravel(row) for row in values]
    if not rows:
        _refuse("rows of numbers", "none", "write the lower triangle, row by row")
    if all(len(row) == 1 for row in rows) and len(rows) > 1:
        flat = np.concatenate(rows)
        p = int(np.sqrt(2 * len(flat)))
        rows = np.split(flat, np.cumsum(np.arange(1, p)))
    p, lengths = len(rows), [len(row) for row in rows]
    if p > 1 and lengths == list(range(p, 0, -1)):  # the triangle above the diagonal
        rows = [[rows[j][i - j] for j in range(i + 1)] for i in range(p)]
        lengths.reverse()
    if lengths not in ([p] * p, list(range(1, p + 1))):
        _refuse(
            "a square matrix, or its lower triangle: 1 number in the first row, 2 in the second",
            f"rows of {', '.join(map(str, lengths))}",
            "write the diagonal, too, every number once, and standard deviations as sd=[...]",
        )
    table = np.full((p, p), None, object)
    for row, numbers in enumerate(rows):
        table[row, : len(numbers)] = numbers
    full = pd.DataFrame(table)
    numbers = full.apply(pd.to_numeric, errors="coerce").to_numpy()
    above = np.triu_indices(p, 1)
    if (numbers[above] == 0).all() and (numbers.T[above] != 0).any():
        full = full.mask(np.triu(np.ones((p, p), bool), 1))
    return full


def _refuse(needed: str, found: str, mend: str) -> None:
    raise InputError("covariance matrix", needed=needed, found=found, mend=mend)
