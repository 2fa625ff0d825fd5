"""Short training runs on the miniature model, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from tests.miniature import miniature
from trainer.__main__ import main


def instance_dir() -> Path:
    """The first folder of anomalous images of the miniature data."""
    return sorted(p for p in (miniature() / "data").glob("*/test/*") if p.name != "good")[0]


def arguments(output: Path, *extra: str, variant: str = "bcm") -> list[str]:
    """A command line for a short run."""
    root = miniature()
    condition = ["--condition_dir", str(root / "foreground")] if variant == "bcm" else []
    return [
        "--pretrained_model_name_or_path", str(root / "model"), "--instance_data_dir", str(instance_dir()),
        "--output_dir", str(output), "--variant", variant, *condition, "--resolution", "64", "--rank", "2",
        "--learning_rate", "1e-3", "--seed", "7", "--report_to", "none", *extra,
    ]  # fmt: skip


def train(output: Path, *extra: str, variant: str = "bcm") -> int:
    """Run the trainer; returns its exit status."""
    torch.set_num_threads(1)
    return main(arguments(output, *extra, variant=variant))


def metrics(output: Path) -> list[dict]:
    """The lines of metrics.jsonl."""
    return [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]


def losses(output: Path) -> list[float]:
    """The loss of each step."""
    return [line["loss"] for line in metrics(output)]
