"""All trained numbers in one flat float32 buffer, whatever precision the network computes in.

One buffer makes the optimiser, the norm, the average over processes and the cast to the computing
precision one operation each, instead of one per tensor. Several anomaly types that train together have a buffer each,
all rows of one matrix, so that a layer's parameters of all types are one tensor.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..method.adapters import WITHOUT_GRADIENT, Adapter, Part
from ..weights.fit import check_tensors
from .layout import Range, lay_out

#: Leaves, and numbers in them, whose gradients are summed together, as soon as the backward pass has reached them
#: all: few enough that they and their second copy take no memory worth the name.
COLLECTED_AT_ONCE, NUMBERS_AT_ONCE = 100, 2**23


@dataclass(slots=True)
class _Run:
    """Leaves whose gradients are collected together.

    Attributes:
        slice: which ones.
        expected: how many of them get a gradient in a pass.
        awaited: how many of those have none yet.
        collected: whether all had one, and were collected.
    """

    slice: slice
    expected: int
    awaited: int = 0
    collected: bool = False


class Leaves:
    """What autograd sees of the parameters of T types, and the way of their gradients into the flat buffers.

    Attributes:
        master, gradient: float32 (T, n), see `AdapterParameters`.
        leaves: one for each packed parameter, in the order of the buffers; (T, *shape) where T is more than 1.

    Args:
        adapters: every adapter by the prefix of its names, in the order of the file; the leaves become theirs.
        types: T.
        device: where the buffers live.
        dtype: precision of the leaves; with float32 (or float64) they are views of the master copy.
        layout: of an earlier stack of these adapters, whose leaves have the shapes of several types.
    """

    def __init__(
        self,
        adapters: Mapping[str, Adapter],
        types: int,
        *,
        device: torch.device,
        dtype: torch.dtype,
        layout: tuple[list[Range], int] | None = None,
    ) -> None:
        self.layout = layout or lay_out(adapters)
        self.ranges, total = self.layout
        self.full_precision = dtype in (torch.float32, torch.float64)
        self.master = torch.zeros(types, total, dtype=dtype if self.full_precision else torch.float32, device=device)
        self.gradient = torch.zeros_like(self.master)
        self.shadow = self.master if self.full_precision else self.master.to(dtype)
        self.leaves = [nn.Parameter(place.of(self.shadow)) for place in self.ranges]
        self._show(self.leaves)
        if self.full_precision:
            for place, leaf in zip(self.ranges, self.leaves, strict=True):
                leaf.grad = place.of(self.gradient)
        else:
            self._collect_as_they_come(types)

    def _show(self, values: Iterable[nn.Parameter]) -> None:
        """Let the adapters have these parameters."""
        for place, value in zip(self.ranges, values, strict=True):
            setattr(place.adapter, place.attribute, value)

    def _collect_as_they_come(self, types: int) -> None:
        parts = _cut([types * place.shape.numel() for place in self.ranges])
        self._runs = [_Run(part, sum(r.attribute not in WITHOUT_GRADIENT for r in self.ranges[part])) for part in parts]
        for run in self._runs:
            for leaf in self.leaves[run.slice]:
                leaf.register_post_accumulate_grad_hook(self._on_gradient(run))

    @contextmanager
    def only(self, row: int) -> Iterator[None]:
        """Inside, the adapters are those of one type, for inference."""
        if len(self.master) == 1:
            yield
            return
        self._show(nn.Parameter(leaf.detach()[row], requires_grad=False) for leaf in self.leaves)
        try:
            yield
        finally:
            self._show(self.leaves)

    @contextmanager
    def collecting(self, *, only: bool = False) -> Iterator[None]:
        """Around one backward pass: its gradients are added to `gradient`, and freed while it still runs.

        Args:
            only: nothing else is in the sum, so it is overwritten: half the memory traffic.

        In full precision autograd itself adds them: there is no second buffer.
        """
        if self.full_precision:
            yield  # the leaves' gradients are views of the sum
            return
        self._only = only
        for run in self._runs:
            run.awaited, run.collected = run.expected, False
        yield
        for run in self._runs:
            # What came after all, or not at all.
            if not run.collected or any(leaf.grad is not None for leaf in self.leaves[run.slice]):
                self._collect(run)

    def _on_gradient(self, run: _Run) -> Callable[[Tensor], None]:
        """What autograd calls when a leaf of the run has its gradient; the last one's call collects them all."""

        def arrived(_: Tensor) -> None:
            run.awaited -= 1
            if run.awaited == 0:
                self._collect(run)

        return arrived

    @torch.no_grad()
    def _collect(self, run: _Run) -> None:
        """Add the gradients of the run's leaves, which lie side by side in the flat buffers, and free them."""
        ranges, leaves = self.ranges[run.slice], self.leaves[run.slice]
        start, end = ranges[0].start, ranges[-1].start + ranges[-1].shape.numel()
        # One kernel per hundred tensors of equal precision; mixed precisions would take one for each.
        low = torch.zeros(len(self.master), end - start, dtype=self.shadow.dtype, device=self.shadow.device)
        pairs = [
            (place.of(low, start), leaf.grad)
            for place, leaf in zip(ranges, leaves, strict=True)
            if leaf.grad is not None
        ]
        if len(low) > 1:  # dense tensors, as that kernel wants them
            pairs = [pair for views, grads in pairs for pair in zip(views, grads, strict=True)]
        if pairs:
            torch._foreach_copy_([view for view, _ in pairs], [grad for _, grad in pairs])
        if self._only and not run.collected:
            self.gradient[:, start:end].copy_(low)
        else:
            self.gradient[:, start:end].add_(low)
        for leaf in leaves:
            leaf.grad = None
        run.collected = True

    def start_sum(self, passes: int) -> None:
        """Start a new sum of so many passes; the only one of a step need find no zeros, see `collecting`."""
        if self.full_precision or passes != 1:
            self.gradient.zero_()


class AdapterParameters:
    """The adapters' parameters of one type: a float32 master copy, and leaves in the precision of the computation.

    Three buffers of one layout; each packed parameter of each adapter has its range, at a multiple of 64 numbers::

        number    0        r0     64·k      r1       64·m                                  n
                  | q_down |······| q_up    |·······| kv_down | ... next adapter's q_down | ...
        master    float32: what the optimiser changes, and checkpoints hold
        gradient  float32: the sum of a step's passes; the optimiser reads it as master.grad
        shadow    bfloat16 or float16: a cast of master; `leaves` are views of its ranges, what the network reads
                  (in full precision it is master itself, and the leaves' grads are views of gradient)

    One step, in this order::

        start_sum(passes)      zeroes gradient, unless one pass will overwrite it
        with collecting():     once a pass: backward fills the leaves' grads, in shadow's precision; as soon as a run
            loss.backward()    of neighbouring leaves has all of its own, they are cast and added to gradient, and freed
        optimizer.step(rate)   averages and clips gradient, changes master, and calls ...
        refresh()              ... which casts master into shadow again

    Attributes:
        adapters: every adapter by the prefix of its names.
        stack: the buffers of all types, and what is theirs together.
        row: which of them are this type's.
        master: float32 (n,), the values that the optimiser changes; its `grad` is `gradient`.
        gradient: float32 (n,), the sum of all passes since `start_sum`.
        untrained: tensors that the file must hold but nothing trains, by full name.

    Args:
        adapters: every adapter by the prefix of its names, in the order of the file.
        values: start value of every tensor, by full name.
        device: where the buffers live.
        dtype: precision of the leaves; with float32 (or float64) they are views of the master copy.
        stack: of several types, made before; this one's own where none is given.
        row: this type's in it.
    """

    def __init__(
        self,
        adapters: Mapping[str, Adapter],
        values: Mapping[str, Tensor],
        *,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        stack: Leaves | None = None,
        row: int = 0,
    ) -> None:
        self.adapters = dict(adapters)
        self.stack = stack or Leaves(self.adapters, 1, device=device, dtype=dtype)
        self.row = row
        self.master, self.gradient = nn.Parameter(self.stack.master[row]), self.stack.gradient[row]
        self.master.grad = self.gradient
        self.collecting, self.start_sum = self.stack.collecting, self.stack.start_sum
        self.untrained: dict[str, Tensor] = {}
        self.load(values)

    @property
    def leaves(self) -> list[nn.Parameter]:
        """What autograd sees, of all types of the stack."""
        return self.stack.leaves

    @property
    def _ranges(self) -> list[Range]:
        return self.stack.ranges

    def names(self) -> list[str]:
        """Every name of the file, in its order."""
        return [prefix + part.name for prefix, adapter in self.adapters.items() for part in adapter.parts]

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Named views of a flat buffer, e.g. of `master` or `gradient`: the trained tensors only."""
        packed = {(id(place.adapter), place.attribute): place.of(flat) for place in self._ranges}
        return {
            name: part.view(packed[id(adapter), part.attribute])
            for name, adapter, part in self._named_parts()
            if part.attribute
        }

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the file, float32 on the CPU, contiguous, in the file's order."""
        trained = self.views(self.master.detach())
        chosen = ((name, trained.get(name, self.untrained.get(name))) for name in self.names())
        return {
            name: value.to("cpu", torch.float32).contiguous().clone() for name, value in chosen if value is not None
        }

    @torch.no_grad()
    def load(self, values: Mapping[str, Tensor]) -> None:
        """Set every tensor from `values`.

        Raises:
            TrainerError: a name is missing or unknown, or a shape differs.
        """
        expected = {name: part.shape for name, _, part in self._named_parts()}
        check_tensors(values, expected)
        for name, view in self.views(self.master.detach()).items():
            view.copy_(values[name])
        self.untrained = {
            name: values[name].detach().to("cpu", torch.float32).clone()
            for name, _, part in self._named_parts()
            if not part.attribute
        }
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Bring the leaves up to date with the master copy."""
        if not self.stack.full_precision:
            self.stack.shadow[self.row].copy_(self.master)

    def _named_parts(self) -> list[tuple[str, Adapter, Part]]:
        """Every part with its full name."""
        return [
            (prefix + part.name, adapter, part) for prefix, adapter in self.adapters.items() for part in adapter.parts
        ]


def _cut(sizes: Sequence[int]) -> list[slice]:
    """Runs of neighbouring leaves of these sizes, none beyond the limits unless one leaf alone is."""
    cuts, numbers = [0], 0
    for place, size in enumerate(sizes):
        if place > cuts[-1] and (place - cuts[-1] == COLLECTED_AT_ONCE or numbers + size > NUMBERS_AT_ONCE):
            cuts.append(place)
            numbers = 0
        numbers += size
    return [slice(first, last) for first, last in itertools.pairwise([*cuts, len(sizes)]) if first < last]
