"""The published schema of `fix --plan --json`: every kind of action in it, each with all of its keys."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest

from dualano_setup.cli.main import run
from dualano_setup.repairs.action import Plan
from dualano_setup.repairs.actions.download import Download
from dualano_setup.repairs.actions.environment import MakeEnvironment
from dualano_setup.repairs.actions.files import MoveAside, WriteFile
from dualano_setup.repairs.actions.intake import BringData
from dualano_setup.repairs.actions.mended_copy import MendedCopy
from dualano_setup.repairs.actions.tool import RunTrainerTool
from dualano_setup.repairs.journal.serial import KINDS, action_to_json, plan_to_json
from dualano_setup.report.document import schema_text

SCHEMA = json.loads(schema_text("plan"))
ONE_ACTION = jsonschema.Draft202012Validator({**SCHEMA["$defs"]["action"], "$defs": SCHEMA["$defs"]})
PIN = "torch==2.2.0"
ACTIONS = (
    WriteFile(Path("/p/a.toml"), "字".encode(), "", ("SRC001",), "why", 0o644),
    WriteFile(Path("/p/a.bin"), b"\xff\x00", "a" * 64, ("SRC001", "SRC002"), "why"),
    MoveAside(Path("/p/old"), ("DATA001",), "why"),
    Download("https://hub.example/x", Path("/p/x"), "", 7, ("MODEL001",), "why"),
    RunTrainerTool("trainer.foreground", ("--data", "/d"), (Path("/p/f"),), ("DATA006",), "why"),
    BringData("trainer.intake", (), (Path("/p/data"),), (), "why", b"{}", True),
    MakeEnvironment(
        Path("/p/env"), "", "3.10", "guide-cu118", (PIN,), (), False, "absent", "11.8", 3, 5, ("PKG001",), "why"
    ),
    MendedCopy(
        Path("/sd"),
        Path("/p/sd"),
        ("unet",),
        ("unet/i.json",),
        ("a", "b"),
        (b"text", b"\xff"),
        (),
        "text_model.",
        "state",
        7,
        ("MODEL006",),
        "why",
    ),
)


def test_the_schema_is_one_and_is_no_other_drafts():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_kind_of_action_is_tried_here():
    assert {action.kind for action in ACTIONS} == set(KINDS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.kind)
def test_an_action_of_every_kind_is_in_the_schema(action):
    ONE_ACTION.validate(json.loads(json.dumps(action_to_json(action))))


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_an_action_is_described_and_promised(kind):
    written = {"kind", *(field.name for field in dataclasses.fields(KINDS[kind]))}
    described = SCHEMA["$defs"][kind]
    assert set(described["required"]) == set(described["properties"]) == written


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.kind)
def test_an_action_that_lacks_a_key_is_refused(action):
    row = action_to_json(action)
    for key in row:
        assert not ONE_ACTION.is_valid({name: value for name, value in row.items() if name != key}), key


@pytest.mark.parametrize(("key", "value"), [("kind", "shell"), ("rules", "SRC001"), ("content", {"hex": "00"})])
def test_an_action_with_a_wrong_value_is_refused(key, value):
    assert not ONE_ACTION.is_valid(action_to_json(ACTIONS[0]) | {key: value})


def test_a_plan_without_what_it_is_based_on_is_refused():
    with pytest.raises(jsonschema.ValidationError, match="based_on"):
        jsonschema.validate(plan_to_json(Plan("20261124-080000", ACTIONS, "a" * 64)), SCHEMA)


def test_fix_prints_the_schema_and_looks_at_nothing(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dualano.toml").write_text("this is no TOML", encoding="utf-8")
    assert run(["fix", "--json-schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
