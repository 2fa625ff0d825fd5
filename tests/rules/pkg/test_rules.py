from dataclasses import replace

import pytest

from dualano_setup.facts.fact import Known
from dualano_setup.facts.sheet import BinaryBuild, Checkout, DamagedPackage, XformersBuild
from dualano_setup.knowledge.catalogue import load
from dualano_setup.knowledge.shipped import names
from tests.rules.hand_made import SITE, dist, environment, having, rows, sheet, statuses, without

ALL = [f"PKG{number:03}" for number in range(1, 13)]
GUIDE = environment()


def env(seen, **facts):
    return sheet(environment=seen, **facts)


def torch(version, cuda, **changes):
    """The guide's environment with another torch build."""
    return replace(GUIDE, torch=BinaryBuild(version, cuda, source=f"{SITE}/torch/version.py"), **changes)


def complaints(facts, **how):
    """(rule, status) of every row that is somebody's own fault."""
    found = [(rule, row) for rule in ALL for row in rows(rule, facts, **how)]
    return {
        (rule, row.status) for rule, row in found if row.status in ("fail", "warn", "unknown") and not row.caused_by
    }


@pytest.mark.parametrize("profile", names())
def test_a_profiles_own_lock_is_healthy_on_every_python_it_has(profile):
    for python in ("3.10.13", "3.11.7", "3.12.1", "3.13.0", "3.14.0"):
        try:
            seen = environment(load(profile), python)
        except KeyError:
            continue
        assert complaints(env(seen), profile=profile) == set(), (profile, python)


def test_missing_package():
    facts = env(without(GUIDE, "einops"))
    assert complaints(facts) == {("PKG001", "fail")}
    (row,) = rows("PKG001", facts)
    assert (row.subject, row.repairable) == ("einops", True)
    assert "einops==0.8.2" in row.cure


def test_another_opencv_provides_cv2_too():
    seen = having(without(GUIDE, "opencv-python-headless"), dist("opencv-python", "4.7.0.72"))
    assert complaints(env(seen)) == set()


def test_optional_packages_may_be_missing():
    assert complaints(env(without(GUIDE, "xformers", "torchaudio", "ipdb"))) == set()


def test_strangers_are_nobodys_business():
    assert complaints(env(having(GUIDE, dist("black", "24.1.0"), dist("jupyter", "1.0.0")))) == set()


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("transformers", "5.23.0", {("PKG002", "fail")}),
        ("transformers", "4.44.2", set()),  # trained a step
        ("transformers", "4.45.0", {("PKG002", "fail")}),
        ("huggingface-hub", "0.25.2", set()),
        ("numpy", "1.24.3", set()),
        ("diffusers", "0.31.0", set()),
        ("diffusers", "0.35.2", {("PKG002", "fail")}),
        ("pillow", "12.3.0", set()),
        ("pillow", "9.3.0", {("PKG002", "fail")}),
        ("tensorboard", "2.21.0", set()),
        ("ipdb", "0.9", {("PKG002", "warn")}),
        ("einops", "not-a-version", {("PKG002", "fail")}),
    ],
)
def test_versions_against_pins_and_bounds(name, version, expected):
    assert complaints(env(having(GUIDE, dist(name, version)))) == expected


def test_torch_of_another_release_is_outside_the_profile():
    seen = having(
        without(GUIDE, "xformers", "torchvision", "torchaudio"),
        dist("torch", "2.0.1+cu118"),
        dist("torchvision", "0.15.2+cu118"),
    )
    seen = replace(
        seen,
        torch=BinaryBuild("2.0.1+cu118", "11.8"),
        torchvision=BinaryBuild("0.15.2+cu118", None),
        torchaudio=None,
        xformers=None,
    )
    assert complaints(env(seen)) == {("PKG002", "fail")}


@pytest.mark.parametrize(
    ("version", "cuda", "word"),
    [("2.2.0+cu121", "12.1", "CUDA 12.1"), ("2.2.0+cpu", None, "CPU build"), ("2.2.0", None, "CPU build")],
)
def test_torch_of_another_build(version, cuda, word):
    (row,) = rows("PKG003", env(torch(version, cuda)))
    assert (row.status, row.repairable) == ("fail", True)
    assert word in row.detail
    assert "torch==2.2.0+cu118" in row.cure
    assert "--find-links https://download.pytorch.org/whl/cu118/torch/" in row.cure


def test_rocm_is_no_cuda():
    seen = replace(GUIDE, torch=BinaryBuild("2.2.0+rocm5.7", None, hip="5.7"))
    assert "ROCm" in rows("PKG003", env(seen))[0].detail


def test_everything_of_the_default_index_is_one_finding():
    record = XformersBuild("0.0.24", "2.2.0+cu121", "12.1", "3.10.13", cudart="libcudart.so.12")
    seen = torch(
        "2.2.0+cu121", "12.1", xformers=record,
        torchvision=BinaryBuild("0.17.0+cu121", None), torchaudio=BinaryBuild("2.2.0+cu121", None),
    )  # fmt: skip
    assert complaints(env(seen)) == {("PKG003", "fail")}


def test_any_build_does_for_the_cpu_profiles():
    for version, cuda in (("2.2.0+cu121", "12.1"), ("2.2.0+cpu", None)):
        seen = replace(environment(load("cpu-checkout")), torch=BinaryBuild(version, cuda))
        assert rows("PKG003", env(seen), profile="cpu-checkout")[0].status == "ok"


def test_the_installed_version_tells_the_build_where_the_version_file_is_gone():
    assert statuses("PKG003", env(replace(GUIDE, torch=None))) == ["ok"]
    plain = replace(having(GUIDE, dist("torch", "2.2.0")), torch=None)
    assert statuses("PKG003", env(plain)) == ["unknown"]


def test_without_torch_its_followers_wait():
    seen = replace(without(GUIDE, "torch"), torch=None)
    assert statuses("PKG001", env(seen)) == ["fail"]
    for rule in ("PKG003", "PKG012"):
        (row,) = rows(rule, env(seen))
        assert (row.status, row.caused_by) == ("skip", "PKG001")
    assert statuses("PKG004", env(seen)) == statuses("PKG005", env(seen)) == ["skip"]


def test_xformers_of_another_torch_says_what_pip_says_and_folds_the_rest():
    record = XformersBuild("0.0.17", "2.0.0+cu118", "11.8", "3.10.9", cudart="libcudart.so.11.0")
    seen = replace(having(GUIDE, dist("xformers", "0.0.17", "torch==2.0.0")), xformers=record)
    facts = env(seen)
    (row,) = rows("PKG004", facts)
    assert "xformers 0.0.17 requires torch==2.0.0, but you have torch 2.2.0" in row.detail
    assert rows("PKG002", facts)[0].caused_by == "PKG004"
    assert rows("PKG011", facts)[0].caused_by == "PKG004"


def test_xformers_release_is_known_without_its_metadata():
    assert statuses("PKG004", env(having(GUIDE, dist("xformers", "0.0.20")))) == ["fail"]
    assert statuses("PKG004", env(having(GUIDE, dist("xformers", "0.0.24")))) == ["ok"]
    assert statuses("PKG004", env(without(GUIDE, "xformers"))) == ["skip"]


@pytest.mark.parametrize(
    ("record", "status", "word"),
    [
        (("2.2.0+cu118", "11.8", "3.10.13", "libcudart.so.11.0", False), "ok", ""),
        (("2.2.0+cu121", "12.1", "3.10.13", "libcudart.so.12", False), "fail", "libcudart.so.12"),
        (("2.2.0+cu121", "12.1", "3.10.13", None, False), "fail", "CUDA 12"),
        (("2.0.1+cu118", "11.8", "3.10.13", "libcudart.so.11.0", False), "fail", "torch 2.0.1"),
        (("2.2.0+cu117", "11.7", "3.10.13", "libcudart.so.11.0", False), "ok", ""),  # the same CUDA major loads
        (("2.2.0+cu118", "11.8", "3.11.7", "libcudart.so.11.0", False), "fail", "Python 3.11.7"),
        (("2.0.1+cu118", "11.8", "3.9.1", "libcudart.so.11.0", True), "ok", ""),  # stable ABI
        (("2.10.0+cu128", "12.8", "3.9.1", "libcudart.so.12", True), "fail", "libcudart.so.12"),
    ],
)
def test_xformers_build_record(record, status, word):
    torch_, cuda, python, cudart, stable = record
    seen = replace(GUIDE, xformers=XformersBuild("0.0.24", torch_, cuda, python, cudart=cudart, stable_abi=stable))
    (row,) = rows("PKG005", env(seen))
    assert row.status == status
    assert word in row.detail


def test_an_unrecorded_xformers_says_nothing():
    assert statuses("PKG005", env(replace(GUIDE, xformers=None))) == ["ok"]


@pytest.mark.parametrize(
    ("hub", "error"),
    [("0.25.2", None), ("0.26.0", "cached_download"), ("0.36.2", "cached_download"), ("1.33.0", "cached_download")],
)
def test_hub_window_for_stock_diffusers_0_25(hub, error):
    facts = env(having(GUIDE, dist("huggingface-hub", hub)))
    (row,) = rows("PKG006", facts)
    assert row.status == ("fail" if error else "ok")
    if error:
        assert f"cannot import name '{error}' from 'huggingface_hub'" in row.detail
        assert complaints(facts) == {("PKG006", "fail")}


@pytest.mark.parametrize(
    ("hub", "error"), [("0.19.4", None), ("0.26.0", "cached_download"), ("1.0.1", "hf_cache_home")]
)
def test_hub_window_for_the_checkouts_own_diffusers(hub, error):
    checkout = Checkout("/checkout", True, True, vendored_diffusers="0.18.1")
    seen = having(GUIDE, dist("huggingface-hub", hub), dist("diffusers", "0.31.0"))
    (row,) = rows("PKG006", env(seen, checkout=Known(checkout)))
    assert row.status == ("fail" if error else "ok")
    assert (error or "") in row.detail


def test_the_checkouts_diffusers_does_not_bind_profiles_that_never_run_it():
    checkout = Checkout("/checkout", True, True, vendored_diffusers="0.18.1")
    facts = env(environment(load("modern")), checkout=Known(checkout))
    assert statuses("PKG006", facts, profile="modern") == ["ok"]


def test_numpy_2_under_numpy_1_builds():
    facts = env(having(GUIDE, dist("numpy", "2.2.6")))
    assert complaints(facts) == {("PKG007", "fail")}
    (row,) = rows("PKG007", facts)
    assert "torch 2.2.0" in row.detail
    assert "numpy==1.26.4" in row.cure
    assert statuses("PKG007", env(environment(load("modern"))), profile="modern") == ["ok"]


def test_numpy_2_that_harms_only_strangers_warns():
    seen = having(environment(load("cpu")), dist("pandas", "2.0.3"))
    assert statuses("PKG007", env(seen), profile="cpu") == ["warn"]


def test_two_opencvs():
    same = env(having(GUIDE, dist("opencv-python", "4.7.0.72")))
    assert complaints(same) == {("PKG008", "warn")}
    (row,) = rows("PKG008", env(having(GUIDE, dist("opencv-python", "4.9.0.80"))))
    assert row.status == "fail"
    assert row.subject == "opencv-python-headless"
    assert "uninstall --python /env/bin/python opencv-python" in row.cure


def test_the_clipboard_clip_is_told_from_openais():
    assert complaints(env(having(GUIDE, dist("clip", "0.2.0", summary="A CLI clipboard manager")))) == {
        ("PKG009", "warn")
    }
    assert complaints(env(having(GUIDE, dist("clip", "0.2.0", summary="")))) == {("PKG009", "warn")}
    assert complaints(env(having(GUIDE, dist("clip", "1.0", summary="")))) == set()


def test_damage_blocks_where_training_needs_the_package():
    damaged = DamagedPackage("accelerate", "0.24.1", missing=("accelerate/__init__.py", "accelerate/utils.py"))
    facts = env(replace(GUIDE, damaged=(damaged,)))
    assert complaints(facts) == {("PKG010", "fail")}
    assert "2 files missing, such as accelerate/__init__.py" in rows("PKG010", facts)[0].detail
    stranger = replace(GUIDE, damaged=(DamagedPackage("black", "24.1", altered=("black/x.py",)),))
    (row,) = rows("PKG010", env(stranger))
    assert (row.status, row.repairable) == ("warn", False)


def test_contradictions_of_ours_block_and_of_strangers_warn():
    ours = env(having(GUIDE, dist("accelerate", "0.24.1", "numpy>=1.17", "psutil>=99")))
    (row,) = rows("PKG011", ours)
    assert (row.status, row.repairable) == ("fail", True)
    assert "accelerate 0.24.1 requires psutil>=99, but you have psutil 7.2.2" in row.detail
    (row,) = rows("PKG011", env(having(GUIDE, dist("some-plugin", "1.0", "pillow>=10"))))
    assert (row.status, row.repairable) == ("warn", False)


def test_contradictions_that_another_finding_explains_are_folded():
    seen = having(without(GUIDE, "einops"), dist("plugin", "1.0", "einops>=0.3", "transformers>=4.40"))
    assert [(row.caused_by, row.subject) for row in rows("PKG011", env(seen))] == [
        ("PKG001", "plugin: einops>=0.3"),
        (None, "plugin: transformers>=4.40"),
    ]


@pytest.mark.parametrize(
    ("name", "build", "word"),
    [
        ("torchvision", "0.15.2+cu118", "0.17.0"),
        ("torchvision", "0.17.0+cu121", "cu121"),
        ("torchvision", "0.17.0+cpu", "cpu"),
        ("torchaudio", "2.0.2+cu118", "2.2.0"),
    ],
)
def test_siblings_of_another_torch(name, build, word):
    seen = replace(having(GUIDE, dist(name, build)), **{name: BinaryBuild(build, None, source="x")})
    facts = env(seen)
    assert complaints(facts) == {("PKG012", "fail")}
    assert word in rows("PKG012", facts)[0].detail


def test_a_usual_torchvision_beside_a_cpu_torch():
    seen = having(environment(load("cpu")), dist("torchvision", "0.28.0"))
    seen = replace(seen, torchvision=BinaryBuild("0.28.0+cu130", None))
    (row,) = rows("PKG012", env(seen), profile="cpu")
    assert row.status == "fail"
    assert "torchvision::nms" in row.detail
    assert "uninstall" in row.cure
