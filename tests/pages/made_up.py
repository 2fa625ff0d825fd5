"""A project with runs that never ran: their records, metrics, checkpoints, sheets and pairs, drawn here."""

from __future__ import annotations

import json
import math
import os
import random
import socket
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from dualano_setup.runs.folder import RunFolder
from dualano_setup.runs.records import ExitRecord, RunRecord, write
from dualano_setup.system.processes import boot_id, pid_namespace
from trainer.generate.thumbnails import FOLDER, SHEET_SIDE, keep_small, keep_small_mask

REASONS = ("the part frame is empty", "the mask covers more than half of the image")


def picture(seed: int, side: int = 96) -> tuple[Image.Image, Image.Image, Image.Image]:
    """An object with a scratch, the scratch alone on grey, and its mask."""
    draw = random.Random(seed)
    image = Image.new("RGB", (side, side), (222 - seed % 30, 218, 208))
    pen = ImageDraw.Draw(image)
    pen.ellipse((side * 0.12, side * 0.1, side * 0.88, side * 0.9), fill=(120 + seed % 40, 84, 50))
    pen.ellipse((side * 0.2, side * 0.16, side * 0.8, side * 0.74), fill=(150 + seed % 40, 106, 66))
    points = [(side * draw.uniform(0.25, 0.75), side * draw.uniform(0.25, 0.75)) for _ in range(3)]
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).line(points, fill=255, width=max(2, side // 14), joint="curve")
    dark = Image.new("RGB", (side, side), (48, 30, 22))
    image.paste(dark, mask=mask)
    part = Image.new("RGB", (side, side), (127, 127, 127))
    part.paste(dark, mask=mask)
    return image, part, mask


def loss_at(step: int, noise: random.Random) -> float:
    """Like a diffusion model's: falling slowly, noisy."""
    return (0.045 + 0.12 * math.exp(-step / 700)) * math.exp(noise.gauss(0, 0.45))


def write_metrics(file: Path, steps: int, *, seed: int = 0) -> list[dict[str, object]]:
    """One row a step."""
    noise = random.Random(seed)
    rows: list[dict[str, object]] = [
        {
            "step": step,
            "loss": loss_at(step, noise),
            "lr": 2e-5 * min(1.0, step / 50),
            "grad_norm": 0.4 * math.exp(noise.gauss(0, 0.4)),
            "seconds": 0.05 + abs(noise.gauss(0, 0.002)),
            "samples_per_second": 40.0,
            "gpu_memory_gib": 8.7,
            "loss_scale": 1.0,
        }
        for step in range(1, steps + 1)
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return rows


def write_pairs(folder: Path, count: int, *, side: int = 96, drawn: int = 10**9, reason: str = "") -> None:
    """Generated pairs with their manifest and small copies; from `drawn` on, the same pictures again."""
    lines = []
    for index in range(count):
        rejected = (reason or REASONS[index % 2]) if index % 5 == 4 else None
        stem = f"{index:05d}"
        if index < drawn:
            _write_pair(folder, stem, picture(index, side), rejected=bool(rejected))
        else:
            for path in folder.rglob(f"{index % drawn:05d}.*"):
                os.link(path, path.with_stem(stem))
        mask = picture(index % min(drawn, count), side)[2]
        area = float(np.asarray(mask).mean() / 255)
        quality = None if rejected else round(0.55 + 0.4 * ((index * 37) % 100) / 100, 3)
        row = {"index": index, "file": f"{stem}.png", "seed": 0, "prompt": "a vfx with sks", "prompt_fg": "sks"}
        row |= {"weights": "0" * 64, "background": None, "mask_area": area, "quality": quality, "rejected": rejected}
        lines.append(json.dumps(row) + "\n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.jsonl").write_text("".join(lines), encoding="utf-8")


def _write_pair(folder: Path, stem: str, drawn: tuple[Image.Image, ...], *, rejected: bool) -> None:
    image, part, mask = drawn
    base = folder / "rejected" if rejected else folder
    for kind, made in (("image", image), ("fg", part), ("mask", mask)):
        if kind != "mask" or not rejected:
            (base / kind).mkdir(parents=True, exist_ok=True)
            made.save(base / kind / f"{stem}.png")
    keep_small(image, folder / FOLDER / "image" / f"{stem}.jpg")
    keep_small(part, folder / FOLDER / "fg" / f"{stem}.jpg")
    keep_small_mask(mask, folder / FOLDER / "mask" / f"{stem}.png")


def write_sheets(samples: Path, steps: tuple[int, ...]) -> None:
    """Sample sheets of four columns."""
    for number, step in enumerate(steps):
        sheet = Image.new("RGB", (4 * 104 + 8, 2 * 104 + 8), "white")
        for row in range(2):
            image, part, mask = picture(number * 7 + row)
            for column, made in enumerate((picture(row)[0], image, part, mask)):
                sheet.paste(made.convert("RGB"), (8 + 104 * column, 8 + 104 * row))
        samples.mkdir(parents=True, exist_ok=True)
        sheet.save(samples / f"step-{step:06d}.png")
        keep_small(sheet, samples / FOLDER / f"step-{step:06d}.png", SHEET_SIDE)


def write_real(output: Path, count: int = 4) -> None:
    """Small copies of the training images."""
    for number in range(count):
        image, _, mask = picture(100 + number, 160)
        keep_small(image, output / FOLDER / "real" / f"{number:03d}.jpg")
        keep_small_mask(mask, output / FOLDER / "real-mask" / f"{number:03d}.png")


def made_up_run(
    project: Path,
    name: str = "20261120-101500-bottle-scratch",
    *,
    steps: int = 600,
    pairs: int = 24,
    state: str = "finished",
    restart: int = 0,
    output: Path | None = None,
    log: str = "",
    drawn: int = 10**9,
) -> RunFolder:
    """A run in the project, and what it left in its output folder."""
    run = RunFolder(project / ".dualano" / "runs" / name)
    run.path.mkdir(parents=True)
    output = output or project / "outputs" / name
    created = time.time() - steps * 0.06 - 40
    argv = ("/opt/env/bin/python", "-I", "-m", "accelerate.commands.launch", str(run.code / "train.py"))
    argv += (
        "--pretrained_model_name_or_path",
        "/data/models/sd15",
        "--instance_data_dir",
        "/data/mvtec/bottle/test/scratch",
    )
    argv += ("--output_dir", str(output), "--max_train_steps", str(steps), "--rank", "32", "--learning_rate", "1e-4")
    argv += ("--variant", "dual", "--train_text_encoder")
    argv += ("--resume_from_checkpoint", "latest") if restart else ()
    write(
        RunRecord(
            name=name, key=f"{name}-key", trainer="bundled", argv=argv, folder=str(project), environment={},
            output=str(output), steps=steps, host=socket.gethostname(), created=created,
            metrics=str(output / "metrics.jsonl"), boot=boot_id(), namespace=pid_namespace(),
        ),
        run.run_file,
    )  # fmt: skip
    head = (
        f"Training dual, rank 32, on 4 images of /data/mvtec/bottle/test/scratch\n  (000.png, 001.png)\n"
        f"  {steps} steps from step {restart}; 2 samples a step = 2 a pass x 1 passes x 1 processes\n"
        f"  on NVIDIA H200 (140 GiB), bfloat16; output in {output}\n"
    )
    bar = f"Steps: 100%|█| {steps}/{steps} [00:30<00:00,  0.05s/it, loss=0.0512, lr=2e-5]\n"
    run.log.write_text(head + (log or bar), encoding="utf-8")
    status = {"finished": 0, "failed": 1}[state]
    write(ExitRecord(status, created + steps * 0.06 + 20, status), run.exit_file)
    write_metrics(output / "metrics.jsonl", steps)
    for step in range(200, steps + 1, 200):
        folder = output / f"checkpoint-{step}"
        folder.mkdir(parents=True, exist_ok=True)
        header = {"schema": 1, "step": step, "run": {"model": "sd15", "seed": 0, "samples_per_step": 2}, "files": {}}
        header["run"]["files"] = ["bottle/test/scratch/000.png"]
        (folder / "trainer_state.json").write_text(json.dumps(header), encoding="utf-8")
    write_sheets(output / "samples", tuple(range(200, steps + 1, 200))[:6])
    write_real(output)
    if pairs:
        write_pairs(output / "generated", pairs, drawn=drawn)
    return run
