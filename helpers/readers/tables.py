"""Tables of text: what is read of them, and what cannot be right in them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.errors import InputError, list_some, show

Limits = Mapping[str, tuple[float, float, str]]  # of columns: the least, the most, and the unit


def read_cells(
    path: Path, columns: Iterable[str], mend: str, errors: str = "strict", **how: object
) -> pd.DataFrame:
    """Read a table in UTF-8 with one header line, every cell as text without blanks around it.

    It must have some `columns`. Bytes that are no UTF-8 are refused, or ("replace") get a mark.
    """
    try:
        # spreadsheets put a mark before the first letter, which utf-8-sig takes away
        text = path.read_text(encoding="utf-8-sig", errors=errors)
        if "\0" in text or not text.strip():
            raise pd.errors.ParserError("a zero byte" if text.strip() else "an empty file")
        table = pd.read_csv(io.StringIO(text), dtype=str, skipinitialspace=True, **how)
    except OSError as error:
        link = path.is_symlink() and not path.exists()
        found = "a link that leads to no file" if link else error.strerror
        raise InputError(path, needed="a table in this file", found=found, mend=mend) from error
    except (UnicodeDecodeError, pd.errors.ParserError) as error:
        raise InputError(
            path,
            needed="a table in UTF-8 with one header line, and rows as long as this",
            found=str(error).strip(),
            mend=mend,
        ) from error
    columns, found = list(columns), ""
    names = set(table)
    twice = [name for name in table if f"{name}.1" in names]  # as pandas calls the second one
    if missing := [name for name in columns if name not in table]:
        found = f"no column {', '.join(missing)} among {list_some(table.columns, 20)}"
    elif twice:
        found = f"two columns {twice[0]}"
    elif not isinstance(table.index, pd.RangeIndex):
        found = "more cells in a row than names in the header"
    elif table.empty:
        found = "no rows"
    if found:
        needed = f"rows as long as the header, and once the columns {', '.join(columns)}"
        mend = "give the columns these names, and separate the cells as they should be"
        raise InputError(path, needed=needed, found=found, mend=mend)
    return table.fillna("").apply(lambda column: column.str.strip())


def to_numbers(
    path: Path, table: pd.DataFrame, limits: Limits, key: str, gaps: Iterable[str] = ()
) -> pd.DataFrame:
    """Return a table with columns of text as numbers; refuse what cannot be right in its unit.

    The column `key` names a row. An empty cell becomes NaN in the columns `gaps`.
    """
    places, needs, found, numbers = [], [], [], {}
    for name, (low, high, unit) in limits.items():
        numbers[name] = pd.to_numeric(table[name], errors="coerce").astype(float)
        wrong = ~(numbers[name].between(low, high) & np.isfinite(numbers[name]))
        if name in gaps:
            wrong &= table[name] != ""
        if wrong.any():
            cell, row = table.loc[wrong, [name, key]].iloc[0]
            places.append(f"column {name!r}, {key} {show(row, quote=False)}")
            needs.append(f"a number between {low:g} and {high:g} ({unit})")
            found.append(show(cell) if cell else "an empty cell")
    if places:
        raise InputError(
            f"{path}: {'; '.join(places)}",
            needed="; ".join(needs),
            found="; ".join(found),
            mend="correct the cell or the unit of the column, or leave out the row",
        )
    return table.assign(**numbers)


def read_named(
    path: Path, words: list[str], about: Mapping[str, tuple], mend: str, **how: object
) -> pd.DataFrame:
    """Read columns of words, of which the first names a row, and columns of numbers: `about` has
    our name, the least, the most and the unit of each."""
    table = read_cells(path, [*words, *about], mend, **how)
    limits = {name: each[1:4] for name, each in about.items()}
    table = to_numbers(path, table, limits, words[0])[[*words, *about]]
    return table.rename(columns={name: each[0] for name, each in about.items()})


def check_words(path: Path, table: pd.DataFrame, name: str, known: Iterable[str], key: str) -> None:
    """Refuse a column with another word than those that are known."""
    wrong = table[~table[name].isin(list(known))]
    if len(wrong):
        raise InputError(
            f"{path}: column {name!r}, {key} {show(wrong[key].iloc[0], quote=False)}",
            needed=f"one of {', '.join(known)}",
            found=show(wrong[name].iloc[0]),
            mend="use one of these words, spelled like this, or leave out the row",
        )


def check_once(path: Path, table: pd.DataFrame, *names: str) -> None:
    """Refuse rows that are alike in some columns, and one without a name in the first of them."""
    wrong = table[table.duplicated([*names]) | (table[names[0]] == "")]
    if len(wrong):
        found = ", ".join(show(str(cell)) for cell in wrong[[*names]].iloc[0])
        raise InputError(
            f"{path}: column {', '.join(map(repr, names))}",
            needed="in every row, each of them once: what is there twice counts twice",
            found=f"{found} in line {wrong.index[0] + 2}",
            mend="give every row its own name, or keep one of the rows",
        )
