"""What belongs to this one paper: its claims, its printed numbers, its models and its design."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "claims": ["NO_DATA", "load_claims", "weigh"],
        "group_models": ["fit_group", "published_order"],
        "phases": ["SUPPORTS", "list_markers", "load_links", "load_phases", "time_changes"],
        "published": ["bound_discrepancy", "implied_sample"],
        "reprint": ["bound_determinant", "load_published_loop", "matching_correlations"],
        "simulation": [
            "count_false_marks",
            "cover_effects",
            "draw_covariances",
            "draw_fields",
            "equal_effects",
            "fit_recursive",
            "judge_loops",
            "least_correlation",
            "power_of_correlation",
            "print_rate",
            "rates",
            "ratio",
            "read_truth",
            "regress_many",
            "search_loops",
        ],
        "specifications": ["acting_choices", "explained", "load_sweep"],
    },
)
