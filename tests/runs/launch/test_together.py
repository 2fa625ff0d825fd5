"""Several anomalies named at once: read from everywhere, one command, a run folder for each, each with its own end."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dualano_setup.errors import UsageError
from dualano_setup.flows.resume import resume
from dualano_setup.flows.train import train
from dualano_setup.runs.ending import ask_to_end
from dualano_setup.runs.folder import every
from dualano_setup.runs.launch import handoff, together
from dualano_setup.runs.launch.arguments import values_of
from dualano_setup.runs.launch.supervisor import _end_of
from dualano_setup.runs.look import look_at
from dualano_setup.runs.records import ExitRecord, write
from dualano_setup.settings.options import Settings
from dualano_setup.settings.resolve import resolve, resolve_again

NAMES = ("dent", "hole", "crack")


@pytest.mark.parametrize(
    ("flags", "variables", "toml"),
    [
        ({"anomaly": list(NAMES)}, {}, ""),
        ({"anomaly": None}, {"DUALANO_ANOMALY": "dent,hole,crack"}, 'anomaly = "other"'),
        ({}, {}, 'anomaly = ["dent", "hole", "crack", "dent"]'),
    ],
)
def test_a_list_is_read_from_flag_variable_and_file(tmp_path, flags, variables, toml):
    (tmp_path / "dualano.toml").write_text(toml)
    found = resolve(flags, variables, tmp_path)
    assert (found.anomaly, found.anomalies) == ("dent", NAMES)
    assert [own.anomaly for own in found.each()] == list(NAMES)
    assert all(own.anomalies == () for own in found.each())
    if flags.get("anomaly"):
        assert resolve_again(found).anomalies == NAMES


@pytest.mark.parametrize("toml", ['anomaly = "dent"', 'anomaly = ["dent"]'])
def test_one_is_one_however_it_is_written(tmp_path, toml):
    (tmp_path / "dualano.toml").write_text(toml)
    found = resolve({}, {}, tmp_path)
    assert (found.anomaly, found.anomalies) == ("dent", ())


@pytest.mark.parametrize("toml", ["anomaly = []", "anomaly = [1, true]", "anomaly = { a = 1 }"])
def test_what_is_no_list_of_names_is_refused(tmp_path, toml):
    (tmp_path / "dualano.toml").write_text(toml)
    with pytest.raises(UsageError, match="anomaly"):
        resolve({}, {}, tmp_path)


@pytest.fixture
def settings(tmp_path):
    return Settings(
        tmp_path, model=Path("/m"), data=Path("/d"), category="widget", anomaly="dent", anomalies=NAMES,
        foreground=Path("/f"), steps=50,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("trainer", "names", "extra", "says"),
    [
        ("checkout", NAMES, [], "--trainer checkout"),
        ("bundled", tuple("abcdefghi"), [], "at most 8"),
        ("bundled", NAMES, ["--output_dir", "x"], "--output_dir does not go with"),
        ("bundled", NAMES, ["--faithful"], "--faithful does not go with"),
        ("bundled", NAMES, ["--instance_data_dir=x"], "--instance_data_dir does not go with"),
    ],
)
def test_what_cannot_train_together_is_told_before_anything_is_looked_at(settings, trainer, names, extra, says):
    with pytest.raises(UsageError, match=says):
        train(replace(settings, anomalies=names), trainer, extra)


@pytest.fixture
def prepared(settings, monkeypatch):
    """The runs of three anomalies, not started."""
    monkeypatch.setattr(handoff, "interpreter_of", lambda _: sys.executable)
    monkeypatch.setattr(handoff.launches, "uses_cpu", lambda _: True)
    monkeypatch.setattr(handoff.shutil, "copytree", lambda *_, **__: None)
    monkeypatch.setattr(Path, "write_text", _making_folders)
    return handoff.prepare(settings, None, trainer="bundled", extra=["--rank", "4"])


def _making_folders(path, text, **_):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def test_each_has_a_folder_and_one_command_starts_all(settings, prepared):
    first, record, launch = prepared
    runs = every(settings.state)
    assert [run.name for run in first.together()] == list(record.together)
    assert len(runs) == len(record.together) == 3
    records = [run.record() for run in first.together()]
    assert len({one.key for one in records}) == 1
    assert values_of("--instance_data_dir", launch.argv) == [f"/d/widget/test/{name}" for name in NAMES]
    assert values_of("--output_dir", launch.argv) == [one.output for one in records]
    assert record.launched == launch.argv
    assert launch.argv.count("--rank") == 1
    for one, name in zip(records, NAMES, strict=True):
        assert values_of("--instance_data_dir", one.argv) == [f"/d/widget/test/{name}"]
        assert one.metrics.startswith(one.output)
    first.log.write_bytes(b"words")
    assert all(run.log.read_bytes() == b"words" for run in runs)


def done(record, steps):
    """What a type leaves that has taken so many steps."""
    output = Path(record.output)
    output.mkdir(parents=True, exist_ok=True)
    (output / f"checkpoint-{steps}").mkdir()
    Path(record.metrics).write_bytes(json.dumps({"step": steps, "loss": 0.5, "seconds": 1.0}).encode() + b"\n")
    if steps == record.steps:
        (output / "pytorch_lora_weights.safetensors").touch()


def test_each_ends_as_its_own_steps_tell(prepared):
    first, _, _ = prepared
    finished, failed, killed = (run.record() for run in first.together())
    done(finished, 50)
    done(killed, 20)
    text = f"Steps: 3%\r\nerror: {failed.output}: The loss of step 7 is not finite, so training stopped\nerror: 1 of\n"
    whole = ExitRecord(1, time.time(), 1, ("error: 1 of",))
    for run in first.together():
        write(_end_of(run, whole, text), run.exit_file)
    views = [look_at(run, run.record()) for run in first.together()]
    assert [view.verdict.state for view in views] == ["finished", "failed", "failed"]
    assert "step 7 is not finite" in views[1].cause[0]
    assert views[2].cause == ("error: 1 of",)
    assert [view.progress.step for view in (views[0], views[2])] == [50, 20]


def test_asking_one_to_end_is_asking_all(prepared):
    runs = prepared[0].together()
    ask_to_end(runs[1], "stop")
    assert all(run.stop_request().by == "stop" for run in runs)


def test_those_that_are_left_go_on_together(settings, prepared, monkeypatch):
    records = [run.record() for run in prepared[0].together()]
    for record, steps in zip(records, (20, 50, 20), strict=True):
        done(record, steps)
    for run in prepared[0].together():
        write(ExitRecord(130, time.time(), 130), run.exit_file)
    handed = []
    monkeypatch.setattr(
        "dualano_setup.flows.resume.train", lambda own, _, extra, **__: handed.append((own, extra)) or 0
    )
    assert resume(settings, prepared[0].name, [], force=False, detach=False) == 0
    ((own, extra),) = handed
    assert own.anomalies == ("dent", "crack")
    assert values_of("--output_dir", extra) == [records[0].output, records[2].output]
    assert values_of("--resume_from_checkpoint", extra) == ["latest"]
    assert values_of("--rank", extra) == ["4"]
    together.refuse(own, "bundled", extra)
