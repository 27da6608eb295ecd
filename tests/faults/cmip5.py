"""Faults in a CMIP5 archive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import xarray as xr

from helpers.errors import InputError
from helpers.readers.earth_system_models import (
    find_files,
    land_fraction,
    open_ensemble,
    open_historical,
)
from helpers.readers.earth_system_models import open_run as open_lazily
from tests.archives import bare, gaussian, regular, run, save, save_fixed, save_model
from tests.faults import Case
from tests.faults.damage import NO_NETCDF, all_refused, attributes, copy, cut, flip, read_each

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


def made(change: Change, period: str = PERIOD, **options) -> Callable[[Path], xr.DataArray]:
    """Return a reader of one file that was changed."""

    def read(folder: Path) -> xr.DataArray:
        save(folder, change(plain(**options)), period=period)
        return open_run(folder)

    return read


def _two(start: str = "2005-01", **options) -> Callable[[Path], xr.DataArray]:
    """Return a reader of a year and a second file, of 2005 unless said otherwise."""

    def read(folder: Path) -> xr.DataArray:
        (folder / NAME).write_bytes(_bytes())
        save(folder, plain(start, **options))
        return open_run(folder)

    return read


def _named(name: str) -> Callable[[Path], object]:
    """Return a reader of a file without a fault under another name."""

    def read(folder: Path) -> object:
        (folder / name).write_bytes(_bytes())
        return open_run(folder)

    return read


def _content(content: bytes) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / NAME).write_bytes(content)
        return open_run(folder)

    return read


def _link(folder: Path) -> object:
    (folder / NAME).symlink_to(NAME)
    return open_run(folder)


def _two_versions(folder: Path) -> object:
    for version in ("v1", "v2"):
        (folder / version).mkdir()
        (folder / version / NAME).touch()
    return find_files(folder)


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
    kinds = [isinstance(answer, InputError) for answer in answers]
    assert True in kinds
    assert False in kinds
    _no_other_answer(answers)


def _no_other_answer(answers: list) -> None:
    assert len(answers) >= 60
    for answer in answers:
        assert isinstance(answer, InputError | xr.DataArray)


def _without_each_attribute(folder: Path) -> set[tuple[str, str]]:
    """Return what is refused of variables and their attributes; the rest is the same flux."""
    whole, refused = folder / "whole", set()
    whole.write_bytes(_bytes())
    for attribute in attributes(whole):
        (folder / NAME).unlink(missing_ok=True)
        copy(whole, folder / NAME, without=attribute)
        try:
            found = open_run(folder)
            if attribute != ("time", "calendar"):
                same(found)
        except InputError:
            refused.add(attribute)
    return refused


def _only_units_are_needed(refused: set[tuple[str, str]]) -> None:
    assert refused == {("npp", "units"), ("time", "units")}


def _copied(**options) -> Callable[[Path], xr.DataArray]:
    def read(folder: Path) -> xr.DataArray:
        (folder / "whole").write_bytes(_bytes())
        copy(folder / "whole", folder / NAME, **options)
        return open_run(folder)

    return read


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


def _unit(unit: object) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        file["npp"].attrs = {} if unit is None else {"units": unit}
        return file

    return change


def _axis(name: str, place: int, value: float) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        values = file[name].values.copy()
        values[place] = value
        return bare(file).assign_coords({name: values})

    return change


def _time(values: object, **attrs: object) -> Change:
    attrs = {"units": "days since 1850-01-01", **attrs}
    return lambda file: bare(file).assign_coords(time=("time", np.array(values), attrs))


def _curvilinear(file: xr.Dataset) -> xr.Dataset:
    north, east = np.meshgrid(file["lat"], file["lon"], indexing="ij")
    file = bare(file).rename(lat="j", lon="i").drop_vars(["j", "i"])
    return file.assign_coords(lat=(("j", "i"), north), lon=(("j", "i"), east))


def _turned_west(file: xr.Dataset) -> xr.Dataset:
    east = (file["lon"] + 180) % 360 - 180
    moved = file.assign(lon_bnds=file["lon_bnds"] + (east - file["lon"]))
    return moved.assign_coords(lon=east.assign_attrs(file["lon"].attrs)).sortby("lon")


def _shifted(file: xr.Dataset) -> xr.Dataset:
    file["lon_bnds"].values -= 360
    return file.assign_coords(lon=(file["lon"] - 360).assign_attrs(file["lon"].attrs))


def _shuffled_rows(file: xr.Dataset) -> xr.Dataset:
    return file.isel(lat=np.random.default_rng(1).permutation(file.sizes["lat"]))


def _packed(**attrs: object) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        values = np.round(file["npp"] / 1e-12).astype("int32").drop_attrs()
        packed = file.assign(npp=values.assign_attrs(units="kg m-2 s-1", **attrs))
        packed["npp"].encoding = {}
        return packed

    return change


def _packed_rows(file: xr.Dataset) -> xr.Dataset:
    rows = np.round(file["lat"].values / 2.5).astype("int16")
    return bare(file).assign_coords(lat=("lat", rows, {"scale_factor": 2.5}))


def _bad_bounds(file: xr.Dataset) -> xr.Dataset:
    file["lat_bnds"][:] = 0
    return file


def _bounds_from_another_date(file: xr.Dataset) -> xr.Dataset:
    return file.assign(time_bnds=file["time_bnds"] - timedelta(days=100 * 365))


def _words_as_latitudes(file: xr.Dataset) -> xr.Dataset:
    return bare(file).assign_coords(lat=[f"{value:g} N" for value in file["lat"].values])


def _loop_of_folders(folder: Path) -> xr.DataArray:
    (folder / "again").symlink_to(folder)
    return _named(NAME)(folder)


def _changed_meanwhile(change: Callable[[Path], object]) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / NAME).write_bytes(_bytes())
        lazily = open_lazily(find_files(folder))
        change(folder / NAME)
        return lazily.load()

    return read


def _negated(name: str) -> Change:
    return lambda file: file.assign({name: (-file[name]).assign_attrs(file[name].attrs)})


def _without_month(step: int) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        file["npp"][step] = np.nan
        return file

    return change


def _in_radians(file: xr.Dataset) -> xr.Dataset:
    return bare(file).assign_coords(lat=np.radians(file["lat"]))


def _ensemble(folder: Path, scenarios: tuple[str, ...] = ("rcp45",)) -> xr.Dataset:
    return open_ensemble(folder, scenarios, first_year=2004, last_year=2007).load()


def _archive(variables: str = "", change: Change | None = None) -> Callable[[Path], object]:
    """Return a reader of an archive with the files of some variables changed."""

    def read(folder: Path) -> object:
        for path in sorted(save_model(folder, edges=COARSE).iterdir()):
            if path.name.split("_")[0] in variables.split():
                with xr.open_dataset(path, decode_times=False) as opened:
                    file = change(opened.load())
                path.unlink()
                file.to_netcdf(path, format="NETCDF3_CLASSIC")
        return _ensemble(folder)

    return read


def _archive_without(pattern: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        for path in sorted(save_model(folder, edges=COARSE).glob(pattern)):
            path.unlink()
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
    return open_historical(folder, first_year=2004, last_year=2005).load()


def _second_member(found: xr.Dataset) -> None:
    assert {*found.data_vars} == {"npp", "rh", "land_fraction", "area"}
    np.testing.assert_allclose(found["npp"].mean(), 1.5 * found["rh"].mean(), rtol=1e-3)


def _land(value: object, units: str = "%", edges=COARSE) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / NAME).write_bytes(_bytes())
        save_fixed(folder, "sftlf", value, units, edges=edges)
        files = find_files(folder)
        flux = open_lazily(files[files["variable"] == "npp"])
        return land_fraction(files, "MODEL-A", flux)

    return read


def _incomplete_model(folder: Path) -> xr.Dataset:
    save(folder, run(edges=COARSE), model="MODEL-B")
    return _archive()(folder)


def _only_model_a(found: xr.Dataset) -> None:
    assert found["model"].values.tolist() == ["MODEL-A"]
    assert found["top"].notnull().all()


def _too_few_years(folder: Path) -> xr.Dataset:
    return open_ensemble(save_model(folder, edges=COARSE), last_year=2007)


def _gaussian_rows(found: xr.DataArray) -> None:
    edges = gaussian()[0]
    np.testing.assert_allclose(found["south"], edges[np.searchsorted(edges, found["lat"]) - 1])


IN_FILE = f"{NAME}: "
DATES = "Read, with a warning: the dates in the file count."
NAMES = {  # of the only file, none of which is that of a monthly flux of carbon
    "Another variable only": "tas_Amon_M_rcp45_r1i1p1_200601-200712.nc",
    "Names that end in .nc4": f"{NAME}4",
    "A part of the name is missing": NAME.replace("_r1i1p1", ""),
}
REFUSED = {  # what is changed in a file, the place, further words
    "The variable has another name": (lambda file: file.rename(npp="gpp"), "npp", "gpp"),
    "A month is missing in a file": (lambda file: file.isel(time=[0, 1, 3]), ""),
    "A month twice in a file": (lambda file: file.isel(time=[0, 1, 1, 2]), "", "once"),
    "Steps in another order": (lambda file: file.isel(time=[3, 0, 2, 1]), ""),
    "Daily data under a monthly name": (_time(np.arange(12.0)), "", "1850-01 after 1850-01"),
    "Time without units": (lambda file: bare(file).assign_coords(time=np.arange(12.0)), "time"),
    "Time in units that mean nothing": (_time(MIDDLES, units="moons since ever"), "time"),
    "A calendar that does not exist": (_time(MIDDLES, calendar="martian"), "time", "martian"),
    "A missing value among the times": (_time([*MIDDLES[:11], np.nan]), "time"),
    "A time in a million years": (_time([*MIDDLES[:11], 4e8]), "time", "up to 4e+08"),
    "Time without steps": (lambda file: bare(file).isel(time=slice(0, 0)), "time", "0 steps"),
    "Bounds of time that count from another date": (_bounds_from_another_date, "time"),
    "A curvilinear grid": (_curvilinear, "npp", "dimensions time, j, i", "remapcon"),
    "A coordinate has another name": (lambda file: bare(file).rename(lat="latitude"), "npp"),
    "A latitude beyond the pole": (_axis("lat", 3, 135.0), "lat", "-90 to 90", "135"),
    "A latitude twice": (_axis("lat", 3, -67.5), "lat", "once", "-67.5"),
    "A single row, without bounds": (lambda file: bare(file).isel(lat=[24]), "lat"),
    "Words as latitudes": (_words_as_latitudes, "npp", "numbers"),
    "Fill values left as data (-9999)": (_values(-9999.0), "npp", "-9999", "_FillValue"),
    "A flux of 1000 kg m-2 s-1": (_values(1e3), "npp", "1000", "no land has more"),
    "Grams under the unit of kilograms": (
        lambda file: file.assign(npp=(file["npp"] * 1000).assign_attrs(file["npp"].attrs)),
        "npp",
        "convert the values",
        "e-05",
    ),
    "Production with the opposite sign": (_negated("npp"), "npp", "a mean of -", "turn the sign"),
    "The first month without values": (_without_month(0), "npp", "a value in every month"),
    "Numbers packed as integers, the scale lost": (_packed(), "npp", "no land has more"),
}
UNITS = {  # of the flux; the refusal shows them
    "W m-2 in place of kg m-2 s-1": ("W m-2", "units W m-2"),
    "No units": (None, "no units attribute"),
    "A number as units": (7.0, "units 7"),
}
READ = {
    "The same units in another spelling": (_unit("kg m^-2 s^-1"), "Read."),
    "Longitudes from -180 to 180": (_turned_west, "Read; 0 to 360 is turned."),
    "Longitudes from -360 to 0": (_shifted, "Turned."),
    "Latitudes from the north": (lambda file: file.isel(lat=slice(None, None, -1)), "Turned."),
    "Rows in any order": (_shuffled_rows, "Put in order."),
    "Latitudes packed as integers": (_packed_rows, "Unpacked."),
    "Bounds of cells that do not fit": (
        _bad_bounds,
        "Read, with a warning: cells meet halfway between their centres.",
    ),
    "Numbers packed as integers, with a scale": (
        _packed(scale_factor=1e-12, add_offset=0.0),
        "Unpacked.",
    ),
}
MASKED = {
    "Fill values left as data (1e20)": _values(1e20),
    "Values that are declared as fill values": _values(-9999.0, -9999.0),
}
WRITTEN = {
    "Dimensions in another order": {"order": ("lon", "lat", "time"), "unlimited": False},
    "Big-endian numbers": {"endian": "big"},
    "Written as NetCDF-3 with 64-bit offsets": {"form": "NETCDF3_64BIT_OFFSET"},
    "Written as NetCDF-4": {"form": "NETCDF4"},
    "Time as a fixed dimension": {"form": "NETCDF3_CLASSIC", "unlimited": False},
}
OTHERWISE = {  # how it is read, what the refusal says
    "The folder is not there": (lambda folder: find_files(folder / "no"), "no", "no such"),
    "The folder is empty": (find_files, "", "no such file in it"),
    "Daily data": (_named("npp_day_M_rcp45_r1i1p1_20060101-20071231.nc"), "npp_day_M"),
    "Two versions of one file": (_two_versions, f"v2/{NAME}", "one version of each file"),
    "A link to itself": (_link, NAME, "a link that leads nowhere"),
    "The file is gone when its values are read": (_changed_meanwhile(Path.unlink), NAME),
    "The file is cut after it was opened": (
        _changed_meanwhile(lambda path: path.write_bytes(_bytes()[:-4096])),
        NAME,
        "cut short",
    ),
    "A word as the scale of packed numbers": (made(_packed(scale_factor="small")), f"{IN_FILE}npp"),
    "A gap between two files": (_two("2005-03"), "npp MODEL-A historical r1i1p1"),
    "Files that overlap": (_two("2004-11"), f"{NAME} and npp_"),
    "Another calendar in one file": (_two(calendar="360_day"), f"{LATER}: time", "noleap"),
    "Another grid in one file": (_two(edges=regular(4.0)), LATER, "other cells"),
    "Yearly data under a monthly name": (
        made(lambda file: bare(file).isel(time=slice(6, None, 12)), months=36),
        NAME,
        "2005-07 after 2004-07",
    ),
    "A hole among the columns": (
        _archive("npp rh", lambda file: file.isel(lon=[*range(16), *range(20, 72)])),
        "MODEL-A: lon",
        "nothing between 75 and 100",
    ),
    "Latitudes in radians": (_archive("npp rh", _in_radians), "MODEL-A: lat", "cells from"),
    "Respiration with the opposite sign": (_archive("rh", _negated("rh")), "rh_Lmon_MODEL-A_"),
    "rh of a scenario is missing": (_archive_without("rh_Lmon_MODEL-A_rcp45*"), ""),
    "npp and rh on two grids": (_two_kinds(edges=regular(4.0)), "MODEL-A rcp45: rh", "npp"),
    "npp and rh in two calendars": (_two_kinds(calendar="360_day"), "MODEL-A rcp45: rh", "360_day"),
    "A gap between the historical run and the scenario": (
        _scenario("2006-02"),
        "historical and scenario",
        "scenario from 2006-02: a gap",
    ),
    "The historical run and the scenario overlap": (
        _scenario("2005-12"),
        "historical and scenario",
        "scenario from 2005-12: an overlap",
    ),
    "The scenario is on another grid": (_scenario(edges=regular(4.0)), "nep of the scenario"),
    "A fraction as a land percentage": (_land(0.5), "MODEL-A: sftlf", "percent", "from 0.5 to 0.5"),
    "A land percentage of 140": (_land(140), "MODEL-A: sftlf", "from 140 to 140"),
    "A land percentage in another unit": (_land(50, "1"), "sftlf in", "units %"),
    "A land percentage on another grid": (_land(50, edges=regular(4.0)), "sftlf_fx_"),
    "The runs do not have the years": (_too_few_years, "MODEL-A rcp45", "1990-01 to 2007-12"),
}
HANDLED = {  # how it is read, the check, what is made of it
    "A member with a number of 80 digits, and a date with 60": (
        _named(f"npp_Lmon_M_historical_r{'9' * 80}i1p1_{'2' * 60}-200412.nc"),
        same,
        DATES,
    ),
    "A link from a folder to itself": (_loop_of_folders, same, "Each file is read once."),
    "A NetCDF-3 file cut at every 15th byte of its header and at every block of 4 kB": (
        _each(lambda whole: cut(whole, finely=1500)),
        all_refused(NAME),
        "Refused, wherever it was cut.",
    ),
    "A NetCDF-4 file cut at every block of 4 kB": (
        _each(cut, "NETCDF4"),
        all_refused(NAME),
        "Refused, wherever it was cut.",
    ),
    "A NetCDF-3 file with one byte changed, at 150 places in its header": (
        _each(lambda whole: flip(whole, 150, 3, before=1500)),
        _refused_or_a_field,
        "Refused, or read with at most a changed number.",
    ),
    "A NetCDF-3 file with one byte changed, at 60 places anywhere": (
        _each(lambda whole: flip(whole, 60, 4)),
        _no_other_answer,
        "Refused, or read with at most a changed number: NetCDF-3 has no checksums.",
    ),
    "A NetCDF-4 file with one byte changed, at 60 places in its first 8 kB": (
        _each(lambda whole: flip(whole, 60, 5, before=8192), "NETCDF4"),
        _refused_or_a_field,
        "Refused, or read with at most a changed number.",
    ),
    "Each attribute of each variable left out, one after the other": (
        _without_each_attribute,
        _only_units_are_needed,
        "Refused without units of the flux or of time; all others may be absent.",
    ),
    "A Gaussian grid": (
        made(lambda file: file, edges=gaussian()),
        _gaussian_rows,
        "Read with its own bounds.",
    ),
    "A winter in which plants give off more than they bind": (
        made(_negated("npp"), "200411-200502", start="2004-11", months=4),
        lambda found: np.testing.assert_array_less(found, 0),
        "Read as it is: less than a year does not tell.",
    ),
    "rh of the first member is missing": (
        _first_member_without_rh,
        _second_member,
        "The first member that has both is read.",
    ),
    "A model that is not complete beside one that is": (
        _incomplete_model,
        _only_model_a,
        "Left out, with a warning that says what lacks.",
    ),
}
CASES = [
    *(Case(fault, _named(name), ("", "no such file in it")) for fault, name in NAMES.items()),
    *(Case(fault, _content(what), (NAME, word)) for fault, (what, word) in NO_NETCDF.items()),
    *(
        Case(fault, made(change), (IN_FILE + place if place else NAME, *words))
        for fault, (change, place, *words) in REFUSED.items()
    ),
    *(Case(fault, made(_unit(unit)), ("npp in", word)) for fault, (unit, word) in UNITS.items()),
    *(Case(fault, read, tuple(words)) for fault, (read, *words) in OTHERWISE.items()),
    *(
        Case(fault, read, handled=check, answer=answer)
        for fault, (read, check, answer) in HANDLED.items()
    ),
    *(
        Case(fault, made(change), handled=same, answer=answer)
        for fault, (change, answer) in READ.items()
    ),
    *(
        Case(fault, made(change), handled=_masked_north, answer="Masked.")
        for fault, change in MASKED.items()
    ),
    *(
        Case(fault, _copied(**options), handled=same, answer="Read.")
        for fault, options in WRITTEN.items()
    ),
]
