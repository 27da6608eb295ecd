"""The reader of CMIP archives: genuine files, small archives made to order, and CDO."""

from __future__ import annotations

import gzip
import re
import shutil
from pathlib import Path

import dask
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.oxygen import annual_total, content
from helpers.readers.archive_files import find_files, holds_archive
from helpers.readers.earth_system_models import (
    land_fraction,
    open_ensemble,
    open_run,
    splice,
)
from helpers.readers.grids import cell_area, cell_bounds, regrid
from tests.archives import (
    GLOBE,
    PERIODS,
    bare,
    cdo,
    gaussian,
    genuine,
    midpoints,
    needs_cdo,
    regular,
    run,
    save,
    save_fixed,
    save_model,
)

YEARS = {"first_year": 2004, "last_year": 2007}

# Genuine files


def test_a_genuine_run_is_joined_from_its_six_pieces():
    respiration = find_files(genuine("cmip5"))
    assert len(respiration) == 6
    joined = open_run(respiration.sample(frac=1, random_state=3), GLOBE)
    months = [(time.year, time.month) for time in joined["time"].values]
    assert (months[0], months[-1]) == ((1859, 12), (2005, 11))
    assert len(set(months)) == len(months) == 146 * 12
    assert joined["time"].dt.calendar == "360_day"
    np.testing.assert_allclose(joined["lon"], [-172.5, 0])
    assert joined.isnull().all("time").values.tolist() == [[False, False], [True, False]]
    with xr.open_dataset(respiration["path"].iloc[0], decode_times=False) as file:
        np.testing.assert_array_equal(joined[:300, :, 1], file["rh"][:, :, 0])
    whole = annual_total(joined[1:-11])
    assert whole.sizes["year"] == 145
    expected = joined[1:13, 1, 1].astype(float).sum() * 30 * 86_400
    assert float(whole[0, 1, 1]) == pytest.approx(float(expected), rel=1e-12)
    with pytest.raises(InputError, match=r"HadGEM2-ES historical(.|\n)*1959-12 after 1934-11"):
        open_run(respiration[respiration["start"] != "193412"], GLOBE)


def test_a_genuine_scenario_continues_its_historical_run():
    temperature = find_files(genuine("cmip5"), {"tas": "Amon"})
    starts = ["200512", "203012", "205512", "208012"]
    runs = temperature[
        (temperature["experiment"] == "historical") | temperature["start"].isin(starts)
    ]
    runs = {name: open_run(of, GLOBE, "K") for name, of in runs.groupby("experiment")}
    historical, future = runs["historical"], runs["rcp85"]
    both = splice(historical, future)
    assert both.sizes["time"] == historical.sizes["time"] + future.sizes["time"]
    with pytest.raises(InputError, match="2006-01 after 2005-11: months are missing"):
        splice(historical, future[1:])


def test_december_2099_which_hadgem2_es_gives_twice_is_that_of_the_file_before():
    files = find_files(genuine("cmip5"), {"tas": "Amon"})
    twice = files[files["start"].isin(["208012", "209912"]) & (files["experiment"] == "rcp85")]
    with pytest.warns(UserWarning, match="begins first are read: tas rcp85 r1i1p1 2099-12$"):
        joined = open_run(twice, GLOBE, "K")
    assert joined.sizes["time"] == 229 + 300 - 1
    with xr.open_dataset(twice["path"].iloc[0], decode_times=False) as file:
        np.testing.assert_array_equal(joined[228, :, 1], file["tas"][-1, :, 0])


def test_a_genuine_full_grid_is_cropped_and_its_axis_wins_over_its_name():
    files = find_files(genuine("cmip5_fullgrid"), {"tas": "Amon"})
    with pytest.warns(UserWarning, match="2007-01 to 2007-12, the time axis 2006-12 to 2007-11"):
        cropped = open_run(files, units="K")
    assert cropped.sizes == {"time": 12, "lat": 8, "lon": 14}
    for bounds, low, high in zip(cell_bounds(cropped), (25, 72), (41, 106), strict=True):
        centres = cropped[bounds.dims[0]]
        assert bounds.min() < low < high < bounds.max()
        assert (centres < low).sum() == (centres > high).sum() == 1
    with xr.open_dataset(files["path"].iloc[0], decode_times=False) as file:
        expected = file["tas"].sel(lat=cropped["lat"], lon=cropped["lon"], method="nearest")
        np.testing.assert_array_equal(cropped, expected)


# Finding files, and one run


def test_a_tree_and_a_flat_folder_list_the_same_files(tmp_path):
    flat = save_model(tmp_path / "flat")
    tree = tmp_path / "tree" / "output1" / "INST" / "MODEL-A"
    for path in flat.iterdir():
        place = tree / path.name.split("_")[3] / "mon" / "v20120101" / path.name.split("_")[0]
        place.mkdir(parents=True)
        shutil.copy(path, place)
    (tree / "latest").symlink_to(tree / "rcp45")
    (flat / "tas_Amon_MODEL-A_rcp45_r1i1p1_200601-200712.nc").write_text("not ours")
    (flat / "notes.nc").write_text("not ours")
    found = [find_files(folder) for folder in (flat, tmp_path / "tree")]
    assert found[1].pop("version").eq(20120101).all()
    pd.testing.assert_frame_equal(
        *(each.drop(columns=["path", "version"], errors="ignore") for each in found)
    )
    name = "npp_Lmon_MODEL-A_historical_r1i1p1_200401_200512"
    columns = ["variable", "table", "model", "experiment", "member", "start", "end"]
    assert [*found[0].loc[0, columns]] == name.split("_")


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "standard", "proleptic_gregorian"])
def test_every_calendar_is_read_from_a_december(tmp_path, calendar):
    save(tmp_path, run(start="1999-12", months=25, calendar=calendar, value=1e-8))
    flux = open_run(find_files(tmp_path))
    assert flux["time"].dt.calendar == calendar.replace("proleptic_gregorian", "standard")
    total = annual_total(flux[1:13])
    days = {"noleap": 365, "360_day": 360}.get(calendar, 366)
    np.testing.assert_allclose(total, float(np.float32(1e-8)) * days * 86_400, rtol=1e-14)


def test_months_may_be_stamped_at_their_ends_and_cells_be_without_bounds(tmp_path):
    file = run()
    ends = xr.Variable(
        "time", file["time_bnds"].values[:, 1], file["time"].attrs, file["time"].encoding
    )
    changed = {"plain": file, "bare": bare(run()), "ends": file.assign_coords(time=ends)}
    for name, each in changed.items():
        save(tmp_path / name, each, period="200401-200512")
    plain, *others = (open_run(find_files(tmp_path / name)) for name in changed)
    for other in others:
        xr.testing.assert_allclose(plain, other, rtol=1e-12)


def test_of_the_files_of_a_period_only_the_region_is_read(tmp_path):
    io = Path("/proc/self/io")
    if not io.exists():
        pytest.skip("this system does not count what a process reads")
    edges = regular(1.0)
    save(tmp_path, run(months=48, edges=edges, value=1e-8))
    path = save(tmp_path, run(start="2008-01", months=48, edges=edges, value=1e-8))
    later = open_run(find_files(tmp_path))[48:]
    before = int(io.read_text(encoding="utf-8").split()[1])
    later.load()
    assert int(io.read_text(encoding="utf-8").split()[1]) - before < path.stat().st_size / 5


def test_a_file_that_lies_outside_the_period_by_its_name_is_left_alone(tmp_path):
    save_model(tmp_path)
    expected = open_ensemble(tmp_path, **YEARS)
    for path in list(tmp_path.rglob("npp_*_historical_*.nc")):
        early = re.sub(r"\d{6}-\d{6}", "185001-185912", path.name)
        path.with_name(early).write_bytes(b"damaged")
    found = open_ensemble(tmp_path, **YEARS)
    assert found.attrs["inputs"] == expected.attrs["inputs"]
    with pytest.raises(InputError, match="185001-185912"):
        open_ensemble(tmp_path, first_year=1850, last_year=1859)


# Land


def test_land_is_sftlf_or_where_there_is_a_flux(tmp_path):
    file = run()
    file["npp"] = file["npp"].where(file["lon"] < 90)
    save(tmp_path, file)
    files = find_files(tmp_path)
    flux = open_run(files)
    np.testing.assert_array_equal(land_fraction(files, "MODEL-A", flux), flux[0].notnull())
    save_fixed(tmp_path, "sftlf", np.linspace(0, 100, 144), "%")
    sftlf = land_fraction(find_files(tmp_path), "MODEL-A", flux)
    expected = np.linspace(0, 1, 144)[np.searchsorted(midpoints(regular(2.5)[1]), flux["lon"])]
    np.testing.assert_allclose(sftlf, np.broadcast_to(expected, sftlf.shape), rtol=1e-6)


def test_sftlf_of_the_fluxes_grid_is_taken_and_of_another_passed_over(tmp_path):
    for experiment, start in (("historical", "2013-01"), ("ssp245", "2015-01")):
        for variable in ("npp", "rh"):
            save(tmp_path, run(variable, start), variable, experiment, member="r1i1p1f1_gn")
    years = {"first_year": 2013, "last_year": 2016}

    def add_land(value: float, grid: str, edges=None) -> xr.DataArray:
        path = save_fixed(tmp_path, "sftlf", value, "%", edges=edges)
        path.rename(path.with_name(path.name.replace("r0i0p0", f"r1i1p1f1_{grid}")))
        return open_ensemble(tmp_path, ["ssp245"], **years)["land_fraction"]

    np.testing.assert_allclose(add_land(30, "gr", regular(2.0)), 1)
    np.testing.assert_allclose(add_land(40, "gn"), 0.4, rtol=1e-6)


# One grid


def field(edges, values=None, seed: int = 0) -> xr.DataArray:
    """Return a flux with bounds on the cells around the Plateau, nothing near the rim."""
    (south, north), (west, east) = ((each[:-1], each[1:]) for each in edges)
    lat, lon = map(midpoints, edges)
    if values is None:
        values = np.random.default_rng(seed).uniform(-1, 3, (2, lat.size, lon.size))
    sides = {"south": south, "north": north, "west": west, "east": east}
    flux = xr.DataArray(
        np.broadcast_to(values, (2, lat.size, lon.size)),
        {"year": [2000, 2001], "lat": lat, "lon": lon}
        | {side: ("lat" if "th" in side else "lon", each) for side, each in sides.items()},
        ("year", "lat", "lon"),
        name="top",
        attrs={"units": "kg m-2 yr-1"},
    )
    around = flux.sel(lat=slice(19, 47), lon=slice(66, 112))
    inside = (around["lat"] > 28.5) & (around["lat"] < 37.5)
    return around.where(inside & (around["lon"] > 76) & (around["lon"] < 102), 0)


def total(flux, fraction) -> np.ndarray:
    """Return the content of a region."""
    return content(flux, cell_area(*cell_bounds(flux)), fraction).values


ONE_DEGREE = (np.arange(-90, 91.0), np.arange(0, 361.0))


@pytest.mark.parametrize(
    "edges",
    [
        gaussian(64),
        gaussian(160),
        (np.clip(np.arange(-90.625, 91, 1.25), -90, 90), regular(1.875)[1]),
        regular(0.5),
        ONE_DEGREE,
    ],
)
def test_regridding_keeps_the_total(edges):
    flux = field(edges)
    rng = np.random.default_rng(1)
    fraction = xr.zeros_like(flux[0]) + rng.uniform(0, 1, flux[0].shape)
    fraction = fraction.where(rng.uniform(0, 1, flux[0].shape) > 0.2, 0)
    moved, land = regrid(flux, fraction)
    assert moved.sizes == {"year": 2, "lat": 16, "lon": 34}
    assert moved.attrs == flux.attrs
    assert land.max() <= 1 + 1e-12
    np.testing.assert_allclose(total(moved, land), total(flux, fraction), rtol=1e-12)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.6, 3.5), st.floats(0.6, 3.5))
def test_regridding_keeps_the_total_of_any_grid(seed, height, width):
    flux = field((np.arange(-1, 90, height), np.arange(0, 181, width)), seed=seed)
    ones = xr.ones_like(flux[0])
    moved, land = regrid(flux, ones)
    np.testing.assert_allclose(land, 1)
    np.testing.assert_allclose(total(moved, land), total(flux, ones), rtol=1e-9, atol=1e-9)


def test_a_uniform_flux_stays_uniform_beside_an_ocean_and_a_gap_does_not_spread():
    flux = field(gaussian()) * 0 + 0.25
    moved, land = regrid(flux.where(flux["lon"] < 90), xr.ones_like(flux[0]))
    np.testing.assert_allclose(moved.where(land > 0, 0.25), 0.25)
    assert moved.where(land == 0).isnull().all()
    assert 0 < float(land.mean()) < 1
    flux[1, 5, 5] = np.nan
    moved, _ = regrid(flux, xr.ones_like(flux[0]))
    assert moved[0].notnull().all()
    assert 4 <= int(moved[1].isnull().sum()) <= 25
    np.testing.assert_allclose(moved.where(moved.notnull(), 0.25), 0.25)


def test_the_degree_grid_is_its_own_image():
    flux = field(ONE_DEGREE)
    moved, land = regrid(flux, xr.ones_like(flux[0]))
    expected = flux.sel(lat=moved["lat"], lon=moved["lon"])
    np.testing.assert_allclose(moved, expected)
    np.testing.assert_allclose(land, 1)
    assert moved["lat"].values[[0, -1]].tolist() == [25.5, 40.5]
    assert moved["lon"].values[[0, -1]].tolist() == [72.5, 105.5]


def test_land_that_appears_later_is_refused(tmp_path):
    for experiment, start in PERIODS.items():
        for variable in ("npp", "rh"):
            file = run(variable, start)
            if (variable, experiment) == ("npp", "historical"):
                file["npp"][:, 50:, 30:] = np.nan
            save(tmp_path, file, variable, experiment)
    with pytest.raises(InputError, match=r"MODEL-A(.|\n)*whose values begin later"):
        open_ensemble(tmp_path, **YEARS)


# The ensemble


@pytest.fixture
def archive(tmp_path) -> Path:
    """Return an archive of three models: other grids, calendars, pieces and land fractions."""
    rng = np.random.default_rng(5)
    save_model(tmp_path / "b", "MODEL-B", edges=gaussian(), calendar="noleap")
    save_fixed(tmp_path / "b", "sftlf", rng.uniform(1, 100, (64, 128)), "%", "MODEL-B", gaussian())
    for experiment, start in PERIODS.items():
        for variable in ("npp", "rh"):
            month = {"historical": "2003-12"}.get(experiment, "2005-12")
            file = run(variable, month, 25 - (experiment == "historical"), "360_day")
            save(tmp_path / "a", file.isel(time=slice(0, 7)), variable, experiment)
            save(tmp_path / "a", file.isel(time=slice(7, None)), variable, experiment)
        ocean = run("nep", start, 24, "standard", regular(1.5))
        ocean["nep"] = ocean["nep"].where(ocean["lon"] < 95)
        save(tmp_path / "c", ocean, "nep", experiment, "MODEL-C")
    return tmp_path


def test_an_archive_becomes_one_ensemble(archive):
    ensemble = open_ensemble(archive, **YEARS)
    top = ensemble["top"]
    assert top.dims == ("scenario", "model", "year", "lat", "lon")
    assert top.shape == (2, 3, 4, 16, 34)
    assert top["model"].values.tolist() == ["MODEL-A", "MODEL-B", "MODEL-C"]
    assert top["scenario"].values.tolist() == ["rcp45", "rcp85"]
    assert set(ensemble.coords) == {"scenario", "model", "year", "lat", "lon"}
    assert ensemble["land_fraction"].dims == ("model", "lat", "lon")
    assert not dask.is_dask_collection(ensemble)
    assert ensemble.attrs["left_out"] == ensemble.attrs["remarks"] == ""
    assert top.attrs["units"] == "kg m-2 yr-1"
    inputs = [line.split("  ") for line in ensemble.attrs["inputs"].splitlines()]
    assert ["MODEL-B", "sftlf_fx_MODEL-B_historical_r0i0p0.nc"] in inputs
    assert len(inputs) == 12 + 7 + 3
    before = top.sel(year=slice(None, 2005))
    np.testing.assert_array_equal(before.sel(scenario="rcp45"), before.sel(scenario="rcp85"))
    assert top.sel(model="MODEL-C", lon=slice(96, None)).isnull().all()


def test_oxygen_is_made_from_npp_less_rh_or_nep_year_by_year(tmp_path):
    save_model(tmp_path / "parts")
    for experiment, start in PERIODS.items():
        nep = run("npp", start)["npp"] - run("rh", start)["rh"]
        file = run("nep", start).assign(nep=nep.assign_attrs(units="kg m^-2 s^-1"))
        save(tmp_path / "whole", file, "nep", experiment)
    parts, whole = (open_ensemble(tmp_path / name, **YEARS)["top"] for name in ("parts", "whole"))
    xr.testing.assert_allclose(parts, whole)
    npp = run("npp", "2006-01").isel(time=slice(12))["npp"]
    seconds = npp["time"].dt.days_in_month * 86_400
    nep = npp - run("rh", "2006-01")["rh"].isel(time=slice(12))
    here = {"lat": 32.5 - 1.25, "lon": 90}  # within one cell of 2.5 degrees
    expected = float((nep.sel(here, method="nearest") * seconds).sum()) * 32 / 12
    found = float(parts.sel(scenario="rcp45", year=2006, lat=31.5, lon=90.5).squeeze())
    assert found == pytest.approx(expected, rel=1e-5)


def test_all_scenarios_are_of_the_first_complete_member(tmp_path):
    for member in ("r10i1p1", "r2i1p1", "r1i1p1"):
        save_model(tmp_path, member=member)
    next(tmp_path.glob("rh_*_rcp85_r1i1p1_*")).unlink()
    about = open_ensemble(tmp_path, **YEARS).attrs
    assert about["fluxes"].startswith("MODEL-A r2i1p1:")
    inputs = about["inputs"].splitlines()
    assert len(inputs) == 6
    assert all("_r2i1p1_" in line for line in inputs)


def test_a_model_that_cannot_be_used_is_left_out_with_all_its_reasons(archive):
    expected = open_ensemble(archive, **YEARS)["top"].drop_sel(model="MODEL-B")
    empty, other = sorted(archive.glob("b/*_historical_r1*"))
    empty.write_bytes(b"")
    other.write_bytes(other.read_bytes()[:5000])
    with pytest.warns(UserWarning, match="left out MODEL-B") as told:
        found = open_ensemble(archive, **YEARS)
    xr.testing.assert_identical(found["top"], expected)
    (line,) = found.attrs["left_out"].splitlines()
    assert all(word in line for word in (empty.name, "an empty file", other.name, "cut short"))
    assert len(told) == 1
    with pytest.raises(InputError) as refusal:
        open_ensemble(archive, **YEARS, strict=True)
    assert all(name in str(refusal.value) for name in (empty.name, other.name))


def test_faults_that_only_values_show_are_found_in_every_file(tmp_path):
    save_model(tmp_path)
    for path in tmp_path.glob("rh_*_rcp*"):
        with xr.open_dataset(path, decode_times=False) as opened:
            file = opened.load()
        file["rh"][3] *= -1 if "rcp45" in path.name else 1e3
        file.to_netcdf(path, format="NETCDF3_CLASSIC")
    with pytest.raises(InputError, match=r"-1.*e-08; 1.*e-05") as refusal:
        open_ensemble(tmp_path, **YEARS)
    for scenario in ("rcp45", "rcp85"):
        assert f"rh_Lmon_MODEL-A_{scenario}_r1i1p1_200601-200712.nc" in refusal.value.where


# Archives as people have them


def top_of(folder: Path, **options) -> xr.DataArray:
    """Return TOP of the only model in a folder."""
    return open_ensemble(folder, **YEARS | options)["top"]


@pytest.fixture
def plain(tmp_path) -> xr.DataArray:
    """Return TOP of a model in files without any oddity."""
    return top_of(save_model(tmp_path / "plain"))


@pytest.mark.parametrize("years", [1, 2])
def test_each_year_may_lie_in_a_folder_of_its_own(tmp_path, plain, years):
    for experiment, start in PERIODS.items():
        for variable in ("npp", "rh"):
            file = run(variable, start)
            for month in range(0, 24, 12 // years):
                part = file.isel(time=slice(month, month + 12 // years))
                year = str(part["time"].dt.year.values[0])
                save(tmp_path / "years" / year, part, variable, experiment)
    xr.testing.assert_allclose(top_of(tmp_path / "years"), plain, rtol=1e-12)


def test_what_splityearmon_writes_is_read(tmp_path, plain):
    for experiment, start in PERIODS.items():
        for variable in ("npp", "rh"):
            file = run(variable, start)
            for month in range(24):
                part = file.isel(time=[month])
                stem = save(tmp_path / "split", part, variable, experiment)
                date = part["time"].dt.strftime("%Y%m").item()
                stem.rename(stem.with_name(stem.name.replace(f"{date}-{date}", date)))
    xr.testing.assert_allclose(top_of(tmp_path / "split"), plain, rtol=1e-12)


def test_names_in_upper_case_with_other_suffixes_are_read(tmp_path, plain):
    for number, path in enumerate(save_model(tmp_path / "upper").iterdir()):
        suffix = ("", ".NC4", ".netcdf")[number % 3]
        path.rename(path.with_name(path.name.upper().removesuffix(".NC") + suffix))
    assert holds_archive(tmp_path / "upper")
    xr.testing.assert_identical(top_of(tmp_path / "upper"), plain)


@pytest.mark.parametrize(
    "name",
    [
        "npp_Lmon_CanESM2_rcp45_r1i1p1_200601-210012.nc.gz",
        "rh_Lmon_CanESM5_ssp585_r1i1p1f1_gn_201501-210012.nc4",
        "NEP_EMON_CanESM5_ssp585.hdf",
        "nbp_Lmon_X_historical_r1i1p1_185001-200512.nc.part",
        "v2/deep/gpp_day_X_historical",
    ],
)
def test_what_looks_like_an_archive_is_never_passed_over(tmp_path, name):
    assert not holds_archive(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x1f\x8b")
    assert holds_archive(tmp_path)
    with pytest.raises(InputError):
        open_ensemble(tmp_path)


def test_packed_files_are_to_be_unpacked_and_then_they_are_used(tmp_path, plain):
    for path in save_model(tmp_path / "packed").iterdir():
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    with pytest.raises(InputError, match=r"gzip(.|\n)*gunzip"):
        top_of(tmp_path / "packed")
    for path in list((tmp_path / "packed").iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    xr.testing.assert_identical(top_of(tmp_path / "packed"), plain)


def test_identical_files_in_two_folders_are_read_once(tmp_path, plain):
    save_model(tmp_path / "twice" / "a")
    save_model(tmp_path / "twice" / "b")
    xr.testing.assert_identical(top_of(tmp_path / "twice"), plain)


def test_the_newest_version_is_read_and_named(tmp_path, plain):
    for version, value in (("v20110101", 5e-8), ("v20120101", None)):
        save_model(tmp_path / "versions" / version, value=value)
    found = open_ensemble(tmp_path / "versions", **YEARS)
    assert re.search("of several versions the newest is read, v20120101", found.attrs["remarks"])
    xr.testing.assert_identical(found["top"], plain)
    (tmp_path / "versions" / "v20120101").rename(tmp_path / "versions" / "latest")
    found = open_ensemble(tmp_path / "versions", **YEARS)
    assert re.search("of several versions the newest is read, latest", found.attrs["remarks"])
    xr.testing.assert_identical(found["top"], plain)


def test_of_periods_within_one_another_the_longer_is_read(tmp_path, plain):
    folder = save_model(tmp_path / "nested")
    save(folder, run("npp", "2006-03", 12), "npp", "rcp45")
    xr.testing.assert_identical(top_of(folder), plain)
    save(folder, run("npp", "2006-05", 12, value=1e-8), "npp", "rcp45")
    found = open_ensemble(folder, **YEARS)
    assert found.attrs["remarks"].endswith(
        "begins first are read: npp rcp45 r1i1p1 2006-05 to 2007-04"
    )
    xr.testing.assert_identical(found["top"], plain)


def test_a_historical_run_that_ends_late_is_cut_where_the_scenario_begins(tmp_path, plain):
    folder = save_model(tmp_path / "late")
    for path in list(folder.glob("*_historical_*")):
        path.unlink()
    for variable in ("npp", "rh"):
        file = run(variable, months=48)
        file[variable][24:] *= 3
        save(folder, file, variable)
    found = open_ensemble(folder, **YEARS)
    assert re.search("from its first month on the scenario is read", found.attrs["remarks"])
    xr.testing.assert_identical(found["top"], plain)


def test_standard_and_proleptic_calendars_have_the_same_dates(tmp_path):
    plain = top_of(save_model(tmp_path / "plain", calendar="standard"))
    for number, (experiment, start) in enumerate(PERIODS.items()):
        for variable in ("npp", "rh"):
            calendar = ("standard", "proleptic_gregorian")[(number + len(variable)) % 2]
            save(tmp_path / "both", run(variable, start, calendar=calendar), variable, experiment)
    xr.testing.assert_identical(top_of(tmp_path / "both"), plain)


def test_rows_on_the_edge_of_the_box_may_be_rounded(tmp_path):
    lat = np.arange(12.5, 60, 1.0)
    edges = lat, np.arange(60.5, 120, 1.0)
    plain = top_of(save_model(tmp_path / "plain", edges=edges))
    for number, path in enumerate(save_model(tmp_path / "rounded", edges=edges).iterdir()):
        with xr.open_dataset(path, decode_times=False) as opened:
            file = opened.load()
        shift = (number % 3 - 1) * 1e-6
        file = file.assign_coords(lat=file["lat"] + shift, lon=file["lon"] - shift)
        file.to_netcdf(path, format="NETCDF3_CLASSIC")
    xr.testing.assert_allclose(top_of(tmp_path / "rounded"), plain, rtol=1e-5)


def test_a_member_whose_scenario_ends_early_gives_way_to_the_next(tmp_path, plain):
    folder = save_model(tmp_path / "members", member="r2i1p1")
    save_model(folder, value=4e-8)
    path = next(folder.glob("npp_*_rcp85_r1i1p1_*"))
    path.unlink()
    save(folder, run("npp", "2006-01", 12), "npp", "rcp85")
    found = open_ensemble(folder, **YEARS)
    assert re.search("MODEL-A r2i1p1 is read.*2004-01 to 2006-12", found.attrs["remarks"])
    xr.testing.assert_identical(found["top"], plain)


def test_the_past_needs_no_scenario_and_is_all_that_is_read(tmp_path, plain):
    past = save_model(tmp_path / "past")
    for path in past.glob("*_rcp*"):
        path.unlink()
    years = {"first_year": 2004, "last_year": 2005}
    xr.testing.assert_identical(top_of(past, **years), plain.sel(year=slice(2004, 2005)))
    with pytest.raises(InputError, match="2004-01 to 2005-12"):
        top_of(past)


def test_npp_and_rh_end_in_2005_and_are_made_of_gpp_and_ra_where_need_be(tmp_path):
    plain = open_ensemble(save_model(tmp_path / "plain"), **YEARS)
    whole = open_ensemble(save_model(tmp_path / "gpp", variables=["gpp", "ra", "rh"]), **YEARS)
    for name in ("top", "npp", "rh"):
        xr.testing.assert_allclose(whole[name], plain[name], rtol=1e-5)
        assert whole[name].attrs == plain[name].attrs
    assert plain["npp"].dims == ("model", "year", "lat", "lon")
    assert plain["npp"].notnull().all(["model", "lat", "lon"]).values.tolist() == [1, 1, 0, 0]
    nep = (plain["npp"] - plain["rh"]) * 32 / 12
    top = plain["top"].sel(scenario="rcp45", drop=True)
    np.testing.assert_allclose(nep[:, :2], top[:, :2], rtol=1e-12)
    assert whole.attrs["fluxes"] == "MODEL-A r1i1p1: gpp - ra - rh"
    alone = open_ensemble(save_model(tmp_path / "nep", variables=["nep"]), **YEARS)
    assert alone[["npp", "rh"]].to_array().isnull().all()
    assert alone.attrs["fluxes"] == "MODEL-A r1i1p1: nep, losses by fire taken off"


def test_rh_with_the_sign_of_nep_is_found_by_nep(tmp_path):
    folder = save_model(tmp_path, variables=["npp", "rh", "nep"])
    save_model(folder, "MODEL-B")
    save_model(folder, member="r2i1p1")  # where nep is absent the same sign would not be seen
    xr.testing.assert_identical(*(top_of(folder).isel(model=n, drop=True) for n in (0, 1)))
    for path in folder.glob("nep_*_historical_*"):
        with xr.open_dataset(path, decode_times=False) as opened:
            file = opened.load()
        file["nep"] *= -1
        file.to_netcdf(path, format="NETCDF3_CLASSIC")
    with pytest.warns(UserWarning, match="left out MODEL-A: .* that are -1 times"):
        assert top_of(folder)["model"].values.tolist() == ["MODEL-B"]


# CDO


@needs_cdo
@pytest.mark.parametrize(
    ("calendar", "edges"),
    [("noleap", gaussian()), ("360_day", regular(2.5)), ("standard", regular(1.5))],
    ids=["noleap Gaussian", "360_day", "standard"],
)
def test_years_and_content_agree_with_cdo(tmp_path, calendar, edges):
    path = save(tmp_path, run(start="2003-01", calendar=calendar, edges=edges))
    flux = open_run(find_files(tmp_path), GLOBE)
    ours = annual_total(flux)
    yearly, gt = tmp_path / "yearly.nc", tmp_path / "gt.nc"
    cdo("yearsum", "-mulc,86400", "-muldpm", path, yearly)
    with xr.open_dataset(yearly, decode_times=False) as reference:
        values = reference["npp"].values[:, :, np.argsort((reference["lon"].values + 180) % 360)]
        np.testing.assert_allclose(ours, values, rtol=1e-6)
    cdo("divc,1e12", "-fldsum", "-mul", yearly, "-gridarea", yearly, gt)
    sums = total(ours, xr.ones_like(flux[0].drop_vars("time").astype(float)))
    with xr.open_dataset(gt, decode_times=False) as reference:
        np.testing.assert_allclose(sums, reference["npp"].values.ravel(), rtol=1e-6)


@needs_cdo
def test_regridding_agrees_with_cdo(tmp_path):
    path = save(tmp_path, run(months=12, edges=gaussian()))
    grid = tmp_path / "grid.txt"
    first = "\nxfirst = 72.5\nxinc = 1\nyfirst = 25.5\nyinc = 1\n"
    grid.write_text(f"gridtype = lonlat\nxsize = 34\nysize = 16{first}")
    cdo(f"remapcon,{grid}", path, tmp_path / "remapped.nc")
    flux = open_run(find_files(tmp_path))
    ours, _ = regrid(flux.astype(float), xr.ones_like(flux[0]))
    with xr.open_dataset(tmp_path / "remapped.nc", decode_times=False) as reference:
        np.testing.assert_allclose(ours, reference["npp"], rtol=1e-6)
