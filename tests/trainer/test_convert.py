"""Pickled weights become safetensors; a pickle that wants more than tensors is refused and runs nothing."""

import os
import pickle
import zipfile

import pytest
import torch
from safetensors.torch import load_file

from trainer.convert import main
from trainer.errors import TrainerError
from trainer.weights.pickled import read_pickled


class Attack:
    """What a hostile file would run."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def test_every_dtype_and_layout(tmp_path):
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state = {
        "whole": base,
        "view": base[1:3, ::2],
        "transposed": base.t(),
        "half": torch.randn(5).half(),
        "bfloat": torch.randn(3, 2).bfloat16(),
        "ids": torch.arange(7),
        "scalar": torch.tensor(2.5),
        "none": torch.empty(0, 3),
    }
    torch.save(state, tmp_path / "w.bin")
    assert main(["--source", str(tmp_path / "w.bin"), "--target", str(tmp_path / "w.safetensors")]) == 0
    back = load_file(tmp_path / "w.safetensors")
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], tensor) and back[name].dtype == tensor.dtype for name, tensor in state.items())


@pytest.mark.parametrize(("prefix", "warns"), [("", True), ("unet.", False)])
def test_lora_names_that_nothing_would_load_are_told(tmp_path, capsys, prefix, warns):
    torch.save({f"{prefix}attn1.to_q.lora_A.weight": torch.zeros(2, 3)}, tmp_path / "w.bin")
    assert main(["--source", str(tmp_path / "w.bin"), "--target", str(tmp_path / "w.safetensors")]) == 0
    assert ("lack `unet.`" in capsys.readouterr().err) == warns


def test_a_hostile_pickle_is_refused_and_runs_nothing(tmp_path, capsys):
    marker = tmp_path / "ran"
    with zipfile.ZipFile(tmp_path / "w.bin", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"x": Attack(marker)}))
    target = tmp_path / "w.safetensors"
    assert main(["--source", str(tmp_path / "w.bin"), "--target", str(target)]) == 1
    assert "which no weights need" in capsys.readouterr().err
    assert not marker.exists()
    assert not target.exists()


def test_a_view_past_the_storage_is_refused(tmp_path):
    torch.save({"x": torch.zeros(4)}, tmp_path / "w.bin")
    with zipfile.ZipFile(tmp_path / "w.bin") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "short.bin", "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data[:8] if "/data/" in name else data)
    with pytest.raises(TrainerError, match="8 bytes, not 16"):
        read_pickled(tmp_path / "short.bin")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + bytes(100)])
def test_other_files_are_named(tmp_path, content):
    (tmp_path / "w.bin").write_bytes(content)
    with pytest.raises(TrainerError, match=r"w\.bin"):
        read_pickled(tmp_path / "w.bin")


def test_an_existing_target_stays(tmp_path, capsys):
    torch.save({"x": torch.zeros(1)}, tmp_path / "w.bin")
    (tmp_path / "w.safetensors").write_bytes(b"mine")
    assert main(["--source", str(tmp_path / "w.bin"), "--target", str(tmp_path / "w.safetensors")]) == 1
    assert (tmp_path / "w.safetensors").read_bytes() == b"mine"
    assert "there already" in capsys.readouterr().err
