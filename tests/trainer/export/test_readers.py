"""Exports in the loaders that people use them with, where those are installed."""

import re

import numpy as np
import pytest
from PIL import Image

from trainer.export.__main__ import main
from trainer.generate.manifest import Manifest, Record
from trainer.miniature.data import render, write_dataset

PAIRS = 4


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """All formats of one set of pairs."""
    root = tmp_path_factory.mktemp("exports")
    write_dataset(root / "data", root / "foreground", side=96, seed=0)
    generated = root / "generated"
    for folder in ("image", "fg", "mask"):
        (generated / folder).mkdir(parents=True)
    manifest = Manifest(generated)
    for index in range(PAIRS):
        picture, name = render(np.random.default_rng(50 + index), 96, "stain"), f"{index:05d}.png"
        picture.image.save(generated / "image" / name)
        picture.image.save(generated / "fg" / name)
        picture.defect_mask.save(generated / "mask" / name)
        manifest.add([Record(index, name, 0, "a", "b", "ab" * 32, None, 0.01, 1.0, None)])
    for kind in ("mvtec", "anomalib", "yolo"):
        flags = ["--generated", str(generated), "--dataset", str(root / "data"), "--category", "widget"]
        assert main([*flags, "--anomaly", "stain", "--format", kind, "--output", str(root / kind)]) == 0
    return root


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "anomalies"), [("real", 6), ("synthetic", PAIRS)])
def test_anomalib_reads_both_layouts(exports, kind, anomalies):
    data = pytest.importorskip("anomalib.data")
    text = (exports / "anomalib" / f"{kind}.yaml").read_text()
    given = {key: value.strip('"') for key, value in re.findall(r"^  (\w+): (.+)$", text, re.MULTILINE)}
    modules = [
        data.Folder(**given, test_split_mode="from_dir", val_split_mode="none", num_workers=0),
        data.MVTecAD(root=exports / "mvtec" / kind, category="widget", val_split_mode="none", num_workers=0),
    ]
    for module in modules:
        module.setup()
        assert len(module.train_data) == 12
        assert len(module.test_data) == anomalies + 6
        found = [item for item in module.test_data if item.gt_label]
        assert len(found) == anomalies
        assert all(item.gt_mask.any() for item in found)


@pytest.mark.slow
def test_ultralytics_reads_the_segments(exports):
    pytest.importorskip("ultralytics")
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    facts = check_det_dataset(str(exports / "yolo" / "data.yaml"))
    assert facts["names"] == {0: "dent", 1: "scratch", 2: "stain"}
    for part, anomalies, good in (("train", PAIRS, 12), ("val", 6, 6)):
        data = YOLODataset(img_path=facts[part], data=facts, task="segment", augment=False, imgsz=96)
        assert len(data) == anomalies + good
        assert sum(bool(len(label["cls"])) for label in data.labels) == anomalies
        for label in data.labels:
            assert Image.open(label["im_file"]).size == (96, 96)
