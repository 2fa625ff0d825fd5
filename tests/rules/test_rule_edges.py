"""Edges of the rules that mutation testing found unwatched: exact limits, the second of several, shown words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dualano_setup.facts.sheet import Disk
from dualano_setup.knowledge.catalogue import load
from dualano_setup.knowledge.tables import run_need
from dualano_setup.rules.acc import rules as acc
from dualano_setup.rules.acc.precision import obstacle
from dualano_setup.rules.data import rules as data
from dualano_setup.rules.gpu.memory import _candidates, least, need
from dualano_setup.rules.gpu.rules import changed_settings
from dualano_setup.rules.gpu.visible import visible_gpus
from dualano_setup.rules.req import rules as req
from dualano_setup.rules.req.releases import replacement, target_python
from dualano_setup.rules.wording import GIB, IMAGES, count, gib, shown
from tests.rules import hand_made as made
from tests.rules import project_sheets as sheets

AMPERE = replace(made.A4500, compute_capability=(8, 0))


def machine(**changes):
    return made.sheet(machine=replace(made.MACHINE, **changes))


def gpus(*devices, visible=None):
    return replace(made.GPUS, devices=devices, visible=visible)


# --- words and numbers


def test_bytes_and_counts_for_people():
    assert (GIB, gib(3 * 2**30)) == (2**30, "3.0 GiB")
    assert [count(n, IMAGES) for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]


@pytest.mark.parametrize(("length", "ends"), [(159, "x"), (160, "x"), (161, "…"), (1000, "…")])
def test_a_name_is_cut_at_160_characters(length, ends):
    assert len(shown("x" * length)) == min(length, 160)
    assert shown("x" * length)[-1] == ends


# --- the machine


def test_the_exact_shared_memory_is_enough():
    enough = run_need("shm")
    assert made.statuses("SYS004", machine(shm_total=enough)) == ["ok"]
    assert made.statuses("SYS004", machine(shm_total=enough - 1)) == ["warn"]


@pytest.mark.parametrize(("container", "where"), [(True, "in this container"), (False, "here")])
def test_shared_memory_is_told_in_mib_and_where(container, where):
    (row,) = made.rows("SYS004", machine(shm_total=64 * 2**20, container=container))
    assert "only 64 MiB" in row.title
    assert f"{where} it holds 64 MiB" in row.detail


@pytest.mark.parametrize(
    ("libc", "status"), [("musl", "fail"), ("glibc 2.12", "fail"), ("glibc 2.39", "ok"), ("glibc", "ok")]
)
def test_a_c_library_by_its_name_and_version(libc, status):
    assert made.statuses("SYS001", machine(libc="".join(list(libc)))) == [status]


@pytest.mark.parametrize(("purpose", "status"), [("cache", "warn"), ("checkpoints", "fail")])
def test_only_the_cache_may_be_closed(purpose, status):
    closed = Disk("".join(list(purpose)), "/srv/x", "/srv", 2000 * GIB, 900 * GIB, writable=False)
    assert made.statuses("SYS005", machine(disks=(closed,))) == [status]


# --- GPUs


def test_what_a_run_needs_at_the_very_least_holds_half_a_gib_for_cuda():
    assert least(made.SETTINGS) > 512 * 2**20
    assert least(made.SETTINGS) < need(made.SETTINGS)
    from dualano_setup.rules.gpu.memory import _estimate

    assert least(made.SETTINGS) - int(_estimate(made.SETTINGS, 0).tensors) == 512 * 2**20


def test_every_candidate_takes_the_same_number_of_images_a_step():
    settings = replace(made.SETTINGS, batch_size=12, gradient_accumulation_steps=3)
    found = [(c.batch_size, c.gradient_accumulation_steps) for c in _candidates(settings, (8, 0))]
    assert {batch * steps for batch, steps in found} == {36}
    assert {batch for batch, _ in found} == {12, 6, 3, 1}


@pytest.mark.parametrize(("capability", "low"), [(None, "bf16"), ((7, 5), "fp16"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_the_low_precision_that_a_generation_has(capability, low):
    assert {c.mixed_precision for c in _candidates(made.SETTINGS, capability)} - {"no"} == {low}


def test_changed_settings_are_all_found():
    new = replace(made.SETTINGS, batch_size=1, steps=7, variant="dual", said_by={"steps": "--steps"})
    assert changed_settings(made.SETTINGS, new) == {"batch_size": 1, "steps": 7, "variant": "dual"}


def test_an_old_mig_name_means_the_card_it_names():
    first, second = replace(made.A4500, uuid="GPU-aa"), replace(made.A4500, index=1, uuid="GPU-bb")
    (seen,) = visible_gpus(gpus(first, second, visible=("MIG-GPU-bb/1/0",)))
    assert (seen.uuid, seen.memory_total) == ("GPU-bb", None)
    assert visible_gpus(gpus(first, visible=("MIG-GPU-bb/1/0",))) == ()


# --- accelerate


def acc_row(rule, values, settings=None, *devices):
    facts = {"accelerate": sheets.accelerate(values)}
    if devices:
        facts["gpus"] = sheets.gpus(*devices)
    return sheets.findings(acc.RULES, rule, sheets.context(settings, **facts))


def test_the_cure_names_a_precision_that_runs_here():
    (row,) = acc_row("ACC002", {"mixed_precision": "fp8"}, {"mixed_precision": "bf16"}, (8, 6))
    assert "'bf16'" in row.cure
    (row,) = acc_row("ACC002", {"mixed_precision": "bf16"}, {"mixed_precision": "bf16"}, (7, 5))
    assert "'no'" in row.cure


def test_the_first_gpu_without_bfloat16_is_named():
    (row,) = acc_row("ACC002", {"mixed_precision": "bf16"}, {"mixed_precision": "no"}, (8, 6), (7, 0), (7, 5))
    assert "GPU 1 has no bfloat16" in row.detail


def test_a_precision_that_sorts_after_fp16_is_not_taken_for_it():
    context = sheets.context(None, gpus=sheets.gpus())
    assert "needs a GPU" in obstacle(context, "fp16", use_cpu=False)
    assert obstacle(context, "int8", use_cpu=False) == ""


@pytest.mark.parametrize(("wanted", "kind"), [(1, "NO (quoted)"), (2, "MULTI_GPU")])
def test_the_cure_names_the_kind_for_the_number_of_processes(wanted, kind):
    (row,) = acc_row(
        "ACC004", {"num_processes": 8, "distributed_type": "MULTI_GPU"}, {"num_processes": wanted}, (8, 6), (8, 6)
    )
    assert row.cure.endswith(f"distributed_type to {kind}.")


@pytest.mark.parametrize(("value", "seen"), [(True, ["warn"]), (False, ["ok"]), (None, ["ok"])])
def test_a_run_kept_on_the_processor_beside_a_gpu(value, seen):
    """The hand-made profile has no CUDA; one that has wants its GPU used."""
    context = sheets.context(accelerate=sheets.accelerate({"use_cpu": value}), gpus=sheets.gpus((8, 6)))
    context = replace(context, profile=load("guide-cu118"))
    assert sheets.statuses(acc.RULES, "ACC004", context) == seen


# --- data, packages, requirements


@pytest.mark.parametrize("size", [(32, 64), (128, 64), (64, 32), (64, 128)])
def test_a_mask_of_another_size_in_either_direction(size):
    masks = sheets.images("/mvtec/screw/ground_truth/scratch", "000_mask.png", "001_mask.png", "002_mask.png")
    found = sheets.dataset(masks=(replace(masks[0], width=size[0], height=size[1]), *masks[1:]))
    assert sheets.statuses(data.RULES, "DATA003", sheets.context({"category": "screw"}, dataset=found)) == ["fail"]


@pytest.mark.parametrize("variant", ["bcm", "dual"])
def test_foreground_masks_count_for_the_variant_that_reads_them(variant):
    masks = sheets.images("/fg/screw/scratch", "000.png", "001.png", "002.png")
    found = sheets.dataset(foreground=(replace(masks[0], width=9), *masks[1:]))
    context = sheets.context({"variant": "".join(list(variant))}, dataset=found)
    assert sheets.statuses(data.RULES, "DATA003", context) == (["fail"] if variant == "bcm" else ["ok"])


def test_every_other_owner_of_a_folder_goes_whatever_its_name():
    names = ("opencv-python", "opencv-contrib-python", "opencv-python-headless")
    seen = made.having(made.environment(), *(made.dist(name, "4.7.0.72") for name in names))
    (row,) = made.rows("PKG008", made.sheet(environment=seen))
    removed, _, installed = row.cure.partition("&&")
    keep = row.subject
    assert all((name in removed.split()) is (name != keep) for name in names)
    assert keep in installed


@pytest.mark.parametrize(("python", "told"), [("3.11.7", False), ("3.12.1", True), ("3.13.0", True)])
def test_pythons_without_imp_importer_are_told_so(python, told):
    (row,) = made.rows(
        "PY001", made.sheet(environment=replace(made.environment(), python=python)), profile="guide-cu118"
    ) or (None,)
    assert ("ImpImporter" in row.detail) is told


def test_a_line_with_a_file_does_not_stop_the_look_at_the_next():
    text = "accelerate==0.24.1\nnumpy==1.24.3\n"
    context = sheets.context(requirements=sheets.requirements(text), environment=sheets.environment("3.12.1"))
    assert [row.subject for row in sheets.findings(req.RULES, "REQ003", context)] == ["numpy"]


def test_the_target_python_is_told_by_two_numbers():
    assert target_python(sheets.context(environment=sheets.environment("3.12.1"))) == "3.12"
    assert target_python(sheets.context()) == "3.10"


def test_a_release_without_a_file_is_no_replacement():
    context = sheets.context(
        requirements=sheets.requirements("numpy==1.24.3\n"), environment=sheets.environment("3.13.0")
    )
    (line,) = sheets.requirements("numpy==1.24.3\n").lines
    assert replacement(context, line) is None
