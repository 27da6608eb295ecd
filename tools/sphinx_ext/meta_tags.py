"""Sphinx extension: what a page tells search engines, reference managers, and those who share it.

Every page gets its description (``book/descriptions.yml``) and the tags by which reference managers
cite it (``CITATION.cff``). What needs the public address of the book (canonical links, Open Graph,
the sitemap) comes from Sphinx, sphinxext-opengraph and sphinx-sitemap, where there is an address.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import yaml
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ConfigError

SOURCE = "Python code behind the numbers of the executable book on the Tibetan Plateau."


def _set_address(app: Sphinx, config: Config) -> None:
    """Take the address from ``BOOK_URL`` or from ``html.baseurl`` in ``_config.yml``."""
    address = os.environ.get("BOOK_URL") or config.html_baseurl
    if address and not re.match(r"https?://[^/\s]+", address):
        raise ConfigError(
            "BOOK_URL, or html.baseurl in _config.yml, must be the whole address of the book, "
            f"such as https://example.org/book/, not {address!r}"
        )
    config.html_baseurl = config.ogp_site_url = f"{address.rstrip('/')}/" if address else ""


def _renew(app: Sphinx, env: BuildEnvironment, *_: Any) -> Iterable[str]:
    """Have all pages written where there is a sitemap: it lists those that are written."""
    return env.found_docs if app.config.html_baseurl else []


def _cite(book: dict[str, Any], title: str, is_root: bool) -> Iterator[tuple[str, str]]:
    yield "citation_title", book["title"] if is_root else title
    if not is_root:
        yield "citation_inbook_title", book["title"]
    for author in book["authors"]:
        name = author.get("name") or f"{author['family-names']}, {author['given-names']}"
        yield "citation_author", name
    yield "citation_publication_date", f"{book['date-released']:%Y/%m/%d}"
    yield "citation_language", "en"
    if "doi" in book:
        yield "citation_doi", book["doi"]


def _add_tags(app: Sphinx, page: str, _: str, context: dict[str, Any], doctree: Any) -> None:
    source, address = Path(app.srcdir), app.config.html_baseurl
    tags = []
    described = yaml.safe_load((source / "book" / "descriptions.yml").read_text(encoding="utf-8"))
    if page.startswith("_modules/"):
        described.setdefault(page, f"The source of {page.removeprefix('_modules/')}: {SOURCE}")
    if page in described:
        tags.append(("description", described[page]))
    if doctree is not None:  # the index and the search are not to be cited
        book = yaml.safe_load((source / "CITATION.cff").read_text(encoding="utf-8"))
        tags += _cite(book, app.env.titles[page].astext(), page == app.config.root_doc)
        if address:
            tags.append(("citation_public_url", f"{address}{page}.html"))
        for_sharing = {"og:description": described.get(page)} if address else {"ogp_disable": True}
        context["meta"] = {**(context["meta"] or {}), **for_sharing}
    lines = [f'<meta name="{name}" content="{escape(content)}">' for name, content in tags]
    context["metatags"] = "\n".join([context.get("metatags", ""), *lines, ""])


def _tell_start(app: Sphinx, error: Exception | None) -> None:
    """Give the page that leads to the first one the tags of that: its address is what is shared."""
    if error or app.builder.name != "html" or not app.config.html_baseurl:
        return
    start, first = (Path(app.outdir, f"{page}.html") for page in ("index", app.config.root_doc))
    tags = re.findall(r'<meta (?:property="og:|name="twitter:).*?>', first.read_text("utf-8"))
    text = start.read_text(encoding="utf-8").replace("</head>", "\n".join([*tags, "</head>"]))
    start.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the address and the tags with Sphinx, before the extensions that read them."""
    app.connect("config-inited", _set_address)
    app.connect("env-get-outdated", _renew)
    app.connect("html-page-context", _add_tags, priority=400)
    app.connect("build-finished", _tell_start)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
