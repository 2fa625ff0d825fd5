"""The whole protocol on two drawn categories: train, generate, evaluate, and evaluate once more.

    python -m benchmarks.evaluate.miniature --work DIR [--kinds scratch,hole] [--pairs 64] [--steps 220]
        [--each 30] [--good 40] [--repeats 2] [-- flags of trainer.evaluate]

Two anomaly types of `bottle` and `key`, which the miniature base model never saw. Everything runs through the product's
own commands. With `--drawn` the pairs are drawn by the same world instead of generated: a reduced form for a CPU, and a
bound for what generation can reach. Prints the seconds of each stage; the tables are in <work>/evaluation-<n>/.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from trainer.miniature.base import TRAINED_BASE, write_base_model
from trainer.miniature.world.categories import draw_category, write_category

CATEGORIES = ("bottle", "key")


def run(commands: Sequence[Sequence[object]], what: str) -> float:
    """Run commands side by side; the seconds they took."""
    began = time.monotonic()
    children = [subprocess.Popen([sys.executable, "-m", *map(str, command)]) for command in commands]
    failed = [number for number, child in enumerate(children) if child.wait()]
    if failed:
        sys.exit(f"{what}: {len(failed)} of {len(children)} commands failed")
    seconds = time.monotonic() - began
    print(f"{what}: {seconds:.1f} s", flush=True)
    return seconds


def commands_of(options: argparse.Namespace, category: str, kind: str) -> list[list[object]]:
    """Training, then generating, of one anomaly."""
    data, masks = options.work / "data" / category, options.work / "foreground" / category
    target = options.work / "runs" / f"{category}-{kind}"
    shared = ["--pretrained_model_name_or_path", options.work / "model", "--resolution", "128", "--seed", "0"]
    shared += [
        "--prompt_blend",
        f"a photo of a {category} with a {kind}",
        "--prompt_fg",
        f"a photo of a {kind} on grey",
    ]
    train = ["trainer", *shared, "--instance_data_dir", data / "test" / kind]
    train += ["--mask_dir", data / "ground_truth" / kind, "--condition_dir", masks / kind, "--rank", "8"]
    train += ["--learning_rate", "1e-3", "--max_train_steps", options.steps, "--output_dir", target]
    train += ["--report_to", "none", "--cache_latents"]
    made = ["trainer.generate", *shared, "--weights", target, "--num_images", options.pairs, "--batch_size", "16"]
    made += ["--output_dir", options.work / "generated" / category / kind, "--scheduler", "dpm++"]
    made += ["--num_inference_steps", "20", "--condition_dir", masks / "good", "--good_dir", data / "train" / "good"]
    return [train, made]


def draw(options: argparse.Namespace, category: str, kind: str) -> None:
    """Pairs by the world itself, as any method's folder of pairs."""
    for index in range(options.pairs):
        picture = draw_category(category, kind, 1, 1000 + index)
        for name, pixels in (("image", picture.image), ("mask", picture.anomaly_mask)):
            path = options.work / "generated" / category / kind / name / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)


def main() -> None:
    """Make all and print the times."""
    own, _, flags = " ".join(sys.argv[1:]).partition(" -- ")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluate.miniature", description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=["scratch", "hole"])
    for name, default in (("pairs", 64), ("steps", 220), ("each", 30), ("good", 40), ("repeats", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--drawn", action="store_true")
    options = parser.parse_args(own.split())
    cases = [(category, kind) for category in CATEGORIES for kind in options.kinds]
    seconds = {}
    if not (options.work / "data").exists():
        for category in CATEGORIES:
            places = options.work / "data", options.work / "foreground"
            counts = {"good": options.good, "each": options.each, "kinds": tuple(options.kinds)}
            write_category(category, *places, seed=0, **counts)
    if not (options.work / "generated").exists():
        if options.drawn:
            for case in cases:
                draw(options, *case)
        else:
            write_base_model(TRAINED_BASE, options.work / "model")
            pairs = [commands_of(options, *case) for case in cases]
            seconds["training"] = run([train for train, _ in pairs], f"training {len(cases)} anomalies")
            seconds["generating"] = run([made for _, made in pairs], f"generating {options.pairs} pairs each")
    line = ["trainer.evaluate", "--generated", options.work / "generated", "--dataset", options.work / "data"]
    outputs = [options.work / f"evaluation-{number}" for number in range(options.repeats)]
    repeats = [[*line, *flags.split(), "--output", output] for output in outputs]
    seconds["evaluating"] = run(repeats, f"evaluating, {options.repeats} times side by side")
    (options.work / "seconds.json").write_text(json.dumps(seconds), encoding="utf-8")


if __name__ == "__main__":
    main()
