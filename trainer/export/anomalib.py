"""anomalib's `Folder` data module: one set of folders, and a configuration for real and for synthetic tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .files import copy_all, copy_pairs
from .source import ExportSource

_CONFIG = """# {what}
class_path: anomalib.data.Folder
init_args:
  name: {name}
  root: {root}
  normal_dir: normal/train
  normal_test_dir: normal/test
  abnormal_dir: abnormal/{kind}
  mask_dir: mask/{kind}
"""
_WHAT = {
    "real": "Tests on real anomalies that nothing trained on.",
    "synthetic": "Tests on generated anomalies: for choosing thresholds and models, not for reporting.",
}


def write(sources: Sequence[ExportSource], folder: Path, final: Path) -> None:
    """Write the folders, and `real.yaml` and `synthetic.yaml`.

    Args:
        sources: what is exported.
        folder: where it is written.
        final: where it will be; the configurations name it.
    """
    copy_all(sources[0].train_good, folder / "normal" / "train")
    copy_all(sources[0].test_good, folder / "normal" / "test")
    name = "_".join([sources[0].category, *(source.anomaly for source in sources)])
    for kind in ("real", "synthetic"):
        for source in sources:
            pairs = source.test if kind == "real" else source.generated
            # anomalib pairs images and masks by their sorted names.
            images, masks = folder / "abnormal" / kind, folder / "mask" / kind
            copy_pairs(pairs, images, masks, prefix=f"{source.label}_", mask_suffix="")
        text = _CONFIG.format(
            what=_WHAT[kind],
            # JSON's strings are YAML's, and quote whatever a path may hold.
            name=json.dumps(name),
            root=json.dumps(str(final.absolute())),
            kind=kind,
        )
        (folder / f"{kind}.yaml").write_text(text, encoding="utf-8")
