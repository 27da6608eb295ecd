"""What a path model says: which arrows it draws, and what follows from the drawing alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import check_word
from helpers.errors import InputError
from helpers.pathmodel.formula import calculate
from helpers.pathmodel.language import Slot, read_statements
from helpers.paths import DATA

MODELS = DATA / "models"
EXOGENOUS = ("correlated", "uncorrelated")
CONVENTIONS = ("amos", "lavaan")


@dataclass(frozen=True)
class PathModel:
    """A model of observed variables, as text in lavaan's language says it.

    The text has statements ``y ~ x1 + x2`` (arrows from x1 and x2 to y) and ``a ~~ b`` (a
    covariance). From it come all `paths` as (to, from), the `covariances` that it draws, and as
    `reasons` the comment behind each statement of arrows, by the variable that they point to.

    `modifiers` holds by (left, operator, right) what the text says of a coefficient, in units of
    the data: a label (two with the same label are equal) or the value that it is fixed at. What is
    fixed at 0 stands in no other field. `defined` holds the right sides of ``:=``, and `remarks`
    what was read and left out.
    """

    text: str
    paths: tuple[tuple[str, str], ...]
    covariances: tuple[tuple[str, str], ...] = ()
    reasons: dict[str, str] = field(default_factory=dict, compare=False)
    modifiers: dict[Slot, str | float] = field(default_factory=dict, hash=False)
    defined: dict[str, str] = field(default_factory=dict, hash=False)
    remarks: tuple[str, ...] = field(default=(), compare=False)

    @cached_property
    def _drawn(self) -> tuple[tuple[str, str], ...]:
        """Paths, and those that the text fixes at 0."""
        fixed = [(to, cause) for to, sign, cause in self.modifiers if sign == "~"]
        return tuple(dict.fromkeys([*self.paths, *fixed]))

    @cached_property
    def _ordered(self) -> tuple[str, ...] | None:
        """Variables, causes before effects; None where there is a loop."""
        graph = {to: self.parents(to) for to, _ in self._drawn}
        try:
            return tuple(TopologicalSorter(graph).static_order())
        except CycleError:
            return None

    @cached_property
    def endogenous(self) -> tuple[str, ...]:
        """Variables that an arrow points to, be it fixed at 0; causes before effects where there
        is no loop.
        """
        targets = dict.fromkeys(to for to, _ in self._drawn)
        return tuple(name for name in self._ordered or targets if name in targets)

    @cached_property
    def exogenous(self) -> tuple[str, ...]:
        """Variables that no arrow points to."""
        named = [cause for _, cause in self.paths] + list(chain(*self.covariances))
        named += chain(*((left, right) for left, _, right in self.modifiers))
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

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of coefficients, each once."""
        return tuple(dict.fromkeys(v for v in self.modifiers.values() if isinstance(v, str)))

    @property
    def restricted(self) -> bool:
        """Whether coefficients are equal, or fixed at another value than 0."""
        values = [value for value in self.modifiers.values() if value != 0]
        return len(values) > len(self.labels)

    def parents(self, variable: str) -> tuple[str, ...]:
        """Return the direct causes of a variable."""
        return tuple(cause for to, cause in self.paths if to == variable)

    def all_covariances(
        self, exogenous: str = "correlated", convention: str = "amos"
    ) -> tuple[tuple[str, str], ...]:
        """Return the covariances: those drawn, and those that the text leaves free without drawing
        them. They are those of exogenous variables, if these may correlate, and with lavaan's
        convention those between errors of outcomes that cause nothing, as ``sem()`` has them.

        One thing is not as in ``sem()``: an exogenous variable that stands in a line with ``~~``
        may still correlate with the others. lavaan 0.6-14 then lets it not, unless drawn.
        """
        check_word("exogenous", exogenous, EXOGENOUS)
        check_word("convention", convention, CONVENTIONS)
        causes = {cause for _, cause in self._drawn}
        final = [name for name in self.endogenous if name not in causes]
        among = chain(
            combinations(self.exogenous if exogenous == "correlated" else (), 2),
            combinations(final if convention == "lavaan" else (), 2),
        )
        said = {frozenset((one, other)) for one, sign, other in self.modifiers if sign == "~~"}
        said |= {frozenset(pair) for pair in self.covariances}
        return self.covariances + tuple(pair for pair in among if frozenset(pair) not in said)

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

    def count_parameters(self, exogenous: str = "correlated", convention: str = "amos") -> int:
        """Return the number of free paths, variances and covariances; equal ones count once."""
        slots = len(self.paths) + len(self.variables)
        slots += len(self.all_covariances(exogenous, convention))
        values = [value for value in self.modifiers.values() if value != 0]
        return slots - len(values) + len(self.labels)

    def define(self, values: Mapping[str, Any]) -> dict[str, Any]:
        r"""Return what the text defines by ``:=``, from the values of all labels.

        Parameters
        ----------
        values : mapping
            A number or an array, real or complex, for each of `labels`; shapes broadcast.

        Examples
        --------
        >>> model = parse_model("m ~ a*x\ny ~ b*m\nindirect := a * b")
        >>> float(model.define({"a": 0.5, "b": 0.25})["indirect"])
        0.125
        """
        known = {name: np.asarray(value) * 1.0 for name, value in values.items()}
        blank = np.zeros(np.broadcast_shapes(*(value.shape for value in known.values())))
        for name, text in self.defined.items():
            known[name] = calculate(f"{name} := {text}", text, known) + blank
        return {name: known[name] for name in self.defined}


def as_model(model: PathModel | str) -> PathModel:
    """Return a model that was given as it is, or as its text."""
    return parse_model(model) if isinstance(model, str) else model


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
    r"""Read a path model from text in the part of lavaan's language for observed variables.

    It reads ``y1 + y2 ~ x + z`` (arrows), ``a ~~ b`` (a covariance) and ``x ~~ x`` (a variance),
    each with ``a*x`` or ``label("a")*x`` (a label: what has the same one is equal), ``0.5*x`` (a
    fixed value) or ``NA*x`` (free), and ``ab := a*b`` (a defined effect). Statements end with the
    line or ``;``, and a line without a sign such as ``~`` goes on with the one before. ``#`` and
    ``!`` start a comment. Intercepts (``y ~ 1``) and starting values (``start(0.5)*x``,
    ``0.5?x``) are left out, and `remarks` says so.

    Parameters
    ----------
    text, where : str
        The model, and what to call it in an error.

    Raises
    ------
    InputError
        For anything else: all that is at fault, with the lines.

    Examples
    --------
    >>> parse_model("m ~ x\ny ~ x + m").paths
    (('m', 'x'), ('y', 'x'), ('y', 'm'))
    >>> parse_model("m ~ a*x; y ~ a*m +  # the same coefficient twice\n  0.5*x").modifiers
    {('m', '~', 'x'): 'a', ('y', '~', 'm'): 'a', ('y', '~', 'x'): 0.5}
    """
    said = read_statements(text, where)
    drawn = {sign: tuple((a, b) for a, op, b in said.free if op == sign) for sign in ("~", "~~")}
    return PathModel(
        text,
        paths=drawn["~"],
        covariances=drawn["~~"],
        reasons=said.reasons,
        modifiers=said.modifiers,
        defined=said.defined,
        remarks=tuple(said.remarks),
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
