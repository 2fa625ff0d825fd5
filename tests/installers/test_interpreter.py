from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from dualano_setup.facts.sheet import PythonInstall
from dualano_setup.installers.interpreter import choose_python, wheels_for
from dualano_setup.knowledge.catalogue import load
from tests.stub_index import StubWheel, write_wheel

PYTHONS = tuple(PythonInstall(f"/python{v}", v) for v in ("3.8.18", "3.9.18", "3.10.13", "3.11.7", "3.12.1", "3.13.0"))


def minor(python):
    return python and ".".join(python.version.split(".")[:2])


def test_the_preferred_python_is_taken():
    profile = load("guide-cu118")
    assert minor(choose_python(PYTHONS, profile, ())) == profile.python_preferred == "3.10"


def test_a_python_out_of_range_never_is():
    profile = replace(load("guide-cu118"), python=">=3.9,<3.10")
    assert choose_python(PYTHONS, profile, ()) is None


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this program's own Python would do")
def test_none_fits():
    profile = replace(load("cpu"), python=">=3.12")
    assert choose_python(PYTHONS[:2], profile, ()) is None


def test_a_local_torch_wheel_decides(tmp_path):
    profile = load("cpu")
    version = profile.packages["torch"]
    write_wheel(StubWheel("torch", f"{version}+cpu", tags="cp312-cp312-manylinux_2_28_x86_64"), tmp_path)
    write_wheel(StubWheel("torch", "1.0", tags="cp313-cp313-manylinux_2_28_x86_64"), tmp_path)
    (tmp_path / "torch-broken.whl").write_bytes(b"")
    assert wheels_for([str(tmp_path)], "torch", version) == {"cp312"}
    assert minor(choose_python(PYTHONS, profile, [f"file://{tmp_path}"])) == "3.12"
    assert minor(choose_python(PYTHONS, profile, ["https://wheels.example/"])) == profile.python_preferred
