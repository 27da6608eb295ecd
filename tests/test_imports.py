"""Which large packages the import cells of each notebook load: a page pays for what it uses.

A package more in this table makes the page start later by its import, so that it needs a reason.
Those that a page needs only in some functions (semopy where it searches, seaborn for one figure)
are imported by these.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import jupytext

from tests.conftest import ROOT
from tools.execution import NOTEBOOKS

LARGE = (
    "dask",
    "distributed",
    "netCDF4",
    "scipy.stats",
    "seaborn",
    "semopy",
    "shapely",
    "sklearn",
    "statsmodels",
    "sympy",
    "xarray",
)
LOADED = {
    "01_data": "xarray",
    "02_oxygen_from_carbon": "xarray",
    "03_spatial_pattern": "scipy.stats xarray",
    "04_elevation_gradients": "scipy.stats xarray",
    "05_climate_and_life": "scipy.stats seaborn statsmodels xarray",
    "06_land_cover_and_zones": "scipy.stats statsmodels xarray",
    "07_path_models": "scipy.stats",
    "08_climatic_sem": "scipy.stats xarray",
    "09_plant_sem": "scipy.stats xarray",
    "10_soil_sem": "scipy.stats xarray",
    "11_microbial_sem": "scipy.stats xarray",
    "12_total_effects": "scipy.stats xarray",
    "13_feedback_loop": "scipy.stats xarray",
    "14_projections": "scipy.stats xarray",
    "15_four_phases": "scipy.stats xarray",
    "16_published_numbers": "scipy.stats xarray",
    "17_thirty_sites": "scipy.stats statsmodels xarray",
    "18_what_survives": "",
    "19_real_climate": "scipy.stats xarray",
    "20_field_sites": "scipy.stats statsmodels xarray",
}
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
    found = {
        notebook: " ".join(package for package in LARGE if package in modules)
        for notebook, modules in loaded.items()
    }
    assert found == LOADED
