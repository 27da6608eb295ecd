"""Faults in GLDAS files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import xarray as xr

from helpers.errors import InputError
from helpers.factors import gldas_sources, load_factors
from helpers.readers.gldas import annual_mean, open_gldas
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

Change = Callable[[xr.Dataset], xr.Dataset | None]
EVERY = tuple(range(1, 13))
JANUARY = "GLDAS_NOAH10_M.A201401.021.nc4"
JULY = JANUARY.replace("01.021", "07.021")


def gldas_month(month: str, value: float = 1.0) -> xr.Dataset:
    """Return one month shaped like a GLDAS file: 4 x 4 cells, every variable the same value.

    In units where it would be impossible, the value is moved or scaled into what is possible.
    """
    period = pd.Period(month, "M")
    units = load_factors()["unit"]
    possible = {"K": 250 + value, "kg m-2 s-1": 1e-4 * value, "kg kg-1": 1e-3 * value}
    data = {
        variable: (
            ("time", "lat", "lon"),
            np.full((1, 4, 4), possible.get(units[code], value), dtype="float32"),
            {"units": units[code]},
        )
        for code, variable in gldas_sources().items()
    }
    start, end = period.start_time, (period + 1).start_time
    data["time_bnds"] = (("time", "bnds"), np.array([[start, end]], dtype="datetime64[ns]"))
    time = xr.Variable("time", [start], {"bounds": "time_bnds"})
    time.encoding["units"] = "days since 2000-01-01"
    return xr.Dataset(
        data,
        {"time": time, "lat": [30.5, 31.5, 32.5, 33.5], "lon": [88.5, 89.5, 90.5, 91.5]},
    )


def path_of(folder: Path, month: int = 1) -> Path:
    """Return the name that GES DISC gives a month of 2014."""
    return folder / JANUARY.replace("01.021", f"{month:02d}.021")


def _plain(month: int) -> xr.Dataset:
    """Return a month whose values differ from month to month and from cell to cell."""
    file = gldas_month(f"2014-{month:02d}", value=float(month))
    graded = (1e-5 * np.arange(16).reshape(1, 4, 4)).astype("float32")
    for variable in gldas_sources().values():
        file[variable].values += graded
    return file


@cache
def _bytes_of(month: int) -> bytes:
    with TemporaryDirectory() as folder:
        _plain(month).to_netcdf(path_of(Path(folder), month), unlimited_dims=["time"])
        return path_of(Path(folder), month).read_bytes()


def year(folder: Path, change: Change | None = None, months: tuple[int, ...] = (1,)) -> Path:
    """Write the twelve months of 2014, some of them changed, and return their folder."""
    for month in EVERY:
        path = path_of(folder, month)
        if change is None or month not in months:
            path.write_bytes(_bytes_of(month))
        elif (changed := change(_plain(month))) is not None:
            changed.to_netcdf(path)
    return folder


def climate(folder: Path) -> xr.Dataset:
    """Return the annual mean of a folder, as the study takes it."""
    return annual_mean(open_gldas(folder))


@cache
def _right() -> xr.Dataset:
    with TemporaryDirectory() as folder:
        return climate(year(Path(folder)))


def same(found: xr.Dataset) -> None:
    """Assert that a climate is that of the files without a fault."""
    right = _right()
    xr.testing.assert_allclose(found.drop_attrs(), right.drop_attrs(), rtol=1e-6)
    assert all(found[name].attrs["units"] == right[name].attrs["units"] for name in found)


def made(change: Change, *months: int) -> Callable[[Path], xr.Dataset]:
    """Return a reader of a year with January or other months changed."""
    return lambda folder: climate(year(folder, change, months or (1,)))


def _in_place_of_january(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        path = path_of(year(folder))
        path.unlink()
        make(path)
        return climate(folder)

    return read


def _each(variants: Callable[[bytes], object]) -> Callable[[Path], list]:
    """Return a reader of many variants of January, alone in its folder.

    A January without a fault is refused as well, for the months that lack.
    """
    return lambda folder: read_each(
        path_of(folder), variants(_bytes_of(1)), lambda: open_gldas(folder)
    )


def _no_other_answer(answers: list) -> None:
    assert len(answers) >= 60
    assert all(isinstance(answer, InputError) for answer in answers)


def _only_units_are_needed(answers: dict[tuple[str, str], object]) -> None:
    """Assert what is refused; where January is read, the folder is, for want of months."""
    needed = {(name, "units") for name in (*gldas_sources().values(), "time")}
    refused = {pair for pair, refusal in answers.items() if JANUARY in refusal.where}
    assert refused == needed


def _copied(**options) -> Callable[[Path], xr.Dataset]:
    def read(folder: Path) -> xr.Dataset:
        (folder / "plain").mkdir()
        for month in EVERY:
            copy(path_of(year(folder / "plain"), month), path_of(folder, month), **options)
        return climate(folder)

    return read


def _set(variable: str, value: float) -> Change:
    def change(file: xr.Dataset) -> xr.Dataset:
        file[variable][0, 1, 1] = value
        file[variable].encoding["_FillValue"] = None
        return file

    return change


def _axis(name: str, *values: float) -> Change:
    return lambda file: file.assign_coords({name: np.array(values)})


def _packed(file: xr.Dataset) -> xr.Dataset:
    file["Tair_f_inst"].encoding = {
        "dtype": "int32",
        "scale_factor": 1e-5,
        "add_offset": 250.0,
        "_FillValue": -32768,
    }
    return file


def _scale_lost(file: xr.Dataset) -> xr.Dataset:
    packed = ((file["Tair_f_inst"] - 250) * 1000).astype("int16")
    return file.assign(Tair_f_inst=packed.assign_attrs(units="K"))


def _without_bounds(file: xr.Dataset) -> xr.Dataset:
    del file["time"].attrs["bounds"]
    return file.drop_vars("time_bnds")


def _time(value: float, **attrs: object) -> Change:
    time = xr.Variable("time", [value], attrs)
    return lambda file: _without_bounds(file).assign_coords(time=time)


def _as_text(file: xr.Dataset) -> xr.Dataset:
    words = np.full((1, 4, 4), "warm")
    return file.assign(Tair_f_inst=(("time", "lat", "lon"), words, {"units": "K"}))


def _levels(file: xr.Dataset) -> xr.Dataset:
    return file.assign(SoilTMP0_10cm_inst=file["SoilTMP0_10cm_inst"].expand_dims(level=2))


def _masked_there(found: xr.Dataset) -> None:
    assert np.argwhere(found["Albedo_inst"].isnull().values).tolist() == [[1, 1]]


def _turned_names(folder: Path) -> xr.Dataset:
    """Give each month the name of another one."""
    for month in EVERY:
        path_of(folder, 13 - month).write_bytes(_bytes_of(month))
    return climate(folder)


def _companions(folder: Path) -> xr.Dataset:
    (folder / f"{JANUARY}.xml").write_text("<granule/>")
    (folder / f"{JANUARY}.part").write_text("half")
    return climate(year(folder))


def _named(pattern: str) -> Callable[[Path], xr.Dataset]:
    """Return a reader of a year whose files are named and placed otherwise."""

    def read(folder: Path) -> xr.Dataset:
        for number, path in enumerate(sorted(year(folder).iterdir()), 1):
            new = folder / pattern.format(month=f"{number:02d}")
            new.parent.mkdir(parents=True, exist_ok=True)
            path.rename(new)
        return climate(folder)

    return read


def _said_once(folder: Path) -> xr.Dataset:
    """Copy one file of a year, and write another one anew in another form."""
    path_of(year(folder), 5).with_name("GLDAS (1).nc4").write_bytes(_bytes_of(5))
    copy(path_of(folder, 7), folder / "again.nc", form="NETCDF3_CLASSIC")
    found = climate(folder)
    told = found.attrs["left_out"].splitlines()
    assert len(told) == 2
    assert [month in told[n] for n, month in enumerate(("2014-05", "2014-07"))] == [True, True]
    assert len(found.attrs["inputs"].splitlines()) == 12
    return found


def _by_head(**attrs: str) -> Callable[[Path], xr.Dataset]:
    """Return a reader of files whose heads say what they are, whatever their names."""
    return made(lambda file: file.assign_attrs(attrs), *EVERY)


def _four_faults(file: xr.Dataset) -> xr.Dataset:
    file = in_units("Rainf_f_tavg", "mm s-1")(_set("Albedo_inst", 0.2)(file))
    return file.drop_vars(["PotEvap_tavg", "Wind_f_inst"]).isel(lat=[1])


REFUSED = {  # in January: what is changed, the place, further words
    "A variable is missing": (lambda file: file.drop_vars("PotEvap_tavg"), "PotEvap_tavg"),
    "Another unit": (in_units("Rainf_f_tavg", "mm s-1"), "Rainf_f_tavg", "kg m-2 s-1", "mm s-1"),
    "No unit": (in_units("Rainf_f_tavg", None), "Rainf_f_tavg", "no units attribute"),
    "Two steps in one file": (
        lambda file: xr.concat([file, gldas_month("2015-07")], "time"),
        "time",
        "2 time steps",
    ),
    "No step in a file": (lambda file: _without_bounds(file).isel(time=slice(0, 0)), "time"),
    "A step without a date": (_time(np.nan, units="days since 2000-01-01"), "time"),
    "Time without units": (_time(5114.0), "time", "no calendar"),
    "A curvilinear grid": (curvilinear, "", "dimensions time, j, i", "remapcon"),
    "A variable with levels": (_levels, "SoilTMP0_10cm_inst", "level"),
    "Words in place of numbers": (_as_text, "Tair_f_inst", "numbers"),
    "An infinite value": (_set("Wind_f_inst", np.inf), "Wind_f_inst", "inf"),
    "Fill values left as data": (_set("Albedo_inst", -9999.0), "Albedo_inst", "-9999"),
    "An albedo of 0.2: a fraction for per cent": (_set("Albedo_inst", 0.2), "Albedo_inst"),
    "A temperature of 20 in kelvin": (_set("Tair_f_inst", 20), "Tair_f_inst", "150 to 350 K"),
    "Numbers packed as integers, scale and offset lost": (_scale_lost, "Tair_f_inst"),
}
GRIDS = {  # in every month: what is changed, the place, further words
    "A latitude beyond the pole": (_axis("lat", 30.5, 31.5, 32.5, 133.5), "lat", "-90 to 90"),
    "A longitude twice": (_axis("lon", 88.5, 89.5, 89.5, 90.5), "lon", "once", "89.5"),
    "A region without the Plateau": (_axis("lon", 8.5, 9.5, 10.5, 11.5), "lon", "72 to 106"),
    "One row of cells": (lambda file: file.isel(lat=[1]), "lat", "two cells or more", "1 there"),
    "A hole among the columns": (_axis("lon", 80.5, 81.5, 99.5, 100.5), "lon", "nothing between"),
}
OTHERWISE = {  # how it is read, what the refusal says
    "The folder is not there": (lambda folder: open_gldas(folder / "nowhere"), "nowhere"),
    "The folder is empty": (open_gldas, "", "no such file in it"),
    "Files of 0.25 degrees, by name": (
        _named("GLDAS_NOAH025_M.A2014{month}.021.nc4"),
        "GLDAS_NOAH025_M.A201401",
        "cells of 1 degree",
        "cells of 0.25 degrees",
    ),
    "Files of three hours": (
        _named("GLDAS_NOAH10_3H.A2014{month}01.0300.021.nc4"),
        "GLDAS_NOAH10_3H",
        "values of three hours",
    ),
    "Files of another land model": (
        _named("GLDAS_VIC10_M.A2014{month}.021.nc4"),
        "GLDAS_VIC10_M",
        "another land model",
    ),
    "GLDAS-2.0, by the title in the file": (
        _by_head(title="GLDAS2.0 LIS land surface model output monthly mean"),
        JANUARY,
        "GLDAS-2.0",
    ),
    "Cells of a quarter of a degree": (
        made(_axis("lat", 30.125, 30.375, 30.625, 30.875), *EVERY),
        f"{JANUARY}: lat",
        "cells of 0.25 degrees",
    ),
    "Each file packed by gzip (.nc4.gz)": (
        lambda folder: (
            [
                path.rename(path.with_name(f"{path.name}.gz")).write_bytes(b"\x1f\x8b\x08 and more")
                for path in sorted(year(folder).iterdir())
            ]
            and open_gldas(folder)
        ),
        f"{JANUARY}.gz, and in",
        "packed by gzip",
        "gunzip",
    ),
    "Four faults in each file of a subset": (
        made(_four_faults, *EVERY),
        f"{JANUARY}: PotEvap_tavg, Wind_f_inst, and in",
        "mm s-1",
        "values from 1 to 100 %",
        "two cells or more",
        "1 there",
    ),
    "A faulty file, and another grid in another": (
        made(
            lambda file: (
                in_units("Rainf_f_tavg", "mm s-1")(file)
                if file["time"].dt.month.item() == 1
                else file.isel(lat=slice(0, 3))
            ),
            1,
            7,
        ),
        JANUARY,
        "mm s-1",
        JULY,
        "3 x 4 other cells",
    ),
    "Only a list of links and descriptions": (
        lambda folder: (
            [
                (folder / name).write_text("https://")
                for name in ("subset_GLDAS_NOAH10_M_2.1.txt", f"{JANUARY}.xml", f"{JANUARY}.part")
            ]
            and open_gldas(folder)
        ),
        "",
        "no file of data, only",
    ),
    "A month is missing": (
        made(lambda file: None, 3),
        "",
        "every month from 2014-01 to 2014-12",
        "11 months, without 2014-03",
    ),
    "A month twice with other values": (
        made(lambda file: gldas_month("2014-03"), 4),
        "",
        "2014-03 in",
        "A201404",
        "without 2014-04",
    ),
    "Time in units that mean nothing": (
        made(_time(5114.0, units="days since ever")),
        JANUARY,
        "attributes that mean nothing",
    ),
    "Another calendar in one file": (
        made(lambda file: _without_bounds(file).convert_calendar("noleap", use_cftime=True), 7),
        f"{JULY}: time",
        "noleap calendar",
    ),
    "A folder named like a file": (_in_place_of_january(Path.mkdir), JANUARY, "a folder"),
    "Another grid in one file": (
        made(lambda file: file.isel(lat=slice(0, 3)), 7),
        JULY,
        f"the grid of {JANUARY}",
    ),
}
HANDLED = {  # how it is read, what is made of it, the check if it is not the same climate
    "Companions of a download (.xml, .part) in the folder": (_companions, "Left alone."),
    "Names as the subsetter of GES DISC gives them": (
        _named("JOB_GLDAS_NOAH10_M.2.1_GLDAS_NOAH10_M.A2014{month}.021.nc4_subsetted.nc4"),
        "Read.",
    ),
    "Names as the older subsetter gave them": (
        _named("GLDAS_NOAH10_M.A2014{month}.021.nc4.SUB.nc4"),
        "Read.",
    ),
    "Names as wget makes them from links of the older subsetter": (
        _named(
            "HTTP_services.cgi?FILENAME=%2Fdata%2FGLDAS%2FGLDAS_NOAH10_M.2.1%2F2014%2F"
            "GLDAS_NOAH10_M.A2014{month}.021.nc4&FORMAT=bmM0Lw&VERSION=1.02"
        ),
        "Read.",
    ),
    "Names that end in .nc": (_named("GLDAS_NOAH10_M.A2014{month}.021.nc"), "Read."),
    "Names that say nothing": (_named("climate/{month}"), "Read: what a file holds counts."),
    "A folder for each month, in another one": (
        _named("gldas/2014/{month}/GLDAS_NOAH10_M.A2014{month}.021.nc4"),
        "Read.",
    ),
    "A month twice with the same values": (
        _said_once,
        "Taken once, which the head of a page says.",
    ),
    "Months have each other's names": (
        _turned_names,
        "The date in the file counts, the name does not.",
    ),
    "A file cut short, at every block of 4 kB": (
        _each(cut),
        "Refused, wherever it was cut.",
        all_refused(JANUARY),
    ),
    "One byte changed, at 40 places in the first 4 kB and at 40 in the whole file": (
        _each(lambda whole: [*flip(whole, 40, 1, before=4096), *flip(whole, 40, 2)]),
        "Refused, or read with at most a changed number: GLDAS has no checksums inside.",
        _no_other_answer,
    ),
    "Each attribute of each variable left out, one after the other": (
        lambda folder: read_without_each_attribute(
            _bytes_of(1), path_of(folder), lambda: open_gldas(folder)
        ),
        "Refused where units are missing; all others may be.",
        _only_units_are_needed,
    ),
    "A cell without a value (NaN)": (
        made(_set("Albedo_inst", np.nan)),
        "Masked; a site there is refused by name.",
        _masked_there,
    ),
    "Bounds of time are absent, in one file": (
        made(_without_bounds, 7),
        "Months count by the days of the calendar.",
    ),
    "Longitudes from 0 to 360": (
        made(lambda file: file.assign_coords(lon=file["lon"] + 360), *EVERY),
        "Turned to -180 to 180.",
    ),
    "Latitudes from the north": (
        made(lambda file: file.isel(lat=slice(None, None, -1)), *EVERY),
        "Turned.",
    ),
    "Dimensions in another order in one file": (
        made(lambda file: file.transpose("lon", "lat", "time", ...)),
        "Put in order.",
    ),
    "Numbers packed as integers, with scale and offset": (made(_packed), "Unpacked."),
    "Written as NetCDF-3 classic": (_copied(form="NETCDF3_CLASSIC"), "Read."),
    "Time as a fixed dimension": (_copied(unlimited=False), "Read."),
}
CASES = [
    *(
        Case(fault, _in_place_of_january(partial(Path.write_bytes, data=what)), (JANUARY, word))
        for fault, (what, word) in NO_NETCDF.items()
    ),
    *(
        Case(fault, made(change), (f"{JANUARY}: {place}", *words))
        for fault, (change, place, *words) in REFUSED.items()
    ),
    *(
        Case(fault, made(change, *EVERY), (f"{JANUARY}: {place}", *words))
        for fault, (change, place, *words) in GRIDS.items()
    ),
    *(Case(fault, read, tuple(words)) for fault, (read, *words) in OTHERWISE.items()),
    *(
        Case(fault, read, handled=check[0] if check else same, answer=answer)
        for fault, (read, answer, *check) in HANDLED.items()
    ),
]
