"""One training of adapters on a drawn category, and pairs from its checkpoints, through the product's own commands."""

from __future__ import annotations

import json
import math
import signal
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.data.images import read_image
from trainer.generate.gate import Background
from trainer.generate.manifest import Manifest, pair_files
from trainer.miniature.base import TRAINED_BASE, write_base_model
from trainer.miniature.world.categories import write_category

Pixels = npt.NDArray[np.uint8]
#: The method's own prompts, and words that the base model knows, as Stable Diffusion knows what a scratch is.
PROMPTS = {
    "own": ("a vfx with sks", "sks"),
    "words": ("a photo of a {category} with a {kind}", "a photo of a {kind} on grey"),
}


@dataclass(frozen=True, slots=True)
class Task:
    """What is trained and how often it is looked at; by the names of the trainer's flags where there is one."""

    category: str = "bottle"
    kind: str = "scratch"
    variant: str = "bcm"
    precision: str = "no"
    seed: int = 0
    rate: str = "2e-5"
    scheduler: str = "constant"
    rank: int = 32
    steps: int = 5000
    looks: tuple[int, ...] = (5000,)
    prompts: str = "own"
    pairs: int = 24
    accepted: int = 0
    training: tuple[str, ...] = ()
    sampling: tuple[str, ...] = ()
    spoil: str = ""
    tag: str = ""

    @property
    def name(self) -> str:
        parts = (self.category, self.kind, self.variant, self.precision, self.prompts, self.rate, self.scheduler)
        more = (f"r{self.rank}", self.steps, f"seed{self.seed}", self.spoil.replace(" ", "_") + self.tag)
        return "-".join(str(part) for part in (*parts, *more) if part != "")

    def texts(self) -> list[str]:
        whole, part = (text.format(category=self.category, kind=self.kind) for text in PROMPTS[self.prompts])
        return ["--prompt_blend", whole, "--prompt_fg", part]


def prepare(work: Path, categories: Sequence[str]) -> None:
    """The base model and the data, where they are not there yet."""
    if not (work / "model").exists():
        write_base_model(TRAINED_BASE, work / "model")
    for category in categories:
        if not (work / "data" / category).exists():
            write_category(category, work / "data", work / "foreground", seed=0)


def train(work: Path, task: Task, until: float | None = None) -> list[int]:
    """Train; the steps among `task.looks` that have a checkpoint. At `until` (time.time()) a checkpoint ends it."""
    from trainer.__main__ import main

    data, target = work / "data" / task.category, work / "runs" / task.name
    command = [
        *_shared(work, task), "--instance_data_dir", data / "test" / task.kind, "--condition_dir", work / "foreground",
        "--variant", task.variant, "--rank", task.rank, "--train_text_encoder", "--report_to", "none",
        "--learning_rate", task.rate, "--lr_scheduler", task.scheduler, "--max_train_steps", task.steps,
        "--checkpointing_steps", math.gcd(*task.looks), "--output_dir", target, *task.training,
    ]  # fmt: skip
    timer = None
    if until is not None:
        timer = threading.Timer(max(0.0, until - time.time()), signal.raise_signal, (signal.SIGUSR1,))
        timer.daemon = True
        timer.start()
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    status = main([str(part) for part in command])
    signal.signal(signal.SIGUSR1, before)
    if timer is not None:
        timer.cancel()
    if status not in (0, 128 + signal.SIGUSR1):
        raise RuntimeError(f"{task.name}: the training ended with {status}")
    there = [int(path.name.removeprefix("checkpoint-")) for path in target.glob("checkpoint-*")]
    return sorted(step for step in there if step in task.looks or step == max(there))


def generate(work: Path, task: Task, step: int, name: str = "pairs") -> Path:
    """Pairs from the checkpoint of a step; their folder, `<run>/<name>-<step>`."""
    from trainer.generate.__main__ import main

    data, target = work / "data" / task.category, work / "runs" / task.name
    folder = target / f"{name}-{step}"
    many = ("--accepted", task.accepted, "--limit", task.pairs) if task.accepted else ("--num_images", task.pairs)
    command = [
        *_shared(work, task), "--weights", target / f"checkpoint-{step}", "--output_dir", folder, *many,
        "--batch_size", min(task.pairs, 24), "--images_per_background", 8,
        "--instance_data_dir", data / "test" / task.kind,
    ]  # fmt: skip
    if task.variant == "bcm":
        command += ["--condition_dir", work / "foreground", "--good_dir", data / "train" / "good"]
    main([str(part) for part in (*command, *task.sampling)])  # 1 where none is accepted, which is a result too
    return folder


def _shared(work: Path, task: Task) -> list[Any]:
    model = ["--pretrained_model_name_or_path", work / "model", "--resolution", 128, "--seed", task.seed]
    return [*model, "--mixed_precision", task.precision, *task.texts()]


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Shares over pairs. A good one: the judge names it rightly and finds it where the mask is (overlap 0.3)."""
    accepted = [row for row in rows if row["accepted"]]
    good = [row for row in rows if is_good(row)]
    bad = [row for row in rows if not is_good(row)]

    def share(some: Sequence[dict[str, Any]], name: str) -> float:
        return round(statistics.fmean(bool(row[name]) for row in some), 3) if some else float("nan")

    return {
        "pairs": len(rows),
        "named": share(rows, "named"),
        "part_named": share(rows, "part_named"),
        "accepted": share(rows, "accepted"),
        "accepted_named": share(accepted, "named"),
        "flat": share(rows, "flat"),
        "shown": round(statistics.median(row["measures"].get("shown", 0.0) for row in rows), 3),
        "ground": round(statistics.median(row["ground"] for row in rows), 1),
        "overlap": round(statistics.median(row["overlap"] for row in accepted), 3) if accepted else float("nan"),
        "good": round(len(good) / max(1, len(rows)), 3),
        "good_rejected": round(1 - share(good, "accepted"), 3),
        "bad_rejected": round(1 - share(bad, "accepted"), 3),
    }


def is_flat(part: Pixels) -> bool:
    """Whether most of a part frame (H, W, 3) is mid-grey: nine pixels in ten within 12 levels."""
    return bool((np.abs(part.astype(np.float32) - 127.5).max(-1) <= 12).mean() >= 0.9)


def on_ground(image: Pixels, background: Background | None) -> float:
    """Mean difference, in grey levels, of a whole image from its background beside the object; 0 without one."""
    if background is None:
        return 0.0
    free = ~background.objects
    return float(np.abs(image[free].astype(np.float32) - background.image[free]).mean())


def is_good(row: dict[str, Any]) -> bool:
    """Whether the judge names a pair rightly and finds the anomaly where the mask is."""
    return bool(row["named"]) and row["overlap"] >= 0.3


def save_sheet(folder: Path, target: Path, notes: dict[str, Any], most: int | None = None) -> None:
    """The pairs of a folder as one PNG (a row each: whole, part, mask), their records as JSON beside it."""
    records = [record for _, record in sorted(Manifest(folder).records.items())][:most]
    rows = []
    for record in records:
        image, part, mask = pair_files(folder, record)
        pixels = [np.asarray(read_image(path)) for path in (image, part)]
        pixels.append(np.asarray(read_image(mask)) if mask.is_file() else np.zeros_like(pixels[0]))
        rows.append(np.concatenate(pixels, 1))
    Image.fromarray(np.concatenate(rows, 0)).save(Path(f"{target}.png"), optimize=True)
    text = json.dumps({"task": notes, "records": [asdict(record) for record in records]})
    Path(f"{target}.json").write_text(text, encoding="utf-8")


def read_sheet(target: Path) -> tuple[dict[str, Any], list[dict[str, Any]], Pixels]:
    """Notes, records and pixels (N, 3, 128, 128, 3) of `save_sheet`."""
    values = json.loads(Path(f"{target}.json").read_text(encoding="utf-8"))
    pixels = np.asarray(Image.open(Path(f"{target}.png")).convert("RGB"))
    return values["task"], values["records"], pixels.reshape(-1, 128, 3, 128, 3).transpose(0, 2, 1, 3, 4)
