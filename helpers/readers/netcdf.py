"""Opening NetCDF files: through xarray and the netCDF4 library, and a damaged file is refused."""

from __future__ import annotations

from pathlib import Path

import xarray as xr
from scipy.io import netcdf_file

from helpers.errors import InputError

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
    """Open a NetCDF file of any version lazily.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    again : str
        How to get the file anew, for the refusal.
    decode_times : bool
        Whether times become dates.

    Raises
    ------
    InputError
        If the file is not NetCDF, or is damaged or cut short.
    """
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
