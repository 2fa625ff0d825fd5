"""Packages: what the row names, which command is proposed, and under which finding it is folded."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from dualano_setup.facts.fact import Known
from dualano_setup.facts.sheet import BinaryBuild, Checkout, DamagedPackage, XformersBuild
from dualano_setup.knowledge.catalogue import load
from dualano_setup.rules.cures import install_command
from dualano_setup.rules.pkg.binary import build_mismatch, torch_build, xformers_mismatch
from dualano_setup.rules.pkg.presence import alternatives
from tests.rules.hand_made import MACHINE, SITE, dist, environment, having, rows, sheet, without

GUIDE = environment()
CPU = environment(load("cpu"))
PAGE = "https://download.pytorch.org/whl/cu118"


def env(seen, **facts):
    return sheet(environment=seen, **facts)


def built(name, version, source="", **changes):
    """The guide's environment with another build of one package, its dist-info included."""
    return replace(having(GUIDE, dist(name, version)), **{name: BinaryBuild(version, None, source=source)}, **changes)


def record(**changes):
    made = XformersBuild("0.0.24", "2.2.0+cu118", "11.8", "3.10.13", cudart="libcudart.so.11.0", source="cpp_lib.json")
    return replace(made, **changes)


# --- commands


def test_the_command_has_the_pages_of_the_packages_it_installs_and_no_others():
    def pages(*names):
        words = install_command(GUIDE, load("guide-cu118"), *names).split()
        return [word for before, word in pairwise(words) if before == "--find-links"]

    assert pages("einops") == []
    assert pages("torch") == [f"{PAGE}/torch/"]
    assert pages("torch", "torchvision") == [f"{PAGE}/torch/", f"{PAGE}/torchvision/"]
    assert install_command(CPU, load("cpu"), "unheard-of").endswith(" unheard-of")


def test_a_python_that_the_profile_has_no_lock_for_gets_the_preferred_ones_versions():
    seen = replace(GUIDE, python="3.99.0")
    assert "torch==2.2.0+cu118" in install_command(seen, load("guide-cu118"), "torch")


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("opencv-python", {"opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"}),
        ("opencv-contrib-python-headless", {"opencv-python-headless", "opencv-python", "opencv-contrib-python"}),
        ("einops", set()),
    ],
)
def test_who_else_brings_the_same_module(name, others):
    first, *rest = alternatives("".join(list(name)))
    assert (first, set(rest), len(rest)) == (name, others, len(others))


# --- torch's build


@pytest.mark.parametrize(
    ("version", "cuda"),
    [
        ("2.2.0+cu118", "11.8"),
        ("2.2.0+cu121", "12.1"),
        ("2.2.0+cu92", "9.2"),
        ("2.2.0+cpu", None),
        ("2.2.0", None),
        ("2.2.0+rocm57", None),
        ("2.2.0+xx118", None),
        ("2.2.0+cu11x", None),
        ("2.2.0+cux18", None),
    ],
)
def test_cuda_by_the_installed_version(version, cuda):
    seen = replace(having(GUIDE, dist("torch", version)), torch=None)
    assert torch_build(seen).cuda == cuda


@pytest.mark.parametrize(
    ("version", "reason"),
    [("2.2.0+cpu", "CPU build"), ("2.2.0+zzz", ""), ("2.2.0+aaa", ""), ("2.2.0", ""), ("2.2.0+cu118", "")],
)
def test_only_a_version_that_says_cpu_is_a_cpu_build(version, reason):
    seen = replace(having(GUIDE, dist("torch", version)), torch=None)
    said = build_mismatch(seen, load("guide-cu118"))
    assert (reason in said, bool(said)) == (True, bool(reason))


@pytest.mark.parametrize(("cuda", "wrong"), [("11.7", True), ("11.8", False), ("12.1", True), ("9.2", True)])
def test_an_older_cuda_is_as_wrong_as_a_newer_one(cuda, wrong):
    seen = replace(GUIDE, torch=BinaryBuild(f"2.2.0+cu{cuda.replace('.', '')}", "".join(list(cuda))))
    assert bool(build_mismatch(seen, load("guide-cu118"))) is wrong


def test_a_stack_without_cuda_takes_every_build():
    for changes in ({"needs_gpu": False}, {"cuda": None}):
        profile = replace(load("guide-cu118"), **changes)
        assert build_mismatch(replace(GUIDE, torch=BinaryBuild("2.2.0+cpu", None)), profile) == ""
    assert build_mismatch(replace(without(GUIDE, "torch"), torch=None), load("guide-cu118")) == ""


# --- xformers


@pytest.mark.parametrize(
    ("requires", "status"),
    [
        (("torch==2.0.0",), "fail"),
        (("torch==2.2.0", "numpy"), "ok"),
        (("numpy", "torch==2.0.0", "torchvision==0.1"), "fail"),
        (("torchvision==0.1",), "ok"),
        (("torch==2.2.0", "torchaudio==2.0.0", "torch-tensorrt==2.0"), "ok"),
        (('torch==2.0.0 ; extra == "dev"',), "ok"),
        (("torch==2.2.0", 'torch==2.0.0 ; extra == "dev"'), "ok"),
        (("pyre-extensions==0.0.23", "numpy"), "ok"),
    ],
)
def test_xformers_own_requirement_of_torch(requires, status):
    facts = env(having(GUIDE, dist("xformers", "0.0.24", *requires)))
    (row,) = rows("PKG004", facts)
    assert row.status == status
    if status == "fail":
        assert (row.repairable, row.subject) == (True, "xformers")


def test_xformers_is_replaced_where_the_profile_has_it_and_else_removed():
    wrong = having(GUIDE, dist("xformers", "0.0.20"))
    assert "install" in rows("PKG004", env(wrong))[0].cure
    assert "xformers==0.0.24" in rows("PKG004", env(wrong))[0].cure
    beside = having(CPU, dist("xformers", "0.0.20"))
    (row,) = rows("PKG004", env(beside), profile="cpu")
    assert "uninstall --python /env/bin/python xformers" in row.cure


@pytest.mark.parametrize(
    ("changes", "torch", "said"),
    [
        ({}, ("2.2.0+cpu", None), "it needs CUDA 11, and torch 2.2.0+cpu (no CUDA) brings none"),
        ({"cuda": None, "cudart": None}, ("2.2.0+cpu", None), ""),
        ({"cudart": None}, ("2.3.0+cu121", "12.1"), "it needs CUDA 11 (CUDA 11.8), and torch 2.3.0+cu121 (CUDA 12.1)"),
        ({"cudart": "libcudart.so.13", "cuda": None}, ("2.2.0+cu118", "11.8"), "libcudart.so.13 (CUDA 13)"),
        ({"cudart": "libcudart.so.10", "cuda": None}, ("2.2.0+cu118", "11.8"), "libcudart.so.10 (CUDA 10)"),
        (
            {"torch": "2.3.0+cu118"},
            ("2.2.0+cu118", "11.8"),
            "it was built for torch 2.3.0+cu118, and this is torch 2.2.0",
        ),
        ({"torch": "2.1.0+cu118"}, ("2.2.0+cu118", "11.8"), "it was built for torch 2.1.0+cu118"),
        ({"cudart": None, "cuda": "9.2"}, ("2.2.0+cu118", "11.8"), "it needs CUDA 9 (CUDA 9.2)"),
        ({"torch": None, "python": None}, ("2.2.0+cu118", "11.8"), ""),
        ({"python": "3.9.1"}, ("2.2.0+cu118", "11.8"), "it was built for Python 3.9.1, and this is 3.10.13"),
        ({"python": "3.11.1"}, ("2.2.0+cu118", "11.8"), "it was built for Python 3.11.1"),
        ({"cudart": "nothing", "cuda": "12.1"}, ("2.2.0+cu118", "11.8"), "nothing (CUDA 12.1)"),
    ],
)
def test_why_the_binary_of_xformers_does_not_load(changes, torch, said):
    seen = replace(GUIDE, torch=BinaryBuild(*torch), xformers=record(**changes))
    found = xformers_mismatch(seen)
    assert (said in found, bool(found)) == (True, bool(said))


def test_an_older_python_is_another_python_too():
    seen = replace(environment(python="3.11.7"), xformers=record(python="3.10.13"))
    assert "built for Python 3.10.13, and this is 3.11.7" in xformers_mismatch(seen)


def test_without_torchs_own_file_a_missing_cuda_is_not_held_against_xformers():
    seen = replace(having(GUIDE, dist("torch", "2.2.0")), torch=None, xformers=record())
    assert xformers_mismatch(seen) == ""


def test_a_binary_of_another_torch_is_mended_and_folded_under_a_wrong_torch():
    wrong = replace(GUIDE, xformers=record(torch="2.1.0+cu118"))
    (row,) = rows("PKG005", env(wrong))
    assert (row.status, row.repairable, row.caused_by, row.subject) == ("fail", True, None, "xformers")
    (row,) = rows("PKG005", env(replace(wrong, torch=BinaryBuild("2.2.0+cpu", None))))
    assert row.caused_by == "PKG003"


# --- numpy, siblings


def test_numpy_is_put_back_by_fix():
    (row,) = rows("PKG007", env(having(GUIDE, dist("numpy", "2.2.6"))))
    assert (row.repairable, row.subject) == (True, "numpy")


@pytest.mark.parametrize(("name", "word"), [("torchvision", "torchvision::nms"), ("torchaudio", "does not load")])
def test_a_sibling_of_another_torch_in_detail(name, word):
    version = {"torchvision": "0.15.2+cu118", "torchaudio": "2.0.2+cu118"}[name]
    (row,) = rows("PKG012", env(built(name, version, "the/version.py")))
    assert (row.status, row.repairable, row.subject, row.caused_by) == ("fail", True, name, None)
    assert (row.evidence, word in row.detail) == ("the/version.py", True)
    assert row.title == f"{name} {version} belongs to another torch"
    assert f"torch==2.2.0+cu118 {name}==" in row.cure
    (row,) = rows("PKG012", env(built(name, version)))
    assert row.evidence.endswith(".dist-info")
    plain = replace(having(GUIDE, dist(name, version)), **{name: None})
    (row,) = rows("PKG012", env(plain))
    assert (row.title, row.evidence.endswith(".dist-info")) == (f"{name} {version} belongs to another torch", True)
    cpu = replace(built(name, version), torch=BinaryBuild("2.2.0+cpu", None))
    assert rows("PKG012", env(cpu))[0].caused_by == "PKG003"


def test_a_siblings_own_file_counts_before_its_dist_info():
    seen = replace(having(GUIDE, dist("torchaudio", "9.9")), torchaudio=BinaryBuild("2.2.0+cu118", None))
    assert [row.status for row in rows("PKG012", env(seen))] == ["ok"]
    seen = replace(having(GUIDE, dist("torchvision", "9.9")), torchvision=BinaryBuild("0.17.0+cu118", None))
    assert [row.status for row in rows("PKG012", env(seen))] == ["ok"]


# --- names


def test_who_imports_what_the_hub_no_longer_has():
    hub = having(GUIDE, dist("huggingface-hub", "1.0.1"))
    (row,) = rows("PKG006", env(hub))
    assert (row.repairable, row.subject) == (True, "huggingface-hub")
    assert "diffusers 0.25.0 imports cached_download" in row.detail
    assert "huggingface-hub==0.19.4" in row.cure
    source = Known(Checkout("/checkout", True, True, vendored_diffusers="0.18.1"))
    (row,) = rows("PKG006", env(hub, checkout=source))
    assert row.title.endswith("for diffusers 0.25.0 and the checkout's own diffusers 0.18.1")
    assert row.detail.count("imports") == 2  # one name an importer, its first
    assert "hf_cache_home, gone in 1.0" in row.detail


def test_a_profile_without_the_hub_replaces_diffusers():
    seen = having(environment(load("modern")), dist("diffusers", "0.25.0"))
    (row,) = rows("PKG006", env(seen), profile="modern")
    assert ("huggingface-hub" in load("modern").packages, row.subject) == (False, "diffusers")
    assert f"diffusers=={load('modern').locked('3.10.13')['diffusers']}" in row.cure


@pytest.mark.parametrize(
    ("keep", "other"),
    [("opencv-python-headless", "opencv-python"), ("opencv-python-headless", "opencv-contrib-python")],
)
def test_two_owners_of_one_folder(keep, other):
    (row,) = rows("PKG008", env(having(GUIDE, dist(other, "4.7.0.72"))))
    assert (row.status, row.subject, row.repairable, " and " in row.detail.partition(";")[0]) == (
        "warn",
        keep,
        True,
        False,
    )
    (row,) = rows("PKG008", env(having(GUIDE, dist(other, "4.9.0.80"))))
    assert (row.status, "(4.7.0.72 and 4.9.0.80)" in row.detail) == ("fail", True)
    assert f"--reinstall-package {keep}" in row.cure
    assert row.cure.partition("&&")[0].split()[-1] == other


def test_of_two_strangers_the_first_of_the_list_is_kept():
    names = ("opencv-contrib-python", "opencv-contrib-python-headless")
    seen = having(without(GUIDE, "opencv-python-headless"), *(dist(name, "4.7.0.72") for name in names))
    (row,) = rows("PKG008", env(seen))
    assert (row.subject, row.cure.partition(" &&")[0].split()[-1]) == names


def test_clip_is_removed_by_fix():
    (row,) = rows("PKG009", env(having(GUIDE, dist("clip", "0.2.0", summary="A Clipboard manager"))))
    assert (row.status, row.repairable, row.subject) == ("warn", True, "clip")


# --- contradictions


def test_a_contradiction_in_words_and_its_command():
    (row,) = rows("PKG011", env(having(GUIDE, dist("accelerate", "0.24.1", "psutil>=99"))))
    assert row.title == "accelerate 0.24.1 and psutil do not go together"
    assert "accelerate==0.24.1" in row.cure
    assert "psutil==" in row.cure
    (row,) = rows("PKG011", env(having(GUIDE, dist("accelerate", "0.24.1", "unheard-of>=1"))))
    assert row.title == "accelerate 0.24.1 lacks unheard-of"
    assert row.detail == "accelerate 0.24.1 requires unheard-of>=1, but unheard-of is not installed"
    assert "install" in row.cure
    assert "unheard-of" not in row.cure
    (row,) = rows("PKG011", env(having(GUIDE, dist("plugin", "1.0", "pillow>=99"))))
    assert "uninstall --python /env/bin/python plugin" in row.cure


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (having(GUIDE, dist("transformers", "5.23.0"), dist("plugin", "1", "transformers<5")), "PKG002"),
        (having(GUIDE, dist("transformers", "5.23.0", "pillow>=99")), "PKG002"),
        (having(GUIDE, dist("plugin", "1", "transformers>=99")), None),
    ],
)
def test_a_contradiction_with_a_version_outside_the_profile_is_folded(seen, cause):
    (row,) = rows("PKG011", env(seen))
    assert row.caused_by == cause


def test_requirements_are_read_for_this_machines_architecture():
    only_arm = dist("plugin", "1", 'pillow>=99 ; platform_machine == "aarch64"')
    only_x86 = dist("plugin", "1", 'pillow>=99 ; platform_machine == "x86_64"')
    for plugin, architecture, status in (
        (only_arm, "aarch64", "warn"),
        (only_arm, "x86_64", "ok"),
        (only_x86, "aarch64", "ok"),
        (only_x86, "x86_64", "warn"),
    ):
        facts = env(having(GUIDE, plugin), machine=replace(MACHINE, architecture=architecture))
        assert [row.status for row in rows("PKG011", facts)] == [status]


# --- versions outside the profile


def test_every_package_outside_the_profile_is_told():
    seen = having(
        without(GUIDE, "ipdb"), dist("pillow", "9.3.0"), dist("transformers", "5.23.0"), dist("einops", "0.1")
    )
    found = rows("PKG002", env(seen))
    assert {row.subject for row in found} == {"pillow", "transformers", "einops"}
    assert all(row.repairable and row.evidence.endswith(".dist-info") for row in found)


def test_the_locks_version_is_the_pin_with_and_without_its_build():
    for version in ("2.2.0", "2.2.0+cu118"):
        seen = having(GUIDE, dist("torch", version))
        assert "torch" not in {row.subject for row in rows("PKG002", env(seen))}


@pytest.mark.parametrize(
    ("seen", "subject", "cause"),
    [
        (replace(GUIDE, torch=BinaryBuild("2.2.0+cpu", None)), None, None),
        (having(GUIDE, dist("numpy", "2.2.6")), "numpy", "PKG007"),
        (having(GUIDE, dist("huggingface-hub", "1.0.1")), "huggingface-hub", "PKG006"),
        (having(GUIDE, dist("xformers", "0.0.20")), "xformers", "PKG004"),
        (
            replace(having(GUIDE, dist("xformers", "0.0.25", "torch==2.2.0")), xformers=record(torch="2.2.1+cu118")),
            "xformers",
            "PKG005",
        ),
        (replace(having(GUIDE, dist("xformers", "0.0.25", "torch==2.2.0")), xformers=record()), "xformers", None),
        (built("torchvision", "0.15.2+cu118"), "torchvision", "PKG012"),
        (built("torchaudio", "2.0.2+cu118"), "torchaudio", "PKG012"),
        (
            replace(having(GUIDE, dist("torch", "2.1.0+cpu")), torch=BinaryBuild("2.1.0+cpu", None)),
            "torch",
            "PKG003",
        ),
        (
            replace(having(GUIDE, dist("torch", "1.9.0+cu118")), torch=BinaryBuild("1.9.0+cu118", "11.8")),
            "torch",
            None,
        ),
        (having(GUIDE, dist("transformers", "5.23.0")), "transformers", None),
        (having(GUIDE, dist("accelerate", "0.1")), "accelerate", None),
    ],
)
def test_the_rule_that_says_more_exactly_what_is_wrong(seen, subject, cause):
    found = {row.subject: row.caused_by for row in rows("PKG002", env(seen))}
    assert found.get(subject or "") == cause
    assert subject is None or subject in found


def test_what_is_wrong_with_another_package_explains_nothing():
    wrong = (("numpy", "2.2.6"), ("huggingface-hub", "1.0.1"), ("accelerate", "0.1"), ("transformers", "5.23.0"))
    seen = replace(
        having(GUIDE, *(dist(name, version) for name, version in wrong)), torch=BinaryBuild("2.2.0+cpu", None)
    )
    causes = {row.subject: row.caused_by for row in rows("PKG002", env(seen))}
    assert (causes["accelerate"], causes["transformers"]) == (None, None)
    assert (causes["numpy"], causes["huggingface-hub"]) == ("PKG007", "PKG006")


def test_a_missing_package_hides_no_wrong_version_after_it():
    first = next(iter(load("guide-cu118").packages))
    seen = without(having(GUIDE, dist("transformers", "5.23.0")), first)
    assert first != "transformers"
    assert "transformers" in {row.subject for row in rows("PKG002", env(seen))}


# --- damage


def test_damage_names_the_note_the_files_and_the_place():
    hurt = DamagedPackage("accelerate", "0.24.1", altered=("a/b.py",), note="half removed")
    (row,) = rows("PKG010", env(replace(GUIDE, damaged=(hurt,))))
    assert row.detail == "against its RECORD: half removed; 1 files altered, such as a/b.py"
    assert row.evidence == f"{SITE}/accelerate-0.24.1.dist-info"
    assert row.repairable
    (row,) = rows("PKG010", env(replace(without(GUIDE, "accelerate"), damaged=(replace(hurt, note=""),))))
    assert (row.detail, row.evidence) == ("against its RECORD: 1 files altered, such as a/b.py", "/env")
