"""Which mended copy is planned, on real folders."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dualano_setup.facts.fact import Known
from dualano_setup.facts.project.model import probe
from dualano_setup.facts.sheet import FactSheet
from dualano_setup.knowledge.catalogue import load
from dualano_setup.repairs.planners.mended_model import plan_copy
from dualano_setup.rules.rule import Context
from dualano_setup.settings.resolve import resolve

VOCABULARY = {"a</w>": 0, "字</w>": 1, "<|startoftext|>": 2, "<|endoftext|>": 3}


@pytest.fixture
def project(tmp_path):
    tokenizer = tmp_path / "sd" / "tokenizer"
    tokenizer.mkdir(parents=True)
    (tmp_path / "sd" / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    (tokenizer / "tokenizer_config.json").write_text('{"model_max_length": 77}')
    model = {"type": "BPE", "vocab": VOCABULARY, "merges": [["字", "a</w>"], ["a", "b"]]}
    (tokenizer / "tokenizer.json").write_text(json.dumps({"model": model}))
    (tmp_path / "dualano.toml").write_text('model = "sd" # mine\n')
    return tmp_path


def planned(project, flags=None):
    settings = resolve(flags or {}, {}, project)
    model = probe(settings)
    assert isinstance(model, Known)
    profile = replace(load("guide-cu118"), packages={"transformers": "4.44.2", "diffusers": "0.31.0"})
    return plan_copy(Context(FactSheet(model=model), settings, profile), model.value)


def test_the_vocabulary_is_written_as_transformers_4_reads_it(project):
    copy, setting = planned(project).actions
    assert copy.left_out == ("tokenizer/tokenizer.json",)
    written = dict(zip(copy.names, copy.contents, strict=True))
    assert json.loads(written["tokenizer/vocab.json"]) == VOCABULARY
    assert written["tokenizer/merges.txt"].decode() == "#version: 0.2\n字 a</w>\na b\n"
    assert setting.content.decode() == 'model = ".dualano/models/sd" # mine\n'
    assert (copy.source, copy.path) == (project / "sd", project / ".dualano" / "models" / "sd")


def test_merges_of_an_older_tokenizers_are_text_already(project):
    file = project / "sd" / "tokenizer" / "tokenizer.json"
    file.write_text(json.dumps({"model": {"vocab": VOCABULARY, "merges": ["a b"]}}))
    copy, _ = planned(project).actions
    assert dict(zip(copy.names, copy.contents, strict=True))["tokenizer/merges.txt"] == b"#version: 0.2\na b\n"


@pytest.mark.parametrize("text", ['{"version": "1.0"}', "[]", "{", '{"model": {"vocab": 3, "merges": []}}'])
def test_without_a_vocabulary_nothing_is_planned(project, text):
    (project / "sd" / "tokenizer" / "tokenizer.json").write_text(text)
    found = planned(project)
    assert (found.actions, len(found.notes)) == ((), 1)


def test_a_place_that_is_taken_is_left_alone(project):
    (project / ".dualano" / "models" / "sd").mkdir(parents=True)
    copy, setting = planned(project).actions
    assert copy.path.name == "sd-2"
    assert b".dualano/models/sd-2" in setting.content


def test_a_copy_can_itself_be_copied(project):
    (project / ".dualano" / "models").mkdir(parents=True)
    (project / "sd").rename(project / ".dualano" / "models" / "sd")
    (project / "dualano.toml").write_text('model = ".dualano/models/sd"\n')
    copy, _ = planned(project).actions
    assert (copy.source.name, copy.path.name) == ("sd", "sd-2")


def test_a_flag_that_beats_the_file_is_told_and_no_second_copy_made(project):
    flags = {"model": project / "sd"}
    first = planned(project, flags)
    assert len(first.actions) == 2
    assert "--model names the model as it was" in first.notes[0]
    (project / ".dualano" / "models" / "sd").mkdir(parents=True)
    (project / "dualano.toml").write_bytes(first.actions[1].content)
    again = planned(project, flags)
    assert again.actions == ()
    assert str(project / ".dualano" / "models" / "sd") in again.notes[0]
