"""A sheet survives the way to JSON and back, and nonsense is refused with its place."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualano_setup.facts import sheet as records
from dualano_setup.facts.collect import collect
from dualano_setup.facts.fact import Absent, Known, Unknown
from dualano_setup.facts.serialize import sheet_from_json, sheet_to_json
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


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(sheets)
def test_any_sheet_survives_the_round_trip(sheet):
    assert sheet_from_json(json.loads(json.dumps(sheet_to_json(sheet)))) == sheet


def test_this_machines_sheet_survives_too(tmp_path):
    sheet = collect(Settings(project=tmp_path))
    assert sheet_from_json(json.loads(json.dumps(sheet_to_json(sheet)))) == sheet


def test_the_document_has_every_field_and_a_state_each():
    document = sheet_to_json(FactSheet())
    assert set(document) == {field.name for field in fields(FactSheet)}
    assert {fact["state"] for fact in document.values()} == {"absent"}


def test_a_newer_or_shorter_sheet_can_be_read():
    document = sheet_to_json(FactSheet(machine=Unknown("why", "where")))
    del document["gpus"]
    document["weather"] = {"state": "known", "value": "fine"}
    assert sheet_from_json(document) == FactSheet(machine=Unknown("why", "where"))


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "JSON object"),
        ({"machine": 3}, "machine"),
        ({"machine": {"state": "maybe"}}, "machine: state is 'maybe'"),
        ({"gpus": {"state": "known", "value": {"driver": None}}}, "gpus"),
        ({"network": {"state": "known", "value": {"indexes": [{"url": 3, "ok": True}]}}}, r"network.indexes\[0\].url"),
        ({"network": {"state": "known", "value": {"indexes": 5}}}, "network.indexes"),
    ],
)
def test_nonsense_is_refused_with_its_place(document, place):
    with pytest.raises(ValueError, match=place):
        sheet_from_json(document)
