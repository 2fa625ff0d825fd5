"""Which mended copy is planned, on real folders."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dualano_setup.facts.fact import Known
from dualano_setup.facts.project.model import probe
from dualano_setup.facts.sheet import FactSheet
from dualano_setup.knowledge.catalogue import load
from dualano_setup.repairs.planners import model as planner
from dualano_setup.repairs.planners.mended_model import plan_copy
from dualano_setup.rules.finding import Finding
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


def context(project, flags=None):
    settings = resolve(flags or {}, {}, project)
    profile = replace(load("guide-cu118"), packages={"transformers": "4.44.2", "diffusers": "0.31.0"})
    return Context(FactSheet(model=probe(settings)), settings, profile)


def planned(project, flags=None):
    seen = context(project, flags)
    assert isinstance(seen.sheet.model, Known)
    return plan_copy(seen, seen.sheet.model.value)


def planned_for(project, *rules):
    return planner.plan(context(project), [Finding(rule, "fail", "", repairable=True) for rule in rules])


def weights_file(file, names):
    """Safetensors with two bytes a tensor."""
    rows = {name: {"dtype": "F16", "shape": [1], "data_offsets": [2 * i, 2 * i + 2]} for i, name in enumerate(names)}
    header = json.dumps(rows).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(2 * len(names)))


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


SHARDS = {
    "model-00001-of-00002.safetensors": ["final_layer_norm.bias", "text_projection.weight"],
    "model-00002-of-00002.safetensors": ["encoder.layers.0.weight", "embeddings.position_ids"],
}


@pytest.fixture
def sharded(project):
    """The project's model with a text encoder in two files, whose first alone does not tell how they were saved."""
    folder = project / "sd" / "text_encoder"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    for name, tensors in SHARDS.items():
        weights_file(folder / name, tensors)
    placed = {tensor: name for name, tensors in SHARDS.items() for tensor in tensors}
    index = {"metadata": {"total_size": 8}, "weight_map": placed}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return project


def test_a_text_encoder_in_shards_gets_its_names_in_every_file_and_in_the_index(sharded):
    copy, _ = planned(sharded).actions
    assert copy.prefixed == tuple(f"text_encoder/{name}" for name in SHARDS)
    written = dict(zip(copy.names, copy.contents, strict=True))
    index = json.loads(written["text_encoder/model.safetensors.index.json"])
    first, second = SHARDS
    assert index == {
        "metadata": {"total_size": 8},
        "weight_map": {
            "text_model.final_layer_norm.bias": first,
            "text_projection.weight": first,
            "text_model.encoder.layers.0.weight": second,
            "text_model.embeddings.position_ids": second,
        },
    }


@pytest.mark.parametrize("text", ['{"weight_map": {"encoder.a": "../x.safetensors"}}', "[]", "{"])
def test_a_broken_index_of_shards_plans_nothing(sharded, text):
    (sharded / "sd" / "tokenizer" / "tokenizer.json").write_text("{")  # nor does the tokenizer help
    (sharded / "sd" / "text_encoder" / "model.safetensors.index.json").write_text(text)
    assert planned(sharded).actions == ()


@pytest.fixture
def pickled(project):
    """The project's model with a UNet in pickled shards and a pickled text encoder."""
    for part, names in (
        ("unet", ("diffusion_pytorch_model-00001-of-00002.bin", "diffusion_pytorch_model-00002-of-00002.bin")),
        ("text_encoder", ("pytorch_model.bin",)),
    ):
        (project / "sd" / part).mkdir()
        (project / "sd" / part / "config.json").write_text("{}")
        for name in names:
            (project / "sd" / part / name).write_bytes(b"PK\x03\x04")
    one, two = (f"diffusion_pytorch_model-0000{number}-of-00002.bin" for number in (1, 2))
    index = {"metadata": {"total_size": 1}, "weight_map": {"a": one, "b": two}}
    (project / "sd" / "unet" / "diffusion_pytorch_model.bin.index.json").write_text(json.dumps(index))
    return project


CONVERTED = [
    "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
    "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
    "text_encoder/model.safetensors",
]
INDEX = "unet/diffusion_pytorch_model.safetensors.index.json"


def test_one_copy_cures_a_misread_part_and_pickles(pickled):
    copy, setting, *converted, index = planned_for(pickled, "MODEL006", "SEC001").actions
    assert set(copy.left_out) == {
        "tokenizer/tokenizer.json",
        "unet/diffusion_pytorch_model-00001-of-00002.bin",
        "unet/diffusion_pytorch_model-00002-of-00002.bin",
        "unet/diffusion_pytorch_model.bin.index.json",
        "text_encoder/pytorch_model.bin",
    }
    assert copy.rules == setting.rules == ("MODEL006", "SEC001")
    assert [action.outputs for action in converted] == [(copy.path / name,) for name in CONVERTED]
    assert all(action.arguments[1].startswith(f"{pickled / 'sd'}/") for action in converted)
    assert index.path == copy.path / INDEX


def test_pickles_alone_are_converted_beside_them_with_an_index_for_shards(pickled):
    *converted, index = planned_for(pickled, "SEC001").actions
    assert [action.outputs for action in converted] == [(pickled / "sd" / name,) for name in CONVERTED]
    assert (index.path, index.before_sha256) == (pickled / "sd" / INDEX, "")
    one, two = (name.partition("/")[2] for name in CONVERTED[:2])
    assert json.loads(index.content) == {"metadata": {"total_size": 1}, "weight_map": {"a": one, "b": two}}


def test_a_misread_part_alone_keeps_the_pickles_in_the_copy(pickled):
    copy, _ = planned_for(pickled, "MODEL006").actions
    assert copy.left_out == ("tokenizer/tokenizer.json",)
