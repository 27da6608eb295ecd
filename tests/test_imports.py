"""Which large packages the import cells of each notebook load: a page pays for what it uses.

A package more in this table makes the page start later by its import, so that it needs a reason.
Those that a page needs only in some functions (seaborn for one figure) are imported by these.
Chapter 7 shows where semopy ends.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys

import jupytext
import pytest

from tests.conftest import ROOT
from tools.execution import NOTEBOOKS

LARGE = (
    *("dask", "distributed", "netCDF4", "scipy.stats", "seaborn", "semopy"),
    *("sklearn", "statsmodels", "sympy", "xarray"),
)
MOST = {"scipy.stats", "xarray"}  # that a chapter loads, but for these
BESIDES = {number: {"statsmodels"} for number in ("06", "10")}
BESIDES["07"] = {"semopy", "sklearn", "statsmodels", "sympy"}
LESS = {"01": {"scipy.stats"}, "02": {"scipy.stats"}, "07": {"xarray"}}
# What every page needs is loaded once; each notebook then has a copy of this process
LISTEN = """
import json, os, sys
import IPython.display, matplotlib.pyplot, numpy, pandas
for name, code in json.load(sys.stdin).items():
    sys.stdout.flush()
    if os.fork() == 0:
        exec(code, {})
        print(json.dumps([name, list(sys.modules)]), flush=True)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(name)
"""


def imports_of(notebook: str) -> str:
    """Return the import statements of a notebook."""
    cells = jupytext.read(NOTEBOOKS / f"{notebook}.md").cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    lines = [part for part in ast.parse(code).body if isinstance(part, ast.Import | ast.ImportFrom)]
    return "\n".join(map(ast.unparse, lines))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_each_notebook_imports_the_large_packages_that_it_uses_and_no_others():
    codes = {path.stem: imports_of(path.stem) for path in sorted(NOTEBOOKS.glob("*.md"))}
    run = subprocess.run(
        [sys.executable, "-c", LISTEN],
        input=json.dumps(codes),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = dict(map(json.loads, run.stdout.splitlines()))
    found = {name[:2]: {*LARGE}.intersection(modules) for name, modules in loaded.items()}
    assert found == {
        name: (MOST - LESS.get(name, set())) | BESIDES.get(name, set()) for name in found
    }
