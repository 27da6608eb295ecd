"""The slides: one deck for each chapter, readable, whole without network, and without solutions."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup, Tag

from tests.browser import HTML, browser  # noqa: F401
from tools.execution import NOTEBOOKS
from tools.slides import split_sentences, write_slides

NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.md"))
_OVERFLOW = """() => {
  const found = [];
  Reveal.getSlides().forEach((slide, place) => {
    Reveal.slide(place);
    const box = slide.getBoundingClientRect();
    const scale = box.width / 1280;
    for (const element of slide.querySelectorAll(":scope *:not(aside, aside *)")) {
      const own = element.getBoundingClientRect();
      if (own.width && (own.right > box.right - 24 * scale || own.left < box.left
          || own.top < box.top || own.bottom > box.top + 700 * scale)) {
        found.push(`slide ${place + 1}: ${element.tagName} ${element.textContent.slice(0, 40)}`);
      }
    }
  });
  return found;
}"""
_SMALLEST = """() => Math.min(...[...document.querySelectorAll(".slides :is(p, li, td, h1, h2)")]
  .filter((each) => !each.closest("aside, math"))
  .map((each) => parseFloat(getComputedStyle(each).fontSize)))"""


def _parse(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def decks(tmp_path_factory) -> dict[str, Path]:
    """Make all decks from the built book."""
    written = write_slides(HTML, tmp_path_factory.mktemp("decks") / "slides")
    return {deck.stem: deck for deck in written}


@pytest.fixture(params=NAMES)
def chapter(request, decks) -> tuple[Tag, list[Tag]]:
    """Return the text of a chapter, and its slides."""
    page = HTML / "book" / "notebooks" / f"{request.param}.html"
    slides = _parse(decks[request.param]).select(".slides > section")
    return _parse(page).select_one("article.bd-article"), slides


def test_every_chapter_has_a_deck_and_the_index_names_it(decks):
    assert sorted(decks) == NAMES
    index = next(iter(decks.values())).with_name("index.html")
    links = _parse(index).select("p > a")
    assert [link["href"] for link in links] == [deck.name for deck in decks.values()]


def test_a_deck_has_title_question_figures_exercises_and_summary(chapter):
    article, deck = chapter
    headings = [slide.find(["h1", "h2"]).get_text() for slide in deck]
    assert headings[0] == article.h1.find(string=True)
    assert deck[0].select_one(".question").get_text().endswith("?")
    paper = headings.index("What the paper says")
    assert set(headings[1:paper]) <= {"In short"}
    asked = [each.get_text()[0] for each in article.select("#exercises > p > strong:first-child")]
    exercises = [heading for heading in headings if heading.startswith("Exercise ")]
    assert exercises == [f"Exercise {number}" for number in asked if number.isdigit()]
    assert "Summary" in headings
    assert any(slide.select("table tbody tr") for slide in deck if "verdicts" in slide["class"])
    said = [paragraph.get_text()[-60:] for paragraph in article.select("#what-the-paper-says > p")]
    assert all(words in deck[paper].aside.get_text() for words in said), "the notes hold the prose"
    formulas = [formula for slide in deck for formula in slide.select(".formula")]
    assert not [formula for formula in formulas if "\\" in formula.get_text()]
    figures = article.find_all("figure")
    shown = [slide for slide in deck if slide.find("img")]
    assert [slide.img["id"] for slide in shown] == [figure["id"] for figure in figures]
    for slide, figure in zip(shown, figures, strict=True):
        assert slide.img["alt"] == figure.img["alt"]
        assert slide.select_one(".label").get_text() == figure.p.get_text()
        assert slide.select_one(".reading").get_text(strip=True)


def test_no_solution_and_no_code_is_shown_or_told(chapter):
    article, deck = chapter
    text = "\n".join(slide.get_text() for slide in deck)
    assert not [slide for slide in deck if slide.select("details, .highlight-ipython3")]
    folded = article.select("#exercises details")
    assert folded
    for solution in folded:
        lines = [line.strip() for line in solution.select_one("pre").get_text().splitlines()]
        assert not [line for line in lines if len(line) > 20 and line in text]
        for paragraph in solution.select(".cell_output p"):
            assert paragraph.get_text() not in text


def test_decks_load_alone_and_nothing_leaves_the_slide(decks, browser):  # noqa: F811
    for name, deck in decks.items():
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        asked, errors = [], []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        page.goto(deck.as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        assert [url for url in asked if not url.startswith("data:")] == [deck.as_uri()], name
        assert errors == [], name
        assert page.evaluate(_OVERFLOW) == [], name
        assert page.evaluate(_SMALLEST) >= 18, name
        page.close()


def test_keys_lead_through_a_deck_without_serious_fault_and_open_the_notes(decks, browser):  # noqa: F811
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(decks["02_oxygen_from_carbon"].as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.getIndices().h") == 1
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes .value")
    notes.get_by_text("Plants make oxygen").wait_for()
    opened.value.close()
    page.close()


@pytest.mark.parametrize(
    "sentences",
    [
        ["It rises.", "It falls."],
        ["See Fig. A of <em>Han et al.</em> (2022).", "Why?"],
        ["Level p &lt; .1 is wide.", "Is it?"],
        ["<strong>One. Two.</strong>", "Three."],
        ["Let <math><mi>x</mi></math> be 1.", "<math><mi>y</mi></math> is 2."],
    ],
)
def test_sentences_end_where_they_end(sentences):
    paragraph = BeautifulSoup(f"<p>{' '.join(sentences)}</p>", "html.parser").p
    assert split_sentences(paragraph) == sentences
