"""Conclusions about the transect under many choices, against pandas, scipy and plain counting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.figures import choice_curve, survival_chart
from helpers.paper import count_shown, explain_choices, load_choices, load_transect
from helpers.paper.second_look import add_plot_variables
from helpers.paper.site_sets import FIXED_SITES, draw_site_sets
from helpers.paper.transect import EARLIER, add_variables
from helpers.paper.transect_choices import split_choices, survey_choices
from helpers.paths import DATA
from helpers.readers.transect import read_transect
from helpers.statistics.neighbours import randomization_test
from tests.conftest import GENUINE
from tests.figures import assert_readable

GROWTH, MEADOW = "plants grow with humidity", "meadow soil holds more"
FALL, PEAK = "soil carbon falls with elevation", "life and soil peak at middle elevations"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return load_choices()


@pytest.fixture(scope="module")
def sites() -> pd.DataFrame:
    """Return the genuine transect with its variables."""
    if not (GENUINE / "plateau_transect").is_dir():
        pytest.skip(f"the transect is not at {GENUINE} (set TIBET_REAL_DATA)")
    found = read_transect(GENUINE)
    return found[["land_cover"]].join(add_variables(found))


def one(table: pd.DataFrame, conclusion: str, **chosen: str) -> pd.Series:
    """Return the one specification with these choices."""
    chosen = {"sites": "147 sites", "elevation": "as it is"} | chosen
    rows = table[(table["conclusion"] == conclusion) & (table[[*chosen]] == chosen).all(axis=1)]
    assert len(rows) == 1
    return rows.iloc[0]


def left_of(y: pd.Series, x: pd.Series) -> pd.Series:
    """Return what a straight line leaves of y."""
    return y - np.polyval(np.polyfit(x, y, 1), x)


def test_all_sites_without_more_ado_give_what_the_transect_gives(table):
    here = load_transect()
    for scale, column in (("values", "r"), ("ranks", "r_ranks")):
        for conclusion, sign, left, right, chosen in (
            (GROWTH, 1, "PRE", "biomass", {"climate": "PRE", "plants": "biomass"}),
            (MEADOW, 1, "meadow", "TN", {"soil": "TN"}),
            (FALL, -1, "elevation", "SOC", {"soil": "SOC"}),
            (PEAK, 1, "peak", "richness", {"function": "richness", "elevation": "held"}),
        ):
            row = one(table, conclusion, scale=scale, **chosen)
            expected = sign * here.judge([(left, right, 1)])[column].item()
            assert row["estimate"] == pytest.approx(expected, abs=6e-4)
            assert row["n"] == 147


def test_scales_and_elevation_held_are_those_of_pandas_and_scipy(table, sites):
    x, y, z = sites["AI"], sites["biomass"], sites["elevation"]
    expected = {
        ("logarithms", "as it is"): np.log(x).corr(np.log(y)),
        ("ranks", "as it is"): stats.spearmanr(x, y).statistic,
        ("logarithms", "held"): left_of(np.log(x), z).corr(left_of(np.log(y), z)),
        ("ranks", "held"): left_of(x.rank(), z.rank()).corr(left_of(y.rank(), z.rank())),
    }
    for (scale, elevation), r in expected.items():
        chosen = {"climate": "AI", "plants": "biomass", "scale": scale, "elevation": elevation}
        assert one(table, GROWTH, **chosen)["estimate"] == pytest.approx(r, abs=6e-4)


def test_what_is_shown_keeps_neighbours_or_takes_sites_for_independent(table, sites):
    places = sites[["longitude", "latitude"]]
    for climate in ("TF", "PRE"):
        x, y = sites[[climate]], sites[["biomass"]]
        kept = randomization_test(x, y, places, draws=9999)["p"].item()
        plain = stats.pearsonr(x[climate], y["biomass"]).pvalue
        row = one(table, GROWTH, climate=climate, plants="biomass", scale="values")
        assert abs(kept - 0.05) > 0.01  # no matter of draws
        assert row["shown"] == int(plain < 0.05) + int(plain < 0.05 and kept < 0.05)


def test_sets_are_the_admissible_ones_and_some_leave_out_one_site(table, sites):
    drawn = draw_site_sets(sites, 30, weighting="space", seed=2022).places
    rows = table[(table["conclusion"] == FALL) & (table["scale"] == "values")]
    rows = rows[(rows["soil"] == "SOC") & (rows["outside"] == "none")]
    there = rows[rows["sites"] == "30 sites, by space"]
    assert there["set"].nunique() == len(there) == 30
    expected = [-sites.iloc[each]["SOC"].corr(sites.iloc[each]["elevation"]) for each in drawn]
    np.testing.assert_allclose(np.sort(there["estimate"]), np.sort(expected), atol=6e-4)
    free = draw_site_sets(sites, 30, seed=2022).places
    names = [sites.index[each].drop("Q35") for each in free]
    expected = [-sites.loc[each, "SOC"].corr(sites.loc[each, "elevation"]) for each in names]
    fewer = rows[rows["sites"] == "29 sites, not Q35"]["estimate"]
    np.testing.assert_allclose(np.sort(fewer), np.sort(expected), atol=6e-4)
    assert "Q35" in FIXED_SITES


def test_other_sites_are_asked_in_the_same_ways(table):
    others = add_plot_variables()
    row = one(table, GROWTH, sites="58 other sites", climate="PRE", plants="biomass", scale="ranks")
    expected = others["PRE"].corr(others["biomass"], method="spearman")
    assert row["estimate"] == pytest.approx(expected, abs=6e-4)
    away = table[table["sites"] == "58 other sites"]
    assert not (away["climate"] == "AI").any()  # which nobody recorded there


def test_without_earlier_columns_only_what_the_present_table_allows_is_there(table):
    present = load_choices(columns="present")
    assert not present[["plants", "soil", "function"]].isin(EARLIER).any(axis=None)
    assert len(present) > 10_000
    joined = present.merge(table, "inner")
    assert len(joined) == len(present)


def test_no_embedded_table_of_choices_is_large_or_names_a_site(table):
    for path in (DATA / "embedded").glob("transect_*2021-05.csv"):
        assert path.stat().st_size < 200_000
    rows = table[table["conclusion"] == MEADOW]
    assert len(rows) > 2000
    assert table["estimate"].abs().max() <= 1


def test_counts_and_shares_are_those_of_counting(table):
    counted = count_shown(table)
    for name, rows in table.groupby("conclusion"):
        whole = rows[rows["sites"] == "147 sites"]
        small = rows[rows["n"] == 30]
        assert counted.loc[name, "ways"] == len(whole)
        assert counted.loc[name, "shown"] == sum(whole["shown"] == 2)
        assert counted.loc[name, "share"] == sum(small["shown"] == 2) / len(small)
        assert counted.loc[name, "share_free"] == sum(small["shown"] >= 1) / len(small)


def test_spread_is_explained_as_in_an_analysis_of_variance_without_other_sites(table):
    shares = explain_choices(table)
    rows = table[(table["conclusion"] == GROWTH) & (table["n"] != 58)]
    x = rows["estimate"]
    between = ((x.groupby(rows["climate"]).transform("mean") - x.mean()) ** 2).sum()
    assert shares.loc[GROWTH, "humidity"] == pytest.approx(between / ((x - x.mean()) ** 2).sum())
    assert np.isnan(shares.loc[MEADOW, "humidity"])


def test_a_long_curve_is_a_line_with_shares_and_crowds_below(table):
    fig, (upper, strip, lower) = choice_curve(table, MEADOW, "correlation")
    assert_readable(fig)
    rows = table[(table["conclusion"] == MEADOW) & (table["n"] != 58)]
    np.testing.assert_allclose(upper.lines[1].get_ydata(), np.sort(rows["estimate"]))
    diamonds = [line.get_ydata() for line in upper.lines if line.get_marker() == "D"]
    whole = rows.loc[rows["sites"] == "147 sites", "estimate"]
    np.testing.assert_allclose(np.sort(np.concatenate(diamonds)), np.sort(whole))
    crowd = lower.collections[0].get_array().reshape(-1, 60)
    size = np.diff(np.searchsorted(np.arange(len(rows)), np.linspace(0, len(rows), 61)))
    np.testing.assert_allclose(crowd @ size / len(rows), 1)  # each option, over the whole curve
    tops = [patch.get_data() for patch in strip.patches]
    np.testing.assert_allclose(sum(each.values - each.baseline for each in tops), 1)


def test_the_chart_writes_how_often_each_conclusion_is_shown(table):
    fig, ax = survival_chart(table)
    assert_readable(fig)
    written = [text.get_text() for text in ax.texts]
    for name, row in count_shown(table).iterrows():
        assert name in written
        assert f"{row['shown']:.0f} of {row['ways']:.0f}" in written
    assert "None of these" in survival_chart(table[:0])[0].get_label()


@pytest.mark.slow
def test_the_embedded_tables_are_what_the_genuine_transect_gives_today(sites):
    for name, now in split_choices(survey_choices(read_transect(GENUINE))).items():
        shipped = pd.read_csv(DATA / "embedded" / name, keep_default_na=False)
        ours, theirs = (
            each.apply(pd.to_numeric, errors="coerce").to_numpy()
            for each in (now, shipped.iloc[:, now.index.nlevels :])
        )
        same = (np.abs(ours - theirs) <= 1) | (np.isnan(ours) & np.isnan(theirs))
        assert same.mean() > 0.999, "make data"
