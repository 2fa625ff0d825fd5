"""A stand-in for `dualano-doctor` in a campaign: the five steps at once, with files like theirs. No torch.

What it does is set by variables: STUB_SECONDS (of a training), STUB_STEPS, STUB_FAIL ("JOB-PART:WORDS;..."), each of
which fails the training of jobs whose folder holds that part with these words on its last line.
Training writes a checkpoint each step and goes on from the newest, and its weights depend on every step.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path


def value(flag: str) -> str:
    return sys.argv[sys.argv.index(flag) + 1]


def write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)


def train() -> int:
    output, steps = Path(value("--output_dir")), int(os.environ.get("STUB_STEPS", "4"))
    output.mkdir(parents=True, exist_ok=True)
    step, state = 0, os.environ["DUALANO_CATEGORY"] + os.environ["DUALANO_ANOMALY"]
    for folder in sorted(output.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2])):
        step, state = int(folder.name.rpartition("-")[2]), (folder / "state").read_text()
    for part in filter(None, os.environ.get("STUB_FAIL", "").split(";")):
        name, __, words = part.partition(":")
        if name in str(output) and not (words.startswith("once ") and Path(f"{output.parent}/failed").exists()):
            Path(f"{output.parent}/failed").touch()
            print(words.removeprefix("once "), file=sys.stderr)
            return 1
    while step < steps:
        time.sleep(float(os.environ.get("STUB_SECONDS", "0.2")) / steps)
        step, state = step + 1, hashlib.sha256(f"{state}{step}".encode()).hexdigest()
        with (output / "metrics.jsonl").open("a") as metrics:
            metrics.write(json.dumps({"step": step, "loss": 1 / step, "seconds": 0.1, "lr": 1e-5}) + "\n")
        draft = output / f".draft-{step}"
        draft.mkdir(exist_ok=True)
        (draft / "state").write_text(state)
        if not (output / f"checkpoint-{step}").exists():
            draft.rename(output / f"checkpoint-{step}")
    write(output / "pytorch_lora_weights.safetensors", state)
    return 0


def generate() -> int:
    output = Path(value("--output"))
    output.mkdir(parents=True, exist_ok=True)
    (output / "fg").mkdir(exist_ok=True)
    number = int(value("--accepted") if "--accepted" in sys.argv else value("--num_images"))
    weights = (Path(value("--weights")) / "pytorch_lora_weights.safetensors").read_text()
    rows = [{"index": index, "file": f"{index}.png", "weights": weights, "rejected": None} for index in range(number)]
    (output / "fg" / "0.png").write_text(weights)
    write(output / "manifest.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return 0


def masks() -> int:
    output = Path(value("--output"))
    output.mkdir(parents=True)
    write(output / "0.png", (Path(value("--fg")) / "0.png").read_text())
    return 0


def export() -> int:
    output, words = Path(value("--output")), sys.argv
    folders = [words[n + 1] for n, word in enumerate(words) if word == "--generated"]
    classes = [words[n + 1] for n, word in enumerate(words) if word == "--anomaly"]
    output.mkdir(parents=True)
    write(output / "export.json", json.dumps({"classes": classes, "from": folders}))
    return 0


def evaluate() -> int:
    output = Path(value("--output"))
    output.mkdir(parents=True)
    rows = [{"training": "generated", "task": "detection", "metrics": {"AUROC": 0.5}}]
    write(output / "evaluation.json", json.dumps({"format": 1, "protocol": "stub", "rows": rows}))
    return 0


if __name__ == "__main__":
    steps = {"train": train, "generate": generate, "masks": masks, "export": export, "evaluate": evaluate}
    sys.exit(steps[sys.argv[1]]())
