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
    """One fault: what is wrong with the input, and what makes it in a folder and reads it there."""

    fault: str
    read: Callable[[Path], object]
    refused: tuple[str, ...] = ()  # words that the refusal must have, the place first
    handled: Callable[[object], None] | None = None  # else: asserts that what was read is right
    answer: str = ""  # what the reader makes of it, for the table
