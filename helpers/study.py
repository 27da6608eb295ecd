"""The study: one tidy table of sites, one gridded climate, and the label of every column."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from helpers import readers  # of models: takes a while, which own archives alone need
from helpers.checks import check_numbers, check_word
from helpers.errors import Faults, InputError
from helpers.factors import gldas_sources, load_factors
from helpers.paths import DATA
from helpers.provenance import least_real
from helpers.readers.archive_files import gather_alike
from helpers.readers.gldas import (
    annual_mean,
    check_inside,
    find_gldas_files,
    is_doubtful,
    load_climate,
    open_gldas,
    sample,
)
from helpers.readers.grids import PLATEAU_BOX
from helpers.readers.netcdf import dimensions_of, walk
from helpers.readers.sites import read_sites
from helpers.readers.transect import TABLE, read_transect

SEED = 2022
_FEWEST = 6  # values of a factor: a parabola has no AICc with fewer
_DIGITS = 4  # of degrees, as places are embedded
_POSITION = ["longitude", "latitude", "elevation", "land_cover", "zone"]
EMBEDDED_TOP = DATA / "embedded" / "top_tp_1990_2005.nc"
EMBEDDED_ENSEMBLE = DATA / "embedded" / "ensemble_tp_1990_2099.nc"
EMBEDDED_SITES = DATA / "embedded" / "sites.csv"
_CONTENTS = {
    "gldas": "monthly files of GLDAS-2.1 Noah anywhere in it",
    "sites": "the site table, sites.csv (or .xlsx, .tsv, .txt), right in the folder",
    "cmip5": "monthly files of npp and rh of CMIP models anywhere in it, named as ESGF names them",
    "plateau_transect": f"the transect's files as make data SOURCE=sites fetches them ({TABLE})",
}
_NAMED_LIKE = {  # what is so named right in a folder, and is none of the above, is refused
    "gldas": re.compile("gldas|http_services", re.IGNORECASE),
    "sites": re.compile(
        r"site.*\.(csv|tsv|txt|xlsx?|ods)(\.\w+)?$|^sites?(\.zip)?$", re.IGNORECASE
    ),
    "cmip5": re.compile("cmip|esgf", re.IGNORECASE),
    "plateau_transect": re.compile(r"^plateau_transect|^metadata_.*\.txt$|_vegan\.txt$"),
}
_TABLES = [f"sites.{suffix}" for suffix in ("csv", "xlsx", "tsv", "txt")]
_CARBON = {"npp", "nep", "gpp", "nbp"}  # variables that no other field has the names of
_HEADER = {"longitude", "latitude", "elevation"}  # of a table of sites, whatever its name


@dataclass(frozen=True)
class Study:
    """What every analysis of the book reads.

    The table `sites` has a row per site: longitude, latitude, elevation (m), land_cover, zone, then
    the factors in the registry's order and units, NaN where a table of your own has a gap, and its
    TOP if there is one. For each of its columns `labels` says whether it is measured, observed,
    assimilated or reconstructed, and `provenance` what it was made from. `chosen` is the label of
    the choice of sites: reconstructed where they were drawn. `remarks` are sentences on a table of
    your own: what of it was converted, ignored, left out, and how many values are missing.
    """

    sites: pd.DataFrame
    climate: xr.Dataset  # GLDAS annual means on (lat, lon), GLDAS names and units
    labels: pd.Series
    provenance: pd.Series
    chosen: str
    remarks: tuple[str, ...] = ()

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
    """Load the embedded study, or one made from data of your own, with its climate at sites.

    Parameters
    ----------
    source : path or "embedded"
        A table of sites (:func:`helpers.readers.read_sites`), or a folder with any of such a table,
        named ``sites.csv`` or ``sites.xlsx``, GLDAS monthly files and a CMIP archive (anywhere in
        it), and the fetched files of the transect, whose soil then stands in the place of
        reconstructed soil at the embedded places. What is lacking is taken from the embedded study,
        but for climate at sites beyond its box, 25-41 N and 72-106 E; what looks like one of these
        and cannot be used is refused, all faults together.
    seed : int
        Of the reconstruction, which is used where there is no site table of your own.

    Examples
    --------
    >>> load_study().labels[["TF", "SOC"]].tolist()
    ['assimilated', 'reconstructed']
    """
    own, faults = _recognise(source)
    embedded_climate, parts = load_climate(), {}
    box, remarks = PLATEAU_BOX, []
    with faults.gather():
        if "sites" in own:
            parts["sites"] = read_sites(own["sites"])
            remarks = parts["sites"].attrs.pop("remarks")
            box = _box_of(parts["sites"])
        elif "plateau_transect" in own:
            parts["plateau_transect"] = read_transect(own["plateau_transect"])
    with faults.gather():
        if "gldas" in own:
            parts["gldas"] = annual_mean(open_gldas(own["gldas"], box=box))
    faults.refuse()
    if "gldas" in parts:
        climate = parts["gldas"]
        files = climate.attrs["inputs"].count("\n") + 1
        climate_from = f"{files} GLDAS files in {own['gldas']}, {climate.attrs['period']}"
    else:
        climate = embedded_climate
        climate_from = f"GLDAS-2.1 Noah monthly files, {climate.attrs['period']} (embedded mean)"

    labels = load_factors()["data_label"]
    labels["TOP"] = "observed"
    if site_table := own.get("sites"):
        sites = parts["sites"]
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
    if "plateau_transect" in parts:
        measured = _measured_soil(sites, parts["plateau_transect"])
        sites[[*measured]] = measured
        labels = labels.mask(labels.index.isin(measured.columns), "measured")
        sites["TC"] = sites["SOC"] + sites["SIC"]
        sites["CN"] = sites["TC"] / sites["TN"]
        folder = own["plateau_transect"]
        provenance[[*measured]] = f"the transect of Kang et al. (2022) in {folder}"
    position = pd.Series("observed" if site_table else "measured", index=_POSITION)
    if not site_table:
        provenance[_POSITION] = "one of very many admissible sets of a public network's sites"
    if "Rs" not in sites:
        provenance["Rs"] = "soil temperature, by a field equation of SRDB v5"
    elsewhere = box is not PLATEAU_BOX and "gldas" not in parts
    sites = _add_climate(sites, None if elsewhere else climate)
    if site_table:
        sites = _leave_out(sites, parts["sites"].columns, remarks)
        remarks += _doubt_units(sites, parts["sites"].columns)
    if elsewhere and (lacks := [code for code in gldas_sources() if code not in sites]):
        remarks.append(
            "the sites lie beyond the book's climate (25-41 N, 72-106 E), and no GLDAS files are "
            f"beside the table: without {', '.join(lacks)}"
        )
    provenance = provenance.reindex(sites.columns, fill_value=climate_from)
    return Study(
        sites=sites,
        climate=climate,
        labels=pd.concat([position, labels])[sites.columns].rename("label"),
        provenance=provenance.rename("provenance"),
        chosen="observed" if site_table else "reconstructed",
        remarks=tuple(remarks),
    )


def _leave_out(sites: pd.DataFrame, own: pd.Index, remarks: list[str]) -> pd.DataFrame:
    """Leave out own columns with hardly a value, or with one value only; say so in the remarks."""
    numbers = sites[own.difference(_POSITION, sort=False)]
    few, flat = numbers.count() < min(_FEWEST, len(sites)), numbers.nunique() < 2
    for name in numbers.columns[few | flat]:
        why = f"fewer than {_FEWEST} sites have a value" if few[name] else "it is one at every site"
        remarks.append(f"{name}: left out, as {why}")
    return sites.drop(columns=numbers.columns[few | flat])


def _doubt_units(sites: pd.DataFrame, own: pd.Index) -> list[str]:
    """Say which own columns lie so far from the book's sites that their unit may be another."""
    book, units, told = load_study().sites, load_factors()["unit"], []
    for name in own.intersection(sites.columns).intersection(units.index):
        middle, there = sites[name].abs().median(), book[name].abs()
        if middle > 0 and not there.min() / 10 <= middle <= there.max() * 10:
            told.append(
                f"{name}: is it in {units[name]}? Half of the values lie below {middle:.3g}; the "
                f"book's sites have {book[name].min():.3g} to {book[name].max():.3g}"
            )
    return told


def _box_of(sites: pd.DataFrame) -> dict[str, slice]:
    """Return the box of the Plateau, or that of sites which all lie outside of it."""
    places = {"lat": sites["latitude"], "lon": sites["longitude"]}
    inside = [places[name].between(box.start, box.stop) for name, box in PLATEAU_BOX.items()]
    if (inside[0] & inside[1]).any():
        return PLATEAU_BOX
    return {name: slice(each.min() - 1, each.max() + 1) for name, each in places.items()}


def _measured_soil(sites: pd.DataFrame, transect: pd.DataFrame) -> pd.DataFrame:
    """Return the soil factors of the paper that were measured at these places of the transect."""
    factors = load_factors().index.intersection(transect.columns).drop("CN")  # of total carbon
    columns = ["longitude", "latitude", "elevation"]
    here = transect.assign(**transect[columns].round(_DIGITS)).set_index(columns)[factors]
    places = pd.MultiIndex.from_frame(sites[columns].round(_DIGITS))
    return here.reindex(places).set_axis(sites.index)


def load_top(
    source: str | Path = "embedded",
    scenarios: Sequence[str] | None = None,
    first_year: int = 1990,
    last_year: int = 2099,
    strict: bool = False,
) -> xr.Dataset:
    """Load terrestrial oxygen production of an ensemble of models.

    Returns what :func:`helpers.readers.open_ensemble` does: ``top`` (scenario, model, year, lat,
    lon) in kg O2 m-2 yr-1 and what goes with it; of an archive with the attributes ``left_out``
    (models that could not be used, and why), ``remarks`` and ``inputs`` (files). The attributes
    ``label`` and ``provenance`` say what it is.

    Parameters
    ----------
    source : path or "embedded"
        A folder with an archive of CMIP5 or CMIP6 (``npp`` and ``rh``, or ``nep``) anywhere in it:
        simulated. Without one, what ``make data`` computed from emulators of CMIP5 models, to 1e-5
        kg m-2 yr-1: emulated.
    scenarios : sequence of str, optional
        Of an archive; those of the embedded ensemble are ``rcp45`` and ``rcp85``.
    first_year, last_year : int
        The period, from 1990 to 2099 at most of the embedded ensemble.
    strict : bool
        Whether a model of an archive that cannot be used is refused instead of left out.

    Examples
    --------
    >>> load_top(last_year=2005)["top"].sizes["year"]
    16
    """
    if folder := _look_into(source).get("cmip5"):
        scenarios = scenarios if scenarios is None else tuple(scenarios)
        asked = scenarios, first_year, last_year, strict
        ensemble = _open_archive(folder, *asked, _state(folder)).copy()
        return ensemble.assign_attrs(label="simulated", provenance=f"CMIP archive in {folder}")
    with xr.open_dataset(EMBEDDED_ENSEMBLE, engine="netcdf4") as file:
        ensemble = file.sel(year=slice(first_year, last_year))
        for scenario in scenarios or ():
            check_word("scenario", scenario, ensemble["scenario"].values)
        ensemble = ensemble if scenarios is None else ensemble.sel(scenario=[*scenarios])
        ensemble = ensemble.transpose("scenario", "model", "year", "lat", "lon").load()
    models = ensemble.sizes["model"]
    return ensemble.assign_attrs(provenance=f"emulators of {models} CMIP5 models")


@lru_cache(maxsize=2)
def _open_archive(
    folder: Path, scenarios: tuple | None, first: int, last: int, strict: bool, _: tuple
):
    return readers.open_ensemble(folder, scenarios, first, last, strict)


def _state(folder: Path) -> tuple:
    """Return what changes when a file below a folder does."""
    found = ((path, path.stat()) for path in walk(folder) if path.is_file())
    return tuple((path, about.st_size, about.st_mtime_ns) for path, about in found)


def load_carbon(source: str | Path = "embedded") -> xr.Dataset:
    """Load NPP and Rh to 2005 behind :func:`load_top`, which explains `source`.

    Returns ``npp``, ``rh``, ``land_fraction`` and ``area`` as of it, with its attributes: of all of
    its models, without values of those that have ``nep`` alone.

    Examples
    --------
    >>> load_carbon()["rh"].attrs["units"]
    'kg m-2 yr-1'
    """
    carbon = load_top(source, last_year=2005)
    return carbon[["npp", "rh", "land_fraction", "area"]].dropna("year", how="all")


def sample_top(sites: pd.DataFrame, source: str | Path = "embedded") -> pd.Series:
    """Return TOP at sites: mean of the models and of 1990-2005, in the 1 degree cell of a site.

    In kg O2 m-2 yr-1 per m2 of land. The paper does not say how it got TOP at sites.

    Parameters
    ----------
    sites : pandas.DataFrame
        With longitude and latitude; a column TOP, of a table of your own, is returned as it is.
    source : path or "embedded"
        As for :func:`load_top`.

    Examples
    --------
    >>> sample_top(load_study().sites)["T30"].round(3).item()
    0.073
    """
    if "TOP" in sites:
        return sites["TOP"]
    if _look_into(source).get("cmip5"):
        field = mean_top(load_top(source, last_year=2005))
    else:
        with xr.open_dataset(EMBEDDED_TOP, engine="scipy") as file:
            field = file["top"].load()
    mend = "give the table a column TOP (kg m-2 yr-1 of O2)"
    check_inside(field, sites["longitude"], sites["latitude"], mend=mend)
    places = {"lat": sites["latitude"].to_xarray(), "lon": sites["longitude"].to_xarray()}
    return field.mean("model").sel(places, method="nearest").to_series().rename("TOP")


def top_label(source: str | Path = "embedded") -> str:
    """Return the label of TOP at sites: observed in a table of your own, simulated in an archive.

    Emulated without one of these.

    Examples
    --------
    >>> top_label()
    'emulated'
    """
    own = _look_into(source)
    if "sites" in own and "TOP" in read_sites(own["sites"]):
        return "observed"
    return "simulated" if "cmip5" in own else "emulated"


def mean_top(ensemble: xr.Dataset) -> xr.DataArray:
    """Return the mean TOP of 1990-2005 from :func:`load_top` on (model, lat, lon).

    Examples
    --------
    >>> mean_top(load_top()).sel(model="CanESM2", lat=30.5, lon=95.5).round(3).item()
    0.002
    """
    past = ensemble["top"].isel(scenario=0, drop=True).sel(year=slice(1990, 2005))
    return past.mean("year", keep_attrs=True)


def _look_into(source: str | Path) -> dict[str, Path]:
    """Return what a reader's folder holds of _CONTENTS, nothing for the embedded study."""
    own, faults = _recognise(source)
    faults.refuse()
    return own


def _recognise(source: str | Path) -> tuple[dict[str, Path], Faults]:
    """Return what a folder holds, and the faults of what looks as if it held something."""
    own: dict[str, Path] = {}
    faults = Faults()
    if source == "embedded":
        return own, faults
    folder = Path(source)
    if folder.is_file():
        return {"sites": folder}, faults
    with faults.gather():
        files = find_gldas_files(folder)
        if any(is_doubtful(path) for path in files):
            open_gldas(folder)  # refuses them with all else
        if files:
            own["gldas"] = folder
    if table := find_table(folder):
        own["sites"] = table
        more = (folder / name for name in _TABLES if name != table.name)
        faults.extend(_take_for(path, "sites") for path in more if os.path.lexists(path))
    with faults.gather():
        if readers.holds_archive(folder):
            own["cmip5"] = folder
    if "cmip5" not in own:
        nameless = (path for path in walk(folder) if _CARBON & {*(dimensions_of(path) or ())})
        faults.extend(_take_for(path, "cmip5") for path in nameless)
    for place in (folder / "plateau_transect", folder):
        if (place / TABLE).exists():
            own["plateau_transect"] = place
    looked_for = [name for name in _NAMED_LIKE if name not in own]
    if faults:
        looked_for = [name for name in looked_for if name != "gldas"]
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        like = [name for name in looked_for if _NAMED_LIKE[name].search(path.name)]
        if not like and "sites" in looked_for and _has_places(path):
            like = ["sites"]
        for name in like:
            faults.append(_take_for(path, name))
    if "sites" in looked_for and not any(fault.needed == _CONTENTS["sites"] for fault in faults):
        deeper = (path for path in walk(folder) if path.name.lower() in _TABLES)
        faults.extend(_take_for(path, "sites") for path in deeper)
    if not own and not faults:
        raise InputError(
            folder,
            needed=", or ".join(_CONTENTS.values()),
            found="none of these in it" if folder.is_dir() else "no such folder",
            mend="check the path (it is read from where you started the run)",
        )
    return own, faults


def find_table(source: str | Path) -> Path | None:
    """Return the table of sites that a source is, or that lies in its folder, if there is one.

    Examples
    --------
    >>> find_table(DATA / "embedded").name
    'sites.csv'
    """
    places = [Path(source, name) for name in _TABLES if os.path.lexists(Path(source, name))]
    return Path(source) if Path(source).is_file() else next(iter(places), None)


def _take_for(path: Path, part: str) -> InputError:
    return InputError(
        path,
        needed=_CONTENTS[part],
        found="something else under this name, or another name",
        mend="mend its name, its place or what is in it, or take it out of the folder: else the "
        "book would use its own data in its place",
    )


def _has_places(path: Path) -> bool:
    """Tell a table with the places of sites by its first line."""
    if path.suffix.lower() not in (".csv", ".tsv", ".txt") or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return {*re.findall("[a-z]+", file.readline(4096).lower())} >= _HEADER


def _add_climate(sites: pd.DataFrame, climate: xr.Dataset | None) -> pd.DataFrame:
    if climate is not None:
        weather = sample(climate, sites["longitude"], sites["latitude"])
        sites = sites.join(weather[weather.columns.difference(sites.columns, sort=False)])
    if "Rs" not in sites and "ST10" in sites:
        from helpers.reconstruction import soil_respiration

        sites["Rs"] = soil_respiration(sites["ST10"])
    return sites[[*_POSITION, *(code for code in [*load_factors().index, "TOP"] if code in sites)]]


def name_used(
    source: str | Path,
    parts: Sequence[str] = ("climate", "sites", "top"),
    last_year: int = 2005,
    scenarios: Sequence[str] | None = None,
    under: str = "",
) -> str:
    """Say in Markdown which data of a reader's folder a page rests on; nothing if it is embedded.

    What was used, from which files, what was left out and why, and what is the book's own.

    Parameters
    ----------
    source : path or "embedded"
        As for :func:`load_study` and :func:`load_top`, whose refusals are those of this function.
    parts : sequence of {"climate", "sites", "top"}
        What the page shows.
    last_year, scenarios : int, sequence of str
        Up to which year it reads TOP of an archive, and in which scenarios, as for
        :func:`load_top`.
    under : str
        Heading of the section in which the page analyses a table of sites, if not all over it.

    Examples
    --------
    >>> name_used("embedded")
    ''
    """
    own = _look_into(source)
    if not own:
        return ""
    lines = []
    if {"climate", "sites"}.intersection(parts):
        study = load_study(source)
    if "climate" in parts:
        whose = _name_files(study.climate) if "gldas" in own else "**the book's**, GLDAS-2.1"
        told = f"climate (assimilated): {whose}, {study.climate.attrs['period']}"
        lines.append(told if "assimilated" in set(study.labels) else "climate: what your table has")
        lines += _tell(study.climate)
    if "sites" in parts and "sites" in own:
        lacks = load_factors().index.difference(study.labels.index, sort=False)
        lines.append(
            f"sites: your table {_code(own['sites'].name)}, {len(study.sites)} sites (observed, on "
            "your word)" + f", without {', '.join(lacks)}" * bool(len(lacks))
        )
        slug = re.sub(r"[^a-z0-9]+", "-", under.lower().replace("'", "-")).strip("-")
        lines[-1] += f"; **what they say stands under [{under}](#{slug})**" * bool(under)
        lines += [f"  - {escape(each, quote=False)}" for each in study.remarks]
        if "plateau_transect" in own:
            lines.append("left out: the transect's soil, as your table has the sites")
    elif "sites" in parts:
        measured = study.labels.index[study.labels == "measured"].difference(_POSITION)
        lines.append(
            "sites: **the book's**, places of one admissible set of thirty"
            + f", with {', '.join(measured)} as measured there, from your folder"
            * bool(len(measured))
            + "; plants, microbes and what else was not measured are reconstructed"
        )
    observed = "top" in parts and top_label(source) == "observed"
    if observed:
        lines.append("oxygen production at sites (observed): your table's")
    if "top" in parts and "cmip5" in own:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # their words are told below
            ensemble = load_top(source, scenarios, last_year=last_year)
        years, count = ensemble["year"].values[[0, -1]], ensemble.sizes["model"]
        lines.append(
            f"oxygen production ({ensemble.attrs['label']}), {years[0]} to {years[1]}: "
            f"{count} model{'s' * (count > 1)} in {_name_files(ensemble)}"
        )
        lines += [f"  - {each}" for each in _say_fluxes(ensemble)]
        lines += _tell(ensemble)
    elif "top" in parts:
        lines.append(f"oxygen production{' elsewhere' * observed} (emulated): **the book's**")
    used = {"climate": {"gldas"}, "sites": {"sites", "plateau_transect"}, "top": {"cmip5"}}
    some = own.keys() & set().union(*(used[part] for part in parts))
    head = "Not only the book's data" if some else "Your folder holds nothing that this page uses"
    tail = (
        "What stands fixed in the text speaks of the book's own data. What does not depend on "
        "`source` is as in the book."
    )
    head = f"**{head}.** This page was computed with {_code(f'source = {str(source)!r}')}:"
    listed = (line if line.startswith(" ") else f"- {line}" for line in lines)
    return "\n".join([head, "", *listed, "", tail])


def _name_files(data: xr.Dataset) -> str:
    """Say how many files data were read from, and the names of the first and the last."""
    names = [_code(line.partition("  ")[2]) for line in data.attrs["inputs"].splitlines()]
    return (
        f"1 file, {names[0]}"
        if len(names) == 1
        else f"{len(names)} files, {names[0]} to {names[-1]}"
    )


def _code(name: str) -> str:
    return "`{}`".format(name.replace("`", "'"))


def _say_fluxes(ensemble: xr.Dataset) -> list[str]:
    """Say from which fluxes TOP was made, of which models and members."""
    models: dict[str, dict[str, list[str]]] = {}
    for line in ensemble.attrs["fluxes"].splitlines():
        name, _, made = line.partition(": ")
        model, _, member = name.partition(" ")
        models.setdefault(made.replace(" - ", " − "), {}).setdefault(member, []).append(model)
    return [
        f"{made}: "
        + "; ".join(f"{', '.join(names)} ({member})" for member, names in members.items())
        for made, members in models.items()
    ]


def _tell(data: xr.Dataset) -> list[str]:
    """Return the lines of a reader about what it left out, and what it chose."""
    left_out = data.attrs.get("left_out", "").splitlines()
    remarks = data.attrs.get("remarks", "").splitlines()
    shown = [
        f"  - {line.strip()}" if line.startswith(" ") else f"left out: {line}"
        for line in gather_alike(left_out)
    ]
    return [escape(line, quote=False) for line in [*shown, *remarks]]


def minmax(table: pd.DataFrame) -> pd.DataFrame:
    """Scale every column of a table to 0-1: (value - minimum) / (maximum - minimum) (§2.4).

    Gaps stay gaps. A column with the same value everywhere is refused.

    Examples
    --------
    >>> minmax(pd.DataFrame({"pH": [6.0, 8.0, 7.0]}))["pH"].tolist()
    [0.0, 1.0, 0.5]
    """
    check_numbers(table, gaps=True)
    return (table - table.min()) / (table.max() - table.min())


SCALINGS = {
    "min-max": minmax,
    "z-score": lambda table: (table - table.mean()) / table.std(),
    "ranks": pd.DataFrame.rank,
}


def rescale(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Scale every column that has something to scale.

    Gaps stay gaps. A column with one value everywhere stays as it is: the analysis that uses it
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
    usable = ~np.isinf(table).any() & (table.min() < table.max())
    return table.assign(**SCALINGS[by](table.loc[:, usable]))
