"""kill -9 while training, while writing a checkpoint, and at every boundary of the writing.

Whatever happens: each checkpoint of that name is complete and bit for bit what an uninterrupted run wrote, no more
than one interval is lost, and the next run goes on from the newest one. DUALANO_KILLS=50 kills fifty times.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.kills.killing import STEPS, WRITE, in_a_child, killed, trainings
from tests.trainer.runs import arguments, losses, metrics, train
from trainer.errors import TrainerError
from trainer.run_folder.checkpoints import checkpoint_folders, limit_checkpoints, open_checkpoint, save_checkpoint
from trainer.run_folder.folder import claimed
from trainer.train.resume import find_checkpoint

KILLS = int(os.environ.get("DUALANO_KILLS", "6"))
TOTAL, INTERVAL = 9, 3
OPTIONS = (
    "--max_train_steps", str(TOTAL), "--checkpointing_steps", str(INTERVAL), "--rank", "1", "--train_batch_size", "1",
)  # fmt: skip

CHECKPOINTS = ("trainer/run_folder/checkpoints.py",)
WRITING = (*CHECKPOINTS, "trainer/weights/adapter_file.py", "trainer/files/atomic.py")


def contents(folder):
    """Every tensor of a checkpoint that is complete."""
    checkpoint = open_checkpoint(folder)
    return {**checkpoint.weights(), **{f"optimizer {k}": v for k, v in checkpoint.optimizer().items()}}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that nobody kills: its checkpoints by step, its losses."""
    output = tmp_path_factory.mktemp("whole")
    assert train(output, *OPTIONS, variant="dual") == 0
    checkpoints = {step: contents(output / f"checkpoint-{step}") for step in range(INTERVAL, TOTAL + 1, INTERVAL)}
    return checkpoints, losses(output), load_file(output / "pytorch_lora_weights.safetensors")


def check_what_is_there(output, checkpoints, before):
    """What a kill left; returns the newest checkpoint's step, 0 without one."""
    steps = [open_checkpoint(folder).step for folder in checkpoint_folders(output)]
    for step in steps:
        assert same(contents(output / f"checkpoint-{step}"), checkpoints[step])
    newest = max(steps, default=0)
    file = output / "metrics.jsonl"
    done = file.read_text().count("\n") if file.exists() else 0
    assert newest >= before, "a checkpoint was lost"
    assert done - newest <= INTERVAL, "more than one interval was lost"
    return newest


@pytest.mark.timeout(600 + 60 * KILLS)
def test_killed_at_random_moments(whole, tmp_path):
    checkpoints, expected, final = whole
    chance, context = random.Random(5), trainings()
    output, log = tmp_path / "run", tmp_path / "log"
    kills, finished, newest = 0, 0, 0
    while kills < KILLS:
        wish = ["--resume_from_checkpoint", "latest" if newest else "auto"]
        event, number, delay = chance.choice([(STEPS, 1, 1.5), (WRITE, 1, 0.2), (WRITE, 2, 0.2)])
        command = arguments(output, *OPTIONS, *wish, variant="dual")
        log.write_text("")
        status = killed(context, command, event, number, chance.uniform(0, delay), log)
        said = log.read_text()
        assert f"from step {newest}" in said, said
        newest = check_what_is_there(output, checkpoints, newest)
        if status is None:
            kills += 1
            continue
        assert status == 0, said
        assert losses(output) == expected
        assert [row["step"] for row in metrics(output)] == list(range(1, TOTAL + 1))
        assert same(load_file(output / "pytorch_lora_weights.safetensors"), final)
        assert not list(output.glob(".checkpoint-partial-*"))
        shutil.rmtree(output)
        finished, newest = finished + 1, 0
    assert train(output, *OPTIONS, "--resume_from_checkpoint", "auto", variant="dual") == 0
    assert losses(output) == expected
    assert same(load_file(output / "pytorch_lora_weights.safetensors"), final)
    print(f"{kills} kills, {finished} trainings finished between them")


class Disk:
    """An output folder with a checkpoint of step 1, and the writing of step 2 (with the bin file, limited to one)."""

    def __init__(self, root):
        self.output = root / "output"
        self.old = {
            "unet.to_k_lora.0.down.weight": torch.arange(60.0).view(3, 20),
            "unet.temporal_i.weight": torch.ones(2),
        }
        self.new = {name: value + 1 for name, value in self.old.items()}

    def reset(self):
        shutil.rmtree(self.output, ignore_errors=True)
        self.save(1, self.old)

    def save(self, step, tensors):
        moments = {"adamw.exp_avg": tensors["unet.temporal_i.weight"]}
        save_checkpoint(self.output, step, weights=tensors, optimizer=moments, run={"rank": 3}, as_bin=True)

    def write(self):
        self.save(2, self.new)
        limit_checkpoints(self.output, 1, 2)

    def write_again(self):
        self.save(1, self.old)

    def holds_a_whole_one(self):
        found, notices = find_checkpoint(self.output, "latest")
        assert notices == [], "a damaged checkpoint has the name of a whole one"
        assert same(found.weights(), {1: self.old, 2: self.new}[found.step])
        assert torch.equal(found.optimizer()["adamw.exp_avg"], found.weights()["unet.temporal_i.weight"])
        return found.step


@pytest.fixture
def disk(memory_folder):
    torch.set_num_threads(1)
    return Disk(memory_folder)


def test_killed_before_every_line_of_the_writing(disk):
    steps = []
    for line in range(2000):
        disk.reset()
        status = in_a_child(disk.write, after_lines=WRITING, stop_at=line)
        steps.append(disk.holds_a_whole_one())
        with claimed(disk.output):
            assert not list(disk.output.glob(".checkpoint-partial-*"))
        if not os.WIFSIGNALED(status):
            break
    assert len(steps) > 100, "the writing takes more lines than that; the tracer does not count"
    assert steps == sorted(steps), "once written, always there"
    assert set(steps) == {1, 2}


def test_killed_inside_every_file(disk):
    """The kernel ends a process that writes past its limit: in the middle of that very write, in native code too."""
    disk.reset()
    disk.write()
    largest = max(file.stat().st_size for file in (disk.output / "checkpoint-2").iterdir())

    def write():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        disk.write()

    for limit in [*range(0, largest, max(1, largest // 40)), largest - 1]:
        disk.reset()
        status = in_a_child(write, after_lines=(), stop_at=None)
        assert os.WIFSIGNALED(status), limit
        assert disk.holds_a_whole_one() == 1


def test_a_checkpoint_that_is_written_again_is_never_half_of_each(disk):
    for line in range(2000):
        disk.reset()
        disk.save(2, disk.new)
        status = in_a_child(lambda: disk.save(2, disk.new), after_lines=CHECKPOINTS, stop_at=line)
        assert disk.holds_a_whole_one() in (1, 2)
        if not os.WIFSIGNALED(status):
            break
    assert line > 30


def test_a_folder_takes_one_training_at_a_time(tmp_path):
    with (
        claimed(tmp_path),
        pytest.raises(TrainerError, match=rf"process {os.getpid()}\) writes into"),
        claimed(tmp_path),
    ):
        pass
    with claimed(tmp_path):
        pass
