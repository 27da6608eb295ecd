"""Folders that cannot be written to and full disks: said in words, before anything is begun."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections import namedtuple
from importlib import import_module

import pytest

from helpers.errors import InputError
from tests.conftest import GENUINE
from tools.disk_space import require_disk_space

Usage = namedtuple("Usage", "total used free")
GLDAS = GENUINE / "gldas_noah10_m_v21"


@pytest.fixture
def full(monkeypatch):
    """Let every disk have room for 1 MB only."""
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**9, 10**9 - 10**6, 10**6))


def test_where_nothing_can_be_written_nothing_is_begun(tmp_path):
    (tmp_path / "file").touch()
    refused = pytest.raises(InputError, match=r"file/folder\n.*\n  found:  Not a directory")
    with refused, require_disk_space(tmp_path / "file" / "folder", 1):
        pytest.fail("begun")


def test_a_nearly_full_disk_is_told_in_megabytes(tmp_path, full):
    with require_disk_space(tmp_path, 1):
        pass
    refused = pytest.raises(InputError, match="2 MB of free space\n  found:  1 MB")
    with refused, require_disk_space(tmp_path, 2):
        pytest.fail("begun")


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "ECONNRESET"])
def test_a_disk_that_fills_up_or_is_closed_is_told_and_no_other_fault(tmp_path, name):
    number = getattr(errno, name)
    refused = pytest.raises(ConnectionResetError if name == "ECONNRESET" else InputError)
    with refused, require_disk_space(tmp_path, 1):
        raise OSError(number, os.strerror(number), str(tmp_path / "page.html"))


@pytest.mark.parametrize(
    "command", [["book"], ["run", "04", "seed=7"], ["data", str(GLDAS)]], ids=" ".join
)
def test_commands_tell_it_without_a_traceback(command, full, monkeypatch, capsys, tmp_path):
    name, *words = command
    if name == "data" and not GLDAS.is_dir():
        pytest.skip(f"genuine GLDAS files are not at {GLDAS} (set TIBET_REAL_DATA)")
    monkeypatch.setattr("tools.run.RUNS", tmp_path)
    monkeypatch.setattr(sys, "argv", [name, *words])
    assert import_module(f"tools.{name}").main() != 0
    told = capsys.readouterr().err
    assert "MB of free space\n  found:  1 MB\n  mend:" in told
    assert "Traceback" not in told
