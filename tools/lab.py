"""``make lab``: copies of the executed chapters, to try things in; the book stays as it is.

A copy that nobody changed follows the book. One that was changed is never touched: where it is
deleted or renamed, the next ``make lab`` makes a fresh one.
"""

from __future__ import annotations

import re
from pathlib import Path

from tools.copies import tell_kept, write_copies
from tools.execution import NOTEBOOKS, ROOT

LAB = ROOT / "lab"


def copy_chapters(folder: Path = LAB) -> list[str]:
    """Copy the chapters into a folder beside ``book/``; return the names of copies kept as changed.

    Links lead to the other copies and to the pages of the book.
    """
    fresh = {}
    for twin in sorted(NOTEBOOKS.glob("*.ipynb")):
        text = re.sub(r"\]\((\d\d_\w+)\.md", r"](\1.ipynb", twin.read_text(encoding="utf-8"))
        fresh[twin.name] = text.replace("](../", "](../book/").encode()
    return write_copies(folder, fresh)


def main() -> None:
    kept = copy_chapters()
    print(f"copies of the chapters, to try things in: {LAB}")
    tell_kept(kept, "make lab")


if __name__ == "__main__":
    main()
