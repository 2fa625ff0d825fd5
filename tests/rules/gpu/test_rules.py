from dataclasses import replace

import pytest

from dualano_setup.facts.fact import Absent, Unknown
from dualano_setup.facts.sheet import BinaryBuild, GpuProcess
from dualano_setup.knowledge.catalogue import load
from dualano_setup.rules.gpu.memory import least, need
from dualano_setup.rules.gpu.rules import proposed_settings
from dualano_setup.rules.rule import Context
from tests.rules.hand_made import A4500, GIB, GPUS, SETTINGS, environment, rows, sheet, statuses

ALL = ("GPU001", "GPU002", "GPU003", "GPU004", "GPU005")
BATCH_1 = replace(SETTINGS, batch_size=1)
H100 = replace(A4500, name="NVIDIA H100", memory_total=80 * GIB, compute_capability=(9, 0))


def gpus(*devices, **changes):
    return sheet(gpus=replace(GPUS, devices=devices or (H100,), **changes))


def test_a_large_healthy_gpu_is_silent():
    for rule in ALL:
        assert statuses(rule, gpus()) == ["ok"]


def test_unknown_gpus_are_unknown():
    for rule in ALL:
        assert statuses(rule, sheet(gpus=Unknown("the driver hangs"))) == ["unknown"]


def test_no_gpu_blocks_gpu_profiles_only_and_folds_the_rest():
    for facts in (sheet(gpus=replace(GPUS, driver=None, devices=())), sheet(gpus=Absent("no driver"))):
        assert statuses("GPU001", facts) == ["fail"]
        for rule in ALL[1:]:
            assert (rows(rule, facts)[0].status, rows(rule, facts)[0].caused_by) == ("skip", "GPU001")
        assert statuses("GPU001", facts, profile="cpu") == ["skip"]


def test_a_card_without_its_driver_says_so():
    facts = sheet(gpus=replace(GPUS, driver=None, devices=(), note="a GPU without its driver: 0000:01:00.0"))
    assert "without its driver" in rows("GPU001", facts)[0].detail


@pytest.mark.parametrize(
    ("note", "word"), [("Driver/library version mismatch", "machine"), ("Unknown Error", "container")]
)
def test_a_driver_that_does_not_answer(note, word):
    said = f"nvidia-smi: Failed to initialize NVML: {note}"
    (row,) = rows("GPU001", sheet(gpus=replace(GPUS, via="kernel files", note=said)))
    assert (row.status, note in row.detail, f"Restart the {word}" in row.cure) == ("fail", True, True)


@pytest.mark.parametrize(
    ("visible", "status"),
    [
        ((), "fail"),
        (("-1",), "fail"),
        (("1",), "fail"),
        (("0",), "ok"),
        (("GPU-aa",), "ok"),
        (("7", "0"), "fail"),
        (("MIG-feee0c61-26ec-5616-bb59-b6d777cc4f34",), "ok"),
        (("MIG-GPU-of-another-card/1/0",), "fail"),
        (None, "ok"),
    ],
)
def test_cuda_visible_devices(visible, status):
    (row,) = rows("GPU001", gpus(visible=visible))
    assert row.status == status
    if status == "fail":
        assert "CUDA_VISIBLE_DEVICES" in row.evidence


@pytest.mark.parametrize(
    ("profile", "driver", "status"),
    [
        ("guide-cu118", "418.87.01", "fail"),
        ("guide-cu118", "450.80.02", "info"),
        ("guide-cu118", "520.61.05", "ok"),
        ("modern", "570.26", "fail"),
        ("modern", "580.65.06", "ok"),
        ("modern-cu128", "525.60.13", "info"),
        ("modern-cu128", "525.60.12", "fail"),
        ("modern-cu128", None, "ok"),
    ],
)
def test_drivers_by_nvidias_table(profile, driver, status):
    facts = sheet(gpus=replace(GPUS, devices=(H100,), driver=driver), environment=environment(load(profile)))
    assert statuses("GPU002", facts, profile=profile) == [status]


def test_the_driver_is_judged_by_the_torch_that_stays():
    seen = replace(environment(load("modern")), torch=BinaryBuild("2.12.0+cu126", "12.6"))
    facts = sheet(gpus=replace(GPUS, devices=(H100,), driver="560.35.03"), environment=seen)
    assert statuses("GPU002", facts, profile="modern") == ["ok"]


def test_memory_below_the_tensors_fails_with_settings_that_fit():
    facts = gpus(replace(A4500, memory_total=8 * GIB))
    (row,) = rows("GPU003", facts)
    assert (row.status, row.repairable) == ("fail", True)
    proposed = proposed_settings(Context(facts, SETTINGS, load("guide-cu118")))
    assert proposed
    better = replace(SETTINGS, **proposed)
    assert need(better) <= 8 * GIB
    for key in proposed:
        assert key in row.cure


def test_memory_between_the_least_and_the_likely_need_is_tight_only():
    between = (least(SETTINGS) + need(SETTINGS)) // 2
    assert statuses("GPU003", gpus(replace(H100, memory_total=between))) == ["info"]
    assert statuses("GPU003", gpus(replace(H100, memory_total=need(SETTINGS)))) == ["ok"]
    assert statuses("GPU003", gpus(replace(H100, memory_total=least(SETTINGS) - 1))) == ["fail"]


def test_the_guides_gpu_takes_the_guides_batch():
    """An RTX A4500 ran batch size 2 in fp32; batch size 1 fits 16 GB by the guide."""
    assert statuses("GPU003", gpus(replace(A4500, memory_total=20470 * 1024**2)))[0] in ("ok", "info")
    assert statuses("GPU003", gpus(replace(A4500, memory_total=16 * GIB)), settings=BATCH_1) == ["ok"]


def test_a_gpu_that_nothing_fits_is_not_repairable():
    (row,) = rows("GPU003", gpus(replace(A4500, memory_total=2 * GIB)))
    assert (row.status, row.repairable) == ("fail", False)
    assert "more memory" in row.cure


def test_only_the_gpus_that_the_run_takes_count():
    small = replace(A4500, index=1, memory_total=4 * GIB)
    assert statuses("GPU003", gpus(H100, small)) == ["ok"]
    assert statuses("GPU003", gpus(H100, small), settings=replace(SETTINGS, num_processes=2)) == ["fail"]


def test_volta_is_offered_fp16_and_never_bf16():
    facts = gpus(replace(A4500, memory_total=8 * GIB, compute_capability=(7, 0)))
    proposed = proposed_settings(Context(facts, SETTINGS, load("guide-cu118")))
    assert proposed.get("mixed_precision", "fp16") == "fp16"


@pytest.mark.parametrize(
    ("profile", "capability", "status"),
    [
        ("guide-cu118", (3, 7), "ok"),
        ("guide-cu118", (8, 9), "ok"),
        ("guide-cu118", (9, 0), "ok"),
        ("guide-cu118", (10, 0), "fail"),
        ("guide-cu118", (12, 0), "fail"),
        ("modern", (7, 0), "fail"),
        ("modern", (7, 5), "ok"),
        ("modern", (12, 1), "ok"),
        ("modern-cu128", (7, 0), "ok"),
        ("modern-cu128", (6, 1), "fail"),
        ("modern", None, "ok"),
    ],
)
def test_kernels_by_architecture(profile, capability, status):
    facts = sheet(
        gpus=replace(GPUS, devices=(replace(H100, compute_capability=capability),)), environment=Absent("none")
    )
    assert statuses("GPU004", facts, profile=profile) == [status]


def test_the_installed_torch_decides_about_kernels():
    """torch 2.7 for CUDA 12.6 has no code for Blackwell, although the profile has."""
    seen = replace(environment(load("modern")), torch=BinaryBuild("2.7.1+cu126", "12.6"))
    facts = sheet(gpus=replace(GPUS, devices=(replace(H100, compute_capability=(12, 0)),)), environment=seen)
    (row,) = rows("GPU004", facts, profile="modern")
    assert row.status == "fail"
    assert "2.7.1+cu126" in row.title
    assert row.repairable


def test_another_process_is_named():
    busy = replace(H100, memory_used=70 * GIB, processes=(GpuProcess(4242, "python", 70 * GIB),))
    (row,) = rows("GPU005", gpus(busy))
    assert row.status == "fail"
    assert "PID 4242" in row.detail
    assert statuses("GPU005", gpus(replace(H100, memory_used=2 * GIB))) == ["ok"]
    assert statuses("GPU005", gpus(replace(H100, memory_used=None))) == ["ok"]


def test_a_gpu_that_is_too_small_anyway_is_gpu003s_business():
    busy = replace(A4500, memory_total=8 * GIB, memory_used=4 * GIB)
    assert statuses("GPU003", gpus(busy)) == ["fail"]
    assert statuses("GPU005", gpus(busy)) == ["ok"]


def test_cpu_profiles_ask_nothing_of_a_gpu():
    old = gpus(replace(A4500, memory_total=GIB, memory_used=GIB, compute_capability=(3, 0)), driver="390.1")
    for rule in ALL[1:]:
        assert statuses(rule, old, profile="cpu") == ["skip"]
