"""Path models of observed variables: what they say, their fit, their effects, their doubts.

A recursive model, or one of one loop, has its optimum in closed form; for others a search from many
starts finds it. Everything has a written definition here, held against lavaan in the tests.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "decomposition": ["effects"],
        "diagnostics": ["d_separation", "swain"],
        "fit": ["PathFit", "fit_model"],
        "indices": ["chi2_indices", "fit_indices"],
        "loop": [
            "choose_nodes",
            "feedback",
            "find_loop",
            "fit_many",
            "imply_correlations",
            "read_loop",
            "respond",
        ],
        "misfit": ["modification_indices", "residual_correlations"],
        "moments": ["read_moments"],
        "nonrecursive": ["identify"],
        "recursive": ["effects_on"],
        "resampling": [
            "bollen_stine",
            "bootstrap_defined",
            "bootstrap_effects",
            "bootstrap_loop",
        ],
        "spec": ["PathModel", "effect_pairs", "parse_model", "read_model"],
    },
)
