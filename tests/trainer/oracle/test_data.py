"""The training data against what upstream's own data set returned."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.places import ORACLE
from trainer.data.dataset import TrainingSet
from trainer.data.split import training_count

pytestmark = pytest.mark.skipif(not (ORACLE / "bcm_data.json").is_file(), reason="no oracle folder here")


def examples():
    if not (ORACLE / "bcm_data.json").is_file():
        return []
    return list(enumerate(json.loads((ORACLE / "bcm_data.json").read_text())["examples"]))


@pytest.mark.parametrize("variant", ["bcm", "dual"])
@pytest.mark.parametrize(("number", "example"), examples())
def test_items_equal_upstream_bit_for_bit(number, example, variant):
    reference = load_file(ORACLE / "bcm_data.safetensors")
    image = ORACLE / "mvtec" / example["file"]
    data = TrainingSet(
        image.parent,
        condition_dir=ORACLE / "foreground",
        resolution=example["size"],
        variant=variant,
        selection="all",
    )
    index = data.files.index(image)
    arrays = data.tensors(index, hflip=example["hflip"], vflip=example["vflip"])
    assert set(arrays) == {"image", "part"} | ({"condition"} if variant == "bcm" else set())
    for name, array in arrays.items():
        assert array.dtype == np.float32
        saved = {"part": "foreground"}.get(name, name)
        assert np.array_equal(array, reference[f"ex{number}.{saved}"]), name
    assert int((arrays["part"] != 0).any(axis=0).sum()) == example["mask_pixels"]


def test_upstream_took_as_many_files():
    selection = json.loads((ORACLE / "bcm_data.json").read_text())["selection"]
    for anomaly in ("scratch", "dent"):
        assert training_count(selection[f"{anomaly}_files"], "paper", "bcm") == selection[f"{anomaly}_used"]
