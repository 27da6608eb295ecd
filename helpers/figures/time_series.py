"""Figures of carbon and oxygen over time."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import xarray as xr

from helpers.figures.style import PERIOD_COLOURS, PERIOD_NAMES, STYLE, WIDTH


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
    >>> years = pd.Series([1.0, 2.0, 4.0], index=[2003, 2004, 2005])
    >>> period_violins({"historical": years}, "oxygen (kg m⁻²)")[0].get_label()
    'Violins of the yearly oxygen (kg m⁻²). Medians: historical 2.'
    """
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 3.2))
        parts = ax.violinplot(list(contents.values()), showextrema=False, widths=0.8)
        for body, period in zip(parts["bodies"], contents, strict=True):
            body.set(facecolor=PERIOD_COLOURS[period], alpha=0.5)
        ax.boxplot(
            list(contents.values()), widths=0.12, showfliers=False, medianprops={"color": "black"}
        )
        years = [f"{values.index.min()}–{values.index.max()}" for values in contents.values()]
        names = [PERIOD_NAMES[period] for period in contents]
        ticks = [f"{name}\n{span}" for name, span in zip(names, years, strict=True)]
        ax.set_xticks(range(1, len(contents) + 1), ticks)
        ax.set_ylabel(label)
    medians = ", ".join(
        f"{PERIOD_NAMES[period]} {values.median():.3g}" for period, values in contents.items()
    )
    fig.set_label(f"Violins of the yearly {label}. Medians: {medians}.")
    return fig, ax


def scenario_series(contents: xr.DataArray, label: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw yearly values of each scenario: mean of the models, and the range of the models.

    Parameters
    ----------
    contents : xarray.DataArray
        On (scenario, model, year); years before 2006 are historical in every scenario.
    label : str
        Quantity and unit.

    Examples
    --------
    >>> years = {"scenario": ["rcp45"], "model": ["a", "b"], "year": [2005, 2006, 2007]}
    >>> contents = xr.DataArray([[[2.0, 2.1, 2.2], [2.0, 2.3, 2.4]]], years)
    >>> fig, ax = scenario_series(contents, "oxygen (kg m⁻²)")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['historical', 'RCP4.5']
    """
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 3.2))
        past = contents.sel(year=slice(None, 2005)).isel(scenario=0)
        parts = {"historical": past} | {
            str(name): contents.sel(scenario=name, year=slice(2006, None))
            for name in contents["scenario"].values
        }
        for name, part in parts.items():
            colour = PERIOD_COLOURS[name]
            ax.fill_between(
                part["year"], part.min("model"), part.max("model"), color=colour, alpha=0.15, lw=0
            )
            ax.plot(
                part["year"], part.mean("model"), color=colour, lw=1.6, label=PERIOD_NAMES[name]
            )
        ax.set(xlabel="Year", ylabel=label)
        ax.legend(loc="upper left")
    ends = ", ".join(
        f"{PERIOD_NAMES[name]} {float(part.isel(year=slice(-10, None)).mean()):.3g}"
        for name, part in parts.items()
    )
    fig.set_label(
        f"Lines of the yearly {label}, mean of {contents.sizes['model']} models, with bands from "
        f"the lowest to the highest model. Mean of the last ten years of each line: {ends}."
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
    >>> means = xr.Dataset({"npp": ("model", [0.3, 0.5]), "rh": ("model", [0.2, 0.3])})
    >>> carbon_bars(means.assign(nep=means["npp"] - means["rh"]))[0].get_label().split("; ")[1]
    'Rh 0.25 (0.2 to 0.3)'
    """
    names = {"npp": "NPP", "rh": "Rh", "nep": "NEP = NPP − Rh"}
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 2.8))
        for position, name in enumerate(names):
            values = means[name]
            ax.bar(position, float(values.mean()), color="#009E73" if name == "npp" else "0.6")
            ax.plot([position] * 2, [values.min(), values.max()], color="black", lw=1.5)
        ax.axhline(0, color="black", lw=0.8)
        ax.set_xticks(range(len(names)), list(names.values()))
        ax.set_ylabel("Carbon (kg m⁻² yr⁻¹)")
    fig.set_label(
        "Three bars with ranges: "
        + "; ".join(
            f"{label} {float(means[name].mean()):.3g} ({float(means[name].min()):.3g} to "
            f"{float(means[name].max()):.3g})"
            for name, label in names.items()
        )
        + " kg of carbon per square metre and year."
    )
    return fig, ax
