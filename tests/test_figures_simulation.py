"""Figures of simulations: what is drawn and said is what was given, and can be read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.figures.error_rates import mark_histograms, power_curves, rate_dots, rate_lines
from tests.figures import assert_readable, words_of

pytestmark = pytest.mark.usefixtures("without_a_screen")


def rate_table(*levels: list) -> pd.DataFrame:
    index = pd.MultiIndex.from_product(levels)
    rate = np.linspace(0.1, 0.7, len(index))
    return pd.DataFrame({"rate": rate, "low": rate - 0.05, "high": rate + 0.1}, index)


def spans(container) -> np.ndarray:
    """Return the ends of the whiskers, (whiskers, 2, xy)."""
    return np.array(container[2][0].get_segments())


def test_histograms_hold_every_world_and_their_errors():
    rng = np.random.default_rng(1)
    counts = {
        kind: pd.DataFrame({"p": rng.binomial(200, share, 500), "pairs": 200})
        for kind, share in (("independent", 0.05), ("neighbours alike", 0.3))
    }
    fig, axes = mark_histograms(counts, 0.05)
    for ax, table in zip(axes, counts.values(), strict=True):
        bars = np.array([bar.get_height() for bar in ax.patches])
        assert bars.sum() == pytest.approx(1), "every world is in a bar"
        middle = np.array([bar.get_x() + bar.get_width() / 2 for bar in ax.patches])
        share = 100 * table["p"] / 200
        assert bars @ middle == pytest.approx(share.mean(), abs=0.5)
        ends = np.array(ax.collections[0].get_segments())
        error = np.sqrt(bars * (1 - bars) / 500)
        np.testing.assert_allclose(ends[:, 0, 1], bars - error, atol=1e-12)
        np.testing.assert_allclose(ends[:, 1, 1], bars + error, atol=1e-12)
        assert ax.lines[0].get_xdata()[0] == pytest.approx(5)
    mean = (100 * counts["neighbours alike"]["p"] / 200).mean()
    assert f"neighbours alike: mean {mean:.1f} %" in fig.get_label()
    assert "A line marks 5 %" in fig.get_label()
    assert_readable(fig)


@pytest.mark.parametrize("panels", [["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]])
def test_lines_go_through_their_rates_with_whiskers_and_a_target(panels):
    sizes = [30, 60, 120, 500]
    lines = ["χ²", "CFI ≥ .95", "RMSEA ≤ .08"]
    table = rate_table(panels, lines, sizes)
    fig, axes = rate_lines(table, "Sites", "Models that pass", 0.2)
    assert len(fig.axes) == len(panels)
    for ax, panel in zip(axes.flat, panels, strict=True):
        assert ax.get_title() == panel
        for container, line in zip(ax.containers, lines, strict=True):
            part = 100 * table.loc[panel].loc[line]
            np.testing.assert_allclose(container[0].get_ydata(orig=False), part["rate"])
            assert np.abs(container[0].get_xdata(orig=False) / sizes - 1).max() < 0.06
            ends = spans(container)[..., 1]
            np.testing.assert_allclose(ends, part[["low", "high"]], atol=1e-9)
        assert ax.lines[-1].get_ydata()[0] == 20
        assert ax.get_ylim()[1] > 100 * table["high"].max()
    assert set(lines) <= set(words_of(fig))
    assert "a, χ²: 10 % at 30" in fig.get_label()
    assert "70 % at 500" in fig.get_label()
    assert fig.get_label().startswith("Models that pass against sites")
    assert_readable(fig)


def test_dots_stand_at_their_rows_and_rows_may_lack_a_case():
    table = rate_table(["LHF (51,130)", "ET (49,407)", "DHFS (5)"], ["all", "some"])
    table = table.drop(("ET (49,407)", "some"))
    fig, ax = rate_dots(table, "Wrong signs", 0.5)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["LHF (51,130)", "ET (49,407)", "DHFS (5)"]
    for container, case in zip(ax.containers, ["all", "some"], strict=True):
        part = 100 * table.xs(case, level=1)
        np.testing.assert_allclose(container[0].get_xdata(orig=False), part["rate"])
        rows = [names[round(y)] for y in container[0].get_ydata(orig=False)]
        assert rows == list(part.index)
        np.testing.assert_allclose(spans(container)[..., 0], part[["low", "high"]], atol=1e-9)
    assert ax.get_ylim()[0] > ax.get_ylim()[1], "the first row is on top"
    assert ax.lines[-1].get_xdata()[0] == 50
    assert "all: 10 to 58 %, the most at DHFS (5)" in fig.get_label()
    assert_readable(fig)


def test_power_and_exaggeration_stand_over_one_axis():
    r = pd.Index([0.1, 0.3, 0.7])
    worlds = pd.DataFrame(
        {
            "rate": [0.08, 0.37, 0.99],
            "low": [0.06, 0.35, 0.98],
            "high": [0.1, 0.4, 1.0],
            "factor": [4.3, 1.56, 1.0],
            "factor_low": [4.0, 1.5, 0.99],
            "factor_high": [4.6, 1.6, 1.01],
        },
        r,
    )
    exact = pd.Series([0.06, 0.4, 0.98], [0.05, 0.31, 0.69])
    fig, axes = power_curves(worlds, exact, 0.49, 0.8)
    np.testing.assert_allclose(axes[0].lines[0].get_ydata(orig=False), 100 * exact)
    np.testing.assert_allclose(axes[0].lines[0].get_xdata(), exact.index)
    for ax, dots in zip(axes, (100 * worlds["rate"], worlds["factor"]), strict=True):
        np.testing.assert_allclose(ax.containers[0][0].get_ydata(orig=False), dots)
    np.testing.assert_allclose(spans(axes[0].containers[0])[..., 1], 100 * worlds[["low", "high"]])
    ends = worlds[["factor_low", "factor_high"]]
    np.testing.assert_allclose(spans(axes[1].containers[0])[..., 1], ends, atol=1e-9)
    assert "80 % at 0.49" in fig.get_label()
    assert "4.3 at 0.1, 1.00 at 0.7" in fig.get_label()
    assert_readable(fig)


def test_where_nothing_was_found_the_alternative_text_names_the_next_correlation():
    worlds = pd.DataFrame(
        {"rate": [0.0, 0.4], "low": [0.0, 0.3], "high": [0.02, 0.5]}, pd.Index([0.1, 0.3])
    ).assign(factor=[np.nan, 1.6], factor_low=[np.nan, 1.5], factor_high=[np.nan, 1.7])
    fig, _ = power_curves(worlds, pd.Series([0.01, 0.4], [0.1, 0.3]), 0.49, 0.8)
    assert "over the true one: 1.6 at 0.3, 1.60 at 0.3" in fig.get_label()
    assert "nan" not in fig.get_label()
