"""Exports against the readers of their formats, and the check that nothing tested on was trained on."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.trainer.export.exporting import SIDE, mask_of, names, run
from trainer.export.coco import run_lengths
from trainer.export.run import WRITERS
from trainer.export.yolo import outline
from trainer.files.reading import content_hash
from trainer.masks.regions import load_opencv


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_no_format_carries_an_image_that_trained(world, kind):
    assert run(world, kind) == 0
    record = json.loads((world / "out" / "export.json").read_text())["anomalies"][0]
    assert record["trained_on"] == ["000.png", "001.png", "002.png"]
    assert record["tested_on"] == [f"{number:03d}.png" for number in range(3, 9)]
    assert (record["generated"], record["weights"], record["leaks"]) == (3, ["ab" * 32], [])
    real = world / "data" / "widget" / "test" / "scratch"
    trained = {content_hash(real / name) for name in record["trained_on"]}
    exported = {content_hash(path) for path in (world / "out").rglob("*.png")}
    assert not trained & exported
    assert {content_hash(real / name) for name in record["tested_on"]} <= exported


def test_squares_of_a_photograph_that_trained_are_not_tested_on(world):
    names_of_images = names(world / "data" / "widget" / "test" / "scratch")
    files = [
        {"image": f"test/scratch/{name}", "from": f"/photographs/{number // 2}.jpg", "box": [0, 0, 64, 64]}
        for number, name in enumerate(names_of_images)
    ]
    (world / "data" / "widget" / "import.json").write_text(json.dumps({"files": files}))
    assert run(world, "mvtec") == 0
    record = json.loads((world / "out" / "export.json").read_text())["anomalies"][0]
    assert record["trained_on"] == ["000.png", "001.png", "002.png"]
    assert record["tested_on"] == names_of_images[4:]  # 003.png is of the same photograph as 002.png


def test_mvtec_has_two_trees_that_each_load_alone(world):
    assert run(world, "mvtec") == 0
    for kind, expected in (
        ("real", [f"{n:03d}.png" for n in range(3, 9)]),
        ("synthetic", ["00000.png", "00001.png", "00003.png"]),
    ):
        root = world / "out" / kind / "widget"
        assert names(root) == ["ground_truth", "test", "train"]
        assert names(root / "train") == ["good"]
        assert names(root / "test") == ["good", "scratch"]
        assert names(root / "test" / "scratch") == expected
        masks = [f"{name[:-4]}_mask.png" for name in expected]
        assert names(root / "ground_truth" / "scratch") == masks
    mask = mask_of(world / "out" / "synthetic" / "widget" / "ground_truth" / "scratch" / "00000_mask.png")
    assert np.array_equal(mask, mask_of(world / "generated" / "mask" / "00000.png"))


def test_anomalib_folders_pair_images_and_masks_by_name(world):
    assert run(world, "anomalib") == 0
    out = world / "out"
    for kind in ("real", "synthetic"):
        assert names(out / "abnormal" / kind) == names(out / "mask" / kind)
        config = (out / f"{kind}.yaml").read_text()
        assert f"root: {json.dumps(str(out))}" in config
        assert f"abnormal_dir: abnormal/{kind}" in config
    assert (len(names(out / "normal" / "train")), len(names(out / "normal" / "test"))) == (12, 6)


def test_coco_loads_in_its_own_reader_and_gives_back_every_pixel(world):
    reader = pytest.importorskip("pycocotools.coco")
    assert run(world, "coco") == 0
    for part, pairs, good in (("train", 3, 12), ("val", 6, 6)):
        coco = reader.COCO(str(world / "out" / "annotations" / f"instances_{part}.json"))
        assert len(coco.getImgIds()) == pairs + good
        for image in coco.loadImgs(coco.getImgIds()):
            assert (world / "out" / "images" / part / image["file_name"]).is_file()
            annotations = coco.loadAnns(coco.getAnnIds(image["id"]))
            assert bool(annotations) != image["file_name"].startswith("good")
            total = np.zeros((image["height"], image["width"]), bool)
            for annotation in annotations:
                mask = coco.annToMask(annotation).astype(bool)
                assert annotation["area"] == mask.sum()
                left, top, width, height = annotation["bbox"]
                assert mask[top : top + height, left : left + width].sum() == mask.sum()
                total |= mask
            if annotations:
                assert np.array_equal(total, true_mask(world, image["file_name"]))


def true_mask(world, name):
    """The mask of an image by its name in a detection export."""
    kind, *_, stem = name.removesuffix(".png").split("_")
    if kind.startswith("gen"):
        return mask_of(world / "generated" / "mask" / f"{stem}.png")
    return mask_of(world / "data" / "widget" / "ground_truth" / "scratch" / f"{stem}_mask.png")


@pytest.mark.parametrize("corner", [True, False])
def test_run_lengths_count_from_a_run_of_zeros(corner):
    mask = np.zeros((3, 4), bool)
    mask[:, 2] = True
    mask[0, 0] = corner
    lengths = run_lengths(mask)
    decoded = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(mask.shape, order="F")
    assert np.array_equal(decoded, mask)
    assert (lengths[0] == 0) == corner


def test_yolo_polygons_cover_the_masks(world):
    assert run(world, "yolo") == 0
    out, cv2 = world / "out", load_opencv()
    for part in ("train", "val"):
        images = sorted((out / "images" / part).iterdir())
        assert [path.stem for path in images] == [path.stem for path in sorted((out / "labels" / part).iterdir())]
        for path in images:
            lines = (out / "labels" / part / f"{path.stem}.txt").read_text().splitlines()
            assert bool(lines) != path.name.startswith("good")
            drawn = np.zeros((8 * SIDE, 8 * SIDE), np.uint8)
            for line in lines:
                kind, *values = line.split()
                assert kind == "1"  # dent, scratch, stain
                assert len(values) >= 6
                points = np.array(values, float).reshape(-1, 2) * 8 * SIDE
                cv2.fillPoly(drawn, [points.round().astype(np.int32)], 1)
            if lines:
                truth = true_mask(world, path.name).repeat(8, axis=0).repeat(8, axis=1)
                assert (truth & (drawn > 0)).sum() / (truth | (drawn > 0)).sum() > 0.85


def test_a_scratch_one_pixel_wide_has_an_area():
    mask = np.zeros((32, 32), bool)
    mask[np.arange(4, 28), np.arange(4, 28)] = True
    points = outline(mask) * 32
    x, y = points.T
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    assert 15 < area < 33


def test_a_duplicate_of_a_training_image_stops_the_export(world, capsys):
    folder = world / "data" / "widget" / "test" / "scratch"
    shutil.copy(folder / "000.png", folder / "007.png")
    assert run(world, "mvtec") == 1
    assert "Leakage" in capsys.readouterr().err
    assert not (world / "out").exists()
    assert run(world, "mvtec", "--allow_leakage") == 0
    assert "training images" in capsys.readouterr().err
    assert json.loads((world / "out" / "export.json").read_text())["anomalies"][0]["leaks"] == [["000.png", "007.png"]]


def test_the_papers_split_leaks_where_n_is_not_divisible_by_three(world, capsys):
    for kind in ("test/dent/009.png", "ground_truth/dent/009_mask.png"):
        pixels = np.asarray(Image.open(world / "data" / "widget" / kind.replace("009", "008")))
        Image.fromarray(pixels[::-1].copy()).save(world / "data" / "widget" / kind)
    assert run(world, "coco", "--split", "paper", anomaly="dent") == 1
    assert "Leakage" in capsys.readouterr().err


def test_the_papers_split_tests_on_all_but_the_first_third_and_says_its_leaks(world):
    assert run(world, "mvtec", "--split", "paper", "--allow_leakage") == 0
    record = json.loads((world / "out" / "export.json").read_text())
    assert record["split"] == "paper"
    (said,) = record["anomalies"]
    assert said["tested_on"] == [f"{n:03d}.png" for n in range(3, 9)]
    assert names(world / "out" / "real" / "widget" / "test" / "scratch") == said["tested_on"]
    # Which three of nine train is the file system's order, as upstream has it; what leaks follows from that.
    assert len(said["trained_on"]) == 3
    assert said["leaks"] == [[name, name] for name in said["tested_on"] if name in said["trained_on"]]


@pytest.mark.parametrize(("trained", "status"), [(("000.png", "002.png"), 0), (("000.png", "005.png"), 1)])
def test_the_papers_split_keeps_its_test_images_whatever_trained(world, capsys, trained, status):
    (world / "trained.txt").write_text("\n".join(trained))
    assert run(world, "mvtec", "--split", "paper", "--trained_on", str(world / "trained.txt")) == status
    assert ("Leakage" in capsys.readouterr().err) == bool(status)
    if not status:
        said = json.loads((world / "out" / "export.json").read_text())["anomalies"][0]
        assert said["tested_on"] == [f"{n:03d}.png" for n in range(3, 9)]


@pytest.mark.parametrize("kind", ["txt", "json"])
def test_what_really_trained_is_left_out(world, kind):
    trained = ["005.png", "001.png"]
    listing = world / f"trained.{kind}"
    listing.write_text("\n".join(trained) if kind == "txt" else json.dumps({"run": {"files": trained}}))
    assert run(world, "mvtec", "--trained_on", str(listing)) == 0
    tested = json.loads((world / "out" / "export.json").read_text())["anomalies"][0]["tested_on"]
    assert tested == [f"{n:03d}.png" for n in (0, 2, 3, 4, 6, 7, 8)]


def lose_mask(world):
    (world / "generated" / "mask" / "00001.png").unlink()


def lose_everything(world):
    shutil.rmtree(world / "generated")


def wrong_size(world):
    Image.new("L", (9, 9)).save(world / "data" / "widget" / "ground_truth" / "scratch" / "004_mask.png")


def lose_real_mask(world):
    (world / "data" / "widget" / "ground_truth" / "scratch" / "004_mask.png").unlink()


def lose_good(world):
    shutil.rmtree(world / "data" / "widget" / "train")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lose_mask, "00001.png"),
        (lose_everything, "no generated pairs"),
        (wrong_size, "9 x 9"),
        (lose_real_mask, "004_mask.png"),
        (lose_good, "good"),
    ],
)
def test_a_damaged_source_is_named_and_nothing_is_written(world, damage, words, capsys):
    damage(world)
    assert run(world, "yolo") == 1
    assert words in capsys.readouterr().err
    assert not (world / "out").exists()


def test_a_list_that_does_not_fit_the_data(world, capsys):
    for text, words in (("nowhere.png", "nowhere.png"), ("", "names no image")):
        (world / "list.txt").write_text(text)
        assert run(world, "mvtec", "--trained_on", str(world / "list.txt")) == 1
        assert words in capsys.readouterr().err
    (world / "list.json").write_text("[]")
    assert run(world, "mvtec", "--trained_on", str(world / "list.json")) == 1
    assert "trainer_state.json" in capsys.readouterr().err


def test_an_existing_export_is_not_touched(world, capsys):
    (world / "out").mkdir()
    (world / "out" / "mine").write_text("keep")
    assert run(world, "mvtec") == 1
    assert "mine" in capsys.readouterr().err
    assert names(world / "out") == ["mine"]


@pytest.mark.parametrize("anomaly", ["../scratch", "a/b", "..", ""])
def test_an_anomaly_is_a_name_not_a_path(world, anomaly):
    with pytest.raises(SystemExit) as ended:
        run(world, "yolo", anomaly=anomaly)
    assert ended.value.code == 2
    assert not (world / "out").exists()


def test_a_slash_that_completion_leaves_is_no_part_of_the_name(world):
    assert run(world, "yolo", anomaly="scratch/") == 0
    assert json.loads((world / "out" / "export.json").read_text())["anomalies"][0]["anomaly"] == "scratch"
