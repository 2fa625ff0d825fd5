"""Packages that are missing, of another version, damaged, or quarrel."""

from __future__ import annotations

import shutil

from tests.worlds.project import Project
from tests.worlds.site_packages import lay, reinstall, remove, sibling_files, torch_files
from tests.worlds.world import REPLAY, RUN, world

CV2 = {f"cv2/{name}": b"import os\n" for name in ("__init__.py", "cv2.abi3.so", "version.py")}
HUB = r"cached_download|hf_cache_home|hugging_?face_?-?hub[^\n]*(too new|<|requires|incompatible)"
TWICE = r"opencv[^\n]*opencv|\bcv2\b"


def absent(name: str) -> str:
    """Any tool's words for a package that is not there."""
    return rf"{name}[^\n]*(missing|not installed|not found|lacks)|(missing|no module named|lacks|without)[^\n]*{name}"


@world("PKG001", source=f"{RUN}: ModuleNotFoundError: No module named 'einops'", named_by=absent("einops"))
def no_einops(p: Project) -> None:
    remove(p.site, "einops")


@world(
    "PKG001",
    source=f"{RUN}: the repository's requirements.txt lists no torchvision; its Install.sh does",
    named_by=absent("torchvision"),
)
def no_torchvision(p: Project) -> None:
    remove(p.site, "torchvision")


@world(
    "PKG001",
    source=f"{RUN}: no error and no logs folder: accelerate drops a tracker that is not installed",
    named_by=absent("tensorboard"),
)
def no_tensorboard(p: Project) -> None:
    remove(p.site, "tensorboard")


@world(
    "PKG002",
    source="https://github.com/huggingface/huggingface_hub/pull/3464 and transformers 5, which wants that hub",
    named_by=r"transformers[^\n]*5\.|5\.[^\n]*transformers",
)
def transformers_5(p: Project) -> None:
    reinstall(p.site, "transformers", "5.23.0")


@world(
    "PKG002",
    source=f"{REPLAY}: the repository pins torch 2.0.1, the guide upgrades to 2.2.0",
    named_by=r"torch[^\n]*2\.0\.1",
)
def the_torch_of_the_repository(p: Project) -> None:
    reinstall(p.site, "torch", "2.0.1+cu118", files=torch_files("2.0.1+cu118", "11.8"))
    reinstall(p.site, "torchvision", "0.15.2+cu118", files=sibling_files("torchvision", "0.15.2+cu118"))
    reinstall(p.site, "torchaudio", "2.0.2+cu118", files=sibling_files("torchaudio", "2.0.2+cu118"))
    remove(p.site, "xformers")


@world(
    "PKG002",
    source=f"{REPLAY}: the guide's `pip install diffusers` took 0.35.2 on its own day",
    named_by=r"diffusers[^\n]*0\.35|0\.35[^\n]*diffusers",
)
def the_diffusers_of_the_guides_day(p: Project) -> None:
    reinstall(p.site, "diffusers", "0.35.2")


@world(
    "PKG002",
    source="https://github.com/huggingface/diffusers/blob/v0.18.2/src/diffusers/utils/__init__.py#L121: too old",
    named_by=r"diffusers[^\n]*0\.14|0\.14[^\n]*diffusers",
)
def a_diffusers_of_2023(p: Project) -> None:
    reinstall(p.site, "diffusers", "0.14.0")


@world(
    "PKG002",
    source="https://github.com/tensorflow/tensorboard/issues/7064: No module named 'pkg_resources'",
    named_by=r"setuptools[^\n]*82|pkg_resources",
)
def setuptools_without_pkg_resources(p: Project) -> None:
    reinstall(p.site, "setuptools", "82.0.1")


@world(
    "PKG006",
    source="https://github.com/huggingface/huggingface_hub/pull/2579: cannot import name 'cached_download'",
    named_by=HUB,
)
def hub_without_cached_download(p: Project) -> None:
    reinstall(p.site, "huggingface-hub", "0.35.3")


@world(
    "PKG006",
    source=f"{REPLAY}: today's `pip install diffusers` under Python 3.10 brings huggingface_hub 1.33",
    named_by=HUB,
)
def hub_1_x(p: Project) -> None:
    reinstall(p.site, "huggingface-hub", "1.33.0")


@world(
    "PKG006",
    checkout=True,
    source="https://github.com/huggingface/huggingface_hub/pull/3464: cannot import name 'hf_cache_home'",
    named_by=HUB,
)
def hub_2_under_the_checkouts_own_diffusers(p: Project) -> None:
    reinstall(p.site, "huggingface-hub", "2.4.0")


@world("PKG006", source=f"{RUN}: 0.25.2 imports, 0.26.0 does not", named_by=HUB)
def hub_one_release_too_far(p: Project) -> None:
    reinstall(p.site, "huggingface-hub", "0.26.0")


@world(
    "PKG008",
    source=f"{REPLAY}: opencv-python and opencv-python-headless, removing one leaves cv2 without attributes",
    named_by=TWICE,
)
def two_opencvs(p: Project) -> None:
    reinstall(p.site, "opencv-python-headless", "4.7.0.72", files=CV2)
    lay(p.site, "opencv-python", "4.7.0.72", files=CV2)


@world(
    "PKG008",
    source="https://github.com/opencv/opencv-python#installation-and-usage: select only one of the packages",
    named_by=TWICE,
)
def opencv_contrib_over_another_release(p: Project) -> None:
    reinstall(p.site, "opencv-python-headless", "4.7.0.72", files=CV2)
    newer = {name: data + b"import sys\n" for name, data in CV2.items()}
    lay(p.site, "opencv-contrib-python", "4.10.0.84", files=newer)


@world(
    "PKG009",
    source=f"{REPLAY}: `clip` of the package index is 0.2.0, 'A CLI clipboard manager'",
    named_by=r"clipboard|\bclip\b[^\n]*(wrong|not|openai)",
)
def the_other_clip(p: Project) -> None:
    lay(p.site, "clip", "0.2.0", summary="A CLI clipboard manager")


@world(
    "PKG009",
    source="a METADATA that holds name and version only, as some installers write it: nothing says clipboard",
    named_by=r"clipboard|\bclip\b[^\n]*(wrong|not|openai)",
)
def the_other_clip_without_a_summary(p: Project) -> None:
    info = lay(p.site, "clip", "0.2.0")
    p.edit(info / "METADATA", "Summary: clip\n", "")


DAMAGED = r"(accelerate|transformers|numpy|safetensors|diffusers)[^\n]*(missing|damaged|corrupt|broken|altered|invalid)"


@world("PKG010", source="https://github.com/pypa/pip/issues/9566: an upgrade that ended halfway", named_by=DAMAGED)
def half_of_accelerate_deleted(p: Project) -> None:
    shutil.rmtree(p.site / "accelerate")


@world(
    "PKG010",
    source="files of zero bytes after a power cut or a full disk: [Errno 28] in the middle of an install",
    named_by=DAMAGED,
)
def files_of_zero_bytes(p: Project) -> None:
    (p.site / "transformers" / "__init__.py").write_bytes(b"")


@world(
    "PKG010",
    source="https://github.com/pypa/pip/issues/10452: a dist-info without its METADATA stays behind",
    named_by=DAMAGED + r"|(missing|no)[^\n]*metadata",
)
def a_dist_info_without_metadata(p: Project) -> None:
    (next(p.site.glob("safetensors-*.dist-info")) / "METADATA").unlink()


@world(
    "PKG010",
    source="https://github.com/pypa/pip/issues/9566: the old record stays beside the new one",
    named_by=r"diffusers[^\n]*(twice|two|recorded|duplicate|multiple)|(duplicate|multiple)[^\n]*diffusers",
)
def two_records_of_diffusers(p: Project) -> None:
    lay(p.site, "diffusers", "0.25.1")


@world(
    "PKG011",
    source=f"{REPLAY}: pip says 'which is incompatible' and ends with status 0",
    named_by=r"some-plugin[^\n]*pillow",
    by_hand="a package of the user's own: which of the two goes is for the user to say",
)
def a_requirement_contradicted(p: Project) -> None:
    lay(p.site, "some-plugin", "1.0", requires=["pillow>=10"])


@world(
    "PKG011",
    source="https://github.com/tensorflow/tensorboard/issues/5817: Descriptors cannot be created directly",
    named_by=r"protobuf",
)
def protobuf_newer_than_tensorboards(p: Project) -> None:
    reinstall(p.site, "tensorboard", "2.15.0", requires=["protobuf<4.24,>=3.19.6", "setuptools>=41.0.0"])
    reinstall(p.site, "protobuf", "6.33.1")


@world(
    "PKG011",
    source="https://github.com/pytorch/pytorch/issues/125093: Triton installation not found",
    named_by=r"triton",
)
def torch_without_its_triton(p: Project) -> None:
    needs = ['triton==2.2.0; platform_system == "Linux" and platform_machine == "x86_64" and python_version < "3.12"']
    reinstall(p.site, "torch", "2.2.0+cu118", requires=needs, files=torch_files("2.2.0+cu118", "11.8"))
    remove(p.site, "triton")


@world(
    "PKG011",
    source="pip: bitsandbytes 0.50.2 requires torch<3,>=2.4, but you have torch 2.2.0 which is incompatible",
    named_by=r"bitsandbytes[^\n]*torch",
    by_hand="a package of the user's own: which of the two goes is for the user to say",
)
def bitsandbytes_for_a_newer_torch(p: Project) -> None:
    lay(p.site, "bitsandbytes", "0.50.2", requires=["torch<3,>=2.4", "numpy>=1.17", "packaging>=20.9"])
