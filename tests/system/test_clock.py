"""The clock of a disk."""

from __future__ import annotations

import tempfile
import time

from dualano_setup.system.clock import disk_clock


def test_it_is_what_a_new_file_would_bear_and_nothing_stays(tmp_path):
    assert abs(disk_clock(tmp_path) - time.time()) < 60
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_it_is_our_own(tmp_path, monkeypatch):
    def refuse(**_options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert abs(disk_clock(tmp_path / "nowhere") - time.time()) < 60
