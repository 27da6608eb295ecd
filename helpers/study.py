"""The study: one tidy table of sites, one gridded climate, and the label of every column."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from helpers import readers  # of models: takes a while, which own archives alone need
from helpers.checks import check_numbers, check_word
from helpers.errors import InputError
from helpers.factors import load_factors
from helpers.paths import DATA
from helpers.provenance import least_real
from helpers.readers.gldas import FILE_NAMES, annual_mean, load_climate, open_gldas, sample
from helpers.readers.sites import read_sites
from helpers.readers.transect import TABLE, read_transect
from helpers.statistics.projections import share_votes

SEED = 2022
_DIGITS = 4  # of degrees, as places are embedded
_POSITION = ["longitude", "latitude", "elevation", "land_cover", "zone"]
EMBEDDED_TOP = DATA / "embedded" / "top_tp_1990_2005.nc"
EMBEDDED_ENSEMBLE = DATA / "embedded" / "ensemble_tp_1990_2099.nc"
EMBEDDED_SITES = DATA / "embedded" / "sites.csv"
_CONTENTS = {
    "gldas": "GLDAS monthly files (GLDAS_NOAH10_M*.nc4) in the folder or right in its gldas/",
    "sites": "the site table, sites.csv",
    "cmip5": "monthly CMIP5 files of npp and rh in it, named as ESGF names them",
    "plateau_transect": f"the transect's files as make data SOURCE=sites fetches them ({TABLE})",
}


@dataclass(frozen=True)
class Study:
    """What every analysis of the book reads.

    The table `sites` has a row per site: longitude, latitude, elevation (m), land_cover, zone, then
    the factors in the registry's order and units. For each of its columns `labels` says whether it
    is measured, observed, reconstructed, published or emulated, and `provenance` what it was made
    from. `chosen` is the label of the choice of sites: reconstructed where they were drawn.
    """

    sites: pd.DataFrame
    climate: xr.Dataset  # GLDAS annual means on (lat, lon), GLDAS names and units
    labels: pd.Series
    provenance: pd.Series
    chosen: str

    def factors(self, group: str | None = None) -> pd.DataFrame:
        """Return the factor columns, all of them or those of one group."""
        registry = load_factors()
        codes = registry.index if group is None else registry.index[registry["group"] == group]
        return self.sites[[code for code in codes if code in self.sites]]

    def made_from(self, codes: Iterable[str]) -> str:
        """Return the least real label among factors, and the choice of sites to take them at."""
        return least_real([*self.labels[list(codes)], self.chosen])

    def summary(self) -> pd.DataFrame:
        """Return, for each group and label, which factors carry it and where they come from."""
        registry = load_factors().loc[self.factors().columns]
        table = registry[["group", "label"]].rename(columns={"label": "factors"})
        table["label"] = self.labels
        table["from"] = self.provenance
        grouped = table.groupby(["group", "label", "from"], sort=False)["factors"]
        return grouped.agg([("n", "size"), ("which", ", ".join)]).reset_index("from")


def load_study(source: str | Path = "embedded", seed: int = SEED) -> Study:
    """Load the embedded study, or one made from a folder of your own, with its climate at sites.

    Parameters
    ----------
    source : path or "embedded"
        A folder with any of ``sites.csv`` (see ``data/README.md``), GLDAS monthly files (in it
        or in its subfolder ``gldas/``), a CMIP5 archive, and the fetched files of the transect,
        whose soil then stands in the place of reconstructed soil at the embedded places. What the
        folder lacks is taken from the embedded study.
    seed : int
        Of the reconstruction, which is used where there is no site table of your own.

    Examples
    --------
    >>> load_study().labels[["TF", "SOC"]].tolist()
    ['observed', 'reconstructed']
    """
    own, embedded_climate = _look_into(source), load_climate()
    if gldas_folder := own.get("gldas"):
        climate = annual_mean(open_gldas(gldas_folder))
        files = climate.attrs["inputs"].count("\n") + 1
        climate_from = f"{files} GLDAS files in {gldas_folder}, {climate.attrs['period']}"
    else:
        climate = embedded_climate
        climate_from = f"GLDAS-2.1 Noah monthly files, {climate.attrs['period']} (embedded mean)"

    labels = load_factors()["data_label"]
    if site_table := own.get("sites"):
        sites = read_sites(site_table)
        labels = labels.mask(labels.index.isin(sites.columns), "observed")
        sites_from = f"your table {site_table}; what it holds is observed on your word"
    elif seed == SEED:
        sites = read_sites(EMBEDDED_SITES)
        sites_from = f"reconstruction with seed {seed} (embedded)"
    else:
        from helpers.reconstruction import reconstruct_sites

        sites = reconstruct_sites(embedded_climate, seed)
        sites_from = f"reconstruction with seed {seed}"
    provenance = pd.Series(sites_from, index=sites.columns)
    if (folder := own.get("plateau_transect")) and not site_table:
        measured = _measured_soil(sites, read_transect(folder))
        sites[[*measured]] = measured
        labels = labels.mask(labels.index.isin(measured.columns), "measured")
        sites["TC"] = sites["SOC"] + sites["SIC"]
        sites["CN"] = sites["TC"] / sites["TN"]
        provenance[[*measured]] = f"the transect of Kang et al. (2022) in {folder}"
    position = pd.Series("observed" if site_table else "measured", index=_POSITION)
    if not site_table:
        provenance[_POSITION] = "one of very many admissible sets of a public network's sites"
    if "Rs" not in sites:
        provenance["Rs"] = "soil temperature, by a field equation of SRDB v5"
    sites = _add_climate(sites, climate)
    provenance = provenance.reindex(sites.columns, fill_value=climate_from)
    return Study(
        sites=sites,
        climate=climate,
        labels=pd.concat([position, labels])[sites.columns].rename("label"),
        provenance=provenance.rename("provenance"),
        chosen="observed" if site_table else "reconstructed",
    )


def _measured_soil(sites: pd.DataFrame, transect: pd.DataFrame) -> pd.DataFrame:
    """Return the soil factors of the paper that were measured at these places of the transect."""
    factors = load_factors().index.intersection(transect.columns).drop("CN")  # of total carbon
    columns = ["longitude", "latitude", "elevation"]
    here = transect.assign(**transect[columns].round(_DIGITS)).set_index(columns)[factors]
    places = pd.MultiIndex.from_frame(sites[columns].round(_DIGITS))
    return here.reindex(places).set_axis(sites.index)


def load_top(source: str | Path = "embedded") -> xr.Dataset:
    """Load terrestrial oxygen production of an ensemble of models.

    Returns what :func:`helpers.readers.open_ensemble` does, with the attributes ``label`` and
    ``provenance``.

    Parameters
    ----------
    source : path or "embedded"
        A folder with a CMIP5 archive (``npp`` and ``rh``, or ``nep``) anywhere in it, of which
        nothing is read before it is computed. Without one, what ``make data`` computed from nine
        stand-in models (``tools/standin.py``), to 1e-5 kg m-2 yr-1: emulated.

    Examples
    --------
    >>> dict(load_top()["top"].sizes)
    {'scenario': 2, 'model': 9, 'year': 110, 'lat': 16, 'lon': 34}
    """
    if folder := _look_into(source).get("cmip5"):
        return readers.open_ensemble(folder).assign_attrs(_of_archive(folder))
    order = ("scenario", "model", "year", "lat", "lon")
    return _stand_ins()[["top", "land_fraction", "area"]].transpose(*order)


def load_carbon(source: str | Path = "embedded") -> xr.Dataset:
    """Load NPP and Rh of the historical runs behind :func:`load_top`, which explains `source`.

    Returns what :func:`helpers.readers.open_historical` does, with the attributes of ``load_top``.

    Examples
    --------
    >>> load_carbon()["rh"].attrs["units"]
    'kg m-2 yr-1'
    """
    if folder := _look_into(source).get("cmip5"):
        return readers.open_historical(folder).assign_attrs(_of_archive(folder))
    return _stand_ins()[["npp", "rh", "land_fraction", "area"]].dropna("year")


def _of_archive(folder: Path) -> dict[str, str]:
    return {"label": "observed", "provenance": f"CMIP5 archive in {folder}"}


def _stand_ins() -> xr.Dataset:
    with xr.open_dataset(EMBEDDED_ENSEMBLE, engine="netcdf4") as file:
        return file.load().assign_attrs(provenance="nine stand-in models")


def sample_top(
    sites: pd.DataFrame, source: str | Path = "embedded", weighting: str = "models"
) -> pd.Series:
    """Return TOP at sites: mean of the models and of 1990-2005, in the 1 degree cell of a site.

    In kg O2 m-2 yr-1 per m2 of land. The paper does not say how it got TOP at sites.

    Parameters
    ----------
    sites : pandas.DataFrame
        With longitude and latitude.
    source : path or "embedded"
        As for :func:`load_top`.
    weighting : {"models", "families"}
        What has one vote in the mean, as for :func:`helpers.statistics.share_votes`.

    Examples
    --------
    >>> sample_top(load_study().sites)["T30"].round(3).item()
    0.049
    """
    if _look_into(source).get("cmip5"):
        field = mean_top(load_top(source))
    else:
        with xr.open_dataset(EMBEDDED_TOP, engine="scipy") as file:
            field = file["top"].load()
    places = {"lat": sites["latitude"].to_xarray(), "lon": sites["longitude"].to_xarray()}
    field = share_votes(field, weighting).mean("model")
    return field.sel(places, method="nearest").to_series().rename("TOP")


def top_label(source: str | Path = "embedded") -> str:
    """Return the label of TOP: observed from an archive of your own, emulated without one.

    Examples
    --------
    >>> top_label()
    'emulated'
    """
    return "observed" if _look_into(source).get("cmip5") else "emulated"


def mean_top(ensemble: xr.Dataset) -> xr.DataArray:
    """Return the mean TOP of 1990-2005 from :func:`load_top`, computed, on (model, lat, lon).

    Examples
    --------
    >>> mean_top(load_top()).sel(model="CanESM2", lat=30.5, lon=95.5).round(3).item()
    0.042
    """
    past = ensemble["top"].isel(scenario=0, drop=True).sel(year=slice(1990, 2005))
    return past.mean("year", keep_attrs=True).compute()


def _look_into(source: str | Path) -> dict[str, Path]:
    """Return what a reader's folder holds of _CONTENTS, nothing for the embedded study."""
    if source == "embedded":
        return {}
    from helpers.readers.earth_system_models import holds_archive

    folder, own = Path(source), {}
    for place in (folder / "gldas", folder):
        if any(place.glob(FILE_NAMES)):
            own["gldas"] = place
    if os.path.lexists(folder / "sites.csv"):
        own["sites"] = folder / "sites.csv"
    if holds_archive(folder):
        own["cmip5"] = folder
    for place in (folder / "plateau_transect", folder):
        if (place / TABLE).exists():
            own["plateau_transect"] = place
    if not own:
        raise InputError(
            folder,
            needed=", or ".join(_CONTENTS.values()),
            found="none of these in it" if folder.is_dir() else "no such folder",
            mend="check the path (it is read from where you started the run)",
        )
    for path in sorted(folder.iterdir()):
        name = path.name.lower().partition(".")[0]
        if name in _CONTENTS and name not in own:
            raise InputError(
                path,
                needed=_CONTENTS[name],
                found="something else under this name",
                mend="mend its name or what is in it, or take it out of the folder: else the book "
                "would use its own data in its place",
            )
    return own


def _add_climate(sites: pd.DataFrame, climate: xr.Dataset) -> pd.DataFrame:
    weather = sample(climate, sites["longitude"], sites["latitude"])
    missing = weather.columns.difference(sites.columns, sort=False)
    sites = sites.join(weather[missing])
    if "Rs" not in sites:
        from helpers.reconstruction import soil_respiration

        sites["Rs"] = soil_respiration(sites["ST10"])
    return sites[[*_POSITION, *(code for code in load_factors().index if code in sites)]]


def minmax(table: pd.DataFrame) -> pd.DataFrame:
    """Scale every column of a table to 0-1: (value - minimum) / (maximum - minimum) (§2.4).

    A column with a gap, or with the same value everywhere, is refused.

    Examples
    --------
    >>> minmax(pd.DataFrame({"pH": [6.0, 8.0, 7.0]}))["pH"].tolist()
    [0.0, 1.0, 0.5]
    """
    check_numbers(table)
    return (table - table.min()) / (table.max() - table.min())


SCALINGS = {
    "min-max": minmax,
    "z-score": lambda table: (table - table.mean()) / table.std(),
    "ranks": pd.DataFrame.rank,
}


def rescale(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Scale every column that has something to scale.

    A column with a gap, or with one value everywhere, stays as it is: the analysis that uses it
    refuses it by name.

    Parameters
    ----------
    table : pandas.DataFrame
        Numbers, one row per site.
    by : {"min-max", "z-score", "ranks"}
        ``min-max``: to 0-1, as the paper does (:func:`minmax`); ``z-score``: less the mean, over
        the standard deviation; ``ranks``: from 1 up, equal values sharing their mean rank. The
        first two are linear: they change no correlation and no standardized effect.

    Examples
    --------
    >>> rescale(pd.DataFrame({"pH": [6.0, 8.0, 7.0]}), "ranks")["pH"].tolist()
    [1.0, 3.0, 2.0]
    """
    check_word("scaling", by, SCALINGS)
    usable = np.isfinite(table).all() & (table.min() < table.max())
    return table.assign(**SCALINGS[by](table.loc[:, usable]))
