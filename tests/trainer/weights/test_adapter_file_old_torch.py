"""On a torch whose `weights_only` can be made to run code, `.bin` files go through the reader that runs nothing."""

from __future__ import annotations

import os
import pickle

import pytest
import torch

from trainer.errors import TrainerError
from trainer.weights import adapter_file as checkpoint


@pytest.mark.parametrize(
    ("version", "safe"), [("2.2.0+cu118", False), ("2.5.1", False), ("2.6.0", True), ("2.13.0+cpu", True)]
)
def test_which_torch_is_trusted(version, safe):
    assert checkpoint._loads_safely(version) is safe


def test_an_old_torch_reads_bin_without_its_own_loader(tmp_path, monkeypatch):
    tensors = {"unet.a.lora_A.weight": torch.arange(6.0).reshape(2, 3)}
    file = checkpoint.write_weights(tmp_path, tensors, as_bin=True)
    monkeypatch.setattr(torch, "__version__", "2.2.0")
    monkeypatch.setattr(torch, "load", None)
    read = checkpoint._read_tensors(file)
    assert torch.equal(read["unet.a.lora_A.weight"], tensors["unet.a.lora_A.weight"])


class _Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("version", ["2.2.0", torch.__version__])
def test_a_pickle_that_would_run_code_is_refused(tmp_path, monkeypatch, version):
    file = tmp_path / "weights.bin"
    torch.save({"a": _Evil(str(tmp_path / "owned"))}, file)
    monkeypatch.setattr(torch, "__version__", version)
    with pytest.raises(TrainerError):
        checkpoint._read_tensors(file)
    file.write_bytes(pickle.dumps(_Evil(str(tmp_path / "owned"))))
    with pytest.raises(TrainerError):
        checkpoint._read_tensors(file)
    assert not (tmp_path / "owned").exists()
