"""Sphinx extension: a chapter has its number in its title, and so in the sidebar and wherever a
link is named by the title. The number is that of its file, ``NN_topic``, and is typed nowhere else.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class _NumberTitle(SphinxTransform):
    default_priority = 500  # when links have their places, before titles are gathered

    def apply(self) -> None:
        number = re.search(r"/notebooks/(\d\d)_[^/]*$", self.env.docname)
        title = next(self.document.findall(nodes.title), None)
        if number and title:
            title[0] = nodes.Text(f"{int(number[1])} · {title[0].astext()}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Have chapters numbered as they are read."""
    app.add_transform(_NumberTitle)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
