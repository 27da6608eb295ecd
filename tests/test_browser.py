"""The built book in a browser: whole without a network, on any screen, by eye, key and ear."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser import HTML, browser  # noqa: F401
from tests.conftest import ROOT
from tests.test_findable import REDIRECTS

pytestmark = pytest.mark.slow

WIDTHS = (360, 640, 768, 1400, 1920)  # 640: one of 1280 at a zoom of 200 %
SOURCE = "_modules/helpers/study"
CHAPTER, TABLES = "book/notebooks/13_feedback_loop", "book/notebooks/12_total_effects"
# a colour of code is measured once: tokens of a class that was seen before become plain text
THIN = """() => {
  const seen = new Set();
  for (const token of document.querySelectorAll(".highlight pre span[class]")) {
    if (seen.has(token.className)) token.replaceWith(...token.childNodes);
    seen.add(token.className);
  }
}"""
FOCUS = """() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return {
    is: `${element.localName} ${element.className}`,
    text: element.textContent.trim(),
    seen: outlined || style.boxShadow !== "none",
  };
}"""
CLIPPED = """() => [...document.querySelectorAll("article *")].filter(element =>
  ["auto", "scroll", "hidden"].includes(getComputedStyle(element).overflowX)
  && !element.closest(".math")
  && element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1
).map(element => element.outerHTML.slice(0, 200))"""


def named_pages() -> list[str]:
    return [*yaml.safe_load((ROOT / "book" / "descriptions.yml").read_text(encoding="utf-8"))]


@contextmanager
def watched(chromium: Browser, **options) -> Iterator[tuple[Page, list[str]]]:
    """Open a page that can reach files alone; yield it with the list of what goes wrong."""
    context, troubles = chromium.new_context(reduced_motion="reduce", **options), []

    def refuse(route):
        troubles.append(f"asked for {route.request.url}")
        route.abort()

    context.route(lambda address: not address.startswith(("file:", "data:")), refuse)
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
    page.on(
        "console", lambda line: line.type in ("error", "warning") and troubles.append(line.text)
    )
    yield page, troubles
    context.close()


def show(page: Page, name: str, folder: Path = HTML) -> None:
    page.goto((folder / f"{name}.html").as_uri())
    page.evaluate("window.MathJax?.startup?.promise")


def too_wide(page: Page) -> list[int]:
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(width)
    return found


def violations(page: Page, **options) -> dict[str, list[str]]:
    """Return what axe finds serious or critical: the elements by rule."""
    options = {"preload": False, "resultTypes": ["violations"]} | options
    found = Axe().run(page, options=options).response["violations"]
    return {
        one["id"]: [node["html"][:200] for node in one["nodes"]]
        for one in found
        if one["impact"] in ("serious", "critical")
    }


@pytest.mark.parametrize("name", [*named_pages(), SOURCE])
def test_a_page_is_whole_fits_every_screen_and_is_accessible(name, browser):  # noqa: F811
    with watched(browser, color_scheme="light") as (page, troubles):
        show(page, name)
        wide = too_wide(page)
        page.set_viewport_size({"width": 1400, "height": 900})
        page.evaluate(THIN)
        assert page.get_attribute("html", "data-theme") == "light"
        light = violations(page)
        page.emulate_media(color_scheme="dark")
        page.wait_for_selector("html[data-theme=dark]")
        dark = violations(page, runOnly=["color-contrast", "link-in-text-block"])
    assert {"troubles": troubles, "wide": wide, "light": light, "dark": dark} == {
        "troubles": [],
        "wide": [],
        "light": {},
        "dark": {},
    }


def test_axe_and_the_watch_see_what_is_wrong(browser, tmp_path):  # noqa: F811
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<html lang=en><title>t</title><main><h1>t</h1><img src=https://example.org/a.png>"
        "<p style='color:#bbb;width:500px'>pale</p></main><script>nothing()</script>"
    )
    with watched(browser) as (page, troubles):
        page.goto(bad.as_uri())
        assert too_wide(page) == [360]
        assert set(violations(page)) == {"image-alt", "color-contrast"}
    assert len(troubles) >= 3


def test_every_page_that_is_built_is_visited_or_leads_to_another():
    built = {path.relative_to(HTML).with_suffix("").as_posix() for path in HTML.rglob("*.html")}
    built = {name for name in built if not name.startswith("_static/")}
    sources = {name for name in built if name.startswith("_modules/helpers/")}
    assert SOURCE in sources  # one for all: they are made alike
    assert built - sources == {*named_pages(), *REDIRECTS}


def test_an_unpacked_book_opens_filters_and_searches_without_a_network(browser, tmp_path):  # noqa: F811
    folder = tmp_path / "a place with spaces"
    shutil.copytree(HTML, folder)
    with watched(browser) as (page, troubles):
        page.goto((folder / "index.html").as_uri())
        page.wait_for_url("**/book/index.html")
        page.goto((folder / "07.html").as_uri() + "#by-hand")
        page.wait_for_url("**/book/notebooks/07_path_models.html#by-hand")
        page.locator("mjx-container").first.wait_for()
        show(page, "book/reproduction-report", folder)
        page.get_by_label("Words").first.fill("elevation")
        claims = page.locator("table.claims").first.locator("tbody tr")
        assert 0 < claims.and_(page.locator(":visible")).count() < claims.count()
        page.keyboard.press("Control+k")
        page.keyboard.type("amplification")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=amplification*")
        page.get_by_text("Search finished").wait_for()
        page.locator('#search-results a[href*="13_feedback_loop"]').first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/13_feedback_loop.html*")
    assert troubles == []


def test_tab_reaches_everything_shows_where_it_is_and_gets_out(browser):  # noqa: F811
    with watched(browser, viewport={"width": 1400, "height": 900}) as (page, _):
        show(page, CHAPTER)
        stops = []
        for _ in range(600):
            page.keyboard.press("Tab")
            stops.append(page.evaluate(FOCUS))
            if stops[-1]["is"].startswith("body"):
                break
    assert stops[0]["text"] == "Skip to main content"
    assert stops.pop()["is"].startswith("body")
    reached = [stop["is"] for stop in stops]
    for part in ("search-button", "theme-switch-button", "reference internal", "nav-link"):
        assert any(part in stop for stop in reached), part
    solutions = [stop for stop in stops if stop["is"].startswith("summary")]
    assert any("Solution to exercise 1" in stop["text"] for stop in solutions)
    assert [stop for stop in stops if not stop["seen"]] == []


def test_keys_open_a_solution_and_switch_the_theme(browser):  # noqa: F811
    with watched(browser, viewport={"width": 1400, "height": 900}) as (page, troubles):
        show(page, CHAPTER)
        solution = page.locator("details.hide").first
        solution.locator("summary").focus()
        for key, is_open in (("Enter", True), ("Space", False)):
            page.keyboard.press(key)
            assert solution.evaluate("solution => solution.open") == is_open
        modes = set()
        for _ in range(3):
            page.locator(".theme-switch-button:visible").first.focus()
            page.keyboard.press("Enter")
            modes.add(page.get_attribute("html", "data-mode"))
        assert modes == {"auto", "light", "dark"}
    assert troubles == []


@pytest.mark.parametrize("name", [CHAPTER, TABLES, "book/reproduction-report"])
def test_paper_shows_the_article_alone_and_whole(name, browser):  # noqa: F811
    a4 = {"width": 794 - 2 * 60, "height": 1123}
    with watched(browser, viewport=a4, color_scheme="dark") as (page, _):
        show(page, name)
        page.emulate_media(media="print")
        beside = page.locator(
            ".bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .bd-footer, "
            ".headerlink, .copybtn, .claims-filters, .prev-next-footer, #pst-back-to-top"
        )
        assert beside.filter(visible=True).count() == 0
        assert page.locator("h1").filter(visible=True).count() == 1
        paper = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(paper) == "rgb(255, 255, 255)"  # also of a reader's dark theme
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert page.evaluate(CLIPPED) == []
