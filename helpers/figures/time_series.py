"""Figures of carbon and oxygen over the years."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr

from helpers.figures import style
from helpers.statistics.projections import PAST, spread_of_models

HISTORICAL = "historical"
_COLOURS = {1: (style.SIMULATED,), 2: (style.PALE, style.SIMULATED)}  # the more forcing, the darker
_MANY = ("#C9B8E8", style.PALE, "#7F5FBF", style.SIMULATED, "#2E1A5E")


def name_scenario(code: str) -> str:
    """Return the printed name of a scenario of CMIP5 or CMIP6.

    Examples
    --------
    >>> name_scenario("rcp45"), name_scenario("ssp126"), name_scenario("historical")
    ('RCP4.5', 'SSP1-2.6', 'historical')
    """
    kind, forcing = code[:-2], f"{code[-2:-1]}.{code[-1:]}"
    return {"rcp": f"RCP{forcing}", "ssp": f"SSP{kind[3:]}-{forcing}"}.get(kind[:3], code)


def _colour(scenarios: list[str]) -> dict[str, str]:
    futures = sorted({*scenarios} - {HISTORICAL})
    colours = dict(zip(futures, _COLOURS.get(len(futures), _MANY), strict=False))
    colours[HISTORICAL] = "0.35"
    return {name: colours.get(name, "0.5") for name in scenarios}


def model_changes(
    panels: Mapping[str, pd.DataFrame],
    label: str,
    printed: Mapping[str, float] | None = None,
    confidence: float = 0.95,
) -> tuple[plt.Figure, list[plt.Axes]]:
    """Draw a change for each model and scenario, and the mean of the models with its interval.

    Parameters
    ----------
    panels : mapping of pandas.DataFrame
        By title: a row for each model, a column for each scenario. Rows are sorted by the last one.
    label : str
        Quantity and unit.
    printed : mapping of float, optional
        What the paper prints, by scenario: a broken line in the panel that has this scenario.
    confidence : float
        Level of the interval, between 0 and 1.

    Examples
    --------
    >>> change = pd.DataFrame({"rcp45": [0.01, 0.03]}, ["CanESM2", "MPI-ESM-LR"])
    >>> model_changes({"Plateau": change}, "Change")[0].get_label()
    'Change by model. Plateau, RCP4.5: mean 0.02 (-0.107 to 0.147), 2 of 2 above zero.'
    """
    sizes = [len(table) + 1 for table in panels.values()]
    height = 0.6 + 0.2 * sum(sizes) + 0.6 * len(panels)
    how = {"height_ratios": [size + 1 for size in sizes], "sharex": True, "squeeze": False}
    fig, axes = style.subplots(height, len(panels), **how)
    said = []
    for ax, (title, table) in zip(axes.flat, panels.items(), strict=True):
        table = table.sort_values(table.columns[-1], ascending=False)
        last, words = len(table), {name: name_scenario(name) for name in table}
        for number, (name, colour) in enumerate(_colour(list(table)).items()):
            spread = spread_of_models(table[name].rename_axis("model").to_xarray(), confidence)
            shift = 0.2 * (number - (table.shape[1] - 1) / 2)
            look = {"ls": "", "color": colour, "ms": 5}
            ax.plot(table[name], shift + np.arange(last), marker="o", label=words[name], **look)
            ax.plot(spread[["low", "high"]], [last + 1.5 * shift] * 2, color=colour, lw=2)
            ax.plot(spread["mean"], last + 1.5 * shift, marker="D", **look)
            if printed and name in printed:
                ax.axvline(printed[name], color=colour, lw=1, ls=style.DASHED)
            interval = (
                f"({spread['low']:.3g} to {spread['high']:.3g})" if last > 1 else "(one model)"
            )
            said.append(
                f"{title}, {words[name]}: mean {spread['mean']:.3g} {interval}, "
                f"{spread['rising']:.0f} of {spread['models']:.0f} above zero."
            )
        ax.axhline(last - 0.5, color="0.8", lw=0.8)
        style.name_rows(ax, [*table.index, "mean"], "", 0)
        ax.set_title(title, loc="left", pad=20)
        place = {"loc": "lower left", "bbox_to_anchor": (-0.02, 0.98), "borderaxespad": 0}
        ax.legend(**place, ncols=table.shape[1], handletextpad=0, columnspacing=1)
    axes.flat[-1].set_xlabel(label)
    axes.flat[-1].locator_params(axis="x", nbins=6)
    fig.set_label(f"{label} by model. {' '.join(said)}")
    return fig, list(axes.flat)


def emulator_panels(test: pd.DataFrame, label: str) -> tuple[plt.Figure, np.ndarray]:
    """Draw net production of models in a run that took no part in a fit, beside their emulators.

    Parameters
    ----------
    test : pandas.DataFrame
        ``nep`` and ``nep_emulated`` by model and year, as of
        :func:`helpers.statistics.load_emulators_test`.
    label : str
        Quantity and unit.

    Examples
    --------
    >>> from helpers.statistics.emulators import load_emulators_test
    >>> emulator_panels(load_emulators_test(), "NEP")[0].get_label()[:35]
    'NEP of 5 models and their emulators'
    """
    models = test.index.unique("model")
    fig, axes = style.panels(len(models), 2, 0.7, 1.25, sharex=True)
    for ax, model in zip(axes.flat, models, strict=False):
        one = test.loc[model]
        ax.plot(one["nep"], "o", ms=3, color="black", label="the model")
        ax.plot(one["nep_emulated"], color=style.SIMULATED, lw=1.8, label="its emulator")
        ax.set_title(model, pad=2)
        ax.set_ylim(min(0, *one["nep"], *one["nep_emulated"]), None)
    fig.supxlabel("Year of a run in which CO₂ rises by 1% a year")
    fig.supylabel(label)
    handles, words = axes.flat[0].get_legend_handles_labels()
    fig.legend(handles, words, ncols=2, loc="outside upper center")
    ends = test.groupby("model", sort=False)[["nep", "nep_emulated"]].last()
    said = "; ".join(
        f"{row.Index} {row.nep:.3g}, {row.nep_emulated:.3g}" for row in ends.itertuples()
    )
    fig.set_label(f"{label} of {len(models)} models and their emulators, last value. {said}.")
    return fig, axes


def period_violins(contents: dict[str, pd.Series], label: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw the yearly values of periods as violins with quartile boxes and medians (Fig. 6c).

    Parameters
    ----------
    contents : dict of pandas.Series
        Yearly values by period: historical, and the scenarios.
    label : str
        Quantity and unit.

    Examples
    --------
    >>> period_violins({"historical": pd.Series([1, 2, 4])}, "oxygen (kg m⁻²)")[0].get_label()
    'Violins of the yearly oxygen (kg m⁻²). Medians: historical 2.'
    """
    colours = _colour(list(contents))
    names, values = [name_scenario(name) for name in contents], list(contents.values())
    fig, ax = style.subplots(3.2)
    violins = ax.violinplot(values, showextrema=False, widths=0.8)["bodies"]
    for body, name in zip(violins, contents, strict=True):
        body.set(facecolor=colours[name], alpha=0.5)
    ax.boxplot(values, widths=0.12, showfliers=False, medianprops={"color": "black"})
    spans = [f"{each.index.min()}–{each.index.max()}" for each in values]
    ticks = [f"{name}\n{span}" for name, span in zip(names, spans, strict=True)]
    ax.set_xticks(range(1, len(ticks) + 1), ticks)
    ax.set_ylabel(label)
    medians = [f"{name} {each.median():.3g}" for name, each in zip(names, values, strict=True)]
    fig.set_label(f"Violins of the yearly {label}. Medians: {', '.join(medians)}.")
    return fig, ax


def scenario_series(values: xr.DataArray, label: str) -> tuple:
    """Draw values in time for each scenario: mean of the models, and the range of the models.

    Parameters
    ----------
    values : xarray.DataArray
        On (scenario, model, year); years to 2005 are the same in every scenario.
    label : str
        Quantity and unit.

    Examples
    --------
    >>> on = {"scenario": ["rcp45"], "model": ["a"], "year": [2005, 2006]}
    >>> scenario_series(xr.DataArray([[[2, 2.4]]], on), "oxygen")[0].get_label().split(": ")[1]
    'historical 2, RCP4.5 2.4.'
    """
    past = values["year"] <= PAST.stop
    parts = {HISTORICAL: values.isel(scenario=0).where(past, drop=True)}
    joint = values["year"] >= parts[HISTORICAL]["year"].max()
    parts |= {
        str(one): values.sel(scenario=one).where(joint, drop=True) for one in values.scenario.values
    }
    colours = _colour(list(parts))
    fig, ax = style.subplots(3.2)
    ends = []
    for name, part in parts.items():
        low, high, mean = part.min("model"), part.max("model"), part.mean("model")
        band = {"fc": (colours[name], 0.15), "ec": (colours[name], 0.8), "lw": 0.6}
        ax.fill_between(part["year"], low, high, **band)
        ax.plot(part["year"], mean, color=colours[name], lw=1.6, label=name_scenario(name))
        ends.append(f"{name_scenario(name)} {float(mean.isel(year=-1)):.3g}")
    ax.set(xlabel="Year", ylabel=label)
    ax.legend(loc="upper left")
    count = values.sizes["model"]
    of_models = f"mean of {count} models, with bands from the lowest to the highest model"
    fig.set_label(
        f"Lines of {label}, {of_models if count > 1 else 'one model'}. "
        f"Last value of each line: {', '.join(ends)}."
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
    'decay in the soil (Rh) 0.25 (0.2 to 0.3)'
    """
    names = {
        "npp": "growth of plants\n(NPP)",
        "rh": "decay in the soil\n(Rh)",
        "nep": "what is left\n(NEP = NPP − Rh)",
    }
    table = means.to_dataframe()[list(names)].rename(columns=names)
    table = table.agg(["mean", "min", "max"]).T
    fig, ax = style.subplots(2.8)
    ax.bar(table.index, table["mean"], color=[style.GREEN, "0.6", "0.6"])
    ax.vlines(table.index, table["min"], table["max"], color="black", lw=1.5)
    ax.axhline(0, color="black", lw=0.8)
    ax.set_ylabel("Carbon (kg m⁻² yr⁻¹)")
    said = [
        f"{row.Index.replace(chr(10), ' ')} {row.mean:.3g} ({row.min:.3g} to {row.max:.3g})"
        for row in table.itertuples()
    ]
    fig.set_label(
        f"Three bars with ranges: {'; '.join(said)} kg of carbon per square metre and year."
    )
    return fig, ax
