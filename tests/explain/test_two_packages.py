"""Two packages that do not fit: which ones, and who needs what by the environment's metadata."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from dualano_setup.explain.two_packages import two_packages
from tests.places import ROOT

LOG = """\
Traceback (most recent call last):
  File "/opt/env/lib/python3.10/site-packages/peft/utils/other.py", line 19, in <module>
    from accelerate.utils.memory import some_function
ImportError: cannot import name 'some_function' from 'accelerate.utils.memory' (/opt/env/memory.py)
"""


@pytest.mark.parametrize(
    ("said", "pair"),
    [
        (LOG.splitlines()[1:2] + LOG.splitlines()[3:], ("peft", "accelerate")),
        (["ImportError: cannot import name 'a' from 'torch'"], ("", "torch")),
        (["ModuleNotFoundError: No module named 'triton.ops'"], ("", "triton")),
        (["ImportError: /e/site-packages/torch/lib/libtorch_cpu.so: undefined symbol: x"], ("", "torch")),
        (["ModuleNotFoundError: No module named 'triton'"], None),
        ([], None),
    ],
)
def test_the_two_packages(said, pair):
    assert two_packages(said) == pair


def test_the_environment_says_who_needs_what(tmp_path):
    site = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    for name, version, needs in (
        ("accelerate", "0.24.1", ()),
        ("peft", "0.14.0", ("accelerate (>=0.21.0)", 'pytest ; extra == "test"')),
        ("diffusers", "0.32.0", ('accelerate>=0.31.0; extra == "training"',)),
        ("trl", "0.12.0", ("accelerate<1.0,>=0.34",)),
    ):
        folder = site / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {need}" for need in needs)]
        (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, "", ""]))
    (tmp_path / "env" / "bin").mkdir()
    (tmp_path / "env" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "env" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.7\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LANGUAGE": "en"}
    done = subprocess.run(
        [sys.executable, "-m", "dualano_setup", "explain", "-", "--json", "--env", str(tmp_path / "env")],
        cwd=tmp_path, env=environment, input=LOG.encode(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert document["root"] == "packages-do-not-fit"
    assert document["installed"][0].endswith("accelerate 0.24.1")
    assert document["installed"][1:] == [
        "peft 0.14.0 needs accelerate (>=0.21.0)",
        "trl 0.12.0 needs accelerate<1.0,>=0.34",
    ]
