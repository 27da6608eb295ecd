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


def refuse(fault: str, text: str | bytes, *words: str, line: int = 1) -> Case:
    """Refuse the text of a model, read from a file."""

    def read(folder: Path) -> PathModel:
        raw = text if isinstance(text, bytes) else text.encode()
        (folder / "mine.lav").write_bytes(raw)
        return read_model(folder / "mine.lav")

    return Case(fault, read, (f"mine.lav, line {line}" if line else "mine.lav", *words))


def draws(fault: str, text: str, paths: list[tuple[str, str]], answer: str) -> Case:
    def handled(model: PathModel) -> None:
        assert list(model.paths) == paths

    return Case(fault, lambda folder: parse_model(text), handled=handled, answer=answer)


def fit(
    text: str, table: pd.DataFrame, change: Callable[[str], str] = str
) -> Callable[[Path], PathFit]:
    """Fit a model to a table that was saved and read again."""

    def read(folder: Path) -> PathFit:
        content = table.to_csv(index=False)
        (folder / "table.csv").write_text(change(content), encoding="utf-8")
        return fit_model(parse_model(text), pd.read_csv(folder / "table.csv"))

    return read


def unfit(fault: str, text: str, table: pd.DataFrame, *words: str) -> Case:
    return Case(fault, fit(text, table), words)


def _named(name: str) -> Callable[[Path], PathModel]:
    return lambda folder: read_model(folder / name)


def _folder(folder: Path) -> PathModel:
    (folder / "mine.lav").mkdir()
    return read_model(folder / "mine.lav")


def _marked(folder: Path) -> PathModel:
    (folder / "mine.lav").write_text("y ~ x", encoding="utf-8-sig")
    return read_model(folder / "mine.lav")


def _arrow(model: PathModel) -> None:
    assert list(model.paths) == [("y", "x")]


def _as_before(found: PathFit) -> None:
    same = fit_model(parse_model(CHAIN), FOUR)
    np.testing.assert_allclose(found.estimates["estimate"], same.estimates["estimate"])


def _moderate(found: PathFit) -> None:
    same = fit_model(parse_model("b ~ a"), FOUR)
    np.testing.assert_allclose(found.estimates["standardized"], same.estimates["standardized"])


LETTERS = ("names of letters, digits and _",)
ONCE = ("each arrow or covariance once, of two variables",)
SUM = FOUR.assign(c=FOUR["a"] - 2 * FOUR["b"])

CASES: list[Case] = [
    # the file
    Case("No such file", _named("mine.lav"), ("mine.lav", "no such file", "climatic", "soil")),
    Case("A folder", _folder, ("mine.lav", "no text file")),
    refuse("A picture", b"\x89PNG\xff", "no text file", line=0),
    refuse("An empty file", "", "at least one line"),
    refuse("Nothing but a covariance", "a ~~ b", "at least one line", "a ~~ b"),
    draws(
        "Lines that end as Windows ends them",
        "y ~ x\r\nz ~ y\r\n",
        [("y", "x"), ("z", "y")],
        "The same model.",
    ),
    Case(
        "A byte order mark",
        _marked,
        handled=_arrow,
        answer="The same model.",
    ),
    draws("Tabs and wide spaces", "y\t~\tx  +\u00a0z", [("y", "x"), ("y", "z")], "Spaces."),
    # lines
    refuse("A latent variable", "f =~ y1 + y2", "no latent '=~'"),
    refuse("A label", "y ~ b*x", "no labels, fixed values"),
    refuse("A fixed value", "y ~ 0*x", "no labels, fixed values"),
    refuse("An intercept", "y ~ 1", "intercepts"),
    refuse("A defined parameter", "y ~ x\nab := a*b", "no labels", line=2),
    refuse("C/N for CN", "y ~ x + C/N", "CN, not C/N"),
    refuse("G+ for GP, as an outcome", "G+ ~ x", "GP, not G+"),
    refuse("A dot in a name", "y ~ soil.C", *LETTERS),
    refuse("No sign", "y x", "'y x'", "'y ~ x1 + x2'"),
    refuse("No outcome", "~ x", *LETTERS),
    refuse("A plus too many", "y ~ x + + z", *LETTERS),
    refuse("An arrow as it is drawn", "x -> y", *LETTERS),
    refuse("Two statements in a line", "y ~ x; z ~ y", *LETTERS),
    refuse("A line that goes on", "y ~ x +\n  z", *LETTERS),
    refuse(
        "A letter of another script that looks like the right one",
        "T\u041eP ~ TF",
        "CYRILLIC CAPITAL LETTER O",
    ),
    refuse("A line of a million letters that is none", "x" * 10**6, "1,000,002 characters"),
    refuse("A variable that causes itself", "y ~ x\nx ~ x", *ONCE, line=2),
    refuse("A variance, which is always free", "y ~~ y\ny ~ x", *ONCE),
    refuse("An arrow twice", "y ~ x\nz ~ x\ny ~ x", *ONCE, line=3),
    refuse("A covariance twice, turned round", "a ~~ b\nb ~~ a\ny ~ a + b", *ONCE, line=2),
    # tables
    unfit("A column that is missing", CHAIN, FOUR[["a", "c"]], "path model", "no column b, d"),
    Case(
        "A column twice",
        lambda folder: fit_model(parse_model(CHAIN), pd.concat([FOUR, FOUR["b"]], axis=1)),
        ("column 'b'", "the same name twice"),
    ),
    unfit("Text in a column", CHAIN, FOUR.assign(b="high"), "column 'b'", "'high' at 0"),
    unfit(
        "A comma for the decimal point in one cell",
        CHAIN,
        FOUR.astype(object).assign(b=[*FOUR["b"][:-1], "1,5"]),
        "column 'b'",
        "'1,5' at 29",
    ),
    unfit(
        "A gap", CHAIN, FOUR.assign(b=FOUR["b"].where(FOUR.index != 3)), "column 'b'", "gap at 3"
    ),
    unfit(
        "An infinite value",
        CHAIN,
        FOUR.assign(b=FOUR["b"].where(FOUR.index != 3, np.inf)),
        "column 'b'",
        "inf at 3",
    ),
    unfit("A constant column", CHAIN, FOUR.assign(c=5.0), "column 'c'", "5 at every site"),
    unfit("No rows", CHAIN, FOUR[:0], "path model", "found:  0"),
    unfit(
        "As many sites as variables", "d ~ a + b + c", FOUR[:4], "path model", "more than 4 sites"
    ),
    unfit(
        "Fewer sites than paths and error variances",
        "c ~ a + b\nd ~ a + b + c",
        FOUR[:7],
        "path model",
        "more than 7 sites",
        "found:  7",
    ),
    unfit(
        "An outcome that is a sum of its causes",
        "c ~ a + b\nd ~ c",
        SUM,
        "columns a, b and c",
        "c follows from",
    ),
    unfit("Numbers of 10³⁰⁰", "b ~ a", FOUR * 1e300, "column 'a'", "another unit"),
    unfit(
        "More parameters than moments",
        "b ~ a\na ~ b\na ~~ b",
        FOUR,
        "path model",
        "at most 3 free parameters",
        "found:  5",
    ),
    unfit(
        "A loop that the data cannot tell from others",
        "m ~ y\ny ~ m\nz ~ y\nw ~ z\nv ~ w",
        SIX,
        "path model",
        "other values would fit as well",
        "y -> m, m -> y",
    ),
    Case(
        "Other columns, and text in them",
        fit(CHAIN, FOUR.assign(note="<b>none</b>")),
        handled=_as_before,
        answer="They are left out.",
    ),
    Case(
        "Numbers in quotes",
        fit(CHAIN, FOUR.map(repr)),
        handled=_as_before,
        answer="Numbers.",
    ),
    Case(
        "Numbers of 10¹⁰⁰",
        fit("b ~ a", FOUR * 1e100),
        handled=_moderate,
        answer="The same standardized path.",
    ),
]
