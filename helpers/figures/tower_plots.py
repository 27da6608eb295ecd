"""A figure of measured oxygen: months and years at flux towers, beside models."""

from __future__ import annotations

from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.figures import style

_MODELS, _MEAN = "0.45", "black"


def tower_oxygen(
    monthly: pd.Series,
    yearly: pd.Series,
    models: pd.DataFrame,
    names: pd.Series,
    published: pd.Series,
) -> tuple[plt.Figure, np.ndarray]:
    """Draw the oxygen of towers month by month, and year by year beside models.

    Parameters
    ----------
    monthly, yearly : pandas.Series
        g O2 m-2 given to the air, by (tower, time) and by (tower, year); gaps are left out.
    models : pandas.DataFrame
        g O2 m-2 a year of each model (column) in the cell of each tower (row).
    names : pandas.Series
        What each tower is called, from the top down.
    published : pandas.Series
        What others have published for such years, by (tower, year), g O2 m-2.

    Examples
    --------
    >>> time = pd.to_datetime(["2004-01-01", "2004-07-01"])
    >>> monthly = pd.Series([-6.0, 122], pd.MultiIndex.from_product([["A"], time]))
    >>> yearly = pd.Series([345.0], pd.MultiIndex.from_tuples([("A", 2004)]))
    >>> models = pd.DataFrame({"one": [23.0], "two": [25.0]}, ["A"])
    >>> fig, axes = tower_oxygen(monthly, yearly, models, pd.Series({"A": "Here"}), yearly - 99)
    >>> fig.get_label().split("; ", 1)[1]
    '2004 345; models 23 to 25, mean 24. Published otherwise: Here 2004 246.'
    """
    fig, axes = style.subplots(
        1.7 + 1.35 * len(names), len(names) + 1, height_ratios=[*[1] * len(names), 1.7]
    )
    said, last = [], axes[-1]
    times = monthly.index.get_level_values(1)
    starts = pd.date_range(f"{times.min().year}", f"{times.max().year}", freq="YS")
    reach = monthly.min(), monthly.max()
    for row, (tower, name) in enumerate(names.items()):
        months, years, ax = monthly[tower].dropna(), yearly[tower].dropna(), axes[row]
        ax.bar(months.index, months, 26, align="edge", color=_colours(months))
        ax.axhline(0, color="black", lw=0.8)
        ax.set_title(name, loc="left", pad=3)
        ax.set(xlim=(starts[0], starts[-1] + pd.DateOffset(years=1)), ylim=np.array(reach) * 1.05)
        ax.set_xticks(starts, starts.year, ha="left")
        ax.tick_params(labelbottom=row == len(names) - 1)
        last.scatter(years, [row - 0.17] * len(years), 36, _colours(years), marker="D")
        for year, value in years.items():
            last.annotate(
                f"{year}", (value, row - 0.27), ha="center", va="bottom", fontsize=style.SMALL
            )
        here = models.loc[tower].dropna()
        last.plot(here, [row + 0.2] * len(here), "o", color=_MODELS, ms=5, mfc="none")
        last.vlines(here.mean(), row + 0.05, row + 0.35, color=_MEAN, lw=2)
        each = ", ".join(f"{year} {value:.0f}" for year, value in years.items())
        spread = f"models {here.min():.0f} to {here.max():.0f}, mean {here.mean():.0f}"
        spread = spread if len(here) > 1 else f"one model {here.mean():.0f}"
        said.append(f"{name}: {(months > 0).sum()} of {len(months)} months give; {each}; ")
        said[-1] += f"{spread}."
    for (tower, year), value in published.items():
        row = names.index.get_loc(tower) - 0.17
        last.plot(value, row, "D", color=_colours([value])[0], mfc="white", ms=6)
        last.annotate(f"{year}", (value, row - 0.1), ha="center", va="bottom", fontsize=style.SMALL)
        said.append(f"Published otherwise: {names[tower]} {year} {value:.0f}.")
    fig.supylabel("Oxygen in a month (g m⁻²)", y=0.66)
    style.name_rows(last, names.str.split(",").str[0], "Oxygen in a year (g m⁻²)", 0)
    last.margins(x=0.08)  # for the words above the outermost diamonds
    gives, takes = _colours([1, -1])
    looks = {
        "gives oxygen": {"color": gives, "marker": "D", "ls": ""},
        "takes oxygen": {"color": takes, "marker": "D", "ls": ""},
        "the same, published": {"color": gives, "marker": "D", "mfc": "white", "ls": ""},
        "a model": {"color": _MODELS, "marker": "o", "mfc": "none", "ls": ""},
        "mean of models": {"color": _MEAN, "marker": "|", "mew": 2, "ms": 10, "ls": ""},
    }
    style.add_legend(fig, looks, 3)
    fig.set_label(" ".join(["Oxygen given to the air, g m⁻².", *said]))
    return fig, axes


def _colours(values: Iterable[float]) -> list[str]:
    return [style.sign_colour(value) for value in values]
