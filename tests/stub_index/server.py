"""Serves a folder on loopback."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path


@dataclass
class Gate:
    """Makes a server slow at one place: of an answer whose path holds `part`, the last byte is kept back.

    Only from the `number`th such request on, counted from the moment `part` was set. `part` "" lets everything pass.
    """

    part: str = ""
    number: int = 1
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def close(self, part: str, number: int = 1) -> None:
        """From now on keeps answers back."""
        self.reached.clear()
        self.opened.clear()
        self.part, self.number = part, number

    def open(self) -> None:
        """Lets all go on."""
        self.part = ""
        self.opened.set()

    def keeps(self, path: str) -> bool:
        """Whether this request's answer is kept back; counts it."""
        if not self.part or self.part not in path:
            return False
        self.number -= 1
        return self.number <= 0

    def wait(self) -> None:
        """Where a kept answer waits."""
        self.reached.set()
        self.opened.wait()


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.requests.append(self.path)  # type: ignore[attr-defined]
        super().do_GET()

    def copyfile(self, source: BytesIO, outputfile: BytesIO) -> None:  # type: ignore[override]
        gate: Gate = self.server.gate  # type: ignore[attr-defined]
        if not gate.keeps(self.path):
            shutil.copyfileobj(source, outputfile)
            return
        whole = source.read()
        outputfile.write(whole[:-1])
        outputfile.flush()
        gate.wait()
        try:
            outputfile.write(whole[-1:])
        except OSError:  # the client did not wait
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    # uv opens fifty connections at once; the standard backlog of five would make it wait for retries.
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was ended in the middle of an answer is what some tests are about."""


@contextmanager
def serve(folder: Path, requests: list[str] | None = None, gate: Gate | None = None) -> Iterator[str]:
    """The folder's address, ending in a slash, while the block runs. `requests` collects the paths asked for."""
    server = _Server(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    server.requests = [] if requests is None else requests  # type: ignore[attr-defined]
    server.gate = gate = gate or Gate()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        gate.open()
        server.shutdown()
        server.server_close()
        thread.join()
