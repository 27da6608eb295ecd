"""Where genuine files are looked for: those that are downloaded, never part of the book."""

from __future__ import annotations

import os
from pathlib import Path

from helpers.errors import InputError
from helpers.places import DOWNLOADS, SHARED

_FETCHED_BY = {
    "gldas_noah10_m_v21": "gldas",
    "cmip5": "cmip5",
    "tibet_fauna": "fieldsites",
    "srdb": "fieldsites",
}


def genuine_folders() -> list[Path]:
    """Return the folders that may hold genuine files, the first one first.

    The environment variable ``TIBET_REAL_DATA`` names the only one; without it they are
    ``downloads/``, which ``make data`` fills, and ``../shared/data``.
    """
    named = os.environ.get("TIBET_REAL_DATA")
    return [Path(named)] if named else [DOWNLOADS, SHARED]


def list_genuine() -> list[str]:
    """Return the names of the collections that are here."""
    return [name for name in _FETCHED_BY if _folders_of(name)]


def _folders_of(name: str) -> list[Path]:
    """Return where a collection is, without folders whose download has not ended."""
    places = [folder / name for folder in genuine_folders()]
    return [place for place in places if place.is_dir() and not list(place.rglob("*.part"))]


def find_genuine(name: str) -> Path:
    """Return the folder of a collection of genuine files.

    Parameters
    ----------
    name : str
        gldas_noah10_m_v21, cmip5, tibet_fauna or srdb.

    Raises
    ------
    InputError
        If it is in none of the folders of :func:`genuine_folders`.
    """
    if places := _folders_of(name):
        return places[0]
    raise InputError(
        name,
        needed="the folder with these genuine files, completely fetched",
        found=f"none in {' or '.join(map(str, genuine_folders()))}",
        mend=f"make data SOURCE={_FETCHED_BY[name]} (or name their folder in TIBET_REAL_DATA)",
    )
