"""Where values come from: the labels, and which of them limits a result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

LABELS = {
    "measured": "measured at sites by others, and read from the tables that they published",
    "observed": "taken from maps that rest on records of instruments, such as relief; or from your "
    "own table, on your word",
    "assimilated": "read from genuine files of GLDAS: observed and reanalysed weather, and what a "
    "model of the land surface computes from it",
    "published": "a number that the paper prints",
    "reconstructed": "drawn by a seeded generator, in ranges of which few are published",
    "simulated": "computed from the output of climate models by code in this repository",
    "emulated": "computed by simple models, fitted to climate models and driven by real forcing",
}

REAL = ("measured", "observed", "assimilated", "simulated", "published")
_LEAST_REAL = (
    "reconstructed",
    "emulated",
    "simulated",
    "assimilated",
    "published",
    "observed",
    "measured",
)


def least_real(labels: Iterable[str]) -> str:
    """Return the label that limits what can be concluded from values with these labels.

    Examples
    --------
    >>> least_real(["measured", "assimilated"])
    'assimilated'
    """
    return min(labels, key=_LEAST_REAL.index)


def sha256(path: Path) -> str:
    """Return the SHA-256 checksum of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
