"""Several anomaly types in one training: each as it would be alone, whatever becomes of the others."""

from __future__ import annotations

import pytest
import torch

from tests.miniature import miniature
from tests.trainer.runs import arguments, losses, metrics
from trainer.__main__ import main
from trainer.run_folder.checkpoints import checkpoint_folders
from trainer.train import together as module
from trainer.train.config import parse_types
from trainer.weights.adapter_file import read_weights

TYPES = ("dent", "scratch", "stain")
COMMON = ("--adam_epsilon", "1e-3", "--checkpointing_steps", "2", "--train_text_encoder")


def folders():
    return [miniature() / "data" / "widget" / "test" / name for name in TYPES]


def command(output, *extra, types=(0, 1, 2)):
    """Types with seeds 7, 8, 9, each in a folder of its own below `output` where there are several."""
    line = arguments(output, *COMMON, *extra)
    for flag in ("--instance_data_dir", "--seed"):
        del line[(at := line.index(flag)) : at + 2]
    for number in types:
        line += ["--instance_data_dir", str(folders()[number]), "--seed", str(7 + number)]
    return line


def run(output, *extra, types=(0, 1, 2)):
    torch.set_num_threads(1)
    return main(command(output, *extra, types=types))


def alone(output, number, *extra):
    return run(output, *extra, types=(number,))


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """Four steps of the second type alone."""
    output = tmp_path_factory.mktemp("alone")
    assert alone(output, 1, "--max_train_steps", "4") == 0
    return output


def same(first, second):
    assert losses(first) == pytest.approx(losses(second), rel=1e-5)
    a, b = read_weights(first).tensors, read_weights(second).tensors
    for name, value in a.items():
        torch.testing.assert_close(b[name], value, atol=2e-5, rtol=1e-3, msg=name)


def test_each_is_as_it_would_be_alone_and_goes_on_after_a_stop(one, tmp_path):
    assert run(tmp_path, "--max_train_steps", "2") == 0
    assert [len(metrics(tmp_path / name)) for name in TYPES] == [2, 2, 2]
    assert len({losses(tmp_path / name)[0] for name in TYPES}) == 3
    assert run(tmp_path, "--max_train_steps", "4", "--resume_from_checkpoint", "latest") == 0
    same(one, tmp_path / "scratch")
    assert [path.name for path in checkpoint_folders(tmp_path / "stain")] == ["checkpoint-2", "checkpoint-4"]


def test_one_that_fails_does_not_end_the_others(one, tmp_path, capsys, monkeypatch):
    whole = module.take_steps

    def with_a_break(loops, steps):
        if steps[0] == 1 and len(loops) == 3:
            loops[0].training.parameters.master.data.fill_(float("nan"))
        return whole(loops, steps)

    monkeypatch.setattr(module, "take_steps", with_a_break)
    assert run(tmp_path, "--max_train_steps", "4", "--checkpointing_steps", "1", "--validation_steps", "0") == 1
    said = capsys.readouterr().err
    assert f"error: {tmp_path / 'dent'}: The loss of step 2 is not finite" in said
    assert "1 of the trainings failed, the others did not" in said
    same(one, tmp_path / "scratch")
    assert len(metrics(tmp_path / "stain")) == 4
    assert not (tmp_path / "dent" / "pytorch_lora_weights.safetensors").exists()
    assert [path.name for path in checkpoint_folders(tmp_path / "dent")] == ["checkpoint-1"]


def test_types_of_unequal_progress_train_together(one, tmp_path, capsys):
    assert alone(tmp_path / "dent", 0, "--max_train_steps", "4") == 0
    assert alone(tmp_path / "stain", 2, "--max_train_steps", "2") == 0
    capsys.readouterr()
    options = ("--resume_from_checkpoint", "auto", "--mixed_precision", "no", "--validation_steps", "4")
    assert run(tmp_path, "--max_train_steps", "4", "--num_validation_images", "1", *options) == 0
    assert f"{tmp_path / 'dent'}: Nothing left to do: 4 of 4" in capsys.readouterr().err
    same(one, tmp_path / "scratch")
    assert len(metrics(tmp_path / "stain")) == 4
    assert (tmp_path / "stain" / "samples" / "step-000004.png").is_file()


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (("--faithful",), "--faithful cuts batches"),
        (("--resume_from_checkpoint", "checkpoint-2"), "`latest` or `auto`"),
        (("--output_dir", "b"), "--output_dir is given 2 times and --instance_data_dir 3 times"),
        (("--seed", "1"), "--seed is given 4 times and --instance_data_dir 3 times"),
    ],
)
def test_what_does_not_go_together_is_refused_in_words(extra, says, capsys, tmp_path):
    with pytest.raises(SystemExit):
        parse_types(command(tmp_path, *extra))
    assert says in capsys.readouterr().err


def test_more_than_eight_or_one_twice_are_refused(capsys, tmp_path):
    for line, says in (
        (arguments(tmp_path, *(w for n in range(8) for w in ("--instance_data_dir", f"x{n}"))), "at most 8"),
        (command(tmp_path, "--instance_data_dir", str(folders()[0])), "stands for two types"),
    ):
        with pytest.raises(SystemExit):
            parse_types(line)
        assert says in capsys.readouterr().err
