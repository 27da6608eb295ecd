"""Write the catalogue into docs/faults.md, below what is said there of it.

python -m tests.faults
"""

from __future__ import annotations

import re
import tempfile
import warnings
from importlib import import_module
from pathlib import Path
from textwrap import indent

from helpers.errors import InputError
from tests.faults import READERS, Case

TABLE = Path(__file__).parents[2] / "docs" / "faults.md"


def cases(reader: str) -> list[Case]:
    """Return the cases of one of READERS."""
    return import_module(f"tests.faults.{reader}").CASES


def head(reader: str) -> str:
    """Return the title of a reader's cases, and how many there are."""
    refused = sum(bool(case.refused) for case in cases(reader))
    handled = len(cases(reader)) - refused
    counts = f"{handled + refused} faults: {handled} handled, {refused} refused."
    return f"## {READERS[reader]}\n\n{counts}\n"


def describe(case: Case, refusal: InputError | None, folder: Path) -> str:
    """Return the entry of a case: a fault, and what the reader says or makes of it.

    The name of the folder, which differs from run to run, is left out of what is said.
    """
    said = case.answer
    if refusal:
        said = str(refusal).replace(f"{folder}/", "").replace(str(folder), "the folder")
        said = re.sub(r" +$", "", said, flags=re.MULTILINE)
        said = f"```text\n{said}\n```"
    return f"- **{case.fault}**\n\n{indent(said, '  ')}\n"


def _entry(case: Case) -> str:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        if case.refused:
            try:
                case.read(Path(folder))
            except InputError as refusal:
                return describe(case, refusal, Path(folder))
    return describe(case, None, Path())


if __name__ == "__main__":
    entries = (entry for reader in READERS for entry in (head(reader), *map(_entry, cases(reader))))
    about = TABLE.read_text(encoding="utf-8").partition("\n## ")[0].strip()
    TABLE.write_text("\n".join([f"{about}\n", *entries]), encoding="utf-8")
