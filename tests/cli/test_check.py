"""check's options as a process: forms that exclude each other, rules chosen by name, suppression, completion."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from tests import forked_doctor


def doctor(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DUALANO_", "VIRTUAL_ENV", "CONDA_"))}
    return forked_doctor.run(arguments, cwd=cwd, variables=kept | {"HF_HOME": str(cwd / "hf"), **variables})


SUPPRESS = '[[suppress]]\nrule = "PY002"\nreason = "made later"\nuntil = 2999-01-01\n'


def test_the_printed_schema_holds_for_a_real_document(tmp_path: Path) -> None:
    schema = json.loads(doctor("check", "--json-schema", cwd=tmp_path).stdout)
    jsonschema.validate(json.loads(doctor("check", "--json", "--offline", cwd=tmp_path).stdout), schema)


def test_one_form_at_a_time(tmp_path: Path) -> None:
    done = doctor("check", "--json", "--sarif", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")


def test_rules_by_name_and_family(tmp_path: Path) -> None:
    done = doctor("--json", "--offline", "--only", "py,ACC001", "--skip", "PY001", cwd=tmp_path)
    assert {row["rule"] for row in json.loads(done.stdout)["findings"]} == {"PY002", "PY003", "PY004", "ACC001"}
    wrong = doctor("check", "--only", "PKG099", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "PKG0" in wrong.stderr


def test_suppression_from_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "dualano.toml").write_text(SUPPRESS)
    done = doctor("check", "--json", "--offline", "--only", "PY002", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert (done.returncode, document["findings"]) == (0, [])
    assert [row["reason"] for row in document["suppressed"]] == ["made later"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SUPPRESS.replace('reason = "made later"\n', ""), "reason"),
        (SUPPRESS.replace("until = 2999-01-01\n", ""), "until"),
        (SUPPRESS.replace("2999-01-01", '"soon"'), "soon"),
        (SUPPRESS + "extra = 1\n", "extra"),
        ("suppress = 3\n", "[[suppress]]"),
    ],
)
def test_a_suppression_that_is_not_whole_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "dualano.toml").write_text(text)
    done = doctor("check", "--offline", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    script = doctor("--print-completion", "bash", cwd=tmp_path).stdout
    asked = (
        "COMP_WORDS=(dualano-doctor check --mark); COMP_CWORD=2; "
        '"$(complete -p dualano-doctor | sed "s/.*-F //; s/ .*//")"; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script + "\n" + asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["--markdown"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_every_shells_script_knows_the_commands(shell: str, tmp_path: Path) -> None:
    done = doctor("--print-completion", shell, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in ("dualano-doctor", "quickstart", "fail-on"))


def test_fail_on_warn_is_the_same_for_people_and_programs(tmp_path: Path) -> None:
    (tmp_path / "dualano.toml").write_text(
        'fail_on = "warn"\n[[suppress]]\nrule = "NONE001"\nreason = "x"\nuntil = 2999-01-01\n'
    )
    done = doctor("check", "--json", "--offline", "--only", "SRC", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["summary"]["fail"]) == (1, False, 0)
    assert "NONE001" in document["notices"][0]
    lenient = doctor("check", "--offline", "--only", "SRC", "--fail-on", "fail", cwd=tmp_path)
    assert lenient.returncode == 0
    assert "Ready to train" not in lenient.stdout


def test_what_is_suppressed_is_repaired_only_when_named(tmp_path: Path) -> None:
    """With the environment left alone (PY002), no repair here needs a package, an index or uv's cache."""
    (tmp_path / "dualano.toml").write_text(SUPPRESS + SUPPRESS.replace("PY002", "ACC001"))
    checkout = tmp_path / "checkout"
    (checkout / "bcm-dual-interrelated_diff").mkdir(parents=True)
    (checkout / "requirements.txt").write_text("accelerate==.24.1\n")
    named = ("--checkout", str(checkout), "--profile", "cpu-checkout")
    assert _planned(tmp_path, *named, "--only", "ACC001") == {"ACC001"}
    usual = _planned(tmp_path, *named)
    assert "REQ001" in usual
    assert not usual & {"ACC001", "PY002"}


def _planned(folder: Path, *arguments: str) -> set[str]:
    """The rules that the plan's actions answer; uv finds nothing in its cache, wherever the tests run."""
    cache = {"UV_CACHE_DIR": str(folder / "cold")}
    done = doctor("fix", "--plan", "--json", "--offline", *arguments, cwd=folder, **cache)
    return {rule for action in json.loads(done.stdout)["actions"] for rule in action["rules"]}
