"""Render a run as one HTML file that needs nothing else, no network and no script.

Sphinx reads the notebook with the extensions of the book. Formulas become MathML, which browsers
draw themselves. Links to other chapters lead to the built book, where it is.
"""

from __future__ import annotations

import base64
import mimetypes
import os
import re
import shutil
import sys
import tempfile
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any

import nbformat
import yaml
from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from nbconvert.filters import strip_ansi
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.util.docutils import docutils_namespace, patch_docutils

from tools.execution import NOTEBOOKS, ROOT

_STYLES = (ROOT / "book" / "_static" / "book.css", Path(__file__).with_suffix(".css"))
_TAKEN = (  # from the configuration of the book
    *("language", "bibtex_reference_style", "numfig_format"),
    *("nb_render_plugin", "nb_render_markdown_format"),
)
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>{body}</body>
</html>
"""


def render_page(
    notebook: Path, folder: Path, html: Path = ROOT / "_build" / "html", *, title: str = "Rerun"
) -> str:
    """Return an executed notebook as an HTML page, with its styles and figures inside.

    The page will lie in `folder`, from where links lead to the built book `html`; `title` stands
    before that of the notebook.
    """
    book = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    settings = {
        "extensions": ["myst_nb", "sphinx_design", "sphinxcontrib.bibtex", __name__],
        "root_doc": "page",
        "myst_enable_extensions": book["parse"]["myst_enable_extensions"],
        "bibtex_bibfiles": ["references.bib"],
        "nb_execution_mode": "off",
        "numfig": True,
        "html_math_renderer": "mathml",
        "html_permalinks": False,
        "html_theme": "basic",
        "pygments_style": "a11y-high-contrast-light",
        "html_title": title,
        "built_book": os.path.relpath(html, folder) if html.exists() else "",
        **{name: book["sphinx"]["config"][name] for name in _TAKEN},
    }
    content = nbformat.read(notebook, 4)
    references = "## References\n\n```{bibliography}\n```"
    content.cells.append(nbformat.v4.new_markdown_cell(references))
    warnings = StringIO()
    with tempfile.TemporaryDirectory() as source, patch_docutils(), docutils_namespace():
        nbformat.write(content, Path(source, "page.ipynb"))
        shutil.copy(ROOT / book["bibtex_bibfiles"][0], Path(source, "references.bib"))
        places = (source, None, f"{source}/_html", f"{source}/_doctrees")
        app = Sphinx(*places, "html", settings, status=None, warning=warnings)
        app.build()
        print(strip_ansi(warnings.getvalue()), end="", file=sys.stderr)
        return Path(source, "_html", "page.html").read_text(encoding="utf-8")


class _PageBuilder(StandaloneHTMLBuilder):
    """Write one page with everything in it."""

    def post_process_images(self, doctree: nodes.document) -> None:
        for image in doctree.findall(nodes.image):
            kind, _ = mimetypes.guess_type(image["uri"])
            data = base64.b64encode((Path(self.srcdir) / image["uri"]).read_bytes()).decode()
            image["uri"] = f"data:{kind};base64,{data}"

    def handle_page(self, pagename: str, addctx: dict[str, Any], *_: Any, **__: Any) -> None:
        style = "\n".join(path.read_text(encoding="utf-8") for path in _STYLES)
        page = PAGE.format(
            title=escape(f"{self.config.html_title}: {addctx['title']}"),
            style=f"{style}\n{self.highlighter.get_stylesheet()}",
            body=f'<nav aria-label="On this page">{addctx["toc"]}</nav>'
            f'<main><article class="bd-article">{addctx["body"]}</article></main>',
        )
        Path(self.outdir, "page.html").write_text(page, encoding="utf-8")

    def finish(self) -> None:
        """Leave out the index, the search and the files of a theme."""


def _link_to_book(app: Sphinx, doctree: nodes.document) -> None:
    for node in list(doctree.findall(pending_xref)):
        name, hash_, anchor = node["reftarget"].partition("#")
        if node["reftype"] == "myst" and name.endswith(".md"):
            page = Path(os.path.relpath(NOTEBOOKS / name, ROOT)).with_suffix(".html").as_posix()
            link = nodes.inline("", "", *node[0].children)
            if app.config.built_book:
                uri = f"{app.config.built_book}/{page}{hash_}{anchor}"
                link = nodes.reference("", "", *node[0].children, refuri=uri)
            node.replace_self(link)


def _name_figure(app: Sphinx, env: Any, node: pending_xref, content: Any) -> nodes.Node | None:
    return nodes.Text("a figure of another chapter") if node["reftype"] == "numref" else None


def to_mathml(tex: str, as_block: bool) -> str:
    """Return a formula without delimiters as MathML, or as code if docutils does not know it."""
    try:
        return tex2mathml(re.sub(r"\\dots\b", r"\\ldots", tex), as_block)
    except MathError:
        return f"<code>{escape(tex)}</code>"


def _visit_math(translator: Any, node: nodes.math | nodes.math_block) -> None:
    as_block = isinstance(node, nodes.math_block)
    formula = to_mathml(node.astext(), as_block)
    translator.body.append(f'<div class="math">{formula}</div>' if as_block else formula)
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the builder, the formulas and the links with Sphinx."""
    app.add_config_value("built_book", "", "html")
    app.add_builder(_PageBuilder, override=True)
    app.add_html_math_renderer("mathml", (_visit_math, None), (_visit_math, None))
    app.connect("doctree-read", _link_to_book)
    app.connect("missing-reference", _name_figure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
