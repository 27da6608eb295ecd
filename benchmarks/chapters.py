"""Time every notebook alone, its start included, for the timetable of the course.

python -m benchmarks.chapters
"""

from __future__ import annotations

import nbformat
import pandas as pd

from benchmarks.common import describe_machine
from tools.execution import NOTEBOOKS, execute
from tools.handouts import SECONDS


def main() -> None:
    seconds = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        (taken,) = execute({path: nbformat.read(path, 4)}).values()
        seconds[path.stem] = round(taken, 1)
    table = pd.DataFrame({"seconds": seconds, "machine": describe_machine()})
    table.rename_axis("notebook").to_csv(SECONDS)


if __name__ == "__main__":
    main()
