"""The files of a CMIP archive: found by their names, and chosen where there are several."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.errors import InputError, show
from helpers.readers.netcdf import dimensions_of, walk

CHOICES = (("npp", "rh"), ("gpp", "ra", "rh"), ("nep",))  # what a model's uptake is made of
FLUXES = ("npp", "rh", "nep", "gpp", "ra", "nbp")
SCENARIOS = {"CMIP5": ("rcp45", "rcp85"), "CMIP6": ("ssp245", "ssp585")}
NEEDED = " (needed: "  # in a line of left_out
TABLES = {**dict.fromkeys(FLUXES, "Lmon Emon"), "sftlf": "fx"}
_LIKE_A_FLUX = re.compile(rf"({'|'.join(FLUXES)})_[a-z]*(mon|day|yr)[a-z]*_", re.IGNORECASE)
_NAME = re.compile(
    r"(?P<variable>[^_]+)_(?P<table>[^_]+)_(?P<model>[^_]+)_(?P<experiment>(?!r\d+i\d)[^_.]+)"
    r"(_(?P<member>r\d+i\d+p\d+(f\d+)?))?(_(?P<grid>g[nrm]\d*[az]?))?"
    r"(_(?P<start>\d{6,})-(?P<end>\d{6,}))?([_.].*)?",
    re.IGNORECASE,
)
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_LAST_HISTORICAL = 2014  # of CMIP6; CMIP5's runs end in 2005 and up to 2012


def holds_archive(folder: str | Path) -> bool:
    """Say whether a name in a folder, or in a folder in it, looks like CMIP output of a flux.

    Of carbon on land: npp, rh, nep, gpp, ra, nbp, with any suffix, in any case, as file or folder.

    Examples
    --------
    >>> holds_archive("no such folder")
    False
    """
    return any(_LIKE_A_FLUX.match(path.name) for path in walk(Path(folder)))


def find_files(folder: str | Path, tables: dict[str, str] = TABLES) -> pd.DataFrame:
    """List the files of some variables and their tables below a folder, with what their names say.

    In the order of the names. A name needs variable, table, model and experiment; what else it
    lacks is empty, start and end are None. A NetCDF file may have any suffix.
    """
    rows: list[dict[str, Any]] = []
    alike = []
    for path in walk(Path(folder)):
        match = _NAME.fullmatch(path.name)
        told = _told(match) if match else {"variable": "", "table": ""}
        known = told["table"].lower() in tables.get(told["variable"], "").lower().split()
        if known and _may_be_read(path):
            rows.append({"path": path, **told, "version": _version(path, folder)})
        elif _LIKE_A_FLUX.match(path.name):
            alike.append(path.name)
    names = {row["path"].name for row in rows}
    rows = [row for row in rows if not (_packed(row["path"]) and row["path"].stem in names)]
    if not rows:
        raise InputError(
            folder,
            needed=f"NetCDF files of {', '.join(tables)}, monthly if not fixed, named as CMIP "
            "names them (npp_Lmon_CanESM2_rcp45_r1i1p1_200601-210012.nc, "
            "npp_Lmon_CanESM5_ssp245_r1i1p1f1_gn_201501-210012.nc)",
            found=("no such file in it" if Path(folder).is_dir() else "no such folder")
            + "".join(f", but {show(name, 100, quote=False)}" for name in alike[:3]),
            mend="check path, names and tables, or download the files from ESGF",
        )
    order = ["model", "variable", "experiment", "member", "start"]
    return pd.DataFrame(rows, dtype=object).sort_values(order, ignore_index=True)


def _told(match: re.Match) -> dict[str, Any]:
    told = match.groupdict()
    for name in ("variable", "experiment", "member", "grid"):
        told[name] = (told[name] or "").lower()
    newer = told["experiment"].startswith("ssp") or "f" in told["member"]
    return {**told, "generation": "CMIP6" if newer else "CMIP5"}


def _packed(path: Path) -> bool:
    return path.suffix.lower() in _PACKED


def _may_be_read(path: Path) -> bool:
    """Say whether a file is NetCDF by its suffix or its first bytes, or may be so when unpacked."""
    named = path.suffix.lower() in (".nc", ".nc4") or _packed(path)
    return not path.is_dir() and (named or dimensions_of(path) != {})


def _version(path: Path, folder: str | Path) -> float:
    """Return the number of a version by the folder v20120101 or latest; -1 where there is none."""
    for part in reversed(path.relative_to(folder).parts[:-1]):
        if part.lower() == "latest":
            return float("inf")
        if re.fullmatch(r"v\d+", part, re.IGNORECASE):
            return float(part[1:])
    return -1


def of_generation(
    files: pd.DataFrame, folder: str | Path, scenarios: Sequence[str] | None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the files of the generation that has the scenarios, and these; refuse to choose."""
    if scenarios:
        names = [*dict.fromkeys(name.lower() for name in scenarios)]
        there = sorted({*files.loc[files["variable"] != "sftlf", "experiment"]} - {"historical"})
        wanted = {"CMIP6" if name.startswith("ssp") else "CMIP5" for name in names}
        if len(wanted) > 1 or (there and not {*names} <= {*there}):
            raise InputError(
                folder,
                needed="scenarios of one generation of models that the files have: "
                + ", ".join(there),
                found=", ".join(names),
                mend="name some of these, or download what is missing",
            )
        return files[files["generation"].isin(wanted)], names
    found = sorted(set(files.loc[files["variable"] != "sftlf", "generation"]))
    if len(found) > 1:
        raise InputError(
            folder,
            needed="models of one generation, or scenarios by name",
            found="files of CMIP5 and of CMIP6",
            mend="name the folder of one of the two; or scenarios, where a chapter takes them: "
            f"{' '.join(SCENARIOS['CMIP6'])}",
        )
    return files, [*SCENARIOS[found[0] if found else "CMIP5"]]


def of_period(files: pd.DataFrame, first_year: int, last_year: int) -> pd.DataFrame:
    """Leave out files of a run that by their names lie before or after a period.

    A scenario's early files stay: they join its later ones to the historical run.
    """
    early = (files["end"].str[:4] < f"{first_year:04d}") & (files["experiment"] == "historical")
    late = files["start"].str[:4] > f"{last_year:04d}"
    return files if (early | late).all() else files[~(early | late)]


def required_scenarios(files: pd.DataFrame, scenarios: list[str], last_year: int) -> list[str]:
    """Return the scenarios that a model must have: none for the past, if no model has them all.

    So a page on the past and one on the future rest on the same models.
    """
    if last_year > _LAST_HISTORICAL:
        return scenarios
    with warnings.catch_warnings(action="ignore"):
        some = any([*candidates(each, scenarios, scenarios)] for _, each in files.groupby("model"))
    return scenarios if some else []


def candidates(
    files: pd.DataFrame, scenarios: list[str], required: list[str]
) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """Yield, for each member and grid of a model, what its uptake is made of, and the files.

    From the first member on (r1i1p1 before r2i1p1), those that by their names have all variables of
    one of CHOICES in the historical run and in each scenario that is required.
    """
    runs = files[files["experiment"].isin(["historical", *scenarios])]
    groups = dict(iter(runs.groupby(["member", "grid"])))
    numbers = {name: [*map(int, re.findall(r"\d+", name))] for name, _ in groups}
    for member, grid in sorted(groups, key=lambda each: (numbers[each[0]], each)):
        group = groups[member, grid]
        there = {*zip(group["variable"], group["experiment"], strict=True)}
        for choice in CHOICES:
            needed = ["historical", *required]
            if {(variable, each) for variable in choice for each in needed} <= there:
                if others := {name for of, name in groups if of == member} - {grid}:
                    told = f"{group['model'].iloc[0]} {member}: of the grids {grid or 'unlabelled'}"
                    told += f", {', '.join(sorted(others))} the first is read"
                    warnings.warn(told, stacklevel=2)
                compared = (group["variable"] == "nep") & (group["experiment"] == "historical")
                yield choice, group[group["variable"].isin(choice) | compared]
                break


def newest(files: pd.DataFrame) -> pd.DataFrame:
    """Return the newest version of a run's files, and say so where there are several."""
    chosen = files[files["version"] == files["version"].max()]
    if len(chosen) < len(files):
        model, version = chosen.iloc[0][["model", "version"]]
        name = "latest" if version == float("inf") else f"v{version:.0f}"
        warnings.warn(f"{model}: of several versions the newest is read, {name}", stacklevel=2)
    return chosen


def lack(model: str, files: pd.DataFrame, scenarios: list[str]) -> InputError:
    """Return the refusal of a model of which no member has what is needed."""
    runs = files[files["experiment"].isin(["historical", *scenarios])]
    of: dict[tuple[str, str], list[str]] = {}
    for (member, variable), group in runs.groupby(["member", "variable"]):
        of.setdefault((member, ", ".join(dict.fromkeys(group["experiment"]))), []).append(variable)
    found = [f"only {', '.join(of[each])} for {each[1]} of {each[0]}" for each in of]
    if {*files["variable"]} == {"nbp"}:
        found = ["nbp alone, from which losses by land use and more are taken off: it is not NEP"]
    names = ", ".join(["historical", *scenarios[:-1]])
    return InputError(
        model,
        needed="monthly npp and rh (or gpp, ra and rh; or nep), each for "
        f"{names} and {scenarios[-1]} of one member",
        found="; ".join(found) or "none of these runs",
        mend="download what is missing",
    )


def choose_land(files: pd.DataFrame, model: str, grid: str = "") -> pd.DataFrame:
    """Return the newest ``sftlf`` of a model's grid, of the historical run if there is one."""
    rows = files[(files["model"] == model) & (files["variable"] == "sftlf")]
    rows = rows[rows["grid"].isin([grid, ""]) | (grid == "")]
    rows = rows.assign(historical=rows["experiment"] == "historical")
    return rows.sort_values(["historical", "version"]).drop(columns="historical")[-1:]


def gather_alike(lines: list[str], indent: str = "    ") -> list[str]:
    """Return lines of ``left_out``, those that need the same below what they need."""
    alike: dict[str, list[str]] = {}
    for line in lines:
        need = line.partition(NEEDED)[2]
        alike.setdefault("" if NEEDED in need else need, []).append(line)
    shown: list[str] = []
    for need, group in alike.items():
        if len(group) == 1 or not need:
            shown += group
        else:
            count = len({line.partition(": ")[0] for line in group})
            shown.append(f"{count} model{'s' * (count > 1)}. Needed: {need[:-1]}")
            shown += [f"{indent}{line.partition(NEEDED)[0]}" for line in group]
    return shown
