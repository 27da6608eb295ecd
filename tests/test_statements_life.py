"""What chapters 4 to 6 state in prose, held against the data or against the mathematics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from helpers.factors import built_in, load_factors
from helpers.figures.correlations import correlation_matrix
from helpers.paths import DATA
from helpers.readers.sites import LAND_COVERS, ZONES
from helpers.statistics.associations import (
    control_errors,
    correlate,
    effective_sizes,
    moran_correlogram,
    pair_distances,
)
from helpers.statistics.comparisons import compare_pairs, response_ratios
from helpers.statistics.gradients import fit_gradients
from helpers.study import Study, load_study, minmax
from tests.chapters import words

pytestmark = pytest.mark.usefixtures("without_a_screen")
SEEDS = (2022, 1, 2)


@pytest.fixture(scope="module", params=SEEDS)
def study(request) -> Study:
    return load_study("embedded", request.param)


@pytest.fixture(scope="module")
def scaled(study) -> pd.DataFrame:
    return minmax(study.factors())


@pytest.fixture(scope="module")
def climate(study, scaled) -> pd.DataFrame:
    return scaled[study.factors("climatic").columns]


@pytest.fixture(scope="module")
def life(climate, scaled) -> pd.DataFrame:
    return scaled[scaled.columns.difference(climate.columns, sort=False)]


# chapter 4


def test_a_straight_line_passes_a_delta_aicc_of_two_as_often_as_the_page_says():
    n = 30
    penalty = 2 * n * (4 / (n - 5) - 3 / (n - 4))
    level = stats.f.sf((n - 3) * np.expm1((2 + penalty) / n), 1, n - 3)
    assert f"passes 2 with a probability of {level:.2g}." in words("04")
    rng = np.random.default_rng(4)
    km = pd.Series(rng.uniform(3.1, 4.8, n))
    straight = pd.DataFrame(rng.standard_normal((n, 2000))).add(0.5 * km, axis="index")
    fits = fit_gradients(1000 * km, straight)
    passed = fits["delta_aicc"] > 2
    np.testing.assert_array_equal(passed, fits["p_curvature"] < level)
    assert passed.mean() == pytest.approx(level, abs=0.015)


def test_the_climate_of_the_embedded_study_is_observed_at_places_that_were_drawn(study, climate):
    assert set(study.labels[climate.columns]) == {"observed"}
    assert study.labels["longitude"] == "reconstructed"


# chapter 5


def test_false_marks_come_in_heaps_and_seldom_where_sites_are_shuffled(climate, life):
    rng = np.random.default_rng(5)
    marks = []
    for _ in range(300):
        dealt = life.sample(frac=1, random_state=rng).set_axis(climate.index)
        marks.append((control_errors(correlate(climate, dealt))["q"] < 0.05).sum())
    marks = np.array(marks)
    assert 0.01 < (marks > 0).mean() < 0.1
    assert marks[marks > 0].mean() > 2


def test_morans_i_may_lie_below_minus_one_where_the_ends_of_the_transect_meet(study, scaled):
    places = study.sites[["longitude", "latitude"]]
    farthest = moran_correlogram(scaled, places).iloc[:, -1]
    assert farthest.min() < -1
    one, other = np.triu_indices(len(places), 1)
    far = pair_distances(places) > moran_correlogram(scaled, places).columns[-2]
    z = ((scaled - scaled.mean()) / scaled.std(ddof=0))[farthest.idxmin()].to_numpy()
    first, second = z[one[far]], z[other[far]]
    assert np.mean(first * second) == pytest.approx(farthest.min())
    assert np.mean(first**2 + second**2) / 2 > 1, "the ends stray further than the average site"


def test_correlations_do_not_chain(study, climate, scaled):
    assert correlate(climate[["ALB"]], climate[["AT"]])["r_high"].iloc[0] < 0
    plants = scaled[study.factors("plant").columns]
    dark = correlate(climate[["ALB"]], plants)["r_high"] < 0
    warm = correlate(climate[["AT"]], plants)["r_low"] > 0
    assert (dark.to_numpy() & ~warm.to_numpy()).any()


def test_pairs_that_hold_one_quantity_need_not_correlate(scaled):
    pairs = correlate(scaled)
    held = built_in(pairs.index)
    assert pairs.loc[held, "r"].abs().min() < 0.3
    fig, _ = correlation_matrix(pairs)
    strong = (held & (pairs["r"].abs() > 0.7)).sum()
    assert f"{strong} of them hold one and the same quantity" in fig.get_label()


def test_an_allowance_for_tests_or_for_neighbours_can_only_take_marks_away(study, climate, life):
    plain = control_errors(correlate(climate, life))
    sizes = effective_sizes(climate, life, study.sites[["longitude", "latitude"]])
    spatial = correlate(climate, life, sizes=sizes)
    any_dependence = stats.false_discovery_control(plain["p"], method="by")
    raw = correlate(study.factors()[climate.columns], study.factors()[life.columns])
    pd.testing.assert_frame_equal(raw, plain[raw.columns])  # shift and stretch are forgotten
    three = compare_pairs(life, study.sites["zone"], tuple(ZONES))
    assert (three["p_games_howell"] >= three["p_welch"] - 1e-9).all()
    assert (plain["q"] >= plain["p"]).all()
    assert (any_dependence >= plain["q"]).all()
    assert (spatial["p"] >= plain["p"] * (1 - 1e-9)).all()


# chapter 6


def test_no_ratio_is_shown_for_temperatures_ph_and_values_below_zero(study):
    values = study.factors()
    ratios = response_ratios(values, study.sites["land_cover"], LAND_COVERS)
    kelvin = load_factors().loc[values.columns, "unit"] == "K"
    left_out = kelvin | (values.columns == "pH") | (values.min() < 0)
    shown = ratios.index.get_level_values("factor")
    assert set(values.columns[left_out]) == set(values.columns.difference(shown))
    assert "Without a ratio: DHFS, ST, AT, pH, ST10." in words("06")


def test_scaling_changes_no_t_test_but_student_welch_and_ratios_may_decide_otherwise():
    study = load_study()
    sites, factors = study.sites["land_cover"], study.factors()
    covers, raw, ratios = (
        table.droplevel(["first", "second"])
        for table in (
            compare_pairs(minmax(factors), sites, LAND_COVERS),
            compare_pairs(factors, sites, LAND_COVERS),
            response_ratios(factors, sites, LAND_COVERS),
        )
    )
    tested = ["t_student", "p_student", "t_welch", "p_welch", "g", "g_low", "g_high"]
    pd.testing.assert_frame_equal(raw[tested], covers[tested], atol=1e-9)
    by_g = (covers["g_low"] > 0) | (covers["g_high"] < 0)
    pd.testing.assert_series_equal(by_g, covers["p_student"] < 0.05, check_names=False)
    by_welch = (covers["low"] > 0) | (covers["high"] < 0)
    assert set(covers.index[by_g != by_welch]) == {"SOC", "SIC", "CN", "TC"}
    by_ratio = (ratios["low"] > 1) | (ratios["high"] < 1)
    split = ", ".join(load_factors()["label"][ratios.index[by_g[ratios.index] != by_ratio]])
    assert f"Here it does for: {split}." in words("06")


def test_life_is_made_from_climate_and_not_from_land_cover():
    model = yaml.safe_load((DATA / "reconstruction.yml").read_text(encoding="utf-8"))
    causes = {cause for factor in model["factors"].values() for cause in factor["causes"]}
    assert causes <= set(load_factors().index)
    assert "land_cover" not in causes
