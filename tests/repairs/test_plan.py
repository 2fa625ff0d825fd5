from __future__ import annotations

import json
from pathlib import Path

import pytest

from dualano_setup.repairs.action import Cost, Plan
from dualano_setup.repairs.actions.download import Download
from dualano_setup.repairs.actions.environment import MakeEnvironment
from dualano_setup.repairs.actions.files import MoveAside, WriteFile
from dualano_setup.repairs.actions.intake import BringData
from dualano_setup.repairs.actions.mended_copy import MendedCopy
from dualano_setup.repairs.actions.tool import RunTrainerTool
from dualano_setup.repairs.journal.serial import KINDS, fingerprint, plan_from_json, plan_to_json
from dualano_setup.repairs.plan import merge_writes
from dualano_setup.report.plan import cost_in_words, render_plan
from dualano_setup.report.terminal import Style
from dualano_setup.rules.finding import Finding
from tests.repairs.snapshot import sha

FILE = Path("/x/a.py")
ENVIRONMENT = MakeEnvironment(
    Path("/x/env"),
    "/usr/bin/python3",
    "3.10.13",
    "cpu",
    ("torch==2.2.0",),
    (),
    False,
    "absent",
    "cpu",
    3,
    4,
    ("PY002",),
    "",
)
ALL = (
    WriteFile(FILE, b"text\n", "", ("SRC001",), "why", 0o644),
    WriteFile(Path("/x/b"), b"\xff\x00", "ab", ("SRC001", "SRC002"), "why"),
    MoveAside(FILE, ("DATA008",), "why"),
    Download("http://127.0.0.1/x", FILE, "ab", 7, ("MODEL001",), "why"),
    RunTrainerTool("trainer.foreground", ("--data", "/x"), (FILE, Path("/x/c")), ("DATA005",), "why"),
    BringData("trainer.intake", (), (Path("/x/d"),), (), "why", b"{}", True),
    ENVIRONMENT,
    MendedCopy(
        Path("/sd"), FILE, ("vae",), ("i",), ("a", "b"), (b"text", b"\xff"), (), "p.", "s", 7, ("MODEL006",), ""
    ),
)


def test_every_kind_survives_the_journal():
    assert {action.kind for action in ALL} == set(KINDS)
    plan = Plan("20260101-000000", ALL, fingerprint(ALL), ("SYS002",), ("a note",))
    assert plan_from_json(json.loads(json.dumps(plan_to_json(plan)))) == plan


def test_the_fingerprint_follows_what_the_plan_rests_on():
    other = WriteFile(FILE, b"text\n", "other bytes before", ("SRC001",), "why", 0o644)
    assert fingerprint(ALL) != fingerprint((other, *ALL[1:]))
    assert fingerprint(ALL) == fingerprint(tuple(ALL))


def test_two_edits_of_one_file_become_one():
    first = WriteFile(FILE, b"one", sha(b"zero"), ("SRC001",), "paths")
    second = WriteFile(FILE, b"two", sha(b"one"), ("SRC003", "SRC001"), "dtype")
    other = WriteFile(Path("/x/other"), b"", "", ("ACC001",), "")
    merged = merge_writes((first, other, second))
    assert merged == ((WriteFile(FILE, b"two", sha(b"zero"), ("SRC001", "SRC003"), "paths; dtype"), other), ())


def test_an_edit_that_excludes_an_earlier_one_waits_for_the_next_round():
    first = WriteFile(FILE, b"one", sha(b"zero"), ("SRC001",), "")
    second = WriteFile(FILE, b"two", sha(b"zero"), ("SRC003",), "")
    assert merge_writes((first, second)) == ((first,), (FILE,))


def test_the_plan_in_words():
    left = [Finding("SYS002", "fail", "too little RAM", cure="add memory")]
    text = render_plan(Plan("id", ALL[:1], "", ("SYS002",), ("a \x1b[31mnote",)), left, Style(False))
    assert "Plan: 1 change\n" in text
    assert "create /x/a.py: why  SRC001" in text
    assert "SYS002  too little RAM: add memory" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (Cost(), ""),
        (Cost(340_000_000, 1_300_000_000, 45), ", up to 340 MB to download, 1.3 GB of disk, about 45 s"),
        (Cost(seconds=130), ", about 2 min"),
    ],
)
def test_costs_in_words(cost, words):
    assert cost_in_words(cost) == words
