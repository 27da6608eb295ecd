"""Where large work is computed: in this process, or on a dask.distributed cluster."""

from __future__ import annotations

import sys
from contextlib import suppress

from helpers.errors import InputError


def connect(cluster: str) -> None:
    """Choose where lazy arrays are computed from now on.

    ``here`` is this process. Anything else is the address of a running ``dask.distributed``
    scheduler (``tcp://host:8786``), whose workers see the same files and have ``helpers``
    installed; one that does not answer within ten seconds is refused. The numbers are the same.

    Examples
    --------
    >>> connect("here")
    """
    if "distributed" in sys.modules:
        from distributed import default_client

        with suppress(ValueError):  # there is none
            default_client().close()
    if cluster == "here":
        return
    import dask
    from distributed import Client
    from distributed.comm import get_address_host_port

    before = dask.config.get("scheduler", None)
    try:
        get_address_host_port(cluster, strict=True)
        Client(cluster, timeout=10)
    except (OSError, ValueError, AssertionError) as error:
        dask.config.set(scheduler=before)
        raise InputError(
            f"cluster {cluster}",
            needed="'here', or the address of a running scheduler (tcp://host:8786)",
            found=f"no answer ({error})",
            mend="start one with 'dask scheduler' and 'dask worker', or leave the parameter out",
        ) from error
