"""A mended copy of a model: the model untouched, the tensors' bytes as they were, undone without a trace."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dualano_setup.errors import RepairError
from dualano_setup.repairs.action import Workshop
from dualano_setup.repairs.actions import mended_copy
from dualano_setup.repairs.actions.mended_copy import MendedCopy, model_state
from tests.repairs.snapshot import contents, snapshot

PARTS = ("text_encoder", "unet")
TENSORS = {
    "encoder.layers.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "embeddings.token.weight": np.ones((5, 2), np.float16),
    "final_layer_norm.bias": np.zeros(3, np.float32),
    "text_projection.weight": np.ones((2, 2), np.float32),
}


@pytest.fixture
def model(tmp_path):
    root = tmp_path / "sd"
    for part in (*PARTS, ".git"):
        (root / part).mkdir(parents=True)
    save_file(TENSORS, root / "text_encoder" / "model.safetensors", metadata={"format": "pt"})
    (root / "unet" / "w.safetensors").write_bytes(b"weights")
    (root / "unet" / "w.safetensors.index.json").write_text("{}")
    (root / "model_index.json").write_text("{}")
    (root / "v1-5.ckpt").write_bytes(b"seven gigabytes")
    return root


@pytest.fixture
def workshop(tmp_path):
    folder = tmp_path / "project" / ".dualano" / "fixes" / "1" / "00"
    folder.mkdir(parents=True)
    return Workshop(folder, tmp_path / "project", say=lambda _: None)


def copy_of(model, workshop, **changes):
    fields = {
        "source": model,
        "path": workshop.project / ".dualano" / "models" / "sd",
        "parts": PARTS,
        "left_out": ("unet/w.safetensors.index.json",),
        "names": ("unet/new.json", "model_index.json"),
        "contents": (b"\xff\x00", b'{"a": 1}'),
        "prefixed": ("text_encoder/model.safetensors",),
        "prefix": "text_model.",
        "before": model_state(model, PARTS),
        "size": 1000,
        "rules": ("MODEL006",),
        "why": "",
    }
    return MendedCopy(**(fields | changes))


@pytest.mark.parametrize("links", [True, False])
def test_made_proved_and_undone(model, workshop, monkeypatch, links):
    if not links:  # another file system, or one that forbids them
        monkeypatch.setattr("pathlib.Path.hardlink_to", lambda *_: (_ for _ in ()).throw(OSError("no")))
    before, of_model = snapshot(workshop.project), snapshot(model)
    step = copy_of(model, workshop)
    step.apply(workshop)
    assert step.verify(workshop) == ""
    assert step.path.joinpath("unet/w.safetensors").samefile(model / "unet" / "w.safetensors") == links
    files = {path.relative_to(step.path).as_posix() for path in step.path.rglob("*") if path.is_file()}
    assert files == {"model_index.json", "unet/new.json", "unet/w.safetensors", "text_encoder/model.safetensors"}
    assert (step.path / "model_index.json").read_bytes() == b'{"a": 1}'
    read = load_file(step.path / "text_encoder" / "model.safetensors")
    inner = {name for name in TENSORS if name != "text_projection.weight"}
    assert set(read) == {"text_projection.weight", *(f"text_model.{name}" for name in inner)}
    assert all(np.array_equal(read[f"text_model.{name}"], TENSORS[name]) for name in inner)
    header = (step.path / "text_encoder" / "model.safetensors").read_bytes()
    length = int.from_bytes(header[:8], "little")
    assert (length % 8, json.loads(header[8 : 8 + length])["__metadata__"]) == (0, {"format": "pt"})
    assert snapshot(model) == of_model
    step.undo(workshop)
    assert snapshot(model) == of_model
    rows = contents(snapshot(workshop.project))
    assert {name for name in rows if "fixes" not in name} == {name for name in contents(before) if "fixes" not in name}


def test_what_stood_there_comes_back(model, workshop):
    step = copy_of(model, workshop)
    step.path.mkdir(parents=True)
    (step.path / "mine").write_text("mine")
    step.apply(workshop)
    assert not (step.path / "mine").exists()
    step.undo(workshop)
    assert (step.path / "mine").read_text() == "mine"


def test_a_model_that_changed_since_is_refused(model, workshop):
    step = copy_of(model, workshop)
    (model / "unet" / "more.json").write_text("{}")
    with pytest.raises(RepairError, match="has changed since the plan"):
        step.apply(workshop)
    step.undo(workshop)
    assert not step.path.exists()


def test_cut_off_in_the_middle_it_is_taken_back(model, workshop, monkeypatch):
    step = copy_of(model, workshop)

    def broken(*_):
        raise OSError("the disk went away")

    monkeypatch.setattr(mended_copy, "_write_renamed", broken)
    with pytest.raises(OSError, match="went away"):
        step.apply(workshop)
    step.undo(workshop)
    assert not step.path.parent.exists()


def test_a_copy_that_the_user_worked_in_is_not_undone(model, workshop):
    step = copy_of(model, workshop)
    step.apply(workshop)
    (step.path / "unet" / "new.json").write_text("mine")
    assert "changed since" in step.obstacle(workshop)
    with pytest.raises(RepairError):
        step.undo(workshop)
    assert (step.path / "unet" / "new.json").read_text() == "mine"


def test_what_a_later_action_made_of_a_pickle_is_no_change_of_the_users(model, workshop):
    (model / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"pickle")
    step = copy_of(model, workshop, left_out=("unet/diffusion_pytorch_model.bin",), before=model_state(model, PARTS))
    step.apply(workshop)
    (step.path / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"converted")
    assert step.obstacle(workshop) == ""
    (step.path / "unet" / "mine.safetensors").write_bytes(b"mine")
    assert "changed since" in step.obstacle(workshop)


def test_a_change_of_the_shared_bytes_loses_nothing_by_undo(model, workshop):
    step = copy_of(model, workshop)
    step.apply(workshop)
    with (model / "unet" / "w.safetensors").open("ab") as file:
        file.write(b" more")
    assert step.obstacle(workshop) == ""


@pytest.mark.parametrize(
    ("name", "data"),
    [("unet/new.json", b"x"), ("text_encoder/model.safetensors", None), ("unet/w.safetensors.index.json", b"{}")],
)
def test_a_copy_that_is_not_as_planned_is_told(model, workshop, name, data):
    step = copy_of(model, workshop)
    step.apply(workshop)
    file = step.path / name
    if data is None:  # one bit of a tensor
        whole = file.read_bytes()
        data = whole[:-1] + bytes([whole[-1] ^ 1])
    file.write_bytes(data)
    assert name in step.verify(workshop)


def test_a_full_disk_is_told_before_anything_is_written(model, workshop):
    step = copy_of(model, workshop, size=1 << 60)
    with pytest.raises(RepairError, match="make room"):
        step.apply(workshop)
    assert not step.path.parent.exists()


def test_the_plan_says_which_files_differ(model, workshop):
    said = copy_of(model, workshop).details()
    for name in ("unet/w.safetensors.index.json", "unet/new.json", "text_encoder/model.safetensors"):
        assert name in said
