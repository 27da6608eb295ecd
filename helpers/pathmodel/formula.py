"""Formulas of defined effects, the right sides of lavaan's ``:=``."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np

from helpers.errors import InputError, list_some, show

NAME = r"\.?[A-Za-z_][A-Za-z0-9_.]*"
NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_LONGEST = 400  # names, numbers and signs, lest a formula is nested too deep
_TOKEN = re.compile(rf"({NUMBER})|({NAME})|(\*\*|[-+*/^()])|(\S)")
_FUNCTIONS = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt}
_SIGNS: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


def calculate(where: str, text: str, values: Mapping[str, Any]) -> Any:
    """Return the value of a formula.

    Parameters
    ----------
    where, text : str
        What to call it in an error, and the formula: names, numbers, parentheses, exp, log, sqrt
        and ``+ - * / ^``, which bind as in R (``-a^2`` is -(a^2), and ``**`` the same as ``^``).
    values : mapping
        By name, NumPy's real or complex floats, or arrays of them.

    Returns
    -------
    float or array
        NaN or infinite where the formula has no value.

    Raises
    ------
    InputError
        For a formula of anything else, and for names without a value.

    Examples
    --------
    >>> float(calculate("line 3", "-a^2 + 1", {"a": np.float64(3)}))
    -8.0
    """
    tokens = _TOKEN.findall(text)
    words, names = [], []
    for (number, name, sign, _), after in zip_longest(tokens, tokens[1:]):
        if name and not (name in _FUNCTIONS and after and after[2] == "("):
            words.append(f"_{len(names)}")  # lest it is a word of Python
            names.append(name)
        else:
            words.append(str(float(number)) if number else name or sign.replace("^", "**"))
    try:
        if len(tokens) > _LONGEST or any(other for *_, other in tokens):
            raise SyntaxError
        with np.errstate(all="ignore"):
            tree = ast.parse(" ".join(words), mode="eval").body
            found = _value(tree, [values.get(name, np.float64(1)) for name in names])
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise InputError(
            where,
            needed="a formula of labels, numbers, + - * / ^, parentheses, exp, log and sqrt; at "
            f"most {_LONGEST} of them",
            found=show(text) if text else "none",
            mend="write it with these, in several steps if it is long",
        ) from error
    if unknown := [name for name in dict.fromkeys(names) if name not in values]:
        raise InputError(
            where,
            needed="labels of coefficients, and names that a line above defines",
            found=list_some(unknown, 5),
            mend="label the coefficient, as in y ~ a*x, or move the line below the definition",
        )
    return found


def _value(tree: ast.expr, values: list[Any]) -> Any:
    """Return the value of a formula, in which the k-th name is called _k."""
    match tree:
        case ast.Constant(float(number)):
            return np.float64(number)
        case ast.Name(name) if name.startswith("_"):
            return values[int(name[1:])]
        case ast.UnaryOp(sign, inner) if type(sign) in _SIGNS:
            return _SIGNS[type(sign)](_value(inner, values))
        case ast.BinOp(left, sign, right) if type(sign) in _SIGNS:
            return _SIGNS[type(sign)](_value(left, values), _value(right, values))
        case ast.Call(ast.Name(name), [inner]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](_value(inner, values))
    raise SyntaxError
