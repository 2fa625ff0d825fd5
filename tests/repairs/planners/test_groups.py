"""Optional groups of packages: data that fits each profile, what they add to a plan, and that they do not get lost."""

from __future__ import annotations

import json

import pytest
from packaging.version import Version

from dualano_setup.cli.main import run
from dualano_setup.knowledge.catalogue import load
from dualano_setup.knowledge.groups import group, installed, names
from dualano_setup.repairs.planners import environment
from dualano_setup.repairs.planners.groups import followers, with_groups
from tests.repairs.planners.test_environment import context, url  # noqa: F401 - fixtures

PROFILES = ("cpu", "cpu-checkout", "guide-cu118", "modern", "modern-cu128")


@pytest.mark.parametrize("name", PROFILES)
def test_every_group_fits_every_profile(name):
    profile = load(name)
    for group_name in names():
        own = group(group_name, profile)
        assert own.packages
        assert own.what
        assert own.download > 0
        for version in filter(None, own.packages.values()):
            Version(version)
        locked = profile.locked()
        pins = with_groups(locked, [own])
        assert set(own.packages) <= set(pins)
        assert all(pins[one] == version for one, version in locked.items() if one not in own.free)
        assert not set(own.free) & (set(pins) - set(own.packages))


def test_torchvision_comes_from_where_torch_does():
    assert [one.url for one in followers(load("cpu"), [group("evaluate", load("cpu"))])] == [
        "https://download.pytorch.org/whl/cpu/torchvision/"
    ]
    for name in ("guide-cu118", "modern"):  # it has a page already; one that needs none
        assert followers(load(name), [group("evaluate", load(name))]) == ()
    assert followers(load("cpu"), [group("trackers", load("cpu"))]) == ()


def test_a_group_is_there_when_all_of_it_is():
    profile = load("cpu")
    assert installed(profile, ("torchvision", "lpips")) == ()
    assert installed(profile, ("torchvision", "lpips", "torch-fidelity", "torch")) == ("evaluate",)


def test_a_plan_without_findings_has_the_group(context, monkeypatch):  # noqa: F811
    from dualano_setup.knowledge import groups

    row = {"what": "a trial", "packages": {"nvidia-cublas": ""}, "download": 7, "disk": 9}
    monkeypatch.setattr(groups, "_document", lambda: {"trial": row})
    planned = environment.plan(context, (), ("trial",))
    (action,) = planned.actions
    assert action.groups == ("trial",)
    assert any(pin.startswith("nvidia-cublas==") for pin in action.packages)
    assert (action.download - environment.CUDA_LIBRARIES, action.why) == (107, "a trial")
    assert not environment.plan(context, ()).actions


def test_an_unknown_group_is_wrong_usage(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["fix", "--with", "everything"]) == 2
    assert "evaluate, trackers" in capsys.readouterr().err
    (tmp_path / "plan.json").write_text(json.dumps({}))
    assert run(["fix", "--with", "evaluate", "--apply", "plan.json"]) == 2
