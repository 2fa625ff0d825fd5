"""Whole training runs: outputs, repeatability, exact resume, interruption, divergence."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest
import torch

from tests.trainer.runs import arguments, instance_dir, losses, metrics, train
from trainer.__main__ import main
from trainer.cli import interrupt
from trainer.optim.adamw import AdapterOptimizer
from trainer.run_folder import checkpoints as state
from trainer.run_folder.checkpoints import open_checkpoint
from trainer.train.resume import find_checkpoint
from trainer.weights.adapter_file import read_weights


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Six steps without a break."""
    output = tmp_path_factory.mktemp("whole")
    options = ("--max_train_steps", "6", "--checkpointing_steps", "3", "--train_text_encoder", "--save_bin")
    assert train(output, *options) == 0
    return output


def same_weights(first, second):
    a, b = read_weights(first).tensors, read_weights(second).tensors
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_metrics_have_one_object_a_step(whole):
    lines = metrics(whole)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    for line in lines:
        assert set(line) >= {"loss", "lr", "grad_norm", "seconds", "samples_per_second", "gpu_memory_gib"}
        assert line["loss"] > 0
        assert line["grad_norm"] > 0
        assert 0 < line["seconds"] < 60
        assert line["lr"] == 1e-3


def test_both_formats_hold_the_same_weights(whole):
    assert same_weights(whole / "pytorch_lora_weights.safetensors", whole / "pytorch_lora_weights.bin")


def test_weights_file_says_what_it_is(whole):
    weights = read_weights(whole)
    assert (weights.variant, weights.rank, weights.text_encoder) == ("bcm", 2, True)


def test_training_lowers_the_loss_and_moves_every_trained_tensor(whole):
    start = read_weights(whole / "checkpoint-3").tensors
    end = read_weights(whole).tensors
    unmoved = {name for name in end if torch.equal(start[name], end[name])}
    assert {name.split(".processor.")[1].split(".")[0] for name in unmoved} == {
        "temporal_a",
        "temporal_condition_mlp",
    }
    assert all("attn2" in name for name in unmoved)


def test_same_seed_same_run_and_other_seed_another(whole, tmp_path):
    options = ("--max_train_steps", "2", "--train_text_encoder")
    assert train(tmp_path / "a", *options) == 0
    assert losses(tmp_path / "a") == losses(whole)[:2]
    assert train(tmp_path / "b", *options, "--seed", "8") == 0
    assert losses(tmp_path / "b") != losses(whole)[:2]


def test_resume_is_exact(whole, tmp_path):
    common = ("--checkpointing_steps", "3", "--train_text_encoder")
    assert train(tmp_path, *common, "--max_train_steps", "3") == 0
    assert train(tmp_path, *common, "--max_train_steps", "6", "--resume_from_checkpoint", "latest") == 0
    assert losses(tmp_path) == losses(whole)
    assert same_weights(tmp_path, whole)


def test_resume_passes_over_a_damaged_checkpoint_and_says_so(whole, tmp_path, capsys):
    common = ("--checkpointing_steps", "2", "--train_text_encoder")
    assert train(tmp_path, *common, "--max_train_steps", "4") == 0
    victim = tmp_path / "checkpoint-4" / "optimizer.safetensors"
    victim.write_bytes(victim.read_bytes()[:-1])
    capsys.readouterr()
    assert train(tmp_path, *common, "--max_train_steps", "6", "--resume_from_checkpoint", "latest") == 0
    said = capsys.readouterr().err
    assert "checkpoint-4 is damaged" in said
    assert "from step 2" in said
    assert losses(tmp_path) == losses(whole)


def test_latest_without_a_checkpoint_is_an_error_not_step_0(tmp_path, capsys):
    assert train(tmp_path, "--max_train_steps", "1", "--resume_from_checkpoint", "latest") == 1
    assert "Nothing to resume from" in capsys.readouterr().err
    assert not (tmp_path / "metrics.jsonl").exists()


def test_auto_starts_where_there_is_nothing(tmp_path, capsys):
    assert train(tmp_path, "--max_train_steps", "1", "--resume_from_checkpoint", "auto") == 0
    assert "starting from step 0" in capsys.readouterr().err


def test_a_run_killed_before_its_last_file_writes_it_when_resumed(whole, tmp_path, capsys):
    options = ("--checkpointing_steps", "3", "--train_text_encoder", "--max_train_steps", "3")
    assert train(tmp_path, *options) == 0
    (tmp_path / "pytorch_lora_weights.safetensors").unlink()
    assert train(tmp_path, *options, "--resume_from_checkpoint", "latest") == 0
    assert "Nothing left to do" in capsys.readouterr().err
    assert same_weights(tmp_path, whole / "checkpoint-3")


def test_a_new_run_never_mixes_with_another_runs_checkpoints(tmp_path, capsys):
    options = ("--max_train_steps", "2", "--checkpointing_steps", "2")
    assert train(tmp_path, *options) == 0
    assert train(tmp_path, *options, "--seed", "8") == 1
    assert "seed was 7, now 8" in capsys.readouterr().err
    assert len(metrics(tmp_path)) == 2
    assert train(tmp_path, *options) == 0  # the very same run may be repeated


def test_another_rank_cannot_resume(whole, capsys):
    options = ("--train_text_encoder", "--max_train_steps", "9", "--resume_from_checkpoint", "latest")
    assert train(whole, *options, "--rank", "3") == 1
    assert "rank was 2, now 3" in capsys.readouterr().err


def test_old_checkpoints_are_removed(tmp_path):
    options = ("--max_train_steps", "3", "--checkpointing_steps", "1", "--checkpoints_total_limit", "2")
    (tmp_path / ".checkpoint-partial-abc").mkdir()
    assert train(tmp_path, *options) == 0
    names = sorted(path.name for path in tmp_path.iterdir() if "checkpoint" in path.name)
    assert names == ["checkpoint-2", "checkpoint-3"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGUSR1, 138)])
def test_signal_writes_a_checkpoint_and_ends(tmp_path, number, status):
    def send():
        file = tmp_path / "metrics.jsonl"
        while not (file.exists() and file.read_text().count("\n") >= 2):
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    assert train(tmp_path, "--max_train_steps", "100000", variant="dual") == status
    sender.join(timeout=5)
    done = metrics(tmp_path)[-1]["step"]
    assert open_checkpoint(tmp_path / f"checkpoint-{done}").step == done
    assert not (tmp_path / "pytorch_lora_weights.safetensors").exists()


def test_a_warning_while_the_model_loads_is_kept_for_the_first_step(tmp_path, monkeypatch):
    real = interrupt.Interrupt.__enter__

    def warned_first(self):
        os.kill(os.getpid(), signal.SIGUSR2)  # before the loop listens
        return real(self)

    monkeypatch.setattr(interrupt.Interrupt, "__enter__", warned_first)
    assert train(tmp_path, "--max_train_steps", "100000", variant="dual") == 140
    assert open_checkpoint(tmp_path / "checkpoint-1").step == 1


def test_a_launch_that_is_none_is_one_message(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert train(tmp_path, "--max_train_steps", "1") == 1
    said = capsys.readouterr().err
    assert "LOCAL_RANK=0" in said
    assert "unset LOCAL_RANK" in said
    assert "Traceback" not in said


def test_divergence_stops_with_the_reason_and_keeps_checkpoints(tmp_path, capsys):
    options = ("--max_train_steps", "40", "--learning_rate", "1e30", "--checkpointing_steps", "1")
    assert train(tmp_path, *options) == 1
    said = capsys.readouterr().err
    assert "not finite" in said
    assert "--learning_rate" in said
    assert not (tmp_path / "pytorch_lora_weights.safetensors").exists()
    assert open_checkpoint(tmp_path / "checkpoint-1").step == 1


def test_accumulated_passes_equal_one_batch(tmp_path):
    options = ("--max_train_steps", "3", "--adam_epsilon", "1e-3")
    assert train(tmp_path / "one", *options, "--train_batch_size", "2") == 0
    cut = ("--train_batch_size", "1", "--gradient_accumulation_steps", "2")
    assert train(tmp_path / "cut", *options, *cut) == 0
    rounding = 1e-4 if torch.cuda.is_available() else 1e-5  # a GPU's convolutions are in TF32
    assert losses(tmp_path / "cut") == pytest.approx(losses(tmp_path / "one"), rel=rounding)
    one, cut = read_weights(tmp_path / "one").tensors, read_weights(tmp_path / "cut").tensors
    for name, value in one.items():
        torch.testing.assert_close(cut[name], value, atol=2e-5, rtol=1e-4, msg=name)


def test_checkpointing_and_live_encoding_do_not_change_the_run(tmp_path):
    options = ("--max_train_steps", "2")
    assert train(tmp_path / "plain", *options) == 0
    assert train(tmp_path / "lean", *options, "--gradient_checkpointing", "--no-cache_latents") == 0
    assert losses(tmp_path / "lean") == pytest.approx(losses(tmp_path / "plain"), rel=1e-6)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_low_precision_follows_float32(tmp_path, precision):
    options = ("--max_train_steps", "3", "--train_text_encoder")
    assert train(tmp_path / "full", *options) == 0
    assert train(tmp_path / "low", *options, "--mixed_precision", precision) == 0
    assert losses(tmp_path / "low") == pytest.approx(losses(tmp_path / "full"), rel=0.02)
    stored = read_weights(tmp_path / "low").tensors
    assert all(value.dtype == torch.float32 for value in stored.values())


def test_initial_weights_begin_at_step_0(whole, tmp_path):
    options = ("--train_text_encoder", "--max_train_steps", "1", "--learning_rate", "0")
    file = str(whole / "pytorch_lora_weights.bin")
    assert train(tmp_path, *options, "--initial_weights", file) == 0
    assert same_weights(tmp_path, whole)
    assert [line["step"] for line in metrics(tmp_path)] == [1]


def test_faithful_epochs_end_with_a_short_batch(tmp_path):
    assert train(tmp_path, "--max_train_steps", "2", "--faithful", variant="dual") == 0
    state = json.loads((tmp_path / "checkpoint-2" / "trainer_state.json").read_text())
    assert state["run"]["faithful"] is True


def test_float16s_scale_is_neither_taken_from_nor_given_to_another_precision(tmp_path):
    half, go_on = ("--mixed_precision", "fp16"), ("--resume_from_checkpoint", "latest")
    assert train(tmp_path, "--max_train_steps", "1") == 0
    assert train(tmp_path, "--max_train_steps", "2", *go_on, *half) == 0
    assert train(tmp_path, "--max_train_steps", "3", *go_on) == 0
    assert [line["loss_scale"] for line in metrics(tmp_path)] == [1.0, 65536.0, 1.0]


def test_images_of_the_same_name_of_another_anomaly_are_another_run(tmp_path, capsys):
    other = sorted(path for path in instance_dir().parent.glob("*") if path.name not in ("good", instance_dir().name))[
        0
    ]
    assert train(tmp_path, "--max_train_steps", "1") == 0
    line = arguments(tmp_path, "--max_train_steps", "1")
    line[line.index("--instance_data_dir") + 1] = str(other)
    assert main(line) == 1
    said = capsys.readouterr().err
    assert "belongs to another run" in said
    assert f"{other.name}/" in said


def test_a_damaged_state_file_is_passed_over_too(tmp_path, capsys):
    assert train(tmp_path, "--max_train_steps", "2", "--checkpointing_steps", "1") == 0
    (tmp_path / "checkpoint-2" / "trainer_state.json").write_bytes(b"")
    assert train(tmp_path, "--max_train_steps", "2", "--resume_from_checkpoint", "latest") == 0
    assert "checkpoint-2" in capsys.readouterr().err
    assert open_checkpoint(tmp_path / "checkpoint-2").step == 2


def test_weights_in_the_other_format_do_not_outlive_a_run(tmp_path):
    assert train(tmp_path, "--max_train_steps", "1") == 0
    assert (
        train(tmp_path, "--max_train_steps", "2", "--resume_from_checkpoint", "latest", "--output_format", "bin") == 0
    )
    assert [path.name for path in tmp_path.glob("pytorch_lora_weights.*")] == ["pytorch_lora_weights.bin"]


def test_weights_that_are_not_finite_are_not_written(tmp_path, capsys, monkeypatch):
    step = AdapterOptimizer.step

    def breaks(self, rate):
        norm = step(self, rate)
        self._parameters.master.data[0] = float("nan")
        return norm

    monkeypatch.setattr(AdapterOptimizer, "step", breaks)
    assert train(tmp_path, "--max_train_steps", "1") == 1
    assert "weights are not finite" in capsys.readouterr().err
    assert not list(tmp_path.glob("checkpoint-*"))
    assert not list(tmp_path.glob("pytorch_lora_weights.*"))


def test_a_full_disk_is_told_and_leaves_the_checkpoints(tmp_path, capsys, monkeypatch):
    class Full:
        def write(self, _text):
            raise OSError(28, "No space left on device")

        def close(self):
            raise OSError(28, "No space left on device")

    assert train(tmp_path, "--max_train_steps", "1") == 0
    monkeypatch.setattr("trainer.run_folder.metrics.append_to", lambda _path: Full())
    assert train(tmp_path, "--max_train_steps", "2", "--resume_from_checkpoint", "latest") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert open_checkpoint(tmp_path / "checkpoint-1").step == 1


def test_a_checkpoint_that_cannot_be_read_is_passed_over(tmp_path, capsys, monkeypatch):
    assert train(tmp_path, "--max_train_steps", "2", "--checkpointing_steps", "1") == 0
    describe = state._describe

    def unreadable(path):
        if path.parent.name == "checkpoint-2":
            raise PermissionError(13, "Permission denied")
        return describe(path)

    monkeypatch.setattr(state, "_describe", unreadable)
    found, notices = find_checkpoint(tmp_path, "latest")
    assert found.step == 1
    assert "Permission denied" in notices[0]
