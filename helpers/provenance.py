"""Where values come from: the four labels, and what a result was made from."""

from __future__ import annotations

import hashlib
from pathlib import Path

LABELS = {
    "observed": "computed from genuine files by code in this repository",
    "published": "a number that the paper prints",
    "reconstructed": "drawn by a seeded generator to agree with published ranges and counts",
    "emulated": "computed by a stated simple model driven by real forcing",
}


def sha256(path: Path) -> str:
    """Return the SHA-256 checksum of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
