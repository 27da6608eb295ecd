"""Figures of specifications: every run is drawn once, and its choices stand below it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from helpers.figures.specification_curves import dependence_table, specification_curve
from tests.figures import assert_readable

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
    assert_readable(fig)
    kept = rows.dropna(subset="estimate").sort_values("estimate").reset_index(drop=True)
    dots = np.concatenate([line.get_xydata() for line in upper.lines if line.get_marker() == "o"])
    np.testing.assert_allclose(dots[dots[:, 0].argsort()][:, 1], kept["estimate"])
    bars = np.array([part[:, 1] for one in upper.collections for part in one.get_segments()])
    np.testing.assert_allclose(bars[bars[:, 0].argsort()], kept[["low", "high"]].sort_values("low"))
    names = [label.get_text() for label in lower.get_yticklabels()]
    assert names[:2] == ["seed: 1", "seed: 2022"]
    for line in lower.lines:
        at = line.get_xdata().astype(int)
        name, value = names[int(line.get_ydata()[0])].split(": ")
        assert (kept.loc[at, name].astype(str) == value).all()
    assert sum(len(line.get_xdata()) for line in lower.lines) == len(kept) * len(choices)
    assert "from -0.1 to 0.5" in fig.get_label()
    assert "open in 4, yes in 3" in fig.get_label()


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
    assert_readable(fig)
    assert [text.get_text() for text in ax.texts] == ["95", "0", "25"]
    assert "seed explains 95% of signs" in fig.get_label()
