"""`evaluate` as a command: which pairs, of which images, where the result goes, and the group that `fix` installs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dualano_setup.cli.evaluate import PROTOCOLS
from dualano_setup.cli.main import run
from dualano_setup.flows import evaluate as flow
from dualano_setup.runs.folder import create, results_of
from dualano_setup.runs.launch.command_line import STARTER
from dualano_setup.runs.records import RunRecord, write
from trainer.evaluate import protocols
from trainer.evaluate.__main__ import CHANGEABLE, TRAININGS
from trainer.evaluate.__main__ import PROTOCOLS as OF_TRAINER


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
    lines: list[tuple[str, list[str]]] = []

    def run_tool(_interpreter, module, arguments, *, offline=False):
        lines.append((module, list(arguments)))
        return 0

    monkeypatch.setattr("dualano_setup.runs.launch.tools.run_tool", run_tool)
    monkeypatch.setattr(flow, "environment_python", lambda _settings: "python-of-env")
    return lines


def a_run(project: Path, created: float, anomaly: str) -> tuple[str, Path]:
    """A run with generated pairs, and a checkpoint that lists what trained."""
    folder = create(project / ".dualano", f"widget-{anomaly}")
    output = results_of(project, folder.name)
    for place in (output / "generated", output / "checkpoint-5"):
        place.mkdir(parents=True)
    (output / "generated" / "manifest.jsonl").touch()
    (output / "checkpoint-5" / "trainer_state.json").write_text("{}")
    starter = folder.path / "code" / STARTER
    argv = ("python", str(starter), "--instance_data_dir", f"{project}/d/widget/test/{anomaly}", "--variant", "bcm")
    write(RunRecord(folder.name, folder.name, "bundled", argv, "/", {}, str(output), 5, "h", created), folder.run_file)
    return folder.name, output


def flags(line: list[str]) -> list[tuple[str, str]]:
    return list(zip(line[::2], line[1::2], strict=True))


def test_the_names_that_both_programs_know_are_the_same():
    assert PROTOCOLS == OF_TRAINER == tuple(protocols.PROTOCOLS)
    assert protocols.CHANGEABLE == CHANGEABLE
    from trainer.evaluate import baselines

    assert baselines.TRAININGS == TRAININGS


def test_newest_pairs_by_default(project, ran):
    a_run(project, 1.0, "hole")
    _, output = a_run(project, 2.0, "dent")
    assert run(["evaluate", "--protocol", "o2mag"]) == 0
    ((module, line),) = ran
    assert module == "trainer.evaluate"
    assert ("--generated", str(output / "generated")) in flags(line)
    assert ("--dataset", str(project / "d")) in flags(line)
    assert ("--anomaly", "dent") in flags(line)
    assert ("--output", str(output / "evaluation-o2mag")) in flags(line)


def test_several_runs_bring_their_own_images_and_lists(project, ran):
    first, one = a_run(project, 1.0, "hole")
    second, other = a_run(project, 2.0, "dent")
    assert run(["evaluate", first, second, "--json", "--", "--plan"]) == 0
    ((_, line),) = ran
    assert line[-1] == "--plan"
    assert "--json" in line
    assert [line[place + 1] for place, word in enumerate(line) if word == "--anomaly"] == ["hole", "dent"]
    lists = [line[place + 1] for place, word in enumerate(line) if word == "--trained_on"]
    assert lists == [str(output / "checkpoint-5" / "trainer_state.json") for output in (one, other)]
    assert line[line.index("--output") + 1] == str(project / "outputs" / "evaluation")


def test_folders_of_any_method(project, ran):
    (project / "other" / "widget" / "dent" / "image").mkdir(parents=True)
    assert run(["evaluate", "other", "--output", "o"]) == 0
    assert flags(ran[0][1]) == [
        ("--generated", str(project / "other")),
        ("--dataset", str(project / "d")),
        ("--protocol", "strict"),
        ("--output", "o"),
    ]
    for name in ("image", "mask"):
        (project / "pairs" / name).mkdir(parents=True)
    assert run(["evaluate", "pairs", "--anomaly", "hole", "--", "--protocol", "seas"]) == 0
    line = ran[1][1]
    assert line.count("--protocol") == 1
    assert ("--anomaly", "hole") in flags(line)
    assert ("--output", str(project / "evaluation-seas")) in flags(line)


def test_what_is_not_there_is_said(project, ran, capsys):
    for words in (["evaluate"], ["evaluate", "none"], ["evaluate", "./none"], ["evaluate", "--protocol", "best"]):
        assert _status(words) == 2
    name, output = a_run(project, 1.0, "dent")
    (output / "generated" / "manifest.jsonl").unlink()
    assert run(["evaluate", name]) == 2
    assert "dualano-doctor generate" in capsys.readouterr().err
    assert not ran


def _status(words: list[str]) -> int:
    try:
        return run(words)
    except SystemExit as ended:
        return int(ended.code or 0)


def test_help_of_the_evaluation_itself(project, capfd):
    assert run(["evaluate", "--", "--help"]) == 0
    assert "--trainings" in capfd.readouterr().out
