"""What readers of tables of real sites share: where a collection is, and the climate of a site."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from helpers.errors import InputError
from helpers.paths import FETCHED_BY, find_genuine
from helpers.readers.gldas import load_climate, sample
from helpers.readers.terrain import load_elevation

FETCH = "download it again: make data SOURCE=sites"


def find_collection(source: str | Path, name: str) -> Path:
    """Return the folder of a collection, such as srdb, from "genuine", it or its parent."""
    if source == "genuine":
        return find_genuine(name)
    folders = [folder for folder in (Path(source) / name, Path(source)) if folder.is_dir()]
    if not folders:
        raise InputError(
            source,
            needed=f"'genuine', or a folder with the collection {name}",
            found="no such folder",
            mend=f"check the path, or fetch the files: make data SOURCE={FETCHED_BY[name]}",
        )
    return folders[0]


def add_climate(sites: pd.DataFrame) -> pd.DataFrame:
    """Add to sites the climate of GLDAS in 2013-2014, assimilated, and elevation, observed.

    The sites have longitude and latitude. Added are the climatic factor codes in GLDAS units,
    ``relief`` (m, of the 1/12 degree cell) and ``cell``, the name of the 1 degree climate cell.

    Examples
    --------
    >>> sites = pd.DataFrame({"longitude": [91.1], "latitude": [29.7]}, index=["Lhasa"])
    >>> add_climate(sites)[["relief", "cell"]].values.tolist()
    [[3974.0, '29.5 N, 91.5 E']]
    """
    climate = load_climate()
    weather = sample(climate, sites["longitude"], sites["latitude"])
    points = {"lat": sites["latitude"].to_xarray(), "lon": sites["longitude"].to_xarray()}
    cell = climate.sel(points, method="nearest")
    names = [f"{lat:g} N, {lon:g} E" for lat, lon in zip(cell["lat"], cell["lon"], strict=True)]
    relief = load_elevation().sel(points, method="nearest").to_series().astype(float)
    return sites.join(weather).assign(relief=relief, cell=names)
