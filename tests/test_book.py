"""The built book: whole, self-contained, and with words for every picture."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

from tests.conftest import ROOT

pytestmark = pytest.mark.slow
HTML = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PARTS = [[page["file"] for page in part["chapters"]] for part in TOC["parts"]]
CHAPTERS = [page for part in PARTS for page in part if "/notebooks/" in page]
NEXT = dict(pairwise([*CHAPTERS, "book/reproduction-report"]))  # which gathers all verdicts
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
LINK = re.compile(r"\[(?P<shown>[^\]]*)\]\((?P<target>[^)#\s]*\.md)[^)]*\)", re.S)


@pytest.fixture(scope="module")
def pages() -> dict[Path, BeautifulSoup]:
    """Build the book as make book does and return its parsed pages."""
    build = [sys.executable, "-m", "tools.book"]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(str(HTML / "index.html"))
    return {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in HTML.rglob("*.html")
        if "_static" not in path.parts
    }


def test_every_page_of_the_contents_is_built(pages):
    named = [TOC["root"], *(page for part in PARTS for page in part)]
    assert {HTML / f"{name}.html" for name in named} <= set(pages)


def leads_to(page: str, target: str) -> str:
    """Return the name of the page that a link leads to."""
    path = (ROOT / page).parent.joinpath(target).resolve()
    return path.relative_to(ROOT).with_suffix("").as_posix()


def read_source(page: str) -> str:
    return (ROOT / f"{page}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_is_next_leads_to_the_next_page_first(chapter):
    (told,) = read_source(chapter).split("**What's next.**")[1:]
    assert leads_to(chapter, LINK.search(told)["target"]) == NEXT[chapter]


@pytest.mark.parametrize("page", [TOC["root"], *(page for part in PARTS for page in part)])
def test_a_chapter_that_is_named_by_its_number_is_that_chapter(page):
    for link in LINK.finditer(read_source(page)):
        words = " ".join(link["shown"].split()).lower()
        number = re.search(r"\bchapters? (\d+)$|^(\d+)$", words)
        ordinal = re.search(rf"\b({'|'.join(ORDINALS)}) chapter$", words)
        if number or ordinal:
            named = int(number[1] or number[2]) if number else ORDINALS.index(ordinal[1]) + 1
            assert leads_to(page, link["target"]) == CHAPTERS[named], words


def test_the_landing_page_leads_to_all_chapters_in_order():
    root = TOC["root"]
    listed = read_source(root).split("\n## Chapters\n")[1]
    assert [leads_to(root, link["target"]) for link in LINK.finditer(listed)] == CHAPTERS


def test_a_chapter_has_the_number_of_its_file_wherever_it_is_named(pages):
    start = pages[HTML / f"{TOC['root']}.html"]
    for number, chapter in enumerate(CHAPTERS):
        title = pages[HTML / f"{chapter}.html"].h1.find(string=True)
        assert title.startswith(f"{number} · ")
        name = chapter.rpartition("/")[2]
        for place in ("nav.bd-links", "#chapters"):
            (link,) = start.select(f'{place} a[href$="{name}.html"]')
            assert " ".join(link.text.split()) == title
    assert start.select_one("a.right-next")["href"] == f"{CHAPTERS[0][5:]}.html"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_begins_with_its_question_and_a_figure_before_any_code(pages, chapter):
    opening = pages[HTML / f"{chapter}.html"].select_one("article h1").find_next_siblings()
    opening = opening[: next(at for at, part in enumerate(opening) if part.name == "section")]
    found = [part.select_one("strong, figure, .cell_input") for part in opening]
    kinds = [part.name for part in found if part]
    assert kinds[0] == "strong"
    assert "figure" in kinds[: kinds.index("div")]


@pytest.mark.parametrize(
    ("chapter", "call"),
    [
        ("04_elevation_gradients", "fit_gradients"),
        ("13_feedback_loop", "bootstrap_loop"),
        ("14_projections", "content"),
        ("05_climate_and_life", "judge_plots"),
    ],
)
def test_a_call_in_a_cell_leads_to_its_file_and_line_in_two_clicks(pages, chapter, call):
    page = HTML / "book" / "notebooks" / f"{chapter}.html"
    cells = [cell for cell in pages[page].select("div.highlight pre") if f"{call}(" in cell.text]
    (link,) = {a["href"] for cell in cells for a in cell.select("a[href]") if a.text == call}
    path, _, anchor = link.partition("#")
    described = (page.parent / path).resolve()
    source = pages[described].find(id=anchor).find("a", href=re.compile("_modules"))["href"]
    path, _, anchor = source.partition("#")
    lines = pages[(described.parent / path).resolve()]
    assert (ROOT / lines.select_one("article h1").text.split(",")[0]).is_file()
    assert lines.find(id=anchor).select_one(".linenos").text.strip().isdigit()


def test_no_internal_link_is_broken(pages):
    checked = 0
    anchors = {
        path: {element["id"] for element in page.find_all(id=True)} for path, page in pages.items()
    }
    for path, page in pages.items():
        for link in page.find_all(href=True) + page.find_all(src=True):
            address = urlsplit(link.get("href") or link.get("src"))
            if address.scheme or address.netloc:
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            assert target.exists(), f"{path.name}: {link}"
            if address.fragment and target in pages:
                assert unquote(address.fragment) in anchors[target], f"{path.name}: {link}"
            checked += 1
    assert checked > 100


def test_no_page_asks_another_host_for_anything(pages):
    for path, page in pages.items():
        loaded = page.find_all(src=True) + page.find_all("link", rel=True, href=True)
        for element in loaded:
            address = element.get("src") or element.get("href")
            assert not urlsplit(address).netloc, f"{path.name}: {element}"
    assert "mathjax" in str(pages[HTML / f"{CHAPTERS[0]}.html"].find_all("script", src=True))
    for sheet in HTML.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8", errors="replace")
        assert "url(http" not in text.replace('"', "").replace("'", ""), sheet
