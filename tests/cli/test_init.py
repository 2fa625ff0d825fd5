"""`init` writes what it was given, and says at once which of it is not there."""

from __future__ import annotations

from dualano_setup.cli.main import run


def test_a_folder_that_is_not_there_is_told_and_written_all_the_same(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    gone = tmp_path / "gone"
    assert run(["init", "--model", str(tmp_path / "model"), "--data", str(gone), "--category", "widget"]) == 0
    said = capsys.readouterr().err
    assert f"note: data = {gone}: nothing is there" in said
    assert "note: model" not in said
    assert 'category = "widget"' in (tmp_path / "dualano.toml").read_text()
