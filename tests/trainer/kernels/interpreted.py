"""Triton's kernels without a GPU, in Triton's interpreter."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.places import ROOT
from trainer.kernels.availability import INTERPRETED, triton

interpreted = pytest.mark.skipif(not INTERPRETED, reason="runs in a process with TRITON_INTERPRET=1")
starts_interpreter = pytest.mark.skipif(triton is None or INTERPRETED, reason="Triton is not installed")


def run_interpreted(file: str) -> None:
    """Run a file's tests in a process of their own: the switch is read when Triton is imported."""
    if tuple(map(int, triton.__version__.split(".")[:2])) < (3, 7):
        pytest.skip(f"the interpreter of Triton {triton.__version__} fails with NumPy 2.4 and newer")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file],
        env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True,
        cwd=ROOT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
