"""Where things are: data in a checkout or beside a notebook opened alone; genuine files.

A checkout has data and sweeps in folders beside ``helpers/``. A wheel carries both inside the
package, and what is downloaded or computed goes below the current folder.
"""

from __future__ import annotations

import os
from pathlib import Path

from helpers.errors import InputError

_PACKAGE = Path(__file__).parent
_CARRIED = _PACKAGE / "carried"  # made by the build of a wheel, see pyproject.toml
_IN_WHEEL = _CARRIED.is_dir()
_HOME = Path.cwd() if _IN_WHEEL else _PACKAGE.parent

DATA = _CARRIED / "data" if _IN_WHEEL else _HOME / "data"
SWEEPS = _CARRIED / "sweeps" if _IN_WHEEL else _HOME / "book" / "sweeps"
DOWNLOADS = _HOME / "downloads"

FETCHED_BY = {  # make data SOURCE=...
    "gldas_noah10_m_v21": "gldas",
    "cmip5": "cmip5",
    "cmip6": "cmip6",
    "tibet_fauna": "sites",
    "plateau_transect": "sites",
    "plateau_plots": "sites",
    "srdb": "sites",
    "fluxnet2015": "sites",
    "cmip5_oscar": "models",
    "cmip6_reccap2": "models",
    "rcp": "models",
}


def genuine_folder() -> Path:
    """Return the folder of genuine files: ``TIBET_REAL_DATA`` in the environment, or downloads/."""
    return Path(os.environ.get("TIBET_REAL_DATA") or DOWNLOADS)


def list_genuine() -> list[str]:
    """Return the names of the collections that are here."""
    return [name for name in FETCHED_BY if _is_complete(genuine_folder() / name)]


def _is_complete(folder: Path) -> bool:
    """Tell whether a collection is here, and its download has ended."""
    return folder.is_dir() and not any(folder.rglob("*.part"))


def find_genuine(name: str) -> Path:
    """Return the folder of a collection, such as gldas_noah10_m_v21 or srdb.

    Examples
    --------
    >>> find_genuine("srdb").name  # doctest: +SKIP
    'srdb'
    """
    folder = genuine_folder() / name
    if _is_complete(folder):
        return folder
    raise InputError(
        name,
        needed="the folder with these genuine files, completely fetched",
        found=f"none in {genuine_folder()}",
        mend=f"make data SOURCE={FETCHED_BY[name]} (or name their folder in TIBET_REAL_DATA)",
    )
