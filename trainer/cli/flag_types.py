"""What the flags of the command lines are made of: value types, and flags that are accepted without effect."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol


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


def positive(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def natural(text: str) -> int:
    """A whole number, 0 or above."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def seed(text: str) -> int:
    """A whole number that every generator takes: 64 bits, one of them the sign."""
    number = natural(text)
    if number >= 2**63:
        raise argparse.ArgumentTypeError(f"{text} is not below 2**63")
    return number


def finite(text: str) -> float:
    """A finite number, 0 or above."""
    number = float(text)
    if not (math.isfinite(number) and number >= 0):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number of 0 or above")
    return number


def above_zero(text: str) -> float:
    """A finite number above 0."""
    number = finite(text)
    if number == 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def rate(text: str) -> float:
    """A learning rate: 0 or above, and well within float32."""
    number = finite(text)
    if number > 1e30:
        raise argparse.ArgumentTypeError(f"{text} is above 1e30")
    return number


def fraction(text: str) -> float:
    """A number from 0 up to, but without, 1."""
    number = float(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not in 0 <= x < 1")
    return number
