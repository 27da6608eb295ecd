"""The figure of the seasons shows what it was given and says it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.figures.seasons import seasonal_cycles

pytestmark = pytest.mark.usefixtures("without_a_screen")


def wave(years: int = 2) -> pd.DataFrame:
    months = pd.date_range("2013-01", periods=12 * years, freq="MS")
    turn = 2 * np.pi * (months.month - 1) / 12
    return pd.DataFrame(
        {
            "Rain (mm)": 50 - 40 * np.cos(turn) + months.year - 2013,
            "Snow (mm)": 20 + 10 * np.cos(turn),
            "Air (°C)": -5 - 10 * np.cos(turn),
        },
        index=months,
    )


@pytest.mark.parametrize("years", [1, 2, 5])
def test_each_panel_draws_its_quantity_once_a_year(years):
    monthly = wave(years)
    fig, axes = seasonal_cycles(monthly)
    panels = [ax for ax in axes.flat if ax.figure is not None]
    assert [ax.get_title() for ax in panels] == list(monthly)
    for ax, (_, values) in zip(panels, monthly.items(), strict=True):
        assert len(ax.lines) == years
        for line, (year, part) in zip(ax.lines, values.groupby(values.index.year), strict=True):
            assert line.get_label() == str(year)
            np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 13))
            np.testing.assert_allclose(line.get_ydata(), part)
    named = [text.get_text() for text in fig.legends[0].get_texts()]
    assert named == [str(2013 + k) for k in range(years)]


def test_the_alternative_text_says_when_each_quantity_is_highest_and_lowest():
    fig, _ = seasonal_cycles(wave(2))
    alt = fig.get_label()
    assert "each of 2 years" in alt
    assert "Rain (mm) from 10.5 in January to 90.5 in July" in alt
    assert "Snow (mm) from 10 in July to 30 in January" in alt


def test_every_panel_without_one_below_it_names_the_months():
    fig, axes = seasonal_cycles(wave(1))
    fig.canvas.draw()
    shown = [
        any(label.get_visible() and label.get_text() for label in ax.get_xticklabels())
        for ax in axes.flat[:3]
    ]
    assert shown == [False, True, True]
