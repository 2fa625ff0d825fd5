"""Drawing masks and photographs for worlds about their contents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from tests.worlds.project import Project

Change = Callable[[Image.Image], Image.Image]
Box = tuple[int, int, int, int]
SIDE = 128
DEFECT = (40, 50, 70, 66)


def objects(p: Project) -> Path:
    """The folder of object masks of the anomalous images."""
    return p.foreground / "widget" / "scratch"


def change(files: Path | Iterable[Path], how: Change) -> None:
    """Every picture anew, as `how` makes it."""
    for file in sorted(files.iterdir()) if isinstance(files, Path) else files:
        with Image.open(file) as image:
            image.load()
        how(image).save(file)


def marks(*boxes: Box, size: tuple[int, int] = (SIDE, SIDE), white: int = 255, black: int = 0) -> Image.Image:
    """A grey mask with filled boxes."""
    mask = Image.new("L", size, black)
    for box in boxes:
        ImageDraw.Draw(mask).rectangle(box, fill=white)
    return mask


def put(folder: Path, mask: Image.Image) -> None:
    """The same mask in the place of each."""
    change(folder, lambda _: mask)


def scaled(values: dict[int, int]) -> Change:
    """Replaces black (0) and white (255) by other grey values."""
    return lambda image: image.convert("L").point([values[255 if value >= 128 else 0] for value in range(256)])


def inverted(image: Image.Image) -> Image.Image:
    """Black and white exchanged."""
    return ImageOps.invert(image.convert("L"))


def cut_out(photograph: Image.Image, mask: Image.Image, under: str = "black") -> Image.Image:
    """The photograph where the mask is white, transparency elsewhere."""
    found = Image.new("RGB", photograph.size, under)
    found.paste(photograph.convert("RGB"), mask=mask.convert("L"))
    found.putalpha(mask.convert("L"))
    return found


def resized(p: Project, size: tuple[int, int]) -> None:
    """The whole set in another size."""
    for folder in (p.images, p.masks, objects(p)):
        change(folder, lambda image: image.resize(size))


def shorten(file: Path, by: int) -> None:
    """Takes bytes from the end."""
    file.write_bytes(file.read_bytes()[:-by])


def as_kind(p: Project, ending: str, **options: object) -> list[Path]:
    """The photographs saved in another format."""
    made = []
    for file in sorted(p.images.iterdir()):
        with Image.open(file) as image:
            image.convert("RGB").save(file.with_suffix(ending), **options)
        file.unlink()
        made.append(file.with_suffix(ending))
    return made
