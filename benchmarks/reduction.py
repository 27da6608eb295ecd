"""Reduce an archive by the helpers, and print seconds after the imports and bytes read.

python -m benchmarks.reduction ARCHIVE FILE FIRST_YEAR LAST_YEAR
"""

import json
import sys
import time
from pathlib import Path

from helpers.readers.earth_system_models import open_ensemble


def bytes_read() -> int:
    """Return what this process has read so far; 0 where the system does not count it."""
    counts = Path("/proc/self/io")
    return int(counts.read_text(encoding="utf-8").split()[1]) if counts.exists() else 0


archive, file, first_year, last_year = sys.argv[1:]
started, before = time.perf_counter(), bytes_read()
open_ensemble(archive, first_year=int(first_year), last_year=int(last_year)).to_netcdf(file)
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "bytes_read": bytes_read() - before}))
