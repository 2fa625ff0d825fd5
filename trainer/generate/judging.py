"""The gate at work: what it is held against is read once, what it says of a pair goes into a record."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..data.backgrounds import BackgroundFile, background_pixels
from ..data.images import read_image
from ..masks.anomaly import agreement, extract_mask
from ..masks.regions import Pixels
from ..weights.adapter_file import find_weights
from .gate import Background, Reference, Verdict, judge_pair
from .likeness import SetLikeness, thumbnail
from .manifest import Manifest, begun_with, pair_files
from .reference import read_training_pairs, trained_files, training_names
from .settings import GenerationSettings

#: The gate's version, by which a folder that was begun with it goes on; without one, only empty parts are rejected.
GATE = 1


def gate_facts(settings: GenerationSettings) -> dict[str, Any]:
    """What the verdicts of a folder depend on; nothing where it was begun without the gate.

    Raises:
        TrainerError: a training image has no mask, or sizes differ.
    """
    before = begun_with(settings.output_dir)
    wanted = settings.gate and settings.masks if before is None else before.get("gate") == GATE
    return {"gate": GATE, "training": list(find_training(settings))} if wanted else {}


def find_training(settings: GenerationSettings) -> tuple[str, ...]:
    """Names of the images that trained these weights; none where their folder is not given, which is told.

    Raises:
        TrainerError: a training image has no mask, or sizes differ.
    """
    if settings.instance_data_dir is None:
        print(
            "note: without --instance_data_dir (the images that trained) sizes, colours and copies of training images "
            "are not looked at",
            file=sys.stderr,
        )
        return ()
    names = trained_files(find_weights(settings.weights))
    found = training_names(settings.instance_data_dir, settings.mask_dir, names)
    if not found:
        print(
            f"note: {settings.instance_data_dir} holds none of the images that trained these weights "
            f"({', '.join(sorted(names)[:3])}, ...), so pairs are not held against them",
            file=sys.stderr,
        )
    return found


class Judging:
    """Verdicts on the pairs of one folder.

    Args:
        settings: of the run.
        facts: `gate` among them, or only the part is looked at.
        side: of the pairs, in pixels.
        manifest: of the pairs that are there already; the accepted ones count for the spread.
    """

    def __init__(self, settings: GenerationSettings, facts: Mapping[str, Any], side: int, manifest: Manifest) -> None:
        self._masks, self._gated = settings.masks, "gate" in facts
        names, images = facts.get("training", ()), settings.instance_data_dir
        self._reference = Reference(
            read_training_pairs(images, settings.mask_dir, side, names) if images and names else ()
        )
        self._backgrounds: dict[Path, Background] = {}
        self._set = SetLikeness()
        for record in manifest.accepted() if self._gated else ():
            image, _, mask = pair_files(manifest.folder, record)
            if image.is_file() and mask.is_file():
                pixels = np.asarray(read_image(image)), np.asarray(read_image(mask, "L")) >= 128
                self._set.add(thumbnail(*pixels))

    def verdict(self, image: Pixels, part: Pixels, background: BackgroundFile | None) -> Verdict | None:
        """What is said of a pair; None where nothing is to be said."""
        if not self._masks:
            return None
        if not self._gated:
            return _of_the_part(image, part)
        verdict = judge_pair(image, part, self._reference, self._background(background, image.shape[0]))
        if verdict.thumb is not None and not verdict.reasons:
            nearest = self._set.add(verdict.thumb)
            if nearest is not None:
                verdict.measures["nearest_in_set"] = round(nearest, 4)
        return verdict

    def _background(self, file: BackgroundFile | None, side: int) -> Background | None:
        if file is None:
            return None
        if file.image not in self._backgrounds:
            self._backgrounds[file.image] = Background(*background_pixels(file, side))
        return self._backgrounds[file.image]


def _of_the_part(image: Pixels, part: Pixels) -> Verdict:
    """Without the gate: whether something stands out from the part's grey."""
    found = extract_mask(part)
    measures = {} if found.rejected else {"agreement": agreement(image, part, found.mask)}
    return Verdict(found.mask, ("empty",) if found.rejected else (), measures, found.rejected)
