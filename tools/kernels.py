"""Start kernels that talk over socket files, so that many can start at the same time.

jupyter_client picks free TCP ports before the kernel binds them. Another kernel may take them in
between, and the first then dies with "Address already in use"
(https://github.com/jupyter/jupyter_client/issues/487). Socket files have names of their own.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import zmq
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

_NAME = "socket-files"  # the entry point in pyproject.toml
_THIS_PYTHON = ("python", "python3", sys.executable)
_ORDERLY = "--IPKernelApp.kernel_class=tools.kernel_shutdown.OrderlyKernel"


class SocketFileProvisioner(LocalProvisioner):
    """Give each kernel socket files of its own, among the temporary files, and an orderly end."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        if self.kernel_spec.argv[0] in _THIS_PYTHON:  # which has the helpers
            kwargs["extra_arguments"] = [*kwargs.get("extra_arguments", []), _ORDERLY]
        self.parent.transport = "ipc"
        self.parent.ip = str(Path(tempfile.gettempdir()) / f"kernel-{uuid4().hex[:16]}")
        return await super().pre_launch(**kwargs)

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        """Give a kernel time to end by itself: on a busy machine it takes more than seconds."""
        return max(recommended, 60.0)


def use_socket_files() -> None:
    """Make this process and its children start kernels that way, where the system has sockets."""
    if zmq.has("ipc"):
        os.environ.setdefault(KernelProvisionerFactory.default_provisioner_name_env, _NAME)
