"""A small server for one person: on the loopback alone, behind a random token, with a bound on everything.

The standard library's, because nothing here needs more: a few pages, for one browser, perhaps through `ssh -L`.
"""

from __future__ import annotations

import hmac
import os
import secrets
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import WorkError
from ..language import _

LOOPBACK = "127.0.0.1"
PORT = 8720
"""Where it listens unless told otherwise; a fixed one, so that an `ssh -L` line can be kept."""
PORTS_TRIED = 20
MOST_AT_ONCE = 64
MOST_BODY = 4 << 20
IDLE_SECONDS = 15.0
_OURS = ("127.0.0.1", "localhost", "[::1]")
_HTML, JSON, PLAIN = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    body: bytes
    kind: str = _HTML
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Site(Protocol):
    """What a server shows. `path` is what follows the token, without slashes at its ends."""

    key: str
    """What a page that may change something sends along; "" where nothing can be changed."""

    def get(self, path: str, query: Mapping[str, str]) -> Answer | None:
        """The page, None where there is none."""

    def post(self, path: str, query: Mapping[str, str], body: bytes) -> Answer | None:
        """Does what is asked; None where nothing can be asked for."""


class Server(ThreadingHTTPServer):
    """Serves a site. `address` is what a person opens, token included."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, site: Site, port: int, token: str) -> None:
        self.site, self.token = site, token
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__((LOOPBACK, port), _Handler)

    @property
    def address(self) -> str:
        """Where the site is."""
        return f"http://{LOOPBACK}:{self.server_address[1]}/{self.token}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for it, or nothing while too many are served."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As the library's, and gives the place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no error; anything else is one line, and the next request is served."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            print(f"dualano-doctor: {type(error).__name__}: {error}", file=sys.stderr)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "dualano-doctor", ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        self._answer(None)

    def do_HEAD(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BODY:
            self.close_connection = True
            self._send(Answer(b"too large\n", PLAIN, 413))
            return
        self._answer(self.rfile.read(int(length)))

    def _answer(self, body: bytes | None) -> None:
        site, parts = self.server.site, urlsplit(self.path)
        token, __, path = parts.path.lstrip("/").partition("/")
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        found = None
        if self._is_for_us() and hmac.compare_digest(token.encode(), self.server.token.encode()):
            path = unquote(path).strip("/")
            # A page of another site can send a form here, but not this header.
            asked = site.key != "" and hmac.compare_digest(self.headers.get("X-Key", "").encode(), site.key.encode())
            found = site.get(path, query) if body is None else site.post(path, query, body) if asked else None
        self._send(found or Answer(b"nothing here\n", PLAIN, 404))

    def _is_for_us(self) -> bool:
        """Whether a name of this machine's loopback was asked for: another site's name may be made to lead here."""
        return self.headers.get("Host", "").rpartition(":")[0] in _OURS or self.headers.get("Host", "") in _OURS

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in {
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            **answer.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the token stands in every line."""


def listen(site: Site, port: int | None, token: str | None = None) -> Server:
    """The server, bound. Without a port, the usual one or the next that is free.

    Raises WorkError where the port is in use, or may not be used.
    """
    token = token or secrets.token_urlsafe(18)
    for number in [port] if port is not None else [*range(PORT, PORT + PORTS_TRIED), 0]:
        try:
            return Server(site, number, token)
        except OSError as error:
            reason = error.strerror or str(error)
    raise WorkError(
        _(
            "port {port} cannot be listened on ({reason}); --port N names another, and without --port a "
            "free one is taken",
            port=port,
            reason=reason,
        )
    )


def serve(server: Server) -> None:
    """Serves until Ctrl-C; raises KeyboardInterrupt then."""
    if hasattr(os, "nice"):
        os.nice(10)  # a training beside it comes first
    try:
        server.serve_forever(poll_interval=0.5)
    finally:
        server.server_close()
