"""Downloads: what is asked for, what comes through a bad line, and what is left behind."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import random
import shutil
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote

import filelock
import pandas as pd
import pytest
import yaml

from helpers.errors import InputError
from helpers.paths import list_genuine
from tests.conftest import GENUINE
from tests.faulty_server import serve
from tools import data, download

LISTED = yaml.safe_load(download.LISTED.read_text(encoding="utf-8"))
SOURCES = list(download.SOURCES)
FOLDER = {
    **{"gldas": "gldas_noah10_m_v21", "cmip5": "cmip5", "cmip6": "cmip6"},
    **{"sites": "srdb", "models": "cmip5_oscar"},
}
URS = "https://urs.earthdata.nasa.gov/api/users/find_or_create_token"
CMR = "https://cmr.earthdata.nasa.gov/search/granules.umm_json"
GES_DISC = "https://data.gesdisc.earthdata.nasa.gov/data/GLDAS_NOAH10_M.2.1/2013"
INDEX = "a8ef4320-9e5a-4793-837b-c45161ca1845"
ESGF = f"https://search.api.globus.org/v1/index/{INDEX}/scroll"
NODE = "https://esgf.example.org/cmip5/x"
SITES = "https://raw.example.org/srdb/3d7fdf39/"
EXPERIMENTS = ("historical", "rcp45", "rcp85")
PLACE = {
    **{"gldas": f"{GES_DISC}/", "cmip5": f"{NODE}/", "cmip6": f"{NODE}/"},
    **{"sites": SITES, "models": SITES},
}


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def tree(folder: Path) -> dict[str, bytes]:
    """Return the files in a folder by name; "unfinished.part" stands for all that lies in it."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "unfinished.part" not in path.parts
    }
    parts = [path for path in folder.rglob("unfinished.part")]
    return files | ({"unfinished.part": b""} if parts else {})


@pytest.fixture
def web(monkeypatch, tmp_path):
    """Let no pause be made, no login be found, and one server stand for all others."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("NETRC", "EARTHDATA_TOKEN", "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    with serve() as web:
        yield web


def list_downloads(monkeypatch, folder: Path, **listed: dict | list) -> None:
    path = folder / "downloads.yml"
    path.write_text(yaml.safe_dump(LISTED | listed), encoding="utf-8")
    monkeypatch.setattr(download, "LISTED", path)


def catalogue(*addresses: str) -> bytes:
    """Return what NASA's catalogue answers, if it has these addresses."""
    items = []
    for address in addresses:
        links = [
            {"URL": "s3://bucket/a.nc4", "Type": "GET DATA VIA DIRECT ACCESS"},
            {"URL": address, "Type": "GET DATA"},
            {"URL": f"{address}.html", "Type": "USE SERVICE API"},
        ]
        meta = {"concept-id": "G1-GES_DISC", "provider-id": "GES_DISC"}
        items.append({"meta": meta, "umm": {"RelatedUrls": links, "GranuleUR": "1"}})
    return json.dumps({"items": items}).encode()


def stored_file(name: str, content: bytes, *addresses: str, version="v1", **changed) -> dict:
    """Return a file as ESGF's index describes it."""
    addresses = addresses or (f"{NODE}/{name}",)
    about = {
        "project": ["CMIP5"],
        "dataset_id": f"cmip5.output1.X.{version}|node.org",
        "checksum_type": ["SHA256"],
        "checksum": [sha(content)],
        "size": len(content),
        "title": name,
        "url": [f"{address}|application/netcdf|HTTPServer" for address in addresses],
    }
    return about | changed


def index(files: list[dict]):
    """Return what ESGF's index answers to a question for data sets, or for files."""
    sets = {"project": ["CMIP5"], "variable": ["npp", "rh", "nep"], "model": ["X"]}

    def answer(body: bytes) -> bytes:
        asked = {each["field_name"]: each["values"] for each in json.loads(body)["filters"]}
        contents = [sets][: len(files)] if asked["type"] == ["Dataset"] else files
        found = [{"subject": "cmip5|node", "entries": [{"content": each}]} for each in contents]
        page = {"gmeta": found, "total": len(found), "count": len(found), "offset": 0}
        return json.dumps(page | {"has_next_page": False, "marker": None}).encode()

    return answer


def flux(variable: str, experiment: str, model: str = "CanESM2") -> str:
    years = "185001-200512" if experiment == "historical" else "200601-210012"
    return f"{variable}_Lmon_{model}_{experiment}_r1i1p1_{years}.nc"


def flux6(variable: str, experiment: str) -> str:
    years = "185001-201412" if experiment == "historical" else "201501-210012"
    return f"{variable}_Lmon_CNRM-ESM2-1_{experiment}_r1i1p1f2_gr_{years}.nc"


def offer_archive(web, names: list[str]) -> dict[str, bytes]:
    """Let ESGF have these files; return their contents."""
    contents = {name: random.Random(name).randbytes(200_000) for name in names}
    web.files[ESGF] = index([stored_file(name, content) for name, content in contents.items()])
    web.files |= {f"{NODE}/{name}": content for name, content in contents.items()}
    return contents


def offer(source: str, web, monkeypatch, folder: Path) -> dict[str, bytes]:
    """Let the web have small files of a source; return them by address."""
    web.files[CMR] = catalogue(f"{GES_DISC}/a.nc4", f"{GES_DISC}/b.nc4")
    web.files[URS] = b'{"access_token": "secret-token", "expiration_date": "01/01/2099"}'
    monkeypatch.setenv("EARTHDATA_USERNAME", "me")
    monkeypatch.setenv("EARTHDATA_PASSWORD", "secret-word")
    if source in ("cmip5", "cmip6"):
        name, model = (flux, "CanESM2") if source == "cmip5" else (flux6, "CNRM-ESM2-1")
        runs = LISTED[source]["experiments"]
        names = [name(variable, run) for variable in ("npp", "rh") for run in runs]
        offered = {f"{NODE}/{name}": one for name, one in offer_archive(web, names).items()}
        list_downloads(monkeypatch, folder, **{source: LISTED[source] | {"models": [model]}})
        return offered
    names = ("In/#a.csv", "In/#b.csv") if source == "models" else ("a.nc4", "b.nc4")
    contents = {name: random.Random(name).randbytes(200_000) for name in names}
    offered = {PLACE[source] + quote(name): content for name, content in contents.items()}
    web.files |= offered
    files = {name: {"sha256": sha(one), "bytes": len(one)} for name, one in contents.items()}
    collection = {"folder": FOLDER[source], "addresses": [SITES], "mean_bytes": 200_000}
    if source == "models":  # in the form of sha256sum
        sums = [f"{sha(one)}  {FOLDER[source]}/{name}\n" for name, one in contents.items()]
        (folder / "sums").write_text("".join(sums), encoding="utf-8")
        monkeypatch.setattr(download, "SUMS", folder / "sums")
    else:
        collection["files"] = files
    listed = {"files": files, "collections": [collection]}
    list_downloads(monkeypatch, folder, **{source: LISTED[source] | listed})
    return offered


@pytest.fixture(params=SOURCES)
def source(request) -> str:
    return request.param


@pytest.fixture
def offered(source, web, monkeypatch, tmp_path) -> dict[str, bytes]:
    return offer(source, web, monkeypatch, tmp_path)


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "downloads"


def name_of(source: str, address: str) -> str:
    return unquote(address.removeprefix(PLACE[source]))


def expected(source: str, offered: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{FOLDER[source]}/{name_of(source, at)}": one for at, one in offered.items()}


def test_a_collection_comes_whole_once(source, offered, web, target, monkeypatch):
    said = download.download(source, target)
    assert said.startswith(f"{len(offered)} files, verified: {target}")
    assert "next: make " in said
    (target / FOLDER[source] / "unfinished.part").mkdir()  # killed after the last file
    monkeypatch.delenv("EARTHDATA_USERNAME")
    web.unreachable = not source.startswith("cmip")
    web.asked.clear()
    download.download(source, target)
    assert tree(target) == expected(source, offered)
    assert {one.address for one in web.asked} <= {ESGF}


@pytest.mark.parametrize(
    "faults",
    [
        [{"status": 500}],
        [{"status": 503, "headers": {"Retry-After": "1"}}, {"status": 429}],
        [{"cut": 90_000}],
        [{"pause": 0.2}],
    ],
    ids=["500", "busy twice", "cut", "slow"],
)
def test_a_passing_fault_is_outlived(source, offered, web, target, faults):
    for address in offered:
        web.faults[address] = list(faults)
    download.download(source, target)
    assert tree(target) == expected(source, offered)


@pytest.mark.parametrize("fault", ["absent", "other bytes", "cut again and again"])
def test_a_file_that_cannot_be_had_is_named_and_the_rest_is_kept(
    source, offered, web, target, fault
):
    first, *_ = offered
    if fault == "absent":
        del web.files[first]
    elif fault == "other bytes":
        web.files[first] = b"x" + offered[first][1:]
    else:
        web.faults[first] = [{"cut": 90_000}] * 9
    name = name_of(source, first)
    with pytest.raises(InputError, match="run the same command again") as refusal:
        download.download(source, target)
    assert f"1 of them could not be had:\n    {name}: " in refusal.value.found
    whole = expected(source, offered)
    kept = {at: one for at, one in whole.items() if not at.endswith(name)}
    assert tree(target) == kept | {"unfinished.part": b""}
    web.files |= offered
    web.faults.clear()
    web.asked.clear()
    download.download(source, target)
    assert tree(target) == whole
    assert {one.address for one in web.asked} & set(offered) == {first}


def test_without_a_network_what_was_asked_is_named(source, offered, web, target):
    web.unreachable = True
    named = {"gldas": "urs.earthdata.nasa.gov", "sites": "a.nc4", "models": "In/#a.csv"}
    with pytest.raises(InputError, match=named.get(source, "ESGF")) as refusal:
        download.download(source, target)
    assert "again" in refusal.value.mend
    assert set(tree(target)) <= {"unfinished.part"}


def test_a_damaged_file_is_replaced_and_others_are_left_alone(source, offered, web, target):
    whole = expected(source, offered)
    for name in (*whole, f"{FOLDER[source]}/mine.txt"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(b"mine")
    download.download(source, target)
    assert tree(target) == whole | {f"{FOLDER[source]}/mine.txt": b"mine"}


def test_a_second_download_into_the_folder_is_refused(source, offered, target):
    part = target / FOLDER[source] / "unfinished.part"
    part.mkdir(parents=True)
    with (
        filelock.FileLock(part / "lock"),
        pytest.raises(InputError, match="another one under way"),
    ):
        download.download(source, target)


@pytest.mark.skipif(sys.platform == "win32", reason="the server cannot be shared with a fork")
def test_a_killed_download_leaves_nothing_under_a_final_name(
    source, offered, web, target, monkeypatch
):
    *_, last = offered
    web.faults[last] = [{"pause": 30}]
    run = multiprocessing.get_context("fork").Process(
        target=download.download, args=(source, target)
    )
    run.start()
    while run.is_alive() and not [one for one in web.asked if one.address == last]:
        run.join(0.02)
    run.kill()
    run.join()
    whole = expected(source, offered)
    lost = f"{FOLDER[source]}/{name_of(source, last)}"
    kept = {at: one for at, one in whole.items() if at != lost}
    assert tree(target) == kept | {"unfinished.part": b""}
    monkeypatch.setenv("TIBET_REAL_DATA", str(target))
    assert list_genuine() == []
    download.download(source, target)
    assert tree(target) == whole
    assert list_genuine() == [FOLDER[source]]


@pytest.mark.parametrize("source", ["gldas", "sites", "models"], indirect=True)
def test_no_redirect_leads_to_an_open_connection(source, offered, web, target):
    first, *_ = offered
    web.files["http://mirror.example.org/a"] = offered[first]
    moved = {"status": 302, "headers": {"Location": "http://mirror.example.org/a"}}
    web.faults[first] = [moved] * 9
    with pytest.raises(InputError, match="could not be had"):
        download.download(source, target)
    assert all(one.address.startswith("https://") for one in web.asked)


# NASA


@pytest.fixture
def gldas(web, monkeypatch, tmp_path) -> dict[str, bytes]:
    return offer("gldas", web, monkeypatch, tmp_path)


@pytest.mark.parametrize("way", ["environment", "token", "netrc"])
def test_the_login_is_shown_to_earthdata_only(
    gldas, web, target, tmp_path, monkeypatch, capfd, way
):
    if way != "environment":
        monkeypatch.delenv("EARTHDATA_USERNAME")
        monkeypatch.delenv("EARTHDATA_PASSWORD")
    if way == "token":
        monkeypatch.setenv("EARTHDATA_TOKEN", "secret-token")
    if way == "netrc":
        path = tmp_path / "netrc"
        path.write_text("machine urs.earthdata.nasa.gov login me password secret-word\n")
        path.chmod(0o600)
        monkeypatch.setenv("NETRC", str(path))
    first, *_ = gldas
    web.files["https://cdn.example.org/a"] = gldas[first]
    web.faults[first] = [{"status": 302, "headers": {"Location": "https://cdn.example.org/a"}}]
    said = download.download("gldas", target)
    assert tree(target) == expected("gldas", gldas)
    query = parse_qs([one for one in web.asked if one.address == CMR][-1].query)
    assert query["short_name"] == ["GLDAS_NOAH10_M"]
    assert query["version"] == ["2.1"]
    assert query["temporal[]"] == ["2013-01-01T00:00:00Z,2014-12-31T23:59:59Z"]
    shown = {
        one.address.split("/")[2]
        for one in web.asked
        if "authorization" in one.headers or "secret" in str(one)
    }
    assert "data.gesdisc.earthdata.nasa.gov" in shown
    assert all(host.endswith(".earthdata.nasa.gov") for host in shown)
    assert "secret" not in said + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (URS, "an account is free at https://urs"),
        ("EARTHDATA_USERNAME", "none in the environment or in ~/.netrc\n  mend:   set EARTHDATA"),
        (CMR, "cmr.earthdata.nasa.gov\n  needed: an answer"),
    ],
)
def test_no_login_and_no_catalogue_are_told(gldas, web, target, monkeypatch, lost, words):
    web.files.pop(lost, None)
    monkeypatch.delenv(lost, raising=False)
    with pytest.raises(InputError, match=words) as refusal:
        download.download("gldas", target)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "fault",
    [{"status": 401}, {"status": 403}, {"headers": {"Content-Type": "text/html; charset=utf-8"}}],
    ids=["401", "403", "a page"],
)
def test_a_login_without_the_application_stops_at_once(gldas, web, target, fault):
    for address in gldas:
        web.faults[address] = [fault] * 9
    with pytest.raises(InputError, match="approve 'NASA GESDISC DATA ARCHIVE'") as refusal:
        download.download("gldas", target)
    assert "a.nc4" in refusal.value.where
    assert len({one.address for one in web.asked} & set(gldas)) == 1
    assert set(tree(target)) == {"unfinished.part"}


@pytest.mark.parametrize(
    "host",
    [
        "https://example.org",
        "https://earthdata.nasa.gov.example.org",
        "https://notearthdata.nasa.gov",
        "https://a.earthdata.nasa.gov@example.org",
        "http://data.gesdisc.earthdata.nasa.gov",
    ],
)
def test_a_catalogue_leads_to_no_other_host(gldas, web, target, host):
    web.files[CMR] = catalogue(f"{host}/data/a.nc4", f"{GES_DISC}/b.nc4")
    with pytest.raises(InputError, match=r"a\.nc4: no address"):
        download.download("gldas", target)
    assert {one.address for one in web.asked} == {URS, CMR, f"{GES_DISC}/b.nc4"}


def test_the_pinned_files_are_those_that_the_embedded_climate_was_computed_from():
    from helpers.readers.gldas import load_climate

    inputs = dict(line.split("  ")[::-1] for line in load_climate().attrs["inputs"].splitlines())
    pinned = {name: about["sha256"] for name, about in LISTED["gldas"]["files"].items()}
    assert pinned == inputs


def test_what_is_pinned_is_what_the_genuine_folder_holds():
    pinned = dict(
        line.split("  ", 1)[::-1] for line in download.SUMS.read_text(encoding="utf-8").splitlines()
    )
    sizes = {}
    for each in [
        LISTED["gldas"],
        *LISTED["sites"]["collections"],
        *LISTED["models"]["collections"],
    ]:
        for name, about in each.get("files", {}).items():
            if "sha256" in about:
                pinned[f"{each['folder']}/{name}"] = about["sha256"]
                sizes[f"{each['folder']}/{name}"] = about["bytes"]
    here = [name for name in pinned if (GENUINE / name).exists()]
    if not here:
        pytest.skip(f"no genuine files at {GENUINE} (set TIBET_REAL_DATA)")
    for name in here:
        content = (GENUINE / name).read_bytes()
        assert sha(content) == pinned[name], name
        assert len(content) == sizes.get(name, len(content)), name


def test_what_models_give_comes_into_the_folders_that_the_genuine_files_have(web, target):
    """The addresses are those of the repositories; ``#`` in a name does not end one."""
    if not (GENUINE / "cmip5_oscar").exists():
        pytest.skip(f"no genuine files at {GENUINE} (set TIBET_REAL_DATA)")
    raw = "https://raw.githubusercontent.com"
    places = {  # in the repository of each folder
        "cmip5_oscar": f"{raw}/tgasser/OSCAR/4ade8657ee3bc06f39ad95447153dbe4b66e3ae0/data/",
        "cmip6_reccap2/East_Asia": f"{raw}/ChrisJones-MOHC/RECCAP2Future_2023/"
        "b8dc7bcce4764fc712af557a843bcdd43b1e01e0/DATA/Processed/East_Asia/",
        "cmip6_reccap2": f"{raw}/ChrisJones-MOHC/RECCAP2Future_2023/"
        "b8dc7bcce4764fc712af557a843bcdd43b1e01e0/DATA/",
        "rcp": f"{raw}/tgasser/OSCAR/3ce008400e06363564e5981a35cbc32377d41d86/input_data/drivers/",
    }
    for folder, place in places.items():
        for path in (GENUINE / folder).rglob("*.*"):
            address = place + quote(path.relative_to(GENUINE / folder).as_posix())
            web.files[address] = path.read_bytes()
    said = download.download("models", target)
    assert said.startswith("434 files, verified")
    for name, content in tree(target).items():
        assert content == (GENUINE / name).read_bytes(), name
    kinds = {"Land_CMIP5": 140, "ClimReg_CMIP5": 42, "Regions_GTAP": 1}
    for kind, number in kinds.items():
        assert len(list((target / "cmip5_oscar" / kind).iterdir())) == number
    assert len(list((target / "cmip6_reccap2" / "East_Asia").rglob("*.*"))) == 249


# ESGF


@pytest.fixture
def archive(web, monkeypatch, tmp_path):
    list_downloads(monkeypatch, tmp_path)
    return web


def test_esgf_is_asked_for_the_facets_of_the_nine_models(archive, target):
    offer_archive(archive, [flux("nep", run) for run in EXPERIMENTS])
    download.download("cmip5", target)
    asked = [json.loads(one.body) for one in archive.asked if one.address == ESGF]
    sets, files = ({each["field_name"]: each["values"] for each in q["filters"]} for q in asked)
    assert sets["project"] == ["CMIP5"]
    assert sets["latest"] == [True]
    assert sets["model"] == [*LISTED["cmip5"]["models"], "CESM1(CAM5)"]
    assert sets["experiment"] == list(EXPERIMENTS)
    assert sets["cmor_table"] == ["Lmon", "fx"]
    assert sets["ensemble"] == ["r1i1p1", "r0i0p0"]
    assert files["dataset_id"] == ["cmip5|node"]
    assert set(files["variable"]) == {"npp", "rh", "nep", "sftlf"}


@pytest.mark.parametrize("answer", [None, b'{"gmeta": [{"entries": [{}]}]}', index([])])
@pytest.mark.parametrize("source", ["cmip5", "cmip6"])
def test_an_index_without_the_archive_says_how_to_fetch_by_hand(archive, target, source, answer):
    archive.files[ESGF] = answer
    with pytest.raises(InputError) as refusal:
        download.download(source, target)
    assert refusal.value.where == "ESGF's index"
    terms = [source.upper(), "npp", "rh", "Lmon", "r1i1p1", *LISTED[source]["experiments"]]
    for word in (*terms, *LISTED[source]["models"], "https://esgf.github.io/nodes.html"):
        assert word in refusal.value.mend
    assert f'make run NB=14_projections P="source={target / source}"' in refusal.value.mend
    assert not target.exists()


def test_cmip6_is_asked_for_in_its_own_words_and_taken_on_any_grid(archive, target):
    runs = LISTED["cmip6"]["experiments"]
    needed = [flux6(variable, run) for variable in ("npp", "rh") for run in runs]
    needed.append("sftlf_fx_CNRM-ESM2-1_historical_r1i1p1f2_gr.nc")
    others = [
        flux6("npp", "ssp126"),
        "npp_Lmon_CNRM-ESM2-1_ssp585_r2i1p1f2_gr_201501-210012.nc",
        "npp_Lmon_CNRM-ESM2-1_ssp585_r1i1p1f2_gr_210101-230012.nc",
        "npp_Lmon_CNRM-ESM2-1-HR_ssp585_r1i1p1f2_gr_201501-210012.nc",
    ]
    contents = offer_archive(archive, [*needed, *others])
    said = download.download("cmip6", target)
    assert tree(target / "cmip6") == {name: contents[name] for name in needed}
    assert "CanESM5: ESGF lacks npp historical, npp ssp245, npp ssp585, rh historical" in said
    asked = next(json.loads(one.body) for one in archive.asked if one.address == ESGF)
    asked = {each["field_name"]: each["values"] for each in asked["filters"]}
    assert asked["project"] == ["CMIP6"]
    assert asked["source_id"] == LISTED["cmip6"]["models"]
    assert asked["experiment_id"] == ["historical", "ssp245", "ssp585"]
    assert asked["table_id"] == ["Lmon", "fx"]
    assert set(asked["member_id"]) == {"r1i1p1f1", "r1i1p1f2"}
    assert set(asked["variable_id"]) == {"npp", "rh", "sftlf"}


def test_hosts_that_take_no_connection_do_not_end_it_and_are_asked_less_and_less(archive, target):
    names = [flux("nep", run, model) for run in EXPERIMENTS for model in LISTED["cmip5"]["models"]]
    places = ("https://z-dead.org/cmip5", "https://y-dead.org/cmip5", "http://living.org/data")
    files = [stored_file(name, b"1", *(f"{place}/{name}" for place in places)) for name in names]
    archive.files |= {f"{places[2]}/{name}": b"1" for name in names} | {ESGF: index(files)}
    archive.dead = {"z-dead.org", "y-dead.org"}
    download.download("cmip5", target)
    assert len(tree(target / "cmip5")) == len(names) == 27
    assert set(archive.knocked) >= archive.dead
    assert max(archive.knocked.values()) <= 6  # a retry each, three times at most


def test_a_host_alone_that_takes_no_connection_is_given_up(web, monkeypatch, tmp_path, target):
    names = [f"{number}.csv" for number in range(40)]
    files = {name: {"sha256": sha(b"1"), "bytes": 1} for name in names}
    collection = {"folder": "srdb", "addresses": [SITES], "files": files}
    list_downloads(monkeypatch, tmp_path, sites=LISTED["sites"] | {"collections": [collection]})
    web.dead = {"raw.example.org"}
    with pytest.raises(InputError, match="40 of them could not be had"):
        download.download("sites", target)
    assert web.knocked["raw.example.org"] <= 6


def test_files_are_chosen_by_the_grammar_of_their_names(archive, target):
    needed = [
        *(flux("nep", run) for run in EXPERIMENTS),
        "sftlf_fx_CESM1-CAM5_historical_r0i0p0.nc",
        "rh_Lmon_HadGEM2-ES_historical_r1i1p1_198412-200511.nc",
        "rh_Lmon_HadGEM2-ES_rcp85_r1i1p1_208012-209912.nc",
        "rh_Lmon_HadGEM2-ES_rcp85_r1i1p1_209912-212411.nc",  # with December 2099 again
    ]
    others = [
        "rh_Lmon_HadGEM2-ES_historical_r1i1p1_195912-198911.nc",
        "rh_Lmon_HadGEM2-ES_rcp85_r1i1p1_210012-212411.nc",
        "rh_Lmon_MPI-ESM-LR_rcp85_r1i1p1_200601-210012.nc",
        "npp_Lmon_CanESM2_rcp85_r2i1p1_200601-210012.nc",
        "gpp_Lmon_CanESM2_rcp85_r1i1p1_200601-210012.nc",
        "npp_Amon_CanESM2_rcp85_r1i1p1_200601-210012.nc",
        "npp_Lmon_CanESM2_rcp85_r1i1p1_..nc",
        "npp_Lmon_CanESM2_rcp85_r1i1p1_2006-2100\\..\\x.nc",
    ]
    contents = offer_archive(archive, [*needed, *others])
    download.download("cmip5", target)
    assert tree(target / "cmip5") == {name: contents[name] for name in needed}


def test_a_name_from_the_index_leads_nowhere_else(archive, target):
    out = {"directory_format_template_": ["%(root)s/%(project)s"], "root": ["/../../.."]}
    files = [stored_file(flux("nep", run), b"1", f"{NODE}/{run}", **out) for run in EXPERIMENTS]
    files.append(stored_file(f"../../{flux('npp', 'rcp45')}", b"1", f"{NODE}/rcp45", **out))
    archive.files |= {ESGF: index(files)} | {f"{NODE}/{run}": b"1" for run in EXPERIMENTS}
    download.download("cmip5", target)
    assert {path.parent for path in target.parent.rglob("*.nc")} == {target / "cmip5"}


def offer_versions(archive, *files: dict) -> None:
    """Let these be beside three files that make up a model."""
    names = [flux("nep", run) for run in EXPERIMENTS]
    archive.files |= {f"{NODE}/{name}": b"nep" for name in names}
    archive.files[ESGF] = index([*(stored_file(name, b"nep") for name in names), *files])


def test_the_newest_version_is_taken_from_whoever_has_it_safely_first(archive, target):
    name = flux("npp", "rcp45")
    places = [f"{way}.org/cmip5/{name}" for way in ("http://a", "https://b", "https://c")]
    offer_versions(
        archive,
        stored_file(name, b"new", places[0], places[1], version="v20120910"),
        stored_file(name, b"new", places[2], version="v20120910"),
        stored_file(name, b"old", f"https://old.org/cmip5/{name}", version="v20120410"),
    )
    archive.files |= {places[0]: b"new", places[1]: b"damaged"}
    download.download("cmip5", target)
    assert tree(target)[f"cmip5/{name}"] == b"new"
    asked = [one.address for one in archive.asked if one.address.endswith(name)]
    assert list(dict.fromkeys(asked)) == places[::-1]


@pytest.mark.parametrize(
    "unproved", [{"checksum": [None]}, {"checksum_type": [None]}, {"checksum_type": ["crc32"]}]
)
def test_a_file_without_a_checksum_is_not_taken(archive, target, unproved):
    name = flux("npp", "rcp45")
    offer_versions(archive, stored_file(name, b"1", **unproved))
    download.download("cmip5", target)
    assert f"cmip5/{name}" not in tree(target)


def test_records_without_checksum_or_usual_address_do_not_spoil_the_others(archive, target):
    names = [flux("npp", run, "GFDL-ESM2G") for run in EXPERIMENTS]
    places = [f"http://data.gfdl.example.org/dataroot/{name}" for name in names]
    files = [stored_file(name, b"1", place) for name, place in zip(names, places, strict=True)]
    del files[0]["checksum"]
    files[1]["url"].insert(0, "gsiftp://data.example.org:2811//x.nc|application/gridftp|GridFTP")
    archive.files |= dict.fromkeys(places, b"1")
    offer_versions(archive, *files)
    download.download("cmip5", target)
    assert {name for name in names if f"cmip5/{name}" in tree(target)} == set(names[1:])


def test_net_uptake_is_fetched_only_where_its_parts_are_lacking(archive, target):
    fluxes = [flux(variable, run) for variable in ("npp", "rh", "nep") for run in EXPERIMENTS]
    others = [flux(variable, "rcp45", "BNU-ESM") for variable in ("npp", "rh")]
    contents = offer_archive(archive, [*fluxes, *others])
    said = download.download("cmip5", target)
    assert tree(target / "cmip5") == {name: contents[name] for name in [*fluxes[:6], *others]}
    assert "BNU-ESM: ESGF lacks npp historical, npp rcp85, rh historical, rh rcp85\n" in said
    assert "CanESM2" not in said
    shutil.rmtree(target)
    contents = offer_archive(archive, fluxes[1:])
    download.download("cmip5", target)
    assert tree(target / "cmip5") == contents
    offer_archive(archive, fluxes[1:6])
    with pytest.raises(InputError, match="5 files, which make up no model"):
        download.download("cmip5", target)


# Field sites


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


def offer_records(web, monkeypatch, folder: Path, records: pd.DataFrame) -> bytes:
    collections = LISTED["sites"]["collections"]
    (listed,) = (each for each in collections if "srdb-data.csv" in each["files"])
    sites = LISTED["sites"] | {"collections": [listed | {"addresses": [SITES]}]}
    list_downloads(monkeypatch, folder, sites=sites)
    content = web.files[f"{SITES}srdb-data.csv"] = records.to_csv(index=False).encode()
    return content


def test_the_whole_srdb_is_known_by_its_plateau_records(
    known_records, web, monkeypatch, tmp_path, target
):
    content = offer_records(web, monkeypatch, tmp_path, as_srdb_writes(known_records))
    download.download("sites", target)
    assert tree(target) == {"srdb/srdb-data.csv": content}
    web.asked.clear()
    download.download("sites", target)
    assert web.asked == []


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.assign(Rs_annual=rows["Rs_annual"].replace("191", "192")),
        lambda rows: rows[rows["Record_number"] != "12612"],
        lambda rows: rows.assign(Latitude=rows["Latitude"].replace("50", "35")),
        lambda rows: pd.DataFrame({"<html>": ["log in"]}),
    ],
    ids=["a cell", "a record less", "a record more", "a page"],
)
def test_another_srdb_is_not_taken_for_it(
    known_records, web, monkeypatch, tmp_path, target, change
):
    offer_records(web, monkeypatch, tmp_path, change(as_srdb_writes(known_records)))
    with pytest.raises(InputError, match=r"srdb-data\.csv"):
        download.download("sites", target)
    assert set(tree(target)) == {"unfinished.part"}


# The command


@pytest.mark.parametrize("word", ["?", "gldass", "/no/such/folder", "GLDAS"])
def test_an_unknown_word_is_refused_with_the_known_ones(word, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["data", word])
    assert data.main() == 1
    said = capsys.readouterr().err
    for known in (*SOURCES, "or a folder", f"SOURCE={word}"):
        assert known in said
