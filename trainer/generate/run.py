"""The run behind `generate`: load once, then batch after batch, each pair's files before its record."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from ..data.backgrounds import BackgroundFile, find_backgrounds
from ..data.images import write_png
from ..errors import TrainerError
from ..files.reading import content_hash
from ..masks.regions import load_opencv, mask_image
from ..method.sampling import GUIDANCE, MOST_STEPS, SchedulerName, first_timestep
from ..run_folder.folder import claimed
from ..weights.adapter_file import AdapterWeights, find_weights, read_weights
from .acceptance import conclude, enough, outstanding, progress, usable
from .gate import Verdict
from .generator import PRESET, Generator, load_generator
from .judging import Judging, gate_facts
from .manifest import (
    IMAGE,
    MASK,
    PART,
    REJECTED,
    SHARED,
    Manifest,
    Record,
    check_settings,
    pair_files,
    shares_conditions,
)
from .settings import GenerationSettings
from .thumbnails import keep_small_pair

#: PNDM's start with up to ten steps is early because its strides are long; beyond, a start below this is a mistake.
LATE_ENOUGH, FEW = 850, 10


def generate(settings: GenerationSettings) -> None:
    """Generate every pair that is not there yet.

    Raises:
        TrainerError: something given cannot be used, the folder holds another run, or memory is full.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise TrainerError(
            "Several processes would write the same pairs. Start one process (`python -m trainer.generate`), "
            "or one for each GPU with its own --seed, --device and --output_dir."
        )
    if settings.masks:
        load_opencv()
    weights = read_weights(settings.weights)
    backgrounds = find_files(settings, weights)
    with claimed(settings.output_dir):
        facts = settled(settings, weights, backgrounds)
        make_pairs(settings, facts, weights, backgrounds)


def make_pairs(
    settings: GenerationSettings,
    facts: dict[str, Any],
    weights: AdapterWeights,
    backgrounds: Sequence[BackgroundFile],
) -> None:
    """Generate into a folder that is this process' alone."""
    for folder in (IMAGE, PART, MASK, *(f"{REJECTED}/{kind}" for kind in (IMAGE, PART, MASK))):
        make_folder(settings.output_dir / folder)
    check_settings(settings.output_dir, facts)
    manifest = Manifest(settings.output_dir)
    pending = outstanding(settings, manifest)
    print(progress(settings, manifest, len(pending)), flush=True)
    if pending:
        with memory_suffices(settings):
            generator = load_generator(settings, facts, weights, backgrounds)
        run_batches(settings, facts, generator, manifest, pending)
    conclude(settings, manifest)


def find_files(settings: GenerationSettings, weights: AdapterWeights) -> tuple[BackgroundFile, ...]:
    """The background files, none without background module.

    Raises:
        TrainerError: the flags do not suit the weights.
    """
    if weights.variant == "dual":
        if settings.condition_dir is not None:
            print("note: --condition_dir has no effect here: these weights have no background module", file=sys.stderr)
        return ()
    if settings.condition_dir is None or settings.good_dir is None:
        raise TrainerError(
            "These weights have a background module: give --condition_dir (object masks of good images) "
            "and --good_dir (those images)."
        )
    return find_backgrounds(settings.condition_dir, settings.good_dir)


def settled(
    settings: GenerationSettings, weights: AdapterWeights, backgrounds: Sequence[BackgroundFile]
) -> dict[str, Any]:
    """Everything that the pairs depend on, defaults filled in, as it is noted beside them.

    Raises:
        TrainerError: more steps than the scheduler has.
    """
    scheduler = choose_scheduler(settings)
    usual = 20 if scheduler == "dpm++" else 50 if weights.variant == "bcm" else 100
    steps = settings.num_inference_steps or usual
    guidance = GUIDANCE[weights.variant] if settings.guidance_scale is None else settings.guidance_scale
    most = MOST_STEPS[scheduler]
    if steps > most:
        raise TrainerError(f"--num_inference_steps is {steps}; {scheduler} takes at most {most}.")
    start = first_timestep(scheduler, steps)
    if start < LATE_ENOUGH and steps > FEW:
        print(
            f"warning: {scheduler} with {steps} steps starts at timestep {start} of 1000, in the middle of "
            "the noise, and its pairs suffer from it; 50, 100, 200, 250 and 500 steps start near the end",
            file=sys.stderr,
        )
    model = Path(settings.pretrained_model_name_or_path)
    shared = backgrounds and shares_conditions(settings.output_dir, unless=settings.faithful)
    return {
        # The same folder, from wherever it is named.
        "model": str(model.absolute()) if model.exists() else str(model),
        "weights": content_hash(find_weights(settings.weights)),
        "variant": weights.variant,
        "seed": settings.seed,
        "scheduler": scheduler,
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "prompt_blend": settings.prompt_blend,
        "prompt_fg": settings.prompt_fg,
        "resolution": settings.resolution,
        "mixed_precision": settings.mixed_precision,
        "masks": settings.masks,
        "images_per_background": settings.images_per_background,
        "backgrounds": [file.image.name for file in backgrounds],
        # Only noted where it is so: folders of earlier versions go on as they began.
        **({"conditions": SHARED} if shared else {}),
        **gate_facts(settings),
        **({"fast": asdict(PRESET)} if settings.fast else {}),
    }


def choose_scheduler(settings: GenerationSettings) -> SchedulerName:
    """The sampler that the flags ask for.

    Raises:
        TrainerError: they contradict each other.
    """
    if settings.fast and settings.faithful:
        raise TrainerError("--faithful draws and samples as the authors do and --fast does not; give one of them.")
    if settings.fast and settings.scheduler == "pndm":
        raise TrainerError("--fast takes its steps with dpm++; leave --scheduler out, or --fast.")
    return cast("SchedulerName", settings.scheduler or ("dpm++" if settings.fast else "pndm"))


def run_batches(
    settings: GenerationSettings,
    facts: dict[str, Any],
    generator: Generator,
    manifest: Manifest,
    pending: Sequence[int],
) -> None:
    """Generate, judge, write and record the pending pairs, until as many as were asked for are accepted.

    Raises:
        TrainerError: the GPU's memory or the disk is full; what is recorded stays.
    """
    begin = time.perf_counter()
    judging = Judging(settings, facts, generator.side, manifest)
    for done, indexes in batches(pending, settings.batch_size):
        with memory_suffices(settings):
            pairs = generator.pairs(indexes)
        records = []
        missing = None if settings.accepted is None else settings.accepted - usable(manifest)
        for index, (image, part) in zip(indexes, pairs, strict=True):
            if missing == 0:
                break  # one more would make the set depend on the size of a batch
            background = generator.background(index)
            verdict = judging.verdict(image, part, background)
            records.append(write_pair(settings, facts["weights"], index, image, part, verdict, background))
            if missing is not None and records[-1].rejected is None:
                missing -= 1
        manifest.add(records)
        pace = (time.perf_counter() - begin) / (done + len(indexes))
        rejected = sum(record.rejected is not None for record in records)
        note = f", {rejected} of these rejected" if rejected else ""
        print(f"{done + len(records)}/{len(pending)} pairs, {pace:.2f} s each{note}", flush=True)
        if enough(settings, manifest):
            return


@contextmanager
def memory_suffices(settings: GenerationSettings) -> Iterator[None]:
    """Say what helps where the GPU's memory is full.

    Raises:
        TrainerError: it is.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise TrainerError(
            f"The GPU's memory is full with --batch_size {settings.batch_size}. Give a smaller one, or "
            "--mixed_precision bf16 (fp16 before Ampere); finished pairs are kept."
        ) from error


def batches(indexes: Sequence[int], size: int) -> Iterator[tuple[int, Sequence[int]]]:
    """Slices of `indexes`, each with how many came before it."""
    for start in range(0, len(indexes), size):
        yield start, indexes[start : start + size]


def write_pair(
    settings: GenerationSettings,
    weights: str,
    index: int,
    image: npt.NDArray[np.uint8],
    part: npt.NDArray[np.uint8],
    verdict: Verdict | None,
    background: BackgroundFile | None,
) -> Record:
    """Write the files of one pair, and return its record.

    Raises:
        TrainerError: a file cannot be written.
    """
    measures = dict(verdict.measures) if verdict else {}
    record = Record(
        index=index,
        file=f"{index:05d}.png",
        seed=settings.seed,
        prompt=settings.prompt_blend,
        prompt_fg=settings.prompt_fg,
        weights=weights,
        background=background.image.name if background else None,
        mask_area=float(verdict.mask.mean()) if verdict else None,
        quality=measures.get("agreement") if verdict and not verdict.reasons else None,
        rejected=verdict.words if verdict else None,
        reasons=list(verdict.reasons) if verdict else [],
        measures=measures,
        nearest_training=verdict.nearest.name if verdict and verdict.nearest else None,
    )
    targets = pair_files(settings.output_dir, record)
    mask = mask_image(verdict.mask) if verdict and verdict.mask.any() else None
    try:
        write_png(Image.fromarray(image), targets[0])
        write_png(Image.fromarray(part), targets[1])
        if mask is not None:
            write_png(mask, targets[2])
    except OSError as error:
        raise TrainerError(f"Cannot write {targets[0]}: {error.strerror}. Finished pairs are kept.") from error
    keep_small_pair(settings.output_dir, record.file, image, part, mask)
    return record


def make_folder(path: Path) -> None:
    """Make a folder of the output.

    Raises:
        TrainerError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainerError(f"Cannot make {path}: {error.strerror}. Give an --output_dir you may write.") from error
