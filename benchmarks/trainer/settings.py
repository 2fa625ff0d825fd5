"""What is measured, as command lines of the trainer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    Attributes:
        name: of the row.
        flags: of the trainer.
        naive: measure the plain way of working instead.
        gpu: whether it needs CUDA.
        quick: whether `--quick` measures it.
        types: anomaly types that train together; a step is one of each.
    """

    name: str
    flags: tuple[str, ...]
    naive: bool = False
    gpu: bool = False
    quick: bool = False
    types: int = 1


TEXT = ("--train_text_encoder",)
EAGER = ("--no-cuda_graph",)
BF16 = (*TEXT, "--mixed_precision", "bf16")
GRAPH = (*BF16, "--cuda_graph")
LEAN = ("--gradient_checkpointing",)

SMALLEST = (
    "--mixed_precision", "bf16", *LEAN, "--train_batch_size", "1", "--gradient_accumulation_steps", "2",
)  # fmt: skip

#: In the order in which they are measured: what matters most comes before the budget is used up.
SETTINGS = (
    Setting("naive-fp32", TEXT, naive=True, quick=True),
    Setting("fp32", TEXT, quick=True),
    Setting("bf16-graph", GRAPH, gpu=True),
    Setting("bf16-checkpointing-graph", (*GRAPH, *LEAN), gpu=True),
    Setting("bf16-four-types", GRAPH, gpu=True, types=4),
    Setting("bf16-four-types-checkpointing", (*GRAPH, *LEAN), gpu=True, types=4),
    Setting("fp32-two-types", TEXT, quick=True, types=2),
    Setting("smallest", SMALLEST),
    Setting("bf16-batch1", (*BF16, "--train_batch_size", "1")),
    Setting("bf16-graph-batch4", (*GRAPH, "--train_batch_size", "4"), gpu=True),
    Setting("fp16", (*TEXT, "--mixed_precision", "fp16"), gpu=True),
    Setting("bf16-256px", (*BF16, "--resolution", "256")),
    Setting("fp32-tf32", (*TEXT, "--allow_tf32"), gpu=True),
    Setting("fp32-checkpointing", (*TEXT, *LEAN), quick=True),
    Setting("bf16-eager", (*BF16, *EAGER)),
    Setting("smallest-8bit", (*SMALLEST, "--use_8bit_adam"), gpu=True),
)


def named(name: str) -> Setting:
    """The setting of that name."""
    return next(setting for setting in SETTINGS if setting.name == name)
