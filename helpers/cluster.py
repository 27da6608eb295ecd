"""Where lazy arrays are computed: on this machine, or on a dask.distributed cluster."""

from __future__ import annotations

from helpers.errors import InputError


def connect(cluster: str) -> None:
    """Choose where everything lazy is computed from now on.

    ``here`` is this process. Anything else is the address of a running ``dask.distributed``
    scheduler (``tcp://host:8786``), whose workers see the same files and have ``helpers``
    installed. The numbers are the same.

    Raises
    ------
    InputError
        If no scheduler answers at the address within ten seconds.
    """
    if cluster == "here":
        return
    from distributed import Client

    try:
        Client(cluster, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(
            f"cluster {cluster}",
            needed="'here', or the address of a running scheduler (tcp://host:8786)",
            found=f"no answer ({error})",
            mend="start one with 'dask scheduler' and 'dask worker', or leave the parameter out",
        ) from error
