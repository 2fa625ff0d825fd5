"""Work of the backward pass that nothing waits for soon, on a second CUDA stream: the gradients of weights.

Most kernels of a backward pass are too small to fill a GPU. What the pass itself needs next, the gradients of
activations, goes on in the first stream meanwhile. Both are joined again before a gradient is used, and recorded
together in a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.autograd.variable import Variable


class Beside:
    """A second stream for one device; without one, everything is done in place.

    Nothing that the second stream reads may be freed while it does: PyTorch would give the memory to the first stream
    again. So the tensors are held until `join`.

    Args:
        device: where the network runs; None for no second stream.
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self._stream = None if device is None else torch.cuda.Stream(device)
        self._read: list[Tensor] = []
        self._callback = False

    @contextmanager
    def reading(self, *tensors: Tensor) -> Iterator[None]:
        """What is inside runs beside what follows; `tensors` is all that it reads from outside."""
        if self._stream is None:
            yield
            return
        if not self._callback:
            # Whatever becomes of the gradients, the backward pass does not end before they are there.
            Variable._execution_engine.queue_callback(self._finish)
            self._callback = True
        self._stream.wait_stream(torch.cuda.current_stream())
        self._read += tensors
        with torch.cuda.stream(self._stream):
            yield

    def join(self) -> None:
        """From here on the first stream may use what the second one made."""
        if self._read:
            torch.cuda.current_stream().wait_stream(self._stream)
            self._read.clear()

    def _finish(self) -> None:
        self._callback = False
        self.join()
