"""Jobs: what is wrong with one is said, and a category is written whole or not at all."""

import json

import numpy as np
import pytest
from PIL import Image

from trainer.intake.__main__ import main
from trainer.intake.pixels import is_clean, read_marks
from trainer.intake.write import MANIFEST


def picture(path, size=(300, 200), spots=(), mode="RGB"):
    pixels = np.random.default_rng(len(str(path))).integers(90, 130, (size[1], size[0], 3), dtype=np.uint8)
    if mode == "L":
        pixels = np.zeros((size[1], size[0]), np.uint8)
    for x, y in spots:
        pixels[y : y + 6, x : x + 6] = 255
    Image.fromarray(pixels).save(path)
    return path


def row(folder, name, spots):
    image = picture(folder / f"{name}.png", spots=spots)
    mask = picture(folder / f"{name}_gt.png", spots=spots, mode="L")
    places = {"to": f"test/dent/{name}.png", "mask": f"ground_truth/dent/{name}_mask.png"}
    return {"image": str(image), **places, "masks": [str(mask)], "shapes": [], "labels": False}


def start(folder, rows, **changes):
    head = {"schema": 1, "layout": "x", "source": "y", "crop": 0, "copies": False, "plain": False, "left_out": []}
    (folder / "job.json").write_text(json.dumps({**head, "categories": {"part": rows}, **changes}))
    return main(["--job", str(folder / "job.json"), "--output", str(folder / "data")])


def test_squares_are_cut_and_the_manifest_leads_back_to_the_source(tmp_path):
    rows = [row(tmp_path, "a", [(10, 10), (280, 180)]), row(tmp_path, "b", [(150, 100)])]
    good = [picture(tmp_path / f"good{number}.png") for number in range(2)]
    rows += [{"image": str(path), "to": f"train/good/{path.name}"} for path in good]
    assert start(tmp_path, rows, crop=64) == 0
    folder = tmp_path / "data" / "part"
    manifest = json.loads((folder / MANIFEST).read_text())
    assert sum(bool(one["mask"]) for one in manifest["files"]) == 3
    assert all(one["box"] is not None for one in manifest["files"])
    for one in manifest["files"]:
        with Image.open(folder / one["image"]) as cut, Image.open(one["from"]) as source:
            assert cut.size == (64, 64)
            assert cut.tobytes() == source.convert("RGB").crop(one["box"]).tobytes()
        if one["mask"]:
            with Image.open(folder / one["mask"]) as mask, Image.open(one["masks"][0]) as source:
                assert mask.tobytes() == source.crop(one["box"]).tobytes()
                assert mask.getextrema() == (0, 255)


def test_images_no_larger_than_the_square_stay_whole(tmp_path):
    assert start(tmp_path, [row(tmp_path, "a", [(10, 10)])], crop=200) == 0
    assert (tmp_path / "data/part/test/dent/a.png").is_symlink()


def test_a_row_that_cannot_be_used_is_left_out_and_the_rest_is_there(tmp_path):
    rows = [row(tmp_path, "a", [(10, 10)]), row(tmp_path, "b", []), row(tmp_path, "c", [(5, 5)])]
    (tmp_path / "c.png").write_bytes((tmp_path / "c.png").read_bytes()[:500])
    rows[2] |= {"to": "test/dent/c.png", "image": str((tmp_path / "c.png").rename(tmp_path / "c.bmp"))}
    assert start(tmp_path, rows) == 0
    manifest = json.loads((tmp_path / "data" / "part" / MANIFEST).read_text())
    assert [one["image"] for one in manifest["files"]] == ["test/dent/a.png"]
    assert "marks nothing" in manifest["left_out"][0]["why"]
    assert "cannot be read" in manifest["left_out"][1]["why"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "schema 2"),
        ({"categories": {"part": [{"image": "a.png", "to": "../../x.png"}]}}, "outside"),
        ({"categories": {"../part": []}}, "outside"),
        ({"categories": {"part": [{"to": "x"}]}}, "not the job"),
        ({"categories": []}, "not the job"),
        ({"categories": {"part": []}}, "No anomalous image"),
    ],
)
def test_a_job_that_is_none_writes_nothing(tmp_path, capsys, changes, message):
    assert start(tmp_path, [], **changes) == 1
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if path.name != "data"] == ["job.json"]
    assert not (tmp_path / "data").exists() or list((tmp_path / "data").iterdir()) == []


def saved(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def test_masks_of_every_making_mark_the_same(tmp_path):
    truth = np.zeros((20, 30), np.bool_)
    truth[5:15, 10:20] = True
    grey = (truth * 255).astype(np.uint8)
    transparent = np.dstack([np.full((20, 30, 3), 255, np.uint8), grey])
    voc = Image.fromarray(truth.astype(np.uint8), "P")
    voc.putpalette([0, 0, 0, 128, 0, 0])
    voc.save(tmp_path / "voc.png")
    files = {
        saved(tmp_path / "l.png", grey): False,
        saved(tmp_path / "one.png", truth.astype(np.uint8)): False,
        saved(tmp_path / "class.png", (truth * 3).astype(np.uint8)): True,
        saved(tmp_path / "bit.png", truth): False,
        saved(tmp_path / "rgb.bmp", np.dstack([grey] * 3)): False,
        saved(tmp_path / "rgba.png", transparent): False,
        saved(tmp_path / "mask.jpg", grey, quality=60): False,
        tmp_path / "voc.png": False,
    }
    for path, labels in files.items():
        assert (read_marks(path, labels=labels) == truth).mean() > 0.99, path
    assert is_clean(tmp_path / "l.png")
    assert not any(is_clean(path) for path in files if path.name != "l.png")
