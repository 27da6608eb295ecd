"""Run a command, and print its wall seconds, CPU seconds and the MB of its largest process.

python benchmarks/cost.py COMMAND ...

This process stays small: Linux counts what its parent holds as the peak of a new process.
"""

import json
import os
import sys
import time

started = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ), 0)
wall = time.perf_counter() - started
print(json.dumps([wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
sys.exit(os.waitstatus_to_exitcode(status))
