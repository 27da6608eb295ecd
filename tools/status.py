"""What the page *Status* says of a build: when, from which code, with which versions."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version

from tools.execution import ROOT

_LIBRARIES = (
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "statsmodels",
    "semopy",
    "matplotlib",
    "jupyter-book",
    "sphinx",
)


def list_origins(digest: str) -> dict[str, str]:
    """Return from what and with what the book is built now.

    Parameters
    ----------
    digest : str
        The checksum of code and data (:func:`tools.digests.digest`).
    """
    return {
        "Commit": _commit(),
        "Code and data": f"`{digest[:12]}`, the start of their SHA-256 checksum",
        "Python": f"{platform.python_version()} on {platform.system()} ({platform.machine()})",
        **{name: version(name) for name in _LIBRARIES},
    }


def describe_build(origins: Mapping[str, str]) -> str:
    """Return Markdown that says that the book is built now, from what and with what.

    Parameters
    ----------
    origins : mapping
        As :func:`list_origins` returns them.
    """
    now = datetime.now(UTC)
    rows = {"Built": f"{now.day} {now:%B %Y} at {now:%H:%M} UTC", **origins}
    table = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| What | Value |", "| --- | --- |", *table]) + "\n"


def _commit() -> str:
    git = ["git", "-C", str(ROOT)]
    try:
        commit, changes = (
            subprocess.run(
                [*git, *words], capture_output=True, text=True, check=True
            ).stdout.strip()
            for words in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain"])
        )
    except (OSError, subprocess.CalledProcessError):
        return "not known: this copy is no git repository"
    return f"`{commit}`" + (", with changes that are not committed" if changes else "")
