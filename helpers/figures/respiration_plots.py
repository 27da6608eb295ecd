"""A figure of field studies: soil respiration over temperature."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.figures import style


def respiration_curves(
    equations: pd.DataFrame, mean: pd.DataFrame, book: pd.Series
) -> tuple[plt.Figure, plt.Axes]:
    """Draw field equations of soil respiration, their mean with its interval, and the book's.

    Parameters
    ----------
    equations : pandas.DataFrame
        From :func:`helpers.readers.read_srdb`; each is drawn between ``T_low`` and
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
        f"mean of {averaged}, and interval": {"color": style.ORANGE, "lw": 2},
        "this book": {"color": "black", "lw": 1.6, "ls": style.DASHED},
    }
    field, middle, own = looks.values()
    fig, ax = style.subplots(3.6)
    for one in known.itertuples():
        T = np.linspace(max(one.T_low, low), min(one.T_high, high), 40)
        ax.plot(T, one.alpha * np.exp(one.beta * T), **field)
    ax.fill_between(mean.index, mean["low"], mean["high"], color=style.ORANGE, alpha=0.25, lw=0)
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
