"""The checks of input that many analyses share: what is refused raises InputError.

Real numbers of any type are taken, 200.0 for 200, True and False for 1 and 0 in a column, and text
that spells a number. A list or an array is taken in the order of the labelled table beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import InputError, list_some, show

_DEGREES = {"longitude": (-180, 360), "latitude": (-90, 90)}
COLLINEAR = 1e-10  # smallest eigenvalue of a correlation matrix
_SHARE = "a number between 0 and 1"
_ONE_ORDER = "take both from one study, or reindex one by the other"
_USUAL = (-10, 20)  # powers of 2: from a thousandth to a million


def check_number(
    name: str,
    value: object,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    needed: str = "",
    mend: str = "correct it",
) -> float:
    """Return a number as a float; refuse what is none, or not finite, or outside of low to high.

    In all checks, `name` is that of the parameter, for the error; `needed` and `mend` are what the
    error asks for, if it is not the range, and what to do.
    """
    number = _as_number(value)
    if np.isfinite(number) and low <= number <= high:
        return number
    needed = needed or f"a number{_span(low, high)}"
    raise InputError(name, needed=needed, found=_say(value), mend=mend)


def check_whole(
    name: str,
    value: Any,
    low: float = 1,
    high: float = np.inf,
    *,
    of: str = "",
    mend: str = "correct it",
) -> int:
    """Return a whole number, which may come as 200.0; refuse what is none, or out of range.

    `of` tells what is counted.
    """
    needed = f"a whole number{_span(low, high)} {of}".rstrip()
    number = check_number(name, value, low, high, needed=needed, mend=mend)
    if number != int(number):
        raise InputError(name, needed=needed, found=_say(value), mend=mend)
    return int(value)


def check_level(name: str, level: object, usual: float) -> float:
    """Return a level of significance or confidence; refuse one that is not between 0 and 1.

    The error proposes the usual one.
    """
    ends = np.nextafter(0, 1), np.nextafter(1, 0)
    return check_number(name, level, *ends, needed=_SHARE, mend=f"try {usual:g}")


def check_word(name: str, value: object, words: Iterable[str]) -> None:
    """Refuse a value that is not among the words that a parameter takes."""
    if not isinstance(value, str) or value not in words:
        raise InputError(
            name, needed=" or ".join(words), found=repr(value), mend="use one of these words"
        )


def check_columns(
    name: str, table: pd.DataFrame, columns: Iterable[str], mend: str = "correct its name"
) -> None:
    """Refuse a table without some of the columns that are needed."""
    if missing := [column for column in columns if column not in table]:
        needed, found = f"the columns {list_some(columns)}", f"no column {list_some(missing)}"
        raise InputError(name, needed=needed, found=found, mend=mend)


def check_numbers(
    table: pd.DataFrame,
    *,
    different: int = 2,
    within: Mapping[str, tuple[float, float]] | None = None,
    gaps: bool = False,
) -> pd.DataFrame:
    """Return a table as floats; refuse columns with what is no number, or out of its range.

    A column needs as many different values as `different`, 1 or 2, says. It may have gaps only
    where `gaps` says so. Ranges, `within`, are by column.
    """
    for code in table.columns[table.columns.duplicated()]:
        raise InputError(
            f"column {code!r}",
            needed="each name once",
            found="the same name twice",
            mend="remove or rename one of them",
        )
    numbers = [as_floats(column) for _, column in table.items()]
    found, spans = {}, {}
    for values, (code, column) in zip(numbers, table.items(), strict=True):
        low, high = (within or {}).get(code, (-np.inf, np.inf))
        wrong = ~(np.isfinite(values) & (values >= low) & (values <= high))
        if gaps:
            wrong &= ~column.isna().to_numpy()
        if wrong.any():
            first = wrong.argmax()
            here = "a gap" if column.isna().iloc[first] else _say(column.iloc[first])
            found[code], spans[code] = f"{here} at {table.index[first]}", _span(low, high)
        elif different > 1 and len(set(values[~np.isnan(values)])) < 2:
            there = values[~np.isnan(values)]
            found[code] = f"{there[0]:g} at every site" if len(there) else "no site"
            spans[code] = _span(low, high)
    if found:
        many = len(found) > 1
        needed = f"a number{' or '.join(dict.fromkeys(spans.values()))} at every site"
        needed += ", at least two of them different" if different > 1 else ""
        here = "; ".join(f"{code}: {fault}" if many else fault for code, fault in found.items())
        mend = "leave out the site or the column"
        mend += ": a constant explains nothing" if different > 1 else ""
        if any("'" in fault for fault in found.values()):
            mend = f"write a decimal point, an empty cell for a gap, 0 and 1 for classes; or {mend}"
        where = f"column{'s' * many} " + ", ".join(map(repr, found))
        raise InputError(where, needed=needed, found=here, mend=mend)
    numbers = np.reshape(numbers, (len(numbers), len(table))).T
    return pd.DataFrame(numbers, table.index, table.columns)


def check_sites(different: int = 2, **tables: Any) -> list:
    """Return tables as ``check_numbers``; refuse other sites or another order than the first's.

    They come by parameter, whose name a column alone gets; None stays None. ``places`` needs
    longitude and latitude, in degrees, which may be the same at every site.
    """
    index = next((table.index for table in tables.values() if hasattr(table, "iloc")), None)
    checked = dict.fromkeys(tables)
    for name, table in tables.items():
        if table is None:
            continue
        table = _as_frame(name, table, index)
        index = table.index if index is None else index
        if not table.index.equals(index):
            needed = "tables of the same sites in the same order"
            found = f"{len(index)} sites in one, {len(table)} or another order in the other"
            raise InputError(name, needed=needed, found=found, mend=_ONE_ORDER)
        if name == "places":
            check_columns(name, table, _DEGREES)
            checked[name] = check_numbers(table[[*_DEGREES]], different=1, within=_DEGREES)
        else:
            checked[name] = check_numbers(table, different=different)
    return [*checked.values()]


def check_labels(kind: str, labels: pd.Series, index: pd.Index, gaps: bool = False) -> pd.Series:
    """Return the group of each site; refuse other sites, another order, or a site without one.

    `kind` is what the labels name, such as ``group``; with `gaps`, sites may be without.
    """
    name = getattr(labels, "name", None)
    labels = _as_frame(f"{kind}s", labels, index).iloc[:, 0].rename(name)
    here = labels.index[labels.isna()]
    if not labels.index.equals(index):
        found = f"{len(labels)} {kind}s for {len(index)} sites, or another order"
        mend = _ONE_ORDER
    elif len(here) and not gaps:
        found, mend = f"a gap at {here[0]}", f"name its {kind}, or leave the site out"
    else:
        return labels
    where = f"{kind}s" if name is None else f"{kind}s {name!r}"
    needed = f"the {kind} of each site, in the order of the factors"
    raise InputError(where, needed=needed, found=found, mend=mend)


def check_array(name: str, values: np.ndarray, shape: str, **sizes: int) -> np.ndarray:
    """Return an array of finite numbers; refuse another shape.

    The shape names each axis, such as ``worlds p p``: axes of one name have one length, which may
    be known (`sizes`). Before the axes, ``...`` stands for any others.
    """
    values, axes, known = np.asarray(values), shape.removeprefix("...").split(), dict(sizes)
    lengths = values.shape[-len(axes) :] if axes else ()
    fits = values.ndim >= len(axes) if shape.startswith("...") else values.ndim == len(axes)
    pairs = zip(axes, lengths, strict=False)
    if not fits or any(known.setdefault(axis, length) != length for axis, length in pairs):
        found = f"shape {values.shape}"
    elif values.dtype.kind not in "biuf":
        found = f"{values.dtype.name} {show(str(values))}"
    elif not np.isfinite(values).all():
        place = np.argwhere(~np.isfinite(values))[0].tolist()
        found = f"{values[*place]:g} at {place}"
    else:
        return values
    needed = f"finite numbers of shape ({', '.join(shape.split())})"
    needed += "".join(f", {axis} = {length}" for axis, length in sizes.items())
    raise InputError(name, needed=needed, found=found, mend="correct the array or turn its axes")


def unit_of(values: np.ndarray) -> np.ndarray:
    """Return what to divide the columns of (n, p) or (n,) by before they are squared.

    A power of 2, which is exact, and 1 in usual units.
    """
    exponent = np.frexp(np.abs(np.asarray(values)).max(axis=0, initial=0))[1]
    is_usual = (exponent >= _USUAL[0]) & (exponent <= _USUAL[1])
    return np.ldexp(1.0, np.where(is_usual, 0, np.minimum(exponent, 1023)))


def _as_frame(name: str, values: object, index: pd.Index | None) -> pd.DataFrame:
    """Return a column as a table, and an array with the sites of another table."""
    if isinstance(values, pd.DataFrame):
        return values
    if isinstance(values, pd.Series):
        return values.to_frame(name)
    array = np.asarray(values)
    if array.ndim in (1, 2):
        index = index if index is not None and len(index) == len(array) else None
        return pd.DataFrame(array, index, [name] if array.ndim == 1 else None)
    needed = "a table or a column, such as of pandas"
    raise InputError(name, needed=needed, found=_say(values), mend="give one row per site")


def as_floats(column: pd.Series) -> np.ndarray:
    """Return the numbers of a column of any type, NaN where there is none."""
    if column.dtype.kind in "biuf":
        return column.to_numpy(float, na_value=np.nan)
    return np.array([_spelled(value) for value in column], float)


def _spelled(value: object) -> float:
    if isinstance(value, str | bool | np.bool_):
        with suppress(ValueError):
            return float(value)
    return _as_number(value)


def _as_number(value: Any) -> float:
    """Return a real number as a float; NaN for anything else, True and False too."""
    value = value.item() if getattr(value, "ndim", None) == 0 else value
    if not isinstance(value, Real | Decimal) or isinstance(value, bool):
        return np.nan
    with suppress(OverflowError):
        return float(value)
    return np.inf


def _say(value: object) -> str:
    number = _as_number(value)
    if not np.isnan(number) or isinstance(value, float):
        return f"{number:g}"
    return show(value) if isinstance(value, str) else show(repr(value), quote=False)


def _span(low: float, high: float) -> str:
    if np.isfinite([low, high]).all():
        return f" from {low:g} to {high:g}"
    if low > -np.inf:
        return " above 0" if low == np.nextafter(0, 1) else f", at least {low:g}"
    return ""


def check_collinear(names: list[str], R: np.ndarray) -> None:
    """Refuse a column that follows from others, by their correlations R, (p, p)."""
    if not np.isfinite(R).all():
        wrong = names[np.argmin(np.isfinite(R).all(axis=1))]
        raise InputError(
            f"column {wrong!r}",
            needed="numbers whose squares a computer can hold, about 1e-150 to 1e150",
            found="larger or smaller ones",
            mend="choose another unit",
        )
    if np.linalg.eigvalsh(R)[0] > COLLINEAR:
        return
    for k in range(1, len(names)):
        weights = np.linalg.lstsq(R[:k, :k], R[:k, k])[0]
        if 1 - weights @ R[:k, k] < 10 * COLLINEAR:
            parts = zip(names, weights, strict=False)
            others = [name for name, weight in parts if abs(weight) > 1e-4]
            raise InputError(
                f"columns {', '.join(others)} and {names[k]}",
                needed="columns that do not determine each other",
                found=f"{names[k]} follows from the others",
                mend="leave one of them out of the model",
            )
