"""Tables of text: what is read of them, and what cannot be right in them."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.errors import Faults, InputError, list_some, show

Limits = Mapping[str, tuple[float, float, str]]  # of columns: the least, the most, and the unit
_CORRECT = "correct the cell or the unit of the column, or leave out the row"
_LONG_ROWS = "more cells in a row than names in the header"
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1f\x7f]")  # of bytes that are no text


@contextmanager
def _refusing(path: Path, needed: str, mend: str) -> Iterator[None]:
    """Refuse a file that is not there, or whose content is not what is needed."""
    try:
        yield
    except OSError as error:
        link = path.is_symlink() and not path.exists()
        found = "a link that leads to no file" if link else error.strerror or str(error)
        raise InputError(path, needed="a table in this file", found=found, mend=mend) from error
    except (UnicodeDecodeError, pd.errors.ParserError, csv.Error) as error:
        raise InputError(path, needed=needed, found=str(error).strip(), mend=mend) from error


def _check_text(text: str) -> str:
    if "\0" in text or not text.strip():
        raise pd.errors.ParserError("a zero byte" if text.strip() else "an empty file")
    return text


def read_cells(
    path: Path, columns: Iterable[str], mend: str, errors: str = "strict", **how: object
) -> pd.DataFrame:
    """Read a table in UTF-8 with one header line, every cell as text without blanks around it.

    It must have some `columns`. Bytes that are no UTF-8 are refused, or ("replace") get a mark.
    """
    with _refusing(path, "a table in UTF-8 with one header line, and rows as long as this", mend):
        # spreadsheets put a mark before the first letter, which utf-8-sig takes away
        text = _check_text(path.read_text(encoding="utf-8-sig", errors=errors))
        table = pd.read_csv(io.StringIO(text), dtype=str, skipinitialspace=True, **how)
    columns, found = list(columns), ""
    names = set(table)
    twice = [name for name in table if f"{name}.1" in names]  # as pandas calls the second one
    if missing := [name for name in columns if name not in table]:
        found = f"no column {', '.join(missing)} among {list_some(table.columns, 20)}"
    elif twice:
        found = f"two columns {twice[0]}"
    elif not isinstance(table.index, pd.RangeIndex):
        found = _LONG_ROWS
    elif table.empty:
        found = "no rows"
    if found:
        needed = f"rows as long as the header, and once the columns {', '.join(columns)}"
        mend = "give the columns these names, and separate the cells as they should be"
        raise InputError(path, needed=needed, found=found, mend=mend)
    return table.fillna("").apply(lambda column: column.str.strip())


def read_any_cells(path: Path, mend: str) -> tuple[pd.DataFrame, str, list[str]]:
    """Read a table as people have it, every cell as text without blanks around it.

    A workbook (.xlsx) or text in UTF-8, UTF-16 or cp1252, with tabs, semicolons or commas between
    the cells. Empty rows are dropped, and empty columns at the end.

    Returns
    -------
    tuple
        The table, its columns named by their headers, its index the number of the line less 2; the
        separator, empty for a workbook; and remarks on how the file was read.
    """
    remarks: list[str] = []
    needed = "a workbook (.xlsx), or text with a header, and no row longer than this"
    with _refusing(path, needed, mend):
        content = path.read_bytes()
        if content.startswith(b"PK\x03\x04"):
            separator, lines = "", _read_workbook(content, remarks)
        else:
            text = _check_text(_decode(content, remarks))
            first = re.sub('"[^"]*"', "", text.lstrip().partition("\n")[0])
            separator = max("\t;,", key=first.count)
            how = {"delimiter": separator, "skipinitialspace": True, "strict": True}
            reader = csv.reader(io.StringIO(text, newline=""), **how)
            lines = dict((reader.line_num, row) for row in reader)
        lines = {number: [cell.strip() for cell in row] for number, row in lines.items()}
        start = min((number for number, row in lines.items() if any(row)), default=0)
        header = lines.pop(start, [])
        rows = {number: row for number, row in lines.items() if any(row)}
        # in text, cells behind the last name may be what follows a decimal comma
        named = [header] if separator else [header, *rows.values()]
        ends = (k + 1 for row in named for k, cell in enumerate(row) if cell)
        header = header[: max(ends, default=0)]
        if long := [number for number, row in rows.items() if any(row[len(header) :])]:
            raise pd.errors.ParserError(f"{_LONG_ROWS}, in line {list_some(long, 12)}")
    width = len(header)
    cells = [[*row[:width], *[""] * (width - len(row))] for row in rows.values()]
    index = [number - 2 for number in rows]
    return pd.DataFrame(cells, index, header, dtype=str), separator, remarks


def _decode(content: bytes, remarks: list[str]) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252")
        if _CONTROL.search(text):
            raise
    remarks.append("the file is not in UTF-8: it was read in cp1252, as Windows writes")
    return text


def _read_workbook(content: bytes, remarks: list[str]) -> dict[int, list[str]]:
    """Return the rows of the first sheet by their number; formulas as the values kept with them."""
    try:
        with (
            warnings.catch_warnings(action="ignore"),  # of looks that are not read
            pd.ExcelFile(io.BytesIO(content), engine="openpyxl") as book,
        ):
            how = {"header": None, "dtype": object, "na_filter": False}
            first, *others = book.sheet_names
            table = pd.read_excel(book, **how).fillna("")
    except Exception as error:  # openpyxl raises whatever its parsers do
        raise pd.errors.ParserError(f"no workbook that can be read ({error})"[:200]) from error
    if others:
        remarks.append(f"of the workbook the first sheet was read, {first}")
    return {k + 1: [str(cell) for cell in row] for k, row in enumerate(table.to_numpy())}


def to_numbers(
    path: Path,
    table: pd.DataFrame,
    limits: Limits,
    key: str,
    gaps: Iterable[str] = (),
    mend: str = _CORRECT,
) -> pd.DataFrame:
    """Return a table with columns of text as numbers; refuse what cannot be right in its unit.

    The column `key` names a row. An empty cell becomes NaN in the columns `gaps`.
    """
    faults, numbers = Faults(), {}
    for name, (low, high, unit) in limits.items():
        numbers[name] = pd.to_numeric(table[name], errors="coerce").astype(float)
        wrong = ~(numbers[name].between(low, high) & np.isfinite(numbers[name]))
        if name in gaps:
            wrong &= table[name] != ""
        if wrong.any():
            cells = [*dict.fromkeys(table.loc[wrong, name])]
            more = f" and {len(cells) - 3} more" * (len(cells) > 3)
            told = [show(cell) if cell else "an empty cell" for cell in cells[:3]]
            empty = (table.loc[wrong, name] == "").all()
            faults.append(
                InputError(
                    f"{path}: column {name!r}, {key} {list_some(table.loc[wrong, key], 12)}",
                    needed=f"a number between {low:g} and {high:g} ({unit})",
                    found=", ".join(told) + more,
                    mend="fill the cell, or leave out the row" if empty else mend,
                )
            )
    faults.refuse()
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
    """Refuse rows that are alike in some columns, and those without a name in the first of them."""
    wrong = table.index[table.duplicated([*names]) | (table[names[0]] == "")]
    if len(wrong):
        found = [
            f"{', '.join(show(str(cell)) for cell in row)} in line {line + 2}"
            for line, *row in table.loc[wrong[:12], [*names]].itertuples()
        ]
        raise InputError(
            f"{path}: column {', '.join(map(repr, names))}",
            needed="in every row, each of them once: what is there twice counts twice",
            found="; ".join(found) + f"; and {len(wrong) - 12} more" * (len(wrong) > 12),
            mend="give every row its own name, or keep one of the rows",
        )
