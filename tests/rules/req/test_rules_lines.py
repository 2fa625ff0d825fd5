"""Requirements line by line: which of two is kept, what a mistaken name becomes, what fix may write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dualano_setup.facts.fact import Absent
from dualano_setup.facts.sheet import RequirementsFile
from dualano_setup.knowledge.catalogue import load
from dualano_setup.rules.req.duplicates import choose_duplicate
from dualano_setup.rules.req.pin_completion import repair_line
from dualano_setup.rules.req.pin_knowledge import Wheels
from dualano_setup.rules.req.releases import has_file, replacement
from dualano_setup.rules.req.rules import RULES
from tests.rules import hand_made as made
from tests.rules.project_sheets import context, environment, findings, requirements

PYTORCH = "https://download.pytorch.org/whl"


def rows(rule, text, python=None, siblings=(), **facts):
    if python:
        facts["environment"] = environment(python)
    return findings(RULES, rule, context(requirements=requirements(text, siblings), **facts))


def verdicts(found):
    return [(row.status, row.subject, row.repairable) for row in found]


# --- the same name twice


def chosen(text, siblings=()):
    ctx = context(requirements=requirements(text, siblings))
    line = choose_duplicate(ctx, ctx.sheet.requirements.value.lines)
    return line and line.text.strip()


@pytest.mark.parametrize(
    ("text", "siblings", "kept"),
    [
        ("numpy==1.26.4\nnumpy==1.24.3\n", (), "numpy==1.26.4"),  # the profile's
        ("numpy==1.24.3\nnumpy==1.26.4\n", (), "numpy==1.26.4"),
        ("numpy==1.24.3\nnumpy==1.26.4\n", (("numpy", "==1.24.3"),), "numpy==1.24.3"),  # a sibling comes first
        ("zz==1\nzz==2\n", (("aa", "==1"), ("zzz", "==1")), None),  # another package's pins say nothing
        ("zz==1\nzz==2\n", (), None),
        ("zz==1\nzz==2\n", (("zz", "==1"), ("zz", "==2")), None),
        ("zz\nzz==2\n", (), "zz==2"),
        ("zz==2\nzz\n", (), "zz==2"),
        ("zz==2\nzz\nzz==2\n", (), "zz==2"),
        ("zz==2\nzz\nzz==3\n", (), None),
        ("numpy==1.26.4\nnumpy==1.24.3\nnumpy==1.26.4\n", (), "numpy==1.26.4"),
    ],
)
def test_the_line_that_a_trusted_source_agrees_with_is_kept(text, siblings, kept):
    assert chosen(text, siblings) == kept


def test_three_alike_are_one_row():
    (row,) = rows("REQ002", "a==1\na==1\na==1\n")
    assert (row.status, row.cure) == ("warn", "Keep one of the lines.")
    assert "listed 3 times" in row.detail


def test_a_contradiction_that_nothing_settles_is_for_the_user():
    (row,) = rows("REQ002", "zz==1\nzz==2\n")
    assert (row.status, row.repairable) == ("fail", False)
    assert row.cure.startswith("Decide which version")


@pytest.mark.parametrize(
    "text",
    [
        "opencv-python==4.7.0.72\n",
        "opencv-python @ https://example.org/a.whl\nopencv-python @ https://example.org/b.whl\n",
        "??\n!!\n",
    ],
)
def test_what_is_not_listed_twice(text):
    assert [row.status for row in rows("REQ002", text)] == ["ok"]


# --- files


def test_a_conda_folder_is_told_and_can_be_mended():
    text = "einops @ file:///croot/einops_1/work\nnumpy @ https://example.org/numpy.whl\n"
    assert verdicts(rows("REQ003", text)) == [("fail", "einops", True)]


def test_the_release_without_a_file_is_named_with_its_version():
    (row,) = rows("REQ003", "numpy==1.24.3\n", "3.12.1")
    assert "numpy 1.24.3 has no file for Python 3.12; it would be built from source" in row.detail
    assert row.repairable  # the profile's 1.26.4 has one


def test_a_release_without_sources_is_not_said_to_be_built():
    (row,) = rows("REQ003", "torch==2.0.1\n", "3.13.0")
    assert "torch 2.0.1 has no file for Python 3.13" in row.detail
    assert "built from source" not in row.detail


@pytest.mark.parametrize(
    ("pin", "python", "profile", "instead"),
    [
        ("numpy==1.24.3", "3.12.1", {"numpy": "1.26.4"}, "1.26.4"),
        ("numpy==1.26.4", "3.12.1", {"numpy": "1.26.4"}, None),
        ("numpy==1.26.4", "3.13.0", {"numpy": "1.24.3"}, None),
        ("numpy==1.24.3", "3.12.1", {"numpy": "9.9"}, "9.9"),  # nothing is known against it
        ("numpy==1.24.3", "3.12.1", {"numpy": "1.0"}, "1.0"),
        ("numpy==1.24.3", "3.12.1", {}, None),
    ],
)
def test_the_profiles_release_replaces_one_without_a_file(pin, python, profile, instead):
    ctx = context(requirements=requirements(pin), environment=environment(python))
    ctx = replace(ctx, profile=replace(ctx.profile, packages=profile))
    (line,) = ctx.sheet.requirements.value.lines
    assert replacement(ctx, line) == instead
    if instead:
        optional = replace(ctx, profile=replace(ctx.profile, packages={}, optional=profile))
        assert replacement(optional, line) == instead
    if ctx.sheet.environment.value.python == "3.12.1" and pin == "numpy==1.24.3":
        (row,) = findings(RULES, "REQ003", ctx)
        assert row.repairable is bool(instead)


@pytest.mark.parametrize(
    ("tags", "sdist", "requires", "python", "found"),
    [
        (("cp37-abi3",), False, None, "3.7", True),
        (("cp37-abi3",), False, None, "3.12", True),
        (("cp312-abi3",), False, None, "3.11", False),
        (("cp310-abi3",), False, None, "3.9", False),
        (("cp310",), True, None, "3.11", False),
        (("cp310",), True, None, "3.10", True),
        ((), True, None, "3.10", True),
        ((), False, None, "3.10", False),
        (("py3",), False, ">=3.8", "3.10", True),
        (("py3",), False, ">=3.11", "3.10", False),
        (("py3",), False, None, "3.10", True),
    ],
)
def test_which_python_finds_a_file(tags, sdist, requires, python, found):
    assert has_file(Wheels("x", "1", requires, tags, sdist, "test"), python) is found


@pytest.mark.parametrize("line", ["numpy>=1.24.3", "numpy==1.24.3,<2", "numpy===1.24.3 ??", "numpy==.24.3", "numpy"])
def test_only_a_whole_pin_is_looked_up(line):
    assert [row.status for row in rows("REQ003", line + "\n", "3.12.1")] == ["ok"]


# --- refused and mistaken


def test_every_refused_release_of_a_file_is_told_with_what_to_write():
    text = "aaa==1\nsetuptools==65.6.3\nzzz==1\npytorch-lightning==1.5.10\n"
    found = rows("REQ005", text, "3.12.1")
    assert verdicts(found) == [("warn", "setuptools", True), ("warn", "pytorch-lightning", True)]
    assert [row.cure for row in found] == ["Drop the pin.", "Write `pytorch-lightning==1.5.3`."]


@pytest.mark.parametrize(
    ("pin", "status"),
    [
        ("pytorch-lightning==1.6.0rc1", "warn"),
        ("pytorch-lightning==1.6.*", "ok"),
        ("pytorch-lightning>=1.6", "ok"),
        ("aaa==1.6.0", "ok"),
        ("zzz==1.6.0", "ok"),
    ],
)
def test_a_release_is_refused_by_name_and_exact_version(pin, status):
    assert [row.status for row in rows("REQ005", pin, "3.10.1")] == [status]


def test_a_mistaken_name_becomes_the_project_that_was_meant():
    clip, sklearn = rows("REQ007", "clip\nsklearn\n")
    assert (clip.status, clip.subject, clip.repairable, clip.cure) == ("warn", "clip", True, "Delete the line.")
    assert "nothing here imports it" in clip.detail
    assert (sklearn.status, sklearn.subject, sklearn.repairable) == ("warn", "sklearn", True)
    assert sklearn.cure == "Write scikit-learn instead."
    assert "nothing here imports it" not in sklearn.detail
    assert [row.subject for row in rows("REQ007", "cv2\npil\n")] == ["cv2", "pil"]
    (row,) = rows("REQ007", "cv2\n")
    assert row.cure == "Write opencv-python-headless instead."


# --- the file itself


@pytest.mark.parametrize(
    ("kind", "status", "cure"),
    [
        ("empty", "warn", "Take the file"),
        ("binary", "fail", "Take the file"),
        ("encoding", "fail", "Save the file as UTF-8"),
        ("merge-markers", "fail", "Keep one side"),
        ("unreadable", "fail", "Take the file"),
        ("", "ok", ""),
    ],
)
def test_a_file_that_cannot_be_used(kind, status, cure):
    file = RequirementsFile("/r", "", (), problem=kind and "so it is", problem_kind="".join(list(kind)))
    (row,) = findings(RULES, "REQ006", context(requirements=file))
    assert (row.status, row.cure.startswith(cure)) == (status, True)


def test_a_checkout_that_was_not_named_has_no_file_to_miss():
    (row,) = findings(RULES, "REQ006", context(requirements=Absent("no checkout")))
    assert row.status == "skip"


# --- indexes


def test_the_first_line_of_a_build_is_named():
    (row,) = rows("REQ004", "numpy\ntorch==2.0.1+cu118\ntorchvision==0.15.2+cu118\n")
    assert verdicts([row]) == [("fail", "line 2", True)]
    assert f"--find-links {PYTORCH}/cu118/torch/`" in row.cure
    assert "torch==2.0.1+cu118, torchvision==0.15.2+cu118" in row.detail


def test_the_index_that_hides_the_others_names_the_first_package_it_lacks():
    (row,) = rows("REQ004", f"--index-url {PYTORCH}/cu118\ntorch==2.0.1+cu118\nnumpy\neinops\n")
    assert verdicts([row]) == [("fail", "line 1", True)]
    assert "and numpy is not there" in row.detail


@pytest.mark.parametrize(
    ("option", "status"),
    [("--find-links", "ok"), ("--extra-index-url", "ok"), ("--index-url", "fail"), ("--trusted-host", "ok")],
)
def test_only_an_index_url_hides_the_default_index(option, status):
    assert [row.status for row in rows("REQ004", f"{option} {PYTORCH}/cu118\nnumpy\n")] == [status]


def test_a_mirror_hides_nothing_and_a_second_index_keeps_both():
    assert [row.status for row in rows("REQ004", "--index-url https://mirror.example/simple\nnumpy\n")] == ["ok"]
    both = f"--index-url {PYTORCH}/cu118\n--extra-index-url https://mirror.example/simple\nnumpy\n"
    assert [row.status for row in rows("REQ004", both)] == ["ok"]
    other = f"--index-url {PYTORCH}/cu118\n--find-links https://mirror.example/x/\nnumpy\n"
    assert [row.status for row in rows("REQ004", other)] == ["fail"]


# --- completing a line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x>=1..2.3", ("x>=1.2.3",)),
        ("x<=.2.3", ()),
        ("x~=.2.3", ()),
        ("x=1.2.3", ("x==1.2.3",)),
        ("x==.2.3 ; python_version", ()),
        ("three==.1.0", ()),
    ],
)
def test_only_an_exact_pin_is_completed(line, expected):
    trusted = [[("x", "==1.2.3"), ("three", "==1.1.0"), ("three", "==2.1.0"), ("three", "==3.1.0")]]
    assert repair_line("".join(list(line)), trusted) == expected


def test_a_profiles_pin_completes_a_line():
    text = "einops==.8.2\n"
    ctx = context(requirements=requirements(text))
    ctx = replace(ctx, profile=load("guide-cu118"))
    (row,) = findings(RULES, "REQ001", ctx)
    assert made.environment().find("einops").version == "0.8.2"
    assert row.cure == "Write `einops==0.8.2`."


# --- other platforms


@pytest.mark.parametrize(
    ("line", "says", "status"),
    [
        ("pywin32==306", "Windows alone", "fail"),
        ("PyWinPTY", "Windows alone", "fail"),
        ("win32_setctime==1.1.0", "Windows alone", "warn"),  # installs, and does nothing
        ("pkg_resources==0.0.0", "no such package", "fail"),
        ("xformers @ file:///C:/Users/a/xformers-0.0.25-cp310-cp310-win_amd64.whl", "win_amd64", "fail"),
        (r"D:\\wheels\\torch.zip", "Windows machine", "fail"),
        ("./numpy-1.26.4-cp310-cp310-macosx_11_0_arm64.whl", "macosx_11_0_arm64", "fail"),
        ("./numpy-1.26.4-cp310-cp310-manylinux2014_aarch64.whl", "aarch64", "fail"),
        ("a @ file:///nowhere/at/all/a-1.0-py3-none-any.whl", "not on this machine", "fail"),
    ],
)
def test_a_line_of_another_platform(line, says, status):
    (row,) = rows("REQ003", f"einops\n{line}\n", environment=Absent("none yet"))
    assert (row.status, row.repairable) == (status, True)
    assert says in row.detail


@pytest.mark.parametrize(
    "line",
    [
        "pywin32==306; sys_platform == 'win32'",
        "a @ https://example.org/a-1.0-cp310-cp310-manylinux_2_17_x86_64.whl",
        "./a-1.0-py3-none-any.whl",
        f"a @ file://{__file__}",
        "-r windows.txt",
    ],
)
def test_lines_that_a_marker_or_this_machine_answers(line):
    assert [row.status for row in rows("REQ003", f"{line}\n")] == ["ok"]
