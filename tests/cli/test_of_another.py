"""What root left in a user's project: the user is told the cure."""

from __future__ import annotations

import os

import pytest

from dualano_setup.cli.main import _explained


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of two users")
def test_the_cure_is_told(tmp_path, monkeypatch):
    (tmp_path / ".dualano").mkdir()
    (tmp_path / ".dualano" / "lock").touch()
    os.chown(tmp_path, 1000, 1000)
    os.chown(tmp_path / ".dualano", 1000, 1000)
    monkeypatch.chdir(tmp_path)
    refused = PermissionError(13, "Permission denied", str(tmp_path / ".dualano" / "lock"))
    assert "chown" not in _explained(refused), "root itself has no need of it"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert f"sudo chown -R $USER {tmp_path}/.dualano" in _explained(refused)
    os.chown(tmp_path / ".dualano" / "lock", 1000, 1000)
    assert "chown" not in _explained(refused)
