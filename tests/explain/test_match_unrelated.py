"""Two hundred logs of other programs (installers, test suites, compilers): no known failure is named in them."""

from __future__ import annotations

import tarfile
from pathlib import Path

from dualano_setup.explain.read import explain_bytes


def logs():
    with tarfile.open(Path(__file__).parent / "unrelated.tar.xz") as archive:
        for member in archive.getmembers():
            stream = archive.extractfile(member)
            assert stream is not None
            yield member.name, stream.read()


def test_nothing_is_named_in_logs_of_other_programs():
    rows = list(logs())
    assert len(rows) == 200
    named = {}
    unknown = 0
    for name, log in rows:
        explanation = explain_bytes(log)
        unknown += bool(explanation.unknown)
        found = [n.seen for n in (*explanation.problems, *explanation.notices)]
        if any(not seen.signature.general for seen in found):
            named[name] = [seen.text for seen in found]
        for seen in found:
            assert seen.text.encode() in b"\n".join(log.splitlines()[-12:]), name
        assert bool(found) == bool(explanation.unknown), name
    assert named == {}
    # errors of other kinds are among them: a general kind is named, where the log ends with it
    assert 40 < unknown < 80


def test_a_known_failure_at_the_end_of_each_is_found_all_the_same():
    for name, log in logs():
        error = b"\nTraceback (most recent call last):\nValueError: Attempting to unscale FP16 gradients.\n"
        explanation = explain_bytes(log + error)
        assert explanation.root is not None, name
        assert explanation.root.seen.signature.id == "unscale-fp16"
