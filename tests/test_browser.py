"""The built book in a browser: whole without a network, on any screen, by eye, key and ear."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import SequenceMatcher
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser import HTML, browser  # noqa: F401
from tests.conftest import ROOT
from tools.offline import NAME, pack

pytestmark = pytest.mark.slow

WIDTHS = (360, 640, 768, 1400, 1920)  # 640: one of 1280 at a zoom of 200 %
CHAPTER = "book/notebooks/13_feedback_loop"
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
    is: element === document.body ? "body" : element.matches(":is(a, button, summary, input)")
      ? `${element.localName}.${element.className}` : element.localName,
    text: element.textContent.trim(),
    seen: outlined || style.boxShadow !== "none",
    main: Boolean(element.closest("article")),
  };
}"""
INK = """["body", "article p"].map((name, i) =>
  getComputedStyle(document.querySelector(name))[["backgroundColor", "color"][i]])"""

PAPER = """(({backgroundColor, filter}) => [backgroundColor, filter])(
  getComputedStyle(document.querySelector("article figure img")))"""


def named_pages() -> list[str]:
    lines = (ROOT / "_toc.yml").read_text(encoding="utf-8").splitlines()
    words = [line.strip().removeprefix("- ").partition(": ") for line in lines]
    return [name for key, _, name in words if key in ("root", "file")] + ["genindex", "search"]


@contextmanager
def watched(chromium: Browser, **options) -> Iterator[tuple[Page, list[str]]]:
    """Open a page that can reach files alone; yield it with the list of what goes wrong."""
    context = chromium.new_context(reduced_motion="reduce", **options)
    context.set_offline(True)
    with noted(context) as (page, troubles):

        def refuse(route):
            troubles.append(f"asked for {route.request.url}")
            route.abort()

        context.route(lambda address: not address.startswith(("file:", "data:")), refuse)
        yield page, troubles


@contextmanager
def noted(context: BrowserContext) -> Iterator[tuple[Page, list[str]]]:
    page, troubles = context.new_page(), []
    page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
    # a request that the browser gives up when it leaves a page is no fault of the page
    page.on(
        "requestfailed",
        lambda request: (
            request.failure != "net::ERR_ABORTED"
            and troubles.append(f"failed: {request.url} ({request.failure})")
        ),
    )
    page.on(
        "console",
        lambda line: line.type in ("error", "warning") and troubles.append(line.text),
    )
    yield page, troubles
    context.close()


def settle(page: Page) -> None:
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


@pytest.mark.parametrize("name", named_pages())
def test_a_page_is_whole_fits_every_screen_and_is_accessible(name, browser):  # noqa: F811
    with watched(browser, color_scheme="light") as (page, troubles):
        page.goto((HTML / f"{name}.html").as_uri())
        settle(page)
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
    for path in HTML.rglob("*.html"):
        name = path.relative_to(HTML).with_suffix("").as_posix()
        if "_static" not in path.parts and name not in named_pages():
            page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
            target = page.find("meta", attrs={"http-equiv": re.compile("refresh", re.I)})
            address = target["content"].partition("url=")[2].partition("#")[0]
            assert (path.parent / address).is_file(), name


def test_the_first_page_leads_to_the_book(browser):  # noqa: F811
    with watched(browser) as (page, troubles):
        page.goto((HTML / "index.html").as_uri())
        page.wait_for_url("**/book/index.html")
    assert troubles == []


class _Quiet(SimpleHTTPRequestHandler):
    def log_request(self, code="-", size="-"):
        self.server.answers.append((self.path, int(code)))

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path) -> Iterator[ThreadingHTTPServer]:
    """Serve the book below a path, as the pages of a project are."""
    (tmp_path / "some" / "sub").mkdir(parents=True)
    (tmp_path / "some" / "sub" / "path").symlink_to(HTML)
    (tmp_path / "favicon.ico").touch()  # browsers ask every server for it
    handler = partial(_Quiet, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        serving.answers = []
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def test_the_book_works_below_a_path_of_a_server(browser, server):  # noqa: F811
    host = f"http://127.0.0.1:{server.server_port}/"
    asked = []
    with noted(browser.new_context()) as (page, troubles):
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{host}some/sub/path/")
        page.wait_for_url("**/some/sub/path/book/index.html")
        page.wait_for_load_state("networkidle")
        for name in (CHAPTER, "book/reproduction-report", "genindex"):
            page.goto(f"{host}some/sub/path/{name}.html")
            page.wait_for_load_state("networkidle")
        page.goto(f"{host}some/sub/path/search.html?q=elevation")
        page.wait_for_selector("#search-results .context")  # the sentence around the word
        page.wait_for_load_state("networkidle")
    assert troubles == []
    assert all(address.startswith((f"{host}some/sub/path/", "data:")) for address in asked)
    assert {code for _, code in server.answers} <= {200, 304}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("offline")
    pack(HTML, folder / f"{NAME}.zip")
    with ZipFile(folder / f"{NAME}.zip") as archive:
        archive.extractall(folder / "a place with spaces")
    (top,) = (folder / "a place with spaces").iterdir()
    return top


def test_the_zip_opens_with_a_double_click_filters_and_searches(browser, unpacked):  # noqa: F811
    assert {path.name for path in unpacked.iterdir()} == {"start-here.html", "pages"}
    with watched(browser) as (page, troubles):
        page.goto((unpacked / "start-here.html").as_uri())
        page.wait_for_url("**/pages/book/index.html")
        page.goto((unpacked / "pages" / f"{CHAPTER}.html").as_uri())
        settle(page)
        assert page.locator("mjx-container").count() > 0
        page.goto((unpacked / "pages" / "book" / "reproduction-report.html").as_uri())
        page.get_by_label("Words").fill("elevation")
        assert 0 < page.locator("table.claims tbody tr:visible").count() < 60
        page.goto((unpacked / "pages" / "search.html").as_uri() + "?q=elevation")
        page.locator("#search-results ul.search a").first.wait_for()
        page.get_by_text("Search finished").wait_for()
    assert troubles == []


def test_the_same_pages_give_the_same_zip(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "b").mkdir(parents=True)
        for page in ("a.html", "b/c.html"):
            (tmp_path / name / page).write_text(page)
    (tmp_path / "one" / "a.html").touch()
    for name in ("one", "two"):
        (tmp_path / f"zip {name}").mkdir()
        pack(tmp_path / name, tmp_path / f"zip {name}" / "book.zip")
    made = [(tmp_path / f"zip {name}" / "book.zip").read_bytes() for name in ("one", "two")]
    assert made[0] == made[1]


def test_a_zip_that_fails_leaves_the_old_one_and_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "a.html").write_text("a")
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "book.zip"
    target.write_text("old")

    def fail(self):
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(OSError, match="full"):
        pack(tmp_path / "html", target)
    assert list(target.parent.iterdir()) == [target]
    assert target.read_text() == "old"


def test_tab_reaches_everything_shows_where_it_is_and_gets_out(browser):  # noqa: F811
    with watched(browser, viewport={"width": 1400, "height": 900}) as (page, _):
        page.goto((HTML / f"{CHAPTER}.html").as_uri())
        settle(page)
        stops = []
        for _ in range(600):
            page.keyboard.press("Tab")
            stops.append(page.evaluate(FOCUS))
            if stops[-1]["is"] == "body":
                break
    assert stops[0]["text"] == "Skip to main content"
    assert stops.pop()["is"] == "body"
    reached = [stop["is"] for stop in stops]
    for part in ("search-button", "theme-switch-button", "reference internal", "nav-link"):
        assert any(part in stop for stop in reached), part
    solutions = [stop for stop in stops if stop["is"].startswith("summary")]
    assert any("Solution to exercise 1" in stop["text"] for stop in solutions)
    assert [stop for stop in stops if not stop["seen"]] == []


def test_keys_skip_to_the_text_open_a_solution_switch_the_theme_and_search(browser):  # noqa: F811
    with watched(browser, viewport={"width": 1400, "height": 900}) as (page, troubles):
        page.goto((HTML / f"{CHAPTER}.html").as_uri())
        settle(page)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS)["main"] or "header" in page.evaluate(
            "document.activeElement.closest('[class*=header-article]')?.className ?? ''"
        )
        summary = page.locator("details.hide > summary").first
        summary.focus()
        opened = []
        for key in ("Enter", "Space"):
            page.keyboard.press(key)
            opened.append(page.evaluate("document.activeElement.parentElement.open"))
        assert opened == [True, False]
        switch = page.locator(".theme-switch-button:visible").first
        modes = set()
        for _ in range(3):
            switch.focus()
            page.keyboard.press("Enter")
            modes.add(page.get_attribute("html", "data-mode"))
        assert modes == {"auto", "light", "dark"}
        page.keyboard.press("Control+k")
        page.keyboard.type("amplification")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=amplification*")
        page.locator("#search-results ul.search a").first.wait_for()
    assert troubles == []


def plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def test_words_of_a_figure_say_other_than_its_caption():
    count = 0
    for path in HTML.rglob("book/**/*.html"):
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for image in page.find_all("img"):
            assert image.get("alt") is not None, f"{path.name}: {image}"
        for figure in page.select("article figure"):
            said = plain(figure.find("img")["alt"])
            caption = plain(figure.find("figcaption").find(class_="caption-text").get_text())
            assert len(said) > 60, f"{path.name}: {said}"
            assert said not in caption
            assert caption not in said
            alike = SequenceMatcher(None, said, caption, autojunk=False).ratio()
            assert alike < 0.6, f"{path.name}: {said} / {caption}"
            count += 1
    assert count > 40


def test_paper_shows_the_article_alone_black_on_white_and_nothing_beside_it(browser):  # noqa: F811
    a4 = {"width": 794 - 2 * 60, "height": 1123}
    with watched(browser, viewport=a4, color_scheme="dark") as (page, _):
        for name in (CHAPTER, "book/notebooks/12_total_effects", "book/reproduction-report"):
            page.goto((HTML / f"{name}.html").as_uri())
            settle(page)
            page.emulate_media(media="print")
            page.wait_for_selector("html[data-theme=dark]")
            visible = page.locator(
                ".bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .bd-footer, "
                ".headerlink, .copybtn, .claims-filters, .prev-next-footer, #pst-back-to-top"
            ).filter(visible=True)
            assert visible.count() == 0
            assert page.locator("article h1").first.is_visible()
            assert page.locator("h1").filter(visible=True).count() == 1
            assert page.evaluate(INK) == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
            if page.locator("article figure img").count():
                assert page.evaluate(PAPER) == ["rgb(255, 255, 255)", "none"]
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
            hidden = """[...document.querySelectorAll("article *")].filter(element =>
                ["auto", "scroll", "hidden"].includes(getComputedStyle(element).overflowX)
                && !element.closest(".math")
                && element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1
            ).map(element => element.outerHTML.slice(0, 200))"""
            assert page.evaluate(hidden) == []
            page.emulate_media(media="screen")
