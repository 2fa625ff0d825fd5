"""The backgrounds that condition generated images: good training images with their object blacked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from ..errors import TrainerError
from .dataset import blacken_object, to_array
from .images import image_size, list_images, read_image, read_mask
from .latents import encode
from .mvtec import find_companion


@dataclass(frozen=True, slots=True)
class BackgroundFile:
    """A good image and its object mask (white = object)."""

    image: Path
    object_mask: Path


def find_backgrounds(masks: Path, good: Path) -> tuple[BackgroundFile, ...]:
    """The first third of the object masks by name (at least one), each with the good image of the same name.

    Args:
        masks: folder of object masks of good images, or one with `good` or `<category>/good` in it, such as
            training's `--condition_dir`.
        good: folder of good images; `<category>/train/good` tells the category.

    Raises:
        TrainerError: no masks, or one whose image is missing or of another size.
    """
    nested = (masks / good.absolute().parent.parent.name / "good", masks / "good")
    folder = next((path for path in nested if path.is_dir()), masks)
    try:
        files = list_images(folder)
    except TrainerError as error:
        raise TrainerError(
            f"{error} The background module needs object masks of good images there, or in {nested[0]} or {nested[1]}; "
            "`dualano-doctor foreground` makes them."
        ) from error
    chosen = files[: max(1, len(files) // 3)]
    found = tuple(BackgroundFile(_image_of(mask, good), mask) for mask in chosen)
    for file in found:
        _check_size(file, image_size(file.image), image_size(file.object_mask))
    return found


def _image_of(mask: Path, good: Path) -> Path:
    stem = mask.with_name(f"{mask.stem.removesuffix('_mask')}{mask.suffix}")
    image = find_companion(good, stem, suffixes=("",))
    if image is None:
        raise TrainerError(
            f"The object mask {mask} has no good image: expected {good / stem.name}. "
            "Check --condition_dir and --good_dir; they name the same files."
        )
    return image


def _check_size(file: BackgroundFile, image: tuple[int, int], mask: tuple[int, int]) -> None:
    """Fail unless the mask fits the image."""
    if image != mask:
        raise TrainerError(
            f"The object mask {file.object_mask} is {mask[0]} x {mask[1]} pixels, its image "
            f"{file.image} {image[0]} x {image[1]}; expected the same size."
        )


def background_array(file: BackgroundFile, side: int) -> np.ndarray:
    """The background as float32 (3, side, side) in [-1, 1]: resized so that the short side fits, centre cut.

    Raises:
        TrainerError: unreadable, or the mask's size is not the image's.
    """
    image, mask = _read_both(file)
    return to_array(_fitted(blacken_object(image, mask), side))


def background_pixels(file: BackgroundFile, side: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """The good image as it is, (side, side, 3) 8-bit, and its object, (side, side) true = object; cut alike.

    Raises:
        TrainerError: unreadable, or the mask's size is not the image's.
    """
    image, mask = _read_both(file)
    return np.asarray(_fitted(image, side)), np.asarray(_fitted(mask, side)) >= 128


def _read_both(file: BackgroundFile) -> tuple[Image.Image, Image.Image]:
    image, mask = read_image(file.image, "RGB"), read_mask(file.object_mask)
    _check_size(file, image.size, mask.size)
    return image, mask


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    """Resized so that the short side fits, centre cut."""
    short = min(picture.size)
    size = (int(side * picture.width / short), int(side * picture.height / short))
    picture = picture.resize(size, Image.Resampling.BILINEAR)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return picture.crop((left, top, left + side, top + side))


class Backgrounds:
    """Moments of the encoded backgrounds; image i gets the background number i // per_background, cyclically.

    Args:
        files: of `find_backgrounds`.
        vae: the float32 VAE.
        side: side of generated images in pixels.
        per_background: images in a row that share one.
        device: where they are encoded and kept.
    """

    def __init__(
        self, files: Sequence[BackgroundFile], vae: Any, *, side: int, per_background: int, device: torch.device
    ) -> None:
        self.files, self._per = tuple(files), per_background
        self._vae, self._side, self._device = vae, side, device
        self._moments: dict[int, tuple[Tensor, Tensor]] = {}
        self._grey = encode(vae, torch.zeros(1, 3, side, side, device=device))

    def number(self, index: int) -> int:
        """Which background the image of that index gets."""
        return index // self._per % len(self.files)

    def latents(self, numbers: Sequence[int], noise: Tensor) -> Tensor:
        """VAE samples (1 + K, 4, h, w) of mid-grey and of the K backgrounds, not scaled, from `noise` of that shape."""
        means, deviations = zip(self._grey, *map(self._encoded, numbers), strict=True)
        return torch.cat(means) + torch.cat(deviations) * noise.to(self._device)

    def _encoded(self, number: int) -> tuple[Tensor, Tensor]:
        """Mean and deviation, (1, 4, h, w) each."""
        if number not in self._moments:
            array = torch.from_numpy(background_array(self.files[number], self._side))
            self._moments[number] = encode(self._vae, array[None].to(self._device))
        return self._moments[number]
