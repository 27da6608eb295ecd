"""Path models of observed variables: what they say, their fit, their effects, their doubts.

A recursive model has its optimum in closed form; for others semopy finds it. Everything that is
computed from it has a written definition here and is held against lavaan in the tests.
"""

from helpers.pathmodel.diagnostics import collinearity, d_separation, swain
from helpers.pathmodel.effects import effects
from helpers.pathmodel.fit import PathFit, fit_model, fit_moments
from helpers.pathmodel.indices import fit_indices
from helpers.pathmodel.nonrecursive import fit_from_starts, identify
from helpers.pathmodel.published import implied_sample
from helpers.pathmodel.resampling import (
    bollen_stine,
    bootstrap_effects,
    influence,
    order_agreement,
    rank_stability,
)
from helpers.pathmodel.spec import PathModel, parse_model, read_model

__all__ = [
    "PathFit",
    "PathModel",
    "bollen_stine",
    "bootstrap_effects",
    "collinearity",
    "d_separation",
    "effects",
    "fit_from_starts",
    "fit_indices",
    "fit_model",
    "fit_moments",
    "identify",
    "implied_sample",
    "influence",
    "order_agreement",
    "parse_model",
    "rank_stability",
    "read_model",
    "swain",
]
