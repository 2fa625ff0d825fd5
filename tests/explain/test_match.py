"""Every known failure is named first in its own sample, and not in a line that only looks like it."""

from __future__ import annotations

import pytest

from dualano_setup.explain.match import MOST_LOOKED_AT, _lines_with, search
from dualano_setup.explain.read import Scanner, explain_bytes
from dualano_setup.explain.signatures import load
from tests.explain.sample_file import samples

SAMPLES = samples()
KNOWN = {s.id: s for s in load().signatures}


def known(explanation):
    """The ids of the known failures, the root cause first; a launcher's lament stands under a general kind."""
    seen = [s for n in (*explanation.problems, *explanation.notices) for s in (n.seen, *n.followed_by)]
    return [s.signature.id for s in seen if not s.signature.general]


def named_first(explanation):
    return next(iter(known(explanation)), None)


def test_every_signature_has_one_sample_and_the_promised_number_is_there():
    assert sorted(s.id for s in SAMPLES) == sorted(KNOWN)
    assert len(SAMPLES) >= 80


@pytest.mark.parametrize("sample", SAMPLES, ids=[s.id for s in SAMPLES])
def test_the_sample_names_exactly_its_own_failure_first(sample):
    explanation = explain_bytes(sample.log)
    assert named_first(explanation) == sample.id
    assert set(known(explanation)) == {sample.id}
    if KNOWN[sample.id].severity == "fatal" and not explanation.problems[0].survived:
        assert explanation.exit_status == 0


@pytest.mark.parametrize("sample", SAMPLES, ids=[s.id for s in SAMPLES])
def test_the_near_miss_names_nothing(sample):
    explanation = explain_bytes(sample.near + b"\n")
    assert all(named.seen.signature.general for named in explanation.problems)
    assert not explanation.notices


@pytest.mark.parametrize("sample", SAMPLES, ids=[s.id for s in SAMPLES])
def test_the_literals_are_needed(sample):
    """Without any of its literals a line is never the failure's: the fast search cannot miss what the slow one sees."""
    signature = KNOWN[sample.id]
    text = sample.log.decode()
    for literal in signature.contains:
        text = text.replace(literal, "~" * len(literal))
    assert sample.id != named_first(explain_bytes(text.encode()))


def test_every_literal_finds_its_line():
    knowledge = load()
    for signature in knowledge.signatures:
        for literal in signature.contains:
            text = b"before\n~" + literal.encode() + b"~\nafter"
            assert _lines_with(text, knowledge.finder) == [(7, 9 + len(literal.encode()))], (signature.id, literal)


def test_a_failure_told_a_hundred_thousand_times_is_one_sighting():
    told = b"".join(
        b"[rank%d]: ValueError: Attempting to unscale FP16 gradients. (%d)\n" % (n % 4, n) for n in range(100_000)
    )
    (found,) = search(b"begin\n" + told + b"end\n", load())
    assert (found.count, found.line, found.ranks) == (100_000, 1, ("0", "1", "2", "3"))
    assert (found.offset, found.last_offset) == (6, 6 + told.rindex(b"[rank3]"))


def test_a_block_of_nothing_but_different_failures_is_looked_at_at_both_ends_only():
    words = ["".join(chr(97 + n // 26**k % 26) for k in range(4)) for n in range(3 * MOST_LOOKED_AT)]
    told = "".join(f"ValueError: Attempting to unscale FP16 gradients. {word}\n" for word in words)
    found = search(told.encode(), load())
    assert len(found) == MOST_LOOKED_AT
    assert (found[0].line, found[-1].line) == (0, len(words) - 1)
    assert found[-1].text.endswith(words[-1])


@pytest.mark.parametrize("size", [7, 61, 4096])
def test_the_size_of_the_blocks_changes_nothing(size):
    for sample in SAMPLES:
        scanner = Scanner()
        for start in range(0, len(sample.log), size):
            scanner.feed(sample.log[start : start + size])
        assert named_first(scanner.finish()) == sample.id
