"""The stand-ins: their grids and calendars, their honesty, and the numbers they promise."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from helpers.oxygen import annual_total
from helpers.readers.gldas import open_gldas
from helpers.readers.terrain import load_elevation
from helpers.study import load_study
from tests.conftest import GENUINE
from tools import standin

MODELS = list(standin.load_standin()["models"])


def test_grids_differ_and_cover_the_box():
    shapes = {tuple(standin.grid(model)["plateau_area"].shape) for model in MODELS}
    assert len(shapes) >= 6
    for model in MODELS:
        cells = standin.grid(model)
        for name, (low, high) in {"lat": (25, 41), "lon": (72, 106)}.items():
            bounds = np.sort(np.sort(cells[f"{name}_bnds"].values, axis=1), axis=0)
            np.testing.assert_allclose(bounds[1:, 0], bounds[:-1, 1], atol=1e-9)
            assert bounds[0, 0] <= low < bounds[0, 1]
            assert bounds[-1, 0] < high <= bounds[-1, 1]
            centres = np.sort(cells[name].values)
            assert ((centres > bounds[:, 0]) & (centres < bounds[:, 1])).all()
    steps = np.diff(standin.grid("CanESM2")["lat"])  # Gaussian
    assert steps.std() > 1e-6
    assert steps.mean() == pytest.approx(2.79, abs=0.01)


@pytest.mark.parametrize("model", ["BNU-ESM", "GFDL-ESM2G", "HadGEM2-ES", "MIROC-ESM"])
def test_months_add_up_to_the_stated_year_in_each_calendar_and_peak_in_summer(model):
    months = standin.monthly_fluxes(model)
    stated = standin.annual_fluxes(model).assign_coords(lat=standin.grid(model)["lat"])
    calendar = months.indexes["time"].calendar
    assert (calendar == "360_day") == (model == "HadGEM2-ES")
    assert (months.indexes["lat"].is_monotonic_increasing, months["npp"].dtype) == (True, "float32")
    for name in ("npp", "rh"):
        assert (months[name] >= 0).all()
        assert "emulated" in months[name].attrs["comment"]
        assert months[name].groupby("time.month").mean("time").argmax("month").isin([6, 7]).all()
        years = annual_total(months[name])
        wanted = stated[name].sel(year=slice(1990, None)).sortby("lat")
        np.testing.assert_allclose(years.transpose(*wanted.dims), wanted, rtol=2e-6)


def test_the_fluxes_hold_the_papers_change_by_construction():
    relief = load_elevation().sel(lat=slice(25, 40), lon=slice(73, 105))
    high = (np.cos(np.radians(relief["lat"])) * (relief >= 2500)).transpose("lat", "lon")
    changes = []
    for model in MODELS:
        cells, place = standin.grid(model), []
        for name in ("lat", "lon"):
            low, upper = np.sort(cells[f"{name}_bnds"].values, axis=1).T[:, :, None]
            inside = (relief[name].values >= low) & (relief[name].values < upper)
            place.append(inside.astype(float))
        weights = cells["plateau_area"].copy(data=place[0] @ high.values @ place[1].T)
        fluxes = standin.annual_fluxes(model)
        top = ((fluxes["npp"] - fluxes["rh"]) * 32 / 12).weighted(weights).mean(["lat", "lon"])
        future, past = (
            top.sel(year=slice(*span)).mean("year") for span in ((2006, 2099), (1990, 2005))
        )
        changes.append((future - past).values)
    low, high = np.transpose(changes)
    assert low.mean() == pytest.approx(0.01, abs=2e-4)
    assert high.mean() == pytest.approx(0.04, abs=2e-4)
    assert high.max() > 4 * high.min()
    assert (high > low).all()


def test_the_factors_are_near_one_and_parameters_stay_in_their_published_ranges():
    factors = standin.calibrate()
    assert 0.8 < factors["beta"] < 1.25
    assert 0.8 < factors["turnover"] < 1.25
    for rules in standin.load_standin()["models"].values():
        own = rules["parameters"]
        assert 0.2 < own["beta"] * factors["beta"] * np.log(2) < 0.6
        assert 14 <= own["turnover"] * factors["turnover"] <= 44
        assert 1.43 <= own["q10"] <= 2.03


def test_both_scenarios_share_the_past_and_part_after_2005_without_a_jump():
    fluxes = standin.annual_fluxes("IPSL-CM5A-LR")["npp"]
    low, high = (fluxes.sel(scenario=name) for name in standin.SCENARIOS)
    np.testing.assert_array_equal(low.sel(year=slice(None, 2005)), high.sel(year=slice(None, 2005)))
    assert not np.allclose(low.sel(year=2006), high.sel(year=2006), rtol=1e-3)
    step = np.abs(fluxes.diff("year") / fluxes.mean("year"))
    assert step.sel(year=2006).max() < step.max()


def test_npp_follows_the_published_formulas():
    # T = 0, P = 500: 3000 / (1 + e^1.315) = 634.95, 3000 (1 - e^-0.332) = 847.52 g dry matter
    assert standin.miami(0.0, 500.0) == pytest.approx(0.45e-3 * 634.95, rel=1e-4)
    assert standin.miami(15.0, 200.0) == pytest.approx(0.45e-3 * 373.08, rel=1e-4)
    # E = 320: 3000 (1 - e^-0.29085) = 757.12
    assert standin.thornthwaite_memorial(320.0) == pytest.approx(0.45e-3 * 757.12, rel=1e-4)
    assert standin.thornthwaite_memorial(12.0) == 0
    # T = 10, P = 42.59 mm: half of 1.25 e^0.5452 = 2.1562 g
    assert standin.raich_respiration(10.0, 42.59) == pytest.approx(1.0781e-3, rel=1e-4)


def test_climatic_npp_mixes_both_models_at_the_observed_climate():
    climate = load_study().climate
    cells = standin.grid("CESM1-CAM5")
    own = standin.load_standin()["models"]["CESM1-CAM5"]["parameters"]
    here = climate.interp(lat=cells["lat"][10].item(), lon=cells["lon"][20].item())
    year = 365 * 86400
    memorial = 3000 * (1 - np.exp(-0.0009695 * (float(here["Evap_tavg"]) * year - 20)))
    warmth = 3000 / (1 + np.exp(1.315 - 0.119 * (float(here["Tair_f_inst"]) - 273.15)))
    water = 3000 * (1 - np.exp(-0.000664 * float(here["Rainf_f_tavg"]) * year))
    mixed = own["memorial"] * memorial + (1 - own["memorial"]) * min(warmth, water)
    npp = standin.climatic_npp("CESM1-CAM5")[10, 20]
    assert npp == pytest.approx(own["level"] * 0.45e-3 * mixed, rel=1e-9)
    assert np.isfinite(standin.climatic_npp("CESM1-CAM5")).all()


def rcp(name: str) -> xr.Dataset:
    path = GENUINE / "rcp" / name
    if not path.is_file():
        pytest.skip(f"the genuine figures are not at {path} (set TIBET_REAL_DATA)")
    with xr.open_dataset(path, decode_times=False) as file:
        return file.load()


def test_co2_is_the_published_path_within_half_a_ppm():
    published = rcp("concentrations_Meinshausen_2011.nc")["CO2"]
    for scenario, name in (("rcp45", "RCP4.5"), ("rcp85", "RCP8.5")):
        ours = standin.forcing(scenario)["co2"]
        genuine = published.sel(year=ours.index.to_numpy())
        genuine = genuine.sel(scen=name).where(
            genuine["year"] > 2005, genuine.sel(scen="historical")
        )
        np.testing.assert_allclose(ours, genuine, atol=0.43)


def test_warming_is_the_mean_of_the_cmip5_models():
    runs = rcp("cmip5_tas_global_mon.nc")["tas"].sel(run="run1")
    runs = runs.assign_coords(time=1850 + np.arange(runs.sizes["time"]))
    amplification = standin.load_standin()["warming"]["amplification"]
    for scenario in standin.SCENARIOS:
        joined = runs.sel(scen=scenario)
        joined = joined.where(joined["time"] > 2005, runs.sel(scen="historical"))
        joined = joined.sel(time=slice(1980, 2099)).dropna("model")
        assert joined.sizes["model"] == 38
        warming = (joined - joined.sel(time=slice(1986, 2005)).mean("time")).mean("model")
        smooth = warming.to_series().rolling(11, center=True).mean().loc[1989:2094]
        ours = standin.forcing(scenario)["warming"].loc[1989:2094] / amplification
        np.testing.assert_allclose(ours, smooth, atol=0.06)


def test_seasons_are_those_of_the_genuine_gldas_files(gldas_folder):
    months = open_gldas(gldas_folder)[["Tair_f_inst", "Rainf_f_tavg"]]
    relief = load_elevation()
    coarse = relief.coarsen(lat=12, lon=12).mean()
    high = (coarse.values >= 2500) & (coarse["lat"] <= 40).values[:, None]
    high &= ((coarse["lon"] >= 73) & (coarse["lon"] <= 105)).values
    weights = xr.DataArray(high, months.drop_vars("time").coords, ("lat", "lon"))
    weights = weights * np.cos(np.radians(months["lat"]))
    year = months.weighted(weights).mean(["lat", "lon"]).groupby("time.month").mean("time")
    stated = standin.load_standin()["seasons"]
    temperature = year["Tair_f_inst"] - year["Tair_f_inst"].mean()
    np.testing.assert_allclose(stated["temperature_K"], temperature, atol=0.06)
    rain = year["Rainf_f_tavg"] * [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    np.testing.assert_allclose(stated["rain_share"], rain / rain.sum(), atol=6e-4)
    assert sum(stated["rain_share"]) == pytest.approx(1, abs=1e-9)
