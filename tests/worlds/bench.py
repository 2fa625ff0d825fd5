"""What a repair needs on a machine without a network: an index of stub wheels, a model hub, and the fix itself.

The installer is the real one (uv), the index and the hub are served on the loopback interface, and the steps are those
of `fix --yes`: look, plan, apply, look again, up to three rounds, under the project's lock.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dualano_setup.check import Report
from dualano_setup.facts.fact import Known
from dualano_setup.facts.installers.pythons import find_pythons
from dualano_setup.facts.sheet import IndexConfig, Network, PythonInstall
from dualano_setup.flows.fix import ROUNDS
from dualano_setup.knowledge.catalogue import load
from dualano_setup.knowledge.profile import Profile
from dualano_setup.repairs.action import Plan
from dualano_setup.repairs.actions.tool import RunTrainerTool
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.journal.journal import all_fixes
from dualano_setup.repairs.journal.lock import locked
from dualano_setup.repairs.journal.undo import undo_fix
from dualano_setup.repairs.plan import make_plan
from dualano_setup.repairs.planners.environment import environment_after
from dualano_setup.rules.rule import Context
from tests.stub_index import StubWheel, serve, write_index
from tests.worlds.breaks.model import HUB
from tests.worlds.project import INSTALLERS, Project
from tests.worlds.site_packages import sibling_files, xformers_files

PROFILES = ("guide-cu118", "modern")
MINORS = ("3.10", "3.11")
"""The Pythons that every profile here has a lock for."""


@dataclass(frozen=True)
class Bench:
    """Where packages and models come from."""

    index: str  # ends in simple/
    hub: str
    pythons: tuple[PythonInstall, ...]

    def equip(self, project: Project) -> None:
        """Gives a project this index and these Pythons, and lets it use them."""
        pip = IndexConfig(index_url=self.index)
        project.overlay["installers"] = Known(replace(INSTALLERS, pip=pip, pythons=self.pythons))
        project.overlay.setdefault("network", Known(Network()))
        project.flags["offline"] = False
        project.patch_environment("HF_ENDPOINT", self.hub)

    def fix(self, project: Project) -> Report:
        """`fix --yes`. Raises AssertionError with the reason when a fix failed and was taken back."""
        with locked(project.root, say=self._say):
            report = project.look()
            done: set[str] = set()
            for _ in range(ROUNDS):
                report = replace(report, profile=self.local(report.profile))
                plan = make_plan(report)
                if not plan.actions or plan.basis in done:
                    break
                done.add(plan.basis)
                outcome = apply_plan(plan, self._session(report, plan))
                assert outcome.status == 0, (outcome.problem, outcome.left)
                report = project.look()
            return report

    def undo(self, project: Project) -> None:
        """`undo` until nothing is left to undo, the newest fix first."""
        session = Session(project.root, say=self._say)
        for journal in reversed(all_fixes(project.root)):
            undo_fix(journal, lambda number, journal=journal: session.workshop(journal, number))

    def _session(self, report: Report, plan: Plan) -> Session:
        context = Context(report.sheet, report.settings, report.profile)
        environment = environment_after(context, plan.actions)
        if any(isinstance(action, RunTrainerTool) for action in plan.actions):
            environment = Path(sys.prefix)  # stub packages compute nothing; this Python has real ones
        return Session(report.settings.project, environment, say=self._say, variables={"UV_DEFAULT_INDEX": self.index})

    def local(self, profile: Profile) -> Profile:
        """The profile with every index of its own on this machine."""
        mine = tuple(
            replace(i, url=f"{self.index}{i.packages[0]}/") if i.url and i.kind == "find-links" else i
            for i in profile.indexes
        )
        return replace(profile, indexes=mine)

    @staticmethod
    def _say(line: str) -> None:
        pass


@contextmanager
def open_bench(folder: Path, miniature: Path, set_variable) -> Iterator[Bench]:
    """A bench in `folder`; `set_variable` puts into the environment what uv takes from there."""
    pythons = tuple(p for p in find_pythons(os.environ) if p.version.rpartition(".")[0] in MINORS)
    write_index(folder / "index", wheels())
    set_variable("UV_CACHE_DIR", str(folder / "uv-cache"))
    set_variable("NO_PROXY", "127.0.0.1")
    with serve(folder / "index") as url, serve_hub(miniature / "model") as hub:
        yield Bench(f"{url}simple/", hub, pythons)


def wheels() -> list[StubWheel]:
    """Every distribution of the profiles' locks, each once, with the files by which a build is told."""
    found: dict[tuple[str, str, str], StubWheel] = {}
    for name in PROFILES:
        profile = load(name)
        for minor in MINORS:
            for package, version in profile.locked(minor).items():
                wheel = stub(package, version, profile.cuda, minor)
                found[package, version, wheel.tags] = wheel
    return list(found.values())


def stub(package: str, version: str, cuda: str | None, minor: str) -> StubWheel:
    """One distribution; torch can be imported and says that it sees no GPU."""
    if package == "torch":
        files: dict[str, str | bytes] = {
            "torch/__init__.py": "from . import cuda, version\n__version__ = version.__version__\n",
            "torch/cuda.py": "def is_available():\n    return False\n",
            "torch/version.py": f"__version__ = {version!r}\ncuda = {cuda!r}\nhip = None\n",
        }
        return StubWheel(package, version, files=files)
    if package in ("torchvision", "torchaudio"):
        return StubWheel(package, version, files=dict(sibling_files(package, version)))
    if package == "xformers":
        built = dict(xformers_files(f"2.2.0+{version.partition('+')[2]}", "11.8", minor, "libcudart.so.11.0"))
        tag = f"cp{minor.replace('.', '')}"
        return StubWheel(package, version, files=built, tags=f"{tag}-{tag}-manylinux2014_x86_64")
    return StubWheel(package, version)


@contextmanager
def serve_hub(model: Path) -> Iterator[str]:
    """A model hub with one repository, which holds `model`."""
    files = {path.relative_to(model).as_posix(): path.read_bytes() for path in model.rglob("*") if path.is_file()}
    rows = [
        {"type": "file", "path": name, "size": len(data)}
        | ({"lfs": {"oid": hashlib.sha256(data).hexdigest()}} if name.endswith(".safetensors") else {})
        for name, data in files.items()
    ]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            answer = files.get(path.removeprefix(f"/{HUB}/resolve/main/"))
            if path == f"/api/models/{HUB}/tree/main":
                answer = json.dumps(rows).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Length", str(len(answer or b"")))
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
