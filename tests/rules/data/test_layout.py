"""What `check` says of data in another layout: its name, and the line that brings it into training's."""

from __future__ import annotations

import shlex

import pytest

from dualano_setup.facts.fact import Known
from dualano_setup.facts.project.dataset import probe
from dualano_setup.facts.sheet import Dataset
from dualano_setup.rules.data.layout import EXPECTED
from dualano_setup.rules.data.rules import RULES
from dualano_setup.settings.options import Settings
from tests.facts.project.layouts.published import ALL
from tests.rules.project_sheets import context, dataset, findings, images

OTHERS = [name for name in ALL if name not in ("mvtec", "mpdd")]


@pytest.mark.parametrize("name", OTHERS)
def test_each_layout_is_named_with_the_line_to_type(name, tmp_path):
    made = ALL[name](tmp_path / "my data")
    root = made.source if made.source.is_dir() else made.source.parent
    seen = probe(Settings(tmp_path, data=root, category=made.category, anomaly=made.anomaly))
    rows = [row for rule in RULES[:2] for row in findings(RULES, rule.id, context(dataset=seen.value))]
    said = [row for row in rows if "dualano-doctor import" in row.cure]
    assert said, rows
    assert any(made.title in row.detail for row in said) or "train/good" in said[0].detail
    assert EXPECTED in said[0].cure
    typed = shlex.split(said[0].cure.split("`")[1])
    assert typed[:2] == ["dualano-doctor", "import"]
    assert typed[2].startswith(str(root))


@pytest.mark.parametrize("name", ["mvtec", "mpdd"])
def test_trainings_own_layout_is_fine(name, tmp_path):
    made = ALL[name](tmp_path)
    seen = probe(Settings(tmp_path, data=made.source, category=made.category, anomaly=made.anomaly))
    assert isinstance(seen, Known)
    assert seen.value.layout == ""
    rows = [row for rule in RULES[:3] for row in findings(RULES, rule.id, context(dataset=seen.value))]
    assert {row.status for row in rows} == {"ok"}


def test_a_folder_of_no_known_layout_gets_the_expected_one_in_words():
    (row,) = findings(RULES, "DATA001", context(dataset=Dataset("/x", True, category="part", anomaly="scratch")))
    assert EXPECTED in row.cure
    assert "--good DIR --images DIR --masks DIR" in row.cure


def test_several_masks_of_one_image_are_one_row():
    masks = images("/m", "000_mask1.png", "000_mask2.png", "001_mask.png", "002_mask.png")
    (row,) = findings(RULES, "DATA003", context(dataset=dataset(masks=masks)))
    assert (row.status, row.subject) == ("fail", "several masks")
    assert "000_mask1.png, 000_mask2.png" in row.detail
    assert "dualano-doctor import" in row.cure


def test_masks_of_another_naming_are_paired_by_an_import():
    masks = images("/m", "gt_000.png", "gt_001.png", "gt_002.png")
    rows = findings(RULES, "DATA003", context(dataset=dataset(masks=masks)))
    assert all("dualano-doctor import" in row.cure and "another way" in row.cure for row in rows)
