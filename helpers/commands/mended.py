"""A Sphinx extension: pages without thebe, lists and tables that a screen reader can follow.

Jupyter Book always loads sphinx-thebe, which names another host on every page, twice, and so ends
in an error there. Docutils gives each reference a role that is no longer allowed in a list, and
pandas writes empty header cells.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

_INSTEAD = {'role="doc-biblioentry"': 'role="listitem"', "<th></th>": "<td></td>"}


def _is_thebe(asset: Any) -> bool:
    return "thebe" in f"{asset.filename} {asset.attributes.get('body')}"


def _mend(app: Sphinx, page: str, template: str, context: dict[str, Any], *_: Any) -> None:
    for name in ("css_files", "script_files"):
        context[name] = [asset for asset in context[name] if not _is_thebe(asset)]
    for written, instead in _INSTEAD.items():
        if "body" in context:
            context["body"] = context["body"].replace(written, instead)


def setup(app: Sphinx) -> dict[str, bool]:
    """Have every page mended as it is written."""
    app.connect("html-page-context", _mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
