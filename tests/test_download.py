"""Downloads: what is asked for, what comes through a bad line, and what is left behind."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
import requests
import yaml

from helpers.commands import data, download, transfer
from helpers.commands.data import SHARED
from helpers.commands.transfer import Wanted
from helpers.errors import InputError
from tests.conftest import ROOT
from tests.faulty_server import serve

LISTED = yaml.safe_load(download.LISTED.read_text(encoding="utf-8"))
CONTENT = random.Random(1).randbytes(300_000)
OTHER = random.Random(2).randbytes(300_000)


def sha(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def site():
    with serve(**{"a.nc": CONTENT, "b.nc": OTHER}) as started:
        yield started


@pytest.fixture
def other_site():
    with serve(**{"a.nc": CONTENT}) as started:
        yield started


@pytest.fixture
def pauses(monkeypatch):
    """Return the list of pauses that were made, and make none."""
    made = []
    monkeypatch.setattr(transfer, "time", SimpleNamespace(sleep=made.append))
    return made


def wanted(*sites, name="a.nc", content=CONTENT, **others) -> Wanted:
    addresses = tuple(f"{site.address}/{name}" for site in sites)
    return Wanted(name, addresses, (sha(content),), **others)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def ranges(site, path="/a.nc") -> list[str | None]:
    return [headers.get("range") for headers in site.asked(path)]


def test_a_file_comes_whole_and_nothing_else_is_left(site, tmp_path):
    transfer.fetch([wanted(site)], tmp_path / "new")
    assert tree(tmp_path) == {"new/a.nc": CONTENT}
    (asked,) = site.asked("/a.nc")
    assert "range" not in asked
    assert asked["accept-encoding"] == "identity"


def test_a_file_that_is_there_and_right_is_not_asked_for_again(site, tmp_path, capsys):
    transfer.fetch([wanted(site)], tmp_path)
    site.requests.clear()
    transfer.fetch([wanted(site)], tmp_path)
    assert site.requests == []
    assert transfer.missing([wanted(site)], tmp_path) == []


def test_a_damaged_file_is_noticed_and_replaced(site, tmp_path, capsys):
    (tmp_path / "a.nc").write_bytes(b"x" + CONTENT[1:])
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert "in place of a damaged file" in capsys.readouterr().err


def test_a_damaged_file_stays_until_the_right_one_is_there(site, tmp_path):
    (tmp_path / "a.nc").write_bytes(b"old")
    site.usual = {"status": 404}
    with pytest.raises(InputError, match="1 of them could not be had"):
        transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": b"old"}


@pytest.mark.parametrize("cut", [8192, 65_537, 299_999])
def test_a_cut_connection_goes_on_where_it_stopped(site, tmp_path, pauses, cut):
    site.faults["/a.nc"] = [{"cut": cut}]
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    first, second = site.asked("/a.nc")
    assert "range" not in first
    assert second["range"] == f"bytes={cut // 8192 * 8192}-"
    assert second["if-range"] == f'"{hashlib.md5(CONTENT).hexdigest()}"'
    assert pauses == [1]


def test_many_cuts_are_survived_as_long_as_something_arrives(site, tmp_path, pauses):
    site.faults["/a.nc"] = [{"cut": 20_480}] * 14
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert pauses == [1] * 14


def test_a_server_that_sends_nothing_is_given_up_after_longer_and_longer_pauses(
    site, tmp_path, pauses
):
    site.usual = {"cut": 0}
    with pytest.raises(InputError, match="could not be had") as refusal:
        transfer.fetch([wanted(site)], tmp_path)
    assert pauses == [1, 2, 4, 8]
    assert "run the same command again" in str(refusal.value)
    assert set(tree(tmp_path)) <= {"a.nc.part", "a.nc.source.part"}


def test_the_next_run_takes_up_what_the_last_one_left(site, tmp_path, pauses):
    site.faults["/a.nc"] = [{"cut": 106_496}, *[{"cut": 0}] * 5]
    with pytest.raises(InputError):
        transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path)["a.nc.part"] == CONTENT[:106_496]
    site.requests.clear()
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert ranges(site) == ["bytes=106496-"]


def test_a_server_that_ignores_the_range_is_begun_anew(site, tmp_path, pauses):
    site.faults["/a.nc"] = [{"cut": 106_496}, {"ignore_range": True}]
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert ranges(site) == [None, "bytes=106496-"]


@pytest.mark.parametrize("off", [-1, 1])
def test_a_range_that_begins_elsewhere_is_not_taken(site, tmp_path, pauses, off):
    site.faults["/a.nc"] = [{"cut": 106_496}, {"wrong_range": off}]
    transfer.fetch([Wanted("a.nc", wanted(site).addresses, check=lambda path: None)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert ranges(site) == [None, "bytes=106496-", None]


@pytest.mark.parametrize("known", [True, False], ids=["checksum", "no checksum"])
def test_two_versions_of_a_file_are_never_mixed(site, tmp_path, pauses, known):
    site.faults["/a.nc"] = [{"cut": 106_496}]
    one = wanted(site, content=OTHER)
    if not known:
        one = one._replace(checksums=(), check=lambda path: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            transfer, "time", SimpleNamespace(sleep=lambda _: site.files.update({"/a.nc": OTHER}))
        )
        transfer.fetch([one], tmp_path)
    assert tree(tmp_path) == {"a.nc": OTHER}
    assert len(site.asked("/a.nc")) == 2


def test_a_server_that_ignores_if_range_is_caught_by_its_own_tag(site, tmp_path, pauses):
    lies = {
        "status": 206,
        "headers": {"Content-Range": "bytes 106496-299999/300000", "ETag": '"2"'},
    }
    site.faults["/a.nc"] = [{"cut": 106_496}, lies]
    one = Wanted("a.nc", wanted(site).addresses, check=lambda path: None)
    transfer.fetch([one], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert ranges(site) == [None, "bytes=106496-", None]


def test_a_weak_tag_is_not_used_but_the_date_of_change_is(site, tmp_path, pauses):
    fault = {"etag": 'W/"1"', "modified": formatdate(usegmt=True)}
    site.faults["/a.nc"] = [fault | {"cut": 106_496}, fault]
    transfer.fetch([wanted(site)], tmp_path)
    assert site.asked("/a.nc")[1]["if-range"] == fault["modified"]
    assert ranges(site)[1] == "bytes=106496-"
    assert tree(tmp_path) == {"a.nc": CONTENT}


def test_without_a_version_only_a_checksum_allows_to_go_on(site, tmp_path, pauses):
    site.usual = {"etag": None}
    site.faults["/a.nc"] = [{"etag": None, "cut": 106_496}]
    transfer.fetch([wanted(site)], tmp_path)
    assert ranges(site) == [None, "bytes=106496-"]
    assert "if-range" not in site.asked("/a.nc")[1]
    (tmp_path / "a.nc").unlink()
    site.requests.clear()
    site.faults["/a.nc"] = [{"etag": None, "cut": 106_496}]
    transfer.fetch([Wanted("a.nc", wanted(site).addresses, check=lambda path: None)], tmp_path)
    assert ranges(site) == [None, None]
    assert tree(tmp_path) == {"a.nc": CONTENT}


@pytest.mark.parametrize("origin", ["", "nonsense", "[1", '["x"]', "null"])
def test_a_strange_part_does_no_harm(site, tmp_path, origin):
    (tmp_path / "a.nc.part").write_bytes(OTHER[:1000])
    (tmp_path / "a.nc.source.part").write_text(origin)
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert ranges(site) == ["bytes=1000-", None]


def test_a_part_that_is_whole_is_verified_without_the_server(site, tmp_path):
    (tmp_path / "a.nc.part").write_bytes(CONTENT)
    transfer.fetch([wanted(site, size=len(CONTENT))], tmp_path)
    assert site.requests == []
    assert tree(tmp_path) == {"a.nc": CONTENT}


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_part_that_is_too_long_is_thrown_away(site, tmp_path, pauses, size):
    (tmp_path / "a.nc.part").write_bytes(OTHER + b"more")
    transfer.fetch([wanted(site, size=size)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}


def test_what_a_stop_after_the_last_byte_left_is_cleared_away(site, tmp_path):
    (tmp_path / "a.nc").write_bytes(CONTENT)
    (tmp_path / "a.nc.source.part").write_text("[]")
    (tmp_path / "lock.part").touch()
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}


def test_wrong_bytes_never_get_the_final_name(site, tmp_path):
    with pytest.raises(InputError) as refusal:
        transfer.fetch([wanted(site, content=OTHER)], tmp_path)
    assert "not the published file" in str(refusal.value)
    assert hashlib.sha256(CONTENT).hexdigest() in str(refusal.value)
    assert tree(tmp_path) == {}
    assert len(site.asked("/a.nc")) == 1


def test_any_of_several_checksums_of_any_kind_proves_a_file(site, tmp_path):
    sums = (sha(OTHER), f"md5:{hashlib.md5(CONTENT).hexdigest().upper()}")
    transfer.fetch([wanted(site)._replace(checksums=sums)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 404},
        {"status": 403},
        {"status": 500},
        {"body": OTHER},
        {"type": "text/html; charset=utf-8"},
        {"status": 302, "headers": {"Location": "http://example.org/a.nc"}},
        {"status": 302, "headers": {"Location": "/a.nc"}},
    ],
    ids=lambda fault: str(next(iter(fault.values())))[:12],
)
def test_a_second_address_serves_where_the_first_one_fails(
    site, other_site, tmp_path, pauses, fault
):
    site.usual = fault
    transfer.fetch([wanted(site, other_site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert ranges(other_site) == [None]


def test_what_the_first_address_sent_is_completed_by_the_second(site, other_site, tmp_path, pauses):
    site.faults["/a.nc"] = [{"cut": 106_496}]
    site.usual = {"cut": 0}
    transfer.fetch([wanted(site, other_site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert ranges(other_site) == ["bytes=106496-"]
    assert "if-range" not in other_site.asked("/a.nc")[0]


def test_a_host_that_does_not_answer_is_asked_for_one_file_only(other_site, tmp_path, pauses):
    with serve() as gone:
        pass
    other_site.files["/b.nc"] = OTHER
    files = [wanted(gone, other_site), wanted(gone, other_site, name="b.nc", content=OTHER)]
    transfer.fetch(files, tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT, "b.nc": OTHER}
    assert pauses == [1, 2, 4, 8]


def test_one_missing_file_does_not_keep_the_others_away(site, tmp_path):
    files = [wanted(site, name=f"none{i}.nc") for i in range(6)]
    with pytest.raises(InputError) as refusal:
        transfer.fetch([*files, wanted(site, name="b.nc", content=OTHER)], tmp_path)
    assert tree(tmp_path) == {"b.nc": OTHER}
    text = str(refusal.value)
    assert "6 of them could not be had" in text
    assert "none0.nc: 404 Not Found" in text
    assert "and 2 more" in text


@pytest.mark.parametrize("make_session", [requests.Session, transfer.open_session])
@pytest.mark.parametrize("target", ["/moved", "other"])
def test_a_redirect_is_followed_and_no_login_goes_to_another_host(
    site, other_site, tmp_path, target, make_session
):
    there = site if target == "/moved" else other_site
    there.files["/moved"] = CONTENT
    address = (
        "/moved" if there is site else f"{there.address.replace('127.0.0.1', 'localhost')}/moved"
    )
    site.faults["/a.nc"] = [{"status": 302, "headers": {"Location": address}}]
    session = make_session()
    session.headers["Authorization"] = "Bearer secret"
    session.cookies.set("token", "secret", domain="127.0.0.1")
    transfer.fetch([wanted(site)], tmp_path, session)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert site.asked("/a.nc")[0]["authorization"] == "Bearer secret"
    if there is other_site:
        assert "secret" not in json.dumps(other_site.requests)


def test_a_login_of_netrc_is_shown_to_nobody_who_needs_none(
    site, other_site, tmp_path, monkeypatch
):
    (tmp_path / "netrc").write_text("default login me password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    other = other_site.address.replace("127.0.0.1", "localhost")
    site.faults["/a.nc"] = [{"status": 302, "headers": {"Location": f"{other}/a.nc"}}]
    transfer.fetch([wanted(site)], tmp_path / "new")
    assert tree(tmp_path / "new") == {"a.nc": CONTENT}
    sent = [headers for _, _, headers in site.requests + other_site.requests]
    assert len(sent) == 3
    assert not any("authorization" in headers for headers in sent)


@pytest.mark.parametrize(
    ("here", "target", "followed"),
    [
        ("https://a.org/x", "https://b.org/y", True),
        ("https://a.org/x", "y", True),
        ("https://a.org/x", "http://a.org/x", False),
        ("https://a.org/x", "http://127.0.0.1/x", False),
        ("https://a.org/x", "//b.org/y", True),
        ("http://a.org/x", "http://a.org/y", False),
        ("http://a.org/x", "https://a.org/y", True),
        ("http://127.0.0.1/x", "http://localhost/y", True),
        ("http://127.0.0.1/x", "http://127.0.0.1.a.org/y", False),
        ("https://a.org/x", "ftp://a.org/x", False),
    ],
)
def test_redirects_lead_to_https_or_stay_on_this_machine(here, target, followed):
    response = requests.Response()
    response.status_code, response.url = 302, here
    response.headers["Location"] = target
    if followed:
        transfer._watch_redirect(response)
    else:
        with pytest.raises(InputError, match="a way by https"):
            transfer._watch_redirect(response)


def test_an_open_connection_needs_a_checksum(tmp_path):
    one = Wanted("a.nc", ("http://example.org/a.nc",), check=lambda path: None)
    with pytest.raises(InputError, match="an open connection, and no checksum"):
        transfer.fetch([one], tmp_path)


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ({"status": 401}, "401"),
        ({"status": 403}, "403"),
        ({"type": "text/html", "body": b"<html>log in</html>"}, "a web page"),
    ],
)
def test_a_refused_login_stops_at_once_and_says_what_to_do(site, tmp_path, fault, found):
    site.usual = fault
    files = [wanted(site), wanted(site, name="b.nc", content=OTHER)]
    with pytest.raises(InputError) as refusal:
        transfer.fetch(files, tmp_path, denied="approve the application")
    assert found in refusal.value.found
    assert refusal.value.mend == "approve the application"
    assert "a.nc from 127.0.0.1" in refusal.value.where
    assert len(site.requests) == 1 + 2  # two questions for sizes
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize(
    ("header", "pause"),
    [("7", 7), ("100000", 120), ("soon", 1), (None, 1), ("0", 1)],
)
def test_a_busy_server_is_asked_again_when_it_says(site, tmp_path, pauses, status, header, pause):
    site.faults["/a.nc"] = [{"status": status, "headers": {"Retry-After": header}}]
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert pauses == [pause]


def test_a_busy_server_may_name_a_time(site, tmp_path, pauses):
    header = formatdate(time.time() + 60, usegmt=True)
    site.faults["/a.nc"] = [{"status": 503, "headers": {"Retry-After": header}}]
    transfer.fetch([wanted(site)], tmp_path)
    assert 50 < pauses[0] <= 60


def test_a_slow_server_is_waited_for(site, tmp_path):
    site.faults["/a.nc"] = [{"piece": 100_000, "pause": 0.1}]
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}


def test_a_silent_server_is_not_waited_for_without_end(site, tmp_path, monkeypatch, pauses):
    monkeypatch.setattr(transfer, "_TIMEOUT", (1, 0.1))
    site.faults["/a.nc"] = [{"piece": 106_496, "pause": 0.6}]
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert ranges(site)[1] == "bytes=106496-"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said_and_not_retried(site, tmp_path, pauses):
    (tmp_path / "a.nc.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match="free some space, then run the same command again"):
        transfer.fetch([wanted(site), wanted(site, name="b.nc", content=OTHER)], tmp_path)
    assert pauses == []
    assert len(site.asked("/b.nc")) == 0


def test_more_than_the_disk_has_room_for_is_not_begun(site, tmp_path, monkeypatch):
    space = 2 * len(CONTENT) - 50_001
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda _: SimpleNamespace(free=space))
    (tmp_path / "a.nc.part").write_bytes(CONTENT[:50_000])
    files = [wanted(site, size=len(CONTENT)), wanted(site, name="b.nc", content=OTHER)]
    with pytest.raises(InputError, match="550kB of free space") as refusal:
        transfer.fetch(files, tmp_path)
    assert refusal.value.found == "550kB"
    assert [method for method, _, _ in site.requests] == ["HEAD"]
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda _: SimpleNamespace(free=space + 1))
    transfer.fetch(files, tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT, "b.nc": OTHER}


def test_a_body_that_is_packed_on_the_way_is_unpacked(site, tmp_path):
    site.faults["/a.nc"] = [{"body": gzip.compress(CONTENT), "encoding": "gzip"}]
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}


def test_a_second_run_into_the_folder_is_refused_while_the_first_is_under_way(site, tmp_path):
    site.faults["/a.nc"] = [{"piece": 30_000, "pause": 0.05}]
    first = threading.Thread(target=transfer.fetch, args=([wanted(site)], tmp_path))
    first.start()
    while not site.asked("/a.nc"):
        time.sleep(0.01)
    with pytest.raises(InputError, match="another one under way"):
        transfer.fetch([wanted(site)], tmp_path)
    first.join()
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert len(site.asked("/a.nc")) == 1


def test_an_interrupt_leaves_parts_only_and_the_next_run_takes_them_up(site, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer.os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        transfer.fetch([wanted(site)], tmp_path)
    assert set(tree(tmp_path)) == {"a.nc.part", "a.nc.source.part"}
    monkeypatch.undo()
    transfer.fetch([wanted(site, size=len(CONTENT))], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}


def test_a_folder_that_cannot_be_written_is_refused(site, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="a folder to write in"):
        transfer.fetch([wanted(site)], tmp_path / "file")


def test_a_run_that_got_nothing_leaves_no_folder(site, tmp_path):
    site.usual = {"status": 404}
    with pytest.raises(InputError):
        transfer.fetch([wanted(site)], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_other_files_in_the_folder_are_left_alone(site, tmp_path):
    (tmp_path / "mine.part").write_text("mine")
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT, "mine.part": b"mine"}


def test_there_is_one_line_per_file_and_a_bar_on_a_terminal_only(site, tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    files = [wanted(site), wanted(site, name="b.nc", content=OTHER)]
    for stream, bar in ((io.StringIO(), False), (Terminal(), True)):
        monkeypatch.setattr(sys, "stderr", stream)
        transfer.fetch(files, tmp_path / str(bar))
        text = stream.getvalue()
        assert text.startswith(f"2 of 2 files to fetch, 600kB: {tmp_path}")
        assert ("file 2 of 2" in text) == ("%|" in text) == bar
        assert ("a.nc: 300kB, verified" in text) == (not bar)
        assert bar or text.count("\n") == 3
