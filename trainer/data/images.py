"""Reading and writing image files: bounded, checked, and with one clear message when it fails."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps

from ..content.ends import png_chunks
from ..errors import TrainerError
from ..files.atomic import replace_atomically

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
#: Pillow goes by content, whatever the name: a `.png` that is PostScript would be handed to Ghostscript.
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
#: Largest image that is decoded. Line-scan cameras make 100 megapixels; a crafted file can claim any size.
MAX_PIXELS = 128 * 1024 * 1024
#: Pillow modes with more than 8 bits a channel; their conversion to RGB clips instead of scaling.
_DEEP_MODES = frozenset({"I", "F"})


def is_image_name(path: Path) -> bool:
    """Whether the name looks like an image (hidden files, such as macOS' `._000.png`, do not)."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def list_images(folder: Path, *, in_listing_order: bool = False) -> tuple[Path, ...]:
    """The image files directly in `folder`, sorted by name (or as the file system lists them).

    Raises:
        TrainerError: there is no such folder, it cannot be listed, or it holds no images.
    """
    try:
        # Not sorted by anyone: `in_listing_order` wants exactly the file system's order.
        names = [path.name for path in Path(folder).iterdir()]
    except OSError as error:
        raise TrainerError(
            f"Cannot list the image folder {folder}: {error.strerror}. Give a folder that exists."
        ) from error
    files = [folder / name for name in names if is_image_name(Path(name))]
    files = [path for path in files if path.is_file()]
    if not files:
        seen = f"{len(names)} other entries" if names else "nothing"
        raise TrainerError(
            f"No images in {folder}: found {seen}; expected files ending in {', '.join(sorted(SUFFIXES))}."
        )
    return tuple(files) if in_listing_order else tuple(sorted(files))


def read_image(path: Path, mode: str = "RGB") -> Image.Image:
    """Decode `path`, turned as its EXIF orientation says, as 8-bit `RGB` or `L`.

    Raises:
        TrainerError: not there, not an image, cut off, larger than `MAX_PIXELS`, or deeper than 8 bits.
    """
    with opened(path) as image:
        if image.mode in _DEEP_MODES or image.mode.startswith("I;"):
            raise TrainerError(
                f"{path} has more than 8 bits a channel (Pillow mode {image.mode}); "
                "expected 8 bits. Convert it first, choosing how its range maps to 0..255."
            )
        return (ImageOps.exif_transpose(image) or image).convert(mode)


def read_mask(path: Path) -> Image.Image:
    """Decode a mask as 8-bit `L`, white = what it marks.

    Raises:
        TrainerError: as `read_image`, or its values are those of another kind of mask (0 and 1, class numbers).
    """
    mask = read_image(path, "L")
    largest = mask.getextrema()[1]
    if isinstance(largest, (int, float)) and 0 < largest < 128:
        raise TrainerError(
            f"The mask {path} has no value above {largest:g}; expected 0 and 255 (white). Masks of 0 and 1, or of "
            "class numbers, have to be converted first."
        )
    return mask


def refuse_same_stems(files: Iterable[Path]) -> None:
    """Fail where two images would share one mask, which is named by the stem.

    Raises:
        TrainerError: names them.
    """
    seen: dict[str, Path] = {}
    for path in files:
        other = seen.setdefault(path.stem, path)
        if other != path:
            raise TrainerError(f"{other} and {path.name} would share the mask {path.stem}.png. Rename one of them.")


def image_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels after the EXIF turn, from the header alone.

    Raises:
        TrainerError: as `read_image`, as far as a header can tell.
    """
    with opened(path) as image:
        width, height = image.size
        # A PNG's own getexif() decodes the whole picture to see what stands behind its pixels.
        exif = Image.Image.getexif(image) if _says_all_first(path, image) else image.getexif()
        turned = exif.get(0x0112, 1) in (5, 6, 7, 8)
        if image.format == "TIFF":
            # Newer Pillows give the size of a TIFF as it is after the turn.
            stored = getattr(image, "tag_v2", {})
            turned = turned and (width, height) == (stored.get(256), stored.get(257))
        return (height, width) if turned else (width, height)


def write_png(image: Image.Image, path: Path) -> None:
    """Write a PNG so that `path` either holds the whole image or is as it was before.

    Raises:
        OSError: it cannot be written.
    """
    replace_atomically(path, lambda temporary: image.save(temporary, format="PNG"))


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The lazily opened image, its claimed size checked before anything is decoded.

    Raises:
        TrainerError: as `read_image`, also for what goes wrong while it is open.
    """
    with _readable(path), _opened(path) as image:
        yield image


def _says_all_first(path: Path, image: Image.Image) -> bool:
    """Whether it is a PNG without EXIF behind its pixels, where hardly a writer puts it."""
    if image.format != "PNG":
        return False
    with path.open("rb", buffering=0) as stream:
        handle = stream.fileno()
        chunks = png_chunks(os.fstat(handle).st_size, lambda length, at: os.pread(handle, length, at))
        late = [kind for kind, _ in chunks]
    return b"eXIf" not in late[late.index(b"IDAT") :] if b"IDAT" in late else False


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises for a broken file into one message."""
    try:
        yield
    except TrainerError:
        raise
    except FileNotFoundError as error:
        raise TrainerError(f"{path} does not exist.") from error
    except Image.DecompressionBombError as error:
        raise TrainerError(_too_large(path, str(error))) from error
    except Exception as error:  # Pillow's plugins raise OSError, SyntaxError, struct.error, zlib.error, ...
        raise TrainerError(f"{path} cannot be read as an image ({error}). Replace or remove the file.") from error


def _opened(path: Path) -> Image.Image:
    if path.exists() and not path.is_file():  # a pipe would be waited for, a device read without end
        raise TrainerError(f"{path} is not a regular file; expected an image. Replace or remove it.")
    with warnings.catch_warnings():
        # Pillow warns from 89 megapixels on; the bound here is ours.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(path, formats=FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        image.close()
        raise TrainerError(_too_large(path, f"{width} x {height} pixels"))
    return image


def _too_large(path: Path, seen: str) -> str:
    return f"{path} claims {seen}; at most {MAX_PIXELS} pixels are decoded. Shrink the image first."
