"""Nine stand-ins for the models of CMIP5, computed from a stated model: emulated.

Nothing made here is CMIP5 output. Names and calendars are those of genuine models, the grids
roughly so; the numbers come from climatic models of production and respiration on the observed
GLDAS climate, driven by the RCP paths. ``data/standin.yml`` holds the whole model with its
references. The mean change of the Plateau is calibrated to the paper's: it holds by construction.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import xarray as xr
import yaml
from scipy.optimize import root

from helpers.oxygen import MONTHLY_FLUX, OXYGEN_PER_CARBON
from helpers.paths import DATA
from helpers.readers.gldas import load_climate
from helpers.readers.grids import EARTH_RADIUS, SIDES, overlap
from helpers.readers.terrain import load_elevation

SCENARIOS = ("rcp45", "rcp85")
_BOX = {"lat": (25, 41), "lon": (72, 106)}
_SECONDS_PER_YEAR = 365 * 86400
_DAYS_OF_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
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


@cache
def load_standin() -> dict:
    """Return the model of the stand-ins, as ``data/standin.yml`` states it."""
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
    """Return soil respiration by Raich et al. (2002), kg C m-2 day-1.

    Of a month's mean in degrees Celsius and sum in mm.
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
    """Return the cells of a stand-in: those that touch the Plateau box, all land.

    As :func:`globe`, and ``plateau_area`` (m2): the part of a cell that is Plateau, by elevation.
    """
    cells = globe(model)
    for name, box in _BOX.items():
        low, high = cells[f"{name}_bnds"].min("bnds"), cells[f"{name}_bnds"].max("bnds")
        cells = cells.isel({name: ((high > box[0]) & (low < box[1])).values})
    plateau = _plateau_area(*(np.sort(cells[f"{name}_bnds"].values, axis=1) for name in _BOX))
    return cells.assign(plateau_area=(("lat", "lon"), plateau))


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
    weights = grid(model)["plateau_area"].values
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


def _seasonal_fluxes(model: str) -> dict[str, np.ndarray]:
    """Return growth (of any unit) and soil respiration, kg C m-2, on (month, lat, lon).

    Growth follows warmth above a threshold, respiration Raich et al. (2002).
    """
    rules = load_standin()["seasons"]
    temperature, precipitation, _ = _climate(model)
    monthly = temperature + np.array(rules["temperature_K"])[:, None, None]
    rain = precipitation * np.array(rules["rain_share"])[:, None, None]
    softness = rules["growth_softness_K"]
    return {
        "npp": softness * np.logaddexp(0, (monthly - rules["growth_threshold_C"]) / softness),
        "rh": raich_respiration(monthly, rain) * _DAYS_OF_MONTH[:, None, None],
    }


def _first_respiration(model: str) -> np.ndarray:
    """Return Rh at the start: NPP less the sink, its pattern drawn towards soil respiration."""
    own = load_standin()["models"][model]["parameters"]
    npp, soil = climatic_npp(model), _seasonal_fluxes(model)["rh"].sum(axis=0)
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
    and +0.04 (RCP8.5) kg m-2 yr-1 higher in 2006-2099 than in 1990-2005.
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


# What the models put out


@cache
def annual_fluxes(model: str) -> xr.Dataset:
    """Return the calibrated yearly fluxes of a stand-in, 1989-2099. Emulated.

    ``npp`` and ``rh`` on (scenario, year, lat, lon), kg C m-2 yr-1 per m2 of land, both positive.

    NPP = climatic NPP at T + warming x (1 + beta ln(CO2 / CO2 of 1990-2005)) x (1 + anomaly).
    Rh = stock / turnover x Q10^(warming / 10) x (1 + anomaly), and the stock grows by NPP - Rh:
    respiration follows production with a lag, and carbon is conserved.
    """
    runs = [_run(model, name, **calibrate()) for name in SCENARIOS]
    dims = ("scenario", "year", "lat", "lon")
    fluxes = zip(_FLUXES, zip(*runs, strict=True), strict=True)
    coords = {"scenario": list(SCENARIOS), "year": forcing(SCENARIOS[0]).index.to_numpy()}
    return xr.Dataset({name: (dims, np.stack(flux)) for name, flux in fluxes}, coords)


def monthly_fluxes(model: str) -> xr.Dataset:
    """Return ``npp`` and ``rh`` from 1990 on as a reader of CMIP5 files would. Emulated.

    On (scenario, time, lat, lon) in the model's calendar, kg m-2 s-1 of carbon in single precision,
    with the sides of the cells.
    """
    rules, cells = load_standin(), grid(model)
    first, last = rules["reference_years"][0], rules["last_year"]
    calendar = rules["models"][model]["calendar"]
    span = {"start": f"{first}-01-01", "end": f"{last}-12-01", "freq": "MS"}
    time = xr.date_range(**span, calendar=calendar, use_cftime=True)
    seconds = 86400 * np.asarray(time.days_in_month)[:, None, None]
    yearly = annual_fluxes(model).sel(year=xr.DataArray(np.asarray(time.year), dims="time"))
    months = xr.Dataset(coords={"scenario": list(SCENARIOS), "time": time})
    for axis, sides in SIDES.items():
        months[axis] = cells[axis]
        ends = np.sort(cells[f"{axis}_bnds"].values, axis=1).T
        months = months.assign_coords({s: (axis, end) for s, end in zip(sides, ends, strict=True)})
    for name, season in _seasonal_fluxes(model).items():
        share = (season / season.sum(axis=0))[np.asarray(time.month) - 1]
        about = {"units": MONTHLY_FLUX, "comment": "emulated; per m2 of land; mass of carbon"}
        flux = (yearly[name].values * share / seconds).astype("float32")
        months[name] = (("scenario", "time", *SIDES), flux, _FLUXES[name] | about)
    return months.sortby("lat")
