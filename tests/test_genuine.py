"""Where genuine files are looked for."""

from __future__ import annotations

import pytest

from helpers.errors import InputError
from helpers.paths import find_genuine, list_genuine


def test_a_collection_is_there_when_its_download_has_ended(tmp_path, monkeypatch):
    monkeypatch.setenv("TIBET_REAL_DATA", str(tmp_path))
    folder = tmp_path / "srdb"
    for part in (None, folder / "srdb-data.csv.part"):
        if part:
            folder.mkdir()
            part.touch()
        assert list_genuine() == []
        with pytest.raises(InputError, match="make data SOURCE=sites") as refusal:
            find_genuine("srdb")
        assert str(tmp_path) in refusal.value.found
    part.unlink()
    assert find_genuine("srdb") == folder
    assert list_genuine() == ["srdb"]
