"""``make pdf``: the whole book as one PDF.

Sphinx writes all pages of the built book into one, and Chromium prints that: once to learn on which
page each chapter begins, and once more with these numbers in the contents. Solutions of exercises
stand open where they are, set small.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from pypdf import PdfReader

from helpers.errors import InputError
from tools.book import BUILD, build_book
from tools.execution import ROOT

PDF = BUILD / "breaking-the-ecosystem-balance.pdf"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_OLDEST = 131  # Chromium prints page numbers from the style sheet since then
_TYPESET = "MathJax.startup.promise.then(() => document.fonts.ready).then(() => true)"
_NUMBER = """(pages) => {
  for (const link of document.querySelectorAll(".book-contents a")) {
    link.lastChild.textContent = pages[link.hash.slice(1)];
  }
}"""


def find_chromium() -> str | None:
    """Return the path of the system's Chromium (or of ``CHROMIUM``), None where there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)


@contextmanager
def start_chromium() -> Iterator[Browser]:
    """Start the system's Chromium; `InputError` if there is none that can number pages."""
    if not (path := find_chromium()):
        raise _refuse(f"none of {', '.join(CHROMIUM)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        if int(browser.version.split(".")[0]) < _OLDEST:
            raise _refuse(f"version {browser.version}")
        yield browser
        browser.close()


def _refuse(found: str) -> InputError:
    return InputError(
        "make pdf",
        needed=f"Chromium {_OLDEST} or newer, which prints the pages",
        found=found,
        mend="install Chromium or Chrome, or set CHROMIUM to its path; then run make pdf again",
    )


def join_pages(build: Path = BUILD) -> Path:
    """Return one HTML page of the whole book; `build` holds the executed notebooks."""
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [jupyter_book, "build", "-q", "--builder", "singlehtml"]
    subprocess.run([*command, "--path-output", build.parent, ROOT], check=True)
    folder = build / "singlehtml"
    page = folder / "book.html"  # its links start there
    shutil.copyfile(folder / "book" / "index.html", page)
    return page


def print_page(browser: Browser, page: Path) -> bytes:
    """Return the PDF of a page that :func:`join_pages` made: tagged, with outline and contents."""
    sheet = browser.new_page(viewport={"width": 643, "height": 930})  # the text area of A4
    sheet.emulate_media(media="print")
    sheet.goto(page.as_uri(), timeout=0)
    sheet.add_style_tag(path=Path(__file__).with_suffix(".css"))
    sheet.evaluate(_TYPESET)
    sheet.evaluate(Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))
    how = {"outline": True, "tagged": True, "prefer_css_page_size": True, "print_background": True}
    sheet.evaluate(_NUMBER, find_places(sheet.pdf(**how)))
    return sheet.pdf(**how)


def find_places(printed: bytes) -> dict[str, int]:
    """Return the page number, from 1, of every place in a PDF that a link of it leads to."""
    pdf = PdfReader(BytesIO(printed))
    places = pdf.named_destinations.items()
    return {name.lstrip("/"): pdf.get_destination_page_number(place) + 1 for name, place in places}


def main() -> int:
    try:
        with start_chromium() as browser:
            if status := build_book():
                return status
            printed = print_page(browser, join_pages())
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    PDF.write_bytes(printed)
    print(f"the PDF: {PDF}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
