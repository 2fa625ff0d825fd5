"""`runs --prune` and `stop --all`."""

from __future__ import annotations

import json

import pytest

from dualano_setup.cli.main import run
from tests.runs.standin import started, steps_done, wait_for


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def a_run(project, number: int, output: str, *weights: str, ended: bool = True):
    folder = project / ".dualano" / "runs" / f"20260101-00000{number}-widget"
    (folder / "code" / "trainer").mkdir(parents=True)
    (folder / "code" / "trainer" / "x.py").write_bytes(b"x" * 3_000_000)
    for name in weights:
        (project / output / name).parent.mkdir(parents=True, exist_ok=True)
        (project / output / name).touch()
    row = {
        "name": folder.name, "key": folder.name, "trainer": "bundled", "argv": [], "folder": "/", "environment": {},
        "output": str(project / output), "steps": 3, "host": "h", "created": float(number),
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(row))
    if ended:
        (folder / "exit.json").write_text(json.dumps({"status": 0, "ended": 9.0}))
    return folder


def test_nothing_goes_without_yes_and_results_never(project, capsys):
    bare = a_run(project, 1, "outputs/1")
    weights = a_run(project, 2, "outputs/2", "pytorch_lora_weights.safetensors")
    checkpoint = a_run(project, 3, "outputs/3", "checkpoint-5/x")
    old = a_run(project, 4, ".dualano/runs/20260101-000004-widget/output", "checkpoint-5/x")
    newest = a_run(project, 5, "outputs/5")
    assert run(["runs", "--prune", "--keep", "1"]) == 0
    said = capsys.readouterr().out
    assert "--yes" in said
    assert said.count("MiB") == 5
    assert all((folder / "code").exists() for folder in (bare, weights, checkpoint, old, newest))
    assert run(["runs", "--prune", "--keep", "1", "--yes"]) == 0
    assert not bare.exists()
    for folder in (weights, checkpoint, old):
        assert (folder / "run.json").exists()
        assert not (folder / "code").exists()
    assert (project / "outputs/2/pytorch_lora_weights.safetensors").exists()
    assert (project / "outputs/3/checkpoint-5/x").exists()
    assert (old / "output/checkpoint-5/x").exists()
    assert (newest / "code").exists()
    capsys.readouterr()
    assert run(["runs", "--prune", "--keep", "1", "--yes"]) == 0
    assert "nothing to remove" in capsys.readouterr().out


def test_a_run_that_lives_stays_and_stop_all_ends_all(project, capsys):
    runs = [started(project) for _number in range(2)]
    wait_for(lambda: all(steps_done(one.record) >= 1 for one in runs))
    assert run(["runs", "--prune", "--keep", "0", "--yes"]) == 0
    assert all(one.run.run_file.exists() for one in runs)
    assert run(["stop", "--all"]) == 0
    assert capsys.readouterr().out.count("ended after SIGINT") == 2
    assert run(["stop", "--all"]) == 0
    assert "no run is going on here" in capsys.readouterr().out
