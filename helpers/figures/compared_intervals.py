"""Estimates of the same things from several fits or networks of sites, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd

from helpers.figures import style

_LOOKS = (
    {"color": "0.1", "marker": "o", "ms": 5},
    {"color": "0.5", "marker": "D", "ms": 4, "mfc": "white"},
    {"color": "0.3", "marker": "s", "ms": 4},
)


def compared_intervals(
    tables: Mapping[str, pd.DataFrame],
    names: pd.Series,
    label: str,
    sides: pd.Series | None = None,
) -> tuple[plt.Figure, plt.Axes]:
    """Draw estimates with their intervals, one marker for each table, row by row.

    Parameters
    ----------
    tables : mapping of pandas.DataFrame
        At most three, by what the legend says: ``estimate``, ``low`` and ``high`` by row. A row
        that a table lacks is left empty there.
    names : pandas.Series
        What each row is called, by the index of the tables. Without `sides` the most positive
        stands on top, by the first table that has it.
    label : str
        What the axis says.
    sides : pandas.Series, optional
        By row 1 or -1: the side of zero that the paper prints, which is shaded; the rows then
        keep their order.

    Examples
    --------
    >>> one = pd.DataFrame({"estimate": 0.4, "low": 0.2, "high": 0.6}, ["TF"])
    >>> fig, ax = compared_intervals({"here": one}, pd.Series({"TF": "transpiration"}), "r")
    >>> fig.get_label()
    'Intervals of 1 rows. here: 1 leave out zero; transpiration +0.40. Axis: r.'
    """
    tables = {name: table.loc[table.index.isin(names.index)] for name, table in tables.items()}
    tables = {name: table for name, table in tables.items() if len(table)}
    if not tables:
        return style.nothing_to_draw(style.NOT_MEASURED)
    fig, ax = style.subplots(0.9 + 0.33 * len(names))
    if sides is None:
        first = pd.concat([table["estimate"] for table in tables.values()])
        first = first[~first.index.duplicated()].sort_values(ascending=False, kind="stable")
        names = names.loc[[*first.index, *names.index.difference(first.index, sort=False)]]
    step, said, shown = 0.5 / len(tables), [], {}
    reach = 1.05 * max(table[["low", "high"]].abs().to_numpy().max() for table in tables.values())
    for number, (name, table) in enumerate(tables.items()):
        look = shown[name] = _LOOKS[number]
        place = {
            row: k + step * (number - (len(tables) - 1) / 2) for k, row in enumerate(names.index)
        }
        for row, one in table.iterrows():
            ax.plot([one["low"], one["high"]], [place[row]] * 2, color=look["color"], lw=1.3)
            ax.plot(one["estimate"], place[row], ls="", **look)
        clear = (table["low"] > 0) | (table["high"] < 0)
        each = ", ".join(f"{names[row]} {value:+.2f}" for row, value in table["estimate"].items())
        said.append(f"{name}: {clear.sum()} leave out zero; {each}.")
    for row, side in enumerate([] if sides is None else sides.loc[names.index]):
        ax.barh(row, side * reach, 0.9, color="0.92", zorder=0)
    style.name_rows(ax, names, label, 0)
    ax.set_xlim(-reach, reach)
    ax.locator_params(axis="x", nbins=6)
    if sides is not None:
        shown = shown | {"the paper's side": {"color": "0.85", "lw": 6}}
    style.add_legend(fig, shown, 2)
    fig.set_label(" ".join([f"Intervals of {len(names)} rows.", *said, f"Axis: {label}."]))
    return fig, ax
