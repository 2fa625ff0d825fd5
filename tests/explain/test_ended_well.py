"""Logs of programs that ended well, with errors in them that were handled or expected: nothing is named.

`made_by.tsv` in the archive says how each was made: builds, installations and test suites of packages from the index
and of this project, compilers, and programs that tell of an error and go on. Each ended with status 0.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

from dualano_setup.explain.read import explain_bytes

ERROR_WORDS = (b"rror", b"Traceback", b"ailed", b"fatal", b"Killed", b"fault")


def logs():
    with tarfile.open(Path(__file__).parent / "ended_well.tar.xz") as archive:
        for member in archive.getmembers():
            stream = archive.extractfile(member)
            assert stream is not None
            yield member.name, stream.read()


def test_nothing_is_named_in_logs_of_programs_that_ended_well():
    rows = dict(logs())
    made_by = dict(line.split("\t", 1) for line in rows.pop("made_by.tsv").decode().splitlines())
    assert rows.keys() == made_by.keys()
    assert len(rows) >= 200
    assert sum(any(word in log for word in ERROR_WORDS) for log in rows.values()) > 100
    named = {}
    for name, log in rows.items():
        explanation = explain_bytes(log)
        if explanation.problems or explanation.notices or explanation.unknown:
            named[name] = explanation
    assert named == {}


def test_a_failure_at_the_end_of_each_is_named_all_the_same():
    for name, log in logs():
        explanation = explain_bytes(
            log + b"\nTraceback (most recent call last):\n  File \"t.py\", line 1\nKeyError: 'lr'\n"
        )
        assert explanation.root is not None, name
        signature = explanation.root.seen.signature
        assert signature.id == "key-missing" or not signature.general, name
