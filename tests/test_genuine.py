"""Where genuine files are looked for."""

from __future__ import annotations

import pytest

from helpers import paths as genuine
from helpers.errors import InputError


def test_a_named_folder_is_the_only_one(tmp_path, monkeypatch):
    monkeypatch.setenv("TIBET_REAL_DATA", str(tmp_path))
    with pytest.raises(InputError, match="make data SOURCE=fieldsites") as refusal:
        genuine.find_genuine("srdb")
    assert str(tmp_path) in refusal.value.found
    assert genuine.list_genuine() == []
    (tmp_path / "srdb").mkdir()
    assert genuine.find_genuine("srdb") == tmp_path / "srdb"
    assert genuine.list_genuine() == ["srdb"]


def test_a_download_that_has_not_ended_hides_nothing(tmp_path, monkeypatch):
    monkeypatch.delenv("TIBET_REAL_DATA", raising=False)
    whole, begun = tmp_path / "shared" / "data", tmp_path / "book" / "downloads"
    monkeypatch.setattr(genuine, "DOWNLOADS", begun)
    monkeypatch.setattr(genuine, "GENUINE", whole)
    for folder in (whole, begun):
        (folder / "srdb").mkdir(parents=True)
    assert genuine.find_genuine("srdb") == begun / "srdb"
    part = begun / "srdb" / "srdb-data.csv.part"
    part.touch()
    assert genuine.find_genuine("srdb") == whole / "srdb"
