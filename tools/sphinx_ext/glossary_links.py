"""Sphinx extension: link the glossary's terms in prose where they first appear on a page.

An entry with an abbreviation and a long form (TOP, terrestrial oxygen production) also makes the
abbreviation say what it means wherever the pointer rests on it. A term that the glossary writes in
italics is a common word with other senses: it is linked only where a page sets it off, too.
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
_SHORT = re.compile(r"\S*[A-Z]\S*[A-Z]\S*")


class _Word(NamedTuple):
    term: str
    page: str
    entry: str
    meaning: str
    is_common: bool


def _gather(app: Sphinx, env: BuildEnvironment) -> Iterable[str]:
    """Collect the words, long before short; after a change of them all pages are written again."""
    pages = {page for _, _, kind, page, *_ in env.domains["std"].get_objects() if kind == "term"}
    words = []
    for page in sorted(pages):
        for entry in env.get_doctree(page).findall(nodes.definition_list_item):
            if not isinstance(entry.parent.parent, glossary):
                continue
            terms = {term.astext(): term for term in entry.findall(nodes.term)}
            name = next(iter(terms.values()))["ids"][0]
            meaning = next((text for text in terms if not _SHORT.fullmatch(text)), "")
            words += [
                _Word(text, page, name, meaning, isinstance(term[0], nodes.emphasis))
                for text, term in terms.items()
            ]
    words.sort(key=lambda word: -len(word.term))
    changed = words != getattr(env, "glossary_words", [])
    env.glossary_words = words
    return env.all_docs if changed else []


def _pattern(term: str) -> str:
    """Match a term also as a plural, capitalized, and over two lines."""
    rest = re.escape(term[1:]).replace(r"\ ", r"\s+")
    return f"([{term[0]}{term[0].upper()}]{rest}s?)"


class _LinkWords(SphinxPostTransform):
    default_priority = 900  # when all other references have become links
    formats = ("html",)

    def run(self, **_: Any) -> None:
        self.words, self.linked = getattr(self.env, "glossary_words", []), set()
        if not self.words or self.env.docname in {word.page for word in self.words}:
            return
        any_word = "|".join(_pattern(word.term) for word in self.words)
        self.pattern = re.compile(rf"(?<![\w-])(?:{any_word})(?![\w-])")
        for element in list(filter(_is_prose, self.document.findall(nodes.TextElement))):
            children = []
            for is_text, run in groupby(
                element.children, lambda child: isinstance(child, nodes.Text)
            ):
                together = list(run)
                children += self._link("".join(together), element) if is_text else together
            element[:] = children

    def _link(self, text: str, element: nodes.Element) -> Iterator[nodes.Node]:
        end, sets_off = 0, isinstance(element, (nodes.emphasis, nodes.strong))
        for match in self.pattern.finditer(text):
            word, shown = self.words[match.lastindex - 1], nodes.Text(match[0])
            if word.is_common and not (sets_off and element.astext() == match[0]):
                continue
            if word.meaning and _SHORT.fullmatch(word.term):
                shown = nodes.abbreviation("", "", shown, explanation=word.meaning)
            if word.entry not in self.linked:
                self.linked.add(word.entry)
                page = self.app.builder.get_relative_uri(self.env.docname, word.page)
                link = {"internal": True, "refuri": f"{page}#{word.entry}"}
                shown = nodes.reference("", "", shown, classes=["glossary-term"], **link)
            yield from (nodes.Text(text[end : match.start()]), shown)
            end = match.end()
        yield nodes.Text(text[end:])


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
