"""A fix that an earlier version made is taken back by this one, byte for byte.

`fix_of_the_layout_before.json` holds what the release before the modules were moved (0.1.0, 2026-11) left of a real
fix: `before` and `after` it each file's bytes, mode and time, with `@project@` where the project's folder stood.
"""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from dualano_setup.cli.main import run
from dualano_setup.repairs.journal.journal import all_fixes
from tests.repairs.snapshot import snapshot

MADE = json.loads((Path(__file__).parent / "fix_of_the_layout_before.json").read_text())


def lay(root: Path, files: dict[str, dict[str, Any] | None]) -> None:
    """The files in `root`, which must not be there yet."""
    root.mkdir()
    for name, row in files.items():
        path = root / name
        if row is None:
            path.mkdir()
            continue
        text = row.get("text")
        path.write_bytes(base64.b64decode(row["base64"]) if text is None else _placed(text, root).encode())
        path.chmod(row["mode"])
        os.utime(path, ns=(row["mtime_ns"],) * 2)


def _placed(text: str, root: Path) -> str:
    return text.replace("@project@", str(root))


@pytest.fixture
def fixed(tmp_path) -> Path:
    """The project as the old version left it; its journal knows its inodes, as if it had been made here."""
    root = tmp_path / "project"
    lay(root, MADE["after"])
    (folder,) = (root / ".dualano" / "fixes").iterdir()
    inodes = [folder.stat().st_ino, (folder / "plan.json").stat().st_ino]
    journal = folder / "journal.jsonl"
    journal.write_text(re.sub(r'"inodes": \[[\d, ]+\]', f'"inodes": {inodes}', journal.read_text(), count=1))
    return root


def test_every_kind_of_action_is_undone(fixed, tmp_path, monkeypatch, capsys):
    kinds = [action.kind for action in all_fixes(fixed)[0].plan().actions]
    assert kinds == ["write-file", "write-file", "move-aside", "run-trainer-tool"]
    monkeypatch.chdir(fixed)
    assert run(["undo"]) == 0
    lay(tmp_path / "wanted", MADE["before"])
    found = snapshot(fixed)
    left = {name: row for name, row in found.items() if not name.startswith(".dualano")}
    assert left == snapshot(tmp_path / "wanted")
    assert run(["undo"]) == 1  # it is taken back, and says so
    assert "no fix to undo" in capsys.readouterr().err


def test_what_the_user_changed_since_is_not_undone(fixed, monkeypatch, capsys):
    monkeypatch.chdir(fixed)
    (fixed / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"mine")
    before = snapshot(fixed / "images")
    assert run(["undo"]) == 1
    assert "was changed since" in capsys.readouterr().err
    assert snapshot(fixed / "images") == before
