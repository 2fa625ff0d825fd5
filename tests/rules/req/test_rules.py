"""Rules about requirements.txt, on hand-made sheets."""

from __future__ import annotations

import pytest

from dualano_setup.facts.fact import Absent, Unknown
from dualano_setup.facts.sheet import IndexConfig, Installers, RequirementsFile
from dualano_setup.rules.req.pin_completion import repair_line
from dualano_setup.rules.req.rules import RULES
from tests.rules.project_sheets import context, environment, findings, requirements, statuses

GOOD = "accelerate==0.24.1\ntorch==2.2.0\n"


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_a_good_file_is_fine_and_no_file_skips(rule):
    assert statuses(RULES, rule, context(requirements=requirements(GOOD))) == ["ok"]
    assert statuses(RULES, rule, context()) == ["skip"]
    expected = ["unknown"]
    assert statuses(RULES, rule, context(requirements=Unknown("unreadable"))) == expected


def test_every_invalid_line_is_named_with_its_cure():
    text = "opencv-python==4.7.0.72\nopencv-python-headless==.7.0.72\ntensorboard==.15.0\nfoo ??\n"
    rows = findings(RULES, "REQ001", context(requirements=requirements(text)))
    assert [row.subject for row in rows] == ["line 2", "line 3", "line 4"]
    assert "opencv-python-headless==4.7.0.72" in rows[0].cure
    assert "tensorboard==2.15.0" in rows[1].cure
    assert [row.repairable for row in rows] == [True, True, False]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x==.2.3", ("x==1.2.3",)),
        ("X [a] ==.2.3  # why", ("X [a] ==1.2.3  # why",)),
        ("x==.9.9", ()),
        ("two==.1.0", ()),  # 1.1.0 and 2.1.0 are both known: no guess
        ("x=1.2.3", ("x==1.2.3",)),
        ("x==1..2.3", ("x==1.2.3",)),
        ("x==1.2.3.", ("x==1.2.3",)),
        ("x＝＝1.2.3", ("x==1.2.3",)),
        ("aa==1.2torchvision==0.15", ("aa==1.2", "torchvision==0.15")),
        ("x>=.2.3", ()),
        ("x==.2", ()),
        ("hello world", ()),
    ],
)
def test_a_line_is_completed_or_left(line, expected):
    trusted = [[("x", "==1.2.3"), ("two", "==1.1.0"), ("two", "==2.1.0")], [("two", "==1.1.0")]]
    assert repair_line(line, trusted) == expected


def test_the_first_source_that_knows_the_package_decides():
    assert repair_line("t==.15.0", [[], [("t", "==2.15.0")], [("t", "==1.15.0")]]) == ("t==2.15.0",)


@pytest.mark.parametrize(
    ("text", "status", "repairable"),
    [
        ("a==1\nA==1\n", "warn", True),
        ("a==1\na==2\n", "fail", False),
        ("numpy==1.26.4\nnumpy==1.24.3\n", "fail", True),  # the profile has one of them
        ("opencv-python==4.7.0.72\nopencv-python-headless==4.7.0.72\n", "warn", True),
    ],
)
def test_a_package_listed_twice(text, status, repairable):
    (row,) = findings(RULES, "REQ002", context(requirements=requirements(text)))
    assert (row.status, row.repairable) == (status, repairable)


def test_different_markers_are_not_twice():
    text = 'a==1 ; python_version < "3.11"\na==2 ; python_version >= "3.11"\n'
    assert statuses(RULES, "REQ002", context(requirements=requirements(text))) == ["ok"]


@pytest.mark.parametrize(("python", "status"), [("3.10.13", "ok"), ("3.11.7", "ok"), ("3.12.1", "warn")])
def test_a_pin_without_a_file_for_the_python(python, status):
    ctx = context(requirements=requirements("numpy==1.24.3\n"), environment=environment(python))
    assert statuses(RULES, "REQ003", ctx) == [status]


def test_stable_abi_and_pure_files_fit_every_python():
    text = "opencv-python-headless==4.7.0.72\ntimm==0.4.12\ntransformers==4.30.2\n"
    ctx = context(requirements=requirements(text), environment=environment("3.14.0"))
    assert statuses(RULES, "REQ003", ctx) == ["ok"]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("torch==2.0.1+cu118\n", "fail"),
        ("--find-links https://download.pytorch.org/whl/cu118/torch/\ntorch==2.0.1+cu118\n", "ok"),
        ("--extra-index-url https://download.pytorch.org/whl/cu118\ntorch==2.0.1+cu118\nnumpy\n", "ok"),
        ("--extra-index-url https://download.pytorch.org/whl/cu121\ntorch==2.0.1+cu118\n", "fail"),
        ("--index-url https://download.pytorch.org/whl/cu118\ntorch==2.0.1+cu118\nnumpy\n", "fail"),
        ("--index-url https://download.pytorch.org/whl/cu118\ntorch==2.0.1+cu118\n", "ok"),
        ("--index-url https://mirror.example/simple\ntorch==2.0.1+cu118\n", "ok"),
    ],
)
def test_builds_need_their_index(text, status):
    assert statuses(RULES, "REQ004", context(requirements=requirements(text))) == [status]


def test_an_index_of_the_installers_settings_counts():
    pip = IndexConfig(extra_index_urls=("https://download.pytorch.org/whl/cu118",))
    ctx = context(requirements=requirements("torch==2.0.1+cu118\n"), installers=Installers(pip, IndexConfig()))
    assert statuses(RULES, "REQ004", ctx) == ["ok"]


def test_beside_an_environment_it_only_warns():
    ctx = context(requirements=requirements("torch==2.0.1+cu118\n"), environment=environment())
    assert statuses(RULES, "REQ004", ctx) == ["warn"]


@pytest.mark.parametrize(
    ("pin", "python", "status"),
    [
        ("pytorch-lightning==1.5.10", "3.10", "warn"),
        ("pytorch-lightning==1.5.0", "3.10", "ok"),
        ("pytorch-lightning==1.8.6", "3.10", "ok"),
        ("setuptools==65.6.3", "3.11", "ok"),
        ("setuptools==65.6.3", "3.12", "warn"),
    ],
)
def test_refused_releases(pin, python, status):
    ctx = context(requirements=requirements(pin), environment=environment(f"{python}.1"))
    assert statuses(RULES, "REQ005", ctx) == [status]


def test_a_missing_file_warns_and_unreadable_text_fails():
    missing = Absent("requirements.txt is not there", "/checkout/requirements.txt")
    assert statuses(RULES, "REQ006", context(requirements=missing)) == ["warn"]
    merge = requirements("<<<<<<< HEAD\na==1\n=======\na==2\n>>>>>>> x\n")
    ctx = context(requirements=merge)
    assert statuses(RULES, "REQ006", ctx) == ["fail"]
    (row,) = findings(RULES, "REQ001", ctx)
    assert (row.status, row.caused_by) == ("skip", "REQ006")
    assert statuses(
        RULES,
        "REQ006",
        context(requirements=RequirementsFile("/r", "", (), problem="a named pipe", problem_kind="unreadable")),
    ) == ["fail"]


def test_clip_is_another_project_unless_it_has_an_address():
    assert statuses(RULES, "REQ007", context(requirements=requirements("clip\n"))) == ["warn"]
    direct = "clip @ git+https://github.com/openai/CLIP.git\n"
    assert statuses(RULES, "REQ007", context(requirements=requirements(direct))) == ["ok"]
