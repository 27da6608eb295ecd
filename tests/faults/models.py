"""Faults in path models, and in the tables that they are fitted to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.pathmodel import (
    PathFit,
    PathModel,
    fit_model,
    parse_model,
    read_model,
    read_moments,
)
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


def fit_matrix(matrix: object, n: object = 30) -> Callable[[Path], PathFit]:
    """Fit a chain to a matrix as it was typed."""

    def read(folder: Path) -> PathFit:
        sample = read_moments(matrix) if isinstance(matrix, str) else matrix
        return fit_model(parse_model("b ~ a\nc ~ b"), sample, n)

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


def _leaves_out(*words: str) -> Callable[[PathModel], None]:
    def check(model: PathModel) -> None:
        assert list(model.paths) == [("y", "x")]
        for remark, word in zip(model.remarks, words, strict=True):
            assert word in remark

    return check


def _fits(text: str, column: str) -> Callable[[PathFit], None]:
    """Return a check that a fit is that of the table without a fault."""

    def check(found: PathFit) -> None:
        same = fit_model(parse_model(text), FOUR)
        np.testing.assert_allclose(found.estimates[column], same.estimates[column])

    return check


NAMES = "names of letters, digits, . and _"
ONCE = "each arrow, variance or covariance once"
FIRST, SECOND, THIRD = (f"mine.lav, line {k}" for k in (1, 2, 3))
LINES = {  # of a model's file: the text, the place, further words
    "A picture": (b"\x89PNG\xff", "mine.lav", "no text file"),
    "An empty file": ("", FIRST, "at least one line"),
    "Nothing but a covariance": ("a ~~ b", FIRST, "at least one line", "a ~~ b"),
    "A latent variable": ("f =~ y1 + y2", FIRST, "no latent one (=~)"),
    "A composite": ("f <~ y1 + y2", FIRST, "no composite (<~)"),
    "A threshold": ("y ~ x\ny | t1", SECOND, "no thresholds (|)"),
    "A scaling factor": ("y ~*~ y", FIRST, "no scaling factor (~*~)"),
    "A constraint": ("y ~ a*x + b*z\na == b", SECOND, "the same label", "no =="),
    "A bound": ("y ~ a*x\na > 0", SECOND, "without bounds"),
    "A group": ("group: 1\ny ~ x", FIRST, "one group and one level"),
    "A label for each of two groups": ("y ~ c(a, b)*x", FIRST, "one group: one label"),
    "lavaan's equal()": ('y ~ x + equal("y~x")*z', FIRST, "or equal()", "y ~ a*x + a*z"),
    "An interaction": ("y ~ x + z +\n  x:z", FIRST, "no product such as x:z", 'data["x_z"]'),
    "A product that would be a label": ("y ~ x + z + x*z", FIRST, "labels that are no variables"),
    "A square": ("y ~ x + I(x^2)", FIRST, "columns as they are", 'data["x2"]'),
    "A comma for the decimal point": ("y ~ 0,5*x", FIRST, "a point in numbers, not a comma"),
    "A minus that is none": ("y ~ \u22120.5*x", FIRST, "MINUS SIGN", "- for minus"),
    "Two labels of an arrow": ("y ~ a*x + b*x", FIRST, "one label or one number"),
    "A label and a number": ("y ~ a*0.5*x", FIRST, "one label or one number"),
    "A number too large": ("y ~ 1e400*x", FIRST, "a finite number"),
    "A variance of 0": ("y ~ x\ny ~~ 0*y", SECOND, "a variance that is free, or fixed above 0"),
    "A variable that nothing joins": ("y ~ x\nz ~~ z", SECOND, "joins to others", "found:  z"),
    "A name that nobody labelled": ("y ~ a*x\nab := a*b", SECOND, "found:  b", "label"),
    "A name that is defined twice": ("y ~ a*x\nb := a\nb := 2*a", THIRD, "defined once"),
    "A name that is a label as well": ("y ~ a*x\na := 2", SECOND, "not a label as well"),
    "A function that is not known": ("y ~ a*x\nb := sin(a)", SECOND, "exp, log and sqrt"),
    "C/N for CN": ("y ~ x + C/N", FIRST, "CN, not C/N"),
    "G+ for GP, as an outcome": ("G+ ~ x", FIRST, "GP, not G+"),
    "No sign": ("y x", FIRST, "'y x'", "'y ~ x1 + x2'"),
    "No outcome": ("~ x", FIRST, NAMES),
    "A plus too many": ("y ~ x + + z", FIRST, NAMES),
    "A plus too few": ("y ~ x\n  z", FIRST, "'y ~ x z'", "goes on"),
    "An arrow as it is drawn": ("x -> y", FIRST, "not x -> y"),
    "A letter of another script that looks like the right one": (
        "T\u041eP ~ TF",
        FIRST,
        "CYRILLIC CAPITAL LETTER O",
    ),
    "A line of a million letters that is none": ("x" * 10**6, FIRST, "999940 letters more"),
    "A variable that causes itself": ("y ~ x\nx ~ x", SECOND, ONCE),
    "An arrow twice": ("y ~ x\nz ~ x\ny ~ x", THIRD, ONCE),
    "A covariance twice, turned round": ("a ~~ b\nb ~~ a\ny ~ a + b", SECOND, ONCE),
}


def _idle() -> pd.DataFrame:
    """Return a table in which an instrument has no correlation with anything."""
    z, m, y = np.linalg.qr(FOUR[["a", "b", "c"]] - FOUR[["a", "b", "c"]].mean())[0].T
    return pd.DataFrame({"z": z, "m": m, "y": 0.5 * m + y})


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
    "An instrument that does nothing": (
        "m ~ z\ny ~ m\nm ~~ y",
        _idle(),
        "path model",
        "the data determine",
        "m -> y",
    ),
    "A fixed value that no errors can have": (
        "c ~ a\nd ~ a\nc ~~ 99*d\nc ~~ 1*c\nd ~~ 1*d",
        FOUR,
        "path model",
        "correlations below 1",
    ),
    "Fixed coefficients that close a loop with the gain 1": (
        "a ~ 1*b + c\nb ~ 1*a + d",
        FOUR,
        "path model",
        "gain 1",
    ),
    "A loop that the data cannot tell from others": (
        LOOP,
        SIX,
        "path model",
        "other values would fit as well",
        "y -> m, m -> y",
    ),
}
MATRIX = pd.DataFrame(FOUR, columns=list("abc")).corr()
TYPED = "a 1\nb .5 1\nc .3 .6 1"
MATRICES = {  # what is typed, n, the place, further words
    "A matrix without n": (MATRIX, None, "path model"),
    "A matrix without names": (MATRIX.to_numpy(), 30, "covariance matrix", "names", "read_moments"),
    "A number of rows that is infinite": (MATRIX, np.inf, "path model", "a whole number", "inf"),
    "A number of rows that is a word": (MATRIX, "many", "path model", "a whole number", "'many'"),
    "A gap in a matrix": (MATRIX.mask(np.eye(3)[::-1] > 0.5), 30, "covariance matrix", "a gap for"),
    "A matrix that is not symmetric": (
        MATRIX + np.triu(np.full((3, 3), 0.1), 1),
        30,
        "covariance matrix",
        "symmetric",
    ),
    "Two rows of the same name": (
        MATRIX.set_axis(list("aba")).set_axis(list("aba"), axis=1),
        30,
        "covariance matrix",
        "no column c",
    ),
    "A correlation above 1": (
        TYPED.replace(".5", "5"),
        30,
        "covariance matrix",
        "contradict each other",
    ),
    "Correlations that contradict each other": (
        TYPED.replace(".3", "-.9"),
        30,
        "covariance matrix",
        "contradict each other",
    ),
    "A variable that follows from another in a matrix": (
        "a 1\nb 1 1\nc .6 .6 1",
        30,
        "columns a and b",
        "determine each other",
    ),
    "A comma for the decimal point in a matrix": (
        "a 1\nb 0,5 1\nc 0,3 0,6 1",
        30,
        "covariance matrix",
        "'0,5'",
    ),
    "A triangle without its diagonal": (
        "a\nb .5\nc .3 .6",
        30,
        "covariance matrix",
        "write the diagonal",
    ),
    "A variable that a matrix lacks": ("a 1\nb .5 1", 30, "covariance matrix", "no column c"),
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
    "A line that goes on": (
        written("y ~ x +  # water\n  # and\n  z"),
        _draws(("y", "x"), ("y", "z")),
        "The same model.",
    ),
    "Two statements in a line": (
        written("y ~ x; z ~ y"),
        _draws(("y", "x"), ("z", "y")),
        "The same model.",
    ),
    "A dot in a name": (written("y ~ soil.C"), _draws(("y", "soil.C")), "A name, as in R."),
    "Intercepts and a starting value": (
        written("y ~ 1 + x + start(0.5)*x\nx ~ 1"),
        _leaves_out("intercept", "starting value", "intercept"),
        "They are left out, and the model's remarks say so.",
    ),
    "Other columns, and text in them": (
        fit(CHAIN, FOUR.assign(note="<b>none</b>")),
        _fits(CHAIN, "estimate"),
        "They are left out.",
    ),
    "Numbers in quotes": (fit(CHAIN, FOUR.map(repr)), _fits(CHAIN, "estimate"), "Numbers."),
    'Gaps, with missing="listwise"': (
        lambda folder: fit_model(
            parse_model("c ~ b"),
            pd.concat([FOUR, FOUR[:4].assign(b=np.nan)], ignore_index=True),
            missing="listwise",
        ),
        _fits("c ~ b", "estimate"),
        "Their rows are left out, and counted.",
    ),
    "A printed triangle with dashes and a typeset minus": (
        lambda folder: fit_model(
            parse_model("b ~ a"), read_moments("a \u2013\nb \u2212.5 \u2013"), 30
        ),
        lambda found: np.testing.assert_allclose(found.estimates["estimate"][0], -0.5),
        "Correlations.",
    ),
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
        Case(fault, fit_matrix(matrix, n), tuple(words))
        for fault, (matrix, n, *words) in MATRICES.items()
    ),
    *(
        Case(fault, read, handled=check, answer=answer)
        for fault, (read, check, answer) in HANDLED.items()
    ),
]
