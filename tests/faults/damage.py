"""Ways to damage a file, or to write the same file in another way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import netCDF4
import numpy as np

from helpers.errors import InputError

BLOCK = 4096


def cut(whole: bytes, finely: int = 0) -> list[bytes]:
    """Return a file cut at every block, and at every 15th byte before `finely`."""
    return [whole[:end] for end in [*range(0, finely, 15), *range(0, len(whole), BLOCK)]]


def flip(whole: bytes, count: int, seed: int, before: int | None = None) -> Iterator[bytes]:
    """Yield a file with one byte changed each time.

    Parameters
    ----------
    whole : bytes
        The file.
    count, seed : int
        How often, and of the generator that chooses the places and the new bytes.
    before : int, optional
        Only places before this one: the header.
    """
    rng = random.Random(seed)
    for _ in range(count):
        place = rng.randrange(before or len(whole))
        changed = bytearray(whole)
        changed[place] ^= rng.randrange(1, 256)
        yield bytes(changed)


def read_each(
    path: Path, variants: Iterable[bytes], read: Callable[[], object]
) -> list[InputError | object]:
    """Return what is read of each variant of a file, or the refusal.

    Parameters
    ----------
    path : pathlib.Path
        Where each variant is written; a file there is replaced.
    variants : iterable of bytes
        Whole files.
    read : callable
        Reads the file; anything but an `InputError` that it raises goes through.
    """
    answers = []
    for variant in variants:
        path.unlink(missing_ok=True)
        path.write_bytes(variant)
        try:
            answers.append(read())
        except InputError as refusal:
            answers.append(refusal)
    return answers


def all_refused(path_name: str) -> Callable[[Sequence], None]:
    """Return a check that every answer is a refusal that names the file."""

    def check(answers: Sequence) -> None:
        assert len(answers) > 5
        for answer in answers:
            assert isinstance(answer, InputError), answer
            assert path_name in answer.where
            assert all([answer.needed, answer.found, answer.mend])

    return check


def copy(
    source: Path,
    target: Path,
    form: str = "NETCDF4",
    endian: str = "native",
    unlimited: bool = True,
    order: tuple[str, ...] = (),
    without: tuple[str, str] | None = None,
    steps: Sequence[int] | None = None,
) -> Path:
    """Write a NetCDF file again, in another way.

    Parameters
    ----------
    source, target : pathlib.Path
        What is read, and what is written.
    form, endian : str
        As netCDF4 names them.
    unlimited : bool
        Whether time is the unlimited dimension.
    order : tuple of str
        Of the dimensions of variables that have all of these.
    without : tuple of str, optional
        A variable and its attribute to leave out.
    steps : sequence of int, optional
        Steps of time in another order.
    """
    with netCDF4.Dataset(source) as old, netCDF4.Dataset(target, "w", format=form) as new:
        for name, dimension in old.dimensions.items():
            new.createDimension(name, None if name == "time" and unlimited else len(dimension))
        for name, each in old.variables.items():
            each.set_auto_maskandscale(False)
            attrs = {key: each.getncattr(key) for key in each.ncattrs() if (name, key) != without}
            dims = order if order and set(order) == set(each.dimensions) else each.dimensions
            values = each[...]
            if steps is not None and "time" in each.dimensions:
                values = np.take(values, steps, each.dimensions.index("time"))
            values = values.transpose([each.dimensions.index(dim) for dim in dims])
            classic = form in ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET")
            made = new.createVariable(
                name,
                "f8" if classic and each.dtype.kind == "i" else each.dtype.newbyteorder("="),
                dims,
                endian=endian,
                fill_value=attrs.pop("_FillValue", None),
            )
            made.set_auto_maskandscale(False)
            made.setncatts(attrs)
            made[...] = values
    return target


def attributes(path: Path) -> list[tuple[str, str]]:
    """Return every variable of a file with every attribute of it."""
    with netCDF4.Dataset(path) as file:
        return [(name, key) for name, each in file.variables.items() for key in each.ncattrs()]
