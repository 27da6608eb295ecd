"""Sphinx extension: link the glossary's terms in prose where they first appear on a page.

An entry whose terms include an abbreviation and a long form (TOP, terrestrial oxygen production)
also makes the abbreviation say what it means wherever the pointer rests on it. The glossary is the
only list. Prose is what stands in paragraphs: not titles, tables, captions, code, formulas, links,
cited works, or what a cell put out. A term that the glossary writes in italics is a common word:
it is linked only where a page sets it in italics or bold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.addnodes import glossary
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

_NO_PROSE = (
    *(nodes.reference, nodes.literal, nodes.math, nodes.raw),
    *(nodes.table, nodes.figure, nodes.citation),
)
_SET_OFF = (nodes.emphasis, nodes.strong)
_NO_PROSE_CLASSES = {"cell_output", "sd-badge"}


class Word(NamedTuple):
    """A term of the glossary: where its entry stands, and its long form if it is short for one."""

    term: str
    page: str
    entry: str
    meaning: str
    is_common: bool


def _gather(app: Sphinx, env: BuildEnvironment) -> Iterable[str]:
    """Collect the words; after a change of the glossary all pages are written again."""
    pages = {
        page for _, _, kind, page, _, _ in env.get_domain("std").get_objects() if kind == "term"
    }
    words = [word for page in sorted(pages) for word in _read(page, env.get_doctree(page))]
    if words == getattr(env, "glossary_words", []):
        return []
    env.glossary_words = words
    return env.all_docs


def _read(page: str, doctree: nodes.document) -> Iterator[Word]:
    for part in doctree.findall(glossary):
        for item in part.findall(nodes.definition_list_item):
            terms = list(item.findall(nodes.term))
            meaning = next((term.astext() for term in terms if not _is_short(term.astext())), "")
            for term in terms:
                text, is_common = term.astext(), isinstance(term[0], nodes.emphasis)
                short_for = meaning if _is_short(text) else ""
                yield Word(text, page, terms[0]["ids"][0], short_for, is_common)


def _is_short(term: str) -> bool:
    return " " not in term and sum(map(str.isupper, term)) > 1


def _pattern(words: Iterable[Word]) -> re.Pattern[str]:
    """Match any term, the longest first, as a plural too, and capitalized at most at its start."""
    parts = [
        f"(?P<w{number}>[{term[0]}{term[0].upper()}]{re.escape(term[1:])}s?)".replace(r"\ ", r"\s+")
        for number, term in sorted(
            enumerate(word.term for word in words), key=lambda pair: -len(pair[1])
        )
    ]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?![\w-])")


class _LinkWords(SphinxPostTransform):
    default_priority = 900  # when all other references have become links
    formats = ("html",)

    def run(self, **_: Any) -> None:
        words = getattr(self.env, "glossary_words", [])
        if not words or self.env.docname in {word.page for word in words}:
            return
        pattern, linked = _pattern(words), set()
        for text in [each for each in self.document.findall(nodes.Text) if _is_prose(each)]:
            parts, end = [], 0
            for match in pattern.finditer(text):
                word = words[int(match.lastgroup[1:])]
                if word.is_common and not isinstance(text.parent, _SET_OFF):
                    continue
                if marked := self._mark(word, match[0], linked):
                    parts += [nodes.Text(text[end : match.start()]), marked]
                    end = match.end()
            if parts:
                text.parent.replace(text, [*parts, nodes.Text(text[end:])])

    def _mark(self, word: Word, shown: str, linked: set[str]) -> nodes.Element | None:
        inner: nodes.Node = nodes.Text(shown)
        if word.meaning:
            inner = nodes.abbreviation("", "", inner, explanation=word.meaning)
        if word.entry in linked:
            return inner if word.meaning else None
        linked.add(word.entry)
        uri = f"{self.app.builder.get_relative_uri(self.env.docname, word.page)}#{word.entry}"
        return nodes.reference("", "", inner, internal=True, refuri=uri, classes=["glossary-term"])


def _is_prose(text: nodes.Text) -> bool:
    above, in_paragraph = text.parent, False
    while above is not None:
        if isinstance(above, _NO_PROSE) or _NO_PROSE_CLASSES & set(above.get("classes", ())):
            return False
        in_paragraph |= isinstance(above, nodes.paragraph)
        above = above.parent
    return in_paragraph


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the gathering and the links with Sphinx."""
    app.connect("env-updated", _gather)
    app.add_post_transform(_LinkWords)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
