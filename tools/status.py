"""What ``status.md`` says of a build: when, from which code, with which versions, how long."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version

from tools.digests import digest
from tools.execution import ROOT

_LIBRARIES = ("numpy", "scipy", "pandas", "xarray", "statsmodels", "semopy", "matplotlib")
_TIMES = (
    "Each page that runs code took so many seconds, when it was executed last: pages that had not "
    "changed came from the cache. 0 marks a chapter on genuine files that were not at hand: it is "
    "shown as it was computed elsewhere, on the day that it names."
)


def list_versions() -> dict[str, str]:
    """Return the versions of what computes: Python, and the libraries by name."""
    return {"Python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}


def list_origins() -> dict[str, str]:
    """Return from what and with what the book is built now."""
    return {
        "Commit": _commit(),
        "Code and data": f"`{digest()[:12]}`, the start of their SHA-256 checksum",
        "System": f"{platform.system()} ({platform.machine()})",
        **list_versions(),
        **{name: version(name) for name in ("jupyter-book", "sphinx")},
    }


def describe_build(origins: dict[str, str], seconds: dict[str, float]) -> str:
    """Return Markdown: the book is built now, from these origins, each page in so many seconds."""
    now = datetime.now(UTC)
    rows = {"Built": f"{now.day} {now:%B %Y} at {now:%H:%M} UTC", **origins}
    about = _table(("What", "Value"), rows)
    times = _table(("Page", "Seconds"), {name: f"{each:.0f}" for name, each in seconds.items()})
    return f"# How this copy of the book was built\n\n{about}\n\n{_TIMES}\n\n{times}\n"


def _table(head: tuple[str, str], rows: dict[str, str]) -> str:
    lines = [head, ("---", "---"), *rows.items()]
    return "\n".join(f"| {name} | {value} |" for name, value in lines)


def _commit() -> str:
    def git(*words: str) -> str:
        command = ["git", "-C", ROOT, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changes = ", with changes that are not committed" if git("status", "--porcelain") else ""
        return f"`{git('rev-parse', '--short=12', 'HEAD')}`{changes}"
    except (OSError, subprocess.CalledProcessError):
        return "not known: this copy is no git repository"
