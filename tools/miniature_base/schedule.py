"""One training: steps until its seconds are used up, in one piece or several."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

_LOG_EVERY, _EMA_EVERY, _EMA = 100, 10, 0.9995
_WARM_UP, _FLOOR = 300, 0.01


class Training:
    """Trains networks on a loss, by AdamW with a cosine schedule over seconds, keeping averaged weights.

    Args:
        name: in the log and of the state's file.
        networks: by name; all their parameters are trained.
        loss: computes (loss, numbers to log) from nothing but the networks; must not look at values on the host,
            so that a CUDA graph can replay it.
        rate: the highest learning rate.
        seconds: that all pieces together may train.
        folder: for the state.
        log: called with one object for each line of the curve.
    """

    def __init__(
        self,
        name: str,
        networks: dict[str, nn.Module],
        loss: Callable[[], tuple[Tensor, dict[str, Tensor]]],
        *,
        rate: float,
        seconds: float,
        folder: Path,
        log: Callable[[dict[str, Any]], None],
    ) -> None:
        self.name, self.networks, self.loss, self.rate, self.seconds = name, networks, loss, rate, seconds
        self.file, self.log = folder / f"{name}.pt", log
        self.parameters = [p for network in networks.values() for p in network.parameters()]
        self.averages = [p.detach().clone() for p in self.parameters]
        self.on_gpu = self.parameters[0].is_cuda
        start = torch.zeros((), device=self.parameters[0].device) if self.on_gpu else 0.0
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=start, weight_decay=0.01, betas=(0.9, 0.99), fused=True, capturable=self.on_gpu
        )
        self.spent, self.steps, self.fresh = 0.0, 0, 0
        if self.file.exists():
            self._restore(torch.load(self.file, map_location=self.parameters[0].device, weights_only=True))

    @property
    def done(self) -> bool:
        """Whether all its seconds are used up."""
        return self.spent >= self.seconds

    def run(self, deadline: float, last: bool = False) -> bool:
        """Train until done or `deadline` (of `time.monotonic`); saves the state. Returns `done`.

        Args:
            deadline: when this piece must end.
            last: there is no further piece: where the seconds do not fit before the deadline, they are as many as do.
        """
        if self.done:
            return True
        step = self._captured() if self.on_gpu else self._step
        began, before = time.monotonic(), self.spent
        if last:
            self.seconds = min(self.seconds, before + max(0.0, deadline - began))
        while not self.done and time.monotonic() < deadline:
            self._set_rate()
            value, numbers = step()
            self.steps, self.fresh = self.steps + 1, self.fresh + 1
            if self.steps % _EMA_EVERY == 0:
                self._average()
            if self.steps % _LOG_EVERY == 1:
                line = {"training": self.name, "step": self.steps, "seconds": round(self.spent, 1)}
                self.log(line | {key: round(float(x), 5) for key, x in {"loss": value, **numbers}.items()})
                if not math.isfinite(float(value)):
                    raise FloatingPointError(f"{self.name}: the loss is no number after {self.steps} steps")
            if not self.on_gpu or self.steps % 10 == 0:
                if self.on_gpu:
                    torch.cuda.synchronize()
                self.spent = before + time.monotonic() - began
        self.optimizer.zero_grad(set_to_none=True)
        self._save()
        print(f"{self.name}: {self.steps} steps in {self.spent:.0f} of {self.seconds:.0f} s", flush=True)
        return self.done

    def use_averages(self) -> None:
        """Put the averaged weights into the networks (after training: the next piece starts from the state's file)."""
        with torch.no_grad():
            for parameter, average in zip(self.parameters, self.averages, strict=True):
                parameter.copy_(average)

    def _step(self, clear: bool = True) -> tuple[Tensor, dict[str, Tensor]]:
        if clear:
            self.optimizer.zero_grad(set_to_none=True)
        value, numbers = self.loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.optimizer.step()
        return value.detach(), {key: number.detach() for key, number in numbers.items()}

    def _captured(self) -> Callable[[], tuple[Tensor, dict[str, Tensor]]]:
        """The step as a CUDA graph; where capture fails, the step as it is."""
        for group in self.optimizer.param_groups:
            group["lr"].zero_()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        try:
            with torch.cuda.graph(graph):
                result = self._step(clear=False)
        except RuntimeError as error:
            print(f"{self.name}: no CUDA graph ({str(error).splitlines()[0]}); slower", flush=True)
            torch.cuda.synchronize()
            self.optimizer.zero_grad(set_to_none=True)
            return self._step

        def replay() -> tuple[Tensor, dict[str, Tensor]]:
            graph.replay()
            return result

        return replay

    def _set_rate(self) -> None:
        """Cosine over the seconds; a warm-up over the steps since the optimiser was new."""
        fall = 0.5 + 0.5 * math.cos(math.pi * min(1.0, self.spent / self.seconds))
        rate = self.rate * max(fall, _FLOOR) * min(1.0, (self.fresh + 1) / _WARM_UP)
        for group in self.optimizer.param_groups:
            if self.on_gpu:
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(_EMA, (1 + self.steps) / (10 + self.steps)) ** _EMA_EVERY
        torch._foreach_lerp_(self.averages, [p.detach() for p in self.parameters], 1 - keep)

    def _save(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "averages": self.averages,
            "optimizer": self.optimizer.state_dict(),
            "counts": [self.spent, self.steps, self.fresh],
        }
        torch.save(state, self.file)

    def _restore(self, state: dict[str, Any]) -> None:
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        self.averages = list(state["averages"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.spent, self.steps, self.fresh = state["counts"]

    def go_on_from_averages(self, spent: float, steps: int) -> None:
        """Where only the networks' averaged weights are left: count on, the optimiser anew."""
        self.averages = [p.detach().clone() for p in self.parameters]
        self.spent, self.steps = spent, steps


def append_lines(path: Path) -> Callable[[dict[str, Any]], None]:
    """A log that appends each object to a JSON-lines file and prints it."""

    def log(line: dict[str, Any]) -> None:
        text = json.dumps(line)
        with path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        print(text, flush=True)

    return log


def parameter_count(networks: Iterable[nn.Module]) -> int:
    """How many numbers the networks have."""
    return sum(p.numel() for network in networks for p in network.parameters())
