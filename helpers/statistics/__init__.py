"""What numbers say of each other: associations, differences, gradients, change in time."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "associations": [
            "as_matrix",
            "control_errors",
            "correlate",
            "correlation_p",
            "count_by_chance",
            "effective_sizes",
            "moran_correlogram",
            "pair_distances",
            "significance_marks",
        ],
        "clusters": ["cluster_regression", "pool_equations", "respiration_curve"],
        "comparisons": ["choose_groups", "compare_means", "compare_pairs"],
        "emulators": [
            "LEFT_OUT",
            "PARAMETERS",
            "load_emulators",
            "load_emulators_choices",
            "load_emulators_test",
        ],
        "gradients": ["describe_shape", "fit_gradients", "spatial_slopes"],
        "neighbours": ["count_among_neighbours", "name_blocks", "randomization_test"],
        "projections": [
            "compare_periods",
            "fit_trend",
            "load_east_asia",
            "share_votes",
            "spread_of_models",
        ],
    },
)
