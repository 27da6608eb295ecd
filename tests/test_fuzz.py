"""Whatever is typed or saved: a reader answers with a value or an InputError, and only answers.

And what must not matter does not: the same archive, saved in another way, gives the same ensemble.
"""

from __future__ import annotations

import os
import string
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.oxygen import EARTH_RADIUS, cell_area, require_units
from helpers.pathmodel import PathModel, parse_model, read_model
from helpers.readers.earth_system_models import find_files, open_ensemble
from helpers.readers.grids import edges_between, overlap
from helpers.readers.sites import REQUIRED, read_sites
from tests.faults.parameters import CELL, write_notebook
from tests.test_cmip5 import regular, save_model
from tools.parameters import read_assignments
from tools.run import find_notebook
from tools.sweep import read_grid

_ACTS = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.mkdir",
    "os.posix_spawn",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.spawn",
    "os.startfile",
    "os.symlink",
    "os.system",
    "os.truncate",
    "pickle.find_class",
    "shutil.rmtree",
    "socket.connect",
    "subprocess.Popen",
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_seen: list[str] | None = None


def _note(event: str, arguments: tuple) -> None:
    if _seen is None:
        return
    if event in _ACTS or (event == "open" and (arguments[2] or 0) & _WRITES):
        told = f"{event} {arguments}"
        if "__pycache__" not in told:
            _seen.append(told)


sys.addaudithook(_note)


@contextmanager
def doing_nothing() -> Iterator[None]:
    """Fail if the block writes, deletes or moves a file, starts a program or calls a server."""
    global _seen
    _seen, acts = [], []
    try:
        yield
    finally:
        acts, _seen = _seen, None
    assert not acts


def answers(read: Callable[[], object]) -> object | None:
    """Return what a reader returns, or None where it refuses; nothing else may happen."""
    with doing_nothing(), warnings.catch_warnings(action="error"):
        try:
            return read()
        except InputError as error:
            refusal = error
    assert all([refusal.where, refusal.needed, refusal.found, refusal.mend])
    assert len(str(refusal)) < 5000
    return None


def test_what_a_reader_must_not_do_is_seen(tmp_path):
    def act() -> None:
        (tmp_path / "a").write_text("written")

    for bad in (act, lambda: os.system("true"), lambda: os.rename(tmp_path / "a", tmp_path / "b")):
        with pytest.raises(AssertionError):
            answers(bad)


# Readers of text


PIECES = ["y", "x1", "TOP", " ", "~", "~~", "=~", "+", "*", "1", "#", "\n", "\r\n", "\t", "\0", "é"]
NAMED = ["about", "runs", "notebooks", "parameters", "seed", "alpha", "8", "[", "]", "{", "}", ": ",
         ", ", "- ", "\n", "\n  ", "&a ", "*a", "!!int ", "!!python/name:os.system ", "<<", "'",
         '"', "|", "1e400", "0x1", "~", "#", "---\n", "%YAML 1.1\n", "? "]  # fmt: skip


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_is_a_path_model_or_is_refused(text):
    model = answers(lambda: parse_model(text))
    if model is not None:
        assert model.paths
        assert set(model.variables) == {name for pair in model.paths for name in pair} | {
            name for pair in model.covariances for name in pair
        }


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def notebook(folder) -> Path:
    return write_notebook(folder / "99_small.ipynb")


@settings(max_examples=40)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_path_model_or_are_refused(folder, content):
    (folder / "mine.lav").write_bytes(content)
    answers(lambda: read_model(folder / "mine.lav"))


@settings(max_examples=40)
@given(st.text())
def test_any_name_is_that_of_a_path_model_or_is_refused(name):
    answers(lambda: read_model(name))


@settings(max_examples=40)
@given(st.text())
def test_any_name_is_that_of_a_notebook_or_is_refused(name):
    found = answers(lambda: find_notebook(name))
    assert found is None or found.is_file()


SLOTS = [line.partition(":")[0] for line in CELL.splitlines()]
WORDS = st.one_of(
    st.text(),
    st.builds("{}={}".format, st.sampled_from(SLOTS), st.text()),
    st.builds("{}={}".format, st.sampled_from(SLOTS), st.floats() | st.integers() | st.booleans()),
    st.builds("{}={}".format, st.sampled_from(SLOTS), st.text(string.digits + "+-._eExX ")),
)


@given(st.lists(WORDS, max_size=4))
@example(["seed=" + "9" * 5000])
@example(["source=\ud800"])
def test_any_words_are_parameters_or_are_refused(notebook, words):
    answers(lambda: read_assignments(notebook, words))


@given(st.text() | st.lists(st.sampled_from(NAMED)).map("".join))
@example("about: x\nruns: [{notebooks: [8], parameters: {seed: !!int x}}]")
@example("about: &a [*a]\nruns: *a")
def test_any_text_is_a_grid_or_is_refused(folder, text):
    (folder / "mine.yml").write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    answers(lambda: read_grid(folder / "mine.yml"))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=40)
@given(
    PLAIN | st.fixed_dictionaries({"about": PLAIN, "runs": PLAIN}),
    st.lists(PLAIN, max_size=2),
    st.dictionaries(st.sampled_from(["seed", "alpha", "scaling", "cluster"]), PLAIN, max_size=2),
)
def test_any_values_in_a_grid_are_refused_or_understood(folder, whole, notebooks, parameters):
    import yaml

    part = {"notebooks": ["8", *notebooks], "parameters": parameters}
    for grid in (whole, {"about": "x", "runs": [part]}):
        (folder / "mine.yml").write_text(yaml.safe_dump(grid), encoding="utf-8")
        answers(lambda: read_grid(folder / "mine.yml"))


@settings(max_examples=40)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_grid_or_are_refused(folder, content):
    (folder / "mine.yml").write_bytes(content)
    answers(lambda: read_grid(folder / "mine.yml"))


CELLS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["meadow", "steppe", "A", "90", "32", "4000", "", "nan", "1e400", '"', "0x1"]),
)


@given(
    st.binary(max_size=300)
    | st.lists(st.lists(CELLS, min_size=5, max_size=6), max_size=4).map(
        lambda rows: "\n".join(map(",".join, [REQUIRED, *rows])).encode(errors="surrogatepass")
    )
)
def test_any_bytes_are_a_table_of_sites_or_are_refused(folder, content):
    (folder / "sites.csv").write_bytes(content)
    sites = answers(lambda: read_sites(folder / "sites.csv"))
    if sites is not None:
        assert sites.index.is_unique
        numbers = sites[["longitude", "latitude", "elevation"]]
        assert np.isfinite(numbers).all(axis=None)


NAME = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
PARTS = ["npp", "rh", "tas", "Lmon", "Amon", "fx", "sftlf", "CanESM2", "rcp45", "historical",
         "r1i1p1", "r0i0p0", "200601-210012", "9-1", "x"]  # fmt: skip


@settings(max_examples=40)
@given(
    st.lists(
        (NAME | st.lists(st.sampled_from(PARTS), max_size=7).map("_".join))
        .map(lambda name: f"{name}.nc")
        .filter(lambda name: len(name.encode()) < 250),
        max_size=4,
        unique=True,
    )
)
def test_any_names_of_files_are_an_archive_or_are_refused(names):
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            Path(folder, name).touch()
        found = answers(lambda: find_files(folder))
        assert found is None or 0 < len(found) <= len(names)


# There and back


@st.composite
def drawings(draw) -> list[tuple[str, str]]:
    """Draw the arrows of a recursive model."""
    names = draw(
        st.lists(
            st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,4}", fullmatch=True),
            min_size=2,
            max_size=6,
            unique=True,
        )
    )
    pairs = [(names[k], names[j]) for k in range(len(names)) for j in range(k)]
    return draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))


@given(drawings(), st.sampled_from(["~", " ~ ", "\t~  "]), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_a_model_that_is_printed_and_parsed_is_the_same(arrows, sign, end):
    model = parse_model(end.join(f"{to}{sign}{cause}" for to, cause in arrows))
    assert list(model.paths) == arrows
    assert model.recursive
    together = [f"{to} ~ {' + '.join(model.parents(to))}" for to in model.endogenous]
    again: PathModel = parse_model("\n".join(together))
    assert set(again.paths) == set(model.paths)
    assert set(again.variables) == set(model.variables)
    for order in (model.endogenous, again.endogenous):
        before = set(model.exogenous)
        for name in order:
            assert set(model.parents(name)) <= before
            before.add(name)


POWERS = st.dictionaries(
    st.sampled_from(["kg", "m", "s", "mol"]), st.sampled_from([-2, -1, 1, 2, 3]), min_size=1
)


@given(POWERS, st.randoms(use_true_random=False))
def test_a_unit_is_the_same_in_every_spelling_and_order(powers, random):
    parts = list(powers.items())
    plain = " ".join(f"{symbol}{power}" for symbol, power in parts)
    random.shuffle(parts)
    for sign in ("", "^", "**"):
        spelled = " ".join(f"{symbol}{sign}{power}" for symbol, power in parts)
        require_units(xr.DataArray(0.0, attrs={"units": spelled}, name="x"), plain)
    turned = " ".join(f"{symbol}{-power}" for symbol, power in parts)
    with pytest.raises(InputError):
        require_units(xr.DataArray(0.0, attrs={"units": turned}, name="x"), plain)


def edges(low: float, high: float) -> st.SearchStrategy[np.ndarray]:
    inner = st.lists(st.floats(low, high), max_size=8)
    return inner.map(lambda some: np.unique([low, *some, high]))


def bounds(name: str, sides: np.ndarray) -> xr.DataArray:
    return xr.DataArray(np.column_stack([sides[:-1], sides[1:]]), dims=(name, "bnds"))


@settings(max_examples=40)
@given(edges(-90, 90), edges(-180, 180), st.booleans())
def test_cells_of_any_grid_add_up_to_the_sphere(lat, lon, turned):
    north, east = bounds("lat", lat), bounds("lon", lon)
    area = cell_area(north[:, ::-1] if turned else north, east)
    assert (area >= 0).all()
    assert float(area.sum()) == pytest.approx(4 * np.pi * EARTH_RADIUS**2, rel=1e-12)


INTERVALS = st.lists(
    st.tuples(st.floats(-400, 400), st.floats(0, 100)), min_size=1, max_size=5
).map(lambda some: np.array([(low, low + width) for low, width in some]))


@given(INTERVALS, INTERVALS, st.floats(-360, 360))
def test_overlap_is_symmetric_bounded_and_the_same_elsewhere(some, others, shift):
    shared = overlap(some, others)
    np.testing.assert_array_equal(shared, overlap(others, some).T)
    width, other = np.diff(some).ravel(), np.diff(others).ravel()
    assert (shared <= np.minimum.outer(width, other) + 1e-9).all()
    np.testing.assert_allclose(np.diag(overlap(some, some)), width, atol=1e-9)
    np.testing.assert_allclose(overlap(some + shift, others + shift), shared, atol=1e-9)


@given(edges(-180, 180))
def test_an_interval_shares_with_all_parts_of_a_line_what_it_is_long(parts):
    pairs = np.column_stack([parts[:-1], parts[1:]])
    shared = overlap(np.array([[-100.0, 33.0]]), pairs)
    assert shared.sum() == pytest.approx(133, abs=1e-9)


@given(st.floats(-80, 0), st.floats(0.1, 5), st.integers(2, 15))
def test_edges_between_even_centres_lie_halfway(first, step, count):
    centres = first + step * np.arange(count)
    sides = edges_between(centres, limit=np.inf)
    np.testing.assert_allclose((sides[:-1] + sides[1:]) / 2, centres, atol=1e-9)


# The same archive, saved in another way


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for model in ("MODEL-A", "MODEL-B"):
        save_model(folder, model, edges=regular(5))
    return folder


@pytest.fixture(scope="module")
def expected(archive) -> xr.Dataset:
    return open_ensemble(archive, first_year=2004, last_year=2007).load()


def _plain(file: xr.Dataset) -> list[xr.Dataset]:
    return [file]


def _split(file: xr.Dataset) -> list[xr.Dataset]:
    return [file.isel(time=slice(7, None)), file.isel(time=slice(None, 7))]


def _shift(file: xr.Dataset) -> list[xr.Dataset]:
    moved = {
        name: (file[name].dims, file[name].values - 360, file[name].attrs)
        for name in ("lon", "lon_bnds")
    }
    return [file.assign(moved)]


def _roll(file: xr.Dataset) -> list[xr.Dataset]:
    east = file["lon"] >= 180
    parts = [file.isel(lon=east.values), file.isel(lon=~east.values)]
    return [xr.concat([*_shift(parts[0]), parts[1]], "lon", data_vars="minimal")]


def _reverse(file: xr.Dataset) -> list[xr.Dataset]:
    return [file.isel(lat=slice(None, None, -1))]


def _transpose(file: xr.Dataset) -> list[xr.Dataset]:
    return [file.transpose("lon", "lat", "time", "bnds")]


def save_again(
    archive: Path, target: Path, change: Callable[[xr.Dataset], list[xr.Dataset]], **options
) -> None:
    """Write each file of an archive anew, the last ones first, each into a folder of its own."""
    for number, path in enumerate(sorted(archive.glob("*.nc"), reverse=True)):
        with xr.open_dataset(path, decode_times=False, mask_and_scale=False) as file:
            parts = change(file.load())
        stem, _, period = path.stem.rpartition("_")
        first, last = (pd.Period(f"{each[:4]}-{each[4:]}", "M") for each in period.split("-"))
        months = pd.period_range(first, last)
        periods = [months] if len(parts) == 1 else [months[7:], months[:7]]
        for part, span in zip(parts, periods, strict=True):
            folder = target / f"{number}"
            folder.mkdir(exist_ok=True)
            name = f"{stem}_{span[0]:%Y%m}-{span[-1]:%Y%m}.nc"
            part.to_netcdf(folder / name, **options)


CLASSIC = {"format": "NETCDF3_CLASSIC"}
PACKED = {"format": "NETCDF4", "encoding": {"time": {"zlib": True}}}


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (_plain, CLASSIC),
        (_split, CLASSIC),
        (_shift, CLASSIC),
        (_roll, CLASSIC),
        (_reverse, CLASSIC),
        (_transpose, CLASSIC),
        (_plain, PACKED),
    ],
    ids=["order", "split", "shift", "roll", "reverse", "transpose", "netcdf4"],
)
def test_how_an_archive_was_saved_changes_nothing(archive, expected, tmp_path, change, options):
    save_again(archive, tmp_path, change, **options)
    found = open_ensemble(tmp_path, first_year=2004, last_year=2007).load()
    xr.testing.assert_allclose(found.drop_attrs(), expected.drop_attrs(), rtol=1e-12)


def test_names_of_models_change_nothing_but_the_names(archive, expected, tmp_path):
    names = {"MODEL-A": "ZED", "MODEL-B": "ALPHA-2"}
    for path in archive.glob("*.nc"):
        model = path.name.split("_")[2]
        (tmp_path / path.name.replace(model, names[model])).symlink_to(path)
    found = open_ensemble(tmp_path, first_year=2004, last_year=2007).load()
    assert found["model"].values.tolist() == ["ALPHA-2", "ZED"]
    for old, new in names.items():
        one, other = expected.sel(model=old, drop=True), found.sel(model=new, drop=True)
        xr.testing.assert_identical(one.drop_attrs(), other.drop_attrs())
