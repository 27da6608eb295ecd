"""Copies for people to work in: those that nobody changed follow the book, the others are kept."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path


def write_copies(folder: Path, fresh: Mapping[str, bytes]) -> list[str]:
    """Write files into a folder, and return the names of those that were kept as changed there.

    A hidden file in the folder says what was written. What differs from it is never touched: where
    it is deleted or renamed, a fresh one is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record, kept = folder / ".copied.json", []
    copied = json.loads(record.read_text()) if record.exists() else {}
    for name, content in fresh.items():
        copy = folder / name
        before = _digest(copy.read_bytes()) if copy.exists() else None
        if before not in (None, copied.get(name), _digest(content)):
            kept.append(name)
            continue
        _replace(copy, content)
        copied[name] = _digest(content)
    _replace(record, json.dumps(copied, indent=1).encode())
    return kept


def tell_kept(kept: list[str], command: str) -> None:
    """Print which copies were kept, and how to get fresh ones."""
    if kept:
        print(
            f"kept, since you changed them: {', '.join(kept)}\n"
            f"delete or rename one, and the next {command} makes a fresh copy"
        )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _replace(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(content)
    os.replace(part, path)
