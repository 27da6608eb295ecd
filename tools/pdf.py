"""``make pdf``: the whole book as one PDF.

The book is built a second time below ``_build/pdf``, with figures as drawings instead of pictures.
Its pages are joined into one, and Chromium prints that: once to learn on which page each chapter
begins, and once more with these numbers in the contents. Solutions of exercises stand open where
they are, set small.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import posixpath
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from io import BytesIO
from pathlib import Path
from string import Template
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

import matplotlib
import yaml
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from helpers.errors import InputError
from helpers.figures.style import VECTORS
from tools.book import BUILD, build_book
from tools.execution import ROOT

PDF = BUILD / "breaking-the-ecosystem-balance.pdf"
_PAGES = BUILD / "pdf" / "_build"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_OLDEST = 131  # Chromium prints page numbers from the style sheet since then
_PASSES = 3
_SMALLEST = 0.6  # scale of a wide table or formula; what would be smaller is cut into pieces
_MATHJAX = "_static/mathjax/tex-chtml.js"
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>$title</title>
<style>
$fonts
$style
$running
</style>
<script>
MathJax = {options: {enableMenu: false, ignoreHtmlClass: "book", processHtmlClass: "math"}};
</script>
<script defer src="$mathjax"></script>
</head>
<body class="book">
$front
$contents
$chapters
</body>
</html>
""")
_NUMBER = """(pages) => {
  for (const link of document.querySelectorAll("nav.contents a")) {
    link.querySelector(".number").textContent = pages[link.hash.slice(1)];
  }
}"""


def find_chromium() -> str | None:
    """Return the path of the system's Chromium (or of ``CHROMIUM``), None where there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)


@contextmanager
def start_chromium() -> Iterator[Browser]:
    """Start the system's Chromium.

    Raises
    ------
    InputError
        If there is none, or one that cannot number pages.
    """
    needed = f"Chromium {_OLDEST} or newer, which prints the pages"
    mend = "install Chromium or Chrome, or set CHROMIUM to its path; then run make pdf again"
    if not (path := find_chromium()):
        found = f"none of {', '.join(CHROMIUM)}"
        raise InputError("make pdf", needed=needed, found=found, mend=mend)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            if int(browser.version.split(".")[0]) < _OLDEST:
                raise InputError("make pdf", needed=needed, found=browser.version, mend=mend)
            yield browser
        finally:
            browser.close()


def find_reveal() -> Path:
    """Return the folder of reveal.js, which sphinx-revealjs brings along; it has a font, too."""
    return Path(importlib.util.find_spec("sphinx_revealjs").origin).parent / "_static" / "revealjs"


def read_contents(toc: Path = ROOT / "_toc.yml") -> list[tuple[str, list[str]]]:
    """Return the parts of the book with the names of their pages; the first has no caption."""
    listed = yaml.safe_load(toc.read_text(encoding="utf-8"))
    parts = [
        (part.get("caption", ""), [page["file"] for page in part["chapters"]])
        for part in listed["parts"]
    ]
    return [("", [listed["root"]]), *parts]


def join_pages(html: Path, parts: list[tuple[str, list[str]]]) -> str:
    """Return the pages of a built book as one page, to be read from the folder `html`.

    Parameters
    ----------
    html : Path
        The folder with the built pages.
    parts : list
        Captions and names of pages, as :func:`read_contents` returns them.

    Returns
    -------
    str
        Title page, contents and chapters, every link between them inside the page.
    """
    about = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    names = [name for _, pages in parts for name in pages]
    contents, chapters, running = [], [], []
    for caption, pages in parts:
        entries = []
        for place, name in enumerate(pages):
            article = _read_article(html, name, set(names))
            title = article.find("h1").get_text().strip()
            number = re.match(r"\d+(?=_)", posixpath.basename(name))
            above = f"Chapter {int(number[0])}" if number else ""
            if caption:
                _lower_headings(article)
            key = name_key(name)
            if above:
                article.find("h2").insert(0, _element(f'<span class="above">{above}</span>'))
            part = f'<h1 class="part">{escape(caption)}</h1>' if caption and not place else ""
            chapters.append(
                f'<section class="chapter" id="{key}" style="page: {key}">{part}'
                f"{article.decode_contents()}</section>"
            )
            running.append(_run_head(key, title))
            which = above.removeprefix("Chapter ")
            entries.append(
                f'<li><a href="#{key}"><span class="which">{which}</span>'
                f'<span class="title">{escape(title)}</span>'
                '<span class="number">000</span></a></li>'
            )
        heading = f"<p>{escape(caption)}</p>" if caption else ""
        contents.append(f"{heading}<ol>{''.join(entries)}</ol>")
    return _PAGE.substitute(
        title=escape(about["title"]),
        fonts=_fonts(),
        style=Path(__file__).with_suffix(".css").read_text(encoding="utf-8"),
        running="\n".join(running),
        mathjax=_MATHJAX,
        front=_front(about),
        contents=f'<nav class="contents"><h1>Contents</h1>{"".join(contents)}</nav>',
        chapters="\n".join(chapters),
    )


def _fonts() -> str:
    """Return the rules that take fonts of installed packages, the same on every machine."""
    text = find_reveal() / "dist" / "theme" / "fonts" / "source-sans-pro"
    other = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    faces = [
        ("Book", text / "source-sans-pro-regular.woff", ""),
        ("Book", text / "source-sans-pro-italic.woff", "font-style: italic;"),
        ("Book", text / "source-sans-pro-semibold.woff", "font-weight: bold;"),
        (
            "Book",
            text / "source-sans-pro-semibolditalic.woff",
            "font-style: italic; font-weight: bold;",
        ),
        ("Signs", other / "DejaVuSans.ttf", ""),
        ("Signs", other / "DejaVuSans-Bold.ttf", "font-weight: bold;"),
        ("Code", other / "DejaVuSansMono.ttf", ""),
        ("Code", other / "DejaVuSansMono-Oblique.ttf", "font-style: italic;"),
        ("Code", other / "DejaVuSansMono-Bold.ttf", "font-weight: bold;"),
    ]
    return "\n".join(
        f'@font-face {{font-family: "{family}"; {style} src: url("{path.as_uri()}");}}'
        for family, path, style in faces
    )


def _front(about: dict) -> str:
    paper = about["references"][0]
    link = f"https://doi.org/{paper['doi']}"
    return f"""<section class="front">
<p class="title">{escape(about["title"].split(":")[0])}</p>
<p class="subtitle">The executable book: a reproduction of Han et al. ({paper["year"]})</p>
<p class="paper">{escape(paper["title"])}. <em>{escape(paper["journal"])}</em>, {paper["volume"]},
{paper["start"]}. <a href="{link}">doi:{paper["doi"]}</a></p>
<p class="edition">Version {about["version"]}, {about["date-released"]:%-d %B %Y}<br>
{escape(", ".join(author["name"] for author in about["authors"]))}</p>
<p class="licence">Text and figures
<a href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>, code MIT. Not affiliated with
the authors of the paper. Solutions of exercises are printed below each exercise, in small letters
beside a line.</p>
</section>"""


def _run_head(key: str, title: str) -> str:
    title = title.replace("\\", "\\\\").replace('"', '\\"')
    return f'@page {key} {{ @top-center {{ content: "{title}"; }} }}'


def name_key(name: str) -> str:
    """Return what stands for a page in identifiers, links and the style sheet."""
    return "page-" + re.sub(r"\W", "-", name)


def _read_article(html: Path, name: str, names: set[str]) -> Tag:
    """Return the text of a built page, ready to stand on one page with all others."""
    page = BeautifulSoup((html / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
    article = page.select_one("article.bd-article")
    dropped = "script, style, a.headerlink, .toctree-wrapper, summary .expanded, button"
    for element in article.select(dropped):
        element.decompose()
    for link in article.select("a:has(> img)"):
        link.unwrap()
    for element in article.find_all(id=True):
        element["id"] = f"{name_key(name)}--{element['id']}"
    for picture in article.find_all("img"):
        picture["src"] = posixpath.normpath(posixpath.join(posixpath.dirname(name), picture["src"]))
    for link in article.find_all("a", href=True):
        _redirect(link, name, names)
    for folded in article.find_all("details"):
        folded.name = "div"
        folded["class"] = ["folded"]
        folded.summary.name = "div"
    return article


def _redirect(link: Tag, name: str, names: set[str]) -> None:
    """Let a link lead to the place inside the book; one to no page of it becomes mere text."""
    address = urlsplit(link["href"])
    if address.scheme or address.netloc:
        return
    target = name
    if address.path:
        path = posixpath.join(posixpath.dirname(name), unquote(address.path))
        target = posixpath.normpath(path).removesuffix(".html")
    if target in names:
        anchor = f"--{unquote(address.fragment)}" if address.fragment else ""
        link["href"] = f"#{name_key(target)}{anchor}"
    else:
        link.unwrap()


def _lower_headings(article: Tag) -> None:
    """Make room for the part above the chapter in the outline."""
    for heading in article.find_all(re.compile(r"^h[1-5]$")):
        heading.name = f"h{int(heading.name[1]) + 1}"


def _element(markup: str) -> Tag:
    return BeautifulSoup(markup, "html.parser").contents[0]


def print_pages(browser: Browser, page: Path) -> bytes:
    """Print a page that :func:`join_pages` made, with page numbers in its contents.

    Parameters
    ----------
    browser : playwright.sync_api.Browser
        Chromium.
    page : Path
        The file with the page.

    Returns
    -------
    bytes
        The PDF: tagged, with an outline.
    """
    sheet = browser.new_page(viewport={"width": 643, "height": 930})  # the text area of A4
    markup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    try:
        sheet.emulate_media(media="print")
        sheet.goto(page.resolve().as_uri(), wait_until="load", timeout=0)
        sheet.evaluate("MathJax.startup.promise.then(() => document.fonts.ready).then(() => true)")
        sheet.evaluate(Path(__file__).with_suffix(".js").read_text(encoding="utf-8"), _SMALLEST)
        printed = _print_until_stable(sheet)
    finally:
        sheet.close()
    headings = markup.find_all(re.compile("^h[1-6]$"))
    return name_outline(printed, [heading.get_text(" ", strip=True) for heading in headings])


def name_outline(printed: bytes, titles: list[str]) -> bytes:
    """Return a PDF whose outline has these titles; Chromium doubles those at the top of a page.

    Parameters
    ----------
    printed : bytes
        A PDF with an outline.
    titles : list of str
        In the order of the outline, which has as many entries.
    """
    pdf = PdfWriter(clone_from=BytesIO(printed))
    entries = list(_walk_outline(pdf.root_object["/Outlines"]))
    for entry, title in zip(entries, titles, strict=True):
        entry[NameObject("/Title")] = TextStringObject(re.sub(r"\s+", " ", title))
    named = BytesIO()
    pdf.write(named)
    return named.getvalue()


def _walk_outline(parent: DictionaryObject) -> Iterator[DictionaryObject]:
    entry = parent.get("/First")
    while entry:
        entry = entry.get_object()
        yield entry
        yield from _walk_outline(entry)
        entry = entry.get("/Next")


def _print_until_stable(sheet: Page) -> bytes:
    known = {}
    for _ in range(_PASSES):
        printed = sheet.pdf(
            prefer_css_page_size=True, print_background=True, tagged=True, outline=True
        )
        pages = chapter_pages(PdfReader(BytesIO(printed)))
        if pages == known:
            return printed
        known = pages
        sheet.evaluate(_NUMBER, known)
    raise RuntimeError("the contents did not settle")


def chapter_pages(pdf: PdfReader) -> dict[str, int]:
    """Return the page number, from 1, of every place in a PDF that a link of it leads to."""
    return {
        name.removeprefix("/"): pdf.get_destination_page_number(place) + 1
        for name, place in pdf.named_destinations.items()
    }


def write_pdf(pages: Path = _PAGES, pdf: Path = PDF) -> None:
    """Build the pages, join and print them.

    Parameters
    ----------
    pages : Path
        Where the book with drawings is built.
    pdf : Path
        The file to write. It appears when it is complete.

    Raises
    ------
    InputError
        If there is no Chromium that can print the book.
    RuntimeError
        If the book cannot be built; the errors are on standard error.
    """
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it frets over Chromium's object count
    with start_chromium() as browser, patch.dict(os.environ, VECTORS):
        if build_book(pages):
            raise RuntimeError("the book could not be built")
        joined = pages / "html" / "joined.html"
        joined.write_text(join_pages(pages / "html", read_contents()), encoding="utf-8")
        partial = pdf.with_name(pdf.name + ".part")
        try:
            partial.write_bytes(print_pages(browser, joined))
            partial.replace(pdf)
        finally:
            partial.unlink(missing_ok=True)


def main() -> int:
    try:
        write_pdf()
    except (InputError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"the PDF: {PDF}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
