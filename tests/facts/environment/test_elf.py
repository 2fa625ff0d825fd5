"""The DT_NEEDED reader on real libraries, a made one, and damaged ones."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualano_setup.facts.environment.elf import needed_libraries
from tests.worlds.site_packages import shared_library


@pytest.mark.skipif(not shutil.which("readelf"), reason="compares with readelf")
def test_a_real_library_as_readelf_reads_it():
    library = next(
        line.split()[-1]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if ".so" in line and "/lib" in line
    )
    told = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
    expected = [line.split("[")[1].split("]")[0] for line in told.splitlines() if "(NEEDED)" in line]
    assert list(needed_libraries(library)) == expected


def test_the_interpreter_itself_needs_the_c_library():
    needed = needed_libraries(os.path.realpath(sys.executable))
    assert any(name.startswith(("libc.", "libpython", "libm.", "libpthread")) for name in needed)


def test_the_made_library(tmp_path):
    (tmp_path / "x.so").write_bytes(shared_library("libcudart.so.11.0"))
    assert needed_libraries(str(tmp_path / "x.so")) == ("libcudart.so.11.0",)


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"text" * 100, b"\x7fELF\x01\x01" + bytes(64)])
def test_what_is_no_64_bit_elf_is_refused(tmp_path, content):
    (tmp_path / "x.so").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.so"):
        needed_libraries(str(tmp_path / "x.so"))


def test_a_pipe_is_refused_without_opening_it(tmp_path):
    os.mkfifo(tmp_path / "x.so")
    with pytest.raises(ValueError, match="not a file"):
        needed_libraries(str(tmp_path / "x.so"))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 263), value=st.binary(min_size=1, max_size=8), cut=st.integers(0, 300))
def test_damage_anywhere_ends_in_names_or_in_a_clear_error(tmp_path, position, value, cut):
    data = bytearray(shared_library("libcudart.so.12"))
    data[position : position + len(value)] = value
    (tmp_path / "x.so").write_bytes(bytes(data)[: len(data) - cut])
    try:
        names = needed_libraries(str(tmp_path / "x.so"))
    except (ValueError, OSError):
        return
    assert all(isinstance(name, str) and len(name) <= 256 for name in names)


def test_a_dynamic_section_that_claims_to_be_huge_is_bounded(tmp_path):
    data = bytearray(shared_library("libcudart.so.12"))
    struct.pack_into("<Q", data, 64 + 56 + 32, 1 << 62)
    (tmp_path / "x.so").write_bytes(bytes(data))
    assert needed_libraries(str(tmp_path / "x.so")) == ("libcudart.so.12",)
