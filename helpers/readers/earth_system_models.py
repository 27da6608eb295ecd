"""A CMIP5 archive, as ESGF gives it: from a folder of files to oxygen production on one grid.

Monthly carbon fluxes of the land (table Lmon: ``npp``, ``rh``, ``nep``; kg m-2 s-1 of carbon per m2
of land) are found by the grammar of their file names, checked, joined, spliced from the historical
run into a scenario, and put on a 1 degree grid. All of it is lazy: a file gives up only the cells
around the region, and only when something is computed.
"""

from __future__ import annotations

import itertools
import os
import re
import warnings
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import cftime
import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr
from dask.base import tokenize
from xarray.conventions import decode_cf_variable

from helpers.errors import InputError, list_some, show
from helpers.oxygen import (
    MONTHLY_FLUX,
    OXYGEN_PER_CARBON,
    annual_total,
    cell_area,
    oxygen_flux,
    require_units,
)
from helpers.readers.gldas import PLATEAU_BOX
from helpers.readers.grids import SIDES, cell_bounds, edges_between, first_step, regrid, target_grid
from helpers.readers.netcdf import (
    UNREADABLE,
    Index,
    Stored,
    describe,
    name_of_bounds,
    read_header,
    read_window,
)

TABLES = {"npp": "Lmon", "rh": "Lmon", "nep": "Lmon", "areacella": "fx", "sftlf": "fx"}
COLUMNS = ["path", "variable", "table", "model", "experiment", "member", "start", "end"]
_FLUXES = [variable for variable, table in TABLES.items() if table == "Lmon"]
_NAME = re.compile(
    r"(?P<variable>[^_]+)_(?P<table>[^_]+)_(?P<model>[^_]+)_(?P<experiment>[^_]+)"
    r"_(?P<member>r\d+i\d+p\d+)(_(?P<start>\d+)-(?P<end>\d+))?\.nc"
)
_LARGEST_VALUE = 1e19
_LARGEST_FLUX = 1e-6  # kg m-2 s-1: 2.6 kg of carbon in a month, more than any land binds
_LOWEST = {"rh": -1e-9}  # kg m-2 s-1: respiration gives carbon off, but for rounding
_LONGEST_AXIS = 4e6  # days, 10 000 years
_ROUNDING = 0.5  # days, of times in few digits
_MONTHS_PER_CHUNK = 360
_SAME_PLACE = 1e-3
_DOWNLOAD = "download the file again from ESGF"


def find_files(folder: str | Path, tables: dict[str, str] = TABLES) -> pd.DataFrame:
    """List the files of an archive by the grammar of their names.

    Parameters
    ----------
    folder : path
        A DRS tree, a flat folder, or anything between. Links to folders are followed.
    tables : dict of str
        The variables that matter, each with the table that it must come from.

    Returns
    -------
    pandas.DataFrame
        One row per file, sorted: path, variable, table, model, experiment, member, start and end
        (YYYYMM as in the name, None for files without dates). A file reached by two ways is listed
        once. Other files are left out.

    Raises
    ------
    InputError
        If there is no such file, if one of `tables`' variables comes from another table, or if two
        different files have the same name (two versions of one data set).
    """
    folder = Path(folder)
    rows: dict[str, dict] = {}
    for path in _walk(folder):
        match = _NAME.fullmatch(path.name)
        if not match or match["variable"] not in tables:
            continue
        needed = tables[match["variable"]]
        if match["table"] != needed:
            raise InputError(
                path,
                needed=f"{match['variable']} from the table {needed}",
                found=f"the table {match['table']}",
                mend="remove the file, and download the variable from the table that is needed",
            )
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
            needed=f"NetCDF files of {', '.join(tables)} named as CMIP5 names them "
            "(npp_Lmon_CanESM2_rcp45_r1i1p1_200601-210012.nc)",
            found="no such file in it" if folder.is_dir() else "no such folder",
            mend="check the path, or download the files from ESGF",
        )
    order = ["model", "variable", "experiment", "member", "start"]
    table = pd.DataFrame(rows.values(), columns=COLUMNS).astype(object)
    return table.sort_values(order, ignore_index=True)


def holds_archive(folder: Path) -> bool:
    """Say whether a folder, or a folder in it, holds a CMIP5 file of a variable that matters."""
    matches = (_NAME.fullmatch(path.name) for path in _walk(folder))
    return any(match and match["variable"] in TABLES for match in matches)


def _walk(folder: Path) -> Iterable[Path]:
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            if path.suffix == ".nc":
                target = os.path.realpath(path) if path.is_symlink() else os.path.join(real, name)
                if target not in seen:
                    seen.add(target)
                    yield path


def open_run(
    files: pd.DataFrame, box: dict[str, slice] = PLATEAU_BOX, units: str = MONTHLY_FLUX
) -> xr.DataArray:
    """Join the pieces of one run of one variable around a region.

    Parameters
    ----------
    files : pandas.DataFrame
        Rows of :func:`find_files`, of one variable, model, experiment and member, in any order.
    box : dict of slice
        Region in degrees north and east (-180 to 180); one more cell is kept on every side.
    units : str
        The unit that the variable must have.

    Returns
    -------
    xarray.DataArray
        On (time, lat, lon) as dask chunks of the region only, in the files' unit and sign. Latitude
        and longitude (-180 to 180) ascend; the sides of the cells (south, north, west, east) are
        from the file's bounds, or halfway between centres. Times are cftime, the middle of each
        month's bounds where there are bounds. Fill values are NaN. The attribute ``files`` lists
        names.

    Warns
    -----
    UserWarning
        If a file's name gives another period than its time axis: the axis wins. If bounds of
        cells do not fit their centres: they are taken halfway between centres.

    Raises
    ------
    InputError
        For more than one variable, model, experiment or member; a gap, an overlap, or a month
        twice; a time axis that is not monthly, or outside its bounds; other calendars or grids
        between the pieces; other or missing units; a missing variable; coordinates that are
        packed, two-dimensional or there twice; a file cut short. When something is computed: for
        damaged data, a flux that no land has, or cells that lack some months.
    """
    return _join(_open_pieces(files, box, units))


class _Piece(NamedTuple):
    """What the header of a file says: its months, and where its cells of the region are."""

    path: Path
    variable: str
    stored: Stored
    times: np.ndarray
    months: np.ndarray
    first_step: int
    cells: dict[str, tuple[str, np.ndarray]]
    window: tuple[Index, Index]


def _open_pieces(files: pd.DataFrame, box: dict[str, slice], units: str) -> list[_Piece]:
    """Read the headers of one run, in order of time, and check that they go together."""
    run = _one_run(files)
    pieces = [
        _read_piece(path, run["variable"], period, box, units)
        for path, *period in zip(files["path"], files["start"], files["end"], strict=True)
    ]
    pieces.sort(key=lambda piece: piece.months[0])
    first = pieces[0]
    for piece in pieces[1:]:
        _check_alike(piece.path, _frame([piece]), first.path.name, _frame([first]))
    _check_sequence(" ".join(run.values()), pieces)
    return pieces


def _join(pieces: Sequence[_Piece]) -> xr.DataArray:
    """Return the values of pieces in order of time, lazily."""
    first = pieces[0]
    shape = (0, len(first.cells["lat"][1]), len(first.cells["lon"][1]))
    sample = np.empty(shape, first.stored.dtype.newbyteorder("="))
    sample = _decode(first.variable, first.stored, sample)
    times = np.concatenate([piece.times for piece in pieces])
    return xr.DataArray(
        _lazy_values(pieces, sample.values),
        {"time": xr.CFTimeIndex(times), **first.cells},
        sample.dims,
        first.variable,
        {**sample.attrs, "files": "\n".join(piece.path.name for piece in pieces)},
    )


def _lazy_values(pieces: Sequence[_Piece], sample: np.ndarray) -> da.Array:
    """Return blocks of months, across the ends of files; all but the first begin in a January."""
    ends = np.cumsum([len(piece.months) for piece in pieces]).tolist()
    before_january = int(pieces[0].months[0]) % 12
    edges = [0, *range(_MONTHS_PER_CHUNK - before_january, ends[-1], _MONTHS_PER_CHUNK), ends[-1]]
    blocks = []
    for low, high in itertools.pairwise(edges):
        block = []
        for piece, end in zip(pieces, ends, strict=True):
            begin = end - len(piece.months)
            steps = range(max(low, begin), min(high, end))
            if steps:
                shift = piece.first_step - begin
                months = slice(steps.start + shift, steps.stop + shift)
                block.append((piece.path, piece.variable, piece.stored, (months, *piece.window)))
        blocks.append(block)
    places = [[(str(path), *others) for path, _, *others in block] for block in blocks]
    name = f"{pieces[0].variable}-{tokenize(places)}"
    return da.Array(
        {
            (name, number, 0, 0): (partial(_read_block, block),)
            for number, block in enumerate(blocks)
        },
        name,
        chunks=(tuple(np.diff(edges).tolist()), *((size,) for size in sample.shape[1:])),
        meta=sample,
    )


def _read_block(block: list[tuple[Path, str, Stored, tuple[Index, ...]]]) -> np.ndarray:
    """Read some months of a region from one file or more; fill values become NaN."""
    parts = []
    for path, name, stored, window in block:
        try:
            values = read_window(Path(path), name, stored, window)
        except UNREADABLE as error:
            if isinstance(error, InputError):
                raise
            raise _unreadable(path) from error
        values = _decode(name, stored, values).values
        if name in _FLUXES:
            _check_flux(f"{path}: {name}", name, values)
        parts.append(values)
    places = [f"{path}: {name}" for path, *_ in block]
    if name in _FLUXES:
        _check_gaps(places, parts)
    whole = np.concatenate(parts)
    if name == "npp" and len(whole) >= 12:
        _check_sign(places[0], whole)
    return whole


def _check_flux(where: str, name: str, values: np.ndarray) -> None:
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


def _check_gaps(places: list[str], parts: list[np.ndarray]) -> None:
    """Refuse cells with values in some months only: a total would silently go without them."""
    absent = [np.isnan(part) for part in parts]
    never = np.all([each.all(axis=0) for each in absent], axis=0)
    for where, each in zip(places, absent, strict=True):
        gaps = each.any(axis=0) & ~never
        if gaps.any():
            raise InputError(
                where,
                needed="a value in every month where there is one in any",
                found=f"{gaps.sum()} cells of the region that lack some months",
                mend=f"fill the gaps, leave the model out, or {_DOWNLOAD}",
            )


def _check_sign(where: str, values: np.ndarray) -> None:
    """Refuse plants that give off more carbon than they bind over a year or more."""
    mean = np.mean(values, where=~np.isnan(values)) if not np.isnan(values).all() else 0
    if mean < 0:
        raise InputError(
            where,
            needed="npp that is positive where plants bind carbon, as in CMIP5",
            found=f"a mean of {mean:.2g} {MONTHLY_FLUX} over {len(values)} months of the region",
            mend="turn the sign (cdo mulc,-1), if the file counts carbon that leaves the air as "
            f"negative, or {_DOWNLOAD}",
        )


def _decode(name: str, stored: Stored, values: np.ndarray) -> xr.Variable:
    dims = ("time", "lat", "lon")[-values.ndim :]
    decoded = decode_cf_variable(name, xr.Variable(dims, values, stored.attrs)).load()
    values = decoded.values.astype(np.promote_types(decoded.dtype, np.float32), copy=False)
    values[np.abs(values) >= _LARGEST_VALUE] = np.nan
    return decoded.copy(data=values)


def _one_run(files: pd.DataFrame) -> dict[str, str]:
    run = {}
    for column in ("variable", "model", "experiment", "member"):
        found = sorted(set(files[column]))
        if len(found) != 1:
            raise InputError(
                ", ".join(sorted({path.name for path in files["path"]})) or "no file",
                needed=f"files of one {column}",
                found=f"{column} {' and '.join(found)}" if found else "no file",
                mend=f"choose the files of one {column}",
            )
        run[column] = found[0]
    return run


def _read_file(path: Path, *others: str) -> dict[str, Stored]:
    try:
        return read_header(path, "time", "lat", "lon", *others)
    except UNREADABLE as error:
        raise _unreadable(path) from error


def _unreadable(path: Path | str) -> InputError:
    return InputError(
        path,
        needed="a complete NetCDF file",
        found=describe(Path(path)),
        mend=f"it may be cut short, or a login page saved under this name: {_DOWNLOAD}",
    )


def _find_variable(
    path: Path, file: dict[str, Stored], variable: str, dims: tuple[str, ...], units: str
) -> Stored:
    if variable not in file:
        raise InputError(
            f"{path}: {variable}",
            needed=f"the variable {variable}, as the file's name says",
            found=f"variables {list_some(sorted(file)) or 'none'}",
            mend=f"rename the variable, or {_DOWNLOAD}",
        )
    stored = file[variable]
    for name in ("lat", "lon"):
        if name in file and len(file[name].dims) == 2:
            raise InputError(
                f"{path}: {name}",
                needed="a grid of parallels and meridians, one-dimensional lat and lon",
                found=f"{name} on ({list_some(file[name].dims)}), a curvilinear grid",
                mend="put the file on a regular grid first (cdo remapcon)",
            )
    axes = [name for name, each in file.items() if each.dims == (name,)]
    if set(stored.dims) != set(dims) or not set(dims) <= set(axes):
        raise InputError(
            f"{path}: {variable}",
            needed=f"dimensions {', '.join(dims)}, with a coordinate each",
            found=f"dimensions {list_some(stored.dims) or 'none'}, "
            f"coordinates {list_some(axes) or 'none'}",
            mend=f"rename the dimensions, or {_DOWNLOAD}",
        )
    for name in (variable, *dims):
        _check_numbers(f"{path}: {name}", file, name)
    packed = [name for name in dims if {"scale_factor", "add_offset"} & set(file[name].attrs)]
    if packed:
        raise InputError(
            f"{path}: {packed[0]}",
            needed="coordinates that are not packed",
            found="an attribute scale_factor or add_offset",
            mend=f"unpack the file (ncpdq -U), or {_DOWNLOAD}",
        )
    require_units(xr.DataArray(attrs=stored.attrs, name=f"{variable} in {path}"), units)
    return stored


def _check_numbers(where: str, file: dict[str, Stored], name: str) -> None:
    """Refuse text where numbers are needed, and attributes by which nothing can be decoded."""
    stored = file[name]
    bounds = file.get(name_of_bounds(stored), stored)
    if any(each.dtype.kind not in "iuf" for each in (stored, bounds)):
        raise InputError(
            where,
            needed="numbers",
            found="values that are no numbers, there or in its bounds",
            mend=f"mend the file, or {_DOWNLOAD}",
        )
    for attribute in ("_FillValue", "missing_value", "scale_factor", "add_offset"):
        value = np.asarray(stored.attrs.get(attribute, 0.0))
        usable = value.dtype.kind in "iuf" and value.size == 1
        if attribute in ("scale_factor", "add_offset"):
            usable = usable and np.isfinite(value).all()
        if not usable:
            raise InputError(
                where,
                needed=f"one number as the attribute {attribute}",
                found=show(str(stored.attrs[attribute])),
                mend=f"mend the attribute (ncatted), or {_DOWNLOAD}",
            )


def _read_piece(
    path: Path, variable: str, period: list[str | None], box: dict[str, slice], units: str
) -> _Piece:
    file = _read_file(path)
    stored = _find_variable(path, file, variable, ("time", "lat", "lon"), units)
    times, months = _monthly_axis(path, file)
    _compare_with_name(path, months, period)
    cells, window = _cells(path, file, box)
    return _Piece(path, variable, stored, times, months, 0, cells, window)


def _monthly_axis(path: Path, file: dict[str, Stored]) -> tuple[np.ndarray, np.ndarray]:
    """Return the times of a file, and its months counted from year 0."""
    time = file["time"]
    units, calendar = (
        str(time.attrs.get(name, other))
        for name, other in (("units", "missing"), ("calendar", "standard"))
    )
    numbers = time.values.astype(float)
    try:
        days_per_unit = _days_per_unit(units, calendar)
    except (ValueError, TypeError, ArithmeticError, LookupError):
        days_per_unit = np.nan
    if not numbers.size or np.isnan(days_per_unit):
        raise InputError(
            f"{path}: time",
            needed="a time axis with units (days since a date) and steps",
            found=f"units {show(units, quote=False)}, calendar {show(calendar, quote=False)}, "
            f"{numbers.size} steps",
            mend=f"mend the attributes units and calendar, or {_DOWNLOAD}",
        )
    wrong = numbers[~(np.abs(numbers * days_per_unit) < _LONGEST_AXIS)]
    if wrong.size:
        raise InputError(
            f"{path}: time",
            needed="dates within 10 000 years",
            found=f"{wrong[0]:g} {show(units, quote=False)}",
            mend=f"mend the time axis, or {_DOWNLOAD}",
        )
    bounds = file.get(name_of_bounds(time))
    if bounds is not None and bounds.shape == (numbers.size, 2):
        start, end = bounds.values.astype(float).T
        if _are_months((end - start) * days_per_unit).all():
            outside = np.maximum(start - numbers, numbers - end) * days_per_unit > _ROUNDING
            if outside.any():
                raise InputError(
                    f"{path}: time",
                    needed="each time within its bounds",
                    found=f"{numbers[outside][0]:g}, bounds {start[outside][0]:g} to "
                    f"{end[outside][0]:g} ({show(units, quote=False)})",
                    mend="give time and its bounds the same units, take away the attribute bounds "
                    f"of time, or {_DOWNLOAD}",
                )
            return _decode_times(((start + end) / 2).tobytes(), units, calendar)
    steps = np.sort(np.diff(numbers)) * days_per_unit
    usual = steps[(len(steps) - 1) // 2 :][:1]
    if not _are_months(usual).all():
        raise InputError(
            f"{path}: time",
            needed="one step per month",
            found=f"steps of {usual[0]:g} days",
            mend="download the monthly table, or average to months first (cdo monmean)",
        )
    return _decode_times(numbers.tobytes(), units, calendar)


def _are_months(days: np.ndarray) -> np.ndarray:
    return (days > 27) & (days < 32)


@lru_cache
def _days_per_unit(units: str, calendar: str) -> float:
    zero, one = cftime.num2date([0, 1], units, calendar)
    return (one - zero).total_seconds() / 86_400


@lru_cache
def _decode_times(numbers: bytes, units: str, calendar: str) -> tuple[np.ndarray, np.ndarray]:
    """Return dates, and months from year 0; the pieces of an archive share most time axes."""
    stamps = np.frombuffer(numbers)
    times = cftime.num2date(stamps, units, calendar, only_use_cftime_datetimes=True)
    return times, np.array([_month(time) for time in times])


def _month(time: cftime.datetime) -> int:
    """Number a month from year 0."""
    return time.year * 12 + time.month - 1


def _show(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def _span(first: int, last: int) -> str:
    return f"{_show(first)} to {_show(last)}"


def _compare_with_name(path: Path, months: np.ndarray, period: list[str | None]) -> None:
    if None in period:
        return
    named = " to ".join(f"{date[:4]}-{date[4:6]}" for date in period)
    found = _span(months.min(), months.max())
    if named != found:
        warnings.warn(
            f"{path.name}: the name says {named}, the time axis {found}: the axis is used",
            UserWarning,
            stacklevel=4,
        )


def _cells(
    path: Path, file: dict[str, Stored], box: dict[str, slice] | None
) -> tuple[dict[str, tuple[str, np.ndarray]], tuple[slice | np.ndarray, ...]]:
    """Find a region and one more cell around it, south to north and west (-180) to east."""
    cells, window = {}, []
    for name in ("lat", "lon"):
        stored = file[name].values.astype(float)
        most = 90 if name == "lat" else 720
        if not stored.size or not (np.abs(stored) <= most).all():
            wrong = stored[~(np.abs(stored) <= most)]
            raise InputError(
                f"{path}: {name}",
                needed="degrees" + (", from -90 to 90" if name == "lat" else ""),
                found=f"{wrong[0]:g}" if wrong.size else "no cell",
                mend=f"mend the coordinate, or {_DOWNLOAD}",
            )
        values, counts = np.unique(stored, return_counts=True)
        if (counts > 1).any():
            raise InputError(
                f"{path}: {name}",
                needed="each row and each column of cells once",
                found=f"{values[counts > 1][0]:g} degrees {counts.max()} times",
                mend=f"mend the coordinate, or {_DOWNLOAD}",
            )
        centres = stored if name == "lat" else (stored + 180) % 360 - 180
        centres, order = np.unique(centres, return_index=True)
        bounds = file.get(name_of_bounds(file[name]))
        if bounds is not None and bounds.shape == (stored.size, 2):
            from_centre = (bounds.values.astype(float) - stored[:, np.newaxis])[order]
            if name == "lon":
                from_centre = (from_centre + 180) % 360 - 180
            bounds = np.sort(centres[:, np.newaxis] + from_centre, axis=1)
            bounds = bounds if _fit(path, name, centres, bounds) else None
        else:
            bounds = None
        if bounds is None:
            limit = 90 if name == "lat" else np.inf
            edges = edges_between(centres, limit, f"{path}: {name}")
            bounds = np.column_stack([edges[:-1], edges[1:]])
        kept = slice(None) if box is None else _window(centres, box[name])
        if not order[kept].size:
            raise InputError(
                f"{path}: {name}",
                needed=f"cells from {box[name].start:g} to {box[name].stop:g}",
                found=f"cells from {centres[0]:g} to {centres[-1]:g}",
                mend="download the whole grid, or a larger region",
            )
        window.append(_as_slice(order[kept]))
        cells[name] = (name, centres[kept])
        for side, edge in zip(SIDES[name], bounds[kept].T, strict=True):
            cells[side] = (name, edge)
    return cells, tuple(window)


def _window(centres: np.ndarray, wanted: slice) -> slice:
    first = np.searchsorted(centres, wanted.start) - 1
    last = np.searchsorted(centres, wanted.stop, side="right") + 1
    return slice(max(first, 0), last)


def _as_slice(positions: np.ndarray) -> slice | np.ndarray:
    """Return neighbours as a slice, so that one read of a file fetches them."""
    steps = np.unique(np.diff(positions))
    if len(positions) < 2 or steps.size != 1 or abs(steps[0]) != 1:
        return positions
    step = int(steps[0])
    stop = int(positions[-1]) + step
    return slice(int(positions[0]), stop if stop >= 0 else None, step)


def _fit(path: Path, name: str, centres: np.ndarray, bounds: np.ndarray) -> bool:
    south_west, north_east = bounds.T
    hold_centre = (south_west <= centres + _SAME_PLACE) & (centres - _SAME_PLACE <= north_east)
    apart = south_west[1:] > north_east[:-1] - _SAME_PLACE
    if hold_centre.all() and apart.all() and (south_west < north_east).all():
        return True
    warnings.warn(
        f"{path.name}: the bounds of {name} do not fit its centres: "
        "cells are taken to meet halfway between centres",
        UserWarning,
        stacklevel=5,
    )
    return False


class _Frame(NamedTuple):
    """Calendar, grid, first and last month of a run: what decides which runs go together."""

    calendar: str
    lat: np.ndarray
    lon: np.ndarray
    first: int
    last: int


def _frame(run: Sequence[_Piece] | xr.DataArray) -> _Frame:
    if isinstance(run, xr.DataArray):
        times = run.indexes["time"]
        ends = _month(times[0]), _month(times[-1])
        return _Frame(times.calendar, run["lat"].values, run["lon"].values, *ends)
    cells = run[0].cells
    ends = int(run[0].months[0]), int(run[-1].months[-1])
    return _Frame(run[0].times[0].calendar, cells["lat"][1], cells["lon"][1], *ends)


def _check_alike(path: Path | str, frame: _Frame, first_name: str, first: _Frame) -> None:
    if frame.calendar != first.calendar:
        raise InputError(
            f"{path}: time",
            needed=f"the calendar of {first_name}, {first.calendar}",
            found=f"calendar {frame.calendar}",
            mend=f"mend the attribute calendar, or {_DOWNLOAD}",
        )
    if not _same_grid(frame, first):
        raise InputError(
            path,
            needed=f"the grid of {first_name}",
            found=f"{len(frame.lat)} x {len(frame.lon)} other cells in the region",
            mend="keep files of one grid",
        )


def _same_grid(one: _Frame, other: _Frame) -> bool:
    return all(
        len(here) == len(there) and np.abs(here - there).max() <= _SAME_PLACE
        for here, there in ((one.lat, other.lat), (one.lon, other.lon))
    )


def _check_sequence(run: str, pieces: Sequence[_Piece]) -> None:
    months = np.concatenate([piece.months for piece in pieces])
    owners = np.repeat([piece.path.name for piece in pieces], [len(p.months) for p in pieces])
    for here in np.flatnonzero(np.diff(months) != 1):
        before, after = int(months[here]), int(months[here + 1])
        same_file = owners[here] == owners[here + 1]
        where = f"{run}: {owners[here]}" if same_file else run
        if after > before:
            needed = "every month of the run"
            found = f"nothing between {_show(before)} ({owners[here]}) and {_show(after)}"
            found += f" ({owners[here + 1]})"
            mend = "add the missing piece, or mend the time axis"
        elif same_file:
            needed = "each month once, in order"
            found = f"{_show(after)} after {_show(before)}"
            mend = f"mend the time axis, or {_DOWNLOAD}"
        else:
            needed = "each month in one file"
            found = f"{_show(after)} to {_show(before)} in {owners[here]} and {owners[here + 1]}"
            mend = "keep one of the two, or cut one of them (cdo seldate)"
        raise InputError(where, needed=needed, found=found, mend=mend)


def splice(historical: xr.DataArray, future: xr.DataArray) -> xr.DataArray:
    """Continue a historical run with a scenario, before any period is cut out.

    Parameters
    ----------
    historical, future : xarray.DataArray
        As :func:`open_run` returns them: months on (time, lat, lon) of one model.

    Returns
    -------
    xarray.DataArray
        Both, in order, with the attributes of `future` and the ``files`` of both.

    Raises
    ------
    InputError
        If the scenario does not begin in the month after the historical run ends, or has another
        calendar or grid.
    """
    _check_continues(str(future.name), _frame(historical), _frame(future))
    joined = _concat([historical, future], "time")
    names = [run.attrs["files"] for run in (historical, future) if "files" in run.attrs]
    return joined.assign_attrs({**future.attrs, "files": "\n".join(names)})


def _check_continues(name: str, historical: _Frame, future: _Frame) -> None:
    last, first = historical.last, future.first
    if first != last + 1:
        raise InputError(
            f"{name}: historical and scenario",
            needed=f"a scenario that begins in {_show(last + 1)}, the month after the historical",
            found=f"historical to {_show(last)}, scenario from {_show(first)}: "
            + ("a gap" if first > last else "an overlap"),
            mend="add the missing piece" if first > last else "cut one of the runs (cdo seldate)",
        )
    _check_alike(f"{name} of the scenario", future, f"{name} historical", historical)


def net_ecosystem_production(
    files: pd.DataFrame, model: str, scenario: str, box: dict[str, slice] = PLATEAU_BOX
) -> xr.DataArray:
    """Return a model's net uptake of carbon by the land, historical run and scenario.

    Parameters
    ----------
    files : pandas.DataFrame
        As :func:`find_files` returns them.
    model, scenario : str
        As in the files' names (``CanESM2``, ``rcp45``).
    box : dict of slice
        Region in degrees north and east.

    Returns
    -------
    xarray.DataArray
        Months in kg m-2 s-1 of carbon per m2 of land on (time, lat, lon), positive into the land:
        ``nep`` where it is there for both experiments, else ``npp - rh``. Of several members, the
        first one that is complete (r1i1p1 before r2i1p1). The attribute ``files`` lists names.

    Raises
    ------
    InputError
        If a variable or an experiment is missing, or anything that :func:`open_run` and
        :func:`splice` refuse.
    """
    return _net_uptake(_find_runs(files, model, [scenario]), model, scenario, box, {})


def _net_uptake(
    runs: pd.DataFrame,
    model: str,
    scenario: str,
    box: dict[str, slice],
    opened: dict[tuple[str, ...], list[_Piece]],
    period: tuple[int, int] | None = None,
) -> xr.DataArray:
    """Open what is not among `opened` yet, splice, cut out a period of years, and subtract."""
    runs = runs[runs["experiment"].isin(["historical", scenario])]
    parts = {}
    for variable in sorted(set(runs["variable"])):
        halves = []
        for experiment in ("historical", scenario):
            chosen = runs[(runs["variable"] == variable) & (runs["experiment"] == experiment)]
            key = (variable, experiment, chosen["member"].iloc[0])
            if key not in opened:
                opened[key] = _open_pieces(chosen, box, MONTHLY_FLUX)
            halves.append(opened[key])
        _check_continues(variable, *map(_frame, halves))
        parts[variable] = [*halves[0], *halves[1]]
    if "nep" not in parts:
        _check_pair(model, scenario, _frame(parts["npp"]), _frame(parts["rh"]))
    names = [piece.path.name for pieces in parts.values() for piece in pieces]
    if period:
        where = f"{model} {scenario}"
        parts = {name: _cut(pieces, where, *period) for name, pieces in parts.items()}
    joined = [_join(pieces) for pieces in parts.values()]
    nep = joined[0]
    if len(joined) == 2:
        npp, rh = joined
        nep = npp.copy(data=npp.data.astype(float) - rh.data.astype(float))
    nep.attrs = {
        "long_name": "net ecosystem production of carbon",
        "units": MONTHLY_FLUX,
        "model": model,
        "files": "\n".join(names),
    }
    return nep.rename("nep")


def _find_runs(files: pd.DataFrame, model: str, scenarios: Sequence[str]) -> pd.DataFrame:
    """Choose one member, which has the historical run and all scenarios."""
    experiments = {"historical", *scenarios}
    runs = files[(files["model"] == model) & files["variable"].isin(_FLUXES)]
    runs = runs[runs["experiment"].isin(experiments)]
    for member in sorted(set(runs["member"]), key=_member_numbers):
        for variables in (["nep"], ["npp", "rh"]):
            chosen = runs[(runs["member"] == member) & runs["variable"].isin(variables)]
            kinds = set(zip(chosen["variable"], chosen["experiment"], strict=True))
            if len(kinds) == len(variables) * len(experiments):
                return chosen
    kinds = runs[["variable", "experiment", "member"]].drop_duplicates()
    named = " and ".join(["historical", *scenarios])
    raise InputError(
        f"{model} {' '.join(scenarios)}",
        needed=f"nep, or npp and rh, of one member for {named} (table Lmon)",
        found=", ".join(map(" ".join, kinds.itertuples(index=False))) or "none of them",
        mend="download the missing variable, experiment or member, or leave the model out",
    )


def _member_numbers(member: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", member)]


def _check_pair(model: str, scenario: str, npp: _Frame, rh: _Frame) -> None:
    where = f"{model} {scenario}: rh"
    if (npp.calendar, npp.first, npp.last) != (rh.calendar, rh.first, rh.last):
        raise InputError(
            where,
            needed=f"the months of npp, {_span(npp.first, npp.last)} ({npp.calendar})",
            found=f"{_span(rh.first, rh.last)} ({rh.calendar})",
            mend="add the missing pieces of one of them, or cut the longer one",
        )
    if not _same_grid(npp, rh):
        raise InputError(
            where,
            needed="the grid of npp",
            found=f"{len(rh.lat)} x {len(rh.lon)} other cells in the region",
            mend="keep files of one grid",
        )


def land_fraction(files: pd.DataFrame, model: str, flux: xr.DataArray) -> xr.DataArray:
    """Return the share of land in each cell of a flux.

    Parameters
    ----------
    files : pandas.DataFrame
        As :func:`find_files` returns them.
    model : str
        As in the files' names.
    flux : xarray.DataArray
        The model's flux on (..., lat, lon): its grid, and which cells have values.

    Returns
    -------
    xarray.DataArray
        On (lat, lon), 0 to 1: ``sftlf`` / 100; where the model has no such file, 1 where the flux
        has a value at its first step. A missing value of ``sftlf`` is 0.

    Raises
    ------
    InputError
        If ``sftlf`` is not in percent, goes beyond 0 to 100, looks like a fraction or has no
        land in the region, or has another grid.
    """
    percent = _open_fixed(files, model, "sftlf", "%", flux)
    if percent is None:
        fraction = first_step(flux).notnull().astype(float)
    else:
        low, high = float(percent.min()), float(percent.max())
        if not (low >= 0 and 1 < high <= 100.01):
            raise InputError(
                f"{model}: sftlf",
                needed="percent, from 0 to 100, and land in the region",
                found=f"values from {low:g} to {high:g}",
                mend="mend the values or the units of sftlf, or leave its file out",
            )
        fraction = (percent / 100).fillna(0).clip(0, 1)
    fraction.attrs = {"units": "1", "long_name": "land fraction"}
    return fraction.rename("land_fraction")


def cell_areas(files: pd.DataFrame, model: str, flux: xr.DataArray) -> xr.DataArray:
    """Return the area of each cell of a flux on its model's own grid.

    Parameters
    ----------
    files : pandas.DataFrame
        As :func:`find_files` returns them.
    model : str
        As in the files' names.
    flux : xarray.DataArray
        On (..., lat, lon), with the sides of its cells.

    Returns
    -------
    xarray.DataArray
        On (lat, lon), m2: ``areacella``, else from the bounds of the cells on the sphere.

    Raises
    ------
    InputError
        If ``areacella`` is not in m2, or has another grid.
    """
    area = _open_fixed(files, model, "areacella", "m2", flux)
    return cell_area(*cell_bounds(flux)) if area is None else area.rename("area")


def _open_fixed(
    files: pd.DataFrame, model: str, variable: str, units: str, flux: xr.DataArray
) -> xr.DataArray | None:
    rows = files[(files["model"] == model) & (files["variable"] == variable)]
    if rows.empty:
        return None
    path = rows.sort_values("experiment", key=lambda name: name != "historical")["path"].iloc[0]
    file = _read_file(path, variable)
    stored = _find_variable(path, file, variable, ("lat", "lon"), units)
    cells, window = _cells(path, file, box=None)
    lat, lon = window
    in_order = stored.values if stored.dims == ("lat", "lon") else stored.values.T
    values = _decode(variable, stored, in_order[lat][:, lon]).astype(float)
    array = xr.DataArray(values, cells, name=variable)
    try:
        here = {"lat": flux["lat"].values, "lon": flux["lon"].values}
        array = array.sel(here, method="nearest", tolerance=_SAME_PLACE)
    except KeyError as error:
        raise InputError(
            path,
            needed=f"the grid of {flux.name} of {model}",
            found=f"{array.sizes['lat']} x {array.sizes['lon']} cells, at other places",
            mend="keep the file that belongs to the fluxes, or leave it out",
        ) from error
    places = {name: flux[name] for name in ("lat", "lon")}
    return array.assign_coords(places)


def open_ensemble(
    folder: str | Path,
    scenarios: Sequence[str] = ("rcp45", "rcp85"),
    first_year: int = 1990,
    last_year: int = 2099,
    ratio: float = OXYGEN_PER_CARBON,
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
    ratio : float
        Mass of oxygen per mass of carbon, as in :func:`helpers.oxygen.oxygen_flux`.

    Returns
    -------
    xarray.Dataset
        ``top`` (scenario, model, year, lat, lon) in kg m-2 yr-1 of O2 per m2 of land, positive
        into the air; ``land_fraction`` (model, lat, lon), 0 to 1; ``area`` (lat, lon) in m2. Models
        are sorted by name. The attribute ``inputs`` lists each file with its model.

    Warns
    -----
    UserWarning
        For a model that lacks a variable or an experiment, and is left out.

    Raises
    ------
    InputError
        If no model is complete, if a model's run does not have the period, or anything that the
        functions of this module refuse.
    """
    files = find_files(folder)
    models = _complete_models(Path(folder), files, scenarios)
    tops, fractions, inputs = [], [], {}
    for model in models:
        runs, opened = [], {}
        found = _find_runs(files, model, scenarios)
        for scenario in scenarios:
            period = (first_year, last_year)
            nep = _net_uptake(found, model, scenario, PLATEAU_BOX, opened, period)
            inputs |= {name: model for name in nep.attrs["files"].splitlines()}
            runs.append(nep)
        nep = _concat(runs, "scenario")
        annual = annual_total(oxygen_flux(nep, ratio))
        top, land = regrid(annual, land_fraction(files, model, nep))
        inputs |= {
            path.name: model
            for path in files.loc[
                (files["model"] == model) & (files["variable"] == "sftlf"), "path"
            ]
        }
        tops.append(top)
        fractions.append(land)
    ensemble = xr.Dataset(
        {
            "top": _concat(tops, "model"),
            "land_fraction": _concat(fractions, "model"),
        }
    )
    target = target_grid()
    ensemble["area"] = cell_area(target["lat_bnds"], target["lon_bnds"])
    ensemble = ensemble.assign_coords(
        scenario=list(scenarios), model=models, lat=target["lat"], lon=target["lon"]
    )
    ensemble["top"] = ensemble["top"].transpose("scenario", "model", "year", "lat", "lon")
    ensemble["top"].attrs = {
        "units": annual.attrs["units"],
        "long_name": "terrestrial oxygen production per area of land",
        "cell_methods": "time: sum area: mean where land",
    }
    ensemble.attrs["inputs"] = "\n".join(f"{model}  {name}" for name, model in inputs.items())
    return ensemble


def _concat(arrays: Sequence[xr.DataArray], dim: str) -> xr.DataArray:
    """Put arrays that were checked to be alike side by side."""
    return xr.concat(
        arrays, dim, coords="minimal", compat="override", join="override", combine_attrs="override"
    )


def open_historical(
    folder: str | Path,
    variables: Sequence[str] = ("npp", "rh"),
    first_year: int = 1990,
    last_year: int = 2004,
) -> xr.Dataset:
    """Return yearly carbon fluxes of the historical runs on one grid, lazily.

    Parameters
    ----------
    folder : path
        As for :func:`open_ensemble`.
    variables : sequence of str
        Carbon fluxes of the table Lmon, of one member; a model without them is left out.
    first_year, last_year : int
        The period. The genuine HadGEM2-ES ends in November 2005, so that 2005 is not whole.

    Returns
    -------
    xarray.Dataset
        `variables` on (model, year, lat, lon) in kg m-2 yr-1 of carbon per m2 of land, signs as
        in the files; ``land_fraction`` (model, lat, lon), ``area`` (lat, lon) in m2.

    Raises
    ------
    InputError
        If no model has all variables, or anything that the functions of this module refuse.
    """
    files = find_files(folder)
    runs = files[(files["experiment"] == "historical") & files["variable"].isin(variables)]
    fields = {}
    for model, of_model in runs.groupby("model"):
        complete = [
            member
            for member, of_member in of_model.groupby("member")
            if set(of_member["variable"]) == set(variables)
        ]
        if not complete:
            continue
        of_model = of_model[of_model["member"] == min(complete, key=_member_numbers)]
        fluxes = {}
        for variable, pieces in of_model.groupby("variable"):
            run = _open_pieces(pieces, PLATEAU_BOX, MONTHLY_FLUX)
            flux = _join(_cut(run, f"{model} historical", first_year, last_year))
            fraction = land_fraction(files, str(model), flux)
            fluxes[variable], land = regrid(annual_total(flux), fraction)
        fields[model] = xr.Dataset(fluxes).assign(land_fraction=land)
    if not fields:
        raise InputError(
            folder,
            needed=f"{' and '.join(variables)} of a historical run (table Lmon)",
            found=", ".join(sorted({path.name for path in runs["path"]})) or "none of them",
            mend="download what is missing",
        )
    target = target_grid()
    models = pd.Index(fields, name="model")
    ensemble = xr.concat(fields.values(), models, combine_attrs="drop_conflicts")
    return ensemble.assign(area=cell_area(target["lat_bnds"], target["lon_bnds"]))


def _complete_models(folder: Path, files: pd.DataFrame, scenarios: Sequence[str]) -> list[str]:
    complete, lacks = [], []
    for model in sorted(set(files.loc[files["variable"].isin(_FLUXES), "model"])):
        try:
            _find_runs(files, model, scenarios)
            complete.append(model)
        except InputError as lack:
            lacks.append(f"{lack.where}: found {lack.found}")
    if not complete:
        raise InputError(
            folder,
            needed=f"nep, or npp and rh, for historical, {' and '.join(scenarios)} of a model",
            found="; ".join(lacks) or "no file of npp, rh or nep",
            mend="download what is missing",
        )
    for lack in lacks:
        warnings.warn(f"left out, incomplete: {lack}", UserWarning, stacklevel=3)
    return complete


def _cut(pieces: Sequence[_Piece], run: str, first_year: int, last_year: int) -> list[_Piece]:
    """Keep whole years of a run; files without any of them are left out."""
    begin, end = pieces[0].months[0], pieces[-1].months[-1]
    first, last = first_year * 12, last_year * 12 + 11
    if begin > first or end < last:
        raise InputError(
            run,
            needed=_span(first, last),
            found=_span(begin, end),
            mend="choose years that the run has, add its missing files, or leave the model out",
        )
    kept = []
    for piece in pieces:
        steps = slice(*np.searchsorted(piece.months, (first, last + 1)))
        if steps.start < steps.stop:
            times, months = piece.times[steps], piece.months[steps]
            kept.append(piece._replace(times=times, months=months, first_step=steps.start))
    return kept
