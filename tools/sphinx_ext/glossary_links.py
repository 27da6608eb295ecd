"""Sphinx extension: link the glossary's terms in prose where they first appear on a page.

An entry with an abbreviation and a long form (TOP, terrestrial oxygen production) also makes the
abbreviation say what it means wherever the pointer rests on it. Prose is what stands in paragraphs,
but for code, formulas, links, tables, captions, cited works, and what a cell put out. A term that
the glossary writes in italics is a common word with other senses (plants gain carbon, a loop has a
gain): it is linked only where a page sets it off, too, and by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.addnodes import glossary
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

_NO_PROSE = (nodes.reference, nodes.literal, nodes.math, nodes.raw, nodes.citation)
_NO_PROSE += (nodes.table, nodes.figure)
_NO_PROSE_CLASSES = {"cell_output", "sd-badge"}


class _Word(NamedTuple):
    term: str
    page: str
    entry: str
    meaning: str
    is_common: bool


def _gather(app: Sphinx, env: BuildEnvironment) -> Iterable[str]:
    """Collect the words; after a change of the glossary all pages are written again."""
    pages = {page for _, _, kind, page, *_ in env.domains["std"].get_objects() if kind == "term"}
    words = [word for page in sorted(pages) for word in _read(page, env.get_doctree(page))]
    if words == getattr(env, "glossary_words", []):
        return []
    env.glossary_words = words
    return env.all_docs


def _read(page: str, doctree: nodes.document) -> Iterator[_Word]:
    for part in doctree.findall(glossary):
        for item in part.findall(nodes.definition_list_item):
            terms = {term.astext(): term for term in item.findall(nodes.term)}
            entry = next(iter(terms.values()))["ids"][0]
            meaning = next((text for text in terms if not _is_short(text)), "")
            for text, term in terms.items():
                is_common = isinstance(term[0], nodes.emphasis)
                yield _Word(text, page, entry, meaning if _is_short(text) else "", is_common)


def _is_short(term: str) -> bool:
    return " " not in term and sum(map(str.isupper, term)) > 1


def _pattern(words: Iterable[_Word]) -> re.Pattern[str]:
    """Match any term, the longest first: also as a plural, capitalized, and over two lines."""
    parts = []
    for number, word in sorted(enumerate(words), key=lambda pair: -len(pair[1].term)):
        first, rest = word.term[0], re.escape(word.term[1:]).replace(r"\ ", r"\s+")
        parts.append(f"(?P<w{number}>[{first}{first.upper()}]{rest}s?)")
    return re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?![\w-])")


class _LinkWords(SphinxPostTransform):
    default_priority = 900  # when all other references have become links
    formats = ("html",)

    def run(self, **_: Any) -> None:
        self.words, self.linked = getattr(self.env, "glossary_words", []), set()
        if not self.words or self.env.docname in {word.page for word in self.words}:
            return
        self.pattern = _pattern(self.words)
        for element in list(filter(_is_prose, self.document.findall(nodes.TextElement))):
            kinds = groupby(element.children, lambda child: isinstance(child, nodes.Text))
            children = []
            for is_text, run in [(is_text, list(run)) for is_text, run in kinds]:
                children += self._link("".join(run), element) if is_text else run
            element[:] = children

    def _link(self, text: str, element: nodes.Element) -> Iterator[nodes.Node]:
        end = 0
        for match in self.pattern.finditer(text):
            word = self.words[int(match.lastgroup[1:])]
            if word.is_common and not _is_set_off(match[0], element):
                continue
            if marked := self._mark(word, match[0]):
                yield from (nodes.Text(text[end : match.start()]), marked)
                end = match.end()
        yield nodes.Text(text[end:])

    def _mark(self, word: _Word, shown: str) -> nodes.Node | None:
        inner: nodes.Node = nodes.Text(shown)
        if word.meaning:
            inner = nodes.abbreviation("", "", inner, explanation=word.meaning)
        if word.entry in self.linked:
            return inner if word.meaning else None
        self.linked.add(word.entry)
        uri = f"{self.app.builder.get_relative_uri(self.env.docname, word.page)}#{word.entry}"
        return nodes.reference("", "", inner, internal=True, refuri=uri, classes=["glossary-term"])


def _is_set_off(shown: str, element: nodes.Element) -> bool:
    return isinstance(element, (nodes.emphasis, nodes.strong)) and element.astext() == shown


def _is_prose(element: nodes.Element | None) -> bool:
    in_paragraph = False
    while element is not None:
        if isinstance(element, _NO_PROSE) or _NO_PROSE_CLASSES & set(element.get("classes", ())):
            return False
        in_paragraph |= isinstance(element, nodes.paragraph)
        element = element.parent
    return in_paragraph


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the gathering and the links with Sphinx."""
    app.connect("env-updated", _gather)
    app.add_post_transform(_LinkWords)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
