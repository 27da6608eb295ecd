"""Reduce an archive by the helpers, and print seconds after the imports and bytes read.

python -m benchmarks.reduction ARCHIVE FILE FIRST_YEAR LAST_YEAR
"""

import json
import sys
import time

from helpers.readers import netcdf
from helpers.readers.earth_system_models import open_ensemble

read = netcdf._read_at
sizes = []


def counted(*place):
    found = read(*place)
    sizes.append(len(found))
    return found


netcdf._read_at = counted
archive, file, first_year, last_year = sys.argv[1:]
started = time.perf_counter()
open_ensemble(archive, first_year=int(first_year), last_year=int(last_year)).to_netcdf(file)
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "bytes_read": sum(sizes)}))
