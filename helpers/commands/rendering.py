"""A renderer for MyST-NB: alternative text and legend of a figure travel with its output.

MyST-NB takes both from the cell's metadata only, which cannot follow a changed parameter.
:func:`helpers.figures.style.show` writes them into the output's metadata instead.
"""

from dataclasses import replace

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer


class FigureRenderer(NbElementRenderer):
    """Give an image the ``alt`` and the ``legend`` that its output carries."""

    def render_image(self, data: MimeData) -> list[nodes.Element]:
        elements = super().render_image(data)
        about = data.output_metadata.get(data.mime_type, {})
        if "alt" in about:
            elements[0]["alt"] = about["alt"]
        if "legend" in about:
            text = replace(data, mime_type="text/markdown", content=about["legend"])
            elements += self.render_markdown(text)
        return elements
