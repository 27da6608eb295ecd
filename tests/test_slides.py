"""The slides: one deck for each chapter, readable, whole without network, and without solutions."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup, Tag

from tests.browser import HTML, browser  # noqa: F401
from tools.execution import NOTEBOOKS
from tools.slides import split_sentences, write_slides

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
_SMALLEST = """() => {
  const sizes = [];
  for (const slide of Reveal.getSlides()) {
    for (const element of slide.querySelectorAll("p, li, td, h1, h2")) {
      if (!element.closest("aside, math")) {
        sizes.push(parseFloat(getComputedStyle(element).fontSize));
      }
    }
  }
  return Math.min(...sizes);
}"""


@pytest.fixture(scope="module")
def decks(tmp_path_factory) -> dict[str, Path]:
    """Make all decks from the built book."""
    written = write_slides(HTML, tmp_path_factory.mktemp("decks") / "slides")
    return {deck.stem: deck for deck in written}


@pytest.fixture(scope="module")
def slides(decks) -> dict[str, list[Tag]]:
    """Return the slides of each deck."""
    return {
        name: BeautifulSoup(deck.read_text(encoding="utf-8"), "html.parser").select(
            ".slides > section"
        )
        for name, deck in decks.items()
    }


@cache
def _parse_chapter(name: str) -> Tag:
    page = HTML / "book" / "notebooks" / f"{name}.html"
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    return soup.select_one("article.bd-article")


def _paragraph(text: str) -> Tag:
    return BeautifulSoup(f"<p>{text}</p>", "html.parser").p


def test_every_chapter_has_a_deck_and_the_index_names_it(decks):
    assert sorted(decks) == sorted(path.stem for path in NOTEBOOKS.glob("*.md"))
    index = next(iter(decks.values())).with_name("index.html")
    links = BeautifulSoup(index.read_text(encoding="utf-8"), "html.parser").select("li > a")
    assert [link["href"] for link in links] == [deck.name for deck in decks.values()]


def test_a_deck_has_title_question_aims_exercises_and_summary(slides):
    for name, deck in slides.items():
        article = _parse_chapter(name)
        headings = [slide.find(["h1", "h2"]).get_text() for slide in deck]
        assert headings[0] == article.h1.find(string=True), name
        assert deck[0].select_one(".question").get_text().endswith("?"), name
        assert headings[1:3] == ["What the paper says", "In this chapter you will"], name
        asked = article.select("#exercises > p > strong:first-child")
        numbers = [int(each.get_text()[0]) for each in asked if each.get_text()[0].isdigit()]
        exercises = [heading for heading in headings if heading.startswith("Exercise ")]
        assert exercises == [f"Exercise {number}" for number in numbers], name
        assert "Summary" in headings, name


def test_every_figure_is_on_one_slide_with_its_words_and_its_label(slides):
    for name, deck in slides.items():
        figures = {figure["id"]: figure for figure in _parse_chapter(name).find_all("figure")}
        shown = [slide for slide in deck if slide.find("img")]
        assert [slide.select_one(".picture")["id"] for slide in shown] == list(figures), name
        for slide in shown:
            figure = figures[slide.select_one(".picture")["id"]]
            assert slide.img["alt"] == figure.img["alt"]
            assert slide.select_one(".label").get_text() == figure.p.get_text()
            assert slide.select_one(".reading").get_text(strip=True)


def test_no_solution_and_no_code_is_shown_or_told(slides):
    for name, deck in slides.items():
        article = _parse_chapter(name)
        text = "\n".join(slide.get_text() for slide in deck)
        assert not [slide for slide in deck if slide.select("details, .highlight-ipython3")]
        assert "Solution to exercise" not in text
        folded = article.select("#exercises details")
        assert folded, name
        for solution in folded:
            code = solution.select_one("pre").get_text()
            lines = [line.strip() for line in code.splitlines() if len(line) > 20]
            assert not [line for line in lines if line in text], name
            for paragraph in solution.select(".cell_output p"):
                assert paragraph.get_text() not in text, name


def test_what_a_section_leaves_out_is_told_in_the_notes(slides):
    told = {
        name: [slide.aside.get_text() if slide.aside else "" for slide in deck]
        for name, deck in slides.items()
    }
    for name, notes in told.items():
        paper = _parse_chapter(name).select("#what-the-paper-says > p")
        assert all(paragraph.get_text()[-60:] in notes[1] for paragraph in paper), name


def test_formulas_are_drawn_by_the_browser_itself(slides):
    formulas = [
        formula
        for deck in slides.values()
        for slide in deck
        for formula in slide.select(".formula")
    ]
    assert len(formulas) > 20
    for formula in formulas:
        assert formula.find("math"), formula
        assert "\\" not in formula.get_text(), formula


def test_decks_load_alone_and_nothing_leaves_the_slide(decks, browser):  # noqa: F811
    for name, deck in decks.items():
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        asked, errors = [], []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        page.on(
            "console",
            lambda line, errors=errors: (
                errors.append(line.text) if line.type in ("error", "warning") else None
            ),
        )
        page.goto(deck.as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        assert page.evaluate(_OVERFLOW) == [], name
        assert page.evaluate(_SMALLEST) >= 18, name
        outside = [url for url in asked if not url.startswith(("data:", deck.as_uri()))]
        assert (outside, errors) == ([], []), name
        page.close()


def test_a_deck_and_the_index_have_no_serious_fault_for_axe(decks, browser):  # noqa: F811
    deck = decks["04_elevation_gradients"]
    for path in (deck, deck.with_name("index.html")):
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(path.as_uri())
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
        page.close()


def test_keys_lead_through_a_deck_and_open_the_notes(decks, browser):  # noqa: F811
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(decks["02_oxygen_from_carbon"].as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.getIndices().h") == 1
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes .value")
    notes.get_by_text("Plants make oxygen").wait_for()
    opened.value.close()
    page.close()


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It rises. It falls.", ["It rises.", "It falls."]),
        (
            "See Fig. A of <em>Han et al.</em> (2022). Why?",
            ["See Fig. A of <em>Han et al.</em> (2022).", "Why?"],
        ),
        ("Level p < .1 is wide. Is it?", ["Level p &lt; .1 is wide.", "Is it?"]),
        ("<strong>One. Two.</strong> Three.", ["<strong>One. Two.</strong>", "Three."]),
        (
            "Let <math><mi>x</mi></math> be 1. <math><mi>y</mi></math> is 2.",
            ["Let <math><mi>x</mi></math> be 1.", "<math><mi>y</mi></math> is 2."],
        ),
    ],
)
def test_sentences_end_where_they_end(text, sentences):
    assert split_sentences(_paragraph(text)) == sentences


def test_questions_are_given_for_chapters_that_exist_and_are_questions():
    from tools.slides import QUESTIONS

    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()[1:]
    assert all(re.fullmatch(r"\d\d_\w+: .{20,90}\?", line) for line in lines)
