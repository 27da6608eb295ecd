"""``make lab``: copies of the executed chapters, to try things in; the book stays as it is.

A copy that nobody changed follows the book. One that was changed is never touched: where it is
deleted or renamed, the next ``make lab`` makes a fresh one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

from tools.execution import NOTEBOOKS, ROOT

LAB = ROOT / "lab"


def copy_chapters(folder: Path = LAB) -> list[str]:
    """Copy the chapters into a folder beside ``book/``; return the names of copies kept as changed.

    Links lead to the other copies and to the pages of the book.
    """
    folder.mkdir(exist_ok=True)
    record, kept = folder / ".copied.json", []
    copied = json.loads(record.read_text()) if record.exists() else {}
    for twin in sorted(NOTEBOOKS.glob("*.ipynb")):
        text = re.sub(r"\]\((\d\d_\w+)\.md", r"](\1.ipynb", twin.read_text(encoding="utf-8"))
        fresh, copy = text.replace("](../", "](../book/").encode(), folder / twin.name
        before = _digest(copy.read_bytes()) if copy.exists() else None
        if before not in (None, copied.get(twin.name), _digest(fresh)):
            kept.append(twin.name)
            continue
        _replace(copy, fresh)
        copied[twin.name] = _digest(fresh)
    _replace(record, json.dumps(copied, indent=1).encode())
    return kept


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _replace(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(content)
    os.replace(part, path)


def main() -> None:
    kept = copy_chapters()
    print(f"copies of the chapters, to try things in: {LAB}")
    if kept:
        print(
            f"kept, since you changed them: {', '.join(kept)}\n"
            "delete or rename one, and the next make lab makes a fresh copy"
        )


if __name__ == "__main__":
    main()
