"""What the flags of the command lines are made of: value types, and flags that are accepted without effect."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

Number = TypeVar("Number", int, float)


class Group(Protocol):
    """What argparse's groups and parsers share."""

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:
        """Declare one flag."""


#: Why `--compile` does nothing, in training and in generating.
NO_COMPILING = "the network has fused kernels of its own and is replayed as a CUDA graph on a GPU, which is faster"


class Ignored(argparse.Action):
    """A flag that other scripts need and this one does not; remembered, so that it can be said aloud."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Remember the flag and why it does nothing."""
        seen = getattr(namespace, "without_effect", None) or []
        namespace.without_effect = [*seen, (self.option_strings[0], self.const)]


def folder_name(text: str) -> str:
    """The name of one folder, not a path."""
    name = text.rstrip("/")  # as completion leaves it
    if Path(name).name != name or name in ("", ".", ".."):
        raise argparse.ArgumentTypeError(f"{text} is not the name of a folder")
    return name


def _number(
    name: str, convert: Callable[[str], Number], fits: Callable[[Number], bool], problem: str
) -> Callable[[str], Number]:
    """A value type of flags: what `convert` makes of the text, refused with `problem` where it does not fit."""

    def checked(text: str) -> Number:
        number = convert(text)
        if not fits(number):
            raise argparse.ArgumentTypeError(f"{text} {problem}")
        return number

    checked.__name__ = name  # argparse: "invalid positive value: 'x'"
    return checked


# Whole numbers; a seed is one that every generator takes: 64 bits, one of them the sign.
positive = _number("positive", int, lambda number: number > 0, "is not above 0")
natural = _number("natural", int, lambda number: number >= 0, "is below 0")
seed = _number("seed", natural, lambda number: number < 2**63, "is not below 2**63")
# Finite numbers of 0 or above; a learning rate is one well within float32.
finite = _number("finite", float, lambda x: math.isfinite(x) and x >= 0, "is not a finite number of 0 or above")
above_zero = _number("above_zero", finite, lambda number: number > 0, "is not above 0")
rate = _number("rate", finite, lambda number: number <= 1e30, "is above 1e30")
fraction = _number("fraction", float, lambda number: 0 <= number < 1, "is not in 0 <= x < 1")
