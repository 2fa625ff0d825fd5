"""Weight files: upstream's own are read, damaged and dangerous ones refused."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file

from tests.places import ORACLE
from tests.trainer.oracle.oracle import build, needs_oracle
from trainer.errors import TrainerError
from trainer.optim.flat_parameters import AdapterParameters
from trainer.weights.adapter_file import read_weights, write_weights


@needs_oracle
@pytest.mark.parametrize(("variant", "folder"), [("bcm", "bcm_3_steps"), ("dual", "dual_2_steps")])
def test_reads_what_upstream_wrote(variant, folder, tmp_path):
    root = ORACLE / "upstream_checkpoints"
    weights = read_weights(root / folder)
    listed = json.loads((root / f"{variant}_keys.json").read_text())
    names = listed if isinstance(listed, dict) else {row["key"] if "key" in row else row["name"] for row in listed}
    assert (weights.variant, weights.rank, weights.text_encoder) == (variant, 4, True)
    assert set(weights.tensors) == set(names)


@needs_oracle
@pytest.mark.parametrize("variant", ["bcm", "dual"])
def test_what_is_loaded_is_what_is_written(variant, tmp_path):
    *_, parameters, _ = build(variant, with_text=True)
    original = load_file(ORACLE / f"{variant}_adapters.safetensors")
    for as_bin in (False, True):
        file = write_weights(tmp_path, parameters.tensors(), as_bin=as_bin)
        read = read_weights(file).tensors
        assert read.keys() == original.keys()
        assert all(torch.equal(read[name], original[name]) for name in original)
    assert list(torch.load(tmp_path / "pytorch_lora_weights.bin", weights_only=True)) == parameters.names()


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    trap = tmp_path / "ran"

    class Attack:
        def __reduce__(self):
            return (open, (str(trap), "w"))

    file = tmp_path / "pytorch_lora_weights.bin"
    file.write_bytes(pickle.dumps({"unet.x": Attack()}))
    with pytest.raises(TrainerError, match="holds code"):
        read_weights(tmp_path)
    assert not trap.exists()


@pytest.mark.parametrize("name", ["pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin"])
def test_a_damaged_file_is_one_message(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x00\x01garbage")
    with pytest.raises(TrainerError, match=name):
        read_weights(tmp_path)


def test_other_weights_are_refused(tmp_path):
    write_weights(tmp_path, {"unet.something.weight": torch.zeros(2)})
    with pytest.raises(TrainerError, match="not DualAnoDiff's"):
        read_weights(tmp_path)


def test_names_without_the_network_they_belong_to_are_refused_in_words(tmp_path):
    name = "mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_k_lora.down.weight"
    write_weights(tmp_path, {name: torch.zeros(4, 8), f"unet.{name}": torch.zeros(4, 8)})
    with pytest.raises(TrainerError, match=r"1 of its 2 names lack `unet\.`") as told:
        read_weights(tmp_path)
    assert f"`{name}`" in str(told.value)


def test_an_empty_folder_says_what_it_looked_for(tmp_path):
    with pytest.raises(TrainerError, match=r"pytorch_lora_weights\.safetensors"):
        read_weights(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    file = write_weights(tmp_path, {"a": torch.ones(1)})
    before = file.read_bytes()
    shared = torch.ones(4)
    with pytest.raises(TrainerError):
        write_weights(tmp_path, {"a": shared, "b": shared})  # safetensors refuses shared memory
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@needs_oracle
def test_weights_of_another_shape_are_named(tmp_path):
    model, *_ = build("dual", with_text=False)
    values = {k: v for k, v in load_file(ORACLE / "dual_adapters.safetensors").items() if k.startswith("unet.")}
    name = next(iter(values))
    with pytest.raises(TrainerError, match="1 of 896 tensors missing"):
        AdapterParameters(model.adapters, {k: v for k, v in values.items() if k != name}, device=torch.device("cpu"))
    values[name] = values[name][:-1]
    with pytest.raises(TrainerError, match="has shape"):
        AdapterParameters(model.adapters, values, device=torch.device("cpu"))
