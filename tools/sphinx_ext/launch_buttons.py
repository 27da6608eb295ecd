"""A Sphinx extension: each chapter's page offers to open its notebook.

Binder and Colab fetch it from the public repository, so they are offered only where the build knows
its address (:func:`tools.address.find_repository`). JupyterLab on the reader's own
machine needs none: ``make lab`` serves the book's folder on port 8888.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from tools.address import find_repository
from tools.execution import NOTEBOOKS, ROOT

_CHAPTERS = NOTEBOOKS.relative_to(ROOT).as_posix()
_LAB = "http://localhost:8888/lab/tree/"
_GROUP = "launch-buttons"  # the theme's label
_OFFERED = {
    "notebook_interface": "jupyterlab",
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
}


def _name_repository(app: Sphinx, config: Config) -> None:
    if repository := find_repository():
        config.html_theme_options |= {
            "repository_url": repository,
            "repository_branch": "main",
            "launch_buttons": _OFFERED,
        }


def _offer_jupyterlab(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    buttons = context["header_buttons"]
    groups = [button for button in buttons if button.get("label") == _GROUP]
    if not pagename.startswith(f"{_CHAPTERS}/"):
        for group in groups:  # Colab cannot open a Markdown page that runs code
            buttons.remove(group)
        return
    if not groups:
        group = {
            "type": "group",
            "tooltip": "Open the notebook of this page",
            "icon": "fas fa-rocket",
            "buttons": [],
            "label": _GROUP,
        }
        groups = [group]
        buttons.insert(0, group)
    groups[0]["buttons"].append(
        {
            "type": "link",
            "text": "Local JupyterLab",
            "tooltip": "Open on this computer, where make lab runs",
            "icon": "fas fa-laptop",
            "url": f"{_LAB}{pagename}.ipynb",
        }
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx, behind the theme, which makes the buttons for Binder and Colab."""
    app.connect("config-inited", _name_repository)
    app.connect("html-page-context", _offer_jupyterlab, priority=502)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
