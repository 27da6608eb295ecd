"""The PDF: contents that name the right pages, links that live, drawings, text to take out."""

from __future__ import annotations

import os
import re
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from pypdf import PdfReader

from helpers.figures import style
from tests.browser import HTML, browser  # noqa: F401
from tools import pdf
from tools.page import render_page

pytestmark = pytest.mark.slow
PARTS = [
    ("Start here", ["book/how-to-use"]),
    ("The study", ["book/notebooks/02_oxygen_from_carbon"]),
    ("Reference", ["book/references"]),
]
TITLES = ["How to use this book", "Oxygen from carbon", "References"]


@pytest.fixture(scope="module")
def joined(tmp_path_factory) -> Path:
    """Join three pages of the built book, beside it."""
    folder = tmp_path_factory.mktemp("joined")
    for name in ("_static", "_images"):
        (folder / name).symlink_to(HTML / name)
    page = folder / "joined.html"
    page.write_text(pdf.join_pages(HTML, PARTS), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def printed(joined, browser) -> PdfReader:  # noqa: F811
    """Print the three pages."""
    return PdfReader(BytesIO(pdf.print_pages(browser, joined)))


@pytest.fixture(scope="module")
def texts(printed) -> list[str]:
    """Return the text of each sheet."""
    return [re.sub(r"\s+", " ", sheet.extract_text()) for sheet in printed.pages]


def _drawn(monkeypatch, cells: bool) -> dict[str, dict]:
    """Show a figure as make pdf asks for it, and return what goes into the page."""
    shown = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, **about: shown.append((data, about))
    )
    monkeypatch.setenv(*next(iter(style.VECTORS.items())))
    fig, ax = plt.subplots(figsize=(4.8, 3))
    ax.plot([0, 1, 2], [0, 1, 4])
    if cells:
        ax.pcolormesh([[1, 2], [3, 4]])
    ax.scatter([1], [2])
    fig.set_label("A line that rises.")
    style.show(fig, "n = 3; observed.")
    return {"data": shown[0][0], "metadata": shown[0][1]["metadata"]}


def test_the_contents_name_the_page_on_which_a_chapter_begins(printed, texts):
    for title, name in zip(TITLES, (names[0] for _, names in PARTS), strict=True):
        number = pdf.chapter_pages(printed)[pdf.name_key(name)]
        assert f"{title} {number}" in texts[1], title
        assert title in texts[number - 1]
        assert texts[number - 1].endswith(str(number)) or f" {number} " in texts[number - 1]


def test_chapters_begin_on_pages_of_their_own(printed, texts):
    starts = [pdf.chapter_pages(printed)[pdf.name_key(names[0])] for _, names in PARTS]
    assert starts == sorted(set(starts))
    assert starts[0] == 3
    assert len(texts) > starts[-1] - 1 > 6


def test_the_title_page_says_what_this_is(texts):
    for words in ("Breaking the ecosystem balance", "Han et al. (2022)", "Version 0.", "CC BY 4.0"):
        assert words in texts[0]
    assert re.search(r"\d{1,2} [A-Z][a-z]+ 20\d\d", texts[0])


def test_the_outline_lists_parts_chapters_and_sections_once(printed):
    def walk(entries, depth=0):
        for entry in entries:
            if isinstance(entry, list):
                yield from walk(entry, depth + 1)
            else:
                yield depth, entry["/Title"]

    outline = list(walk(printed.outline))
    assert [title for depth, title in outline if depth == 0][1:] == [part for part, _ in PARTS]
    assert [title for depth, title in outline if depth == 1][1] == "Chapter 2 Oxygen from carbon"
    assert (2, "What the paper says") in outline
    assert len([title for _, title in outline if title == "Exercises"]) == 1


def test_links_lead_inside_the_book_or_to_the_world(printed):
    places, inside, outside = printed.named_destinations, 0, []
    for sheet in printed.pages:
        for link in sheet.get("/Annots", []):
            link = link.get_object()
            if "/Dest" in link:
                assert link["/Dest"] in places
                inside += 1
            elif "/A" in link:
                outside.append(link["/A"]["/URI"])
    assert inside > 5
    assert any(address.startswith("https://doi.org/10.1029/2022EF002890") for address in outside)
    assert not [address for address in outside if address.startswith("file:")]


def test_text_can_be_taken_out_and_none_leaves_the_page(printed, texts):
    assert any("Plants make oxygen when they fix carbon" in text for text in texts)
    assert any("Solution to exercise 1" in text for text in texts)
    for sheet in printed.pages:
        width = float(sheet.mediabox.width)

        def check(text, matrix, place, *_, width=width):
            if text.strip():
                assert 0 <= place[4] * matrix[0] + matrix[4] <= width, text

        sheet.extract_text(visitor_text=check)


def test_nothing_is_wider_than_the_paper(joined, browser):  # noqa: F811
    page = browser.new_page(viewport={"width": 643, "height": 930})
    wide = [f"column{number}" for number in range(40)]
    cells = "".join(f"<td>{name}</td>" for name in ["first", *wide])
    page.set_content(
        f"<body style='margin: 0'><table><tr>{cells}</tr></table><pre>{'x' * 300}</pre>"
    )
    script = Path(pdf.__file__).with_suffix(".js").read_text(encoding="utf-8")
    assert page.evaluate(script, 0.6) <= 643
    found = page.locator("td").all_inner_texts()
    assert [name for name in found if name != "first"] == wide
    assert found.count("first") == page.locator("table").count() > 1
    page.close()


def test_figures_are_drawings_with_words_and_legend(monkeypatch, tmp_path, browser):  # noqa: F811
    field = _drawn(monkeypatch, cells=True)["data"]["image/svg+xml"]
    assert field.count("<image") == 1  # the field of cells alone
    shown = _drawn(monkeypatch, cells=False)
    assert shown == _drawn(monkeypatch, cells=False)
    svg = shown["data"]["image/svg+xml"]
    (tmp_path / "drawing.svg").write_text(svg, encoding="utf-8")
    (tmp_path / "page.html").write_text('<img src="drawing.svg">')
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    sheet = PdfReader(BytesIO(page.pdf())).pages[0]
    page.close()
    strokes = re.findall(rb"\b[SfB]\*?\n", sheet.get_contents().get_data())
    assert len(strokes) > 10
    assert len(sheet.images) == 0
    output = nbformat.v4.new_output("display_data", shown["data"], metadata=shown["metadata"])
    cell = nbformat.v4.new_code_cell("show(fig)", outputs=[output])
    cell.metadata["mystnb"] = {"figure": {"caption": "A curve.", "name": "fig-curve"}}
    title = nbformat.v4.new_markdown_cell("# Title")
    nbformat.write(nbformat.v4.new_notebook(cells=[title, cell]), tmp_path / "one.ipynb")
    html = render_page(tmp_path / "one.ipynb", tmp_path)
    assert "data:image/svg+xml" in html
    assert 'alt="A line that rises."' in html
    assert "n = 3; observed." in html


def test_pages_and_twins_keep_pictures(monkeypatch):
    monkeypatch.delenv(next(iter(style.VECTORS)), raising=False)
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **about: shown.append(data))
    fig, _ = plt.subplots()
    style.show(fig, "n = 0.")
    assert set(shown[0]) == {"image/png", "text/plain"}


def test_without_chromium_the_command_says_so_and_writes_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(pdf, "find_chromium", lambda: None)
    monkeypatch.setattr(pdf, "PDF", tmp_path / "book.pdf")
    assert pdf.main() == 1
    said = capsys.readouterr().err
    assert all(word in said for word in ("needed:", "found:", "mend:", "Chromium 131"))
    assert list(tmp_path.iterdir()) == []


def test_a_print_that_fails_leaves_nothing_behind(monkeypatch, tmp_path):
    def fail(*_):
        raise RuntimeError("no paper")

    monkeypatch.setattr(pdf, "build_book", lambda build: 0)
    monkeypatch.setattr(pdf, "join_pages", lambda html, parts: "")
    monkeypatch.setattr(pdf, "print_pages", fail)
    monkeypatch.setattr(pdf, "start_chromium", nullcontext)
    (tmp_path / "html").mkdir()
    with pytest.raises(RuntimeError, match="no paper"):
        pdf.write_pdf(tmp_path, tmp_path / "book.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["html"]
    assert not style.VECTORS.keys() & os.environ.keys()


def test_the_contents_are_those_of_the_book():
    parts = pdf.read_contents()
    names = [name for _, pages in parts for name in pages]
    assert parts[0] == ("", ["book/index"])
    assert len(names) == len(set(names))
    assert all((HTML / f"{name}.html").exists() for name in names)
