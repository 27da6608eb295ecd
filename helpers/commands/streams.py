"""What a kernel prints to: at its end, it does not wait long for a thread that has gone.

When a kernel is told to end, ipykernel (7.4.0) stops the thread that publishes what is printed. One
kernel in twenty then waits for this thread, ten seconds for each of two streams, although every
cell was answered long before.
"""

from __future__ import annotations

from ipykernel.iostream import OutStream


class PromptStream(OutStream):
    """Wait one second; what is printed is published in its order all the same."""

    flush_timeout = 1
