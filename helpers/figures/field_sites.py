"""Figures of real sites: what rises with elevation, signs, and respiration."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.figures import style
from helpers.figures.maps import COVER_LOOKS


def cover_gradients(
    sites: pd.DataFrame, labels: dict[str, str], logged: list[str]
) -> tuple[plt.Figure, np.ndarray]:
    """Draw measured properties against elevation, marked by land cover, with plain parabolas.

    Parameters
    ----------
    sites : pandas.DataFrame
        With elevation (m), land_cover and the properties.
    labels : dict of str
        Name and unit of each property, in the order drawn.
    logged : list of str
        Properties with a logarithmic axis, whose parabola is that of the logarithm.

    Examples
    --------
    >>> from helpers.study import load_study
    >>> _, axes = cover_gradients(load_study().sites, {"SOC": "SOC (g kg⁻¹)", "pH": "pH"}, ["SOC"])
    >>> [ax.get_yscale() for ax in axes.flat]
    ['log', 'linear']
    """
    km = sites["elevation"] / 1000
    ends = np.linspace(km.min(), km.max(), 60)
    fig, axes = style.panels(len(labels), 2, 0.8, 1.75, sharex=True)
    for ax, (code, label) in zip(axes.flat, labels.items(), strict=False):
        for cover, group in sites.groupby("land_cover"):
            ax.plot(km[group.index], group[code], **COVER_LOOKS[cover])
        there, back = (np.log, np.exp) if code in logged else (np.asarray, np.asarray)
        parabola = np.polyval(np.polyfit(km, there(sites[code]), 2), ends)
        ax.plot(ends, back(parabola), color="black", lw=1.1, ls=style.DASHED)
        if code in logged:
            style.log_scale(ax, "y")
        ax.set_title(label, pad=3)
        ax.margins(x=0.06)
    fig.supxlabel("Elevation (km)")
    style.add_legend(fig, COVER_LOOKS, 3)
    mean = sites.groupby("land_cover")[list(labels)].mean()
    fig.set_label(
        f"{len(labels)} scatter plots against elevation, {km.min():.1f} to {km.max():.1f} km, with "
        "parabolas. Means: "
        + "; ".join(
            f"{label}: " + ", ".join(f"{cover} {each:.3g}" for cover, each in mean[code].items())
            for code, label in labels.items()
        )
        + "."
    )
    return fig, axes


def sign_forest(table: pd.DataFrame, label: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw correlations with intervals beside the sign that is read from the paper.

    Parameters
    ----------
    table : pandas.DataFrame
        Index: what is printed at the left. ``estimate``, ``low``, ``high``, and ``claimed``: 1, -1,
        or 0 where no sign is read from the paper.
    label : as for :func:`factor_intervals`

    Examples
    --------
    >>> one = {"estimate": 0.6, "low": 0.3, "high": 0.8, "claimed": 1}
    >>> sign_forest(pd.DataFrame(one, ["TF – SOC"]), "r")[0].get_label()[:48]
    '1 dots with intervals, 1 of which leave out zero'
    """
    estimates, claims = table["estimate"], table["claimed"] != 0
    fig, ax = style.subplots(1.1 + 0.25 * len(table))
    colours = estimates.map(style.sign_colour)
    above, below = style.draw_intervals(ax, table[["estimate", "low", "high"]], colours)
    style.name_rows(ax, table.index, label, 0)
    ax.set(xlim=(-1, 1), xticks=[-1, -0.5, 0, 0.5, 1])
    beside = {"transform": ax.get_yaxis_transform(), "ha": "center"}
    ax.text(1.04, -1.1, "paper", fontsize=9, **beside)
    for row, sign in enumerate(table["claimed"]):
        look = {"size": 13, "weight": "bold", "va": "center", "color": style.sign_colour(sign)}
        ax.text(1.04, row, {1: "+", -1: "−", 0: ""}[sign], **look, **beside)
    clear = above | below
    agree = (clear & (np.sign(estimates) == table["claimed"])).sum()
    fig.set_label(
        f"{len(table)} dots with intervals, {clear.sum()} of which leave out zero. A sign is "
        f"read from the paper for {claims.sum()}: {agree} intervals lie on its side of zero, "
        f"{(clear & claims).sum() - agree} on the other, {(claims & ~clear).sum()} hold zero. "
        f"Highest: {estimates.idxmax()} ({estimates.max():+.2f}); lowest: {estimates.idxmin()} "
        f"({estimates.min():+.2f}). Axis: {label}."
    )
    return fig, ax


def respiration_curves(
    equations: pd.DataFrame, mean: pd.DataFrame, book: pd.Series
) -> tuple[plt.Figure, plt.Axes]:
    """Draw field equations of soil respiration, their mean with its interval, and the book's.

    Parameters
    ----------
    equations : pandas.DataFrame
        From :func:`helpers.readers.read_equations`; each is drawn between ``T_low`` and
        ``T_high``, as far as `mean` reaches. Those without alpha or limits are not drawn.
    mean : pandas.DataFrame
        From :func:`helpers.statistics.respiration_curve`, of all `equations` that have alpha, at
        10 and other degrees Celsius.
    book : pandas.Series
        R_s by temperature in degrees Celsius, umol m-2 s-1.

    Examples
    --------
    >>> one = pd.DataFrame({"alpha": [0.7], "beta": [0.1], "T_low": [2], "T_high": [12]})
    >>> mean = pd.DataFrame({"estimate": {0: 0.7, 10: 1.9}, "low": 0.3, "high": 4})
    >>> respiration_curves(one, mean, mean["estimate"])[0].get_label().split(" of ")[0]
    '1 curves'
    """
    averaged = equations["alpha"].notna().sum()
    known = equations.dropna(subset=["alpha", "beta", "T_low", "T_high"])
    low, high = mean.index.min(), mean.index.max()
    looks = {
        f"field equations drawn ({len(known)})": {"color": "0.55", "lw": 0.8},
        f"mean of {averaged}, and interval": {"color": style.BLUE, "lw": 2},
        "this book": {"color": "black", "lw": 1.6, "ls": style.DASHED},
    }
    field, middle, own = looks.values()
    fig, ax = style.subplots(3.6)
    for one in known.itertuples():
        T = np.linspace(max(one.T_low, low), min(one.T_high, high), 40)
        ax.plot(T, one.alpha * np.exp(one.beta * T), **field)
    ax.fill_between(mean.index, mean["low"], mean["high"], color=style.BLUE, alpha=0.25, lw=0)
    ax.plot(mean.index, mean["estimate"], **middle)
    ax.plot(book.index, book, **own)
    style.log_scale(ax, "y")
    ax.locator_params(axis="x", integer=True)
    ax.set(xlabel="Soil temperature (°C)", ylabel="Rₛ (µmol m⁻² s⁻¹)")
    style.add_legend(fig, looks, 2)
    at = mean.loc[10]
    fig.set_label(
        f"{len(known)} curves of soil respiration on temperature from {low:g} to {high:g} °C, on a "
        f"logarithmic axis. At 10 °C the mean of {averaged} equations is "
        f"{at['estimate']:.2f}, with the interval "
        f"{at['low']:.2f} to {at['high']:.2f}; the dashed curve of this book has {book[10]:.2f} "
        "µmol m⁻² s⁻¹."
    )
    return fig, ax
