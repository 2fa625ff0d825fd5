"""Exports in the loaders that people use them with, where those are installed."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.export.__main__ import main
from trainer.generate.manifest import Manifest, Record
from trainer.miniature.data import render, write_dataset

PAIRS = 4
KINDS = ("mvtec", "anomalib", "yolo")
ANOMALIES = ("scratch", "stain", "dent")  # not in the order of their class numbers
CLASSES = {"dent": 0, "scratch": 1, "stain": 2}
REAL = 6  # of each anomaly in the miniature's data


def generate(folder, anomaly, seed):
    """Pairs as `trainer.generate` leaves them."""
    for name in ("image", "fg", "mask"):
        (folder / name).mkdir(parents=True)
    manifest = Manifest(folder)
    for index in range(PAIRS):
        picture, name = render(np.random.default_rng(seed + index), 96, anomaly), f"{index:05d}.png"
        picture.image.save(folder / "image" / name)
        picture.image.save(folder / "fg" / name)
        picture.defect_mask.save(folder / "mask" / name)
        manifest.add([Record(index, name, 0, "a", "b", "ab" * 32, None, 0.01, 1.0, None)])


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """All formats of one anomaly's pairs, and below `all` of three anomalies'."""
    root = tmp_path_factory.mktemp("exports")
    write_dataset(root / "data", root / "foreground", side=96, seed=0)
    for number, anomaly in enumerate(ANOMALIES):
        generate(root / "generated" / anomaly, anomaly, 50 + 10 * number)
    for name, anomalies in (("", ("stain",)), ("all", ANOMALIES)):
        pairs = [("--generated", str(root / "generated" / one), "--anomaly", one) for one in anomalies]
        for kind in (*KINDS, "coco"):
            flags = ["--dataset", str(root / "data"), "--category", "widget", "--format", kind]
            assert main([*flags, *(flag for pair in pairs for flag in pair), "--output", str(root / name / kind)]) == 0
    return root


def anomalib_folders(place, kind):
    """anomalib's Folder as our YAML describes it, and its MVTecAD on the other layout."""
    data = pytest.importorskip("anomalib.data")
    text = (place / "anomalib" / f"{kind}.yaml").read_text()
    given = {key: value.strip('"') for key, value in re.findall(r"^  (\w+): (.+)$", text, re.MULTILINE)}
    modules = (
        data.Folder(**given, test_split_mode="from_dir", val_split_mode="none", num_workers=0),
        data.MVTecAD(root=place / "mvtec" / kind, category="widget", val_split_mode="none", num_workers=0),
    )
    for module in modules:
        module.setup()
    return modules


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "anomalies"), [("real", 6), ("synthetic", PAIRS)])
def test_anomalib_reads_both_layouts(exports, kind, anomalies):
    for module in anomalib_folders(exports, kind):
        assert len(module.train_data) == 12
        assert len(module.test_data) == anomalies + 6
        found = [item for item in module.test_data if item.gt_label]
        assert len(found) == anomalies
        assert all(item.gt_mask.any() for item in found)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "each"), [("real", REAL), ("synthetic", PAIRS)])
def test_anomalib_tells_three_anomalies_apart(exports, kind, each):
    folder, mvtec = anomalib_folders(exports / "all", kind)
    for module in (folder, mvtec):
        found = [item for item in module.test_data if item.gt_label]
        assert len(found) == 3 * each
        for item in found:
            truth = np.asarray(Image.open(item.mask_path).convert("L")) > 0
            assert item.gt_mask.sum() == truth.sum() > 0
            assert Path(item.mask_path).stem.removesuffix("_mask") == Path(item.image_path).stem
    rows = mvtec.test_data.samples
    assert rows.label.value_counts().to_dict() == {**dict.fromkeys(ANOMALIES, each), "good": 6}
    assert all(Path(row.image_path).parent.name == row.label for row in rows.itertuples())


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


@pytest.mark.slow
def test_ultralytics_tells_three_anomalies_apart(exports):
    pytest.importorskip("ultralytics")
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    facts = check_det_dataset(str(exports / "all" / "yolo" / "data.yaml"))
    assert facts["names"] == {number: name for name, number in CLASSES.items()}
    for part, each in (("train", PAIRS), ("val", REAL)):
        data = YOLODataset(img_path=facts[part], data=facts, task="segment", augment=False, imgsz=96)
        seen = Counter()
        for label in data.labels:
            classes = {int(number) for number in label["cls"].flatten()}
            if not classes:
                continue
            (number,) = classes
            assert f"{number:02d}-{facts['names'][number]}" in Path(label["im_file"]).name
            assert len(label["segments"]) == len(label["cls"])
            seen[number] += 1
        assert seen == dict.fromkeys(CLASSES.values(), each)


def test_pycocotools_tells_three_anomalies_apart(exports):
    reader = pytest.importorskip("pycocotools.coco")
    for part, each in (("train", PAIRS), ("val", REAL)):
        coco = reader.COCO(str(exports / "all" / "coco" / "annotations" / f"instances_{part}.json"))
        numbers = {row["name"]: row["id"] for row in coco.loadCats(coco.getCatIds())}
        assert numbers == {name: number + 1 for name, number in CLASSES.items()}
        for name, number in numbers.items():
            images = coco.loadImgs(coco.getImgIds(catIds=[number]))
            assert len(images) == each
            assert all(f"{number - 1:02d}-{name}" in image["file_name"] for image in images)
            found = coco.loadAnns(coco.getAnnIds(catIds=[number]))
            assert all(coco.annToMask(row).sum() == row["area"] > 0 for row in found)
