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


def describe(case: Case, refusal: InputError | None, folder: Path) -> str:
    """Return the entry of a case in the table: a fault, and what the reader says or makes of it.

    Parameters
    ----------
    case : Case
        One of the catalogue.
    refusal : InputError or None
        What the reader raised.
    folder : pathlib.Path
        In which it was; its own name is left out.
    """
    said = case.answer
    if refusal:
        said = str(refusal).replace(f"{folder}/", "").replace(str(folder), "the folder")
        said = html.escape(re.sub(r" +$", "", said, flags=re.MULTILINE))
        said = f'<pre class="answer">{said}</pre>'
    return f"{case.fault}\n: {said}\n"


def head(reader: str) -> str:
    """Return the title of a reader's cases, and how many there are."""
    faults = cases(reader)
    refused = sum(bool(case.refused) for case in faults)
    counts = f"{len(faults)} faults: {len(faults) - refused} handled, {refused} refused."
    return f"## {TITLES[reader]}\n\n{counts}\n"


def print_table() -> str:
    """Return Markdown: for each reader a list of faults and answers."""
    entries = []
    for reader in READERS:
        entries.append(head(reader))
        for case in cases(reader):
            refusal = None
            with tempfile.TemporaryDirectory() as folder:
                if case.refused:
                    refusal = refuse(case, Path(folder))
                entries.append(describe(case, refusal, Path(folder)))
    return "\n".join(entries)


def refuse(case: Case, folder: Path) -> InputError:
    """Return the refusal of a case."""
    try:
        with warnings.catch_warnings(action="ignore"):
            case.read(folder)
    except InputError as refusal:
        return refusal
    raise AssertionError(f"{case.fault}: not refused")


if __name__ == "__main__":
    TABLE.write_text(print_table(), encoding="utf-8")
