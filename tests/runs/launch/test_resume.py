"""Going on with a run that ended early: which one is found, and what the person is told to type."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dualano_setup.errors import UsageError
from dualano_setup.flows.generate import newest_weights, tool_arguments, wishes
from dualano_setup.flows.resume import resume
from dualano_setup.runs.folder import create, every
from dualano_setup.runs.launch.arguments import (
    RECIPE_STEPS,
    bundled_arguments,
    checkout_arguments,
    steps_of,
    value_of,
    without,
)
from dualano_setup.runs.launch.handoff import LaunchError, _refuse_to_overwrite
from dualano_setup.runs.launch.resume import as_the_run_had_them, how_to_go_on, in_earlier_output, own_arguments
from dualano_setup.runs.records import ExitRecord, RunRecord, write
from dualano_setup.settings.options import Settings
from dualano_setup.system.processes import boot_id, pid_namespace
from tests.runs.standin import doctor, started, steps_done, wait_for

LATEST = ["--resume_from_checkpoint", "latest"]


def settings(project):
    return Settings(project, data=Path("/d"), category="widget", anomaly="dent", foreground=Path("/f"))


def earlier_run(project, *, created, checkpoint="checkpoint-20", argv=(), trainer="bundled"):
    """The record of a run that ended, in a folder of its own."""
    run = create(project / ".dualano", "widget-dent")
    output = run.path / "output"
    (output / checkpoint if checkpoint else output).mkdir(parents=True)
    said = argv or ("--instance_data_dir", "/d/widget/test/dent", "--variant", "bcm")
    record = RunRecord(
        name=run.name, key=run.name, trainer=trainer, argv=said, folder=str(project), environment={},
        output=str(output), steps=50, host="here", created=created, detached=False,
    )  # fmt: skip
    write(record, run.run_file)
    return record


@pytest.mark.parametrize("wish", ["latest", "auto"])
def test_the_newest_like_run_that_left_a_checkpoint_is_gone_on_with(tmp_path, wish):
    earlier_run(tmp_path, created=1.0)
    wanted = earlier_run(tmp_path, created=2.0, checkpoint="checkpoint-30")
    earlier_run(tmp_path, created=3.0, checkpoint="")
    earlier_run(tmp_path, created=4.0, argv=("--instance_data_dir", "/d/widget/test/hole", "--variant", "bcm"))
    earlier_run(tmp_path, created=5.0, argv=("--instance_data_dir", "/d/widget/test/dent", "--variant", "dual"))
    earlier_run(tmp_path, created=6.0, trainer="checkout")
    extra, note = in_earlier_output(settings(tmp_path), ["--resume_from_checkpoint", wish])
    assert extra == ["--resume_from_checkpoint", wish, "--output_dir", wanted.output]
    assert "checkpoint-30" in note
    assert wanted.name in note


@pytest.mark.parametrize(
    "extra", [[], [*LATEST, "--output_dir", "mine"], ["--resume_from_checkpoint", "checkpoint-20"]]
)
def test_arguments_that_say_where_stay_as_they_are(tmp_path, extra):
    earlier_run(tmp_path, created=1.0)
    assert in_earlier_output(settings(tmp_path), extra) == (extra, "")


def test_a_named_output_and_an_empty_project_are_left_to_the_trainer(tmp_path):
    assert in_earlier_output(settings(tmp_path), LATEST) == (LATEST, "")
    earlier_run(tmp_path, created=1.0)
    assert in_earlier_output(replace(settings(tmp_path), output=Path("out")), LATEST) == (LATEST, "")


def test_a_run_without_a_checkpoint_cannot_be_gone_on_with(tmp_path):
    assert how_to_go_on(earlier_run(tmp_path, created=1.0, checkpoint="")) == ""
    assert how_to_go_on(earlier_run(tmp_path, created=2.0, trainer="checkout")) == ""


def test_stop_and_status_say_how_to_go_on(tmp_path):
    run = started(tmp_path)
    wait_for(lambda: steps_done(run.record) >= 2)
    stop = doctor(tmp_path, "stop")
    said, _ = stop.communicate()
    expected = f"dualano-doctor resume {run.run.name}"
    assert expected in said
    status = doctor(tmp_path, "status")
    told, _ = status.communicate()
    assert expected in told
    documents = doctor(tmp_path, "runs", "--json")
    assert json.loads(documents.communicate()[0])[0]["state"] == "stopped"


def test_the_newest_weights_are_those_of_the_same_images_and_variant(tmp_path, capsys):
    wanted = earlier_run(tmp_path, created=1.0)
    other = earlier_run(tmp_path, created=2.0, argv=("--instance_data_dir", "/d/widget/test/hole", "--variant", "bcm"))
    for record in (wanted, other):
        (Path(record.output) / "pytorch_lora_weights.safetensors").touch()
    assert newest_weights(settings(tmp_path))[1].parent == Path(wanted.output)
    assert wanted.name in capsys.readouterr().err
    with pytest.raises(UsageError, match="widget-scratch"):
        newest_weights(replace(settings(tmp_path), anomaly="scratch"))


def test_flags_with_their_values_can_be_left_out():
    given = ["--rank", "4", "--initial_weights", "f", "--seed=1", "--resume_from_checkpoint=latest", "--x"]
    assert without(["--initial_weights", "--resume_from_checkpoint"], given) == ["--rank", "4", "--seed=1", "--x"]


def test_the_variant_after_the_dashes_decides_about_the_masks(tmp_path):
    dual = replace(settings(tmp_path), variant="dual")
    assert "--condition_dir" not in bundled_arguments(dual, tmp_path, [])
    assert "--condition_dir" in bundled_arguments(dual, tmp_path, ["--variant", "bcm"])


FULL = (
    "/env/bin/python", "-I", "-m", "accelerate.commands.launch", "--config_file", "/x/accelerate.yaml",
)  # fmt: skip


def a_whole_run(project, *own, checkpoint="checkpoint-20", state="exit"):
    """A run as `train` leaves it, with its own arguments."""
    run = create(project / ".dualano", "widget-dent")
    output = project / "outputs" / run.name
    (output / checkpoint if checkpoint else output).mkdir(parents=True)
    argv = (
        *FULL, str(run.code / "train.py"), "--pretrained_model_name_or_path", f"{project}/m",
        "--instance_data_dir", f"{project}/d/widget/test/dent", "--condition_dir", "/f", "--variant", "bcm",
        "--output_dir", str(output), *own,
    )  # fmt: skip
    run.accelerate.write_text("mixed_precision: 'bf16'\nnum_processes: 2\n")
    record = RunRecord(run.name, run.name, "bundled", argv, str(project), {}, str(output), 50, "h", 1.0)
    write(record, run.run_file)
    if state == "exit":
        write(ExitRecord(130, 2.0), run.exit_file)
    return run, record


def test_a_run_is_gone_on_with_as_it_was(tmp_path):
    run, record = a_whole_run(tmp_path, "--rank", "4", "--max_train_steps", "200", "--initial_weights", "w",
                              "--resume_from_checkpoint=auto")  # fmt: skip
    said = own_arguments(run, record)
    assert value_of("--rank", said) == "4"
    assert value_of("--max_train_steps", said) == "200"
    assert value_of("--output_dir", said) == record.output
    assert [word for word in said if "resume" in word] == ["--resume_from_checkpoint"]
    assert "--initial_weights" not in said
    then = as_the_run_had_them(replace(settings(tmp_path), output=Path("elsewhere")), run, record)
    assert (then.mixed_precision, then.num_processes, then.output) == ("bf16", 2, None)
    assert (then.model, then.foreground) == (tmp_path / "m", Path("/f"))
    assert (then.data, then.category, then.anomaly) == (tmp_path / "d", "widget", "dent")
    assert bundled_arguments(then, Path("o"), said).count("--rank") == 1


def test_a_moved_project_is_gone_on_with_where_it_is_now(tmp_path):
    run, record = a_whole_run(tmp_path / "old", "--rank", "4")
    (tmp_path / "old").rename(tmp_path / "new")
    (moved,) = every(tmp_path / "new" / ".dualano")
    said = own_arguments(moved, record)
    assert value_of("--output_dir", said) == str(tmp_path / "new" / "outputs" / run.name)
    assert value_of("--instance_data_dir", said) == str(tmp_path / "new" / "d/widget/test/dent")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"checkpoint": ""}, "left no checkpoint"),
        ({"checkpoint": "checkpoint-5000"}, "--max_train_steps N"),
        ({"state": "running"}, "dualano-doctor status"),
    ],
)
def test_what_cannot_be_gone_on_with_is_told(tmp_path, how, said):
    run, record = a_whole_run(tmp_path, **how)
    if how.get("state"):
        here = replace(record, created=time.time(), boot=boot_id(), namespace=pid_namespace())
        write(here, run.run_file)
    with pytest.raises(UsageError, match=said):
        resume(settings(tmp_path), None, [], force=False, detach=False)


def test_resume_hands_over_the_runs_arguments_and_what_is_typed_wins(tmp_path, monkeypatch):
    a_whole_run(tmp_path, "--rank", "4", "--max_train_steps", "20")
    handed = []
    monkeypatch.setattr("dualano_setup.flows.resume.train", lambda *given, **how: handed.append((given, how)) or 0)
    assert resume(settings(tmp_path), "widget", ["--max_train_steps", "80"], force=True, detach=True) == 0
    ((_settings, trainer, arguments), how) = handed[0]
    assert (trainer, how["detach"], how["working"]) == ("bundled", True, tmp_path)
    assert value_of("--rank", arguments) == "4"
    assert arguments.count("--max_train_steps") == 1
    assert value_of("--max_train_steps", arguments) == "80"


def test_the_text_encoder_can_be_left_out(tmp_path):
    for make in (bundled_arguments, checkout_arguments):
        assert "--train_text_encoder" in make(settings(tmp_path), tmp_path, [])
        assert "--train_text_encoder" not in make(settings(tmp_path), tmp_path, ["--no-train_text_encoder"])
    assert "--no-train_text_encoder" not in checkout_arguments(
        settings(tmp_path), tmp_path, ["--no-train_text_encoder"]
    )


def test_the_authors_trainer_writes_over_no_weights(tmp_path):
    (tmp_path / "pytorch_lora_weights.bin").touch()
    with pytest.raises(LaunchError, match="would write over it"):
        _refuse_to_overwrite(tmp_path, [])
    _refuse_to_overwrite(tmp_path, ["--resume_from_checkpoint", "latest"])
    _refuse_to_overwrite(tmp_path / "new", [])


def test_a_recipe_replaces_the_defaults_and_not_what_the_settings_say(tmp_path):
    plain, short = settings(tmp_path), ["--recipe", "short"]
    made = bundled_arguments(replace(plain, said_by={}), tmp_path, short)
    assert value_of("--max_train_steps", made) is None
    assert value_of("--learning_rate", made) is None
    assert value_of("--recipe", made) == "short"
    assert steps_of(replace(plain, said_by={}), short) == RECIPE_STEPS["short"]
    said = replace(plain, steps=70, said_by={"steps": "dualano.toml"})
    assert value_of("--max_train_steps", bundled_arguments(said, tmp_path, short)) == "70"
    assert steps_of(said, short) == 70
    assert steps_of(said, [*short, "--max_train_steps", "9"]) == 9


def test_the_doctor_knows_the_trainers_recipes():
    flags = pytest.importorskip("trainer.train.flags.groups")
    assert {name: values["max_train_steps"] for name, values in flags.RECIPES.items()} == RECIPE_STEPS


def test_generate_is_told_the_images_that_trained_where_they_are(tmp_path):
    known = replace(settings(tmp_path), model=tmp_path, data=tmp_path / "data", category="widget", anomaly="dent")
    assert "--instance_data_dir" not in tool_arguments(known, "w", "o", [])
    images = tmp_path / "data" / "widget" / "test" / "dent"
    images.mkdir(parents=True, exist_ok=True)
    assert value_of("--instance_data_dir", tool_arguments(known, "w", "o", [])) == str(images)
    assert wishes("20", None) == ["--accepted", "20"]
    assert wishes("20", "40") == ["--accepted", "20", "--limit", "40"]
    with pytest.raises(UsageError, match=r"--accepted is '1\.5'"):
        wishes("1.5", None)


def test_sampling_says_the_words_that_the_run_learnt_with(tmp_path):
    known = replace(settings(tmp_path), model=tmp_path)
    record = earlier_run(tmp_path, created=1.0, argv=("--prompt_blend", "a scratched gear", "--prompt_fg=a scratch"))
    weights = f"{record.output}/pytorch_lora_weights.safetensors"
    line = tool_arguments(known, weights, "o", [])
    assert (value_of("--prompt_blend", line), value_of("--prompt_fg", line)) == ("a scratched gear", "a scratch")
    assert value_of("--prompt_fg", tool_arguments(known, weights, "o", ["--prompt_fg", "mine"])) == "mine"
    assert value_of("--prompt_blend", tool_arguments(known, "elsewhere/w.safetensors", "o", [])) is None
