"""A generation that gives nothing usable is no success."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.errors import TrainerError
from trainer.generate import run as generation
from trainer.generate.manifest import Manifest, Record, check_settings
from trainer.generate.settings import GenerationSettings


def _record(index: int, rejected: str | None) -> Record:
    return Record(
        index=index, seed=1, file=f"{index:05d}.png", prompt="a", prompt_fg="b", weights="w", background=None,
        mask_area=None if rejected else 0.1, quality=None, rejected=rejected,
    )  # fmt: skip


@pytest.mark.parametrize(("rejected", "usable"), [(["nothing stands out"] * 2, 0), (["nothing stands out", None], 1)])
def test_none_accepted_fails_and_says_where_they_are(tmp_path, monkeypatch, capsys, rejected, usable):
    def run_batches(_settings, _facts, _generator, manifest: Manifest, pending):
        manifest.add([_record(index, rejected[index]) for index in pending])

    monkeypatch.setattr(generation, "run_batches", run_batches)
    monkeypatch.setattr(generation, "load_generator", lambda *_: None)
    settings = GenerationSettings("model", Path("weights"), Path(tmp_path), num_images=2, batch_size=1, resolution=64)
    if usable:
        generation.make_pairs(settings, {"weights": "w"}, None, ())
        assert "1 pairs accepted" in capsys.readouterr().out
    else:
        with pytest.raises(TrainerError, match=r"None of the 2 pairs was accepted; they are in .*rejected"):
            generation.make_pairs(settings, {"weights": "w"}, None, ())
    assert len(Manifest(tmp_path).records) == 2


def test_other_weights_are_told_without_their_hashes(tmp_path):
    check_settings(tmp_path, {"weights": "a" * 64, "seed": 1})
    with pytest.raises(TrainerError) as told:
        check_settings(tmp_path, {"weights": "b" * 64, "seed": 2})
    assert "other weights" in str(told.value)
    assert "seed: 1 before, 2 now" in str(told.value)
    assert "aaa" not in str(told.value)
