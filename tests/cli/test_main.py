"""The public face: commands, exit statuses, JSON keys, what may be imported, how hangs end."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

from dualano_setup.cli.main import COMMANDS, run
from dualano_setup.rules.registry import RULES
from tests.places import PATIENCE, ROOT

DOCTOR = [sys.executable, "-m", "dualano_setup"]
FIXED = {
    "check", "fix", "undo", "train", "runs", "status", "logs", "stop", "generate", "patch", "rule", "profile",
    "prove", "init", "import", "quickstart", "explain", "resume", "export", "masks", "foreground", "convert", "memory",
    "campaign", "evaluate", "report", "watch", "review", "uninstall",
}  # fmt: skip


def doctor(*arguments, cwd, path=None, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DUALANO_", "VIRTUAL_ENV", "CONDA_"))}
    environment |= {"PYTHONPATH": str(ROOT), "HF_HOME": str(cwd / "hf"), **variables}
    if path:
        environment["PATH"] = f"{path}:{environment['PATH']}"
    return subprocess.run([*DOCTOR, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_commands_are_the_promised_ones():
    assert set(COMMANDS) == FIXED


def test_every_command_has_help_worth_reading(capsys):
    for command in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            run([command, "--help"])
        assert ended.value.code == 0
        text = capsys.readouterr().out
        assert "--offline" in text
        assert len(text) > 800, command


def test_json_keys(tmp_path):
    done = doctor("check", "--json", "--offline", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert list(document) == ["schema", "tool", "profile", "ok", "summary", "facts", "findings"]
    assert document["schema"] == 1
    assert list(document["summary"]) == ["ok", "info", "warn", "fail", "unknown", "skip"]
    assert {row["rule"] for row in document["findings"]} == {rule.id for rule in RULES}
    keys = {"rule", "status", "title", "detail", "evidence", "cure", "repairable", "caused_by", "docs"}
    assert all(keys <= row.keys() for row in document["findings"])
    assert document["ok"] is (done.returncode == 0)
    assert done.returncode == 1  # there is no training environment here


def test_the_exit_status_is_the_same_for_people(tmp_path):
    assert doctor("--offline", cwd=tmp_path).returncode == doctor("--json", "--offline", cwd=tmp_path).returncode == 1


def test_ids_of_the_rule_book_are_all_there():
    families = {
        "SYS": 4, "PY": 4, "GPU": 5, "PKG": 12, "REQ": 6, "ACC": 4, "DATA": 8, "MODEL": 5, "SRC": 7, "SEC": 1, "NET": 2,
    }  # fmt: skip
    promised = {f"{family}{number:03}" for family, count in families.items() for number in range(1, count + 1)}
    assert promised <= {rule.id for rule in RULES}


def test_every_rule_has_a_page(capsys):
    for rule in RULES:
        assert run(["rule", rule.id]) == 0
        page = capsys.readouterr().out
        assert page.startswith(f"# {rule.id} ")
        for section in ("## What it means", "## Why it matters", "## Cure by hand"):
            assert section in page, (rule.id, section)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "no command 'nonsense'"),
        (["stauts"], "did you mean `status`?"),
        (["--verbose", "rnus"], "did you mean `runs`?"),
        (["train", "--max_train_steps", "5"], "dualano-doctor train -- --max_train_steps 5"),
        (["train", "--detatch"], "did you mean `--detach`?"),
        (["train", "--", "--max_train_step", "5"], "did you mean `--max_train_steps`?"),
        (["generate", "--model", "m", "--", "--num_image", "5"], "did you mean `--num_images`?"),
        (["export", "--", "--formats", "coco"], "did you mean `--format`?"),
        (["resume"], "no runs in"),
        (["resume", "--", "--rank", "5"], "no runs in"),
        (["export"], "--category NAME"),
        (["masks"], "dualano-doctor generate"),
        (["foreground"], "--category NAME"),
        (["convert"], "--source FILE"),
        (["stop", "--all", "x"], "--all"),
        (["runs", "--keep", "3"], "--prune"),
        (["runs", "--prune", "--keep", "-1"], "0 or more"),
        (["check", "--", "x"], "x"),
        (["rule", "PKG999"], "there is no rule"),
        (["profile", "no-such"], "no profile"),
        (["check", "--profile", "no-such"], "no profile"),
        (["fix", "--json"], "--plan"),
        (["fix", "--only", "XYZ001"], "XYZ001"),
    ],
)
def test_wrong_usage_is_2_and_says_what(tmp_path, arguments, says):
    done = doctor(*arguments, cwd=tmp_path, DUALANO_OFFLINE="1")
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_profile_json(tmp_path):
    document = json.loads(doctor("profile", "guide-cu118", "--json", cwd=tmp_path).stdout)
    assert {"name", "python", "packages", "indexes"} <= document.keys()
    assert document["packages"]["xformers"] == "0.0.24+cu118"


def test_nothing_of_the_doctor_imports_the_training_stack():
    pattern = re.compile(r"^\s*(?:import|from)\s+(torch|diffusers|transformers|accelerate|xformers)\b", re.MULTILINE)
    for file in (ROOT / "dualano_setup").rglob("*.py"):
        assert not pattern.search(file.read_text(encoding="utf-8")), file


def test_a_check_imports_neither_torch_nor_anything_slow(tmp_path):
    script = (
        "import sys; from dualano_setup.cli.main import run; run(['check', '--offline', '--json']);"
        "print(sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    for module in ("torch", "numpy", "rich", "requests", "ruamel", "importlib.metadata", "asyncio"):
        assert f"'{module}'" not in done.stderr, module


def test_a_probe_that_hangs_costs_its_own_fact_only(tmp_path):
    """A fake nvidia-smi that sleeps, and ignores SIGTERM, is in tests/facts/machine/test_gpus.py."""
    from dualano_setup.facts.collect import collect
    from dualano_setup.facts.fact import Unknown
    from dualano_setup.facts.probing import run_probes
    from dualano_setup.settings.resolve import resolve

    began = time.monotonic()
    facts = run_probes({"gpus": lambda: time.sleep(PATIENCE), "machine": lambda: 1}, began + 1.0, 1.0)
    assert time.monotonic() - began < PATIENCE / 2
    assert isinstance(facts["gpus"], Unknown)
    collect(resolve({"offline": True}, {}, tmp_path), deadline=5.0)


def test_a_segfaulting_interpreter_is_never_started(tmp_path):
    """The environment is read from outside: an interpreter that would crash is looked at like any other."""
    (tmp_path / "env" / "bin").mkdir(parents=True)
    marker = tmp_path / "started"
    python = tmp_path / "env" / "bin" / "python"
    python.write_text(f"#!/bin/sh\ntouch {marker}\nkill -SEGV $$\n")
    python.chmod(0o755)
    (tmp_path / "env" / "pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.10.13\n")
    (tmp_path / "env" / "lib" / "python3.10" / "site-packages").mkdir(parents=True)
    done = doctor("check", "--offline", "--json", "--env", str(tmp_path / "env"), cwd=tmp_path)
    assert json.loads(done.stdout)["facts"]["environment"]
    assert not marker.exists()
