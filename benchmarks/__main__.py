"""Time what matters in this book beside its peers, and write benchmarks/results.md.

make bench SUITE=paths replaces the section of that suite; the others stay as they were measured.
"""

from __future__ import annotations

import argparse
import os
import re
from datetime import date
from importlib import import_module
from pathlib import Path

from benchmarks.common import describe_machine

RESULTS = Path(__file__).with_name("results.md")
HEAD = """# Benchmarks

Written by `make bench`; `make bench SUITE=paths` measures one section anew. A ratio compares what
was timed side by side, in one run on one machine.
"""
SUITES = {
    "paths": "Path models and the feedback loop",
    "archive": "Oxygen production from a large archive",
    "book": "The book",
    "reading": "The chapters as they read",
}
PACKAGES = {
    "paths": ("numpy", "scipy", "pandas"),
    "archive": ("numpy", "xarray", "dask", "netCDF4"),
    "book": ("jupyter-book", "sphinx", "ipykernel"),
    "reading": ("jupyter-book", "sphinx-book-theme"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", metavar="suite", help=" or ".join(SUITES))
    asked = parser.parse_args().suites or list(SUITES)
    if unknown := set(asked) - set(SUITES):
        parser.error(f"no suite {', '.join(sorted(unknown))}: there are {', '.join(SUITES)}")
    for suite in asked:
        load = os.getloadavg()[0]
        lines = import_module(f"benchmarks.{suite}").report()
        machine = describe_machine(PACKAGES[suite])
        measured = f"{date.today().isoformat()}: {machine}. Load before the run: {load:.1f}."
        before = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
        RESULTS.write_text(put_section(before, suite, [measured, "", *lines]), encoding="utf-8")
    print(RESULTS)


def put_section(text: str, suite: str, lines: list[str]) -> str:
    """Return the text of the results (it may be empty) with one suite's section replaced or added.

    `lines` are Markdown without headings of the first two levels.
    """
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    sections = dict(zip(parts[::2], parts[1::2], strict=True)) | {SUITES[suite]: "\n".join(lines)}
    titles = [title for title in SUITES.values() if title in sections]
    return "\n".join([HEAD, *(f"## {title}\n\n{sections[title].strip()}\n" for title in titles)])


if __name__ == "__main__":
    main()
