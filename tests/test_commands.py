"""What make calls, tried on a copy of the project that has two short notebooks."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from filelock import FileLock
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.conftest import ROOT
from tests.faults.parameters import write_notebook
from tools import run as run_command
from tools.execution import NOTEBOOKS, find_notebook
from tools.page import render_page
from tools.refresh import write_twin
from tools.run import run_folder, state

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
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
TABLES = """\
import pandas as pd
from IPython.display import display
from helpers.figures import tabulate
rain = pd.Series({"T_1": 1 / 3, "T_2": 2e5}, name="rain (mm & more)").rename_axis("site")
display(tabulate(rain))
tabulate(pd.DataFrame({"n": [7]}))"""


def write(path: Path, *code: str, was: str = "", genuine: tuple[str, ...] = ()) -> Path:
    """Write a notebook with these cells; `was` is what its last one printed elsewhere."""
    cells = [
        new_markdown_cell(f"# A small chapter\n\n{SAYS if DRAWS in code else ''}"),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        *map(new_code_cell, code),
    ]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
        if cell.source == DRAWS:
            about = {"name": "fig-own", "caption": "A caption of $x$."}
            cell.metadata["mystnb"] = {"figure": about}
    if was:
        cells[-1].outputs = [new_output("stream", text=was)]
    nbformat.write(new_notebook(cells=cells, metadata=KERNEL | {"genuine": genuine}), path)
    return path


@pytest.fixture
def project(tmp_path) -> Path:
    """Copy the project without its notebooks, pages and builds, and give it two short notebooks."""
    project, names = tmp_path / "project", ("01_first", "02_second")
    unwanted = (".*", "_build", "runs", "lab", "downloads", "tests", "benchmarks", "book")
    shutil.copytree(ROOT, project, ignore=shutil.ignore_patterns(*unwanted))
    shutil.copytree(ROOT / "book" / "_static", project / "book" / "_static")
    for name in ("references.bib", "redirect.html"):
        shutil.copy(ROOT / "book" / name, project / "book" / name)
    (project / "book" / "index.md").write_text("# A short book\n")
    (project / "book" / "notebooks").mkdir()
    for name in names:
        write(project / "book" / "notebooks" / f"{name}.ipynb", f"print('{name}')")
    chapters = "".join(f"- file: book/notebooks/{name}\n" for name in names)
    (project / "_toc.yml").write_text(f"format: jb-book\nroot: book/index\nchapters:\n{chapters}")
    described = "".join(f"book/notebooks/{name}: {name}\n" for name in names)
    (project / "book" / "descriptions.yml").write_text(f"book/index: A short book\n{described}")
    config = (project / "_config.yml").read_text(encoding="utf-8")
    (project / "_config.yml").write_text(config.partition("    redirects:")[0], encoding="utf-8")
    return project


def command(project: Path, *words: str, **environment) -> subprocess.CompletedProcess:
    """Run a command of a copy of the project."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project)} | environment,
        capture_output=True,
        text=True,
    )


# make run


@pytest.mark.slow
def test_a_run_gives_notebook_record_and_a_page_that_needs_nothing_else(project):
    write(project / "book" / "notebooks" / "99_small.ipynb", "seed * 10", DRAWS, TABLES)
    done = command(project, "tools.run", "99", "seed=7", "--parameters", "level=.95")
    assert done.returncode == 0, done.stderr
    page = Path(done.stdout.removesuffix("\n"))
    assert done.stdout == f"{page}\n", "scripts can use it"
    assert "WARNING" not in done.stderr
    tables = {"a-small-chapter.csv", "a-small-chapter-2.csv"}
    names = {"99_small.html", "99_small.ipynb", "run.json", "fig-own.svg", *tables}
    assert {path.name for path in page.parent.iterdir()} == names
    assert "<svg" in (page.parent / "fig-own.svg").read_text(encoding="utf-8")
    rain = "site,rain (mm & more)\nT_1,0.3333333333333333\nT_2,200000.0\n"
    assert (page.parent / "a-small-chapter.csv").read_bytes() == rain.encode()
    assert (page.parent / "a-small-chapter-2.csv").read_bytes() == b"n\n7\n"
    record = json.loads((page.parent / "run.json").read_text())
    assert record["parameters"] == {"source": "embedded", "seed": 7, "level": 0.95}
    assert record["versions"]["Python"] == platform.python_version()
    executed = nbformat.read(page.with_suffix(".ipynb"), 4)
    assert executed.cells[3].metadata.tags == ["injected-parameters"]
    assert executed.cells[4].outputs[0].data["text/plain"] == "70"
    kinds = {kind for cell in executed.cells[5:] for out in cell.outputs for kind in out.data}
    assert kinds == {"image/png", "text/html", "text/plain"}, "what became files is in no page"

    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    assert not soup.find_all(["script", "link", "iframe"])
    assert "url(" not in str(soup)
    (image,) = soup.find_all("img")
    assert image["src"].startswith("data:image/png;base64,")
    assert image["alt"] == "A figure of nothing at all"
    top = soup.article.find("blockquote").text
    assert "seed = 7  # 2022 in the book" in top
    assert "level = 0.95  # as in the book" in top
    assert "Warning" in soup.select_one(".admonition.warning").text
    assert len(soup.select("math")) == 3, "two in the text, one in the caption"
    assert soup.select_one(".admonition code").text == "\\nosuchcommand"
    assert soup.figure.figcaption.text.strip().startswith("Figure 1 A caption of")
    assert "n = 30 sites; observed." in soup.figure.text
    cited = [link["href"] for link in soup.select(".bibtex-citation a, p a[href^='#id']")]
    assert len({*cited}) >= 2
    assert all(soup.find(id=href[1:]) for href in cited)
    assert "by Han et al. [2022]. [Chen et al., 2019]" in soup.article.text
    assert "10.1029/2022EF002890" in soup.select_one(".citation-list").text


@pytest.mark.parametrize("built", [True, False])
def test_links_lead_to_the_built_book_or_are_plain_text(built, tmp_path):
    html = tmp_path / "html"
    if built:
        html.mkdir()
    notebook = write(tmp_path / "99_small.ipynb", DRAWS)
    text = render_page(notebook, tmp_path / "runs" / "99_small" / "abc", html)
    table = BeautifulSoup(text, "html.parser").find("table")
    assert [link["href"] for link in table.find_all("a")] == built * [
        "../../../html/book/notebooks/04_elevation_gradients.html",
        "../../../html/book/data-dictionary.html#labels",
    ]
    assert "Gradients" in table.text
    assert "a figure of another chapter" in table.text


def test_the_folder_of_a_run_stands_for_what_differs_from_the_book(tmp_path):
    notebook = write_notebook(tmp_path / "99_small.ipynb", PARAMETERS)
    book = run_folder(notebook, {})
    for same in ({"seed": 2022}, {"level": 0.95, "source": "embedded"}):
        assert run_folder(notebook, same) == book
    others = [{"seed": 7}, {"seed": 8}, {"level": 0.9}, {"seed": 7, "level": 0.9}]
    assert len({book, *(run_folder(notebook, values) for values in others)}) == 5
    assert run_folder(notebook, {"level": 0.9, "seed": 7}) == run_folder(notebook, others[-1])


def test_the_state_of_a_run_sees_its_code_and_the_files_of_its_source(tmp_path):
    path, table = tmp_path / "99_small.ipynb", tmp_path / "own" / "deep" / "sites.csv"
    table.parent.mkdir(parents=True)
    table.write_text("a")
    write(path, "1 + 1")

    seen = []
    for change in (
        lambda: None,
        lambda: table.write_text("ab"),
        lambda: os.utime(table, ns=(1, 1)),
        lambda: table.rename(table.with_name("other.csv")),
        lambda: write(path, "1 + 2"),
    ):
        change()
        seen.append(state(path, {"source": str(tmp_path / "own")}))
    assert len(set(seen)) == len(seen)
    notebook = nbformat.read(path, 4)
    notebook.cells[0].source = "Other words, which change no number."
    nbformat.write(notebook, path)
    assert state(path, {"source": str(tmp_path / "own")}) == seen[-1]


@pytest.mark.parametrize(
    "name", ["04_elevation_gradients", "book/notebooks/04_elevation_gradients.md", "04", "04_elev"]
)
def test_a_notebook_is_found_by_the_beginning_of_its_name(name):
    assert find_notebook(name) == NOTEBOOKS / "04_elevation_gradients.ipynb"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["04_elevation_gradients", "sed=7"], ["parameter 'sed'", "did you mean seed?"]),
        (["04", "seed=7", "--parameters", "seed='8"], ["close the quotes"]),
    ],
)
def test_a_refused_run_says_why(arguments, words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run", *arguments])
    assert run_command.main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    for word in words:
        assert word in said.err


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("flags", [[], ["-s", "-j2", "--no-print-directory"]])
def test_what_stands_beside_the_notebook_on_the_command_line_of_make_is_a_parameter(
    flags, tmp_path
):
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    value = 'it\'s "$$(touch ran)"; a \\ `touch ran` # b'
    made = subprocess.run(
        ["make", *flags, "PYTHON=true", "run", "NB=04", f"seed={value}", "sed=7", "P=alpha=2"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 2
    for word in (repr(value), "did you mean seed?", "'alpha'"):
        assert word in made.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "from helpers.checks import check_level\ncheck_level('level', 2, .9)",
            ["stopped in cell [2]\nlevel\n  needed: a number between 0 and 1"],
        ),
        ("def f():\n    1 / 0\nf()", ["cell [2]", "----> 3 f()", "ZeroDivisionError: division"]),
        ("import os\nos._exit(3)", ["01_first stopped: its kernel died"]),
    ],
    ids=["refused", "error", "dead"],
)
def test_a_run_that_stops_says_why_and_leaves_nothing(code, words, project):
    write(project / "book" / "notebooks" / "01_first.ipynb", code)
    done = command(project, "tools.run", "1")
    assert (done.returncode, done.stdout) == (1, "")
    for word in words:
        assert word in done.stderr
    assert not list((project / "runs").glob("*/*"))


@pytest.mark.slow
def test_an_interrupted_run_says_so_and_leaves_neither_files_nor_a_kernel(project, tmp_path):
    pid = tmp_path / "pid"
    code = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(300)"
    write(project / "book" / "notebooks" / "01_first.ipynb", code)
    start = (
        "import signal, sys; from tools.run import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # in the background it is off
        "sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start, "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project)},
    )
    deadline = time.monotonic() + 120
    while not (pid.exists() and pid.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "interrupted: nothing was kept" in err
    assert not list((project / "runs").glob("*/*"))
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


# make book


def executed(build: subprocess.CompletedProcess) -> list[str]:
    """Return the notebooks that a build executed."""
    assert build.returncode == 0, build.stdout + build.stderr
    return re.findall(r"^executed (\w+)\.ipynb in ", build.stdout, re.MULTILINE)


@pytest.mark.slow
def test_a_build_executes_what_changed_and_never_shows_an_old_number(project):
    notebook = project / "book" / "notebooks" / "01_first.ipynb"
    page = project / "_build" / "html" / "book" / "notebooks" / "01_first.html"
    show = "from helpers.readers.sites import ZONES\nprint(ZONES['Low'])"
    write(notebook, show)
    assert sorted(executed(command(project, "tools.book"))) == ["01_first", "02_second"]
    assert "(3112, 3650)" in page.read_text()

    with FileLock(project / "_build" / ".lock"):  # builds of one folder take turns
        second = subprocess.Popen(
            [sys.executable, "-m", "tools.book"],
            cwd=project,
            env=os.environ | {"PYTHONPATH": str(project)},
            stdout=subprocess.PIPE,
            text=True,
        )
        with pytest.raises(subprocess.TimeoutExpired):
            second.communicate(timeout=15)
    out, _ = second.communicate()
    assert (second.returncode, out) == (0, f"the book: {page.parents[2] / 'index.html'}\n")

    address = "https://example.org/b/"
    assert executed(command(project, "tools.book", BOOK_URL=address)) == []
    assert f'rel="canonical" href="{address}' in page.read_text()

    write(notebook, show, "'a new cell'")
    assert executed(command(project, "tools.book")) == ["01_first"]
    assert "a new cell" in page.read_text()

    helper = project / "helpers" / "readers" / "sites.py"
    helper.write_text(helper.read_text().replace("(3112, 3650)", "(3111, 3650)"))
    assert len(executed(command(project, "tools.book"))) == 2
    assert "(3111, 3650)" in page.read_text()
    assert "(3112, 3650)" not in page.read_text()


@pytest.mark.slow
def test_without_its_genuine_files_a_page_is_shown_as_it_was_run(project):
    notebook = project / "book" / "notebooks" / "01_first.ipynb"
    page = project / "_build" / "html" / "book" / "notebooks" / "01_first.html"
    here = {"TIBET_REAL_DATA": str(project / "files")}
    write(notebook, "print('run ' + 'here')", was="run elsewhere", genuine=("srdb",))
    done = command(project, "tools.book", **here)
    assert executed(done) == ["02_second"]
    assert "01_first.ipynb is shown as it was run elsewhere: no srdb here" in done.stdout
    assert "run elsewhere" in page.read_text()

    (project / "files" / "srdb").mkdir(parents=True)
    assert "01_first" in executed(command(project, "tools.book", **here))
    assert "run here" in page.read_text()
    assert "run elsewhere" not in page.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("1 / 0", ["01_first.ipynb failed", "ZeroDivisionError: division by zero"]),
        ("from IPython.display import Markdown\nMarkdown('[](nowhere.md)')", ["nowhere.md"]),
    ],
    ids=["cell", "warning"],
)
def test_a_failed_cell_and_a_warning_fail_the_build(code, words, project):
    write(project / "book" / "notebooks" / "01_first.ipynb", code)
    done = command(project, "tools.book")
    assert done.returncode != 0
    for word in words:
        assert word in done.stderr


def test_a_twin_that_differs_in_the_day_only_is_kept(tmp_path):
    def twin(day, number):
        cells = [new_code_cell("day", metadata={"tags": ["moment-of-run"]}), new_code_cell("n")]
        for index, (cell, text) in enumerate(zip(cells, (day, number), strict=True)):
            cell.id = str(index)
            cell.outputs = [new_output("stream", text=text)]
        return new_notebook(cells=cells)

    path = tmp_path / "a.ipynb"
    for (day, number), kept in (
        (("1 May", "7"), "1 May"),
        (("2 May", "7"), "1 May"),
        (("3 May", "8"), "3 May"),
    ):
        write_twin(path, twin(day, number))
        assert nbformat.read(path, 4).cells[0].outputs[0].text == kept


def test_data_from_a_folder_without_files_is_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tools.data", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "a folder with monthly means of GLDAS" in done.stderr
    assert "Traceback" not in done.stderr
