"""What a folder holds, byte for byte, and a fix of ten actions to try on it."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from dualano_setup.repairs.action import Action
from dualano_setup.repairs.actions.download import Download
from dualano_setup.repairs.actions.files import MoveAside, WriteFile

PAYLOAD = b"weights " * 500
OLD_TIME = 1_600_000_000_123_456_789  # ns


def snapshot(folder: Path) -> dict[str, tuple[object, ...]]:
    """Every path below `folder` with kind, mode, bytes and (for files) modification time."""
    rows: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        name, mode = str(path.relative_to(folder)), stat.S_IMODE(status.st_mode)
        if path.is_symlink():
            rows[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            rows[name] = ("folder", mode)
        else:
            rows[name] = ("file", mode, status.st_mtime_ns, path.read_bytes())
    return rows


def contents(rows: dict[str, tuple[object, ...]]) -> dict[str, object]:
    """The same without times: what a finished fix is compared by."""
    return {name: row[-1] if row[0] == "file" else row[:1] for name, row in rows.items()}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_user_tree(root: Path) -> None:
    """A checkout, a data folder and a model folder as a user has them."""
    files = {
        "checkout/requirements.txt": b"torch==.2.0\r\n# mine\r\n",
        "checkout/train.py": b"import ipdb\nx = 1\n",
        "checkout/run.sh": b"#!/bin/sh\n",
        "data/test/Thumbs.db": b"\x00\x01\xff",
        "data/test/000.png": b"png",
        "data/odd/a/b.txt": b"deep",
        "model/unet.safetensors": b"cut short",
        "config.yaml": b"\xef\xbb\xbfmixed_precision: no\n",
    }
    for number, (name, data) in enumerate(files.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if name.endswith(".sh") else 0o640)
        os.utime(path, ns=(OLD_TIME, OLD_TIME + number))


def ten_actions(root: Path, url: str) -> tuple[Action, ...]:
    """Ten changes of every file kind."""

    def edit(name: str, content: bytes, mode: int | None = None) -> WriteFile:
        path = root / name
        before = sha(path.read_bytes()) if path.exists() else ""
        return WriteFile(path, content, before, ("REQ001",), "a test", mode)

    model = root / "model"
    return (
        edit("checkout/requirements.txt", b"torch==2.2.0\r\n# mine\r\n"),
        edit("checkout/train.py", b"x = 1\n"),
        edit("checkout/run.sh", b"#!/bin/sh\necho\n"),
        edit("config.yaml", b"mixed_precision: 'no'\n", 0o600),
        edit("new/deep/er/file.txt", b"new"),
        edit("new.yaml", b"\xff\x00 not text"),
        MoveAside(root / "data/test/Thumbs.db", ("DATA008",), "a test"),
        MoveAside(root / "data/odd", ("DATA008",), "a test"),
        Download(url, model / "unet.safetensors", sha(PAYLOAD), len(PAYLOAD), ("MODEL002",), "a test"),
        Download(url, model / "vae/vae.safetensors", sha(PAYLOAD), len(PAYLOAD), ("MODEL002",), "a test"),
    )
