"""Forward and backward of one pass: eagerly, or as a CUDA graph that is recorded once and replayed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..errors import TrainerError
from ..method.objective import NoiseSchedule, StepInputs, loss, predict
from ..method.text import TextEncoder, pair_states
from ..method.unet import DualUNet
from ..optim.flat_parameters import AdapterParameters
from ..optim.loss_scale import LossScale


@dataclass(frozen=True, slots=True)
class TextSource:
    """The states of the prompts: from the encoder when it is trained, else computed once.

    Attributes:
        encoder: the trained text encoder, or None.
        tokens: (P, L) tokens of the P prompts (training: whole and part), for the encoder.
        states: (P, L, d), without one.
    """

    encoder: TextEncoder | None = None
    tokens: Tensor | None = None
    states: Tensor | None = None

    def __call__(self, batch: int) -> Tensor:
        """(B, P, L, d); the prompts are encoded once, however many samples use them."""
        states = self.states if self.encoder is None else self.encoder(self.tokens)
        assert states is not None
        return pair_states(states, batch)


class Pass(Protocol):
    """Runs one pass, adds its gradient to the sum, returns its loss."""

    def __call__(self, inputs: StepInputs) -> Tensor:
        """The loss of `inputs`, a scalar on the device."""


class EagerPass:
    """One pass, operation by operation.

    Args:
        model: the dual UNet.
        text: the prompts' states.
        schedule: the forward process.
        parameters: where gradients are collected.
        scale: the loss scale.
        passes: passes per step and process; each gradient is divided by it.
    """

    def __init__(
        self,
        model: DualUNet,
        text: TextSource,
        schedule: NoiseSchedule,
        parameters: AdapterParameters,
        scale: LossScale,
        passes: int = 1,
    ) -> None:
        self._model, self._text, self._schedule = model, text, schedule
        self.parameters, self._scale, self.passes = parameters, scale, passes

    def __call__(self, inputs: StepInputs) -> Tensor:
        """Forward, backward, gradients collected."""
        prediction = predict(self._model, self._schedule, inputs, self._text(len(inputs.timesteps)))
        value = loss(prediction, inputs.noise)
        with self.parameters.collecting(only=self.passes == 1):
            (value * (self._scale.scale / self.passes)).backward()
        return value.detach()


class GraphPass:
    """The same pass as a CUDA graph: one launch instead of thousands.

    Args:
        eager: the pass to record; it must always get the same shapes.
        required: whether being unable to record is an error; otherwise it is told and the pass runs eagerly.
        tell: prints a notice.
    """

    #: Eager runs before recording, so that libraries choose their kernels and allocate their workspaces.
    WARM_UP = 2

    def __init__(self, eager: EagerPass, *, required: bool = True, tell: Callable[[str], None] = print) -> None:
        self._eager, self._required, self._tell = eager, required, tell
        self._graph: torch.cuda.CUDAGraph | None = None
        self._given_up = False

    def __call__(self, inputs: StepInputs) -> Tensor:
        """Replay on new inputs."""
        if self._graph is None and not self._given_up:
            self._record(inputs)
        if self._given_up:
            return self._eager(inputs)
        for place, value in zip(_tensors(self._inputs), _tensors(inputs), strict=True):
            place.copy_(value)
        assert self._graph is not None
        self._graph.replay()
        return self._value.clone()

    def _record(self, inputs: StepInputs) -> None:
        """Warm up and capture. It is the run's first pass, so that nothing has been collected before it."""
        self._inputs = StepInputs(*(None if t is None else t.clone() for t in _fields(inputs)))
        _free_unused()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(self.WARM_UP):
                self._eager(self._inputs)
        torch.cuda.current_stream().wait_stream(side)
        _free_unused()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._value = self._eager(self._inputs)
            self._graph = graph
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            if self._required:
                raise TrainerError(
                    f"--cuda_graph: this stack cannot record the pass ({reason}). "
                    "Leave the flag out; the training is the same."
                ) from error
            self._given_up = True
            self._tell(f"note: steps run without a CUDA graph, which is slower: it cannot be recorded here ({reason})")
        self._eager.parameters.start_sum(self._eager.passes)


def _free_unused() -> None:
    """Free what another stream used: the next one gets memory, and cuBLAS's workspaces, of its own."""
    # Not public, but what torch's own CUDA graph trees call. Without it the workspaces merely stay.
    getattr(torch._C, "_cuda_clearCublasWorkspaces", lambda: None)()
    torch.cuda.empty_cache()


def _fields(inputs: StepInputs) -> tuple[Tensor | None, ...]:
    return (inputs.latents, inputs.noise, inputs.timesteps, inputs.condition, inputs.condition_noise)


def _tensors(inputs: StepInputs) -> list[Tensor]:
    """The tensors that are there."""
    return [tensor for tensor in _fields(inputs) if tensor is not None]
