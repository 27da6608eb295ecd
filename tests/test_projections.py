"""Trends and comparisons in time: scipy as reference, closed forms, calibration."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from helpers.errors import InputError
from helpers.paths import DATA
from helpers.statistics.projections import (
    compare_periods,
    effective_size,
    fit_trend,
    load_families,
    share_votes,
    spread_of_models,
)
from tools.standin import load_standin

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


def test_effective_size_of_known_series():
    long = red_noise(0.5, worlds=2000, seed=3)
    assert float(effective_size(series(long)).median()) == pytest.approx(94 / 3, rel=0.15)
    alternating = series(np.tile([1.0, -1.0], 47))
    assert float(effective_size(alternating)) == 94, "never more than there are"


def test_cells_without_values_stay_without():
    values = red_noise(0, 2, seed=4)
    values[1] = np.nan
    trend = fit_trend(series(values))
    assert np.isfinite(trend["p"][0])
    assert all(np.isnan(trend[name][1]) for name in trend)


def share_of_false_alarms(worlds: int, before: float, after: float, years: int) -> pd.Series:
    past = red_noise(before, worlds, seed=7)[:, :years]
    future = red_noise(after, worlds, seed=8)
    tests = [compare_periods(series(a), series(b)) for a, b in zip(past, future, strict=True)]
    return (pd.DataFrame(tests)[["p_plain", "p"]] < 0.05).mean()


@pytest.mark.parametrize(("r", "years"), [(0.6, 16), (0.8, 16), (0.6, 94)])
def test_the_comparison_of_periods_keeps_its_level_in_red_noise(r, years):
    worlds = 400
    false = share_of_false_alarms(worlds, r, r, years)
    error = np.sqrt(0.05 * 0.95 / worlds)
    assert false["p"] == pytest.approx(0.05, abs=0.02 + 3 * error)
    assert false["p_plain"] > 0.2


def test_the_level_is_lost_where_the_short_period_has_the_longer_memory_as_the_page_says():
    assert share_of_false_alarms(300, 0.7, 0.3, 16)["p"] == pytest.approx(0.21, abs=0.06)


def test_what_a_fitted_line_takes_from_the_memory_is_added_back():
    short = series(red_noise(0.6, worlds=4000, seed=9)[:, :30])
    trend = fit_trend(short)["effective_years"]
    assert float(trend.median()) == pytest.approx(30 * 0.4 / 1.6, rel=0.15)


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
    reference = stats.ttest_1samp(change, 0).confidence_interval(0.9)
    assert [result["low"], result["high"]] == pytest.approx([reference.low, reference.high])
    assert (result["lowest"], result["highest"], result["models"]) == (-0.1, 0.3, 4)
    assert result["rising"] == 3


def test_too_few_years_are_refused():
    with pytest.raises(InputError, match="at least 10 years"):
        fit_trend(series(np.arange(9.0)))


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


def test_with_a_vote_each_an_ensemble_stays_as_it_is():
    assert share_votes(ensemble(), "models").identical(ensemble())
    alone = ensemble().isel(model=[0, 1, 2])
    xr.testing.assert_identical(
        share_votes(alone, "families").sel(model=alone["model"]), alone.astype(float)
    )


def test_other_votes_are_refused():
    with pytest.raises(InputError, match=r"models or families\n(.|\n)*found:  'one'"):
        share_votes(ensemble(), "one")


def test_the_stand_ins_are_eight_families():
    families = load_families()
    assert families.index.is_unique
    names = set(load_standin()["models"])
    of_names = families.reindex(sorted(names))
    assert of_names.notna().all()
    assert of_names[of_names.duplicated(keep=False)].to_dict() == {
        "CESM1-CAM5": "CLM4",
        "NorESM1-M": "CLM4",
    }
    source = pd.read_csv(DATA / "model_families.csv")["source"]
    assert source.str.contains("doi:10|AR5").all()
