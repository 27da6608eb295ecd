"""Sphinx extension: a chapter begins with its question. The folded cells above it, the parameters
and the imports that all computing needs first, stand on the page where its opening ends, and their
bars say what they hold.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform


class _MoveSetUp(SphinxPostTransform):
    default_priority = 198  # before MyST-NB folds the cells; after links of code are collected
    formats = ("html",)

    def run(self, **_: Any) -> None:
        chapter = next(iter(self.document.findall(nodes.section)), None)
        if chapter is None or "/notebooks/" not in self.env.docname:
            return
        opening = list(chapter.children)
        end = next((part for part in opening if isinstance(part, nodes.section)), None)
        if end is None:
            return
        for cell in opening[: opening.index(end)]:
            if cell.get("hide_mode") == "all":
                holds = "Parameters" if "tag_parameters" in cell["classes"] else "Set-up"
                cell["prompt_show"] = cell["prompt_hide"] = f"{holds} of this chapter"
                chapter.remove(cell)
                chapter.insert(chapter.index(end), cell)


def setup(app: Sphinx) -> dict[str, bool]:
    """Have the cells moved as a page is written; what is computed, and when, stays."""
    app.add_post_transform(_MoveSetUp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
