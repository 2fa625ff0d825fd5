"""Every row of every table says where it is from, when it was looked at and how sure it is."""

from __future__ import annotations

import json
import re
import sys
from datetime import date
from pathlib import Path

import pytest

import dualano_setup.knowledge
from dualano_setup.knowledge.profile import COMPILED

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(dualano_setup.knowledge.__file__).parent
TABLES = sorted(set(FOLDER.rglob("*.json")) - {COMPILED})  # that one is written from the profiles' TOML files
LEVELS = {"reproduced", "inspected", "source", "issue", "derived", "estimate", "announced", "knowledge"}


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_every_row_has_its_source_date_and_level(file):
    document = json.loads(file.read_text())
    assert document["note"]
    assert document["rows"]
    assert set(document["levels"]) <= LEVELS
    for row in document["rows"]:
        assert len(row["source"]) > 7, row
        assert date(2026, 1, 1) <= date.fromisoformat(row["checked"]) <= date.today(), row
        assert row["level"] in document["levels"], row
        assert "from memory" not in row["source"]
        assert "find_string" not in row["source"], row


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_the_rows_of_a_table_have_the_same_keys_and_differ_from_each_other(file):
    rows = json.loads(file.read_text())["rows"]
    said = {"source", "checked", "level"}
    assert len({json.dumps({k: v for k, v in row.items() if k not in said}) for row in rows}) == len(rows)
    if file.stem not in ("run_needs", "hub_names"):
        assert len({tuple(sorted(row)) for row in rows}) == 1


def test_builds_and_architectures_tell_the_same_story():
    releases = json.loads((FOLDER / "torch_releases.json").read_text())["rows"]
    listed = {(r["torch"], r["cuda"]) for r in json.loads((FOLDER / "torch_architectures.json").read_text())["rows"]}
    for row in releases:
        minor = re.match(r"\d+\.\d+", row["torch"])[0]
        assert row["default_cuda"] in row["builds"]
        assert {cuda for torch, cuda in listed if torch == minor} <= set(row["builds"])


@pytest.mark.parametrize("file", sorted((FOLDER / "requirements").glob("*.toml")), ids=lambda file: file.name)
def test_what_is_known_about_pins_names_its_sources(file):
    document = tomllib.loads(file.read_text())
    rows = [row for table in document.values() if isinstance(table, list) for row in table]
    assert rows
    assert all(row["source"] for row in rows)
