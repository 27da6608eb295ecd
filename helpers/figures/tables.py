"""Tables, in one form: heads in words, few digits, no row of pandas' own."""

from __future__ import annotations

import re
from html import escape, unescape

import numpy as np
import pandas as pd
from IPython import get_ipython
from IPython.display import HTML

_WORDS = {"chi2": "χ²", "chi2_df": "χ²/df", "se": "standard error", "standardized_se": "its error"}
_WORDS |= {name: name.upper() for name in ("rmsea", "srmr", "cfi", "nfi", "gfi")}


class Table(HTML):
    """A table as a page shows it, and as CSV with all digits."""

    def __init__(self, html: str, csv: str) -> None:
        super().__init__(html)
        self.csv = csv

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/csv": self.csv}


def keeps_files() -> bool:
    """Return whether this is executed for ``make run``, which keeps figures and tables as files."""
    shell = get_ipython()
    return shell is not None and "keep" in shell.config.Run


def tabulate(table: pd.DataFrame | pd.Series, digits: int = 3, *, index: bool = True) -> HTML:
    """Show a table under one line of heads; the columns of its index come first.

    Parameters
    ----------
    table : pandas.DataFrame or pandas.Series
        Names of columns and rows are turned into words.
    digits : int
        Digits of the largest number of a column, and decimals of numbers below one.
    index : bool
        Whether the rows' names are shown, too; those that only count never are.

    Examples
    --------
    >>> tabulate(pd.Series({"first_job": -0.28134}, name="by hand").rename_axis("cause")).data
    ... # doctest: +ELLIPSIS
    '<table class="dataframe">...<th scope="row">first job</th><td>−0.281</td></tr></tbody></table>'
    """
    table = pd.DataFrame(table)
    counted = table.index.name is None and pd.api.types.is_integer_dtype(table.index)
    hidden = counted or not index
    names = [] if hidden else [name or table.columns.name or "" for name in table.index.names]
    labels = [[_word(each) for each in row] for row in table.index.to_frame().to_numpy()]
    cells = [_print(name, table.iloc[:, at], digits) for at, name in enumerate(table.columns)]
    heads = [", ".join(map(_word, np.atleast_1d(name))) for name in (*names, *table.columns)]
    body = ""
    for number, row in enumerate(zip(*cells, strict=True)):
        first = () if hidden else labels[number]
        body += "<tr>" + "".join(f'<th scope="row">{each}</th>' for each in first)
        body += "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    head = "".join(f'<th scope="col">{name}</th>' if name else "<td></td>" for name in heads)
    html = f'<table class="dataframe"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    if not keeps_files():
        return HTML(html)
    plain = table.set_axis([*map(unescape, heads[len(names) :])], axis=1)
    first = [*map(unescape, heads[: len(names)])]
    csv = plain.to_csv(index=not hidden, index_label=first, lineterminator="\n")
    return Table(html, csv)


def _word(name: object) -> str:
    name = f"{name:.4g}" if isinstance(name, float) else str(name)
    text = _WORDS.get(name, name).replace("_", " ").replace("\n", " ")
    return _text(text)


def _text(words: str) -> str:
    return re.sub(r"(?:(?<![\w.])|(?<=\de))-(?=[\d.])", "−", escape(words, quote=False))


def _print(name: object, column: pd.Series, digits: int) -> list[str]:
    """Return the cells of a column: its numbers with as many decimals as the largest needs."""
    numeric = column.dtype.kind in "iuf"
    size = f"{column.abs().max():.0f}" if numeric else ""
    size = "" if size in ("nan", "0") or (numeric and column.abs().max() < 1) else size
    whole = numeric and (column.dropna() % 1 == 0).all()
    places = 0 if whole else max(0, digits - len(size))
    least, chance = 10.0**-places, re.match(r"p\b", str(name))
    cells = []
    for value in column:
        if isinstance(value, bool | np.bool_):
            cells.append("yes" if value else "no")
        elif isinstance(value, str):
            cells.append(_text(value))
        elif pd.isna(value):
            cells.append("–")
        elif chance and 0 < value < least:
            cells.append(f"&lt;\N{NO-BREAK SPACE}{least}")
        elif numeric:
            text = f"{value:{',' * (abs(value) >= 1e4)}.{places}f}"
            cells.append(text.replace("-", "−"))
        else:
            cells.append(_text(f"{value:.{digits}g}" if isinstance(value, float) else str(value)))
    return cells
