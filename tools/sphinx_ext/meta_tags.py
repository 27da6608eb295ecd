"""Sphinx extension: what the head of a page tells search engines and those who share it.

Every page gets its description (``book/descriptions.yml``) and how to cite it (``CITATION.cff``).
What needs the public address of the book (canonical links, the picture, the sitemap) is written
only if there is one: ``html.baseurl`` in ``_config.yml``, or the environment variable ``BOOK_URL``.
"""

from __future__ import annotations

import os
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import yaml
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from helpers.errors import InputError
from tools.citation import meta_tags, read_citation, substitutions
from tools.execution import ROOT

DESCRIPTIONS = ROOT / "book" / "descriptions.yml"
PICTURE = "_static/card.png"
PICTURE_SIZE = (1200, 630)
PICTURE_WORDS = (
    "The title of the book beside a map of the Tibetan Plateau in relief with thirty sites."
)


def find_address(configured: str) -> str:
    """Return the public address of the book with a slash at its end, or nothing.

    Parameters
    ----------
    configured : str
        ``html.baseurl`` of ``_config.yml``; the environment variable ``BOOK_URL`` comes before it.

    Raises
    ------
    helpers.errors.InputError
        If it is no address of the web.
    """
    address = os.environ.get("BOOK_URL") or configured
    parts = urlsplit(address)
    if address and not (parts.scheme in ("http", "https") and parts.netloc):
        raise InputError(
            "BOOK_URL" if os.environ.get("BOOK_URL") else "_config.yml, html.baseurl",
            needed="the address of the book, such as https://example.org/book/",
            found=repr(address),
            mend="write the whole address, or none",
        )
    return f"{address.rstrip('/')}/" if address else ""


@cache
def _read_descriptions() -> dict[str, str]:
    return yaml.safe_load(DESCRIPTIONS.read_text(encoding="utf-8"))


def make_tags(page: str, title: str, address: str, *, is_document: bool) -> str:
    """Return the tags of a page.

    Parameters
    ----------
    page : str
        Its name, such as ``book/index``.
    title : str
        Its title; empty for the page that stands for the whole book.
    address : str
        Of the book, or empty.
    is_document : bool
        Whether somebody wrote it. The index and the search are not to be cited.
    """
    site = read_citation()[0]["title"]
    description = _read_descriptions().get(page)
    named = [("description", description)]
    shared = [
        ("og:title", title or site),
        ("og:description", description),
        ("og:type", "article" if title else "website"),
        ("og:site_name", site),
    ]
    if address:
        shared += [
            ("og:url", f"{address}{page}.html"),
            ("og:image", f"{address}{PICTURE}"),
            ("og:image:width", str(PICTURE_SIZE[0])),
            ("og:image:height", str(PICTURE_SIZE[1])),
            ("og:image:alt", PICTURE_WORDS),
        ]
        named.append(("twitter:card", "summary_large_image"))
    if is_document:
        named += meta_tags(title, address and f"{address}{page}.html")
    kinds = {"name": named, "property": shared}
    return "\n".join(
        f'<meta {kind}="{name}" content="{escape(content)}">'
        for kind, tags in kinds.items()
        for name, content in tags
        if content
    )


def _configure(app: Sphinx, config: Any) -> None:
    config.html_baseurl = find_address(config.html_baseurl)
    config.myst_substitutions = {**config.myst_substitutions, **substitutions()}


def _add_tags(app: Sphinx, page: str, _: str, context: dict[str, Any], doctree: Any) -> None:
    title = app.env.titles[page].astext() if page in app.env.titles else context.get("title", "")
    is_root = page == app.config.root_doc
    tags = make_tags(
        page, "" if is_root else title, app.config.html_baseurl, is_document=doctree is not None
    )
    context["metatags"] = f"{context.get('metatags', '')}\n{tags}"
    if page == "search":
        app.add_js_file("search.js")


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Write the sitemap, and tell what the book is on the page that leads to its first one."""
    if error or app.builder.name != "html":
        return
    sitemap, start = Path(app.outdir) / "sitemap.xml", Path(app.outdir) / "index.html"
    sitemap.unlink(missing_ok=True)
    if address := app.config.html_baseurl:
        sitemap.write_bytes(list_pages(app.env, address))
    tags = make_tags(app.config.root_doc, "", address, is_document=False)
    text = start.read_text(encoding="utf-8")
    start.write_text(text.replace("</head>", f"{tags}\n</head>"), encoding="utf-8")


def list_pages(env: BuildEnvironment, address: str) -> bytes:
    """Return a sitemap of all pages, also of those that this build did not have to write."""
    root = ElementTree.Element("urlset", xmlns="http://www.sitemaps.org/schemas/sitemap/0.9")
    for page in sorted(env.found_docs):
        entry = ElementTree.SubElement(root, "url")
        ElementTree.SubElement(entry, "loc").text = f"{address}{page}.html"
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the address, the tags and the sitemap with Sphinx."""
    app.connect("config-inited", _configure, priority=400)
    app.connect("html-page-context", _add_tags)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
