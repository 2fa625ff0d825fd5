"""Layer norm with sums, and sums over rows: Triton's kernels (in its interpreter) and PyTorch's operations."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from trainer.kernels.layer_norm import add_norm, affine_gradient, norm, norm_backward, sum_rows


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("width", [20, 64, 320])
@pytest.mark.parametrize("summed", [False, True])
def test_add_norm(width, summed):
    x, added = normal(3, 7, width) * 2 + 5, normal(3, 7, width, seed=1) if summed else None
    weight, bias = normal(width, seed=2), normal(width, seed=3)
    dtotal, dnormal = normal(3, 7, width, seed=4), normal(3, 7, width, seed=5)
    wide = [None if t is None else t.double().requires_grad_() for t in (x, added)]
    total = wide[0] if added is None else wide[0] + wide[1]
    expected = F.layer_norm(total, [width], weight.double(), bias.double(), 1e-5)
    torch.autograd.backward([total, expected], [dtotal.double(), dnormal.double()])
    own = [None if t is None else t.clone().requires_grad_() for t in (x, added)]
    got_total, got = add_norm(*own, weight, bias, 1e-5)
    torch.autograd.backward([got_total, got], [dtotal, dnormal])
    torch.testing.assert_close(got_total.double(), total, atol=1e-5, rtol=0)
    torch.testing.assert_close(got.double(), expected, atol=2e-5, rtol=0)
    for tensor, reference in zip(own, wide, strict=True):
        if tensor is not None:
            torch.testing.assert_close(tensor.grad.double(), reference.grad, atol=2e-5, rtol=0)


@pytest.mark.parametrize(("rows", "width"), [(5, 20), (70, 64), (300, 80)])
def test_gradients_of_weight_and_bias(rows, width):
    x, weight, bias = normal(2, rows, width) + 3, normal(width, seed=1), normal(width, seed=2)
    dy = normal(2, rows, width, seed=3)
    wide = [t.double().requires_grad_() for t in (x, weight, bias)]
    F.layer_norm(wide[0], [width], wide[1], wide[2], 1e-6).backward(dy.double())
    _, _, mean, rstd = norm(x, None, weight, bias, 1e-6)
    dweight, dbias = affine_gradient(dy, x, mean, rstd)
    torch.testing.assert_close(dweight.double(), wide[1].grad, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(dbias.double(), wide[2].grad, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(sum_rows(dy.flatten(0, 1)).double(), wide[2].grad, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(sum_rows(dy).double(), dy.double().sum(1), atol=1e-4, rtol=1e-5)  # type by type


def test_gradient_goes_where_it_is_asked_to():
    x, weight, bias, dy = normal(2, 6, 40), normal(40, seed=1), normal(40, seed=2), normal(2, 6, 40, seed=3)
    _, _, mean, rstd = norm(x, None, weight, bias, 1e-6)
    alone = norm_backward(dy, x, mean, rstd, weight, passing=None, out=None)
    target = torch.full((3, 6, 40), 9.0)
    norm_backward(dy, x, mean, rstd, weight, passing=dy, out=target[1:])
    torch.testing.assert_close(target[1:], alone + dy, atol=1e-5, rtol=1e-5)
    assert (target[0] == 9).all()
