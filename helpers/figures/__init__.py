"""One house style, one function per kind of figure.

Every function returns ``fig, axes`` and leaves the alternative text on the figure, made from
the numbers that were drawn; :func:`helpers.figures.show` puts both into the page. A figure without
rows or columns says what the study lacks. Figures are drawn 4.8 inches wide with letters of 8.5-10
points, so that they can still be read 330 pixels wide, on a phone.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "compared_intervals": ["compared_intervals"],
        "correlations": [
            "chance_counts",
            "correlation_map",
            "correlation_matrix",
            "fading_marks",
        ],
        "effect_plots": ["effect_bars", "rank_chances"],
        "error_rates": [
            "least_curves",
            "mark_histograms",
            "power_curves",
            "rate_dots",
            "rate_lines",
        ],
        "factor_plots": ["column_tiles", "gradient_panels", "group_means"],
        "headline_panels": ["headline_panels"],
        "loop_plots": ["gain_distributions", "loop_panels", "response_steps", "ring_arrows"],
        "maps": ["field_maps", "site_map"],
        "path_diagrams": ["effect_web", "path_diagram"],
        "phase_diagrams": ["phase_diagram", "third_panels"],
        "printed_numbers": ["correlation_ranges", "possible_samples", "rows_behind_rmsea"],
        "respiration_plots": ["respiration_curves"],
        "site_networks": ["edge_matches", "set_density"],
        "specification_curves": [
            "choice_curve",
            "dependence_table",
            "specification_curve",
            "survival_chart",
        ],
        "style": ["name_in_words", "nothing_to_draw", "place_widget", "say_share", "show"],
        "tables": ["tabulate"],
        "time_series": [
            "carbon_bars",
            "emulator_panels",
            "model_changes",
            "name_scenario",
            "period_violins",
            "scenario_series",
        ],
        "tower_plots": ["tower_oxygen"],
        "transect_plots": [
            "class_means",
            "cover_zone_means",
            "relation_forest",
            "share_by_chance",
            "two_looks",
        ],
    },
)
