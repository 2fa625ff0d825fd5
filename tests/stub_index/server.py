"""Serves a folder on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.requests.append(self.path)  # type: ignore[attr-defined]
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    # uv opens fifty connections at once; the standard backlog of five would make it wait for retries.
    request_queue_size = 128


@contextmanager
def serve(folder: Path, requests: list[str] | None = None) -> Iterator[str]:
    """The folder's address, ending in a slash, while the block runs. `requests` collects the paths asked for."""
    server = _Server(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    server.requests = [] if requests is None else requests  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
