"""Real climate: further variables, cells of relief, gradients among neighbours, and budgets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from scipy.spatial.distance import cdist
from statsmodels.regression.linear_model import OLS

from helpers.readers.gldas import annual_mean, load_climate, open_gldas, sample
from helpers.readers.terrain import cell_elevation, load_elevation, plateau_mask, way_southeast
from helpers.statistics.gradients import fit_gradients
from tests.archives import cdo, needs_cdo

CODES = ["TF", "SH", "ALB", "ST", "PRE", "AT", "WS"]
BUDGET = {
    "Lwnet_tavg": "W m-2",
    "Qs_acc": "kg m-2",
    "Qsb_acc": "kg m-2",
    "Qsm_acc": "kg m-2",
    "SWE_inst": "kg m-2",
    "CanopInt_inst": "kg m-2",
    "SoilMoi0_10cm_inst": "kg m-2",
    "SoilMoi10_40cm_inst": "kg m-2",
    "SoilMoi40_100cm_inst": "kg m-2",
    "SoilMoi100_200cm_inst": "kg m-2",
}


@pytest.fixture(scope="module")
def cells() -> tuple[pd.Series, pd.DataFrame, pd.DataFrame]:
    """Return elevation, factors and places of the cells of the Plateau."""
    climate = load_climate()
    elevation = cell_elevation(climate).where(plateau_mask(climate)).to_series().dropna()
    places = elevation.index.to_frame(index=False).set_axis(["latitude", "longitude"], axis=1)
    factors = sample(climate, places["longitude"], places["latitude"])
    return elevation.reset_index(drop=True), factors[CODES], places


def test_a_cell_has_the_mean_elevation_of_its_relief():
    climate = load_climate()
    cells = cell_elevation(climate)
    relief = load_elevation()
    for lat, lon in ((31.5, 88.5), (25.5, 72.5), (40.5, 105.5)):
        inside = relief.sel(lat=slice(lat - 0.5, lat + 0.5), lon=slice(lon - 0.5, lon + 0.5))
        assert inside.size == 144
        assert float(cells.sel(lat=lat, lon=lon)) == pytest.approx(float(inside.mean()))
    assert float(cells.mean()) == pytest.approx(float(relief.mean()))


def test_the_way_to_the_south_east_is_the_distance_along_it_and_no_other():
    here = way_southeast(90.0, 33.0)
    one = 1 / np.cos(np.radians(33))  # degrees of longitude that are as long as one of latitude
    assert way_southeast(90 + one, 32.0) - here == pytest.approx(np.sqrt(2))
    assert way_southeast(90 + one, 34.0) == pytest.approx(here)
    places = pd.DataFrame({"longitude": [90.0, 91], "latitude": [33.0, 30]}, ["a", "b"])
    both = way_southeast(places["longitude"], places["latitude"])
    assert both.index.tolist() == ["a", "b"]
    assert both["a"] == here


def _as_independent(monkeypatch, share: float = 1.0):
    def sizes(left, right, places, classes):
        pairs = pd.MultiIndex.from_product([left.columns, right.columns], names=["left", "right"])
        return pd.Series(share * len(left), index=pairs)

    monkeypatch.setattr("helpers.statistics.gradients.effective_sizes", sizes)


def test_with_independent_cells_gradients_are_those_of_sites(cells, monkeypatch):
    elevation, factors, places = cells
    _as_independent(monkeypatch)
    ours = fit_gradients(elevation, factors, 0.9, places=places)
    reference = fit_gradients(elevation, factors, 0.9)
    shared = ours.columns.intersection(reference.columns)
    assert set(reference) - set(shared) == {"delta_aicc"}
    np.testing.assert_allclose(ours[shared], reference[shared], rtol=1e-6, atol=1e-12)


def test_held_controls_are_those_of_a_multiple_regression(cells, monkeypatch):
    elevation, factors, places = cells
    _as_independent(monkeypatch)
    ours = fit_gradients(elevation, factors, places=places, given=places)
    z = elevation / 1000
    design = np.column_stack([np.ones(len(z)), z, places])
    bent = np.column_stack([design, (z - z.mean()) ** 2])
    for code in ("AT", "TF"):
        fit, parabola = OLS(factors[code], design).fit(), OLS(factors[code], bent).fit()
        assert ours.loc[code, "slope"] == pytest.approx(fit.params.iloc[1])
        np.testing.assert_allclose(
            ours.loc[code, ["slope_low", "slope_high"]].astype(float), fit.conf_int().iloc[1]
        )
        assert ours.loc[code, "p"] == pytest.approx(fit.pvalues.iloc[1], rel=1e-5)
        assert ours.loc[code, "p_curvature"] == pytest.approx(parabola.pvalues.iloc[4], rel=1e-5)


def test_fewer_effective_cells_widen_the_interval_by_the_t_distribution(cells, monkeypatch):
    elevation, factors, places = cells
    _as_independent(monkeypatch, share=0.1)
    ours = fit_gradients(elevation, factors, places=places).loc["AT"]
    freedom = 0.1 * len(elevation) - 2
    error = abs(ours["slope"]) * np.sqrt((1 / ours["r"] ** 2 - 1) / freedom)
    width = 2 * stats.t.ppf(0.975, freedom) * error
    assert ours["slope_high"] - ours["slope_low"] == pytest.approx(width)
    assert ours["p"] == pytest.approx(2 * stats.t.sf(abs(ours["slope"]) / error, freedom))


def test_a_planted_peak_and_its_mirror_are_found_also_among_neighbours(cells):
    elevation, _, places = cells
    bump = -(((elevation - 4000) / 1000) ** 2)
    noise = np.random.default_rng(5).standard_normal(len(elevation)) / 2
    planted = pd.DataFrame({"peak": bump + noise, "dip": noise - bump, "line": elevation + noise})
    fits = fit_gradients(elevation, planted, places=places)
    assert fits.loc["peak", "p_peak"] < 0.01 < 0.5 < fits.loc["peak", "p_dip"]
    assert fits.loc["dip", "p_dip"] < 0.01 < 0.5 < fits.loc["dip", "p_peak"]
    assert fits.loc["line", ["p_peak", "p_dip"]].min() > 0.05
    assert (fits["p_curvature"] < 0.01).tolist() == [True, True, False]


def test_smooth_maps_that_ignore_elevation_seldom_seem_to_follow_it(cells):
    elevation, _, places = cells
    flat = np.column_stack([places["longitude"] * 93, places["latitude"] * 111])  # km at 33 N
    root = np.linalg.cholesky(np.exp(-cdist(flat, flat) / 400) + 1e-9 * np.eye(len(flat)))
    rng = np.random.default_rng(19)
    maps = pd.DataFrame(root @ rng.standard_normal((len(flat), 40)))
    fits = fit_gradients(elevation, maps, places=places)
    naive = fit_gradients(elevation, maps)
    for name in ("p", "p_curvature"):
        assert (fits[name] < 0.05).sum() <= 5 < 12 < (naive[name] < 0.05).sum()
    assert ((fits["slope_low"] > 0) | (fits["slope_high"] < 0)).equals(fits["p"] < 0.05)


@needs_cdo
def test_area_and_time_means_agree_with_cdo(gldas_folder, tmp_path):
    monthly = open_gldas(gldas_folder)
    climate = annual_mean(monthly)
    mask = plateau_mask(climate, 2500)
    mask.astype(float).rename("mask").to_netcdf(tmp_path / "mask.nc")
    names = ["Rainf_f_tavg", "Tveg_tavg", "Albedo_inst", "Qg_tavg"]
    files = sorted(map(str, gldas_folder.glob("*.nc4")))
    merged = tmp_path / "merged.nc"
    crop = ["-sellonlatbox,72,106,25,41", f"-selname,{','.join(names)}", "-mergetime", *files]
    cdo(*crop, merged)
    area = np.cos(np.radians(climate["lat"]))
    once = monthly[names].astype(float).mean("time")
    for mean, operators in ((climate, ["-timmean", "-yearmonmean"]), (once, ["-timmean"])):
        out = tmp_path / f"{len(operators)}.nc"
        cdo("-fldmean", "-ifthen", tmp_path / "mask.nc", *operators, merged, out)
        with xr.open_dataset(out) as reference:
            for name in names:
                ours = float(mean[name].where(mask).weighted(area).mean())
                assert ours == pytest.approx(float(reference[name].squeeze()), rel=1e-5)
    pair = [float(mean["Qg_tavg"].where(mask).weighted(area).mean()) for mean in (climate, once)]
    assert abs(pair[1] / pair[0] - 1) > 0.005, "the two means differ, so each was compared"


@pytest.fixture(scope="module")
def budgets(gldas_folder) -> xr.Dataset:
    monthly = xr.merge([open_gldas(gldas_folder), open_gldas(gldas_folder, BUDGET)])
    return monthly.where(plateau_mask(monthly))


def test_the_energy_that_is_left_over_melts_snow(budgets):
    mean = annual_mean(budgets)
    gained = mean["Swnet_tavg"] + mean["Lwnet_tavg"]
    residual = gained - mean["Qle_tavg"] - mean["Qh_tavg"] - mean["Qg_tavg"]
    melting = mean["Qsm_acc"] * 8 / 86400 * 0.334e6
    points = xr.Dataset({"residual": residual, "melting": melting}).to_dataframe().dropna()
    line = stats.linregress(points["melting"], points["residual"])
    assert line.slope == pytest.approx(1, abs=0.1)
    assert line.rvalue > 0.9
    assert abs(line.intercept) < 0.01 * float(mean["Swnet_tavg"].mean())


def test_water_closes_outside_the_ice(budgets):
    days = budgets["time"].dt.days_in_month
    evaporated = (budgets["Rainf_f_tavg"] - budgets["Evap_tavg"]) * 86400 * days
    kept = evaporated - (budgets["Qs_acc"] + budgets["Qsb_acc"]) * 8 * days
    stores = [name for name in BUDGET if name.endswith("_inst")]
    stored = budgets[stores].to_dataarray().sum("variable")
    inflow = kept.sum("time") - (kept[0] + kept[-1]) / 2
    residual = (inflow - (stored[-1] - stored[0])) / (budgets.sizes["time"] - 1) * 12
    rain = budgets["Rainf_f_tavg"].mean("time") * 86400 * 365
    free_of_ice = budgets["SWE_inst"].min("time") < 1
    assert int((~free_of_ice & rain.notnull()).sum()) == 8
    assert float(residual.where(free_of_ice).sum() / rain.where(free_of_ice).sum()) < 0.04
    assert float(residual.where(free_of_ice).min()) > 0
    assert float(residual.where(free_of_ice).max()) < 40
    assert float(residual.where(~free_of_ice).max()) < -100


def test_the_latent_heat_of_summer_is_that_of_evaporation(budgets):
    july = budgets.sel(time="2013-07")
    heat = (july["Qle_tavg"] / july["Evap_tavg"]).median()
    assert float(heat) == pytest.approx(2.501e6, rel=1e-3)
