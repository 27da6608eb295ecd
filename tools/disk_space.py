"""Say in plain words that a folder cannot be written to, or that its disk is full."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.errors import InputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}


@contextmanager
def require_disk_space(folder: Path, megabytes: float) -> Iterator[None]:
    """Make a folder; refuse it if it is closed to us or short of space, now or during the block."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        free = shutil.disk_usage(folder).free / 1e6
        if free < megabytes:
            raise OSError(errno.ENOSPC, f"{free:.0f} MB")
        yield
    except OSError as error:
        if error.errno not in _FULL | _CLOSED:
            raise
        raise InputError(
            folder,
            needed=f"a folder that can be written to, with {megabytes:.0f} MB of free space",
            found=error.strerror,
            mend="free some space (make clean removes all that was built) or change permissions, "
            "then run the same command again",
        ) from error
