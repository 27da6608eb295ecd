"""Figures of the seasons."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.figures.style import STYLE, panels


def seasonal_cycles(monthly: pd.DataFrame) -> tuple[plt.Figure, np.ndarray]:
    """Draw each quantity from January to December, with one line for each year.

    Parameters
    ----------
    monthly : pandas.DataFrame
        Indexed by month (dates), one column per quantity, named with its unit.

    Examples
    --------
    >>> months = pd.date_range("2013-01", periods=24, freq="MS")
    >>> fig, axes = seasonal_cycles(pd.DataFrame({"Rain (mm)": months.month}, months))
    >>> len(axes[0, 0].lines)
    2
    """
    years = monthly.groupby(monthly.index.year)
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.75, len(years)))
    with plt.rc_context(STYLE):
        fig, axes = panels(monthly.shape[1], 2, 0.7, 1.35, sharex=True)
        for ax, name in zip(axes.flat, monthly, strict=False):
            for (year, months), colour, style in zip(
                years, colours, np.resize(["-", "--", ":"], len(years)), strict=True
            ):
                ax.plot(
                    months.index.month, months[name], ls=style, color=colour, marker=".", label=year
                )
            ax.set_title(name, fontsize=9, pad=2)
            ax.set_xticks(range(1, 13, 2), ["J", "M", "M", "J", "S", "N"])
            ax.locator_params(axis="y", nbins=4)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        fig.legend(handles, labels, ncols=min(len(years), 6), loc="outside lower center")
    mean = monthly.groupby(monthly.index.month).mean()
    month = pd.date_range("2001-01", periods=12, freq="MS").strftime("%B")
    said = [
        f"{name} from {values.min():.3g} in {month[values.idxmin() - 1]} to "
        f"{values.max():.3g} in {month[values.idxmax() - 1]}"
        for name, values in mean.items()
    ]
    curves = f"one for each of {len(years)} years" if len(years) > 1 else "of one year"
    fig.set_label(
        f"Curves from January to December, {curves}. Mean of the years: " + "; ".join(said) + "."
    )
    return fig, axes
