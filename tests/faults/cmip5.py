"""Faults in a CMIP5 archive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import netCDF4
import numpy as np
import xarray as xr

from helpers.errors import InputError
from helpers.readers.earth_system_models import (
    find_files,
    land_fraction,
    net_ecosystem_production,
    open_ensemble,
    open_historical,
)
from helpers.readers.earth_system_models import open_run as open_lazily
from tests.faults import Case
from tests.faults.damage import all_refused, attributes, copy, cut, flip, read_each
from tests.test_cmip5 import gaussian, regular, run, save, save_fixed, save_model

Change = Callable[[xr.Dataset], xr.Dataset]
COARSE = regular(5.0)
PERIOD = "200401-200412"
NAME = f"npp_Lmon_MODEL-A_historical_r1i1p1_{PERIOD}.nc"
LATER = "npp_Lmon_MODEL-A_historical_r1i1p1_200501-200512.nc"


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
    xr.testing.assert_allclose(found.drop_attrs(), _right().drop_attrs(), rtol=1e-6)
    assert found.attrs["units"] == "kg m-2 s-1"


def made(change: Change, period: str = PERIOD, **options) -> Callable[[Path], xr.DataArray]:
    """Return a reader of one file that was changed."""

    def read(folder: Path) -> xr.DataArray:
        save(folder, change(plain(**options)), period=period)
        return open_run(folder)

    return read


def _two(**options) -> Callable[[Path], xr.DataArray]:
    """Return a reader of a year and a second file, of 2005 unless said otherwise."""
    saved = {key: options.pop(key) for key in ("model", "member", "experiment") if key in options}

    def read(folder: Path) -> xr.DataArray:
        (folder / NAME).write_bytes(_bytes())
        save(folder, plain(**{"start": "2005-01", **options}), **saved)
        return open_run(folder)

    return read


def _content(content: bytes, name: str = NAME) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / name).write_bytes(content)
        return open_run(folder)

    return read


def _link(target: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / NAME).symlink_to(target)
        return open_run(folder)

    return read


def _names(*names: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).touch()
        return find_files(folder)

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
    kinds = [isinstance(answer, InputError) for answer in answers]
    assert True in kinds
    assert False in kinds
    _no_other_answer(answers)


def _no_other_answer(answers: list) -> None:
    assert len(answers) >= 60
    for answer in answers:
        assert isinstance(answer, InputError | xr.DataArray)


def _without_each_attribute(folder: Path) -> list[tuple[tuple[str, str], object]]:
    whole = folder / "whole"
    whole.write_bytes(_bytes())
    answers = []
    for attribute in attributes(whole):
        (folder / NAME).unlink(missing_ok=True)
        copy(whole, folder / NAME, without=attribute)
        try:
            answers.append((attribute, open_run(folder)))
        except InputError as refusal:
            answers.append((attribute, refusal))
    return answers


def _only_units_are_needed(answers: list[tuple[tuple[str, str], object]]) -> None:
    refused = {attribute for attribute, answer in answers if isinstance(answer, InputError)}
    assert refused == {("npp", "units"), ("time", "units")}
    for attribute, answer in answers:
        if attribute not in refused and attribute != ("time", "calendar"):
            same(answer)


def _copied(**options) -> Callable[[Path], xr.DataArray]:
    def read(folder: Path) -> xr.DataArray:
        (folder / "whole").write_bytes(_bytes())
        copy(folder / "whole", folder / NAME, **options)
        return open_run(folder)

    return read


def _bare(file: xr.Dataset) -> xr.Dataset:
    bare = file.drop_vars(["lat_bnds", "lon_bnds", "time_bnds"])
    for name in ("lat", "lon", "time"):
        del bare[name].attrs["bounds"]
    return bare


def _values(value: float, fill: float | None = None) -> Change:
    """Put a value into every cell north of 30 degrees, declared as fill value or not."""

    def change(file: xr.Dataset) -> xr.Dataset:
        values = file["npp"].where(file["lat"] < 30, value).astype("float32")
        values.encoding["_FillValue"] = fill
        return file.assign(npp=values.assign_attrs(units="kg m-2 s-1"))

    return change


def _masked_north(found: xr.DataArray) -> None:
    assert found.where(found["lat"] > 30, drop=True).isnull().all()
    south = found.where(found["lat"] < 30, drop=True)
    np.testing.assert_allclose(south, _right().where(_right()["lat"] < 30, drop=True))
    assert south.notnull().all()


def _unit(unit: object) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        file["npp"].attrs = {} if unit is None else {"units": unit}
        return file

    return change


def _axis(name: str, change_values: Callable[[np.ndarray], np.ndarray]) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        bare = _bare(file)
        attrs = bare[name].attrs
        changed = bare.assign_coords({name: change_values(bare[name].values.copy())})
        changed[name].attrs = attrs
        return changed

    return change


def _put(place: int, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        values[place] = value
        return values

    return change


def _time(values: object, units: object = "days since 1850-01-01", **attrs: object) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        given = {"units": units, **attrs} if units is not None else attrs
        return _bare(file).assign_coords(time=("time", np.array(values), given))

    return change


MIDDLES = 154 * 365 + np.array(
    [15.5, 45, 74.5, 105, 135.5, 166, 196.5, 227.5, 258, 288.5, 319, 349.5]
)


def _curvilinear(file: xr.Dataset) -> xr.Dataset:
    bare = _bare(file)
    north, east = np.meshgrid(bare["lat"], bare["lon"], indexing="ij")
    bare = bare.rename(lat="j", lon="i").drop_vars(["j", "i"])
    return bare.assign_coords(lat=(("j", "i"), north), lon=(("j", "i"), east))


def _turned_west(file: xr.Dataset) -> xr.Dataset:
    east = (file["lon"] + 180) % 360 - 180
    moved = file.assign(lon_bnds=file["lon_bnds"] + (east - file["lon"]))
    return moved.assign_coords(lon=east.assign_attrs(file["lon"].attrs)).sortby("lon")


def _shuffled_rows(file: xr.Dataset) -> xr.Dataset:
    return file.isel(lat=np.random.default_rng(1).permutation(file.sizes["lat"]))


def _packed(scale: object) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        values = np.round(file["npp"] / 1e-12).astype("int32").drop_attrs()
        attrs = {"units": "kg m-2 s-1"}
        attrs |= {} if scale is None else {"scale_factor": scale, "add_offset": 0.0}
        packed = file.assign(npp=values.assign_attrs(attrs))
        packed["npp"].encoding = {}
        return packed

    return change


def _close(found: xr.DataArray) -> None:
    np.testing.assert_allclose(found, _right(), rtol=1e-4)


def _many(file: xr.Dataset) -> xr.Dataset:
    others = {f"other_{number}": 0 for number in range(500)}
    return file.rename(npp="gpp").assign(others)


def _hostile_words(file: xr.Dataset) -> xr.Dataset:
    file["npp"].attrs["long_name"] = '"><img src=x onerror=alert(1)>'
    file.attrs["history"] = "<script>alert(1)</script>"
    return file


def _bad_bounds(file: xr.Dataset) -> xr.Dataset:
    file["lat_bnds"][:] = 0
    return file


def _bounds_that_are_a_number(folder: Path) -> xr.DataArray:
    path = folder / NAME
    path.write_bytes(_bytes())
    with netCDF4.Dataset(path, "a") as file:
        for name in ("lat", "lon"):
            file[name].bounds = np.array([1.0, 2.0])
    return open_run(folder)


def _text_for_rows(file: xr.Dataset) -> xr.Dataset:
    bare = _bare(file)
    return bare.assign_coords(lat=[f"{value:g} N" for value in bare["lat"].values])


def _split(folder: Path) -> xr.DataArray:
    file = plain()
    for number, steps in enumerate((slice(7, 12), slice(0, 3), slice(3, 7))):
        place = folder / f"disc {number}"
        save(place, file.isel(time=steps))
    return open_lazily(find_files(folder).iloc[::-1]).load()


def _overlap(folder: Path) -> object:
    (folder / NAME).write_bytes(_bytes())
    save(folder, plain(start="2004-11"))
    return open_run(folder)


def _reversed_dates(folder: Path) -> xr.DataArray:
    (folder / NAME.replace(PERIOD, "200412-200401")).write_bytes(_bytes())
    return open_run(folder)


def _other_end(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / NAME).write_bytes(_bytes())
        save(folder, plain(start="2005-01")).rename(folder / name)
        return open_run(folder)

    return read


def _folder_named_like_a_file(folder: Path) -> xr.DataArray:
    (folder / NAME).mkdir()
    (folder / NAME / NAME).write_bytes(_bytes())
    return open_run(folder)


def _loop_of_folders(folder: Path) -> xr.DataArray:
    (folder / NAME).write_bytes(_bytes())
    (folder / "again").symlink_to(folder)
    return open_run(folder)


def _gone(folder: Path) -> object:
    (folder / NAME).write_bytes(_bytes())
    lazily = open_lazily(find_files(folder))
    (folder / NAME).unlink()
    return lazily.load()


def _grown(folder: Path) -> object:
    (folder / NAME).write_bytes(_bytes())
    lazily = open_lazily(find_files(folder))
    with (folder / NAME).open("ab") as file:
        file.write(b"more")
    return lazily.load()


def _archive(folder: Path, **options) -> Path:
    return save_model(folder, edges=COARSE, **options)


def _ensemble(folder: Path) -> xr.Dataset:
    return open_ensemble(folder, first_year=2004, last_year=2007).load()


def _archive_without(pattern: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        for path in sorted(_archive(folder).glob(pattern)):
            path.unlink()
        return net_ecosystem_production(find_files(folder), "MODEL-A", "rcp45")

    return read


def _first_member_without_rh(folder: Path) -> xr.Dataset:
    save(folder, run("npp", edges=COARSE, value=9e-8))
    for variable in ("npp", "rh"):
        save(folder, run(variable, edges=COARSE), variable, member="r2i1p1")
    return open_historical(folder, first_year=2004, last_year=2005).load()


def _second_member(found: xr.Dataset) -> None:
    assert {*found.data_vars} == {"npp", "rh", "land_fraction", "area"}
    np.testing.assert_allclose(found["npp"].mean(), 1.5 * found["rh"].mean(), rtol=1e-3)


def _unlike(**options) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        _archive(folder, variables=["npp"])
        save_model(folder, variables=["rh"], **{"edges": COARSE, **options})
        return net_ecosystem_production(find_files(folder), "MODEL-A", "rcp45")

    return read


def _scenario_from(start: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        for experiment, begin in (("historical", "2004-01"), ("rcp45", start)):
            save(folder, run("nep", begin, 24, edges=COARSE), "nep", experiment)
        return net_ecosystem_production(find_files(folder), "MODEL-A", "rcp45")

    return read


def _land(value: object, units: str, edges=COARSE) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / NAME).write_bytes(_bytes())
        save_fixed(folder, "sftlf", value, units, edges=edges)
        files = find_files(folder)
        flux = open_lazily(files[files["variable"] == "npp"])
        return land_fraction(files, "MODEL-A", flux)

    return read


def _incomplete_model(folder: Path) -> xr.Dataset:
    _archive(folder)
    save(folder, run(edges=COARSE), model="MODEL-B")
    return _ensemble(folder)


def _only_model_a(found: xr.Dataset) -> None:
    assert found["model"].values.tolist() == ["MODEL-A"]
    assert found["top"].notnull().all()


def _too_few_years(folder: Path) -> xr.Dataset:
    return open_ensemble(_archive(folder), last_year=2007)


def _archive_with(variables: str, change: Change) -> Callable[[Path], object]:
    """Return a reader of an archive with the files of some variables changed."""

    def read(folder: Path) -> object:
        for path in sorted(_archive(folder).iterdir()):
            if path.name.split("_")[0] in variables.split():
                with xr.open_dataset(path, decode_times=False) as opened:
                    file = change(opened.load())
                path.unlink()
                file.to_netcdf(path, format="NETCDF3_CLASSIC")
        return _ensemble(folder)

    return read


def _negated(name: str) -> Change:
    return lambda file: file.assign({name: (-file[name]).assign_attrs(file[name].attrs)})


def _without_month(step: int) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        file["npp"][step] = np.nan
        return file

    return change


def _packed_rows(file: xr.Dataset) -> xr.Dataset:
    packed = ("lat", np.round(file["lat"].values / 2.5).astype("int16"), {"scale_factor": 2.5})
    return _bare(file).assign_coords(lat=packed)


def _bounds_from_another_date(file: xr.Dataset) -> xr.Dataset:
    file["time_bnds"] = file["time_bnds"] - timedelta(days=100 * 365)
    return file


def _radians(folder: Path) -> object:
    for path in sorted(_archive(folder).iterdir()):
        with xr.open_dataset(path, decode_times=False) as opened:
            file = _bare(opened.load())
        file = file.assign_coords(lat=np.radians(file["lat"]).assign_attrs(units="radians"))
        path.unlink()
        file.to_netcdf(path, format="NETCDF3_CLASSIC")
    return _ensemble(folder)


def _gaussian_rows(found: xr.DataArray) -> None:
    rows = np.polynomial.legendre.leggauss(64)[0]
    edges = gaussian()[0]
    near = np.searchsorted(edges, found["lat"].values) - 1
    assert (np.diff(near) == 1).all()
    assert (np.degrees(np.arcsin(rows))[near] > edges[near]).all()
    np.testing.assert_allclose(found["south"], edges[near])


IN_FILE = f"{NAME}: "
CASES = [
    Case("The folder is not there", lambda folder: find_files(folder / "no"), ("no", "no such")),
    Case("The folder is empty", find_files, ("", "no such file in it")),
    Case(
        "A variable from another table",
        _names("npp_Amon_M_rcp45_r1i1p1_200601-200712.nc"),
        ("npp_Amon_M", "npp from the table Lmon", "table Amon"),
    ),
    Case(
        "Daily data",
        _names("npp_day_M_rcp45_r1i1p1_20060101-20071231.nc"),
        ("npp_day_M", "the table day"),
    ),
    Case(
        "Another variable only",
        _names("tas_Amon_M_rcp45_r1i1p1_200601-200712.nc"),
        ("", "no such file in it"),
    ),
    Case(
        "Two versions of one file",
        _names("v1/sftlf_fx_M_rcp45_r0i0p0.nc", "v2/sftlf_fx_M_rcp45_r0i0p0.nc"),
        ("v2/sftlf_fx", "one version of each file"),
    ),
    Case("Names in upper case", _names(NAME.upper()), ("", "no such file in it")),
    Case(
        "Names that end in .nc4",
        _names(f"{NAME}4"),
        ("", "no such file in it"),
    ),
    Case(
        "Letters where dates should be",
        _names(NAME.replace(PERIOD, "start-end")),
        ("", "no such file in it"),
    ),
    Case(
        "A part of the name is missing",
        _names(NAME.replace("_r1i1p1", "")),
        ("", "no such file in it"),
    ),
    Case(
        "A script as a name of a model",
        _content(_bytes(), "npp_Lmon_<script>alert(1)<script>_historical_r1i1p1_200401-200412.nc"),
        handled=same,
        answer="A name like any other; pages escape it.",
    ),
    Case(
        "A member with a number of 80 digits, and a date with 60",
        _content(_bytes(), f"npp_Lmon_M_historical_r{'9' * 80}i1p1_{'2' * 60}-200412.nc"),
        handled=same,
        answer="Read, with a warning: the dates in the file count.",
    ),
    Case(
        "Dates of the name in reverse order",
        _reversed_dates,
        handled=same,
        answer="Read, with a warning: the dates in the file count.",
    ),
    Case(
        "The second piece of a run is named .nc4",
        _other_end(f"{LATER}4"),
        handled=same,
        answer="The piece is left out; years that lack for it are refused later.",
    ),
    Case(
        "A folder named like a file, with the file in it",
        _folder_named_like_a_file,
        handled=same,
        answer="The file in it is read.",
    ),
    Case(
        "A link from a folder to itself",
        _loop_of_folders,
        handled=same,
        answer="Each file is read once.",
    ),
    Case("A link that leads nowhere", _link("nowhere"), (NAME, "a link that leads nowhere")),
    Case("A link to itself", _link(NAME), (NAME, "a link that leads nowhere")),
    Case("An empty file", _content(b""), (NAME, "an empty file")),
    Case(
        "A login page under the name of a file",
        _content(b"<!DOCTYPE html><title>ESGF login</title>"),
        (NAME, "a web page"),
    ),
    Case("A zip archive", _content(b"PK\x03\x04 and more"), (NAME, "a zip archive")),
    Case("A text", _content(b"not a NetCDF file"), (NAME, "no NetCDF")),
    Case(
        "A NetCDF-3 file cut at every 15th byte of its header and at every block of 4 kB",
        _each(lambda whole: cut(whole, finely=1500)),
        handled=all_refused(NAME),
        answer="Refused, wherever it was cut.",
    ),
    Case(
        "A NetCDF-4 file cut at every block of 4 kB",
        _each(cut, "NETCDF4"),
        handled=all_refused(NAME),
        answer="Refused, wherever it was cut.",
    ),
    Case(
        "A NetCDF-3 file with one byte changed, at 150 places in its header",
        _each(lambda whole: flip(whole, 150, 3, before=1500)),
        handled=_refused_or_a_field,
        answer="Refused, or read with at most a changed number.",
    ),
    Case(
        "A NetCDF-3 file with one byte changed, at 60 places anywhere",
        _each(lambda whole: flip(whole, 60, 4)),
        handled=_no_other_answer,
        answer="Refused, or read with at most a changed number: NetCDF-3 has no checksums.",
    ),
    Case(
        "A NetCDF-4 file with one byte changed, at 60 places in its first 8 kB",
        _each(lambda whole: flip(whole, 60, 5, before=8192), "NETCDF4"),
        handled=_refused_or_a_field,
        answer="Refused, or read with at most a changed number.",
    ),
    Case(
        "Each attribute of each variable left out, one after the other",
        _without_each_attribute,
        handled=_only_units_are_needed,
        answer="Refused without units of the flux or of time; all others may be absent.",
    ),
    Case("The file is gone when its values are read", _gone, (NAME, "not there")),
    Case("The file grows after it was opened", _grown, (NAME, "as it was opened")),
    Case(
        "The variable has another name",
        made(lambda file: file.rename(npp="gpp")),
        (f"{IN_FILE}npp", "the variable npp", "gpp"),
    ),
    Case("The variable is missing among 500 others", made(_many), (f"{IN_FILE}npp", "457 more")),
    Case(
        "The variable stands there a second time, under another name",
        made(lambda file: file.assign(npp_2=file["npp"] * 0)),
        handled=same,
        answer="The variable with the right name is read.",
    ),
    Case("W m-2 in place of kg m-2 s-1", made(_unit("W m-2")), ("npp in", "units W m-2")),
    Case("No units", made(_unit(None)), ("npp in", "no units attribute")),
    Case("A number as units", made(_unit(7.0)), ("npp in", "units 7")),
    Case("Grams in place of kilograms", made(_unit("g m-2 s-1")), ("npp in", "units g m-2")),
    Case(
        "The same units in another spelling",
        made(_unit("kg m^-2 s^-1")),
        handled=lambda found: same(found.assign_attrs(units="kg m-2 s-1")),
        answer="Read.",
    ),
    Case(
        "A gap between two files",
        _two(start="2005-03"),
        ("npp MODEL-A historical r1i1p1", f"nothing between 2004-12 ({NAME})", "and 2005-03"),
    ),
    Case(
        "Files that overlap",
        _overlap,
        ("npp MODEL-A historical", "each month in one file", "2004-11 to 2004-12 in npp_"),
    ),
    Case(
        "A month is missing in a file",
        made(lambda file: file.isel(time=[0, 1, 3])),
        ("npp MODEL-A", "nothing between 2004-02", "and 2004-04"),
    ),
    Case(
        "A month twice in a file",
        made(lambda file: file.isel(time=[0, 1, 1, 2])),
        (NAME, "each month once", "2004-02 after 2004-02"),
    ),
    Case(
        "Steps in another order",
        made(lambda file: file.isel(time=[3, 0, 2, 1])),
        ("npp MODEL-A", "2004-04"),
    ),
    Case(
        "Files in other folders and in another order",
        _split,
        handled=same,
        answer="Joined by their dates.",
    ),
    Case("Two members", _two(member="r2i1p1"), (NAME, "one member", "r1i1p1 and r2i1p1")),
    Case("Two models", _two(model="MODEL-B"), (NAME, "one model", "MODEL-A and MODEL-B")),
    Case(
        "Two experiments",
        _two(experiment="rcp45"),
        (NAME, "one experiment", "historical and rcp45"),
    ),
    Case(
        "Another calendar in one file",
        _two(calendar="360_day"),
        (f"{LATER}: time", "noleap", "calendar 360_day"),
    ),
    Case("Another grid in one file", _two(edges=regular(4.0)), (LATER, "other cells")),
    Case(
        "Yearly data under a monthly name",
        made(lambda file: _bare(file).isel(time=slice(6, None, 12)), months=36),
        (f"{IN_FILE}time", "steps of 365 days"),
    ),
    Case(
        "Daily data under a monthly name",
        made(_time(np.arange(12.0))),
        (f"{IN_FILE}time", "steps of 1 days"),
    ),
    Case(
        "Time without units",
        made(_time(np.arange(12.0), None)),
        (f"{IN_FILE}time", "units missing", "12 steps"),
    ),
    Case(
        "Time in units that mean nothing",
        made(_time(MIDDLES, "moons since ever")),
        (f"{IN_FILE}time", "moons since ever"),
    ),
    Case(
        "A calendar that does not exist",
        made(_time(MIDDLES, calendar="martian")),
        (f"{IN_FILE}time", "martian"),
    ),
    Case(
        "A number as the calendar",
        made(_time(MIDDLES, calendar=5.0)),
        (f"{IN_FILE}time", "calendar 5"),
    ),
    Case(
        "A missing value among the times",
        made(_time([*MIDDLES[:11], np.nan])),
        (f"{IN_FILE}time", "nan"),
    ),
    Case(
        "A time in a million years",
        made(_time([*MIDDLES[:11], 4e8])),
        (f"{IN_FILE}time", "within 10 000 years"),
    ),
    Case(
        "Time without steps",
        made(lambda file: _bare(file).isel(time=slice(0, 0))),
        (f"{IN_FILE}time", "0 steps"),
    ),
    Case(
        "Longitudes from -180 to 180",
        made(_turned_west),
        handled=same,
        answer="Read; 0 to 360 is turned.",
    ),
    Case(
        "Latitudes from the north",
        made(lambda file: file.isel(lat=slice(None, None, -1))),
        handled=same,
        answer="Turned.",
    ),
    Case("Rows in any order", made(_shuffled_rows), handled=same, answer="Put in order."),
    Case(
        "Dimensions in another order",
        _copied(order=("lon", "lat", "time"), unlimited=False),
        handled=same,
        answer="Put in order.",
    ),
    Case(
        "A curvilinear grid",
        made(_curvilinear),
        (f"{IN_FILE}lat", "a curvilinear grid", "lat on (j, i)"),
    ),
    Case(
        "A Gaussian grid",
        made(lambda file: file, edges=gaussian()),
        handled=_gaussian_rows,
        answer="Read with its own bounds.",
    ),
    Case(
        "A coordinate has another name",
        made(lambda file: _bare(file).rename(lat="latitude")),
        (f"{IN_FILE}npp", "time, latitude, lon"),
    ),
    Case(
        "A missing value among the latitudes",
        made(_axis("lat", _put(3, np.nan))),
        (f"{IN_FILE}lat", "nan"),
    ),
    Case(
        "A latitude beyond the pole",
        made(_axis("lat", _put(3, 135.0))),
        (f"{IN_FILE}lat", "-90 to 90", "135"),
    ),
    Case(
        "A longitude of 1e30",
        made(_axis("lon", _put(3, 1e30))),
        (f"{IN_FILE}lon", "degrees", "1e+30"),
    ),
    Case(
        "Latitudes rounded to whole tens",
        made(_axis("lat", lambda values: np.round(values, -1))),
        (f"{IN_FILE}lat", "once", "-80 degrees 2 times"),
    ),
    Case(
        "Latitudes packed as integers",
        made(_packed_rows),
        (f"{IN_FILE}lat", "not packed", "ncpdq -U"),
    ),
    Case(
        "A single row, without bounds",
        made(lambda file: _bare(file).isel(lat=[24])),
        (f"{IN_FILE}lat", "at least two cells", "32.5"),
    ),
    Case(
        "A hole among the columns",
        _archive_with("npp rh", lambda file: file.isel(lon=[*range(16), *range(20, 72)])),
        ("MODEL-A: lon", "side by side", "nothing between 75 and 100"),
    ),
    Case(
        "Bounds of time that count from another date",
        made(_bounds_from_another_date),
        (f"{IN_FILE}time", "each time within its bounds", "56225.5", "19710 to 19741"),
    ),
    Case("Latitudes in radians", _radians, ("MODEL-A: lat", "cells from")),
    Case("Words as latitudes", made(_text_for_rows), (NAME,)),
    Case(
        "Bounds of cells that do not fit",
        made(_bad_bounds),
        handled=same,
        answer="Read, with a warning: cells meet halfway between their centres.",
    ),
    Case(
        "A number where the name of bounds should be",
        _bounds_that_are_a_number,
        handled=same,
        answer="Cells meet halfway between their centres.",
    ),
    Case(
        "Fill values left as data (1e20)",
        made(_values(1e20)),
        handled=_masked_north,
        answer="Masked.",
    ),
    Case(
        "Fill values left as data (-9999)",
        made(_values(-9999.0)),
        (f"{IN_FILE}npp", "-9999", "_FillValue"),
    ),
    Case(
        "Values that are declared as fill values",
        made(_values(-9999.0, -9999.0)),
        handled=_masked_north,
        answer="Masked.",
    ),
    Case(
        "Cells without a value (NaN)",
        made(_values(np.nan)),
        handled=_masked_north,
        answer="Masked.",
    ),
    Case("Infinite values", made(_values(np.inf)), handled=_masked_north, answer="Masked."),
    Case(
        "A flux of 1000 kg m-2 s-1",
        made(_values(1e3)),
        (f"{IN_FILE}npp", "1000", "no land has more"),
    ),
    Case(
        "Grams under the unit of kilograms",
        made(lambda file: file.assign(npp=(file["npp"] * 1000).assign_attrs(file["npp"].attrs))),
        (f"{IN_FILE}npp", "convert the values", "e-05"),
    ),
    Case(
        "Respiration with the opposite sign",
        _archive_with("rh", _negated("rh")),
        ("rh_Lmon_MODEL-A_", "from -1e-09", "sign"),
    ),
    Case(
        "Production with the opposite sign",
        made(_negated("npp")),
        (f"{IN_FILE}npp", "a mean of -", "turn the sign"),
    ),
    Case(
        "A winter in which plants give off more than they bind",
        made(_negated("npp"), "200411-200502", start="2004-11", months=4),
        handled=lambda found: np.testing.assert_array_less(found, 0),
        answer="Read as it is: less than a year does not tell.",
    ),
    *(
        Case(
            f"A month without values, the {place} one of a run",
            made(_without_month(step)),
            (f"{IN_FILE}npp", "a value in every month", "45 cells"),
        )
        for place, step in (("first", 0), ("sixth", 5))
    ),
    Case(
        "Numbers packed as integers, with a scale",
        made(_packed(1e-12)),
        handled=_close,
        answer="Unpacked.",
    ),
    Case(
        "Numbers packed as integers, the scale lost",
        made(_packed(None)),
        (f"{IN_FILE}npp", "no land has more"),
    ),
    Case(
        "A word as the scale of packed numbers",
        made(_packed("small")),
        (f"{IN_FILE}npp", "scale_factor", "small"),
    ),
    Case("Big-endian numbers", _copied(endian="big"), handled=same, answer="Read."),
    *(
        Case(f"Written as {name}", _copied(form=form), handled=same, answer="Read.")
        for name, form in (
            ("NetCDF-3 with 64-bit offsets", "NETCDF3_64BIT_OFFSET"),
            ("CDF-5", "NETCDF3_64BIT_DATA"),
            ("NetCDF-4", "NETCDF4"),
        )
    ),
    Case(
        "Time as a fixed dimension",
        _copied(form="NETCDF3_CLASSIC", unlimited=False),
        handled=same,
        answer="Read.",
    ),
    Case(
        "Script and HTML in attributes",
        made(_hostile_words),
        handled=same,
        answer="Text like any other; pages escape it.",
    ),
    Case(
        "rh of a scenario is missing",
        _archive_without("rh_Lmon_MODEL-A_rcp45*"),
        ("MODEL-A rcp45", "rh historical r1i1p1", "one member"),
    ),
    Case(
        "The historical run is missing",
        _archive_without("*_historical_*"),
        ("MODEL-A rcp45", "npp rcp45 r1i1p1, rh rcp45 r1i1p1"),
    ),
    Case(
        "rh of the first member is missing",
        _first_member_without_rh,
        handled=_second_member,
        answer="The first member that has both is read.",
    ),
    Case("npp and rh on two grids", _unlike(edges=regular(4.0)), ("MODEL-A rcp45: rh", "npp")),
    Case(
        "npp and rh in two calendars",
        _unlike(calendar="360_day"),
        ("MODEL-A rcp45: rh", "(noleap)", "(360_day)"),
    ),
    Case(
        "A gap between the historical run and the scenario",
        _scenario_from("2006-02"),
        ("historical and scenario", "scenario from 2006-02: a gap"),
    ),
    Case(
        "The historical run and the scenario overlap",
        _scenario_from("2005-12"),
        ("historical and scenario", "scenario from 2005-12: an overlap"),
    ),
    Case(
        "A fraction as a land percentage",
        _land(0.5, "%"),
        ("MODEL-A: sftlf", "percent, from 0 to 100", "from 0.5 to 0.5"),
    ),
    Case("A land percentage of 0", _land(0, "%"), ("MODEL-A: sftlf", "land in the region")),
    Case("A land percentage of 140", _land(140, "%"), ("MODEL-A: sftlf", "from 140 to 140")),
    Case("A land percentage in another unit", _land(50, "1"), ("sftlf in", "units %")),
    Case(
        "A land percentage on another grid",
        _land(50, "%", regular(4.0)),
        ("sftlf_fx_", "the grid of npp of MODEL-A"),
    ),
    Case(
        "A model that is not complete beside one that is",
        _incomplete_model,
        handled=_only_model_a,
        answer="Left out, with a warning that says what lacks.",
    ),
    Case(
        "The runs do not have the years",
        _too_few_years,
        ("MODEL-A rcp45", "1990-01 to 2007-12", "2004-01 to 2007-12"),
    ),
]
