"""Whole archives: the readers, CDO and plain xarray agree on each, of either generation."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from benchmarks.archive import TOLERANCE, measure_reduction, race
from benchmarks.noise import around_plateau, write_archive, write_model
from helpers.errors import InputError
from helpers.oxygen import annual_total, content
from helpers.readers.archive_files import find_files
from helpers.readers.earth_system_models import land_fraction, open_ensemble, open_run
from helpers.readers.grids import cell_area, cell_bounds
from helpers.study import load_carbon, load_top, mean_top, name_used, sample_top, top_label
from tests.archives import (
    NINE,
    around,
    cdo,
    gaussian,
    needs_cdo,
    regular,
    run,
    save,
    save_model,
    write_mixed,
)

TIMES = xr.coders.CFDatetimeCoder(use_cftime=True)


def test_helpers_cdo_and_plain_xarray_agree_on_a_small_archive(tmp_path):
    archive = write_archive(tmp_path / "archive", ["CanESM2", "HadGEM2-ES"], 2003, 2008)
    rounds, differences = race(archive, tmp_path, (2004, 2007), 1)
    assert set(differences) == {"helpers", "xarray", *(["CDO"] if shutil.which("cdo") else [])}
    assert max(differences.values()) <= TOLERANCE
    assert all((costs > 0).all(axis=None) for costs in rounds.values())
    found = measure_reduction(archive, (2004, 2007), 1)
    assert all(number > 0 for number in found.values())


@pytest.mark.skipif(not shutil.which("cdo"), reason="CDO is not installed")
@pytest.mark.parametrize("model", ["CanESM2", "HadGEM2-ES", "MIROC-ESM"])
def test_what_the_reader_sums_is_what_cdo_sums(tmp_path, model):
    write_model(tmp_path, model, around_plateau(model), 2003, 2008)
    files = find_files(tmp_path)
    runs = files[(files["experiment"] == "rcp85") & (files["variable"] == "npp")]
    flux = open_run(runs)
    flux = flux.isel(time=flux["time"].dt.year > 2005)
    annual = annual_total(flux)
    land = land_fraction(files, model, flux)
    corner = [
        f"{float(edge) + shift:.6f}"
        for name in ("lon", "lat")
        for edge, shift in ((flux[name][0], -1e-3), (flux[name][-1], 1e-3))
    ]
    box = "-sellonlatbox," + ",".join(corner)
    sums, gigatonnes = tmp_path / "sums.nc", tmp_path / "gt.nc"
    yearly = ["-yearsum", "-muldpm", "-mulc,86400", "-selyear,2006/2008", "-selname,npp", box]
    share = ["-divc,100", "-setmisstoc,0", box, next(tmp_path.rglob("sftlf_*.nc"))]
    cdo = ["cdo", "-s", "-O", "-b", "F64"]
    subprocess.run([*cdo, *yearly, runs["path"].iloc[0], sums], check=True)
    # CDO takes the sides of its cells for great circles
    weighted = ["-divc,1e12", "-fldsum", "-mul", sums, "-mul", "-gridarea", sums, *share]
    subprocess.run([*cdo, *weighted, gigatonnes], check=True)
    with xr.open_dataset(sums, decode_times=False) as reference:
        expected = reference["npp"].sortby("lat").values
    np.testing.assert_allclose(annual.values, expected, rtol=1e-6)
    total = content(annual, cell_area(*cell_bounds(flux)), land)
    with xr.open_dataset(gigatonnes, decode_times=False) as reference:
        np.testing.assert_allclose(total.values, reference["npp"].values.ravel(), rtol=2e-5)


def months_of(folder: Path, pattern: str) -> xr.DataArray:
    """Return a variable of some files by plain xarray, each month once, that of the first file."""
    parts = [xr.open_dataset(path, decode_times=TIMES) for path in sorted(folder.rglob(pattern))]
    (name,) = {each for each in parts[0] if not each.endswith("_bnds")}
    return (
        xr.concat([part[name] for part in parts], "time")
        .drop_duplicates("time")
        .astype(float)
        .squeeze(drop=True)
    )


def by_hand(folder: Path, model: str, scenario: str, edges, historical="historical") -> np.ndarray:
    """Return TOP of a model (year, lat, lon) by plain xarray, from fluxes without an ocean."""

    def flux(variable: str) -> xr.DataArray:
        runs = [f"{variable}_*_{model}_{run}_*" for run in (historical, scenario)]
        return xr.concat([months_of(folder, pattern) for pattern in runs], "time")

    kinds = {path.name.partition("_")[0] for path in folder.rglob(f"*_{model}_*")}
    if "npp" in kinds or "gpp" in kinds:
        nep = (flux("npp") if "npp" in kinds else flux("gpp") - flux("ra")) - flux("rh")
    else:
        nep = flux("nep")
    years = (nep * nep["time"].dt.days_in_month * 86_400 * 32 / 12).groupby("time.year").sum()
    years = years.sel(year=slice(1990, 2099)).values
    shares = []
    for wanted, here in ((np.arange(25, 42), edges[0]), (np.arange(72, 107), edges[1])):
        (low, high), (first, last) = ((each[:-1], each[1:]) for each in (wanted, here))
        if wanted[0] == 25:
            low, high, first, last = (np.sin(np.radians(each)) for each in (low, high, first, last))
        both = np.minimum(high[:, None], last) - np.maximum(low[:, None], first)
        shares.append(both.clip(0) / both.clip(0).sum(axis=1, keepdims=True))
    return np.einsum("ai,yij,bj->yab", shares[0], years, shares[1])


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> Path:
    """Return a mixed archive of nine models, and of two that cannot be used."""
    folder = write_mixed(tmp_path_factory.mktemp("mixed"))
    for variable in ("npp", "rh"):
        (folder / f"{variable}_Lmon_bcc-csm1-1_rcp45_r1i1p1_200601-209912.nc").write_bytes(b"")
    save(folder, run("nep"), "nbp", model="inmcm4")
    return folder


def test_a_mixed_archive_of_nine_models_is_read_in_one_go(mixed):
    with pytest.warns(UserWarning, match="left out bcc-csm1-1") as told:
        ensemble = load_top(mixed)
    assert len(told) == 1
    assert ensemble["model"].values.tolist() == sorted(NINE)
    for model, (_, edges) in NINE.items():
        folder = mixed / model
        folder = folder / "v20120407" if model == "CanESM2" else folder
        for scenario in ("rcp45", "rcp85"):
            expected = by_hand(folder, model, scenario, around(edges))
            found = ensemble["top"].sel(model=model, scenario=scenario)
            np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=f"{model} {scenario}")
    assert [line.split(":")[0] for line in ensemble.attrs["left_out"].splitlines()] == [
        "bcc-csm1-1",
        "inmcm4",
    ]
    assert "it is not NEP" in ensemble.attrs["left_out"]
    made = dict(line.split(" r1i1p1: ") for line in ensemble.attrs["fluxes"].splitlines())
    assert (made.pop("BNU-ESM"), made.pop("GFDL-ESM2M")) == (
        "gpp - ra - rh",
        "nep, losses by fire taken off",
    )
    assert set(made.values()) == {"npp - rh"}
    assert ensemble.attrs["label"] == top_label(mixed) == "simulated"
    remarks = ensemble.attrs["remarks"].splitlines()
    assert remarks[0] == "CanESM2: of several versions the newest is read, v20120407"
    (twice,) = remarks[1:]  # one line, whatever the runs
    assert twice.startswith("HadGEM2-ES: of months that are in two files with other values")
    assert twice.endswith("rh rcp85 r1i1p1 2052-12; rh rcp85 r1i1p1 2099-12")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_npp_rh_and_the_past_are_those_of_the_whole_ensemble(mixed):
    carbon, ensemble = load_carbon(mixed), load_top(mixed)
    assert carbon["year"].values[[0, -1]].tolist() == [1990, 2005]
    past = ensemble.sel(year=carbon["year"])
    for name in ("npp", "rh", "land_fraction", "area"):
        xr.testing.assert_allclose(carbon[name], past[name], rtol=1e-12)
    assert carbon["npp"].isnull().all(["year", "lat", "lon"]).sum() == 1
    nep = carbon.drop_sel(model="GFDL-ESM2M").eval("npp - rh") * 32 / 12
    top = past["top"].sel(scenario="rcp45", drop=True).drop_sel(model="GFDL-ESM2M")
    xr.testing.assert_allclose(nep, top.drop_attrs(), rtol=1e-9)
    sites = pd.DataFrame({"latitude": [31.4], "longitude": [90.2]}, index=["A"])
    expected = mean_top(ensemble).mean("model").sel(lat=31.5, lon=90.5).item()
    assert sample_top(sites, mixed)["A"] == pytest.approx(expected, rel=1e-12)


def test_an_archive_of_cmip6_is_read_by_the_same_reader(tmp_path):
    grids = {"CanESM5": gaussian(64), "IPSL-CM6A-LR": regular(2.5), "UKESM1-0-LL": regular(1.25)}
    kinds = {"CanESM5": ["npp", "rh"], "IPSL-CM6A-LR": ["nep"], "UKESM1-0-LL": ["gpp", "ra", "rh"]}
    calendars = {"CanESM5": "noleap", "IPSL-CM6A-LR": "standard", "UKESM1-0-LL": "360_day"}
    members = {
        "CanESM5": "r1i1p2f1_gn",
        "IPSL-CM6A-LR": "r1i1p1f1_gr",
        "UKESM1-0-LL": "r1i1p1f2_gn",
    }
    starts = {"historical": ("1985-01", 30), "ssp245": ("2015-01", 86), "ssp585": ("2015-01", 86)}
    for model, edges in grids.items():
        for variable in kinds[model]:
            for experiment, (start, years) in starts.items():
                file = run(variable, start, 12 * years, calendars[model], around(edges))
                if model == "CanESM5":
                    file = file.expand_dims(member_id=["r1i1p2f1"])
                table = "Emon" if variable == "nep" else "Lmon"
                save(tmp_path, file, variable, experiment, model, members[model], table=table)
    ensemble = load_top(tmp_path)
    assert ensemble["scenario"].values.tolist() == ["ssp245", "ssp585"]
    assert ensemble.attrs["left_out"] == ""
    for model, edges in grids.items():
        for scenario in ("ssp245", "ssp585"):
            expected = by_hand(tmp_path, model, scenario, around(edges))
            found = ensemble["top"].sel(model=model, scenario=scenario)
            np.testing.assert_allclose(found, expected, rtol=1e-6)
    one = open_ensemble(tmp_path, ["ssp585"])["top"]
    xr.testing.assert_identical(one, ensemble["top"].sel(scenario=["ssp585"]))


@needs_cdo
@pytest.mark.parametrize("calendar", ["noleap", "360_day", "standard"])
def test_years_of_cmip6_agree_with_cdo(tmp_path, calendar):
    for experiment, start in (("historical", "2013-01"), ("ssp585", "2015-01")):
        for variable in ("npp", "rh"):
            file = run(variable, start, calendar=calendar, edges=gaussian(64))
            save(tmp_path, file, variable, experiment, "CanESM5", "r1i1p1f1_gn")
    found = open_ensemble(tmp_path, ["ssp585"], 2013, 2016)["top"].squeeze()
    grid = tmp_path / "grid.txt"
    first = "\nxfirst = 72.5\nxinc = 1\nyfirst = 25.5\nyinc = 1\n"
    grid.write_text(f"gridtype = lonlat\nxsize = 34\nysize = 16{first}")
    runs = [tmp_path / f"all_{name}.nc" for name in ("npp", "rh")]
    for path in runs:
        cdo("mergetime", *tmp_path.glob(f"{path.stem[4:]}_*"), path)
    years = ["-yearsum", "-mulc,86400", "-muldpm", "-sub", *runs]
    cdo(f"remapcon,{grid}", "-mulc,2.6666666666666665", *years, tmp_path / "top.nc")
    with xr.open_dataset(tmp_path / "top.nc", decode_times=False) as reference:
        np.testing.assert_allclose(found, reference["npp"], rtol=1e-6)


def test_of_two_grids_one_is_read_and_named(tmp_path):
    for label, edges in (("gn", around(regular(2.5))), ("gr", around(regular(2.0)))):
        for experiment, start in (("historical", "2013-01"), ("ssp245", "2015-01")):
            for variable in ("npp", "rh"):
                file = run(variable, start, edges=edges)
                save(tmp_path, file, variable, experiment, "CanESM5", f"r1i1p1f1_{label}")
    ensemble = open_ensemble(tmp_path, ["ssp245"], 2013, 2016)
    told = "CanESM5 r1i1p1f1: of the grids gn, gr the first is read"
    assert told in ensemble.attrs["remarks"]
    assert ensemble.attrs["inputs"].count("_gn_") == 4
    assert ensemble.attrs["fluxes"] == "CanESM5 r1i1p1f1 gn: npp - rh"


def test_a_folder_of_both_generations_gives_the_one_that_is_named(tmp_path):
    for member, scenario in (("r1i1p1", "rcp45"), ("r1i1p1f1_gn", "ssp245")):
        for experiment, start in (("historical", "2003-01"), (scenario, "2005-01")):
            for variable in ("npp", "rh"):
                file = run(variable, start, edges=around(regular(2.5)))
                save(tmp_path, file, variable, experiment, f"OF-{scenario}", member)
    with pytest.raises(InputError, match="CMIP5 and of CMIP6"):
        load_top(tmp_path)
    for scenario in ("rcp45", "ssp245"):
        ensemble = load_top(tmp_path, [scenario], 2003, 2006)
        assert ensemble["model"].values.tolist() == [f"OF-{scenario}"]
        assert ensemble.attrs["left_out"] == ""


@pytest.mark.parametrize("names", [["ssp585"], ["historical"], ["rcp45", "ssp245"], ["rcp4.5"]])
def test_scenarios_that_an_archive_lacks_are_refused_with_those_that_it_has(tmp_path, names):
    save_model(tmp_path)
    with pytest.raises(InputError, match=r"needed: scenarios .*: rcp45, rcp85") as refusal:
        load_top(tmp_path, names)
    assert refusal.value.found == ", ".join(names)


def test_scenarios_are_named_in_any_case_and_count_once(tmp_path):
    found = load_top(save_model(tmp_path), ["RCP85", "rcp85"], 2004, 2007)
    assert found["scenario"].values.tolist() == ["rcp85"]


def test_first_lines_say_once_what_several_models_lack(tmp_path):
    for name in ("WHOLE", "ONE", "TWO", "THREE"):
        for experiment, start in (("historical", "1990-01"), ("rcp45", "2006-01")):
            for variable in ("npp",) if name in ("ONE", "TWO") else ("npp", "rh"):
                months = 192 if experiment == "historical" else 24
                file = run(variable, start, months, edges=around(regular(2.5)))
                save(tmp_path, file, variable, experiment, name)
    next(tmp_path.glob("rh_*_THREE_rcp45_*")).write_bytes(b"<html>")
    told = name_used(tmp_path, ["top"], 2007, ["rcp45"]).splitlines()
    needed = "monthly npp and rh (or gpp, ra and rh; or nep), each for historical and rcp45"
    here = told.index(
        f"- left out: 2 models. Needed: {needed} of one member; download what is missing"
    )
    assert told[here + 1 : here + 3] == [
        "  - ONE: only npp for historical, rcp45 of r1i1p1",
        "  - TWO: only npp for historical, rcp45 of r1i1p1",
    ]
    assert told[here + 3].startswith("- left out: THREE: rh_Lmon_THREE_rcp45_")
    assert "  - npp − rh: WHOLE (r1i1p1)" in told
    with pytest.raises(InputError, match="3 faults in ONE, THREE, TWO"):
        load_top(tmp_path, ["rcp45"], last_year=2007, strict=True)


def test_a_page_on_the_past_and_one_on_the_future_rest_on_the_same_models(tmp_path):
    save_model(tmp_path, "WHOLE")
    save_model(tmp_path, "HALF")
    next(tmp_path.glob("npp_*_HALF_rcp85_*")).unlink()
    with pytest.warns(UserWarning, match="left out HALF"):
        past = load_top(tmp_path, None, 2004, 2005)
    with pytest.warns(UserWarning, match="left out HALF"):
        both = load_top(tmp_path, None, 2004, 2007)
    assert past["model"].values.tolist() == both["model"].values.tolist() == ["WHOLE"]
    for path in tmp_path.glob("*_rcp85_*"):
        path.unlink()  # now none has both scenarios: of the past all that is there counts
    assert load_top(tmp_path, None, 2004, 2005)["model"].values.tolist() == ["HALF", "WHOLE"]
