"""Squares that an import cut out are put back into their photographs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from trainer.export.__main__ import main
from trainer.generate.manifest import Manifest, Record

SIDE = 32
GOOD, BAD, OTHER = (40, 10), (5, 20), (60, 30)  # left and top of squares


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


@pytest.fixture
def cut(tmp_path):
    """Photographs of 120 x 80 pixels, squares of them as `import --crop` leaves them, and a generated pair."""
    category = tmp_path / "data/part"
    rows = []

    def add(part, name, grey, places, number):
        photograph = tmp_path / f"photographs/{part}-{number}.png"
        pixels = np.random.default_rng(sum(map(ord, photograph.name))).integers(0, grey, (80, 120, 3), np.uint8)
        save(photograph, pixels)
        for left, top in places:
            square = f"{part}/{name}_x{left}_y{top}.png"
            save(category / square, pixels[top : top + SIDE, left : left + SIDE])
            mask = None
            if part == "test/spot":
                mask = square.replace("test", "ground_truth").replace(".png", "_mask.png")
                marked = np.zeros((SIDE, SIDE), np.uint8)
                marked[4:8, 6:9] = 255
                save(category / mask, marked)
            box = [left, top, left + SIDE, top + SIDE]
            rows.append({"image": square, "mask": mask, "from": str(photograph), "masks": [], "box": box})

    for number in range(3):
        add("test/spot", f"{number:03d}", 200, [BAD, OTHER], number)
        add("train/good", f"{number:03d}", 100 + number, [GOOD], number)
    add("test/good", "009", 90, [GOOD], 9)
    (category / "import.json").write_text(json.dumps({"files": rows}))
    pair = np.full((64, 64, 3), 7, np.uint8)
    save(tmp_path / "pairs/image/00000.png", pair)
    save(tmp_path / "pairs/fg/00000.png", pair)
    marked = np.zeros((64, 64), np.uint8)
    marked[20:30, 40:50] = 255
    save(tmp_path / "pairs/mask/00000.png", marked)
    return tmp_path


def export(cut, *extra, background="001_x40_y10.png"):
    Manifest(cut / "pairs").add([Record(0, "00000.png", 0, "whole", "part", "ab" * 32, background, 0.05, 0.9, None)])
    return main([
        "--generated", str(cut / "pairs"), "--dataset", str(cut / "data"), "--category", "part", "--anomaly", "spot",
        "--format", "mvtec", "--output", str(cut / "out"), "--paste", *extra,
    ])  # fmt: skip


def test_photographs_are_exported_with_the_square_in_its_place_and_masks_at_their_size(cut):
    assert export(cut) == 0
    made = np.asarray(Image.open(cut / "out/synthetic/part/test/spot/00000.png"))
    assert made.shape == (80, 120, 3)
    left, top = GOOD
    assert (made[top + 3 : top + SIDE - 3, left + 3 : left + SIDE - 3] == 7).all()
    around = np.ones((80, 120), bool)
    around[top : top + SIDE, left : left + SIDE] = False
    photograph = np.asarray(Image.open(cut / "photographs/train/good-1.png"))
    assert (made[around] == photograph[around]).all(), "outside of the square the photograph is as it was"
    mask = np.asarray(Image.open(cut / "out/synthetic/part/ground_truth/spot/00000_mask.png"))
    expected = np.zeros((80, 120), np.uint8)
    expected[top + 10 : top + 15, left + 20 : left + 25] = 255
    assert (mask == expected).all()
    real = cut / "out/real/part"
    assert [path.name for path in (real / "train/good").iterdir()] != []
    for path in (real / "test/spot").iterdir():
        assert Image.open(path).size == (120, 80)
        marked = np.asarray(Image.open(real / f"ground_truth/spot/{path.stem}_mask.png"))
        places = {(int(y), int(x)) for y, x in zip(*np.nonzero(marked), strict=True)}
        assert places == {
            (square[1] + y, square[0] + x) for square in (BAD, OTHER) for y in range(4, 8) for x in range(6, 9)
        }
    assert len(list((real / "test/spot").iterdir())) == 2, "the photograph whose square trained is not tested on"
    assert json.loads((cut / "out/export.json").read_text())["pasted"] is True
    assert sorted(path.name for path in cut.iterdir()) == ["data", "out", "pairs", "photographs"]


def test_without_a_background_there_is_no_place(cut, capsys):
    assert export(cut, background=None) == 1
    assert "its place is not known" in capsys.readouterr().err
    assert not (cut / "out").exists()


def test_data_that_nothing_was_cut_from_are_told(cut, capsys):
    (cut / "data/part/import.json").unlink()
    assert export(cut) == 1
    assert "import --crop" in capsys.readouterr().err


def test_a_photograph_that_changed_is_told(cut, capsys):
    save(cut / "photographs/train/good-1.png", np.zeros((20, 20, 3)))
    assert export(cut) == 1
    assert "has changed since the import" in capsys.readouterr().err
