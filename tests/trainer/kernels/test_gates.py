"""Triton's kernels against PyTorch's own operations, in Triton's interpreter: no GPU needed."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tests.trainer.kernels.interpreted import interpreted
from trainer.kernels.availability import INTERPRETED
from trainer.kernels.gates import geglu, geglu_backward, geglu_plain, mix_frames, mix_frames_backward
from trainer.kernels.group_norm import group_norm


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("silu", [False, True])
@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize(("width", "side", "groups"), [(24, 9, 8), (80, 12, 8), (64, 8, 4)])
@pytest.mark.parametrize("kind", ["plain", pytest.param("kernel", marks=interpreted)])
def test_group_norm(kind, width, side, groups, shifted, silu):
    if kind == "plain" and INTERPRETED:
        pytest.skip("the kernels are on")
    x = (normal(3, width, side, side) * 2 + 5).to(memory_format=torch.channels_last)
    weight, bias, gradient = normal(width, seed=1), normal(width, seed=2), normal(3, width, side, side, seed=3)
    shift = normal(3, width, seed=4) if shifted else None
    reference = x.double().requires_grad_()
    moved = reference if shift is None else reference + shift.double()[:, :, None, None]
    expected = F.group_norm(moved, groups, weight.double(), bias.double(), 1e-5)
    expected = F.silu(expected) if silu else expected
    expected.backward(gradient.double())
    own = x.clone().requires_grad_()
    got = group_norm(own, weight, bias, groups, 1e-5, silu=silu, shift=shift)
    got.backward(gradient)
    torch.testing.assert_close(got.double(), expected, atol=2e-5, rtol=0)
    torch.testing.assert_close(own.grad.double(), reference.grad, atol=2e-5, rtol=0)


@pytest.mark.parametrize("width", [20, 64])
def test_geglu(width):
    proj = normal(7, 2 * width).requires_grad_()
    gradient = normal(7, width, seed=1)
    expected = geglu_plain(proj)
    expected.backward(gradient)
    torch.testing.assert_close(geglu(proj.detach()), expected.detach(), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(geglu_backward(gradient, proj.detach()), proj.grad, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("width", [20, 64])
def test_mixture_of_frames(width):
    qv, key = normal(2, 5, 2 * width).requires_grad_(), normal(5, width, seed=1).requires_grad_()
    query, value = qv.chunk(2, dim=-1)
    scores = torch.stack([query @ key.t(), torch.zeros(2, 5, 5)]).diagonal(dim1=2, dim2=3) / width**0.5
    expected = torch.einsum("ofr,orc->frc", scores.softmax(0), value)
    gradient = normal(2, 5, width, seed=2)
    expected.backward(gradient)
    torch.testing.assert_close(mix_frames(qv.detach(), key.detach()), expected.detach(), atol=1e-5, rtol=1e-5)
    dqv, dkey = mix_frames_backward(gradient, qv.detach(), key.detach())
    torch.testing.assert_close(dqv, qv.grad, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(dkey, key.grad, atol=1e-5, rtol=1e-5)
