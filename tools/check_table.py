"""``make data CHECK=/path``: say all that the book makes of a table of sites, or of a folder.

It reads as loading does, and runs nothing else. The exit status is 0 if all can be used, else 2.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from helpers.errors import InputError, list_some
from helpers.readers.sites import list_columns
from helpers.study import find_table, load_study


def main() -> int:
    """Print what each column is taken as, then remarks, or all faults; return the exit status."""
    source = os.path.expanduser(sys.argv[1])
    if not os.path.exists(source):
        print(f"there is no file or folder {os.path.abspath(source)}", file=sys.stderr)
        return 2
    if table := find_table(source):
        with suppress(InputError):  # which is told below
            columns = list_columns(table).replace({"code": {"": "ignored"}})
            columns["stated"] = columns["stated"].mask(
                (columns["stated"] == "") & (columns["unit"] != ""), "not stated"
            )
            names = {"code": "taken as", "stated": "unit in the table", "unit": "unit of the book"}
            print(columns.rename(columns=names).to_string(index=False), end="\n\n")
    try:
        study = load_study(source)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    numbers = study.sites.select_dtypes("number")
    spread = numbers.agg(["min", "median", "max"]).T.map("{:.4g}".format)
    print("What the book has now, in its units:")
    print(spread.assign(kind=study.labels[spread.index]).to_string(), end="\n\n")
    for by in ("land_cover", "zone"):
        print(f"{by}: " + ", ".join(f"{k} {n}" for k, n in study.sites[by].value_counts().items()))
    gaps = study.sites.index[study.sites.isna().any(axis=1)]
    rows = [f"rows with a gap: {list_some(gaps)}"] if len(gaps) else []
    print("\n".join([f"{len(study.sites)} sites can be used", *study.remarks, *rows]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
