"""How many images of an anomaly train, and an even sample of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

from ..variant import Variant

Rule = Literal["sorted", "paper", "all"]
T = TypeVar("T")


def training_count(n: int, rule: Rule, variant: Variant) -> int:
    """How many of `n` anomalous images train."""
    if rule == "all":
        return n
    if rule == "paper" and variant == "dual":
        third = n // 3
        return third + 1 if third % 3 else third
    return -(-n // 3)


def spread(items: Sequence[T], most: int) -> list[T]:
    """All of them, or `most` at even distances, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[number * (len(items) - 1) // max(1, most - 1)] for number in range(most)]
