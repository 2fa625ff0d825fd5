"""Rules about the checkout's source, on hand-made sheets."""

from __future__ import annotations

import pytest

from dualano_setup.facts.fact import Unknown
from dualano_setup.facts.sheet import PathLiteral
from dualano_setup.rules.src import RULES
from tests.rules.project_sheets import accelerate, checkout, context, environment, findings, patch, statuses

HALF = {"mixed_precision": "fp16"}


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_a_mended_checkout_is_fine(rule):
    patches = [
        patch(f"p-{rule_id}", "after", rule_id) for rule_id in ("SRC001", "SRC002", "SRC003", "SRC005", "SRC006")
    ]
    assert statuses(RULES, rule, context(HALF, checkout=checkout(*patches))) == ["ok"]
    assert statuses(RULES, rule, context()) == ["skip"]
    assert statuses(RULES, rule, context(checkout=Unknown("no"))) == ["unknown"]


@pytest.mark.parametrize("rule", ["SRC001", "SRC006"])
def test_an_open_patch_blocks_where_training_starts(rule):
    assert statuses(RULES, rule, context(checkout=checkout(patch("a", "before", rule)))) == ["fail"]
    elsewhere = patch("a", "before", rule, "bcm-dual-interrelated_diff/inference_x.py")
    assert statuses(RULES, rule, context(checkout=checkout(elsewhere))) == ["warn"]
    assert statuses(RULES, rule, context({"variant": "dual"}, checkout=checkout(patch("a", "before", rule)))) == [
        "warn"
    ]
    assert statuses(RULES, rule, context(checkout=checkout(patch("a", "before", rule, default=False)))) == ["ok"]


def test_a_patch_without_its_folder_is_not_repairable():
    lacking = patch("a", "before", "SRC001", reason="no value for foreground", lacks=("foreground",))
    (row,) = findings(RULES, "SRC001", context(checkout=checkout(lacking)))
    assert (row.repairable, row.caused_by) == (False, "DATA005")


def test_a_literal_that_no_patch_treats():
    literal = PathLiteral("bcm-dual-interrelated_diff/x.sh", 3, "/path/to/x", "placeholder")
    (row,) = findings(RULES, "SRC001", context(checkout=checkout(literals=(literal,))))
    assert row.evidence == "bcm-dual-interrelated_diff/x.sh:3"


def test_the_guides_second_change_matters_only_without_the_cure():
    temporal = patch("temporal-dtype", "before", "SRC002", default=False)
    open_cure = patch("mixed-precision", "before", "SRC003")
    assert statuses(RULES, "SRC002", context(checkout=checkout(temporal, open_cure))) == ["ok"]
    (row,) = findings(RULES, "SRC002", context(HALF, checkout=checkout(temporal, open_cure)))
    assert (row.status, row.caused_by) == ("warn", "SRC003")
    cured = patch("mixed-precision", "after", "SRC003")
    assert statuses(RULES, "SRC002", context(HALF, checkout=checkout(temporal, cured))) == ["ok"]


def test_half_precision_fails_without_the_cure():
    source = checkout(patch("mixed-precision", "before", "SRC003"))
    assert statuses(RULES, "SRC003", context(HALF, checkout=source)) == ["fail"]
    assert statuses(RULES, "SRC003", context(checkout=source)) == ["warn"]
    by_config = accelerate({"mixed_precision": "bf16"})
    assert statuses(RULES, "SRC003", context(checkout=source, accelerate=by_config)) == ["fail"]
    forced = checkout(patch("forced-half", "before", "SRC003"))
    assert statuses(RULES, "SRC003", context(checkout=forced)) == ["fail"]


def test_drifted_source_is_told_and_not_repaired():
    (row,) = findings(RULES, "SRC004", context(checkout=checkout(patch("a", "drifted", "SRC006", reason="reads so"))))
    assert (row.status, row.repairable) == ("warn", False)
    other_tree = patch("a", "missing", "SRC006", "dual-interrelated_diff/train_x.py")
    assert statuses(RULES, "SRC004", context(checkout=checkout(other_tree))) == ["ok"]
    assert statuses(RULES, "SRC004", context(checkout=checkout(patch("a", "missing", "SRC006")))) == ["warn"]


def test_a_debugger_import_warns_where_it_is_installed():
    source = checkout(debugger_imports=("x/pipeline.py",))
    assert statuses(RULES, "SRC005", context(checkout=source)) == ["fail"]
    assert statuses(RULES, "SRC005", context(checkout=source, environment=environment("3.10.1", "ipdb"))) == ["warn"]


def test_several_processes():
    assert statuses(RULES, "SRC007", context({"num_processes": 2}, checkout=checkout())) == ["warn"]
    config = accelerate({"num_processes": 2, "distributed_type": "MULTI_GPU"})
    assert statuses(RULES, "SRC007", context(checkout=checkout(), accelerate=config)) == ["warn"]


def test_a_folder_that_is_no_checkout():
    ctx = context(checkout=checkout(recognised=False, nested_hint="/co/inner"))
    (row,) = findings(RULES, "SRC008", ctx)
    assert (row.status, "/co/inner" in row.cure) == ("fail", True)
    assert findings(RULES, "SRC001", ctx)[0].caused_by == "SRC008"
