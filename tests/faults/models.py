"""Faults in path models, and in the tables that they are fitted to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.pathmodel import PathFit, PathModel, fit_model, parse_model, read_model
from tests.faults import Case

FOUR = pd.DataFrame(
    np.random.default_rng(4).standard_normal((30, 4)) @ (np.eye(4) + np.tri(4)),
    columns=list("abcd"),
)
SIX = pd.DataFrame(np.random.default_rng(4).standard_normal((80, 6)), columns=list("xmyzwv"))
CHAIN = "b ~ a\nc ~ b\nd ~ c"


def written(text: str | bytes) -> Callable[[Path], PathModel]:
    """Return a reader of a model's file with this text."""

    def read(folder: Path) -> PathModel:
        raw = text if isinstance(text, bytes) else text.encode()
        (folder / "mine.lav").write_bytes(raw)
        return read_model(folder / "mine.lav")

    return read


def fit(text: str, table: pd.DataFrame) -> Callable[[Path], PathFit]:
    """Fit a model to a table that was saved and read again."""

    def read(folder: Path) -> PathFit:
        table.to_csv(folder / "table.csv", index=False)
        return fit_model(parse_model(text), pd.read_csv(folder / "table.csv"))

    return read


def _named(name: str) -> Callable[[Path], PathModel]:
    return lambda folder: read_model(folder / name)


def _folder(folder: Path) -> PathModel:
    (folder / "mine.lav").mkdir()
    return read_model(folder / "mine.lav")


def _draws(*paths: tuple[str, str]) -> Callable[[PathModel], None]:
    def check(model: PathModel) -> None:
        assert list(model.paths) == [*paths]

    return check


def _fits(text: str, column: str) -> Callable[[PathFit], None]:
    """Return a check that a fit is that of the table without a fault."""

    def check(found: PathFit) -> None:
        same = fit_model(parse_model(text), FOUR)
        np.testing.assert_allclose(found.estimates[column], same.estimates[column])

    return check


NAMES = "names of letters, digits and _"
ONCE = "each arrow or covariance once, of two variables"
FIRST, SECOND, THIRD = (f"mine.lav, line {k}" for k in (1, 2, 3))
LINES = {  # of a model's file: the text, the place, further words
    "A picture": (b"\x89PNG\xff", "mine.lav", "no text file"),
    "An empty file": ("", FIRST, "at least one line"),
    "Nothing but a covariance": ("a ~~ b", FIRST, "at least one line", "a ~~ b"),
    "A latent variable": ("f =~ y1 + y2", FIRST, "no latent '=~'"),
    "A label": ("y ~ b*x", FIRST, "no labels, fixed values"),
    "A fixed value": ("y ~ 0*x", FIRST, "no labels, fixed values"),
    "An intercept": ("y ~ 1", FIRST, "intercepts"),
    "A defined parameter": ("y ~ x\nab := a*b", SECOND, "no labels"),
    "C/N for CN": ("y ~ x + C/N", FIRST, "CN, not C/N"),
    "G+ for GP, as an outcome": ("G+ ~ x", FIRST, "GP, not G+"),
    "A dot in a name": ("y ~ soil.C", FIRST, NAMES),
    "No sign": ("y x", FIRST, "'y x'", "'y ~ x1 + x2'"),
    "No outcome": ("~ x", FIRST, NAMES),
    "A plus too many": ("y ~ x + + z", FIRST, NAMES),
    "An arrow as it is drawn": ("x -> y", FIRST, NAMES),
    "Two statements in a line": ("y ~ x; z ~ y", FIRST, NAMES),
    "A line that goes on": ("y ~ x +\n  z", FIRST, NAMES),
    "A letter of another script that looks like the right one": (
        "T\u041eP ~ TF",
        FIRST,
        "CYRILLIC CAPITAL LETTER O",
    ),
    "A line of a million letters that is none": ("x" * 10**6, FIRST, "1,000,002 characters"),
    "A variable that causes itself": ("y ~ x\nx ~ x", SECOND, ONCE),
    "A variance, which is always free": ("y ~~ y\ny ~ x", FIRST, ONCE),
    "An arrow twice": ("y ~ x\nz ~ x\ny ~ x", THIRD, ONCE),
    "A covariance twice, turned round": ("a ~~ b\nb ~~ a\ny ~ a + b", SECOND, ONCE),
}
LOOP = "m ~ y\ny ~ m\nz ~ y\nw ~ z\nv ~ w"
PLACES = FOUR.index != 3
TABLES = {  # the model, its table, the place, further words
    "A column that is missing": (CHAIN, FOUR[["a", "c"]], "path model", "no column b, d"),
    "Text in a column": (CHAIN, FOUR.assign(b="high"), "column 'b'", "'high' at 0"),
    "A comma for the decimal point in one cell": (
        CHAIN,
        FOUR.astype(object).assign(b=[*FOUR["b"][:-1], "1,5"]),
        "column 'b'",
        "'1,5' at 29",
    ),
    "A gap": (CHAIN, FOUR.assign(b=FOUR["b"].where(PLACES)), "column 'b'", "gap at 3"),
    "An infinite value": (
        CHAIN,
        FOUR.assign(b=FOUR["b"].where(PLACES, np.inf)),
        "column 'b'",
        "inf at 3",
    ),
    "A constant column": (CHAIN, FOUR.assign(c=5.0), "column 'c'", "5 at every site"),
    "No rows": (CHAIN, FOUR[:0], "path model", "found:  0"),
    "As many sites as variables": ("d ~ a + b + c", FOUR[:4], "path model", "at least 5 sites"),
    "Fewer sites than paths and error variances": (
        "c ~ a + b\nd ~ a + b + c",
        FOUR[:7],
        "path model",
        "at least 8 sites",
        "found:  7",
    ),
    "An outcome that is a sum of its causes": (
        "c ~ a + b\nd ~ c",
        FOUR.assign(c=FOUR["a"] - 2 * FOUR["b"]),
        "columns a, b and c",
        "c follows from",
    ),
    "Numbers of 10³⁰⁰": ("b ~ a", FOUR * 1e300, "column 'a'", "another unit"),
    "More parameters than moments": (
        "b ~ a\na ~ b\na ~~ b",
        FOUR,
        "path model",
        "at most 3 free parameters",
        "found:  5",
    ),
    "A loop that the data cannot tell from others": (
        LOOP,
        SIX,
        "path model",
        "other values would fit as well",
        "y -> m, m -> y",
    ),
}
HANDLED = {  # how it is read, the check, what is made of it
    "Lines that end as Windows ends them": (
        written("y ~ x\r\nz ~ y\r\n"),
        _draws(("y", "x"), ("z", "y")),
        "The same model.",
    ),
    "A byte order mark": (written(b"\xef\xbb\xbfy ~ x"), _draws(("y", "x")), "The same model."),
    "Tabs and wide spaces": (
        written("y\t~\tx  +\u00a0z"),
        _draws(("y", "x"), ("y", "z")),
        "Spaces.",
    ),
    "Other columns, and text in them": (
        fit(CHAIN, FOUR.assign(note="<b>none</b>")),
        _fits(CHAIN, "estimate"),
        "They are left out.",
    ),
    "Numbers in quotes": (fit(CHAIN, FOUR.map(repr)), _fits(CHAIN, "estimate"), "Numbers."),
    "Numbers of 10¹⁰⁰": (
        fit("b ~ a", FOUR * 1e100),
        _fits("b ~ a", "standardized"),
        "The same standardized path.",
    ),
}
CASES = [
    Case("No such file", _named("mine.lav"), ("mine.lav", "no such file", "climatic", "soil")),
    Case("A folder", _folder, ("mine.lav", "no text file")),
    *(Case(fault, written(text), tuple(words)) for fault, (text, *words) in LINES.items()),
    Case(
        "A column twice",
        lambda folder: fit_model(parse_model(CHAIN), pd.concat([FOUR, FOUR["b"]], axis=1)),
        ("column 'b'", "the same name twice"),
    ),
    *(
        Case(fault, fit(text, table), tuple(words))
        for fault, (text, table, *words) in TABLES.items()
    ),
    *(
        Case(fault, read, handled=check, answer=answer)
        for fault, (read, check, answer) in HANDLED.items()
    ),
]
