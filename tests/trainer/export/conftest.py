"""Real data and generated pairs to export."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.trainer.export.exporting import SIDE
from trainer.generate.manifest import Manifest, Record
from trainer.miniature.data import write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    write_dataset(folder / "data", folder / "foreground", side=SIDE, seed=0)
    return folder / "data"


@pytest.fixture
def world(tmp_path, dataset):
    """Real data, and a folder as `generate` leaves it: three accepted pairs and a rejected one."""
    shutil.copytree(dataset, tmp_path / "data")
    generated = tmp_path / "generated"
    for folder in ("image", "fg", "mask", "rejected/image", "rejected/fg"):
        (generated / folder).mkdir(parents=True)
    generator, manifest = np.random.default_rng(0), Manifest(generated)
    for index in range(4):
        rejected = "nothing stands out" if index == 2 else None
        base, name = generated / ("rejected" if rejected else ""), f"{index:05d}.png"
        pixels = generator.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(base / "image" / name)
        Image.fromarray(pixels).save(base / "fg" / name)
        if not rejected:
            mask = np.zeros((SIDE, SIDE), np.uint8)
            mask[10:20, 5 + index : 30] = 255
            mask[0:2, 40:60] = 255
            Image.fromarray(mask).save(base / "mask" / name)
        area = 0.0 if rejected else 0.05
        manifest.add([Record(index, name, 0, "whole", "part", "ab" * 32, None, area, 0.9, rejected)])
    return tmp_path
