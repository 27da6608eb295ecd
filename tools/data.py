"""``make data``: compute the embedded data set from the genuine files, or fetch such files.

Climate comes from the 24 GLDAS files of 2013-2014, elevation from pvlib's altitude table, the 30
sites from the reconstruction on both; oxygen from emulators of CMIP5 models (:mod:`tools.emulate`),
58 other sites, flux towers and soil respiration from their files, where these have been fetched.
Same input, same numbers.
The words of :mod:`tools.download` fetch instead.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from helpers import paths
from helpers.errors import InputError
from helpers.paper.site_sets import draw_site_sets
from helpers.paper.transect import split_by_columns, survey
from helpers.paper.transect_choices import split_choices, survey_choices
from helpers.paths import find_genuine, list_genuine
from helpers.readers.gldas import EMBEDDED_CLIMATE, PLATEAU_BOX, annual_mean, open_gldas
from helpers.readers.plateau_plots import EMBEDDED_PLOTS, read_plots
from helpers.readers.respiration import EMBEDDED_RESPIRATION, read_srdb
from helpers.readers.sites import allowed_columns
from helpers.readers.towers import EMBEDDED_TOWERS, read_towers
from helpers.readers.transect import read_transect
from helpers.reconstruction import EMBEDDED_PLACES, reconstruct_sites
from helpers.statistics.emulators import (
    EMBEDDED_CHOICES,
    EMBEDDED_EMULATORS,
    EMBEDDED_TEST,
    Emulator,
)
from helpers.statistics.projections import EMBEDDED_EAST_ASIA, load_east_asia
from helpers.study import EMBEDDED_ENSEMBLE, EMBEDDED_SITES, EMBEDDED_TOP, SEED, mean_top
from tools.disk_space import require_disk_space
from tools.download import SOURCES, describe, download
from tools.emulate import fit_all, spread, vary

_DECIMALS = 9  # of kg m-2 yr-1; the last bits of a double are others on other processors
_PACKED = {"dtype": "int32", "scale_factor": 1e-5, "_FillValue": -(2**31), "zlib": True}
_ROOM = 20  # MB
PERIOD = "2013-01 to 2014-12"
_KEPT_ATTRIBUTES = ("Conventions", "title", "source", "institution", "references", "inputs")


def embedded_climate(folder: Path) -> xr.Dataset:
    """Return the annual mean climate of the Plateau box as the book embeds it."""
    mean = annual_mean(open_gldas(folder))
    if mean.attrs["period"] != PERIOD:
        raise InputError(
            folder,
            needed=f"the months of the study, {PERIOD}",
            found=mean.attrs["period"],
            mend="point SOURCE to these 24 files (make run takes other years, with P=source=...)",
        )
    kept = {name: mean.attrs[name] for name in _KEPT_ATTRIBUTES if name in mean.attrs}
    mean.attrs = kept | {"period": mean.attrs["period"], "label": "assimilated"}
    for variable in mean.data_vars.values():
        variable.attrs = {
            name: variable.attrs[name]
            for name in ("standard_name", "long_name", "units", "cell_methods")
            if name in variable.attrs
        }
    return mean


def embedded_elevation() -> xr.DataArray:
    """Return pvlib's altitude table over the Plateau box, metres on (lat, lon)."""
    import h5py

    packaged = Path(importlib.util.find_spec("pvlib").origin).parent / "data" / "Altitude.h5"
    with h5py.File(packaged) as file:
        steps = file["Altitude"][:]
    step = 180 / steps.shape[0]
    latitude = 90 - step * (np.arange(steps.shape[0]) + 0.5)
    longitude = step * (np.arange(steps.shape[1]) + 0.5) - 180
    metres = steps.astype("int16") * 28 - 450  # pvlib's own packing, pvlib.location
    elevation = xr.DataArray(
        metres,
        {"lat": np.round(latitude, 4), "lon": np.round(longitude, 4)},
        name="elevation",
        attrs={"standard_name": "surface_altitude", "units": "m", "label": "observed"},
    )
    elevation["lat"].attrs = {"standard_name": "latitude", "units": "degrees_north"}
    elevation["lon"].attrs = {"standard_name": "longitude", "units": "degrees_east"}
    return elevation.sortby("lat").sel(PLATEAU_BOX)


def embedded_places() -> pd.DataFrame:
    """Return the places of one admissible set of thirty, from west to east."""
    sites = read_transect(columns="present")
    places = draw_site_sets(sites, 1, weighting="space", seed=SEED).places[0]
    columns = ["longitude", "latitude", "elevation", "land_cover"]
    table = sites.iloc[places][columns].sort_values("longitude").round(4)
    names = [f"T{number + 1:02d}" for number in range(len(table))]
    return table.set_axis(names).rename_axis("site")


def embedded_ensemble(emulators: dict[str, Emulator]) -> tuple[xr.Dataset, xr.DataArray]:
    """Return what the emulators put out over the Plateau, packed, and its mean TOP, unrounded.

    The first has ``top``, ``npp``, ``rh``, ``land_fraction`` and ``area`` as
    :func:`helpers.readers.open_ensemble` returns them. The two scenarios lie side by side, so that
    their common past is compressed to nothing.
    """
    whole = spread(emulators)
    for name in ("top", "npp", "rh"):
        chunks = (1, *whole[name].shape[1:])
        whole[name].encoding = {**_PACKED, "complevel": 9, "chunksizes": chunks}
    return whole, mean_top(whole)


def write_embedded(source: Path, target: Path) -> None:
    """Write the embedded data set into the folder `target`."""

    def place(name: str, write: Callable[..., object], **how: object) -> None:
        with tempfile.TemporaryDirectory(dir=target) as fresh:  # no name ever holds a part
            write(Path(fresh, name), **how)
            Path(fresh, name).replace(target / name)

    climate, elevation = embedded_climate(source), embedded_elevation()
    history = {"source": "pvlib packaged altitude table (Mapzen terrain tiles), 28 m steps"}
    relief = elevation.to_dataset().assign_attrs(history)
    place(EMBEDDED_CLIMATE.name, climate.to_netcdf, engine="scipy")
    place("elevation_tp.nc", relief.to_netcdf, engine="scipy")
    here = set(list_genuine())  # what was not fetched stays as it is embedded
    if "plateau_transect" in here:
        place(EMBEDDED_PLACES.name, embedded_places().to_csv, lineterminator="\n")
        transect = read_transect()
        choices = split_choices(survey_choices(transect))
        for name, table in (split_by_columns(survey(transect)) | choices).items():
            place(name, table.to_csv, lineterminator="\n")
    sites = reconstruct_sites(climate, SEED)
    place(EMBEDDED_SITES.name, sites.to_csv, lineterminator="\n")
    if {"plateau_plots", "tibet_fauna"} <= here:
        place(EMBEDDED_PLOTS.name, read_plots().round(6).to_csv, lineterminator="\n")
    if "fluxnet2015" in here:
        place(EMBEDDED_TOWERS.name, read_towers().to_csv, lineterminator="\n")
    if "srdb" in here:
        respiration = read_srdb().round(6)
        place(EMBEDDED_RESPIRATION.name, respiration.to_csv, lineterminator="\n")
    if "cmip6_reccap2" in here:
        east_asia = load_east_asia("genuine").round(6)
        place(EMBEDDED_EAST_ASIA.name, east_asia.to_csv, lineterminator="\n")
    if {"cmip5_oscar", "rcp"} <= here:
        emulators, found, test = fit_all()
        tables = {EMBEDDED_EMULATORS: found, EMBEDDED_TEST: test}
        tables[EMBEDDED_CHOICES] = vary(emulators)
        for path, table in tables.items():
            place(path.name, table.to_csv, lineterminator="\n", float_format="%.4g")
        ensemble, top = embedded_ensemble(emulators)
        top = top.round(_DECIMALS).to_dataset().assign_attrs(ensemble.attrs)
        place(EMBEDDED_TOP.name, top.to_netcdf, engine="scipy")
        place(EMBEDDED_ENSEMBLE.name, ensemble.to_netcdf, engine="netcdf4")
    template = pd.DataFrame([allowed_columns()])
    template.to_csv(target.parent / "sites_template.csv", index=False, lineterminator="\n")


def _computed_from(source: str | None) -> str:
    """Compute the embedded data from a folder, or from where the genuine files are found."""
    folder = Path(source) if source else find_genuine("gldas_noah10_m_v21")
    if not folder.is_dir():
        raise InputError(
            f"SOURCE={source}",
            needed=f"a word that says what to fetch:\n{describe()}\n"
            "    or a folder with GLDAS files of yours, to compute data/embedded from",
            found="no such word, and no such folder",
            mend="make data SOURCE=gldas, or SOURCE=/path/to/folder",
        )
    with require_disk_space(paths.DATA / "embedded", _ROOM):
        write_embedded(folder, paths.DATA / "embedded")
    return f"computed {paths.DATA / 'embedded'} from {folder}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make data", description=__doc__.splitlines()[0])
    parser.add_argument(
        "source",
        nargs="?",
        help=f"{', '.join(SOURCES)}: what to fetch; or a folder with the 24 GLDAS monthly files "
        "of 2013-2014, to compute from",
    )
    source = parser.parse_args().source
    try:
        print(download(source) if source in SOURCES else _computed_from(source))
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped: the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
