"""Readers: from files, each checked, to tables and grids with units."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "earth_system_models": ["open_ensemble", "open_historical"],
        "gldas": [
            "annual_mean",
            "find_gldas_files",
            "load_climate",
            "open_gldas",
            "sample",
        ],
        "grids": ["cell_area"],
        "plots": ["add_climate", "read_field_sites"],
        "respiration": ["read_equations", "read_respiration", "screen_records"],
        "sites": ["LAND_COVERS", "ZONES", "read_sites"],
        "terrain": ["cell_elevation", "load_elevation", "plateau_mask"],
    },
)
