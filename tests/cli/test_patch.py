"""`patch` on a checkout of our own invention: states, apply, apply again, revert, undo."""

import json
from pathlib import Path

import pytest

from dualano_setup.cli.main import run

SOURCE = '"""A pipeline."""\nimport os\nimport ipdb\n\n\ndef first(folder):\n    return sorted(os.listdir(folder))[0]\n'
PLACE = "bcm-dual-interrelated_diff/diffusers/pipelines/stable_diffusion/pipeline_stable_diffusion.py"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project whose neighbour is a checkout with one debugger import."""
    file = tmp_path / "checkout" / PLACE
    file.parent.mkdir(parents=True)
    file.write_bytes(SOURCE.replace("\n", "\r\n").encode())
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def state(checkout: Path, capsys, name: str = "debugger-import") -> str:
    capsys.readouterr()
    run(["patch", "status", str(checkout), "--json", "--only", name])
    return json.loads(capsys.readouterr().out)["patches"][0]["state"]


def test_apply_again_revert_and_undo(project, capsys):
    checkout = project.parent / "checkout"
    file = checkout / PLACE
    original = file.read_bytes()
    assert state(checkout, capsys) == "before"
    assert run(["patch", "apply", str(checkout), "--only", "debugger-import"]) == 0
    patched = file.read_bytes()
    assert patched == original.replace(b"import ipdb\r\n", b"")
    assert state(checkout, capsys) == "after"
    assert run(["patch", "apply", str(checkout), "--only", "debugger-import"]) == 0
    assert "Nothing to apply" in capsys.readouterr().out
    assert run(["patch", "revert", str(checkout)]) == 0
    assert file.read_bytes() == original
    assert run(["undo"]) == 0  # takes the revert back
    assert file.read_bytes() == patched


def test_revert_keeps_what_the_user_added(project):
    checkout = project.parent / "checkout"
    file = checkout / PLACE
    original = file.read_bytes()
    run(["patch", "apply", str(checkout), "--only", "debugger-import"])
    file.write_bytes(file.read_bytes() + b"\r\nLATER = 1\r\n")
    assert run(["patch", "revert", str(checkout)]) == 0
    assert file.read_bytes() == original + b"\r\nLATER = 1\r\n"


def test_wrong_usage_is_said(project, capsys):
    assert run(["patch", "status"]) == 2
    assert "no checkout is named" in capsys.readouterr().err
    assert run(["patch", "status", str(project / "absent")]) == 2
    assert run(["patch", "apply", str(project.parent / "checkout"), "--only", "no-such-patch"]) == 2
    assert "no patch is called no-such-patch" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["apply", "--only", "debugger-import", "CHECKOUT"],
        ["--only", "debugger-import", "apply", "CHECKOUT"],
        ["apply", "--only=debugger-import", "--offline", "CHECKOUT", "-q"],
        ["apply", "--onl", "debugger-import", "--", "CHECKOUT"],
        ["apply", "CHECKOUT", "--only", "debugger-import"],
    ],
)
def test_options_stand_where_the_user_puts_them(project, words):
    checkout = project.parent / "checkout"
    assert run(["patch", *(str(checkout) if word == "CHECKOUT" else word for word in words)]) == 0
    assert b"ipdb" not in (checkout / PLACE).read_bytes()


def test_a_patch_without_a_place_is_said_with_status_1(project, capsys):
    checkout = project.parent / "checkout"
    file = checkout / PLACE
    file.write_text(file.read_text().replace("import ipdb\n", "from ipdb import set_trace as stop_here\n"))
    run(["patch", "status", str(checkout), "--json"])
    rows = {row["patch"]: row for row in json.loads(capsys.readouterr().out)["patches"]}
    lost = [name for name, row in rows.items() if row["default"] and row["state"] in ("drifted", "partly")]
    status = run(["patch", "apply", str(checkout)])
    said = capsys.readouterr().out
    assert status == int(bool(lost))
    for name in lost:
        assert f"not in place: {name} (" in said
        assert rows[name]["reason"].rstrip(".") in said
