"""Figures of carbon and oxygen over the years."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import xarray as xr

from helpers.figures import style

PERIODS = {
    "historical": ("historical", style.PINK),
    "rcp45": ("RCP4.5", style.GREEN),
    "rcp85": ("RCP8.5", style.BLUE),
}


def period_violins(contents: dict[str, pd.Series], label: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw the yearly values of periods as violins with quartile boxes and medians (Fig. 6c).

    Parameters
    ----------
    contents : dict of pandas.Series
        Yearly values by period: historical, rcp45, rcp85.
    label : str
        Quantity and unit.

    Examples
    --------
    >>> period_violins({"historical": pd.Series([1, 2, 4])}, "oxygen (kg m⁻²)")[0].get_label()
    'Violins of the yearly oxygen (kg m⁻²). Medians: historical 2.'
    """
    names, colours = zip(*(PERIODS[period] for period in contents), strict=True)
    values = list(contents.values())
    fig, ax = style.subplots(3.2)
    violins = ax.violinplot(values, showextrema=False, widths=0.8)["bodies"]
    for body, colour in zip(violins, colours, strict=True):
        body.set(facecolor=colour, alpha=0.5)
    ax.boxplot(values, widths=0.12, showfliers=False, medianprops={"color": "black"})
    spans = [f"{each.index.min()}–{each.index.max()}" for each in values]
    ticks = [f"{name}\n{span}" for name, span in zip(names, spans, strict=True)]
    ax.set_xticks(range(1, len(ticks) + 1), ticks)
    ax.set_ylabel(label)
    medians = [f"{name} {each.median():.3g}" for name, each in zip(names, values, strict=True)]
    fig.set_label(f"Violins of the yearly {label}. Medians: {', '.join(medians)}.")
    return fig, ax


def scenario_series(contents: xr.DataArray, label: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw yearly values of each scenario: mean of the models, and the range of the models.

    Parameters
    ----------
    contents : xarray.DataArray
        On (scenario, model, year); years before 2006 are historical in every scenario.
    label : as for :func:`period_violins`

    Examples
    --------
    >>> on = {"scenario": ["rcp45"], "model": ["a"], "year": [2005, 2006]}
    >>> scenario_series(xr.DataArray([[[2, 2.4]]], on), "oxygen")[0].get_label().split(": ")[1]
    'historical 2, RCP4.5 2.4.'
    """
    parts = {"historical": contents.sel(year=slice(None, 2005)).isel(scenario=0)} | {
        str(name): contents.sel(scenario=name, year=slice(2006, None))
        for name in contents["scenario"].values
    }
    fig, ax = style.subplots(3.2)
    ends = []
    for period, part in parts.items():
        name, colour = PERIODS[period]
        low, high, mean = part.min("model"), part.max("model"), part.mean("model")
        ax.fill_between(part["year"], low, high, color=colour, alpha=0.15, lw=0)
        ax.plot(part["year"], mean, color=colour, lw=1.6, label=name)
        ends.append(f"{name} {float(part.isel(year=slice(-10, None)).mean()):.3g}")
    ax.set(xlabel="Year", ylabel=label)
    ax.legend(loc="upper left")
    fig.set_label(
        f"Lines of the yearly {label}, mean of {contents.sizes['model']} models, with bands from "
        "the lowest to the highest model. Mean of the last ten years of each line: "
        f"{', '.join(ends)}."
    )
    return fig, ax


def carbon_bars(means: xr.Dataset) -> tuple[plt.Figure, plt.Axes]:
    """Draw NPP, Rh and their difference NEP as bars, with the range of the models.

    Parameters
    ----------
    means : xarray.Dataset
        ``npp``, ``rh`` and ``nep`` on (model), kg m-2 yr-1 of carbon.

    Examples
    --------
    >>> means = xr.Dataset(dict.fromkeys(["npp", "rh", "nep"], ("model", [0.2, 0.3])))
    >>> carbon_bars(means)[0].get_label().split("; ")[1]
    'Rh 0.25 (0.2 to 0.3)'
    """
    names = {"npp": "NPP", "rh": "Rh", "nep": "NEP = NPP − Rh"}
    table = means.to_dataframe()[list(names)].rename(columns=names)
    table = table.agg(["mean", "min", "max"]).T
    fig, ax = style.subplots(2.8)
    ax.bar(table.index, table["mean"], color=[style.GREEN, "0.6", "0.6"])
    ax.vlines(table.index, table["min"], table["max"], color="black", lw=1.5)
    ax.axhline(0, color="black", lw=0.8)
    ax.set_ylabel("Carbon (kg m⁻² yr⁻¹)")
    said = [
        f"{row.Index} {row.mean:.3g} ({row.min:.3g} to {row.max:.3g})" for row in table.itertuples()
    ]
    fig.set_label(
        f"Three bars with ranges: {'; '.join(said)} kg of carbon per square metre and year."
    )
    return fig, ax
