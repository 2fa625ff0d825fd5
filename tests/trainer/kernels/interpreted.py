"""Marks tests that only Triton's interpreter can run: in a process that `test_in_the_interpreter` starts for them."""

from __future__ import annotations

import pytest

from trainer.kernels.availability import INTERPRETED

interpreted = pytest.mark.skipif(not INTERPRETED, reason="runs in a process with TRITON_INTERPRET=1")
