"""Which kind of failure a log tells of."""

from __future__ import annotations

import pytest

from dualano_setup.campaigns.verdict import judge_failure
from dualano_setup.explain.read import explain_bytes


def kind(log: str, status: int = 1) -> str:
    return judge_failure(status, explain_bytes(log.encode()), log).kind


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total", "memory"),
        (
            "error: The GPU's memory is full with --batch_size 4. Give a smaller one, or --mixed_precision bf16",
            "memory",
        ),
        ("OSError: [Errno 28] No space left on device", "disk"),
        ("RuntimeError: CUDA error: uncorrectable ECC error encountered", "node"),
        ("RuntimeError: CUDA error: unknown error", "node"),
        ("PIL.UnidentifiedImageError: cannot identify image file '/d/c/test/a/000.png'", "data"),
        ("✗ DATA008  Images and masks can be read  000.png is cut short\n1 finding blocks the training", "data"),
        ("ModuleNotFoundError: No module named 'einops'", "settings"),
        ("Traceback (most recent call last):\nZeroDivisionError: division by zero", "unknown"),
        ("error: 3 of 9 pairs are accepted after 90 pairs, and --limit is 90. They stay in /x", "settings"),
        ("", "unknown"),
    ],
)
def test_by_the_log(log, expected):
    assert kind(log) == expected


@pytest.mark.parametrize("status", [-9, 137])
def test_killed_without_a_word_is_the_nodes(status):
    assert kind("step 5 of 10", status) == "node"


def test_refused_command_lines_are_not_tried_again():
    assert kind("dualano-doctor: sampling needs the base model that was trained on: --model PATH", 2) == "settings"
