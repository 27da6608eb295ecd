"""Figures of sites, simulations and sweeps: what is drawn and said is what was given."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.figures.error_rates import (
    least_curves,
    mark_histograms,
    power_curves,
    rate_dots,
    rate_lines,
)
from helpers.figures.factor_plots import column_tiles, group_means
from helpers.figures.headline_panels import headline_panels
from helpers.figures.respiration_plots import respiration_curves
from helpers.figures.specification_curves import dependence_table, specification_curve
from helpers.figures.transect_plots import VERDICT_COLOURS, class_means, cover_zone_means
from helpers.paper.transect import load_transect
from helpers.study import load_study
from tests.figures import assert_readable, rows_of, words_of

pytestmark = pytest.mark.usefixtures("without_a_screen")

# Field sites


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


def test_each_column_has_a_tile_in_the_shade_of_its_kind():
    labels = load_study().labels
    for some in (labels, labels[["longitude", "SOC"]], labels.replace("measured", "observed")):
        fig, ax = column_tiles(some)
        assert_readable(fig)
        shades = [tile.get_facecolor() for tile in ax.patches]
        kinds = some.drop("zone", errors="ignore")
        assert len(shades) == len(kinds)
        assert len(set(shades)) == kinds.nunique()
        for kind, count in kinds.value_counts().items():
            assert f"{kind} ({count})" in words_of(fig)
    assert "soil: ST10 assimilated." in fig.get_label()


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
    assert_readable(fig)
    first, second = ax.lines[:2]
    assert (first.get_xdata().min(), first.get_xdata().max()) == (2, 12)
    assert (second.get_xdata().min(), second.get_xdata().max()) == (0, 15)
    np.testing.assert_allclose(first.get_ydata(), 0.5 * np.exp(0.1 * first.get_xdata()))
    assert {"field equations drawn (2)", "mean of 3, and interval"} <= set(words_of(fig))
    assert "2 curves" in fig.get_label()
    assert "At 10 °C the mean of 3 equations is 1.90" in fig.get_label()  # one is not drawn
    assert "this book has 2.29" in fig.get_label()


# Transect


@pytest.mark.parametrize(
    ("along", "prefix", "scale"), [("elevation", "class", 1), ("southeast", "way", 111.2)]
)
def test_means_of_classes_stand_where_their_sites_lie(along, prefix, scale):
    classes = [f"{prefix} {number}" for number in range(1, 7)]
    index = pd.MultiIndex.from_product([[along, "SOC"], classes])
    mean = np.r_[np.arange(3.0, 9.0), [4.0, 8, 15, 16, 23, 42]]
    groups = pd.DataFrame({"mean": mean, "low": mean - 1, "high": mean + 2}, index)
    fig, axes = class_means(groups, {"SOC": "SOC (g/kg)", "pH": "pH"}, along=along)
    assert_readable(fig)
    (line,) = axes.flat[0].lines
    start = 3 if along == "southeast" else 0
    np.testing.assert_allclose(line.get_xdata(), (mean[:6] - start) * scale)
    np.testing.assert_array_equal(line.get_ydata(), mean[6:])
    whiskers = np.array(axes.flat[0].collections[-1].get_segments())
    np.testing.assert_array_equal(whiskers[:, :, 1], np.c_[mean[6:] - 1, mean[6:] + 2])
    assert "SOC (g/kg) from 4 to 42" in fig.get_label()


# Simulations


def rate_table(*levels: list) -> pd.DataFrame:
    index = pd.MultiIndex.from_product(levels)
    rate = np.linspace(0.1, 0.7, len(index))
    return pd.DataFrame({"rate": rate, "low": rate - 0.05, "high": rate + 0.1}, index)


def spans(container) -> np.ndarray:
    """Return the ends of the whiskers, (whiskers, 2, xy)."""
    return np.array([part for part in container[2][0].get_segments() if len(part) == 2])


def test_curves_of_the_least_correlation_are_numbered_at_the_design():
    least = pd.DataFrame({"one": [0.58, 0.49, 0.25], "of 946": [0.84, 0.74, 0.42]}, [20, 30, 120])
    fig, ax = least_curves(least, 30)
    assert_readable(fig)
    for line, question in zip(ax.lines[::2], least, strict=False):
        np.testing.assert_array_equal(line.get_xydata(), np.c_[least.index, least[question]])
    assert {"0.49", "0.74", "one", "of 946"} <= set(words_of(fig))
    assert "of 946: 0.74 at 30 sites, 0.42 at 120" in fig.get_label()


def test_histograms_hold_every_world_and_their_errors():
    rng = np.random.default_rng(1)
    counts = {
        kind: pd.DataFrame({"p": rng.binomial(200, share, 500), "pairs": 200})
        for kind, share in (("independent", 0.05), ("neighbours alike", 0.3))
    }
    fig, axes = mark_histograms(counts, 0.05)
    assert_readable(fig)
    for ax, (kind, table) in zip(axes, counts.items(), strict=True):
        bars = np.array([bar.get_height() for bar in ax.patches])
        assert bars.sum() == pytest.approx(1), "every world is in a bar"
        middle = np.array([bar.get_x() + bar.get_width() / 2 for bar in ax.patches])
        mean = (100 * table["p"] / 200).mean()
        assert bars @ middle == pytest.approx(mean, abs=0.5)
        ends = np.array(ax.collections[0].get_segments())[..., 1]
        error = np.sqrt(bars * (1 - bars) / 500)
        np.testing.assert_allclose(ends, np.stack([bars - error, bars + error], 1), atol=1e-12)
        assert f"{kind}: mean {mean:.1f} %" in fig.get_label()
    assert "A line marks 5 %" in fig.get_label()


@pytest.mark.parametrize("panels", [["a", "b", "c"], ["a", "b", "c", "d"]])
def test_lines_go_through_their_rates_with_whiskers_and_a_target(panels):
    sizes = [30, 60, 120, 500]
    lines = ["χ²", "CFI ≥ .95", "RMSEA ≤ .08"]
    table = rate_table(panels, lines, sizes)
    fig, axes = rate_lines(table, "Sites", "Models that pass", 0.2)
    assert_readable(fig)
    for ax, panel in zip(axes.flat, panels, strict=True):
        assert ax.get_title() == panel
        for container, line in zip(ax.containers, lines, strict=True):
            part = 100 * table.loc[panel].loc[line]
            np.testing.assert_allclose(container[0].get_ydata(orig=False), part["rate"])
            np.testing.assert_allclose(container[0].get_xdata(orig=False), sizes, rtol=0.06)
            np.testing.assert_allclose(spans(container)[..., 1], part[["low", "high"]], atol=1e-9)
        assert ax.lines[-1].get_ydata()[0] == 20
    assert set(lines) <= set(words_of(fig))
    assert fig.get_label().startswith("Models that pass against sites")
    assert "a, χ²: 10 % at 30" in fig.get_label()


def test_panels_of_lines_may_have_sizes_of_their_own():
    table = rate_table(["a", "b"], ["fits"], [30, 44, 60, 500])
    fig, axes = rate_lines(
        table.drop([("b", "fits", size) for size in (44, 60, 500)]), "Rows", "Fit"
    )
    assert "a, fits: 10 % at 30 and 36 % at 500; b, fits: 44 % at 30." in fig.get_label()
    assert [int(each.get_text()) for each in axes.flat[0].get_xticklabels()] == [30, 60, 500]


def test_dots_stand_at_their_rows_and_rows_may_lack_a_case():
    table = rate_table(["LHF (51,130)", "ET (49,407)", "DHFS (5)"], ["all", "some"])
    table = table.drop(("ET (49,407)", "some"))
    fig, ax = rate_dots(table, "Wrong signs", 0.5)
    assert_readable(fig)
    names = rows_of(ax)
    assert names == ["LHF (51,130)", "ET (49,407)", "DHFS (5)"]
    for container, case in zip(ax.containers, ["all", "some"], strict=True):
        part = 100 * table.xs(case, level=1)
        np.testing.assert_allclose(container[0].get_xdata(orig=False), part["rate"])
        rows = [names[round(y)] for y in container[0].get_ydata(orig=False)]
        assert rows == list(part.index)
        np.testing.assert_allclose(spans(container)[..., 0], part[["low", "high"]], atol=1e-9)
    assert ax.lines[-1].get_xdata()[0] == 50
    assert "all: 10 to 58 %, the most at DHFS (5)" in fig.get_label()


@pytest.mark.parametrize(
    ("smallest", "said"),
    [(4.3, "4.3 at 0.1, 1.00 at 0.7"), (np.nan, "1.6 at 0.3, 1.00 at 0.7")],
)
def test_power_and_exaggeration_stand_over_one_axis(smallest, said):
    factor = np.array([smallest, 1.56, 1.0])
    rate = np.array([0.08, 0.37, 0.95])
    worlds = pd.DataFrame({"rate": rate, "low": rate - 0.02, "high": rate + 0.03}, [0.1, 0.3, 0.7])
    worlds = worlds.assign(factor=factor, factor_low=factor - 0.1, factor_high=factor + 0.2)
    exact = pd.Series([0.06, 0.4, 0.98], [0.05, 0.31, 0.69])
    fig, axes = power_curves(worlds, exact, 0.49, 0.8)
    assert_readable(fig)
    np.testing.assert_allclose(axes[0].lines[0].get_xydata(), np.c_[exact.index, 100 * exact])
    for ax, name, low, times in zip(axes, ("rate", "factor"), (1, 4), (100, 1), strict=True):
        (container,) = ax.containers
        np.testing.assert_allclose(container[0].get_ydata(orig=False), times * worlds[name])
        ends = times * worlds.iloc[:, low : low + 2].dropna()
        np.testing.assert_allclose(spans(container)[..., 1], ends, atol=1e-9)
    assert "80 % at 0.49" in fig.get_label()
    assert said in fig.get_label()
    assert "nan" not in fig.get_label()


# Sweeps


def test_dots_rise_and_marks_below_name_the_choices():
    choices = ["seed", "scaling", "fdr"]
    grid = product([2022, 1], ["min-max", "ranks"], [True, False])
    rows = pd.DataFrame(grid, columns=choices).assign(agrees=["yes", "open"] * 4)
    rows["estimate"] = [0.3, -0.1, 0.5, 0.2, np.nan, 0.1, 0.4, 0.0]
    rows = rows.assign(low=rows["estimate"] - 0.15, high=rows["estimate"] + 0.2)
    fig, (upper, lower) = specification_curve(rows, choices, "gain", 0)
    assert_readable(fig)
    kept = rows.dropna(subset="estimate").sort_values("estimate").reset_index(drop=True)
    dots = np.concatenate([line.get_xydata() for line in upper.lines if line.get_marker() == "o"])
    np.testing.assert_allclose(dots[dots[:, 0].argsort()][:, 1], kept["estimate"])
    bars = np.array([part[:, 1] for one in upper.collections for part in one.get_segments()])
    np.testing.assert_allclose(bars[bars[:, 0].argsort()], kept[["low", "high"]])
    names = rows_of(lower)
    assert names[:2] == ["seed: 1", "seed: 2022"]
    for line in lower.lines:
        at = line.get_xdata().astype(int)
        name, value = names[int(line.get_ydata()[0])].split(": ")
        assert (kept.loc[at, name].astype(str) == value).all()
    assert sum(len(line.get_xdata()) for line in lower.lines) == len(kept) * len(choices)
    assert "from -0.1 to 0.5" in fig.get_label()
    assert "undecided in 4, yes in 3" in fig.get_label()
    assert_readable(specification_curve(rows.assign(low=np.nan, high=np.nan), choices, "s", 1)[0])
    fig, _ = specification_curve(rows[:0], [], "gain", 0)
    assert "No specification has" in fig.get_label()


def test_the_table_prints_shares_in_percent_and_a_dash_for_choices_not_made():
    shares = pd.DataFrame(
        {"seed": [0.954, 0.0], "fdr": [np.nan, 0.25]}, index=["signs", "gain of the loop"]
    )
    fig, ax = dependence_table(shares)
    assert_readable(fig)
    assert [text.get_text() for text in ax.texts] == ["95", "0", "25"]
    assert "seed explains 95% of signs" in fig.get_label()
    assert "None of these conclusions" in dependence_table(pd.DataFrame())[0].get_label()


# The transect


def test_means_of_covers_and_zones_stand_at_their_values_with_their_intervals():
    groups = load_transect().groups
    names = {"SOC": "SOC (g kg⁻¹)", "bacteria": "diversity of bacteria", "none": "not there"}
    fig, axes = cover_zone_means(groups, names)
    assert_readable(fig)
    drawn = ["meadow", "steppe", "Low", "Middle", "High"]
    for ax, code in zip(axes.flat, ("SOC", "bacteria"), strict=True):
        here = groups.loc[code].loc[drawn]
        means = [line.get_ydata()[0] for line in ax.lines if line.get_marker() in "sv^o"]
        np.testing.assert_allclose(means, here["mean"])
        ends = np.concatenate([lines.get_segments()[0][:, 1] for lines in ax.collections])
        np.testing.assert_allclose(ends, here[["low", "high"]].to_numpy().ravel())
    assert set(drawn) <= set(words_of(fig))
    assert "SOC (g kg⁻¹): meadow 38.2, steppe 13.2" in fig.get_label()


@pytest.mark.parametrize("zones", [("Low", "High"), ("Low", "Middle", "High")])
def test_groups_of_a_study_have_physical_units_intervals_and_marks(zones):
    study = load_study()
    values, sites = study.factors()[["AT", "PRE", "Penzy", "FB"]], study.sites
    groups = {"land_cover": ("meadow", "steppe"), "zone": zones}
    pairs = {by: list(combinations(names, 2)) for by, names in groups.items()}
    marks = {by: pd.DataFrame("###", values.columns, each) for by, each in pairs.items()}
    fig, axes = group_means(values, sites, marks)
    assert_readable(fig)
    warm = values["AT"] - 273.15
    parts = [warm[sites[by] == name] for by, names in groups.items() for name in names]
    ax = axes.flat[0]
    means = [line.get_ydata()[0] for line in ax.lines if line.get_marker() in "sv^o"]
    np.testing.assert_allclose(means, [part.mean() for part in parts])
    for part, line in zip(parts, ax.collections, strict=True):
        interval = stats.ttest_1samp(part, 0).confidence_interval()
        np.testing.assert_allclose(line.get_segments()[0][:, 1], interval)
    count = sum(map(len, pairs.values()))
    assert [len(one.texts) for one in axes.flat[:4]] == [count] * 4
    assert "phosphorus enzymes\n(Penzy, nmol g⁻¹ h⁻¹)" in words_of(fig)
    assert f"(AT, °C): meadow {parts[0].mean():.3g}" in fig.get_label()


def test_columns_that_are_not_there_are_said_to_be_missing():
    fig, axes = cover_zone_means(load_transect(columns="present").groups, {"SOC": "SOC"})
    assert axes.size == 0
    assert "columns that are here" in fig.get_label()


def test_a_headline_has_the_colour_of_its_verdict_and_a_stroke_where_a_number_is_printed():
    estimates = {"estimate": [0.4, -0.2, 0.1], "low": [0.2, -0.3, -0.4], "high": [0.7, -0.1, 0.6]}
    words = ["supported", "not supported", "undecided"]
    rows = pd.DataFrame(estimates, ["climate → plants", "plants → soil", "what comes back"])
    rows = rows.assign(verdict=words, printed=[0.9, np.nan, 0.4])
    fig, axes = headline_panels({("Does it?", "Change (kg)"): rows, ("", "Arrow"): rows[:1]})
    assert_readable(fig)
    assert "Axis: Change (kg). climate" in fig.get_label()
    assert rows_of(axes[0]) == list(rows.index)
    dots = [line for line in axes[0].lines if line.get_marker() == "o"]
    assert [dot.get_color() for dot in dots] == [VERDICT_COLOURS[word] for word in words]
    assert [dot.get_markerfacecolor() == "white" for dot in dots] == [False, False, True]
    (strokes,) = (line for line in axes[0].lines if line.get_marker() == "|")
    assert np.isfinite(strokes.get_xdata()).tolist() == [True, False, True]
    assert "plants → soil -0.2 (-0.3 to -0.1), not supported;" in fig.get_label()
