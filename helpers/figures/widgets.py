"""Places for the widgets of the book: what a page can compute by itself, without a kernel."""

from __future__ import annotations

import json
from html import escape

_NOTE = "In the built book, where JavaScript runs, you can change these numbers right here."


def place_widget(name: str, figure: str, start: dict[str, object]) -> None:
    """Put the place of a widget into the page, above the figure that stands for it elsewhere.

    The script ``book/_static/NAME-page.js`` fills the place and takes the cell of the figure off
    the screen. The figure stays where no script runs, and on paper.

    Parameters
    ----------
    name, figure : str
        Of the widget (``loop-explorer`` or ``fit-indices``), and as in the metadata of its cell.
    start : dict
        What it starts with, for JSON.

    Examples
    --------
    >>> place_widget("loop-explorer", "four-loops", {"gain": 0.4})  # doctest: +ELLIPSIS
    {...'In the built book, where JavaScript runs, you can change these numbers right here.'}
    """
    from IPython.display import display

    about = f'data-widget="{name}" data-figure="{figure}" data-start="{escape(json.dumps(start))}"'
    place = f'<div class="widget" {about}><p>{_NOTE}</p></div>'
    display({"text/html": place, "text/plain": _NOTE}, raw=True)
