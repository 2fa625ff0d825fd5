"""`. activate` of an environment that was built elsewhere and renamed in, in the real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from dualano_setup.installers.activation import say_place
from dualano_setup.installers.uv import Source, make_venv

SHELLS = ("sh", "dash", "bash", "zsh", "fish")
ASK = "python -c 'import sys; print(sys.prefix)'"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An environment of the real uv, renamed from where it was built, in a folder with a blank and a quote."""
    root = tmp_path_factory.mktemp("activation").resolve() / "it's here"
    root.mkdir()
    building, place = root / ".env.new", root / "env"
    make_venv(building, sys.executable, "env", Source(offline=True), root / "log")
    say_place(building, place)
    building.rename(place)
    return place


def run(shell, script, cwd):
    found = shutil.which(shell)
    if not found:
        pytest.skip(f"{shell} is not installed here")
    variables = {"PATH": os.environ["PATH"], "HOME": str(cwd), "SCRIPT_PATH": "/somebody/elses"}
    return subprocess.run([found, "-c", script], cwd=cwd, env=variables, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("away", [True, False])
def test_the_environments_own_python_runs(place, tmp_path, shell, away):
    end = ".fish" if shell == "fish" else ""
    folder = place if away else "."
    done = run(shell, f'. "{folder}/bin/activate{end}"; {ASK}', tmp_path if away else place)
    assert (done.returncode, done.stdout.strip()) == (0, str(place)), done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_deactivated_everything_is_as_before(place, tmp_path, shell):
    end = ".fish" if shell == "fish" else ""
    done = run(shell, f'. "{place}/bin/activate{end}"; deactivate; echo "$PATH|$VIRTUAL_ENV"', tmp_path)
    lists = {os.environ["PATH"], os.environ["PATH"].replace(":", " ")}
    assert done.stdout.strip().removesuffix("|") in lists, done.stdout + done.stderr


def test_moved_by_hand_it_says_so_instead_of_running_another_python(place, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(place, moved, symlinks=True)
    hidden = place.with_name("hidden")
    place.rename(hidden)
    try:
        done = run("dash", f'set -e; . "{moved}/bin/activate"; {ASK}', tmp_path)
    finally:
        hidden.rename(place)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "was moved" in done.stderr
    assert run("bash", f'. "{moved}/bin/activate"; {ASK}', tmp_path).stdout.strip() == str(moved)


def test_another_script_is_left_as_it_is(tmp_path):
    say_place(tmp_path, tmp_path)  # none at all
    (tmp_path / "bin").mkdir()
    file = tmp_path / "bin" / "activate"
    file.write_text("# of somebody\n")
    say_place(tmp_path, tmp_path)
    assert file.read_text() == "# of somebody\n"
