"""A CMIP5 archive, as ESGF gives it: from a folder of files to oxygen production on one grid.

Monthly carbon fluxes (``npp``, ``rh``, ``nep``; kg m-2 s-1 of carbon per m2 of land) are found by
the names of their files, checked, joined, and put on a 1 degree grid. All of it is lazy: a file
gives up only the cells around the region, and only when something is computed.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import cftime
import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr

from helpers.errors import InputError, show
from helpers.oxygen import MONTHLY_FLUX, annual_total, oxygen_flux
from helpers.readers.grids import (
    PLATEAU_BOX,
    SIDES,
    cell_area,
    cell_bounds,
    check_degrees,
    edges_between,
    first_step,
    regrid,
    target_grid,
)
from helpers.readers.netcdf import UNREADABLE, check_variable, open_netcdf, unreadable

TABLES = {"npp": "Lmon", "rh": "Lmon", "nep": "Lmon", "sftlf": "fx"}
_FLUXES = [variable for variable, table in TABLES.items() if table == "Lmon"]
_NAME = re.compile(
    r"(?P<variable>[^_]+)_(?P<table>[^_]+)_(?P<model>[^_]+)_(?P<experiment>[^_]+)"
    r"_(?P<member>r\d+i\d+p\d+)(_(?P<start>\d+)-(?P<end>\d+))?\.nc"
)
_LARGEST_VALUE = 1e19
_LARGEST_FLUX = 1e-6  # kg m-2 s-1: 2.6 kg of carbon in a month, more than any land binds
_LOWEST = {"rh": -1e-9}  # kg m-2 s-1: respiration gives carbon off, but for rounding
_MONTHS_PER_CHUNK = 360
_SAME_PLACE = 1e-3  # degrees
_ALIKE = {"coords": "minimal", "compat": "override", "join": "override"}  # was checked
_GLOBE = {"lat": slice(-90, 90), "lon": slice(-180, 180)}
_DOWNLOAD = "download the file again from ESGF"


def find_files(folder: str | Path, tables: dict[str, str] = TABLES) -> pd.DataFrame:
    """List the files of some variables and their tables below a folder, with what their names say.

    In the order of the names; start and end are None for a file without dates.
    """
    rows: dict[str, dict] = {}
    for path, match in _walk(Path(folder), tables):
        if path.name in rows:
            raise InputError(
                path,
                needed="one version of each file",
                found=f"another file of this name, {rows[path.name]['path']}",
                mend="keep one of the two",
            )
        rows[path.name] = {"path": path, **match.groupdict()}
    if not rows:
        raise InputError(
            folder,
            needed=f"NetCDF files of {', '.join(tables)}, monthly if not fixed, named as CMIP5 "
            "names them (npp_Lmon_CanESM2_rcp45_r1i1p1_200601-210012.nc)",
            found="no such file in it" if Path(folder).is_dir() else "no such folder",
            mend="check the path, or download the files from ESGF",
        )
    order = ["model", "variable", "experiment", "member", "start"]
    return pd.DataFrame([*rows.values()], dtype=object).sort_values(order, ignore_index=True)


def holds_archive(folder: Path) -> bool:
    """Say whether a folder, or a folder in it, holds a CMIP5 file of a variable that matters."""
    return any(True for _ in _walk(folder, TABLES))


def _walk(folder: Path, tables: dict[str, str]) -> Iterator[tuple[Path, re.Match]]:
    """Yield each file of some variables once, whatever links lead to it."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        here = os.path.realpath(place)
        folders[:] = [] if here in seen else sorted(folders)
        seen.add(here)
        for path in sorted(Path(place, name) for name in names):
            match = _NAME.fullmatch(path.name)
            if not match or tables.get(match["variable"]) != match["table"]:
                continue
            real = os.path.realpath(path)
            if real not in seen:
                yield path, match
            seen.add(real)


def _numbers(member: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", member)]


def _complete_models(
    files: pd.DataFrame, folder: str | Path, experiments: list[str], choices: list[Sequence[str]]
) -> dict[str, dict[tuple[str, str], pd.DataFrame]]:
    """Return the files of each complete model by variable and experiment, and name the others.

    Of a model's members the first (r1i1p1 before r2i1p1) is taken that has one of the choices.
    """
    complete, lacks = {}, []
    for model in sorted(set(files.loc[files["variable"].isin(_FLUXES), "model"])):
        runs = files[(files["model"] == model) & files["experiment"].isin(experiments)]
        runs = runs[runs["variable"].isin([name for names in choices for name in names])]
        members = sorted(set(runs["member"]), key=_numbers)
        for member, variables in product(members, choices):
            chosen = runs[(runs["member"] == member) & runs["variable"].isin(variables)]
            groups = dict(iter(chosen.groupby(["variable", "experiment"])))
            if len(groups) == len(variables) * len(experiments):
                complete[model] = groups
                break
        else:
            kinds = runs[["variable", "experiment", "member"]].drop_duplicates()
            found = ", ".join(map(" ".join, kinds.itertuples(index=False))) or "none of them"
            lacks.append(f"{' '.join([model, *experiments[1:]])}: found {found}")
    if not complete:
        either = ", or ".join(" and ".join(variables) for variables in choices)
        raise InputError(
            folder,
            needed=f"{either} for {' and '.join(experiments)} of a model (table Lmon)",
            found="; ".join(lacks) or "no file of npp, rh or nep",
            mend="download what is missing",
        )
    for lack in lacks:
        warnings.warn(f"left out, incomplete: {lack}", UserWarning, stacklevel=3)
    return complete


def _open_file(
    path: Path, variable: str, period: list[str | None], box: dict[str, slice], units: str
) -> xr.DataArray:
    """Open a file around a region lazily."""
    file = open_netcdf(path, _DOWNLOAD, decode_times=False)
    check_variable(path, file, variable, ("time", *SIDES), units, _DOWNLOAD)
    stored, cells = _crop(path, file, variable, box)
    checked = _Checked(path, stored)
    meta = np.empty((0, 0, 0), checked.dtype)
    flux = xr.DataArray(
        da.from_array(checked, (_MONTHS_PER_CHUNK, -1, -1), name=False, meta=meta),
        {"time": _read_times(path, file), **cells},
        ("time", *SIDES),
        variable,
        stored.attrs,
    )
    named = " to ".join(f"{date[:4]}-{date[4:6]}" for date in period if date)
    if named and named != _span(flux):
        warnings.warn(
            f"{path.name}: the name says {named}, the time axis {_span(flux)}: the axis is used",
            UserWarning,
            stacklevel=3,
        )
    return flux


class _Checked:
    """The monthly values of a file around a region; each part is checked when it is read."""

    def __init__(self, path: Path, stored: xr.Variable) -> None:
        self.path, self.stored, self.size = path, stored, path.stat().st_size
        self.shape, self.ndim = stored.shape, stored.ndim
        self.dtype = np.promote_types(stored.dtype, np.float32)

    def __getitem__(self, part: tuple[slice, ...]) -> np.ndarray:
        try:
            if self.path.stat().st_size != self.size:
                raise OSError("not the file that was opened")
            values = self.stored[part].values.astype(self.dtype)
        except UNREADABLE as error:
            raise unreadable(self.path, _DOWNLOAD) from error
        values[np.abs(values) >= _LARGEST_VALUE] = np.nan
        name = self.path.name.partition("_")[0]
        if name in _FLUXES:
            _check_values(f"{self.path}: {name}", name, values)
        return values


def _check_values(where: str, name: str, values: np.ndarray) -> None:
    """Refuse a flux that no land has, and gaps, without which a total would silently be made."""
    low = _LOWEST.get(name, -_LARGEST_FLUX)
    wrong = values[(values < low) | (values > _LARGEST_FLUX)]
    if wrong.size:
        raise InputError(
            where,
            needed=f"a flux from {low:g} to {_LARGEST_FLUX:g} {MONTHLY_FLUX}: no land has more",
            found=f"{wrong[0]:g}",
            mend="declare fill values (_FillValue), convert the values if they have another unit "
            f"or sign, or {_DOWNLOAD}",
        )
    if values.ndim < 3:
        return
    absent = np.isnan(values)
    gaps = absent.any(axis=0) & ~absent.all(axis=0)
    if gaps.any():
        raise InputError(
            where,
            needed="a value in every month where there is one in any",
            found=f"{gaps.sum()} cells of the region that lack some months",
            mend=f"fill the gaps, leave the model out, or {_DOWNLOAD}",
        )
    mean = values[~absent].mean() if not absent.all() else 0
    if name == "npp" and len(values) >= 12 and mean < 0:
        raise InputError(
            where,
            needed="npp that is positive where plants bind carbon, as in CMIP5",
            found=f"a mean of {mean:.2g} {MONTHLY_FLUX} over {len(values)} months of the region",
            mend="turn the sign (cdo mulc,-1), if the file counts carbon that leaves the air as "
            f"negative, or {_DOWNLOAD}",
        )


def _bounds(file: xr.Dataset, name: str) -> np.ndarray | None:
    """Return the bounds of a coordinate, where there are any."""
    bounds = file.variables.get(str(file[name].attrs.get("bounds")))
    if bounds is None or bounds.shape != (file.sizes[name], 2) or bounds.dtype.kind not in "iuf":
        return None
    return bounds.values.astype(float)


def _read_times(path: Path, file: xr.Dataset) -> xr.CFTimeIndex:
    """Return the middles of the bounds of months, or times where there are no bounds."""
    numbers = file["time"].values.astype(float)
    attrs = {name: str(value) for name, value in file["time"].attrs.items()}
    units, calendar = attrs.get("units", "missing"), attrs.get("calendar", "standard")
    bounds = _bounds(file, "time")
    if bounds is not None:
        start, end = np.sort(bounds, axis=1).T
        outside = np.maximum(start - numbers, numbers - end) > (end - start) / 60  # few digits
        if outside.any():
            raise InputError(
                f"{path}: time",
                needed="each time within its bounds",
                found=f"{numbers[outside][0]:g}, bounds {start[outside][0]:g} to "
                f"{end[outside][0]:g} ({show(units, quote=False)})",
                mend="give time and its bounds the same units, take away the attribute bounds of "
                f"time, or {_DOWNLOAD}",
            )
        numbers = (start + end) / 2
    try:
        if not numbers.size:
            raise ValueError("no steps")
        times = cftime.num2date(numbers, units, calendar, only_use_cftime_datetimes=True)
        return xr.CFTimeIndex(times)
    except UNREADABLE as error:
        raise InputError(
            f"{path}: time",
            needed="a time axis with units (days since a date), and a date at each step",
            found=f"units {show(units, quote=False)}, calendar {show(calendar, quote=False)}, "
            f"{numbers.size} steps up to {numbers.max(initial=0):g}",
            mend=f"mend the time axis, or {_DOWNLOAD}",
        ) from error


def _crop(
    path: Path, file: xr.Dataset, variable: str, box: dict[str, slice]
) -> tuple[xr.Variable, dict[str, tuple[str, np.ndarray]]]:
    """Return a variable in a region and one cell around it, not read, and its ascending cells."""
    window, cells = {}, {}
    for name, sides in SIDES.items():
        centres, bounds, order = _read_axis(path, file, name)
        first = np.searchsorted(centres, box[name].start) - 1
        last = np.searchsorted(centres, box[name].stop, side="right") + 1
        kept = slice(max(first, 0), last)
        window[name] = order[kept]
        cells[name] = (name, centres[kept])
        cells |= {side: (name, edge) for side, edge in zip(sides, bounds[kept].T, strict=True)}
    return file.variables[variable].isel(window).transpose(..., *SIDES), cells


def _read_axis(
    path: Path, file: xr.Dataset, name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ascending centres of rows or columns, their bounds, and their order in the file.

    Bounds that do not hold their centres, or lie upon each other, give way to those halfway.
    """
    stored = file[name].values.astype(float)
    turn = (lambda east: (east + 180) % 360 - 180) if name == "lon" else np.asarray
    check_degrees(f"{path}: {name}", stored, 90 if name == "lat" else 720, _DOWNLOAD)
    centres, order = np.unique(turn(stored), return_index=True)
    bounds = _bounds(file, name)
    if bounds is not None:
        from_centre = turn(bounds - stored[:, np.newaxis])[order]
        bounds = np.sort(centres[:, np.newaxis] + from_centre, axis=1)
        lower, upper = bounds.T
        inside = (lower <= centres + _SAME_PLACE) & (centres - _SAME_PLACE <= upper)
        apart = lower[1:] > upper[:-1] - _SAME_PLACE
        if (inside & (lower < upper)).all() and apart.all():
            return centres, bounds, order
        warnings.warn(
            f"{path.name}: the bounds of {name} do not fit its centres: "
            "cells are taken to meet halfway between centres",
            UserWarning,
            stacklevel=5,
        )
    edges = edges_between(centres, 90 if name == "lat" else np.inf, f"{path}: {name}")
    return centres, np.column_stack([edges[:-1], edges[1:]]), order


def open_run(
    files: pd.DataFrame, box: dict[str, slice] = PLATEAU_BOX, units: str = MONTHLY_FLUX
) -> xr.DataArray:
    """Join the files of one run of one variable around a region, lazily: (time, lat, lon).

    In their unit and sign, with the sides of the cells (south, north, west, east) and the middles
    of the months (cftime). Values are checked when they are computed.
    """
    variable, *others = files.iloc[0][["variable", "model", "experiment", "member"]]
    pieces = {
        path.name: _open_file(path, variable, [start, end], box, units)
        for path, start, end in zip(files["path"], files["start"], files["end"], strict=True)
    }
    in_order = sorted(pieces.items(), key=lambda item: _months(item[1])[[0, -1]].tolist())
    return _join(" ".join([variable, *others]), dict(in_order))


def _of_period(files: pd.DataFrame, first_year: int, last_year: int) -> pd.DataFrame:
    """Leave out files of a run that by their names lie before or after a period.

    A scenario's early files stay: they join its later ones to the historical run.
    """
    early = (files["end"].str[:4] < f"{first_year:04d}") & (files["experiment"] == "historical")
    late = files["start"].str[:4] > f"{last_year:04d}"
    return files if (early | late).all() else files[~(early | late)]


def splice(historical: xr.DataArray, future: xr.DataArray) -> xr.DataArray:
    """Continue a historical run with a scenario, before any period is cut out."""
    runs = {"the historical run": historical, "the scenario": future}
    return _join(str(future.name), runs).assign_attrs(future.attrs)


def _join(run: str, pieces: dict[str, xr.DataArray]) -> xr.DataArray:
    """Put pieces of a run one after the other; refuse those that do not belong together."""
    first, *others = names = [*pieces]
    for name in others:
        _check_alike(f"{run}: {name}", pieces[name], first, pieces[first])
    whole = xr.concat(pieces.values(), "time", combine_attrs="override", **_ALIKE)
    steps = np.diff(_months(whole))
    wrong = np.flatnonzero(steps != 1)
    if wrong.size:
        here = slice(wrong[0], wrong[0] + 2)
        owners = np.repeat(names, [piece.sizes["time"] for piece in pieces.values()])[here]
        before, after = whole.indexes["time"][here].strftime("%Y-%m")
        gap = steps[wrong[0]] > 1
        raise InputError(
            f"{run}: {' and '.join(dict.fromkeys(owners))}",
            needed="every month of the run once, in order",
            found=f"{after} after {before}: "
            + ("months are missing" if gap else "months twice, or in another order"),
            mend="add the missing piece, or download the monthly table"
            if gap
            else "keep one of two files, or cut one (cdo seldate); average days to months (cdo "
            "monmean); or mend the time axis",
        )
    return whole


def _check_alike(where: str, run: xr.DataArray, other_name: str, other: xr.DataArray) -> None:
    """Refuse another calendar or grid than that of another run."""
    found, needed = (each.indexes["time"].calendar for each in (run, other))
    if found != needed:
        raise InputError(
            f"{where}: time",
            needed=f"the calendar of {other_name}, {needed}",
            found=f"calendar {found}",
            mend=f"mend the attribute calendar, or {_DOWNLOAD}",
        )
    if not all(
        run.sizes[name] == other.sizes[name]
        and np.allclose(run[name], other[name], rtol=0, atol=_SAME_PLACE)
        for name in SIDES
    ):
        raise InputError(
            where,
            needed=f"the grid of {other_name}",
            found=f"{run.sizes['lat']} x {run.sizes['lon']} other cells in the region",
            mend="keep files of one grid",
        )


def _months(run: xr.DataArray) -> np.ndarray:
    """Number the months of a run from year 0."""
    times = run.indexes["time"]
    return np.asarray(times.year) * 12 + np.asarray(times.month) - 1


def _span(run: xr.DataArray) -> str:
    return " to ".join(run.indexes["time"][[0, -1]].strftime("%Y-%m"))


def _net_uptake(
    runs: dict[tuple[str, str], xr.DataArray], scenario: str, where: str
) -> xr.DataArray:
    """Return carbon bound by the land, in kg m-2 s-1 of carbon per m2 of land: nep, or npp - rh."""
    variables = sorted({variable for variable, _ in runs})
    nep, *others = [splice(runs[name, "historical"], runs[name, scenario]) for name in variables]
    for rh in others:
        _check_alike(f"{where}: rh", rh, "npp", nep)
        if _span(rh) != _span(nep):
            raise InputError(
                f"{where}: rh",
                needed=f"the months of npp, {_span(nep)}",
                found=_span(rh),
                mend="add the missing pieces of one of them, or cut the longer one",
            )
        nep = nep.copy(data=nep.data.astype(float) - rh.data.astype(float))
        nep.attrs = {"units": MONTHLY_FLUX}
    return nep.rename("nep")


def _cut(run: xr.DataArray, where: str, first_year: int, last_year: int) -> xr.DataArray:
    """Keep whole years of a run."""
    years = run.sel(time=slice(f"{first_year:04d}", f"{last_year:04d}"))
    if years.sizes["time"] != 12 * (last_year - first_year + 1):
        raise InputError(
            where,
            needed=f"{first_year:04d}-01 to {last_year:04d}-12",
            found=_span(run),
            mend="choose years that the run has, add its missing files, or leave the model out",
        )
    return years


def land_fraction(files: pd.DataFrame, model: str, flux: xr.DataArray) -> xr.DataArray:
    """Return the share of land, 0 to 1, in each cell of a model's flux.

    Of a model without ``sftlf`` it is 1 where the flux has a value at its first step.
    """
    about = {"units": "1", "long_name": "land fraction"}
    rows = files[(files["model"] == model) & (files["variable"] == "sftlf")]
    if rows.empty:
        return first_step(flux).notnull().astype(float).assign_attrs(about).rename("land_fraction")
    path = rows.sort_values("experiment", key=lambda name: name != "historical")["path"].iloc[0]
    file = open_netcdf(path, _DOWNLOAD, decode_times=False)
    check_variable(path, file, "sftlf", [*SIDES], "%", _DOWNLOAD)
    percent = xr.DataArray(*_crop(path, file, "sftlf", _GLOBE))
    here = {name: flux[name].values for name in SIDES}
    try:
        percent = percent.sel(here, method="nearest", tolerance=_SAME_PLACE).astype(float).load()
    except KeyError as error:
        raise InputError(
            path,
            needed=f"the grid of {flux.name} of {model}",
            found=f"{percent.sizes['lat']} x {percent.sizes['lon']} cells, at other places",
            mend="keep the file that belongs to the fluxes, or leave it out",
        ) from error
    except UNREADABLE as error:
        raise unreadable(path, _DOWNLOAD) from error
    percent = percent.where(np.abs(percent) < _LARGEST_VALUE)
    low, high = float(percent.min()), float(percent.max())
    if not (low >= 0 and 1 < high <= 100.01):
        raise InputError(
            f"{model}: sftlf",
            needed="percent, from 0 to 100, and land in the region",
            found=f"values from {low:g} to {high:g}",
            mend="mend the values or the units of sftlf, or leave its file out",
        )
    fraction = (percent / 100).fillna(0).clip(0, 1).assign_attrs(about).rename("land_fraction")
    return fraction.assign_coords({name: flux[name] for name in SIDES})


def open_ensemble(
    folder: str | Path,
    scenarios: Sequence[str] = ("rcp45", "rcp85"),
    first_year: int = 1990,
    last_year: int = 2099,
) -> xr.Dataset:
    """Return the oxygen production of every model of an archive on one grid, lazily.

    Parameters
    ----------
    folder : path
        Holds CMIP5 files of ``npp`` and ``rh`` (or ``nep``), and ``sftlf`` where there is one.
    scenarios : sequence of str
        As in the files' names.
    first_year, last_year : int
        The period. Years of the historical run are the same in every scenario.

    Returns
    -------
    xarray.Dataset
        ``top`` (scenario, model, year, lat, lon) in kg m-2 yr-1 of O2 per m2 of land, positive
        into the air; ``land_fraction`` (model, lat, lon), 0 to 1; ``area`` (lat, lon) in m2. Of
        several members the first complete one is taken. The attribute ``inputs`` lists each file
        with its model.

    Warns
    -----
    UserWarning
        For a model that lacks a variable or an experiment, and is left out.
    """
    files = find_files(folder)
    experiments = ["historical", *scenarios]
    complete = _complete_models(files, folder, experiments, [["nep"], ["npp", "rh"]])
    models, inputs = {}, []
    for model, found in complete.items():
        found = {kind: _of_period(each, first_year, last_year) for kind, each in found.items()}
        runs = {kind: open_run(each) for kind, each in found.items()}
        neps = []
        for scenario in scenarios:
            where = f"{model} {scenario}"
            nep = _net_uptake(runs, scenario, where)
            neps.append(_cut(nep, where, first_year, last_year))
        nep = xr.concat(neps, "scenario", combine_attrs="override", **_ALIKE)
        fraction = land_fraction(files, model, nep)
        top, land = regrid(annual_total(oxygen_flux(nep)), fraction, model)
        models[model] = xr.Dataset({"top": top, "land_fraction": land})
        of_land = files[(files["model"] == model) & (files["variable"] == "sftlf")]
        used = pd.concat([*found.values(), of_land])["path"]
        inputs += [f"{model}  {path.name}" for path in used]
    ensemble = _side_by_side(models).assign_coords(scenario=list(scenarios))
    ensemble["top"] = ensemble["top"].transpose("scenario", "model", "year", "lat", "lon")
    ensemble["top"].attrs = {
        "units": top.attrs["units"],
        "long_name": "terrestrial oxygen production per area of land",
        "cell_methods": "time: sum area: mean where land",
    }
    return ensemble.assign_attrs(inputs="\n".join(inputs))


def open_historical(
    folder: str | Path, first_year: int = 1990, last_year: int = 2004
) -> xr.Dataset:
    """Return yearly carbon fluxes of the historical runs on one grid, lazily.

    Parameters
    ----------
    folder : path
        As for :func:`open_ensemble`.
    first_year, last_year : int
        The period. The genuine HadGEM2-ES ends in November 2005, so that 2005 is not whole.

    Returns
    -------
    xarray.Dataset
        ``npp`` and ``rh`` (model, year, lat, lon) in kg m-2 yr-1 of carbon per m2 of land, signs as
        in the files; ``land_fraction`` (model, lat, lon), ``area`` (lat, lon) in m2. A model
        without both is left out.
    """
    files = find_files(folder)
    models = {}
    for model, found in _complete_models(files, folder, ["historical"], [["npp", "rh"]]).items():
        fluxes = {}
        for (variable, _), of_variable in found.items():
            run = open_run(_of_period(of_variable, first_year, last_year))
            run = _cut(run, f"{model} historical", first_year, last_year)
            fraction = land_fraction(files, model, run)
            fluxes[variable], land = regrid(annual_total(run), fraction, model)
        models[model] = xr.Dataset(fluxes).assign(land_fraction=land)
    return _side_by_side(models)


def _side_by_side(models: dict[str, xr.Dataset]) -> xr.Dataset:
    """Return one data set of all models, with the areas of the cells."""
    names = xr.DataArray([*models], dims="model", name="model")
    ensemble = xr.concat(models.values(), names, combine_attrs="drop_conflicts", **_ALIKE)
    return ensemble.assign(area=cell_area(*cell_bounds(target_grid())))
