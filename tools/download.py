"""``make data SOURCE=gldas | cmip5 | sites``: fetch genuine files.

``data/downloads.yml`` says what; earthaccess and intake-esgf find it; pooch fetches and verifies.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import filelock
import pooch
import requests
import yaml
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util import Retry

from helpers.errors import InputError
from helpers.paths import DATA, DOWNLOADS
from helpers.readers.respiration import read_respiration
from tools.disk_space import require_disk_space

LISTED = DATA / "downloads.yml"
_LOGIN = (
    "set EARTHDATA_TOKEN, or EARTHDATA_USERNAME and EARTHDATA_PASSWORD, or write a line "
    "'machine urs.earthdata.nasa.gov login NAME password PASSWORD' into ~/.netrc (mode 600); "
    "an account is free at https://urs.earthdata.nasa.gov"
)
_APPROVE = (
    "log in at https://urs.earthdata.nasa.gov and approve 'NASA GESDISC DATA ARCHIVE' under "
    "Applications, Authorized Apps; check the login that you gave; then run the command again"
)
_DIGESTS = ("md5", "sha1", "sha256", "sha384", "sha512")
_BUSY = (429, 500, 502, 503, 504)


class Wanted(NamedTuple):
    """A file, known by its checksum (``algorithm:digits``), or by that of the records in it."""

    name: str
    addresses: list[str]
    checksum: str | None
    size: int = 0
    records: str | None = None


def download(source: str, downloads: Path = DOWNLOADS) -> str:
    """Fetch a collection of SOURCES into a folder, and say what can be done with it."""
    listed = yaml.safe_load(LISTED.read_text(encoding="utf-8"))[source]
    return SOURCES[source](listed, downloads)


def _fetch(wanted: list[Wanted], folder: Path, session: requests.Session, plain=False) -> None:
    """Fetch what is missing or damaged in a folder; `plain` allows http, for known checksums.

    The subfolder ``unfinished.part`` marks it as incomplete until all is there (helpers.paths).
    """
    left = [one for one in wanted if not _is_in(folder, one)]
    part, size = folder / "unfinished.part", sum(one.size for one in left) / 1e6
    if left:
        print(f"{len(left)} files to fetch, {size:.1f} MB: {folder}", file=sys.stderr)
        save = partial(_save, session=_prepare(session, plain))
        try:
            with require_disk_space(part, size), filelock.FileLock(part / "lock", timeout=0):
                failures = [text for one in left if (text := _fetch_one(one, part, save))]
        except filelock.Timeout as error:
            raise InputError(
                folder,
                needed="one download into this folder at a time",
                found="another one under way",
                mend="wait until it has ended, or stop it",
            ) from error
        if failures:
            raise InputError(
                folder,
                needed=f"{len(left)} files that were missing",
                found=f"{len(failures)} of them could not be had:{''.join(failures[:4])}",
                mend="run the same command again: files that have arrived are kept",
            )
    shutil.rmtree(part, ignore_errors=True)


def _is_in(folder: Path, one: Wanted) -> bool:
    path = folder / one.name
    if not path.is_file():
        return False
    if one.records:
        return _digest_of_records(folder) == one.records
    algorithm, digits = one.checksum.split(":")
    return pooch.file_hash(path, alg=algorithm) == digits


def _prepare(session: requests.Session, plain: bool) -> requests.Session:
    """Let a session ask busy servers again; without `plain`, not even a redirect leads to http."""
    retries = Retry(
        total=3, connect=0, read=0, backoff_factor=1, status_forcelist=_BUSY, retry_after_max=120
    )
    session.mount("https://", HTTPAdapter(max_retries=retries))
    session.mount("http://", HTTPAdapter(max_retries=retries))
    if not plain:
        del session.adapters["http://"]
    return session


def _fetch_one(one: Wanted, part: Path, save: Callable) -> str:
    """Fetch a file from the first address that gives it; if none does, return the last reason."""
    failure = "no address in the archive's catalogue"
    for address in one.addresses:
        about = {"registry": {one.name: one.checksum}, "urls": {one.name: address}}
        place = pooch.create(part, base_url="", retry_if_failed=1, **about)
        try:
            path = Path(place.fetch(one.name, downloader=save))
            if one.checksum or _is_in(part, one):  # pooch has compared the checksum
                path.replace(part.parent / one.name)
                return ""
            path.unlink()
            failure = f"not the records that are known, at {address}"
        except InputError:
            raise
        except (ValueError, requests.RequestException) as error:
            cause = next(iter(error.args), None)
            failure = str(getattr(cause, "reason", error))  # of many tries: of the last one
    return f"\n    {one.name}: {failure}"


def _save(address: str, path: str, _, session: requests.Session) -> None:
    """Write a file, as pooch asks for it."""
    with session.get(address, stream=True, timeout=(10, 60)) as answer:
        answer.raise_for_status()
        bar = {"desc": PurePosixPath(address).name, "unit": "B", "unit_scale": True}
        bar |= {"total": int(answer.headers.get("Content-Length", 0)), "leave": False}
        with Path(path).open("wb") as file, tqdm(**bar, disable=None) as progress:
            for piece in answer.iter_content(1 << 16):
                progress.update(file.write(piece))


def _fetch_gldas(listed: dict, downloads: Path) -> str:
    folder, session = downloads / listed["folder"], requests.Session()
    wanted = [
        Wanted(name, [], f"sha256:{about['sha256']}", about["bytes"])
        for name, about in listed["files"].items()
    ]
    if not all(_is_in(folder, one) for one in wanted):
        session, found = _log_in(), _find_granules(listed)
        wanted = [one._replace(addresses=found[one.name]) for one in wanted]
    _fetch(wanted, folder, session)
    return (
        f"{len(wanted)} files, verified: {folder}\n"
        "next: make data (recomputes data/embedded from these files)"
    )


def _log_in() -> requests.Session:
    """Return a session with the reader's Earthdata login, which it shows to Earthdata only.

    ``earthaccess.login`` would show it to http://169.254.169.254 too, to see whether this machine
    is one of Amazon's.
    """
    from earthaccess import Auth
    from earthaccess.exceptions import LoginAttemptFailure, LoginStrategyUnavailable

    found = "none in the environment or in ~/.netrc"
    for strategy in ("environment", "netrc"):
        try:
            session = Auth().login(strategy).get_session()
        except LoginStrategyUnavailable:
            continue
        except LoginAttemptFailure:
            found = "one that Earthdata does not accept"
        except requests.RequestException as error:
            raise _no_answer("urs.earthdata.nasa.gov", error) from error
        else:
            session.hooks["response"].append(_refuse_login_page)
            return session
    raise InputError("NASA Earthdata", needed="a login", found=found, mend=_LOGIN)


def _refuse_login_page(answer: requests.Response, **_) -> None:
    page = answer.status_code == 200 and "text/html" in answer.headers.get("Content-Type", "")
    if page or answer.status_code in (401, 403):
        answer.close()
        found = f"{answer.status_code} {answer.reason}" + " and a web page" * page
        needed = "a login that may have this file"
        raise InputError(answer.url.partition("?")[0], needed=needed, found=found, mend=_APPROVE)


def _find_granules(listed: dict) -> dict[str, list[str]]:
    """Ask NASA's catalogue (CMR) for the addresses of the files."""
    import earthaccess

    query = listed["query"] | {"temporal": tuple(listed["query"]["temporal"])}
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # about itself
            granules = earthaccess.search_data(**query)
    except (requests.RequestException, RuntimeError) as error:
        raise _no_answer("cmr.earthdata.nasa.gov", error) from error
    nasa = re.compile(rf"https://[\w.-]+\.{re.escape(listed['hosts'])}/.*?([^/?#]+)")
    found = defaultdict(list)
    for link in (link for granule in granules for link in granule.data_links(access="external")):
        if match := nasa.fullmatch(link):  # a login is shown to no other host
            found[match[1]].append(link)
    return found


def _no_answer(host: str, error: Exception) -> InputError:
    mend = "check the connection, or try again later"
    return InputError(host, needed="an answer", found=repr(error), mend=mend)


def _fetch_cmip5(listed: dict, downloads: Path) -> str:
    chosen = _choose_files(_find_cmip5(listed), listed)
    have = {tuple(one.name.split("_")[:4]) for one in chosen}

    def lacking(model: str, *variables: str) -> str:
        runs = product(variables, listed["experiments"])
        lack = [f"{name} {run}" for name, run in runs if (name, "Lmon", model, run) not in have]
        return ", ".join(lack)

    parts_lack = {model: lacking(model, "npp", "rh") for model in listed["models"]}
    lacks = {model: lack for model, lack in parts_lack.items() if lack and lacking(model, "nep")}
    if len(lacks) == len(parts_lack):
        raise InputError(
            "ESGF's index",
            needed="npp and rh (or nep) of one model for " + ", ".join(listed["experiments"]),
            found=f"{len(chosen)} files, which make up no model",
            mend="try again later, or choose other models in data/downloads.yml",
        )
    spared = tuple(f"nep_Lmon_{model}_" for model, lack in parts_lack.items() if not lack)
    chosen = [one for one in chosen if not one.name.startswith(spared)]
    folder = downloads / listed["folder"]
    _fetch(chosen, folder, requests.Session(), plain=True)
    about = [f"{len(chosen)} files, verified: {folder}"]
    about += [f"{model}: ESGF lacks {lack}" for model, lack in lacks.items()]
    return "\n".join([*about, f'next: make run NB=14_projections P="source={downloads}"'])


def _find_cmip5(listed: dict) -> list[dict]:
    """Return what ESGF's index says of each file: path, addresses, checksum, size, data set.

    ``ESGFCatalog.search``, which would ask it, loses identifiers where pandas is 3 or newer.
    """
    import intake_esgf
    from globus_sdk import GlobusError
    from intake_esgf.core import GlobusESGFIndex

    query = {
        "project": "CMIP5",
        "model": [*listed["models"], *listed["also_known_as"]],
        "experiment": listed["experiments"],
        "cmor_table": list(listed["members"]),
        "ensemble": list(listed["members"].values()),
        "variable": list(listed["variables"]),
    }
    found = []
    try:
        for name in (name for name, used in intake_esgf.conf["globus_indices"].items() if used):
            index = GlobusESGFIndex(name)
            sets = index.search(type="Dataset", latest=True, retracted=False, **query)
            if len(sets):
                found += index.get_file_info(sorted(set(sets["id"])), variable=query["variable"])
    except (requests.RequestException, GlobusError, AttributeError, KeyError, ValueError) as error:
        raise _no_answer("ESGF's index", error) from error
    return found


def _choose_files(found: list[dict], listed: dict) -> list[Wanted]:
    """Choose the newest version of each needed file that has a checksum, with all its addresses."""
    runs = {
        f"{variable}_{table}_{model}_{experiment}_{listed['members'][table]}"
        for variable, table in listed["variables"].items()
        for model, experiment in product(listed["models"], listed["experiments"])
    }
    first, last = listed["years"]
    chosen: dict[str, Wanted] = {}
    for about in sorted(found, key=lambda about: about["dataset_id"].partition("|")[0]):
        name, algorithm = about["path"].name, str(about["checksum_type"]).replace("-", "").lower()
        match = re.fullmatch(r"(.+?)(?:_(\d{4})\d*-(\d{4})\d*)?\.nc", name)
        if not (match and match[1] in runs and algorithm in _DIGESTS and about["checksum"]):
            continue
        if match[2] and not (int(match[2]) <= last and int(match[3]) >= first):
            continue
        one = Wanted(name, about["HTTPServer"], f"{algorithm}:{about['checksum']}", about["size"])
        same = [each for each in (chosen.get(name),) if each and each.checksum == one.checksum]
        addresses = {address for each in (one, *same) for address in each.addresses}
        chosen[name] = one._replace(addresses=sorted(addresses, reverse=True))  # https first
    return [one for _, one in sorted(chosen.items())]


def _fetch_sites(listed: list[dict], downloads: Path) -> str:
    for collection in listed:
        wanted = []
        for name, about in collection["files"].items():
            path = about.get("path", name)
            addresses = [address + path for address in collection["addresses"]]
            known = f"sha256:{about['sha256']}" if "sha256" in about else None
            size, records = about.get("bytes", 0), about.get("records_sha256")
            wanted.append(Wanted(name, addresses, known, size, records))
        _fetch(wanted, downloads / collection["folder"], requests.Session())
    number = sum(len(collection["files"]) for collection in listed)
    return f"{number} files, verified: {downloads}\nnext: make run NB=00_where_the_sites_are"


def _digest_of_records(folder: Path) -> str:
    """Return the SHA-256 of what the book reads of ``srdb-data.csv``."""
    try:
        records = read_respiration(folder).sort_index().sort_index(axis=1)
    except InputError as refusal:
        return str(refusal)
    text = records.to_csv(float_format="%.10g", lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


SOURCES = {"gldas": _fetch_gldas, "cmip5": _fetch_cmip5, "sites": _fetch_sites}
