"""Figures of specifications: every run is drawn once, and its choices stand below it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from helpers.figures.specification_curves import dependence_table, specification_curve

pytestmark = pytest.mark.usefixtures("without_a_screen")


@pytest.fixture
def rows() -> pd.DataFrame:
    grid = product([2022, 1], ["min-max", "ranks"], [True, False])
    table = pd.DataFrame(grid, columns=["seed", "scaling", "fdr"])
    table["estimate"] = [0.3, -0.1, 0.5, 0.2, np.nan, 0.1, 0.4, 0.0]
    return table.assign(
        low=table["estimate"] - 0.15, high=table["estimate"] + 0.2, agrees=["yes", "open"] * 4
    )


def test_dots_rise_and_marks_below_name_the_choices(rows):
    choices = ["seed", "scaling", "fdr"]
    fig, (upper, lower) = specification_curve(rows, choices, "gain", 0)
    kept = rows.dropna(subset="estimate").sort_values("estimate").reset_index(drop=True)
    dots = np.concatenate([line.get_xydata() for line in upper.lines if line.get_marker() == "o"])
    np.testing.assert_allclose(dots[dots[:, 0].argsort()][:, 1], kept["estimate"])
    names = [label.get_text() for label in lower.get_yticklabels()]
    assert names[:2] == ["seed: 1", "seed: 2022"]
    for line in lower.lines:
        at = line.get_xdata().astype(int)
        name, value = names[int(line.get_ydata()[0])].split(": ")
        assert (kept.loc[at, name].astype(str) == value).all()
    assert sum(len(line.get_xdata()) for line in lower.lines) == len(kept) * len(choices)
    assert "from -0.1 to 0.5" in fig.get_label()
    assert "yes in 3, open in 4" in fig.get_label() or "open in 4, yes in 3" in fig.get_label()


def test_bars_span_the_intervals_and_are_left_out_where_there_are_none(rows):
    _, (upper, _) = specification_curve(rows, ["seed"], "gain", 0)
    ends = {
        tuple(part[:, 1].round(6)) for each in upper.collections for part in each.get_segments()
    }
    kept = rows.dropna(subset="estimate")
    assert ends == set(zip(kept["low"].round(6), kept["high"].round(6), strict=True))
    without = rows.assign(low=np.nan, high=np.nan)
    specification_curve(without, ["seed"], "share", 1)


def test_a_sweep_without_this_conclusion_says_so(rows):
    fig, _ = specification_curve(rows[:0], [], "gain", 0)
    assert "No run of the sweep" in fig.get_label()
    fig, _ = dependence_table(pd.DataFrame())
    assert "None of these conclusions" in fig.get_label()


def test_the_table_prints_shares_in_percent_and_a_dash_for_choices_not_made():
    shares = pd.DataFrame(
        {"seed": [0.954, 0.0], "fdr": [np.nan, 0.25]}, index=["signs", "gain of the loop"]
    )
    fig, ax = dependence_table(shares)
    assert [text.get_text() for text in ax.texts] == ["95", "0", "25"]
    assert "seed explains 95% of signs" in fig.get_label()
