"""A catalogue of faults in what users give to the book, and what each reader answers.

Every case makes its input anew in an empty folder. It is either handled: what is read is what it
should be. Or it is refused, with an `InputError` that names the place.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

READERS = {
    "gldas": "GLDAS files",
    "cmip5": "A CMIP5 archive",
    "sites": "A table of sites",
    "parameters": "Parameters of a notebook",
    "sweeps": "Grids of sweeps",
    "models": "Path models",
}


class Case(NamedTuple):
    """One fault.

    Attributes
    ----------
    fault : str
        What is wrong with the input, in a few words for the table in the book.
    read : callable
        Takes an empty folder, makes the input in it, and gives it to the reader as a user would.
    refused : tuple of str
        Words that the refusal must have, the place (file, variable, column, name) first. Empty
        where the input is handled.
    handled : callable, optional
        Takes what was read and asserts that it is right; needed where nothing is refused.
    answer : str
        What the reader makes of it, in a few words for the table, where it is handled.
    """

    fault: str
    read: Callable[[Path], object]
    refused: tuple[str, ...] = ()
    handled: Callable[[object], None] | None = None
    answer: str = ""
