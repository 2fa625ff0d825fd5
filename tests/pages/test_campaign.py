"""A campaign's page: what needs attention comes first."""

from __future__ import annotations

import json
import time

from dualano_setup.flows.report import report
from dualano_setup.pages.campaign import campaign_html, read_campaign
from dualano_setup.settings.options import Settings
from tests.pages.campaigns import made_up_campaign


def test_what_needs_attention_comes_first(tmp_path):
    folder = made_up_campaign(tmp_path, "all", 10)
    page = read_campaign(Settings(tmp_path), folder)
    assert [card.state for card in page.cards] == [
        *["failed"] * 2, *["left out"] * 2, *["running"] * 2, *["waiting"] * 2, *["done"] * 2,
    ]  # fmt: skip
    assert "2 of 10 are done; 4 need attention" in page.sentence
    assert page.cards[0].why == "CUDA out of memory <b>"
    assert "out of memory <b>" not in campaign_html(Settings(tmp_path), folder)
    last = page.cards[-1]
    assert dict(last.numbers)["pairs accepted"] == "4 / 5"
    assert last.real
    assert last.pair.image
    assert last.pair.mask


def test_few_accepted_pairs_need_a_look(tmp_path):
    folder = made_up_campaign(tmp_path, "all", 1)
    manifest = folder / "jobs/part00-scratch/generate.1/manifest.jsonl"
    rows = [json.loads(line) | {"rejected": "empty"} for line in manifest.open()]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [card.state for card in read_campaign(Settings(tmp_path), folder).cards] == ["doubtful"]


def test_a_damaged_plan_is_said_so(tmp_path):
    folder = made_up_campaign(tmp_path, "all", 1)
    for text in ("{", "[]", '{"jobs": [{"id": "../.."}, 7]}', '{"jobs": 3}'):
        (folder / "plan.json").write_text(text)
        assert "cannot be read" in read_campaign(Settings(tmp_path), folder).sentence


def test_seventy_three_anomalies_in_fifteen_seconds(tmp_path):
    made_up_campaign(tmp_path, "big", 73, steps=400, pairs=5)
    began = time.process_time()
    target = report(Settings(tmp_path, offline=True), "big", None)
    assert time.process_time() - began < 15
    assert target == tmp_path / "outputs/campaigns/big/report.html"
    assert target.stat().st_size < 5_000_000
