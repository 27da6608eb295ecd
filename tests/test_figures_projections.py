"""Figures of projections: each model drawn once, means with intervals, names that are read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from helpers.figures import emulator_panels, model_changes, period_violins, scenario_series
from helpers.statistics import load_emulators_test
from tests import figures as check

pytestmark = pytest.mark.usefixtures("without_a_screen")
CHANGE = pd.DataFrame(
    {"rcp45": [0.01, 0.03, -0.01], "rcp85": [0.02, 0.09, 0.05]}, ["CanESM2", "MPI-ESM-LR", "C"]
)


def test_each_model_is_drawn_once_a_scenario_and_the_mean_with_its_t_interval():
    fig, (ax, other) = model_changes(
        {"Plateau": CHANGE, "East Asia": CHANGE.set_axis(["ssp126", "ssp370"], axis=1)},
        "Change (kg O₂ m⁻² yr⁻¹)",
        {"rcp45": 0.01},
        confidence=0.9,
    )
    check.assert_readable(fig)
    assert check.rows_of(ax) == ["MPI-ESM-LR", "C", "CanESM2", "mean"]
    dots = [line.get_xdata() for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots, CHANGE.loc[check.rows_of(ax)[:3]].T)
    ends = [line.get_xdata() for line in ax.lines if line.get_linewidth() == 2]
    expected = [
        stats.t.interval(0.9, 2, values.mean(), values.sem()) for _, values in CHANGE.items()
    ]
    np.testing.assert_allclose(ends, expected)
    broken = [[line for line in each.lines if line.is_dashed()] for each in (ax, other)]
    assert [len(lines) for lines in broken] == [1, 0]
    assert broken[0][0].get_xdata()[0] == 0.01
    names = [text.get_text() for text in other.get_legend().get_texts()]
    assert names == ["SSP1-2.6", "SSP3-7.0"]
    assert "2 of 3 above zero" in fig.get_label()


def test_one_model_has_a_dot_and_no_interval():
    fig, _ = model_changes({"Plateau": CHANGE.iloc[:1]}, "Change (kg O₂ m⁻² yr⁻¹)")
    check.assert_readable(fig)
    assert "mean 0.01 (one model), 1 of 1" in fig.get_label()


def test_three_scenarios_of_cmip6_have_names_and_colours_of_their_own():
    on = {
        "scenario": ["ssp126", "ssp245", "ssp585"],
        "model": ["a", "b"],
        "year": range(2000, 2011),
    }
    values = xr.DataArray(np.arange(66.0).reshape(3, 2, 11), on)
    values[:, :, :6] = values[0, :, :6]
    fig, ax = scenario_series(values, "TOP content (Gt O₂ yr⁻¹)")
    check.assert_readable(fig)
    names = ["historical", "SSP1-2.6", "SSP2-4.5", "SSP5-8.5"]
    assert [line.get_label() for line in ax.lines] == names
    assert len({line.get_color() for line in ax.lines}) == 4
    starts = [line.get_xdata()[0] for line in ax.lines]
    assert starts == [2000, 2005, 2005, 2005]  # scenarios set out from the last common year
    series = {"historical": pd.Series([1.0, 2, 4])} | {
        name: pd.Series([2.0, 3, 5]) for name in on["scenario"]
    }
    check.assert_readable(period_violins(series, "TOP content (Gt O₂ yr⁻¹)")[0])


def test_the_exam_shows_each_model_beside_its_emulator():
    test = load_emulators_test()
    fig, axes = emulator_panels(test, "NEP (kg C m⁻² yr⁻¹)")
    check.assert_readable(fig)
    models = test.index.unique("model")
    for ax, model in zip(axes.flat, models, strict=False):
        assert ax.get_title() == model
        drawn = [line.get_ydata() for line in ax.lines]
        np.testing.assert_allclose(drawn, test.loc[model, ["nep", "nep_emulated"]].T)
