"""Write the table of the catalogue, book/_generated/faults.md.

python -m tests.faults
"""

from __future__ import annotations

import html
import re
import tempfile
import warnings
from importlib import import_module
from pathlib import Path

from helpers.errors import InputError
from tests.faults import READERS, Case

TABLE = Path(__file__).parents[2] / "book" / "_generated" / "faults.md"
TITLES = {
    "gldas": "GLDAS files",
    "cmip5": "A CMIP5 archive",
    "sites": "A table of sites",
    "parameters": "Parameters of a notebook",
    "sweeps": "Grids of sweeps",
    "models": "Path models",
}


def cases(reader: str) -> list[Case]:
    """Return the cases of one of READERS."""
    return import_module(f"tests.faults.{reader}").CASES


def answer(case: Case, folder: Path) -> str:
    """Return what the reader says, or makes of it, without the folder's own name."""
    if not case.refused:
        return case.answer
    try:
        with warnings.catch_warnings(action="ignore"):
            case.read(folder)
    except InputError as error:
        return str(error).replace(f"{folder}/", "").replace(str(folder), "the folder")
    raise AssertionError(f"{case.fault}: not refused")


def print_table() -> str:
    """Return Markdown: for each reader a list of faults and answers."""
    lines = []
    for reader in READERS:
        faults = cases(reader)
        refused = sum(bool(case.refused) for case in faults)
        counts = f"{len(faults)} faults: {len(faults) - refused} handled, {refused} refused."
        lines += [f"## {TITLES[reader]}", "", counts, ""]
        for case in faults:
            with tempfile.TemporaryDirectory() as folder:
                said = answer(case, Path(folder))
            if case.refused:
                said = html.escape(re.sub(r" +$", "", said, flags=re.MULTILINE))
                said = f'<pre class="answer">{said}</pre>'
            lines += [case.fault, f": {said}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    TABLE.write_text(print_table(), encoding="utf-8")
