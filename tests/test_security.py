"""Nothing that a reader feeds the book runs, gets into a page as script, or leaks a login."""

from __future__ import annotations

import ast
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from bs4 import BeautifulSoup
from papermill.translators import PythonTranslator

from helpers.errors import InputError
from helpers.figures.maps import field_maps
from tests.conftest import ROOT
from tools.execution import NOTEBOOKS
from tools.page import render_page
from tools.parameters import check_values
from tools.run import run

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}",
    "`x`",
    "``` {raw} html",
    "[a](javascript:alert(1))",
    "$(id)",
    "{raw}`<script>alert(1)</script>`",
    "\n\n```{raw} html\n<script>alert(1)</script>\n```\n",
    "\n\n:::{raw} html\n<img src=x onerror=alert(1)>\n:::\n",
    "\n\n```{button-link} javascript:alert(1)\nclick\n```\n",
    "\n\n{{ 7*7 }}\n\n",
    "\n\n<script>\nalert(1)\n</script>\n\n",
]
# Ruff's rules for exec, eval, pickle, marshal, yaml.load, shells, unpacking of archives, mktemp
RULES = "S102,S202,S301,S302,S306,S307,S506,S602,S604,S605,S606"
ALLOWED = {("tools/sweep.py", "S506")}  # with a loader that knows lists and texts only


def test_no_code_runs_text_or_reads_objects_from_files():
    check = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", RULES]
    checked = subprocess.run(
        [*check, "--output-format", "json", "helpers", "tools"], cwd=ROOT, capture_output=True
    )
    found = json.loads(checked.stdout)
    found = {(Path(one["filename"]).relative_to(ROOT).as_posix(), one["code"]) for one in found}
    assert found <= ALLOWED
    for folder in ("helpers", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            assert "allow_pickle" not in path.read_text(encoding="utf-8")


def test_a_refusal_is_short_moves_no_cursor_and_travels_from_a_worker():
    error = InputError("a\x1b[2J", needed="b", found="x" * 10**6 + "\u202e", mend="d")
    for each in (error, pickle.loads(pickle.dumps(error))):
        assert (each.where, each.needed, each.mend) == (r"a\x1b[2J", "b", "d")
        assert "1,000,001 characters" in each.found
        assert each.found.endswith(r"xx\u202e")
        assert len(str(each)) < 500


# Pages


def assert_nothing_runs(page: str) -> BeautifulSoup:
    """Check that a page has no script, no handler of events, and no link but to pages."""
    soup = BeautifulSoup(page, "html.parser")
    assert not soup.find_all(["script", "iframe", "object", "embed", "link", "base", "form"])
    assert not soup.find_all("meta", attrs={"http-equiv": True})
    for element in soup.find_all(True):
        assert not [name for name in element.attrs if name.lower().startswith("on")], element
        for name in ("href", "src", "xlink:href", "action"):
            place = element.attrs.get(name, "")
            assert re.match(r"https?:|mailto:|data:image/png;|[^:]*([#/?]|$)", place), element
    return soup


def outputs_of(name: str) -> list[nbformat.NotebookNode]:
    """Return what cells put out when they show a name: Markdown, tables and text."""
    table = pd.DataFrame({name: [name, "a"]}, index=pd.Index([name, "b"], name=name))
    shown = [
        {"text/markdown": f"Each of these has a vote: {name}."},
        {"text/markdown": name},
        {"text/html": table.to_html(), "text/plain": repr(table)},
        {"text/plain": name},
    ]
    made = [nbformat.v4.new_output("display_data", data=data) for data in shown]
    return [*made, nbformat.v4.new_output("stream", text=name)]


def test_no_name_in_what_cells_put_out_becomes_part_of_the_page(tmp_path):
    cells = [nbformat.v4.new_markdown_cell("# A title")]
    cells += [nbformat.v4.new_code_cell("show()", outputs=outputs_of(name)) for name in HOSTILE]
    path = tmp_path / "99_small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    soup = assert_nothing_runs(render_page(path, tmp_path))
    shown = [paragraph.text for paragraph in soup.find_all("p")]
    for name in (HOSTILE[0], HOSTILE[2]):
        assert f"Each of these has a vote: {name}." in shown
    assert "49" not in soup.text, "no template was filled in"


def test_a_name_is_no_formula_on_a_map(without_a_screen):
    places = {"panel": ["$\\frac$", "a$b$"], "lat": [30.0, 31.0], "lon": [90.0, 91.0]}
    fields = xr.DataArray(np.arange(8.0).reshape(2, 2, 2), places)
    fig, axes = field_maps(fields, "kg")
    fig.canvas.draw()
    assert [ax.get_title() for ax in axes.flat] == places["panel"]


@pytest.mark.slow
def test_a_run_on_hostile_names_shows_them_and_keeps_no_login(tmp_path, monkeypatch, capfd):
    marks = [f"marked-{number}" for number in range(3)]
    for name, mark in zip(("USERNAME", "PASSWORD", "TOKEN"), marks, strict=True):
        monkeypatch.setenv(f"EARTHDATA_{name}", mark)
    names = [name for name in HOSTILE if "/" not in name and "\n" not in name]
    source = tmp_path / f"own {' '.join(names)}"
    source.mkdir()
    rows = ["site,longitude,latitude,elevation,land_cover,SOC,pH"]
    for k, name in enumerate(HOSTILE):
        quoted, cover = name.replace('"', '""'), ("meadow", "steppe")[k % 2]
        rows.append(f'"{quoted}",{80 + k},{30 + k % 5},{3200 + 97 * k},{cover},{k + 1},7.{k}')
    (source / "sites.csv").write_text("\n".join(rows), encoding="utf-8")
    monkeypatch.setattr("tools.run.RUNS", tmp_path / "runs")
    notebook = NOTEBOOKS / "01_data.ipynb"
    page = run(notebook, check_values(notebook, {"source": str(source)}))
    soup = assert_nothing_runs(page.read_text(encoding="utf-8"))
    assert str(source) in soup.find("blockquote").text
    kept = [path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert kept
    said = "".join(capfd.readouterr()).encode()
    assert not [mark for mark in marks for text in [said, *kept] if mark.encode() in text]


# Parameters


@pytest.mark.parametrize("text", [*HOSTILE, "'''\nimport os\n", "\\", '"', "%pylab", "\0", "\r"])
def test_a_text_reaches_the_notebook_as_this_text_and_nothing_else(text):
    cell = ast.parse(PythonTranslator.codify({"zones": text})).body
    assert len(cell) == 1
    assert ast.literal_eval(cell[0].value) == text


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize(
    ("variable", "goal"),
    [
        *(("P", "run"), ("NB", "run"), ("SOURCE", "data")),
        *(("CHECK", "data"), ("GRID", "sweep"), ("CLUSTER", "sweep")),
    ],
)
def test_what_is_given_to_make_reaches_no_shell(variable, goal, tmp_path):
    """A stub stands for Python and writes down its arguments, in a copy of the Makefile alone."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    stub = tmp_path / ".venv" / "bin" / "python"
    stub.parent.mkdir(parents=True)
    stub.write_text('#!/bin/sh\nshift\nprintf "%s\\n" "$@" > said\n')
    stub.chmod(0o755)
    text = "seed=$(touch ran) `touch ran`; touch ran; '\" && touch ran | touch ran > ran"
    given = {"NB": "x", "P": "x", "GRID": "x"} | {variable: text}
    made = subprocess.run(
        ["make", "--no-print-directory", "PYTHON=true", goal],
        cwd=tmp_path,
        env=os.environ | given,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    assert text in (tmp_path / "said").read_text().splitlines()
    assert not (tmp_path / "ran").exists()
