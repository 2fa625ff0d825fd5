"""Going on with a run that ended early: which one is found, and what the person is told to type."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dualano_setup.errors import UsageError
from dualano_setup.flows.generate import newest_weights
from dualano_setup.runs.folder import create
from dualano_setup.runs.launch.arguments import bundled_arguments, without
from dualano_setup.runs.launch.resume import how_to_go_on, in_earlier_output
from dualano_setup.runs.records import RunRecord, write
from dualano_setup.settings.options import Settings
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
    expected = f"dualano-doctor train -- --output_dir {run.record.output} --resume_from_checkpoint latest"
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
    assert newest_weights(settings(tmp_path)).parent == Path(wanted.output)
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
