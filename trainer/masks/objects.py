"""Object masks for the background module: white = object, soft edge, the image's name and size.

`threshold` needs no trained network and suits an object on a plain background: the border of the image tells
what the background looks like, and the object is what differs from it. Holes are filled: a dark defect inside
the object must not pass for background, since the condition would then show it.
A texture (leather, carpet) has no object: what would stand out is scattered over all of it, border included, and is
refused. `whole` then says that all of the image is object.
`rembg` runs U-2-Net, which upstream used, where the package `rembg` and its weights are installed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..data.images import list_images, read_image, refuse_same_stems, write_png
from ..errors import TrainerError
from ..files.folders import made_aside
from .contact_sheet import FILE as SHEET
from .contact_sheet import contact_sheet
from .regions import Pixels, fill_holes, load_opencv

#: Turns an RGB image into a soft object mask, L, of the same size.
MaskMaker = Callable[[Image.Image], Image.Image]
#: Shares of the image between which an object is believable.
BELIEVABLE = (0.005, 0.98)
#: More pieces than this, over a border that is marked like the rest, are a texture's; some trays hold twenty objects.
MOST_PIECES = 5
#: More are no objects, wherever they lie.
MOST_OBJECTS = 60


def threshold_mask(image: Image.Image) -> Image.Image:
    """The object of an image whose border shows a plain background.

    The distance (Lab, so that light and colour both count) to a smooth background, fitted to the border, is
    split by Otsu's threshold; specks are dropped and everything enclosed is filled.

    Raises:
        TrainerError: nothing believable stands out.
    """
    cv2 = load_opencv()
    pixels = np.asarray(image.convert("RGB"))
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    distance = np.linalg.norm(lab - _background(lab), axis=-1)
    side = min(distance.shape)
    distance = cv2.GaussianBlur(distance, (0, 0), max(0.6, side / 400))
    levels = np.clip(distance / max(float(np.percentile(distance, 99.5)), 1e-6) * 255, 0, 255).astype(np.uint8)
    _, binary = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    size = max(3, side // 100) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    binary = cv2.morphologyEx(binary, cv2.MORPH_CLOSE, kernel)
    binary = fill_holes(_without_specks(cv2.morphologyEx(binary, cv2.MORPH_OPEN, kernel)))
    share = float((binary > 0).mean())
    if not BELIEVABLE[0] <= share <= BELIEVABLE[1]:
        raise TrainerError(
            f"the object would be {share:.1%} of the image; the background is not plain enough for `--method threshold`"
        )
    if pieces := _scattered(binary):
        raise TrainerError(f"what stands out is {pieces} pieces all over it: a texture, or no plain background")
    soft = cv2.GaussianBlur(binary, (0, 0), max(0.6, side / 400))
    return Image.fromarray(soft)


def _background(lab: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A plane in each channel (light falls off towards one side), fitted robustly to the image's border.

    Args:
        lab: (H, W, 3).
    """
    height, width = lab.shape[:2]
    band = max(1, min(height, width) // 25)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    terms = np.stack([np.ones_like(x), x / width, y / height], axis=-1)
    border = np.ones((height, width), np.bool_)
    border[band:-band, band:-band] = False
    samples, values = terms[border], lab[border]
    for _ in range(3):
        plane = np.linalg.lstsq(samples, values, rcond=None)[0]
        error = np.linalg.norm(values - samples @ plane, axis=-1)
        # An object may touch the border: keep the half that fits best, then everything near it.
        near = error <= 3 * np.median(error) + 1e-3
        samples, values = samples[near], values[near]
    return np.asarray(terms @ plane, dtype=np.float32)


def _scattered(binary: Pixels) -> int:
    """How many pieces are marked, where they are a texture's; 0 where they may be objects before a background.

    An object leaves the image's border to the background, so the border is marked much less than the whole; in a
    texture it is marked alike.
    """
    pieces = int(load_opencv().connectedComponents(binary)[0]) - 1
    if pieces <= MOST_PIECES:
        return 0
    band = max(2, min(binary.shape) // 25)
    inner = binary[band:-band, band:-band] > 0
    border = (int((binary > 0).sum()) - int(inner.sum())) / (binary.size - inner.size)
    return pieces if pieces > MOST_OBJECTS or border > 0.5 * float(inner.mean()) else 0


def whole_mask(image: Image.Image) -> Image.Image:
    """All of the image is object."""
    return Image.new("L", image.size, 255)


def _without_specks(binary: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The components (255) of at least a fiftieth of the largest one."""
    cv2 = load_opencv()
    count, labels, facts, _ = cv2.connectedComponentsWithStats(binary)
    areas = facts[:, cv2.CC_STAT_AREA]
    large = [number for number in range(1, count) if areas[number] * 50 >= areas[1:].max()]
    return np.where(np.isin(labels, large), np.uint8(255), np.uint8(0))


def rembg_maker() -> MaskMaker:
    """U-2-Net through the package `rembg`.

    Raises:
        TrainerError: the package or its weights are not there.
    """
    try:
        from rembg import new_session, remove

        session = new_session("u2net")
    except (Exception, SystemExit) as error:  # a missing onnxruntime ends rembg's import with SystemExit
        raise TrainerError(
            f"--method rembg cannot be used: {error}. Install `rembg[cpu]` into this environment and put "
            "u2net.onnx into the folder that U2NET_HOME names, or use --method threshold."
        ) from error
    return lambda image: remove(image, session=session, only_mask=True).convert("L")


def make_object_masks(images: Path, output: Path, method: str) -> None:
    """Write an object mask for every image, or none at all.

    Raises:
        TrainerError: the images that no mask could be made for, or a folder that cannot be used.
    """
    make: MaskMaker = {"whole": whole_mask, "threshold": threshold_mask}.get(method) or rembg_maker()
    files = list_images(images)
    refuse_same_stems(files)
    failed: list[str] = []
    with made_aside(output) as folder:
        for number, path in enumerate(files, 1):
            try:
                mask = make(read_image(path))
            except TrainerError as error:
                failed.append(f"{path.name}: {error}")
                continue
            write_png(mask, folder / f"{path.stem}.png")
            if number % 50 == 0:
                print(f"{number}/{len(files)} masks", flush=True)
        if failed:
            shown = "; ".join(failed[:5]) + (f"; and {len(failed) - 5} more" if len(failed) > 5 else "")
            raise TrainerError(
                f"No object mask for {len(failed)} of {len(files)} images ({shown}). Nothing was written. "
                "A texture has no object: train it with --variant dual, which needs no object masks, or make masks of "
                "the whole image with --method whole. Else try --method rembg, or draw these masks by hand."
            )
        (folder / SHEET.parent).mkdir()
        contact_sheet(files, folder).save(folder / SHEET, quality=90)
    print(f"{len(files)} object masks in {output}; look at {output / SHEET} before training on them")
