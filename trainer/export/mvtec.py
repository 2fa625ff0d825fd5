"""MVTec AD's layout: `real/<category>` with what nothing trained on, `synthetic/<category>` with the pairs.

Two trees, since loaders of this layout take every folder below `train` and `test` for data of that part: a
generated anomaly in `train` would be learned as normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .files import copy_all, copy_pairs
from .source import ExportSource


def write(sources: Sequence[ExportSource], folder: Path) -> None:
    """Write both trees below `folder`; each loads alone."""
    for kind in ("real", "synthetic"):
        root = folder / kind / sources[0].category
        copy_all(sources[0].train_good, root / "train" / "good")
        copy_all(sources[0].test_good, root / "test" / "good")
        for source in sources:
            copy_pairs(
                source.test if kind == "real" else source.generated,
                root / "test" / source.anomaly,
                root / "ground_truth" / source.anomaly,
                mask_suffix="_mask",
            )
