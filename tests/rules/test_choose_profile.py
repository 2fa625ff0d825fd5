"""The choice against a table worked out by hand from the guide, NVIDIA's drivers and torch's architecture lists."""

import json
from dataclasses import replace

import pytest

from dualano_setup.facts.fact import Absent, Unknown
from dualano_setup.facts.sheet import PythonInstall
from dualano_setup.knowledge.architectures import has_kernels
from dualano_setup.knowledge.catalogue import load
from dualano_setup.knowledge.shipped import names
from dualano_setup.rules.choose_profile import choose_profile
from dualano_setup.rules.judge import judge
from dualano_setup.rules.registry import RULES
from dualano_setup.rules.rule import Context
from tests.rules.hand_made import A4500, GPUS, INSTALLERS, MACHINE, SETTINGS, environment, sheet

NONE = Absent("no environment yet")


def choose(capability=(8, 6), driver="580.95.05", *, trainer="bundled", settings=SETTINGS, **facts):
    gpu = replace(A4500, compute_capability=capability)
    facts = {"gpus": replace(GPUS, driver=driver, devices=(gpu,)), "environment": NONE, **facts}
    return choose_profile(sheet(**facts), settings, trainer=trainer)


@pytest.mark.parametrize(
    ("card", "capability", "driver", "expected"),
    [
        ("K80", (3, 7), "470.82.01", "guide-cu118"),
        ("GTX 1080", (6, 1), "535.54.03", "guide-cu118"),
        ("V100", (7, 0), "535.54.03", "guide-cu118"),
        ("T4", (7, 5), "450.80.02", "guide-cu118"),
        ("RTX A4500", (8, 6), "535.54.03", "guide-cu118"),
        ("RTX 4090", (8, 9), "580.95.05", "guide-cu118"),
        ("H100", (9, 0), "580.95.05", "guide-cu118"),
        ("B200", (10, 0), "580.95.05", "modern"),
        ("RTX 5090", (12, 0), "580.65.06", "modern"),
        ("RTX 5090", (12, 0), "570.124.06", "modern-cu128"),
        ("GB10", (12, 1), "595.45.04", "modern"),
        ("unknown card", None, "535.54.03", "guide-cu118"),
    ],
)
def test_by_card_and_driver(card, capability, driver, expected):
    choice = choose(capability, driver)
    assert choice.profile.name == expected, (card, choice.why, choice.rejected)
    assert {choice.profile.name, *(name for name, _ in choice.rejected)} == set(names())
    assert all(reason for _, reason in choice.rejected)


def test_nothing_fits_a_driver_of_2018_and_the_choice_says_so():
    choice = choose((7, 0), "390.48")
    assert choice.profile.name == "guide-cu118"
    assert "450.80.02" in choice.why


@pytest.mark.parametrize(
    ("gpus", "trainer", "expected"),
    [
        (Absent("no driver"), "bundled", "cpu"),
        (Absent("no driver"), "checkout", "cpu-checkout"),
        (replace(GPUS, driver=None, devices=()), "bundled", "cpu"),
        (replace(GPUS, driver=None, devices=(), note="a GPU without its driver: 01:00.0"), "bundled", "guide-cu118"),
        (replace(GPUS, devices=()), "bundled", "guide-cu118"),
        (Unknown("the driver hangs"), "bundled", "guide-cu118"),
        (GPUS, "checkout", "guide-cu118"),
    ],
)
def test_without_a_usable_gpu(gpus, trainer, expected):
    assert choose(gpus=gpus, trainer=trainer).profile.name == expected


def test_where_no_shipped_stack_fits_one_is_solved_from_the_tables():
    choice = choose((12, 0), trainer="checkout")
    assert choice.profile.name == "solved-2.15.0-cu132-checkout"
    assert choice.profile.packages["torch"] == "2.15.0"
    assert choice.profile.packages["transformers"] == load("cpu-checkout").packages["transformers"]
    assert "checkout" in choice.profile.trainers
    assert "sm_120" in choice.why
    assert "sm_120" in dict(choice.rejected)["guide-cu118"]
    assert "transformers <4.45" in dict(choice.rejected)["modern"]
    only_313 = replace(INSTALLERS, uv_path=None, pythons=(PythonInstall("/usr/bin/python3.13", "3.13.1"),))
    pascal = choose((6, 1), "470.82.01", installers=only_313)
    assert pascal.profile.name == "solved-2.7.1-cu118"


def test_a_solved_profile_can_be_loaded_again_by_its_name_and_knows_where_torch_comes_from():
    profile = load("solved-2.14.1-cu126")
    assert profile.python == ">=3.10,<3.15"
    locked = profile.locked("3.12")
    assert locked["torch"] == "2.14.1+cu126"
    assert locked["diffusers"] == load("modern").locked("3.12")["diffusers"]
    assert not {"triton", "setuptools", "sympy"} & set(locked)
    assert not [name for name in locked if name.startswith(("nvidia-", "cuda-"))]
    served = {package: index.url for index in profile.indexes for package in index.packages}
    assert served == {"torch": "https://download.pytorch.org/whl/cu126/torch/"}
    assert profile.tier == "unknown"
    assert json.loads(json.dumps(profile.to_json()))["packages"]["torch"] == "2.14.1+cu126"
    for name in ("solved-9.9-cu126", "solved-nonsense", "solved-2.14.1-cu126-unheardof"):
        with pytest.raises(KeyError):
            load(name)


@pytest.mark.parametrize(
    ("name", "capability", "driver"),
    [
        ("solved-2.14.1-cu126", (6, 1), "535.54.03"),
        ("solved-2.7.1-cu118", (5, 2), "470.82.01"),
        ("solved-2.15.0-cu132-checkout", (12, 0), "580.95.05"),
    ],
)
def test_an_environment_with_a_solved_stack_is_found_healthy(name, capability, driver):
    profile = load(name)
    gpus = replace(GPUS, driver=driver, devices=(replace(A4500, compute_capability=capability),))
    here = sheet(gpus=gpus, environment=environment(profile, f"{profile.python_preferred}.5"))
    findings = judge(Context(here, SETTINGS, profile), RULES)
    assert [(row.rule, row.title) for row in findings if row.status in ("fail", "warn")] == []


def test_a_driver_that_no_longer_drives_the_gpu_is_named():
    only_313 = replace(INSTALLERS, uv_path=None, pythons=(PythonInstall("/usr/bin/python3.13", "3.13.1"),))
    choice = choose((6, 1), "595.45.04", installers=only_313)
    assert "no longer drives Pascal" in choice.why


def test_arm_has_no_cuda_11_8_builds():
    choice = choose((9, 0), machine=replace(MACHINE, architecture="aarch64"))
    assert choice.profile.name == "modern"
    assert "aarch64" in dict(choice.rejected)["guide-cu118"]


def test_pythons_count_only_where_none_can_be_downloaded():
    only_312 = replace(INSTALLERS, pythons=(PythonInstall("/usr/bin/python3.12", "3.12.3"),))
    assert choose(installers=only_312).profile.name == "guide-cu118"
    offline = replace(SETTINGS, offline=True)
    choice = choose(installers=only_312, settings=offline)
    assert choice.profile.name == "modern"
    assert "3.12.3" in dict(choice.rejected)["guide-cu118"]
    assert choose(installers=replace(only_312, uv_path=None)).profile.name == "modern"
    assert choose(settings=offline).profile.name == "guide-cu118"


def test_an_environment_that_holds_a_fitting_stack_is_kept():
    modern = environment(load("modern"))
    assert choose(environment=modern).profile.name == "modern"
    assert choose((8, 6), "535.54.03", environment=modern).profile.name == "guide-cu118"
    assert choose(environment=modern, trainer="checkout").profile.name == "guide-cu118"


@pytest.mark.parametrize(
    ("architectures", "capability", "expected"),
    [
        (("sm_80",), (8, 9), True),
        (("sm_86",), (8, 0), False),
        (("sm_80",), (9, 0), False),
        (("sm_80+PTX",), (9, 0), True),
        (("sm_90+PTX",), (8, 0), False),
        (("sm_100",), (10, 3), True),
        (("sm_100", "sm_120"), (12, 1), True),
        (("sm_90a",), (9, 0), True),
        (("sm_100a",), (10, 3), False),
        ((), (8, 0), False),
    ],
)
def test_which_code_runs_where(architectures, capability, expected):
    assert has_kernels(architectures, capability) is expected
