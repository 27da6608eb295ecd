"""The figure of the seasons shows what it was given and says it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.figures.seasons import seasonal_cycles
from tests.figures import assert_readable

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
    assert_readable(fig)
    panels = [ax for ax in axes.flat if ax.figure is not None]
    assert [ax.get_title() for ax in panels] == list(monthly)
    for ax, (_, values) in zip(panels, monthly.items(), strict=True):
        drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
        assert list(drawn) == [str(2013 + k) for k in range(years)]
        for year, y in drawn.items():
            np.testing.assert_allclose(y, values[year])
    assert (f"each of {years} years" in fig.get_label()) == (years > 1)
    highest = f"{90 + (years - 1) / 2:.3g} in July"
    assert f"Rain (mm) from {10 + (years - 1) / 2:.3g} in January to {highest}" in fig.get_label()
    assert "Snow (mm) from 10 in July to 30 in January" in fig.get_label()
