"""A Sphinx extension: lists and tables that a screen reader can follow, no dead button, own source.

Docutils gives each reference a role that is no longer allowed in a list, pandas writes empty
header cells, and MyST-NB gives all that is folded the same name. The theme offers Binder and Colab
for every page that runs code; Colab opens notebooks alone, so they are offered on the pages of
notebooks. Viewcode would take functools for the source of what is cached by it, and names a module
where a reader wants the file.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from sphinx.application import Sphinx

_INSTEAD = {
    'role="doc-biblioentry"': 'role="listitem"',
    "<th></th>": "<td></td>",
    '<summary aria-label="Toggle hidden content">': "<summary>",  # it says itself what it opens
}


def _mend(app: Sphinx, page: str, template: str, context: dict[str, Any], *_: Any) -> None:
    for written, instead in _INSTEAD.items():
        if "body" in context:
            context["body"] = context["body"].replace(written, instead)
    if page.startswith("_modules/helpers"):
        file = f"<h1>{page.removeprefix('_modules/')}.py, in the folder of the book</h1>"
        context["body"] = re.sub("<h1>Source code for .*?</h1>", file, context["body"])
    if context.get("page_source_suffix") != ".ipynb":
        buttons = context["header_buttons"]
        buttons[:] = [button for button in buttons if button.get("label") != "launch-buttons"]


def _find_module(app: Sphinx, module: str | None, name: str) -> str | None:
    """Return where a name of helpers is defined: of a method, where its class is."""
    if not module:
        return None
    owner = getattr(import_module(module), name.partition(".")[0], None)
    return getattr(owner, "__module__", None)


def setup(app: Sphinx) -> dict[str, bool]:
    """Have every page mended as it is written, after the theme has made its buttons."""
    app.connect("html-page-context", _mend, priority=502)
    app.connect("viewcode-follow-imported", _find_module)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
