"""Where large work is computed: in this process, or on a dask.distributed cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain

from helpers.errors import InputError

_TOGETHER = 8  # pieces that travel as one: each journey costs the scheduler some milliseconds


def connect(cluster: str) -> None:
    """Choose where lazy arrays, and what goes through :func:`spread`, are computed from now on.

    ``here`` is this process. Anything else is the address of a running ``dask.distributed``
    scheduler (``tcp://host:8786``), whose workers see the same files and have ``helpers``
    installed. The numbers are the same.

    Raises
    ------
    InputError
        If no scheduler answers at the address within ten seconds.

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


def spread(function: Callable, pieces: Iterable) -> list:
    """Return what a function makes of each piece, in their order.

    The pieces are computed on the cluster if :func:`connect` has been given one, else here. That of
    a worker that dies goes to another one.

    Parameters
    ----------
    function : callable
        Of one piece; the same piece must give the same result wherever it is computed.
    pieces : iterable
        Each below 1 MB.
    """
    if "distributed" in sys.modules:  # else nobody has connected, and importing it takes a while
        from distributed import default_client

        try:
            client = default_client()
        except ValueError:  # there is none
            pass
        else:
            pieces = list(pieces)
            parts = [pieces[k : k + _TOGETHER] for k in range(0, len(pieces), _TOGETHER)]
            sent = [client.submit(_all, function, part, pure=False) for part in parts]
            return list(chain.from_iterable(client.gather(sent)))
    return _all(function, pieces)


def _all(function: Callable, pieces: Iterable) -> list:
    return [function(piece) for piece in pieces]
