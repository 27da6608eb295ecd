"""``make data SOURCE=gldas | cmip5 | cmip6 | sites | models``: fetch genuine files.

``data/downloads.yml`` says what; earthaccess and intake-esgf find it; pooch fetches and verifies.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import quote, urlsplit

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
SUMS = DATA / "downloads.sha256"
_LOGIN = (
    "set EARTHDATA_TOKEN, or EARTHDATA_USERNAME and EARTHDATA_PASSWORD, or write a line "
    "'machine urs.earthdata.nasa.gov login NAME password PASSWORD' into ~/.netrc (mode 600); "
    "an account is free at https://urs.earthdata.nasa.gov"
)
_APPROVE = (
    "log in at https://urs.earthdata.nasa.gov; approve 'NASA GESDISC DATA ARCHIVE' under "
    "Applications, Authorized Apps, and accept what EULAs lists; check the login that you gave (a "
    "token lasts 60 days); then run the command again"
)
_PATIENCE = 3  # refusals in a row, before a host is asked no more
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
    return SOURCES[source](_load()[source], downloads)


def describe() -> str:
    """Return the words of SOURCES, a line each, with what they bring."""
    return "\n".join(f"    {word:8}{listed['brings']}" for word, listed in _load().items())


def _load() -> dict[str, dict]:
    return yaml.safe_load(LISTED.read_text(encoding="utf-8"))


def _fetch(wanted: list[Wanted], folder: Path, session: requests.Session, plain=False) -> None:
    """Fetch what is missing or damaged in a folder; `plain` allows http, for known checksums.

    The subfolder ``unfinished.part`` marks it as incomplete until all is there (helpers.paths).
    """
    left = [one for one in wanted if not _is_in(folder, one)]
    part, size = folder / "unfinished.part", sum(one.size for one in left) / 1e6
    if left:
        print(f"{len(left)} files to fetch, {size:.1f} MB: {folder}", file=sys.stderr)
        pooch.get_logger().setLevel("WARNING")  # no two addresses a file; the bar is enough
        save, silent = partial(_save, session=_prepare(session, plain)), Counter()
        try:
            with require_disk_space(part, size), filelock.FileLock(part / "lock", timeout=0):
                failures = [text for one in left if (text := _fetch_one(one, part, save, silent))]
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


def _fetch_one(one: Wanted, part: Path, save: Callable, silent: Counter) -> str:
    """Fetch a file from the first address that gives it; if none does, return the last reason.

    `silent` counts how often in a row each host gave no connection: such hosts come last, then
    not at all.
    """
    failure = "no address in the archive's catalogue"
    for address in sorted(one.addresses, key=lambda address: silent[urlsplit(address).netloc]):
        host = urlsplit(address).netloc
        if silent[host] == _PATIENCE:
            failure = f"{host} does not answer"
            continue
        about = {"registry": {one.name: one.checksum}, "urls": {one.name: address}}
        place = pooch.create(part, base_url="", retry_if_failed=1, **about)
        try:
            path = Path(place.fetch(one.name, downloader=save))
            silent[host] = 0
            if one.checksum or _is_in(part, one):  # pooch has compared the checksum
                final = part.parent / one.name
                final.parent.mkdir(exist_ok=True, parents=True)
                path.replace(final)
                return ""
            path.unlink()
            failure = f"not the records that are known, at {address}"
        except InputError:
            raise
        except (ValueError, requests.RequestException) as error:
            silent[host] += isinstance(error, requests.ConnectionError)
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


def _no_answer(host: str, error: Exception, mend="try again later") -> InputError:
    mend = f"check the connection, or {mend}"
    return InputError(host, needed="an answer", found=repr(error), mend=mend)


def _fetch_cmip(listed: dict, downloads: Path) -> str:
    folder, runs = downloads / listed["folder"], listed["experiments"]
    terms = [listed["project"], *listed["variables"], *runs, *listed["models"]]
    terms += listed["members"]["Lmon"]
    by_hand = (
        "try again later, or fetch by hand: search a portal of https://esgf.github.io/nodes.html "
        f"for {', '.join(terms)} (table Lmon; of sftlf: fx), and put the files as they come into "
        f'{folder}, where make run NB=14_projections P="source={folder}" reads them'
    )
    chosen = _choose_files(_find_files(listed, by_hand), listed)
    have = {tuple(one.name.split("_")[:4]) for one in chosen}

    def lacking(model: str, *variables: str) -> str:
        wanted = product(variables, runs)
        lack = [f"{name} {run}" for name, run in wanted if (name, "Lmon", model, run) not in have]
        return ", ".join(lack)

    parts_lack = {model: lacking(model, "npp", "rh") for model in listed["models"]}
    lacks = {model: lack for model, lack in parts_lack.items() if lack and lacking(model, "nep")}
    if len(lacks) == len(parts_lack):
        raise InputError(
            "ESGF's index",
            needed=f"npp and rh (or nep) of one {listed['project']} model for " + ", ".join(runs),
            found=f"{len(chosen)} files, which make up no model",
            mend=by_hand,
        )
    spared = tuple(f"nep_Lmon_{model}_" for model, lack in parts_lack.items() if not lack)
    chosen = [one for one in chosen if not one.name.startswith(spared)]
    _fetch(chosen, folder, requests.Session(), plain=True)
    about = [f"{len(chosen)} files, verified: {folder}"]
    about += [f"{model}: ESGF lacks {lack}" for model, lack in lacks.items()]
    return "\n".join([*about, f'next: make run NB=14_projections P="source={folder}"'])


def _find_files(listed: dict, by_hand: str) -> list[dict]:
    """Return what ESGF's index says of each file of the wanted data sets.

    intake-esgf's own search for files ends at the first without checksum or usual address.
    """
    import intake_esgf
    from globus_sdk import GlobusError, SearchScrollQuery
    from intake_esgf.core import GlobusESGFIndex

    model, experiment, table, member, variable = listed["facets"]
    query = {
        "project": listed["project"],
        model: [*listed["models"], *listed.get("also_known_as", [])],
        experiment: listed["experiments"],
        table: list(listed["members"]),
        member: [name for names in listed["members"].values() for name in names],
        variable: list(listed["variables"]),
    }
    found = []
    try:
        for name in (name for name, used in intake_esgf.conf["globus_indices"].items() if used):
            index = GlobusESGFIndex(name)
            sets = index.search(type="Dataset", latest=True, retracted=False, **query)
            if not len(sets):
                continue
            asked = SearchScrollQuery("").set_limit(1000)
            asked.add_filter("type", ["File"], type="match_any")
            asked.add_filter("dataset_id", sorted(set(sets["id"])), type="match_any")
            asked.add_filter(variable, query[variable], type="match_any")
            for page in index.client.paginated.scroll(index.index_id, asked):
                found += [each["entries"][0]["content"] for each in page["gmeta"]]
    except (requests.RequestException, GlobusError, AttributeError, KeyError, ValueError) as error:
        raise _no_answer("ESGF's index", error, by_hand) from error
    return found


def _choose_files(found: list[dict], listed: dict) -> list[Wanted]:
    """Choose the newest version of each needed file that has a checksum, with all its addresses."""
    runs = {
        f"{variable}_{table}_{model}_{experiment}_{member}"
        for variable, table in listed["variables"].items()
        for model, experiment, member in product(
            listed["models"], listed["experiments"], listed["members"][table]
        )
    }
    first, last = listed["years"]
    chosen: dict[str, Wanted] = {}
    for about in sorted(found, key=lambda about: about["dataset_id"].partition("|")[0]):
        name, digits = about["title"], (about.get("checksum") or [None])[0]
        algorithm = str((about.get("checksum_type") or [None])[0]).replace("-", "").lower()
        addresses = [url.split("|")[0] for url in about["url"] if url.endswith("|HTTPServer")]
        match = re.fullmatch(r"(.+?)(?:_g\w+?)?(?:_(\d{4})\d*-(\d{4})\d*)?\.nc", name)
        if not (match and match[1] in runs and algorithm in _DIGESTS and digits and addresses):
            continue
        if match[2] and not (int(match[2]) <= last and int(match[3]) >= first):
            continue
        one = Wanted(name, addresses, f"{algorithm}:{digits}", about["size"])
        same = [each for each in (chosen.get(name),) if each and each.checksum == one.checksum]
        addresses = {address for each in (one, *same) for address in each.addresses}
        chosen[name] = one._replace(addresses=sorted(addresses, reverse=True))  # https first
    return [one for _, one in sorted(chosen.items())]


def _fetch_pinned(listed: dict, downloads: Path) -> str:
    sums = [line.split("  ", 1) for line in SUMS.read_text(encoding="utf-8").splitlines()]
    wanted = defaultdict(list)
    for collection in listed["collections"]:
        folder, addresses = collection["folder"], collection["addresses"]
        files = collection.get("files") or {
            name.removeprefix(f"{folder}/"): {"sha256": digits, "bytes": collection["mean_bytes"]}
            for digits, name in sums
            if name.startswith(f"{folder}/")
        }
        for name, about in files.items():
            path = quote(about.get("path", name))
            known = f"sha256:{about['sha256']}" if "sha256" in about else None
            size, records = about.get("bytes", 0), about.get("records_sha256")
            one = Wanted(name, [address + path for address in addresses], known, size, records)
            wanted[folder].append(one)
    for folder, files in wanted.items():
        _fetch(files, downloads / folder, requests.Session())
    number = sum(map(len, wanted.values()))
    return f"{number} files, verified: {downloads}\nnext: {listed['next']}"


def _digest_of_records(folder: Path) -> str:
    """Return the SHA-256 of what the book reads of ``srdb-data.csv``."""
    try:
        records = read_respiration(folder).sort_index().sort_index(axis=1)
    except InputError as refusal:
        return str(refusal)
    text = records.to_csv(float_format="%.10g", lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


SOURCES = {
    "gldas": _fetch_gldas,
    "cmip5": _fetch_cmip,
    "cmip6": _fetch_cmip,
    "sites": _fetch_pinned,
    "models": _fetch_pinned,
}
