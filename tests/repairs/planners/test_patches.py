"""Plans of source patches: what a finding turns into, on an invented checkout with the places of one shipped patch."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import pytest

from dualano_setup.facts.fact import Known
from dualano_setup.facts.project import checkout as probe
from dualano_setup.repairs.planners import patches
from dualano_setup.rules.finding import Finding
from dualano_setup.settings.options import Settings
from tests.rules import project_sheets as sheets

PIPELINE = "diffusers/pipelines/stable_diffusion/pipeline_stable_diffusion.py"
TREES = probe.TREES
SOURCE = "import os\nimport ipdb\n\n\ndef here():  # stays\n    return os.getcwd()\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for tree in TREES:
        file = tmp_path / tree / PIPELINE
        file.parent.mkdir(parents=True)
        file.write_bytes(SOURCE.encode())
    return tmp_path


def finding(rule: str) -> Finding:
    return Finding(rule, "fail", "title", "seen", "where", "cure", repairable=True)


def planned(root: Path, *rules: str):
    fact = probe.probe(Settings(root, checkout=root))
    assert isinstance(fact, Known)
    context = sheets.context({"checkout": root}, checkout=fact.value)
    return patches.plan(context, [finding(rule) for rule in rules])


def test_one_edit_a_file_and_only_the_named_rule(root):
    actions = planned(root, "SRC005").actions
    assert {action.path for action in actions} == {root / tree / PIPELINE for tree in TREES}
    for action in actions:
        assert action.content.decode() == SOURCE.replace("import ipdb\n", "")
        assert action.before_sha256 == hashlib.sha256(SOURCE.encode()).hexdigest()
        assert (action.rules, action.why) == (("SRC005",), "debugger-import")
        assert action.path.read_bytes() == SOURCE.encode()


def test_line_ends_are_kept(root):
    file = root / TREES[0] / PIPELINE
    file.write_bytes(SOURCE.replace("\n", "\r\n").encode())
    (action,) = [action for action in planned(root, "SRC005").actions if action.path == file]
    assert action.content == SOURCE.replace("import ipdb\n", "").replace("\n", "\r\n").encode()
    ast.parse(action.content)


def test_nothing_is_left_to_plan_afterwards(root):
    for action in planned(root, "SRC005").actions:
        action.path.write_bytes(action.content)
    assert planned(root, "SRC005").actions == ()


def test_other_rules_do_not_bring_the_patch_along(root):
    assert planned(root, "SRC001", "SRC002", "SRC003", "SRC006").actions == ()
    assert planned(root).actions == ()


def test_without_a_checkout_nothing_is_planned():
    assert patches.plan(sheets.context(), [finding("SRC005")]).actions == ()
