"""The trained base in the wheel: its card tells its numbers, and runs do not carry its weights."""

from __future__ import annotations

import json

from tests.places import ROOT
from trainer.miniature.base import TRAINED_BASE, unpack


def test_it_is_small_in_half_precision_and_has_a_card_with_its_numbers():
    assert TRAINED_BASE.stat().st_size <= 12_000_000
    parts, metadata = unpack(TRAINED_BASE)
    card = (TRAINED_BASE.parent / "CARD.md").read_text(encoding="utf-8")
    measured = json.loads((ROOT / "tools" / "miniature_base" / "card.json").read_text(encoding="utf-8"))
    for part, tensors in parts.items():
        assert sum(tensor.size for tensor in tensors.values()) == measured["parameters"][part], part
    assert float(metadata["scaling_factor"]) == measured["scaling_factor"]
    named = measured["named_by_kind"]["any"]
    for value in (named["whole, drawn"], named["whole, recoded"], measured["samples_named"]["whole"]):
        assert f"{100 * value:.1f} %" in card
