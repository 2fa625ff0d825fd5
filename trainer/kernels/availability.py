# Triton reads its kernels' annotations as its own: only `tl.constexpr` may stand there.
# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call,untyped-decorator,misc"
"""Whether Triton's kernels can run here; everything that has one also has a form in PyTorch's own operations.

Tried instead: the GEGLU kernel as the trial, which made this module and that one need each other.
"""

from __future__ import annotations

import functools
import os

import torch
from torch import Tensor

try:
    import triton  # type: ignore[import-not-found,unused-ignore]
    import triton.language as tl  # type: ignore[import-not-found,unused-ignore]
except Exception:  # not on this system, or built for another one
    triton = tl = None

__all__ = ["DTYPES", "INTERPRETED", "tl", "triton", "usable", "why_not"]

#: Precisions the kernels are written for; they compute in float32.
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
#: Triton's own switch: kernels run, slowly, on CPU tensors. The tests use it.
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


def usable(x: Tensor) -> bool:
    """Whether a kernel can take this tensor."""
    if triton is None or x.dtype not in DTYPES:
        return False
    return INTERPRETED or (x.is_cuda and why_not() is None)


@functools.cache
def why_not() -> str | None:
    """Why Triton cannot run on this GPU, or None where it can.

    It compiles at run time, for which it needs a C compiler: only trying tells.
    """
    if triton is None:
        return "Triton is not installed"
    try:
        _try_one()
    except Exception as error:  # compilers, drivers and GPUs fail in many ways
        return f"Triton does not work here ({str(error).strip().splitlines()[0] if str(error).strip() else error!r})"
    return None


def _try_one() -> None:
    """Fail unless a kernel of this file gives the right numbers."""
    x = torch.linspace(-3, 3, 64, device="cuda")
    out = torch.empty_like(x)
    _erf[(1,)](x, out, 64)
    if not torch.allclose(out, torch.erf(x), atol=1e-5):
        raise RuntimeError("wrong numbers")


if triton is not None:

    @triton.jit
    def _erf(x, out, COUNT: tl.constexpr):
        at = tl.arange(0, COUNT)
        tl.store(out + at, tl.math.erf(tl.load(x + at)))
