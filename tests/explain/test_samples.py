"""Every known failure is named first in its own sample, and not in a line that only looks like it."""

from __future__ import annotations

import pytest
from sample_file import samples

from dualano_setup.explain.read import Scanner, explain_bytes
from dualano_setup.explain.signatures import load

SAMPLES = samples()
KNOWN = {s.id: s for s in load().signatures}


def named_first(explanation):
    rows = [*explanation.problems, *explanation.notices]
    return rows[0].seen.signature.id if rows else None


def test_every_signature_has_one_sample_and_the_promised_number_is_there():
    assert sorted(s.id for s in SAMPLES) == sorted(KNOWN)
    assert len(SAMPLES) >= 80


@pytest.mark.parametrize("sample", SAMPLES, ids=[s.id for s in SAMPLES])
def test_the_sample_names_exactly_its_own_failure_first(sample):
    explanation = explain_bytes(sample.log)
    assert named_first(explanation) == sample.id
    assert {n.seen.signature.id for n in (*explanation.problems, *explanation.notices)} == {sample.id}
    if KNOWN[sample.id].severity == "fatal" and not explanation.problems[0].survived:
        assert explanation.exit_status == 0


@pytest.mark.parametrize("sample", SAMPLES, ids=[s.id for s in SAMPLES])
def test_the_near_miss_names_nothing(sample):
    explanation = explain_bytes(sample.near + b"\n")
    assert not explanation.problems
    assert not explanation.notices


@pytest.mark.parametrize("sample", SAMPLES, ids=[s.id for s in SAMPLES])
def test_the_literals_are_needed(sample):
    """Without any of its literals a line is never the failure's: the fast search cannot miss what the slow one sees."""
    signature = KNOWN[sample.id]
    text = sample.log.decode()
    for literal in signature.contains:
        text = text.replace(literal, "~" * len(literal))
    assert sample.id != named_first(explain_bytes(text.encode()))


def test_the_anchors_find_all_that_every_literal_finds():
    knowledge = load()
    for signature in knowledge.signatures:
        for literal in signature.contains:
            assert any(anchor in literal.encode() for anchor in knowledge.anchors), (signature.id, literal)


@pytest.mark.parametrize("size", [7, 61, 4096])
def test_the_size_of_the_blocks_changes_nothing(size):
    for sample in SAMPLES:
        scanner = Scanner()
        for start in range(0, len(sample.log), size):
            scanner.feed(sample.log[start : start + size])
        assert named_first(scanner.finish()) == sample.id
