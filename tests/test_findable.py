"""Readers find the book and their way in it: glossary, descriptions, citation, address, buttons."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from sphinx.cmd.build import build_main

from tests.browser import HTML
from tests.conftest import ROOT
from tests.test_book import pages  # noqa: F401

BUILT = pytest.mark.slow
ADDRESS = "https://example.org/tibet/"
CHAPTER = "book/notebooks/04_elevation_gradients"
BOOK = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
SETTINGS = ("descriptions.yml", "redirect.html", "references.bib")
REDIRECTS = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]["redirects"]
DESCRIBED = yaml.safe_load((ROOT / "book" / "descriptions.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def written(pages) -> dict[str, BeautifulSoup]:  # noqa: F811
    """Return the pages that have a text of their own, by name."""
    named = {
        path.relative_to(HTML).with_suffix("").as_posix(): page for path, page in pages.items()
    }
    return {name: page for name, page in named.items() if name not in REDIRECTS}


def build(folder: Path, extension: str) -> Path:
    """Build a small project with one extension of the book; a warning is an error."""
    settings = f"extensions = {['myst_parser', extension]}\nmyst_enable_extensions = ['dollarmath']"
    settings += "\nsource_suffix = {'.md': 'markdown'}"  # a page of a run built before has another
    (folder / "conf.py").write_text(f"{settings}\nhtml_theme = 'basic'\n", encoding="utf-8")
    target = folder.parent / "html"
    assert build_main(["-q", "-W", str(folder), str(target)]) == 0
    return target


def read(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def meta(page: BeautifulSoup, name: str) -> list[str]:
    return [tag["content"] for tag in page.select(f'meta[name="{name}"], meta[property="{name}"]')]


# the glossary


GLOSSARY = """
# Glossary

```{glossary}
TOP
terrestrial oxygen production
  What land gives.

path model
  Arrows.

path
  A way.

gain
  What comes back.

*mirror*
  The loop turned round.
```
"""
PROSE = """
# A path model in the title

| TOP in a table |
| --- |
| gain |

Code `gain`, formula $gain$, a [path model in a link](https://example.org), unknown words.

```
gain in a block
```

![gain in a picture](data:image/gif;base64,R0lGODlhAQABAAAAACw=)

Path models are plural, stopgain is not a word of ours, nor is gain-free. A dip is the mirror image.
The gain, and again the gain. This is the **mirror**. TOP comes first; then terrestrial oxygen
production, TOP, top and GAIN.
A path
model that is broken over two lines.
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return the folder of a small project with a glossary and a page in a folder below it."""
    folder = tmp_path / "source"
    (folder / "deep").mkdir(parents=True)
    (folder / "index.md").write_text(
        "# Start\n\n```{toctree}\nglossary\ndeep/page\n```\n", encoding="utf-8"
    )
    (folder / "glossary.md").write_text(GLOSSARY, encoding="utf-8")
    (folder / "deep" / "page.md").write_text(PROSE, encoding="utf-8")
    return folder


def test_prose_links_a_term_once_and_its_abbreviation_says_what_it_means(small):
    target = build(small, "tools.sphinx_ext.glossary_links")
    page = read(target / "deep" / "page.html")
    links = page.select("a.glossary-term")
    shown = [" ".join(link.get_text().split()) for link in links]
    assert shown == ["Path models", "gain", "mirror", "TOP"]
    assert [link["href"].split("#")[0] for link in links] == ["../glossary.html"] * 4
    assert {link.parent.name for link in links} == {"p", "strong"}
    text = "stopgain is not a word of ours, nor is gain-free. A dip is the mirror image."
    assert text in links[0].parent.get_text()
    short = [(each.get_text(), each["title"]) for each in page.select("abbr")]
    assert short == [("TOP", "terrestrial oxygen production")] * 2
    assert not read(target / "glossary.html").select("a.glossary-term, abbr")


def test_a_changed_glossary_is_seen_on_pages_that_did_not_change(small):
    build(small, "tools.sphinx_ext.glossary_links")
    changed = GLOSSARY.replace("terrestrial oxygen production", "thing on paper")
    (small / "glossary.md").write_text(changed.replace("gain\n", "unknown\n"), encoding="utf-8")
    page = read(build(small, "tools.sphinx_ext.glossary_links") / "deep" / "page.html")
    assert page.select_one("abbr")["title"] == "thing on paper"
    shown = [link.get_text() for link in page.select("a.glossary-term")]
    assert "unknown" in shown
    assert "gain" not in shown

    (small / "glossary.md").write_text("# Nothing\n", encoding="utf-8")
    page = read(build(small, "tools.sphinx_ext.glossary_links") / "deep" / "page.html")
    assert not page.select("a.glossary-term, abbr")


@BUILT
def test_every_link_to_the_glossary_leads_to_an_entry_and_stands_once_per_page(written):
    glossary = written["book/glossary"]
    entries = {term["id"] for term in glossary.select("dt[id]")}
    met = set()
    for name, page in written.items():
        leads = [link["href"].split("#")[1] for link in page.select("a.glossary-term")]
        assert len(leads) == len(set(leads)), name
        assert set(leads) <= entries
        met |= set(leads)
        wrong = "h1, h2, h3, code, pre, table, figcaption, .cell_output, dl.glossary"
        assert not [link for link in page.select("a.glossary-term") if link.find_parent(wrong)]
    assert len(met) > 60
    for definition in glossary.select("dl.glossary dd"):
        assert definition.select("a[href]"), definition.get_text()  # to a page that explains it


# what a page says of itself


@BUILT
def test_every_page_has_one_description_of_its_own_and_no_tag_twice(written):
    sources = {name for name in written if name.startswith("_modules/helpers/")}
    assert set(DESCRIBED) == set(written) - sources, "mend book/descriptions.yml"
    found = {name: meta(page, "description") for name, page in written.items()}
    assert {name: found[name] for name in DESCRIBED} == {
        name: [description] for name, description in DESCRIBED.items()
    }
    assert len({description for (description,) in found.values()}) == len(found)
    for name, page in written.items():
        assert 70 <= len(found[name][0]) <= 160, name
        tags = Counter(tag.get("name") or tag.get("property") for tag in page.find_all("meta"))
        del tags["viewport"], tags["citation_author"], tags[None]
        assert set(tags.values()) == {1}, name


@BUILT
def test_every_page_that_was_written_can_be_cited(written):
    chapters = {name: page for name, page in written.items() if name.startswith("book/")}
    assert meta(chapters.pop("book/index"), "citation_title") == [BOOK["title"]]
    for name, page in chapters.items():
        title = page.select_one("h1").find(string=True)
        assert meta(page, "citation_title") == [title], name
        assert meta(page, "citation_inbook_title") == [BOOK["title"]], name
        assert meta(page, "citation_author") == [author["name"] for author in BOOK["authors"]]
        assert meta(page, "citation_publication_date") == [f"{BOOK['date-released']:%Y/%m/%d}"]


@BUILT
def test_every_short_address_leads_to_a_page(pages):  # noqa: F811
    for source, target in REDIRECTS.items():
        assert ((HTML / source).parent / target).exists(), source
        assert read(HTML / f"{source}.html").select_one("a")["href"] == target


# with a public address and a repository, and without


@BUILT
def test_without_an_address_nothing_is_said_about_one_and_no_button_is_dead(written):
    assert not (HTML / "sitemap.xml").exists()
    for name, page in written.items():
        assert not page.select('link[rel="canonical"], meta[property^="og:"]'), name
        assert not meta(page, "citation_public_url"), name
        assert not page.select(".dropdown-launch-buttons"), name


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """Build two pages with the settings of the book, as a publisher does, and one of them again.

    The two lines for that are live, and the address comes from ``BOOK_URL``.
    """
    folder = tmp_path_factory.mktemp("placed")
    shutil.copytree(ROOT / "book" / "_static", folder / "book" / "_static")
    for name in ("CITATION.cff", *(f"book/{name}" for name in SETTINGS)):
        shutil.copy(ROOT / name, folder / name)
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    for before, after in (
        ("# repository:", "repository:"),
        ("OWNER/NAME", "owner/name"),
        ("# launch_buttons:", "launch_buttons:"),
        ('baseurl: ""', "baseurl: https://elsewhere.example"),
        ("execute_notebooks: cache", "execute_notebooks: off"),
    ):
        assert before in config
        config = config.replace(before, after)
    (folder / "_config.yml").write_text(config, encoding="utf-8")
    toc = f"format: jb-book\nroot: book/index\nchapters:\n- file: {CHAPTER}\n"
    (folder / "_toc.yml").write_text(toc, encoding="utf-8")
    twin = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A chapter")])
    (folder / CHAPTER).parent.mkdir()
    nbformat.write(twin, folder / f"{CHAPTER}.ipynb")

    command = [Path(sys.executable).with_name("jupyter-book"), "build", "-q", "-n", "-W", folder]
    here = os.environ | {"PYTHONPATH": str(ROOT), "BOOK_URL": ADDRESS.rstrip("/")}
    for title in ("A title", "Another title"):
        runs_code = "---\nfile_format: mystnb\nkernelspec: {name: python3}\n---\n"
        (folder / "book" / "index.md").write_text(f"{runs_code}# {title}\n", encoding="utf-8")
        done = subprocess.run(command, env=here, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return folder / "_build" / "html"


@BUILT
def test_with_an_address_each_page_tells_its_own_the_picture_and_the_sitemap(published):
    sitemap = ElementTree.parse(published / "sitemap.xml").iter()
    places = sorted(place.text for place in sitemap if place.text)
    assert places == [f"{ADDRESS}book/index.html", f"{ADDRESS}{CHAPTER}.html"]
    page = read(published / f"{CHAPTER}.html")
    here = f"{ADDRESS}{CHAPTER}.html"
    assert [link["href"] for link in page.select('link[rel="canonical"]')] == [here]
    for name, content in (
        ("og:url", here),
        ("citation_public_url", here),
        ("og:title", "4 · A chapter"),
        ("og:site_name", BOOK["title"]),
        ("description", DESCRIBED[CHAPTER]),
        ("og:description", DESCRIBED[CHAPTER]),
        ("og:image", f"{ADDRESS}_static/card.png"),
        ("twitter:card", "summary_large_image"),
    ):
        assert meta(page, name) == [content], name
    assert (published / "_static" / "card.png").is_file()
    start = read(published / "index.html")  # this is the address that people share
    assert meta(start, "og:url") == [f"{ADDRESS}book/index.html"]
    assert meta(start, "og:image") == meta(page, "og:image")
    assert meta(start, "og:description") == [DESCRIBED["book/index"]]


@BUILT
def test_with_a_repository_notebooks_alone_are_opened_on_binder_and_colab(published):
    links = read(published / f"{CHAPTER}.html").select(".dropdown-launch-buttons a")
    assert {link.get_text(strip=True): link["href"] for link in links} == {
        "Binder": f"https://mybinder.org/v2/gh/owner/name/main?urlpath=lab/tree/{CHAPTER}.ipynb",
        "Colab": f"https://colab.research.google.com/github/owner/name/blob/main/{CHAPTER}.ipynb",
    }
    assert not read(published / "book" / "index.html").select(".dropdown-launch-buttons")


@pytest.mark.parametrize("wrong", ["example.org/book", "ftp://example.org", "https://"])
def test_what_is_no_address_is_refused(monkeypatch, capsys, small, wrong):
    monkeypatch.setenv("BOOK_URL", wrong)
    with pytest.raises(AssertionError):
        build(small, "tools.sphinx_ext.meta_tags")
    assert f"such as https://example.org/book/, not {wrong!r}" in capsys.readouterr().err
