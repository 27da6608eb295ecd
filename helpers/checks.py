"""The checks of input that many analyses share."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from helpers.errors import InputError


def check_level(name: str, level: float, usual: float) -> None:
    """Refuse a level of significance or confidence that is not between 0 and 1.

    Parameters
    ----------
    name : str
        Of the level, for the error.
    level : float
        What was given.
    usual : float
        What to propose instead.
    """
    if not 0 < level < 1:
        raise InputError(
            name, needed="a number between 0 and 1", found=f"{level:g}", mend=f"try {usual:g}"
        )


def check_word(name: str, value: object, words: Iterable[str]) -> None:
    """Refuse a value that is not among the words that a parameter takes.

    Parameters
    ----------
    name : str
        Of the parameter, for the error.
    value : object
        What was given.
    words : iterable of str
        What it may be.
    """
    if value not in words:
        raise InputError(
            name, needed=" or ".join(words), found=repr(value), mend="use one of these words"
        )


def find_hole(centres: np.ndarray) -> str:
    """Say where rows or columns of a grid are not side by side, nothing where all are.

    Parameters
    ----------
    centres : numpy.ndarray
        Of cells, ascending, in degrees. Rows of a Gaussian grid are not quite evenly apart.
    """
    steps = np.diff(centres)
    if not steps.size or steps.max() <= 1.5 * np.median(steps):
        return ""
    here = np.argmax(steps)
    return f"nothing between {centres[here]:g} and {centres[here + 1]:g}"


def check_numbers(table: pd.DataFrame) -> None:
    """Refuse a column with a gap or an infinite value, or with one value at every site."""
    numbers = table.to_numpy(float)
    constant = (numbers == numbers[:1]).all(axis=0)
    for column, values in table.loc[:, constant | ~np.isfinite(numbers).all(axis=0)].items():
        wrong = values[~np.isfinite(values)]
        here = "a gap" if wrong.isna().any() else f"{values.max():g}"
        where = f"at {wrong.index[0]}" if len(wrong) else "at every site"
        raise InputError(
            f"column {column!r}",
            needed="a number at every site, at least two of them different",
            found=f"{here} {where}",
            mend="leave out the site or the column: a constant explains nothing",
        )
