"""Who is told that the files are somebody else's."""

from __future__ import annotations

import os

import pytest

from dualano_setup.system.ownership import stranger


def test_one_s_own_project_is_no_matter(tmp_path):
    assert stranger(tmp_path) == ""
    assert stranger(tmp_path / "gone") == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_root_in_somebody_else_s_project_is_told(tmp_path):
    os.chown(tmp_path, 12345, 12345)
    assert "12345" in stranger(tmp_path)
    assert "root" in stranger(tmp_path)
