"""A RECORD is compared with what stands there, be it no file at all."""

from __future__ import annotations

import os

import pytest

from dualano_setup.facts.environment.probe import read_environment
from tests.worlds.site_packages import lay


@pytest.fixture
def prefix(tmp_path):
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    lay(site, "numpy", "1.26.4", files={"numpy/__init__.py": b"x = 1\n", "numpy/core.py": b"y = 2\n"})
    return tmp_path


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("place", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_altered_and_not_waited_for(prefix, place, deep):
    file = prefix / "lib/python3.11/site-packages/numpy/core.py"
    file.unlink()
    place(file)
    damaged = read_environment(str(prefix), ("numpy",), {}, deep=deep).damaged
    assert [package.altered for package in damaged] == [("numpy/core.py",)]


def test_a_size_of_any_length_is_compared(prefix):
    record = next(prefix.rglob("RECORD"))
    rows = record.read_text().splitlines()
    record.write_text("\n".join(f"{row}{'9' * 5000}" if "core" in row else row for row in rows))
    damaged = read_environment(str(prefix), ("numpy",), {}).damaged
    assert [package.altered for package in damaged] == [("numpy/core.py",)]


def test_a_file_that_no_wheel_holds_is_altered_before_it_is_hashed_whole(prefix):
    record = next(prefix.rglob("RECORD"))
    rows = record.read_text().splitlines()
    record.write_text("\n".join(row.rpartition(",")[0] + "," if "core" in row else row for row in rows))
    os.truncate(prefix / "lib/python3.11/site-packages/numpy/core.py", 1 << 40)
    damaged = read_environment(str(prefix), ("numpy",), {}, deep=True).damaged
    assert [package.altered for package in damaged] == [("numpy/core.py",)]
