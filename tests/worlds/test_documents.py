"""What programs read, on one broken world of every rule: each document against the schema that promises its form."""

import json
from dataclasses import replace

import jsonschema
import pytest

from dualano_setup.repairs.plan import make_plan
from dualano_setup.repairs.saved_plan import plan_document
from dualano_setup.report.document import report_document, schema_text
from dualano_setup.report.sarif import sarif_report
from tests.places import SARIF_SUBSET
from tests.worlds.catalogue import WORLDS

CHECK, PLAN, SARIF = (
    jsonschema.Draft202012Validator(json.loads(text))
    for text in (schema_text("check"), schema_text("plan"), SARIF_SUBSET.read_text(encoding="utf-8"))
)
ONE_OF_EACH_RULE = tuple({world.rule: world for world in reversed(WORLDS)}.values())
ONE_OF_EACH_REPAIR = tuple({world.rule: world for world in reversed(WORLDS) if world.repairable}.values())


@pytest.mark.parametrize("world", ONE_OF_EACH_RULE, ids=lambda world: world.id)
def test_the_report_on_a_broken_world_keeps_its_schemas(project, world):
    world.lay(project)
    report = project.look()
    document = json.loads(report_document(report))
    CHECK.validate(document)
    assert world.rule in {row["rule"] for row in document["findings"]}
    scan = json.loads(sarif_report(report))
    SARIF.validate(scan)
    run = scan["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert [rules[result["ruleIndex"]] for result in run["results"]] == [r["ruleId"] for r in run["results"]]
    assert world.rule in {result["ruleId"] for result in run["results"]}


@pytest.mark.parametrize("world", ONE_OF_EACH_REPAIR, ids=lambda world: world.id)
def test_the_plan_for_a_broken_world_keeps_its_schema(repairable, bench, world):
    world.lay(repairable)
    if not bench.pythons:
        pytest.skip("no Python of the profiles' range is here to plan an environment from")
    report = repairable.look()
    report = replace(report, profile=bench.local(report.profile))
    document = json.loads(json.dumps(plan_document(report, make_plan(report), frozenset())))
    PLAN.validate(document)
    if not world.stays:
        assert world.rule in {rule for action in document["actions"] for rule in action["rules"]}
