"""AdamW on the flat parameter buffer: average over processes, clip, step, all without waiting for the GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..errors import TrainerError
from .flat_parameters import AdapterParameters
from .loss_scale import LossScale


@dataclass(frozen=True, slots=True)
class AdamWSettings:
    """AdamW's and the clip's constants."""

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    eight_bit: bool = False

    @classmethod
    def from_flags(cls, flags: Any) -> AdamWSettings:
        """From an object whose attributes are the trainer's flags."""
        return cls(
            (flags.adam_beta1, flags.adam_beta2),
            flags.adam_epsilon,
            flags.adam_weight_decay,
            flags.max_grad_norm,
            flags.use_8bit_adam,
        )


class AdapterOptimizer:
    """Turns the collected gradient into new parameters.

    Args:
        parameters: what is trained.
        settings: constants.
        scale: the loss scale the gradient was computed with.
    """

    def __init__(self, parameters: AdapterParameters, settings: AdamWSettings, scale: LossScale | None = None) -> None:
        self._parameters = parameters
        self._settings = settings
        self.scale = scale or LossScale(parameters.master.device, enabled=False)
        self._fused = parameters.master.is_cuda and not settings.eight_bit
        self._adamw = _make_adamw(parameters, settings, fused=self._fused)

    @torch.no_grad()
    def step(self, learning_rate: float) -> Tensor:
        """One update.

        A gradient that is not finite changes nothing (and halves float16's loss scale).

        Returns:
            The joint norm of the gradient before clipping, a scalar on the device.
        """
        gradient = self._parameters.gradient
        average_over_processes(gradient)
        norm = torch.linalg.vector_norm(gradient) / self.scale.scale
        finite = torch.isfinite(norm)
        divisor = self.scale.scale
        limit = self._settings.max_grad_norm
        if limit > 0:
            divisor = divisor * torch.clamp((norm + 1e-6) / limit, min=1.0)
        self._adamw.param_groups[0]["lr"] = learning_rate
        if self._fused:
            # The fused kernel itself divides, and skips the update where found_inf is 1: no copy to the host.
            self._adamw.grad_scale, self._adamw.found_inf = divisor.float(), (~finite).float()
            self._adamw.step()
        elif finite.item():
            gradient.div_(divisor)
            self._adamw.step()
        self.scale.update(finite)
        self._parameters.refresh()
        return norm

    def tensors(self) -> dict[str, Tensor]:
        """The state to save: AdamW's tensors and the loss scale."""
        state = self._adamw.state.get(self._parameters.master, {})
        # bitsandbytes counts its steps in a plain number.
        adamw = {f"adamw.{key}": torch.as_tensor(value) for key, value in state.items()}
        return adamw | {f"loss_scale.{key}": value for key, value in self.scale.tensors().items()}

    def load(self, saved: dict[str, Tensor]) -> None:
        """Restore what `tensors` gave.

        Raises:
            TrainerError: the state belongs to another kind of optimiser or to other parameters.
        """
        adamw: dict[str, Any] = {key.removeprefix("adamw."): t for key, t in saved.items() if key.startswith("adamw.")}
        needed = {"step", *(("state1", "state2") if self._settings.eight_bit else ("exp_avg", "exp_avg_sq"))}
        if adamw and not needed <= set(adamw):
            raise TrainerError(
                f"The checkpoint's optimiser state is of another kind: it has {', '.join(sorted(adamw))}, this run's "
                f"AdamW needs {', '.join(sorted(needed))}. Resume with the same --use_8bit_adam setting as before."
            )
        master = self._parameters.master
        first = adamw.get("exp_avg", adamw.get("state1", master))
        if first.numel() != master.numel():
            raise TrainerError(
                f"The checkpoint's optimiser state has {first.numel()} numbers, this run trains "
                f"{master.numel()}. Resume with the same --rank, --variant and --train_text_encoder."
            )
        if adamw:
            self._load_adamw(adamw)
        self.scale.load({k.removeprefix("loss_scale."): t for k, t in saved.items() if k.startswith("loss_scale.")})

    def _load_adamw(self, saved: dict[str, Any]) -> None:
        master = self._parameters.master
        if not self._settings.eight_bit:
            # In place: two copies of the moments could be more than a step needs.
            for key, value in self._adamw.state[master].items():
                value.copy_(saved[key])
            return
        state = saved | ({"step": int(saved["step"])} if "step" in saved else {})
        self._adamw.load_state_dict({**self._adamw.state_dict(), "state": {0: state}})


def average_over_processes(values: Tensor) -> None:
    """Replace `values` by their mean over all processes."""
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        dist.all_reduce(values)
        values.div_(dist.get_world_size())


def _make_adamw(parameters: AdapterParameters, settings: AdamWSettings, *, fused: bool) -> Any:
    """AdamW over the one flat parameter."""
    options: dict[str, Any] = {
        "betas": settings.betas,
        "eps": settings.eps,
        "weight_decay": settings.weight_decay,
    }
    if not settings.eight_bit:
        adamw = torch.optim.AdamW([parameters.master], fused=True if fused else None, **options)
        adamw.state[parameters.master] = _moments(parameters.master, on_device=fused)
        return adamw
    try:
        import bitsandbytes
    except Exception as error:  # a broken CUDA set-up raises all sorts of things here
        raise TrainerError(
            f"--use_8bit_adam needs bitsandbytes, which does not load here ({error}). "
            "Install it, or leave the flag out (costs about 0.8 GiB more)."
        ) from error
    adamw = bitsandbytes.optim.AdamW8bit([parameters.master], **options)
    if parameters.master.is_cuda:
        adamw.init_state(adamw.param_groups[0], parameters.master, 0, 0)  # early for the reason given in `_moments`
    return adamw


def _moments(master: Tensor, *, on_device: bool) -> dict[str, Tensor]:
    """AdamW's state before its first step, as torch makes it in that step.

    Made before a CUDA graph is recorded, so that PyTorch's peak counts moments and activations together: the memory
    that replaying uses is invisible to it.
    """
    return {
        "step": torch.zeros((), dtype=torch.float32, device=master.device if on_device else "cpu"),
        "exp_avg": torch.zeros_like(master, requires_grad=False),
        "exp_avg_sq": torch.zeros_like(master, requires_grad=False),
    }
