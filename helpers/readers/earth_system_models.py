"""A CMIP5 or CMIP6 archive, as ESGF gives it: from a folder to oxygen production on one grid.

Monthly carbon fluxes (kg m-2 s-1 of carbon per m2 of land) are checked, joined, and put on a 1
degree grid, model by model. A file gives up only the cells around the region, and of these the
months that are needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import cftime
import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr

from helpers.errors import Faults, InputError, show
from helpers.oxygen import MONTHLY_FLUX, annual_total, oxygen_flux
from helpers.readers.archive_files import (
    FLUXES,
    NEEDED,
    candidates,
    choose_land,
    find_files,
    gather_alike,
    lack,
    newest,
    of_generation,
    of_period,
    required_scenarios,
)
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

_LARGEST_VALUE = 1e19
_LARGEST_FLUX = 1e-6  # kg m-2 s-1: 2.6 kg of carbon in a month, more than any land binds
_LOWEST = dict.fromkeys(("rh", "ra"), -1e-9)  # kg m-2 s-1: given off, but for rounding
_BOUND = ("npp", "gpp")  # by plants: positive in a year
_LIKE_NEP = (0.5, 2)  # times npp - rh; carbon for carbon dioxide would be 3.7
_LAST_OF_CARBON = 2005
_MONTHS_PER_CHUNK = 360
_SAME_PLACE = 1e-3  # degrees
_ALIKE = {"coords": "minimal", "compat": "override", "join": "override"}  # was checked
_IN_RUNS = " begins first are read: "  # in a remark that may be true of several runs
_DOWNLOAD = "download the file again from ESGF"


class _NepDiffersError(InputError):
    """A refusal after which no other member is tried: it may differ unseen."""


def _each(calls: Mapping[object, Callable]) -> dict:
    """Return what each call returns; where some refuse, refuse with the faults of all."""
    found, faults = {}, Faults()
    for key, call in calls.items():
        with faults.gather():
            found[key] = call()
    faults.refuse()
    return found


def _open_file(
    row: pd.Series,
    box: dict[str, slice] = PLATEAU_BOX,
    units: str = MONTHLY_FLUX,
    dims: tuple[str, ...] = ("time", *SIDES),
) -> xr.DataArray:
    """Open a file around a region lazily."""
    path, variable = row.path, row.variable
    file = open_netcdf(path, _DOWNLOAD, decode_times=False)
    extra = {*file.get(variable, file).dims}.difference(dims)  # member_id, height
    file = file.squeeze([name for name in extra if file.sizes[name] == 1], drop=True)
    check_variable(path, file, variable, dims, units, _DOWNLOAD)
    stored, cells = _crop(path, file, variable, box)
    checked, chunks = _Checked(path, variable, stored), (_MONTHS_PER_CHUNK, -1, -1)
    meta = np.empty([0] * len(dims), checked.dtype)
    data = da.from_array(checked, chunks[-len(dims) :], name=False, meta=meta)
    if "time" not in dims:
        return xr.DataArray(data, cells, dims, variable, stored.attrs)
    cells["time"] = _read_times(path, file)
    flux = xr.DataArray(data, cells, dims, variable, stored.attrs)
    named = " to ".join(f"{date[:4]}-{date[4:6]}" for date in (row.start, row.end) if date)
    if named and named != _span(flux):
        _say(f"{path.name}: the name says {named}, the time axis {_span(flux)}: the axis is used")
    return flux


class _Checked:
    """The monthly values of a file around a region; each part is checked when it is read."""

    def __init__(self, path: Path, name: str, stored: xr.Variable) -> None:
        self.path, self.name, self.stored, self.size = path, name, stored, path.stat().st_size
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
        if self.name in FLUXES:
            _check_values(f"{self.path}: {self.name}", self.name, values)
        return values


def _check_values(where: str, name: str, values: np.ndarray) -> None:
    """Refuse a flux that no land has, and gaps, without which a total would silently be made."""
    low = _LOWEST.get(name, -_LARGEST_FLUX)
    wrong = values[(values < low) | (values > _LARGEST_FLUX)]
    absent = np.isnan(values)
    gaps = (absent.any(axis=0) & ~absent.all(axis=0)).sum() if values.ndim == 3 else 0
    mean = 0 if absent.all() else values[~absent].mean()
    if wrong.size:
        needed = f"a flux from {low:g} to {_LARGEST_FLUX:g} {MONTHLY_FLUX}: no land has more"
        found = f"{wrong[0]:g}"
        mend = "declare fill values (_FillValue), convert the values to this unit and sign"
    elif gaps:
        needed = "a value in every month where there is one in any"
        found = f"{gaps} cells of the region that lack some months"
        mend = "fill the gaps, leave the model out"
    elif name in _BOUND and values.ndim == 3 and len(values) >= 12 and mean < 0:
        needed = f"{name} that is positive where plants bind carbon, as in CMIP"
        found = f"a mean of {mean:.2g} {MONTHLY_FLUX} over {len(values)} months of the region"
        mend = "turn the sign (cdo mulc,-1), if carbon that leaves the air counts as negative"
    else:
        return
    raise InputError(where, needed=needed, found=found, mend=f"{mend}, or {_DOWNLOAD}")


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
        if calendar == "proleptic_gregorian" and times.min().year > 1582:  # the same dates
            numbers = cftime.date2num(times, "days since 2000-01-01", calendar)
            times = cftime.num2date(numbers, "days since 2000-01-01", "standard", True)
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
        first = np.searchsorted(centres, box[name].start - _SAME_PLACE) - 1
        last = np.searchsorted(centres, box[name].stop + _SAME_PLACE, side="right") + 1
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
        _say(
            f"{path.name}: the bounds of {name} do not fit its centres: "
            "cells are taken to meet halfway between centres"
        )
    edges = edges_between(centres, 90 if name == "lat" else np.inf, f"{path}: {name}")
    return centres, np.column_stack([edges[:-1], edges[1:]]), order


def open_run(
    files: pd.DataFrame, box: dict[str, slice] = PLATEAU_BOX, units: str = MONTHLY_FLUX
) -> xr.DataArray:
    """Join the files of one run of one variable around a region, lazily: (time, lat, lon).

    In their unit and sign, with the sides of the cells (south, north, west, east) and the middles
    of the months (cftime). Values are checked when they are computed. Of months that two files
    have, those of the file that begins first count, and of two that begin together the longer's.
    """
    calls = {row.path: partial(_open_file, row, box, units) for row in files.itertuples()}
    return _join(_name(files), _each(calls))


def _name(files: pd.DataFrame) -> str:
    return " ".join(filter(None, files.iloc[0][["variable", "model", "experiment", "member"]]))


def _join(run: str, pieces: dict[Path, xr.DataArray]) -> xr.DataArray:
    """Put files of a run one after the other, each month once; refuse what does not belong."""
    spans = {path: (_months(each)[0], -_months(each)[-1]) for path, each in pieces.items()}
    kept: dict[Path, xr.DataArray] = {}
    for path in sorted(pieces, key=spans.get):
        piece = _in_order(run, [path.name], [pieces[path]])
        if kept:
            last = [*kept][-1]
            _check_alike(f"{run}: {path.name}", piece, last.name, kept[last])
            twice = int((_months(piece) <= _months(kept[last])[-1]).sum())
            if twice:
                _compare(run, {last: kept[last], path: piece}, spans[path] == spans[last])
            piece = piece[twice:]
        if piece.sizes["time"]:
            kept[path] = piece
    return _in_order(run, [path.name for path in kept], [*kept.values()])


def _compare(run: str, pair: dict[Path, xr.DataArray], same: bool) -> None:
    """Say, or refuse where they are the same months, that files differ in what both have."""
    (first, second), both = pair, _in_both(*pair.values())
    values, others = (da.nan_to_num(each.data) for each in both)
    difference = float(abs(values - others).max().compute()) if values.size else 0
    if difference and same:
        raise InputError(
            f"{run}: {second}",
            needed="one version of each file",
            found=f"other values in {first}, up to {difference:.2g} apart",
            mend="keep one of the two",
        )
    if difference:
        variable, model, *of = run.split()
        _say(
            f"{model}: of months that are in two files with other values, those of the file that"
            f"{_IN_RUNS}{variable} {' '.join(of)} {_span(both[0])}"
        )


def splice(historical: xr.DataArray, future: xr.DataArray, where: str = "run") -> xr.DataArray:
    """Continue a historical run with a scenario, from the scenario's first month on."""
    names = ["the historical run", "the scenario"]
    _check_alike(f"{where}: {names[1]}", future, names[0], historical)
    past = historical[_months(historical) < _months(future)[0]]
    if past.sizes["time"] < historical.sizes["time"]:
        _say(
            f"{where}: the historical run has {_span(historical)}, the scenario {_span(future)}: "
            "from its first month on the scenario is read"
        )
    return _in_order(where, names, [past, future])


def _in_order(run: str, names: list[str], pieces: list[xr.DataArray]) -> xr.DataArray:
    """Put pieces of a run, which are alike, one after the other; refuse gaps and repetitions."""
    whole, *more = pieces
    if more:
        whole = xr.concat(pieces, "time", combine_attrs="override", **_ALIKE)
    steps = np.diff(_months(whole))
    wrong = np.flatnonzero(steps != 1)
    if wrong.size:
        here = slice(wrong[0], wrong[0] + 2)
        owners = np.repeat(names, [piece.sizes["time"] for piece in pieces])[here]
        before, after = whole.indexes["time"][here].strftime("%Y-%m")
        gap = steps[wrong[0]] > 1
        raise InputError(
            f"{run}: {' and '.join(dict.fromkeys(owners))}",
            needed="every month of the run once, in order",
            found=f"{after} after {before}: "
            + ("months are missing" if gap else "months twice, or in another order"),
            mend="add the missing piece, or download the monthly table"
            if gap
            else "cut what is twice (cdo seldate); average days to months (cdo monmean); or mend "
            "the time axis",
        )
    return whole


def _say(remark: str) -> None:
    warnings.warn(remark, UserWarning, stacklevel=3)


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
    return np.array([12 * time.year + time.month - 1 for time in run["time"].values])


def _in_both(*runs: xr.DataArray) -> list[xr.DataArray]:
    """Return two runs in the months that both have."""
    months = np.intersect1d(*map(_months, runs))
    return [run[np.isin(_months(run), months)] for run in runs]


def _span(run: xr.DataArray) -> str:
    return " to ".join(dict.fromkeys(run.indexes["time"][[0, -1]].strftime("%Y-%m")))


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
    fraction = first_step(flux).notnull().astype(float).drop_attrs()
    for row in choose_land(files, model).itertuples():
        percent = _open_file(row, units="%", dims=(*SIDES,))
        try:
            here = {name: flux[name].values for name in SIDES}
            percent = percent.sel(here, method="nearest", tolerance=_SAME_PLACE)
        except KeyError as error:
            raise InputError(
                row.path,
                needed=f"the grid of {flux.name} of {model}",
                found=f"{percent.sizes['lat']} x {percent.sizes['lon']} other cells in the region",
                mend="keep the file that belongs to the fluxes, or leave it out",
            ) from error
        percent = percent.astype(float).compute()
        low, high = float(percent.min()), float(percent.max())
        if not (low >= 0 and 1 < high <= 100.01):
            raise InputError(
                f"{model}: sftlf",
                needed="percent, from 0 to 100, and land in the region",
                found=f"values from {low:g} to {high:g}",
                mend="mend the values or the units of sftlf, or leave its file out",
            )
        fraction = fraction.copy(data=(percent / 100).fillna(0).clip(0, 1).values)
    return fraction.assign_attrs(units="1", long_name="land fraction").rename("land_fraction")


def open_ensemble(
    folder: str | Path,
    scenarios: Sequence[str] | None = None,
    first_year: int = 1990,
    last_year: int = 2099,
    strict: bool = False,
) -> xr.Dataset:
    """Return the oxygen production of every model of an archive on one grid, computed.

    Every model is tried; one that cannot be used is left out, with its reasons.

    Parameters
    ----------
    folder : path
        Holds monthly files of CMIP5 or CMIP6 of ``npp`` and ``rh`` (or ``gpp``, ``ra`` and ``rh``,
        of which npp = gpp - ra; or else ``nep``, from which CMIP takes losses by fire), and
        ``sftlf`` where there is one. Where ``nep`` is beside ``npp`` and ``rh`` it is compared.
    scenarios : sequence of str, optional
        As in the files' names: ``rcp45`` and ``rcp85`` of CMIP5, or ``ssp245`` and ``ssp585`` of
        CMIP6, if not said otherwise.
    first_year, last_year : int
        The period. Years of the historical run are the same in every scenario, and up to 2014 it
        suffices where it has them all.
    strict : bool
        Whether a model that cannot be used is refused instead of left out.

    Returns
    -------
    xarray.Dataset
        ``top`` (scenario, model, year, lat, lon) in kg m-2 yr-1 of O2 per m2 of land, positive
        into the air; ``npp`` and ``rh`` (model, year, lat, lon) in kg m-2 yr-1 of carbon, to 2005
        and of the first scenario where the historical run ends before, NaN later and of a model
        with ``nep`` alone; ``land_fraction`` (model, lat, lon), 0 to 1; ``area`` (lat, lon) in m2.
        Of several members the first one that can be used is taken. Attributes, in lines:
        ``inputs`` (model and file), ``fluxes`` (model, member, and what TOP is made of),
        ``left_out`` (model and reasons), ``remarks`` (what was chosen where there was a choice).

    Raises
    ------
    InputError
        With all faults of all models, where none (or, if strict, not each one) can be used.

    Warns
    -----
    UserWarning
        Once, with the models that were left out.

    Examples
    --------
    >>> try:
    ...     open_ensemble("typo")
    ... except InputError as error:
    ...     print(error.found)
    no such folder
    """
    files, scenarios = of_generation(find_files(folder), folder, scenarios)
    required = required_scenarios(files, scenarios, last_year)
    models, left_out = {}, {}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for model, of_model in files[files["variable"].isin(FLUXES)].groupby("model"):
            own, choices = Faults(), candidates(of_model, scenarios, required)
            with own.gather():
                years = first_year, last_year
                models[model] = _first_usable(of_model, files, choices, scenarios, years)
            if own:
                left_out[model] = own
    if not models or (strict and left_out):
        _refuse(folder, left_out, scenarios)
    lines = {"left_out": [_line(folder, model, *each) for model, each in left_out.items()]}
    remarks: dict[str, list[str]] = {}
    for each in told:
        if each.category is UserWarning:
            said, these, where = str(each.message).replace(f"{folder}/", "").partition(_IN_RUNS)
            remarks.setdefault(said + these, []).append(where)
    lines["remarks"] = [said + "; ".join(dict.fromkeys(runs)) for said, runs in remarks.items()]
    for other in told:
        if other.category is not UserWarning:
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    for name in ("inputs", "fluxes"):
        lines[name] = [each.attrs[name] for each in models.values()]
    if left_out:
        words = [str(folder), *(f"left out {each}" for each in lines["left_out"])]
        warnings.warn("\n".join(words), stacklevel=2)
    names = xr.DataArray([*models], dims="model", name="model")
    ensemble = xr.concat(models.values(), names, combine_attrs="drop_conflicts", **_ALIKE)
    ensemble = ensemble.assign_coords(scenario=scenarios).transpose("scenario", "model", ...)
    ensemble["area"] = cell_area(*cell_bounds(target_grid()))
    ensemble["top"].attrs = {
        "units": ensemble["top"].attrs["units"],
        "long_name": "terrestrial oxygen production per area of land",
        "cell_methods": "time: sum area: mean where land",
    }
    return ensemble.assign_attrs({name: "\n".join(each) for name, each in lines.items()})


def _refuse(folder: str | Path, left_out: dict[str, Faults], scenarios: list) -> None:
    """Raise the only fault, or one refusal that has all."""
    faults = [fault for each in left_out.values() for fault in each]
    lines = [_line(folder, model, each) for model in left_out for each in left_out[model]]
    if len(faults) == 1:
        raise faults[0]
    raise InputError(
        folder,
        needed=f"npp and rh for {', '.join(['historical', *scenarios])}, without a fault",
        found=f"{len(faults)} faults in {', '.join(left_out)}" if faults else "no such files",
        mend="".join(f"\n    {line}" for line in gather_alike(lines))
        or "name scenarios that the files have, or download what is missing",
    )


def _line(folder: str | Path, model: str, *faults: InputError) -> str:
    """Return a model and its faults on one line."""
    told = (
        (f"{each.where}: " if each.where != model else "")
        + f"{each.found}{NEEDED}{each.needed}; {each.mend})"
        for each in faults
    )
    return f"{model}: {'; '.join(told)}".replace(f"{folder}/", "")


def _first_usable(
    files: pd.DataFrame,
    fixed: pd.DataFrame,
    choices: Iterator,
    scenarios: list[str],
    years: tuple[int, int],
) -> xr.Dataset:
    """Return the first member and grid of a model that can be used, reduced to years."""
    model, faults = files["model"].iloc[0], Faults()
    for choice, runs in choices:
        name = " ".join(filter(None, [model, *runs.iloc[0][["member", "grid"]]]))
        of_land = choose_land(fixed, model, runs["grid"].iloc[0])
        with faults.gather():
            found = _reduce(runs, of_land, choice, scenarios, years)
            if told := "; ".join(f"{each.where}: {each.found}" for each in faults):
                _say(f"{name} is read, as others cannot be: {told}")
            made = " - ".join(choice) + ", losses by fire taken off" * (choice == ("nep",))
            return found.assign_attrs(fluxes=f"{name}: {made}")
        if isinstance(faults[-1], _NepDiffersError):
            break
    faults.refuse()
    raise lack(model, files, scenarios)


def _reduce(
    files: pd.DataFrame,
    of_land: pd.DataFrame,
    choice: tuple[str, ...],
    scenarios: list[str],
    years: tuple[int, int],
) -> xr.Dataset:
    """Return the yearly fluxes of one member of a model on the common grid, computed."""
    model = files["model"].iloc[0]
    groups = {
        kind: of_period(newest(each), *years)
        for kind, each in files.groupby(["variable", "experiment"])
    }
    compared = groups.pop(("nep", "historical"), None) if choice != ("nep",) else None
    used = pd.concat(groups.values())
    runs = _each({kind: partial(open_run, each) for kind, each in groups.items()})

    def spliced(variable: str, scenario: str) -> xr.DataArray:
        run, where = runs[variable, "historical"], f"{model} {scenario}"
        if (variable, scenario) in runs:
            run = splice(run, runs[variable, scenario], where)
        return _cut(run, f"{variable} {where}", *years)

    kinds = [(variable, scenario) for scenario in scenarios for variable in choice]
    whole = _each({kind: partial(spliced, *kind) for kind in kinds})
    try:
        nep = [_subtract(whole, choice, scenario, model) for scenario in scenarios]
        fraction = land_fraction(of_land, model, nep[0])
        if compared is not None:
            _compare_nep(compared, nep[0])
        nep = xr.concat(nep, "scenario", combine_attrs="override", **_ALIKE)
        top, land = regrid(annual_total(oxygen_flux(nep)), fraction, model)
        found = xr.Dataset({"top": top, "land_fraction": land})
        for name, parts in {"npp": choice[:-1], "rh": choice[1:][-1:]}.items():
            found[name] = xr.full_like(top.isel(scenario=0), np.nan)
            found[name].attrs = {"units": top.attrs["units"]}
            if parts and years[0] <= _LAST_OF_CARBON:
                run = _subtract(whole, parts, scenarios[0], model)
                run = run.sel(time=slice(None, f"{_LAST_OF_CARBON}"))
                here = fraction.assign_coords({side: run[side] for side in SIDES})  # rounding
                found[name] = regrid(annual_total(run), here, model)[0]
        found = found.compute()
    except InputError:  # of the first file that was read: the others may have faults as well
        period, rows = slice(*(f"{year:04d}" for year in years)), used.itertuples()
        _each({row.path: _open_file(row).sel(time=period).sum().compute for row in rows})
        raise
    paths = pd.concat([used, of_land])["path"]
    return found.assign_attrs(inputs="\n".join(f"{model}  {path.name}" for path in paths))


def _subtract(
    whole: dict[tuple[str, str], xr.DataArray], choice: tuple[str, ...], scenario: str, model: str
) -> xr.DataArray:
    """Return the first of some fluxes less the others: kg m-2 s-1 of carbon per m2 of land."""
    first, *others = choice
    rest = whole[first, scenario]
    for other in others:
        less = whole[other, scenario]
        _check_alike(f"{model} {scenario}: {other}", less, first, rest)
        rest = rest.copy(data=rest.data.astype(float) - less.data.astype(float))
    return rest.assign_attrs(units=MONTHLY_FLUX).rename("npp" if others == ["ra"] else first)


def _compare_nep(files: pd.DataFrame, ours: xr.DataArray) -> None:
    """Refuse nep that is of another sign or size than npp - rh; where it cannot be read, say so.

    By least squares of the months, in which the seasons are far larger than losses by fire.
    """
    name = _name(files)
    try:
        theirs = open_run(files)
        _check_alike(name, theirs, "npp", ours)
        x, y = (each.values.astype(float) for each in _in_both(ours, theirs))
    except InputError as fault:
        _say(f"{name} is not compared with npp - rh: {fault.where}: {fault.found}")
        return
    both = np.isfinite(x) & np.isfinite(y)
    times = np.vdot(x[both], y[both]) / np.vdot(x[both], x[both]) if x[both].any() else 1
    low, high = _LIKE_NEP
    if not low < times < high:
        raise _NepDiffersError(
            name,
            needed=f"nep of the sign and the size of npp - rh ({low:g} to {high:g} times; losses "
            "by fire apart)",
            found=f"months that are {times:.2g} times those of npp - rh",
            mend="find which of the two is wrong and turn its sign (cdo mulc,-1) or convert it, "
            "or take the files of one out of the folder",
        )
