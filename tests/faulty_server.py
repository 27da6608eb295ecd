"""A server on loopback that fails in every way in which servers of data have failed."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What a server gives, how it fails, and what it was asked.

    Attributes
    ----------
    address : str
        Of its root, without a slash at the end.
    files : dict of bytes
        By path (``/a.nc``).
    faults : dict of list of dict
        By path; the first of the list is used up by a request, until none is left. Keys: ``status``
        and ``headers`` instead of the file, ``body``; ``cut`` after so many bytes of the body;
        ``ignore_range``; ``etag`` (None for none), ``modified``, ``type``, ``encoding``;
        ``pause`` in seconds after each ``piece`` of bytes; ``wrong_range``.
    usual : dict
        The fault of requests for which no other is left.
    requests : list of tuple
        Method, path, headers in small letters.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[dict]] = field(default_factory=dict)
    usual: dict = field(default_factory=dict)
    requests: list[tuple[str, str, dict]] = field(default_factory=list)

    def asked(self, path: str) -> list[dict]:
        """Return the headers of the GET requests for a path."""
        return [headers for method, at, headers in self.requests if (method, at) == ("GET", path)]


@contextmanager
def serve(**files: bytes) -> Iterator[Site]:
    """Serve files from memory on a free port of loopback."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self._answer(body=False)

        def do_GET(self):
            self._answer(body=True)

        def _answer(self, body: bool) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            site.requests.append((self.command, self.path, headers))
            left = site.faults.get(self.path, [])
            fault = (left.pop(0) if left else site.usual) if body else {}
            self.close_connection = True
            content = fault.get("body", site.files.get(self.path))
            if "status" in fault or content is None:
                rest = fault.get("body", b"")
                self._send(fault.get("status", 404), fault.get("headers", {}), rest, {})
                return
            etag = fault.get("etag", f'"{hashlib.md5(content).hexdigest()}"')
            named = {"ETag": etag, "Last-Modified": fault.get("modified")}
            named["Content-Encoding"] = fault.get("encoding")
            named["Content-Type"] = fault.get("type", "application/octet-stream")
            status, start = 200, 0
            wanted = headers.get("range", "")
            condition = headers.get("if-range")
            if wanted and not fault.get("ignore_range"):
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if condition is not None and condition not in (etag, fault.get("modified")):
                    start = 0
                elif start >= len(content):
                    self._send(416, {"Content-Range": f"bytes */{len(content)}"}, b"", {})
                    return
                else:
                    status = 206
                    first = start + fault.get("wrong_range", 0)
                    named["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            self._send(status, named, content[start:] if body else content, fault, body)

        def _send(self, status, headers, content, fault, body=True) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if value is not None:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            if not body:
                return
            kept = content[: fault.get("cut", len(content))]
            size = fault.get("piece", len(kept) or 1)
            with suppress(OSError):
                for at in range(0, len(kept), size):
                    self.wfile.write(kept[at : at + size])
                    self.wfile.flush()
                    time.sleep(fault.get("pause", 0))

        def log_message(self, *_) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.address = f"http://127.0.0.1:{server.server_port}"
    site.files = {f"/{name}": content for name, content in files.items()}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
