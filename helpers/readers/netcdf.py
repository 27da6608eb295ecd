"""Parts of NetCDF files, read without the rest.

CMIP5 is NetCDF-3: all variables of a month lie in one record, a field row after row. The rows of a
region are then one stretch of each record, and a plain read fetches it. A map of the file into
memory would take 64 kB around every place that is touched. NetCDF-4 is left to its library.
"""

from __future__ import annotations

import math
import os
import struct
import threading
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from helpers.errors import InputError

Index = slice | np.ndarray
_CLASSIC = (b"CDF\x01", b"CDF\x02")
_READ_ACROSS = 4096  # bytes from step to step: shorter steps are read at once
_STEPS_AT_A_TIME = 32
_FIRST_READ = 1 << 14
_MOST_ITEMS = 8192  # dimensions, variables, or attributes of one: the library's own limit
_LARGEST = 2**31 - 1
_MOST_VALUES = 50_000_000  # of a coordinate or a field without time
_LISTS = {"dimensions": 10, "variables": 11, "attributes": 12}
UNREADABLE = (  # what a damaged file makes its library raise
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
)
_TYPES = dict(enumerate(map(np.dtype, ("i1", "S1", ">i2", ">i4", ">f4", ">f8")), start=1))
_LIBRARY = threading.Lock()  # the library serves one thread at a time


def describe(path: Path) -> str:
    """Say what a file that cannot be read as NetCDF is, by its first bytes."""
    if path.is_dir():
        return "a folder of this name"
    try:
        with path.open("rb", buffering=0) as file:
            start = file.read(512)
    except OSError as error:
        reason = "a link that leads nowhere" if path.is_symlink() else "a file that is not there"
        return "a file that may not be read" if isinstance(error, PermissionError) else reason
    damaged = "that is damaged, cut short, or has attributes that mean nothing"
    kinds = {
        b"CDF": f"a NetCDF-3 file {damaged}",
        b"\x89HDF": f"a NetCDF-4 file {damaged}",
        b"PK": "a zip archive",
        b"\x1f\x8b": "a file packed by gzip",
        b"<": "a web page",
    }
    found = [kind for magic, kind in kinds.items() if start.lstrip().startswith(magic)]
    other = "a file that is no NetCDF" if start else "an empty file"
    return found[0] if found else other


class Stored(NamedTuple):
    """A variable as a file has it: nothing is decoded, and `values` may not have been read."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    attrs: dict
    values: np.ndarray | None = None
    place: Place | None = None


class Place(NamedTuple):
    """Where a variable begins in a NetCDF-3 file, and the bytes from one step to the next."""

    begin: int
    stride: int
    size_of_file: int


def read_header(path: Path, *needed: str) -> dict[str, Stored]:
    """Return the variables of a file, with the values of some.

    Parameters
    ----------
    path : pathlib.Path
        A NetCDF file of any version.
    needed : str
        Variables to read, where they are there, with the bounds that they name.

    Raises
    ------
    OSError, ValueError, LookupError, ...
        Any of :data:`UNREADABLE`, if it is no NetCDF file, or one that is damaged or cut short.
    """
    with path.open("rb", buffering=0) as file:
        if file.read(4) not in _CLASSIC:
            return _read_by_library(path, needed)
        header = _locate(file)
        for names in _side_by_side(header, _with_bounds(header, needed)):
            begins = [header[name].place.begin for name in names]
            stored = header[names[0]]
            size = begins[-1] + _bytes_of_step(header[names[-1]]) - begins[0]
            count = math.prod(stored.shape[:1])
            steps = _read_steps(file, begins[0], stored.place.stride, count, size)
            for name, begin in zip(names, begins, strict=True):
                _, shape, dtype, *_ = header[name]
                part = steps[:, begin - begins[0] :][:, : _bytes_of_step(header[name])]
                values = np.ascontiguousarray(part).view(dtype).reshape(shape)
                header[name] = header[name]._replace(values=values.astype(_native(dtype)))
    return header


def _side_by_side(header: dict[str, Stored], names: set[str]) -> list[list[str]]:
    """Put variables together that lie close to each other in each step: one read fetches them."""
    together: list[list[str]] = []
    for name in sorted(names, key=lambda name: header[name].place.begin):
        one = header[name]
        if together:
            last = header[together[-1][0]]
            end = one.place.begin + _bytes_of_step(one)
            near = end - last.place.begin <= _READ_ACROSS
            if near and (last.place.stride, last.shape[:1]) == (one.place.stride, one.shape[:1]):
                together[-1].append(name)
                continue
        together.append([name])
    return together


def read_window(path: Path, name: str, stored: Stored, window: tuple[Index, ...]) -> np.ndarray:
    """Return some months of a region.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    name : str
        A variable on time, lat and lon.
    stored : Stored
        What :func:`read_header` says of it.
    window : tuple of slice or numpy.ndarray
        Positions in time (a slice without steps), lat and lon, in this order.

    Returns
    -------
    numpy.ndarray
        On (time, lat, lon), not decoded.

    Raises
    ------
    InputError
        If the file has another size than when its header was read.
    """
    if stored.place is None or stored.dims != ("time", "lat", "lon"):
        return _read_window_by_library(path, name, window)
    steps, rows, columns = (
        np.arange(size)[index] for size, index in zip(stored.shape, window, strict=True)
    )
    low, high = rows.min(), rows.max() + 1
    width, place = stored.shape[2], stored.place
    row = width * stored.dtype.itemsize
    values = np.empty((len(steps), high - low, len(columns)), _native(stored.dtype))
    with path.open("rb", buffering=0) as file:
        _check_size(path, file.fileno(), place)
        for done in range(0, len(steps), _STEPS_AT_A_TIME):
            some = values[done : done + _STEPS_AT_A_TIME]
            begin = int(place.begin + steps[done] * place.stride + low * row)
            size = int(high - low) * row
            read = _read_steps(file, begin, place.stride, len(some), size)
            band = np.ascontiguousarray(read).view(stored.dtype)
            some[:] = band.reshape(len(some), -1, width)[:, :, window[2]]
    in_order = len(rows) == high - low and rows[0] == low
    return values if in_order else values[:, rows - low]


def _read_steps(file: BinaryIO, begin: int, stride: int, count: int, size: int) -> np.ndarray:
    """Return bytes on (step, byte): `size` of them every `stride`."""
    if not count:
        return np.empty((0, size), np.uint8)
    if stride <= _READ_ACROSS:
        across = _read_at(file, begin, (count - 1) * stride + size)
        return np.ndarray((count, size), np.uint8, across, strides=(stride, 1))
    places = range(begin, begin + count * stride, stride)
    steps = b"".join([_read_at(file, place, size) for place in places])
    return np.frombuffer(steps, np.uint8).reshape(count, size)


def _read_at(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


def _bytes_of_step(stored: Stored) -> int:
    return stored.dtype.itemsize * math.prod(stored.shape[1:])


class _Words:
    """The header of a NetCDF-3 file, word after word: all is big-endian, in steps of 4 bytes."""

    def __init__(self, data: bytes, size_of_file: int) -> None:
        self.data, self.at, self.size_of_file = data, 0, size_of_file

    def number(self, form: str = ">i") -> int:
        (value,) = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def count(self, most: int, what: str) -> int:
        value = self.number()
        if not 0 <= value <= most:
            raise ValueError(f"{value} {what}")
        return value

    def text(self, length: int) -> bytes:
        if not 0 <= length <= self.size_of_file - self.at:
            raise ValueError(f"a text of {length} bytes")
        value = self.data[self.at : self.at + length]
        if len(value) < length:
            raise struct.error("the header ends too early")
        self.at += length + -length % 4
        return value

    def name(self) -> str:
        name = self.text(self.number()).decode()
        if not name:
            raise ValueError("an item without a name")
        return name

    def items(self, what: str) -> range:
        tag = self.number()
        count = self.count(_MOST_ITEMS, what)
        if tag != _LISTS[what] and (tag or count):
            raise ValueError(f"no list of {what}")
        return range(count)

    def attributes(self) -> dict:
        return {self.name(): self._value() for _ in self.items("attributes")}

    def _value(self) -> str | np.ndarray:
        dtype = _TYPES[self.number()]
        count = self.number()
        value = self.text(count * dtype.itemsize)
        if dtype.kind == "S":
            return value.rstrip(b"\0").decode("utf-8", "replace")
        numbers = np.frombuffer(value, dtype).astype(_native(dtype))
        return numbers[0] if count == 1 else numbers


def _locate(file: BinaryIO) -> dict[str, Stored]:
    """Return the table of contents of a NetCDF-3 file."""
    size = os.fstat(file.fileno()).st_size
    length = _FIRST_READ
    while True:
        try:
            return _parse(_read_at(file, 0, min(length, size)), size)
        except struct.error:
            if length >= size:
                raise ValueError("the header ends too early") from None
        length *= 16


def _parse(data: bytes, size: int) -> dict[str, Stored]:
    words = _Words(data, size)
    offset = {b"CDF\x01": ">i", b"CDF\x02": ">q"}[words.text(4)]
    records = words.count(_LARGEST, "steps")  # -1 where the writer was stopped
    lengths = [(words.name(), words.count(_LARGEST, "cells")) for _ in words.items("dimensions")]
    words.attributes()
    variables = {}
    for _ in words.items("variables"):
        name = words.name()
        numbers = range(words.count(len(lengths), "dimensions"))
        dims = [lengths[words.count(len(lengths) - 1, "as a dimension")] for _ in numbers]
        if name in variables or not all(length for _, length in dims[1:]):
            raise ValueError(f"{name} stands twice, or has a dimension without length")
        attrs = words.attributes()
        dtype = _TYPES[words.number()]
        words.number()  # its size, which the shape tells as well
        shape = tuple(length or records for _, length in dims)
        is_record = bool(dims) and not dims[0][1]
        stored = Stored(tuple(dim for dim, _ in dims), shape, dtype, attrs)
        begin = words.number(offset)
        if begin < 0:
            raise ValueError(f"{name} begins before the file")
        variables[name] = stored, is_record, begin
    steps = [_bytes_of_step(stored) for stored, is_record, _ in variables.values() if is_record]
    record = sum(step + -step % 4 for step in steps) if len(steps) > 1 else sum(steps)
    header = {}
    for name, (stored, is_record, begin) in variables.items():
        stride = record if is_record else _bytes_of_step(stored)
        count = stored.shape[0] if stored.shape else 1
        if count and begin + (count - 1) * stride + _bytes_of_step(stored) > size:
            raise ValueError(f"{name} ends beyond the file")
        header[name] = stored._replace(place=Place(begin, stride, size))
    return header


def _native(dtype: np.dtype) -> np.dtype:
    return dtype.newbyteorder("=")


def _check_size(path: Path, file: int, place: Place) -> None:
    size = os.fstat(file).st_size
    if size != place.size_of_file:
        raise InputError(
            path,
            needed=f"the file as it was opened, {place.size_of_file} bytes",
            found=f"{size} bytes",
            mend="open the archive again, and leave its files alone meanwhile",
        )


def _with_bounds(header: dict[str, Stored], needed: tuple[str, ...]) -> set[str]:
    found = [name for name in needed if name in header]
    return {*found, *(name_of_bounds(header[name]) for name in found)} & set(header)


def name_of_bounds(stored: Stored) -> str:
    """Return what the attribute ``bounds`` names, nothing where it is no text."""
    return str(stored.attrs.get("bounds", ""))


def _read_by_library(path: Path, needed: tuple[str, ...]) -> dict[str, Stored]:
    from netCDF4 import Dataset

    with _LIBRARY, Dataset(path) as file:
        file.set_auto_maskandscale(False)
        header = {
            name: Stored(
                each.dimensions,
                each.shape,
                each.dtype if isinstance(each.dtype, np.dtype) else np.dtype(object),
                {attribute: each.getncattr(attribute) for attribute in each.ncattrs()},
            )
            for name, each in file.variables.items()
        }
        for name in _with_bounds(header, needed):
            if math.prod(header[name].shape) > _MOST_VALUES:
                raise ValueError(f"{name} has {math.prod(header[name].shape)} values")
            header[name] = header[name]._replace(values=file[name][...])
    return header


def _read_window_by_library(path: Path, name: str, window: tuple[Index, ...]) -> np.ndarray:
    from netCDF4 import Dataset

    with _LIBRARY, Dataset(path) as file:
        file.set_auto_maskandscale(False)
        dims = file[name].dimensions
        places = dict(zip(("time", "lat", "lon"), window, strict=True))
        values = file[name][tuple(places[dim] for dim in dims)]
    return values.transpose([dims.index(dim) for dim in places])
