"""Whatever stands in a checkout, looking at it ends with a state, soon, and runs nothing."""

from __future__ import annotations

import os
import time

import pytest

from dualano_setup.patching import inspect, placeholder_paths, plan
from tests.patching.conftest import OPEN

GIVEN = {"data": "/tmp/somewhere"}
HOSTILE = {
    "nothing": b"",
    "nul": b"x = 1\0\n",
    "not text": bytes(range(256)),
    "unknown encoding": b"# -*- coding: klingon -*-\nx = 1\n",
    "utf-16": "x = 1\n".encode("utf-16"),
    "half a character": b"x = '\xe8\xb3'\n",
    "brackets": b"(" * 15_000,
    "signs": b"-" * 15_000 + b"1",
    "sums": b"1" + b"+1" * 9_000,
    "sums over lines": b"x = (1\n" + b"+1\n" * 60_000 + b")\n",
    "attributes": b"a" + b".b" * 9_000,
    "blocks": b"".join(b" " * depth + b"if 1:\n" for depth in range(99)) + b" " * 99 + b"pass\n",
    "long line": b"x = '" + b"a" * 1_900_000 + b"'\n",
    "too large": b"x = 1\n" * 400_000,
    "unfinished": b'x = """\n',
    "tabs and spaces": b"if 1:\n\tx = 1\n        y = 2\n",
    "form feed": b"\x0cx = 1\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_content_can_break_the_look(checkout, patches, name):
    (checkout / "shop/open.py").write_bytes(HOSTILE[name])
    started = time.monotonic()
    reports = inspect(checkout, patches, GIVEN)
    assert plan(checkout, patches[:2], GIVEN) == ()
    placeholder_paths(checkout)
    assert time.monotonic() - started < 20
    assert reports[0].state in ("missing", "drifted")
    assert reports[0].reason


def test_a_sparse_gigabyte_is_not_read(checkout, patches):
    with (checkout / "shop/open.py").open("wb") as file:
        file.truncate(1 << 30)
    started = time.monotonic()
    report = inspect(checkout, patches, GIVEN)[0]
    assert time.monotonic() - started < 1
    assert "larger than" in report.reason


def test_links_out_of_the_checkout_are_refused(checkout, patches, tmp_path):
    outside = tmp_path / "outside.py"
    outside.write_text(OPEN)
    (checkout / "shop/open.py").unlink()
    (checkout / "shop/open.py").symlink_to(outside)
    report = inspect(checkout, patches, GIVEN)[0]
    assert "out of the checkout" in report.reason
    assert plan(checkout, patches[:2], GIVEN) == ()
    assert outside.read_text() == OPEN


def test_a_linked_folder_out_of_the_checkout_is_refused(checkout, patches, tmp_path):
    (checkout / "shop").rename(tmp_path / "elsewhere")
    (checkout / "shop").symlink_to(tmp_path / "elsewhere")
    assert plan(checkout, patches, GIVEN) == ()


def test_a_circle_of_links_and_a_pipe_do_not_hang(checkout, patches):
    (checkout / "shop/open.py").unlink()
    (checkout / "shop/open.py").symlink_to("open.py")
    assert inspect(checkout, patches, GIVEN)[0].state in ("drifted", "missing")
    (checkout / "shop/open.py").unlink()
    os.mkfifo(checkout / "shop/open.py")
    assert "not a regular file" in inspect(checkout, patches, GIVEN)[0].reason


def test_nothing_of_the_checkout_is_run(checkout, patches, tmp_path):
    mark = tmp_path / "ran"
    (checkout / "shop/other.py").write_text(f"open({str(mark)!r}, 'w')\n")
    inspect(checkout, patches, GIVEN)
    assert not mark.exists()
