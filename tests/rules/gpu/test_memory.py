"""GPU rules at their limits: memory to the byte, which settings are offered, which words name a device."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dualano_setup.facts.fact import Absent
from dualano_setup.facts.sheet import BinaryBuild, GpuProcess
from dualano_setup.knowledge.catalogue import load
from dualano_setup.rules.gpu.memory import _candidates, fitting, least, need
from dualano_setup.rules.gpu.rules import proposed_settings
from dualano_setup.rules.gpu.visible import visible_gpus
from dualano_setup.rules.rule import Context
from dualano_setup.rules.wording import gib
from dualano_setup.system.bundle import bundled
from tests.rules.hand_made import A4500, GIB, GPUS, SETTINGS, environment, rows, sheet, statuses

H100 = replace(A4500, name="NVIDIA H100", memory_total=80 * GIB, compute_capability=(9, 0))
SMALL = replace(A4500, memory_total=8 * GIB)


def gpus(*devices, **changes):
    return sheet(gpus=replace(GPUS, devices=devices or (H100,), **changes))


def proposed(settings, *devices):
    return proposed_settings(Context(gpus(*devices), settings, load("guide-cu118")))


# --- drivers


def test_the_cure_for_an_old_driver_names_the_release_to_install():
    (row,) = rows("GPU002", gpus(driver="418.87.01"))
    assert "Install driver 520 or newer" in row.cure


@pytest.mark.parametrize(
    ("torch", "status"),
    [
        (BinaryBuild("2.2.0+cpu", None), "ok"),  # has to be replaced: the profile's CUDA 11.8 counts
        (BinaryBuild("2.2.0+cu121", "12.1"), "ok"),  # likewise
        (BinaryBuild("2.3.0+cu121", "12.1"), "info"),  # another release stays: its own CUDA counts
    ],
)
def test_the_cuda_of_the_torch_that_will_run_is_judged(torch, status):
    facts = sheet(
        gpus=replace(GPUS, devices=(H100,), driver="525.60.13"), environment=replace(environment(), torch=torch)
    )
    assert statuses("GPU002", facts) == [status]


@pytest.mark.parametrize("environment_", [Absent("none"), replace(environment(), torch=None, distributions=())])
def test_without_a_torch_the_profile_counts(environment_):
    facts = sheet(gpus=replace(GPUS, devices=(H100,), driver="450.80.02"), environment=environment_)
    assert statuses("GPU002", facts) == ["info"]
    hopper = sheet(gpus=replace(GPUS, devices=(replace(H100, compute_capability=(12, 0)),)), environment=environment_)
    (row,) = rows("GPU004", hopper)
    assert "torch 2.2.0 (CUDA 11.8) has no code" in row.title


# --- memory


def test_every_gpu_of_the_run_is_judged_by_itself():
    tight, small = replace(H100, memory_total=least(SETTINGS)), replace(SMALL, index=1)
    two = replace(SETTINGS, num_processes=2)
    found = rows("GPU003", gpus(tight, small), settings=two)
    assert [(row.status, row.subject, row.evidence) for row in found] == [
        ("info", "0", "GPU 0"),
        ("fail", "1", "GPU 1"),
    ]
    busy = replace(H100, memory_total=100 * GIB, memory_used=99 * GIB)
    for first in (tight, replace(H100, memory_total=None), replace(busy, memory_used=2 * GIB)):
        found = rows("GPU005", gpus(first, replace(busy, index=1)), settings=two)
        assert [row.subject for row in found] == ["1"]


@pytest.mark.parametrize("total", [4 * GIB, 8 * GIB, 10 * GIB, 12 * GIB])
def test_what_is_offered_leaves_the_driver_its_three_per_cent(total):
    card = replace(A4500, memory_total=total)
    (row,) = rows("GPU003", gpus(card))
    expected = fitting(SETTINGS, int(total * 0.97), card.compute_capability)
    assert row.repairable is (expected is not None)
    if expected:
        assert f"(about {gib(expected[1])})" in row.cure
        assert need(replace(SETTINGS, **proposed(SETTINGS, card))) <= total * 0.97


def test_settings_that_need_more_than_97_hundredths_of_the_card_are_not_offered():
    candidate = next(c for c in _candidates(SETTINGS, (8, 6)) if need(c) < least(SETTINGS))
    exact = need(candidate)
    offered, size = fitting(SETTINGS, exact, (8, 6))
    assert (offered, size) == (candidate, exact)
    assert fitting(SETTINGS, exact - 1, (8, 6)) != (offered, size)
    card = replace(A4500, memory_total=exact + 1)
    assert need(replace(SETTINGS, **proposed(SETTINGS, card))) < exact
    (row,) = rows("GPU003", gpus(card))
    assert f"(about {gib(exact)})" not in row.cure


def test_nothing_is_proposed_where_the_run_fits_or_no_memory_is_told():
    assert proposed(SETTINGS, H100) == {}
    assert proposed(SETTINGS, replace(A4500, memory_total=None)) == {}
    assert proposed(SETTINGS, replace(A4500, memory_total=least(SETTINGS))) == {}
    assert proposed(SETTINGS, replace(A4500, memory_total=least(SETTINGS) - 1)) != {}


def test_the_smallest_card_of_the_run_decides_what_is_proposed():
    two = replace(SETTINGS, num_processes=2)
    small = replace(SMALL, index=1)
    assert proposed(two, H100, small) == proposed(two, SMALL, H100) == proposed(SETTINGS, SMALL) != {}
    turing = replace(H100, compute_capability=(7, 5))
    assert proposed(two, turing, small) == proposed(two, small, turing) == proposed(SETTINGS, SMALL)
    volta, hopper = replace(SMALL, compute_capability=(7, 0), memory_total=6 * GIB), replace(SMALL, index=1)
    assert proposed(two, hopper, volta)["mixed_precision"] == "fp16"


def test_the_proposal_is_written_as_toml():
    (row,) = rows("GPU003", gpus(replace(A4500, memory_total=7 * GIB)))
    assert "gradient_checkpointing = true" in row.cure
    assert 'mixed_precision = "bf16"' in row.cure


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "batch size 2 at 512 px in fp32 needs"),
        ({"mixed_precision": "bf16"}, "batch size 2 at 512 px in bf16 needs"),
        ({"mixed_precision": "fp16"}, "batch size 2 at 512 px in fp16 needs"),
        ({"gradient_checkpointing": True}, "in fp32, gradient checkpointing needs"),
    ],
)
def test_the_run_in_words(changes, said):
    settings = replace(SETTINGS, **{"mixed_precision": "".join(list("no")), **changes})
    (row,) = rows("GPU003", gpus(replace(A4500, memory_total=GIB)), settings=settings)
    assert said in row.detail


def candidates(capability=(8, 0), **changes):
    found = _candidates(replace(SETTINGS, **changes), capability)
    return [(c.batch_size, c.mixed_precision, c.gradient_checkpointing, c.resolution) for c in found]


def test_settings_are_offered_from_the_least_change_to_the_largest():
    assert candidates() == [
        (2, "no", True, 512),
        (1, "no", True, 512),
        (2, "bf16", False, 512),
        (1, "bf16", False, 512),
        (2, "bf16", True, 512),
        (1, "bf16", True, 512),
        (1, "bf16", True, 384),
        (1, "bf16", True, 256),
    ]


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_low_precision_that_was_chosen_stays(precision):
    assert {low for _, low, _, _ in candidates(mixed_precision=precision)} == {precision}
    assert len(candidates(mixed_precision=precision)) == 6  # no round of precisions
    assert {low for _, low, _, _ in candidates((7, 5), mixed_precision=precision)} == {precision}


@pytest.mark.parametrize(("resolution", "smaller"), [(640, {384, 256}), (384, {256}), (256, set()), (385, {384, 256})])
def test_only_smaller_pictures_are_offered(resolution, smaller):
    found = candidates(resolution=resolution)
    assert {size for *_, size in found} == {resolution, *smaller}
    assert len(found) == len(set(found))  # nothing is tried twice


def test_a_precision_that_was_named_by_a_file_is_no_other_object():
    spelt = "".join(list("no"))
    assert candidates(mixed_precision=spelt) == candidates()


def test_a_batch_is_divided_into_whole_parts():
    settings = replace(SETTINGS, batch_size=15, gradient_accumulation_steps=2)
    found = [(c.batch_size, c.gradient_accumulation_steps) for c in _candidates(settings, (8, 0))]
    assert list(dict.fromkeys(found)) == [(15, 2), (5, 6), (1, 30)]
    assert all(type(steps) is int for _, steps in found)
    nine = [c.batch_size for c in _candidates(replace(SETTINGS, batch_size=9), (8, 0))]
    assert list(dict.fromkeys(nine)) == [9, 3, 1]
    assert list(dict.fromkeys(c.batch_size for c in _candidates(replace(SETTINGS, batch_size=0), (8, 0)))) == [0]


def test_the_text_encoder_is_counted_as_trained():
    arithmetic = bundled("memory.estimate")
    settings = arithmetic.MemorySettings(
        train_batch_size=SETTINGS.batch_size,
        resolution=SETTINGS.resolution,
        mixed_precision=SETTINGS.mixed_precision,
        variant=SETTINGS.variant,
        rank=SETTINGS.rank,
        train_text_encoder=True,
        gradient_checkpointing=False,
    )
    frozen = replace(settings, train_text_encoder=False)
    assert arithmetic.estimate(frozen).peak < need(SETTINGS) == int(arithmetic.estimate(settings).peak)


def test_a_turing_card_is_below_ampere():
    assert {low for _, low, _, _ in candidates((7, 9))} == {"no", "fp16"}
    assert {low for _, low, _, _ in candidates((8, 0))} == {"no", "bf16"}


# --- kernels


def test_the_architecture_is_named_and_every_card_is_looked_at():
    unknown, new = replace(H100, compute_capability=None), replace(H100, index=2, compute_capability=(12, 1))
    facts = sheet(gpus=replace(GPUS, devices=(unknown, replace(H100, index=1), new)), environment=Absent("none"))
    (row,) = rows("GPU004", facts)
    assert "(sm_121)" in row.title
    assert row.subject == "2"


# --- memory that is taken


def busy(free, total=None, *processes):
    total = total or need(SETTINGS)
    return gpus(replace(H100, memory_total=total, memory_used=total - free, processes=processes))


def test_free_memory_at_its_limits():
    likely, exact = need(SETTINGS), least(SETTINGS)
    assert statuses("GPU005", busy(likely, 2 * likely)) == ["ok"]
    assert statuses("GPU005", busy(likely - 1, 2 * likely)) == ["info"]
    assert statuses("GPU005", busy(likely - 1)) == ["info"]  # the whole card would just do
    assert statuses("GPU005", busy(exact)) == ["info"]
    assert statuses("GPU005", busy(exact - 1)) == ["fail"]
    assert statuses("GPU005", busy(likely - 2, likely - 1)) == ["ok"]  # GPU003 tells of a card that is tight empty
    assert statuses("GPU005", busy(exact - 1, exact)) == ["fail"]


def test_who_holds_the_memory():
    (row,) = rows("GPU005", busy(GIB, None, GpuProcess(7, "python", 3 * GIB), GpuProcess(8, "", None)))
    assert "python (PID 7, 3.0 GiB), a process (PID 8)" in row.detail
    (row,) = rows("GPU005", busy(GIB))
    assert "are taken by other processes" in row.detail


# --- which devices a run sees


def test_a_uuid_needs_its_prefix_and_each_entry_one_card():
    first, second = replace(H100, uuid="GPU-aa"), replace(H100, index=1, uuid="GPU-bb")
    found = replace(GPUS, devices=(first, second))
    seen = lambda *entries: [gpu.index for gpu in visible_gpus(replace(found, visible=entries))]  # noqa: E731
    assert seen("GPU-b") == [1]
    assert seen("GPU-a", "1") == [0, 1]
    assert seen("G") == []
    assert seen("GPU-c") == []
    assert seen("MIG-GPU-zz/1/0") == []
    assert seen("MIG-GPU-aa/1/0") == [0]
    assert seen("MIG-GPU-00/1/0") == []


def test_gibibytes_have_one_decimal():
    assert gib(1.5 * GIB) == "1.5 GiB"


# --- GPU001


def test_what_the_driver_says_and_where_it_was_seen():
    mute = "nvidia-smi: Failed to initialize NVML: Unknown Error"
    said = replace(GPUS, via="".join(list("kernel files")), note=mute, driver=None)
    (row,) = rows("GPU001", sheet(gpus=said))
    assert (row.evidence, "the kernel has driver of unknown version" in row.detail) == ("test", True)
    (row,) = rows("GPU001", sheet(gpus=replace(said, driver="550.90.07")))
    assert "the kernel has driver 550.90.07" in row.detail


@pytest.mark.parametrize(
    ("via", "note"),
    [("nvidia-smi", "Failed to initialize NVML"), ("kernel files", ""), ("a", "Failed to initialize NVML")],
)
def test_a_driver_is_mute_only_where_nothing_better_answered(via, note):
    assert statuses("GPU001", gpus(via=via, note=note)) == ["ok"]


def test_hidden_devices_are_named():
    (row,) = rows("GPU001", gpus(visible=("7", "8")))
    assert "CUDA_VISIBLE_DEVICES='7,8' names none of 0 (NVIDIA H100)" in row.detail


def test_no_device_with_and_without_a_driver():
    (row,) = rows("GPU001", sheet(gpus=replace(GPUS, devices=())))
    assert row.cure.startswith("In a container, start it with `--gpus all`. Install")
    assert (row.evidence, "driver 550.90.07 is loaded" in row.detail) == ("test", True)
    (row,) = rows("GPU001", sheet(gpus=replace(GPUS, devices=(), driver=None)))
    assert row.cure.startswith("Install NVIDIA's driver")
    assert "no NVIDIA driver is loaded" in row.detail
