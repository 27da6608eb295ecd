"""Faults in a CMIP5 archive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import xarray as xr

from helpers.errors import InputError
from helpers.readers.archive_files import find_files
from helpers.readers.earth_system_models import land_fraction, open_ensemble
from helpers.readers.earth_system_models import open_run as open_lazily
from tests.archives import bare, gaussian, regular, run, save, save_fixed, save_model
from tests.faults import Case
from tests.faults.damage import (
    NO_NETCDF,
    all_refused,
    copy,
    curvilinear,
    cut,
    flip,
    in_units,
    read_each,
    read_without_each_attribute,
)

Change = Callable[[xr.Dataset], xr.Dataset]
COARSE = regular(5.0)
PERIOD = "200401-200412"
NAME = f"npp_Lmon_MODEL-A_historical_r1i1p1_{PERIOD}.nc"
LATER = "npp_Lmon_MODEL-A_historical_r1i1p1_200501-200512.nc"
MIDDLES = (
    154 * 365 + 15.5 + np.array([0, 30, 59, 89.5, 120, 150.5, 181, 212, 242.5, 273, 303.5, 334])
)


def plain(start: str = "2004-01", months: int = 12, **options) -> xr.Dataset:
    """Return a run on a coarse grid."""
    return run("npp", start, months, **{"edges": COARSE, **options})


def open_run(folder: Path) -> xr.DataArray:
    """Return the run in a folder, read."""
    return open_lazily(find_files(folder)).load()


@cache
def _bytes(months: int = 12) -> bytes:
    with TemporaryDirectory() as folder:
        return save(Path(folder), plain(months=months)).read_bytes()


@cache
def _right() -> xr.DataArray:
    with TemporaryDirectory() as folder:
        (Path(folder) / NAME).write_bytes(_bytes())
        return open_run(Path(folder))


def same(found: xr.DataArray) -> None:
    """Assert that a flux is that of the file without a fault."""
    xr.testing.assert_allclose(found.drop_attrs(), _right().drop_attrs(), rtol=1e-4)


def _written(write: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return a reader of what is written under the name of a file."""

    def read(folder: Path) -> object:
        write(folder / NAME)
        return open_run(folder)

    return read


def made(change: Change, period: str = PERIOD, **options) -> Callable[[Path], object]:
    """Return a reader of one file that was changed."""
    return _written(lambda path: save(path.parent, change(plain(**options)), period=period))


def _named(name: str) -> Callable[[Path], object]:
    """Return a reader of a file without a fault under another name."""
    return _written(lambda path: path.with_name(name).write_bytes(_bytes()))


def _two(start: str = "2005-01", **options) -> Callable[[Path], object]:
    """Return a reader of a year and a second file, of 2005 unless said otherwise."""

    def write(path: Path) -> None:
        path.write_bytes(_bytes())
        save(path.parent, plain(start, **options))

    return _written(write)


def _twice(other: float) -> Callable[[Path], object]:
    """Return a reader of a file that is in two folders, in one of them times a number."""

    def read(folder: Path) -> object:
        for place, times in (("a", 1), ("b", other)):
            file = plain()
            file["npp"].values[:] *= np.float32(times)
            save(folder / place, file)
        return open_run(folder)

    return read


def _each(variants: Callable[[bytes], object], form: str = "") -> Callable[[Path], list]:
    """Return a reader of many variants of a file, written anew in a form if one is named."""

    def read(folder: Path) -> list:
        path = folder / NAME
        path.write_bytes(_bytes(2))
        if form:
            copy(path, folder / "other", form)
            path.write_bytes((folder / "other").read_bytes())
        return read_each(path, variants(path.read_bytes()), lambda: open_run(folder))

    return read


def _refused_or_a_field(answers: list) -> None:
    assert len(answers) >= 60
    assert {type(answer) for answer in answers} == {InputError, xr.DataArray}


def _only_units_are_needed(answers: dict[tuple[str, str], object]) -> None:
    for attribute in (("npp", "units"), ("time", "units")):
        assert isinstance(answers.pop(attribute), InputError)
    del answers["time", "calendar"]
    for found in answers.values():
        same(found)


def _copied(path: Path, **options) -> Path:
    path.with_name("whole").write_bytes(_bytes())
    return copy(path.with_name("whole"), path, **options)


def _values(value: float, fill: float | None = None) -> Change:
    """Put a value into every cell north of 30 degrees, declared as fill value or not."""

    def change(file: xr.Dataset) -> xr.Dataset:
        values = file["npp"].where(file["lat"] < 30, value).astype("float32")
        values.encoding["_FillValue"] = fill
        return file.assign(npp=values.assign_attrs(units="kg m-2 s-1"))

    return change


def _masked_north(found: xr.DataArray) -> None:
    assert found.where(found["lat"] > 30, drop=True).isnull().all()
    xr.testing.assert_equal(
        *(each.where(each["lat"] < 30, drop=True) for each in (found, _right()))
    )


def _axis(name: str, place: int, value: float) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        values = file[name].values.copy()
        values[place] = value
        return bare(file).assign_coords({name: values})

    return change


def _time(values: object, **attrs: object) -> Change:
    attrs = {"units": "days since 1850-01-01", **attrs}
    return lambda file: bare(file).assign_coords(time=("time", np.array(values), attrs))


def _turned_west(file: xr.Dataset) -> xr.Dataset:
    east = (file["lon"] + 180) % 360 - 180
    moved = file.assign(lon_bnds=file["lon_bnds"] + (east - file["lon"]))
    return moved.assign_coords(lon=east.assign_attrs(file["lon"].attrs)).sortby("lon")


def _packed(**attrs: object) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        values = np.round(file["npp"] / 1e-12).astype("int32").drop_attrs()
        packed = file.assign(npp=values.assign_attrs(units="kg m-2 s-1", **attrs))
        packed["npp"].encoding = {}
        return packed

    return change


def _bad_bounds(file: xr.Dataset) -> xr.Dataset:
    file["lat_bnds"][:] = 0
    return file


def _bounds_from_another_date(file: xr.Dataset) -> xr.Dataset:
    return file.assign(time_bnds=file["time_bnds"] - timedelta(days=100 * 365))


def _loop_of_folders(path: Path) -> None:
    path.with_name("again").symlink_to(path.parent)
    path.write_bytes(_bytes())


def _changed_meanwhile(change: Callable[[Path], object]) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / NAME).write_bytes(_bytes())
        lazily = open_lazily(find_files(folder))
        change(folder / NAME)
        return lazily.load()

    return read


def _negated(name: str) -> Change:
    return lambda file: file.assign({name: (-file[name]).assign_attrs(file[name].attrs)})


def _without_first_month(file: xr.Dataset) -> xr.Dataset:
    file["npp"][0] = np.nan
    return file


def _in_radians(file: xr.Dataset) -> xr.Dataset:
    return bare(file).assign_coords(lat=np.radians(file["lat"]))


def _ensemble(folder: Path, strict: bool = False) -> xr.Dataset:
    return open_ensemble(folder, ["rcp45"], first_year=2004, last_year=2007, strict=strict)


def _archive(pattern: str, change: Change | None = None) -> Callable[[Path], object]:
    """Return a reader of an archive with some files changed, or taken away."""

    def read(folder: Path) -> object:
        for path in sorted(save_model(folder, edges=COARSE).glob(pattern)):
            with xr.open_dataset(path, decode_times=False) as opened:
                file = opened.load()
            path.unlink()
            if change:
                change(file).to_netcdf(path, format="NETCDF3_CLASSIC")
        return _ensemble(folder)

    return read


def _two_kinds(**options) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        save_model(folder, variables=["npp"], edges=COARSE)
        save_model(folder, variables=["rh"], **{"edges": COARSE, **options})
        return _ensemble(folder)

    return read


def _scenario(start: str = "2006-01", **options) -> Callable[[Path], object]:
    """Return a reader of nep, whose scenario differs from the historical run."""

    def read(folder: Path) -> object:
        save(folder, run("nep", edges=COARSE), "nep")
        save(folder, run("nep", start, **{"edges": COARSE, **options}), "nep", "rcp45")
        return _ensemble(folder)

    return read


def _first_member_without_rh(folder: Path) -> xr.Dataset:
    save(folder, run("npp", edges=COARSE, value=9e-8))
    for variable in ("npp", "rh"):
        save(folder, run(variable, edges=COARSE), variable, member="r2i1p1")
    return open_ensemble(folder, ["rcp45"], first_year=2004, last_year=2005)


def _second_member(found: xr.Dataset) -> None:
    assert "_r2i1p1_" in found.attrs["inputs"]
    np.testing.assert_allclose(found["npp"].mean(), 1.5 * found["rh"].mean(), rtol=1e-3)


def _land(value: object, units: str = "%", edges=COARSE) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / NAME).write_bytes(_bytes())
        save_fixed(folder, "sftlf", value, units, edges=edges)
        files = find_files(folder)
        flux = open_lazily(files[files["variable"] == "npp"])
        return land_fraction(files, "MODEL-A", flux)

    return read


def _incomplete_model(folder: Path, strict: bool = False) -> xr.Dataset:
    save(save_model(folder, edges=COARSE), run(edges=COARSE), model="MODEL-B")
    return _ensemble(folder, strict)


def _two_generations(folder: Path) -> xr.Dataset:
    save(folder, run(edges=COARSE), model="MODEL-B", member="r1i1p1f1_gn")
    return open_ensemble(save_model(folder, edges=COARSE))


def _only_nbp(folder: Path) -> xr.Dataset:
    for path in save_model(folder, variables=["nep"], edges=COARSE).iterdir():
        path.rename(path.with_name(path.name.replace("nep", "nbp")))
    return _ensemble(folder)


def _two_damaged(folder: Path) -> xr.Dataset:
    first, *_, last = sorted(save_model(folder, edges=COARSE).glob("*_historical_*"))
    first.write_bytes(b"")
    last.unlink()
    save(folder, in_units("rh", "g m-2 s-1")(run("rh", edges=COARSE)), "rh")
    return _ensemble(folder)


def _beside_nep(times: float) -> Callable[[Path], object]:
    """Return a reader of an archive that has npp, rh, and their difference times a number."""

    def read(folder: Path) -> xr.Dataset:
        save_model(folder, edges=COARSE)
        npp, rh = (run(name, edges=COARSE) for name in ("npp", "rh"))
        nep = ((npp["npp"] - rh["rh"]) * times).assign_attrs(npp["npp"].attrs)
        save(folder, npp.drop_vars("npp").assign(nep=nep), "nep")
        return _ensemble(folder)

    return read


def _from_npp_and_rh(found: xr.Dataset) -> None:
    assert found.attrs["fluxes"] == "MODEL-A r1i1p1: npp - rh"
    _only_model_a(found)


def _only_model_a(found: xr.Dataset) -> None:
    assert found["model"].values.tolist() == ["MODEL-A"]
    assert found["top"].notnull().all()


def _too_few_years(folder: Path) -> xr.Dataset:
    return open_ensemble(save_model(folder, edges=COARSE), last_year=2007)


def _gaussian_rows(found: xr.DataArray) -> None:
    edges = gaussian()[0]
    np.testing.assert_allclose(found["south"], edges[np.searchsorted(edges, found["lat"]) - 1])


IN_FILE = f"{NAME}: "
NAMES = {  # of the only file, none of which is that of a monthly flux of carbon
    "Another variable only": "tas_Amon_M_rcp45_r1i1p1_200601-200712.nc",
    "A part of the name is missing": NAME.replace("_historical", ""),
    "Daily data": "npp_day_M_rcp45_r1i1p1_20060101-20071231.nc",
}
REFUSED = {  # what is changed in a file, the place, further words
    "The variable has another name": (lambda file: file.rename(npp="gpp"), "npp", "gpp"),
    "A month is missing in a file": (lambda file: file.isel(time=[0, 1, 3]), ""),
    "A month twice in a file": (lambda file: file.isel(time=[0, 1, 1, 2]), "", "once"),
    "Daily data under a monthly name": (_time(np.arange(12.0)), "", "1850-01 after 1850-01"),
    "Time without units": (lambda file: bare(file).assign_coords(time=np.arange(12.0)), "time"),
    "A calendar that does not exist": (_time(MIDDLES, calendar="martian"), "time", "martian"),
    "A missing value among the times": (_time([*MIDDLES[:11], np.nan]), "time"),
    "Bounds of time that count from another date": (_bounds_from_another_date, "time"),
    "A curvilinear grid": (
        lambda file: curvilinear(bare(file)),
        "npp",
        "dimensions time, j, i",
        "remapcon",
    ),
    "A coordinate has another name": (lambda file: bare(file).rename(lat="latitude"), "npp"),
    "A latitude beyond the pole": (_axis("lat", 3, 135.0), "lat", "-90 to 90", "135"),
    "A latitude twice": (_axis("lat", 3, -67.5), "lat", "once", "-67.5"),
    "A single row, without bounds": (lambda file: bare(file).isel(lat=[24]), "lat"),
    "Fill values left as data (-9999)": (_values(-9999.0), "npp", "-9999", "_FillValue"),
    "Grams under the unit of kilograms": (
        lambda file: file.assign(npp=(file["npp"] * 1000).assign_attrs(file["npp"].attrs)),
        "npp",
        "convert the values",
        "e-05",
    ),
    "Production with the opposite sign": (_negated("npp"), "npp", "a mean of -", "turn the sign"),
    "W m-2 in place of kg m-2 s-1": (in_units("npp", "W m-2"), "npp", "units W m-2"),
    "No units": (in_units("npp", None), "npp", "no units attribute"),
    "The first month without values": (_without_first_month, "npp", "a value in every month"),
    "Numbers packed as integers, the scale lost": (_packed(), "npp", "no land has more"),
}
OTHERWISE = {  # how it is read, what the refusal says
    "The folder is not there": (lambda folder: find_files(folder / "no"), "no", "no such"),
    "The folder is empty": (find_files, "", "no such file in it"),
    "Two versions of one file, and nothing says which is newer": (
        _twice(1.5),
        f"b/{NAME}",
        "one version of each file",
    ),
    "Two generations of models": (_two_generations, "", "CMIP5 and of CMIP6", "ssp245 ssp585"),
    "Net biome production alone": (_only_nbp, "MODEL-A", "it is not NEP"),
    "Two damaged files, in different ways": (
        _two_damaged,
        "",
        "an empty file",
        "units g m-2 s-1",
    ),
    "nep of the opposite sign beside npp and rh": (
        _beside_nep(-1),
        "nep MODEL-A historical r1i1p1",
        "-1 times",
    ),
    "nep in carbon dioxide beside npp and rh in carbon": (
        _beside_nep(44 / 12),
        "nep MODEL-A historical r1i1p1",
        "3.7 times",
    ),
    "A link to itself": (
        _written(lambda path: path.symlink_to(path)),
        NAME,
        "a link that leads nowhere",
    ),
    "The file is gone when its values are read": (_changed_meanwhile(Path.unlink), NAME),
    "The file is cut after it was opened": (
        _changed_meanwhile(lambda path: path.write_bytes(_bytes()[:-4096])),
        NAME,
        "cut short",
    ),
    "A gap between two files": (_two("2005-03"), "npp MODEL-A historical r1i1p1"),
    "Another calendar in one file": (_two(calendar="360_day"), f"{LATER}: time", "noleap"),
    "Another grid in one file": (_two(edges=regular(4.0)), LATER, "other cells"),
    "A hole among the columns": (
        _archive("*_Lmon_*", lambda file: file.isel(lon=[*range(16), *range(20, 72)])),
        "MODEL-A: lon",
        "nothing between 75 and 100",
    ),
    "Latitudes in radians": (_archive("*_Lmon_*", _in_radians), "MODEL-A: lat", "cells from"),
    "Respiration with the opposite sign": (
        _archive("rh_*_rcp45_*", _negated("rh")),
        "rh_Lmon_MODEL-A_",
    ),
    "rh of a scenario is missing": (_archive("rh_*_rcp45_*"), ""),
    "npp and rh on two grids": (_two_kinds(edges=regular(4.0)), "MODEL-A rcp45: rh", "npp"),
    "npp and rh in two calendars": (_two_kinds(calendar="360_day"), "MODEL-A rcp45: rh", "360_day"),
    "A gap between the historical run and the scenario": (
        _scenario("2006-02"),
        "MODEL-A rcp45: the historical run and the scenario",
        "2006-02 after 2005-12: months are missing",
    ),
    "The scenario is on another grid": (
        _scenario(edges=regular(4.0)),
        "MODEL-A rcp45: the scenario",
    ),
    "A fraction as a land percentage": (_land(0.5), "MODEL-A: sftlf", "percent", "from 0.5 to 0.5"),
    "A land percentage in another unit": (_land(50, "1"), ".nc: sftlf", "units %"),
    "A land percentage on another grid": (_land(50, edges=regular(4.0)), "sftlf_fx_"),
    "The runs do not have the years": (_too_few_years, "MODEL-A rcp45", "1990-01 to 2007-12"),
    "A model that is not complete, where all are asked for": (
        partial(_incomplete_model, strict=True),
        "MODEL-B",
        "found:  only npp for historical of r1i1p1",
    ),
}
HANDLED = {  # how it is read, what is made of it, the check if it is not the same flux
    "The dates in the name are others": (
        _named(NAME.replace("200401", "200301")),
        "Read, with a warning: the dates in the file count.",
    ),
    "A link from a folder to itself": (_written(_loop_of_folders), "Each file is read once."),
    "A NetCDF-3 file cut at every 15th byte of its header and at every block of 4 kB": (
        _each(lambda whole: cut(whole, finely=1500)),
        "Refused, wherever it was cut.",
        all_refused(NAME),
    ),
    "A NetCDF-4 file cut at every block of 4 kB": (
        _each(cut, "NETCDF4"),
        "Refused, wherever it was cut.",
        all_refused(NAME),
    ),
    "A NetCDF-3 file with one byte changed, at 150 places in its header": (
        _each(lambda whole: flip(whole, 150, 3, before=1500)),
        "Refused, or read with at most a changed number: NetCDF-3 has no checksums.",
        _refused_or_a_field,
    ),
    "A NetCDF-4 file with one byte changed, at 60 places in its first 8 kB": (
        _each(lambda whole: flip(whole, 60, 5, before=8192), "NETCDF4"),
        "Refused, or read with at most a changed number.",
        _refused_or_a_field,
    ),
    "Each attribute of each variable left out, one after the other": (
        lambda folder: read_without_each_attribute(
            _bytes(), folder / NAME, lambda: open_run(folder)
        ),
        "Refused without units of the flux or of time; all others may be absent.",
        _only_units_are_needed,
    ),
    "A Gaussian grid": (
        made(lambda file: file, edges=gaussian()),
        "Read with its own bounds.",
        _gaussian_rows,
    ),
    "A winter in which plants give off more than they bind": (
        made(_negated("npp"), "200411-200502", start="2004-11", months=4),
        "Read as it is: less than a year does not tell.",
        lambda found: np.testing.assert_array_less(found, 0),
    ),
    "The name ends in .nc4": (_named(f"{NAME}4"), "Read."),
    "The name says neither member nor months": (_named("npp_Lmon_MODEL-A_historical.nc"), "Read."),
    "A file that is in two folders": (_twice(1), "One of the two is read."),
    "Files that overlap": (
        _two("2004-11", months=14),
        "Each month once, of the file that begins first; a warning where values differ.",
        lambda found: same(found[:12]),
    ),
    "The historical run ends after the scenario begins": (
        _scenario("2005-12", months=25),
        "Cut where the scenario begins, with a warning.",
        _only_model_a,
    ),
    "nep beside npp and rh, smaller by what burns": (
        _beside_nep(0.9),
        "npp and rh are read.",
        _from_npp_and_rh,
    ),
    "rh of the first member is missing": (
        _first_member_without_rh,
        "The first member that has both is read.",
        _second_member,
    ),
    "A model that is not complete beside one that is": (
        _incomplete_model,
        "Left out, with a warning that says what lacks.",
        _only_model_a,
    ),
    "The same units in another spelling": (made(in_units("npp", "kg m^-2 s^-1")), "Read."),
    "Longitudes from -180 to 180": (made(_turned_west), "Read; 0 to 360 is turned."),
    "Latitudes from the north": (
        made(lambda file: file.isel(lat=slice(None, None, -1))),
        "Turned.",
    ),
    "Bounds of cells that do not fit": (
        made(_bad_bounds),
        "Read, with a warning: cells meet halfway between their centres.",
    ),
    "Numbers packed as integers, with a scale": (
        made(_packed(scale_factor=1e-12, add_offset=0.0)),
        "Unpacked.",
    ),
    "Fill values left as data (1e20)": (made(_values(1e20)), "Masked.", _masked_north),
    "Values that are declared as fill values": (
        made(_values(-9999.0, -9999.0)),
        "Masked.",
        _masked_north,
    ),
    "Dimensions in another order": (
        _written(partial(_copied, order=("lon", "lat", "time"), unlimited=False)),
        "Read.",
    ),
    "Written as NetCDF-4": (_written(partial(_copied, form="NETCDF4")), "Read."),
}
CASES = [
    *(Case(fault, _named(name), ("", "no such file in it")) for fault, name in NAMES.items()),
    *(
        Case(fault, _written(partial(Path.write_bytes, data=what)), (NAME, word))
        for fault, (what, word) in NO_NETCDF.items()
    ),
    *(
        Case(fault, made(change), (IN_FILE + place if place else NAME, *words))
        for fault, (change, place, *words) in REFUSED.items()
    ),
    *(Case(fault, read, tuple(words)) for fault, (read, *words) in OTHERWISE.items()),
    *(
        Case(fault, read, handled=check[0] if check else same, answer=answer)
        for fault, (read, answer, *check) in HANDLED.items()
    ),
]
