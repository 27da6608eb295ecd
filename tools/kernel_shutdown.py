"""A kernel that finishes what it was asked before it ends.

ipykernel (7.4.0) tells its main thread to end while its control thread still flushes what was
printed and reports that it is idle. The main thread then stops the thread that publishes both. The
control thread sometimes waits for it all the same: ten seconds for each of two streams, with
"IOStream.flush timed out" in the terminal, or until the kernel is killed.
"""

from __future__ import annotations

import atexit

from ipykernel.ipkernel import IPythonKernel


class OrderlyKernel(IPythonKernel):
    """Let the control thread finish before the publishing thread is stopped."""

    def start(self) -> None:
        super().start()
        atexit.register(self._finish)  # the last one registered is called first

    def _finish(self) -> None:
        self.control_thread.stop()
        self.control_thread.join()
