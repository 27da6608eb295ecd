"""The CMIP5 reader: genuine files, small archives made to order, CDO, and refused faults."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import warnings
from pathlib import Path

import cftime
import dask
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import xarray_regrid  # noqa: F401 - registers the accessor `regrid`
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.oxygen import annual_total, cell_area, content, oxygen_flux
from helpers.readers.earth_system_models import (
    cell_areas,
    find_files,
    land_fraction,
    net_ecosystem_production,
    open_ensemble,
    open_run,
    splice,
)
from helpers.readers.grids import cell_bounds, regrid, target_grid
from helpers.readers.netcdf import read_window
from tests.conftest import GENUINE

SIDES = ["south", "north", "west", "east"]
GLOBE = {"lat": slice(-90, 90), "lon": slice(-180, 180)}
UNITS = "kg m-2 s-1"
PERIODS = {"historical": ("2004-01", 24), "rcp45": ("2006-01", 24), "rcp85": ("2006-01", 24)}


def genuine(part: str) -> Path:
    """Return a folder of genuine CMIP5 files, or skip."""
    folder = GENUINE / part
    if not folder.is_dir():
        pytest.skip(f"genuine CMIP5 files are not at {folder} (set TIBET_REAL_DATA)")
    return folder


def midpoints(edges: np.ndarray) -> np.ndarray:
    """Return the middles of cells between edges."""
    return (edges[:-1] + edges[1:]) / 2


def regular(width: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of a global grid: latitudes, and longitudes from 0 to 360."""
    return np.arange(-90, 90.1, width), np.arange(0, 360.1, width) - width / 2


def gaussian(rows: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of a Gaussian grid, latitudes by the weights of its quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(rows)
    edges = np.degrees(np.arcsin(np.clip(np.cumsum([-1, *weights]), -1, 1)))
    width = 180 / rows
    assert (np.degrees(np.arcsin(nodes)) > edges[:-1]).all()
    return edges, np.arange(0, 360.1, width) - width / 2


def run(
    variable: str = "npp",
    start: str = "2004-01",
    months: int = 24,
    calendar: str = "noleap",
    edges: tuple[np.ndarray, np.ndarray] | None = None,
    value=None,
    with_bounds: bool = True,
) -> xr.Dataset:
    """Return one run as CMIP5 files have it: a smooth field that changes with every month."""
    lat_edges, lon_edges = regular(2.5) if edges is None else edges
    lat, lon = midpoints(lat_edges), midpoints(lon_edges)
    year, month = map(int, start.split("-"))
    first = year * 12 + month - 1
    ends = [
        cftime.datetime(each // 12, each % 12 + 1, 1, calendar=calendar)
        for each in range(first, first + months + 1)
    ]
    time = [a + (b - a) / 2 for a, b in itertools.pairwise(ends)]
    if value is None:
        size = {"npp": 3e-8, "rh": 2e-8, "nep": 1e-8}.get(variable, 1.0)
        numbers = np.arange(first, first + months)[:, None, None]
        east, north = np.meshgrid(np.radians(lon), np.radians(lat))
        value = size * (1 + 0.3 * np.sin(3 * east) * np.cos(5 * north) + 0.1 * np.sin(numbers))
    shape = (months, lat.size, lon.size)
    file = xr.Dataset(
        {variable: (("time", "lat", "lon"), np.broadcast_to(value, shape).astype("float32"))},
        {"time": time, "lat": lat, "lon": lon},
    )
    file["lat"].attrs = {"units": "degrees_north"}
    file["lon"].attrs = {"units": "degrees_east"}
    file[variable].attrs = {"units": UNITS}
    file[variable].encoding = {"_FillValue": np.float32(1e20)}
    file["time"].encoding = {"units": "days since 1850-01-01", "dtype": "float64"}
    if with_bounds:
        file["time"].attrs["bounds"] = "time_bnds"
        file["time_bnds"] = (("time", "bnds"), np.column_stack([ends[:-1], ends[1:]]))
        for name, sides in (("lat", lat_edges), ("lon", lon_edges)):
            file[name].attrs["bounds"] = f"{name}_bnds"
            file[f"{name}_bnds"] = ((name, "bnds"), np.column_stack([sides[:-1], sides[1:]]))
    return file


def save(
    folder: Path,
    file: xr.Dataset,
    variable: str = "npp",
    experiment: str = "historical",
    model: str = "MODEL-A",
    member: str = "r1i1p1",
    table: str = "Lmon",
    period: str | None = None,
) -> Path:
    """Write a dataset under the name that CMIP5 gives it."""
    folder.mkdir(parents=True, exist_ok=True)
    if period is None:
        period = "-".join(f"{file['time'].dt.strftime('%Y%m').values[i]}" for i in (0, -1))
    path = folder / f"{variable}_{table}_{model}_{experiment}_{member}_{period}.nc"
    file.to_netcdf(path, format="NETCDF3_CLASSIC")
    return path


def save_fixed(
    folder: Path,
    variable: str,
    value,
    units: str,
    model: str = "MODEL-A",
    edges: tuple[np.ndarray, np.ndarray] | None = None,
) -> Path:
    """Write a field without time: sftlf or areacella."""
    lat, lon = map(midpoints, regular(2.5) if edges is None else edges)
    values = np.broadcast_to(value, (lat.size, lon.size)).astype("float32")
    file = xr.Dataset({variable: (("lat", "lon"), values)}, {"lat": lat, "lon": lon})
    file[variable].attrs = {"units": units}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{variable}_fx_{model}_historical_r0i0p0.nc"
    file.to_netcdf(path, format="NETCDF3_CLASSIC")
    return path


def save_model(folder: Path, model: str = "MODEL-A", variables=("npp", "rh"), **options) -> Path:
    """Write historical, rcp45 and rcp85 of a model, two years each."""
    for experiment, (start, months) in PERIODS.items():
        for variable in variables:
            file = run(variable, start, months, **options)
            save(folder, file, variable, experiment, model)
    return folder


def refused(words: list[str], function, *arguments, **options) -> None:
    """Check that a call is refused in these words."""
    with pytest.raises(InputError) as refusal:
        function(*arguments, **options)
    for word in [*words, "needed:", "found:", "mend:"]:
        assert word in str(refusal.value)


# Genuine files


@pytest.fixture
def respiration() -> pd.DataFrame:
    """Return the six genuine HadGEM2-ES files of rh."""
    return find_files(genuine("cmip5"))


@pytest.fixture
def temperature() -> pd.DataFrame:
    """Return the genuine HadGEM2-ES files of tas."""
    return find_files(genuine("cmip5"), {"tas": "Amon"})


def pieces(files: pd.DataFrame, *starts: str, experiment: str | None = None) -> pd.DataFrame:
    """Return the files that start in some months."""
    chosen = files["start"].isin(starts) if starts else files["start"].notna()
    return files[chosen & ((files["experiment"] == experiment) | (experiment is None))]


def test_a_genuine_run_is_joined_from_its_six_pieces(respiration):
    assert len(respiration) == 6
    joined = open_run(respiration.sample(frac=1, random_state=3), GLOBE)
    months = [(time.year, time.month) for time in joined["time"].values]
    assert months[0] == (1859, 12)
    assert months[-1] == (2005, 11)
    assert len(set(months)) == len(months) == 146 * 12
    assert joined["time"].dt.calendar == "360_day"
    assert joined.attrs["files"].splitlines() == [path.name for path in respiration["path"]]
    np.testing.assert_allclose(joined["lon"], [-172.5, 0])
    masked = joined.isnull().all("time").values
    assert masked.tolist() == [[False, False], [True, False]]
    first = respiration["path"].iloc[0]
    with xr.open_dataset(first, decode_times=False) as file:
        np.testing.assert_array_equal(joined[:300, :, 1], file["rh"][:, :, 0])
    whole = annual_total(joined[1:-11])
    assert whole.sizes["year"] == 145
    expected = joined[1:13, 1, 1].astype(float).sum() * 30 * 86_400
    assert float(whole[0, 1, 1]) == pytest.approx(float(expected), rel=1e-12)


def test_a_genuine_run_with_a_piece_missing_is_refused(respiration):
    without = respiration[respiration["start"] != "193412"]
    refused(
        ["rh HadGEM2-ES historical r1i1p1", "nothing between 1934-11 (rh_", "and 1959-12"],
        open_run,
        without,
        GLOBE,
    )


def test_a_genuine_scenario_continues_its_historical_run(temperature):
    historical = open_run(pieces(temperature, experiment="historical"), GLOBE, "K")
    future = open_run(
        pieces(temperature, "200512", "203012", "205512", "208012", experiment="rcp85"), GLOBE, "K"
    )
    both = splice(historical, future)
    assert both.sizes["time"] == historical.sizes["time"] + future.sizes["time"]
    assert len(both.attrs["files"].splitlines()) == 10
    refused(
        ["begins in 2005-12", "historical to 2005-11, scenario from 2006-01: a gap"],
        splice,
        historical,
        future[1:],
    )
    refused(
        ["scenario from 2005-11: an overlap", "begins in 2005-12"],
        splice,
        historical,
        xr.concat([historical[-1:], future], "time", coords="minimal", compat="override"),
    )


def test_a_genuine_overlap_is_refused(temperature):
    # HadGEM2-ES gives December 2099 twice, with different values
    both = pieces(temperature, "208012", "209912", experiment="rcp85")
    refused(["2099-12 to 2099-12 in tas_", "208012-209912.nc and tas_"], open_run, both, GLOBE, "K")


def test_a_genuine_full_grid_is_cropped_and_its_axis_wins_over_its_name():
    files = find_files(genuine("cmip5_fullgrid"), {"tas": "Amon"})
    with pytest.warns(UserWarning, match="2007-01 to 2007-12, the time axis 2006-12 to 2007-11"):
        cropped = open_run(files, units="K")
    assert cropped.sizes == {"time": 12, "lat": 8, "lon": 14}
    for name, low, high in (("lat", 25, 41), ("lon", 72, 106)):
        centres, bounds = cropped[name].values, cell_bounds(cropped)[name == "lon"]
        assert bounds.min() < low
        assert bounds.max() > high
        assert (centres < low).sum() == (centres > high).sum() == 1
    with xr.open_dataset(files["path"].iloc[0], decode_times=False) as file:
        expected = file["tas"].sel(lat=cropped["lat"], lon=cropped["lon"], method="nearest")
        np.testing.assert_array_equal(cropped, expected)


def test_genuine_areas_are_read_and_agree_with_the_sphere():
    files = find_files(genuine("cmip5_fullgrid"))
    edges = np.clip(np.arange(-90.625, 91, 1.25), -90, 90), np.arange(0, 361, 1.875) - 0.9375
    flux = run(edges=edges)["npp"].assign_coords(lat=np.linspace(-90, 90, 145))[:, 90:110, 40:60]
    area = cell_areas(files, "HadGEM2-ES", flux)
    np.testing.assert_allclose(area, cell_areas(files, "OTHER", flux), rtol=1e-4)


# Finding files


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
    assert found[0].iloc[0].to_dict() == {
        "variable": "npp",
        "table": "Lmon",
        "model": "MODEL-A",
        "experiment": "historical",
        "member": "r1i1p1",
        "start": "200401",
        "end": "200512",
    }


# One run


def test_splitting_a_run_changes_nothing_in_whatever_order(tmp_path):
    whole = run(months=36)
    save(tmp_path / "whole", whole)
    for part in (slice(0, 5), slice(5, 24), slice(24, 36)):
        save(tmp_path / "parts", whole.isel(time=part))
    one = open_run(find_files(tmp_path / "whole"))
    files = find_files(tmp_path / "parts")
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        xr.testing.assert_identical(one.drop_attrs(), open_run(files.iloc[order]).drop_attrs())


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "standard", "proleptic_gregorian"])
def test_every_calendar_is_read_from_a_december(tmp_path, calendar):
    save(tmp_path, run(start="1999-12", months=25, calendar=calendar, value=1e-8))
    flux = open_run(find_files(tmp_path))
    assert flux["time"].dt.calendar == calendar
    total = annual_total(flux[1:13])
    days = {"noleap": 365, "360_day": 360}.get(calendar, 366)
    np.testing.assert_allclose(total, float(np.float32(1e-8)) * days * 86_400, rtol=1e-14)


def _north_first(file):
    return file.isel(lat=slice(None, None, -1))


def _west_to_east(file):
    east = (file["lon"] + 180) % 360 - 180
    moved = file["lon_bnds"] + (east - file["lon"])
    moved = file.assign(lon_bnds=moved).assign_coords(lon=east.assign_attrs(file["lon"].attrs))
    return moved.sortby("lon")


def _without_bounds(file):
    plain = file.drop_vars(["lat_bnds", "lon_bnds", "time_bnds"])
    for name in ("lat", "lon", "time"):
        del plain[name].attrs["bounds"]
    return plain


def _months_end(file):
    ends = file["time_bnds"].values[:, 1]
    time = xr.Variable("time", ends, file["time"].attrs, file["time"].encoding)
    return file.assign_coords(time=time)


def _fill_values_as_data(file):
    values = file["npp"].where(file["lat"] < 60, 1e20).astype("float32")
    values.encoding["_FillValue"] = None
    return file.assign(npp=values.assign_attrs(units=UNITS))


@pytest.mark.parametrize(
    "change", [_north_first, _west_to_east, _without_bounds, _months_end, _fill_values_as_data]
)
def test_conventions_do_not_change_the_flux(tmp_path, change):
    original = run()
    period = "200401-200512"
    save(tmp_path / "plain", original)
    save(tmp_path / "changed", change(original), period=period)
    plain, changed = (open_run(find_files(tmp_path / name)) for name in ("plain", "changed"))
    xr.testing.assert_allclose(plain, changed, rtol=1e-12)
    assert (np.diff(changed["lat"]) > 0).all()
    assert (np.diff(changed["lon"]) > 0).all()


def test_fill_values_left_as_data_are_masked(tmp_path):
    save(tmp_path, _fill_values_as_data(run()))
    globe = open_run(find_files(tmp_path), GLOBE)
    assert globe.where(globe["lat"] > 60, drop=True).isnull().all()
    assert globe.where(globe["lat"] < 60, drop=True).notnull().all()


def test_bounds_that_do_not_fit_are_replaced_with_a_warning(tmp_path):
    file = run()
    file["lat_bnds"][:] = 0
    save(tmp_path / "bad", file)
    save(tmp_path / "good", run())
    with pytest.warns(UserWarning, match="bounds of lat do not fit"):
        bad = open_run(find_files(tmp_path / "bad"))
    xr.testing.assert_allclose(bad, open_run(find_files(tmp_path / "good")))


def test_only_the_region_is_read_and_only_when_computed(tmp_path, monkeypatch):
    from helpers.readers import earth_system_models as cmip5

    save(tmp_path, run(months=480))
    fetched = []

    def counted(*arguments):
        values = read_window(*arguments)
        fetched.append(values.shape)
        return values

    monkeypatch.setattr(cmip5, "read_window", counted)
    flux = open_run(find_files(tmp_path))
    total = annual_total(flux)
    assert fetched == []
    assert flux.chunks == ((360, 120), (8,), (16,))
    total.compute()
    assert sorted(fetched) == [(120, 8, 16), (360, 8, 16)]


def test_no_files_are_refused(tmp_path):
    save(tmp_path, run(months=12))
    refused(["files of one variable", "no file"], open_run, find_files(tmp_path).iloc[:0])


# Net ecosystem production


def test_nep_is_npp_less_rh_or_given(tmp_path):
    save_model(tmp_path / "parts")
    given_folder = tmp_path / "given"
    for experiment, (start, months) in PERIODS.items():
        nep = run("nep", start, months)
        nep["nep"] = (
            run("npp", start, months)["npp"] - run("rh", start, months)["rh"]
        ).assign_attrs(units="kg m^-2 s^-1")
        save(given_folder, nep, "nep", experiment)
    parts, whole = (
        net_ecosystem_production(find_files(folder), "MODEL-A", "rcp85")
        for folder in (tmp_path / "parts", given_folder)
    )
    xr.testing.assert_allclose(parts, whole)
    assert parts.sizes["time"] == 48
    assert parts.attrs["units"] == UNITS
    assert len(parts.attrs["files"].splitlines()) == 4
    assert "nep_Lmon" in whole.attrs["files"]


def test_the_first_complete_member_is_taken(tmp_path):
    for member, value in (("r10i1p1", 4e-8), ("r2i1p1", 5e-8)):
        for experiment, (start, months) in PERIODS.items():
            for variable in ("npp", "rh"):
                file = run(variable, start, months, value=value if variable == "npp" else 1e-8)
                save(tmp_path, file, variable, experiment, member=member)
    save(tmp_path, run(), "npp", "historical", member="r1i1p1")
    nep = net_ecosystem_production(find_files(tmp_path), "MODEL-A", "rcp45")
    np.testing.assert_allclose(nep, 4e-8, rtol=1e-6)
    assert nep.attrs["files"].count("r2i1p1") == 4


@pytest.mark.parametrize(
    ("remove", "words"),
    [
        ("npp*", ["rh historical r1i1p1, rh rcp45 r1i1p1"]),
    ],
)
def test_what_is_missing_is_named(tmp_path, remove, words):
    for path in save_model(tmp_path).glob(remove):
        path.unlink()
    save_fixed(tmp_path, "sftlf", 100, "%")
    refused(words, net_ecosystem_production, find_files(tmp_path), "MODEL-A", "rcp45")


def test_all_scenarios_are_of_one_member(tmp_path):
    for member, value, lacks in (("r1i1p1", 4e-8, "rcp85"), ("r2i1p1", 5e-8, None)):
        for experiment, (start, months) in PERIODS.items():
            for variable in ("npp", "rh"):
                file = run(variable, start, months, value=value if variable == "npp" else 1e-8)
                if experiment != lacks:
                    save(tmp_path, file, variable, experiment, member=member)
    inputs = open_ensemble(tmp_path, first_year=2004, last_year=2007).attrs["inputs"]
    assert "_r2i1p1_" in inputs
    assert "_r1i1p1_" not in inputs


def test_members_are_not_mixed(tmp_path):
    save_model(tmp_path, variables=["npp"])
    for experiment, (start, months) in PERIODS.items():
        save(tmp_path, run("rh", start, months), "rh", experiment, member="r2i1p1")
    refused(
        ["npp and rh, of one member", "npp historical r1i1p1", "rh historical r2i1p1"],
        net_ecosystem_production,
        find_files(tmp_path),
        "MODEL-A",
        "rcp45",
    )


def test_a_scenario_of_another_grid_or_calendar_is_refused(tmp_path):
    save(tmp_path, run())
    save(tmp_path, run(start="2006-01", edges=regular(2.0)), experiment="rcp45")
    save(tmp_path, run(start="2006-01", calendar="standard"), experiment="rcp85")
    files = find_files(tmp_path)
    historical, rcp45, rcp85 = (open_run(of) for _, of in files.groupby("experiment"))
    refused(["npp of the scenario", "the grid of npp historical"], splice, historical, rcp45)
    refused(["npp of the scenario: time", "calendar standard"], splice, historical, rcp85)


# Land and area


def test_land_is_sftlf_or_where_there_is_a_flux(tmp_path):
    file = run()
    file["npp"] = file["npp"].where(file["lon"] < 90)
    save(tmp_path, file)
    files = find_files(tmp_path)
    flux = open_run(files)
    without = land_fraction(files, "MODEL-A", flux)
    np.testing.assert_array_equal(without, flux[0].notnull())
    assert set(np.unique(without)) == {0, 1}
    save_fixed(tmp_path, "sftlf", np.linspace(0, 100, 144), "%")
    sftlf = land_fraction(find_files(tmp_path), "MODEL-A", flux)
    expected = np.linspace(0, 1, 144)[np.searchsorted(midpoints(regular(2.5)[1]), flux["lon"])]
    np.testing.assert_allclose(sftlf, np.broadcast_to(expected, sftlf.shape), rtol=1e-6)


def test_areas_are_areacella_or_from_bounds(tmp_path):
    save(tmp_path, run())
    files = find_files(tmp_path)
    flux = open_run(files)
    expected = cell_area(*cell_bounds(flux))
    xr.testing.assert_allclose(cell_areas(files, "MODEL-A", flux), expected)
    save_fixed(tmp_path, "areacella", 7e9, "m2")
    np.testing.assert_allclose(cell_areas(find_files(tmp_path), "MODEL-A", flux), 7e9)


# One grid


def field(edges, values=None, seed: int = 0) -> xr.DataArray:
    """Return a flux with bounds on the cells around the Plateau, nothing near the rim."""
    rng = np.random.default_rng(seed)
    lat_edges, lon_edges = edges
    lat, lon = midpoints(lat_edges), midpoints(lon_edges)
    if values is None:
        values = rng.uniform(-1, 3, (2, lat.size, lon.size))
    flux = xr.DataArray(
        np.broadcast_to(values, (2, lat.size, lon.size)),
        {
            "year": [2000, 2001],
            "lat": lat,
            "lon": lon,
            "south": ("lat", lat_edges[:-1]),
            "north": ("lat", lat_edges[1:]),
            "west": ("lon", lon_edges[:-1]),
            "east": ("lon", lon_edges[1:]),
        },
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


GRIDS = {
    "2.8 degrees Gaussian": gaussian(64),
    "1.1 degrees Gaussian": gaussian(160),
    "1.25 x 1.875": (np.clip(np.arange(-90.625, 91, 1.25), -90, 90), regular(1.875)[1]),
    "0.5 degrees": regular(0.5),
    "1 degree": (np.arange(-90, 91.0), np.arange(0, 361.0)),
}


@pytest.mark.parametrize("name", GRIDS)
def test_regridding_keeps_the_total(name):
    flux = field(GRIDS[name])
    rng = np.random.default_rng(1)
    fraction = xr.zeros_like(flux[0]) + rng.uniform(0, 1, flux[0].shape)
    fraction = fraction.where(rng.uniform(0, 1, flux[0].shape) > 0.2, 0)
    moved, land = regrid(flux, fraction)
    assert moved.dims == ("year", "lat", "lon")
    assert moved.shape == (2, 16, 34)
    assert moved.attrs == flux.attrs
    assert land.max() <= 1 + 1e-12
    np.testing.assert_allclose(total(moved, land), total(flux, fraction), rtol=1e-12)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.6, 3.5), st.floats(0.6, 3.5))
def test_regridding_keeps_the_total_of_any_grid(seed, height, width):
    edges = np.arange(-1, 90, height), np.arange(0, 181, width)
    flux = field(edges, seed=seed)
    ones = xr.ones_like(flux[0])
    moved, land = regrid(flux, ones)
    np.testing.assert_allclose(land, 1)
    before = total(flux, ones)
    np.testing.assert_allclose(total(moved, land), before, rtol=1e-9, atol=1e-9)


def test_a_uniform_flux_stays_uniform_beside_an_ocean():
    flux = field(GRIDS["2.8 degrees Gaussian"]) * 0 + 0.25
    ocean = flux.where(flux["lon"] < 90)
    moved, land = regrid(ocean, xr.ones_like(flux[0]))
    np.testing.assert_allclose(moved.where(land > 0, 0.25), 0.25)
    assert moved.where(land == 0).isnull().all()
    assert 0 < float(land.mean()) < 1


def test_the_degree_grid_is_its_own_image():
    flux = field(GRIDS["1 degree"])
    moved, land = regrid(flux, xr.ones_like(flux[0]))
    expected = flux.sel(lat=moved["lat"], lon=moved["lon"]).drop_vars(SIDES)
    xr.testing.assert_allclose(moved, expected)
    np.testing.assert_allclose(land, 1)


def test_land_that_appears_where_a_block_of_months_ends_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "helpers.readers.earth_system_models._MONTHS_PER_CHUNK", 24
    )  # the historical run
    for experiment, (start, months) in PERIODS.items():
        for variable in ("npp", "rh"):
            file = run(variable, start, months)
            if (variable, experiment) == ("npp", "historical"):
                file["npp"][:, 50:, 30:] = np.nan
            save(tmp_path, file, variable, experiment)
    top = open_ensemble(tmp_path, first_year=2004, last_year=2007)["top"]
    refused(["MODEL-A", "whose values begin later"], top.compute)


def test_a_gap_in_time_is_shown_and_does_not_spread():
    flux = field(GRIDS["2.8 degrees Gaussian"]) * 0 + 0.25
    flux[1, 5, 5] = np.nan
    moved, _ = regrid(flux, xr.ones_like(flux[0]))
    assert moved[0].notnull().all()
    lost = int(moved[1].isnull().sum())
    assert 4 <= lost <= 25
    np.testing.assert_allclose(moved.where(moved.notnull(), 0.25), 0.25)


def test_regridding_agrees_with_xarray_regrid_within_its_approximation():
    edges = GRIDS["1.25 x 1.875"]
    north, east = np.meshgrid(*map(midpoints, edges), indexing="ij")
    flux = field(edges, 1 + np.sin(np.radians(7 * east)) * np.cos(np.radians(9 * north)))
    ours, _ = regrid(flux, xr.ones_like(flux[0]))
    plain = flux.drop_vars(SIDES)
    target = target_grid().drop_vars(["lat_bnds", "lon_bnds"])
    theirs = plain.regrid.conservative(target, latitude_coord="lat")
    np.testing.assert_allclose(ours, theirs, atol=5e-3)


def test_a_grid_that_does_not_reach_the_region_is_refused():
    flux = field(GRIDS["1 degree"]).sel(lat=slice(27, 45))
    refused(["top: lat", "cells from 25 to 41", "cells from 27 to 45"], regrid, flux, flux[0])


# The ensemble


@pytest.fixture
def archive(tmp_path) -> Path:
    """Return an archive of three models: other grids, calendars, pieces and land fractions."""
    rng = np.random.default_rng(5)
    save_model(tmp_path / "b", "MODEL-B", edges=gaussian(), calendar="noleap")
    save_fixed(tmp_path / "b", "sftlf", rng.uniform(1, 100, (64, 128)), "%", "MODEL-B", gaussian())
    for experiment, (start, months) in PERIODS.items():
        for variable in ("npp", "rh"):
            month = {"historical": "2003-12", "rcp45": "2005-12", "rcp85": "2005-12"}[experiment]
            file = run(variable, month, months + 1 - (experiment == "historical"), "360_day")
            save(tmp_path / "a", file.isel(time=slice(0, 7)), variable, experiment)
            save(tmp_path / "a", file.isel(time=slice(7, None)), variable, experiment)
        ocean = run("nep", start, months, "standard", regular(1.5))
        ocean["nep"] = ocean["nep"].where(ocean["lon"] < 95)
        save(tmp_path / "c", ocean, "nep", experiment, "MODEL-C")
    return tmp_path


def test_an_archive_becomes_one_lazy_ensemble(archive):
    ensemble = open_ensemble(archive, first_year=2004, last_year=2007)
    assert ensemble["top"].dims == ("scenario", "model", "year", "lat", "lon")
    assert ensemble["top"].shape == (2, 3, 4, 16, 34)
    assert ensemble["model"].values.tolist() == ["MODEL-A", "MODEL-B", "MODEL-C"]
    assert ensemble["scenario"].values.tolist() == ["rcp45", "rcp85"]
    assert set(ensemble.coords) == {"scenario", "model", "year", "lat", "lon"}
    assert ensemble["land_fraction"].dims == ("model", "lat", "lon")
    assert dask.is_dask_collection(ensemble["top"].data)
    assert ensemble["top"].attrs["units"] == "kg m-2 yr-1"
    inputs = [line.split("  ") for line in ensemble.attrs["inputs"].splitlines()]
    assert {model for model, _ in inputs} == {"MODEL-A", "MODEL-B", "MODEL-C"}
    assert ["MODEL-B", "sftlf_fx_MODEL-B_historical_r0i0p0.nc"] in inputs
    assert len(inputs) == 12 + 7 + 3
    top = ensemble["top"].load()
    before = top.sel(year=slice(None, 2005))
    np.testing.assert_array_equal(before.sel(scenario="rcp45"), before.sel(scenario="rcp85"))
    east = top.sel(model="MODEL-C", lon=slice(96, None))
    assert east.isnull().all()
    nep = net_ecosystem_production(find_files(archive), "MODEL-B", "rcp85")
    one, _ = regrid(
        annual_total(oxygen_flux(nep)), land_fraction(find_files(archive), "MODEL-B", nep)
    )
    np.testing.assert_array_equal(top.sel(model="MODEL-B", scenario="rcp85"), one)


def test_the_ratio_and_the_years_are_the_callers(archive):
    full = open_ensemble(archive, ["rcp45"], 2005, 2006)
    assert full["year"].values.tolist() == [2005, 2006]
    rounded = open_ensemble(archive, ["rcp45"], 2005, 2006, ratio=2.667)
    share = (rounded["top"] / full["top"]).compute()
    np.testing.assert_allclose(share.values[share.notnull()], 2.667 * 12 / 32)


def test_two_workers_give_the_same_ensemble(archive):
    from dask.distributed import Client, LocalCluster

    def region():
        ensemble = open_ensemble(archive, first_year=2004, last_year=2007)
        gt = content(ensemble["top"], ensemble["area"], ensemble["land_fraction"])
        return xr.merge([ensemble.drop_attrs(), gt.rename("gt").drop_attrs()]).compute()

    with dask.config.set(scheduler="threads"):
        alone = region()
    options = {"processes": False, "dashboard_address": "localhost:0", "threads_per_worker": 1}
    with LocalCluster(n_workers=2, **options) as cluster, Client(cluster):
        together = region()
    xr.testing.assert_identical(alone, together)


def test_an_incomplete_model_is_left_out_with_a_warning(archive):
    for path in (archive / "c").glob("*rcp85*"):
        path.unlink()
    with pytest.warns(UserWarning, match="incomplete: MODEL-C rcp45 rcp85: found nep hist"):
        ensemble = open_ensemble(archive, first_year=2004, last_year=2007)
    assert ensemble["model"].values.tolist() == ["MODEL-A", "MODEL-B"]


def test_an_archive_without_a_complete_model_is_refused(tmp_path):
    save(tmp_path, run())
    refused(["of a model", "MODEL-A rcp45 rcp85: found npp historical"], open_ensemble, tmp_path)


# CDO


def cdo(*arguments: object) -> None:
    """Run CDO quietly in double precision."""
    subprocess.run(["cdo", "-s", "-b", "F64", *map(str, arguments)], check=True)


needs_cdo = pytest.mark.skipif(not shutil.which("cdo"), reason="CDO is not installed")


@needs_cdo
@pytest.mark.parametrize(
    ("calendar", "edges"),
    [("noleap", gaussian()), ("360_day", regular(2.5)), ("standard", regular(1.5))],
    ids=["noleap Gaussian", "360_day", "standard"],
)
def test_years_and_content_agree_with_cdo(tmp_path, calendar, edges):
    save(tmp_path, run(start="2003-01", months=24, calendar=calendar, edges=edges))
    files = find_files(tmp_path)
    flux = open_run(files, GLOBE)
    ours = annual_total(flux)
    yearly, gt = tmp_path / "yearly.nc", tmp_path / "gt.nc"
    cdo("yearsum", "-mulc,86400", "-muldpm", files["path"].iloc[0], yearly)
    with xr.open_dataset(yearly, decode_times=False) as reference:
        values = reference["npp"].values[:, :, np.argsort((reference["lon"].values + 180) % 360)]
        np.testing.assert_allclose(ours, values, rtol=1e-6)
    cdo("divc,1e12", "-fldsum", "-mul", yearly, "-gridarea", yearly, gt)
    area = cell_areas(files, "MODEL-A", flux)
    sums = content(ours, area, xr.ones_like(area))
    with xr.open_dataset(gt, decode_times=False) as reference:
        np.testing.assert_allclose(sums, reference["npp"].values.ravel(), rtol=1e-6)


@needs_cdo
def test_regridding_agrees_with_cdo(tmp_path):
    edges = gaussian()
    save(tmp_path, run(months=12, edges=edges))
    path = find_files(tmp_path)["path"].iloc[0]
    grid = tmp_path / "grid.txt"
    grid.write_text(
        "gridtype = lonlat\nxsize = 34\nysize = 16\n"
        "xfirst = 72.5\nxinc = 1\nyfirst = 25.5\nyinc = 1\n"
    )
    remapped = tmp_path / "remapped.nc"
    cdo(f"remapcon,{grid}", path, remapped)
    flux = open_run(find_files(tmp_path))
    ours, _ = regrid(flux.astype(float), xr.ones_like(flux[0]))
    with xr.open_dataset(remapped, decode_times=False) as reference:
        np.testing.assert_allclose(ours, reference["npp"], rtol=1e-6)


def test_nothing_is_warned_of_in_a_clean_archive(archive):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_ensemble(archive, first_year=2004, last_year=2007)


def test_the_target_is_the_plateau_in_degrees():
    grid = target_grid()
    assert grid["lat"].values[[0, -1]].tolist() == [25.5, 40.5]
    assert grid["lon"].values[[0, -1]].tolist() == [72.5, 105.5]
