"""Genuine files, damaged or written in another way: read rightly, or refused."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import xarray as xr

from helpers.errors import InputError
from helpers.readers.archive_files import find_files
from helpers.readers.earth_system_models import open_run
from helpers.readers.gldas import annual_mean, open_gldas
from tests.archives import GLOBE, genuine
from tests.faults.damage import copy, flip, read_each, read_without_each_attribute

FLIPS, CUTS = 200, 60
TURNED = ("lon", "lat", "time")


def read_run(folder: Path) -> xr.DataArray:
    """Return a run of the whole globe, read."""
    return open_run(find_files(folder), GLOBE).load()


@pytest.fixture
def respiration() -> Path:
    """Return a genuine file of rh."""
    return find_files(genuine("cmip5"))["path"].iloc[-1]


@pytest.fixture(params=["rh of HadGEM2-ES", "a month of GLDAS"])
def file_and_reader(request):
    """Return a genuine file, and what reads the folder with a copy of it."""
    if request.param == "rh of HadGEM2-ES":
        return request.getfixturevalue("respiration"), read_run
    return min(request.getfixturevalue("gldas_folder").iterdir()), open_gldas


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_damaged_genuine_file_is_refused_or_read(file_and_reader, tmp_path):
    (source, read), path = file_and_reader, tmp_path / file_and_reader[0].name
    whole = source.read_bytes()
    flips = [*flip(whole, FLIPS // 2, 1), *flip(whole, FLIPS // 2, 2, before=8192)]
    answers = read_each(path, flips, lambda: read(tmp_path))
    # a whole month of GLDAS is refused as well, for the eleven that lack
    refused = [isinstance(each, InputError) and path.name in each.where for each in answers]
    assert 0 < sum(refused) < FLIPS
    ends = random.Random(7).sample(range(len(whole)), CUTS - 2)
    cuts = [whole[:end] for end in (0, *ends, len(whole) - 1)]
    answers = read_each(path, cuts, lambda: read(tmp_path))
    assert all(isinstance(each, InputError) and path.name in each.where for each in answers)


@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF4"])
@pytest.mark.parametrize("options", [{"order": TURNED, "unlimited": False}, {"unlimited": True}])
def test_a_genuine_run_written_in_another_way_is_the_same(respiration, tmp_path, form, options):
    copy(respiration, tmp_path / respiration.name, form, **options)
    right = open_run(find_files(genuine("cmip5")).iloc[-1:], GLOBE)
    xr.testing.assert_identical(right.compute(), read_run(tmp_path))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_without_an_attribute_a_genuine_run_is_the_same_or_refused(respiration, tmp_path):
    right = open_run(find_files(genuine("cmip5")).iloc[-1:], GLOBE).load()
    answers = read_without_each_attribute(
        respiration.read_bytes(), tmp_path / respiration.name, lambda: read_run(tmp_path)
    )
    refused = {pair for pair, found in answers.items() if isinstance(found, InputError)}
    other = {
        pair
        for pair in answers.keys() - refused
        if not answers[pair].drop_attrs().identical(right.drop_attrs())
    }
    # without its name the calendar is the standard one, in which months of 30 days drift
    assert refused == {("rh", "units"), ("time", "units"), ("time", "calendar")}
    # without bounds a month is its stamp, and cells meet halfway
    assert other <= {("time", "bounds"), ("lat", "bounds"), ("lon", "bounds")}


def test_a_genuine_year_written_in_another_way_has_the_same_climate(gldas_folder, tmp_path):
    for place in ("plain", "other"):
        (tmp_path / place).mkdir()
    for path in gldas_folder.glob("*A2013*"):
        (tmp_path / "plain" / path.name).symlink_to(path)
        copy(path, tmp_path / "other" / path.name, "NETCDF3_CLASSIC", order=TURNED, unlimited=False)
    plain, other = (annual_mean(open_gldas(tmp_path / place)) for place in ("plain", "other"))
    xr.testing.assert_equal(plain.drop_attrs(), other.drop_attrs())
