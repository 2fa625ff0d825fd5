"""Small copies of pictures: made with them, completed later, and never a reason to fail."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tests.pages.made_up import picture, write_pairs
from trainer.generate.thumbnails import FOLDER, SIDE, keep_small, keep_small_mask, keep_small_pair, main


def test_small_copies_are_small_and_masks_stay_masks(tmp_path):
    image, part, mask = picture(1, 512)
    keep_small_pair(tmp_path, "00000.png", np.asarray(image), np.asarray(part), mask)
    small = Image.open(tmp_path / FOLDER / "image" / "00000.jpg")
    assert (small.format, small.size) == ("JPEG", (SIDE, SIDE))
    seen = Image.open(tmp_path / FOLDER / "mask" / "00000.png")
    assert (seen.mode, seen.size) == ("1", (SIDE, SIDE))
    assert abs(np.asarray(seen).mean() - np.asarray(mask).mean() / 255) < 0.02
    assert sum(path.stat().st_size for path in (tmp_path / FOLDER).rglob("*.*")) < 20_000


def test_a_thin_defect_does_not_vanish(tmp_path):
    mask = Image.new("L", (1024, 1024))
    mask.paste(255, (100, 100, 103, 900))
    keep_small_mask(mask, tmp_path / "m.png")
    assert np.asarray(Image.open(tmp_path / "m.png")).sum() > 100


def test_a_disk_that_takes_no_more_loses_only_the_small_copy(tmp_path):
    (tmp_path / FOLDER).write_text("a file where the folder would be")
    keep_small(picture(1)[0], tmp_path / FOLDER / "image" / "x.png")
    assert (tmp_path / FOLDER).is_file()


def test_what_an_earlier_version_did_not_make_is_completed(tmp_path, capsys):
    write_pairs(tmp_path / "pairs", 4)
    for path in (tmp_path / "pairs" / FOLDER).rglob("*.*"):
        path.unlink()
    samples, images, masks = tmp_path / "samples", tmp_path / "images", tmp_path / "masks"
    for folder in (samples, images, masks):
        folder.mkdir()
    picture(2)[0].save(samples / "step-000010.png")
    picture(3)[0].save(images / "000.png")
    picture(3)[2].save(masks / "000_mask.png")
    (images / "broken.png").write_bytes(b"\x89PNG")
    line = ["--generated", tmp_path / "pairs", "--most", "3", "--samples", samples, "--images", images]
    assert main([str(word) for word in (*line, "--masks", masks, "--output", tmp_path / "run")]) == 0
    assert sorted(path.name for path in (tmp_path / "pairs" / FOLDER).rglob("*.jpg")) == [
        *["00000.jpg"] * 2, *["00001.jpg"] * 2, *["00002.jpg"] * 2,
    ]  # fmt: skip
    assert (samples / FOLDER / "step-000010.jpg").is_file()
    assert (tmp_path / "run" / FOLDER / "real" / "000.jpg").is_file()
    assert (tmp_path / "run" / FOLDER / "real-mask" / "000.png").is_file()
    assert main(["--generated", str(tmp_path / "nowhere" / "else")]) == 0
