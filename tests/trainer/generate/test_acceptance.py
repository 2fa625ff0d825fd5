"""`--accepted N`: goes on until N pairs are accepted, within a limit, whatever the batch, and counts what is there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from trainer.errors import TrainerError
from trainer.generate import run as generation
from trainer.generate.__main__ import main, parse_arguments
from trainer.generate.manifest import Manifest
from trainer.generate.settings import GenerationSettings

FACTS = {"weights": "w", "gate": 1, "training": []}
#: Which pairs of the scripted generator show their anomaly.
GOOD = (1, 3, 4, 6, 7, 9)


class Scripted:
    """In place of a network: a grey disc on a plate; the part shows it always, the whole image in GOOD alone."""

    side = 64

    def __init__(self):
        self.made = []

    def background(self, _index):
        return None

    def pairs(self, indexes):
        self.made += indexes
        return np.stack([self._pair(index) for index in indexes])

    def _pair(self, index):
        whole = np.full((64, 64, 3), 190, np.uint8)
        part = np.full((64, 64, 3), 128, np.uint8)
        square = np.s_[20 + index : 30 + index, 20:30]
        part[square] = (30, 30, 40 + index)
        if index in GOOD:
            whole[square] = (30, 30, 40 + index)
        return np.stack([whole, part])


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Generates into a folder with the scripted generator; returns the indexes that it was asked for."""

    def work(name, **values):
        generator = Scripted()
        monkeypatch.setattr(generation, "load_generator", lambda *_: generator)
        settings = GenerationSettings("model", tmp_path / "weights", tmp_path / name, **values)
        try:
            generation.make_pairs(settings, FACTS, None, ())
        finally:
            work.made = generator.made
        return tmp_path / name

    return work


@pytest.mark.parametrize("batch", [1, 3, 4, 16])
def test_as_many_as_asked_for_whatever_the_batch(make, batch, capsys):
    folder = make("o", accepted=3, batch_size=batch)
    manifest = Manifest(folder)
    assert [record.index for record in manifest.accepted()] == [1, 3, 4]
    assert sorted(manifest.records) == [0, 1, 2, 3, 4]
    assert len(list((folder / "mask").iterdir())) == 3
    assert len(list((folder / "rejected" / "image").iterdir())) == 2
    told = capsys.readouterr().out
    assert "3 pairs accepted, 2 rejected" in told
    assert "reasons: not-shown 2" in told
    assert json.loads((folder / "summary.json").read_text())["reasons"] == {"not-shown": 2}


def test_what_is_there_counts_and_a_lost_file_does_not(make):
    folder = make("o", accepted=2, batch_size=2)
    assert make.made == [0, 1, 2, 3]
    make("o", accepted=2)
    assert make.made == []
    make("o", accepted=4, batch_size=2)
    assert make.made[0] == 4
    assert [record.index for record in Manifest(folder).accepted()] == [1, 3, 4, 6]
    (folder / "mask" / "00003.png").unlink()
    make("o", accepted=4, batch_size=1)
    assert make.made == [3]
    assert (folder / "mask" / "00003.png").is_file()


def test_the_limit_ends_it_with_what_is_there_and_a_larger_one_goes_on(make):
    with pytest.raises(TrainerError, match=r"2 of 5 pairs are accepted after 4 pairs, and --limit is 4.*larger"):
        make("o", accepted=5, limit=4)
    assert make.made == [0, 1, 2, 3]
    with pytest.raises(TrainerError, match="2 of 5"):
        make("o", accepted=5, limit=4)
    assert make.made == []
    folder = make("o", accepted=5, limit=9)
    assert make.made[0] == 4
    assert len(Manifest(folder).accepted()) == 5


def test_without_a_limit_it_ends_after_ten_pairs_for_each_that_is_wanted(make):
    with pytest.raises(TrainerError, match=r"6 of 7 pairs are accepted after 70 pairs, and --limit is 70"):
        make("o", accepted=7, batch_size=8)


def test_each_record_has_its_reasons_numbers_and_spread(make):
    records = Manifest(make("o", num_images=5)).records
    assert records[0].reasons == ["not-shown"]
    assert records[0].measures["shown"] < 0.1
    assert "share 0.0" in records[0].rejected
    assert records[1].reasons == []
    assert "nearest_in_set" not in records[1].measures
    assert records[3].measures["nearest_in_set"] > 0
    assert records[3].quality == records[3].measures["agreement"] > 0.9


def test_a_manifest_of_an_earlier_version_is_read_and_a_damaged_one_is_not(make, tmp_path):
    folder = make("o", num_images=2)
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    earlier = {k: v for k, v in lines[1].items() if k not in ("reasons", "measures", "nearest_training")}
    (folder / "manifest.jsonl").write_text(json.dumps(earlier) + "\n")
    assert Manifest(folder).records[1].reasons == []
    for name, value in (("reasons", "x"), ("reasons", [1]), ("measures", {"a": "b"}), ("nearest_training", 3)):
        (folder / "manifest.jsonl").write_text(json.dumps(lines[1] | {name: value}) + "\n")
        with pytest.raises(TrainerError, match="line 1 is not a record"):
            Manifest(folder)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--accepted", "3", "--num_images", "5"), "not allowed with argument"),
        (("--limit", "5"), "--accepted N, which is not given"),
        (("--accepted", "5", "--limit", "4"), "--limit 4 is less than --accepted 5"),
        (("--accepted", "5", "--no_masks"), "--no_masks"),
        (("--accepted", "0"), "--accepted"),
        (("--accepted", "1.5"), "--accepted"),
    ],
)
def test_wrong_usage_is_told_before_anything_starts(flags, words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--pretrained_model_name_or_path", "m", "--weights", "w", "--output_dir", "o", *flags])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_what_was_asked_for_is_in_the_settings():
    base = ["--pretrained_model_name_or_path", "m", "--weights", "w", "--output_dir", "o"]
    assert parse_arguments(base).most == 500
    assert parse_arguments([*base, "--num_images", "3"]).most == 3
    assert parse_arguments([*base, "--accepted", "3"]).most == 30
    assert parse_arguments([*base, "--accepted", "3", "--limit", "7"]).most == 7


def test_a_folder_that_was_begun_without_the_gate_goes_on_without_it(make, tmp_path):
    from trainer.generate.judging import gate_facts

    settings = GenerationSettings("model", tmp_path / "w", tmp_path / "old")
    assert gate_facts(settings) == {"gate": 1, "training": []}
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "generation.json").write_text("{}")
    assert gate_facts(settings) == {}
