"""From emulators of CMIP5 models to an ensemble over the Plateau: emulated.

Each model's grassland of China (:mod:`helpers.statistics.emulators`) is driven by the carbon
dioxide of a scenario and by the model's own climate, and spread over the cells of the Plateau in
proportion to their climatic production in GLDAS climate. So a cell is a scaled copy of its model's
grassland: where TOP changes, and in which direction, the cells cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import xarray as xr

from helpers.oxygen import ANNUAL_FLUX, OXYGEN_PER_CARBON
from helpers.readers.gldas import load_climate
from helpers.readers.grids import cell_area, cell_bounds, target_grid
from helpers.readers.oscar import RUNS, SCENARIOS, read_forcing, read_land_runs
from helpers.readers.terrain import plateau_mask
from helpers.statistics.emulators import LEFT_OUT, Emulator, fit_emulator, miami, resample_emulator

SOURCE = "emulators of five CMIP5 models, fitted to their own idealized runs (tools.emulate)"
_N_BOOT, _SEED, _LEVEL = 400, 2022, 0.95
_BEFORE, _REFERENCE, _LATER = slice(1850, 1899), slice(1990, 2005), slice(2006, 2099)
_YEAR = 365 * 86_400
_LAST = 20  # years of the run that took no part


def fit_all() -> tuple[dict[str, Emulator], pd.DataFrame, pd.DataFrame]:
    """Return an emulator of each model that can be used, what was found, and the test of each.

    The second and third are what :func:`helpers.statistics.emulators.load_emulators` and
    :func:`helpers.statistics.emulators.load_emulators_test` read.
    """
    runs, forcing = read_land_runs(), read_forcing()
    models = sorted(set(runs.index.unique("model")) - set(LEFT_OUT))
    emulators, found, tests = {}, {}, {}
    for model in models:
        own, paths = runs.loc[model], forcing.loc[model]
        emulator = fit_emulator(own)
        values = describe_emulator(emulator, own, paths)
        drawn = pd.DataFrame(
            [describe_emulator(one, own, paths) for one in resample_emulator(own, _N_BOOT, _SEED)]
        )
        tail = (1 - _LEVEL) / 2
        ends = drawn.quantile([tail, 1 - tail]).T.set_axis(["low", "high"], axis=1)
        found[model] = values.rename("value").to_frame().join(ends)
        emulators[model], tests[model] = emulator, _test(emulator, own)
    found = pd.concat(found, names=["model", "quantity"])
    return emulators, found, pd.concat(tests, names=["model", "year"])


def describe_emulator(emulator: Emulator, runs: pd.DataFrame, forcing: pd.DataFrame) -> pd.Series:
    """Return parameters, the run that took no part, and the change of TOP in the scenarios."""
    left, made = runs.loc["upct"], emulator.run(runs.loc["upct"])
    found = emulator.parameters.to_dict() | {"share": emulator.share}
    area = runs["area"].groupby("run").mean()
    found |= {"area": area["ctrl"], "area_lowest": runs["area"].min()}
    for name, one in (("run", left), ("emulated", made)):
        last = one.iloc[-_LAST:].mean()
        found |= {f"npp_{name}": last["npp"], f"rh_{name}": last["rh"]}
        found[f"nep_{name}"] = last["npp"] - last["rh"]
    found |= _changes(emulator, forcing).add_prefix("change_").to_dict()
    found["top"] = _top(project(emulator, forcing.loc["rcp85"])).loc[_REFERENCE].mean()
    found["pattern"] = float(_over_plateau(_pattern(forcing)))
    return pd.Series(found)


def project(
    emulator: Emulator, forcing: pd.DataFrame, base: pd.Series | None = None
) -> pd.DataFrame:
    """Run an emulator from 1850 on, from equilibrium with its model's climate of 1850-1899."""
    before = forcing.loc[_BEFORE, ["tas", "pr"]].mean()
    return emulator.run(forcing, before if base is None else base)


def vary(emulators: dict[str, Emulator]) -> pd.DataFrame:
    """Return the change of TOP over the Plateau, mean of the models, after other choices of ours.

    What :func:`helpers.statistics.emulators.load_emulators_choices` reads.
    """
    runs, forcing = read_land_runs(), read_forcing()
    rows = {}
    for model, emulator in emulators.items():
        own, paths = runs.loc[model], forcing.loc[model]
        pattern = float(_over_plateau(_pattern(paths)))
        response = float(_over_plateau(_pattern(paths, partial(_respond, emulator))))
        other = fit_emulator(own, list(RUNS))
        china = _changes(emulator, paths)
        there = _changes(emulator, paths, emulator.base)
        changes = {
            "as in this chapter": pattern * china,
            "at first in equilibrium with the climate of the control run": pattern * there,
            "fitted to the exam, too": pattern * _changes(other, paths),
            "spread by the emulator's own response to climate": response * china,
            "not spread: the grassland of China": china,
        }
        rows[model] = pd.DataFrame.from_dict(changes, "index")
    return pd.concat(rows, names=["model", "choice"]).groupby("choice", sort=False).mean()


def _changes(emulator: Emulator, forcing: pd.DataFrame, base: pd.Series | None = None) -> pd.Series:
    tops = {name: _top(project(emulator, forcing.loc[name], base)) for name in SCENARIOS}
    return pd.Series(
        {name: top.loc[_LATER].mean() - top.loc[_REFERENCE].mean() for name, top in tops.items()}
    )


def _respond(emulator: Emulator, temperature, precipitation):
    """Return an emulator's production in a climate, over that in the climate of its control run."""
    by_warmth, by_water = emulator.parameters[["gamma_tas", "gamma_pr"]]
    warmth, water = temperature - emulator.base["tas"], precipitation / emulator.base["pr"] - 1
    return np.exp(by_warmth * warmth + by_water * water)


def _top(fluxes: pd.DataFrame) -> pd.Series:
    return (fluxes["npp"] - fluxes["rh"]) * OXYGEN_PER_CARBON


def _test(emulator: Emulator, runs: pd.DataFrame) -> pd.DataFrame:
    left = runs.loc["upct", ["npp", "rh"]]
    both = left.join(emulator.run(runs.loc["upct"]).add_suffix("_emulated"))
    both["nep"] = both["npp"] - both["rh"]
    both["nep_emulated"] = both["npp_emulated"] - both["rh_emulated"]
    return both.groupby(10 * np.ceil(both.index / 10).astype(int)).mean()


def _pattern(forcing: pd.DataFrame, production: Callable = miami) -> xr.DataArray:
    """Return climatic production of cells over that of a model's China, 1990-2005: a ratio."""
    climate = load_climate().assign_coords(target_grid().coords)
    here = production(climate["Tair_f_inst"] - 273.15, climate["Rainf_f_tavg"] * _YEAR)
    own = forcing.xs("rcp45").loc[_REFERENCE].mean()
    return here / production(own["tas"], own["pr"])


def _over_plateau(field: xr.DataArray, lowest: float = 2500.0) -> xr.DataArray:
    """Return the mean over the Plateau, by area."""
    area = cell_area(*cell_bounds(field)).where(plateau_mask(field, lowest), 0)
    return field.weighted(area).mean(["lat", "lon"])


def spread(emulators: dict[str, Emulator]) -> xr.Dataset:
    """Return yearly fluxes over the Plateau, as :func:`helpers.readers.open_ensemble` does."""
    forcing = read_forcing()
    models = []
    for model, emulator in emulators.items():
        paths = forcing.loc[model]
        made = {name: project(emulator, paths.loc[name]).loc[1990:2099] for name in SCENARIOS}
        series = pd.concat(made, names=["scenario", "year"])
        fluxes = xr.Dataset.from_dataframe(series).sel(scenario=list(SCENARIOS))
        models.append(fluxes * _pattern(paths))
    whole = xr.concat(models, xr.DataArray([*emulators], dims="model", name="model"))
    whole["top"] = (whole["npp"] - whole["rh"]) * OXYGEN_PER_CARBON
    past = whole[["npp", "rh"]].isel(scenario=0, drop=True)
    whole = whole.assign(past.where(past["year"] <= _REFERENCE.stop))
    for name, what in {
        "top": "terrestrial oxygen production per area of land",
        "npp": "net primary production",
        "rh": "heterotrophic respiration",
    }.items():
        whole[name].attrs = {"units": ANNUAL_FLUX, "long_name": what, "cell_methods": "time: sum"}
    land = xr.ones_like(whole["top"].isel(scenario=0, year=0, drop=True))
    whole["land_fraction"] = land.assign_attrs(units="1", long_name="land fraction")
    whole = whole.assign(area=cell_area(*cell_bounds(whole)))
    whole.attrs = {"label": "emulated", "source": SOURCE}
    return whole.transpose("model", "year", "scenario", "lat", "lon")
