"""``make lock``: resolve all dependencies once, and cut the answer into a file for each use.

``requirements.lock`` holds what ``make book`` installs. Each file in ``locks/`` holds what one more
use adds to it; all are cut from one resolution, so that they agree.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
BOOK = "requirements.lock"
USES = {
    "run": ["run"],
    "print": ["print"],
    "download": ["download"],
    "lab": ["lab"],
    "test": ["run", "print", "download", "test"],
}


def resolve(output: Path, extras: list[str], *more: str) -> None:
    """Resolve the project with some extras; `output` holds the versions that are preferred."""
    how = ["uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-annotate"]
    how += ["--python-version=3.11", "--custom-compile-command=make lock"]
    how += [f"--extra={extra}" for extra in extras]
    command = [*how, *more, "-o", output, "pyproject.toml"]
    subprocess.run(command, cwd=ROOT, check=True)


def split(text: str) -> list[str]:
    """Return the requirements of a lock, each with its hashes."""
    return re.findall(r"^[^#\s].*\n(?: {4}.*\n)*", text, re.MULTILINE)


def write_locks() -> None:
    """Write the lock of the book, and what each other use adds to it."""
    files = [*ROOT.glob(BOOK), *sorted(ROOT.glob("locks/*.lock"))]
    known = {part.split()[0]: part for path in files for part in split(path.read_text())}
    with tempfile.TemporaryDirectory() as folder:
        whole, one = Path(folder, "whole.txt"), Path(folder, "one.txt")
        whole.write_text("".join(known.values()), encoding="utf-8")
        resolve(whole, ["book", *(extra for extras in USES.values() for extra in extras)])
        resolve(one, ["book"], "-c", str(whole))
        text = one.read_text(encoding="utf-8")
        (ROOT / BOOK).write_text(text)
        book = split(text)
        for use, extras in USES.items():
            one.unlink()
            resolve(one, ["book", *extras], "-c", str(whole))
            added = [part for part in split(one.read_text(encoding="utf-8")) if part not in book]
            head = f"# What '{use}' adds to {BOOK}; written by: make lock\n"
            (ROOT / "locks" / f"{use}.lock").write_text(head + "".join(added))


if __name__ == "__main__":
    write_locks()
