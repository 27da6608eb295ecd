"""Readers: from files, each checked, to tables and grids with units."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "archive_files": ["holds_archive"],
        "earth_system_models": ["open_ensemble"],
        "gldas": [
            "annual_mean",
            "load_climate",
            "open_gldas",
            "sample",
        ],
        "grids": ["cell_area"],
        "plateau_plots": ["load_plots", "read_plots"],
        "plots": ["add_climate"],
        "regional_means": ["read_regional_means"],
        "respiration": ["load_respiration", "read_srdb"],
        "sites": ["LAND_COVERS", "ZONES", "list_columns", "read_sites"],
        "terrain": ["cell_elevation", "load_elevation", "plateau_mask", "way_southeast"],
        "towers": ["load_tower_sites", "load_towers", "read_towers"],
        "transect": ["read_transect"],
    },
)
