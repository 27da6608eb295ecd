"""The part of lavaan's language that is for models of observed variables."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite

import numpy as np

from helpers.errors import Faults, InputError, show
from helpers.pathmodel.formula import NAME, NUMBER, calculate

Slot = tuple[str, str, str]
Mark = str | float | None
_QUOTED = r"\"[^\"]*\"|'[^']*'"
_WORD = re.compile(rf"{NUMBER}|{NAME}|{_QUOTED}")
_TOKEN = re.compile(rf"{_WORD.pattern}|:=|~~|\S")
_GROUP = r"%|^\s*(?:group|level|block|class)\s*:"
_BEGINS = re.compile(rf"[~=<>|]|{_GROUP}")
_MODIFIER = re.compile(
    rf"start\(-?{NUMBER}\)\*|-?{NUMBER}\?|(?P<value>-?{NUMBER})\*|(?P<label>{NAME})\*"
    rf"|label\((?P<mark>[\"'])(?P<quoted>{NAME})(?P=mark)\)\*"
)
_EQUAL = "the same label where coefficients are equal, no == or equal()"
_CORRECT = "correct this line"
_PRODUCT = 'add a column, data["x_z"] = data["x"] * data["z"], and write y ~ x + z + x_z'
_UNREAD = {  # by the sign of a construct or a slip: what is read in its place, and the mend
    r"=~": ("observed variables, no latent one (=~)", "take a column, or the mean of several"),
    r"<~": ("observed variables, no composite (<~)", "compute it as a column, and name that"),
    r"~\s*\*\s*~": ("no scaling factor (~*~)", "leave the line out"),
    r"==": (_EQUAL, "write y ~ a*x + a*z; what equals a number, as y ~ 0.5*x"),
    r"<->": ("a covariance as x ~~ y", "write ~~ between the two"),
    r"<-\s*''": ("the text of a model", "paste only what stands between the quotes"),
    r"->|<-": ("arrows as y ~ x, not x -> y", "turn it round: outcome ~ cause"),
    r"[<>]|\b(?:lower|upper)\s*\(": (
        "coefficients without bounds",
        "leave the bound out, and look at the estimate",
    ),
    r"\|": ("numbers on a scale, no thresholds (|)", "leave the line out"),
    _GROUP: (
        "one group and one level",
        "write the model of one group, and fit it to the rows of each by themselves",
    ),
    r"\b(?:c|rv|prior|efa)\s*\(": (
        "one group: one label or number in front of a name",
        "write a*x, and fit the model to the rows of each group by themselves",
    ),
    r"\bequal\s*\(": (_EQUAL, "write y ~ a*x + a*z"),
    r":(?!=)": ("columns as they are, no product such as x:z", _PRODUCT),
    r"\^|\b(?:I|log|exp|sqrt|poly|scale|factor)\s*\(": (
        "columns as they are, no formula such as I(x^2)",
        'add it as a column, such as data["x2"] = data["x"] ** 2, and write y ~ x + x2',
    ),
    r"^[^~<>:=]*=[^=~]*$": ("~ between an outcome and its causes", "write y ~ x, not y = x"),
    r"[0-9],[0-9]": ("a point in numbers, not a comma", "write 0.5*x, not 0,5*x"),
    "": (
        "names of letters, digits, . and _ (CN, not C/N; GP, not G+), as 'y ~ x1 + x2' or 'a ~~ b'",
        _CORRECT,
    ),
}
_ONE_MARK = (
    "one label or one number in front of a name",
    "write a*x or 0.5*x; a label for a product of others is defined by :=",
)
_ARROW = "at least one line such as y ~ x"
_KINDS = 6  # of faults that one error tells


def read_statements(text: str, where: str) -> Statements:
    """Read a text, or refuse it with all that is at fault, and the lines.

    Examples
    --------
    >>> read_statements("m ~ a*x; y ~ a*m", "path model").modifiers
    {('m', '~', 'x'): 'a', ('y', '~', 'm'): 'a'}
    """
    said, faults = Statements(), Faults()
    for number, statement, reason in _split_statements(text):
        with faults.gather():
            said.read(_Place(f"{where}, line {number}", statement), reason)
    if not faults:
        faults += said.contradictions()
    if not faults and not any(sign == "~" for _, sign, _ in said.free):
        faults.append(_Place(f"{where}, line 1", text.strip()).fault(_ARROW))
    kinds = list(dict.fromkeys((fault.needed, fault.mend) for fault in faults))[:_KINDS]
    Faults(fault for fault in faults if (fault.needed, fault.mend) in kinds).refuse()
    return said


@dataclass(frozen=True)
class _Place:
    """A statement, and where it stands."""

    where: str
    statement: str

    def fault(self, needed: str, mend: str = _CORRECT, found: str = "") -> InputError:
        found = found or show(self.statement)
        return InputError(self.where, needed=needed, found=found, mend=mend)

    def unread(self) -> InputError:
        """Return the fault of what is no model of observed variables, by the construct's name."""
        foreign = (sign for sign in self.statement if not (sign.isascii() or sign.isspace()))
        if sign := next(foreign, ""):
            name = unicodedata.name(sign, repr(sign))
            needed = f"names of the letters a to z, digits, . and _ ({sign} here is {name})"
            return self.fault(needed, "type it anew: a to z, - for minus, * for times")
        said = re.sub(_QUOTED, "''", self.statement)
        return self.fault(*next(told for sign, told in _UNREAD.items() if re.search(sign, said)))


@dataclass
class Statements:
    """What a text says: labels and fixed values (`modifiers`) by slot (left, sign, right), and
    what `helpers.pathmodel.PathModel` has of the same names.
    """

    modifiers: dict[Slot, str | float] = field(default_factory=dict)
    defined: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    _drawn: dict[Slot, _Place] = field(default_factory=dict)
    _alone: dict[str, _Place] = field(default_factory=dict)  # names where nothing is drawn
    _definitions: dict[str, _Place] = field(default_factory=dict)

    @property
    def free(self) -> list[Slot]:
        """Arrows and covariances, but for those that are fixed at 0."""
        joined = [slot for slot in self._drawn if slot[0] != slot[2]]
        return [slot for slot in joined if self.modifiers.get(slot) != 0]

    def read(self, place: _Place, reason: str) -> None:
        """Take in a statement."""
        words = _TOKEN.findall(place.statement)
        signs = [at for at, word in enumerate(words) if word in ("~", "~~", ":=")]
        names = _split_terms(words[: signs[0]]) if signs else [""]
        if not all(re.fullmatch(NAME, name) for name in names):
            raise place.unread()
        sign, right = words[signs[0]], words[signs[0] + 1 :]
        if sign == ":=":
            self._define(place, names)
            return
        whole = [bool(_WORD.fullmatch(word)) for word in words]
        if any(both == (True, True) for both in pairwise(whole)):
            mend = "join them by +; a line without a ~ goes on with the one before it"
            raise place.fault("a sign between two names or numbers", mend)
        if len(signs) > 1:
            raise place.unread()
        here: dict[Slot, list[Mark]] = {}
        for term in _split_terms(right):
            name, marks = self._read_term(place, term)
            if sign == "~" and name in ("0", "1"):
                self._alone.update(dict.fromkeys(names, place))
                self._remark(place, "an intercept, free or fixed: means are not modelled")
            elif re.fullmatch(NAME, name):
                for to in names:
                    slot = self._draw(place, to, sign, name, again=here if name != term else ())
                    here.setdefault(slot, []).extend(marks)
            else:
                raise place.unread()
        for slot, marks in here.items():
            self._settle(place, slot, marks)
        if sign == "~" and here and reason:
            for to in names:
                self.reasons[to] = "; ".join(filter(None, [self.reasons.get(to), reason]))

    def _remark(self, place: _Place, left_out: str) -> None:
        self.remarks.append(f"{place.where}: left out {left_out}")

    def _define(self, place: _Place, names: list[str]) -> None:
        if len(names) > 1 or names[0] in self.defined:
            raise place.fault(
                "a name that is defined once", "define each name in one line of its own"
            )
        text = place.statement.partition(":=")[2].strip()
        self.defined[names[0]], self._definitions[names[0]] = text, place

    def _read_term(self, place: _Place, term: str) -> tuple[str, list[Mark]]:
        """Return the name of a term, and the label or number in front of it (None for NA)."""
        marks: list[Mark] = []
        start = 0
        while found := _MODIFIER.match(term, start):
            start = found.end()
            if found["value"]:
                marks.append(float(found["value"]) + 0.0)
            elif label := found["label"] or found["quoted"]:
                marks.append(None if label == "NA" else label)
            else:
                self._remark(place, "a starting value: the search has many of its own")
        if len(marks) > 1:  # lavaan takes one of them, and drops the other without a word
            raise place.fault(*_ONE_MARK)
        return term[start:], marks

    def _draw(self, place: _Place, left: str, sign: str, right: str, again: Iterable[Slot]) -> Slot:
        """Add a slot, unless it is one of those that may be said again, and return it."""
        turned = (right, sign, left)
        slot = turned if sign == "~~" and turned in self._drawn else (left, sign, right)
        if (slot in self._drawn and slot not in again) or (sign == "~" and left == right):
            raise place.fault("each arrow, variance or covariance once, and no arrow to itself")
        self._drawn[slot] = place
        return slot

    def _settle(self, place: _Place, slot: Slot, marks: list[Mark]) -> None:
        said = set(marks) - {None}
        value = next(iter(said), None)
        if len(said) > 1 or (isinstance(value, float) and None in marks):
            raise place.fault(*_ONE_MARK)
        if isinstance(value, float) and not isfinite(value):
            raise place.fault("a finite number in front of a name")
        if isinstance(value, float) and slot[0] == slot[2] and value <= 0:
            raise place.fault("a variance that is free, or fixed above 0")
        if value is not None:
            self.modifiers[slot] = value

    def contradictions(self) -> Faults:
        """Return the faults of statements that do not go together."""
        faults = Faults()
        joined = {name for left, _, right in self._drawn if left != right for name in (left, right)}
        variances = {
            left: place for (left, _, right), place in self._drawn.items() if left == right
        }
        for name, place in (self._alone | variances).items():
            if name not in joined:
                needed = "variables that an arrow or a covariance joins to others"
                mend = "join it to another, or leave this line out"
                faults.append(place.fault(needed, mend, name))
        labels = {mark: slot for slot, mark in self.modifiers.items() if isinstance(mark, str)}
        for label, slot in labels.items():
            if label in joined:
                needed = "labels that are no variables (x*z is z with the label x, no product)"
                mend = f"take another name as label; for a product {_PRODUCT}"
                faults.append(self._drawn[slot].fault(needed, mend))
        known = dict.fromkeys(labels, np.float64(1))
        for name, place in self._definitions.items():
            if name in labels:
                needed = "a name that is not a label as well"
                faults.append(place.fault(needed, "take another name"))
            with faults.gather():
                calculate(place.where, self.defined[name], known)
            known[name] = np.float64(1)
        return faults


def _split_terms(words: list[str]) -> list[str]:
    """Return what stands between signs + that are in no parentheses, without spaces."""
    terms: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += (word == "(") - (word == ")")
        if word == "+" and not depth:
            terms.append([])
        else:
            terms[-1].append(word)
    return ["".join(term) for term in terms]


def _split_statements(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield each statement: its first line, its text, and the comments behind its lines."""
    found: list[tuple[int, list[str], list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        code = re.split("[#!]", line, maxsplit=1)[0]
        pieces = [piece.strip() for piece in code.split(";") if piece.strip()]
        for piece in pieces:
            if not found or _BEGINS.search(re.sub(_QUOTED, "", piece)):
                found.append((number, [], []))
            found[-1][1].append(piece)
        if pieces:
            found[-1][2].append(line[len(code) + 1 :].strip())
    for number, parts, comments in found:
        yield number, " ".join(parts), "; ".join(filter(None, comments))
