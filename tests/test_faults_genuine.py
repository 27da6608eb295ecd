"""Genuine files, damaged or written in another way: read rightly, or refused."""

from __future__ import annotations

import random
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from helpers.errors import InputError
from helpers.readers.earth_system_models import cell_areas, find_files, open_run
from helpers.readers.gldas import annual_mean, open_gldas
from tests.faults.damage import attributes, copy, flip, read_each
from tests.test_cmip5 import GLOBE, genuine

FLIPS, CUTS = 200, 60
TURNED = ("lon", "lat", "time")


def cuts(whole: bytes) -> list[bytes]:
    """Return a file cut at seeded places, and at its very ends."""
    ends = random.Random(7).sample(range(len(whole)), CUTS - 2)
    return [whole[:end] for end in (0, *ends, len(whole) - 1)]


@pytest.fixture
def respiration() -> Path:
    """Return a genuine file of rh."""
    return find_files(genuine("cmip5"))["path"].iloc[-1]


@pytest.fixture
def month(gldas_folder) -> Path:
    """Return a genuine month of GLDAS."""
    return sorted(gldas_folder.iterdir())[0]


def read_run(folder: Path) -> xr.DataArray:
    """Return a run of the whole globe, read."""
    return open_run(find_files(folder), GLOBE).load()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_changed_bytes_of_a_genuine_run_are_refused_or_read(respiration, tmp_path):
    path, whole = tmp_path / respiration.name, respiration.read_bytes()
    variants = [*flip(whole, FLIPS // 2, 1), *flip(whole, FLIPS // 2, 2, before=8192)]
    answers = read_each(path, variants, lambda: read_run(tmp_path))
    refused = [answer for answer in answers if isinstance(answer, InputError)]
    assert all(str(answer.where) for answer in refused)
    assert 0 < len(refused) < len(answers)


def test_a_genuine_run_cut_anywhere_is_refused(respiration, tmp_path):
    path = tmp_path / respiration.name
    answers = read_each(path, cuts(respiration.read_bytes()), lambda: read_run(tmp_path))
    assert len(answers) == CUTS
    assert all(isinstance(answer, InputError) and path.name in answer.where for answer in answers)


def test_changed_bytes_of_a_genuine_month_are_refused_or_read(month, tmp_path):
    path, whole = tmp_path / month.name, month.read_bytes()
    variants = [*flip(whole, FLIPS // 2, 3), *flip(whole, FLIPS // 2, 4, before=16_384)]
    answers = read_each(path, variants, lambda: open_gldas(tmp_path))
    assert all(isinstance(answer, InputError) for answer in answers)
    in_the_file = [answer for answer in answers if path.name in answer.where]
    assert 0 < len(in_the_file) < len(answers)  # else for the eleven months that lack


def test_a_genuine_month_cut_anywhere_is_refused(month, tmp_path):
    path = tmp_path / month.name
    answers = read_each(path, cuts(month.read_bytes()), lambda: open_gldas(tmp_path))
    assert len(answers) == CUTS
    assert all(isinstance(answer, InputError) and path.name in answer.where for answer in answers)


@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF4"])
@pytest.mark.parametrize("options", [{"order": TURNED, "unlimited": False}, {"unlimited": True}])
def test_a_genuine_run_written_in_another_way_is_the_same(respiration, tmp_path, form, options):
    copy(respiration, tmp_path / respiration.name, form, **options)
    right = open_run(find_files(genuine("cmip5")).iloc[-1:], GLOBE)
    xr.testing.assert_identical(right.compute(), read_run(tmp_path))


def test_a_genuine_run_with_its_steps_shuffled_is_refused(respiration, tmp_path):
    with netCDF4.Dataset(respiration) as file:
        steps = np.random.default_rng(5).permutation(len(file["time"]))
    copy(respiration, tmp_path / respiration.name, steps=steps)
    with pytest.raises(InputError, match="rh HadGEM2-ES historical"):
        read_run(tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_without_an_attribute_a_genuine_run_is_the_same_or_refused(respiration, tmp_path):
    right = open_run(find_files(genuine("cmip5")).iloc[-1:], GLOBE).load()
    refused, other = set(), set()
    for attribute in attributes(respiration):
        path = tmp_path / respiration.name
        path.unlink(missing_ok=True)
        copy(respiration, path, without=attribute)
        try:
            found = read_run(tmp_path)
        except InputError:
            refused.add(attribute)
            continue
        if not found.drop_attrs().identical(right.drop_attrs()):
            other.add(attribute)
    # without its name the calendar is the standard one, in which months of 30 days drift
    assert refused == {("rh", "units"), ("time", "units"), ("time", "calendar")}
    # without bounds a month is its stamp, and cells meet halfway
    assert other <= {("time", "bounds"), ("lat", "bounds"), ("lon", "bounds")}


def test_a_genuine_year_written_in_another_way_has_the_same_climate(gldas_folder, tmp_path):
    names = [path for path in sorted(gldas_folder.iterdir()) if "A2013" in path.name]
    for place in ("plain", "other"):
        (tmp_path / place).mkdir()
    for path in names:
        (tmp_path / "plain" / path.name).symlink_to(path)
        copy(path, tmp_path / "other" / path.name, "NETCDF3_CLASSIC", order=TURNED, unlimited=False)
    plain, other = (annual_mean(open_gldas(tmp_path / place)) for place in ("plain", "other"))
    xr.testing.assert_equal(plain.drop_attrs(), other.drop_attrs())


def test_damaged_genuine_areas_are_refused_or_read(tmp_path):
    files = find_files(genuine("cmip5_fullgrid"))
    areas = files["path"].iloc[0]
    with xr.open_dataset(areas) as opened:
        flux = opened["areacella"].load()[90:110, 40:60].rename("npp")
    path, whole = tmp_path / areas.name, areas.read_bytes()
    variants = [*flip(whole, FLIPS // 2, 6, before=4096), *cuts(whole)]
    answers = read_each(
        path, variants, lambda: cell_areas(find_files(tmp_path), "HadGEM2-ES", flux)
    )
    refused = [isinstance(answer, InputError) for answer in answers]
    assert all(refused[-CUTS:])
    assert not all(refused)
