"""Path models of observed variables: what they say, their fit, their effects, their doubts.

semopy finds the optimum; everything that is computed from it has a written definition here and is
held against lavaan in the tests.
"""

from helpers.pathmodel.effects import effects
from helpers.pathmodel.fit import PathFit, fit_model, fit_moments
from helpers.pathmodel.indices import fit_indices
from helpers.pathmodel.spec import PathModel, parse_model, read_model

__all__ = [
    "PathFit",
    "PathModel",
    "effects",
    "fit_indices",
    "fit_model",
    "fit_moments",
    "parse_model",
    "read_model",
]
