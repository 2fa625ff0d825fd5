"""`trainer.sheet`: accepted pairs first, each beside a real image, or a sentence when there is nothing to show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from trainer.generate.manifest import Manifest, Record, pair_files
from trainer.sheet import main

BASE = Record(0, "000000.png", 3, "a vfx with sks", "sks", "0" * 64, None, 0.1, 0.9, None)


def fill(folder, count, rejected=()):
    """Pairs whose image, part and mask have a level of their own."""
    records = []
    for index in range(count):
        record = replace(BASE, index=index, file=f"{index:06d}.png", rejected="nothing" if index in rejected else None)
        for number, path in enumerate(pair_files(folder, record)):
            path.parent.mkdir(parents=True, exist_ok=True)
            if number < 2 or not record.rejected:
                Image.new("RGB", (128, 128), (10 * index + number, 5, 5)).save(path)
        records.append(record)
    Manifest(folder).add(records)


def shown(sheet):
    """The red levels of whole cells, row by row."""
    pixels = np.asarray(sheet)
    levels, counts = np.unique(pixels[(pixels[..., 1:] == 5).all(-1)][:, 0], return_counts=True)
    return {int(level): int(count) // 128**2 for level, count in zip(levels, counts, strict=True)}


def test_accepted_pairs_come_first_beside_real_images(tmp_path, capsys):
    fill(tmp_path / "made", 4, rejected={0})
    (tmp_path / "real").mkdir()
    for index in range(2):
        Image.new("RGB", (256, 256), (200 + index, 5, 5)).save(tmp_path / "real" / f"{index}.png")
    sheet = tmp_path / "new" / "sheet.png"
    command = ["--generated", str(tmp_path / "made"), "--real", str(tmp_path / "real"), "--output", str(sheet)]
    assert main([*command, "--rows", "3"]) == 0
    assert str(sheet) in capsys.readouterr().out
    assert shown(Image.open(sheet)) == {200: 2, 201: 1} | {10 * i + n: 1 for i in (1, 2, 3) for n in range(3)}
    assert main(command) == 0
    assert shown(Image.open(sheet)) == {200: 2, 201: 2, 0: 1, 1: 1} | {
        10 * i + n: 1 for i in (1, 2, 3) for n in range(3)
    }


def test_nothing_to_show_is_said(tmp_path, capsys):
    (tmp_path / "made").mkdir()
    (tmp_path / "real").mkdir()
    command = ["--generated", str(tmp_path / "made"), "--real", str(tmp_path / "real"), "--output", str(tmp_path / "s")]
    assert main(command) == 1
    assert "No images in" in capsys.readouterr().err
    Image.new("RGB", (8, 8)).save(tmp_path / "real" / "0.png")
    assert main(command) == 1
    assert "no pairs in" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()
