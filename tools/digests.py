"""Checksums of what a build is made from: it is made anew when one of them changes."""

from __future__ import annotations

import hashlib

from tools.execution import ROOT

# what numbers depend on: a reader's own sweeps are not among them
_NUMBERS = ("helpers/**/*.py", "data/**/*", "book/sweeps/*_small.csv", "benchmarks/*.csv")
_LOCK = "requirements.lock"


def digest(*patterns: str) -> str:
    """Return one checksum of files of the project, found by patterns of :meth:`pathlib.Path.glob`.

    Without a pattern: of all that the numbers of any notebook depend on, but itself.
    """
    patterns = patterns or (*_NUMBERS, _LOCK)
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    total = hashlib.sha256()
    for path in sorted(path for path in found if path.suffix != ".pyc"):
        total.update(f"{path.relative_to(ROOT).as_posix()} {path.stat().st_size}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()
