"""Rules about the base model, on hand-made sheets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dualano_setup.facts.fact import Unknown
from dualano_setup.facts.project.model_layout import NO_LENGTH, NO_PREFIX, ONE_FILE, STALE_INDEX
from dualano_setup.facts.sheet import BaseModel, Distribution, ModelPart
from dualano_setup.rules.model import RULES
from tests.rules.project_sheets import INDEX, checkout, context, environment, findings, model, statuses


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
@pytest.mark.parametrize("width", [768, 32])
def test_a_good_model_is_fine_also_a_small_one(rule, width):
    assert statuses(RULES, rule, context(model=model(width, width))) == ["ok"]
    assert statuses(RULES, rule, context()) == ["skip"]
    assert statuses(RULES, rule, context(model=Unknown("no"))) == ["unknown"]


def test_a_model_that_is_not_there():
    ctx = context(model=BaseModel("/sd", False))
    assert statuses(RULES, "MODEL001", ctx) == ["fail"]
    assert findings(RULES, "MODEL002", ctx)[0].caused_by == "MODEL001"
    hub = BaseModel("/p/a/b", False, is_hub_id=True, hub_id="a/b")
    assert "model hub" in findings(RULES, "MODEL001", context(model=hub))[0].detail


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (ModelPart("vae", False), "vae/ is missing"),
        (ModelPart("unet", True, {"cross_attention_dim": 768}, missing=("config.json",)), "config.json"),
        (ModelPart("vae", True, {}, truncated=("a.safetensors (1 of 2 bytes)",)), "cut short"),
        (ModelPart("vae", True, {}, error="a.safetensors: a web page"), "a web page"),
    ],
)
def test_incomplete_parts(part, says):
    (row,) = findings(RULES, "MODEL002", context(model=model(parts=(part,))))
    assert row.status == "fail"
    assert says in row.detail


def test_an_unneeded_part_only_warns():
    part = ModelPart("safety_checker", True, {}, missing=("model.safetensors",))
    assert statuses(RULES, "MODEL002", context(model=model(parts=(part,)))) == ["warn"]


def test_pointers():
    part = ModelPart("unet", True, {"cross_attention_dim": 768}, pointers=("diffusion_pytorch_model.safetensors",))
    ctx = context(model=model(parts=(part,)))
    assert statuses(RULES, "MODEL003", ctx) == ["fail"]
    assert statuses(RULES, "MODEL002", ctx) == ["ok"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"width": 1024, "hidden": 1024}, "2.x"),
        ({"width": 768, "hidden": 1024}, "2.x"),
        ({"width": 768, "hidden": 512}, "two models"),
        ({"index": {**INDEX, "_class_name": "StableDiffusionXLPipeline"}}, "XL"),
        ({"index": {**INDEX, "_class_name": "StableDiffusionInpaintPipeline"}}, "inpainting"),
        ({"index": {"_class_name": "StableDiffusion3Pipeline", "transformer": ["a", "b"]}}, "transformer"),
        ({"index": None}, "no model_index.json"),
        ({"index": None, "single_file": "/sd/v1-5.ckpt"}, "single checkpoint"),
        ({"parts": (ModelPart("unet", True, {"cross_attention_dim": 768, "in_channels": 9}),)}, "9 channels"),
    ],
)
def test_other_kinds_of_model(fields, says):
    (row,) = findings(RULES, "MODEL004", context(model=model(**fields)))
    assert row.status == "fail"
    assert says in row.detail


def test_named_but_absent_parts():
    seen = model(named_but_absent=("safety_checker", "feature_extractor"))
    assert statuses(RULES, "MODEL005", context(model=seen)) == ["warn"]
    assert statuses(RULES, "MODEL005", context(model=seen, checkout=checkout())) == ["fail"]


@pytest.mark.parametrize(
    ("part", "layout", "versions", "says"),
    [
        ("unet", STALE_INDEX, {"diffusers": "0.42.1"}, "FileNotFoundError"),
        ("vae", STALE_INDEX, {"diffusers": "0.29.0"}, "FileNotFoundError"),
        ("unet", STALE_INDEX, {"diffusers": "0.28.2"}, ""),
        ("text_encoder", STALE_INDEX, {"diffusers": "0.42.1"}, ""),  # transformers takes the whole file
        ("text_encoder", NO_PREFIX, {"transformers": "4.44.2"}, "random numbers"),
        ("text_encoder", NO_PREFIX, {"transformers": "5.0.0"}, ""),
        ("text_encoder", NO_PREFIX, {}, ""),  # neither the environment nor the profile has it
        ("tokenizer", ONE_FILE, {"transformers": "4.30.2"}, "transformers 4.30.2 cannot read"),
        ("tokenizer", ONE_FILE, {"transformers": "5.23.0"}, ""),
        ("tokenizer", NO_LENGTH, {"transformers": "4.30.2"}, ""),
    ],
)
def test_how_a_part_was_saved_is_judged_by_the_version_that_reads_it(part, layout, versions, says):
    seen = model(parts=(ModelPart(part, True, {"cross_attention_dim": 768}, ("w.safetensors",), layout=(layout,)),))
    found = tuple(Distribution(name, version, "/env", "/env") for name, version in versions.items())
    ctx = context(model=seen, environment=replace(environment(), distributions=found))
    (row,) = findings(RULES, "MODEL006", ctx)
    assert row.status == ("fail" if says else "ok")
    assert says in row.detail
    if says:
        assert (row.subject, row.evidence) == (part, f"/sd/{part}")


def test_without_an_environment_the_profiles_versions_count():
    part = ModelPart("tokenizer", True, {}, layout=(ONE_FILE,))
    ctx = context(model=model(parts=(part,)))
    assert statuses(RULES, "MODEL006", ctx) == ["ok"]
    profile = replace(ctx.profile, packages={"transformers": "4.30.2"})
    assert statuses(RULES, "MODEL006", replace(ctx, profile=profile)) == ["fail"]


def test_a_tokenizer_without_a_length_stops_the_checkouts_trainer_alone():
    seen = model(parts=(ModelPart("tokenizer", True, {}, layout=(NO_LENGTH,)),))
    assert statuses(RULES, "MODEL006", context(model=seen)) == ["ok"]
    (row,) = findings(RULES, "MODEL006", context(model=seen, checkout=checkout()))
    assert (row.status, "10^30" in row.detail) == ("fail", True)
