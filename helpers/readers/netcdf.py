"""NetCDF files: opened through xarray and the netCDF4 library; a damaged one is refused."""

from __future__ import annotations

from collections.abc import Sequence
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
    b"<": "a web page",
}


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
    return InputError(
        path,
        needed="a complete NetCDF file",
        found=_describe(path),
        mend=f"it may be cut short, or a login page saved under this name: {again}",
    )


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
