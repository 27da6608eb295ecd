"""Say in plain words that a folder cannot be written to, or that its disk is full."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def room(folder: Path, megabytes: int) -> Iterator[None]:
    """Make a folder, and see to it that what runs in the block can write into it.

    Parameters
    ----------
    folder : Path
        Made where it is absent.
    megabytes : int
        What the block may need on its disk.

    Raises
    ------
    InputError
        If nothing can be written there, if less is free, and if the disk is full nevertheless
        before the block ends.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free / 1e6
    except OSError as error:
        if error.errno in FULL:
            raise _full(folder, error) from error
        raise InputError(
            folder,
            needed="a folder that can be written to",
            found=error.strerror,
            mend="change its permissions, or work in a copy of the project elsewhere",
        ) from error
    if free < megabytes:
        raise InputError(
            folder,
            needed=f"{megabytes} MB of free space on its disk",
            found=f"{free:.0f} MB",
            mend="free some space: make clean removes all that was built",
        )
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise _full(folder, error) from error


def _full(folder: Path, error: OSError) -> InputError:
    return InputError(
        folder,
        needed="free space on its disk",
        found=error.strerror,
        mend="free some space, then run the same command again",
    )
