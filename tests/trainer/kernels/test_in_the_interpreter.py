"""The tests of this folder once more where Triton's kernels run without a GPU, in Triton's interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT
from trainer.kernels.availability import INTERPRETED, triton


@pytest.mark.skipif(triton is None or INTERPRETED, reason="Triton is not installed")
def test_the_kernels_in_one_process_of_their_own():
    """The switch is read when Triton is imported."""
    if tuple(map(int, triton.__version__.split(".")[:2])) < (3, 7):
        pytest.skip(f"the interpreter of Triton {triton.__version__} fails with NumPy 2.4 and newer")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__).parent)],
        env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True, cwd=ROOT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
