"""The way back, also around edits that somebody made since."""

from __future__ import annotations

from dualano_setup.patching import inspect, plan, plan_revert
from tests.patching.conftest import OPEN, write

GIVEN = {"data": "/tmp/somewhere"}


def test_back_to_identical_bytes_and_nothing_the_second_time(checkout, patches):
    old = {path: path.read_bytes() for path in (checkout / "shop").iterdir()}
    edits = plan(checkout, patches, GIVEN)
    write(edits)
    back, refused = plan_revert(checkout, edits)
    write(back)
    assert not refused
    assert {path: path.read_bytes() for path in (checkout / "shop").iterdir()} == old
    assert plan_revert(checkout, edits) == ((), ())


def test_later_edits_elsewhere_stay(checkout, patches):
    edits = plan(checkout, patches, GIVEN)
    write(edits)
    path = checkout / "shop/open.py"
    path.write_text(path.read_text().replace("# wide", "# narrow").replace('"""A shop."""', '"""My shop.\n\nOpen."""'))
    back, refused = plan_revert(checkout, edits)
    write(back)
    assert not refused
    assert path.read_text() == OPEN.replace("# wide", "# narrow").replace('"""A shop."""', '"""My shop.\n\nOpen."""')
    assert [report.state for report in inspect(checkout, patches, GIVEN)] == ["before"] * 3


def test_a_later_edit_of_our_line_is_refused_for_all_files(checkout, patches):
    edits = plan(checkout, patches, GIVEN)
    write(edits)
    path = checkout / "shop/open.py"
    path.write_text(path.read_text().replace("/tmp/somewhere/boxes", "/mine"))
    back, refused = plan_revert(checkout, edits)
    assert back == ()
    assert [refusal.path for refusal in refused] == ["shop/open.py"]
    assert "by hand" in refused[0].reason


def test_a_file_that_is_gone_is_said_so(checkout, patches):
    edits = plan(checkout, patches, GIVEN)
    write(edits)
    (checkout / "shop/other.py").unlink()
    back, refused = plan_revert(checkout, edits)
    assert back == ()
    assert "gone" in refused[0].reason
