"""Faults in GLDAS files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import xarray as xr

from helpers.errors import InputError
from helpers.factors import gldas_sources
from helpers.readers.gldas import annual_mean, open_gldas
from tests.conftest import gldas_month
from tests.faults import Case
from tests.faults.damage import all_refused, attributes, copy, cut, flip, read_each

Change = Callable[[xr.Dataset], xr.Dataset | None]
JANUARY = "A201401.021.nc4"


def path_of(folder: Path, month: int = 1) -> Path:
    """Return the name that GES DISC gives a month of 2014."""
    return folder / f"GLDAS_NOAH10_M.A2014{month:02d}.021.nc4"


@cache
def _bytes_of(month: int) -> bytes:
    with TemporaryDirectory() as folder:
        path = path_of(Path(folder), month)
        _plain(month).to_netcdf(path, unlimited_dims=["time"])
        return path.read_bytes()


def _plain(month: int) -> xr.Dataset:
    """Return a month whose values differ from month to month and from cell to cell."""
    file = gldas_month(f"2014-{month:02d}", value=float(month))
    for variable in gldas_sources().values():
        graded = 1e-5 * (np.arange(4)[:, np.newaxis] + 5 * np.arange(4))
        file[variable] = (file[variable] + graded.astype("float32")).assign_attrs(
            file[variable].attrs
        )
    return file


def year(
    folder: Path, change: Change | None = None, months: tuple[int, ...] = (1,), **options
) -> Path:
    """Write the twelve months of 2014, some of them changed, and return their folder."""
    for month in range(1, 13):
        path = path_of(folder, month)
        if change is None or month not in months:
            path.write_bytes(_bytes_of(month))
            continue
        changed = change(_plain(month))
        if changed is not None:
            unlimited = {"unlimited_dims": ["time"]} if "time" in changed.dims else {}
            changed.to_netcdf(path, **{**unlimited, **options})
    return folder


EVERY = tuple(range(1, 13))


def climate(folder: Path) -> xr.Dataset:
    """Return the annual mean of a folder, as the study takes it."""
    return annual_mean(open_gldas(folder))


@cache
def _right() -> xr.Dataset:
    with TemporaryDirectory() as folder:
        return climate(year(Path(folder)))


def same(found: xr.Dataset) -> None:
    """Assert that a climate is that of the files without a fault."""
    values = [name for name in found.data_vars if name in gldas_sources().values()]
    assert set(values) == set(gldas_sources().values())
    for name in values:
        expected = _right()[name]
        assert found[name].attrs["units"] == expected.attrs["units"]
        np.testing.assert_allclose(found[name].transpose("lat", "lon"), expected, rtol=1e-6)
    xr.testing.assert_allclose(found["lat"], _right()["lat"])
    xr.testing.assert_allclose(found["lon"], _right()["lon"])


def made(change: Change, months: tuple[int, ...] = (1,), **options) -> Callable[[Path], xr.Dataset]:
    """Return a reader of a year with some months changed."""
    return lambda folder: climate(year(folder, change, months, **options))


def _content(content: bytes) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        path_of(year(folder)).write_bytes(content)
        return climate(folder)

    return read


def _in_place_of_a_file(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        path = path_of(year(folder))
        path.unlink()
        make(path)
        return climate(folder)

    return read


def _each(variants: Callable[[bytes], object]) -> Callable[[Path], list]:
    """Return a reader of many variants of January, alone in its folder.

    A January without a fault is refused as well, for the months that lack: with the folder as the
    place.
    """

    def read(folder: Path) -> list:
        return read_each(path_of(folder), variants(_bytes_of(1)), lambda: open_gldas(folder))

    return read


def _no_other_answer(answers: list) -> None:
    assert len(answers) >= 60
    assert all(isinstance(answer, InputError) for answer in answers)


def _without_each_attribute(folder: Path) -> list[str]:
    """Return the place of each refusal; the folder, for want of months, where January is read."""
    whole, alone = folder / "whole.nc", place_made(folder / "alone")
    whole.write_bytes(_bytes_of(1))
    places = []
    for attribute in attributes(whole):
        copy(whole, path_of(alone), without=attribute)
        try:
            open_gldas(alone)
        except InputError as refusal:
            places.append(Path(refusal.where).name)
    return places


def place_made(folder: Path) -> Path:
    """Return a folder after making it."""
    folder.mkdir()
    return folder


def _only_units_are_needed(places: list[str]) -> None:
    read = [place for place in places if place == "alone"]
    refused = {place.partition(": ")[2] for place in places if place != "alone"}
    assert read
    assert refused == {*gldas_sources().values(), "time"}


def _copied(**options) -> Callable[[Path], xr.Dataset]:
    def read(folder: Path) -> xr.Dataset:
        plain = place_made(folder / "plain")
        for month in EVERY:
            copy(path_of(year(plain), month), path_of(folder, month), **options)
        return climate(folder)

    return read


def _set(variable: str, value: float, fill: bool = False) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        file[variable][0, 1, 1] = value
        if not fill:
            file[variable].encoding["_FillValue"] = None
        return file

    return change


def _unit(variable: str, unit: object) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        file[variable].attrs = {} if unit is None else {"units": unit}
        return file

    return change


def _coordinate(name: str, values: list[float]) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        return file.assign_coords({name: np.array(values)})

    return change


def _packed(declared: bool) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        name = "Tair_f_inst"
        if declared:
            file[name].encoding = {
                "dtype": "int32",
                "scale_factor": 1e-5,
                "add_offset": 250.0,
                "_FillValue": -32768,
            }
            return file
        packed = ((file[name] - 250) * 1000).astype("int16").assign_attrs(units="K")
        return file.assign({name: packed})

    return change


def _curvilinear(file: xr.Dataset) -> xr.Dataset:
    north, east = np.meshgrid(file["lat"], file["lon"], indexing="ij")
    file = file.drop_vars(["lat", "lon"]).rename(lat="j", lon="i")
    return file.assign_coords(lat=(("j", "i"), north), lon=(("j", "i"), east))


def _without_bounds(file: xr.Dataset) -> xr.Dataset:
    del file["time"].attrs["bounds"]
    return file.drop_vars("time_bnds")


def _noleap(file: xr.Dataset) -> xr.Dataset:
    return _without_bounds(file).convert_calendar("noleap", use_cftime=True)


def _daily_bounds(file: xr.Dataset) -> xr.Dataset:
    file["time_bnds"][0, 1] = file["time_bnds"][0, 0] + np.timedelta64(1, "D")
    return file


def _bounds_of_text(file: xr.Dataset) -> xr.Dataset:
    return file.assign(time_bnds=(("time", "letter"), [["a", "b", "c"]]))


def _missing_time(file: xr.Dataset) -> xr.Dataset:
    time = xr.Variable("time", [np.nan], {"units": "days since 2000-01-01"})
    return _without_bounds(file).assign_coords(time=time)


def _time_units(units: object) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        time = xr.Variable("time", [5114.0], {"units": units} if units else {})
        return _without_bounds(file).assign_coords(time=time)

    return change


def _two_steps(file: xr.Dataset) -> xr.Dataset:
    return xr.concat([file, gldas_month("2015-07")], "time")


def _no_step(file: xr.Dataset) -> xr.Dataset:
    return _without_bounds(file).isel(time=slice(0, 0))


def _levels(file: xr.Dataset) -> xr.Dataset:
    name = "SoilTMP0_10cm_inst"
    return file.assign({name: file[name].expand_dims(level=2)})


def _as_text(file: xr.Dataset) -> xr.Dataset:
    words = np.full((1, 4, 4), "warm")
    return file.assign(Tair_f_inst=(("time", "lat", "lon"), words, {"units": "K"}))


def _hostile_words(file: xr.Dataset) -> xr.Dataset:
    file.attrs["history"] = "<script>alert(1)</script>"
    for variable in gldas_sources().values():
        file[variable].attrs["long_name"] = '"><img src=x onerror=alert(1)>'
    return file


def _bounds_of_may(file: xr.Dataset) -> xr.Dataset:
    return file.assign(time_bnds=_plain(5)["time_bnds"].assign_coords(time=file["time"]))


def _many_variables(file: xr.Dataset) -> xr.Dataset:
    others = {f"other_{number}": 0 for number in range(500)}
    return file.drop_vars("PotEvap_tavg").assign(others)


def _turned(file: xr.Dataset) -> xr.Dataset:
    return file.isel(lat=slice(None, None, -1))


def _transposed(file: xr.Dataset) -> xr.Dataset:
    return file.transpose("lon", "lat", "time", ...)


def _gaussian(file: xr.Dataset) -> xr.Dataset:
    return file.assign_coords(lat=[30.7, 31.8, 32.95, 34.05])


def _is_gaussian(found: xr.Dataset) -> None:
    assert found["lat"].values.tolist() == [30.7, 31.8, 32.95, 34.05]
    np.testing.assert_allclose(found["Tair_f_inst"], _right()["Tair_f_inst"])


def _masked_there(found: xr.Dataset) -> None:
    masked = found["Albedo_inst"].isnull().values
    assert masked[1, 1]
    assert masked.sum() == 1


def _named_otherwise(folder: Path) -> xr.Dataset:
    """Give January the name of December, and December that of January."""
    first, last = path_of(year(folder), 1), path_of(folder, 12)
    first.rename(folder / "x")
    last.rename(first)
    (folder / "x").rename(last)
    return climate(folder)


def _companions(folder: Path) -> xr.Dataset:
    year(folder)
    (folder / f"{path_of(folder).name}.xml").write_text("<granule/>")
    (folder / f"{path_of(folder).name}.part").write_text("half")
    return climate(folder)


def _renamed(function: Callable[[str], str]) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        for path in sorted(year(folder).iterdir()):
            path.rename(folder / function(path.name))
        return climate(folder)

    return read


def _a_file_for_a_folder(folder: Path) -> object:
    (folder / "gldas").write_text("a file")
    return open_gldas(folder / "gldas")


IN_JANUARY = f"GLDAS_NOAH10_M.{JANUARY}"
CASES = [
    Case("The folder is not there", lambda folder: open_gldas(folder / "nowhere"), ("nowhere",)),
    Case("The folder is empty", open_gldas, ("", "no such file in it")),
    Case("A file where the folder should be", _a_file_for_a_folder, ("gldas", "no such folder")),
    Case("Names in upper case", _renamed(str.upper), ("", "no such file in it")),
    Case(
        "Names that end in .nc",
        _renamed(lambda name: name.removesuffix("4")),
        ("", "no such file in it"),
    ),
    Case(
        "Companions of a download (.xml, .part) in the folder",
        _companions,
        handled=same,
        answer="Left alone.",
    ),
    Case(
        "January and December have each other's names",
        _named_otherwise,
        handled=same,
        answer="The date in the file counts, the name does not.",
    ),
    Case("An empty file", _content(b""), (IN_JANUARY, "an empty file")),
    Case(
        "A login page under the name of a file",
        _content(b"<!DOCTYPE html><title>Earthdata Login</title>"),
        (IN_JANUARY, "a web page"),
    ),
    Case("A zip archive", _content(b"PK\x03\x04 and more"), (IN_JANUARY, "a zip archive")),
    Case("A file packed by gzip", _content(b"\x1f\x8b\x08 and more"), (IN_JANUARY, "gzip")),
    Case("A text", _content(b"not a NetCDF file"), (IN_JANUARY, "no NetCDF")),
    Case("A folder named like a file", _in_place_of_a_file(Path.mkdir), (IN_JANUARY, "a folder")),
    Case(
        "A link that leads nowhere",
        _in_place_of_a_file(lambda path: path.symlink_to("nowhere")),
        (IN_JANUARY, "a link that leads nowhere"),
    ),
    Case(
        "A link to itself",
        _in_place_of_a_file(lambda path: path.symlink_to(path.name)),
        (IN_JANUARY, "a link that leads nowhere"),
    ),
    Case(
        "A file cut short, at every block of 4 kB",
        _each(cut),
        handled=all_refused(IN_JANUARY),
        answer="Refused, wherever it was cut.",
    ),
    Case(
        "One byte changed, at 40 places in the first 4 kB and at 40 in the whole file",
        _each(lambda whole: [*flip(whole, 40, 1, before=4096), *flip(whole, 40, 2)]),
        handled=_no_other_answer,
        answer="Refused, or read with at most a changed number: GLDAS has no checksums inside.",
    ),
    Case(
        "Each attribute of each variable left out, one after the other",
        _without_each_attribute,
        handled=_only_units_are_needed,
        answer="Refused where units are missing; all others may be.",
    ),
    Case(
        "A variable is missing",
        made(lambda file: file.drop_vars("PotEvap_tavg"), (5,)),
        ("A201405.021.nc4: PotEvap_tavg", "factor PET", "Albedo_inst"),
    ),
    Case(
        "A variable is missing among 500 others",
        made(_many_variables),
        (f"{IN_JANUARY}: PotEvap_tavg", "more"),
    ),
    Case(
        "A variable has another name",
        made(lambda file: file.rename(Tair_f_inst="tair")),
        (f"{IN_JANUARY}: Tair_f_inst", "tair"),
    ),
    Case(
        "A variable stands there a second time, under another name",
        made(lambda file: file.assign(Tair_f_inst_1=file["Tair_f_inst"] * 0)),
        handled=same,
        answer="The variable with the right name is read.",
    ),
    Case(
        "Another unit",
        made(_unit("Rainf_f_tavg", "mm s-1"), (5,)),
        ("A201405.021.nc4: Rainf_f_tavg", "kg m-2 s-1", "mm s-1"),
    ),
    Case(
        "No unit",
        made(_unit("Rainf_f_tavg", None)),
        (f"{IN_JANUARY}: Rainf_f_tavg", "no units attribute"),
    ),
    Case(
        "A number as the unit",
        made(_unit("Rainf_f_tavg", 1.0)),
        (f"{IN_JANUARY}: Rainf_f_tavg", "kg m-2 s-1"),
    ),
    Case(
        "W m-2 in place of kg m-2 s-1",
        made(_unit("Evap_tavg", "W m-2")),
        (f"{IN_JANUARY}: Evap_tavg", "kg m-2 s-1", "W m-2"),
    ),
    Case(
        "Degrees Celsius in place of kelvin",
        made(_unit("Tair_f_inst", "degC")),
        (f"{IN_JANUARY}: Tair_f_inst", "K", "degC"),
    ),
    Case(
        "A month is missing",
        made(lambda file: None, (3,)),
        ("", "every month from 2014-01 to 2014-12", "11 months, without 2014-03"),
    ),
    Case(
        "A year that is not whole",
        made(lambda file: None, (10, 11, 12)),
        ("", "9 months, without 2014-10, 2014-11, 2014-12"),
    ),
    Case(
        "A month twice",
        made(lambda file: gldas_month("2014-03"), (4,)),
        ("", "2014-03 in", "A201403.021.nc4", "A201404.021.nc4"),
    ),
    Case(
        "Another calendar in one file",
        made(_noleap, (7,)),
        ("A201407.021.nc4: time", "noleap calendar"),
    ),
    Case("Two steps in one file", made(_two_steps), (f"{IN_JANUARY}: time", "2 time steps")),
    Case("No step in a file", made(_no_step), (f"{IN_JANUARY}: time", "0 time steps")),
    Case("A step without a date", made(_missing_time), (f"{IN_JANUARY}: time", "missing value")),
    Case("Time without units", made(_time_units(None)), (f"{IN_JANUARY}: time", "no calendar")),
    Case("Time in units that mean nothing", made(_time_units("days since ever")), (IN_JANUARY,)),
    Case(
        "The bounds of a month span a day",
        made(_daily_bounds),
        (f"{IN_JANUARY}: time_bnds", "1 days"),
    ),
    Case(
        "The bounds of another month",
        made(_bounds_of_may),
        (f"{IN_JANUARY}: time_bnds", "around its time", "2014-05-01 to 2014-06-01", "2014-01-01"),
    ),
    Case(
        "Text as the bounds of a month",
        made(_bounds_of_text),
        (IN_JANUARY, "attributes that mean nothing"),
    ),
    Case(
        "Bounds of time in all files but one",
        made(_without_bounds, (7,)),
        ("A201407.021.nc4: time", "time_bnds in one of them only"),
    ),
    Case(
        "No file has bounds of time",
        made(_without_bounds, EVERY),
        handled=same,
        answer="Months count by the days of the calendar.",
    ),
    Case(
        "Longitudes from 0 to 360",
        made(lambda file: file.assign_coords(lon=file["lon"] + 360), EVERY),
        handled=same,
        answer="Turned to -180 to 180.",
    ),
    Case("Latitudes from the north", made(_turned, EVERY), handled=same, answer="Turned."),
    Case(
        "Dimensions in another order in one file",
        made(_transposed),
        handled=same,
        answer="Put in order.",
    ),
    Case("A curvilinear grid", made(_curvilinear), (IN_JANUARY, "no lat, lon")),
    Case(
        "A Gaussian grid",
        made(_gaussian, EVERY),
        handled=_is_gaussian,
        answer="Read as it is: a site takes the nearest cell.",
    ),
    Case(
        "A coordinate has another name in one file",
        made(lambda file: file.rename(lat="latitude"), (7,)),
        ("A201407.021.nc4", "no lat among"),
    ),
    Case(
        "Another grid in one file",
        made(lambda file: file.isel(lat=slice(0, 3)), (7,)),
        ("A201407.021.nc4", f"the grid of {IN_JANUARY}"),
    ),
    Case(
        "A gap among the latitudes",
        made(_coordinate("lat", [30.5, np.nan, 32.5, 33.5])),
        (f"{IN_JANUARY}: lat", "degrees"),
    ),
    Case(
        "A latitude beyond the pole",
        made(_coordinate("lat", [30.5, 31.5, 32.5, 133.5])),
        (f"{IN_JANUARY}: lat", "from -90 to 90"),
    ),
    Case(
        "A longitude twice",
        made(_coordinate("lon", [88.5, 89.5, 89.5, 90.5])),
        (f"{IN_JANUARY}: lon", "3 different ones of 4"),
    ),
    Case(
        "A region without the Plateau",
        made(_coordinate("lon", [8.5, 9.5, 10.5, 11.5])),
        (f"{IN_JANUARY}: lon", "lon 72 to 106", "0 there"),
    ),
    Case(
        "One row of cells",
        made(lambda file: file.isel(lat=[1]), EVERY),
        (f"{IN_JANUARY}: lat", "two cells or more", "1 there"),
    ),
    Case(
        "A hole among the columns",
        made(_coordinate("lon", [80.5, 81.5, 99.5, 100.5]), EVERY),
        (f"{IN_JANUARY}: lon", "side by side", "nothing between 81.5 and 99.5"),
    ),
    Case(
        "A variable with levels",
        made(_levels),
        (f"{IN_JANUARY}: SoilTMP0_10cm_inst", "level"),
    ),
    Case("Words in place of numbers", made(_as_text), (f"{IN_JANUARY}: Tair_f_inst",)),
    Case(
        "Fill values left as data",
        made(_set("Albedo_inst", -9999.0)),
        (f"{IN_JANUARY}: Albedo_inst", "-9999", "_FillValue"),
    ),
    Case(
        "Another fill value (1e20) left as data",
        made(_set("Albedo_inst", 1e20)),
        (f"{IN_JANUARY}: Albedo_inst", "1e+20"),
    ),
    Case(
        "An infinite value",
        made(_set("Wind_f_inst", np.inf)),
        (f"{IN_JANUARY}: Wind_f_inst", "inf"),
    ),
    Case(
        "A cell without a value (NaN)",
        made(_set("Albedo_inst", np.nan)),
        handled=_masked_there,
        answer="Masked; a site there is refused by name.",
    ),
    Case(
        "A rain of 1000 kg m-2 s-1",
        made(_set("Rainf_f_tavg", 1e3)),
        (f"{IN_JANUARY}: Rainf_f_tavg", "1000"),
    ),
    Case(
        "An albedo of 400 %",
        made(_set("Albedo_inst", 400)),
        (f"{IN_JANUARY}: Albedo_inst", "1 to 100 %", "400"),
    ),
    Case(
        "An albedo of 0.2: a fraction for per cent",
        made(_set("Albedo_inst", 0.2)),
        (f"{IN_JANUARY}: Albedo_inst", "1 to 100 %", "0.2"),
    ),
    Case(
        "Soil water as a share of the volume",
        made(_set("RootMoist_inst", 0.2)),
        (f"{IN_JANUARY}: RootMoist_inst", "1 to 5000 kg m-2", "0.2"),
    ),
    Case(
        "Another fill value (-999) left as data",
        made(_set("Qh_tavg", -999.0)),
        (f"{IN_JANUARY}: Qh_tavg", "-500 to 2000 W m-2", "-999"),
    ),
    Case(
        "A negative rain",
        made(_set("Rainf_f_tavg", -0.001)),
        (f"{IN_JANUARY}: Rainf_f_tavg", "-0.001"),
    ),
    Case(
        "A temperature of 20 in kelvin",
        made(_set("Tair_f_inst", 20)),
        (f"{IN_JANUARY}: Tair_f_inst", "150 to 350 K", "20"),
    ),
    Case(
        "Numbers packed as integers, with scale and offset",
        made(_packed(True)),
        handled=same,
        answer="Unpacked.",
    ),
    Case(
        "Numbers packed as integers, scale and offset lost",
        made(_packed(False)),
        (f"{IN_JANUARY}: Tair_f_inst", "scale_factor"),
    ),
    Case("Big-endian numbers", _copied(endian="big"), handled=same, answer="Read."),
    *(
        Case(f"Written as {name}", _copied(form=form), handled=same, answer="Read.")
        for name, form in (
            ("NetCDF-3 classic", "NETCDF3_CLASSIC"),
            ("NetCDF-3 with 64-bit offsets", "NETCDF3_64BIT_OFFSET"),
            ("CDF-5", "NETCDF3_64BIT_DATA"),
        )
    ),
    Case("Time as a fixed dimension", _copied(unlimited=False), handled=same, answer="Read."),
    Case(
        "Script and HTML in attributes",
        made(_hostile_words, EVERY),
        handled=same,
        answer="Text like any other; pages escape it.",
    ),
]
