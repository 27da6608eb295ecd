"""What a path model says: which arrows it draws, and what follows from the drawing alone."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import chain, combinations
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd

from helpers.checks import check_word
from helpers.errors import InputError
from helpers.paths import DATA

MODELS = DATA / "models"
EXOGENOUS = ("correlated", "uncorrelated")
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_LINE = re.compile(rf"({_NAME})\s*(~~?)\s*({_NAME}(?:\s*\+\s*{_NAME})*)")


@dataclass(frozen=True)
class PathModel:
    """A model of observed variables, as text in lavaan's language says it.

    The text has lines ``y ~ x1 + x2`` (arrows from x1 and x2 to y) and ``a ~~ b`` (a covariance).
    From it come all `paths` as (to, from), the `covariances` that it draws, and as `reasons` the
    comment behind each line of arrows (after ``#``), by the variable that they point to.
    """

    text: str
    paths: tuple[tuple[str, str], ...]
    covariances: tuple[tuple[str, str], ...] = ()
    reasons: dict[str, str] = field(default_factory=dict, compare=False)

    @cached_property
    def _ordered(self) -> tuple[str, ...] | None:
        """Variables, causes before effects; None where there is a loop."""
        graph = {to: self.parents(to) for to, _ in self.paths}
        try:
            return tuple(TopologicalSorter(graph).static_order())
        except CycleError:
            return None

    @cached_property
    def endogenous(self) -> tuple[str, ...]:
        """Variables that an arrow points to; causes before effects where there is no loop."""
        targets = dict.fromkeys(to for to, _ in self.paths)
        return tuple(name for name in self._ordered or targets if name in targets)

    @cached_property
    def exogenous(self) -> tuple[str, ...]:
        """Variables that no arrow points to."""
        named = [cause for _, cause in self.paths] + list(chain(*self.covariances))
        return tuple(name for name in dict.fromkeys(named) if name not in self.endogenous)

    @property
    def variables(self) -> tuple[str, ...]:
        """Exogenous, then endogenous variables."""
        return self.exogenous + self.endogenous

    @cached_property
    def recursive(self) -> bool:
        """Whether it has neither a loop nor a covariance between an error and anything else."""
        errors = set(self.endogenous).intersection(chain(*self.covariances))
        return self._ordered is not None and not errors

    def parents(self, variable: str) -> tuple[str, ...]:
        """Return the direct causes of a variable."""
        return tuple(cause for to, cause in self.paths if to == variable)

    def all_covariances(self, exogenous: str = "correlated") -> tuple[tuple[str, str], ...]:
        """Return the free covariances: those drawn, and those of exogenous variables, if they may
        correlate though the text does not draw it. AMOS lets them not; lavaan does.
        """
        check_word("exogenous", exogenous, EXOGENOUS)
        among = combinations(self.exogenous, 2) if exogenous == "correlated" else ()
        drawn = {frozenset(pair) for pair in self.covariances}
        return self.covariances + tuple(pair for pair in among if frozenset(pair) not in drawn)

    def claims(self, exogenous: str = "correlated") -> dict[tuple[str, str], list[str]]:
        """Return the pairs that no arrow or covariance joins, and the causes of both, given which
        a recursive model says that they are independent.
        """
        joined = {frozenset(pair) for pair in self.paths + self.all_covariances(exogenous)}
        return {
            (one, other): list(dict.fromkeys(self.parents(one) + self.parents(other)))
            for one, other in combinations(self.variables, 2)
            if frozenset((one, other)) not in joined
        }

    def count_moments(self) -> int:
        """Return the number of variances and covariances, p (p + 1) / 2."""
        return len(self.variables) * (len(self.variables) + 1) // 2

    def count_parameters(self, exogenous: str = "correlated") -> int:
        """Return the number of free paths, variances and covariances."""
        return len(self.paths) + len(self.variables) + len(self.all_covariances(exogenous))


def read_model(source: str | Path) -> PathModel:
    """Read ``climatic``, ``plant``, ``soil`` or ``microbial``, or the text file of a path model.

    Examples
    --------
    >>> read_model("plant").parents("EVI")
    ('CG', 'CF')
    """
    path = MODELS / f"{source}.lav"
    path = path if os.path.exists(path) else Path(source)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # such as other bytes than text, in it or in its name
        known = ", ".join(sorted(file.stem for file in MODELS.glob("*.lav")))
        raise InputError(
            path,
            needed="a path model in lavaan's language",
            found="no such file" if isinstance(error, FileNotFoundError) else "no text file",
            mend=f"give a file, or one of {known}",
        ) from error
    return parse_model(text, where=str(path))


def parse_model(text: str, where: str = "path model") -> PathModel:
    r"""Read a path model from text.

    Parameters
    ----------
    text, where : str
        Lines in the part of lavaan's language that :class:`PathModel` knows, and what to call the
        text in an error.

    Examples
    --------
    >>> parse_model("m ~ x\ny ~ x + m").paths
    (('m', 'x'), ('y', 'x'), ('y', 'm'))
    """
    paths, covariances, reasons = {}, {}, {}
    for number, line in enumerate(text.splitlines(), start=1):
        statement, reason = (part.strip() for part in line.partition("#")[::2])
        if not statement:
            continue
        match = _LINE.fullmatch(statement)
        if not match:
            _refuse(where, number, statement, _why_not(statement))
        left, operator, right = match.groups()
        drawn, pair = (paths, tuple) if operator == "~" else (covariances, frozenset)
        for name in re.findall(_NAME, right):
            key = pair((left, name))
            if left == name or key in drawn:
                _refuse(where, number, statement, "each arrow or covariance once, of two variables")
            drawn[key] = (left, name)
        if operator == "~" and reason:
            reasons[left] = "; ".join(filter(None, [reasons.get(left), reason]))
    if not paths:
        _refuse(where, 1, text.strip()[:60], "at least one line such as TOP ~ TF")
    return PathModel(text, tuple(paths), tuple(covariances.values()), reasons)


def _why_not(statement: str) -> str:
    if "=~" in statement:
        return "observed variables only: lines 'y ~ x' and 'a ~~ b', no latent '=~'"
    if "*" in statement or re.search(r"~\s*[01]\b", statement):
        return "free parameters only: no labels, fixed values or intercepts"
    if not statement.isascii():
        foreign = next(letter for letter in statement if not letter.isascii())
        name = unicodedata.name(foreign, repr(foreign))
        return f"names of the letters a to z, digits and _ ({foreign} here is {name})"
    return "names of letters, digits and _ (CN, not C/N; GP, not G+), as 'y ~ x1 + x2' or 'a ~~ b'"


def _refuse(where: str, number: int, found: str, needed: str) -> NoReturn:
    raise InputError(
        f"{where}, line {number}", needed=needed, found=repr(found), mend="correct this line"
    )


def joined(model: PathModel, outcome: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the variables of :func:`effect_pairs`: rows (to), columns (from)."""
    names = model.variables
    step = np.array([[float((to, cause) in model.paths) for cause in names] for to in names])
    reached = np.linalg.matrix_power(step + np.eye(len(names)), len(names)) @ step > 0
    wanted = np.array([outcome in (None, to) for to in names])
    return np.nonzero(reached & wanted[:, None])


def effect_pairs(model: PathModel, outcome: str | None = None) -> pd.MultiIndex:
    r"""Return the pairs (from, to) of variables that are joined by at least one chain of arrows.

    Parameters
    ----------
    model, outcome : PathModel, str
        With an outcome, only the pairs that end there count.

    Examples
    --------
    >>> effect_pairs(parse_model("m ~ x\ny ~ m")).to_list()
    [('x', 'm'), ('x', 'y'), ('m', 'y')]
    """
    names = np.array(model.variables)
    to, cause = joined(model, outcome)
    return pd.MultiIndex.from_arrays([names[cause], names[to]], names=["from", "to"])


def check_recursive(model: PathModel, mend: str) -> None:
    """Refuse a model that is not recursive, and say what to do."""
    if not model.recursive:
        raise InputError(
            "path model",
            needed="a recursive model: no loop, no covariance of an error",
            found="a loop" if not model.covariances else "a loop or a covariance of an error",
            mend=mend,
        )
