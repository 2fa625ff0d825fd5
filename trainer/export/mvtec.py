"""MVTec AD's layout: `real/<category>` with what nothing trained on, `synthetic/<category>` with the pairs.

Two trees, since loaders of this layout take every folder below `train` and `test` for data of that part: a
generated anomaly in `train` would be learned as normal.
"""

from __future__ import annotations

from pathlib import Path

from .files import copy_all, copy_pairs
from .source import ExportSource


def write(source: ExportSource, folder: Path) -> None:
    """Write both trees below `folder`; each loads alone."""
    for kind, pairs in (("real", source.test), ("synthetic", source.generated)):
        root = folder / kind / source.category
        copy_all(source.train_good, root / "train" / "good")
        copy_all(source.test_good, root / "test" / "good")
        copy_pairs(
            pairs,
            root / "test" / source.anomaly,
            root / "ground_truth" / source.anomaly,
            mask_suffix="_mask",
        )
