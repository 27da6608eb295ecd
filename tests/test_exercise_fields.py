"""Exercises answered on the page, and the switch for code: what they say, how they are worked."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from helpers.exercises import check, load_exercises
from tests.browser import HTML, browser  # noqa: F401
from tests.conftest import ROOT
from tests.test_exercises import CASES, KNOWN, known  # noqa: F401
from tools.sphinx_ext.exercise_fields import list_known

STATIC = ROOT / "book" / "_static"
LISTED = load_exercises()
FACTORS = (1, 1.008, 0.992, 1.03, 0.9, -1, 100, 0.01, 32 / 12, 12 / 32, 1e3, 1e-6, 2, 30, -7, 0)
CHAPTER = (HTML / "book" / "notebooks" / "13_feedback_loop.html").as_uri()
PAGE = """<html lang="en"><title>t</title>
<header class="article-header-buttons"><a class="btn-download-source-button" href="99.ipynb">n</a>
</header>
<main><h1>t</h1>
<div class="cell"><div class="cell_input"><pre>analysis()</pre></div></div>
<div class="cell"><details class="hide"><summary>Code</summary><pre>imports()</pre></details></div>
<section id="exercises">{cells}
<div class="cell tag_solution"><details class="hide"><summary>Solution</summary>250</details></div>
</section></main><script type="text/plain" id="exercise-answers">{answers}</script>"""
CELL = """<div class="cell"><div class="cell_input"><pre>check("{0}", ...)
</pre></div><div class="cell_output">Put a number</div></div>"""


@pytest.fixture(scope="module")
def engine(browser) -> Page:  # noqa: F811
    """Return an empty page that judges answers."""
    page = browser.new_page()
    page.add_script_tag(path=STATIC / "exercises.js")
    return page


def judge(engine: Page, listed: dict, typed: object) -> tuple[bool, str]:
    said = engine.evaluate("([known, typed]) => exercises.judge(known, typed)", [listed, typed])
    return said["right"], said["text"]


def test_the_script_replies_to_every_case_as_python_does(engine, known):  # noqa: F811
    records = list_known("99")
    for exercise, typed, _, reply in CASES.values.tolist():
        answer = typed.split(", ") if records[exercise]["kind"] == "names" else typed
        assert judge(engine, records[exercise], answer) == (reply == "Right.", reply), typed


@pytest.mark.parametrize("chapter", sorted(set(LISTED.index.str[:2])))
def test_the_script_judges_the_exercises_of_the_book_as_python_does(engine, chapter):
    for exercise, listed in list_known(chapter).items():
        right, wrong = listed["answer"], [wrong for wrong, _ in listed["hints"]]
        if "number" in listed["kind"]:
            steps = [10 ** -int(listed["decimals"] or 0) * part for part in (0.49, 0.51, -0.49, 3)]
            near = [right + step for step in steps] if listed["kind"] == "number" else []
            tried = [right, *wrong, *(right * factor for factor in FACTORS), *near, 1 / right]
            tried = [(repr(answer), answer) for answer in tried]
        else:
            tried = [(answer, answer) for answer in (right, *wrong, *listed["choices"])]
            if listed["kind"] == "names":
                tried = [([*answer], [*answer]) for answer in (right, right[1:], *wrong)]
        for typed, answer in tried:
            said = check(exercise, answer)
            assert judge(engine, listed, typed) == (said.right, said.text), (exercise, answer)


def test_an_empty_field_says_what_is_wanted(engine, known):  # noqa: F811
    said = {name: judge(engine, listed, "")[1] for name, listed in list_known("99").items()}
    assert said["99.1"] == "A number without decimals (g) is wanted."
    assert said["99.3"] == 'One of "rises", "falls", "stays" is wanted.'


@pytest.fixture
def small(browser, known, tmp_path) -> Iterator[Page]:  # noqa: F811
    """Return a small chapter with all kinds of fields, and what goes wrong in it."""
    records = list_known("99")
    cells = "".join(CELL.format(exercise) for exercise in records)
    answers = base64.b64encode(json.dumps(records).encode()).decode()
    place = tmp_path / "99_small.html"
    place.write_text(PAGE.format(cells=cells, answers=answers), encoding="utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(error))
    page.place = place.as_uri()
    load(page)
    yield page
    assert page.problems == []
    page.close()


def load(page: Page) -> None:
    page.goto(page.place)
    page.add_style_tag(path=STATIC / "fields.css")
    page.add_style_tag(content=f"@media print {{ {(STATIC / 'print.css').read_text()} }}")
    for script in ("widgets", "exercises", "code-switch"):
        page.add_script_tag(path=STATIC / f"{script}.js")


def replies(page: Page) -> list[str]:
    return page.get_by_role("status").all_inner_texts()


def test_fields_take_the_place_of_cells_and_answer_to_keys_alone(small):
    assert small.get_by_text("check(").count() == 0
    assert replies(small) == [""] * 5
    small.get_by_label("Your answer to exercise 1").focus()
    small.keyboard.type("300")
    small.keyboard.press("Enter")
    assert replies(small)[0] == "Not yet. That is all of it."
    small.keyboard.press("Control+a")
    small.keyboard.type("250")
    small.keyboard.press("Tab")
    small.keyboard.press("Enter")  # the button
    small.get_by_label("Your answer to exercise 3").focus()
    small.keyboard.type("fa")
    small.keyboard.press("Tab")
    small.keyboard.press("Enter")
    small.get_by_role("group", name="Your answer to exercise 4").get_by_label("A").focus()
    small.keyboard.press("Space")
    small.keyboard.press("Enter")
    some = "Not yet. 1 of your 1 belong there, and some are missing."
    assert replies(small) == ["Right.", "", "Right.", some, ""]
    described = small.get_by_label("Your answer to exercise 5").get_attribute("aria-describedby")
    assert small.locator(f"[id='{described}']").inner_text() == "with two decimals"


def test_right_answers_are_remembered_until_they_are_to_be_forgotten(small):
    for number, answer in ((1, "250"), (2, "13")):
        small.get_by_label(f"Your answer to exercise {number}").fill(answer)
        small.keyboard.press("Enter")
    for name in ("A", "C"):
        small.get_by_label(name, exact=True).check()
    small.get_by_role("button", name="Check").nth(3).click()
    load(small)
    assert replies(small) == ["Right.", "", "", "Right.", ""]
    assert small.get_by_label("Your answer to exercise 1").input_value() == "250"
    assert small.get_by_label("C", exact=True).is_checked()
    assert small.get_by_label("Your answer to exercise 2").input_value() == ""
    small.get_by_role("button", name="Forget").first.focus()
    small.keyboard.press("Enter")
    assert replies(small)[0] == "Forgotten."
    load(small)
    assert replies(small) == ["", "", "", "Right.", ""]


def test_paper_has_a_line_to_write_on(small):
    small.get_by_label("Your answer to exercise 1").fill("250")
    small.emulate_media(media="print")
    assert small.locator("form button").filter(visible=True).count() == 0
    field = small.get_by_label("Your answer to exercise 1")
    looks = field.evaluate("one => [getComputedStyle(one).color, one.offsetWidth > 80]")
    assert looks == ["rgba(0, 0, 0, 0)", True]


def test_the_switch_folds_and_unfolds_code_but_no_solution_and_is_remembered(small):
    analysis, imports = small.get_by_text("analysis()"), small.get_by_text("imports()")
    solution = small.locator(".tag_solution details")

    def shown() -> tuple[bool, bool]:
        assert solution.get_attribute("open") is None
        return analysis.is_visible(), imports.is_visible()

    assert shown() == (True, False)
    for name, expected in (
        ("All code of this page", (True, True)),
        ("No code", (False, False)),
        ("The analysis", (True, False)),
        ("No code", (False, False)),
    ):
        small.get_by_role("button", name=name).focus()
        small.keyboard.press("Enter")
        assert shown() == expected
        assert small.locator("[aria-pressed=true]").inner_text() == name
    load(small)
    assert shown() == (False, False)
    small.emulate_media(media="print")
    assert shown() == (True, False), "paper is unaffected"
    small.emulate_media(media="screen")
    for is_open in (True, False):
        small.locator(".code-fold").focus()
        small.keyboard.press("Enter")
        assert shown() == (is_open, False), "a piece of code opens by itself"


@pytest.mark.slow
def test_a_chapter_of_the_book_answers_and_without_scripts_keeps_its_cells(browser):  # noqa: F811
    for scripts in (True, False):
        page = browser.new_context(java_script_enabled=scripts).new_page()
        page.goto(CHAPTER)
        assert page.get_by_text('check("13.1", ...)').is_visible() == (not scripts)
        if scripts:
            field = page.get_by_label("Your answer to exercise 1")
            field.fill(str(KNOWN["13.1"]["answer"]))
            field.press("Enter")
            assert page.locator(".exercise-field [role=status]").first.inner_text() == "Right."
            page.get_by_label("Code that is shown").focus()
            page.keyboard.press("Enter")
            page.get_by_role("button", name="No code").press("Enter")
            assert page.locator(".cell_input").filter(visible=True).count() == 0
        page.context.close()
