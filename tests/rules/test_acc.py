"""Rules about accelerate's config, on hand-made sheets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dualano_setup.facts.fact import Unknown
from dualano_setup.facts.sheet import AccelerateConfig, BinaryBuild, IgnoredFlag
from dualano_setup.rules.acc.rules import RULES
from tests.rules.project_sheets import accelerate, checkout, context, environment, findings, gpus, patch, statuses

AMPERE, TURING = (8, 6), (7, 5)


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_a_good_config_is_fine(rule):
    ctx = context(accelerate=accelerate({"mixed_precision": "no"}), gpus=gpus(AMPERE))
    assert statuses(RULES, rule, ctx) == ["ok"]
    assert statuses(RULES, rule, context(accelerate=Unknown("no"))) == ["unknown"]
    assert statuses(RULES, rule, context()) == ["skip"]


def test_no_config():
    ctx = context(accelerate=AccelerateConfig("/c.yaml", False))
    assert statuses(RULES, "ACC001", ctx) == ["warn"]
    assert statuses(RULES, "ACC003", ctx) == ["skip"]


@pytest.mark.parametrize(
    ("value", "version", "status"), [(False, "1.15.0", "fail"), (False, "0.24.1", "warn"), (True, "0.24.1", "fail")]
)
def test_a_bare_no_is_a_truth_value(value, version, status):
    ctx = context(accelerate=accelerate({"mixed_precision": value}, version=version))
    assert statuses(RULES, "ACC002", ctx) == [status]


@pytest.mark.parametrize(
    ("value", "wanted", "devices", "status"),
    [
        ("fp16", "fp16", (TURING,), "ok"),
        ("bf16", "bf16", (TURING,), "fail"),
        ("bf16", "bf16", (AMPERE,), "ok"),
        ("fp16", "fp16", (), "fail"),
        ("fp16", "no", (AMPERE,), "warn"),
        ("fp8", "no", (AMPERE,), "fail"),
    ],
)
def test_precisions_and_gpus(value, wanted, devices, status):
    ctx = context({"mixed_precision": wanted}, accelerate=accelerate({"mixed_precision": value}), gpus=gpus(*devices))
    assert statuses(RULES, "ACC002", ctx) == [status]


def test_an_unpatched_checkout_fails_in_half_precision():
    source = checkout(patch("mixed-precision", "before", "SRC003"))
    config = accelerate({"mixed_precision": "fp16"})
    ctx = context({"mixed_precision": "fp16"}, accelerate=config, gpus=gpus(AMPERE), checkout=source)
    assert statuses(RULES, "ACC002", ctx) == ["fail"]


@pytest.mark.parametrize(
    ("values", "subject"),
    [
        ({"bogus": 1}, "bogus"),
        ({"mixed_precision": "half"}, "mixed_precision"),
        ({"distributed_type": "GPU"}, "distributed_type"),
        ({"num_processes": "two"}, "num_processes"),
        ({"num_processes": 0}, "num_processes"),
    ],
)
def test_keys_and_values_that_accelerate_refuses(values, subject):
    (row,) = findings(RULES, "ACC003", context(accelerate=accelerate(values)))
    assert (row.status, row.subject) == ("fail", subject)


def test_broken_yaml_and_a_missing_type():
    assert statuses(RULES, "ACC003", context(accelerate=accelerate(None, error="line 3: x"))) == ["fail"]
    ctx = context(accelerate=AccelerateConfig("/c", True, values={"num_processes": 1}, known_keys=("num_processes",)))
    assert [row.subject for row in findings(RULES, "ACC003", ctx)] == ["distributed_type"]


@pytest.mark.parametrize(
    ("kind", "number", "wanted", "visible", "status"),
    [
        ("MULTI_GPU", 2, 2, None, "ok"),
        ("MULTI_GPU", 3, 3, None, "fail"),
        ("MULTI_GPU", 2, 2, ("0",), "fail"),
        ("MULTI_GPU", 2, 2, ("0", "7"), "fail"),
        ("MULTI_GPU", 2, 1, None, "warn"),
        ("MULTI_GPU", 1, 1, None, "warn"),
        ("NO", 2, 2, None, "warn"),
        ("NO", 1, 1, None, "ok"),
    ],
)
def test_processes_and_gpus(kind, number, wanted, visible, status):
    config = accelerate({"distributed_type": kind, "num_processes": number})
    ctx = context({"num_processes": wanted}, accelerate=config, gpus=gpus(AMPERE, AMPERE, visible=visible))
    assert statuses(RULES, "ACC004", ctx) == [status]


def test_a_torch_for_the_processor_sees_no_gpu():
    config = accelerate({"distributed_type": "MULTI_GPU", "num_processes": 2})
    for cuda, status in (("12.8", "ok"), (None, "fail")):
        torch = BinaryBuild("2.13.0", cuda)
        ctx = context(
            {"num_processes": 2},
            accelerate=config,
            gpus=gpus(AMPERE, AMPERE),
            environment=replace(environment(), torch=torch),
        )
        (row,) = findings(RULES, "ACC004", ctx)
        assert (row.status, "unconnected" in row.detail) == (status, status == "fail")


def test_variables_that_win():
    config = accelerate({}, overrides=(("ACCELERATE_USE_DEEPSPEED", "true"), ("ACCELERATE_LOG_LEVEL", "info")))
    (row,) = findings(RULES, "ACC005", context(accelerate=config))
    assert row.subject == "ACCELERATE_USE_DEEPSPEED"
    off = accelerate({}, overrides=(("ACCELERATE_USE_DEEPSPEED", "false"),))
    assert statuses(RULES, "ACC005", context(accelerate=off)) == ["ok"]


def test_a_flag_that_the_launcher_ignores_is_named_with_its_line():
    flags = (IgnoredFlag("/p/train.sh", 3, "--gradient_accumulation_steps 4", "4"),)
    ctx = context(accelerate=replace(accelerate({"mixed_precision": "no"}), ignored_flags=flags))
    assert statuses(RULES, "ACC006", ctx) == ["warn"]
    (finding,) = findings(RULES, "ACC006", ctx)
    assert "line 3 of /p/train.sh" in finding.detail
