"""What masks and photographs hold, in numbers, read as training reads them. Pillow alone: no torch, no NumPy."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter, ImageOps

from ..content.ends import HEAD, TAIL, is_cut_short
from ..content.verdict import DARKEST, LIGHTEST, MARKED, MaskNumbers
from ..errors import TrainerError
from .images import opened, read_image
from .square import best_share, resized_size

_ALPHA_MODES = ("RGBA", "LA", "PA")
#: Side of the even areas by which levels are told from soft edges.
_EVEN = 3


def refuse_cut_short(path: Path) -> None:
    """Fail where the file ends before the image does, without decoding it.

    Raises:
        TrainerError: it is cut short, or cannot be opened.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise TrainerError(f"Cannot read {path}: {error.strerror}.") from error
    try:
        size = os.fstat(handle).st_size
        head, tail = os.pread(handle, HEAD, 0), os.pread(handle, TAIL, max(0, size - TAIL))
        cut = is_cut_short(head, tail, size, lambda length, at: os.pread(handle, length, at))
    finally:
        os.close(handle)
    if cut:
        raise TrainerError(f"{path} is cut short: its last bytes are missing. Copy it from the source again.")


def measure_mask(path: Path, resolution: int | None = None) -> MaskNumbers:
    """An anomaly mask at full size and at the training resolution, or (without one) an object mask, whose soft edges
    count as they are.

    Raises:
        TrainerError: as `read_image`.
    """
    mask = read_image(path, "L")
    counts = mask.histogram()
    total = mask.width * mask.height
    marked = sum(counts[MARKED:])
    dark = sum(counts[DARKEST:MARKED])
    left, inside = _after_resize(mask, resolution) if marked and resolution else (1.0, 1.0)
    return MaskNumbers(
        largest=max((value for value, number in enumerate(counts) if number), default=0),
        white=marked / total,
        border=_border(mask),
        ignored=_even_areas(mask) / total if dark else 0.0,
        grey=sum(counts[DARKEST : LIGHTEST + 1]) / total,
        shaped=_shaped(path, mask),
        left=left,
        inside=inside,
        coloured=float(bool(dark) and _has_colour(path)),
    )


def hidden_share(path: Path) -> float:
    """Share of a photograph's pixels that are transparent; decodes only what can have any.

    Raises:
        TrainerError: as `read_image`.
    """
    alpha = _alpha(path)
    return sum(alpha.histogram()[:MARKED]) / (alpha.width * alpha.height) if alpha else 0.0


def _has_colour(path: Path) -> bool:
    """Whether some pixel is no shade of grey."""
    red, green, blue = read_image(path, "RGB").split()
    return any(ImageChops.difference(red, other).getbbox() is not None for other in (green, blue))


def _border(mask: Image.Image) -> float:
    """Share of the outermost pixels that count as marked."""
    width, height = mask.size
    strips = ((0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height))
    counts = [mask.crop(box).histogram() for box in strips]
    return sum(sum(count[MARKED:]) for count in counts) / sum(map(sum, counts))


def _even_areas(mask: Image.Image) -> int:
    """Pixels amid others of the very same grey that is neither black nor marked: a level of its own, no soft edge."""
    grey = mask.point([255 if DARKEST <= value < MARKED else 0 for value in range(256)])
    found = grey.getbbox()
    assert found is not None
    left, top, right, bottom = found
    box = (max(0, left - 1), max(0, top - 1), min(mask.width, right + 1), min(mask.height, bottom + 1))
    part = mask.crop(box)
    uneven = ImageChops.subtract(part.filter(ImageFilter.MaxFilter(_EVEN)), part.filter(ImageFilter.MinFilter(_EVEN)))
    even = uneven.point([255] + [0] * 255)
    return ImageChops.multiply(even, grey.crop(box)).histogram()[255]


def _after_resize(mask: Image.Image, resolution: int) -> tuple[float, float]:
    """(marked area left by the resize, share of it in the square); see `Marks`. Enlarging loses nothing."""
    if min(mask.size) <= resolution:
        return 1.0, best_share(mask, min(mask.size))
    marked = sum(mask.histogram()[MARKED:])
    size = resized_size(mask.size, resolution)
    small = mask.resize(size, Image.Resampling.BILINEAR)
    expected = marked * size[0] * size[1] / (mask.width * mask.height)
    left = sum(small.histogram()[MARKED:])
    return left / expected, best_share(small, resolution) if left else 1.0


def _shaped(path: Path, mask: Image.Image) -> float:
    """Share of the pixels that transparency would mark otherwise than grey does; 0 without any transparency."""
    alpha = _alpha(path)
    if alpha is None or alpha.size != mask.size:
        return 0.0
    lowest, highest = alpha.getextrema()
    if not lowest < MARKED <= highest:  # type: ignore[operator]
        return 0.0
    threshold = [255 if value >= MARKED else 0 for value in range(256)]
    other = ImageChops.difference(mask.point(threshold), alpha.point(threshold))
    return other.histogram()[255] / (mask.width * mask.height)


def _alpha(path: Path) -> Image.Image | None:
    """The alpha channel, turned as the image is; None where the file has none or nothing is transparent."""
    with opened(path) as image:
        if image.mode not in _ALPHA_MODES and "transparency" not in image.info:
            return None
        alpha = (ImageOps.exif_transpose(image) or image).convert("RGBA").getchannel("A")
    return None if alpha.getextrema()[0] == 255 else alpha
