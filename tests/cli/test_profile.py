"""The profile command: what it prints about shipped stacks, solved ones and machines that are elsewhere."""

from __future__ import annotations

import json

import pytest

from dualano_setup.cli.main import run


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


@pytest.mark.parametrize("machine", ["sm_86", "sm_86,new,3.11", "sm_86,580,three"])
def test_a_machine_that_cannot_be_read_is_a_usage_error(capsys, machine):
    status, out = said(capsys, "--for", machine)
    assert status == 2
    assert "Traceback" not in out.err
