"""Worlds laid down for other programs: they find there what the world says is broken, and nothing where it is well."""

import os
import re
import subprocess
import time

import pytest

from dualano_setup.facts.machine.nvidia_smi import ask_nvidia_smi
from dualano_setup.installers.uv import uv_binary
from tests.worlds.build import build
from tests.worlds.catalogue import FINE, WORLDS
from tests.worlds.project import A4500

BY_NAME = {world.name: world for world in (*WORLDS, *FINE)}


def laid(name, folder, miniature):
    return build(BY_NAME[name], folder / "world", miniature)


def uv_check(world):
    line = [uv_binary(), "pip", "check", "--python", str(world.interpreter), "--no-config"]
    done = subprocess.run(line, env={**os.environ, **world.variables}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["xformers_0_0_17", "a_requirement_contradicted", "protobuf_newer_than_tensorboards"])
def test_what_uv_can_see_it_names(tmp_path, miniature, name):
    status, said = uv_check(laid(name, tmp_path, miniature))
    assert status == 1
    assert re.search(BY_NAME[name].named_by, said, re.IGNORECASE)


def test_a_machine_that_is_well_is_well_to_uv_too(tmp_path, miniature):
    assert uv_check(laid("a_driver_of_next_year", tmp_path, miniature))[0] == 0


def test_nvidia_smi_tells_the_worlds_gpus(tmp_path, miniature):
    world = laid("a_colleague_trains_already", tmp_path, miniature)
    tool = world.variables["PATH"].split(os.pathsep)[0] + "/nvidia-smi"
    found = ask_nvidia_smi(tool, time.monotonic() + 20, dict(os.environ))
    assert (found.driver, found.cuda) == ("550.90.07", "12.4")
    assert (found.devices[0].name, found.devices[0].memory_total) == (A4500.name, A4500.memory_total)
    assert found.devices[0].processes[0].pid == 4242


def test_a_mute_driver_is_mute(tmp_path, miniature):
    world = laid("the_driver_was_upgraded_under_the_kernel", tmp_path, miniature)
    tool = world.variables["PATH"].split(os.pathsep)[0] + "/nvidia-smi"
    assert "mismatch" in ask_nvidia_smi(tool, time.monotonic() + 20, dict(os.environ)).error


def test_what_no_folder_holds_is_named(tmp_path, miniature):
    assert laid("native_windows", tmp_path, miniature).unseen == ("machine",)
