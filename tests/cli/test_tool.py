"""The trainer's tools as commands: help, what is filled in, and what reaches the tool."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from dualano_setup.cli.main import run
from dualano_setup.cli.tool import TOOLS
from dualano_setup.flows import tool as flow
from dualano_setup.light_dataclasses import replace
from dualano_setup.runs.folder import create, results_of
from dualano_setup.runs.records import RunRecord, write
from dualano_setup.settings.resolve import resolve
from tests.miniature import miniature
from tests.places import ROOT


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "DUALANO_ENV"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "dualano.toml").write_text('data = "d"\ncategory = "widget"\nanomaly = "dent"\n')
    return tmp_path


@pytest.fixture
def ran(monkeypatch):
    """What would have been run."""
    lines: list[tuple[str, str, list[str]]] = []

    def run_tool(interpreter, module, arguments, *, offline=False):
        lines.append((interpreter, module, list(arguments)))
        return 0

    monkeypatch.setattr("dualano_setup.runs.launch.tools.run_tool", run_tool)
    monkeypatch.setattr(flow, "environment_python", lambda _settings: "python-of-env")
    return lines


def a_run(project: Path, created: float, anomaly: str = "dent") -> Path:
    """A run that left its record and an output folder."""
    run_folder = create(project / ".dualano", f"widget-{anomaly}")
    output = results_of(project, run_folder.name)
    output.mkdir(parents=True)
    argv = ("--instance_data_dir", f"{project}/d/widget/test/{anomaly}", "--variant", "bcm")
    record = RunRecord(run_folder.name, run_folder.name, "bundled", argv, "/", {}, str(output), 5, "h", created)
    write(record, run_folder.run_file)
    return output


@pytest.mark.parametrize("tool", [*TOOLS, "generate"])
def test_the_flags_of_a_tool_are_told_without_a_training_environment(tool):
    """After `pip install` there is no numpy and no torch."""
    program = (
        "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module(sys.argv.pop(1), run_name='__main__')"
    )
    command = [sys.executable, "-S", "-c", program, str(ROOT), f"trainer.{tool}", "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, "usage: " in done.stdout) == (0, True), done.stderr


def test_export_is_a_whole_command(project, ran):
    a_run(project, 1.0)
    output = a_run(project, 2.0)
    a_run(project, 3.0, "hole")
    (output / "generated").mkdir()
    (output / "generated" / "manifest.jsonl").touch()
    assert run(["export", "--format", "yolo", "--", "--split", "paper"]) == 0
    assert ran == [
        (
            "python-of-env",
            "trainer.export",
            [
                *("--generated", str(output / "generated"), "--dataset", str(project / "d")),
                *("--category", "widget", "--anomaly", "dent", "--format", "yolo"),
                *("--output", str(output / "export-yolo"), "--split", "paper"),
            ],
        )
    ]


def test_export_of_several_anomalies_is_one_data_set_and_tests_on_nothing_that_trained(project, ran):
    words: list[str] = []
    for created, anomaly in ((1.0, "dent"), (2.0, "hole")):
        output = a_run(project, created, anomaly)
        (output / "generated").mkdir()
        (output / "generated" / "manifest.jsonl").touch()
        (output / "checkpoint-5").mkdir()
        (output / "checkpoint-5" / "trainer_state.json").write_text("{}")
        words += [str(output / "generated"), str(output / "checkpoint-5" / "trainer_state.json")]
    settings = replace(resolve({}), anomaly="dent", anomalies=("dent", "hole"))
    assert flow.run_filled_in("export", settings, {}, []) == 0
    ((_interpreter, _module, line),) = ran
    values = [[after for flag, after in pairwise(line) if flag == name] for name in ("--generated", "--trained_on")]
    assert values == [words[::2], words[1::2]]
    assert [after for flag, after in pairwise(line) if flag == "--anomaly"] == ["dent", "hole"]


def test_what_is_said_after_the_dashes_wins(project, ran):
    assert run(["export", "--", "--generated", "g", "--format=coco", "--anomaly", "hole"]) == 0
    ((_interpreter, _module, line),) = ran
    assert line.count("--generated") == 1
    assert "--format" not in line
    assert line[line.index("--anomaly") + 1] == "hole"
    assert "dent" not in line
    assert line[line.index("--output") + 1] == "export-coco"


def test_pairs_of_the_version_before_are_found(project, ran):
    old = project / ".dualano" / "generated" / "widget-dent"
    old.mkdir(parents=True)
    (old / "manifest.jsonl").touch()
    assert run(["masks"]) == 0
    assert ran[0][2] == ["--fg", str(old / "fg"), "--output", str(old / "masks")]


def test_pairs_that_no_run_has_are_told(project, ran, capsys):
    (project / "samples").mkdir()
    (project / "samples" / "manifest.jsonl").touch()
    assert run(["export"]) == 2
    assert "some lie in samples: --generated DIR" in capsys.readouterr().err
    assert run(["export", "--generated", "samples"]) == 0


def test_foreground_makes_both_folders_and_leaves_what_is_there(project, ran, capsys):
    assert run(["foreground"]) == 0
    assert [line[1::2] for _python, _module, line in ran] == [
        [str(project / "d/widget/test/dent"), str(project / "foreground/widget/dent")],
        [str(project / "d/widget/train/good"), str(project / "foreground/widget/good")],
    ]
    assert "--foreground" in capsys.readouterr().err
    for name in ("dent", "good"):
        (project / "foreground" / "widget" / name).mkdir(parents=True)
    assert run(["foreground"]) == 2
    assert run(["foreground", "--images", "i"]) == 2
    assert run(["foreground", "--images", "i", "--output", "o"]) == 0


def test_convert_takes_the_newest_bin(project, ran):
    output = a_run(project, 1.0)
    (output / "pytorch_lora_weights.bin").touch()
    a_run(project, 2.0)
    assert run(["convert"]) == 0
    assert ran[0][2] == [
        "--source", str(output / "pytorch_lora_weights.bin"),
        "--target", str(output / "pytorch_lora_weights.safetensors"),
    ]  # fmt: skip


def test_a_failing_tool_gives_its_status(project, monkeypatch):
    monkeypatch.setattr(flow, "environment_python", lambda _settings: "p")
    for status, given in ((3, 3), (-15, 143)):
        monkeypatch.setattr("dualano_setup.runs.launch.tools.run_tool", lambda *_a, status=status, **_k: status)
        assert run(["convert", "--source", "x.bin"]) == given


def test_memory_needs_no_environment(project, capfd):
    (project / "dualano.toml").write_text("[train]\nbatch_size = 4\ngradient_checkpointing = true\n")
    assert run(["memory", "--", "--json"]) == 0
    four = json.loads(capfd.readouterr().out)
    assert run(["memory", "--", "--json", "--train_batch_size", "1"]) == 0
    assert json.loads(capfd.readouterr().out)["peak"] < four["peak"]


@pytest.mark.parametrize("name", TOOLS)
def test_help_of_the_tool_itself(project, capfd, name):
    if name == "convert":
        pytest.importorskip("torch")
    assert run([name, "--", "--help"]) == 0
    assert f"trainer.{name}" in capfd.readouterr().out


def test_without_an_environment_the_next_step_is_named(project, capsys):
    assert run(["convert", "--source", "x.bin", "--env", str(project / "none"), "--offline"]) == 1
    assert "--env PATH" in capsys.readouterr().err


def test_foreground_for_real(tmp_path, monkeypatch):
    pytest.importorskip("cv2")
    monkeypatch.chdir(tmp_path)
    data = miniature() / "data"
    category = next(path for path in sorted(data.iterdir()) if path.is_dir())
    anomaly = next(path.name for path in sorted((category / "test").iterdir()) if path.name != "good")
    names = ["--data", str(data), "--category", category.name, "--anomaly", anomaly]
    assert run(["foreground", *names, "--env", sys.prefix, "--offline"]) == 0
    assert list((tmp_path / "foreground" / category.name / anomaly).glob("*.png"))
    assert list((tmp_path / "foreground" / category.name / "good").glob("*.png"))
