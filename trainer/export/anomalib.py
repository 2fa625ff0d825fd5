"""anomalib's `Folder` data module: one set of folders, and a configuration for real and for synthetic tests."""

from __future__ import annotations

import json
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


def write(source: ExportSource, folder: Path, final: Path) -> None:
    """Write the folders, and `real.yaml` and `synthetic.yaml`.

    Args:
        source: what is exported.
        folder: where it is written.
        final: where it will be; the configurations name it.
    """
    copy_all(source.train_good, folder / "normal" / "train")
    copy_all(source.test_good, folder / "normal" / "test")
    for kind, pairs in (("real", source.test), ("synthetic", source.generated)):
        # anomalib pairs images and masks by their names.
        copy_pairs(pairs, folder / "abnormal" / kind, folder / "mask" / kind, mask_suffix="")
        text = _CONFIG.format(
            what=_WHAT[kind],
            # JSON's strings are YAML's, and quote whatever a path may hold.
            name=json.dumps(f"{source.category}_{source.anomaly}"),
            root=json.dumps(str(final.absolute())),
            kind=kind,
        )
        (folder / f"{kind}.yaml").write_text(text, encoding="utf-8")
