"""Where values come from: the labels, and which of them limits a result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

LABELS = {
    "measured": "measured at sites by others, and read from the tables that they published",
    "observed": "computed from genuine files by code in this repository",
    "published": "a number that the paper prints",
    "reconstructed": "drawn by a seeded generator, in ranges of which few are published",
    "emulated": "computed by a stated simple model driven by real forcing",
}

REAL = ("measured", "observed", "published")
_LEAST_REAL = ("reconstructed", "emulated", "published", "observed", "measured")


def least_real(labels: Iterable[str]) -> str:
    """Return the label that limits what can be concluded from values with these labels.

    Examples
    --------
    >>> least_real(["observed", "emulated"])
    'emulated'
    """
    return min(labels, key=_LEAST_REAL.index)


def sha256(path: Path) -> str:
    """Return the SHA-256 checksum of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
