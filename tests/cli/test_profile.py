"""The profile command: what it prints about shipped stacks, solved ones and machines that are elsewhere."""

from __future__ import annotations

import json

import pytest

from dualano_setup.cli.main import run
from dualano_setup.cli.profile import _newest
from dualano_setup.facts.fact import Absent, Known
from dualano_setup.facts.sheet import FactSheet, Gpu, Gpus
from dualano_setup.knowledge.tables import python_ended


def said(capsys, *words):
    status = run(["profile", *words])
    return status, capsys.readouterr()


def test_the_guide_s_stack_is_shown_with_its_risks(capsys):
    status, out = said(capsys, "guide-cu118")
    assert status == 0
    for risk in ("October 2026", "torch before 2.6", "only the +cu118 build"):
        assert risk in out.out
    assert "CUDA 11.8, driver 450.80.02 or newer" in out.out


@pytest.mark.parametrize(
    ("machine", "status", "words"),
    [
        ("sm_61,535.54.03,3.12", 0, "solved-2.14.1-cu126"),
        ("sm_61,595.45.04,3.12", 1, "no longer drives Pascal"),
        ("sm_86,580.95.05,3.10", 0, "solved-2.14.1-cu130"),
    ],
)
def test_another_machine_s_newest_stack_or_why_there_is_none(capsys, machine, status, words):
    found, out = said(capsys, "--for", machine)
    assert found == status
    assert words in out.out


def test_as_json_a_solved_stack_is_a_profile_like_any_other(capsys):
    status, out = said(capsys, "--for", "sm_120,570.124.06,3.11", "--json")
    document = json.loads(out.out)
    assert status == 0
    assert document["packages"]["torch"] == "2.11.0+cu128"
    assert document["tier"] == "unknown"
    status, out = said(capsys, "--for", "sm_37,535.54.03,3.11", "--json")
    assert (status, json.loads(out.out)["stack"]) == (1, None)


@pytest.mark.parametrize("machine", ["sm_86,580", "sm_86,new,3.11", "sm_86,580,three"])
def test_a_machine_that_cannot_be_read_is_a_usage_error(capsys, machine):
    status, out = said(capsys, "--for", machine)
    assert status == 2
    assert "Traceback" not in out.err


def gpus(capability, driver):
    card = Gpu(0, "card", 24 << 30, 0, capability)
    return FactSheet(gpus=Known(Gpus(driver, None, (card,), None, "hand")))


def test_beside_the_shipped_stacks_the_newest_of_the_tables_is_named():
    assert "solved-2.15.0-cu132  the newest" in _newest(gpus((8, 6), "580.95.05"))
    assert "none, because driver 595.45.04 no longer drives" in _newest(gpus((6, 1), "595.45.04"))
    assert _newest(FactSheet(gpus=Absent("no driver"))) == ""


def test_a_python_past_its_end_is_named_from_the_month_after():
    assert python_ended("3.10.13", "2026-11") == "2026-10"
    assert python_ended("3.10", "2026-10") == ""
    assert python_ended("3.11", "2026-11") == ""
