"""Where things are: in a checkout of the book, or beside a notebook that is opened alone.

A checkout has data and sweeps in folders beside ``helpers/``, also where ``helpers`` is installed
from it as editable. A wheel carries both inside the package, and what is downloaded or computed
goes below the current folder.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_CARRIED = _PACKAGE / "carried"  # made by the build of a wheel, see pyproject.toml
_IN_WHEEL = _CARRIED.is_dir()
_HOME = Path.cwd() if _IN_WHEEL else _PACKAGE.parent

DATA = _CARRIED / "data" if _IN_WHEEL else _HOME / "data"
SWEEPS = _CARRIED / "sweeps" if _IN_WHEEL else _HOME / "book" / "sweeps"
DOWNLOADS = _HOME / "downloads"
SHARED = _HOME.parent / "shared" / "data"
STANDIN = _HOME / "_build" / "standin"
