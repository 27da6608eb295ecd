"""Standardized direct, indirect and total effects, with their standard errors."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import check_level, check_word
from helpers.pathmodel.fit import PathFit
from helpers.pathmodel.frame import delta_errors, effect_matrices
from helpers.pathmodel.spec import effect_pairs, joined

KINDS = ("direct", "indirect", "total")


def effects(fit: PathFit, outcome: str | None = None, confidence: float = 0.95) -> pd.DataFrame:
    r"""Return the standardized effects of a fitted model.

    With path coefficients B,

    .. math:: \text{total} = B + B^2 + B^3 + \dots = (I - B)^{-1} - I, \quad
              \text{indirect} = \text{total} - B,

    in standard deviations that the model implies. Each has ``_se`` (delta method), ``_low`` and
    ``_high`` (normal interval). A model with a loop has a last column, ``stability_index``: where
    it is 1 or more, the sum of all rounds has no end, what (I - B)^-1 gives is not that sum, and a
    warning says so.

    Parameters
    ----------
    fit : PathFit
        From :func:`helpers.pathmodel.fit_model`.
    outcome : str, optional
        Only effects on this variable.
    confidence : as for :func:`helpers.statistics.correlate`

    Examples
    --------
    >>> from helpers.pathmodel import fit_model, parse_model
    >>> R = pd.DataFrame([[1, 0.5, 0.3], [0.5, 1, 0.6], [0.3, 0.6, 1]], list("xmy"), list("xmy"))
    >>> found = effects(fit_model(parse_model("m ~ x\ny ~ m"), R, 30), "y")
    >>> found["total"].round(2).to_dict()
    {('x', 'y'): 0.3, ('m', 'y'): 0.6}
    """
    confidence = check_level("confidence", confidence, usual=0.95)
    if outcome is not None:
        check_word("outcome", outcome, fit.model.endogenous)
    to, cause = joined(fit.model, outcome)

    def of(theta: np.ndarray) -> np.ndarray:
        direct, total = effect_matrices(*fit.frame.matrices(theta))
        return np.concatenate([each[to, cause] for each in (direct, total - direct, total)])

    values = of(fit.theta).reshape(3, -1)
    errors = delta_errors(of, fit.theta, fit.covariance).reshape(3, -1)
    reach = stats.norm.ppf((1 + confidence) / 2) * errors
    numbers = np.stack([values, errors, values - reach, values + reach], axis=1)
    columns = [f"{kind}{end}" for kind in KINDS for end in ("", "_se", "_low", "_high")]
    pairs = effect_pairs(fit.model, outcome)
    table = pd.DataFrame(numbers.reshape(len(columns), -1).T, pairs, columns)
    index = warn_of_growth(fit.stability_index)
    return table.assign(stability_index=index) if index else table


def warn_of_growth(index: float) -> float:
    """Return a stability index; warn if effects do not end."""
    if index >= 1:
        warnings.warn(
            f"an unstable solution (stability index {index:.3g}): its indirect and total effects "
            "are no sums over rounds",
            stacklevel=3,
        )
    return index
