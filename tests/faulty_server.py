"""The web, as far as downloads need it: one server on loopback, which stands for every host."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from unittest.mock import patch
from urllib.parse import urlsplit, urlunsplit

from requests.adapters import HTTPAdapter


class Asked(NamedTuple):
    """What was asked of the web; headers have small letters."""

    address: str
    query: str
    headers: dict[str, str]
    body: bytes


class Web:
    """What the web gives, how it fails, and what it was asked.

    Files are known by address without query: bytes, or a function from the body of a question to
    them. Of the faults at an address each question uses up the first: ``status`` in place of the
    file, ``headers``, ``cut`` after so many bytes, ``pause`` before them, in seconds.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes | Callable[[bytes], bytes] | None] = {}
        self.faults: dict[str, list[dict]] = defaultdict(list)
        self.asked: list[Asked] = []
        self.knocked: Counter[str] = Counter()  # in vain, by host
        self.unreachable = False
        self.dead: set[str] = set()  # hosts that take no connection


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        scheme, host, path = self.path[1:].partition("?")[0].split("/", 2)
        address, query = f"{scheme}://{host}/{path}", urlsplit(self.path).query
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        web = self.server.web
        web.asked.append(Asked(address, query, headers, body))
        fault = web.faults[address].pop(0) if web.faults[address] else {}
        content = web.files.get(address)
        content = content(body) if callable(content) else content
        self.send_response(fault.get("status", 404 if content is None else 200))
        content = b"" if content is None or "status" in fault else content
        for name, value in fault.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("CMR-Hits", "1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        threading.Event().wait(fault.get("pause", 0))
        with suppress(OSError):
            self.wfile.write(content[: fault.get("cut", len(content))])

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_) -> None:
        pass


@contextmanager
def serve() -> Iterator[Web]:
    """Let whatever ``requests`` asks of any host be answered by a server on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.web = web = Web()
    send = HTTPAdapter.send

    def lead_here(adapter, request, **how):
        asked = request.url
        parts = urlsplit(asked)
        lost = web.unreachable or parts.netloc in web.dead
        web.knocked[parts.netloc] += lost
        port = 1 if lost else server.server_port
        path = f"/{parts.scheme}/{parts.netloc}{parts.path}"
        request.url = urlunsplit(("http", f"127.0.0.1:{port}", path, parts.query, ""))
        try:
            response = send(adapter, request, **how)
        finally:
            request.url = asked
        response.url = asked
        return response

    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with patch.object(HTTPAdapter, "send", lead_here):
            yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
