"""The command line: the guide's flags, conflicts, and mistakes as one message."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.miniature import miniature
from tests.places import ROOT
from tests.trainer.runs import arguments, train
from trainer.__main__ import main
from trainer.base_model.loading import PART_FILES
from trainer.train.config import parse_arguments
from trainer.train.flags.groups import RECIPES

GUIDE = (  # noqa: SIM905 - readable as a command line
    "--pretrained_model_name_or_path=/sd15 --instance_data_dir=/mvtec/toothbrush/test/defective "
    "--output_dir=all_generate/toothbrush/defective --resolution=512 --train_batch_size=2 "
    "--gradient_accumulation_steps=1 --learning_rate=2e-5 --lr_scheduler=constant --lr_warmup_steps=0 "
    "--max_train_steps=5000 --rank=32 --train_text_encoder --condition_dir=/masks"
).split()


def test_the_guides_command_line(tmp_path):
    config, notices = parse_arguments([*GUIDE, "--instance_prompt=a srw"])
    assert config.instance_data_dir == Path("/mvtec/toothbrush/test/defective")
    assert (config.rank, config.train_text_encoder, config.learning_rate) == (32, True, 2e-5)
    assert (config.prompt_blend, config.prompt_fg) == ("a vfx with sks", "sks")
    assert len(notices) == 1
    assert "'a srw' is not used" in notices[0]


def test_flags_without_effect_are_said_aloud():
    _, notices = parse_arguments([*GUIDE, "--dataloader_num_workers", "2", "--validation_prompt", "x"])
    assert [notice.split()[0] for notice in notices] == ["--dataloader_num_workers", "--validation_prompt"]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--rank", "0"], "not above 0"),
        (["--resolution", "500"], "multiple of 64"),
        (["--learning_rate", "nan"], "finite"),
        (["--resume_from_checkpoint", "latest", "--initial_weights", "x"], "give one of them"),
        (["--faithful", "--cuda_graph"], "equal batches"),
        (["--max_train_step", "3"], "unrecognized arguments"),
        (["--lr_scheduler", "sine"], "invalid choice"),
    ],
)
def test_wrong_usage_ends_with_status_2(extra, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*GUIDE, *extra])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_bcm_without_object_masks_says_what_to_do(capsys):
    with pytest.raises(SystemExit) as ended:
        main([flag for flag in GUIDE if not flag.startswith("--condition_dir")])
    assert ended.value.code == 2
    assert "--variant dual" in capsys.readouterr().err


def test_help_does_not_import_torch():
    code = "import sys, trainer.train.config as a; a.build_parser().format_help(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_mistakes_are_one_message_and_status_1(tmp_path, capsys):
    missing_model = arguments(tmp_path / "out")
    missing_model[1] = str(tmp_path / "nowhere")
    assert main(missing_model) == 1
    said = capsys.readouterr().err
    assert "does not exist" in said
    assert "Traceback" not in said
    incomplete = arguments(tmp_path / "out")
    (tmp_path / "half" / "unet").mkdir(parents=True)
    incomplete[1] = str(tmp_path / "half")
    assert main(incomplete) == 1
    assert "missing unet/config.json" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_part_of_the_model_that_is_missing_is_told_before_training(tmp_path, capsys, part):
    model = tmp_path / "model"
    model.mkdir()
    for folder in (miniature() / "model").iterdir():
        if folder.name != part:
            (model / folder.name).symlink_to(folder)
    line = arguments(tmp_path / "out")
    line[1] = str(model)
    assert main(line) == 1
    said = capsys.readouterr().err
    assert f"layout: missing {part}/{PART_FILES[part]}. " in said  # and nothing else
    assert not (tmp_path / "out" / "metrics.jsonl").exists()


def test_a_missing_data_folder(tmp_path, capsys):
    line = arguments(tmp_path / "out")
    line[3] = str(tmp_path / "no" / "images")
    assert main(line) == 1
    assert str(tmp_path / "no" / "images") in capsys.readouterr().err


def test_cuda_graph_needs_cuda(tmp_path, capsys):
    assert train(tmp_path, "--cuda_graph") == 1
    assert "needs a CUDA device" in capsys.readouterr().err


def test_a_recipe_says_steps_and_rate_where_their_flags_do_not():
    plain = [part for part in GUIDE if not part.startswith(("--max_train_steps", "--learning_rate"))]
    published = parse_arguments(plain)[0]
    assert (published.max_train_steps, published.learning_rate, published.lr_scheduler) == (5000, 2e-5, "constant")
    assert parse_arguments([*plain, "--recipe", "published"])[0] == published
    short = parse_arguments([*plain, "--recipe", "short"])[0]
    assert short.max_train_steps == RECIPES["short"]["max_train_steps"] < 5000
    assert short.learning_rate == RECIPES["short"]["learning_rate"] > 2e-5
    said = parse_arguments([*plain, "--recipe", "short", "--max_train_steps", "70"])[0]
    assert (said.max_train_steps, said.learning_rate) == (70, short.learning_rate)
    with pytest.raises(SystemExit):
        parse_arguments([*plain, "--recipe", "quick"])
