"""Sample sheets: every N steps a picture of what the adapters generate now, without disturbing the training.

A sheet samples with the network that trains, as it is: nothing is merged into it, loaded from disk or kept, and
every random number comes from generators of its own. The VAE is loaded for the sheet and freed after it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from ..data.backgrounds import BackgroundFile, Backgrounds
from ..data.images import read_image, write_png
from ..data.picture_sheet import Row, make_sheet
from ..errors import TrainerError
from ..generate import thumbnails
from ..generate.generator import Generator
from ..masks.anomaly import extract_mask
from ..masks.regions import mask_image
from ..method.sampling import GUIDANCE, Sampler, make_scheduler
from ..method.text import TextEncoder, TextSource
from ..run_folder.folder import SAMPLES_NAME
from ..run_folder.metrics import Reporter
from .assembly import Training, prepare_text
from .environment import Run

#: Steps of DPM-Solver++: a glance, not a measurement.
STEPS = 20
COLUMNS = ("real", "generated", "part", "mask")


class _Stopped(Exception):  # noqa: N818 - not an error
    """The person wants the run to end."""


@dataclass(frozen=True, slots=True)
class SampleSheets:
    """Makes the sheets of one run.

    Attributes:
        run: the run, whose images' backgrounds condition the samples.
        training: its parts, whose network samples.
        text: of the prompts: empty, empty, whole, part.
        prompts: whole and part.
    """

    run: Run
    training: Training
    text: TextSource
    prompts: tuple[str, str]

    def write(self, step: int, *, stopped: Callable[[], bool], reporter: Reporter) -> str | None:
        """Write `samples/step-<step>.png`, and give it to TensorBoard, or nothing.

        A sheet is an aid: that one cannot be made must not end a training of hours.

        Args:
            step: optimiser steps done.
            stopped: whether to give up; asked before each call of the network.
            reporter: is told which pair is being drawn.

        Returns:
            Why there is no sheet, or None.
        """
        try:
            name = f"{SAMPLES_NAME}/step-{step:06d}.png"
            sheet = self._arrange(self._sample(stopped, name, reporter), step)
            save(sheet, self.run.config.output_dir / name)
            reporter.picture(SAMPLES_NAME, np.asarray(sheet), step)
        except _Stopped:
            return f"no sample sheet of step {step}: the run is ending."
        except torch.cuda.OutOfMemoryError:
            return f"no sample sheet of step {step}, training goes on: the GPU's memory is full."
        except (TrainerError, RuntimeError, OSError) as error:
            return f"no sample sheet of step {step}, training goes on: {error}"
        finally:
            if self.run.on_gpu:
                torch.cuda.empty_cache()
        return None

    @torch.no_grad()
    def _sample(self, stopped: Callable[[], bool], name: str, reporter: Reporter) -> npt.NDArray[np.uint8]:
        """The pairs, 8-bit (N, 2, R, R, 3); one at a time, so that the peak of memory stays below a step's."""
        with ExitStack() as stack:
            # Loading a model draws start values on the CPU; samples draw from generators of their own.
            stack.enter_context(torch.random.fork_rng(devices=[]))
            parameters = self.training.parameters
            stack.enter_context(parameters.stack.only(parameters.row))
            for masks in self.training.model.masks:
                stack.enter_context(masks.forgetting())
            generator = self._generator(stopped)
            count = self.run.config.num_validation_images
            pairs = []
            for index in range(count):
                reporter.message(f"drawing {name} {index + 1}/{count}")
                pairs.append(generator.pairs([index]))
            return np.concatenate(pairs)

    def _arrange(self, pairs: npt.NDArray[np.uint8], step: int) -> Image.Image:
        """Each pair (2, R, R, 3) in a row: a training image, what was generated, its part and its mask."""
        config, items, rows = self.run.config, self.run.data.items, []
        for number, (whole, part) in enumerate(pairs):
            item = items[number % len(items)]
            real = read_image(item.image).resize(whole.shape[1::-1], Image.Resampling.BICUBIC)
            cells = (real, Image.fromarray(whole), Image.fromarray(part), _mask(part))
            rows.append(Row(f"real {item.image.name} | generated pair {number}", cells))
        title = f"step {step}, seed {config.seed} | whole: {self.prompts[0]} | part: {self.prompts[1]}"
        return make_sheet(title, COLUMNS, rows)

    def _generator(self, stopped: Callable[[], bool]) -> Generator:
        """The sampler around the training network; pair i has the same noise and background on every sheet."""
        run, training = self.run, self.training
        model = training.model

        def network(*inputs: Any) -> Tensor:
            if stopped():
                raise _Stopped
            return model(*inputs)

        sampler = Sampler(
            network,
            make_scheduler("dpm++", run.loader.scheduler().config),
            training.schedule,
            self.text(1).unflatten(1, (2, 2))[0],
            steps=STEPS,
            guidance=GUIDANCE[run.data.variant],
        )
        vae, side = run.loader.vae().to(run.device), run.config.resolution
        files = [BackgroundFile(i.image, i.object_mask) for i in run.data.items if i.object_mask is not None]
        backgrounds = Backgrounds(files, vae, side=side, per_background=1, device=run.device) if files else None
        shape = (int(model.unet.config.in_channels), side // 8, side // 8)
        return Generator(sampler, vae, training.scaling, shape, backgrounds, run.device, run.config.seed, shared=False)


def prepare_sheets(run: Run, training: Training) -> SampleSheets:
    """What the run's sheets need beyond the training itself: their prompts.

    Raises:
        TrainerError: the text encoder cannot be loaded.
    """
    config = run.config
    whole = config.prompt_blend if config.validation_prompt is None else config.validation_prompt
    encoder = training.text.encoder or TextEncoder(run.loader.text_encoder(), rank=None)
    prompts = (whole, config.prompt_fg)
    return SampleSheets(run, training, prepare_text(run, encoder, ("", "", *prompts)), prompts)


def _mask(part: npt.NDArray[np.uint8]) -> Image.Image | None:
    """The mask that `generate` would make of a part; None without OpenCV, which training does not need."""
    try:
        return mask_image(extract_mask(part).mask)
    except TrainerError:
        return None


def save(sheet: Image.Image, path: Path) -> None:
    """Write a sheet, whole or not at all, making its folder.

    Raises:
        TrainerError: the disk is full or the folder cannot be written to.
    """
    try:
        path.parent.mkdir(exist_ok=True)
        write_png(sheet, path)
    except OSError as error:
        raise TrainerError(f"Cannot write {path}: {error.strerror or error}.") from error
    thumbnails.keep_small(sheet, path.parent / thumbnails.FOLDER / path.name, thumbnails.SHEET_SIDE)
