"""The PDF: contents that name the right pages, links that live, text to take out."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from pypdf import PdfReader

from tests.browser import browser  # noqa: F401
from tools import pdf
from tools.book import BUILD

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def printed(browser) -> bytes:  # noqa: F811
    """Print the book that is built."""
    return pdf.print_page(browser, pdf.join_pages(BUILD))


@pytest.fixture(scope="module")
def book(printed) -> PdfReader:
    return PdfReader(BytesIO(printed))


def _text(book: PdfReader, number: int) -> str:
    return re.sub(r"\s+", " ", book.pages[number - 1].extract_text())


def test_the_contents_name_the_page_on_which_a_chapter_begins(book, printed):
    places = pdf.find_places(printed)
    chapters = {name: at for name, at in places.items() if name.startswith("document-")}
    assert len(chapters) > 30
    first = min(at for at in chapters.values() if at > 1)
    contents = " ".join(_text(book, number) for number in range(2, first))
    for title, name in {
        "2 · Oxygen from carbon": "document-book/notebooks/02_oxygen_from_carbon",
        "References": "document-book/references",
    }.items():
        number = chapters[name]
        assert re.search(rf"{title} ?{number}\b", contents)
        text = _text(book, number)
        assert text.count(title) >= 2, "as running head and as title"
        assert re.search(rf"\b{number}\b", text)


def test_the_outline_lists_chapters_and_sections(book):
    def walk(entries, depth=0):
        for entry in entries:
            if isinstance(entry, list):
                yield from walk(entry, depth + 1)
            else:
                yield depth, entry["/Title"]

    outline = list(walk(book.outline))
    at = outline.index((1, "2 · Oxygen from carbon"))
    assert outline[at + 1] == (2, "What the paper says")
    assert len([title for depth, title in outline if (depth, title) == (2, "Exercises")]) == 19


def test_links_lead_inside_the_book_or_to_the_world(book):
    places, inside, outside = book.named_destinations, 0, []
    for sheet in book.pages:
        for link in (link.get_object() for link in sheet.get("/Annots", [])):
            if "/Dest" in link:
                assert link["/Dest"] in places
                inside += 1
            elif "/A" in link:
                outside.append(link["/A"]["/URI"])
    assert inside > 500
    assert any(address.startswith("https://doi.org/10.1029/2022EF002890") for address in outside)
    assert all(address.startswith("http") for address in outside)


def test_a_citation_leads_to_the_references(printed):
    places = pdf.find_places(printed)
    cited = [at for name, at in places.items() if name.startswith("cited-")]
    assert len(cited) > 20
    assert min(cited) >= places["document-book/references"]


def test_text_can_be_taken_out_and_none_leaves_the_page(book):
    text = " ".join(_text(book, number) for number in range(1, 40))
    assert "Plants make oxygen, and soil takes it back" in text
    assert "Solution" in text or "Answer: " in text
    for sheet in book.pages[::5]:  # reading where each letter stands takes long
        width = float(sheet.mediabox.width)

        def check(text, matrix, place, *_, width=width):
            if text.strip():
                assert 0 <= place[4] * matrix[0] + matrix[4] <= width, text

        sheet.extract_text(visitor_text=check)


def test_without_chromium_the_command_says_so_and_writes_nothing(monkeypatch, capsys):
    before = pdf.PDF.exists() and pdf.PDF.stat().st_mtime_ns
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "")
    assert pdf.main() == 1
    said = capsys.readouterr().err
    assert all(word in said for word in ("needed:", "found:", "mend:", "Chromium 131"))
    assert before == (pdf.PDF.exists() and pdf.PDF.stat().st_mtime_ns)
