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
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
import requests
import yaml

from helpers.errors import InputError
from tests.conftest import GENUINE, ROOT
from tests.faulty_server import serve
from tools import data, download, transfer
from tools.transfer import Wanted

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


def test_a_rest_may_come_without_a_tag(site, tmp_path, pauses):
    rest = {
        "status": 206,
        "headers": {"Content-Range": "bytes 106496-299999/300000"},
        "body": CONTENT[106_496:],
    }
    site.faults["/a.nc"] = [{"cut": 106_496}, rest]
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    assert len(site.asked("/a.nc")) == 2


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
    response.status_code, response.url, response.raw = 302, here, io.BytesIO()
    response.headers["Location"] = target
    if followed:
        transfer._watch_redirect(response)
    else:
        with pytest.raises(InputError, match="a way by https"):
            transfer._watch_redirect(response)


def test_a_host_whose_certificate_cannot_be_checked_is_not_asked_again(site, tmp_path, pauses):
    address = site.address.replace("http:", "https:")
    with pytest.raises(InputError, match="SSL"):
        transfer.fetch([wanted(site)._replace(addresses=(f"{address}/a.nc",))], tmp_path)
    assert pauses == []


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


def test_a_body_that_is_packed_on_the_way_is_unpacked(site, tmp_path, pauses):
    site.usual = {"body": gzip.compress(CONTENT), "encoding": "gzip"}
    site.faults["/a.nc"] = [site.usual | {"cut": 100_000}]
    transfer.fetch([wanted(site)], tmp_path)
    assert tree(tmp_path) == {"a.nc": CONTENT}
    first, second, third = ranges(site)
    assert (first, third) == (None, None)
    assert second.startswith("bytes=")


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


def test_a_lock_that_was_taken_away_in_between_is_taken_anew(site, tmp_path, monkeypatch):
    lock, taken = transfer.fcntl.flock, []

    def take(file, how):
        if not taken:  # the other run ends here
            (tmp_path / "lock.part").unlink()
        taken.append(file.fileno())
        lock(file, how)

    monkeypatch.setattr(transfer.fcntl, "flock", take)
    transfer.fetch([wanted(site)], tmp_path)
    assert len(taken) == 2
    assert tree(tmp_path) == {"a.nc": CONTENT}


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


def copy_project(folder: Path, address: str, files: dict[str, bytes]) -> Path:
    """Copy helpers and data; the copy's field sites come from `address`."""
    for name in ("helpers", "data"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    listed = {name: {"sha256": sha(content)[7:]} for name, content in files.items()}
    collection = {"folder": "srdb", "addresses": [f"{address}/"], "files": listed}
    path = folder / "data" / "downloads.yml"
    path.write_text(yaml.safe_dump(LISTED | {"fieldsites": [collection]}))
    return folder


PARTS = {f"{i}.nc": random.Random(i).randbytes(50_000 + i) for i in range(5)}
SLOW = {"piece": 5_000, "pause": 0.01}
RUNS = """
import os, sys
from tools import data, transfer
for word in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.argv = ["data", word.strip()]
        code = data.main()
        sys.stdout.flush()
        os._exit(code)
    print("started", child, flush=True)
    print("ended", os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture(scope="module")
def slow_copy(tmp_path_factory):
    """Return a server, a copy of the project that fetches from it, and a way to start its command.

    The process that waits for starts has loaded the modules already: a start is a fork of it.
    """
    with serve(**PARTS) as site:
        folder = copy_project(tmp_path_factory.mktemp("project"), site.address, PARTS)
        starter = subprocess.Popen(
            [sys.executable, "-c", RUNS],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

        def lines():
            return iter(starter.stdout.readline, "")

        def start() -> int:
            starter.stdin.write("fieldsites\n")
            starter.stdin.flush()
            return next(int(line.split()[1]) for line in lines() if line.startswith("started"))

        def end() -> int:
            return next(int(line.split()[1]) for line in lines() if line.startswith("ended"))

        yield site, folder, start, end
        starter.stdin.close()
        starter.wait()
        starter.stdout.close()


@pytest.mark.parametrize("seed", range(int(os.environ.get("KILLS", 20))))
def test_after_a_kill_at_any_moment_the_next_run_ends_with_verified_files_and_no_debris(
    slow_copy, seed
):
    site, folder, start, end = slow_copy
    shutil.rmtree(folder / "downloads", ignore_errors=True)
    whole = {f"srdb/{name}": content for name, content in PARTS.items()}
    site.requests.clear()
    site.usual = SLOW
    child = start()
    while not any(method == "GET" for method, _, _ in site.requests):
        time.sleep(0.005)
    time.sleep(random.Random(seed).uniform(0, 0.5))
    with suppress(ProcessLookupError):  # it has ended already
        os.kill(child, signal.SIGKILL)
    assert end() in (0, signal.SIGKILL)
    left = tree(folder / "downloads")
    for name, content in left.items():
        assert name.endswith(".part") or whole[name] == content
    asked = len(site.requests)
    site.usual = {}
    start()
    assert end() == 0
    assert tree(folder / "downloads") == whole
    again = [headers.get("range") for _, _, headers in site.requests[asked:]]
    parts = {name: size for name, size in left.items() if name.endswith(".nc.part") and size}
    for name, content in parts.items():
        assert f"bytes={len(content)}-" in again or content == whole[name.removesuffix(".part")]


def test_the_command_itself_survives_a_kill_and_a_full_disk(tmp_path):
    with serve(**PARTS) as site:
        folder = copy_project(tmp_path, site.address, PARTS)
        command = [sys.executable, "-m", "tools.data", "fieldsites"]
        how = {
            "cwd": folder,
            "env": os.environ | {"PYTHONPATH": str(folder)},
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
        }
        site.usual = {"piece": 5_000, "pause": 0.1}
        with subprocess.Popen(command, **how) as run:
            while not site.asked("/1.nc"):
                time.sleep(0.01)
            run.kill()
        site.usual = {}

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

        full = subprocess.run(command, preexec_fn=limit, **how)
        assert full.returncode == 1
        assert "needed: free space on its disk" in full.stderr
        assert "Traceback" not in full.stderr
        done = subprocess.run(command, **how)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("5 files, verified: srdb in ")
        assert tree(folder / "downloads") == {f"srdb/{name}": PARTS[name] for name in PARTS}


def test_two_runs_at_once_end_with_whole_files(tmp_path):
    with serve(**PARTS) as site:
        folder = copy_project(tmp_path, site.address, PARTS)
        site.usual = SLOW
        command = [sys.executable, "-m", "tools.data", "fieldsites"]
        environment = os.environ | {"PYTHONPATH": str(folder)}
        runs = [
            subprocess.Popen(
                command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        errors = [run.communicate()[1] for run in runs]
        codes = [run.returncode for run in runs]
        assert 0 in codes
        assert all(
            code == 0 or "another one under way" in error
            for code, error in zip(codes, errors, strict=True)
        )
        assert tree(folder / "downloads") == {f"srdb/{name}": PARTS[name] for name in PARTS}


@pytest.fixture
def wire(monkeypatch, tmp_path):
    """Return what clients send, and the list of answers that they get instead of the network.

    The last answer is given again and again.
    """
    from urllib3 import HTTPResponse

    wire = SimpleNamespace(sent=[], answers=[])

    def send(adapter, request, **_):
        wire.sent.append(request)
        status, headers, body = wire.answers.pop(0) if wire.answers[1:] else wire.answers[0]
        content = json.dumps(body).encode()
        raw = HTTPResponse(
            io.BytesIO(content),
            status=status,
            reason="",
            headers={"Content-Type": "application/json", **headers},
            preload_content=False,
        )
        return adapter.build_response(request, raw)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "NETRC", "EARTHDATA_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("EARTHDATA_USERNAME", "EARTHDATA_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return wire


GES_DISC = "data.gesdisc.earthdata.nasa.gov"


def granule(name: str, host=f"https://{GES_DISC}", checksum=None) -> dict:
    stored = {"Name": "Not provided", "Size": 2.0, "SizeUnit": "MB"}
    if checksum:
        stored["Checksum"] = dict(zip(("Algorithm", "Value"), checksum, strict=True))
    links = [
        {"URL": f"s3://bucket/{name}", "Type": "GET DATA VIA DIRECT ACCESS"},
        {"URL": f"{host}/data/GLDAS_NOAH10_M.2.1/2013/{name}", "Type": "GET DATA"},
        {"URL": f"{host}/opendap/{name}.html", "Type": "USE SERVICE API"},
        {"URL": f"{host}/opendap/{name}", "Type": "USE SERVICE API"},
    ]
    about = {"ArchiveAndDistributionInformation": [stored]}
    umm = {"RelatedUrls": links, "DataGranule": about, "GranuleUR": name}
    return {"meta": {"concept-id": name, "provider-id": "GES_DISC"}, "umm": umm}


def test_nasa_is_asked_for_the_months_of_the_study_and_nothing_else(wire):
    names = list(LISTED["gldas"]["files"])
    items = [granule(name) for name in [*names, "GLDAS_NOAH10_M.A201501.021.nc4"]]
    hits = {"CMR-Hits": str(len(items))}
    wire.answers = [(200, hits, {"items": []}), (200, hits, {"items": items})]
    found = download._find_granules(LISTED["gldas"])
    asked = urlsplit(wire.sent[-1].url)
    assert (asked.scheme, asked.hostname) == ("https", "cmr.earthdata.nasa.gov")
    query = parse_qs(asked.query)
    assert query["short_name"] == ["GLDAS_NOAH10_M"]
    assert query["version"] == ["2.1"]
    assert query["temporal[]"] == ["2013-01-01T00:00:00Z,2014-12-31T23:59:59Z"]
    assert list(found) == names
    assert found[names[0]] == (items[0]["umm"]["RelatedUrls"][1]["URL"], [])


@pytest.mark.parametrize(
    ("algorithm", "known"), [("MD5", "md5"), ("SHA-256", "sha256"), ("CRC-32", None)]
)
def test_checksums_of_the_catalogue_are_taken_where_they_can_be_computed(wire, algorithm, known):
    listed = LISTED["gldas"] | {"files": {"a.nc4": {}}}
    items = [granule("a.nc4", checksum=(algorithm, "12ab"))]
    wire.answers = [(200, {"CMR-Hits": "1"}, {"items": items})] * 2
    expected = [f"{known}:12ab"] if known else []
    assert download._find_granules(listed)["a.nc4"][1] == expected


@pytest.mark.parametrize(
    "host",
    [
        "https://example.org",
        "https://earthdata.nasa.gov.example.org",
        "https://notearthdata.nasa.gov",
        f"http://{GES_DISC}",
    ],
)
def test_a_login_is_shown_to_nasa_only(wire, host):
    listed = LISTED["gldas"] | {"files": {"a.nc4": {}}}
    wire.answers = [(200, {"CMR-Hits": "1"}, {"items": [granule("a.nc4", host)]})] * 2
    with pytest.raises(InputError, match=r"without a\.nc4"):
        download._find_granules(listed)


def test_a_catalogue_that_does_not_answer_is_said(wire):
    wire.answers = [(500, {}, {"errors": ["down"]})]
    with pytest.raises(InputError, match="an answer") as refusal:
        download._find_granules(LISTED["gldas"])
    assert refusal.value.where == "cmr.earthdata.nasa.gov"


TOKEN = {"access_token": "secret-token", "expiration_date": "01/01/2099"}


@pytest.fixture
def fresh_login(monkeypatch):
    import earthaccess

    monkeypatch.setattr(earthaccess, "_auth", earthaccess.Auth())
    monkeypatch.setattr(earthaccess, "_store", None)


def test_the_login_is_that_of_the_environment_and_is_never_shown(
    wire, fresh_login, monkeypatch, capfd, caplog, tmp_path
):
    caplog.set_level(0)
    monkeypatch.setenv("EARTHDATA_USERNAME", "me")
    monkeypatch.setenv("EARTHDATA_PASSWORD", "secret-word")
    wire.answers = [(200, {}, TOKEN)] * 4 + [(404, {}, {})]
    session = download._log_in()
    asked = [urlsplit(request.url) for request in wire.sent[:4]]
    assert {(each.scheme, each.hostname) for each in asked} == {("https", "urs.earthdata.nasa.gov")}
    assert session.headers["Authorization"] == "Bearer secret-token"
    assert "secret" not in "".join(capfd.readouterr()) + caplog.text
    assert not any(b"secret" in content for content in tree(tmp_path).values())


def test_the_login_may_be_that_of_netrc(wire, fresh_login, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine urs.earthdata.nasa.gov login me password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    wire.answers = [(200, {}, TOKEN)] * 4 + [(404, {}, {})]
    assert download._log_in().headers["Authorization"] == "Bearer secret-token"


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (None, "none in the environment or in ~/.netrc"),
        ([(401, {}, {"error": "invalid_credentials"})], "does not accept"),
        ([(200, {}, TOKEN)] * 2 + [(401, {}, {})], "answers with 401"),
    ],
)
def test_a_login_that_fails_says_what_to_do(wire, fresh_login, monkeypatch, answers, found):
    if answers:
        monkeypatch.setenv("EARTHDATA_USERNAME", "me")
        monkeypatch.setenv("EARTHDATA_PASSWORD", "secret-word")
        wire.answers = answers
    with pytest.raises(InputError) as refusal:
        download._log_in()
    assert found in refusal.value.found
    assert "EARTHDATA_TOKEN" in refusal.value.mend
    assert "secret" not in str(refusal.value)


@pytest.fixture
def gldas(site, monkeypatch):
    """Let two small files on loopback be the whole product, and count logins."""
    names = {"a.nc": CONTENT, "b.nc": OTHER}
    listed = LISTED["gldas"] | {
        "files": {
            name: {"sha256": sha(content)[7:], "bytes": len(content)}
            for name, content in names.items()
        }
    }
    found = {name: (f"{site.address}/{name}", []) for name in names}
    logins = []
    monkeypatch.setattr(download, "_find_granules", lambda listed: found)
    monkeypatch.setattr(download, "_log_in", lambda: logins.append(1) or requests.Session())
    return SimpleNamespace(listed=listed, found=found, logins=logins)


def test_gldas_is_fetched_and_the_next_step_is_named(gldas, tmp_path):
    text = download._fetch_gldas(gldas.listed, tmp_path)
    folder = tmp_path / "gldas_noah10_m_v21"
    assert tree(folder) == {"a.nc": CONTENT, "b.nc": OTHER}
    assert (
        text == f"2 files, verified: {folder}\nnext: make data (recomputes data/embedded from "
        "these files)"
    )


def test_a_whole_collection_needs_no_login(gldas, site, tmp_path):
    download._fetch_gldas(gldas.listed, tmp_path)
    (tmp_path / "gldas_noah10_m_v21" / "lock.part").touch()
    site.requests.clear()
    text = download._fetch_gldas(gldas.listed, tmp_path)
    assert text.startswith("2 files, verified")
    assert gldas.logins == [1]
    assert site.requests == []
    assert set(tree(tmp_path)) == {f"gldas_noah10_m_v21/{name}" for name in ("a.nc", "b.nc")}


def test_a_file_that_nasa_has_replaced_is_taken_read_and_said(gldas, site, tmp_path, monkeypatch):
    newer = site.files["/b.nc"] = b"newer"
    gldas.found["b.nc"] = gldas.found["b.nc"][0], [f"md5:{hashlib.md5(newer).hexdigest()}"]
    opened = []
    monkeypatch.setattr("helpers.readers.gldas.open_gldas", opened.append)
    text = download._fetch_gldas(gldas.listed, tmp_path)
    assert "1 of them are newer than those" in text
    assert opened == [tmp_path / "gldas_noah10_m_v21"]
    assert tree(opened[0])["b.nc"] == newer


def test_gldas_says_which_application_to_approve(gldas, site, tmp_path):
    site.usual = {"status": 401}
    with pytest.raises(InputError, match="approve 'NASA GESDISC DATA ARCHIVE'"):
        download._fetch_gldas(gldas.listed, tmp_path)


def test_the_pinned_files_are_those_that_the_embedded_climate_was_computed_from():
    from helpers.readers.gldas import load_climate

    inputs = dict(line.split("  ")[::-1] for line in load_climate().attrs["inputs"].splitlines())
    pinned = {name: about["sha256"] for name, about in LISTED["gldas"]["files"].items()}
    assert pinned == inputs


def test_what_is_pinned_is_what_the_shared_folder_holds():
    sums = GENUINE / "SHA256SUMS"
    if not sums.exists():
        pytest.skip(f"no genuine files at {GENUINE} (set TIBET_REAL_DATA)")
    known = dict(line.split("  ./")[::-1] for line in sums.read_text().splitlines())
    collections = [LISTED["gldas"], *LISTED["fieldsites"]]
    pinned = {
        f"{each['folder']}/{name}": about
        for each in collections
        for name, about in each["files"].items()
    }
    assert len(pinned) == 24 + 5 + 1 + 3
    for name, about in pinned.items():
        if "sha256" in about:
            assert about["sha256"] == known[name]
            assert about["bytes"] == (GENUINE / name).stat().st_size


def dataset(model: str, experiment: str, table: str, variables: list[str], version=1) -> dict:
    member = LISTED["cmip5"]["members"][table]
    name = f"cmip5.output1.X.{model}.{experiment}.mon.land.{table}.{member}.v{version}|node.org"
    content = {
        "project": ["CMIP5"],
        "institute": ["X"],
        "model": [model],
        "experiment": [experiment],
        "time_frequency": ["mon"],
        "realm": ["land"],
        "cmor_table": [table],
        "ensemble": [member],
        "variable": variables,
        "version": [str(version)],
        "data_node": "node.org",
    }
    return {"subject": name, "entries": [{"content": content}]}


def stored_file(
    name: str, of: dict, content: bytes = b"", address="http://node.org/cmip5/x"
) -> dict:
    about = {
        "project": ["CMIP5"],
        "dataset_id": of["subject"],
        "checksum_type": ["SHA256"],
        "checksum": [sha(content)[7:]],
        "size": len(content),
        "title": name,
        "url": [
            f"{address}/{name}|application/netcdf|HTTPServer",
            f"{address}/{name}.html|application/opendap-html|OPENDAP",
        ],
    }
    return {"subject": name, "entries": [{"content": about}]}


def page(records: list[dict]) -> tuple[int, dict, dict]:
    body = {"gmeta": records, "total": len(records), "count": len(records), "offset": 0}
    return 200, {}, body | {"has_next_page": False, "marker": None}


def test_esgf_is_asked_for_the_facets_of_the_nine_models(wire):
    sets = [dataset("CanESM2", "rcp45", "Lmon", ["npp", "rh", "gpp"])]
    name = "npp_Lmon_CanESM2_rcp45_r1i1p1_200601-210012.nc"
    wire.answers = [page(sets), page([stored_file(name, sets[0], b"npp")])]
    (found,) = download._find_cmip5(LISTED["cmip5"])
    first, second = (json.loads(request.body) for request in wire.sent)
    asked = {each["field_name"]: each["values"] for each in first["filters"]}
    assert asked == {
        "type": ["Dataset"],
        "project": ["CMIP5"],
        "latest": [True],
        "retracted": [False],
        "model": [*LISTED["cmip5"]["models"], "CESM1(CAM5)"],
        "experiment": ["historical", "rcp45", "rcp85"],
        "cmor_table": ["Lmon", "fx"],
        "ensemble": ["r1i1p1", "r0i0p0"],
        "variable": ["npp", "rh", "nep", "areacella", "sftlf"],
    }
    asked = {each["field_name"]: each["values"] for each in second["filters"]}
    assert asked["dataset_id"] == [sets[0]["subject"]]
    assert asked["variable"] == ["npp", "rh", "nep", "areacella", "sftlf"]
    (one,) = download._choose_files([found], LISTED["cmip5"])
    assert one == Wanted(name, (f"http://node.org/cmip5/x/{name}",), (sha(b"npp"),), 3)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([page([])], "CMIP5 files of the models"),
        ([(400, {}, {"message": "down"})], "an answer"),
        (
            [
                page([dataset("CanESM2", "rcp45", "Lmon", ["npp"])]),
                page([{"entries": [{"content": {}}]}]),
            ],
            "KeyError",
        ),
    ],
)
def test_an_index_without_an_answer_is_said(wire, answers, words):
    wire.answers = answers
    with pytest.raises(InputError, match=words):
        download._find_cmip5(LISTED["cmip5"])


def test_the_models_are_those_of_the_stand_ins():
    standin = yaml.safe_load((ROOT / "data" / "standin.yml").read_text(encoding="utf-8"))
    assert LISTED["cmip5"]["models"] == list(standin["models"])


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("npp_Lmon_CanESM2_rcp45_r1i1p1_200601-210012.nc", True),
        ("sftlf_fx_CESM1-CAM5_historical_r0i0p0.nc", True),
        ("rh_Lmon_HadGEM2-ES_historical_r1i1p1_198412-200511.nc", True),
        ("rh_Lmon_HadGEM2-ES_historical_r1i1p1_195912-198911.nc", False),
        ("rh_Lmon_HadGEM2-ES_rcp85_r1i1p1_209912-212411.nc", True),
        ("rh_Lmon_HadGEM2-ES_rcp85_r1i1p1_210012-212411.nc", False),
        ("rh_Lmon_HadGEM2-ES_rcp26_r1i1p1_200601-210012.nc", False),
        ("rh_Lmon_MPI-ESM-LR_rcp85_r1i1p1_200601-210012.nc", False),
        ("rh_Lmon_CanESM2_rcp85_r2i1p1_200601-210012.nc", False),
        ("gpp_Lmon_CanESM2_rcp85_r1i1p1_200601-210012.nc", False),
        ("npp_Amon_CanESM2_rcp85_r1i1p1_200601-210012.nc", False),
        ("npp_Lmon_CanESM2_rcp85_r1i1p1_200601-210012.nc4", False),
        ("npp_Lmon_CanESM2_rcp85_r1i1p1_all.nc", False),
        ("npp_Lmon_CanESM2_rcp85_r1i1p1_..nc", False),
        ("catalogue.html", False),
    ],
)
def test_files_are_chosen_by_the_grammar_of_their_names(name, needed):
    assert download._is_needed(name, LISTED["cmip5"]) is needed


def found(name: str, version: int = 1, content: bytes = b"1", *addresses: str) -> dict:
    return {
        "dataset_id": f"cmip5.output1.v{version}|node.org",
        "checksum_type": "SHA-256",
        "checksum": sha(content)[7:],
        "size": len(content),
        "HTTPServer": [f"{address}/{name}" for address in addresses or ("http://a.org",)],
    }


def test_the_newest_version_is_taken_with_all_its_addresses_the_safe_ones_first():
    name = "npp_Lmon_CanESM2_rcp45_r1i1p1_200601-210012.nc"
    answers = [
        found(name, 20120410, b"old", "https://old.org"),
        found(name, 20120910, b"new", "http://a.org", "https://b.org"),
        found(name, 20120910, b"new", "http://a.org", "https://c.org/../..//"),
        found("../../npp.nc", 20120910, b"bad"),
    ]
    (one,) = download._choose_files(answers, LISTED["cmip5"])
    assert one.name == name
    assert one.checksums == (sha(b"new"),)
    assert one.addresses == tuple(
        f"{place}/{name}" for place in ("https://b.org", "https://c.org/../..//", "http://a.org")
    )


@pytest.mark.parametrize(
    "unproved", [{"checksum": None}, {"checksum_type": None}, {"checksum_type": "crc32"}]
)
def test_a_file_without_a_checksum_is_not_taken(unproved):
    name = "npp_Lmon_CanESM2_rcp45_r1i1p1_200601-210012.nc"
    answers = [found(name, 1), found(name, 2, b"new") | unproved]
    (one,) = download._choose_files(answers, LISTED["cmip5"])
    assert one.checksums == (sha(b"1"),)


def flux(variable: str, experiment: str, model: str = "CanESM2") -> dict:
    years = "185001-200512" if experiment == "historical" else "200601-210012"
    return found(f"{variable}_Lmon_{model}_{experiment}_r1i1p1_{years}.nc")


EXPERIMENTS = ("historical", "rcp45", "rcp85")


def test_net_uptake_is_fetched_only_where_its_parts_are_lacking():
    fluxes = [flux(v, e) for v in ("npp", "rh", "nep") for e in EXPERIMENTS]
    names = [one.name for one in download._choose_files(fluxes, LISTED["cmip5"])]
    assert {name[:4] for name in names} == {"npp_", "rh_L"}
    names = [one.name for one in download._choose_files(fluxes[1:], LISTED["cmip5"])]
    assert {name[:4] for name in names} == {"npp_", "rh_L", "nep_"}
    assert download._lacking(names, "CanESM2", LISTED["cmip5"]) == ""
    names = [one.name for one in download._choose_files(fluxes[1:6], LISTED["cmip5"])]
    assert download._lacking(names, "CanESM2", LISTED["cmip5"]) == "npp historical"


def test_an_archive_is_fetched_and_what_esgf_lacks_is_named(site, tmp_path, monkeypatch):
    answers = []
    for model, experiments in (("CanESM2", EXPERIMENTS), ("BNU-ESM", EXPERIMENTS[:2])):
        for each in (flux(v, e, model) for v in ("npp", "rh") for e in experiments):
            name = each["HTTPServer"][0].rpartition("/")[2]
            site.files[f"/{name}"] = b"1"
            answers.append(each | {"HTTPServer": [f"{site.address}/{name}"]})
    monkeypatch.setattr(download, "_find_cmip5", lambda listed: answers)
    text = download._fetch_cmip5(LISTED["cmip5"], tmp_path)
    assert len(tree(tmp_path / "cmip5")) == 10
    assert "BNU-ESM: ESGF lacks npp rcp85, rh rcp85\n" in text
    assert "CanESM2" not in text
    assert f'make run NB=14_projections P="source={tmp_path}"' in text
    monkeypatch.setattr(download, "_find_cmip5", lambda listed: answers[6:])
    with pytest.raises(InputError, match="4 files, which make up no model"):
        download._fetch_cmip5(LISTED["cmip5"], tmp_path)


def test_field_sites_come_by_commit_and_checksum(tmp_path):
    files = {}
    for collection in LISTED["fieldsites"]:
        for one in download._field_files(collection, tmp_path):
            files[one.name] = one
    assert len(files) == 9
    fauna = files["tibet_fauna/soil_fauna_data_final.txt"]
    assert fauna.addresses == (
        "https://raw.githubusercontent.com/XJingPKU/TibetFauna/"
        "fc30161d3421c1735312eb208d6b860464ca032c/soil_fauna_data_final.txt",
    )
    assert fauna.checksums[0].startswith("sha256:a51341f6")
    assert len(files["srdb/srdb-equations.csv"].addresses) == 3
    whole = files["srdb/srdb-data.csv"]
    assert "/3d7fdf39054e85661304fc004b5e3dd8498898c9/" in whole.addresses[0]
    assert (whole.checksums, whole.size) == ((), None)


def test_a_collection_in_two_places_is_fetched_into_its_subfolders(site, tmp_path):
    listed = [
        {
            "folder": folder,
            "addresses": [f"{site.address}/"],
            "files": {name: {"sha256": sha(content)[7:], "bytes": len(content)}},
        }
        for folder, name, content in (("one", "a.nc", CONTENT), ("two", "b.nc", OTHER))
    ]
    text = download._fetch_field_sites(listed, tmp_path)
    assert tree(tmp_path) == {"one/a.nc": CONTENT, "two/b.nc": OTHER}
    assert text.startswith(f"2 files, verified: one, two in {tmp_path}\nnext: make run")


@pytest.fixture(scope="module")
def known_records() -> pd.DataFrame:
    path = GENUINE / "srdb" / "srdb_tibet_grassland_subset.csv"
    if not path.exists():
        pytest.skip(f"no genuine files at {GENUINE} (set TIBET_REAL_DATA)")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def as_srdb_writes(records: pd.DataFrame) -> pd.DataFrame:
    """Return the known records among others, in another order, numbers without ``.0``."""
    whole = records.apply(lambda column: column.str.replace(r"^(-?\d+)\.0$", r"\1", regex=True))
    elsewhere = whole.head(50).assign(
        Latitude="50", Record_number=[str(90_000 + row) for row in range(50)]
    )
    return pd.concat([elsewhere, whole.sample(frac=1, random_state=1)])


def test_the_whole_srdb_is_known_by_its_plateau_records(known_records, site, tmp_path):
    (collection,) = (each for each in LISTED["fieldsites"] if "srdb-data.csv" in each["files"])
    collection = collection | {"addresses": [f"{site.address}/"]}
    site.files["/srdb-data.csv"] = as_srdb_writes(known_records).to_csv(index=False).encode()
    download._fetch_field_sites([collection], tmp_path)
    assert tree(tmp_path) == {"srdb/srdb-data.csv": site.files["/srdb-data.csv"]}
    site.requests.clear()
    download._fetch_field_sites([collection], tmp_path)
    assert site.requests == []


def test_the_known_part_of_srdb_has_the_digest_of_the_whole(known_records, tmp_path):
    (listed,) = (each["files"] for each in LISTED["fieldsites"] if "srdb-data.csv" in each["files"])
    known_records.sample(frac=1, random_state=2).to_csv(tmp_path / "part.csv", index=False)
    digest = listed["srdb-data.csv"]["plateau_sha256"]
    assert download.plateau_digest(tmp_path / "part.csv") == digest


def change_cell(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.reset_index(drop=True)
    rows.loc[rows["Record_number"] == "1694", "Rs_annual"] = "192"
    return rows


@pytest.mark.parametrize(
    "change",
    [
        change_cell,
        lambda rows: rows[rows["Record_number"] != "12612"],
        lambda rows: rows.replace({"Record_number": {"1694": "1695"}}),
        lambda rows: rows.assign(Latitude=rows["Latitude"].replace("50", "35")),
        lambda rows: rows.rename(columns={"Notes": "Note"}),
        lambda rows: rows.drop(columns="Rs_annual"),
        lambda rows: pd.DataFrame({"<html>": ["log in"]}),
    ],
)
def test_another_srdb_is_not_taken_for_it(known_records, site, tmp_path, change):
    (collection,) = (each for each in LISTED["fieldsites"] if "srdb-data.csv" in each["files"])
    collection = collection | {"addresses": [f"{site.address}/"]}
    changed = change(as_srdb_writes(known_records))
    site.files["/srdb-data.csv"] = changed.to_csv(index=False).encode()
    with pytest.raises(InputError, match=r"srdb-data\.csv"):
        download._fetch_field_sites([collection], tmp_path)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("word", ["?", "gldass", "/no/such/folder", "GLDAS"])
def test_an_unknown_word_is_refused_with_the_known_ones(word, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["data", word])
    assert data.main() == 1
    said = capsys.readouterr().err
    for known in ("gldas", "cmip5", "fieldsites", "or a folder"):
        assert known in said
    assert f"SOURCE={word}" in said


@pytest.mark.parametrize("source", download.SOURCES)
def test_a_client_that_is_not_installed_is_named_with_the_way_to_get_it(
    source, monkeypatch, capsys
):
    client = download.SOURCES[source]
    find = download.importlib.util.find_spec
    monkeypatch.setattr(
        download.importlib.util, "find_spec", lambda name: None if name == client else find(name)
    )
    monkeypatch.setattr(sys, "argv", ["data", source])
    assert data.main() == 1
    said = capsys.readouterr().err
    assert f"the Python package {client.replace('_', '-')}" in said
    assert "pip install --require-hashes -r requirements.lock" in said


def test_a_word_fetches_and_a_stop_says_that_nothing_is_lost(monkeypatch, capsys):
    monkeypatch.setattr(data, "download", lambda source: f"fetched {source}")
    monkeypatch.setattr(sys, "argv", ["data", "cmip5"])
    assert data.main() == 0
    assert capsys.readouterr().out == "fetched cmip5\n"

    def stop(source):
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "download", stop)
    assert data.main() == 130
    assert "goes on from here" in capsys.readouterr().err


def test_without_a_word_the_genuine_files_are_computed_from_where_they_are(
    monkeypatch, tmp_path, capsys
):
    written = []
    monkeypatch.setattr(data, "write_embedded", lambda source, target: written.append(source))
    monkeypatch.setenv("TIBET_REAL_DATA", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["data"])
    assert data.main() == 1
    assert "make data SOURCE=gldas" in capsys.readouterr().err
    (tmp_path / "gldas_noah10_m_v21").mkdir()
    assert data.main() == 0
    assert written == [tmp_path / "gldas_noah10_m_v21"]


def test_downloads_are_kept_out_of_the_project():
    assert "/downloads/" in (ROOT / ".gitignore").read_text().splitlines()
    assert ROOT / "downloads" == download.DOWNLOADS
