"""Paths in the MVTec AD layout, taken from path components, never from replacing text in a path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .images import SUFFIXES


@dataclass(frozen=True, slots=True)
class AnomalyFolder:
    """`<root>/<category>/test/<anomaly>` taken apart."""

    root: Path
    category: str
    anomaly: str

    @property
    def images(self) -> Path:
        """The folder of anomalous images."""
        return self.root / self.category / "test" / self.anomaly

    @property
    def masks(self) -> Path:
        """The folder of ground-truth masks, `<stem>_mask.png`."""
        return self.root / self.category / "ground_truth" / self.anomaly

    @property
    def train_good(self) -> Path:
        """The folder of good training images."""
        return self.root / self.category / "train" / "good"

    @property
    def manifest(self) -> Path:
        """What an import left: where each file is from (trainer/intake)."""
        return self.root / self.category / "import.json"

    @property
    def test_good(self) -> Path:
        """The folder of good test images."""
        return self.root / self.category / "test" / "good"


def parse_anomaly_folder(folder: Path) -> AnomalyFolder | None:
    """Take `<root>/<category>/test/<anomaly>` apart; `None` where the last but one part is not `test`.

    Symbolic links are left as they are, since the meaning is in the names.
    """
    absolute = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow the links
    if len(absolute.parts) < 4 or absolute.parent.name != "test":
        return None
    category_folder = absolute.parent.parent
    return AnomalyFolder(category_folder.parent, category_folder.name, absolute.name)


def find_companion(folder: Path, image: Path, *, suffixes: tuple[str, ...]) -> Path | None:
    """The file in `folder` that belongs to `image`: `<stem><suffix>.<any image ending>`, PNG first.

    Args:
        folder: where masks are.
        image: the image; only its name counts.
        suffixes: tried in order, e.g. `("_mask", "")`.
    """
    endings = [".png", *sorted(SUFFIXES - {".png"})]
    endings += [ending.upper() for ending in endings]
    for suffix in suffixes:
        for ending in endings:
            candidate = folder / f"{image.stem}{suffix}{ending}"
            if candidate.is_file():
                return candidate
    return None
