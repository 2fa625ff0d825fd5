"""The compiled profiles say what the TOML files say."""

import json

from dualano_setup.knowledge.profile import COMPILED
from dualano_setup.upkeep import profiles


def test_the_compiled_file_is_up_to_date(tmp_path, monkeypatch):
    assert json.loads(COMPILED.read_text(encoding="utf-8")) == profiles.compiled()
    monkeypatch.setattr(profiles, "COMPILED", tmp_path / "all.json")
    assert profiles.main() == 0
    assert (tmp_path / "all.json").read_bytes() == COMPILED.read_bytes()
