"""The figure of the landing page: what came out, question below question."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd

from helpers.figures import style
from helpers.figures.transect_plots import VERDICT_COLOURS


def headline_panels(panels: Mapping[tuple[str, str], pd.DataFrame]) -> tuple[plt.Figure, list]:
    """Draw estimates with their intervals, coloured by verdict, beside what the paper prints.

    Parameters
    ----------
    panels : mapping of pandas.DataFrame
        By question and label of the axis, from the top down, without a question where the one
        above goes on: a row for each estimate, with
        ``estimate``, ``low``, ``high``, ``verdict`` and ``printed``, which is NaN where the paper
        prints no number.

    Examples
    --------
    >>> one = {"estimate": 0.5, "low": -0.1, "high": 1.1, "verdict": "undecided", "printed": 0.4}
    >>> headline_panels({("Rise?", "Change"): pd.DataFrame(one, ["Plateau"])})[0].get_label()
    'Rise? Plateau 0.5 (-0.1 to 1.1), printed 0.4, undecided. Axis: Change.'
    """
    sizes = [len(table) for table in panels.values()]
    how = {"height_ratios": [size + 0.4 for size in sizes], "squeeze": False}
    fig, axes = style.subplots(0.3 + 0.7 * len(sizes) + 0.23 * sum(sizes), len(sizes), **how)
    said = []
    for ax, ((question, label), table) in zip(axes.flat, panels.items(), strict=True):
        colours = table["verdict"].map(VERDICT_COLOURS)
        style.draw_intervals(ax, table[["estimate", "low", "high"]], colours)
        ax.plot(table["printed"], range(len(table)), "k|", ms=13, mew=2)
        style.name_rows(ax, table.index, label, 0)
        ax.set_title(question, loc="left", fontweight="bold")
        ax.locator_params(axis="x", nbins=5)
        rows = [
            f"{name} {row.estimate:.2g} ({row.low:.2g} to {row.high:.2g}), "
            + (f"printed {row.printed:.2g}, " if pd.notna(row.printed) else "")
            + row.verdict
            for name, row in table.iterrows()
        ]
        said.append(f"{question} {'; '.join(rows)}. Axis: {label}.".lstrip())
    looks = {word: {"color": colour, "marker": "o"} for word, colour in VERDICT_COLOURS.items()}
    printed = {"color": "black", "marker": "|", "ms": 11, "mew": 2, "ls": ""}
    style.add_legend(fig, looks | {"printed in the paper": printed}, 2)
    fig.set_label(" ".join(said))
    return fig, list(axes.flat)
