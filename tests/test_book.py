"""The built book: whole, self-contained, and with words for every picture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from helpers.commands.book import take_turn
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
HTML = ROOT / "_build" / "html"


@pytest.fixture(scope="module")
def pages() -> dict[Path, BeautifulSoup]:
    """Build the book as make book does and return its parsed pages."""
    build = [sys.executable, "-m", "helpers.commands.book"]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(str(HTML / "index.html"))
    return {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in HTML.rglob("*.html")
        if "_static" not in path.parts
    }


def test_every_page_of_the_contents_is_built(pages):
    named = {
        line.split(":", 1)[1].strip()
        for line in (ROOT / "_toc.yml").read_text().splitlines()
        if line.strip().removeprefix("- ").startswith(("file:", "root:"))
    }
    assert {HTML / f"{name}.html" for name in named} <= set(pages)


def test_a_second_build_executes_nothing(pages):
    build = [sys.executable, "-m", "helpers.commands.book"]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "executed" not in done.stdout


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
    for sheet in HTML.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8", errors="replace")
        assert "url(http" not in text.replace('"', "").replace("'", ""), sheet


def test_every_image_has_words(pages):
    pictures = [
        (path, image) for path, page in pages.items() for image in page.select("article img")
    ]
    assert len(pictures) >= 8
    for path, image in pictures:
        assert len(image.get("alt", "")) > 60, f"{path.name}: {image}"
        figure = image.find_parent("figure")
        assert figure.find("figcaption").get_text(strip=True).startswith("Figure")
        assert "n = " in figure.get_text()


@pytest.mark.parametrize("chapter", ["01_data", "04_elevation_gradients"])
def test_chapters_say_what_is_observed_and_what_is_reconstructed(pages, chapter):
    page = pages[HTML / "book" / "notebooks" / f"{chapter}.html"]
    badges = [badge.get_text() for badge in page.select(".sd-badge")]
    assert badges[:2] == ["observed", "reconstructed"]
    text = page.find("article").get_text()
    assert "plants, soil and microbes" in text
    for figure in page.find_all("figure"):
        assert {"observed", "reconstructed"} & set(
            figure.get_text().replace(".", " ").replace(",", " ").split()
        )


def test_the_dictionary_names_every_factor_and_marks_the_guesses(pages):
    page = pages[HTML / "book" / "data-dictionary.html"]
    assert len(page.find_all("dt")) == 44
    assert page.get_text().count("An informed guess") == 15


def test_mathematics_comes_from_the_book_itself(pages):
    page = pages[HTML / "book" / "notebooks" / "01_data.html"]
    scripts = [script["src"] for script in page.find_all("script", src=True)]
    assert any("mathjax" in source for source in scripts)


def test_builds_of_one_folder_take_turns(pages):
    with take_turn(HTML.parent):
        build = [sys.executable, "-m", "helpers.commands.book"]
        second = subprocess.Popen(build, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            second.communicate(timeout=15)
    output, _ = second.communicate()
    assert second.returncode == 0
    assert output
