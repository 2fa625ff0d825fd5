"""A sheet as JSON says all that the sheet does."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualano_setup.facts import sheet as records
from dualano_setup.facts.collect import collect
from dualano_setup.facts.fact import Absent, Known, Unknown
from dualano_setup.facts.serialize import sheet_to_json
from dualano_setup.facts.sheet import FactSheet
from dualano_setup.settings.options import Settings

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
st.register_type_strategy(dict, st.dictionaries(st.text(), values, max_size=2))
st.register_type_strategy(object, values)


def facts(kind):
    words = st.text(max_size=5)
    return st.builds(Known, st.builds(kind), words) | st.builds(Absent, words, words) | st.builds(Unknown, words, words)


sheets = st.builds(
    FactSheet,
    machine=facts(records.Machine),
    gpus=facts(records.Gpus),
    environment=facts(records.Environment),
    requirements=facts(records.RequirementsFile),
    accelerate=facts(records.AccelerateConfig),
    dataset=facts(records.Dataset),
    model=facts(records.BaseModel),
    checkout=facts(records.Checkout),
    installers=facts(records.Installers),
    network=facts(records.Network),
)


def as_told(fact):
    """What JSON should hold of a fact, by the standard library's own way to plain values."""
    if isinstance(fact, Known):
        return {"state": "known", "value": json.loads(json.dumps(asdict(fact.value))), "source": fact.source}
    return {"state": type(fact).__name__.lower(), "reason": fact.reason, "source": fact.source}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(sheets)
def test_any_sheet_is_told_whole(sheet):
    assert json.loads(json.dumps(sheet_to_json(sheet))) == {
        field.name: as_told(getattr(sheet, field.name)) for field in fields(FactSheet)
    }


def test_this_machines_sheet_is_told_whole(tmp_path):
    sheet = collect(Settings(project=tmp_path))
    assert sheet_to_json(sheet)["machine"] == as_told(sheet.machine)


def test_the_document_has_every_field_and_a_state_each():
    document = sheet_to_json(FactSheet())
    assert set(document) == {field.name for field in fields(FactSheet)}
    assert {fact["state"] for fact in document.values()} == {"absent"}
