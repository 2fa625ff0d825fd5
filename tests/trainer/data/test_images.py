"""What stands where images are read: decoded within bounds, never waited for, never another format by content."""

from __future__ import annotations

import io
import os
import resource
import stat
import struct
import zlib

import pytest
from PIL import Image

from trainer.data.images import FORMATS, image_size, read_image
from trainer.errors import TrainerError

SIDE = 65_000


def png(width, height, data=b"", extra=b""):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def saved(kind):
    """A small image of that format, its size then overwritten by SIDE x SIDE where the header says it."""
    stream = io.BytesIO()
    Image.new("RGB", (300, 200)).save(stream, kind)
    data = bytearray(stream.getvalue())
    if kind == "BMP":
        data[18:26] = struct.pack("<ii", SIDE, SIDE)
    elif kind == "JPEG":
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", SIDE, SIDE)
    else:
        for old in (300, 200):
            entry = struct.pack("<HHII", 0x0100 if old == 300 else 0x0101, 4, 1, old)
            short = struct.pack("<HHIHH", 0x0100 if old == 300 else 0x0101, 3, 1, old, 0)
            found = entry if entry in data else short
            at = data.index(found)
            data[at : at + 12] = struct.pack("<HHII", 0x0100 if old == 300 else 0x0101, 4, 1, SIDE)
    return bytes(data)


@pytest.fixture(autouse=True)
def peak():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


@pytest.mark.parametrize("kind", ["PNG", "BMP", "JPEG", "TIFF"])
@pytest.mark.parametrize("reader", [read_image, image_size])
def test_an_image_that_claims_four_gigapixels(tmp_path, kind, reader):
    path = tmp_path / f"x.{kind.lower()}"
    path.write_bytes(png(SIDE, SIDE) if kind == "PNG" else saved(kind))
    with pytest.raises(TrainerError, match="claims"):
        reader(path)


def test_metadata_that_unfolds_to_gigabytes(tmp_path):
    packer = zlib.compressobj(9)
    body = b"Comment\0\0" + b"".join(packer.compress(bytes(1 << 20)) for _ in range(1 << 10)) + packer.flush()
    text = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    (tmp_path / "x.png").write_bytes(png(1, 1, b"\0\1\2\3", text))
    with pytest.raises(TrainerError, match="cannot be read as an image"):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize(
    "form",
    [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to(path.name),
     lambda path: (path.touch(), os.truncate(path, 1 << 30))],
)  # fmt: skip
@pytest.mark.parametrize("reader", [read_image, image_size])
def test_what_is_no_image(tmp_path, form, reader):
    form(tmp_path / "x.png")
    with pytest.raises(TrainerError, match=r"x\.png"):
        reader(tmp_path / "x.png")


def test_postscript_under_an_images_name_starts_no_interpreter(tmp_path, monkeypatch):
    """Pillow's EPS reader runs Ghostscript on the file."""
    marker, tool = tmp_path / "ran", tmp_path / "gs"
    tool.write_text(f"#!/bin/sh\ntouch {marker}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "x.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    with pytest.raises(TrainerError, match="cannot be read as an image"):
        read_image(tmp_path / "x.png")
    assert not marker.exists()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_that_is_read(tmp_path, kind):
    Image.new("RGB", (30, 20), "red").save(tmp_path / "x", kind)
    assert read_image(tmp_path / "x").size == (30, 20)
    assert image_size(tmp_path / "x") == (30, 20)
