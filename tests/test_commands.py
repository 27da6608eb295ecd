"""What make calls: parameters of a run, the stale-number guard, and half-written files."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import numpy as np
import pytest
import zmq
from bs4 import BeautifulSoup
from jupyter_cache import get_cache
from jupyter_cache.cache.main import CacheBundleIn
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

from tests.conftest import ROOT
from tools import data as data_command
from tools import page as page_command
from tools import run as run_command
from tools.book import drop_stale
from tools.digests import digest, digest_of
from tools.execution import NOTEBOOKS
from tools.kernels import SocketFileProvisioner
from tools.refresh import write_twin

PARAMETERS = """\
source: str = "embedded"  # or a folder with your own data
seed: int = 2022  # of nothing, at least 0
level: float = 0.95  # of nothing, between 0 and 1"""
SAYS = """\
{bdg-success}`observed` and {bdg-warning}`reconstructed`, by {cite:t}`han2022`. {cite:p}`chen2019`

:::{warning}
The share is $x^2 + \\dots$ here, and $\\nosuchcommand$ there.
:::

$$\\frac{a}{b} = c$$

| You need | Where |
| --- | --- |
| [Gradients](04_elevation_gradients.md) | [labels](../data-dictionary.md#labels) |
| Pairs | {numref}`fig-matrix` |"""
DRAWS = """\
import matplotlib.pyplot as plt
from helpers.figures.style import show
fig = plt.figure(label="A figure of nothing at all")
show(fig, "n = 30 sites; observed.")"""


@pytest.fixture
def small_notebook(tmp_path, monkeypatch):
    """Return a function that makes a notebook the only chapter, and runs land in a folder."""
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks" / "99_small.ipynb"
    monkeypatch.setattr(run_command, "NOTEBOOKS", path.parent)
    monkeypatch.setattr(run_command, "RUNS", tmp_path / "runs")

    def write(*code: str) -> Path:
        figure = {"figure": {"name": "fig-own", "caption": "A caption of $x$."}}
        cells = [
            nbformat.v4.new_markdown_cell(f"# A small chapter\n\n{SAYS}"),
            nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
            *map(nbformat.v4.new_code_cell, code),
        ]
        for cell in cells:
            if cell.source == DRAWS:
                cell.metadata["mystnb"] = figure
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, path)
        return path

    return write


def run_main(monkeypatch, capfd, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["run", *arguments])
    status = run_command.main()
    out, err = capfd.readouterr()
    return status, out, err


@pytest.mark.slow
def test_a_run_gives_notebook_record_and_page(small_notebook, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    small_notebook("seed * 10", DRAWS)
    status, out, err = run_main(monkeypatch, capfd, "99", "seed=7", "--parameters", "level=.95")
    assert status == 0
    page = Path(out.removesuffix("\n"))
    assert out == f"{page}\n", "scripts can use it"
    assert page == run_command.run_folder(tmp_path / "notebooks/99_small.ipynb", {"seed": 7}) / (
        "99_small.html"
    )
    first, last = err.splitlines()
    assert first == f"99_small with seed=7, level=0.95, into runs/99_small/{page.parent.name}"
    assert re.fullmatch(r"done in \d+ s; the page:", last)
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "99_small.html",
        "99_small.ipynb",
        "run.json",
    ]
    assert [path.name for path in page.parent.parent.iterdir()] == [page.parent.name]

    record = json.loads((page.parent / "run.json").read_text())
    assert record["notebook"] == "99_small"
    assert record["parameters"] == {"source": "embedded", "seed": 7, "level": 0.95}
    assert record["given"] == ["level", "seed"]
    assert record["state"] == run_command.state(tmp_path / "notebooks/99_small.ipynb", {})
    assert 0 < record["seconds"] < 300
    ago = datetime.now(UTC) - datetime.fromisoformat(record["date"])
    assert 0 <= ago.total_seconds() < 300
    assert record["versions"]["python"] == platform.python_version()
    assert record["versions"]["numpy"] == np.__version__

    executed = nbformat.read(page.with_suffix(".ipynb"), 4)
    assert "A rerun, not the book itself" in executed.cells[0].source
    assert "Other than in the book: `seed = 7`\n" in executed.cells[0].source
    assert "As in the book: `level = 0.95`\n" in executed.cells[0].source
    assert executed.cells[3].metadata.tags == ["injected-parameters"]
    assert executed.cells[4].outputs[0].data["text/plain"] == "70"


@pytest.mark.slow
def test_the_page_of_a_run_shows_what_the_book_shows_and_needs_nothing_else(
    small_notebook, tmp_path, capfd
):
    page = run_command.run(small_notebook(DRAWS, "1 + 1"), {})
    assert not capfd.readouterr().err, "no warning of Sphinx"
    text = page.read_text(encoding="utf-8")
    soup = BeautifulSoup(text, "html.parser")
    assert not soup.find_all(["script", "link", "iframe"])
    assert "@import" not in text
    assert "url(" not in text
    for image in soup.find_all("img"):
        assert image["src"].startswith("data:image/png;base64,")
        assert image["alt"] == "A figure of nothing at all"
    assert len(soup.find_all("img")) == 1

    assert soup.title.text == "Rerun: A small chapter"
    top = soup.article.find("blockquote")
    assert top.find_previous("h1") is None
    assert "Other than in the book: no value" in top.text
    assert "{" not in soup.article.find("section").find("p").text, "no raw role"
    assert [badge.text for badge in soup.select(".sd-badge")] == ["observed", "reconstructed"]
    assert "Warning" in soup.select_one(".admonition.warning").text
    assert len(soup.select("math")) == 3, "two in the text, one in the caption"
    assert "\\dots" not in text
    assert soup.select_one(".admonition code").text == "\\nosuchcommand"
    figure = soup.find("figure")
    assert figure.figcaption.text.strip().startswith("Figure 1 A caption of")
    assert "n = 30 sites; observed." in figure.text

    cited = [link["href"] for link in soup.select(".bibtex-citation a, p a[href^='#id']")]
    assert len({*cited}) >= 2
    assert all(soup.find(id=href[1:]) for href in cited)
    assert "by Han et al. [2022]. [Chen et al., 2019]" in soup.article.text
    assert "10.1029/2022EF002890" in soup.select_one(".citation-list").text


@pytest.mark.parametrize("built", [True, False])
def test_links_lead_to_the_built_book_or_are_plain_text(
    built, small_notebook, tmp_path, monkeypatch
):
    html = tmp_path / "html"
    monkeypatch.setattr(page_command, "_HTML", html)
    names = ("notebooks/04_elevation_gradients", "notebooks/05_climate_and_life", "data-dictionary")
    if built:
        for name in names:
            (html / "book" / name).parent.mkdir(parents=True, exist_ok=True)
            (html / "book" / f"{name}.html").touch()
    text = page_command.render_page(small_notebook(), tmp_path / "runs" / "99_small" / "abc")
    table = BeautifulSoup(text, "html.parser").find("table")
    links = [link["href"] for link in table.find_all("a")]
    assert links == built * [
        "../../../html/book/notebooks/04_elevation_gradients.html",
        "../../../html/book/data-dictionary.html#labels",
        "../../../html/book/notebooks/05_climate_and_life.html#fig-matrix",
    ]
    assert "Gradients" in table.text
    assert "the figure in chapter 5" in table.text


def test_the_folder_of_a_run_stands_for_what_differs_from_the_book(small_notebook):
    notebook = small_notebook()
    folder = run_command.run_folder(notebook, {})
    assert folder.parent == run_command.RUNS / "99_small"
    for same in ({"seed": 2022}, {"level": 0.95, "source": "embedded"}):
        assert run_command.run_folder(notebook, same) == folder
    others = [{"seed": 7}, {"seed": 8}, {"level": 0.9}, {"seed": 7, "level": 0.9}]
    folders = {run_command.run_folder(notebook, values) for values in others}
    assert len(folders | {folder}) == len(others) + 1
    ways = ({"seed": 7, "level": 0.9}, {"level": 0.9, "seed": 7})
    assert len({run_command.run_folder(notebook, values) for values in ways}) == 1


def test_the_state_of_a_run_sees_code_data_helpers_and_genuine_files(
    small_notebook, tmp_path, monkeypatch
):
    notebook = small_notebook("1 + 1")
    source = tmp_path / "own" / "deep"
    source.mkdir(parents=True)
    table = source / "sites.csv"
    table.write_text("a")
    given = {"source": str(source.parent)}
    seen = [run_command.state(notebook, {}), run_command.state(notebook, given)]
    assert run_command.state(notebook, given) == seen[1]
    assert run_command.state(notebook, {"seed": 7}) == seen[0], "parameters name the folder"

    written = table.stat().st_mtime_ns
    table.write_text("ab")
    os.utime(table, ns=(written, written))
    seen.append(run_command.state(notebook, given))
    os.utime(table, ns=(1, 1))
    seen.append(run_command.state(notebook, given))
    table.rename(source / "other.csv")
    seen.append(run_command.state(notebook, given))
    assert run_command.state(notebook, {}) == seen[0]
    small_notebook("1 + 2")
    seen.append(run_command.state(notebook, {}))
    monkeypatch.setattr(run_command, "_versions", lambda: {"numpy": "another"})
    seen.append(run_command.state(notebook, {}))
    monkeypatch.setattr(run_command, "explain_lack", lambda content: "")
    monkeypatch.setattr(run_command, "find_genuine", lambda name: source.parent)
    content = nbformat.read(notebook, 4)
    content.metadata["genuine"] = ["fieldsites"]
    nbformat.write(content, notebook)
    seen.append(run_command.state(notebook, {}))
    (source / "other.csv").write_text("abc")
    seen.append(run_command.state(notebook, {}))
    monkeypatch.setattr(run_command, "digest_of", lambda content: "another")
    seen.append(run_command.state(notebook, {}))
    assert len(set(seen)) == len(seen)

    content = nbformat.read(notebook, 4)
    content.cells[0].source += "\nOther words."
    nbformat.write(content, notebook)
    assert run_command.state(notebook, {}) == seen[-1], "words change no number"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("04_elevation_gradients", "04_elevation_gradients"),
        ("book/notebooks/04_elevation_gradients.md", "04_elevation_gradients"),
        ("04", "04_elevation_gradients"),
        ("04_elev", "04_elevation_gradients"),
    ],
)
def test_a_notebook_is_found_by_the_beginning_of_its_name(name, found):
    assert run_command.find_notebook(name) == NOTEBOOKS / f"{found}.ipynb"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["04_elevation_gradients", "sed=7"], ["parameter 'sed'", "seed: int"]),
        (["99_nothing"], ["01_data", "'99_nothing'"]),
        (["4_elevation_gradient"], ["did you mean 04_elevation_gradients"]),
        (["0"], ["did you mean 01_data or 02_oxygen_from_carbon or 03"]),
        ([""], ["01_data", "NB=..."]),
        (["04", "--parameters", "seed = 7"], ["name=value", "no spaces around ="]),
        (["04", "--parameters", "zones='Low"], ["close the quotes", "no closing quotation"]),
        (["04", "seed=7", "--parameters", "seed=8"], ["each parameter once"]),
        (["04", "--parameters", "source=/no such folder"], ["name=value", "quotes around"]),
    ],
)
def test_the_command_refuses_with_the_names_that_it_knows(arguments, words, monkeypatch, capfd):
    status, out, err = run_main(monkeypatch, capfd, *arguments)
    assert (status, out) == (2, "")
    for word in words:
        assert word in err


def test_a_refused_command_ends_with_status_2_and_no_traceback(tmp_path):
    command = [sys.executable, "-m", "tools.run", "04_elevation_gradients", "sed=7"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean seed?" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "from helpers.checks import check_level\ncheck_level('level', 2, .9)",
            [
                "99_small stopped in cell [2]",
                "level\n  needed: a number between 0 and 1",
                "try 0.9",
            ],
        ),
        ("def f():\n    1 / 0\nf()", ["cell [2]", "----> 3 f()", "ZeroDivisionError: division"]),
        ("import os\nos._exit(3)", ["99_small stopped: its kernel died"]),
    ],
    ids=["refused", "error", "dead"],
)
def test_a_run_that_stops_says_why_and_leaves_nothing(
    code, words, small_notebook, tmp_path, monkeypatch, capfd
):
    small_notebook(code)
    status, out, err = run_main(monkeypatch, capfd, "99_small")
    assert (status, out) == (1, "")
    for word in words:
        assert word in err
    assert ("--> " in err) == ("ZeroDivisionError" in err), "a refusal says enough"
    assert not list((tmp_path / "runs").glob("*/*"))


_INTERRUPTED = """
import signal
import sys
from pathlib import Path
from tools import run
run.NOTEBOOKS, run.RUNS = Path(sys.argv.pop()), Path(sys.argv.pop())
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
sys.exit(run.main())
"""


@pytest.mark.slow
def test_an_interrupted_run_says_so_and_leaves_neither_files_nor_a_kernel(small_notebook, tmp_path):
    pid = tmp_path / "pid"
    code = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(300)"
    notebook = small_notebook(code)
    command = [sys.executable, "-c", _INTERRUPTED, "99", tmp_path / "runs", notebook.parent]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    deadline = time.monotonic() + 60
    while not (pid.exists() and pid.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    started, gap, ended = err.splitlines()
    assert "into" in started
    assert (gap, ended) == ("", "interrupted: nothing was kept")
    assert not list((tmp_path / "runs").glob("*/*"))
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_data_from_a_folder_without_files_is_refused(tmp_path):
    command = [sys.executable, "-m", "tools.data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "a folder with GLDAS monthly files" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "sites.csv"
    path.write_text("old")

    def fail(partial):
        partial.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        data_command._replace(path, fail)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("sites.csv", "old")]


def test_the_digest_sees_helpers_data_and_lock_and_nothing_else(tmp_path):
    for name in ("helpers/a.py", "data/b.csv", "requirements.lock", "book/c.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    before = digest(tmp_path)
    (tmp_path / "book/c.md").write_text("2")
    assert digest(tmp_path) == before
    for name in ("helpers/a.py", "data/b.csv", "requirements.lock"):
        (tmp_path / name).write_text("2")
        assert digest(tmp_path) != before
        (tmp_path / name).write_text("1")
    assert digest(tmp_path) == before
    (tmp_path / "helpers/commands").mkdir()
    (tmp_path / "tools/a.py").write_text("1")
    assert digest(tmp_path) == before


def test_no_notebook_and_no_science_imports_the_commands():
    science = [path for path in ROOT.glob("helpers/**/*.py") if path.parent.name != "commands"]
    for path in [*science, *NOTEBOOKS.glob("*.md")]:
        assert not re.search(r"^\s*(from|import) helpers\.commands", path.read_text(), re.M), path


def test_the_digest_of_a_notebook_sees_what_it_imports_through_whatever_helper(tmp_path):
    texts = {
        "__init__.py": "",
        "near.py": "def later():\n    import helpers.models.inner\n",
        "models/__init__.py": "from helpers import far\n",
        "models/inner.py": "",
        "far.py": "",
        "other.py": "",
    }
    for name, text in texts.items():
        path = tmp_path / "helpers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    code = ["%matplotlib inline\nfrom helpers.near import later", "import pandas as pd\n!ls"]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, code)))
    before, seen = digest_of(notebook, tmp_path), set()
    for name, text in texts.items():
        (tmp_path / "helpers" / name).write_text(f"{text}# changed\n")
        if digest_of(notebook, tmp_path) != before:
            seen.add(name)
        (tmp_path / "helpers" / name).write_text(text)
    assert seen == texts.keys() - {"other.py"}
    notebook.cells[0].source = "from helpers.near import ("
    assert digest_of(notebook, tmp_path) == digest(tmp_path)


def test_a_table_of_results_concerns_the_notebooks_that_name_it_and_an_own_sweep_none(tmp_path):
    sweep = "book/sweeps/what_survives"
    names = ("benchmarks/growth.csv", f"{sweep}_small.parquet", f"{sweep}.parquet", "data/a.csv")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    codes = ('read("../benchmarks/growth.csv")', '"what_survives_small"', "1 + 1", "1 +")
    cells = [[nbformat.v4.new_code_cell(code)] for code in codes]

    def look() -> list[str]:
        books = (nbformat.v4.new_notebook(cells=each) for each in cells)
        return [digest_of(book, tmp_path) for book in books]

    before, concerned = look(), {}
    for name in names:
        (tmp_path / name).write_text("2")
        concerned[name] = [k for k, one in enumerate(look()) if one != before[k]]
        (tmp_path / name).write_text("1")
    assert list(concerned.values()) == [[0, 3], [1, 3], [], [0, 1, 2, 3]]


def test_a_stale_notebook_loses_its_output_and_page_and_other_code_all_pages(tmp_path):
    paths = [NOTEBOOKS / name for name in ("01_a.ipynb", "02_b.ipynb")]
    doctrees = tmp_path / ".doctrees" / NOTEBOOKS.relative_to(ROOT)
    cache = get_cache(tmp_path / ".jupyter_cache")

    def kept_after(numbers: str, pages: str, names=paths) -> tuple[str, str, bool]:
        """Return whose outputs and pages are kept, and whether the built ones are."""
        doctrees.mkdir(parents=True, exist_ok=True)
        (tmp_path / "html").mkdir(exist_ok=True)
        for path in paths:
            cell = nbformat.v4.new_code_cell(path.name, execution_count=1)
            bundle = CacheBundleIn(nbformat.v4.new_notebook(cells=[cell]), str(path))
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
            (doctrees / path.stem).with_suffix(".doctree").touch()
        drop_stale(dict(zip(names, numbers, strict=True)), pages, cache, tmp_path)
        outputs = sorted(Path(record.uri).stem[-1] for record in cache.list_cache_records())
        pages = sorted(path.stem[-1] for path in doctrees.glob("*"))
        return "".join(outputs), "".join(pages), (tmp_path / "html").exists()

    assert kept_after("11", "1") == ("", "", False)
    assert kept_after("11", "1") == ("ab", "ab", True)
    assert kept_after("12", "1") == ("a", "a", True)
    assert kept_after("12", "2") == ("ab", "", False)
    other = [paths[0], NOTEBOOKS / "02_new_name.ipynb"]
    assert kept_after("12", "2", other)[0] == "a"


@pytest.fixture
def small_book(tmp_path):
    """Return a function that builds a copy of the project with two notebooks.

    The first has the code that the function is given. The second imports no helper.
    """
    names = [
        "helpers",
        "data",
        "requirements.lock",
        "_config.yml",
        "pyproject.toml",
        "CITATION.cff",
        "book/_static",
        "book/descriptions.yml",
        "book/redirect.html",
        "book/references.bib",
    ]
    for name in names:
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, target)
    contents = "root: book/notebooks/01_page\nchapters:\n- file: book/notebooks/02_other\n"
    (tmp_path / "_toc.yml").write_text(f"format: jb-book\n{contents}")
    notebook = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        }
    )
    (tmp_path / "book" / "notebooks").mkdir()
    cells = [nbformat.v4.new_markdown_cell("# Another"), nbformat.v4.new_code_cell("6 * 7")]
    other = nbformat.v4.new_notebook(metadata=notebook.metadata, cells=cells)
    nbformat.write(other, tmp_path / "book" / "notebooks" / "02_other.ipynb")

    def build(*code: str, was: str = "", **environment) -> tuple[subprocess.CompletedProcess, str]:
        if was:
            notebook.metadata["genuine"] = ["srdb"]
        notebook.cells = [
            nbformat.v4.new_markdown_cell("# A page"),
            *map(nbformat.v4.new_code_cell, code),
        ]
        for number, cell in enumerate(notebook.cells):
            cell.id = f"cell-{number}"
        if was:
            notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text=was)]
        nbformat.write(notebook, tmp_path / "book" / "notebooks" / "01_page.ipynb")
        done = subprocess.run(
            [sys.executable, "-m", "tools.book"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path)} | environment,
            capture_output=True,
            text=True,
        )
        page = tmp_path / "_build" / "html" / "book" / "notebooks" / "01_page.html"
        return done, page.read_text(encoding="utf-8") if page.exists() else ""

    return build


def executed(build: subprocess.CompletedProcess) -> list[str]:
    """Return the notebooks that a build executed; of each, that is all cells, once."""
    return re.findall(r"^executed (\w+)\.ipynb in ", build.stdout, re.MULTILINE)


SHOW_ZONES = "from helpers.readers.sites import ZONES\nprint(ZONES['Low'])"


@pytest.mark.slow
def test_a_changed_helper_never_leaves_an_old_number(small_book, tmp_path):
    done, page = small_book(SHOW_ZONES)
    assert done.returncode == 0, done.stderr
    assert "(3112, 3650)" in page
    assert executed(done) == ["01_page", "02_other"]

    done, page = small_book(SHOW_ZONES)
    assert done.returncode == 0, done.stderr
    assert executed(done) == []
    assert "Jupyter-Book" not in done.stdout, "nor is anything rendered"

    address = "https://example.org/b/"
    done, page = small_book(SHOW_ZONES, BOOK_URL=address)
    assert done.returncode == 0, done.stderr
    assert f'rel="canonical" href="{address}' in page
    assert executed(done) == []

    helper = tmp_path / "helpers" / "sites.py"
    helper.write_text(re.sub(r"\(3112, 3650\)", "(3111, 3650)", helper.read_text()))
    done, page = small_book(SHOW_ZONES)
    assert done.returncode == 0, done.stderr
    assert "(3111, 3650)" in page
    assert "(3112, 3650)" not in page
    assert executed(done) == ["01_page"]

    done, page = small_book(SHOW_ZONES, "'a new cell'")
    assert done.returncode == 0, done.stderr
    assert "a new cell" in page
    assert executed(done) == ["01_page"]


@pytest.mark.slow
def test_without_its_genuine_files_a_page_is_shown_as_it_was_run(small_book, tmp_path):
    here = {"TIBET_REAL_DATA": str(tmp_path / "files")}
    done, page = small_book("print('run ' + 'here')", was="run elsewhere", **here)
    assert done.returncode == 0, done.stderr
    assert "01_page.ipynb is shown as it was run elsewhere: no srdb here" in done.stdout
    assert "run elsewhere" in page

    (tmp_path / "files" / "srdb").mkdir(parents=True)
    done, page = small_book("print('run ' + 'here')", was="run elsewhere", **here)
    assert done.returncode == 0, done.stderr
    assert "run here" in page
    assert "run elsewhere" not in page


def test_a_twin_that_differs_in_the_day_only_is_kept(tmp_path):
    def twin(day, number):
        cells = [nbformat.v4.new_code_cell(tag) for tag in ("day", "number")]
        cells[0].metadata["tags"] = ["moment-of-run"]
        for index, (cell, text) in enumerate(zip(cells, (day, number), strict=True)):
            cell.id = str(index)
            cell.outputs = [nbformat.v4.new_output("stream", text=text)]
        return nbformat.v4.new_notebook(cells=cells)

    path = tmp_path / "a.ipynb"
    for given, kept in (
        (("1 May", "7"), "1 May"),
        (("2 May", "7"), "1 May"),
        (("3 May", "8"), "3 May"),
    ):
        write_twin(path, twin(*given))
        assert nbformat.read(path, 4).cells[0].outputs[0].text == kept


@pytest.mark.slow
def test_a_failed_cell_fails_the_build_with_its_traceback(small_book):
    done, page = small_book("1 / 0")
    assert done.returncode == 1
    assert "01_page.ipynb failed" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert not page


@pytest.mark.slow
def test_a_warning_fails_the_build(small_book):
    done, _ = small_book("from IPython.display import Markdown\nMarkdown('[](nowhere.md)')")
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr


_START_THREE = '''
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
from tools.execution import execute

code = """import sys, tempfile, threading, time
from pathlib import Path
from ipykernel.kernelapp import IPKernelApp
app, flush = IPKernelApp.instance(), sys.stdout.flush
def flush_late():
    if threading.current_thread() is app.control_thread:
        time.sleep(1)
        end = Path(tempfile.gettempdir(), app.connection_file).with_suffix(".end")
        end.write_text(str(app.iopub_thread.thread.is_alive()))
    flush()
sys.stdout.flush = flush_late
app.transport"""
notebooks = {Path(f"{n}.ipynb"): new_notebook(cells=[new_code_cell(code)]) for n in range(3)}
for path in execute(notebooks):
    print(notebooks[path].cells[0].outputs[0]["data"]["text/plain"])
'''


@pytest.mark.slow
@pytest.mark.skipif(not zmq.has("ipc"), reason="this system has no socket files")
def test_kernels_started_at_once_meet_on_socket_files_and_leave_none(tmp_path):
    """Kernels side by side race for TCP ports: CI once failed with "Address already in use".

    At their end they flush while somebody is there to publish: CI once failed with
    "IOStream.flush timed out".
    """
    command = [sys.executable, "-c", _START_THREE]
    here = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=here)
    assert done.stdout.count("'ipc'") == 3, done.stderr
    assert not list(tmp_path.glob("kernel-*"))
    assert [path.read_text() for path in tmp_path.glob("*.end")] == ["True"] * 3


@pytest.mark.parametrize(
    ("program", "own"),
    [("python", True), (sys.executable, True), ("/elsewhere/bin/python", False), ("ark", False)],
)
def test_only_kernels_of_this_python_are_given_a_class_of_the_helpers(program, own, tmp_path):
    manager = KernelManager(connection_file=str(tmp_path / "kernel.json"))
    manager._kernel_spec = KernelSpec(argv=[program, "-f", "{connection_file}"])
    kernel = SocketFileProvisioner(kernel_spec=manager.kernel_spec, parent=manager)
    command = asyncio.run(kernel.pre_launch(env={}))["cmd"]
    assert any("OrderlyKernel" in word for word in command) == own
