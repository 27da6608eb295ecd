"""What larger archives and bootstraps would need, from the points that ``make bench`` measured.

python -m benchmarks.extrapolate prints what docs/beyond-one-machine.md shows; change the archives
below, or the bootstrap, to ask for others.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls
from scipy.stats import linregress

from benchmarks.common import write_table

HERE = Path(__file__).parent
QUANTITIES = ["seconds", "megabytes", "bytes_read"]
ARCHIVES = pd.DataFrame(  # scenarios of 86 years after 165 years of history, but in the first
    [
        ["9 models, as measured", 9, 2, 110, 156 + 2 * 95, 17_408],
        ["50 models at 1°", 50, 4, 251, 165 + 4 * 86, 64_800],
        ["10 runs of each", 500, 4, 251, 165 + 4 * 86, 64_800],
        ["the same at 0.25°", 500, 4, 251, 165 + 4 * 86, 1_036_800],
    ],
    columns=["archive", "runs", "scenarios", "years", "stored years", "cells"],
).set_index("archive")
BOOTSTRAP = pd.Series({"resamples": 10_000_000, "variables": 20, "sites": 400})


def main() -> None:
    print("\n\n".join(describe()))


def describe() -> list[str]:
    """Return two tables of archives and a sentence on the bootstrap, as Markdown."""
    growth = pd.read_csv(HERE / "growth.csv")
    full, points = growth.iloc[[0]], growth.iloc[1:]
    kept = {"measured": full[QUANTITIES].iloc[0], "by parts": _by_parts(points, full).iloc[0]}
    return [
        write_table(pd.DataFrame(kept).map(_show), "9 models"),
        write_table(
            pd.concat([ARCHIVES.map("{:,}".format), _need(full, points)], axis=1), "archive"
        ),
        _describe_bootstrap(pd.read_csv(HERE / "growth_paths.csv")),
    ]


def _slope(points: pd.DataFrame, what: str) -> float:
    some = points[points["what"] == what]
    return linregress(np.log(some[what].astype(float)), np.log(some["seconds"])).slope


def _fit(parts: np.ndarray, found: pd.Series) -> np.ndarray:
    """Return weights of parts, none below zero, of the least relative errors."""
    relative = parts / found.to_numpy()[:, None]
    scale = relative.max(axis=0)
    return nnls(relative / scale, np.ones(len(found)))[0] / scale


def _parts_of(sizes: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return how the parts of each quantity grow, one column per part."""
    models, cells = sizes["models"].astype(float), sizes["cells"].astype(float)
    values, always = models * sizes["years"], models * 0 + 1
    grown = {
        "bytes_read": [models, values * cells**0.5, values * cells],
        "seconds": [always, models, values, values * cells],
        "megabytes": [always, values, cells],
    }
    return {name: np.stack(parts, axis=1) for name, parts in grown.items()}


def _by_parts(points: pd.DataFrame, sizes: pd.DataFrame) -> pd.DataFrame:
    """Return what archives of these sizes would need, each quantity as a sum of parts."""
    known, asked = _parts_of(points), _parts_of(sizes)
    found = {name: asked[name] @ _fit(known[name], points[name]) for name in QUANTITIES}
    return pd.DataFrame(found, sizes.index)


def _need(full: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    size = ARCHIVES[["years", "cells"]].assign(models=ARCHIVES.eval("runs * scenarios / 2"))
    grown = size / full[size.columns].iloc[0].astype(float)
    slopes = pd.Series({what: _slope(points, what) for what in size})
    parts, stored = (
        _by_parts(points, size),
        ARCHIVES[["runs", "stored years", "cells"]].prod(axis=1),
    )
    full = full.iloc[0]
    need = {
        "stored, GB": stored / stored.iloc[0] * full["bytes_stored"] / 1e9,
        "read, GB": parts["bytes_read"] / 1e9,
        "minutes by exponents": full["seconds"] * (grown**slopes).prod(axis=1) / 60,
        "minutes by parts": parts["seconds"] / 60,
        "memory, MB": parts["megabytes"],
    }
    return pd.DataFrame(need).map(_show)


def _describe_bootstrap(points: pd.DataFrame) -> str:
    def parts(of: pd.DataFrame | pd.Series) -> np.ndarray:
        kept = of["resamples"] * of["variables"]
        return np.array([of["sites"] ** 0, kept, of["variables"] ** 2]).T

    middle = points.query("what == 'resamples' and resamples == 20_000").iloc[0]
    grown = (BOOTSTRAP / middle[BOOTSTRAP.index]).astype(float)
    minutes = middle["seconds"] * np.prod([each ** _slope(points, w) for w, each in grown.items()])
    weights = _fit(parts(points), points["megabytes"])
    left = (parts(points) @ weights / points["megabytes"] - 1).abs().max()
    return (
        f"{BOOTSTRAP['resamples']:,} resamples of {BOOTSTRAP['variables']} variables at "
        f"{BOOTSTRAP['sites']} sites: about {minutes / 60:.2g} minutes on one core, and "
        f"{parts(BOOTSTRAP) @ weights / 1e3:.2g} GB of memory (the sum of parts differs from each "
        f"measured point by {left:.0%} at most)."
    )


def _show(number: float) -> str:
    return f"{number:.2f}" if number < 10 else f"{number:,.0f}"


if __name__ == "__main__":
    main()
