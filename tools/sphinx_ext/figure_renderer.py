"""A renderer for MyST-NB: alternative text and legend of a figure travel with its output.

MyST-NB takes both from the cell's metadata only, which cannot follow a changed parameter.
:func:`helpers.figures.show` writes them into the output's metadata instead.

What a cell puts out may hold names from a reader's files. In the Markdown of outputs and legends,
HTML is text, ``{{ }}`` is no template (Jinja would run it), and links are links to pages.
"""

import re
from dataclasses import replace

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer

_UNSAFE = ["html_inline", "html_block", "substitution_inline", "substitution_block"]
_PAGE = re.compile(r"(https?|mailto):|[^:]*([#/?]|$)", re.IGNORECASE)


class FigureRenderer(NbElementRenderer):
    """Give an image the ``alt`` and the ``legend`` that its output carries."""

    def render_markdown(self, data: MimeData) -> list[nodes.Element]:
        with self.renderer.md.reset_rules():
            self.renderer.md.disable(_UNSAFE, ignoreInvalid=True)
            shown = nodes.Element("", *super().render_markdown(data))
        for raw in list(shown.findall(nodes.raw)):  # of a directive
            raw.replace_self(nodes.literal_block(raw.astext(), raw.astext()))
        for link in list(shown.findall(nodes.reference)):
            if not _PAGE.match(link.get("refuri", "")):
                link.replace_self(nodes.inline("", "", *link.children))
        return shown.children

    def render_image(self, data: MimeData) -> list[nodes.Element]:
        elements = super().render_image(data)
        about = data.output_metadata.get(data.mime_type, {})
        if "alt" in about:
            elements[0]["alt"] = about["alt"]
        if "legend" in about:
            text = replace(data, mime_type="text/markdown", content=about["legend"])
            elements += self.render_markdown(text)
        return elements
