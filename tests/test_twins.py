"""Sources and twins: whatever reads, saves, synchronises or refreshes them changes no byte."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupytext.cli import jupytext
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.conftest import ROOT
from tools.execution import NOTEBOOKS
from tools.lab import copy_chapters
from tools.refresh import print_source

ORDERS = pytest.mark.parametrize("newer", [".md", ".ipynb"])


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def chapters(tmp_path, newer) -> Path:
    """Return a copy of the chapters, in which either the sources or the twins are newer."""
    folder = tmp_path / "notebooks"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for path in folder.iterdir():
        os.utime(path, (0, 2e9 if path.suffix == newer else 1e9))
    return folder


@pytest.mark.parametrize("source", sorted(NOTEBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_source_has_the_form_that_jupytext_gives_it(source):
    assert source.read_text(encoding="utf-8") == print_source(source), "run make refresh"


@ORDERS
def test_jupytext_finds_nothing_to_synchronise(chapters):
    before = contents(chapters)
    jupytext(["--quiet", "--sync", *map(str, chapters.glob("*.ipynb"))])
    assert contents(chapters) == before


@ORDERS
def test_jupyterlab_opens_and_saves_every_chapter_and_changes_nothing(chapters, monkeypatch):
    server = pytest.importorskip(
        "jupyter_server.services.contents.largefilemanager",
        reason="JupyterLab is not installed (python make.py setup lab)",
    )
    from jupytext.sync_contentsmanager import build_sync_jupytext_contents_manager_class

    monkeypatch.setenv("JUPYTER_DATA_DIR", str(chapters.parent / "jupyter"))
    before = contents(chapters)
    manager = build_sync_jupytext_contents_manager_class(server.LargeFileManager)()
    manager.root_dir = str(chapters.parent)
    for path in sorted(before):
        if path.suffix != ".toml":
            name = path.relative_to(chapters.parent).as_posix()
            manager.save(manager.get(name, type="notebook"), name)
    after = contents(chapters)
    assert {path: after[path] for path in before} == before


@pytest.fixture
def project(tmp_path) -> Path:
    unwanted = shutil.ignore_patterns(".*", "_build", "runs", "lab", "downloads", "tests")
    return shutil.copytree(ROOT, tmp_path / "project", ignore=unwanted)


def refresh(project: Path, *names: str, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "tools.refresh", *names],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"} | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_a_refresh_of_one_chapter_writes_what_was_there_on_another_processor_too(project):
    """Its source in another form and a table that is lost are mended; nothing else is written."""
    before = contents(project)
    notebooks = project / "book" / "notebooks"
    source, table = notebooks / "07_path_models.md", notebooks.parent / "_generated/timetable.md"
    text = source.read_text(encoding="utf-8")
    caption = re.search(r"    caption: .*\n      .*\n", text)[0]
    source.write_text(text.replace(caption, caption.replace("\n      ", " ")), encoding="utf-8")
    table.unlink()
    done = refresh(project, "7", OPENBLAS_CORETYPE="Haswell")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"executed (\S+)", done.stdout) == [source.name]
    assert contents(project) == before


def test_a_refresh_of_a_chapter_that_is_not_there_is_refused(project):
    before = contents(project)
    done = refresh(project, "07", "climatic")
    assert done.returncode == 2
    assert "notebook" in done.stderr
    assert "'climatic'" in done.stderr
    assert contents(project) == before


@pytest.fixture
def book(tmp_path, monkeypatch) -> Path:
    """Return a folder with two short chapters, of which make lab takes its copies."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.setattr("tools.lab.NOTEBOOKS", folder)
    for name in ("01_first", "02_second"):
        write(folder / f"{name}.ipynb", "1 + 1")
    return folder


def write(path: Path, code: str) -> None:
    cells = [new_markdown_cell("# A chapter", id="head"), new_code_cell(code, id="code")]
    nbformat.write(new_notebook(cells=cells), path)


def test_changed_copies_are_kept_and_the_others_follow_the_book(book, tmp_path):
    lab = tmp_path / "lab"
    assert copy_chapters(lab) == []
    mine, untouched = lab / "01_first.ipynb", lab / "02_second.ipynb"
    assert mine.read_bytes() == (book / mine.name).read_bytes()
    write(mine, "my own")
    changed = mine.read_bytes()
    for name in ("01_first", "02_second"):
        write(book / f"{name}.ipynb", "2 + 2")
    for _ in range(2):
        assert copy_chapters(lab) == [mine.name]
        assert mine.read_bytes() == changed
        assert untouched.read_bytes() == (book / untouched.name).read_bytes()
    mine.rename(lab / "mine.ipynb")
    assert copy_chapters(lab) == []
    assert mine.read_bytes() == (book / mine.name).read_bytes()
    assert (lab / "mine.ipynb").read_bytes() == changed


def test_copies_are_no_pairs_and_their_links_lead_somewhere(tmp_path):
    lab = tmp_path / "lab"
    copy_chapters(lab)
    (tmp_path / "book").symlink_to(ROOT / "book")
    before = contents(lab)
    jupytext(["--quiet", "--sync", *map(str, lab.glob("*.ipynb"))])
    assert contents(lab) == before
    texts = [path.read_text(encoding="utf-8") for path in lab.glob("*.ipynb")]
    links = {link for text in texts for link in re.findall(r"\]\(([\w./-]+\.\w+)", text)}
    assert len(links) > 20
    assert not [link for link in links if not (lab / link).exists()]
