"""Yearly oxygen production of the Plateau by the helpers of this book, as one file.

python -m benchmarks.reduce_by_helpers ARCHIVE FILE FIRST_YEAR LAST_YEAR
"""

import sys

from helpers.readers.earth_system_models import open_ensemble

archive, file, first_year, last_year = sys.argv[1:]
open_ensemble(archive, first_year=int(first_year), last_year=int(last_year)).to_netcdf(file)
