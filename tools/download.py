"""``make data SOURCE=gldas | cmip5 | fieldsites``: fetch genuine files.

Each archive is asked through its field's own client (earthaccess, intake-esgf, pooch); the files
come through :mod:`tools.transfer`. ``data/downloads.yml`` says what is fetched.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import tempfile
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pandas as pd
import yaml

from helpers.errors import InputError
from helpers.paths import DATA, DOWNLOADS

if TYPE_CHECKING:
    import requests

    from tools.transfer import Wanted

LISTED = DATA / "downloads.yml"
SOURCES = {"gldas": "earthaccess", "cmip5": "intake_esgf", "fieldsites": "pooch"}
_LOGIN = (
    "set EARTHDATA_TOKEN, or EARTHDATA_USERNAME and EARTHDATA_PASSWORD, or write a line "
    "'machine urs.earthdata.nasa.gov login NAME password PASSWORD' into ~/.netrc (mode 600); "
    "an account is free at https://urs.earthdata.nasa.gov"
)
_APPROVE = (
    "log in at https://urs.earthdata.nasa.gov and approve 'NASA GESDISC DATA ARCHIVE' under "
    "Applications, Authorized Apps; check the login that you gave; then run the command again"
)
_CONNECT = "check the connection, or try again later"
_DIGESTS = ("md5", "sha1", "sha256", "sha384", "sha512")


def download(source: str, downloads: Path = DOWNLOADS) -> str:
    """Fetch a collection of genuine files, and say what can be done with it.

    Parameters
    ----------
    source : str
        gldas, cmip5 or fieldsites.
    downloads : path
        Where its folder is made.

    Returns
    -------
    str
        For the reader.

    Raises
    ------
    InputError
        If the client is not installed, its archive does not answer or has not all files, a login
        is needed, or anything that :func:`tools.transfer.fetch` refuses.
    """
    for package in ("pooch", SOURCES[source]):
        if importlib.util.find_spec(package) is None:
            raise InputError(
                f"make data SOURCE={source}",
                needed=f"the Python package {package.replace('_', '-')}",
                found="it is not installed",
                mend=".venv/bin/python -m pip install --require-hashes -r requirements.lock",
            )
    listed = yaml.safe_load(LISTED.read_text(encoding="utf-8"))[source]
    fetch = {"gldas": _fetch_gldas, "cmip5": _fetch_cmip5, "fieldsites": _fetch_field_sites}
    return fetch[source](listed, downloads)


def _fetch_gldas(listed: dict, downloads: Path) -> str:
    from helpers.readers.gldas import open_gldas
    from tools import transfer

    folder = downloads / listed["folder"]
    pinned = [
        transfer.Wanted(name, (), (f"sha256:{about['sha256']}",), about["bytes"])
        for name, about in listed["files"].items()
    ]
    wanted, session = pinned, None
    if transfer.missing(pinned, folder):
        session = _log_in()
        found = _find_granules(listed)
        wanted = [
            one._replace(
                addresses=(found[one.name][0],), checksums=(*one.checksums, *found[one.name][1])
            )
            for one in pinned
        ]
    transfer.fetch(wanted, folder, session, denied=_APPROVE)
    about = f"{len(wanted)} files, verified: {folder}"
    others = transfer.missing(pinned, folder)
    if others:
        open_gldas(folder)
        about += (
            f"\n{len(others)} of them are newer than those that data/embedded was computed from "
            f"({others[0].name}): NASA's checksum holds, but numbers may differ"
        )
    return about + "\nnext: make data (recomputes data/embedded from these files)"


def _log_in() -> requests.Session:
    """Return a session with the reader's Earthdata login, as earthaccess finds it."""
    import earthaccess
    import requests
    from earthaccess.exceptions import LoginAttemptFailure, LoginStrategyUnavailable

    found = "none in the environment or in ~/.netrc"
    for strategy in ("environment", "netrc"):
        try:
            if earthaccess.login(strategy=strategy).authenticated:
                return earthaccess.get_requests_https_session()
        except LoginStrategyUnavailable:
            continue
        except LoginAttemptFailure:
            found = "one that Earthdata does not accept"
        except requests.HTTPError as error:
            found = f"one that Earthdata answers with {error.response.status_code}"
        except requests.RequestException as error:
            raise _no_answer("urs.earthdata.nasa.gov") from error
    raise InputError("NASA Earthdata", needed="a login", found=found, mend=_LOGIN) from None


def _find_granules(listed: dict) -> dict[str, tuple[str, list[str]]]:
    """Return address and checksums of each file, as NASA's catalogue (CMR) gives them."""
    import earthaccess
    import requests

    query = listed["query"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of earthaccess, about itself
            granules = earthaccess.search_data(**query | {"temporal": tuple(query["temporal"])})
    except (requests.RequestException, RuntimeError) as error:
        raise _no_answer("cmr.earthdata.nasa.gov") from error
    found = {}
    for granule in granules:
        about = granule["umm"]
        for link in about.get("RelatedUrls", []):
            name = PurePosixPath(urlsplit(link["URL"]).path).name
            here = link["Type"] == "GET DATA" and _is_host_of(link["URL"], listed["hosts"])
            if here and name in listed["files"]:
                found[name] = link["URL"], _published_checksums(about)
    absent = [name for name in listed["files"] if name not in found]
    if absent:
        raise InputError(
            "cmr.earthdata.nasa.gov",
            needed=f"{len(listed['files'])} files of {query['short_name']} {query['version']}",
            found=f"{len(found)} of them among {len(granules)} answers, without {absent[0]}",
            mend="try again later; if it stays so, the archive has changed: report it, please",
        )
    return found


def _is_host_of(address: str, domain: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" and f".{parts.hostname}".endswith(f".{domain}")


def _published_checksums(about: dict) -> list[str]:
    stored = about.get("DataGranule", {}).get("ArchiveAndDistributionInformation", [])
    sums = [each["Checksum"] for each in stored if "Checksum" in each]
    named = [(each["Algorithm"].replace("-", "").lower(), each["Value"]) for each in sums]
    return [f"{algorithm}:{value}" for algorithm, value in named if algorithm in _DIGESTS]


def _no_answer(host: str) -> InputError:
    return InputError(host, needed="an answer", found="none", mend=_CONNECT)


def _fetch_cmip5(listed: dict, downloads: Path) -> str:
    from tools import transfer

    wanted = _choose_files(_find_cmip5(listed), listed)
    names = [one.name for one in wanted]
    lacks = {model: _lacking(names, model, listed) for model in listed["models"]}
    complete = [model for model, lack in lacks.items() if not lack]
    if not complete:
        raise InputError(
            "ESGF",
            needed="npp and rh (or nep) of one model for " + ", ".join(listed["experiments"]),
            found=f"{len(wanted)} files, which make up no model",
            mend="try again later, or choose other models in data/downloads.yml",
        )
    folder = downloads / listed["folder"]
    transfer.fetch(wanted, folder)
    about = f"{len(wanted)} files, verified: {folder}\n"
    about += "".join(f"{model}: ESGF lacks {lack}\n" for model, lack in lacks.items() if lack)
    return about + f'next: make run NB=14_projections P="source={downloads}"'


def _query(listed: dict) -> dict:
    """Return the facets of CMIP5 that ESGF is asked for."""
    from helpers.readers.earth_system_models import TABLES

    return {
        "project": "CMIP5",
        "model": [*listed["models"], *listed["also_known_as"]],
        "experiment": listed["experiments"],
        "cmor_table": list(listed["members"]),
        "ensemble": list(listed["members"].values()),
        "variable": list(TABLES),
    }


def _find_cmip5(listed: dict) -> list[dict]:
    """Return what ESGF's index says of each file: addresses, checksum, size, data set."""
    import intake_esgf
    import requests
    from globus_sdk import GlobusError
    from intake_esgf.exceptions import NoSearchResults

    query = _query(listed)
    try:
        with (
            tempfile.TemporaryDirectory() as unused,
            intake_esgf.conf.set(local_cache=[unused], esg_dataroot=[]),
        ):
            found = []
            for index in intake_esgf.ESGFCatalog().indices:
                # ESGFCatalog.search does this too, but loses identifiers where pandas is 3 or newer
                sets = index.search(type="Dataset", latest=True, retracted=False, **query)
                if len(sets):
                    found += index.get_file_info(
                        sorted(set(sets["id"])), variable=query["variable"]
                    )
    except NoSearchResults:
        found = []
    except (requests.RequestException, GlobusError) as error:
        raise _no_answer("ESGF's index") from error
    except (AttributeError, KeyError, ValueError) as error:
        raise InputError(
            "ESGF's index",
            needed="an answer that intake-esgf can read",
            found=repr(error),
            mend="look for a newer intake-esgf, or choose other models in data/downloads.yml",
        ) from error
    if not found:
        raise InputError(
            "ESGF's index", needed="CMIP5 files of the models", found="none", mend=_CONNECT
        )
    return found


def _choose_files(found: Iterable[dict], listed: dict) -> list[Wanted]:
    """Choose the newest version of each file that is needed and has a checksum."""
    from tools.transfer import Wanted

    versions: dict[str, dict[tuple[int, str], Wanted]] = {}
    for about in found:
        algorithm = str(about["checksum_type"]).replace("-", "").lower()
        if algorithm not in _DIGESTS or not about["checksum"]:
            continue  # nothing would prove the file
        for address in about["HTTPServer"]:
            name = PurePosixPath(urlsplit(address).path).name
            if not _is_needed(name, listed):
                continue
            digits = f"{algorithm}:{about['checksum']}"
            version = re.search(r"\.v?(\d+)(\||$)", about["dataset_id"])
            key = int(version[1]) if version else 0, digits
            one = versions.setdefault(name, {}).setdefault(
                key, Wanted(name, (), (digits,), about["size"])
            )
            addresses = dict.fromkeys((*one.addresses, address))
            versions[name][key] = one._replace(addresses=tuple(sorted(addresses, key=_is_open)))
    newest = [each[max(each)] for _, each in sorted(versions.items())]
    names = [one.name for one in newest]
    whole = [
        model for model in listed["models"] if not _lacking(names, model, listed, ("npp", "rh"))
    ]
    return [one for one in newest if not one.name.startswith("nep_") or _model(one) not in whole]


def _is_open(address: str) -> bool:
    return urlsplit(address).scheme != "https"


def _is_needed(name: str, listed: dict) -> bool:
    """Say whether a name is that of a wanted variable, table, model, experiment and period."""
    from helpers.readers.earth_system_models import TABLES

    words = name.removesuffix(".nc").split("_")
    if not name.endswith(".nc") or len(words) not in (5, 6):
        return False
    variable, table, model, experiment, member, *period = words
    dates = re.fullmatch(r"(\d{4})\d*-(\d{4})\d*", period[0]) if period else None
    if period and not dates:
        return False
    first, last = listed["years"]
    return (
        TABLES.get(variable) == table
        and listed["members"][table] == member
        and model in listed["models"]
        and experiment in listed["experiments"]
        and (not dates or (int(dates[1]) <= last and int(dates[2]) >= first))
    )


def _model(one: Wanted) -> str:
    return one.name.split("_")[2]


def _lacking(
    names: list[str], model: str, listed: dict, variables: tuple[str, ...] | None = None
) -> str:
    """Say which fluxes of a model are lacking: npp and rh, or nep in their place."""
    have = {tuple(name.split("_")[:4]) for name in names}

    def lack(needed: tuple[str, ...]) -> list[str]:
        return [
            f"{variable} {experiment}"
            for variable in needed
            for experiment in listed["experiments"]
            if (variable, "Lmon", model, experiment) not in have
        ]

    if variables is None and not lack(("nep",)):
        return ""
    return ", ".join(lack(variables or ("npp", "rh")))


def _fetch_field_sites(listed: list[dict], downloads: Path) -> str:
    from tools import transfer

    wanted = [one for collection in listed for one in _field_files(collection, downloads)]
    transfer.fetch(wanted, downloads)
    return (
        f"{len(wanted)} files, verified: {', '.join(sorted({c['folder'] for c in listed}))} in "
        f"{downloads}\nnext: make run NB=20_field_sites"
    )


def _field_files(collection: dict, downloads: Path) -> list[Wanted]:
    import pooch

    from tools.transfer import Wanted

    folder = collection["folder"]
    known = {name: about.get("sha256") for name, about in collection["files"].items()}
    places = [
        pooch.create(path=downloads / folder, base_url=address, registry=known)
        for address in collection["addresses"]
    ]
    return [
        Wanted(
            f"{folder}/{name}",
            tuple(place.get_url(name) for place in places),
            (f"sha256:{known[name]}",) if known[name] else (),
            about.get("bytes"),
            None if known[name] else _plateau_check(about["plateau_sha256"]),
        )
        for name, about in collection["files"].items()
    ]


def _plateau_check(digits: str) -> Callable[[Path], None]:
    """Return a check of ``srdb-data.csv``: what the book reads of it is what it always read."""

    def check(path: Path) -> None:
        found = plateau_digest(path)
        if found != digits:
            raise InputError(
                path, needed=f"the known records, {digits}", found=found, mend="download it again"
            )

    return check


def plateau_digest(path: Path) -> str:
    """Return the SHA-256 of the Plateau's records in a table of SRDB, or in a part of it.

    Parameters
    ----------
    path : path
        ``srdb-data.csv``, or rows of it. How numbers are written (3240 or 3240.0), the order of
        rows and what lies elsewhere make no difference.

    Raises
    ------
    InputError
        If :func:`helpers.readers.read_respiration`, which says which records these are, cannot
        read it.
    """
    from helpers.readers.respiration import read_respiration

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "srdb-data.csv").symlink_to(path.resolve())
        chosen = read_respiration(folder).index
    rows = pd.read_csv(path, dtype=str).fillna("")
    rows.index = pd.to_numeric(rows["Record_number"], errors="coerce")
    rows = rows.loc[sorted(chosen)].apply(lambda column: column.str.strip())
    for name, column in rows.items():
        number = pd.to_numeric(column, errors="coerce")
        rows[name] = column.where(number.isna(), number.map("{:.10g}".format))
    text = rows.to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()
