"""A stand-in for the CMIP5 archive: nine emulated models, made from a stated model.

Nothing made here is CMIP5 output. Names and calendars are those of genuine models, the grids
roughly so, so that what reads this archive also reads the real one; the numbers come from climatic
models of production and respiration on the observed GLDAS climate, driven by the RCP paths.
``data/standin.yml`` holds the whole model with its references. The mean change of the Plateau is
calibrated to the paper's, so that it holds by construction.

``make data`` reads the archive of files like any other, and embeds what it gives: chapters 2, 3 and
14 take that where a reader gives no archive.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cftime
import numpy as np
import pandas as pd
import xarray as xr
import yaml
from scipy.optimize import root

from helpers.oxygen import OXYGEN_PER_CARBON
from helpers.paths import DATA
from helpers.readers.gldas import load_climate
from helpers.readers.grids import EARTH_RADIUS, cell_area, overlap
from helpers.readers.terrain import load_elevation

SCENARIOS = ("rcp45", "rcp85")
_BOX = {"lat": (25, 41), "lon": (72, 106)}
_MARGIN_CELLS = 2
_SECONDS_PER_YEAR = 365 * 86400
_DAYS_OF_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_FILL = np.float32(1e20)
_FLUXES = {
    "npp": {
        "standard_name": "net_primary_productivity_of_carbon",
        "long_name": "Carbon Mass Flux out of Atmosphere due to Net Primary Production on Land",
    },
    "rh": {
        "standard_name": "heterotrophic_respiration_carbon_flux",
        "long_name": "Carbon Mass Flux into Atmosphere due to Heterotrophic Respiration on Land",
    },
}
_FLUX = {
    "units": "kg m-2 s-1",
    "cell_methods": "time: mean area: mean where land",
    "cell_measures": "area: areacella",
    "comment": "emulated; per m2 of land; mass of carbon",
    "missing_value": _FILL,
}
_FIXED = {
    "areacella": {"standard_name": "cell_area", "units": "m2"},
    "sftlf": {
        "standard_name": "land_area_fraction",
        "units": "%",
        "comment": "all land: lakes, and the sea in the margin of the box, are left out",
    },
}


@cache
def load_standin() -> dict:
    """Return the model of the stand-in archive, as ``data/standin.yml`` states it."""
    return yaml.safe_load((DATA / "standin.yml").read_text(encoding="utf-8"))


# What climate alone says of production and respiration


def miami(temperature, precipitation):
    """Return NPP by the Miami model (Lieth 1975), kg C m-2 yr-1, of degrees Celsius and mm yr-1."""
    limits = load_standin()["productivity"]["miami"]
    by_warmth = 1 / (1 + np.exp(limits["offset"] - limits["per_degree"] * temperature))
    by_water = 1 - np.exp(-limits["per_mm"] * precipitation)
    return _as_carbon(np.minimum(by_warmth, by_water))


def thornthwaite_memorial(evapotranspiration):
    """Return NPP by the Thornthwaite Memorial model (Lieth & Box 1972), kg C m-2 yr-1, of mm yr-1.

    Below 20 mm of actual evapotranspiration nothing grows.
    """
    model = load_standin()["productivity"]["memorial"]
    above = np.maximum(evapotranspiration - model["threshold_mm"], 0)
    return _as_carbon(1 - np.exp(-model["per_mm"] * above))


def _as_carbon(share_of_ceiling):
    model = load_standin()["productivity"]
    return 1e-3 * model["carbon_share"] * model["ceiling"] * share_of_ceiling


def raich_respiration(temperature, precipitation):
    """Return soil respiration by Raich et al. (2002), kg C m-2 day-1, of a month's mean and sum.

    In degrees Celsius and mm.
    """
    model = load_standin()["respiration"]
    centimetres = precipitation / 10
    by_water = centimetres / (model["half_cm"] + centimetres)
    return 1e-3 * model["base"] * np.exp(model["per_degree"] * temperature) * by_water


def forcing(scenario: str) -> pd.DataFrame:
    """Return the forcing of a scenario by year, 1989-2099, historical before 2006.

    ``co2`` in ppm (Meinshausen et al. 2011), ``warming`` of the Plateau in K against 1986-2005,
    before a model's own factor.
    """
    model = load_standin()
    years = pd.RangeIndex(model["reference_years"][0] - 1, model["last_year"] + 1, name="year")
    paths = {
        name: np.interp(years, model[key]["years"], model[key][scenario])
        for name, key in (("co2", "co2_ppm"), ("warming", "warming"))
    }
    paths["warming"] *= model["warming"]["amplification"]
    return pd.DataFrame(paths, index=years)


# Grids


def globe(model: str) -> xr.Dataset:
    """Return all cells of a model's grid: ``lat``, ``lon`` (0-360), ``lat_bnds``, ``lon_bnds``."""
    shape = load_standin()["models"][model]["grid"]
    lat, lat_bnds = _latitudes(shape["latitudes"], shape["nlat"])
    step = 360 / shape["nlon"]
    lon = shape["first_lon"] + step * np.arange(shape["nlon"])
    lon_bnds = np.stack([lon - step / 2, lon + step / 2], axis=1)
    if shape.get("north_first"):
        lat, lat_bnds = lat[::-1], lat_bnds[::-1, ::-1]
    return xr.Dataset(
        {"lat_bnds": (("lat", "bnds"), lat_bnds), "lon_bnds": (("lon", "bnds"), lon_bnds)},
        {"lat": lat, "lon": lon},
    )


def _latitudes(kind: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return centres and bounds from south to north, in degrees."""
    if kind == "gaussian":
        sines, weights = np.polynomial.legendre.leggauss(count)
        edges = np.degrees(np.arcsin(np.clip(np.cumsum([-1, *weights]), -1, 1)))
        centres = np.degrees(np.arcsin(sines))
    elif kind == "with_poles":
        centres = np.linspace(-90, 90, count)
        edges = np.array([-90, *(centres[1:] + centres[:-1]) / 2, 90])
    else:
        edges = np.linspace(-90, 90, count + 1)
        centres = (edges[1:] + edges[:-1]) / 2
    return centres, np.stack([edges[:-1], edges[1:]], axis=1)


@cache
def grid(model: str) -> xr.Dataset:
    """Return the cells of a stand-in: the Plateau box with a margin of two cells.

    As :func:`globe`, and ``areacella`` (m2), ``sftlf`` (%), and ``plateau_area`` (m2): the part of
    each cell that is Plateau, by elevation.
    """
    cells = globe(model)
    for name, box in _BOX.items():
        low, high = cells[f"{name}_bnds"].min("bnds"), cells[f"{name}_bnds"].max("bnds")
        inside = np.flatnonzero((high > box[0]) & (low < box[1]))
        kept = slice(inside[0] - _MARGIN_CELLS, inside[-1] + _MARGIN_CELLS + 1)
        cells = cells.isel({name: kept})
    area = cell_area(cells["lat_bnds"], cells["lon_bnds"]).values
    plateau = _plateau_area(*(np.sort(cells[f"{name}_bnds"].values, axis=1) for name in _BOX))
    return cells.assign(
        areacella=(("lat", "lon"), area),
        sftlf=(("lat", "lon"), np.full(area.shape, 100.0)),
        plateau_area=(("lat", "lon"), plateau),
    )


def _plateau_area(lat_bnds: np.ndarray, lon_bnds: np.ndarray) -> np.ndarray:
    region = load_standin()["calibration"]["region"]
    relief = load_elevation().sel({name: slice(*region[name]) for name in _BOX})
    half = float(relief["lat"][1] - relief["lat"][0]) / 2
    rows, columns = (np.stack([relief[name] - half, relief[name] + half], axis=1) for name in _BOX)
    heights = overlap(np.sin(np.radians(lat_bnds)), np.sin(np.radians(rows)))
    widths = overlap(np.radians(lon_bnds), np.radians(columns))
    high = (relief >= region["elevation_m"]).transpose("lat", "lon").values
    return EARTH_RADIUS**2 * heights @ high @ widths.T


def _plateau_mean(model: str, field: np.ndarray) -> np.ndarray:
    """Average the last two axes (lat, lon) over the Plateau's land."""
    cells = grid(model)
    weights = (cells["plateau_area"] * cells["sftlf"] / 100).values
    return (field * weights).sum(axis=(-2, -1)) / weights.sum()


# The climate of the cells, and what grows and decays in it


@cache
def _climate(model: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return T (degrees Celsius), P and E (mm yr-1) at cell centres; beyond the data, the edge."""
    observed = load_climate()[["Tair_f_inst", "Rainf_f_tavg", "Evap_tavg"]]
    cells = grid(model)
    centres = {
        name: cells[name].clip(float(observed[name].min()), float(observed[name].max())).values
        for name in _BOX
    }
    at_cells = observed.interp(centres)
    return (
        at_cells["Tair_f_inst"].values - 273.15,
        at_cells["Rainf_f_tavg"].values * _SECONDS_PER_YEAR,
        at_cells["Evap_tavg"].values * _SECONDS_PER_YEAR,
    )


def climatic_npp(model: str, warming: float = 0.0) -> np.ndarray:
    """Return NPP of a stand-in by climate alone, without CO2, kg C m-2 yr-1 on (lat, lon).

    `warming` is K above the observed climate; water grows with it.
    """
    own = load_standin()["models"][model]["parameters"]
    temperature, precipitation, evapotranspiration = _climate(model)
    wetter = 1 + load_standin()["warming"]["water_per_K"] * warming
    return own["level"] * (
        own["memorial"] * thornthwaite_memorial(wetter * evapotranspiration)
        + (1 - own["memorial"]) * miami(temperature + warming, wetter * precipitation)
    )


def _monthly_flux(model: str) -> dict[str, np.ndarray]:
    """Return growth (of any unit) and soil respiration, kg C m-2, on (month, lat, lon)."""
    rules = load_standin()["seasons"]
    temperature, precipitation, _ = _climate(model)
    monthly = temperature + np.array(rules["temperature_K"])[:, None, None]
    rain = precipitation * np.array(rules["rain_share"])[:, None, None]
    softness = rules["growth_softness_K"]
    return {
        "npp": softness * np.logaddexp(0, (monthly - rules["growth_threshold_C"]) / softness),
        "rh": raich_respiration(monthly, rain) * _DAYS_OF_MONTH[:, None, None],
    }


@cache
def seasons(model: str) -> xr.Dataset:
    """Return the share of each month in the yearly ``npp`` and ``rh`` on (month, lat, lon).

    Production follows warmth above the growth threshold, respiration Raich et al. (2002).
    """
    shares = {name: flux / flux.sum(axis=0) for name, flux in _monthly_flux(model).items()}
    return xr.Dataset({name: (("month", "lat", "lon"), share) for name, share in shares.items()})


def _first_respiration(model: str) -> np.ndarray:
    """Return Rh at the start: NPP less the sink, its pattern drawn towards soil respiration."""
    own = load_standin()["models"][model]["parameters"]
    npp, soil = climatic_npp(model), _monthly_flux(model)["rh"].sum(axis=0)
    pattern = npp ** (1 - own["pattern"]) * soil ** own["pattern"]
    return (1 - own["sink"]) * pattern * _plateau_mean(model, npp) / _plateau_mean(model, pattern)


@cache
def _variability(model: str, scenario: str) -> dict[str, np.ndarray]:
    """Return relative anomalies of npp and rh on (year, lat, lon), one history for both RCPs."""
    settings = load_standin()["variability"]
    seed = [load_standin()["seed"], list(load_standin()["models"]).index(model)]
    years = forcing(scenario).index
    past = int((years <= load_standin()["reference_years"][1]).sum())
    parts = {0: past, 1 + SCENARIOS.index(scenario): len(years) - past}
    shocks = np.concatenate(
        [
            np.random.default_rng([*seed, part]).standard_normal((length, len(_FLUXES), 3))
            for part, length in parts.items()
        ]
    )
    memory = settings["memory"]
    series = shocks.copy()
    for now in range(1, len(years)):
        series[now] = memory * series[now - 1] + np.sqrt(1 - memory**2) * shocks[now]
    cells = grid(model)
    south_north, west_east = np.meshgrid(
        *(np.interp(cells[name], _BOX[name], (-1, 1)) for name in _BOX), indexing="ij"
    )
    weights = [settings["modes"][mode] for mode in ("whole", "west_east", "south_north")]
    patterns = np.stack([np.ones_like(west_east), west_east, south_north])
    patterns *= np.array(weights)[:, None, None]
    return {
        name: settings[name] * np.einsum("ym,mij->yij", series[:, number], patterns)
        for number, name in enumerate(_FLUXES)
    }


@cache
def _npp_by_climate(model: str, scenario: str) -> np.ndarray:
    own = load_standin()["models"][model]["parameters"]
    warming = own["warming"] * forcing(scenario)["warming"].to_numpy()
    return np.stack([climatic_npp(model, kelvin) for kelvin in warming])


def _run(model: str, scenario: str, beta: float, turnover: float) -> tuple[np.ndarray, np.ndarray]:
    """Return npp and rh on (year, lat, lon), kg C m-2 yr-1, at common factors of two parameters."""
    own = load_standin()["models"][model]["parameters"]
    first, last = load_standin()["reference_years"]
    path = forcing(scenario)
    noise = _variability(model, scenario)
    fertilised = 1 + beta * own["beta"] * np.log(
        path["co2"].to_numpy() / path.loc[first:last, "co2"].mean()
    )
    npp = _npp_by_climate(model, scenario) * fertilised[:, None, None] * (1 + noise["npp"])
    npp = np.maximum(npp, 0)
    faster = own["q10"] ** (own["warming"] * path["warming"].to_numpy() / 10)
    years = turnover * own["turnover"]
    stock = years * _first_respiration(model)
    rh = np.empty_like(npp)
    for now in range(len(path)):
        rh[now] = stock / years * faster[now] * (1 + noise["rh"][now])
        stock = stock + npp[now] - rh[now]
    return npp, rh


# Calibration


def _mean_changes(beta: float, turnover: float) -> np.ndarray:
    """Return the nine-model change of TOP by scenario, kg O2 m-2 yr-1, 2006-2099 less before."""
    first, last = load_standin()["reference_years"]
    years = forcing(SCENARIOS[0]).index
    past, future = (years >= first) & (years <= last), years > last
    changes = []
    for scenario in SCENARIOS:
        of_models = []
        for model in load_standin()["models"]:
            npp, rh = _run(model, scenario, beta, turnover)
            top = OXYGEN_PER_CARBON * _plateau_mean(model, npp - rh)
            of_models.append(top[future].mean() - top[past].mean())
        changes.append(np.mean(of_models))
    return np.array(changes)


@cache
def calibrate() -> dict[str, float]:
    """Solve the two common factors that bring the mean change to the paper's.

    ``beta`` and ``turnover``: factors on every stand-in's CO2 fertilisation and turnover time. With
    them the nine-model mean TOP of the Plateau (>= 2500 m, weighted by land area) is +0.01 (RCP4.5)
    and +0.04 (RCP8.5) kg m-2 yr-1 higher in 2006-2099 than in 1990-2005. ArithmeticError if there
    are no such factors (after a change of ``data/standin.yml``).
    """
    settings = load_standin()["calibration"]
    target = np.array([settings["target"][scenario] for scenario in SCENARIOS])
    solution = root(
        lambda factors: (_mean_changes(*factors) - target) / target,
        [settings["first_guess"][name] for name in ("beta", "turnover")],
        tol=1e-6,
    )
    if not solution.success or min(solution.x) <= 0:
        raise ArithmeticError(f"calibration of data/standin.yml failed: {solution.message}")
    return dict(zip(("beta", "turnover"), map(float, solution.x), strict=True))


@cache
def annual_fluxes(model: str) -> xr.Dataset:
    """Return the calibrated yearly fluxes of a stand-in. Emulated.

    ``npp`` and ``rh`` on (scenario, year, lat, lon), kg C m-2 yr-1 per m2 of land, both positive;
    1989-2099, the same in both scenarios up to 2005.

    NPP = climatic NPP at T + warming x (1 + beta ln(CO2 / CO2 of 1990-2005)) x (1 + anomaly).
    Rh = stock / turnover x Q10^(warming / 10) x (1 + anomaly), and the stock grows by NPP - Rh:
    respiration follows production with a lag, and carbon is conserved.
    """
    runs = [_run(model, name, **calibrate()) for name in SCENARIOS]
    dims = ("scenario", "year", "lat", "lon")
    fluxes = zip(_FLUXES, zip(*runs, strict=True), strict=True)
    coords = {"scenario": list(SCENARIOS), "year": forcing(SCENARIOS[0]).index.to_numpy()}
    return xr.Dataset({name: (dims, np.stack(flux)) for name, flux in fluxes}, coords)


# The archive of files


def write_archive(folder: Path) -> Path:
    """Write the stand-in archive, a tree of CMIP5 names with emulated files, and return `folder`.

    ``output1/INSTITUTE/MODEL/EXPERIMENT/...`` with monthly ``npp`` and ``rh`` (kg m-2 s-1 of carbon
    per m2 of land; historical from 1990, RCP to 2099), ``areacella`` (m2) and ``sftlf`` (%). About
    5 s. Same sources, same bytes.
    """
    for model in load_standin()["models"]:
        _write_cells(folder, model)
        for experiment in ("historical", *SCENARIOS):
            for first, last in file_spans(model, experiment):
                _write_months(folder, model, experiment, np.arange(first, last + 1))
    return folder


def file_spans(
    model: str, experiment: str, first_year: int | None = None, last_year: int | None = None
) -> list[tuple[int, int]]:
    """Return the first and last month of each file of a run, counted from January of year 0.

    ``data/standin.yml`` says when a model's files begin. `first_year` is that of the historical
    run, `last_year` that of a scenario; without them, those of the stand-in.
    """
    rules, (begin, end) = load_standin()["models"][model], load_standin()["reference_years"]
    starts = {"historical": f"{begin}-01", "rcp": f"{end + 1}-01"} | rules.get("first_month", {})
    starts = {run: 12 * int(month[:4]) + int(month[5:]) - 1 for run, month in starts.items()}
    if experiment == "historical":
        shift = 0 if first_year is None else first_year - begin
        months = range(starts["historical"] + 12 * shift, starts["rcp"])
    else:
        last_year = load_standin()["last_year"] if last_year is None else last_year
        months = range(starts["rcp"], 12 * (last_year + 1))
    cuts = [months[0]]
    if files := rules.get("files"):
        cuts += [
            month
            for month in months[1:]
            if month % 12 == files.get("month", 1) - 1
            and month // 12 % files["every"] == files["remainder"]
        ]
    return list(zip(cuts, [*(cut - 1 for cut in cuts[1:]), months[-1]], strict=True))


def time_axis(model: str, months: np.ndarray) -> xr.Dataset:
    """Return the time axis of a file as numbers, with its bounds, in the model's calendar.

    `months` are consecutive, counted from January of year 0.
    """
    about = {
        "units": "days since 1850-01-01",
        "calendar": load_standin()["models"][model]["calendar"],
    }
    starts = [
        cftime.datetime(month // 12, month % 12 + 1, 1, calendar=about["calendar"])
        for month in map(int, [*months, months[-1] + 1])
    ]
    days = cftime.date2num(starts, **about).astype(float)
    bounds = np.stack([days[:-1], days[1:]], axis=1)
    about = {"standard_name": "time", "axis": "T", "bounds": "time_bnds"} | about
    return xr.Dataset(
        {"time_bnds": (("time", "bnds"), bounds)}, {"time": ("time", bounds.mean(axis=1), about)}
    )


def _write_months(folder: Path, model: str, experiment: str, months: np.ndarray) -> None:
    axis = time_axis(model, months)
    seconds = 86400 * np.diff(axis["time_bnds"].values, axis=1)[:, :, None]
    scenario = SCENARIOS[0] if experiment == "historical" else experiment
    years = xr.DataArray(months // 12, dims="time")
    yearly = annual_fluxes(model).sel(scenario=scenario, year=years)
    shares = seasons(model).isel(month=xr.DataArray(months % 12, dims="time"))
    span = "-".join(f"{month // 12:04d}{month % 12 + 1:02d}" for month in months[[0, -1]])
    for name, names in _FLUXES.items():
        flux = (yearly[name].values * shares[name].values / seconds).astype("float32")
        file = axis.merge(describe_cells(grid(model)))
        file[name] = (("time", "lat", "lon"), flux, names | _FLUX)
        write_file(
            file.assign_attrs(_attributes(model, experiment)),
            run_folder(folder, model, experiment) / "mon/land/Lmon/r1i1p1/latest" / name,
            f"{name}_Lmon_{model}_{experiment}_r1i1p1_{span}.nc",
        )


def _write_cells(folder: Path, model: str) -> None:
    for name, about in _FIXED.items():
        file = describe_cells(grid(model)).assign_attrs(_attributes(model, "historical"))
        values = grid(model)[name].values.astype("float32")
        file[name] = (("lat", "lon"), values, about | {"missing_value": _FILL})
        write_file(
            file,
            run_folder(folder, model, "historical") / "fx/atmos/fx/r0i0p0/latest" / name,
            f"{name}_fx_{model}_historical_r0i0p0.nc",
        )


def run_folder(folder: Path, model: str, experiment: str) -> Path:
    """Return where a run lies in a tree as ESGF has it."""
    return folder / "output1" / load_standin()["models"][model]["institute"] / model / experiment


def describe_cells(cells: xr.Dataset) -> xr.Dataset:
    """Return the coordinates of a grid and their bounds with the attributes of CMIP5."""
    cells = cells[["lat_bnds", "lon_bnds"]].copy()
    for name, long_name, axis in (("lat", "latitude", "Y"), ("lon", "longitude", "X")):
        cells[name].attrs = {
            "standard_name": long_name,
            "units": f"degrees_{'north' if axis == 'Y' else 'east'}",
            "axis": axis,
            "bounds": f"{name}_bnds",
        }
    return cells


def _attributes(model: str, experiment: str) -> dict[str, str | int]:
    return {
        "Conventions": "CF-1.4",
        "title": f"Emulated stand-in under the name of {model}, {experiment}: not CMIP5 output",
        "source": f"emulated stand-in, not output of {model}",
        "label": "emulated",
        "institution": "none: tools/standin.py of the book, not the institute of the name",
        "comment": "The model is stated in data/standin.yml. Its mean change over the Plateau is "
        "calibrated to Han et al. (2022), doi 10.1029/2022EF002890: by construction.",
        "model_id": model,
        "experiment_id": experiment,
    }


def write_file(file: xr.Dataset, folder: Path, name: str) -> None:
    """Write a file as ESGF gives it: classic NetCDF-3, record by record, 1e20 where empty.

    The folder is made where it is absent. The name begins with the variable that has fill values.
    """
    folder.mkdir(parents=True, exist_ok=True)
    encoding = {variable: {"_FillValue": None} for variable in file.variables}
    encoding[name.partition("_")[0]] = {"_FillValue": _FILL}
    unlimited = ["time"] if "time" in file.dims else None
    file.to_netcdf(folder / name, engine="scipy", encoding=encoding, unlimited_dims=unlimited)
