"""Float32 attention as Triton kernels, in Triton's interpreter, against attention written out in float64."""

from __future__ import annotations

import pytest
import torch

from tests.trainer.kernels.interpreted import interpreted
from trainer.kernels.attention import LEAST_PAIRS, attention, fused_or_sdpa, suits
from trainer.kernels.availability import INTERPRETED, triton


def normal(*shape, seed):
    # As the network makes them: tokens before heads in memory.
    rows, heads, count, width = shape
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, count, heads, width, generator=generator).transpose(1, 2).requires_grad_()


@pytest.mark.parametrize(("count", "keys", "width"), [(70, 130, 40), (128, 64, 48), (20, 150, 36), (550, 77, 40)])
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


@interpreted
def test_trying_the_kernels_inside_a_checkpoint_leaves_no_trace_there():
    from torch.utils.checkpoint import checkpoint

    from trainer.kernels.attention import _agrees

    tried = []

    def layer(x):
        if not tried:  # as it is cached, once only: not again when the layer is computed anew
            tried.append(_agrees("cpu", count=40, keys=77))
        return x.exp()

    x = torch.zeros(3, requires_grad=True)
    checkpoint(layer, x, use_reentrant=False).sum().backward()
    assert tried == [True]
    assert x.grad.tolist() == [1, 1, 1]


def test_what_the_kernels_are_for():
    short = torch.zeros(1, 1, 77, 40)
    query = torch.zeros(1, 1, -(-LEAST_PAIRS // 77), 40)
    assert suits(query, short) == INTERPRETED  # on the CPU, only interpreted
    assert not suits(query[:, :, :-1], short)
    assert not suits(query.bfloat16(), short.bfloat16())
    assert not suits(query.repeat(1, 1, 1, 2), short.repeat(1, 1, 1, 2))


@pytest.mark.skipif(triton is None, reason="Triton is not installed")
@pytest.mark.parametrize(("count", "programs", "shares"), [(4096, 1536, 1), (4096, 48, 10), (550, 6, 2), (20, 1, 1)])
def test_shares_cover_the_queries_once(count, programs, shares):
    from trainer.kernels.attention import _shares

    number, share = _shares(count, programs)
    assert number == shares
    assert (number - 1) * share < count <= number * share
