"""Figures of real sites: what is drawn and said is what was given, and can be read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.figures.field_sites import cover_gradients, field_map, respiration_curves, sign_forest
from helpers.readers.terrain import load_elevation
from tests.figures import assert_readable, words_of

pytestmark = pytest.mark.usefixtures("without_a_screen")


@pytest.fixture
def sites() -> pd.DataFrame:
    """Return six made-up sites."""
    return pd.DataFrame(
        {
            "longitude": [92.1, 93.4, 95.2, 96.8, 98.3, 100.1],
            "latitude": [32.5, 33.1, 34.7, 35.2, 33.9, 36.4],
            "elevation": [4700.0, 4600, 4300, 4250, 4100, 3300],
            "land_cover": ["steppe", "meadow", "meadow", "meadow", "steppe", "desert steppe"],
            "SOC": [12.0, 88, 50, 100, 124, 8],
            "pH": [8.1, 7.4, 7.7, 7.0, 6.9, 8.3],
        }
    )


def test_the_map_shows_every_site_and_says_how_many(sites):
    others = pd.DataFrame({"longitude": [80.2, 99.0], "latitude": [31.0, 38.0]})
    fig, ax = field_map(sites, load_elevation(), others)
    west, east = ax.get_xlim()
    assert west < 80 < 101 < east
    drawn = np.concatenate([line.get_xdata() for line in ax.lines])
    assert sorted(drawn) == sorted([*sites["longitude"], *others["longitude"]])
    assert "6 sites" in fig.get_label()
    assert "3 meadow, 2 steppe, 1 desert steppe" in fig.get_label()
    assert "where 2 equations of soil respiration come from" in fig.get_label()
    counts = {"meadow (3)", "steppe (2)", "desert steppe (1)", "respiration equations (2)"}
    assert counts <= set(words_of(fig))
    assert_readable(fig)


def test_parabolas_of_gradients_are_least_squares(sites):
    fig, axes = cover_gradients(sites, {"SOC": "SOC (g kg⁻¹)", "pH": "pH"}, ["SOC"])
    km = sites["elevation"] / 1000
    for ax, code, turn in zip(axes.flat, ("SOC", "pH"), (np.log, np.asarray), strict=True):
        curve = ax.lines[-1]
        expected = np.polyval(np.polyfit(km, turn(sites[code]), 2), curve.get_xdata())
        np.testing.assert_allclose(turn(curve.get_ydata()), expected, atol=1e-6)
        points = sum(len(line.get_xdata()) for line in ax.lines[:-1])
        assert points == len(sites)
    assert [ax.get_yscale() for ax in axes[0]] == ["log", "linear"]
    assert "SOC (g kg⁻¹): desert steppe 8, meadow 79.3, steppe 68" in fig.get_label()
    assert_readable(fig)


def test_signs_stand_beside_intervals():
    table = pd.DataFrame(
        {
            "estimate": [-0.8, 0.6, -0.1, 0.5],
            "low": [-0.9, 0.3, -0.5, 0.2],
            "high": [-0.5, 0.8, 0.4, 0.7],
            "claimed": [-1, 1, -1, 0],
        },
        index=["SOC – pH", "TF – SOC", "ALB – richness", "pH – C/N"],
    )
    fig, ax = sign_forest(table, "Correlation r")
    signs = {round(text.get_position()[1]): text.get_text() for text in ax.texts}
    assert signs == {-1: "paper", 0: "−", 1: "+", 2: "−"}
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    filled = [dot.get_markerfacecolor() == dot.get_color() for dot in dots]
    assert filled == [True, True, False, True]
    assert "read from the paper for 3: 2 intervals lie on its side of zero, 0 on the other" in (
        fig.get_label()
    )
    turned = sign_forest(table.assign(claimed=-table["claimed"]), "Correlation r")[0].get_label()
    assert "0 intervals lie on its side of zero, 2 on the other, 1 hold zero" in turned
    assert_readable(fig)


def test_curves_end_where_they_were_fitted():
    equations = pd.DataFrame(
        {
            "alpha": [0.5, 0.8, np.nan, 0.9],
            "beta": [0.1, 0.12, 0.1, 0.1],
            "T_low": [2.0, -10, 0, np.nan],
            "T_high": [12.0, 30, 15, np.nan],
        }
    )
    T = np.arange(0, 16.0)
    mean = pd.DataFrame({"estimate": 0.7 * np.exp(0.1 * T)}, index=T)
    mean = mean.assign(low=mean["estimate"] / 2, high=2 * mean["estimate"])
    book = pd.Series(0.69 * np.exp(0.12 * T), index=T)
    fig, ax = respiration_curves(equations, mean, book)
    first, second = ax.lines[:2]
    assert (first.get_xdata().min(), first.get_xdata().max()) == (2, 12)
    assert (second.get_xdata().min(), second.get_xdata().max()) == (0, 15)
    np.testing.assert_allclose(first.get_ydata(), 0.5 * np.exp(0.1 * first.get_xdata()))
    assert "2 curves" in fig.get_label()
    assert "At 10 °C the mean of 3 equations is 1.90" in fig.get_label()  # one is not drawn
    assert {"field equations drawn (2)", "mean of 3, and interval"} <= set(words_of(fig))
    assert "this book has 2.29" in fig.get_label()
    assert_readable(fig)
