"""How wide text may be."""

from __future__ import annotations

import pytest

from dualano_setup.text.width import text_columns


@pytest.mark.parametrize(("columns", "wide"), [("80", 76), ("200", 100), ("10", 40), ("", 100), ("x", 100)])
def test_the_terminal_decides_within_what_reads_well(monkeypatch, columns, wide):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("os.get_terminal_size", lambda _handle: (_ for _ in ()).throw(OSError))
    assert text_columns() == wide
