"""Seeded generators of what cannot be shipped. Nothing made here is an observation.

``data/reconstruction.yml`` holds the whole model: for every drawn factor its causes, coefficients,
noise, range, and the reason or reference of each.
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

EMBEDDED_PLACES = DATA / "embedded" / "places.csv"


@cache
def load_reconstruction() -> dict:
    """Return the model of the reconstruction, as ``data/reconstruction.yml`` states it.

    Examples
    --------
    >>> load_reconstruction()["soil_respiration"]["alpha"]
    0.6907
    """
    return yaml.safe_load((DATA / "reconstruction.yml").read_text(encoding="utf-8"))


def load_places() -> pd.DataFrame:
    """Return 30 places of one admissible set (:func:`helpers.paper.draw_site_sets`): measured.

    Indexed by ``site``, T01 in the west to T30 in the east: longitude, latitude (degrees),
    elevation (m), land_cover. One set of very many: nothing says that it is the paper's.
    """
    return pd.read_csv(EMBEDDED_PLACES, index_col="site")


def reconstruct_sites(climate: xr.Dataset, seed: int) -> pd.DataFrame:
    """Draw plants, soils and microbes at 30 real places, those of :func:`load_places`.

    Soil respiration is left to :func:`soil_respiration`, since it follows from the temperature of
    the study. Held exactly: the minimum and maximum of every drawn factor; and the definitions
    TC = SOC + SIC, CN = TC / TN, NPP = ANPP + BNPP, BPLFA = GP + GN, FB = FPLFA / BPLFA and
    Clay + Silt + Sand = 100.

    Parameters
    ----------
    climate, seed : xarray.Dataset, int
        GLDAS annual means on (lat, lon): assimilated; and the seed of what is drawn. The places
        are the same for all, and the same seed gives the same table.
    """
    sites = load_places()
    elevation = sites["elevation"]
    for zone, ends in ZONES.items():
        sites.loc[elevation.between(*ends), "zone"] = zone
    weather = sample(climate, sites["longitude"], sites["latitude"])
    return sites.join(_draw_factors(weather, np.random.default_rng(seed)))


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
