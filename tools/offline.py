"""``make offline``: the built book in one zip, to read without a network.

In it lies one folder; its ``start-here.html`` opens the book with a double click. The same pages
give the same bytes. The path of the zip is the last line on standard output.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from tools import book

NAME = "breaking-the-ecosystem-balance"
START = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url=pages/book/index.html">
<title>Breaking the ecosystem balance</title>
<p><a href="pages/book/index.html">Open the book</a></p>
</html>
"""


def pack(pages: Path, target: Path) -> None:
    """Write the pages of a book into a zip, which appears only when it is complete.

    Parameters
    ----------
    pages : Path
        Folder of the built book.
    target : Path
        The zip; its name is that of the folder inside.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-") as folder:
        partial = Path(folder) / target.name
        with ZipFile(partial, "w") as archive:
            _add(archive, f"{target.stem}/start-here.html", START.encode())
            for path in sorted(pages.rglob("*")):
                if path.is_file():
                    inside = path.relative_to(pages).as_posix()
                    _add(archive, f"{target.stem}/pages/{inside}", path.read_bytes())
        partial.replace(target)


def _add(archive: ZipFile, name: str, content: bytes) -> None:
    entry = ZipInfo(name)  # of 1 January 1980
    entry.create_system = 3
    entry.external_attr = 0o100644 << 16
    archive.writestr(entry, content, ZIP_DEFLATED, 9)


def main() -> int:
    if status := book.main():
        return status
    target = book.BUILD / f"{NAME}.zip"
    with book.take_turn():
        pack(book.BUILD / "html", target)
    print(f"to read without a network ({target.stat().st_size / 1e6:.0f} MB), unpacked first:")
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
