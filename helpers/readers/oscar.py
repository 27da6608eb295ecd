"""Runs of CMIP5 models over China's grassland, as they were reduced for the model OSCAR."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.errors import InputError, list_some
from helpers.readers.netcdf import open_netcdf
from helpers.readers.plots import find_collection

RUNS = {  # of 140 years: (what acts on the land, does carbon dioxide rise for plants)
    "ctrl": ("nothing", False),
    "fxcl": ("carbon dioxide alone", True),
    "fdbk": ("climate alone", False),
    "upct": ("both", True),
}
SCENARIOS = {"rcp45": "RCP4.5", "rcp85": "RCP8.5"}
PREINDUSTRIAL = 285.0  # ppm, from where the runs let it rise by 1 % a year
_MODELS = {  # as CMIP5 names it: its names in the files of land and of climate
    "bcc-csm1-1": ("BCC-CSM-11", "BCC-CSM-11"),
    "CESM1-BGC": ("CESM1-BGC", "CCSM4"),
    "CanESM2": ("CanESM2", "CanESM2"),
    "HadGEM2-ES": ("HadGEM2-ES", "HadGEM2-ES"),
    "IPSL-CM5A-LR": ("IPSL-CM5A-LR", "IPSL-CM5A-LR"),
    "MPI-ESM-LR": ("MPI-ESM-LR", "MPI-ESM-LR"),
    "NorESM1-ME": ("NorESM1-ME", "NorESM1-M"),
}
_CHINA, _REGIONS, _YEARS = 3, 114, 140  # the fourth column of 114
_HISTORICAL, _FUTURE = range(1850, 2006), range(2006, 2101)
_FETCH = "download it again: make data SOURCE=models"


def read_land_runs(source: str | Path = "genuine") -> pd.DataFrame:
    """Read what seven CMIP5 models do on China's grassland in four idealized runs: simulated.

    From the land parameters of OSCAR 2.4 (Gasser et al. 2017, Geosci. Model Dev. 10, 271-319),
    doi 10.5194/gmd-10-271-2017. No unit stands in the files: fluxes are Gt C a year over an area
    in Mha, as their global sums show.

    Parameters
    ----------
    source : "genuine" or path
        Where ``make data SOURCE=models`` or ``TIBET_REAL_DATA`` put the collection, or its folder.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``model``, ``run`` (a key of ``RUNS``) and ``year`` (1 to 140): ``npp`` and
        ``rh`` (kg m-2 yr-1 of carbon per m2 of grassland, positive), ``area`` (Mha), ``tas``
        (degrees Celsius) and ``pr`` (mm yr-1) of China, and ``co2`` (ppm) as plants meet it.

    Examples
    --------
    >>> read_land_runs().index.get_level_values("run").unique().tolist()  # doctest: +SKIP
    ['ctrl', 'fdbk', 'fxcl', 'upct']
    """
    folder = find_collection(source, "cmip5_oscar") / "Land_CMIP5"
    tables, rise = {}, PREINDUSTRIAL * 1.01 ** np.arange(1, _YEARS + 1)
    for model, (name, _) in _MODELS.items():
        for run, (_, fertilized) in RUNS.items():
            start = f"#DATA.Land_{name}.{_YEARS}yr_{_REGIONS}reg1.{run}_"
            parts = {"npp": "NPP_gra", "rh": "RH_gra", "area": "AREA_gra", "tas": "tas", "pr": "pr"}
            files = {name: folder / f"{start}{part}.csv" for name, part in parts.items()}
            found = {name: _read_china(file, _YEARS) for name, file in files.items()}
            for flux in ("npp", "rh"):
                found[flux] = 100 * found[flux] / found["area"]  # 1e12 kg over 1e10 m2
            found["co2"] = rise if fertilized else np.full(_YEARS, PREINDUSTRIAL)
            tables[model, run] = pd.DataFrame(found, index=pd.RangeIndex(1, _YEARS + 1))
    return pd.concat(tables, names=["model", "run", "year"]).sort_index()


def read_forcing(source: str | Path = "genuine") -> pd.DataFrame:
    """Read the climate of China in the same models, and the CO2 of two scenarios, 1850-2100.

    Climate from the files of OSCAR, as of :func:`read_land_runs` (that of CESM1-BGC from CCSM4,
    that of NorESM1-ME from NorESM1-M, which share their atmosphere); CO2 of Meinshausen et al.
    (2011), doi 10.1007/s10584-011-0156-z, from the folder ``rcp`` beside it.

    Returns a DataFrame indexed by ``model``, ``scenario`` (rcp45, rcp85; the past is the same in
    both) and ``year``: ``tas`` (degrees Celsius), ``pr`` (mm yr-1), ``co2`` (ppm).
    """
    folder, tables = find_collection(source, "cmip5_oscar") / "ClimReg_CMIP5", {}
    rcp = source if source == "genuine" else folder.parents[1]
    concentrations = _read_concentrations(find_collection(rcp, "rcp"))
    for model, (_, name) in _MODELS.items():
        start = f"#DATA.ClimReg_{name}"
        for scenario in SCENARIOS:
            parts = []
            for run, years in (("hist", _HISTORICAL), (scenario, _FUTURE)):
                period = f"{start}.{years[0]}-{years[-1]}_{_REGIONS}reg1.{run}"
                files = {name: folder / f"{period}_{name}.csv" for name in ("tas", "pr")}
                climate = {name: _read_china(file, len(years)) for name, file in files.items()}
                parts.append(pd.DataFrame(climate, index=years))
            tables[model, scenario] = pd.concat(parts).assign(co2=concentrations[scenario])
    return pd.concat(tables, names=["model", "scenario", "year"]).sort_index()


def _read_china(path: Path, rows: int) -> np.ndarray:
    """Return the column of China of a table without names; refuse another shape."""
    try:
        table = np.loadtxt(path, delimiter=",", ndmin=2, comments=None)
        if table.shape != (rows, _REGIONS) or not np.isfinite(table[:, _CHINA]).all():
            raise ValueError(f"{' x '.join(map(str, table.shape))} numbers")
    except (OSError, ValueError) as error:
        needed = f"{rows} rows of {_REGIONS} numbers, those of China without gaps"
        raise InputError(path, needed=needed, found=str(error), mend=_FETCH) from error
    return table[:, _CHINA]


def _read_concentrations(folder: Path) -> pd.DataFrame:
    path = folder / "concentrations_Meinshausen_2011.nc"
    file = open_netcdf(path, _FETCH)
    if not {"CO2", "scen", "year"} <= {*file.variables}:
        found = list_some(sorted(file.variables))
        raise InputError(path, needed="CO2, scen and year", found=found, mend=_FETCH)
    table = file["CO2"].transpose("year", "scen").astype(float).to_pandas()
    past = table["historical"].loc[: _HISTORICAL[-1]]
    whole = {
        name: pd.concat([past, table[code].loc[_FUTURE[0] :]]) for name, code in SCENARIOS.items()
    }
    return pd.DataFrame(whole).loc[_HISTORICAL[0] : _FUTURE[-1]]
