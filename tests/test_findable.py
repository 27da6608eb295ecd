"""Readers find the book and their way in it: search, addresses, citation, glossary, status."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from bs4 import BeautifulSoup
from matplotlib.image import imread
from playwright.sync_api import Page
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from helpers.errors import InputError
from tests.browser import HTML, browser  # noqa: F401
from tests.conftest import ROOT
from tests.test_book import pages  # noqa: F401
from tools.citation import meta_tags, read_citation, to_bibtex, to_csl
from tools.digests import digest
from tools.sphinx_ext.meta_tags import DESCRIPTIONS, PICTURE, PICTURE_SIZE, find_address

BUILT = pytest.mark.slow
ADDRESS = "https://example.org/tibet/"


def redirects() -> dict[str, str]:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    return config["sphinx"]["config"]["redirects"]


@pytest.fixture(scope="module")
def written(pages) -> dict[str, BeautifulSoup]:  # noqa: F811
    """Return the pages that have a text of their own, by name."""
    named = {
        path.relative_to(HTML).with_suffix("").as_posix(): page for path, page in pages.items()
    }
    return {name: page for name, page in named.items() if name not in redirects()}


def build(folder: Path, extension: str, settings: dict[str, object] | None = None) -> Path:
    """Build a small project with one extension of the book; a warning is an error."""
    warnings = StringIO()
    settings = {
        "extensions": ["myst_parser", extension],
        "myst_enable_extensions": ["dollarmath", "substitution"],
        "html_theme": "basic",
        "root_doc": "index",
        "source_suffix": {".md": "markdown"},  # Sphinx keeps what another app has added
    } | (settings or {})
    target = folder.parent / "html"
    with patch_docutils(), docutils_namespace():
        Sphinx(
            folder,
            None,
            target,
            folder.parent / "doctrees",
            "html",
            confoverrides=settings,
            status=None,
            warning=warnings,
        ).build()
    assert warnings.getvalue() == ""
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


def test_a_term_is_linked_where_prose_first_uses_it_and_nowhere_else(small):
    page = read(build(small, "tools.sphinx_ext.glossary_links") / "deep" / "page.html")
    links = page.select("a.glossary-term")
    shown = [" ".join(link.get_text().split()) for link in links]
    assert shown == ["Path models", "gain", "mirror", "TOP"]
    assert [link["href"].split("#")[0] for link in links] == ["../glossary.html"] * 4
    for link in links:
        assert link.parent.name in ("p", "strong")
    assert "stopgain is not a word of ours, nor is gain-free. A dip is the mirror image." in (
        links[0].parent.get_text()
    )


def test_an_abbreviation_says_what_it_means_wherever_prose_uses_it(small):
    page = read(build(small, "tools.sphinx_ext.glossary_links") / "deep" / "page.html")
    short = page.select("abbr")
    assert [each.get_text() for each in short] == ["TOP", "TOP"]
    assert {each["title"] for each in short} == {"terrestrial oxygen production"}


def test_the_glossary_does_not_link_to_itself(small):
    (small / "glossary.md").write_text(
        GLOSSARY.replace("Arrows.", "Arrows with a gain of TOP."), encoding="utf-8"
    )
    page = read(build(small, "tools.sphinx_ext.glossary_links") / "glossary.html")
    assert not page.select("a.glossary-term, abbr")


def test_a_changed_glossary_is_seen_on_pages_that_did_not_change(small):
    build(small, "tools.sphinx_ext.glossary_links")
    changed = GLOSSARY.replace("terrestrial oxygen production", "thing on paper")
    (small / "glossary.md").write_text(changed.replace("gain\n", "unknown\n"), encoding="utf-8")
    page = read(build(small, "tools.sphinx_ext.glossary_links") / "deep" / "page.html")
    assert page.select_one("abbr")["title"] == "thing on paper"
    shown = [link.get_text() for link in page.select("a.glossary-term")]
    assert "unknown" in shown
    assert "gain" not in shown


def test_a_project_without_a_glossary_stays_as_it_is(small):
    (small / "glossary.md").write_text("# Nothing\n", encoding="utf-8")
    page = read(build(small, "tools.sphinx_ext.glossary_links") / "deep" / "page.html")
    assert not page.select("a.glossary-term, abbr")


@BUILT
def test_every_link_to_the_glossary_leads_to_an_entry_and_stands_once_per_page(written):
    entries = {term["id"] for term in written["book/glossary"].select("dt[id]")}
    assert len(entries) > 70
    met = set()
    for name, page in written.items():
        leads = [link["href"].split("#")[1] for link in page.select("a.glossary-term")]
        assert len(leads) == len(set(leads)), name
        assert set(leads) <= entries
        met |= set(leads)
        wrong = "h1, h2, h3, code, pre, table, figcaption, .cell_output, dl.glossary"
        assert not [link for link in page.select("a.glossary-term") if link.find_parent(wrong)]
    assert len(met) > 60


@BUILT
def test_every_entry_of_the_glossary_names_a_page_that_explains_it(written):
    for definition in written["book/glossary"].select("dl.glossary dd"):
        assert definition.select("a[href]"), definition.get_text()


# descriptions, addresses, citation


@BUILT
def test_every_page_has_one_description_of_its_own(written):
    described = yaml.safe_load(DESCRIPTIONS.read_text(encoding="utf-8"))
    assert set(described) == set(written), "mend book/descriptions.yml"
    assert len(set(described.values())) == len(described)
    for name, page in written.items():
        assert meta(page, "description") == [described[name]], name
        assert meta(page, "og:description") == [described[name]], name
        assert 70 <= len(described[name]) <= 160, name


@BUILT
def test_without_an_address_nothing_is_said_about_one(pages):  # noqa: F811
    assert not (HTML / "sitemap.xml").exists()
    for name, page in pages.items():
        assert not page.select('link[rel="canonical"]'), name
        assert not [*meta(page, "og:url"), *meta(page, "og:image")], name
        assert not meta(page, "citation_public_url"), name


@BUILT
def test_every_page_that_was_written_can_be_cited(written):
    book = read_citation()[0]
    for name, page in written.items():
        if not name.startswith("book/"):
            continue
        title = page.select_one("h1").find(string=True)
        expected = book["title"] if name == "book/index" else title
        assert meta(page, "citation_title") == [expected], name
        assert meta(page, "citation_author") == ["The book's contributors"]
        assert meta(page, "citation_publication_date") == [f"{book['date-released']:%Y/%m/%d}"]


@pytest.fixture
def placed(small: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Build the small project at an address."""
    monkeypatch.setenv("BOOK_URL", ADDRESS.rstrip("/"))
    redirect = ROOT / "book" / "redirect.html"
    text = redirect.read_text(encoding="utf-8")
    (small.parent / "html").mkdir()
    (small.parent / "html" / "index.html").write_text(text, encoding="utf-8")
    (small / "index.md").rename(small / "start.md")
    return build(
        small, "tools.sphinx_ext.meta_tags", {"root_doc": "start", "html_baseurl": "https://x"}
    )


def test_with_an_address_each_page_tells_its_own_the_picture_and_the_sitemap(placed):
    page = read(placed / "deep" / "page.html")
    assert page.select_one('link[rel="canonical"]')["href"] == f"{ADDRESS}deep/page.html"
    assert meta(page, "og:url") == [f"{ADDRESS}deep/page.html"]
    assert meta(page, "citation_public_url") == [f"{ADDRESS}deep/page.html"]
    assert meta(page, "og:image") == [f"{ADDRESS}{PICTURE}"]
    assert meta(page, "og:title") == ["A path model in the title"]
    places = [
        place.text for place in ElementTree.parse(placed / "sitemap.xml").iter() if place.text
    ]
    assert places == [f"{ADDRESS}{name}.html" for name in ("deep/page", "glossary", "start")]
    start = read(placed / "index.html")
    assert meta(start, "og:title") == [read_citation()[0]["title"]]
    assert meta(start, "og:url") == [f"{ADDRESS}start.html"]


def test_a_second_build_keeps_every_page_in_the_sitemap(placed, small):
    before = (placed / "sitemap.xml").read_bytes()
    (small / "glossary.md").write_text(f"{GLOSSARY}\nMore.\n", encoding="utf-8")
    build(small, "tools.sphinx_ext.meta_tags", {"root_doc": "start"})
    assert (placed / "sitemap.xml").read_bytes() == before


def test_the_environment_comes_before_the_configured_address(monkeypatch):
    monkeypatch.delenv("BOOK_URL", raising=False)
    assert find_address("") == ""
    assert find_address("https://example.org") == "https://example.org/"
    monkeypatch.setenv("BOOK_URL", ADDRESS)
    assert find_address("https://example.org") == ADDRESS


@pytest.mark.parametrize("wrong", ["example.org/book", "ftp://example.org", "https://"])
def test_what_is_no_address_is_refused(monkeypatch, wrong):
    monkeypatch.setenv("BOOK_URL", wrong)
    with pytest.raises(InputError, match="BOOK_URL") as refused:
        find_address("")
    assert repr(wrong) in str(refused.value)


def test_the_shared_picture_has_the_size_that_its_tags_say():
    height, width, _ = imread(ROOT / "book" / PICTURE).shape
    assert (width, height) == PICTURE_SIZE


@BUILT
def test_the_shared_picture_lies_where_its_address_says(pages):  # noqa: F811
    assert (HTML / PICTURE).exists()


@pytest.mark.parametrize("work", read_citation(), ids=["book", "paper"])
def test_both_formats_of_a_citation_agree_with_its_source(work):
    csl, bibtex = to_csl(work), to_bibtex(work)
    year = work["date-released"].year if "date-released" in work else work["year"]
    assert csl["title"] == work["title"]
    assert f"title = {{{{{work['title']}}}}}" in bibtex
    assert csl["issued"]["date-parts"][0][0] == year
    assert f"year = {{{year}}}" in bibtex
    assert len(csl["author"]) == len(work["authors"]) == bibtex.count(" and ") + 1
    for author, item in zip(work["authors"], csl["author"], strict=True):
        family = author.get("family-names") or author["name"]
        assert family == (item.get("family") or item["literal"])
        assert family in bibtex
    for name, key in {
        "doi": "DOI",
        "volume": "volume",
        "start": "page",
        "version": "version",
    }.items():
        assert work.get(name) == csl.get(key)
        assert not work.get(name) or f"{{{work[name]}}}" in bibtex
    assert bibtex.count("{") == bibtex.count("}")
    assert csl["id"] == re.match(r"@(\w+)\{(\w+),", bibtex)[2]


def test_the_paper_is_cited_as_in_the_bibliography():
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    entry = re.search(r"@article\{han2022,.*?\n\}", text, re.DOTALL)[0]
    for field in ("author", "journal", "volume", "pages", "year", "doi"):
        value = re.search(rf"\b{field} = \{{(.*?)\}}[,\n]", entry)[1]
        assert f"  {field} = {{{value}}}" in to_bibtex(read_citation()[1])
    assert to_bibtex(read_citation()[1]).startswith("@article{han2022,")


def test_a_chapter_is_cited_as_a_part_of_the_book():
    tags = dict(meta_tags("A chapter", "https://example.org/a.html"))
    assert tags["citation_title"] == "A chapter"
    assert tags["citation_inbook_title"] == read_citation()[0]["title"]
    assert "citation_inbook_title" not in dict(meta_tags("", ""))


@BUILT
def test_the_page_on_citing_shows_what_the_citation_file_says(written):
    shown = [block.get_text() for block in written["book/how-to-cite"].select("pre")]
    book, paper = read_citation()
    assert shown[0].strip() == f"{to_bibtex(book)}\n\n{to_bibtex(paper)}"
    assert json.loads(shown[1]) == [to_csl(book), to_csl(paper)]


@BUILT
def test_the_status_page_names_the_digest_and_each_executed_page(written):
    page = written["book/status"]
    assert digest()[:12] in page.get_text()
    rows = [row.get_text(" ", strip=True) for row in page.select("table")[-1].select("tbody tr")]
    chapters = sorted((ROOT / "book" / "notebooks").glob("*.ipynb"))
    for chapter in chapters:
        (row,) = [row for row in rows if chapter.stem in row]
        assert row.endswith("✅")


# redirects and search, in the browser


@BUILT
def test_every_redirect_leads_to_a_page(pages):  # noqa: F811
    for source, target in redirects().items():
        assert (HTML / f"{source}.html").exists()
        assert (HTML / target).exists(), source
        assert read(HTML / f"{source}.html").select_one("a")["href"] == target


@pytest.fixture
def offline(browser, pages, tmp_path) -> Iterator[Page]:  # noqa: F811
    """Open the book from an unpacked zip, with the network closed."""
    packed = shutil.make_archive(str(tmp_path / "book"), "zip", HTML)
    shutil.unpack_archive(packed, tmp_path / "unpacked")
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.troubles = []
    page.on("console", lambda said: said.type == "error" and page.troubles.append(said.text))
    page.on(
        "requestfailed",
        lambda request: (
            request.failure == "net::ERR_ABORTED"  # its page was left before it came
            or page.troubles.append(f"{request.url}: {request.failure}")
        ),
    )
    page.start = (tmp_path / "unpacked").as_uri()
    yield page
    context.close()


@BUILT
def test_a_short_address_leads_to_its_page_offline(offline):
    offline.goto(f"{offline.start}/07.html#by-hand")
    offline.wait_for_url("**/book/notebooks/07_path_models.html#by-hand")
    assert offline.troubles == []


@BUILT
@pytest.mark.parametrize("folder", ["unpacked", "built"])
def test_search_finds_a_word_offline_by_keyboard_alone(offline, folder):
    start = offline.start if folder == "unpacked" else HTML.as_uri()
    offline.goto(f"{start}/book/notebooks/04_elevation_gradients.html")
    offline.keyboard.press("Control+k")
    offline.keyboard.type("amplification")
    offline.keyboard.press("Enter")
    offline.wait_for_url("**/search.html?q=amplification*")
    results = offline.locator("#search-results li a")
    results.first.wait_for()
    offline.wait_for_function("document.querySelector('#search-results p').innerText.match(/\\d+/)")
    names = results.evaluate_all("links => links.map(link => link.getAttribute('href'))")
    loop = next(name for name in names if "13_feedback_loop" in name)
    result = offline.locator(f'#search-results a[href="{loop}"]')
    for _ in range(60):
        offline.keyboard.press("Tab")
        if result.evaluate("link => link === document.activeElement"):
            break
    offline.keyboard.press("Enter")
    offline.wait_for_url("**/13_feedback_loop.html*")
    assert "amplification" in offline.locator("article").inner_text()
    assert offline.troubles == []
