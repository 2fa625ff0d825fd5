"""Real uv, a real Python, a local index of stub wheels: made aside, checked, swapped, undone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dualano_setup.errors import RepairError
from dualano_setup.facts.environment.probe import MARKER
from dualano_setup.installers.uv import ResolutionError, Source, resolve
from dualano_setup.repairs.action import Action, Plan
from dualano_setup.repairs.actions.environment import MakeEnvironment, environment_state
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.journal.journal import all_fixes, new_id
from dualano_setup.repairs.journal.undo import find_fix, recover, undo_fix
from tests.stub_index import StubWheel, find_links_page, serve, write_index

TORCH = {
    "torch/__init__.py": "from .version import *\n",
    "torch/version.py": "__version__ = '2.2.0+cu118'\ncuda = '11.8'\nhip = None\n",
}
SMOKABLE = {**TORCH, "torch/cuda.py": "def is_available():\n    return False\n"}
SMOKABLE["torch/__init__.py"] = "from . import cuda, version\n__version__ = version.__version__\n"


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    default = [
        StubWheel("torch", "2.2.0", requires=("nvidia-cuda-runtime-cu12",), files={"torch/__init__.py": ""}),
        StubWheel("nvidia-cuda-runtime-cu12", "12.1"),
        StubWheel("numpy", "1.26.4"),
        StubWheel("accelerate", "0.24.1", requires=("numpy<2",), scripts={"accelerate": "accelerate:main"}),
        StubWheel("needy", "1.0", requires=("numpy>=2",)),
    ]
    write_index(folder / "default", default)
    # The CUDA pages mirror numpy as well, as the real ones do: it must not come from there.
    cuda = [StubWheel("torch", "2.2.0+cu118", requires=("numpy",), files=SMOKABLE), StubWheel("numpy", "1.26.5")]
    write_index(folder / "cuda", cuda)
    with serve(folder) as url:
        yield url


@pytest.fixture
def variables(index, tmp_path):
    return {"UV_DEFAULT_INDEX": f"{index}default/simple/", "UV_CACHE_DIR": str(tmp_path / "uv-cache")}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def environment_action(project: Path, index: str, **changes: object) -> MakeEnvironment:
    target = project / ".dualano" / "env"
    action = MakeEnvironment(
        target=target,
        python=sys.executable,
        python_version=".".join(map(str, sys.version_info[:3])),
        profile="guide-cu118",
        packages=("accelerate==0.24.1", "numpy==1.26.4", "torch==2.2.0+cu118"),
        pages=(find_links_page(f"{index}cuda/", "torch"),),
        no_index=False,
        before=environment_state(target),
        cuda="11.8",
        download=1000,
        disk=1000,
        rules=("PY002",),
        why="no environment yet",
    )
    return replace(action, **changes)


def fix(project: Path, variables: dict[str, str], *actions: Action):
    plan = Plan(new_id(project), actions, "basis")
    said: list[str] = []
    session = Session(project, None, say=said.append, variables=variables)
    return apply_plan(plan, session), session, said


def freeze(environment: Path) -> dict[str, str]:
    code = "import importlib.metadata as m, json;print(json.dumps({d.name: d.version for d in m.distributions()}))"
    done = subprocess.run(
        [environment / "bin" / "python", "-I", "-c", code], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_the_resolve_takes_each_package_from_its_own_source(index, variables, tmp_path):
    pins = {"torch": "2.2.0", "accelerate": "0.24.1"}
    source = Source((find_links_page(f"{index}cuda/", "torch"),), variables)
    assert resolve(pins, "stub", sys.executable, source) == (
        "accelerate==0.24.1",
        "numpy==1.26.4",
        "torch==2.2.0+cu118",
    )


def test_a_clash_is_named(index, variables, tmp_path):
    pins = {"needy": "1.0", "accelerate": "0.24.1"}
    with pytest.raises(ResolutionError, match=r"numpy[\s\S]*needy|needy[\s\S]*numpy"):
        resolve(pins, "stub", sys.executable, Source((), variables))


def test_made_checked_and_undone(index, variables, project):
    action = environment_action(project, index)
    outcome, session, said = fix(project, variables, action)
    assert (outcome.status, outcome.problem) == (0, "")
    environment = project / ".dualano" / "env"
    assert freeze(environment) == {"accelerate": "0.24.1", "numpy": "1.26.4", "torch": "2.2.0+cu118"}
    assert json.loads((environment / MARKER).read_text())["profile"] == "guide-cu118"
    assert any("torch runs: 2.2.0+cu118 CUDA build 11.8" in line for line in said)
    # Entry points must run from where the environment stands now, not from where it was built.
    run = subprocess.run([environment / "bin" / "accelerate"], capture_output=True, text=True, check=True)
    assert run.stdout == "0.24.1\n"
    assert list(environment.rglob("__pycache__")), "bytecode is compiled"
    undo_fix(outcome.journal, lambda number: session.workshop(outcome.journal, number))
    assert not environment.exists()
    assert sorted(p.name for p in (project / ".dualano").iterdir()) == ["fixes"]


def test_the_old_environment_comes_back(index, variables, project):
    environment = project / ".dualano" / "env"
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("home = /nowhere\n")
    (environment / "bin" / "mine").write_text("the user's own")
    outcome, session, _ = fix(project, variables, environment_action(project, index))
    assert outcome.status == 0
    assert not (environment / "bin" / "mine").exists()
    undo_fix(outcome.journal, lambda number: session.workshop(outcome.journal, number))
    assert (environment / "bin" / "mine").read_text() == "the user's own"
    assert (environment / "pyvenv.cfg").read_text() == "home = /nowhere\n"


def test_one_old_generation_is_kept(index, variables, project):
    first, session, _ = fix(project, variables, environment_action(project, index))
    second, _, _ = fix(project, variables, environment_action(project, index))
    third, _, _ = fix(project, variables, environment_action(project, index))
    assert [outcome.status for outcome in (first, second, third)] == [0, 0, 0]
    assert not (second.journal.folder / "00" / "image").exists()
    assert (third.journal.folder / "00" / "image").exists()
    with pytest.raises(RepairError, match="no longer kept"):
        undo_fix(second.journal, lambda number: session.workshop(second.journal, number))
    undo_fix(find_fix(project, None), lambda number: session.workshop(third.journal, number))
    assert json.loads((project / ".dualano/env" / MARKER).read_text())["fix"] == second.journal.id
    assert freeze(project / ".dualano" / "env")["torch"] == "2.2.0+cu118"


def test_undo_refuses_when_the_user_installed_something_since(index, variables, project):
    outcome, session, _ = fix(project, variables, environment_action(project, index))
    site = next((project / ".dualano/env").glob("lib/python*/site-packages"))
    (site / "added-1.0.dist-info").mkdir()
    with pytest.raises(RepairError, match="changed since it was made"):
        undo_fix(outcome.journal, lambda number: session.workshop(outcome.journal, number))
    assert (site / "added-1.0.dist-info").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"packages": ("numpy==9.9",)}, "numpy"),
        ({"cuda": "12.1"}, "built for 11.8"),
        ({"python": "/nowhere/python"}, "could not be made"),
        ({"disk": 10**18}, "GB free"),
        ({"before": "something else"}, "changed since the plan"),
        ({"pages": (), "packages": ("torch==2.2.0",), "cuda": ""}, "torch does not import"),
    ],
)
def test_a_failure_leaves_what_was_there(index, variables, project, changes, message):
    environment = project / ".dualano" / "env"
    environment.mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("home = /nowhere\n")
    outcome, _, _ = fix(project, variables, environment_action(project, index, **changes))
    assert outcome.status == 1
    assert message in outcome.problem
    assert outcome.left == ()
    assert [p.name for p in environment.iterdir()] == ["pyvenv.cfg"]
    assert sorted(p.name for p in (project / ".dualano").iterdir()) == ["env", "fixes"]


def test_a_kill_during_the_install_is_taken_back(index, variables, project):
    """The state a SIGKILL leaves while uv runs: intent written, a half-built environment beside the old one."""
    environment = project / ".dualano" / "env"
    environment.mkdir(parents=True)
    outcome, session, _ = fix(project, variables, environment_action(project, index))
    journal = outcome.journal
    undo_fix(journal, lambda number: session.workshop(journal, number))
    lines = (journal.folder / "journal.jsonl").read_text().splitlines(keepends=True)
    (journal.folder / "journal.jsonl").write_text("".join(lines[:2]) + '{"event": "do')
    half = project / ".dualano" / f".env.dualano-new-{journal.id}"
    (half / "lib").mkdir(parents=True)
    told = recover(project, session.workshop)
    assert "taken back" in told[0]
    assert not half.exists()
    assert environment.is_dir()
    assert all_fixes(project)[0].state() == "taken-back"
    assert recover(project, session.workshop) == []


def test_offline_installs_from_a_folder_of_wheels(index, project, tmp_path):
    wheels = tmp_path / "wheels"
    write_index(wheels, [StubWheel("numpy", "1.26.4")])
    variables = {"UV_FIND_LINKS": str(wheels / "files"), "UV_CACHE_DIR": str(tmp_path / "cache")}
    action = environment_action(project, index, packages=("numpy==1.26.4",), pages=(), no_index=True, cuda="")
    session = Session(project, None, offline=True, say=lambda _: None, variables=variables)
    outcome = apply_plan(Plan(new_id(project), (action,), ""), session)
    assert (outcome.status, outcome.problem) == (0, "")
    assert freeze(project / ".dualano" / "env") == {"numpy": "1.26.4"}


def test_the_environment_still_works_when_the_project_is_moved(index, variables, project, tmp_path):
    outcome, _, _ = fix(project, variables, environment_action(project, index))
    assert outcome.status == 0
    moved = tmp_path / "elsewhere"
    shutil.move(project, moved)
    run = subprocess.run([moved / ".dualano/env/bin/accelerate"], capture_output=True, text=True, check=True)
    assert run.stdout == "0.24.1\n"
