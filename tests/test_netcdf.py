"""Parts of NetCDF files: the same values as the library gives, and faults refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.readers import netcdf
from helpers.readers.netcdf import UNREADABLE, Stored, read_header, read_window

FORMS = ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF4"]
STEPS = 40
WINDOWS = {
    "a few rows": (slice(3, 37), slice(2, 5), slice(1, 4)),
    "from the north": (slice(0, 40), slice(6, 3, -1), slice(0, 9)),
    "to the first row": (slice(0, 1), slice(2, None, -1), slice(4, 5)),
    "across the seam": (slice(5, 6), slice(0, 7), np.array([7, 8, 0, 1])),
    "rows in any order": (slice(0, 40), np.array([4, 1, 2]), slice(0, 9)),
}


def write(
    path: Path,
    form: str = "NETCDF3_CLASSIC",
    dims: tuple[str, ...] = ("time", "lat", "lon"),
    unlimited: bool = True,
    width: int = 9,
    bounds: bool = True,
    kind: str = "f4",
) -> np.ndarray:
    """Write a file of a variable, time with bounds and a short text, and return the values."""
    sizes = {"time": STEPS, "lat": 7, "lon": width, "bnds": 2, "letters": 3}
    rng = np.random.default_rng(0)
    values = rng.integers(0, 1000, [sizes[dim] for dim in dims]).astype(kind)
    with netCDF4.Dataset(path, "w", format=form) as file:
        for name, size in sizes.items():
            file.createDimension(name, None if name == "time" and unlimited else size)
        file.title = "eleven bytes"
        variables = {"npp": (kind, dims, values), "lat": ("f8", ("lat",), np.arange(7.0))}
        if bounds:
            pairs = np.arange(2.0 * STEPS).reshape(-1, 2)
            variables |= {
                "time": ("f8", ("time",), np.arange(STEPS) + 0.5),
                "flag": ("i1", ("time", "letters"), np.ones((STEPS, 3), "i1")),
                "time_bnds": ("f8", ("time", "bnds"), pairs),
            }
        for name, (dtype, on, data) in variables.items():
            file.createVariable(name, dtype, on)[:] = data
        file["npp"].units = "kg m-2 s-1"
        file["npp"].valid_range = np.array([0, 1000], kind)
        if bounds:
            file["time"].bounds = "time_bnds"
    return values


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("unlimited", [True, False])
@pytest.mark.parametrize("width", [9, 900], ids=["narrow", "wide"])
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_a_window_is_what_the_library_reads(tmp_path, form, unlimited, width, window):
    values = write(tmp_path / "file.nc", form, unlimited=unlimited, width=width)
    header = read_header(tmp_path / "file.nc", "time", "lat", "absent")
    found = read_window(tmp_path / "file.nc", "npp", header["npp"], window)
    steps, rows, columns = window
    np.testing.assert_array_equal(found, values[steps][:, rows][:, :, columns])
    assert found.dtype == np.float32
    assert found.dtype.isnative
    np.testing.assert_array_equal(header["time"].values, np.arange(STEPS) + 0.5)
    np.testing.assert_array_equal(header["time_bnds"].values, np.arange(80.0).reshape(-1, 2))
    np.testing.assert_array_equal(header["lat"].values, np.arange(7.0))
    assert header["npp"].values is None
    assert header["npp"].attrs["units"] == "kg m-2 s-1"
    assert header["npp"].attrs["valid_range"].tolist() == [0, 1000]


@pytest.mark.parametrize("kind", ["i2", "f4", "f8"])
def test_a_single_variable_of_records_is_not_padded(tmp_path, kind):
    values = write(tmp_path / "file.nc", bounds=False, kind=kind)
    header = read_header(tmp_path / "file.nc")
    window = (slice(0, STEPS), slice(0, 7), slice(0, 9))
    np.testing.assert_array_equal(
        read_window(tmp_path / "file.nc", "npp", header["npp"], window), values
    )


@pytest.mark.parametrize("form", FORMS)
def test_dimensions_in_another_order_are_put_in_order(tmp_path, form):
    values = write(tmp_path / "file.nc", form, ("lat", "lon", "time"), unlimited=False)
    header = read_header(tmp_path / "file.nc")
    window = WINDOWS["from the north"]
    found = read_window(tmp_path / "file.nc", "npp", header["npp"], window)
    np.testing.assert_array_equal(found, values.transpose(2, 0, 1)[:, 6:3:-1])


def test_a_file_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "file.nc"
    write(path)
    whole = path.read_bytes()
    for length in [*range(0, 800, 7), *range(800, len(whole) - 4, 97), len(whole) - 4]:
        path.write_bytes(whole[:length])
        with pytest.raises((ValueError, OSError)):
            read_header(path, "time", "lat")


def test_a_long_header_is_read_to_its_end(tmp_path):
    values = write(tmp_path / "file.nc")
    with netCDF4.Dataset(tmp_path / "file.nc", "a") as file:
        file.history = "x" * 100_000
    header = read_header(tmp_path / "file.nc")
    window = (slice(0, STEPS), slice(0, 7), slice(0, 9))
    found = read_window(tmp_path / "file.nc", "npp", header["npp"], window)
    np.testing.assert_array_equal(found, values)


def test_a_file_that_changes_after_it_was_opened_is_refused(tmp_path):
    write(tmp_path / "file.nc")
    header = read_header(tmp_path / "file.nc")
    with (tmp_path / "file.nc").open("ab") as file:
        file.write(b"more")
    with pytest.raises(InputError, match="the file as it was opened"):
        read_window(tmp_path / "file.nc", "npp", header["npp"], WINDOWS["a few rows"])


def test_coordinates_on_both_sides_of_the_data_are_read_without_it(tmp_path, monkeypatch):
    path = tmp_path / "file.nc"
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
        for name, size in {"time": None, "lat": 40, "lon": 50, "bnds": 2}.items():
            file.createDimension(name, size)
        file.createVariable("time_bnds", "f8", ("time", "bnds"))[:] = np.ones((STEPS, 2))
        file.createVariable("npp", "f4", ("time", "lat", "lon"))[:] = np.ones((STEPS, 40, 50))
        file.createVariable("time", "f8", ("time",))[:] = np.arange(STEPS)
        file["time"].bounds = "time_bnds"
    sizes = []
    read = netcdf._read_at

    def counted(*place):
        sizes.append(len(data := read(*place)))
        return data

    monkeypatch.setattr(netcdf, "_read_at", counted)
    header = read_header(path, "time")
    assert header["time"].values.tolist() == list(range(STEPS))
    assert (header["time_bnds"].values == 1).all()
    assert sum(sizes[1:]) == STEPS * 3 * 8


def test_a_refusal_travels_between_processes():
    refusal = InputError("a.nc: npp", needed="numbers", found="words", mend="mend it")
    copy = pickle.loads(pickle.dumps(refusal))
    assert type(copy) is InputError
    assert str(copy) == str(refusal)
    assert vars(copy) == vars(refusal)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, bytes]:
    """Return a place for damaged files, and the bytes of a good one."""
    path = tmp_path_factory.mktemp("damaged") / "file.nc"
    write(path)
    return path, path.read_bytes()


def read_all(path: Path) -> dict[str, Stored] | None:
    """Read the header, coordinates and a window of every field, or None where it is refused.

    No read may ask for more than the file has, and nothing but a refusal may be raised.
    """
    size = path.stat().st_size
    read = netcdf._read_at

    def bounded(file, place, length):
        assert 0 <= length <= size
        assert 0 <= place <= size
        return read(file, place, length)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netcdf, "_read_at", bounded)
        patch.setattr(netcdf, "_read_by_library", lambda path, needed: {})
        try:
            header = read_header(path, "time", "lat", "npp")
        except UNREADABLE:
            return None
        for name, stored in header.items():
            if stored.dims == ("time", "lat", "lon") and all(stored.shape):
                found = read_window(path, name, stored, (slice(0, 2), slice(0, 1), slice(0, 1)))
                assert found.nbytes <= size
    return header


def numbers() -> st.SearchStrategy[bytes]:
    """Return numbers that a header may have in a bad place."""
    return st.sampled_from([-1, -4, -(2**31), 0, 1, 10, 11, 12, 2**16, 2**31 - 1]).map(word)


def word(number: int) -> bytes:
    """Return a number as a header has it."""
    return number.to_bytes(4, "big", signed=number < 0)


HEADERS = {
    "the number of steps was never written": word(2**32 - 1) + bytes(24),
    "a negative number of dimensions": bytes(4) + word(10) + word(-1),
    "2^31 dimensions": bytes(4) + word(10) + word(2**31 - 1) + bytes(400),
    "a name of negative length, back to the begin": bytes(4) + word(10) + word(1) + word(-16),
    "a name of 2 GB": bytes(4) + word(10) + word(1) + word(2**31 - 1),
    "a list of another kind": bytes(4) + word(99) + word(1) + bytes(40),
    "an attribute of a type that is none": bytes(12)
    + word(12)
    + word(1)
    + word(1)
    + b"a" * 4
    + word(77)
    + word(1)
    + bytes(8),
    "an attribute of 2^31 numbers": bytes(12)
    + word(12)
    + word(1)
    + word(1)
    + b"a" * 4
    + word(6)
    + word(2**31 - 1)
    + bytes(8),
    "a million attributes": bytes(12) + word(12) + word(10**6) + (word(1) + b"a" * 4) * 10**4,
    "a negative number of variables": bytes(20) + word(11) + word(-5),
}


@pytest.mark.parametrize("start", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("magic", [b"CDF\x01", b"CDF\x02"])
def test_a_hostile_header_is_refused(whole, magic, start):
    path, _ = whole
    path.write_bytes(magic + start)
    assert read_all(path) is None


@pytest.mark.parametrize("length", [-8, -1, 9, 2**31])
def test_the_cursor_goes_neither_back_nor_beyond_the_file(length):
    words = netcdf._Words(bytes(16), 16)
    words.text(8)
    with pytest.raises(ValueError, match="a text of"):
        words.text(length)


def variable(dims: int, number: int, begin: int, cells: int = 3) -> bytes:
    """Return a header with one dimension and one variable of bytes on it, and ten bytes more."""
    dimension = word(10) + word(1) + word(1) + b"x\0\0\0" + word(cells)
    about = word(dims) + word(number) * max(dims, 0) + bytes(8) + word(1) + word(4) + word(begin)
    head = b"CDF\x01" + bytes(4) + dimension + bytes(8)
    return head + word(11) + word(1) + word(1) + b"v\0\0\0" + about + bytes(10)


@pytest.mark.parametrize(
    "fault",
    [
        {"number": 1},
        {"number": -1},
        {"begin": -8},
        {"begin": 2**31 - 1},
        {"cells": 2**31 - 1},
        {"cells": -2},
        {"dims": -1},
        {"dims": 2**30},
    ],
    ids=str,
)
def test_a_variable_that_cannot_be_there_is_refused(whole, fault):
    path, _ = whole
    usual = {"dims": 1, "number": 0, "begin": 40}
    path.write_bytes(variable(**usual))
    assert read_all(path)["v"].shape == (3,)
    dims = min(fault.get("dims", 1), 1)
    faulty = variable(**{**usual, **fault, "dims": dims})
    if "dims" in fault:
        faulty = faulty.replace(b"v\0\0\0" + word(dims), b"v\0\0\0" + word(fault["dims"]))
    path.write_bytes(faulty)
    assert read_all(path) is None


@settings(max_examples=200)
@given(st.sampled_from([b"CDF\x01", b"CDF\x02"]), st.binary(max_size=600))
@example(b"CDF\x01", bytes(28))
def test_any_bytes_after_the_magic_are_read_or_refused(whole, magic, content):
    path, _ = whole
    path.write_bytes(magic + content)
    header = read_all(path)
    assert header is None or all(len(each.dims) == len(each.shape) for each in header.values())


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(4, 1100), st.one_of(st.binary(min_size=1, max_size=8), numbers())),
        min_size=1,
        max_size=4,
    )
)
def test_any_change_of_a_genuine_header_is_read_or_refused(whole, changes):
    path, content = whole
    changed = bytearray(content)
    for place, new in changes:
        changed[place : place + len(new)] = new
    path.write_bytes(changed)
    header = read_all(path)
    assert header is None or "" not in header


@pytest.mark.parametrize("form", FORMS)
def test_a_single_number_is_read_from_every_form(tmp_path, form):
    with netCDF4.Dataset(tmp_path / "a.nc", "w", format=form) as file:
        file.createVariable("height", "f8", ())[...] = 3
    header = read_header(tmp_path / "a.nc", "height")
    assert header["height"].shape == ()
    assert header["height"].values == 3
