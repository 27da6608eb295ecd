"""Trends and comparisons in time: scipy as reference, closed forms, calibration."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from helpers.paths import DATA
from helpers.statistics.projections import (
    compare_periods,
    fit_trend,
    load_east_asia,
    share_votes,
    spread_of_models,
)
from helpers.study import load_top

YEARS = np.arange(2006, 2100)


def series(values) -> xr.DataArray:
    values = np.asarray(values)
    return xr.DataArray(
        values, dims=("world", "year")[-values.ndim :], coords={"year": YEARS[: values.shape[-1]]}
    )


def red_noise(r: float, worlds: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((worlds, 60 + YEARS.size))
    for step in range(1, noise.shape[1]):
        noise[:, step] += r * noise[:, step - 1]
    return noise[:, 60:]


def test_slope_and_plain_p_are_scipys():
    values = 0.01 * (YEARS - 2006) + red_noise(0, 3, seed=1)
    trend = fit_trend(series(values))
    for world, row in enumerate(values):
        reference = stats.linregress(YEARS, row)
        assert float(trend["slope"][world]) == pytest.approx(reference.slope, rel=1e-10)
        assert float(trend["p_plain"][world]) == pytest.approx(reference.pvalue, rel=1e-8)


def test_effective_years_keep_the_promised_level_in_red_noise():
    trend = fit_trend(series(red_noise(0.6, worlds=1000, seed=2)))
    error = np.sqrt(0.05 * 0.95 / 1000)
    assert float((trend["p_plain"] < 0.05).mean()) > 0.2
    assert float((trend["p"] < 0.05).mean()) == pytest.approx(0.05, abs=0.02 + 3 * error)


@pytest.mark.parametrize(("years", "worlds"), [(94, 2000), (30, 4000)])
def test_a_series_is_worth_what_its_memory_leaves_and_never_more_than_it_has(years, worlds):
    """What the fitted line takes from the memory is added back."""
    red = fit_trend(series(red_noise(0.6, worlds, seed=9)[:, :years]))["effective_years"]
    assert float(red.median()) == pytest.approx(years * 0.4 / 1.6, rel=0.15)
    alternating = fit_trend(series(np.resize([1.0, -1.0], years)))
    assert float(alternating["effective_years"]) == years


def test_cells_without_values_stay_without():
    values = red_noise(0, 2, seed=4)
    values[1] = np.nan
    trend = fit_trend(series(values))
    assert np.isfinite(trend["p"][0])
    assert all(np.isnan(trend[name][1]) for name in trend)


@pytest.mark.parametrize(
    ("before", "after", "years", "false"),
    [(0.6, 0.6, 16, 0.05), (0.8, 0.8, 16, 0.07), (0.6, 0.6, 94, 0.05), (0.7, 0.3, 16, 0.21)],
)
def test_false_alarms_of_a_comparison_of_periods_are_as_many_as_the_page_says(
    before, after, years, false
):
    past, future = red_noise(before, 400, seed=7)[:, :years], red_noise(after, 400, seed=8)
    tests = [compare_periods(series(a), series(b)) for a, b in zip(past, future, strict=True)]
    found = (pd.DataFrame(tests)[["p_plain", "p"]] < 0.05).mean()
    assert found["p"] == pytest.approx(false, abs=0.055)
    assert found["p_plain"] > 0.2


def test_periods_are_compared_as_scipy_does_and_then_with_fewer_years():
    past = xr.DataArray(red_noise(0.7, 1, seed=5)[0, :16], {"year": np.arange(1990, 2006)})
    future = series(1 + red_noise(0.7, 1, seed=6)[0])
    result = compare_periods(past, future)
    student = stats.ttest_ind(future, past)
    assert result["t"] == pytest.approx(student.statistic)
    assert result["p_plain"] == pytest.approx(student.pvalue)
    assert result["difference"] == pytest.approx(float(future.mean() - past.mean()))
    assert result["effective_after"] < 94
    assert result["p"] > result["p_plain"]


def test_models_are_summarized_by_their_t_interval():
    change = xr.DataArray([0.1, 0.3, -0.1, 0.2], dims="model")
    result = spread_of_models(change, confidence=0.9)
    test = stats.ttest_1samp(change, 0)
    reference = test.confidence_interval(0.9)
    assert result["p"] == pytest.approx(test.pvalue)
    assert [result["low"], result["high"]] == pytest.approx([reference.low, reference.high])
    assert (result["lowest"], result["highest"], result["models"]) == (-0.1, 0.3, 4)
    assert result["rising"] == 3


MODELS = ["MINE", "CESM1-CAM5", "MIROC-ESM", "NorESM1-M", "CCSM4", "MIROC-ESM-CHEM"]


def ensemble() -> xr.Dataset:
    values = np.arange(36.0).reshape(6, 3, 2) ** 2
    top = xr.DataArray(values.transpose(1, 0, 2), dims=("year", "model", "lat"))
    return xr.Dataset(
        {"top": top.assign_attrs(units="kg"), "area": ("lat", [3.0, 4.0])},
        {"model": MODELS},
        {"label": "emulated"},
    )


def test_models_of_one_land_scheme_share_one_vote():
    data = ensemble()
    data["top"][0, 4, 0] = np.nan
    shared = share_votes(data, "families")
    names = ["CLM4 (3 models)", "MATSIRO and SEIB-DGVM (2 models)", "MINE"]
    assert sorted(shared["model"].values) == names
    top = data["top"]
    for name, members in zip(names, ([1, 3, 4], [2, 5], [0]), strict=True):
        expected = np.nanmean(top.isel(model=members), axis=1)
        np.testing.assert_allclose(shared["top"].sel(model=name), expected)
    assert shared["top"].dims == top.dims
    assert shared["top"].attrs == top.attrs
    assert shared.attrs == data.attrs
    xr.testing.assert_identical(shared["area"], data["area"])
    xr.testing.assert_identical(share_votes(top, "families"), shared["top"])
    lazy = share_votes(data.chunk(), "families")
    assert lazy["top"].chunks
    xr.testing.assert_identical(lazy.compute(), shared)


def test_families_are_named_with_their_source_and_cover_every_model_of_the_book():
    families = pd.read_csv(DATA / "model_families.csv", index_col="model")
    assert families.index.is_unique
    assert families["source"].str.contains("doi:10|AR5").all()
    emulated = families["land_model"].reindex(load_top("embedded")["model"].values)
    assert emulated.notna().all()
    assert emulated.is_unique  # each emulator has a vote of its own, by models and by families
    assert set(load_east_asia().index.unique("model")) <= set(families.index)


def test_one_model_has_a_change_and_no_interval():
    alone = spread_of_models(xr.DataArray([0.5], dims="model"))
    assert alone[["mean", "lowest", "highest", "rising"]].tolist() == [0.5, 0.5, 0.5, 1]
    assert alone[["low", "high", "p"]].isna().all()
