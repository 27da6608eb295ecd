"""``make slides``: a deck of slides for every chapter, made from the pages of the built book.

One rule makes all decks. The first slide has the title and the question (``book/slides.yml``).
Then come what the paper says and what the chapter does; for each section its equations and
figures, each on a slide of its own with one reading, or its first sentences where it has neither;
the verdicts; the questions of the exercises, never a solution; summary and limits. What does not
fit goes to the speaker's notes. A deck is one file that needs no network.
"""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from io import BytesIO
from pathlib import Path
from string import Template

import numpy as np
import yaml
from bs4 import BeautifulSoup, Tag
from PIL import Image

from tools.book import BUILD, build_book
from tools.execution import NOTEBOOKS, ROOT
from tools.page import to_mathml
from tools.pdf import find_reveal, read_contents
from tools.run import replace_folder

SLIDES = BUILD / "slides"
QUESTIONS = ROOT / "book" / "slides.yml"
_MOST = 340  # letters on a slide of sentences
_READING = 230  # beside a figure or an equation
_LONG = 40  # signs of a formula's line, from which it is set smaller
_VERDICTS = 800  # letters on a slide of the ledger
_ROWS, _COLUMNS, _CELLS = 7, 5, 260  # of a table, and its letters
_TALL = 0.69  # figures narrower than this share of their height are shown in two halves
_ABBREVIATIONS = ("Fig.", "Figs.", "Eq.", "al.", "e.g.", "i.e.", "vs.", "cf.", "No.", "p.")
_FRAME = ("what-the-paper-says", "in-this-chapter-you-will", "the-paper-and-this-book")
_DECK = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title: slides</title>
<style>
$style
</style>
</head>
<body>
<div class="reveal"><main class="slides">
$slides
</main></div>
<script>$reveal</script>
<script>$notes</script>
<script>
Reveal.initialize({
  width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: "c/t",
  transition: "none", pdfSeparateFragments: false, plugins: [RevealNotes],
});
</script>
</body>
</html>
""")
_INDEX = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slides: Breaking the ecosystem balance</title>
<style>
$style
</style>
</head>
<body class="index">
<main>
<h1>Slides</h1>
<p>One deck for each chapter of <em>Breaking the ecosystem balance</em>. Each is a single file that
needs no network. Keys: arrows go on and back, <kbd>F</kbd> fills the screen, <kbd>Esc</kbd> shows
all slides, <kbd>S</kbd> opens the speaker's notes, which hold the prose that the slides leave out.
Add <code>?print-pdf</code> to the address to print a deck.</p>
$decks
</main>
</body>
</html>
""")


@dataclass
class Slide:
    """One slide: its heading, what it shows, and the prose for the speaker.

    Parameters
    ----------
    heading : str
        Markup.
    body : str
        Markup.
    kind : str
        Its class in the style sheet.
    notes : list of str
        Markup of paragraphs.
    """

    heading: str
    body: str
    kind: str = "text"
    notes: list[str] = field(default_factory=list)

    def render(self) -> str:
        """Return the slide as reveal.js reads it."""
        notes = f'<aside class="notes">{"".join(self.notes)}</aside>' if self.notes else ""
        return f'<section class="{self.kind}">{self.heading}{self.body}{notes}</section>'


def make_deck(page: Path, question: str, part: str) -> str:
    """Return the deck of a chapter.

    Parameters
    ----------
    page : Path
        The chapter in the built book.
    question : str
        For the first slide.
    part : str
        The part of the book that it belongs to.

    Returns
    -------
    str
        HTML with style, script and pictures inside.
    """
    article = _read_article(page)
    title = article.h1.get_text(strip=True)
    slides = "\n".join(slide.render() for slide in _list_slides(article, page, question, part))
    reveal = find_reveal()
    script, notes = (
        (reveal / name).read_text(encoding="utf-8").replace("</script", "<\\/script")
        for name in ("dist/reveal.js", "plugin/notes/notes.js")
    )
    return _DECK.substitute(
        title=escape(title), style=_style(), slides=slides, reveal=script, notes=notes
    )


def _style() -> str:
    reveal = find_reveal()
    fonts = reveal / "dist" / "theme" / "fonts" / "source-sans-pro"
    faces = [
        f'@font-face {{font-family: "Slides"; font-weight: {weight}; src: url("'
        f'{_inline((fonts / f"source-sans-pro-{name}.woff").read_bytes(), "font/woff")}");}}'
        for name, weight in (("regular", 400), ("semibold", 600))
    ]
    sheets = [
        (reveal / "dist" / "reset.css").read_text(encoding="utf-8"),
        (reveal / "dist" / "reveal.css").read_text(encoding="utf-8"),
        Path(__file__).with_suffix(".css").read_text(encoding="utf-8"),
    ]
    return "\n".join([*faces, *sheets])


def _inline(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _read_article(page: Path) -> Tag:
    """Return the text of a chapter without code, solutions and links inside the book."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    article = soup.select_one("article.bd-article")
    for element in article.select("script, style, a.headerlink, .cell_input, details, button"):
        element.decompose()
    for link in article.find_all("a"):
        if "external" in link.get("class", []):
            link.attrs = {"href": link["href"]}
        else:
            link.unwrap()
    for formula in article.select("span.math"):
        formula.replace_with(_parse(to_mathml(formula.get_text()[2:-2], as_block=False)))
    article.smooth()
    return article


def _parse(markup: str) -> Tag:
    return BeautifulSoup(markup, "html.parser").contents[0]


def _list_slides(article: Tag, page: Path, question: str, part: str) -> Iterator[Slide]:
    badges = article.select_one("h1 + p")
    number = int(page.stem[:2])
    yield Slide(
        f"<h1>{article.h1.decode_contents().strip()}</h1>",
        f'<p class="question">{escape(question)}</p><p class="badges">{badges.decode_contents()}'
        f'</p><p class="where">{escape(part)} · chapter {number} of <em>Breaking the ecosystem '
        "balance</em>, a reproduction of Han et al. (2022)</p>",
        "title",
    )
    for section in article.section.find_all("section", recursive=False):
        name = section["id"]
        heading = f"<h2>{section.h2.decode_contents().strip()}</h2>"
        parts = list(_flatten(section))
        if name == "in-this-chapter-you-will":
            items = [item.decode_contents() for item in section.ul.find_all("li")]
            yield Slide(heading, _bullets(items), notes=_prose(parts))
        elif name == "the-paper-and-this-book":
            yield from _show_verdicts(section, heading)
        elif name == "exercises":
            yield from _show_exercises(section)
        elif name == "summary":
            yield from _show_summary(parts, heading)
        else:
            yield from _show_section(parts, heading, page)


def _flatten(section: Tag) -> Iterator[Tag]:
    """Yield what a section consists of, outputs of cells one by one."""
    for element in section.find_all(True, recursive=False):
        if element.name == "h2":
            continue
        inner = element.select_one(".cell_output") if "cell" in element.get("class", []) else None
        if inner:
            yield from inner.find_all(True, recursive=False)
        else:
            yield element


def _prose(elements: Iterable[Tag]) -> list[str]:
    """Return the paragraphs and lists among elements, for the speaker."""
    return [
        f"<{element.name}>{element.decode_contents()}</{element.name}>"
        for element in elements
        if element.name in ("p", "ul", "ol") and element.get_text(strip=True)
    ]


def _show_section(parts: list[Tag], heading: str, page: Path) -> Iterator[Slide]:
    """Yield a slide for each equation and figure, or one with the first sentences."""
    shown = [place for place, each in enumerate(parts) if _is_equation(each) or _is_figure(each)]
    if not shown:
        yield _show_sentences(parts, heading)
    for before, place, after in zip([-1, *shown], shown, [*shown[1:], len(parts)], strict=False):
        ahead, behind = parts[before + 1 : place], parts[place + 1 : after]
        notes = _prose(ahead if before < 0 else []) + _prose(behind)
        if _is_equation(parts[place]):
            yield _show_equation(parts[place], ahead, heading, notes)
        else:
            yield _show_figure(parts[place], behind, heading, notes, page)


def _is_equation(element: Tag) -> bool:
    return element.name == "div" and "math" in element.get("class", [])


def _is_figure(element: Tag) -> bool:
    return element.name == "figure"


def _show_sentences(parts: list[Tag], heading: str) -> Slide:
    tables = [table for part in parts for table in _tables(part) if _is_small(table)]
    room = _READING if tables else _MOST
    paragraphs = [part for part in parts if part.name == "p"]
    sentences = [each for paragraph in paragraphs for each in split_sentences(paragraph)]
    body = _bullets(_fit(sentences, room))
    if tables:
        table = tables[0]
        table.attrs = {}
        body += f'<div class="table">{table}</div>'
    return Slide(heading, body, "table" if tables else "text", _prose(parts))


def _tables(part: Tag) -> list[Tag]:
    return [part] if part.name == "table" else part.find_all("table")


def _is_small(table: Tag) -> bool:
    rows = table.find_all("tr")
    columns = max(len(row.find_all(["th", "td"])) for row in rows)
    letters = len(re.sub(r"\s+", " ", table.get_text()))
    return len(rows) <= _ROWS and columns <= _COLUMNS and letters <= _CELLS


def _show_equation(equation: Tag, ahead: list[Tag], heading: str, notes: list[str]) -> Slide:
    tex = re.sub(r"\\(\[|\]|(begin|end)\{split\})", "", equation.get_text())  # Sphinx's frame
    leads = [part for part in ahead if part.name == "p"][-1:]
    sentences = [each for lead in leads for each in split_sentences(lead)]
    lead = "".join(f"<p>{sentence}</p>" for sentence in _fit(sentences[::-1], _READING)[::-1])
    formula = to_mathml(tex, as_block=True)
    longest = max(map(_length, re.sub(r"\s", "", formula).split("</mtr>")))
    size = "small" if longest > _LONG else "large"
    body = f'{lead}<div class="formula {size}">{formula}</div>'
    return Slide(heading, body, "equation", notes)


def _show_figure(
    figure: Tag, behind: list[Tag], heading: str, notes: list[str], page: Path
) -> Slide:
    picture = figure.img
    following = [part for part in behind if part.name == "p"][:1]
    sentences = [each for part in following for each in split_sentences(part)]
    if not sentences or sentences[0].endswith(":") or _length(sentences[0]) > _READING:
        sentences = split_sentences(_parse(f"<p>{escape(picture['alt'])}</p>"))
    reading = " ".join(_fit(sentences, _READING))
    caption = figure.figcaption.select_one(".caption-text").decode_contents()
    first, *others = split_sentences(_parse(f"<p>{caption}</p>"))
    number = figure.figcaption.select_one(".caption-number").get_text(strip=True)
    legend = " ".join(each.decode_contents() for each in figure.find_all("p", recursive=False))
    content = (page.parent / picture["src"]).resolve().read_bytes()
    width, height = Image.open(BytesIO(content)).size
    tall = width / height < _TALL
    pieces = _halve(content) if tall else [content]
    images = "".join(
        f'<img src="{_inline(piece, "image/png")}" alt="{"" if place else escape(picture["alt"])}">'
        for place, piece in enumerate(pieces)
    )
    more = [f"<p>{' '.join(others)}</p>"] if others else []
    body = (
        f'<div class="panes"><div class="picture" id="{figure["id"]}">{images}</div>'
        f'<div class="words"><p class="reading">{reading}</p>'
        f'<p class="caption"><strong>{number}.</strong> {first}</p>'
        f'<p class="label">{legend}</p></div></div>'
    )
    return Slide(heading, body, "figure tall" if tall else "figure", more + notes)


def _halve(png: bytes) -> list[bytes]:
    """Cut a picture in two where a row near its middle has the least ink."""
    image = Image.open(BytesIO(png)).convert("RGB")
    ink = 255 - np.asarray(image.convert("L"), float).mean(axis=1)
    start, end = int(0.4 * image.height), int(0.6 * image.height)
    cut = start + int(np.argmin(np.convolve(ink, np.ones(9), "same")[start:end]))
    halves = []
    for top, bottom in ((0, cut), (cut, image.height)):
        half = BytesIO()
        image.crop((0, top, image.width, bottom)).save(half, "PNG", optimize=True)
        halves.append(half.getvalue())
    return halves


def _show_verdicts(section: Tag, heading: str) -> Iterator[Slide]:
    """Yield the ledger's rows, as many on a slide as can be read."""
    for table in section.select("table.claims") or section.find_all("table", limit=1):
        head, *rows = table.find_all("tr")
        slides, letters = [[]], 0
        for row in rows:
            length = _length(row.decode_contents()) + 60
            if slides[-1] and letters + length > _VERDICTS:
                slides.append([])
                letters = 0
            slides[-1].append(f"<tr>{row.decode_contents()}</tr>")
            letters += length
        for group in slides:
            body = f"<table><thead>{head}</thead><tbody>{''.join(group)}</tbody></table>"
            yield Slide(heading, body, "verdicts")


def _show_exercises(section: Tag) -> Iterator[Slide]:
    """Yield each question: what begins with a bold number, up to the first cell after it."""
    heading, body = "", []
    for element in section.find_all(True, recursive=False):
        number = re.match(r"(\d+)\.$", element.strong.get_text()) if _starts_bold(element) else None
        if number or (element.name == "div" and "cell" in element.get("class", [])):
            if body:
                yield _show_exercise(heading, "".join(body))
            heading, body = "", []
        if number:
            element.strong.decompose()
            heading = f"<h2>Exercise {number[1]}</h2>"
        if heading and not _is_equation(element):
            body.append(f"<{element.name}>{element.decode_contents().strip()}</{element.name}>")
    if body:
        yield _show_exercise(heading, "".join(body))


def _show_exercise(heading: str, body: str) -> Slide:
    return Slide(heading, body, "exercise long" if "<li>" in body else "exercise")


def _starts_bold(element: Tag) -> bool:
    return element.name == "p" and bool(element.contents) and element.contents[0].name == "strong"


def _show_summary(parts: list[Tag], heading: str) -> Iterator[Slide]:
    """Yield the summary and the limits; what comes next is for the speaker."""
    paragraphs = [part for part in parts if part.name == "p"]
    marked = [part for part in paragraphs if _starts_bold(part)]
    plain = [part for part in paragraphs if part not in marked]
    sentences = [each for part in plain for each in split_sentences(part)]
    yield Slide(heading, _bullets(_fit(sentences, _MOST)), notes=_prose(plain))
    limits = [part for part in marked if part.strong.get_text() == "Limitations."]
    rest = [part for part in marked if part not in limits]
    for part in limits:
        notes = _prose([part, *rest])
        part.strong.decompose()
        sentences = split_sentences(part)
        yield Slide("<h2>Limitations</h2>", _bullets(_fit(sentences, _MOST)), notes=notes)


def split_sentences(paragraph: Tag) -> list[str]:
    """Return the sentences of a paragraph as markup; no tag is left open."""
    formulas = [str(formula) for formula in paragraph.find_all("math")]
    markup = paragraph.decode_contents().strip()
    for place, formula in enumerate(formulas):
        markup = markup.replace(formula, f"\x00{place}\x00", 1)
    ends = r"((?<=[.?!])|(?<=[.?!]</em>)|(?<=[.?!]</strong>)|(?<=[.?!][)”]))\s+(?=[<A-Z“(\x00])"
    sentences = [""]
    for piece in re.split(ends, markup):
        piece = re.sub(r"\s+", " ", piece)
        if not piece:
            continue
        last = sentences[-1]
        plain = re.sub(r"<[^>]+>", "", last)
        unfinished = last.count("<") - 2 * last.count("</") - last.count("<br")
        if last and not unfinished and not plain.endswith(_ABBREVIATIONS):
            sentences.append(piece)
        else:
            sentences[-1] = f"{last} {piece}".strip()
    restored = lambda sentence: re.sub(  # noqa: E731
        "\x00(\\d+)\x00", lambda found: formulas[int(found[1])], sentence
    )
    return [restored(sentence) for sentence in sentences if sentence]


def _length(markup: str) -> int:
    return len(BeautifulSoup(markup, "html.parser").get_text())


def _fit(sentences: list[str], room: int) -> list[str]:
    """Return the first sentences that fit, at least one; none leads to what is not shown."""
    kept, letters = [], 0
    for sentence in sentences:
        letters += _length(sentence)
        if kept and letters > room:
            break
        kept.append(sentence)
    while len(kept) > 1 and kept[-1].endswith(":"):
        kept.pop()
    return kept


def _bullets(items: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def write_slides(html: Path = BUILD / "html", folder: Path = SLIDES) -> list[Path]:
    """Write the decks of all chapters and a page that lists them.

    Parameters
    ----------
    html : Path
        The built book.
    folder : Path
        Takes the place of what was there, when all is complete.

    Returns
    -------
    list of Path
        The decks.
    """
    questions = yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))
    chapters = str(NOTEBOOKS.relative_to(ROOT))
    lists, decks = [], []
    with replace_folder(folder) as fresh:
        for part, names in read_contents():
            entries = []
            for name in names:
                if not name.startswith(chapters):
                    continue
                page = html / f"{name}.html"
                question = questions[page.stem]
                deck = make_deck(page, question, part)
                (fresh / page.name).write_text(deck, encoding="utf-8")
                decks.append(folder / page.name)
                title = re.search("<h1>(.*?)</h1>", deck)[1]
                entries.append(
                    f'<li value="{int(page.stem[:2])}"><a href="{page.name}">{title}</a><br>'
                    f"{escape(question)}</li>"
                )
            if entries:
                lists.append(f"<h2>{escape(part)}</h2><ol>{''.join(entries)}</ol>")
        sheet = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
        index = _INDEX.substitute(style=sheet, decks="\n".join(lists))
        (fresh / "index.html").write_text(index, encoding="utf-8")
    return decks


def main() -> int:
    if status := build_book():
        return status
    write_slides()
    print(f"the slides: {SLIDES / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
