"""Which lines of a user's scripts hand the launcher what it ignores."""

from __future__ import annotations

import pytest

from dualano_setup.facts.project.launch_lines import ignored_flags

FLAG = "--gradient_accumulation_steps"


def found(folder, text, name="run.sh"):
    (folder / name).write_text(text)
    return [(flag.line, flag.text) for flag in ignored_flags((folder, folder / "none"))]


@pytest.mark.parametrize(
    "line",
    [
        f"accelerate launch {FLAG} 4 train.py",
        f"CUDA_VISIBLE_DEVICES=0 accelerate launch --cpu {FLAG}=4 -m package.train",
        f"/env/bin/python3 -m accelerate.commands.launch {FLAG} 4 train.py --rank 8",
        f"srun python -m accelerate.commands.accelerate_cli launch {FLAG} '4' train.py",
        "accelerate launch --gradient-accumulation-steps 4 \\\n  train.py",
    ],
)
def test_before_the_programs_name(tmp_path, line):
    ((number, text),) = found(tmp_path, f"#!/bin/sh\n\n{line}\n")
    assert number == 3
    assert text.replace("_", "-").startswith("--gradient-accumulation-steps")


@pytest.mark.parametrize(
    "line",
    [
        f"accelerate launch train.py {FLAG} 4",
        f"accelerate launch -m package.train {FLAG} 4",
        f"# accelerate launch {FLAG} 4 train.py",
        f"accelerate launch {FLAG} 1 train.py",
        f"accelerate launch --use_deepspeed {FLAG} 4 train.py",
        f"accelerate launch --deepspeed_config_file ds.json {FLAG} 4 train.py",
        f"torchrun {FLAG} 4 train.py",
        "accelerate launch \\",
        "",
    ],
)
def test_where_it_is_somebody_elses(tmp_path, line):
    assert found(tmp_path, f"{line}\n") == []


def test_the_number_of_the_first_line_of_a_long_one_and_shell_scripts_alone(tmp_path):
    text = f"cd x\naccelerate launch \\\r\n--cpu \\\n {FLAG} 8 \\\n train.py\n"
    assert found(tmp_path, text, "notes.txt") == []
    assert found(tmp_path, text.replace("\r", "")) == [(2, f"{FLAG} 8")]
    assert found(tmp_path, text) == [(2, f"{FLAG} 8")]


def test_what_is_no_text_is_passed_over(tmp_path):
    (tmp_path / "folder.sh").mkdir()
    (tmp_path / "loop.sh").symlink_to("loop.sh")
    assert found(tmp_path, "\0\xff" * 50) == []
