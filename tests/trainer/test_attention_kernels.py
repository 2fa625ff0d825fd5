"""Float32 attention as Triton kernels, in Triton's interpreter, against attention written out in float64."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from trainer.fused_attention import LEAST_KEYS, attention, fused_or_sdpa, suits
from trainer.kernels import INTERPRETED, triton

interpreted = pytest.mark.skipif(not INTERPRETED, reason="runs in a process with TRITON_INTERPRET=1")


@pytest.mark.skipif(triton is None or INTERPRETED, reason="Triton is not installed")
def test_the_kernels_in_their_own_process():
    # The switch is read when Triton is imported.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True, timeout=300,
        cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def normal(*shape, seed):
    # As the network makes them: tokens before heads in memory.
    rows, heads, count, width = shape
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, count, heads, width, generator=generator).transpose(1, 2).requires_grad_()


@pytest.mark.parametrize(("count", "keys", "width"), [(70, 130, 40), (128, 64, 48), (20, 150, 36)])
@pytest.mark.parametrize("kind", ["sdpa", pytest.param("kernel", marks=interpreted)])
def test_result_and_gradients(kind, count, keys, width):
    inputs = [normal(2, 3, n, width, seed=seed) for seed, n in enumerate((count, keys, keys))]
    wide = [t.detach().double().requires_grad_() for t in inputs]
    gradient = normal(2, 3, count, width, seed=9).detach()
    expected = (wide[0] @ wide[1].transpose(-1, -2) / width**0.5).softmax(-1) @ wide[2]
    expected.backward(gradient.double())
    result = (attention if kind == "kernel" else fused_or_sdpa)(*inputs)
    result.backward(gradient)
    torch.testing.assert_close(result.double(), expected, atol=2e-6, rtol=1e-5)
    for tensor, reference in zip(inputs, wide, strict=True):
        torch.testing.assert_close(tensor.grad.double(), reference.grad, atol=5e-6, rtol=1e-5)


def test_what_the_kernels_are_for():
    long = LEAST_KEYS
    query = torch.zeros(1, 1, 2, 40)
    assert suits(query, torch.zeros(1, 1, long, 40)) == INTERPRETED  # on the CPU, only interpreted
    assert not suits(query, torch.zeros(1, 1, 77, 40))
    assert not suits(query.bfloat16(), torch.zeros(1, 1, long, 40).bfloat16())
    assert not suits(torch.zeros(1, 1, 2, 80), torch.zeros(1, 1, long, 80))
