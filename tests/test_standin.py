"""The stand-in archive: its shape on disk, its honesty, and the numbers it promises."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import cftime
import numpy as np
import pytest
import xarray as xr

from helpers.oxygen import annual_total, content
from helpers.readers.earth_system_models import find_files, land_fraction, open_run
from helpers.readers.gldas import open_gldas
from helpers.readers.grids import cell_area, cell_bounds
from helpers.readers.terrain import load_elevation
from helpers.study import load_study
from tests.conftest import GENUINE
from tools import standin

MODELS = list(standin.load_standin()["models"])
NAME = re.compile(
    r"(?P<variable>npp|rh|areacella|sftlf)_(?P<table>Lmon|fx)_(?P<model>[A-Za-z0-9-]+)"
    r"_(?P<experiment>historical|rcp45|rcp85)_(?P<member>r[01]i[01]p[01])"
    r"(_(?P<first>\d{6})-(?P<last>\d{6}))?\.nc"
)


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> Path:
    """Return a freshly written archive."""
    return standin.write_archive(tmp_path_factory.mktemp("standin") / "archive")


def open_raw(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, decode_times=False) as file:
        return file.load()


def read_run(tree: Path, variable: str, model: str, experiment: str) -> xr.DataArray:
    """Join the files of a run into yearly sums, kg m-2, by the months' own bounds."""
    pieces = []
    for path in sorted(tree.rglob(f"{variable}_Lmon_{model}_{experiment}_*.nc")):
        file = open_raw(path)
        length = (file["time_bnds"][:, 1] - file["time_bnds"][:, 0]) * 86400
        starts = cftime.num2date(
            file["time_bnds"][:, 0].values, file["time"].units, file["time"].calendar
        )
        mass = (file[variable].astype(float) * length).assign_coords(
            year=("time", [start.year for start in starts])
        )
        pieces.append(mass)
    return xr.concat(pieces, "time")


def spliced(tree: Path, variable: str, model: str, scenario: str) -> xr.DataArray:
    months = xr.concat(
        [read_run(tree, variable, model, name) for name in ("historical", scenario)], "time"
    )
    months = months.sel(time=months["year"] >= 1990)
    return months.groupby("year").sum("time")


def test_names_folders_and_attributes_agree_and_say_emulated(tree):
    paths = sorted(tree.rglob("*.nc"))
    institutes = {
        name: rules["institute"] for name, rules in standin.load_standin()["models"].items()
    }
    assert {NAME.fullmatch(path.name)["model"] for path in paths} == set(MODELS)
    for path in paths:
        name = NAME.fullmatch(path.name)
        fixed = name["table"] == "fx"
        place = "fx/atmos/fx/r0i0p0" if fixed else "mon/land/Lmon/r1i1p1"
        model, experiment, variable = name["model"], name["experiment"], name["variable"]
        assert path.parent.relative_to(tree).as_posix() == (
            f"output1/{institutes[model]}/{model}/{experiment}/{place}/latest/{variable}"
        )
        with xr.open_dataset(path, decode_times=False) as file:
            assert file.attrs["label"] == "emulated"
            assert "not CMIP5 output" in file.attrs["title"]
            assert file.attrs["model_id"] == model
            assert file.attrs["experiment_id"] == experiment
            assert np.isfinite(file[variable]).all()
            assert (file[variable] >= 0).all()
            if not fixed:
                ends = cftime.num2date(
                    file["time"].values[[0, -1]], file["time"].units, file["time"].calendar
                )
                span = [f"{month.year:04d}{month.month:02d}" for month in ends]
                assert span == [name["first"], name["last"]]
                assert file[variable].encoding["_FillValue"] == np.float32(1e20)
                assert file[variable].dims == ("time", "lat", "lon")
                assert file[variable].dtype == np.float32


def test_calendars_differ_and_the_axis_runs_month_by_month(tree):
    days = {"360_day": {30}, "noleap": {28, 30, 31}, "standard": {28, 29, 30, 31}}
    calendars = {}
    for model in MODELS:
        bounds = []
        for experiment in ("historical", "rcp85"):
            for path in sorted(tree.rglob(f"npp_Lmon_{model}_{experiment}_*.nc")):
                file = open_raw(path)
                calendars[model] = file["time"].calendar
                np.testing.assert_array_equal(file["time"], file["time_bnds"].mean("bnds"))
                bounds.append(file["time_bnds"].values)
        whole = np.concatenate(bounds)
        np.testing.assert_array_equal(whole[1:, 0], whole[:-1, 1])
        assert set(np.diff(whole, axis=1).ravel()) == days[calendars[model]]
    assert set(calendars.values()) == set(days)
    assert [name for name, calendar in calendars.items() if calendar == "360_day"] == ["HadGEM2-ES"]


def test_the_seam_of_hadgem2_es_lies_in_december_as_in_the_genuine_archive(tree):
    name = "rh_Lmon_HadGEM2-ES_"
    assert [path.name for path in tree.rglob(f"{name}historical_*.nc")] == [
        f"{name}historical_r1i1p1_198912-200511.nc"
    ]
    spans = [NAME.fullmatch(path.name)["first"] for path in tree.rglob(f"{name}rcp45_*.nc")]
    assert sorted(spans) == ["200512", "203012", "205512", "208012"]
    december = [
        open_raw(next(tree.rglob(f"{name}{scenario}_*_200512-*.nc")))["rh"][0]
        for scenario in standin.SCENARIOS
    ]
    np.testing.assert_array_equal(*december)


def test_grids_differ_and_cover_the_box_with_two_cells_of_margin(tree):
    shapes = set()
    descending = []
    for path in sorted(tree.rglob("areacella_*.nc")):
        file = open_raw(path)
        shapes.add(file["areacella"].shape)
        for name, (low, high) in {"lat": (25, 41), "lon": (72, 106)}.items():
            bounds = np.sort(np.sort(file[f"{name}_bnds"].values, axis=1), axis=0)
            np.testing.assert_allclose(bounds[1:, 0], bounds[:-1, 1], atol=1e-9)
            assert bounds[2, 0] <= low < bounds[2, 1]
            assert bounds[-3, 0] < high <= bounds[-3, 1]
            centres = np.sort(file[name].values)
            assert ((centres > bounds[:, 0]) & (centres < bounds[:, 1])).all()
        if file["lat"][0] > file["lat"][-1]:
            descending.append(file.attrs["model_id"])
        assert file["lon"].min() >= 0
        height = np.abs(np.diff(np.sin(np.radians(file["lat_bnds"])), axis=1))
        width = np.radians(np.diff(file["lon_bnds"], axis=1))
        np.testing.assert_allclose(file["areacella"], 6371e3**2 * height * width.T, rtol=1e-6)
    assert len(shapes) >= 6
    assert descending == ["BNU-ESM"]
    steps = np.diff(standin.grid("CanESM2")["lat"])
    assert steps.std() > 1e-6
    assert steps.mean() == pytest.approx(2.79, abs=0.01)


@pytest.mark.parametrize("model", ["BNU-ESM", "GFDL-ESM2G", "HadGEM2-ES", "MIROC-ESM"])
def test_months_add_up_to_the_stated_year_in_each_calendar(tree, model):
    for variable in ("npp", "rh"):
        stated = standin.annual_fluxes(model)[variable]
        for scenario in standin.SCENARIOS:
            years = spliced(tree, variable, model, scenario)
            assert years["year"].values.tolist() == list(range(1990, 2100))
            np.testing.assert_allclose(
                years.transpose("year", "lat", "lon"),
                stated.sel(scenario=scenario, year=slice(1990, None)),
                rtol=2e-6,
            )


def test_the_files_hold_the_papers_change_by_construction(tree):
    relief = load_elevation().sel(lat=slice(25, 40), lon=slice(73, 105))
    high = (np.cos(np.radians(relief["lat"])) * (relief >= 2500)).transpose("lat", "lon")
    changes = {scenario: [] for scenario in standin.SCENARIOS}
    for model in MODELS:
        land = open_raw(next(tree.rglob(f"sftlf_fx_{model}_*.nc")))
        area = open_raw(next(tree.rglob(f"areacella_fx_{model}_*.nc")))["areacella"]
        assert (standin.grid(model)["plateau_area"] <= area.values * (1 + 1e-6)).all()
        place = []
        for name in ("lat", "lon"):
            low, upper = np.sort(land[f"{name}_bnds"].values, axis=1).T[:, :, None]
            inside = (relief[name].values >= low) & (relief[name].values < upper)
            place.append(inside.astype(float))
        plateau = place[0] @ high.values @ place[1].T
        weights = land["sftlf"].copy(data=plateau * land["sftlf"].values / 100)
        for scenario in standin.SCENARIOS:
            nep = spliced(tree, "npp", model, scenario) - spliced(tree, "rh", model, scenario)
            top = (nep * 32 / 12).weighted(weights).mean(["lat", "lon"])
            future, past = (
                float(top.sel(year=span).mean()) for span in (slice(2006, 2099), slice(1990, 2005))
            )
            changes[scenario].append(future - past)
    assert np.mean(changes["rcp45"]) == pytest.approx(0.01, abs=2e-4)
    assert np.mean(changes["rcp85"]) == pytest.approx(0.04, abs=2e-4)
    assert max(changes["rcp85"]) > 4 * min(changes["rcp85"])
    assert all(np.greater(changes["rcp85"], changes["rcp45"]))


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


def test_seasons_add_up_to_one_and_peak_in_summer():
    for model in ("CanESM2", "NorESM1-M"):
        seasons = standin.seasons(model)
        for variable in ("npp", "rh"):
            np.testing.assert_allclose(seasons[variable].sum("month"), 1, rtol=1e-12)
            assert seasons[variable].argmax("month").isin([6, 7]).all()


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


@pytest.mark.skipif(not shutil.which("cdo"), reason="CDO is not installed")
@pytest.mark.parametrize("model", ["CanESM2", "HadGEM2-ES", "MIROC-ESM"])
def test_what_the_reader_sums_is_what_cdo_sums(tree, tmp_path, model):
    files = find_files(tree)
    runs = files[(files["model"] == model) & (files["experiment"] == "rcp85")]
    runs = runs[runs["variable"] == "npp"].iloc[-1:]
    flux = open_run(runs)
    flux = flux.isel(time=flux["time"].dt.year > int(flux["time"].dt.year[0]))
    annual = annual_total(flux)
    area = cell_area(*cell_bounds(flux))
    land = land_fraction(files, model, flux)
    corner = [
        f"{float(edge) + shift:.6f}"
        for name in ("lon", "lat")
        for edge, shift in ((flux[name][0], -1e-3), (flux[name][-1], 1e-3))
    ]
    box = "-sellonlatbox," + ",".join(corner)
    sums, gigatonnes = tmp_path / "sums.nc", tmp_path / "gt.nc"
    areacella = next(tree.rglob(f"areacella_fx_{model}_*.nc"))
    years = f"-selyear,{annual['year'].values[0]}/{annual['year'].values[-1]}"
    yearly = ["-yearsum", "-muldpm", "-mulc,86400", years, "-selname,npp", box]
    monthly = str(runs["path"].iloc[0])
    cdo = ["cdo", "-s", "-b", "F64"]
    subprocess.run([*cdo, *yearly, monthly, str(sums)], check=True)
    weighted = ["-divc,1e12", "-fldsum", "-mul", str(sums), box, str(areacella)]
    subprocess.run([*cdo, *weighted, str(gigatonnes)], check=True)
    with xr.open_dataset(sums, decode_times=False) as reference:
        expected = reference["npp"].sortby("lat").values
    np.testing.assert_allclose(annual.values, expected, rtol=1e-6)
    with xr.open_dataset(gigatonnes, decode_times=False) as reference:
        expected = reference["npp"].values.ravel()
    np.testing.assert_allclose(content(annual, area, land).values, expected, rtol=1e-6)
