"""``make slides``: a deck of slides for every chapter, made from the pages of the built book.

One rule makes all: title and question (``book/slides.yml``); for each section its equations and
figures, each with one reading, or its first sentences; verdicts; the questions of exercises, never
a solution; summary and limits. What does not fit goes to the speaker's notes. A deck is one file.
"""

from __future__ import annotations

import base64
import copy
import importlib.util
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

import yaml
from bs4 import BeautifulSoup, Tag

from tools.book import BUILD, build_book
from tools.execution import ROOT
from tools.page import PAGE, to_mathml

SLIDES = BUILD / "slides"
QUESTIONS = ROOT / "book" / "slides.yml"
_REVEAL = Path(importlib.util.find_spec("sphinx_revealjs").origin).parent / "_static" / "revealjs"
_FONTS = _REVEAL / "dist" / "theme" / "fonts" / "source-sans-pro"
_STYLES = ("dist/reset.css", "dist/reveal.css", "dist/theme/white.css")
_SCRIPTS = ("dist/reveal.js", "plugin/notes/notes.js", "plugin/zoom/zoom.js")
_MOST = 340  # letters on a slide of sentences
_READING = 220  # beside a figure or an equation
_VERDICTS = 640  # letters on a slide of the ledger
_LONG = 40  # signs of a formula's line, from which it is set smaller
_NO_END = "".join(rf"(?<!{re.escape(word)})" for word in ("Fig.", "Figs.", "Eq.", "al.", "al.\0"))
_END = re.compile(rf"(?:(?<=[.?!])|(?<=[.?!][\0)”])){_NO_END}\s+(?=[A-Z“(\0])")
_START = """Reveal.initialize({
  width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: "c/t",
  transition: "none", pdfSeparateFragments: false, plugins: [RevealNotes, RevealZoom],
});"""
_INDEX = """<main class="index"><h1>Slides</h1>
<p>One deck for each chapter of <em>Breaking the ecosystem balance</em>. Each is a single file that
needs no network. Keys: arrows go on and back, <kbd>F</kbd> fills the screen, <kbd>Esc</kbd> shows
all slides, <kbd>S</kbd> opens the speaker's notes, which hold the prose that the slides leave out;
<kbd>Alt</kbd> (on Linux <kbd>Ctrl</kbd>) and a click enlarge what is clicked on.
Add <code>?print-pdf</code> to the address to print a deck.</p>"""


def _make_deck(page: Path, question: str, part: str) -> str:
    """Return the deck of a chapter: HTML with style, scripts and pictures inside."""
    article = _read_article(page)
    slides = "\n".join(_list_slides(article, int(page.stem[:2]), question, part))
    scripts = [_read(_REVEAL / name).replace("</script", r"<\/script") for name in _SCRIPTS]
    body = f'<div class="reveal"><main class="slides">{slides}</main></div>'
    body += "".join(f"<script>{script}</script>" for script in (*scripts, _START))
    theme = re.sub(r"@import .*?;", "", "\n".join(_read(_REVEAL / name) for name in _STYLES))
    title = article.h1.get_text(strip=True)
    return PAGE.format(title=f"{escape(title)}: slides", style=theme + _style(), body=body)


def _style() -> str:
    faces = [
        f'@font-face {{font-family: "Source Sans Pro"; font-weight: {weight}; '
        f'src: url("{_inline(_FONTS / f"source-sans-pro-{name}.woff", "font/woff")}");}}'
        for name, weight in (("regular", 400), ("semibold", 600))
    ]
    return "\n".join([*faces, _read(Path(__file__).with_suffix(".css"))])


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _inline(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _read_article(page: Path) -> Tag:
    """Return the text of a chapter without code, solutions and links inside the book."""
    article = _parse(_read(page)).select_one("article.bd-article")
    for element in article.select("script, style, a.headerlink, .cell_input, details, button"):
        element.decompose()
    for link in article.select("a:not(.external)"):
        link.unwrap()
    for formula in article.select("span.math"):
        formula.replace_with(_parse(to_mathml(formula.get_text()[2:-2], as_block=False)))
    for picture in article.find_all("img"):
        picture["src"] = _inline(page.parent / picture["src"], "image/png")
    for output in article.select(":is(.cell, .cell_output):not(#exercises *)"):
        output.unwrap()
    article.smooth()
    return article


def _parse(markup: str) -> BeautifulSoup:
    return BeautifulSoup(markup, "html.parser")


def _slide(heading: str, body: str, kind: str, notes: Iterable[Tag] = ()) -> str:
    """Return a slide as reveal.js reads it; what is prose among `notes` is for the speaker."""
    told = "".join(str(note) for note in notes if note.name in ("p", "ul", "ol"))
    return f'<section class="{kind}">{heading}{body}<aside class="notes">{told}</aside></section>'


def _list_slides(article: Tag, number: int, question: str, part: str) -> Iterator[str]:
    yield _slide(
        f"<h1>{article.h1.decode_contents().strip()}</h1>",
        f'<p class="question">{escape(question)}</p>'
        f'<p class="badges">{article.select_one("h1 + p").decode_contents()}</p>'
        f'<p class="where">{escape(part)} · chapter {number} of <em>Breaking the ecosystem '
        "balance</em>, a reproduction of Han et al. (2022)</p>",
        "title",
    )
    first = article.section.find_all(True, recursive=False)
    if lead := [each for each in first if each.name != "section"][2:]:  # after title and labels
        yield from _show_section(lead, "<h2>In short</h2>")
    for section in article.section.find_all("section", recursive=False):
        title, *parts = section.find_all(True, recursive=False)
        heading = f"<h2>{title.decode_contents().strip()}</h2>"
        match section["id"]:
            case "the-way-there":  # without what one needs, and how long it takes
                steps = [part for part in parts if part.name == "p"][:1]
                yield _slide(heading, _bullets(_fit(_sentences(steps))), "text", parts)
            case "the-paper-and-this-book":
                yield from _show_verdicts(section, heading)
            case "exercises":
                yield from _show_exercises(parts)
            case "summary":
                yield from _show_summary(parts, heading)
            case _:
                yield from _show_section(parts, heading)


def _show_section(parts: list[Tag], heading: str) -> Iterator[str]:
    """Yield a slide for each equation and figure, or one with the first sentences."""
    shown = [place for place, part in enumerate(parts) if part.name == "figure" or _is_math(part)]
    if not shown:
        yield _slide(heading, _bullets(_fit(_sentences(parts))), "text", parts)
    for before, place, after in zip([-1, *shown], shown, [*shown[1:], len(parts)], strict=False):
        ahead, behind = parts[before + 1 : place], parts[place + 1 : after]
        notes = (ahead if before < 0 else []) + behind
        if _is_math(parts[place]):
            yield _show_equation(parts[place], ahead, heading, notes)
        else:
            yield _show_figure(parts[place], ahead, behind, heading, notes)


def _is_math(element: Tag) -> bool:
    return element.name == "div" and "math" in element.get("class", [])


def _show_equation(equation: Tag, ahead: list[Tag], heading: str, notes: list[Tag]) -> str:
    tex = re.sub(r"\\(\[|\]|(begin|end)\{split\})", "", equation.get_text())  # Sphinx's frame
    lead = " ".join(_sentences(ahead)[-1:])
    formula = to_mathml(tex, as_block=True)
    longest = max(_length(re.sub(r"\s", "", line)) for line in formula.split("</mtr>"))
    size = "small" if longest > _LONG else "large"
    body = f'<p>{lead}</p><div class="formula {size}">{formula}</div>'
    return _slide(heading, body, "text", notes)


def _show_figure(
    figure: Tag, ahead: list[Tag], behind: list[Tag], heading: str, notes: list[Tag]
) -> str:
    """Return a figure beside what is said of it: behind it, or ahead, or in its own words."""
    picture = figure.img
    texts = [_sentences([part for part in behind if part.name == "p"][:1])]
    texts += [_sentences([part for part in ahead if part.name == "p"][-1:])]
    texts += [split_sentences(_parse(escape(picture["alt"])))]
    short = [
        text
        for text in texts
        if text and not text[0].endswith(":") and _length(text[0]) <= _READING
    ]
    sentences = (short or [[f"{texts[-1][0][:_READING]} …"]])[0]
    number = figure.figcaption.select_one(".caption-number").get_text(strip=True)
    caption = figure.figcaption.select_one(".caption-text").decode_contents()
    legend = " ".join(each.decode_contents() for each in figure.find_all("p", recursive=False))
    image = f'<img id="{figure["id"]}" src="{picture["src"]}" alt="{escape(picture["alt"])}">'
    words = f'<p class="reading">{" ".join(_fit(sentences, _READING))}</p>'
    words += f'<p class="caption"><strong>{number}.</strong> {caption}</p>'
    words += f'<p class="label">{legend}</p>'
    return _slide("", f"{image}<div>{heading}{words}</div>", "figure", notes)


def _show_verdicts(section: Tag, heading: str) -> Iterator[str]:
    """Yield the ledger's rows, as many on a slide as can be read."""
    for table in section.select("table.claims") or section.find_all("table", limit=1):
        head, *rows = table.find_all("tr")
        for group in _pack([row.decode_contents() for row in rows], _VERDICTS):
            body = "".join(f"<tr>{row}</tr>" for row in group)
            body = f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
            yield _slide(heading, body, "verdicts")


def _show_exercises(parts: list[Tag]) -> Iterator[str]:
    """Yield each question: what begins with a bold number, without cells."""
    questions = {}
    for part in parts:
        if _starts_bold(part) and (number := re.match(r"(\d+)\.", part.get_text())):
            part.strong.decompose()
            questions[number[1]] = ""
        if questions and part.name != "div":
            questions[[*questions][-1]] += str(part)
    for number, body in questions.items():
        yield _slide(f"<h2>Exercise {number}</h2>", body, "exercise")


def _starts_bold(element: Tag) -> bool:
    return element.name == "p" and bool(element.contents) and element.contents[0].name == "strong"


def _show_summary(parts: list[Tag], heading: str) -> Iterator[str]:
    """Yield the summary and the limits; what comes next is for the speaker."""
    marked = [part for part in parts if _starts_bold(part)]
    plain = [part for part in parts if part not in marked]
    yield _slide(heading, _bullets(_fit(_sentences(plain))), "text", plain)
    limits = [part for part in marked if part.strong.get_text() == "Limitations."]
    if limits:
        body = _bullets(_fit(_sentences(limits)[1:]))
        yield _slide("<h2>Limitations</h2>", body, "text", marked)


def _sentences(parts: Iterable[Tag]) -> list[str]:
    return [each for part in parts if part.name == "p" for each in split_sentences(part)]


def split_sentences(paragraph: Tag) -> list[str]:
    """Return the sentences of a paragraph as markup; none ends inside a tag."""
    paragraph = copy.copy(paragraph)
    tags = paragraph.find_all(True, recursive=False)
    for place, tag in enumerate(tags):
        tag.replace_with(f"\0{place} {tag.get_text()[-3:]}\0")
    text = re.sub(r"\s+", " ", paragraph.decode_contents().strip())
    sentences = _END.split(text) if text else []
    return [re.sub(r"\0(\d+) .*?\0", lambda at: str(tags[int(at[1])]), each) for each in sentences]


def _length(markup: str) -> int:
    return len(_parse(markup).get_text())


def _pack(items: Iterable[str], room: int) -> list[list[str]]:
    """Return items in groups of at most so many letters, or of one."""
    groups = [[]]
    for item in items:
        if groups[-1] and sum(map(_length, [*groups[-1], item])) > room:
            groups.append([])
        groups[-1].append(item)
    return groups


def _fit(sentences: list[str], room: int = _MOST) -> list[str]:
    """Return the first sentences that fit, at least one; none leads to what is not shown."""
    kept = _pack(sentences, room)[0]
    return [sentence for sentence in kept if not sentence.endswith(":")] or kept


def _bullets(items: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def write_slides(html: Path = BUILD / "html", folder: Path = SLIDES) -> list[Path]:
    """Write decks of all chapters of the book in `html`, and their index; return the decks."""
    questions = yaml.safe_load(_read(QUESTIONS))
    decks, index = {}, _INDEX
    for part in yaml.safe_load(_read(ROOT / "_toc.yml"))["parts"]:
        pages = [html / f"{chapter['file']}.html" for chapter in part["chapters"]]
        for page in [page for page in pages if page.stem in questions]:
            question = questions[page.stem]
            deck = _make_deck(page, question, part["caption"])
            decks[folder / page.name] = deck
            title = re.search("<h1>(.*?)</h1>", deck)[1]
            index += f'<p><a href="{page.name}">{title}</a><br>'
            index += f"{escape(question)}</p>"
    index = PAGE.format(title="Slides", style=_style(), body=f"{index}</main>")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path, text in {**decks, folder / "index.html": index}.items():
        path.write_text(text, encoding="utf-8")
    return list(decks)


def main() -> int:
    if status := build_book():
        return status
    write_slides()
    print(f"the slides: {SLIDES / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
