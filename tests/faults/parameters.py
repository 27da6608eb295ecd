"""Faults in what users type after ``make run``: the notebook's name, names and values."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path

import nbformat

from helpers.cluster import connect
from tests.faults import Case
from tools.execution import find_notebook
from tools.parameters import check_values, read_assignments
from tools.run import read_words

CELL = """\
source: str = "embedded"  # or a folder with your own data
seed: int = 2022  # of the sites, at least 0
n_boot: int = 2000  # resamples, from 100 to 100000
level: float = 0.95  # of the intervals, between 0 and 1
share: float = 0.5  # of the sites, from -1.5 to 1e3
free: float = 1.0  # any number at all
kind: str = "a"  # or "b", or "c d": three of them
zones: str = "Low, High"  # two of them
fdr: bool = False  # True: the marks allow for the number of tests"""


def write_notebook(path: Path, parameters: str = CELL) -> Path:
    """Write a notebook with one cell of parameters."""
    cells = [
        nbformat.v4.new_markdown_cell("# A title"),
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def typed(*assignments: str) -> Callable[[Path], object]:
    """Give assignments to the reader, from within the case's folder."""

    def read(folder: Path) -> object:
        (folder / "data.csv").write_text("a table")
        (folder / "my data").mkdir()
        with contextlib.chdir(folder):
            return read_assignments(write_notebook(folder / "99_small.ipynb"), assignments)

    return read


def values(**given: object) -> Callable[[Path], object]:
    """Give typed values to the reader, as a cell or a program would."""
    return lambda folder: check_values(write_notebook(folder / "99_small.ipynb"), given)


def refuse(fault: str, *assignments: str, words: tuple[str, ...]) -> Case:
    return Case(fault, typed(*assignments), words)


def becomes(fault: str, assignment: str, expected: object, answer: str) -> Case:
    name = assignment.partition("=")[0]

    def handled(found: object) -> None:
        assert found == {name: expected}
        assert type(found[name]) is type(expected)
        assert not isinstance(expected, float) or math.copysign(1, found[name]) == math.copysign(
            1, expected
        )

    return Case(fault, typed(assignment), handled=handled, answer=answer)


def of_a_name(fault: str, name: str, *words: str) -> Case:
    return Case(fault, lambda folder: find_notebook(name), ("notebook", *words))


def _found_folder(folder: Path) -> tuple[object, Path]:
    return typed("source=my data")(folder), folder


def _is_absolute(found: tuple[dict, Path]) -> None:
    chosen, folder = found
    assert chosen == {"source": str((folder / "my data").resolve())}


def _not_run(found: object) -> None:
    assert found == {"zones": "__import__('os').system('touch ran')"}


def _stays_a_text(text: str) -> Case:
    return becomes(
        f"A text with what another program would take for code: `{text}`",
        f"zones={text}",
        text,
        "These characters, and nothing is run.",
    )


CASES: list[Case] = [
    # names
    refuse(
        "A name that is mistyped",
        "sed=7",
        words=("parameter 'sed'", "seed: int = 2022", "of the sites", "did you mean seed?"),
    ),
    refuse("A name in capitals", "SEED=7", words=("parameter 'SEED'", "did you mean seed?")),
    refuse(
        "A name that nothing resembles",
        "qwerty=7",
        words=("parameter 'qwerty'", "give one of these names"),
    ),
    refuse(
        "A name with a letter of another script that looks like the right one",
        "s\u0435ed=7",
        words=("parameter 's\u0435ed'", "did you mean seed?"),
    ),
    refuse("A name of a million letters", "x" * 10**6 + "=7", words=("parameter 'xxx", "1,000,0")),
    refuse("A name that Python has", "__class__=7", words=("'__class__'", "one of these names")),
    refuse("A name without a value", "seed", words=("parameters", "name=value", "'seed'")),
    refuse("A value without a name", "=7", words=("parameters", "name=value")),
    refuse(
        "Spaces around =", "seed", "=", "7", words=("parameters", "no spaces around =", "'seed'")
    ),
    refuse("An empty word", "", words=("parameters", "name=value", "''")),
    refuse(
        "A name twice",
        "seed=7",
        "seed=8",
        words=("parameter 'seed'", "'7' and '8'", "each parameter once"),
    ),
    Case(
        "A name that is a number, from a program",
        lambda folder: check_values(write_notebook(folder / "99_small.ipynb"), {7: 7}),
        ("parameter 7", "give one of these names"),
    ),
    Case(
        "A quote that is not closed",
        lambda folder: read_words("zones='Low"),
        ("parameters", "no closing quotation", "close the quotes"),
    ),
    # whole numbers
    refuse(
        "A word for a number",
        "seed=seven",
        words=("parameter 'seed'", "a whole number, at least 0", "'seven'", "like 2022"),
    ),
    refuse("A fraction for a whole number", "seed=7.5", words=("'seed'", "a whole number")),
    refuse("A whole number written as 7.0", "seed=7.0", words=("'seed'", "'7.0'")),
    refuse("A whole number written as 1e3", "seed=1e3", words=("'seed'", "'1e3'")),
    refuse("A number below its range", "seed=-1", words=("'seed'", "at least 0", "-1")),
    refuse(
        "A number above its range, that no memory could hold",
        f"n_boot={10**12}",
        words=("'n_boot'", "from 100 to 100000", "1000000000000"),
    ),
    refuse("Two numbers in one", "seed=7,level=0.5", words=("'seed'", "a whole number")),
    refuse("No number after =", "seed=", words=("'seed'", "a whole number", "''")),
    refuse("A hexadecimal number", "seed=0x10", words=("'seed'", "'0x10'")),
    refuse("A number with an underscore, 1_000", "seed=1_000", words=("'seed'", "'1_000'")),
    refuse("Digits of another script, ٣", "seed=\u0663", words=("'seed'", "'\u0663'")),
    refuse("A superscript, ²", "seed=\u00b2", words=("'seed'", "'\u00b2'")),
    refuse("A space before a number", "seed= 7", words=("'seed'", "' 7'")),
    refuse("A line's end after a number", "seed=7\n", words=("'seed'", r"'7\n'")),
    refuse("The character NUL in a number", "seed=7\0", words=("'seed'", r"'7\x00'")),
    refuse("A number in quotes", 'seed="7"', words=("'seed'", "'\"7\"'")),
    refuse("A whole number of 100 000 digits", "seed=" + "7" * 10**5, words=("'seed'", "100,002")),
    refuse("A whole number of 4000 digits", "seed=" + "7" * 4000, words=("'seed'", "4,000")),
    refuse("A value of a million letters", "seed=" + "x" * 10**6, words=("'seed'", "1,000,002")),
    refuse("Code for a number", "seed=__import__('os').getpid()", words=("'seed'", "__import__")),
    refuse("A command in $()", "seed=$(touch x)", words=("'seed'", "'$(touch x)'")),
    refuse("A command after ;", "seed=7; rm x", words=("'seed'", "'7; rm x'")),
    refuse("A template, {{7*7}}", "seed={{7*7}}", words=("'seed'", "'{{7*7}}'")),
    refuse("A sum, 3+4", "seed=3+4", words=("'seed'", "'3+4'")),
    becomes("Zeros before a whole number", "seed=007", 7, "7: never octal."),
    becomes("A plus before a whole number", "seed=+7", 7, "7."),
    becomes("A negative zero for a whole number", "seed=-0", 0, "0."),
    # numbers
    refuse("No number after =, for a number", "level=", words=("'level'", "between 0 and 1", "''")),
    refuse("The lower end of an open range", "level=0", words=("'level'", "between 0 and 1")),
    refuse("The upper end of an open range", "level=1", words=("'level'", "between 0 and 1")),
    refuse("Just above a closed range", "share=1000.1", words=("'share'", "from -1.5 to 1e3")),
    refuse("Per cent for a share", "level=95%", words=("'level'", "'95%'")),
    refuse("A comma in a number", "level=0,95", words=("'level'", "'0,95'")),
    refuse("nan where a range is", "level=nan", words=("'level'", "nan")),
    refuse("nan where any number will do", "free=nan", words=("'free'", "a number")),
    refuse("inf", "free=inf", words=("'free'", "a number")),
    refuse("-Infinity", "free=-Infinity", words=("'free'", "a number")),
    refuse("A number beyond what a computer holds, 1e400", "free=1e400", words=("'free'", "inf")),
    becomes("A negative zero", "free=-0", -0.0, "-0, which equals 0."),
    becomes("A number without its leading zero", "level=.95", 0.95, "0.95."),
    becomes("A number below what a computer holds, 1e-400", "free=1e-400", 0.0, "0."),
    # truth values and words
    refuse("maybe for True or False", "fdr=maybe", words=("'fdr'", "True or False", "'maybe'")),
    refuse("1 for True", "fdr=1", words=("'fdr'", "True or False", "'1'")),
    refuse("yes for True", "fdr=yes", words=("'fdr'", "True or False", "'yes'")),
    becomes("true in small letters", "fdr=true", True, "True."),
    refuse("A word that is not in the list", "kind=d", words=("'kind'", '"a" or "b" or "c d"')),
    refuse("A word in capitals", "kind=A", words=("'kind'", '"a" or "b" or "c d"', "'A'")),
    refuse("A word and a space", "kind=a ", words=("'kind'", "'a '")),
    becomes("A second = in a text", "zones=a=b", "a=b", "It belongs to the text."),
    *map(
        _stays_a_text,
        ["__import__('os').system('x')", "$(touch x)", "; rm x", "{{7*7}}", "%pylab", "!touch x"],
    ),
    # values from a program or a grid
    Case("7.0, a number, for a whole number", values(seed=7.0), ("'seed'", "7.0")),
    Case("True for a whole number", values(seed=True), ("'seed'", "True")),
    Case("None", values(seed=None), ("'seed'", "None")),
    Case("True for a number", values(level=True), ("'level'", "True")),
    Case("A list for a number", values(level=[0.5]), ("'level'", "[0.5]")),
    Case("A whole number of 401 digits for a number", values(free=10**400), ("'free'", "a number")),
    Case("1, a number, for True", values(fdr=1), ("'fdr'", "True or False")),
    Case("A number for a word of a list", values(kind=1), ("'kind'", '"a" or "b"')),
    Case("A list for a word", values(kind=["a"]), ("'kind'", "['a']")),
    Case("A number for a text", values(zones=7), ("'zones'", "7")),
    Case("A number for a folder", values(source=7), ("'source'", "7")),
    # source and cluster
    refuse(
        "A folder that is not there", "source=nowhere", words=("'source'", "there is no folder")
    ),
    refuse("No folder after =", "source=", words=("'source'", "there is no folder", "quotes")),
    refuse(
        "A way up to a folder that is not there", "source=my data/../no/../x", words=("'source'",)
    ),
    refuse(
        "The home of nobody",
        "source=~nobody-has-this-name",
        words=("'source'", "there is no folder"),
    ),
    refuse("The character NUL in a path", "source=my\0data", words=("'source'", r"my\x00data")),
    refuse(
        "A path of a million letters", "source=/" + "x" * 10**6, words=("'source'", "characters")
    ),
    refuse("A terminal's escape in a path", "source=\x1b[2J", words=("'source'", r"\x1b[2J")),
    Case(
        "A folder relative to where the command is given, with a space",
        _found_folder,
        handled=_is_absolute,
        answer="Its absolute path.",
    ),
    Case(
        "A cluster's address without a port",
        lambda folder: connect("scheduler"),
        ("cluster scheduler", "no answer", "tcp://host:8786"),
    ),
    Case(
        "A cluster's address of another kind",
        lambda folder: connect("nonsense://x"),
        ("cluster nonsense://x", "no answer"),
    ),
    Case("No cluster's address", lambda folder: connect(""), ("cluster", "no answer")),
    # the notebook's name
    of_a_name("No notebook's name", "", "''", "NB=..."),
    of_a_name("A notebook's name that is mistyped", "04_elevation_gradient_", "did you mean 04"),
    of_a_name("A number that no chapter has", "42", "one of 00_where_the_sites_are, 01"),
    of_a_name("A path that leads out of the book", "../../../etc/passwd", "'../../../etc/passwd'"),
    of_a_name(
        "A notebook elsewhere, with the name of one of the book",
        "/home/me/08_climatic_sem.ipynb",
        "'/home/me/08_climatic_sem.ipynb'",
        "did you mean 08_climatic_sem",
    ),
    of_a_name("A number with a fraction for a notebook", "8.9", "'8.9'"),
    of_a_name("A notebook's number in digits of another script", "\u0660\u0664", "name one of"),
    of_a_name("The character NUL for a notebook", "\0", r"'\x00'"),
    of_a_name("A command for a notebook", "$(touch x)", "'$(touch x)'"),
    of_a_name("A notebook's name of a million letters", "x" * 10**6, "1,000,002"),
]
