"""Literals that are nobody's path, or somebody else's."""

from __future__ import annotations

from dualano_setup.patching import placeholder_paths

TREE = "dual-interrelated_diff"


def found(tmp_path, text, name="run.py"):
    folder = tmp_path / TREE
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return [(item.line, item.text, item.kind) for item in placeholder_paths(tmp_path)]


def test_examples_foreign_homes_and_empty_folders(tmp_path):
    text = (
        "a = '/path/to/model'\nb = \"/home/nobody-here/data/x\"\ncondition_dir = ''\n"
        "T = '''\ncd path/to/shop/{name}\n'''\n"
    )
    assert found(tmp_path, text) == [
        (1, "/path/to/model", "placeholder"),
        (2, "/home/nobody-here/data/x", "foreign"),
        (3, "''", "empty"),
        (5, "path/to/shop/{name}", "placeholder"),
    ]


def test_comments_and_paths_that_are_here_do_not_count(tmp_path):
    here = tmp_path.as_posix()
    text = f"# vae = load('/path/to/vae')\nx = 1  # /path/to/x\ny = '#' + '/path/to/y'\nz = {here!r}\n"
    assert found(tmp_path, text) == [(3, "/path/to/y", "placeholder")]


def test_shell_scripts_count_and_other_files_do_not(tmp_path):
    assert found(tmp_path, "export M=/path/to/m\n", "train.sh") == [(1, "/path/to/m", "placeholder")]
    (tmp_path / TREE / "train.sh").unlink()
    assert found(tmp_path, "export M=/path/to/m\n", "notes.md") == []


def test_what_only_u2net_needs_is_told_apart(tmp_path):
    text = "T = '''\ncd /path/to/U-2-Net-master\npython u2net_test.py /path/to/generate_data\n'''\n"
    assert [kind for _, _, kind in found(tmp_path, text)] == ["optional", "optional"]


def test_an_empty_checkout_has_none(tmp_path):
    assert placeholder_paths(tmp_path / "nowhere") == ()
