"""Decisions on pairs: in the manifest at once, honoured by exports, taken back; nothing is lost on the way."""

from __future__ import annotations

import fcntl
import json

import numpy as np
import pytest
from PIL import Image

from dualano_setup.errors import WorkError
from dualano_setup.pages import review as module
from dualano_setup.pages.review import Painted, Review
from tests.pages.made_up import write_pairs
from trainer.generate.manifest import Manifest, pair_files


@pytest.fixture
def folder(tmp_path):
    write_pairs(tmp_path, 6, side=20)
    return tmp_path


def accepted(folder) -> list[int]:
    """What the trainer's exports take."""
    return [record.index for record in Manifest(folder).accepted()]


def painted(on: set[tuple[int, int]], side: int = 20) -> Painted:
    pixels = np.zeros((side, side), np.uint8)
    for x, y in on:
        pixels[y, x] = 1
    return Painted(side, side, np.packbits(pixels, axis=1).tobytes())


def test_a_verdict_wins_over_the_measure_and_is_taken_back(folder):
    before, review = (folder / "manifest.jsonl").read_bytes(), Review(folder)
    assert accepted(folder) == [0, 1, 2, 3, 5]
    review.decide(0, "rejected")
    review.decide(1, "accepted")
    assert accepted(folder) == [1, 2, 3, 5]
    assert [pair.index for pair in review.pairs() if pair.verdict] == [0, 1]
    assert [review.undo(), review.undo(), review.undo()] == [1, 0, None]
    assert accepted(folder) == [0, 1, 2, 3, 5]
    rows = [json.loads(line) for line in before.splitlines()]
    assert [json.loads(line) for line in (folder / "manifest.jsonl").open()] == rows


def test_a_rejected_pair_needs_a_mask_first(folder):
    review = Review(folder)
    with pytest.raises(WorkError, match="paint one first"):
        review.decide(4, "accepted")
    review.paint(4, painted({(3, 5), (4, 5)}))
    review.decide(4, "accepted")
    assert accepted(folder) == [0, 1, 2, 3, 4, 5]
    mask = pair_files(folder, Manifest(folder).records[4])[2]
    seen = np.asarray(Image.open(mask))
    assert seen.shape == (20, 20)
    assert sorted(map(tuple, np.argwhere(seen == 255).tolist())) == [(5, 3), (5, 4)]
    assert int((seen == 255).sum() + (seen == 0).sum()) == 400


def test_painting_keeps_the_old_mask(folder):
    review, old = Review(folder), (folder / "mask" / "00000.png").read_bytes()
    review.paint(0, painted({(0, 0)}))
    review.paint(0, painted({(19, 19)}))
    assert (folder / "mask" / "00000.png").read_bytes() == old
    assert Manifest(folder).records[0].review["mask"] == "review/0-2.png"
    review.undo()
    assert Manifest(folder).records[0].review["mask"] == "review/0-1.png"
    review.undo()
    assert Manifest(folder).records[0].review is None


@pytest.mark.parametrize(
    ("mask", "why"),
    [
        (painted(set()), "empty"),
        (painted({(0, 0)}, side=16), "16 x 16 pixels, its image 20 x 20"),
        (Painted(20, 20, b"\xff"), "incomplete"),
    ],
)
def test_a_bad_mask_is_refused_and_nothing_written(folder, mask, why):
    before = (folder / "manifest.jsonl").read_bytes()
    with pytest.raises(WorkError, match=why):
        Review(folder).paint(0, mask)
    assert (folder / "manifest.jsonl").read_bytes() == before
    assert Review(folder).decisions() == 0


def test_other_lines_stay_as_they_are(folder):
    """Fields of later versions, a torn last line: kept byte for byte."""
    manifest = folder / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines()
    strange = json.dumps(json.loads(lines[1]) | {"later": [1, {"x": None}]}).encode().replace(b": ", b":   ")
    manifest.write_bytes(b"\n".join([lines[0], strange, *lines[2:], b'{"index": 77, "fi']))
    Review(folder).decide(0, "rejected")
    after = manifest.read_bytes().split(b"\n")
    assert after[1] == strange
    assert after[-1] == b'{"index": 77, "fi'
    Review(folder).decide(1, "rejected")
    assert json.loads(manifest.read_bytes().split(b"\n")[1])["later"] == [1, {"x": None}]


def test_while_pairs_are_generated_nothing_is_decided(folder, monkeypatch):
    monkeypatch.setattr(module, "_WAIT_SECONDS", 0.1)
    with (folder / ".training-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(WorkError, match="being generated"):
            Review(folder).decide(0, "rejected")
    Review(folder).decide(0, "rejected")


def test_a_disk_that_fails_leaves_the_manifest_whole(folder, monkeypatch):
    before = (folder / "manifest.jsonl").read_bytes()

    def full(path, *_rest):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(module, "write_synced", full)
    with pytest.raises(WorkError, match="No space left"):
        Review(folder).decide(0, "rejected")
    assert (folder / "manifest.jsonl").read_bytes() == before


@pytest.mark.parametrize("mask", ["../secret.png", "/etc/passwd", "review/../../x.png", 7])
def test_a_manifest_cannot_name_a_mask_elsewhere(folder, mask):
    manifest = folder / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.open()]
    rows[0]["review"] = {"verdict": "accepted", "mask": mask}
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert Review(folder).pairs()[0].files(folder)["mask"] == folder / "mask" / "00000.png"
    with pytest.raises(Exception, match="is not a record"):
        Manifest(folder)
