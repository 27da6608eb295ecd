"""The CMIP5 reader: genuine files, small archives made to order, and CDO."""

from __future__ import annotations

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
from helpers.readers.earth_system_models import (
    find_files,
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
    # HadGEM2-ES gives December 2099 twice, with different values
    twice = temperature[temperature["start"].isin(["208012", "209912"])]
    with pytest.raises(InputError, match="2099-12 after 2099-12: months twice"):
        open_run(twice[twice["experiment"] == "rcp85"], GLOBE, "K")


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
    found = [find_files(folder).drop(columns="path") for folder in (flat, tmp_path / "tree")]
    pd.testing.assert_frame_equal(*found)
    name = "npp_Lmon_MODEL-A_historical_r1i1p1_200401_200512"
    assert [*found[0].loc[0]] == name.split("_")


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "standard", "proleptic_gregorian"])
def test_every_calendar_is_read_from_a_december(tmp_path, calendar):
    save(tmp_path, run(start="1999-12", months=25, calendar=calendar, value=1e-8))
    flux = open_run(find_files(tmp_path))
    assert flux["time"].dt.calendar == calendar
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
    top = open_ensemble(tmp_path, **YEARS)["top"]
    with pytest.raises(InputError, match=r"MODEL-A(.|\n)*whose values begin later"):
        top.compute()


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


def test_an_archive_becomes_one_lazy_ensemble(archive):
    ensemble = open_ensemble(archive, **YEARS)
    top = ensemble["top"]
    assert top.dims == ("scenario", "model", "year", "lat", "lon")
    assert top.shape == (2, 3, 4, 16, 34)
    assert top["model"].values.tolist() == ["MODEL-A", "MODEL-B", "MODEL-C"]
    assert top["scenario"].values.tolist() == ["rcp45", "rcp85"]
    assert set(ensemble.coords) == {"scenario", "model", "year", "lat", "lon"}
    assert ensemble["land_fraction"].dims == ("model", "lat", "lon")
    assert dask.is_dask_collection(top.data)
    assert top.attrs["units"] == "kg m-2 yr-1"
    inputs = [line.split("  ") for line in ensemble.attrs["inputs"].splitlines()]
    assert ["MODEL-B", "sftlf_fx_MODEL-B_historical_r0i0p0.nc"] in inputs
    assert len(inputs) == 12 + 7 + 3
    top = top.load()
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
    inputs = open_ensemble(tmp_path, **YEARS).attrs["inputs"].splitlines()
    assert len(inputs) == 6
    assert all("_r2i1p1_" in line for line in inputs)


def test_an_incomplete_model_is_left_out_with_a_warning(archive):
    for path in (archive / "c").glob("*rcp85*"):
        path.unlink()
    with pytest.warns(UserWarning, match="incomplete: MODEL-C rcp45 rcp85: found nep hist"):
        ensemble = open_ensemble(archive, **YEARS)
    assert ensemble["model"].values.tolist() == ["MODEL-A", "MODEL-B"]


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
