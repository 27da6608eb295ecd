"""NetCDF files: opened through xarray and the netCDF4 library; a damaged one is refused."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

import xarray as xr
from scipy.io import netcdf_file

from helpers.errors import InputError, list_some
from helpers.oxygen import require_units

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
_KINDS = {
    b"CDF": "a NetCDF-3 file that is damaged, cut short, or has attributes that mean nothing",
    b"\x89HDF": "a NetCDF-4 file that is damaged, cut short, or has attributes that mean nothing",
    b"PK": "a zip archive",
    b"\x1f\x8b": "a file packed by gzip",
    b"BZh": "a file packed by bzip2",
    b"\xfd7zXZ": "a file packed by xz",
    b"(\xb5/\xfd": "a file packed by zstd",
    b"<": "a web page",
}
_SUFFIXES = (".nc", ".nc4", ".cdf", ".netcdf")
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".z")
_OPENERS: dict[str, Callable] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def walk(folder: Path) -> Iterator[Path]:
    """Yield all files and folders below a folder once, whatever links lead there; none hidden."""
    seen = set()
    for place, folders, names in os.walk(folder, onerror=_refuse_folder, followlinks=True):
        here = os.path.realpath(place)
        folders[:] = [] if here in seen else sorted(name for name in folders if name[0] != ".")
        seen.add(here)
        yield from (Path(place, name) for name in folders)
        for path in (Path(place, name) for name in sorted(names) if name[0] != "."):
            real = os.path.realpath(path) if path.is_symlink() else os.path.join(here, path.name)
            if real not in seen:
                yield path
            seen.add(real)


def _refuse_folder(error: OSError) -> None:
    """Refuse a folder in a reader's folder that cannot be looked into; one not there is empty."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return
    raise InputError(
        error.filename,
        needed="a folder that may be read",
        found=str(error.strerror).lower(),
        mend="change its permissions (chmod u+rx), or take it out of the folder",
    ) from error


def dimensions_of(path: Path) -> dict[str, int] | None:
    """Return how many dimensions each variable of a NetCDF file has: none of another file.

    None of a file that cannot be read but by its name or its beginning is NetCDF, or holds some
    packed.
    """
    try:
        about = path.stat()
        return _dimensions_of(path, about.st_size, about.st_mtime_ns)
    except OSError:
        return None if path.suffix.lower() in _SUFFIXES else {}


@lru_cache(maxsize=20_000)  # one run asks some times
def _dimensions_of(path: Path, size: int, changed: int) -> dict[str, int] | None:
    import netCDF4  # large, and of use for own files alone

    named = path.suffix.lower() in _SUFFIXES
    try:
        with path.open("rb") as file:
            if not file.read(4).startswith((b"CDF", b"\x89HDF")):
                return None if named or _holds_netcdf(path) else {}
        with netCDF4.Dataset(path) as file:
            return {name: each.ndim for name, each in file.variables.items()}
    except UNREADABLE:
        return None


def _holds_netcdf(path: Path) -> bool:
    """Say whether a packed file holds NetCDF, by the names in it or by its first bytes."""
    inside, packed = os.path.splitext(path.name.lower())
    try:
        if packed == ".zip":
            with zipfile.ZipFile(path) as file:
                names = file.namelist()
        elif packed in (".tar", ".tgz") or inside.endswith(".tar"):
            with tarfile.open(path) as file:
                names = [each.name for each in islice(file, 20)]
        else:
            names = [inside] if packed in _PACKED else []
            if packed in _OPENERS:
                with _OPENERS[packed](path) as file:
                    if file.read(4).startswith((b"CDF", b"\x89HDF")):
                        return True
    except (*UNREADABLE, EOFError, zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError):
        names = [inside]
    return any(name.lower().endswith(_SUFFIXES) for name in names)


def open_netcdf(path: Path, again: str, decode_times: bool = True) -> xr.Dataset:
    """Open a NetCDF file of any version lazily; `again` tells how to get it anew."""
    try:
        with path.open("rb") as file:
            if file.read(4) in (b"CDF\x01", b"CDF\x02"):
                file.seek(0)  # where such a file is cut short, the netCDF library reads zeros
                netcdf_file(file, mmap=True).close()
        return xr.open_dataset(path, engine="netcdf4", cache=False, decode_times=decode_times)
    except UNREADABLE as error:
        raise unreadable(path, again) from error


def unreadable(path: Path, again: str) -> InputError:
    """Return the refusal of a file that cannot be read, which says what the file is."""
    found = _describe(path)
    mend = f"it may be cut short, or a login page saved under this name: {again}"
    if found.startswith(("a zip", "a file packed")):
        mend = "unpack it (gunzip, unzip), and take the packed file away"
    return InputError(path, needed="a complete NetCDF file", found=found, mend=mend)


def _describe(path: Path) -> str:
    if path.is_dir():
        return "a folder of this name"
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except PermissionError:
        return "a file that may not be read"
    except OSError:
        return "a link that leads nowhere" if path.is_symlink() else "a file that is not there"
    found = [kind for magic, kind in _KINDS.items() if start.lstrip().startswith(magic)]
    other = "a file that is no NetCDF" if start else "an empty file"
    return found[0] if found else other


def check_variable(
    path: Path, file: xr.Dataset, variable: str, dims: Sequence[str], units: str, again: str
) -> None:
    """Refuse a file without a variable of these units, in numbers on these dimensions."""
    where = f"{path}: {variable}"
    if variable not in file:
        raise InputError(
            where,
            needed=f"the variable {variable}, in {units}",
            found=f"variables {list_some(sorted(map(str, file.variables))) or 'none'}",
            mend=f"rename the variable; if it was left out, {again}",
        )
    found = file[variable].dims
    numbers = [name for name in (*file.indexes, variable) if file[name].dtype.kind in "iufM"]
    if {*found} != {*dims} or not {*dims, variable} <= {*numbers}:
        raise InputError(
            where,
            needed=f"numbers on {', '.join(dims)}, with coordinates that are numbers as well",
            found=f"dimensions {list_some(found) or 'none'}; "
            f"numbers in {list_some(numbers) or 'none'}",
            mend="rename the dimensions, put a curvilinear grid on a regular one (cdo remapcon), "
            "choose one level (cdo sellevel), mend what is no number (also scale_factor), "
            f"or {again}",
        )
    require_units(file[variable].rename(where), units)
