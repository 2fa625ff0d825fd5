"""accelerate's config value by value: what is refused, what is only told, and what the cure says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dualano_setup.facts.sheet import AccelerateConfig
from dualano_setup.knowledge.catalogue import load
from dualano_setup.rules.acc.precision import obstacle
from dualano_setup.rules.acc.rules import RULES
from tests.rules.project_sheets import KEYS, accelerate, checkout, context, environment, findings, gpus, patch, statuses

AMPERE, TURING = (8, 6), (7, 5)


def spelt(text: str) -> str:
    """The same text as another object: values come from a file, where no literal of ours stands."""
    return "".join(list(text))


def rows(rule, values=None, settings=None, *, devices=(AMPERE,), config=None, **facts):
    config = config or accelerate(values)
    return findings(RULES, rule, context(settings, accelerate=config, gpus=gpus(*devices), **facts))


@pytest.mark.parametrize(
    ("rule", "values", "settings"),
    [
        ("ACC002", {"mixed_precision": False}, {}),
        ("ACC002", {"mixed_precision": "fp8"}, {}),
        ("ACC002", {"mixed_precision": "bf16"}, {}),
        ("ACC003", {"bogus": 1}, {}),
        ("ACC004", {"gpu_ids": "7"}, {}),
    ],
)
def test_fix_mends_what_it_can(rule, values, settings):
    config = accelerate(values, known_keys=(*KEYS, "gpu_ids"))
    assert [row.repairable for row in rows(rule, settings=settings, config=config)] == [True]


def test_fix_writes_a_file_that_is_missing_or_unreadable():
    (row,) = rows("ACC001", config=AccelerateConfig("/c.yaml", False))
    assert row.repairable
    (row,) = rows("ACC003", config=accelerate(None, error="line 3: x"))
    assert row.repairable


def test_a_config_without_a_precision_says_nothing_of_it():
    assert [row.status for row in rows("ACC002", {"use_cpu": False})] == ["ok"]
    assert [row.status for row in rows("ACC002", config=accelerate(None, error="x"))] == ["ok"]


@pytest.mark.parametrize("value", [16, ["fp16"], "half"])
def test_a_precision_that_is_no_word_is_acc003s(value):
    assert [row.status for row in rows("ACC002", {"mixed_precision": value})] == ["ok"]
    assert [row.subject for row in rows("ACC003", {"mixed_precision": value})] == ["mixed_precision"]


@pytest.mark.parametrize(
    ("value", "version", "status"),
    [(True, "0.24.1", "fail"), (False, "0.24.1", "warn"), (False, None, "fail"), (False, "1.0", "fail")],
)
def test_the_truth_value_by_the_accelerate_that_reads_it(value, version, status):
    config = accelerate({"mixed_precision": value}, version=version)
    assert [row.status for row in rows("ACC002", config=config)] == [status]


@pytest.mark.parametrize(("value", "wanted"), [("fp16", "bf16"), ("bf16", "fp16"), ("no", "fp16"), ("fp16", "no")])
def test_another_precision_than_the_settings(value, wanted):
    (row,) = rows("ACC002", {"mixed_precision": spelt(value)}, {"mixed_precision": wanted})
    assert (row.status, row.repairable, f"`{wanted}`" in row.detail) == ("warn", True, True)


@pytest.mark.parametrize(
    ("value", "devices", "use_cpu", "word"),
    [
        ("no", (), True, ""),
        ("no", (TURING,), False, ""),
        ("fp16", (), False, "needs a GPU"),
        ("fp16", (AMPERE,), True, "needs a GPU"),
        ("fp16", (TURING,), False, ""),
        ("bf16", (), False, ""),
        ("bf16", (TURING,), False, "no bfloat16"),
        ("bf16", (TURING,), True, ""),
        ("bf16", ((8, 0),), False, ""),
        ("bf16", ((7, 9),), False, "no bfloat16"),
    ],
)
def test_what_keeps_a_precision_from_running(value, devices, use_cpu, word):
    said = obstacle(context(gpus=gpus(*devices)), spelt(value), use_cpu=use_cpu)
    assert bool(said) is bool(word)
    assert word in said


def test_an_old_gpu_and_an_unready_checkout_do_not_stand_in_the_way_of_full_precision():
    source = checkout(patch("mixed-precision", "before", "SRC003"))
    ctx = context(gpus=gpus(TURING), checkout=source)
    assert obstacle(ctx, spelt("no"), use_cpu=False) == ""
    assert "SRC003" in obstacle(ctx, "fp16", use_cpu=False)


@pytest.mark.parametrize(
    ("state", "rule", "default", "ready"),
    [
        ("before", "SRC003", True, False),
        ("partly", "SRC003", True, False),
        ("after", "SRC003", True, True),
        ("before", "SRC006", True, True),
        ("before", "SRC003", False, True),
        ("after", "SRC003", False, True),
        ("before", "SRC006", False, True),
    ],
)
def test_only_an_open_default_patch_of_src003_is_an_obstacle(state, rule, default, ready):
    ctx = context(gpus=gpus(AMPERE), checkout=checkout(patch("p", state, rule, default=default)))
    assert (obstacle(ctx, "fp16", use_cpu=False) == "") is ready


def test_sagemakers_own_file_is_not_judged():
    values = {"compute_environment": spelt("AMAZON_SAGEMAKER"), "region": "x"}
    assert [row.status for row in rows("ACC003", values)] == ["ok"]


@pytest.mark.parametrize(("version", "says"), [("1.15.0", "accelerate 1.15.0 knows"), (None, "accelerate knows")])
def test_an_unknown_key_names_the_accelerate_that_does_not_know_it(version, says):
    (row,) = rows("ACC003", config=accelerate({"mixed_precison": "no"}, version=version))
    assert says in row.detail
    assert "did you mean `mixed_precision`" in row.detail


def test_a_truth_value_does_not_hide_the_values_after_it():
    values = {"distributed_type": False, "mixed_precision": "half"}
    assert [row.subject for row in rows("ACC003", values)] == ["mixed_precision"]


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("mixed_precision", "FP16", "ok"),
        ("mixed_precision", "BF16", "ok"),
        ("distributed_type", "multi_gpu", "fail"),
        ("distributed_type", "MULTI_GPU", "ok"),
        ("compute_environment", "local_machine", "fail"),
        ("compute_environment", "LOCAL_MACHINE", "ok"),
    ],
)
def test_only_the_precision_may_be_in_capitals(key, value, status):
    assert [row.status for row in rows("ACC003", {spelt(key): spelt(value)})] == [status]


@pytest.mark.parametrize(
    ("kind", "packages", "status"),
    [
        ("DEEPSPEED", ("deepspeed",), "ok"),
        ("DEEPSPEED", ("torch",), "fail"),
        ("XLA", ("torch",), "fail"),
        ("MULTI_GPU", ("torch",), "ok"),
        ("NO", (), "ok"),
    ],
)
def test_a_kind_of_launch_needs_its_package(kind, packages, status):
    found = rows("ACC003", {"distributed_type": kind}, environment=environment("3.10.13", *packages))
    assert [row.status for row in found] == [status]
    assert [row.status for row in rows("ACC003", {"distributed_type": kind})] == ["ok"]  # packages not known


@pytest.mark.parametrize(
    ("value", "status"),
    [(1, "ok"), (2, "ok"), (0, "fail"), (-1, "fail"), (True, "fail"), ("1", "fail"), (None, "fail")],
)
def test_numbers_of_processes_and_machines(value, status):
    for key in ("num_processes", "num_machines"):
        config = accelerate({key: value}, known_keys=(*KEYS, "num_machines"))
        assert [row.status for row in rows("ACC003", config=config)] == [status]


def test_a_file_without_a_number_of_processes_is_whole():
    config = AccelerateConfig("/c", True, values={"distributed_type": "NO"}, known_keys=KEYS, version="1.15.0")
    assert [row.status for row in rows("ACC003", config=config)] == ["ok"]
    assert [row.status for row in rows("ACC004", config=config)] == ["ok"]


# --- processes and places


@pytest.mark.parametrize(
    ("kind", "asked", "wanted", "devices", "says"),
    [
        ("MULTI_GPU", 3, 3, 2, "3 GPU processes, and 2 GPUs"),
        ("MULTI_GPU", 2, 2, 2, ""),
        ("MULTI_CPU", 3, 3, 2, ""),
        ("MULTI_XPU", 3, 3, 2, ""),
        ("NO", 2, 2, 2, "starts only one"),
        (False, 2, 2, 2, "starts only one"),
        (True, 2, 2, 2, ""),
        ("NO", 0, 0, 2, ""),
        ("MULTI_GPU", 1, 2, 2, "it asks for 1 processes, and the settings of this project for 2"),
        ("MULTI_GPU", 2, 1, 2, "it asks for 2 processes, and the settings of this project for 1"),
        ("MULTI_GPU", 1, 1, 2, "for a single process"),
        ("MULTI_CPU", 1, 1, 2, ""),
        ("MULTI_XPU", 1, 1, 2, ""),
        ("MULTI_GPU", 300, 300, 300, ""),
    ],
)
def test_numbers_of_processes_that_do_not_go_together(kind, asked, wanted, devices, says):
    values = {"distributed_type": spelt(kind) if isinstance(kind, str) else kind, "num_processes": int(str(asked))}
    (row,) = rows("ACC004", values, {"num_processes": wanted}, devices=(AMPERE,) * devices)
    assert bool(row.detail) is bool(says)
    assert says in row.detail


@pytest.mark.parametrize("asked", [True, "2", None, 2.0])
def test_a_number_that_is_none_is_left_to_acc003(asked):
    values = {"distributed_type": "MULTI_GPU", "num_processes": asked}
    assert [row.status for row in rows("ACC004", values)] == ["ok"]


@pytest.mark.parametrize(
    ("wanted", "devices", "mendable"),
    [(1, 0, True), (1, 1, True), (1, 2, True), (2, 2, True), (2, 3, True), (3, 2, False), (2, 1, False), (2, 0, False)],
)
def test_the_number_is_set_only_to_what_the_machine_can_run(wanted, devices, mendable):
    values = {"distributed_type": "MULTI_GPU", "num_processes": 8}
    (row,) = rows("ACC004", values, {"num_processes": wanted}, devices=(AMPERE,) * devices)
    assert row.repairable is mendable


def test_the_number_is_set_where_the_gpus_are_not_known():
    config = accelerate({"distributed_type": "MULTI_GPU", "num_processes": 8})
    (row,) = findings(RULES, "ACC004", context({"num_processes": 4}, accelerate=config))
    assert row.repairable


@pytest.mark.parametrize(("wanted", "kind"), [(0, "NO (quoted)"), (1, "NO (quoted)"), (2, "MULTI_GPU")])
def test_the_kind_that_goes_with_a_number(wanted, kind):
    (row,) = rows("ACC004", {"num_processes": 8}, {"num_processes": wanted}, devices=(AMPERE,) * 4)
    assert kind in row.cure


@pytest.mark.parametrize(
    ("values", "devices", "subjects", "status"),
    [
        ({"gpu_ids": "0,1"}, 2, [], "ok"),
        ({"gpu_ids": "all"}, 2, [], "ok"),
        ({"gpu_ids": "0,all"}, 2, [], "ok"),
        ({"gpu_ids": None}, 2, [], "ok"),
        ({"gpu_ids": "0, 7"}, 2, ["gpu_ids"], "fail"),
        ({"gpu_ids": 1}, 1, ["gpu_ids"], "fail"),
        ({"gpu_ids": "7", "use_cpu": True}, 2, ["use_cpu"], "warn"),
        ({"num_machines": 1}, 2, [], "ok"),
        ({"num_machines": 0}, 2, [], "ok"),
        ({"num_machines": 2}, 2, ["num_machines"], "warn"),
        ({"num_machines": 3}, 2, ["num_machines"], "warn"),
        ({"num_machines": "2"}, 2, [], "ok"),
    ],
)
def test_places_that_this_machine_does_not_have(values, devices, subjects, status):
    found = rows("ACC004", values, devices=(AMPERE,) * devices)
    assert [row.subject for row in found if row.subject] == subjects
    assert [row.status for row in found] == [status]
    if subjects == ["gpu_ids"]:
        assert f"names GPU {str(values['gpu_ids'])[-1]}," in found[0].detail


def test_gpu_numbers_are_believed_where_the_gpus_are_not_known():
    ctx = context(accelerate=accelerate({"gpu_ids": "7"}))
    assert statuses(RULES, "ACC004", ctx) == ["ok"]


@pytest.mark.parametrize(
    ("value", "profile", "devices", "expected"),
    [
        (True, "guide-cu118", 1, ["warn"]),
        (True, "guide-cu118", 0, ["ok"]),
        (True, "cpu", 1, ["ok"]),
        (1, "guide-cu118", 1, ["ok"]),
    ],
)
def test_a_run_kept_on_the_processor(value, profile, devices, expected):
    ctx = context(accelerate=accelerate({"use_cpu": value}), gpus=gpus(*(AMPERE,) * devices))
    ctx = replace(ctx, profile=load(profile))
    assert statuses(RULES, "ACC004", ctx) == expected
