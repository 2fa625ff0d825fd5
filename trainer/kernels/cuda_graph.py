"""A network's call as a CUDA graph, for inference: one launch instead of two thousand."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class Replayed:
    """Calls a network on CUDA by replaying a recording, one for each set of shapes; elsewhere it just calls.

    The result is overwritten by the next call of the same shapes.

    Args:
        network: takes tensors (or None) and gives a tensor.
        tell: prints a notice, once, where nothing can be recorded.
    """

    #: Calls before recording, so that libraries choose their kernels and allocate their workspaces.
    WARM_UP = 2

    def __init__(self, network: Callable[..., Tensor], tell: Callable[[str], None] = print) -> None:
        self._network, self._tell = network, tell
        self._recorded: dict[tuple[object, ...], tuple[torch.cuda.CUDAGraph, list[Tensor | None], Tensor]] = {}
        self._given_up = False

    @torch.no_grad()
    def __call__(self, *inputs: Tensor | None) -> Tensor:
        """The network's result."""
        if self._given_up or inputs[0] is None or not inputs[0].is_cuda:
            return self._network(*inputs)
        shapes = tuple(None if t is None else (t.shape, t.dtype) for t in inputs)
        if shapes not in self._recorded:
            try:
                self._recorded[shapes] = self._record(inputs)
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError as error:
                self._given_up = True
                self._tell(f"note: no CUDA graph can be recorded here, which is slower ({str(error).splitlines()[0]})")
                return self._network(*inputs)
        graph, places, result = self._recorded[shapes]
        for place, value in zip(places, inputs, strict=True):
            if place is not None and value is not None:
                place.copy_(value)
        graph.replay()
        return result

    def _record(self, inputs: tuple[Tensor | None, ...]) -> tuple[torch.cuda.CUDAGraph, list[Tensor | None], Tensor]:
        """Warm up and capture; with the tensors that the graph reads and writes."""
        places = [None if t is None else t.clone() for t in inputs]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(self.WARM_UP):
                self._network(*places)
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.empty_cache()  # the warm-up's memory is of no use to the graph's own pool
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = self._network(*places)
        return graph, places, result
