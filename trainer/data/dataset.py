"""The training data of one anomaly type: whole image, anomaly part on mid-grey, background condition.

Pillow alone prepares an item, so that it equals upstream's bit for bit. Nothing here is random: flips and
crops are arguments, drawn by whoever trains from a generator of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from ..errors import TrainerError
from ..variant import Variant
from .images import image_size, read_image, read_mask
from .mvtec import AnomalyFolder, find_companion, parse_anomaly_folder
from .split import parse_rule, select_training
from .square import nearest_to_centre, places_with_defect, resized_size

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TrainingItem:
    """The files of one training example.

    Attributes:
        image: the anomalous image.
        mask: its ground-truth anomaly mask, white = anomaly.
        object_mask: its object mask, white = object; `None` without the background module.
        size: width and height in pixels, after the EXIF turn.
    """

    image: Path
    mask: Path
    object_mask: Path | None
    size: tuple[int, int]


class TrainingSet:
    """The training images of one folder of anomalous images, ready to be turned into arrays.

    Args:
        instance_data_dir: `<root>/<category>/test/<anomaly>`; any folder if `mask_dir` is given.
        condition_dir: folder of object masks, `<category>/<anomaly>/<file>` below it (or the files directly).
            Needed by the variant `bcm`.
        resolution: side R of the arrays, in pixels.
        variant: `bcm` with the background module, `dual` without.
        center_crop: cut where the defect is nearest to the centre, instead of by chance.
        selection: which images train: `sorted`, `paper` or `all` (see `split`).
        faithful: choose files as upstream does (the rule `paper`), accept ground-truth masks of another
            size, which it resizes, and cut squares wherever it does, with the defect in them or not.
        mask_dir: folder of anomaly masks, `<stem>_mask.png` or `<stem>.png`; default
            `<root>/<category>/ground_truth/<anomaly>`.

    Raises:
        TrainerError: no images, an image or a mask that is missing or unreadable, sizes that differ.
    """

    def __init__(
        self,
        instance_data_dir: Path,
        *,
        condition_dir: Path | None,
        resolution: int,
        variant: Variant,
        center_crop: bool = False,
        selection: str = "sorted",
        faithful: bool = False,
        mask_dir: Path | None = None,
    ) -> None:
        if resolution < 1:
            raise TrainerError(f"--resolution is {resolution}; expected a positive number of pixels.")
        if variant == "bcm" and condition_dir is None:
            raise TrainerError("The background module needs object masks: give --condition_dir, or train without it.")
        self.resolution = resolution
        self.variant = variant
        self.center_crop = center_crop
        self._faithful = faithful
        self._places: dict[int, Sequence[int]] = {}
        rule = parse_rule("paper" if faithful else selection)
        chosen = select_training(instance_data_dir, rule, variant)
        layout = parse_anomaly_folder(instance_data_dir)
        masks = _mask_folder(instance_data_dir, mask_dir, layout)
        objects = _object_folders(condition_dir, layout) if variant == "bcm" and condition_dir else ()
        self.items = tuple(_find_item(path, masks, objects, same_size=not faithful) for path in chosen)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def files(self) -> tuple[Path, ...]:
        """The training images, in order."""
        return tuple(item.image for item in self.items)

    def crop_range(self, index: int) -> tuple[int, int]:
        """Largest (top, left) that `tensors` accepts for this item; (0, 0) where there is nothing to draw."""
        if self.center_crop:
            return (0, 0)
        width, height = resized_size(self.items[index].size, self.resolution)
        return (height - self.resolution, width - self.resolution)

    def square(self, index: int, at: tuple[float, float] | None, *, hflip: bool, vflip: bool) -> tuple[int, int] | None:
        """(top, left) of the square to cut out of an item, which holds its defect; `None` = there is but one.

        Args:
            index: which item.
            at: two numbers in 0..1 by which the place is drawn; `None` = the place nearest to the centre.
            hflip: whether the item is mirrored left and right before it is cut.
            vflip: whether top and bottom.

        Raises:
            TrainerError: the mask has become unreadable since the set was made.
        """
        width, height = resized_size(self.items[index].size, self.resolution)
        wide = width > height
        longest = max(width, height) - self.resolution
        if not longest or (self._faithful and at is None):
            return None
        places: Sequence[int] = range(longest + 1)
        if not self._faithful:
            if index not in self._places:
                mask = read_mask(self.items[index].mask).resize((width, height), Image.Resampling.BILINEAR)
                self._places[index] = places_with_defect(mask, self.resolution)
            places = self._places[index]
        if hflip if wide else vflip:
            places = [longest - place for place in reversed(places)]
        place = nearest_to_centre(places, longest) if at is None else places[int(at[wide] * len(places))]
        return (0, place) if wide else (place, 0)

    def tensors(
        self, index: int, *, hflip: bool, vflip: bool, crop: tuple[int, int] | None = None
    ) -> dict[str, FloatArray]:
        """One item as float32 arrays (3, R, R) in [-1, 1].

        Args:
            index: which item.
            hflip: mirror left and right, before the vertical flip.
            vflip: mirror top and bottom.
            crop: (top, left) of the square cut out after the resize; `None` = the centre.

        Returns:
            `image`, `part` (0 = mid-grey outside the anomaly) and, for `bcm`, `condition` (the
            object black).

        Raises:
            TrainerError: a file has become unreadable since the set was made.
        """
        item = self.items[index]
        whole = read_image(item.image, "RGB")

        def prepared(picture: Image.Image) -> Image.Image:
            return _flip_resize_crop(picture, self.resolution, hflip=hflip, vflip=vflip, crop=crop)

        arrays = {"image": to_array(prepared(whole))}
        white = read_mask(item.mask)
        if not white.getbbox():
            raise TrainerError(f"The anomaly mask {item.mask} is black, so there is nothing to learn; white = anomaly.")
        mask = np.asarray(prepared(white))
        # 8-bit 128 is the smallest grey value whose fraction v/255 reaches one half.
        arrays["part"] = arrays["image"] * (mask >= 128).astype(np.float32)
        if item.object_mask is not None:
            condition = blacken_object(whole, read_mask(item.object_mask))
            arrays["condition"] = to_array(prepared(condition))
        return arrays


def blacken_object(image: Image.Image, object_mask: Image.Image) -> Image.Image:
    """The background condition: `image` with its object faded to black, at 8 bits and full size.

    Args:
        image: RGB.
        object_mask: L, white = object, soft edges allowed, of the same size.
    """
    black = Image.new("RGB", image.size)
    return Image.composite(image, black, ImageOps.invert(object_mask))


def to_array(image: Image.Image) -> FloatArray:
    """An 8-bit RGB image as float32 (3, H, W) in [-1, 1]."""
    scaled = np.asarray(image).astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(((scaled - np.float32(0.5)) / np.float32(0.5)).transpose(2, 0, 1))


def _flip_resize_crop(
    image: Image.Image, resolution: int, *, hflip: bool, vflip: bool, crop: tuple[int, int] | None
) -> Image.Image:
    """Flip, resize the short side to `resolution` (bilinear, antialiased), cut a square out."""
    if hflip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if vflip:
        image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    width, height = resized_size(image.size, resolution)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    if crop is None:
        crop = (round((height - resolution) / 2), round((width - resolution) / 2))
    top, left = crop
    if not (0 <= top <= height - resolution and 0 <= left <= width - resolution):
        raise ValueError(f"crop {crop} leaves the {width} x {height} image")
    return image.crop((left, top, left + resolution, top + resolution))


def _mask_folder(images: Path, mask_dir: Path | None, layout: AnomalyFolder | None) -> Path:
    """Where the anomaly masks are."""
    folder = mask_dir if mask_dir is not None else layout.masks if layout is not None else None
    if folder is None:
        raise TrainerError(
            f"{images} is not of the form <root>/<category>/test/<anomaly>, so its masks cannot be found. "
            "Give their folder with --mask_dir."
        )
    if not folder.is_dir():
        raise TrainerError(
            f"The folder of anomaly masks {folder} does not exist. Put <stem>_mask.png files there, "
            "or give another folder with --mask_dir."
        )
    return folder


def _object_folders(condition_dir: Path, layout: AnomalyFolder | None) -> tuple[Path, ...]:
    """Where object masks may be, the expected folder first."""
    if layout is None:
        return (condition_dir,)
    return (condition_dir / layout.category / layout.anomaly, condition_dir)


def _find_item(image: Path, masks: Path, objects: tuple[Path, ...], *, same_size: bool) -> TrainingItem:
    """The files that belong to `image`, all there and, as far as headers tell, fitting."""
    size = image_size(image)
    mask = find_companion(masks, image, suffixes=("_mask", ""))
    if mask is None:
        raise TrainerError(
            f"{image} has no anomaly mask: expected {masks / f'{image.stem}_mask.png'} (white = anomaly)."
        )
    if mask.samefile(image):
        raise TrainerError(
            f"{image} would be its own anomaly mask: images and masks are in one folder. Move the masks into another "
            "folder, and name it with --mask_dir."
        )
    _check_size("anomaly mask", mask, image, size, exact=same_size)
    object_mask = None
    if objects:
        found = (find_companion(folder, image, suffixes=("", "_mask")) for folder in objects)
        object_mask = next((path for path in found if path is not None), None)
        if object_mask is None:
            raise TrainerError(
                f"{image} has no object mask: expected {objects[0] / image.name} (white = object). "
                "`dualano-doctor foreground` makes them for simple backgrounds."
            )
        _check_size("object mask", object_mask, image, size, exact=True)
    return TrainingItem(image, mask, object_mask, size)


def _check_size(what: str, mask: Path, image: Path, size: tuple[int, int], *, exact: bool) -> None:
    """Fail unless the mask fits the image."""
    seen = image_size(mask)
    if seen == size or not exact:
        return
    raise TrainerError(
        f"The {what} {mask} is {seen[0]} x {seen[1]} pixels, its image {image} "
        f"{size[0]} x {size[1]}; expected the same size. Remake the mask at the image's size."
    )
