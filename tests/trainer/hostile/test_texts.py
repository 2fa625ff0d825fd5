"""What stands where the trainer reads text: never waited for, never held whole, one message."""

from __future__ import annotations

import json
import os
import pickle
import resource
import zipfile
from collections import OrderedDict

import pytest
import torch

from tests.hostile.files import gigabyte, loop, nested, zeros
from trainer.errors import TrainerError
from trainer.export.source import _variant, read_training_list
from trainer.files.lock import LOCK_NAME
from trainer.generate.manifest import MANIFEST, SETTINGS, Manifest, Record, check_settings
from trainer.run_folder.checkpoints import STATE_NAME, read_header
from trainer.run_folder.folder import claimed
from trainer.run_folder.metrics import METRICS_NAME, Reporter
from trainer.weights.pickled import read_pickled

ROW = {"index": 0, "file": "0.png", "seed": 1, "prompt": "p", "prompt_fg": "f", "weights": "w", "background": None,
       "mask_area": 0.5, "quality": None, "rejected": None}  # fmt: skip


def too_much(path):
    path.write_text('{"step": 1e999, "files": {}, "run": {}}\n')


FORMS = pytest.mark.parametrize("form", [gigabyte, os.mkfifo, loop, zeros, os.mkdir, nested, too_much])


@pytest.fixture(autouse=True)
def peak():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


@FORMS
def test_a_checkpoints_state(tmp_path, form):
    form(tmp_path / STATE_NAME)
    with pytest.raises(TrainerError, match="not a checkpoint of this trainer"):
        read_header(tmp_path)


@FORMS
def test_a_manifest(tmp_path, form):
    form(tmp_path / MANIFEST)
    with pytest.raises(TrainerError, match=r"manifest cannot be read|line 1 is not a record"):
        Manifest(tmp_path)


@FORMS
def test_the_settings_beside_a_manifest(tmp_path, form):
    """A pipe, a device or a link in its place is no file of an earlier run: one is put there, or the folder refused."""
    form(tmp_path / SETTINGS)
    assert _variant(tmp_path) == "bcm"
    if form in (os.mkfifo, loop, zeros):
        check_settings(tmp_path, {"seed": 1})
        assert json.loads((tmp_path / SETTINGS).read_text()) == {"seed": 1}
        return
    with pytest.raises(TrainerError):
        check_settings(tmp_path, {"seed": 1})


@FORMS
@pytest.mark.parametrize("name", ["trainer_state.json", "list.txt"])
def test_a_list_of_training_images(tmp_path, form, name):
    form(tmp_path / name)
    with pytest.raises(TrainerError, match=r"not a list of training images|which .* does not hold"):
        read_training_list(tmp_path / name, tmp_path)


@FORMS
def test_metrics(tmp_path, form):
    form(tmp_path / METRICS_NAME)
    if form in (nested, too_much):  # lines of no step up to this one: dropped
        _reporter(tmp_path).close()
        assert (tmp_path / METRICS_NAME).read_text() == ""
        return
    with pytest.raises(TrainerError, match="cannot be gone on with"):
        _reporter(tmp_path)


def test_metrics_are_cut_at_the_step(tmp_path):
    rows = [json.dumps({"step": step}) + "\n" for step in range(1, 9)]
    file = tmp_path / METRICS_NAME
    file.write_text("".join(rows) + '{"step": 3')
    _reporter(tmp_path, start=4).close()
    assert file.read_text() == "".join(rows[:4])
    before = file.stat().st_ino
    _reporter(tmp_path, start=4).close()
    assert file.stat().st_ino == before  # nothing to drop: not written anew


def _reporter(folder, start=5):
    return Reporter(folder, start=start, total=9, board=None, active=True)


@pytest.mark.parametrize(
    "change",
    [{"file": "../../secret.png"}, {"file": "/etc/passwd"}, {"file": ""}, {"file": ".."}, {"file": 3},
     {"index": "0"}, {"index": True},
     {"mask_area": "x"}, {"rejected": []}, {"file": "a\0b"}, {"weights": None}],
)  # fmt: skip
def test_a_record_that_leads_away_or_is_of_another_kind_is_none(tmp_path, change):
    (tmp_path / MANIFEST).write_text(json.dumps(ROW) + "\n" + json.dumps(ROW | change) + "\n")
    with pytest.raises(TrainerError, match="line 2 is not a record"):
        Manifest(tmp_path)


def test_a_line_cut_off_within_a_character_is_dropped(tmp_path):
    whole = json.dumps(ROW, ensure_ascii=False) + "\n"
    torn = json.dumps(ROW | {"index": 1, "prompt": "螺絲"}, ensure_ascii=False).encode()
    (tmp_path / MANIFEST).write_bytes(whole.encode() + torn[: torn.index("螺".encode()) + 1])
    assert list(Manifest(tmp_path).records) == [0]
    assert (tmp_path / MANIFEST).read_text() == whole


def test_a_message_steers_no_terminal(tmp_path):
    with pytest.raises(TrainerError) as told:
        read_header(tmp_path / "evil\x1b]0;owned\x07")
    assert r"evil\x1b]0;owned\x07" in str(told.value)


class _Tensor:
    """Pickles as a tensor of that shape, in the one storage of the file."""

    def __init__(self, size, stride, count=4):
        self.size, self.stride, self.count = size, stride, count

    def __reduce__(self):
        storage = _Storage(self.count)
        return torch._utils._rebuild_tensor_v2, (storage, 0, self.size, self.stride, False, OrderedDict())


class _Storage:
    def __init__(self, count):
        self.count = count


class _Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return ("storage", torch.FloatStorage, "0", "cpu", value.count) if isinstance(value, _Storage) else None


def _archive(path, state, count=4):
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("a/data.pkl", "w") as stream:
            _Pickler(stream, protocol=2).dump(state)
        archive.writestr("a/data/0", bytes(4 * count))


def test_a_tensor_that_repeats_its_storage_is_not_unfolded(tmp_path):
    _archive(tmp_path / "w.bin", {"ok": _Tensor((2, 2), (2, 1))})
    assert read_pickled(tmp_path / "w.bin")["ok"].shape == (2, 2)
    _archive(tmp_path / "w.bin", {"bomb": _Tensor((1 << 20, 1 << 20), (0, 0))})
    with pytest.raises(TrainerError, match="in a storage of 4 numbers"):
        read_pickled(tmp_path / "w.bin")


def test_names_that_share_their_numbers_are_not_written_out(tmp_path):
    many = {str(number): _Tensor((1 << 20,), (1,), 1 << 20) for number in range(6)}
    _archive(tmp_path / "w.bin", many, 1 << 20)
    with pytest.raises(TrainerError, match="share their numbers"):
        read_pickled(tmp_path / "w.bin")
    _archive(tmp_path / "w.bin", {name: many[name] for name in "012"}, 1 << 20)
    assert len(read_pickled(tmp_path / "w.bin")) == 3


def test_a_pipe_as_weights_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "w.bin")
    with pytest.raises(TrainerError, match="not a regular file"):
        read_pickled(tmp_path / "w.bin")


@pytest.mark.parametrize("target", ["mine", "nothing"])
def test_no_link_is_written_through(tmp_path, target):
    """A stranger's output folder must not lead a training into somebody's own files."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "mine").write_text("mine")
    output = tmp_path / "output"
    output.mkdir()
    for name in (METRICS_NAME, MANIFEST, LOCK_NAME):
        (output / name).symlink_to(home / target)
    with pytest.raises(TrainerError), claimed(output):
        pass
    if target == "nothing":
        with pytest.raises(TrainerError, match="cannot be gone on with"):
            _reporter(output)
        manifest = Manifest(output)
        with pytest.raises(TrainerError, match="Cannot write"):
            manifest.add([Record(**ROW)])
    else:
        _reporter(output).close()  # a text of no steps: a file of its own takes the link's place
    assert [path.name for path in home.iterdir()] == ["mine"]
    assert (home / "mine").read_text() == "mine"
