"""Seeded generators of what cannot be shipped. Nothing made here is an observation.

``data/reconstruction.yml`` holds the whole model: the course of the transect, and for every
drawn factor its causes, coefficients, noise, range, and the reason or reference of each.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import xarray as xr
import yaml

from helpers.paths import DATA
from helpers.readers.gldas import sample
from helpers.readers.sites import ZONES

_KM_PER_DEGREE = 111.2
_SECONDS_PER_YEAR = 365 * 86400


@cache
def load_reconstruction() -> dict:
    """Return the model of the reconstruction, as ``data/reconstruction.yml`` states it.

    Examples
    --------
    >>> load_reconstruction()["zone_sites"]
    {'Low': 6, 'Middle': 10, 'High': 14}
    """
    return yaml.safe_load((DATA / "reconstruction.yml").read_text(encoding="utf-8"))


def reconstruct_sites(climate: xr.Dataset, elevation: xr.DataArray, seed: int) -> pd.DataFrame:
    """Lay 30 virtual sites on the real Plateau and draw their plants, soils and microbes.

    The sites run from T01 in the west to T30 in the east. Soil respiration is left to
    :func:`soil_respiration`, since it follows from the temperature of the study.

    Parameters
    ----------
    climate, elevation : xarray.Dataset, xarray.DataArray
        GLDAS annual means, and metres on a finer grid, on (lat, lon): observed.
    seed : int
        The same seed gives the same table.

    Notes
    -----
    Held exactly: 12 meadow and 18 steppe sites; 6, 10 and 14 sites in the paper's three
    elevation zones; one site per climate cell; annual precipitation inside the paper's range;
    the minimum and maximum of every drawn factor; and the definitions TC = SOC + SIC,
    CN = TC / TN, NPP = ANPP + BNPP, BPLFA = GP + GN, FB = FPLFA / BPLFA and
    Clay + Silt + Sand = 100.
    """
    rng = np.random.default_rng(seed)
    sites = _place_sites(climate, elevation, rng)
    weather = sample(climate, sites["longitude"], sites["latitude"])
    wettest = weather["PRE"].nlargest(load_reconstruction()["meadow_sites"]).index
    covers = np.where(sites.index.isin(wettest), "meadow", "steppe")
    sites.insert(3, "land_cover", covers)
    return sites.join(_draw_factors(weather, rng))


def _place_sites(
    climate: xr.Dataset, elevation: xr.DataArray, rng: np.random.Generator
) -> pd.DataFrame:
    """Choose the driest and the wettest cell, then spread each zone's sites along the transect."""
    candidates = _candidates(climate, elevation).sample(frac=1, random_state=rng)
    extremes = candidates.loc[[candidates["rain"].idxmin(), candidates["rain"].idxmax()]]
    chosen = extremes.copy()
    for zone, count in load_reconstruction()["zone_sites"].items():  # the rarest zone first
        pool = candidates[candidates["zone"] == zone]
        count -= (extremes["zone"] == zone).sum()
        stretch = pd.qcut(pool["along"].rank(method="first"), count, labels=False)
        for number in range(count):
            free = ~pool["cell"].isin(chosen["cell"])
            here = pool[free & (stretch == number)]
            chosen = pd.concat([chosen, (here if len(here) else pool[free]).head(1)])
    chosen = chosen.sort_values("along").reset_index(drop=True)
    chosen.index = pd.Index([f"T{number + 1:02d}" for number in chosen.index], name="site")
    return chosen[["longitude", "latitude", "elevation", "zone"]].astype({"elevation": float})


def _candidates(climate: xr.Dataset, elevation: xr.DataArray) -> pd.DataFrame:
    """List the elevation cells on the transect, with their place along it in km."""
    import shapely  # only to lay the sites anew

    model = load_reconstruction()
    cells = elevation.to_dataframe("elevation").reset_index()
    cells = cells.rename(columns={"lat": "latitude", "lon": "longitude"})
    scale = _KM_PER_DEGREE * np.array([np.cos(np.radians(model["transect_latitude"])), 1])
    line = shapely.LineString(np.array(model["transect"]) * scale)
    points = shapely.points(cells[["longitude", "latitude"]].to_numpy() * scale)
    cells["along"] = shapely.line_locate_point(line, points)
    near = shapely.distance(line, points) <= model["transect_half_width_km"]
    row = climate.get_index("lat").get_indexer(cells["latitude"], method="nearest")
    column = climate.get_index("lon").get_indexer(cells["longitude"], method="nearest")
    cells["cell"] = list(zip(row, column, strict=True))
    rain = climate["Rainf_f_tavg"].transpose("lat", "lon").values * _SECONDS_PER_YEAR
    cells["rain"] = rain[row, column]
    for zone, (low, high) in ZONES.items():
        cells.loc[cells["elevation"].between(low, high), "zone"] = zone
    return cells[near & cells["rain"].between(*model["precipitation_mm"]) & cells["zone"].notna()]


def _draw_factors(weather: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    standard = {code: _standardize(values) for code, values in weather.items()}
    drawn = {}
    for name, rule in load_reconstruction()["factors"].items():
        noise = rng.standard_normal(len(weather)) * rule["noise"]
        causes = sum(weight * standard[cause] for cause, weight in rule["causes"].items())
        standard[name] = _standardize(causes + noise)
        drawn[name] = _stretch(standard[name], *rule["range"], log=rule.get("scale") == "log")
    table = pd.DataFrame(drawn, index=weather.index).round(4)
    table["ANPP"] = table["NPP"] * table.pop("ANPP_share")
    table["BNPP"] = table["NPP"] - table["ANPP"]
    table["TN"] = table["SOC"] / table.pop("organic_CN")
    table["TC"] = table["SOC"] + table["SIC"]
    table["CN"] = table["TC"] / table["TN"]
    table["Sand"] = 100 - table["Clay"] - table["Silt"]
    for part in ("BPLFA", "FPLFA", "APLFA"):
        table[part] = table["TPLFA"] * table.pop(f"{part}_share")
    table["GP"] = table["BPLFA"] * table.pop("GP_share")
    table["GN"] = table["BPLFA"] - table["GP"]
    table["FB"] = table["FPLFA"] / table["BPLFA"]
    return table


def _standardize(values: pd.Series) -> pd.Series:
    return (values - values.mean()) / values.std()


def _stretch(values: pd.Series, low: float, high: float, *, log: bool) -> pd.Series:
    share = (values - values.min()) / (values.max() - values.min())
    return low * (high / low) ** share if log else low + (high - low) * share


def soil_respiration(temperature: pd.Series) -> pd.Series:
    r"""Return soil respiration (CO2, umol m-2 s-1) from soil temperature T (§2.1).

    .. math:: R_s = \alpha e^{\beta T}, \quad T \text{ in degrees Celsius}

    The paper prints neither coefficient; ours are from a field equation named in
    ``data/reconstruction.yml``.

    Parameters
    ----------
    temperature : pandas.Series
        At 10 cm, in kelvin.

    Examples
    --------
    >>> soil_respiration(pd.Series([283.15])).round(2).tolist()
    [2.37]
    """
    rule = load_reconstruction()["soil_respiration"]
    return rule["alpha"] * np.exp(rule["beta"] * (temperature - 273.15))
