"""Ways to damage a file, or to write the same file in another way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr

from helpers.errors import InputError

WEB_PAGE = b"<!DOCTYPE html><title>Login</title>"
NO_NETCDF = {
    "An empty file": (b"", "an empty file"),
    "A login page under the name of a file": (WEB_PAGE, "a web page"),
    "A zip archive": (b"PK\x03\x04 and more", "a zip archive"),
    "A file packed by gzip": (b"\x1f\x8b\x08 and more", "gzip"),
    "A text": (b"not a NetCDF file", "no NetCDF"),
}


def in_units(variable: str, unit: str | None) -> Callable[[xr.Dataset], xr.Dataset]:
    """Return a change of the unit that a variable names."""

    def change(file: xr.Dataset) -> xr.Dataset:
        file[variable].attrs = {} if unit is None else {"units": unit}
        return file

    return change


def curvilinear(file: xr.Dataset) -> xr.Dataset:
    """Put a file on a grid of rows and columns, which the latitudes and longitudes only name."""
    north, east = np.meshgrid(file["lat"], file["lon"], indexing="ij")
    file = file.rename(lat="j", lon="i").drop_vars(["j", "i"])
    return file.assign_coords(lat=(("j", "i"), north), lon=(("j", "i"), east))


def cut(whole: bytes, finely: int = 0) -> list[bytes]:
    """Return a file cut at every block of 4 kB, and at every 15th byte before `finely`."""
    return [whole[:end] for end in [*range(0, finely, 15), *range(0, len(whole), 4096)]]


def flip(whole: bytes, count: int, seed: int, before: int | None = None) -> Iterator[bytes]:
    """Yield a file with one byte changed each time, at seeded places (`before` one: the header)."""
    rng = random.Random(seed)
    for _ in range(count):
        changed = bytearray(whole)
        changed[rng.randrange(before or len(whole))] ^= rng.randrange(1, 256)
        yield bytes(changed)


def read_each(path: Path, variants: Iterable[bytes], read: Callable[[], object]) -> list:
    """Return what is read of each variant of a file, or the refusal; other errors go through."""
    answers = []
    for variant in variants:
        path.unlink(missing_ok=True)
        path.write_bytes(variant)
        try:
            answers.append(read())
        except InputError as refusal:
            answers.append(refusal)
    return answers


def all_refused(name: str) -> Callable[[list], None]:
    """Return a check that every answer is a refusal that names the file."""

    def check(answers: list) -> None:
        assert len(answers) > 5
        assert all(isinstance(each, InputError) and name in each.where for each in answers)

    return check


def copy(
    source: Path,
    target: Path,
    form: str = "NETCDF4",
    unlimited: bool = True,
    order: tuple[str, ...] = (),
    without: tuple[str, str] | None = None,
) -> Path:
    """Write a NetCDF file again, in another way.

    The form is as netCDF4 names it, the order that of the dimensions of variables with all of
    these. A variable's attribute may be left out.
    """
    with netCDF4.Dataset(source) as old, netCDF4.Dataset(target, "w", format=form) as new:
        for name, dimension in old.dimensions.items():
            new.createDimension(name, None if name == "time" and unlimited else len(dimension))
        for name, each in old.variables.items():
            each.set_auto_maskandscale(False)
            attrs = {key: each.getncattr(key) for key in each.ncattrs() if (name, key) != without}
            dims = order if order and set(order) == set(each.dimensions) else each.dimensions
            classic = form in ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET")
            made = new.createVariable(
                name,
                "f8" if classic and each.dtype.kind == "i" else each.dtype.newbyteorder("="),
                dims,
                fill_value=attrs.pop("_FillValue", None),
            )
            made.set_auto_maskandscale(False)
            made.setncatts(attrs)
            made[...] = each[...].transpose([each.dimensions.index(dim) for dim in dims])
    return target


def read_without_each_attribute(
    whole: bytes, path: Path, read: Callable[[], object]
) -> dict[tuple[str, str], object]:
    """Return what is read without each attribute of a file's variables in turn, or the refusal."""
    source, answers = path.with_name("whole"), {}
    source.write_bytes(whole)
    with netCDF4.Dataset(source) as file:
        pairs = [(name, key) for name, each in file.variables.items() for key in each.ncattrs()]
    for pair in pairs:
        changed = copy(source, path.with_name("changed"), without=pair).read_bytes()
        (answers[pair],) = read_each(path, [changed], read)
    return answers
