"""A Sphinx extension: pages without thebe, lists and tables that a screen reader can follow.

Jupyter Book always loads sphinx-thebe, which names another host on every page, twice, and so ends
in an error there. Docutils gives each reference a role that is no longer allowed in a list, and
pandas writes empty header cells. MyST-NB copies its style sheet when all pages are written, so that
links to it have a checksum only in later builds; here it comes first, and all builds are alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from myst_nb.sphinx_ext import add_global_html_resources
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


def _copy_style(app: Sphinx) -> None:
    Path(app.outdir, "_static").mkdir(parents=True, exist_ok=True)
    add_global_html_resources(app, None)


def setup(app: Sphinx) -> dict[str, bool]:
    """Have every page mended as it is written."""
    app.connect("builder-inited", _copy_style)
    app.connect("html-page-context", _mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
