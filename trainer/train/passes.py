"""Forward and backward of one pass: eagerly, or as a CUDA graph that is recorded once and replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Protocol

import torch
from torch import Tensor

from ..errors import TrainerError
from ..kernels.cuda_graph import NotRecordableError, Recording, record
from ..method.objective import NoiseSchedule, StepInputs, loss, predict
from ..method.text import TextSource
from ..method.unet import DualUNet
from ..optim.flat_parameters import AdapterParameters, Leaves
from ..optim.loss_scale import LossScale


class Pass(Protocol):
    """Runs one pass, adds its gradient to the sum, returns its loss."""

    def __call__(self, inputs: StepInputs) -> Tensor:
        """The loss of `inputs`, a scalar on the device; of several types (T,), one for each."""


class EagerPass:
    """One pass, operation by operation.

    Args:
        model: the dual UNet.
        text: the prompts' states.
        schedule: the forward process.
        parameters: where gradients are collected.
        scale: the loss scale, of each type where several train together.
        passes: passes per step and process; each gradient is divided by it.
    """

    def __init__(
        self,
        model: DualUNet,
        text: TextSource,
        schedule: NoiseSchedule,
        parameters: AdapterParameters | Leaves,
        scale: LossScale | Sequence[LossScale],
        passes: int = 1,
    ) -> None:
        self._model, self._text, self._schedule = model, text, schedule
        self.parameters, self.passes = parameters, passes
        self._scales = [scale] if isinstance(scale, LossScale) else list(scale)

    def __call__(self, inputs: StepInputs) -> Tensor:
        """Forward, backward, gradients collected."""
        prediction = predict(self._model, self._schedule, inputs, self._text(len(inputs.timesteps)))
        types = len(self._scales)
        if types == 1:
            value, scale = loss(prediction, inputs.noise), self._scales[0].scale
        else:
            pairs = zip(prediction.chunk(types), inputs.noise.chunk(types), strict=True)
            value = torch.stack([loss(own, noise) for own, noise in pairs])
            scale = torch.stack([own.scale for own in self._scales])
        with self.parameters.collecting(only=self.passes == 1):
            # A loss that is not finite leaves the other types' gradients as they are.
            (value * (scale / self.passes)).sum().backward()
        return value.detach()


class GraphPass:
    """The same pass as a CUDA graph: one launch instead of thousands.

    Args:
        eager: the pass to record; it must always get the same shapes.
        required: whether being unable to record is an error; otherwise it is told and the pass runs eagerly.
        tell: prints a notice.
    """

    def __init__(self, eager: EagerPass, *, required: bool = True, tell: Callable[[str], None] = print) -> None:
        self._eager, self._required, self._tell = eager, required, tell
        self._recording: Recording | None = None
        self._given_up = False

    def __call__(self, inputs: StepInputs) -> Tensor:
        """Replay on new inputs."""
        if self._recording is None and not self._given_up:
            self._record(inputs)
        if self._recording is None:
            return self._eager(inputs)
        return self._recording.replay(_tensors(inputs)).clone()

    def _record(self, inputs: StepInputs) -> None:
        """Record the pass. It is the run's first, so that nothing has been collected before it."""
        try:
            self._recording = record(lambda *tensors: self._eager(StepInputs(*tensors)), _tensors(inputs))
        except NotRecordableError as error:
            if self._required:
                raise TrainerError(
                    f"--cuda_graph: this stack cannot record the pass ({error}). "
                    "Leave the flag out; the training is the same."
                ) from error
            self._given_up = True
            self._tell(f"note: steps run without a CUDA graph, which is slower: it cannot be recorded here ({error})")
        self._eager.parameters.start_sum(self._eager.passes)


def _tensors(inputs: StepInputs) -> tuple[Tensor | None, ...]:
    """The fields, in order."""
    return tuple(getattr(inputs, field.name) for field in fields(inputs))
