"""The checkout's requirements.txt."""

from __future__ import annotations

from tests.worlds.project import REQUIREMENTS, Project
from tests.worlds.world import REPLAY, RUN, world

INVALID = r"invalid requirement|expected|not (a )?valid|could ?n[o']t parse|line \d+"
TWICE = r"twice|duplicate|double|listed|given"
NO_FILE = r"no (file|wheel|matching|version)|not (available|found)|python"
INDEX = r"index|\+cu\d+|download\.pytorch\.org"
REFUSED = r"metadata|refuse|suffix|build|deprecated|ImpImporter"
UNREADABLE = r"encod|utf|decode|merge|conflict|binary|unreadable|not readable|html|web page|missing|not there"


def add_line(p: Project, line: str) -> None:
    """One more line in the checkout's requirements.txt."""
    with p.requirements.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


@world(
    "REQ001",
    checkout=True,
    causes=2,
    source=f"{REPLAY}: `==.7.0.72` and `==.15.0`; every tool stops at the first",
    named_by=INVALID,
)
def the_two_typos(p: Project) -> None:
    p.edit(p.requirements, "==4.7.0.72", "==.7.0.72")
    p.edit(p.requirements, "==2.15.0", "==.15.0")


@world(
    "REQ001",
    checkout=True,
    source=f"{RUN}: no newline at the end: transformers==4.30.2torchvision==0.15.2",
    named_by=INVALID,
)
def two_lines_in_one(p: Project) -> None:
    p.edit(p.requirements, "transformers==4.30.2\n", "transformers==4.30.2einops==0.8.2\n")


@world(
    "REQ001",
    checkout=True,
    source="https://github.com/kawine/dataset_difficulty/issues/1: `= is not a valid operator`, a list made by conda",
    named_by=INVALID,
)
def one_equals_sign_as_conda_writes(p: Project) -> None:
    p.edit(p.requirements, "numpy==1.26.4", "numpy=1.26.4")


@world("REQ001", checkout=True, source="a list typed with a Chinese keyboard: full-width ＝＝", named_by=INVALID)
def full_width_signs(p: Project) -> None:
    p.edit(p.requirements, "accelerate==0.24.1", "accelerate＝＝0.24.1")


@world(
    "REQ001",
    checkout=True,
    source="pip: no such option: a command line pasted into the file",
    named_by=INVALID + r"|no such option",
    by_hand="what the line was meant to say is not for a program to guess",
)
def a_command_pasted_into_the_file(p: Project) -> None:
    add_line(p, "pip install -U xformers")


@world(
    "REQ002",
    checkout=True,
    source=f"{REPLAY}: opencv-python-headless is listed twice in the guide's list",
    named_by=TWICE,
)
def numpy_listed_twice(p: Project) -> None:
    add_line(p, "numpy==1.24.3")


@world("REQ002", checkout=True, source="pip: Double requirement given, under two spellings of one name", named_by=TWICE)
def two_spellings_of_one_name(p: Project) -> None:
    add_line(p, "Opencv_Python.Headless==4.7.0.72")


@world(
    "REQ002",
    checkout=True,
    source=f"{REPLAY}: opencv-python beside opencv-python-headless: 13 files are in both",
    named_by=TWICE + r"|cv2|opencv",
)
def two_opencvs_in_the_list(p: Project) -> None:
    add_line(p, "opencv-python==4.7.0.72")


@world(
    "REQ003",
    checkout=True,
    source="https://github.com/zijieli-Jlee/Dual-Diffusion/issues/2: No matching distribution found for torch",
    named_by=NO_FILE,
)
def a_pin_without_a_file_for_this_python(p: Project) -> None:
    add_line(p, "torch==2.15.0")


@world(
    "REQ003",
    "PY001",
    checkout=True,
    source="https://github.com/yaml/pyyaml/issues/601: PyYAML 6.0 has no file for 3.12 and does not build",
    named_by=NO_FILE + r"|cython",
    by_hand="the environment's Python is the cause, and PY001's repair the cure",
)
def pins_older_than_this_python(p: Project) -> None:
    from tests.worlds.breaks.environment import of_python

    of_python(p, "3.12.3")
    add_line(p, "PyYAML==6.0")
    add_line(p, "tokenizers==0.13.3")


@world(
    "REQ003",
    checkout=True,
    causes=2,
    source="https://github.com/ibmm-unibe-ch/TemBERTure/issues/4: `@ file:///croot/...`, of pip freeze in conda",
    named_by=r"file://|croot|no such file|not on this machine",
)
def paths_of_condas_build_machine(p: Project) -> None:
    p.edit(p.requirements, "numpy==1.26.4", "numpy @ file:///croot/numpy_and_numpy_base_1682520569166/work")
    add_line(p, "certifi @ file:///home/conda/feedstock_root/build_artifacts/certifi_1700303426725/work/certifi")


@world(
    "REQ004",
    checkout=True,
    source="https://github.com/williamyang1991/Rerender_A_Video/pull/23: No matching distribution for torch==...+cu118",
    named_by=INDEX,
)
def cuda_pin_without_its_index(p: Project) -> None:
    add_line(p, "torch==2.2.0+cu118")


@world(
    "REQ004",
    checkout=True,
    source=f"{REPLAY}: the guide's --index-url replaces the default index, and accelerate is not found",
    named_by=INDEX,
)
def an_index_that_hides_all_others(p: Project) -> None:
    text = p.requirements.read_text()
    p.requirements.write_text(f"--index-url https://download.pytorch.org/whl/cu118\n{text}torch==2.2.0+cu118\n")


@world(
    "REQ004",
    checkout=True,
    source=f"{REPLAY}: the page of CUDA 11.7 for pins of 11.8",
    named_by=INDEX,
)
def the_page_of_another_build(p: Project) -> None:
    add_line(p, "--find-links https://download.pytorch.org/whl/cu117/torch/")
    add_line(p, "torch==2.2.0+cu118")


@world("REQ005", checkout=True, source=f"{REPLAY}: pip 24.1 and later ignore 1.5.10 for its metadata", named_by=REFUSED)
def metadata_that_pip_refuses(p: Project) -> None:
    add_line(p, "pytorch-lightning==1.5.10")


@world(
    "REQ007",
    checkout=True,
    source="https://github.com/scikit-learn/sklearn-pypi-package/issues/35: the name installs nothing any more",
    named_by=r"sklearn[^\n]*(deprecated|scikit-learn)|scikit-learn",
)
def sklearn_instead_of_scikit_learn(p: Project) -> None:
    add_line(p, "sklearn==0.0")


@world(
    "REQ006",
    checkout=True,
    source="merge markers after a pull: Invalid requirement: '<<<<<<< HEAD'",
    named_by=UNREADABLE,
)
def merge_markers(p: Project) -> None:
    text = p.requirements.read_text()
    p.requirements.write_text(f"<<<<<<< HEAD\n{text}=======\nnumpy\n>>>>>>> theirs\n")


@world(
    "REQ006",
    checkout=True,
    source="https://github.com/pypa/pip/issues/12771: comments in the encoding of a Chinese Windows",
    named_by=UNREADABLE,
)
def comments_in_big5(p: Project) -> None:
    p.requirements.write_bytes("# 訓練所需套件\n".encode("big5") + REQUIREMENTS.encode())


@world(
    "REQ006",
    checkout=True,
    source="https://github.com/serverless/serverless-python-requirements/issues/442: UTF-16 without its mark",
    named_by=UNREADABLE + r"|zero bytes",
)
def utf_16_without_its_mark(p: Project) -> None:
    p.requirements.write_bytes(REQUIREMENTS.encode("utf-16-le"))


@world(
    "REQ006",
    checkout=True,
    source="wget of the repository's page instead of the raw file: Invalid requirement: '<!DOCTYPE html>'",
    named_by=UNREADABLE,
)
def a_web_page_as_requirements(p: Project) -> None:
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        "</head>",
        "<body>",
        "numpy==1.26.4",
        "</body>",
        "</html>",
    ]
    p.requirements.write_text("\n\n".join(lines) + "\n")


@world(
    "REQ006",
    checkout=True,
    source="pip: Could not open requirements file: 'requirments.txt', as the README spells it",
    named_by=UNREADABLE,
)
def requirements_missing(p: Project) -> None:
    p.requirements.rename(p.requirements.with_name("requirments.txt"))


@world(
    "REQ007",
    checkout=True,
    source=f"{REPLAY}: No matching distribution found for clip: only an sdist, and of a clipboard manager",
    named_by=r"clipboard|\bclip\b[^\n]*(wrong|not|openai|another)",
)
def clip_the_clipboard_in_requirements(p: Project) -> None:
    add_line(p, "clip")


@world(
    "REQ007",
    checkout=True,
    causes=2,
    source="names of modules taken for names of distributions: PIL, cv2, skimage, yaml",
    named_by=r"\bPIL\b[^\n]*pillow|pillow|opencv",
)
def modules_taken_for_distributions(p: Project) -> None:
    add_line(p, "PIL")
    add_line(p, "cv2")


@world(
    "REQ003",
    checkout=True,
    causes=3,
    source="pip: Could not find a version that satisfies the requirement pywin32==306 (from versions: none)",
    named_by=r"pywin32[^\n]*windows|windows[^\n]*pywin32",
)
def a_list_frozen_on_windows(p: Project) -> None:
    wheel = "xformers-0.0.24-cp310-cp310-win_amd64.whl"
    for line in ("pywin32==306", "wmi==1.5.1", f"xformers @ file:///C:/Users/somebody/Downloads/{wheel}"):
        add_line(p, line)


@world(
    "REQ003",
    checkout=True,
    source="https://bugs.launchpad.net/ubuntu/+source/python-pip/+bug/1635463: pkg-resources==0.0.0 in pip freeze",
    named_by=r"pkg[_-]resources[^\n]*(no such|not exist|setuptools)|0\.0\.0",
)
def pkg_resources_of_an_old_ubuntu(p: Project) -> None:
    add_line(p, "pkg_resources==0.0.0")


@world(
    "REQ003",
    checkout=True,
    causes=2,
    source="pip freeze of an environment into which a wheel was put by its path: the path is the author's own",
    named_by=r"not on this machine|no such file",
)
def wheels_by_the_paths_of_another_home(p: Project) -> None:
    add_line(p, "flash-attn @ file:///home/somebody/wheels/flash_attn-2.5.6-cp310-cp310-linux_x86_64.whl")
    add_line(p, "/home/somebody/wheels/apex-0.1-cp310-cp310-linux_x86_64.whl")


@world(
    "REQ003",
    checkout=True,
    source="a list of an Apple machine: is not a supported wheel on this platform",
    named_by=r"macosx|platform",
)
def a_wheel_for_macos(p: Project) -> None:
    add_line(p, "./wheels/numpy-1.26.4-cp310-cp310-macosx_11_0_arm64.whl")


@world(
    "REQ003",
    checkout=True,
    source="pip freeze beside loguru on Windows lists win32-setctime without its marker; it installs and does nothing",
    named_by=r"win32-setctime[^\n]*windows|windows[^\n]*setctime",
)
def a_helper_of_windows_that_installs(p: Project) -> None:
    add_line(p, "win32-setctime==1.1.0")
