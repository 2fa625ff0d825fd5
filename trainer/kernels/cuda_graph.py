"""CUDA graphs: a call of thousands of kernels recorded once, then launched as one.

Tried instead: `torch.compile`, which on an H200 took minutes before the first step, and fails on these kernels where
sizes vary; a second stream for the weights' gradients in the same graph, 50.0 instead of 50.4 ms a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

#: Calls before recording, so that libraries choose their kernels and allocate their workspaces.
WARM_UP = 2


class NotRecordableError(RuntimeError):
    """A call cannot be recorded on this stack; the message is one line."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded call.

    Attributes:
        graph: the graph.
        places: the tensors that it reads.
        result: the tensor that it writes.
    """

    graph: torch.cuda.CUDAGraph
    places: tuple[Tensor | None, ...]
    result: Tensor

    def replay(self, inputs: Sequence[Tensor | None]) -> Tensor:
        """The result for new inputs of the same shapes; the next replay overwrites it."""
        for place, value in zip(self.places, inputs, strict=True):
            if place is not None and value is not None:
                place.copy_(value)
        self.graph.replay()
        return self.result


def record(call: Callable[..., Tensor], inputs: Sequence[Tensor | None], pool: Any = None) -> Recording:
    """Warm up, then record `call` of copies of `inputs`.

    Args:
        call: gives a tensor.
        inputs: of one call.
        pool: memory of another recording, whose results are no longer needed when this one is replayed.

    Raises:
        NotRecordableError: the call works, but cannot be recorded.
    """
    places = tuple(None if tensor is None else tensor.clone() for tensor in inputs)
    _free_unused()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            call(*places)
    torch.cuda.current_stream().wait_stream(side)
    _free_unused()
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph, pool=pool):
            result = call(*places)
    except torch.cuda.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise NotRecordableError(str(error).splitlines()[0]) from error
    return Recording(graph, places, result)


def _free_unused() -> None:
    """Free what another stream used: the next one gets memory, and cuBLAS's workspaces, of its own."""
    # Not public, but what torch's own CUDA graph trees call. Without it the workspaces merely stay.
    getattr(torch._C, "_cuda_clearCublasWorkspaces", lambda: None)()
    torch.cuda.empty_cache()


class Replayed:
    """Calls a network on CUDA, without gradient, by replaying a recording for each set of shapes; elsewhere it calls.

    The result is overwritten by the next call, of whatever shapes: all recordings use the same memory.

    Args:
        network: takes tensors (or None) and gives a tensor.
        tell: prints a notice, once, where nothing can be recorded.
    """

    def __init__(self, network: Callable[..., Tensor], tell: Callable[[str], None] = print) -> None:
        self._network, self._tell = network, tell
        self._recorded: dict[tuple[object, ...], Recording] = {}
        self._given_up = False

    @torch.no_grad()
    def __call__(self, *inputs: Tensor | None) -> Tensor:
        """The network's result."""
        if self._given_up or inputs[0] is None or not inputs[0].is_cuda:
            return self._network(*inputs)
        shapes = tuple(None if t is None else (t.shape, t.dtype) for t in inputs)
        if shapes not in self._recorded:
            try:
                pool = next((r.graph.pool() for r in self._recorded.values()), None)
                self._recorded[shapes] = record(self._network, inputs, pool)
            except NotRecordableError as error:
                self._given_up = True
                self._tell(f"note: no CUDA graph can be recorded here, which is slower ({error})")
                return self._network(*inputs)
        return self._recorded[shapes].replay(inputs)
