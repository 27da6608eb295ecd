"""Time the bootstrap of path models, and write benchmarks/README.md.

    make bench

semopy and lavaan fit a part of the same resamples; their time is extrapolated to all of them.
lavaan needs R.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from benchmarks import loop, recursive
from benchmarks.common import describe_machine

README = Path(__file__).with_name("README.md")


def main() -> None:
    notes = [] if shutil.which("Rscript") else ["There is no Rscript here, so lavaan is left out."]
    text = "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `make bench`. Everything runs on one thread.",
            "",
            *recursive.report(),
            "",
            *loop.report(),
            "",
            *notes,
            f"{date.today().isoformat()}: {describe_machine()}.",
            "",
        ]
    )
    README.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
