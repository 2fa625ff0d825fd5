"""What accelerate leaves to its users: processes that were launched together and did not find each other."""

import pytest
from transformers import CLIPTokenizer

from tests.trainer import runs
from trainer.errors import TrainerError
from trainer.method.text import tokenize
from trainer.train import environment


def test_twins_that_did_not_find_each_other_are_refused(monkeypatch):
    """accelerate 1.15 with MULTI_GPU where no GPU is seen: each process is number 0 of 1."""

    class Alone:
        num_processes = 1

    monkeypatch.setattr(environment, "PartialState", lambda **_: Alone())
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "0"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "29500")):
        monkeypatch.setenv(name, value)
    with pytest.raises(TrainerError, match="started 2 processes but 1 joined"):
        environment.join_processes()
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert environment.join_processes().num_processes == 1


def test_a_folder_without_a_length_pads_to_77(tmp_path):
    """transformers 4.44 and 5.24 take 10^30 where tokenizer_config.json names no length."""
    folder = runs.miniature() / "model" / "tokenizer"
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    tokenizer = CLIPTokenizer.from_pretrained(str(tmp_path))
    assert tokenizer.model_max_length > 10**20
    assert tokenize(tokenizer, ["a vfx with sks", ""]).shape == (2, 77)
