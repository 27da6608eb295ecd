"""Places for the widgets of the book: what a page can compute by itself, without a kernel."""

from __future__ import annotations

import json
from html import escape

_NOTE = "In the built book, where JavaScript runs, you can change these numbers right here."


def place_widget(name: str, start: dict[str, object]) -> None:
    """Put the place of a widget into the page, above the figure that stands for it elsewhere.

    The script ``book/_static/NAME-page.js`` fills the place and takes the figures of the same cell
    off the screen. They stay where no script runs, and on paper.

    Parameters
    ----------
    name : str
        Of the widget: ``loop-explorer`` or ``fit-indices``.
    start : dict
        What it starts with, for JSON.
    """
    from IPython.display import display

    data = escape(json.dumps(start))
    place = f'<div class="widget" data-widget="{name}" data-start="{data}"><p>{_NOTE}</p></div>'
    display({"text/html": place, "text/plain": _NOTE}, raw=True)
