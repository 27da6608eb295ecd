"""How to cite the book and the paper: ``CITATION.cff`` as BibTeX, CSL-JSON and meta tags."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools.execution import ROOT


@cache
def read_citation(path: Path = ROOT / "CITATION.cff") -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the book and the paper, as ``CITATION.cff`` describes them."""
    book = yaml.safe_load(path.read_text(encoding="utf-8"))
    return book, book["references"][0]


def to_bibtex(work: Mapping[str, Any]) -> str:
    """Return a work of a citation file as a BibTeX entry: an article, or else ``@misc``."""
    fields = {
        "author": " and ".join(_bibtex_name(author) for author in work["authors"]),
        "title": f"{{{work['title']}}}",
        "journal": work.get("journal"),
        "volume": work.get("volume"),
        "pages": work.get("start"),
        "year": _date(work)[0],
        "version": work.get("version"),
        "doi": work.get("doi"),
        "url": work.get("url"),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    first = work["authors"][0].get("family-names") or work["title"]
    key = re.match(r"\w+", first)[0].lower() + str(_date(work)[0])
    kind = "article" if work["type"] == "article" else "misc"
    return ",\n".join([f"@{kind}{{{key}", *lines]) + "\n}"


def to_csl(work: Mapping[str, Any]) -> dict[str, Any]:
    """Return a work of a citation file as an item of CSL-JSON, which reference managers read."""
    fields = {
        "id": re.match(r"@\w+\{(\w+)", to_bibtex(work))[1],
        "type": "article-journal" if work["type"] == "article" else work["type"],
        "title": work["title"],
        "author": [_csl_name(author) for author in work["authors"]],
        "issued": {"date-parts": [_date(work)]},
        "container-title": work.get("journal"),
        "volume": work.get("volume"),
        "page": work.get("start"),
        "version": work.get("version"),
        "DOI": work.get("doi"),
        "URL": work.get("url"),
    }
    return {name: value for name, value in fields.items() if value}


def substitutions() -> dict[str, str]:
    """Return blocks of Markdown with both works in both formats, by name."""
    book, paper = read_citation()
    csl = json.dumps([to_csl(book), to_csl(paper)], indent=1, ensure_ascii=False)
    return {
        "book_title": book["title"],
        "book_version": book["version"],
        "book_year": str(_date(book)[0]),
        "bibtex": f"```bibtex\n{to_bibtex(book)}\n\n{to_bibtex(paper)}\n```",
        "csl": f"```json\n{csl}\n```",
    }


def meta_tags(title: str | None, address: str | None) -> Iterator[tuple[str, str]]:
    """Yield name and content of the Highwire tags of a page, which search engines of science read.

    Parameters
    ----------
    title : str, optional
        Of the page; without it the page stands for the whole book.
    address : str, optional
        Of the page, where it is public.
    """
    book, _ = read_citation()
    yield "citation_title", title or book["title"]
    if title:
        yield "citation_inbook_title", book["title"]
    for author in book["authors"]:
        yield "citation_author", _bibtex_name(author).strip("{}")
    yield "citation_publication_date", "/".join(f"{part:02d}" for part in _date(book))
    yield "citation_language", "en"
    if book.get("doi"):
        yield "citation_doi", book["doi"]
    if address:
        yield "citation_public_url", address


def _date(work: Mapping[str, Any]) -> list[int]:
    released = work.get("date-released")
    return [released.year, released.month, released.day] if released else [work["year"]]


def _bibtex_name(author: Mapping[str, str]) -> str:
    if "name" in author:
        return f"{{{author['name']}}}"
    return f"{author['family-names']}, {author['given-names']}"


def _csl_name(author: Mapping[str, str]) -> dict[str, str]:
    if "name" in author:
        return {"literal": author["name"]}
    return {"family": author["family-names"], "given": author["given-names"]}
