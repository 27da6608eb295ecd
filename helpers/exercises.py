"""Exercises that answer back: say what is wrong with an answer without giving the right one away.

``data/exercises.csv`` lists the exercises: chapter and number, level, and what kind of answer each
wants. The solution of an exercise hands its answer to :func:`solve`; ``make refresh`` collects the
answers of all chapters in ``data/answers.json``, by which :func:`check` judges a student's. In the
built book ``exercises.js`` judges by the same rules, which ``tests/exercise_cases.csv`` holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isclose, isfinite, log10
from numbers import Real
from typing import Any

import pandas as pd

from helpers.errors import InputError
from helpers.parameters import reads_own_data
from helpers.paths import DATA

LIST = DATA / "exercises.csv"
ANSWERS = DATA / "answers.json"
LEVELS = ("warm-up", "practice", "challenge")
KINDS = {
    "whole number": "a whole number",
    "number": "a number",
    "word": "a word",
    "names": "a list of names",
}
DECIMALS = ("without decimals", "with one decimal", "with two decimals", "with three decimals")
KEY = "exercise"  # of an answer, in the metadata of an output
_OTHER_DATA = "This exercise is about the book's own data, and this page reads others (`source`)."
_SIGN = "Think about the sign: should it be positive, negative, or nothing at all?"
_SLIPS = (  # factor between a wrong and the right number, and what may have happened
    (-1, "The size is right, the sign is not."),
    (100, "A hundred times too much: per cent, where a share is wanted?"),
    (1 / 100, "A hundred times too little: a share, where per cent is wanted?"),
    (32 / 12, "Too large by 32/12: oxygen, where carbon is wanted, or the ratio taken twice?"),
    (12 / 32, "Too small by 12/32: carbon, where oxygen is wanted, or the ratio left out?"),
)


@dataclass(frozen=True)
class Reply:
    """What :func:`check` says."""

    right: bool
    text: str

    def __repr__(self) -> str:
        return self.text

    _repr_markdown_ = __repr__


@dataclass(frozen=True)
class Solved:
    """The answer of a solution: shown to readers, kept for ``make refresh``."""

    shown: str
    record: dict

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        text = f"**Answer:** {self.shown}"
        return {"text/plain": text, "text/markdown": text}, {KEY: self.record}


def load_exercises() -> pd.DataFrame:
    """Return the list of exercises, one row each, by chapter and number (``04.1``)."""
    return pd.read_csv(LIST, dtype=str, keep_default_na=False, index_col="exercise")


def solve(
    exercise: str,
    answer: object,
    hints: Iterable[tuple[object, str]] = (),
    *,
    tolerance: float = 0.01,
) -> Solved | Reply:
    """Hand over the answer of a solution; of other data than the book's, it is none.

    Parameters
    ----------
    exercise : str
        Chapter and number, as ``04.1``.
    answer : int, float, str or iterable of str
        As the kind of the exercise demands.
    hints : iterable of (object, str)
        Wrong answers that people come to, and what each of them should hear. A wrong number that
        happens to equal the right one is left out.
    tolerance : float
        Of a ``number``, relative: what differs by less is right, and so is what differs by no more
        than half of the last decimal that the exercise asks for.

    Examples
    --------
    >>> solve("02.1", -6.4, hints=[(80, "That was the year before.")]).shown
    '-6.4 g of oxygen per m² and month'
    """
    listed = _find(exercise)
    if reads_own_data():
        return Reply(False, _OTHER_DATA)
    if complaint := _misfit(listed, answer):
        raise InputError(
            f"solution of exercise {exercise}",
            needed=describe(listed),
            found=repr(answer),
            mend=f"mend the solution or the row in {LIST.name}: {complaint}",
        )
    answer = _plain(listed, answer)
    kept = [[_plain(listed, wrong), text] for wrong, text in hints]
    kept = [pair for pair in kept if not _equal(listed, pair[0], answer, tolerance)]
    record = {"exercise": exercise, "answer": answer, "tolerance": tolerance, "hints": kept}
    return Solved(show_answer(listed, answer), record)


def check(exercise: str, answer: Any = ...) -> Reply:
    """Say whether an answer is right, and if not, what may have gone wrong.

    The right answers are those of the book's own data and default parameters. Where a chapter
    reads other data, it says so instead.

    Parameters
    ----------
    exercise : as for :func:`solve`
    answer : int, float, str or iterable of str
        Yours; ``...`` asks which kind of answer is wanted.

    Examples
    --------
    >>> check("02.1", "much")
    A number without decimals (g of oxygen per m² and month) is wanted, not 'much'.
    """
    listed = _find(exercise)
    if reads_own_data():
        return Reply(False, _OTHER_DATA)
    if answer is ...:
        return Reply(False, f"Put {describe(listed)} in place of `...`, and run the cell.")
    if complaint := _misfit(listed, answer):
        return Reply(False, complaint)
    known = json.loads(ANSWERS.read_text(encoding="utf-8"))[exercise]
    given, right = _plain(listed, answer), known["answer"]
    if _equal(listed, given, right, known["tolerance"]):
        return Reply(True, "Right.")
    for wrong, hint in known["hints"]:
        if _equal(listed, given, wrong, known["tolerance"]):
            return Reply(False, f"Not yet. {hint}")
    if listed["kind"] == "names":
        return Reply(False, _compare_names(set(given), set(right)))
    if listed["kind"] == "word":
        return Reply(False, "Not yet.")
    tolerance = known["tolerance"] if listed["kind"] == "number" else 0
    return Reply(False, f"Not yet. {_compare_numbers(given, right, tolerance)}")


def find_margin(listed: Mapping, answer: Any, tolerance: float) -> float:
    """Return how far a number may be off to be right, in its unit; 0 of all but a ``number``.

    Parameters
    ----------
    listed, answer : mapping and object
        The row of the exercise in :func:`load_exercises`, and its answer.
    tolerance : float
        Of the answer, relative.

    Examples
    --------
    >>> find_margin({"kind": "number", "decimals": "1"}, 20.0, 0.01)
    0.2
    """
    if listed["kind"] != "number":
        return 0
    return max(tolerance * abs(answer), _half_decimal(listed, answer))


def show_answer(listed: Mapping, answer: Any) -> str:
    """Return an answer as a reader sees it, with its unit.

    Parameters
    ----------
    listed, answer : mapping and object
        The row of the exercise in :func:`load_exercises`, and an answer of its kind.
    """
    if isinstance(answer, list):
        return ", ".join(answer) or "none"
    if isinstance(answer, str):
        return answer
    digits = f"{answer:.0f}" if answer == int(answer) or abs(answer) >= 1000 else f"{answer:.3g}"
    return f"{digits} {listed['unit']}".rstrip()


def describe(listed: Mapping) -> str:
    """Return what is wanted: kind, decimals and unit, or the choices.

    Parameters
    ----------
    listed : mapping
        The row of the exercise in :func:`load_exercises`.
    """
    if listed["choices"]:
        some = "one of" if listed["kind"] == "word" else "a list of some of"
        return f"{some} {_list_choices(listed)}"
    decimals = f" {DECIMALS[int(listed['decimals'])]}" if listed["decimals"] else ""
    return KINDS[listed["kind"]] + decimals + (f" ({listed['unit']})" if listed["unit"] else "")


def _find(exercise: str) -> pd.Series:
    listed = load_exercises()
    if exercise not in listed.index:
        raise InputError(
            "exercise",
            needed=f"one of {', '.join(listed.index)}",
            found=repr(exercise),
            mend="write chapter and number, such as '04.1'",
        )
    return listed.loc[exercise]


def _choices(listed: Mapping) -> list[str]:
    return [choice.strip() for choice in listed["choices"].split(",")]


def _list_choices(listed: Mapping) -> str:
    return ", ".join(f'"{choice}"' for choice in _choices(listed))


def _misfit(listed: Mapping, answer: Any) -> str:
    """Say why an answer is not of the wanted kind; empty where it is."""
    kind = listed["kind"]
    if "number" in kind:
        if isinstance(answer, bool) or not isinstance(answer, Real):
            return f"A{describe(listed)[1:]} is wanted, not {answer!r}."
        if not isfinite(answer):
            return "That is no number to compare: is there a gap, or a division by zero?"
        if kind == "whole number" and answer % 1:
            return "A whole number is wanted: what is it that you count?"
        return ""
    if kind == "word" and not isinstance(answer, str):
        return f"A word in quotes is wanted, not {answer!r}."
    is_list = isinstance(answer, Iterable) and not isinstance(answer, str)
    if kind == "names" and not (is_list and all(isinstance(name, str) for name in answer)):
        return f'A list of names is wanted, such as ["A", "B"], not {answer!r}.'
    words = {answer} if kind == "word" else set(answer)
    if listed["choices"] and (unknown := sorted(words - set(_choices(listed)))):
        return f"{', '.join(map(repr, unknown))}: not among {_list_choices(listed)}."
    return ""


def _plain(listed: Mapping, answer: Any) -> Any:
    """Return what JSON can hold, with six digits, which every machine agrees on."""
    if listed["kind"] == "whole number":
        return int(answer)
    if listed["kind"] == "number":
        return float(f"{answer:.6g}")
    return answer if isinstance(answer, str) else sorted(set(answer))


def _equal(listed: Mapping, one: Any, other: Any, tolerance: float) -> bool:
    """Compare; a number may be off by its tolerance, or by half of the last decimal asked for."""
    if listed["kind"] != "number":
        return one == other
    half = _half_decimal(listed, other)
    return isclose(one, other, rel_tol=tolerance, abs_tol=max(half * (1 + 1e-9), 1e-12))


def _half_decimal(listed: Mapping, answer: float) -> float:
    half = 0.5 / 10 ** int(listed["decimals"]) if listed["decimals"] else 0
    return min(half, 0.1 * abs(answer))  # of a small number, all of it would be rounded away


def _compare_numbers(given: float, right: float, tolerance: float) -> str:
    """Say what may have gone wrong; a count (tolerance 0) has no unit that could be mistaken."""
    if not right or not given:
        return _SIGN
    is_turned = (given < 0) != (right < 0)
    decades = log10(abs(given)) - log10(abs(right))  # the quotient itself may be too small
    if tolerance:
        for factor, text in _SLIPS:
            if isclose(given, factor * right, rel_tol=tolerance):
                return text
        is_power = isclose(decades, round(decades), abs_tol=tolerance)
        if is_power and abs(decades) > 0.9 and not is_turned:
            return "The digits are right, the power of ten is not: check the units."
        if isclose(given * right, 1, rel_tol=tolerance):
            return "One divided by your number would be right."
    if is_turned:
        return _SIGN
    if isclose(given, right, rel_tol=0.05) or (isinstance(right, int) and abs(given - right) == 1):
        return "Close. Did you round too early, or leave a row out?"
    return f"The order of magnitude is {'wrong' if abs(decades) > 1 else 'right'}."


def _compare_names(given: set[str], right: set[str]) -> str:
    good = len(given & right)
    text = f"Not yet. {good} of your {len(given)} belong there"
    return f"{text}, and some are missing." if right - given else f"{text}."
