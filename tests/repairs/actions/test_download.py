from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dualano_setup.errors import RepairError
from dualano_setup.repairs.action import Workshop
from dualano_setup.repairs.actions.download import Download
from tests.repairs.snapshot import sha, snapshot

DATA = bytes(range(256)) * 4000


@contextmanager
def server(ranges: bool = True, cut_after: int | None = None, data: bytes = DATA, status: int = 200):
    """A server that can continue, can ignore ranges, and can break off every answer after some bytes."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers.get("Range", ""))
            begin = int(asked[-1][6:-1]) if asked[-1] and ranges else 0
            self.send_response(status if status != 200 else 206 if begin else 200)
            self.send_header("Content-Length", str(len(data) - begin))
            self.end_headers()
            end = len(data) if cut_after is None else min(len(data), begin + cut_after)
            self.wfile.write(data[begin:end])

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}/file", asked
    finally:
        http.shutdown()
        http.server_close()


@pytest.fixture
def workshop(tmp_path):
    (tmp_path / "project" / "fix" / "00").mkdir(parents=True)
    return Workshop(tmp_path / "project" / "fix" / "00", tmp_path / "project", say=lambda _: None)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "unet.safetensors").write_bytes(b"cut short")
    return tmp_path / "model"


def action(url, folder, name="unet.safetensors", **changes):
    values = {"sha256": sha(DATA), "size": len(DATA)} | changes
    return Download(url, folder / name, rules=("MODEL002",), why="cut short", **values)


@pytest.mark.parametrize("name", ["unet.safetensors", "vae/vae.safetensors"])
def test_fetched_checked_placed_and_undone(workshop, folder, name):
    before = snapshot(folder)
    with server() as (url, _):
        step = action(url, folder, name)
        step.apply(workshop)
    assert step.verify(workshop) == ""
    assert (folder / name).read_bytes() == DATA
    step.undo(workshop)
    assert snapshot(folder) == before


def test_a_broken_line_is_continued(workshop, folder):
    with server(cut_after=400_000) as (url, asked):
        action(url, folder).apply(workshop)
    assert (folder / "unet.safetensors").read_bytes() == DATA
    assert len(asked) == 3
    assert all(int(part[6:-1]) >= 300_000 for part in asked[1:])


def test_a_server_that_ignores_ranges_is_read_from_the_start(workshop, folder):
    with server(cut_after=600_000) as (url, _), pytest.raises(RepairError):
        action(url, folder, size=len(DATA) + 1, sha256=sha(DATA + b"!")).apply(workshop)
    with server(ranges=False) as (url, _):
        action(url, folder).apply(workshop)
    assert (folder / "unet.safetensors").read_bytes() == DATA


def test_a_wrong_hash_is_never_placed(workshop, folder):
    before = snapshot(folder)
    with server(data=DATA[::-1]) as (url, _), pytest.raises(RepairError, match="SHA-256 is wrong"):
        action(url, folder).apply(workshop)
    assert snapshot(folder) == before


def test_more_bytes_than_promised_are_not_written(workshop, folder):
    with server(data=DATA + b"x" * 5_000_000) as (url, _):
        action(url, folder).apply(workshop)
    assert (folder / "unet.safetensors").read_bytes() == DATA


def test_a_refusal_is_named(workshop, folder):
    with server(status=403) as (url, asked), pytest.raises(RepairError, match="answered 403"):
        action(url, folder).apply(workshop)
    assert len(asked) == 1


def test_offline_opens_nothing(workshop, folder, tmp_path):
    quiet = Workshop(workshop.folder, workshop.project, offline=True, say=lambda _: None)
    with server() as (url, asked), pytest.raises(RepairError, match="--offline forbids"):
        action(url, folder).apply(quiet)
    assert asked == []


def test_no_room_is_said_before_the_download(workshop, folder):
    with server() as (url, asked), pytest.raises(RepairError, match="GB free"):
        action(url, folder, size=10**18).apply(workshop)
    assert asked == []


def test_undo_refuses_when_the_user_changed_the_file(workshop, folder):
    with server() as (url, _):
        step = action(url, folder)
        step.apply(workshop)
    (folder / "unet.safetensors").write_bytes(b"fine-tuned")
    with pytest.raises(RepairError, match="was changed since"):
        step.undo(workshop)
    assert (folder / "unet.safetensors").read_bytes() == b"fine-tuned"
