"""A stand-in for the CMIP5 archive: nine emulated models on disk, made from a stated model.

Nothing written here is CMIP5 output. Names and calendars are those of genuine models, the grids
roughly so, so that what reads this archive also reads the real one; the numbers come from climatic
models of production and respiration on the observed GLDAS climate, driven by the RCP paths.
``data/standin.yml`` holds the whole model with its references. The mean change of the Plateau is
calibrated to the paper's, so that it holds by construction.
"""

from __future__ import annotations

import hashlib
import tempfile
from functools import cache
from pathlib import Path

import cftime
import numpy as np
import pandas as pd
import xarray as xr
import yaml

from helpers.errors import InputError
from helpers.oxygen import OXYGEN_PER_CARBON
from helpers.paths import DATA, STANDIN
from helpers.provenance import sha256
from helpers.readers.gldas import EMBEDDED_CLIMATE, load_climate
from helpers.readers.grids import EARTH_RADIUS, cell_area, overlap
from helpers.readers.terrain import load_elevation

SCENARIOS = ("rcp45", "rcp85")
_NOTE = "STANDIN.txt"
_BOX = {"lat": (25, 41), "lon": (72, 106)}
_MARGIN_CELLS = 2
_SECONDS_PER_YEAR = 365 * 86400
_DAYS_OF_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_FILL = np.float32(1e20)
_FLUXES = {
    "npp": (
        "net_primary_productivity_of_carbon",
        "Carbon Mass Flux out of Atmosphere due to Net Primary Production on Land",
    ),
    "rh": (
        "heterotrophic_respiration_carbon_flux",
        "Carbon Mass Flux into Atmosphere due to Heterotrophic Respiration on Land",
    ),
}


@cache
def load_standin() -> dict:
    """Return the model of the stand-in archive, as ``data/standin.yml`` states it."""
    return yaml.safe_load((DATA / "standin.yml").read_text(encoding="utf-8"))


def miami(temperature, precipitation):
    """Return NPP by the Miami model (Lieth 1975), kg C m-2 yr-1.

    Parameters
    ----------
    temperature, precipitation : array_like
        Annual mean in degrees Celsius, and annual sum in mm.
    """
    model = load_standin()["productivity"]
    limits = model["miami"]
    by_warmth = 1 / (1 + np.exp(limits["offset"] - limits["per_degree"] * temperature))
    by_water = 1 - np.exp(-limits["per_mm"] * precipitation)
    return _as_carbon(np.minimum(by_warmth, by_water))


def thornthwaite_memorial(evapotranspiration):
    """Return NPP by the Thornthwaite Memorial model (Lieth & Box 1972), kg C m-2 yr-1.

    Parameters
    ----------
    evapotranspiration : array_like
        Annual sum of actual evapotranspiration in mm; below 20 mm nothing grows.
    """
    model = load_standin()["productivity"]["memorial"]
    above = np.maximum(evapotranspiration - model["threshold_mm"], 0)
    return _as_carbon(1 - np.exp(-model["per_mm"] * above))


def _as_carbon(share_of_ceiling):
    model = load_standin()["productivity"]
    return 1e-3 * model["carbon_share"] * model["ceiling"] * share_of_ceiling


def raich_respiration(temperature, precipitation):
    """Return soil respiration by the climatic model of Raich et al. (2002), kg C m-2 day-1.

    Parameters
    ----------
    temperature, precipitation : array_like
        Mean of a month in degrees Celsius, and its sum in mm.
    """
    model = load_standin()["respiration"]
    centimetres = precipitation / 10
    by_water = centimetres / (model["half_cm"] + centimetres)
    return 1e-3 * model["base"] * np.exp(model["per_degree"] * temperature) * by_water


def forcing(scenario: str) -> pd.DataFrame:
    """Return the yearly forcing of a scenario, historical before 2006.

    Parameters
    ----------
    scenario : {"rcp45", "rcp85"}

    Returns
    -------
    pandas.DataFrame
        Indexed by ``year`` (1989-2099): ``co2`` in ppm (Meinshausen et al. 2011), ``warming`` of
        the Plateau in K against 1986-2005, before a model's own factor.
    """
    model = load_standin()
    years = pd.RangeIndex(model["reference_years"][0] - 1, model["last_year"] + 1, name="year")
    paths = {
        name: np.interp(years, model[key]["years"], model[key][scenario])
        for name, key in (("co2", "co2_ppm"), ("warming", "warming"))
    }
    paths["warming"] *= model["warming"]["amplification"]
    return pd.DataFrame(paths, index=years)


@cache
def grid(model: str) -> xr.Dataset:
    """Return the cells of a stand-in: the Plateau box with a margin of two cells.

    Parameters
    ----------
    model : str
        A name of ``data/standin.yml``.

    Returns
    -------
    xarray.Dataset
        ``lat``, ``lon`` (0-360) with ``lat_bnds``, ``lon_bnds``; ``areacella`` (m2), ``sftlf``
        (%), and ``plateau_area`` (m2): the part of each cell that is Plateau, by elevation.
    """
    cells = globe(model)
    for name, box in _BOX.items():
        low, high = cells[f"{name}_bnds"].min("bnds"), cells[f"{name}_bnds"].max("bnds")
        inside = np.flatnonzero((high > box[0]) & (low < box[1]))
        kept = slice(inside[0] - _MARGIN_CELLS, inside[-1] + _MARGIN_CELLS + 1)
        cells = cells.isel({name: kept})
    area = cell_area(cells["lat_bnds"], cells["lon_bnds"]).values
    plateau = _plateau_area(
        *(np.sort(cells[f"{name}_bnds"].values, axis=1) for name in ("lat", "lon"))
    )
    return cells.assign(
        areacella=(("lat", "lon"), area),
        sftlf=(("lat", "lon"), np.full(area.shape, 100.0)),
        plateau_area=(("lat", "lon"), plateau),
    )


def globe(model: str) -> xr.Dataset:
    """Return all cells of the grid of a model of ``data/standin.yml``.

    ``lat`` (from the north where the genuine model's do) and ``lon`` (0-360), with ``lat_bnds``
    and ``lon_bnds``.
    """
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


def _plateau_area(lat_bnds: np.ndarray, lon_bnds: np.ndarray) -> np.ndarray:
    region = load_standin()["calibration"]["region"]
    relief = load_elevation().sel({name: slice(*region[name]) for name in ("lat", "lon")})
    half = float(relief["lat"][1] - relief["lat"][0]) / 2
    rows, columns = (
        np.stack([relief[name] - half, relief[name] + half], axis=1) for name in ("lat", "lon")
    )
    heights = overlap(np.sin(np.radians(lat_bnds)), np.sin(np.radians(rows)))
    widths = overlap(np.radians(lon_bnds), np.radians(columns))
    high = (relief >= region["elevation_m"]).transpose("lat", "lon").values
    return EARTH_RADIUS**2 * heights @ high @ widths.T


@cache
def _climate(model: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return T (degrees Celsius), P and E (mm yr-1) at cell centres; beyond the data, the edge."""
    observed = load_climate()[["Tair_f_inst", "Rainf_f_tavg", "Evap_tavg"]]
    cells = grid(model)
    centres = {
        name: cells[name].clip(float(observed[name].min()), float(observed[name].max())).values
        for name in ("lat", "lon")
    }
    at_cells = observed.interp(centres)
    return (
        at_cells["Tair_f_inst"].values - 273.15,
        at_cells["Rainf_f_tavg"].values * _SECONDS_PER_YEAR,
        at_cells["Evap_tavg"].values * _SECONDS_PER_YEAR,
    )


def climatic_npp(model: str, warming: float = 0.0) -> np.ndarray:
    """Return NPP of a stand-in by climate alone, without CO2, kg C m-2 yr-1 on (lat, lon).

    Parameters
    ----------
    model : str
        A name of ``data/standin.yml``.
    warming : float
        K above the observed climate; precipitation and evapotranspiration grow with it.
    """
    own = load_standin()["models"][model]["parameters"]
    temperature, precipitation, evapotranspiration = _climate(model)
    wetter = 1 + load_standin()["warming"]["water_per_K"] * warming
    return own["level"] * (
        own["memorial"] * thornthwaite_memorial(wetter * evapotranspiration)
        + (1 - own["memorial"]) * miami(temperature + warming, wetter * precipitation)
    )


@cache
def seasons(model: str) -> xr.Dataset:
    """Return the share of each month in the yearly flux of a stand-in.

    Returns
    -------
    xarray.Dataset
        ``npp`` and ``rh`` on (month, lat, lon), each 1 in sum over the twelve months. Production
        follows warmth above the growth threshold, respiration follows Raich et al. (2002).
    """
    model_seasons = load_standin()["seasons"]
    temperature, precipitation, _ = _climate(model)
    monthly = temperature + np.array(model_seasons["temperature_K"])[:, None, None]
    rain = precipitation * np.array(model_seasons["rain_share"])[:, None, None]
    above = monthly - model_seasons["growth_threshold_C"]
    softness = model_seasons["growth_softness_K"]
    growth = softness * np.logaddexp(0, above / softness)
    respired = raich_respiration(monthly, rain) * _DAYS_OF_MONTH[:, None, None]
    cells = grid(model)
    return xr.Dataset(
        {
            name: (("month", "lat", "lon"), flux / flux.sum(axis=0))
            for name, flux in (("npp", growth), ("rh", respired))
        },
        {"month": np.arange(1, 13), "lat": cells["lat"], "lon": cells["lon"]},
    )


def _yearly_soil_respiration(model: str) -> np.ndarray:
    """Return the pattern of Raich et al. (2002), kg C m-2 yr-1 on (lat, lon)."""
    model_seasons = load_standin()["seasons"]
    temperature, precipitation, _ = _climate(model)
    months = zip(
        model_seasons["temperature_K"], model_seasons["rain_share"], _DAYS_OF_MONTH, strict=True
    )
    return sum(
        days * raich_respiration(temperature + anomaly, share * precipitation)
        for anomaly, share, days in months
    )


def _first_respiration(model: str) -> np.ndarray:
    """Return Rh at the start: NPP less the sink, its pattern drawn towards soil respiration."""
    own = load_standin()["models"][model]["parameters"]
    npp = climatic_npp(model)
    pattern = npp ** (1 - own["pattern"]) * _yearly_soil_respiration(model) ** own["pattern"]
    return (1 - own["sink"]) * pattern * _plateau_mean(model, npp) / _plateau_mean(model, pattern)


def _plateau_mean(model: str, field: np.ndarray) -> np.ndarray:
    """Average the last two axes (lat, lon) over the Plateau's land."""
    cells = grid(model)
    weights = (cells["plateau_area"] * cells["sftlf"] / 100).values
    return (field * weights).sum(axis=(-2, -1)) / weights.sum()


@cache
def _variability(model: str, scenario: str) -> dict[str, np.ndarray]:
    """Return relative anomalies of npp and rh on (year, lat, lon), one history for both RCPs."""
    settings = load_standin()["variability"]
    seed = [load_standin()["seed"], list(load_standin()["models"]).index(model)]
    years = forcing(scenario).index
    past = int((years <= load_standin()["reference_years"][1]).sum())
    size = (len(_FLUXES), len(settings["modes"]))
    shocks = np.concatenate(
        [
            np.random.default_rng([*seed, 0]).standard_normal((past, *size)),
            np.random.default_rng([*seed, 1 + SCENARIOS.index(scenario)]).standard_normal(
                (len(years) - past, *size)
            ),
        ]
    )
    memory = settings["memory"]
    series = shocks.copy()
    for now in range(1, len(years)):
        series[now] = memory * series[now - 1] + np.sqrt(1 - memory**2) * shocks[now]
    cells = grid(model)
    across = {name: np.interp(cells[name], _BOX[name], (-1, 1)) for name in ("lat", "lon")}
    south_north, west_east = np.meshgrid(across["lat"], across["lon"], indexing="ij")
    patterns = np.stack(
        [
            settings["modes"]["whole"] * np.ones_like(west_east),
            settings["modes"]["west_east"] * west_east,
            settings["modes"]["south_north"] * south_north,
        ]
    )
    return {
        name: settings[name] * np.einsum("ym,mij->yij", series[:, number], patterns)
        for number, name in enumerate(_FLUXES)
    }


@cache
def _npp_by_climate(model: str, scenario: str) -> np.ndarray:
    own = load_standin()["models"][model]["parameters"]
    warming = own["warming"] * forcing(scenario)["warming"].to_numpy()
    return np.stack([climatic_npp(model, kelvin) for kelvin in warming])


def _run(
    model: str, scenario: str, beta_factor: float, turnover_factor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return npp and rh on (year, lat, lon), kg C m-2 yr-1."""
    own = load_standin()["models"][model]["parameters"]
    first, last = load_standin()["reference_years"]
    path = forcing(scenario)
    noise = _variability(model, scenario)
    fertilised = 1 + beta_factor * own["beta"] * np.log(
        path["co2"].to_numpy() / path.loc[first:last, "co2"].mean()
    )
    npp = _npp_by_climate(model, scenario) * fertilised[:, None, None] * (1 + noise["npp"])
    npp = np.maximum(npp, 0)
    faster = own["q10"] ** (own["warming"] * path["warming"].to_numpy() / 10)
    turnover = turnover_factor * own["turnover"]
    stock = turnover * _first_respiration(model)
    rh = np.empty_like(npp)
    for year in range(len(path)):
        rh[year] = stock / turnover * faster[year] * (1 + noise["rh"][year])
        stock = stock + npp[year] - rh[year]
    return npp, rh


def _mean_changes(beta_factor: float, turnover_factor: float) -> np.ndarray:
    """Return the nine-model change of TOP by scenario, kg O2 m-2 yr-1, 2006-2099 less before."""
    first, last = load_standin()["reference_years"]
    years = forcing(SCENARIOS[0]).index
    past, future = (years >= first) & (years <= last), years > last
    changes = []
    for scenario in SCENARIOS:
        of_models = []
        for model in load_standin()["models"]:
            npp, rh = _run(model, scenario, beta_factor, turnover_factor)
            top = OXYGEN_PER_CARBON * _plateau_mean(model, npp - rh)
            of_models.append(top[future].mean() - top[past].mean())
        changes.append(np.mean(of_models))
    return np.array(changes)


@cache
def calibrate() -> dict[str, float]:
    """Solve the two common factors that bring the mean change to the paper's.

    Returns
    -------
    dict
        ``beta`` and ``turnover``: factors on every stand-in's CO2 fertilisation and turnover
        time. With them the nine-model mean TOP of the Plateau (>= 2500 m, weighted by land area)
        is +0.01 (RCP4.5) and +0.04 (RCP8.5) kg m-2 yr-1 higher in 2006-2099 than in 1990-2005.

    Raises
    ------
    ArithmeticError
        If no such factors are found (after a change of ``data/standin.yml``).
    """
    from scipy.optimize import root

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

    Parameters
    ----------
    model : str
        A name of ``data/standin.yml``.

    Returns
    -------
    xarray.Dataset
        ``npp`` and ``rh`` on (scenario, year, lat, lon), kg C m-2 yr-1 per m2 of land, both
        positive; 1989-2099, the same in both scenarios up to 2005.

    Notes
    -----
    NPP = climatic NPP at T + warming x (1 + beta ln(CO2 / CO2 of 1990-2005)) x (1 + anomaly).
    Rh = stock / turnover x Q10^(warming / 10) x (1 + anomaly), and the stock grows by NPP - Rh:
    respiration follows production with a lag, and carbon is conserved.
    """
    factors = calibrate()
    runs = [_run(model, name, factors["beta"], factors["turnover"]) for name in SCENARIOS]
    cells = grid(model)
    return xr.Dataset(
        {
            name: (("scenario", "year", "lat", "lon"), np.stack(fluxes), {"units": "kg m-2 yr-1"})
            for name, fluxes in zip(_FLUXES, zip(*runs, strict=True), strict=True)
        },
        {
            "scenario": list(SCENARIOS),
            "year": forcing(SCENARIOS[0]).index.to_numpy(),
            "lat": cells["lat"],
            "lon": cells["lon"],
        },
        {"label": "emulated"},
    )


def summary() -> pd.DataFrame:
    """Return what each stand-in holds, as means of the Plateau's land. Emulated.

    Returns
    -------
    pandas.DataFrame
        One row per stand-in: ``npp``, ``nep`` (kg C m-2 yr-1) and ``top`` (kg O2 m-2 yr-1) of
        1990-2005, ``nep_share`` (of NPP), and ``rcp45``, ``rcp85``: change of TOP to 2006-2099.
        The means of the last two columns are the paper's, by construction.
    """
    first, last = load_standin()["reference_years"]
    rows = {}
    for model in load_standin()["models"]:
        fluxes = annual_fluxes(model)
        cells = grid(model)
        mean = fluxes.weighted(cells["plateau_area"] * cells["sftlf"] / 100).mean(["lat", "lon"])
        past = mean.sel(year=slice(first, last)).mean("year").isel(scenario=0)
        future = mean.sel(year=slice(last + 1, None)).mean("year")
        nep = float(past["npp"] - past["rh"])
        change = OXYGEN_PER_CARBON * (future["npp"] - future["rh"] - nep)
        rows[model] = {
            "npp": float(past["npp"]),
            "nep": nep,
            "top": OXYGEN_PER_CARBON * nep,
            "nep_share": nep / float(past["npp"]),
        } | {name: float(change.sel(scenario=name)) for name in SCENARIOS}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def write_archive(folder: str | Path) -> Path:
    """Write the stand-in archive: a tree of CMIP5 names with emulated files. About 5 s.

    Parameters
    ----------
    folder : path
        Made where it is absent. Files of the same names are overwritten.

    Returns
    -------
    pathlib.Path
        `folder`. In it ``output1/INSTITUTE/MODEL/EXPERIMENT/...`` with monthly ``npp`` and ``rh``
        (kg m-2 s-1 of carbon per m2 of land; historical from 1990, RCP to 2099), ``areacella``
        (m2) and ``sftlf`` (%), and a note ``STANDIN.txt`` with the digest of what it was made
        from. Same sources, same bytes.
    """
    folder = Path(folder)
    for model in load_standin()["models"]:
        _write_cells(folder, model)
        for experiment in ("historical", *SCENARIOS):
            for first, last in file_spans(model, experiment):
                _write_months(folder, model, experiment, first, last)
    (folder / _NOTE).write_text(
        "Emulated stand-ins, not CMIP5 output: made by helpers/standin.py from data/standin.yml.\n"
        "The names are those of genuine models; the numbers are not theirs.\n"
        f"digest: {_digest()}\n",
        encoding="utf-8",
    )
    return folder


def archive(folder: str | Path = STANDIN) -> Path:
    """Return the stand-in archive, made anew only where it is absent or out of date.

    Parameters
    ----------
    folder : path
        Of the archive. It is written beside this place first, and moved here when complete.

    Returns
    -------
    pathlib.Path
        `folder`.

    Raises
    ------
    InputError
        If the folder holds something else, which is left alone.
    """
    folder = Path(folder)
    if _is_current(folder):
        return folder
    _refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as workshop:
        made = write_archive(Path(workshop) / "new")
        try:
            if folder.exists() and not _is_current(folder):
                folder.rename(Path(workshop) / "old")
            made.rename(folder)
        except OSError:  # another process was faster; its archive is as good
            if not _is_current(folder):
                raise
    return folder


def _refuse_foreign(folder: Path) -> None:
    if folder.is_dir() and ((folder / _NOTE).is_file() or not any(folder.iterdir())):
        return
    if folder.exists():
        raise InputError(
            folder,
            needed="no folder, or an earlier stand-in archive",
            found="something else, which is not overwritten",
            mend="name another folder, or move this one away",
        )


def _is_current(folder: Path) -> bool:
    note = folder / _NOTE
    return note.is_file() and f"digest: {_digest()}" in note.read_text(encoding="utf-8")


def _digest() -> str:
    sources = (
        DATA / "standin.yml",
        Path(__file__),
        EMBEDDED_CLIMATE,
        DATA / "embedded" / "elevation_tp.nc",
    )
    return hashlib.sha256("".join(map(sha256, sources)).encode()).hexdigest()


def file_spans(
    model: str, experiment: str, first_year: int | None = None, last_year: int | None = None
) -> list[tuple[int, int]]:
    """Return the first and last month of each file of a run, counted from January of year 0.

    Parameters
    ----------
    model : str
        A name of ``data/standin.yml``, which says when its files begin.
    experiment : str
        ``historical``, or a scenario.
    first_year, last_year : int, optional
        First year of the historical run and last of a scenario, else those of the stand-in.
    """
    rules = load_standin()["models"][model]
    reference = load_standin()["reference_years"]
    last_year = load_standin()["last_year"] if last_year is None else last_year
    starts = {
        name: int(month[:4]) * 12 + int(month[5:]) - 1
        for name, month in (
            {"historical": f"{reference[0]}-01", "rcp": f"{reference[1] + 1}-01"}
            | rules.get("first_month", {})
        ).items()
    }
    if first_year is not None:
        starts["historical"] += (first_year - reference[0]) * 12
    if experiment == "historical":
        months = range(starts["historical"], starts["rcp"])
    else:
        months = range(starts["rcp"], (last_year + 1) * 12)
    cuts = [months[0]]
    if breaks := rules.get("files"):
        cuts += [
            month
            for month in months[1:]
            if month % 12 == breaks.get("month", 1) - 1
            and month // 12 % breaks["every"] == breaks["remainder"]
        ]
    return list(zip(cuts, [*(cut - 1 for cut in cuts[1:]), months[-1]], strict=True))


def time_axis(model: str, months: np.ndarray) -> xr.Dataset:
    """Return the time axis of a file as numbers, with its bounds, in the model's calendar.

    Parameters
    ----------
    model : str
        A name of ``data/standin.yml``.
    months : numpy.ndarray
        Consecutive months, counted from January of year 0.
    """
    calendar = load_standin()["models"][model]["calendar"]
    units = "days since 1850-01-01"
    starts = cftime.date2num(
        [
            cftime.datetime(month // 12, month % 12 + 1, 1, calendar=calendar)
            for month in map(int, [*months, months[-1] + 1])
        ],
        units,
        calendar,
    ).astype(float)
    bounds = np.stack([starts[:-1], starts[1:]], axis=1)
    attributes = {
        "standard_name": "time",
        "long_name": "time",
        "axis": "T",
        "units": units,
        "calendar": calendar,
        "bounds": "time_bnds",
    }
    return xr.Dataset(
        {"time_bnds": (("time", "bnds"), bounds)},
        {"time": ("time", bounds.mean(axis=1), attributes)},
    )


def _write_months(folder: Path, model: str, experiment: str, first: int, last: int) -> None:
    months = np.arange(first, last + 1)
    axis = time_axis(model, months)
    seconds = 86400 * np.diff(axis["time_bnds"].values, axis=1)[:, :, None]
    scenario = SCENARIOS[0] if experiment == "historical" else experiment
    years = xr.DataArray(months // 12, dims="time")
    yearly = annual_fluxes(model).sel(scenario=scenario, year=years)
    shares = seasons(model).sel(month=xr.DataArray(months % 12 + 1, dims="time"))
    for name, (standard_name, long_name) in _FLUXES.items():
        flux = (yearly[name].values * shares[name].values / seconds).astype("float32")
        file = axis.merge(describe_cells(grid(model))).assign_attrs(
            _attributes(model, experiment, "mon")
        )
        file[name] = (
            ("time", "lat", "lon"),
            flux,
            {
                "standard_name": standard_name,
                "long_name": long_name,
                "units": "kg m-2 s-1",
                "cell_methods": "time: mean area: mean where land",
                "cell_measures": "area: areacella",
                "comment": "emulated; per m2 of land; mass of carbon",
                "missing_value": _FILL,
            },
        )
        span = "-".join(f"{month // 12:04d}{month % 12 + 1:02d}" for month in (first, last))
        write_file(
            file,
            run_folder(folder, model, experiment) / "mon/land/Lmon/r1i1p1/latest" / name,
            f"{name}_Lmon_{model}_{experiment}_r1i1p1_{span}.nc",
        )


def _write_cells(folder: Path, model: str) -> None:
    descriptions = {
        "areacella": {
            "standard_name": "cell_area",
            "long_name": "Atmosphere Grid-Cell Area",
            "units": "m2",
            "comment": "from the cell bounds, on a sphere of 6371 km",
        },
        "sftlf": {
            "standard_name": "land_area_fraction",
            "long_name": "Land Area Fraction",
            "units": "%",
            "comment": "all land: lakes, and the sea in the margin of the box, are left out",
        },
    }
    for name, description in descriptions.items():
        file = describe_cells(grid(model)).assign_attrs(_attributes(model, "historical", "fx"))
        values = grid(model)[name].values.astype("float32")
        file[name] = (("lat", "lon"), values, description | {"missing_value": _FILL})
        write_file(
            file,
            run_folder(folder, model, "historical") / "fx/atmos/fx/r0i0p0/latest" / name,
            f"{name}_fx_{model}_historical_r0i0p0.nc",
        )


def run_folder(folder: Path, model: str, experiment: str) -> Path:
    """Return where a run lies in a tree as ESGF has it.

    Parameters
    ----------
    folder : pathlib.Path
        Of the archive.
    model, experiment : str
        As in the files' names.
    """
    return folder / "output1" / load_standin()["models"][model]["institute"] / model / experiment


def describe_cells(cells: xr.Dataset) -> xr.Dataset:
    """Return the coordinates of a grid and their bounds with the attributes of CMIP5."""
    cells = cells[["lat_bnds", "lon_bnds"]].copy()
    for name, long_name, axis in (("lat", "latitude", "Y"), ("lon", "longitude", "X")):
        cells[name].attrs = {
            "standard_name": long_name,
            "long_name": long_name,
            "units": f"degrees_{'north' if axis == 'Y' else 'east'}",
            "axis": axis,
            "bounds": f"{name}_bnds",
        }
    return cells


def _attributes(model: str, experiment: str, frequency: str) -> dict[str, str | int]:
    member = 0 if frequency == "fx" else 1
    return {
        "Conventions": "CF-1.4",
        "title": f"Emulated stand-in under the name of {model}, {experiment}: not CMIP5 output",
        "source": f"emulated stand-in, not output of {model}",
        "label": "emulated",
        "institution": "none: helpers/standin.py of the book, not the institute of the name",
        "comment": "The model is stated in data/standin.yml. Its mean change over the Plateau is "
        "calibrated to Han et al. (2022), doi 10.1029/2022EF002890: by construction.",
        "seed": load_standin()["seed"],
        "project_id": "stand-in in the shape of CMIP5",
        "product": "output1",
        "institute_id": load_standin()["models"][model]["institute"],
        "model_id": model,
        "experiment_id": experiment,
        "frequency": frequency,
        "modeling_realm": "atmos" if frequency == "fx" else "land",
        "table_id": "Table fx" if frequency == "fx" else "Table Lmon",
        "realization": member,
        "initialization_method": member,
        "physics_version": member,
    }


def write_file(file: xr.Dataset, folder: Path, name: str) -> None:
    """Write a file as ESGF gives it: classic NetCDF-3, record by record, 1e20 where empty.

    Parameters
    ----------
    file : xarray.Dataset
        With its time axis as numbers.
    folder : pathlib.Path
        Made where it is absent.
    name : str
        As CMIP5 names it; it begins with the variable that has fill values.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = name.partition("_")[0]
    encoding = {variable: {"_FillValue": None} for variable in file.variables}
    encoding[data] = {"_FillValue": _FILL}
    file.to_netcdf(
        folder / name,
        engine="scipy",
        encoding=encoding,
        unlimited_dims=["time"] if "time" in file.dims else None,
    )
