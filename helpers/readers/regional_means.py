"""Yearly carbon fluxes of whole regions from CMIP6 models, as Jones et al. (2023) summed them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from helpers.errors import InputError, list_some
from helpers.oxygen import ANNUAL_FLUX, OXYGEN_PER_CARBON
from helpers.readers.grids import cell_area
from helpers.readers.netcdf import open_netcdf
from helpers.readers.plots import find_collection
from helpers.readers.tables import read_cells, to_numbers

SCENARIOS = ("ssp126", "ssp370")
_YEARS = {"historical": range(1850, 2015), **dict.fromkeys(SCENARIOS, range(2015, 2101))}
_VARIABLES = ("npp", "rh", "nbp")
_NAME = re.compile(
    rf"CMIP6_(?P<model>[^_]+)_Lmon_(?P<experiment>{'|'.join(_YEARS)})_[^_]+_"
    rf"(?P<variable>{'|'.join(_VARIABLES)})_East_Asia_\d+-\d+\.txt"
)
_MASK, _REGION = "RECCAP_AfricaSplit_MASK11_Mask_regridded.nc", 8
_AGAIN = "download it again: make data SOURCE=models"
_KG_PER_PG = 1e12


def read_regional_means(source: str | Path = "genuine") -> xr.Dataset:
    """Read the yearly carbon fluxes of East Asia in sixteen CMIP6 models: simulated.

    Jones et al. (2023), AGU Advances, doi 10.1029/2023AV001024.

    Parameters
    ----------
    source : "genuine" or path
        Where ``make data`` or ``TIBET_REAL_DATA`` put the collection ``cmip6_reccap2``, or a folder
        with it.

    Returns
    -------
    xarray.Dataset
        On (scenario, model, year), 1850-2014 historical in both scenarios, then SSP1-2.6 or
        SSP3-7.0 to 2100: ``npp``, ``rh``, ``nbp`` (positive into the land; kg m-2 yr-1 of carbon),
        and ``top`` = (NPP - Rh) 32/12 (kg m-2 yr-1 of oxygen); NaN where a model lacks a flux.
        Attributes: ``area`` of the region (m2), ``left_out`` (a line per model without TOP, with
        the reason) and ``label``.

    Notes
    -----
    The files name no unit; the authors' published code says PgC yr-1, which becomes kg m-2 by the
    area of region 8 of their mask: 11.68 million km2 of whole 1 degree cells, sea in coastal cells
    included. By the elevation table of ``make data`` 98 % of it is land, so that per m2 of land
    all fluxes are 2 % larger. A model is refused whose NBP is not below NPP - Rh on average, as
    fire, harvest and land use can only take away.

    Examples
    --------
    >>> read_regional_means()["top"].sizes["model"]  # doctest: +SKIP
    16
    """
    folder = find_collection(source, "cmip6_reccap2")
    files = _find_files(folder)
    pieces = {name: _read(path, name[2], _YEARS[name[0]]) for name, path in files.items()}
    table = pd.concat(pieces, names=["experiment", "model", "variable"]).unstack("variable")
    runs = {name: table.loc[["historical", name]].droplevel("experiment") for name in SCENARIOS}
    means = pd.concat(runs, names=["scenario"]).to_xarray()
    mask = open_netcdf(folder / _MASK, _AGAIN)
    area = cell_area(mask["lat_bnds"], mask["lon_bnds"]).where(mask["Region_Map"] == _REGION).sum()
    for name in _VARIABLES:
        means[name] = (means[name] * _KG_PER_PG / area).assign_attrs(units=ANNUAL_FLUX)
    nep = means["npp"] - means["rh"]
    means["top"] = (nep * OXYGEN_PER_CARBON).assign_attrs(units=ANNUAL_FLUX)
    losses = (nep - means["nbp"]).mean(["scenario", "year"])
    if wrong := losses["model"].values[losses <= 0].tolist():
        raise InputError(
            folder,
            needed="NBP below NPP - Rh on average, as fire, harvest and land use take away",
            found=f"it is not, in {list_some(wrong)}",
            mend=f"look whether a sign or two files were exchanged, or {_AGAIN}",
        )
    gaps = means[["npp", "rh"]].isnull().any(["scenario", "year"]).to_dataframe()
    left_out = [
        f"{model}: no complete {' and '.join(gaps.columns[gap])}"
        for model, gap in gaps.T.items()
        if gap.any()
    ]
    return means.assign_attrs(area=float(area), left_out="\n".join(left_out), label="simulated")


def _find_files(folder: Path) -> dict[tuple[str, str, str], Path]:
    """Return the file of each experiment, model and variable."""
    found = {}
    for path in sorted(folder.rglob("CMIP6_*.txt")):
        if name := _NAME.fullmatch(path.name):
            key = name["experiment"], name["model"], name["variable"]
            if key in found:
                raise InputError(
                    path,
                    needed="one file of each model, experiment and variable",
                    found=f"{found[key].name}, too",
                    mend="take one of them out of the folder",
                )
            found[key] = path
    wanted = {(experiment, variable) for experiment in _YEARS for variable in _VARIABLES}
    if missing := wanted - {(experiment, variable) for experiment, _, variable in found}:
        raise InputError(
            folder,
            needed="files named like CMIP6_MODEL_Lmon_ssp126_RUN_npp_East_Asia_2015-2100.txt",
            found=f"none for {list_some(sorted(' '.join(each) for each in missing))}",
            mend=_AGAIN,
        )
    return found


def _read(path: Path, variable: str, years: range) -> pd.Series:
    names = ["year", variable]
    table = read_cells(path, names, _AGAIN, sep=r"\s+", header=None, names=names)
    limits = {"year": (1850, 2100, "a year"), variable: (-50, 50, "Pg of carbon a year")}
    table = to_numbers(path, table, limits, "year")
    if not np.array_equal(table["year"], years):
        raise InputError(
            path,
            needed=f"the years {years[0]} to {years[-1]}, each once, in order",
            found=list_some(table["year"].astype(int), 5),
            mend=_AGAIN,
        )
    return table.set_index(table["year"].astype(int))[variable]
