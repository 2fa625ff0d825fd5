"""What readers of the formats trip over, and several anomalies in one export."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.trainer.export.exporting import SIDE, names, run, three
from trainer.export.__main__ import main
from trainer.export.files import padded


def test_ids_begin_at_one_and_are_numbered_through(world):
    """pycocotools takes the id 0 of a match for no match: AP 0 for a perfect mask."""
    evaluator = pytest.importorskip("pycocotools.cocoeval")
    reader = pytest.importorskip("pycocotools.coco")
    assert run(world, "coco") == 0
    for part in ("train", "val"):
        coco = reader.COCO(str(world / "out" / "annotations" / f"instances_{part}.json"))
        ids = coco.getAnnIds()
        assert ids == list(range(1, len(ids) + 1))
        perfect = [
            {"image_id": a["image_id"], "category_id": a["category_id"], "segmentation": coco.annToRLE(a), "score": 0.9}
            for a in coco.loadAnns(ids)
        ]
        evaluation = evaluator.COCOeval(coco, coco.loadRes(perfect), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        assert evaluation.stats[0] == 1


def test_no_line_of_four_numbers(world):
    """ultralytics takes four numbers for a box, and one such line stops the whole segment data set."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[3, 5] = mask[20, 5:30] = mask[40:60, 60] = 255
    Image.fromarray(mask).save(world / "generated" / "mask" / "00000.png")
    assert run(world, "yolo") == 0
    lines = [line for file in (world / "out" / "labels").rglob("*.txt") for line in file.read_text().splitlines()]
    assert len((world / "out" / "labels" / "train" / "gen_01-scratch_00000.txt").read_text().splitlines()) == 3
    assert all(len(line.split()) >= 1 + 6 for line in lines)


def test_the_path_is_absolute(world, monkeypatch):
    monkeypatch.chdir(world)
    flags = ["--generated", "generated", "--dataset", "data", "--category", "widget", "--anomaly", "scratch"]
    assert main([*flags, "--format", "yolo", "--output", "out"]) == 0
    assert (world / "out" / "data.yaml").read_text().startswith(f"path: {json.dumps(str(world / 'out'))}\n")


def test_masks_sort_as_their_images_do(world):
    """anomalib pairs by sort order: 10_mask comes before 1_mask."""
    for folder, ending in (("test", ".png"), ("ground_truth", "_mask.png")):
        for number in range(9):
            file = world / "data" / "widget" / folder / "scratch" / f"{number:03d}{ending}"
            file.rename(file.with_name(f"{number + 4}{ending}"))
    assert run(world, "mvtec") == 0
    root = world / "out" / "real" / "widget"
    images = names(root / "test" / "scratch")
    assert len(images) > 3
    assert [name.replace(".png", "_mask.png") for name in images] == names(root / "ground_truth" / "scratch")
    assert len({len(name) for name in images}) == 1


def test_only_numbers_are_padded():
    assert padded(["1", "2", "10"]) == ["01", "02", "10"]
    assert padded(["1", "01"]) == ["1", "01"]
    assert padded(["a", "10"]) == ["a", "10"]
    assert padded([]) == []


def test_three_anomalies_in_one_coco_set_keep_their_classes(world):
    reader = pytest.importorskip("pycocotools.coco")
    assert three(world, "coco", world / "all") == 0
    assert three(world, "coco", world / "one", ("stain",)) == 0
    for part in ("train", "val"):
        whole, one = (
            reader.COCO(str(world / name / "annotations" / f"instances_{part}.json")) for name in ("all", "one")
        )
        numbers = {category["name"]: category["id"] for category in whole.loadCats(whole.getCatIds())}
        assert numbers == {"dent": 1, "scratch": 2, "stain": 3}
        assert whole.dataset["categories"] == one.dataset["categories"]
        files = [image["file_name"] for image in whole.dataset["images"]]
        assert len(set(files)) == len(files)
        for annotation in whole.loadAnns(whole.getAnnIds()):
            (image,) = whole.loadImgs(annotation["image_id"])
            label = image["file_name"].removeprefix("gen_").split("_")[0]
            assert label == f"{annotation['category_id'] - 1:02d}-{whole.cats[annotation['category_id']]['name']}"
        assert {a["category_id"] for a in whole.dataset["annotations"]} == {1, 2, 3}
        assert {a["category_id"] for a in one.dataset["annotations"]} == {3}
        assert {image["file_name"] for image in one.dataset["images"]} <= set(files)


@pytest.mark.parametrize("kind", ["yolo", "anomalib", "mvtec"])
def test_three_anomalies_in_one_set_of_the_other_formats(world, kind):
    out = world / "all"
    assert three(world, kind, out) == 0
    record = json.loads((out / "export.json").read_text())
    assert record["classes"] == ["dent", "scratch", "stain"]
    assert [row["class"] for row in record["anomalies"]] == [0, 1, 2]
    assert sum(row["generated"] for row in record["anomalies"]) == 9
    if kind == "yolo":
        assert 'names:\n  0: "dent"\n  1: "scratch"\n  2: "stain"\n' in (out / "data.yaml").read_text()
        for number, anomaly in enumerate(record["classes"]):
            lines = (out / "labels" / "train" / f"gen_{number:02d}-{anomaly}_00000.txt").read_text().splitlines()
            assert {line.split()[0] for line in lines} == {str(number)}
    if kind == "anomalib":
        assert names(out / "abnormal" / "synthetic") == names(out / "mask" / "synthetic")
        assert len(names(out / "abnormal" / "synthetic")) == 9
        assert '"widget_dent_scratch_stain"' in (out / "real.yaml").read_text()
    if kind == "mvtec":
        assert names(out / "synthetic" / "widget" / "test") == ["dent", "good", "scratch", "stain"]


def test_flags_of_several_anomalies_that_do_not_go_together(world, capsys):
    assert run(world, "coco", "--anomaly", "dent") == 1
    assert "--generated is given 1 times, --anomaly 2" in capsys.readouterr().err
    assert three(world, "coco", world / "out", ("dent", "dent")) == 1
    assert "twice" in capsys.readouterr().err
