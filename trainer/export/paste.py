"""Squares put back into the photographs that an import with `--crop` cut them out of.

Generated pairs lie on squares of good photographs; import.json says which photograph and where. What is exported then
are photographs: generated ones with the square in its place, real ones as they were, masks at their size.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..data.images import image_size, read_image, write_png
from ..data.mvtec import AnomalyFolder
from ..errors import TrainerError
from ..files.reading import read_text
from ..generate.manifest import Manifest
from .source import ExportSource, Pair

#: Share of a square's side over which its edge passes into the photograph around it.
FADE = 1 / 16

Box = tuple[int, int, int, int]
Places = dict[str, tuple[Path, Box | None]]  # file name of a square -> its photograph, and where it is in it


class Album:
    """The photographs behind one category's squares.

    Args:
        folder: the real data, brought in by `dualano-doctor import --crop`.
        into: an empty folder for the photographs that are made.

    Raises:
        TrainerError: no import says where the squares are from.
    """

    def __init__(self, folder: AnomalyFolder, into: Path) -> None:
        self._into = into
        try:
            self._rows: list[dict[str, Any]] = json.loads(read_text(folder.manifest))["files"]
            self._root = folder.manifest.parent
            self._good = self._places("train/good")
            boxes = [row["box"] for row in self._rows]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise TrainerError(
                f"{folder.manifest} does not say where squares were cut out ({error!r}). --paste needs data that "
                "`dualano-doctor import --crop` made."
            ) from error
        if not any(boxes):
            raise TrainerError(f"Nothing of {folder.manifest.parent} was cut out of photographs; leave --paste out.")

    def paste(self, source: ExportSource, generated: Path) -> ExportSource:
        """The same source with photographs in the place of squares.

        Raises:
            TrainerError: a pair has no background, a photograph is gone or has another size, or the disk is full.
        """
        try:
            records = Manifest(generated).accepted()
            pairs = tuple(
                self._generated(source.label, pair, record.background)
                for pair, record in zip(source.generated, records, strict=True)
            )
            return replace(
                source,
                generated=pairs,
                train_good=self._photographs(source.train_good, "train/good"),
                test_good=self._photographs(source.test_good, "test/good"),
                test=self._real(source),
            )
        except OSError as error:
            raise TrainerError(f"Cannot put squares back: {error}. Nothing was exported.") from error

    def _places(self, part: str) -> Places:
        """By stem, what is below that part of the category."""
        return {
            Path(row["image"]).stem: (Path(row["from"]), tuple(row["box"]) if row["box"] else None)
            for row in self._rows
            if str(row["image"]).startswith(f"{part}/")
        }

    def _generated(self, label: str, pair: Pair, background: str | None) -> Pair:
        """A good photograph with the generated square in the place of its own."""
        found = self._good.get(Path(background).stem) if background else None
        if found is None:
            raise TrainerError(
                f"{pair.image.name} was not generated on a square of train/good (background: {background}), so "
                "its place is not known. Pairs of the background module (variant bcm) are."
            )
        photograph, box = found
        picture = read_image(photograph)
        box = box or (0, 0, *picture.size)
        _require(photograph, picture.size, box)
        side = (box[2] - box[0], box[3] - box[1])
        square = read_image(pair.image).resize(side, Image.Resampling.LANCZOS)
        picture.paste(square, box[:2], _faded(side))
        marked = Image.fromarray(pair.load_mask().astype(np.uint8) * 255).resize(side, Image.Resampling.NEAREST)
        mask = Image.new("L", picture.size)
        mask.paste(marked, box[:2])
        return self._write(label, pair.image.stem, picture, mask)

    def _real(self, source: ExportSource) -> tuple[Pair, ...]:
        """Each photograph once, with the masks of all its squares in their places."""
        places = self._places(f"test/{source.anomaly}")
        tested = {places[pair.image.stem][0] for pair in source.test if pair.image.stem in places}
        masks: dict[Path, Image.Image] = {}
        for row in self._rows:
            photograph = Path(row["from"])
            if not row["mask"] or photograph not in tested:
                continue
            if photograph not in masks:
                masks[photograph] = Image.new("L", image_size(photograph))
            piece = read_image(self._root / row["mask"], "L")
            box: Box = tuple(row["box"]) if row["box"] else (0, 0, *piece.size)
            _require(photograph, masks[photograph].size, box)
            masks[photograph].paste(255, box[:2], piece.point([0] * 128 + [255] * 128))
        return tuple(
            Pair(photograph, self._write_mask(f"real-{source.label}-{number:05d}", mask))
            for number, (photograph, mask) in enumerate(masks.items())
        )

    def _photographs(self, squares: tuple[Path, ...], part: str) -> tuple[Path, ...]:
        places = self._places(part)
        return tuple(dict.fromkeys(places[path.stem][0] for path in squares if path.stem in places))

    def _write(self, label: str, stem: str, picture: Image.Image, mask: Image.Image) -> Pair:
        folder = self._into / label
        folder.mkdir(exist_ok=True)
        write_png(picture, folder / f"{stem}.png")
        return Pair(folder / f"{stem}.png", self._write_mask(f"{label}-{stem}", mask))

    def _write_mask(self, name: str, mask: Image.Image) -> Path:
        folder = self._into / "masks"
        folder.mkdir(exist_ok=True)
        write_png(mask, folder / f"{name}.png")
        return folder / f"{name}.png"


def _require(photograph: Path, size: tuple[int, int], box: Box) -> None:
    if box[2] > size[0] or box[3] > size[1]:
        raise TrainerError(
            f"{photograph} is {size[0]} x {size[1]}, and a square was cut out of it up to {box[2]} x {box[3]}: it has "
            "changed since the import. Import it again."
        )


def _faded(side: tuple[int, int]) -> Image.Image:
    """How much of the square shows at each of its pixels: all of it within, less and less along the edge."""
    across, down = (np.minimum(np.arange(length) + 1, np.arange(length, 0, -1)) for length in side)
    nearest = np.minimum(down[:, None], across[None, :])
    return Image.fromarray(np.clip(nearest * 255 / max(1.0, FADE * min(side)), 0, 255).astype(np.uint8))
