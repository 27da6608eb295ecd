"""Fetch files over HTTP: resumed, verified, and never half-written under a final name.

What has arrived of a file waits beside its final name in ``NAME.part``; ``NAME.source.part`` says
where it came from and in which version. The next run takes both up, however the last one ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO
from urllib.parse import urljoin, urlsplit

import pooch
import requests
from tqdm import tqdm
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from helpers.errors import InputError
from tools.disk_space import FULL

_TRIES = 5
_LONGEST_PAUSE = 120  # seconds
_TIMEOUT = (10, 60)  # seconds, to connect and between two pieces
_PIECE = 1 << 13  # bytes; a piece that is cut is lost
_SHOWN = 4  # files that could not be had
_BUSY = (429, 500, 502, 503, 504)
_CUT = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_HERE = ("127.0.0.1", "::1", "localhost")
_AGAIN = "run the same command again: what has arrived is kept"


class Wanted(NamedTuple):
    """A file to fetch.

    Attributes
    ----------
    name : str
        Its final name in the folder, or in a subfolder (``srdb/srdb-data.csv``).
    addresses : tuple of str
        Where it can be had; the first one first.
    checksums : tuple of str
        ``algorithm:digits``; any of them proves the file.
    size : int or None
        In bytes, if known.
    check : callable or None
        Raises InputError for a wrong file, where no checksum is known.
    """

    name: str
    addresses: tuple[str, ...] = ()
    checksums: tuple[str, ...] = ()
    size: int | None = None
    check: Callable[[Path], None] | None = None


class _UnavailableError(InputError):
    """One address does not give the file; another one, or other files, may be had."""


class _Anonymous(requests.Session):
    """A session that shows no login to anyone, not even one of ``~/.netrc``."""

    def __init__(self) -> None:
        super().__init__()
        self.auth = lambda request: request

    def rebuild_auth(self, prepared_request, response) -> None:
        """Show none on the way of a redirect either."""
        prepared_request.headers.pop("Authorization", None)


def open_session() -> requests.Session:
    """Return a session without any login; proxies are those of the environment."""
    return _Anonymous()


def missing(wanted: Sequence[Wanted], folder: Path) -> list[Wanted]:
    """Return the files that are not in the folder, or are not what they should be.

    Parameters
    ----------
    wanted : sequence of Wanted
        The files, each with a checksum or a check.
    folder : path
        Where they should be.
    """
    return [one for one in wanted if not _is_verified(folder / one.name, one)]


def fetch(
    wanted: Sequence[Wanted],
    folder: Path,
    session: requests.Session | None = None,
    denied: str = "",
) -> None:
    """Fetch what is missing in a folder, and verify it.

    Parameters
    ----------
    wanted : sequence of Wanted
        The files, each with a checksum or a check.
    folder : path
        Made if there is none. Files of other names are left alone.
    session : requests.Session
        With its login, if one is needed; it is closed. Without, no login is shown.
    denied : str
        What to do where a login is refused. Without it, another address is tried.

    Raises
    ------
    InputError
        If another run fetches into this folder, the disk is or would be full, a login is refused,
        or a file could not be had. All that arrived and was verified stays.
    """
    with _alone(folder), session or open_session() as session:
        session.hooks["response"].append(_watch_redirect)
        _fetch_missing(wanted, folder, session, denied)


def _fetch_missing(
    wanted: Sequence[Wanted], folder: Path, session: requests.Session, denied: str
) -> None:
    left = missing(wanted, folder)
    for one in wanted:
        if one not in left:
            _discard(folder / one.name)
    if not left:
        return
    size, stored = _plan(left, folder, session)
    print(
        f"{len(left)} of {len(wanted)} files to fetch, {_show(size - stored)}: {folder}",
        file=sys.stderr,
    )
    failures, silent = [], set()
    with tqdm(
        total=size,
        initial=stored,
        unit="B",
        unit_scale=True,
        disable=None,
        file=sys.stderr,
        leave=False,
    ) as bar:
        for number, one in enumerate(left, start=1):
            bar.set_description(f"file {number} of {len(left)}")
            damaged = (folder / one.name).exists()
            try:
                _fetch_one(one, folder, session, denied, bar, silent)
            except _UnavailableError as failure:
                failures.append(f"{one.name}: {failure.found} ({failure.where})")
                continue
            if bar.disable:
                about = ", in place of a damaged file" if damaged else ""
                stored = _show((folder / one.name).stat().st_size)
                print(f"{one.name}: {stored}, verified{about}", file=sys.stderr)
    if failures:
        shown, more = failures[:_SHOWN], len(failures) - _SHOWN
        shown += [f"and {more} more"] if more > 0 else []
        raise InputError(
            folder,
            needed=f"{len(left)} files that were missing",
            found=f"{len(failures)} of them could not be had:\n    " + "\n    ".join(shown),
            mend=_AGAIN,
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second run out of the folder; the lock ends with the process, however it ends."""
    path = folder / "lock.part"
    while True:
        with _open_lock(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(
                    folder,
                    needed="one download into this folder at a time",
                    found="another one under way",
                    mend="wait until it has ended, or stop it",
                ) from error
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                try:
                    yield
                finally:
                    path.unlink()
                    if not any(folder.iterdir()):
                        folder.rmdir()
                return


def _open_lock(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a")
    except OSError as error:
        raise InputError(
            path.parent,
            needed="a folder to write in",
            found=error.strerror,
            mend="change its owner or its mode, or put a link to another folder in its place",
        ) from error


def _is_verified(path: Path, one: Wanted) -> bool:
    return path.is_file() and _fault(path, one) is None


def _fault(path: Path, one: Wanted) -> str | None:
    """Say what is wrong with the bytes of a file."""
    for known in one.checksums:
        algorithm, digits = known.split(":")
        if pooch.file_hash(path, alg=algorithm) == digits.lower():
            return None
    if one.checksums:
        return (
            f"{path.stat().st_size} bytes, sha256 {pooch.file_hash(path)}: not the published file"
        )
    try:
        one.check(path)
    except InputError as refusal:
        return f"{refusal.found}, where {refusal.needed} was needed"
    return None


def _plan(left: Sequence[Wanted], folder: Path, session: requests.Session) -> tuple[int, int]:
    """Return how many bytes the files have and how many of these are here.

    More than the disk has room for is refused.
    """
    stored = [_stored(_part(folder / one.name)) for one in left]
    sizes = [max(_size(one, session), here) for one, here in zip(left, stored, strict=True)]
    free = shutil.disk_usage(folder).free
    if sum(sizes) - sum(stored) > free:
        raise InputError(
            folder,
            needed=f"{_show(sum(sizes) - sum(stored))} of free space",
            found=_show(free),
            mend="free some space, or put a link to a folder on a larger disk in its place",
        )
    return sum(sizes), sum(stored)


def _size(one: Wanted, session: requests.Session) -> int:
    if one.size is not None:
        return one.size
    try:
        headers = {"Accept-Encoding": "identity"}
        answer = session.head(
            one.addresses[0], headers=headers, timeout=_TIMEOUT, allow_redirects=True
        )
        return int(answer.headers.get("Content-Length", 0)) if answer.ok else 0
    except (requests.RequestException, InputError):
        return 0


def _fetch_one(
    one: Wanted, folder: Path, session: requests.Session, denied: str, bar: tqdm, silent: set[str]
) -> None:
    """Fetch a file from the first address that gives it; `silent` hosts are not asked again."""
    failure = None
    for address in one.addresses:
        host = urlsplit(address).netloc
        if host in silent:
            failure = failure or _UnavailableError(
                address, needed="an answer", found="no answer to earlier requests", mend=_AGAIN
            )
            continue
        try:
            return _fetch_from(address, one, folder / one.name, session, denied, bar)
        except requests.RequestException as error:
            silent.add(host)
            failure = _UnavailableError(
                address, needed="an answer", found=_reason(error), mend=_AGAIN
            )
            failure.__cause__ = error
        except _UnavailableError as refusal:
            failure = refusal
    raise failure


def _fetch_from(
    address: str, one: Wanted, path: Path, session: requests.Session, denied: str, bar: tqdm
) -> None:
    part = _part(path)
    for _ in range(2):
        resumed = one.size is not None and _stored(part) >= one.size
        if not resumed:
            resumed = _complete(address, one, path, session, denied, bar)
        fault = _fault(part, one)
        if fault is None:
            part.replace(path)
            _discard(path)
            return
        bar.update(-_stored(part))
        _discard(path)
        if not resumed:
            break
    raise _UnavailableError(address, needed="the published file", found=fault, mend=_AGAIN)


def _complete(
    address: str, one: Wanted, path: Path, session: requests.Session, denied: str, bar: tqdm
) -> bool:
    """Go on with a partial file until the server has sent all, and say whether it was resumed."""
    tries = 0
    while True:
        stored, pause = _stored(_part(path)), 2.0**tries
        try:
            with _ask(address, one, path, session) as response:
                if response.status_code in _BUSY:
                    error = requests.HTTPError(f"{response.status_code} {response.reason}")
                    pause = min(_pause_asked(response) or pause, _LONGEST_PAUSE)
                else:
                    _refuse(response, one, denied)
                    if _store(response, address, path, bar):
                        return response.status_code == 206
                    error, pause = requests.ConnectionError("another version every time"), 0
        except requests.exceptions.SSLError:
            raise
        except _CUT as cut:
            error = cut
        tries = 0 if _stored(_part(path)) > stored else tries + 1
        if tries == _TRIES:
            raise error
        bar.set_postfix_str(f"trying again: {_reason(error)}")
        time.sleep(pause)
        bar.set_postfix_str("")


def _pause_asked(response: requests.Response) -> float | None:
    try:
        return Retry().get_retry_after(response.raw)
    except InvalidHeader:
        return None


def _ask(address: str, one: Wanted, path: Path, session: requests.Session) -> requests.Response:
    """Ask for a file, or for the rest of it if that is known to fit what is there."""
    if not (_is_https(address) or _is_here(address) or one.checksums):
        raise _UnavailableError(
            address, needed="https", found="an open connection, and no checksum", mend=_AGAIN
        )
    headers = {"Accept-Encoding": "identity"}
    stored, (origin, version) = _stored(_part(path)), _read_origin(path)
    if stored and origin == address and version:
        headers |= {"Range": f"bytes={stored}-", "If-Range": version}
    elif stored and one.checksums:
        headers |= {"Range": f"bytes={stored}-"}
    return session.get(address, headers=headers, stream=True, timeout=_TIMEOUT)


def _refuse(response: requests.Response, one: Wanted, denied: str) -> None:
    """Refuse an answer that does not hold the file."""
    status = response.status_code
    page = response.ok and response.headers.get("Content-Type", "").startswith("text/html")
    found = "a web page in its place" if page else f"{status} {response.reason}"
    if denied and (page or status in (401, 403)):
        raise InputError(
            f"{one.name} from {urlsplit(response.url).hostname}",
            needed="a login that may have this file",
            found=found,
            mend=denied,
        )
    if page or status not in (200, 206, 416):
        raise _UnavailableError(response.url, needed="the file", found=found, mend=_AGAIN)


def _store(response: requests.Response, address: str, path: Path, bar: tqdm) -> bool:
    """Write the body of an answer; False if the partial file is of another version, and gone."""
    part, stored = _part(path), _stored(_part(path))
    begun, version = response.status_code == 200, _version(response)
    if not begun:
        origin, known = _read_origin(path)
        fits = response.headers.get("Content-Range", "").startswith(f"bytes {stored}-")
        fits &= response.headers.get("Content-Encoding", "identity") == "identity"
        if not fits or (origin == address and known and version not in (None, known)):
            bar.update(-stored)
            _discard(path)
            return False
    else:
        bar.update(-stored)
    part.parent.mkdir(exist_ok=True)
    try:
        with part.open("wb" if begun else "ab") as file:
            if begun:
                _origin(path).write_text(json.dumps([address, version]))
            for piece in response.iter_content(_PIECE):
                file.write(piece)
                bar.update(len(piece))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise InputError(
            path.parent,
            needed="free space on its disk",
            found=f"{error.strerror} at {_show(_stored(part))} of {path.name}",
            mend=f"free some space, then {_AGAIN}",
        ) from error
    return True


def _watch_redirect(response: requests.Response, **_) -> None:
    """Refuse to be led to an open connection."""
    if not response.is_redirect:
        return
    target = urljoin(response.url, response.headers["Location"])
    if not (_is_https(target) or (_is_here(target) and _is_here(response.url))):
        response.close()
        raise _UnavailableError(
            response.url,
            needed="a way by https",
            found=f"a redirect to {urlsplit(target).scheme}://{urlsplit(target).netloc}",
            mend=_AGAIN,
        )


def _is_https(address: str) -> bool:
    return urlsplit(address).scheme == "https"


def _is_here(address: str) -> bool:
    """Say whether an address is one of this machine, where nobody can change bytes on the way."""
    return urlsplit(address).scheme == "http" and urlsplit(address).hostname in _HERE


def _version(response: requests.Response) -> str | None:
    """Return what ``If-Range`` takes: a strong entity tag, or the date of the last change."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _origin(path: Path) -> Path:
    return path.with_name(path.name + ".source.part")


def _read_origin(path: Path) -> tuple[str | None, str | None]:
    """Return address and version of a partial file, as far as they are known."""
    try:
        address, version = json.loads(_origin(path).read_text())
    except (OSError, TypeError, ValueError):
        return None, None
    return address, version


def _discard(path: Path) -> None:
    _part(path).unlink(missing_ok=True)
    _origin(path).unlink(missing_ok=True)


def _stored(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    """Return an error of a connection in short: its innermost words."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return str(getattr(error, "reason", None) or error)


def _show(size: int) -> str:
    return tqdm.format_sizeof(size, "B")
