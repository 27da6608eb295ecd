"""A Sphinx extension: two processes read and write pages; Jupyter Book has no option for it."""

from __future__ import annotations

from sphinx.application import Sphinx

from tools.execution import AT_A_TIME

# these keep nothing from page to page, so that they are safe, but they do not say so
_SILENT = ("sphinx_jupyterbook_latex", "sphinx-mathjax-offline", "sphinx_multitoc_numbering")


def _allow(app: Sphinx) -> None:
    app.parallel = AT_A_TIME
    for name in _SILENT:
        app.extensions[name].parallel_read_safe = True


def setup(app: Sphinx) -> dict[str, bool]:
    """Have Sphinx work with several processes."""
    app.connect("builder-inited", _allow)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
