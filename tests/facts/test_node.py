"""A compute node's report stands in for the machine and GPUs of this one."""

import json

import pytest

from dualano_setup.errors import UsageError
from dualano_setup.facts.fact import Absent, Known
from dualano_setup.facts.node import sight_of
from dualano_setup.facts.serialize import sheet_to_json
from dualano_setup.facts.sheet import FactSheet
from dualano_setup.settings.options import Settings
from tests.worlds.project import GPUS, MACHINE


def test_the_nodes_gpus_are_judged_and_the_files_are_looked_at_here(tmp_path):
    away = FactSheet(machine=Known(MACHINE), gpus=Known(GPUS), model=Absent("there"))
    (tmp_path / "node.json").write_text(json.dumps({"schema": 1, "facts": sheet_to_json(away)}))
    seen = sight_of(str(tmp_path / "node.json"))(Settings(project=tmp_path))
    assert seen.gpus == Known(GPUS)
    assert seen.machine == Known(MACHINE)
    assert seen.model != away.model


@pytest.mark.parametrize(
    "text", [None, "", "[]", "{}", '{"facts": 3}', '{"facts": {"gpus": {"state": "?"}}}', "[" * 5000]
)
def test_what_is_no_report_is_said(tmp_path, text):
    if text is not None:
        (tmp_path / "node.json").write_text(text)
    with pytest.raises(UsageError, match="no report of a node"):
        sight_of(str(tmp_path / "node.json"))
