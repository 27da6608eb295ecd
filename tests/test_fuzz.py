"""Whatever is typed or saved: a reader answers with a value or an InputError, and only answers."""

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
import pytest
import xarray as xr
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.oxygen import require_units
from helpers.pathmodel import parse_model, read_model
from helpers.readers.archive_files import find_files
from helpers.readers.grids import EARTH_RADIUS, cell_area, overlap
from helpers.readers.sites import REQUIRED, read_sites
from tests.faults.parameters import CELL, write_notebook
from tools.execution import find_notebook
from tools.parameters import read_assignments
from tools.sweep import read_grid

_ACTS = {"os.exec", "os.fork", "os.forkpty", "os.mkdir", "os.posix_spawn", "os.remove", "os.rename",
         "os.rmdir", "os.spawn", "os.startfile", "os.symlink", "os.system", "os.truncate",
         "pickle.find_class", "shutil.rmtree", "socket.connect", "subprocess.Popen"}  # fmt: skip
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
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # of what is imported late
    _seen, acts = [], []
    try:
        yield
    finally:
        acts, _seen = _seen, None
        sys.dont_write_bytecode = before
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


PIECES = ["y", "x1", "TOP", "a", " ", "~", "~~", "=~", ":=", "+", "-", "*", "/", "^", "(", ")",
          "1", "0", ".5", "NA", "a*", "0*", "start(1)*", "exp", "?", ";", "#", "!", '"', "\n",
          "\r\n", "\t", "\0", "é", "\u00a0", "\ny ~ x1", "\nm ~ y", "\nb := a"]  # fmt: skip
NAMED = ["about", "runs", "notebooks", "parameters", "seed", "alpha", "8", "[", "]", "{", "}", ": ",
         ", ", "- ", "\n", "\n  ", "&a ", "*a", "!!int ", "!!python/name:os.system ", "<<", "'",
         '"', "|", "1e400", "0x1", "~", "#", "---\n", "%YAML 1.1\n", "? "]  # fmt: skip
SLOTS = [line.partition(":")[0] for line in CELL.splitlines()]
VALUES = st.text() | st.text(string.digits + "+-._eExX ")
VALUES |= (st.floats() | st.integers() | st.booleans()).map(str)
CELLS = st.text(max_size=6) | st.sampled_from(
    ["meadow", "steppe", "A", "90", "32", "4000", "", "nan", "1e400", '"', "0x1"]
)
TABLES = st.lists(st.lists(CELLS, min_size=5, max_size=6), max_size=4).map(
    lambda rows: "\n".join(map(",".join, [REQUIRED, *rows])).encode(errors="surrogatepass")
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def notebook(folder) -> Path:
    return write_notebook(folder / "99_small.ipynb")


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
@example("\u00a0# a comment behind nothing")
@example("y ~ a*x\nb := a/(a - a)")
@example("y ~ a*x\nb := " + "(" * 10_000 + "a" + ")" * 10_000)
@example("y ~ " + "9" * 10**6 + "*x")
@example("." * 10**6)
@example("y ~ " + "a*" * 10**6 + "x")
def test_any_text_is_a_path_model_or_is_refused(text):
    model = answers(lambda: parse_model(text))
    if model is not None:
        assert model.paths
        pairs = [*model.paths, *model.covariances, *((a, b) for a, _, b in model.modifiers)]
        assert set(model.variables) == {name for pair in pairs for name in pair}
        assert model.count_parameters() >= len(set(model.labels))
        values = model.define(dict.fromkeys(model.labels, 0.5))
        assert list(values) == list(model.defined)


@settings(max_examples=40)
@given(st.text())
def test_any_name_is_that_of_a_model_or_a_notebook_or_is_refused(name):
    answers(lambda: read_model(name))
    found = answers(lambda: find_notebook(name))
    assert found is None or found.is_file()


@pytest.mark.parametrize("read", [read_model, read_grid, read_sites])
@settings(max_examples=40)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(folder, read, content):
    (folder / "mine").write_bytes(content)
    answers(lambda: read(folder / "mine"))


@given(st.lists(st.text() | st.builds("{}={}".format, st.sampled_from(SLOTS), VALUES), max_size=4))
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
    part = {"notebooks": ["8", *notebooks], "parameters": parameters}
    for grid in (whole, {"about": "x", "runs": [part]}):
        (folder / "mine.yml").write_text(yaml.safe_dump(grid), encoding="utf-8")
        answers(lambda: read_grid(folder / "mine.yml"))


@given(TABLES)
def test_any_cells_are_a_table_of_sites_or_are_refused(folder, content):
    (folder / "sites.csv").write_bytes(content)
    sites = answers(lambda: read_sites(folder / "sites.csv"))
    if sites is not None:
        assert sites.index.is_unique
        assert np.isfinite(sites[["longitude", "latitude", "elevation"]]).all(axis=None)


NAME = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
PARTS = ["npp", "rh", "tas", "Lmon", "Amon", "fx", "sftlf", "CanESM2", "rcp45", "historical",
         "r1i1p1", "r0i0p0", "200601-210012", "9-1", "x"]  # fmt: skip
FILES = (NAME | st.lists(st.sampled_from(PARTS), max_size=7).map("_".join)).map("{}.nc".format)


@settings(max_examples=40)
@given(st.lists(FILES.filter(lambda name: len(name.encode()) < 250), max_size=4, unique=True))
def test_any_names_of_files_are_an_archive_or_are_refused(names):
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            Path(folder, name).touch()
        found = answers(lambda: find_files(folder))
        assert found is None or 0 < len(found) <= len(names)


# What must hold for all


@st.composite
def drawings(draw) -> list[tuple[str, str]]:
    """Draw the arrows of a recursive model."""
    name = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,4}", fullmatch=True)
    names = draw(st.lists(name, min_size=2, max_size=6, unique=True))
    pairs = [(names[k], names[j]) for k in range(len(names)) for j in range(k)]
    return draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))


@given(drawings(), st.sampled_from(["~", " ~ ", "\t~  "]), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_a_model_that_is_printed_and_parsed_is_the_same(arrows, sign, end):
    model = parse_model(end.join(f"{to}{sign}{cause}" for to, cause in arrows))
    assert list(model.paths) == arrows
    assert model.recursive
    together = [f"{to} ~ {' + '.join(model.parents(to))}" for to in model.endogenous]
    again = parse_model("\n".join(together))
    assert set(again.paths) == set(model.paths)
    before = set(model.exogenous)
    for name in model.endogenous:
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


@settings(max_examples=40)
@given(edges(-90, 90), edges(-180, 180), st.booleans())
def test_cells_of_any_grid_add_up_to_the_sphere(lat, lon, turned):
    north, east = (np.column_stack([sides[:-1], sides[1:]]) for sides in (lat, lon))
    north = north[:, ::-1] if turned else north
    area = cell_area(
        *(xr.DataArray(b, dims=(n, "bnds")) for n, b in (("lat", north), ("lon", east)))
    )
    assert (area >= 0).all()
    assert float(area.sum()) == pytest.approx(4 * np.pi * EARTH_RADIUS**2, rel=1e-12)
    assert overlap(np.array([[-100.0, 33.0]]), east).sum() == pytest.approx(133, abs=1e-9)
