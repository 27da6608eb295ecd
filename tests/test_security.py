"""Nothing that a reader feeds the book runs, gets into a page as script, or leaks a login."""

from __future__ import annotations

import ast
import os
import pickle
import re
import shutil
import subprocess
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
    "<svg/onload=alert(1)>",
    "{{7*7}}",
    "{{ env.config }}",
    "`x`",
    "``` {raw} html",
    "[a](javascript:alert(1))",
    "<javascript:alert(1)>",
    "$(id)",
    "{raw}`<script>alert(1)</script>`",
    "\n\n```{raw} html\n<script>alert(1)</script>\n```\n",
    "\n\n:::{raw} html\n<img src=x onerror=alert(1)>\n:::\n",
    "\n\n```{button-link} javascript:alert(1)\nclick\n```\n",
    "\n\n{{ 7*7 }}\n\n",
    "\n\n<script>\nalert(1)\n</script>\n\n",
]

# What could run code or read an object from a file, and where it may stand
NAMES = {"eval", "exec", "compile", "__import__"}
MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "code"}
CALLS = {
    "os.system",
    "os.popen",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "pd.read_pickle",
    "pickle.loads",
    "subprocess.getoutput",
    "subprocess.run",
    "subprocess.Popen",
    "shutil.unpack_archive",
    "tempfile.mktemp",
}
METHODS = {"extractall", "read_pickle", "to_pickle"}
ALLOWED = {
    ("tools/sweep.py", "yaml.load"): "with a loader that knows lists and texts only",
    ("tools/book.py", "subprocess.run"): "starts jupyter-book",
    ("tools/links.py", "subprocess.run"): "starts sphinx",
    ("tools/status.py", "subprocess.run"): "asks git for the commit",
}


def suspects(path: Path) -> set[str]:
    """Return what a module uses of what could run code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= MODULES & {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= MODULES & {str(node.module).partition(".")[0]}
            found |= {
                name
                for alias in node.names
                if (name := f"{node.module}.{alias.name}".replace("pandas", "pd")) in CALLS
            }
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            options = {each.arg: ast.unparse(each.value) for each in node.keywords}
            found |= {name} & (NAMES | CALLS)
            found |= {name.rpartition(".")[2]} & METHODS if "filter" not in options else set()
            found |= {each for each in ("shell=True", "allow_pickle=True") if _given(each, options)}
    return found


def _given(option: str, options: dict[str | None, str]) -> bool:
    name = option.partition("=")[0]
    return name in options and options[name] != "False"


def test_no_helper_runs_text_or_reads_objects_but_where_it_is_said():
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in ROOT.glob("helpers/**/*.py")
        for name in suspects(path)
    }
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    "code",
    [
        "eval(x)",
        "import pickle",
        "from pickle import loads",
        "import marshal as m",
        "yaml.load(x)",
        "os.system(x)",
        "from os import system",
        "subprocess.run(x, shell=True)",
        "run(x, shell=1)",
        "np.load(x, allow_pickle=True)",
        "pd.read_pickle(x)",
        "from pandas import read_pickle",
        "archive.extractall(x)",
        "shutil.unpack_archive(x)",
    ],
)
def test_what_could_run_code_is_seen(code, tmp_path):
    (tmp_path / "a.py").write_text(code)
    assert suspects(tmp_path / "a.py")


def test_programs_are_started_with_lists_of_words():
    for path in ROOT.glob("helpers/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "subprocess.run":
                first = node.args[0]
                assert not isinstance(first, ast.Constant | ast.JoinedStr), path


# Refusals


def test_a_refusal_is_short_moves_no_cursor_and_travels_from_a_worker():
    error = InputError("a\x1b[2J", needed="b", found="x" * 10**6 + "\u202e", mend="d")
    for each in (error, pickle.loads(pickle.dumps(error))):
        assert (each.where, each.needed, each.mend) == (r"a\x1b[2J", "b", "d")
        assert "1,000,001 characters" in each.found
        assert each.found.endswith(r"xx\u202e")
        assert len(str(each)) < 500
        assert str(each) == str(error)


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


def test_the_check_of_pages_sees_what_runs():
    for bad in ("<script>1</script>", "<img src=x onerror=a>", '<a href="javascript:a">b</a>'):
        with pytest.raises(AssertionError):
            assert_nothing_runs(f"<html><body><p>{bad}</p></body></html>")


def outputs_of(name: str) -> list[nbformat.NotebookNode]:
    """Return what cells put out when they show a name: Markdown, tables, text and figures."""
    table = pd.DataFrame({name: [name, "a"]}, index=pd.Index([name, "b"], name=name))
    pixel = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
        "rkJggg=="
    )
    shown = [
        {"text/markdown": f"Each of these has a vote: {name}."},
        {"text/markdown": name},
        {"text/html": table.to_html(), "text/plain": repr(table)},
        {"text/plain": name},
    ]
    made = [nbformat.v4.new_output("display_data", data=data) for data in shown]
    about = {"image/png": {"alt": name, "legend": f"n = 3; {name}"}}
    made.append(nbformat.v4.new_output("display_data", data={"image/png": pixel}, metadata=about))
    return [*made, nbformat.v4.new_output("stream", text=name)]


def test_no_name_in_what_cells_put_out_becomes_part_of_the_page(tmp_path, capfd):
    cells = [nbformat.v4.new_markdown_cell("# A title")]
    cells += [nbformat.v4.new_code_cell("show()", outputs=outputs_of(name)) for name in HOSTILE]
    path = tmp_path / "99_small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    soup = assert_nothing_runs(render_page(path, tmp_path))
    shown = [paragraph.text for paragraph in soup.find_all("p")]
    for name in (HOSTILE[0], *HOSTILE[2:4]):
        assert f"Each of these has a vote: {name}." in shown
    assert "49" not in soup.text, "no template was filled in"
    capfd.readouterr()


def test_a_name_is_no_formula_on_a_map(without_a_screen):
    places = {"panel": ["$\\frac$", "a$b$"], "lat": [30.0, 31.0], "lon": [90.0, 91.0]}
    fields = xr.DataArray(np.arange(8.0).reshape(2, 2, 2), places)
    fig, axes = field_maps(fields, "kg")
    fig.canvas.draw()
    assert [ax.get_title() for ax in axes.flat] == places["panel"]


def hostile_source(folder: Path) -> Path:
    """Return a folder with an own table of sites, all of whose free words are hostile."""
    names = [name for name in HOSTILE if "/" not in name and "\n" not in name]
    source = folder / f"own {' '.join(names)}"
    source.mkdir()
    header = "site,longitude,latitude,elevation,land_cover,SOC,pH"
    quoted = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in HOSTILE]
    rows = [
        f"{name},{80 + k},{30 + k % 5},{3200 + 97 * k},{('meadow', 'steppe')[k % 2]},{k + 1},7.{k}"
        for k, name in enumerate(quoted)
    ]
    (source / "sites.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    return source


MARKS = {
    "EARTHDATA_USERNAME": "marked-user-5fd1",
    "EARTHDATA_PASSWORD": "marked-password-77c0",
    "EARTHDATA_TOKEN": "marked-token-9e3a",
}


@pytest.mark.slow
def test_a_run_on_hostile_names_shows_them_and_keeps_no_login(tmp_path, monkeypatch, capfd):
    for name, value in MARKS.items():
        monkeypatch.setenv(name, value)
    runs = tmp_path / "runs"
    monkeypatch.setattr("tools.run.RUNS", runs)
    notebook = NOTEBOOKS / "01_data.ipynb"
    source = hostile_source(tmp_path)
    page = run(notebook, check_values(notebook, {"source": str(source)}))
    soup = assert_nothing_runs(page.read_text(encoding="utf-8"))
    assert str(source) in soup.find("blockquote").text
    said = "".join(capfd.readouterr())
    kept = [
        path.read_bytes().decode(errors="replace") for path in runs.rglob("*") if path.is_file()
    ]
    assert len(kept) == 3
    for text in [said, *kept]:
        assert not [mark for mark in MARKS.values() if mark in text]


# Parameters


@pytest.mark.parametrize("text", [*HOSTILE, "'''\nimport os\n", "\\", '"', "%pylab", "\0", "\r"])
def test_a_text_reaches_the_notebook_as_this_text_and_nothing_else(text):
    cell = ast.parse(PythonTranslator.codify({"zones": text})).body
    assert len(cell) == 1
    assert ast.literal_eval(cell[0].value) == text


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize(
    ("variable", "goal", "place"),
    [
        ("P", "run", 3),
        ("NB", "run", 1),
        ("GRID", "sweep", 1),
        ("CLUSTER", "sweep", 3),
        ("SOURCE", "data", 1),
        ("REPOSITORY", "address", 1),
        ("BOOK", "address", 2),
    ],
)
def test_what_is_given_to_make_reaches_no_shell(variable, goal, place, tmp_path):
    """A stub stands for Python and writes down its arguments, in a copy of the Makefile alone."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    stub = tmp_path / ".venv" / "bin" / "python"
    stub.parent.mkdir(parents=True)
    stub.write_text('#!/bin/sh\nshift\nprintf "%s\\n" "$@" > said\n')
    stub.chmod(0o755)
    text = "seed=$(touch ran) `touch ran`; touch ran; '\" && touch ran | touch ran > ran"
    given = {"NB": "x", "P": "x", "GRID": "x", "REPOSITORY": "x"} | {variable: text}
    made = subprocess.run(
        ["make", "--no-print-directory", "PYTHON=true", goal],
        cwd=tmp_path,
        env=os.environ | given,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    said = (tmp_path / "said").read_text().splitlines()
    assert said[place] == text
    assert not (tmp_path / "ran").exists()
