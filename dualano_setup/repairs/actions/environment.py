"""The action that makes the training environment: built aside, checked, then swapped into its place."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ...errors import RepairError
from ...facts.environment.probe import MARKER, read_environment
from ...installers import uv
from ...installers.activation import say_place
from ...language import N_, _
from ...system import atomic
from ...system.child import run_child, scrubbed_environment, tail
from ...system.files import read_part, read_whole, size_of
from ..action import Cost, Workshop
from . import before_image as images
from .undoing import Undoing

_MAX_STATE = 1 << 24  # bytes of a file that goes into an environment's state; of more, its size does as well
_MAX_MARKER = 1 << 20  # bytes
RELEASED = "released"  # in the action's folder: the old environment was let go to give its room back
SMOKE_DEADLINE = 240.0  # seconds; a first `import torch` from a cold network disk is slow
SMOKE = "import torch; print(torch.__version__, 'CUDA build', torch.version.cuda, 'GPU', torch.cuda.is_available())"


@dataclass(frozen=True, slots=True)
class MakeEnvironment(Undoing):
    """Make (or make anew) the environment at `target` with exactly `packages` ("name==version" lines).

    `python` is the interpreter it is made from, "" for "download `python_version` first". `pages` are the find-links
    pages that serve the packages of their own; everything else comes from the user's own index, which `Workshop`
    brings. `before` is `environment_state(target)` at plan time. `cuda` is the CUDA build torch must have, "cpu", or
    "" for whatever the pins bring. Sizes are bytes. `hashes` are the pins whose files must match, as lines with their
    `--hash` options. `groups` are the optional groups among the packages.
    """

    kind: ClassVar[str] = "make-environment"

    target: Path
    python: str
    python_version: str
    profile: str
    packages: tuple[str, ...]
    pages: tuple[str, ...]
    no_index: bool
    before: str
    cuda: str
    download: int
    disk: int
    rules: tuple[str, ...]
    why: str
    hashes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def describe(self) -> str:
        """One line: what is made where, and why."""
        content = _(
            "Python {python_version}, {packages_count} packages of profile {profile}",
            python_version=self.python_version,
            packages_count=len(self.packages),
            profile=self.profile,
        )
        text = N_("make {path}: {content}") if self.before == "absent" else N_("replace {path}: {content}")
        return _(text, path=self.target, content=content)

    def details(self) -> str:
        """Interpreter, sources, every package, and what happens to an old environment."""
        rows = [
            _("because: {why}", why=self.why),
            _("interpreter: {python}", python=self.python or "Python " + self.python_version + ", downloaded"),
        ]
        rows += [_("page: {page}", page=page) for page in self.pages]
        rows += [_("with the optional group {group}", group=group) for group in self.groups]
        if self.before != "absent":
            rows.append(_("the environment there now is kept until the next fix makes another; `undo` brings it back"))
        if self.hashes:
            rows.append(
                _(
                    "verified: {count} of {all} packages by the hashes of the profile's lock",
                    count=len(self.hashes),
                    all=len(self.packages),
                )
            )
        return "\n".join([*rows, *(f"  {package}" for package in self.packages)])

    def cost(self) -> Cost:
        """The profile's measured sizes; time at a guessed 15 MB/s, unpacking and bytecode at 100 MB/s."""
        return Cost(self.download, self.disk, 10 + self.download / 15e6 + self.disk / 100e6)

    def apply(self, workshop: Workshop) -> None:
        """Builds beside the target, checks, then swaps by rename. Raises RepairError; the target is then as it was."""
        if environment_state(self.target) != self.before:
            raise RepairError(
                _("{target} has changed since the plan was made; run `dualano-doctor fix` again", target=self.target)
            )
        need_room(self.target, self.disk)
        record = images.record_aside(self.target, workshop.folder)
        building = self._building(workshop)
        building.parent.mkdir(parents=True, exist_ok=True)
        self._build(building, workshop)
        if problem := self._wrong(building) or self._does_not_run(building, workshop):
            raise RepairError(problem)
        say_place(building, Path(record.path))
        marker: dict[str, object] = {
            "profile": self.profile,
            "fix": workshop.folder.parent.name,
            "action": workshop.folder.name,
        }
        marker |= {"python": self.python_version, "state": environment_state(building), "made": time.time()}
        atomic.write_synced(building / MARKER, json.dumps(marker).encode(), 0o644)
        images.move_aside(record)
        building.rename(record.path)
        atomic.sync_folder(self.target.parent)

    def verify(self, workshop: Workshop) -> str:
        """Empty when the new environment stands at the target with every pin."""
        if not _is_ours(self.target, workshop):
            return _("{target} is not the environment that this fix made", target=self.target)
        return self._wrong(self.target)

    def obstacle(self, workshop: Workshop) -> str:
        """Empty when `undo` may go ahead: the environment is as made, and the old one is still kept."""
        record = images.load(workshop.folder)
        if (workshop.folder / RELEASED).exists():
            return _("what {target} was before is no longer kept: a later fix let it go", target=self.target)
        if record is None or not os.path.lexists(self.target):
            return ""
        if not _is_ours(self.target, workshop):
            never_moved = record.kind == "aside" and not os.path.lexists(record.image)
            return (
                ""
                if never_moved
                else _("{target} is not what this fix made; undo the later fix first", target=self.target)
            )
        if _marker(self.target).get("state") != environment_state(self.target):
            return _(
                "packages in {target} were changed since it was made; undoing would lose that. Move {target} "
                "away (then `undo` brings the old one back), or keep it",
                target=self.target,
            )
        return ""

    def is_its(self, workshop: Workshop) -> bool:
        """Whether what stands at the target is what this very action made, and is as it was made."""
        return _is_ours(self.target, workshop) and _marker(self.target).get("state") == environment_state(self.target)

    def _put_back(self, before: images.Before, workshop: Workshop) -> None:
        """Removes the new environment and brings the old one back by rename."""
        images.remove_tree(self._building(workshop))
        if _is_ours(self.target, workshop) or not os.path.lexists(self.target):
            images.remove_tree(self.target)
        images.bring_back(before)

    def _building(self, workshop: Workshop) -> Path:
        """Beside the target, so that the swap is a rename; named after the fix, so that a crash leaves no riddle."""
        parent = self.target.parent.resolve()
        return parent / f".{self.target.name}.dualano-new-{workshop.folder.parent.name}"

    def _build(self, building: Path, workshop: Workshop) -> None:
        log = workshop.folder / "installer.log"
        source = uv.Source(self.pages, workshop.variables, self.no_index, workshop.offline)
        python = self.python
        if not python:
            pythons = workshop.project / ".dualano" / "pythons"
            uv.install_python(self.python_version, pythons, source, log)
            source = replace(source, variables=source.variables | {"UV_PYTHON_INSTALL_DIR": str(pythons)})
            python = self.python_version
        pins = workshop.folder / "packages.txt"
        atomic.write_synced(pins, "".join(f"{line}\n" for line in self._verified_pins()).encode(), 0o600)
        images.remove_tree(building)
        uv.make_venv(building, python, self.target.name.lstrip("."), source, log)
        uv.install(building, pins, source, log, lambda line: _pass_on(line, workshop))

    def _verified_pins(self) -> list[str]:
        """The pins as the installer takes them; it refuses a file that matches none of its pin's hashes."""
        lines = {line.partition(" ")[0]: line for line in self.hashes}
        return [lines.get(pin, pin) for pin in self.packages]

    def _wrong(self, prefix: Path) -> str:
        """Empty when every pin is there by its own record, and torch is the build that was asked for."""
        found = read_environment(str(prefix), frozenset(), {})
        have = {distribution.name: Version(distribution.version) for distribution in found.distributions}
        pins = dict(_name_and_version(line) for line in self.packages)
        wrong = [
            _("{name} {want} (found {name_2})", name=name, want=want, name_2=have.get(name, "none"))
            for name, want in pins.items()
            if have.get(name) != want
        ]
        if wrong:
            return _("{prefix} lacks {wrong}", prefix=prefix, wrong=", ".join(wrong[:8]))
        if self.cuda and found.torch and (found.torch.cuda or "cpu") != self.cuda:
            return _(
                "torch in {prefix} is built for {cuda}, and the plan promised {cuda_2}",
                prefix=prefix,
                cuda=found.torch.cuda or _("the CPU"),
                cuda_2=self.cuda,
            )
        return ""

    def _does_not_run(self, prefix: Path, workshop: Workshop) -> str:
        """Empty when torch imports in the new environment; says what it reported. Too slow is only worth a note."""
        if not any(_name_and_version(line)[0] == "torch" for line in self.packages):
            return ""
        log = workshop.folder / "smoke.log"
        python = prefix / "bin" / "python"
        variables = scrubbed_environment() | {"PYTHONPYCACHEPREFIX": ""}
        status = run_child([str(python), "-I", "-c", SMOKE], variables, workshop.folder, log, SMOKE_DEADLINE)
        if status == 0:
            workshop.say(_("  torch runs: {log}", log=tail(log, 1)))
            return ""
        if status < 0 and "ended: it ran past" in tail(log, 1):
            workshop.say(
                _(
                    "  torch did not finish importing within {smoke_deadline:.0f} s; not taken as a failure",
                    smoke_deadline=SMOKE_DEADLINE,
                )
            )
            return ""
        return _("torch does not import in the new environment ({status}):\n{log}", status=status, log=tail(log, 8))


def environment_state(prefix: Path) -> str:
    """What an environment consists of, as a short text that changes when a package or the interpreter does.

    "absent" when nothing is there; a hash over `pyvenv.cfg`, the link to the interpreter and the dist-info names.
    """
    if not os.path.lexists(prefix):
        return "absent"
    parts = [str(prefix.is_symlink() and prefix.readlink())]
    for name in ("pyvenv.cfg", "conda-meta/history"):
        file = prefix / name
        size = size_of(file)
        parts.append("" if size is None else read_part(file, _MAX_STATE).decode("utf-8", "replace"))
        parts += [str(size)] if size is not None and size > _MAX_STATE else []
    for folder in sorted(path for path in prefix.glob("lib/python*/site-packages") if path.is_dir()):
        parts += sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith((".dist-info", ".egg-info")))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def need_room(target: Path, size: int) -> None:
    """Raises RepairError when the file system of `target` has not `size` bytes free."""
    there = next(parent for parent in (target, *target.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if free < size:
        raise RepairError(
            _(
                "the environment needs {size:.1f} GB and {there} has {free:.1f} GB free; make room, then run "
                "`fix` again (SYS003)",
                size=size / 1000000000.0,
                there=there,
                free=free / 1000000000.0,
            )
        )


def _pass_on(line: str, workshop: Workshop) -> None:
    """Tells the user how far uv is; the list of packages was in the plan already."""
    if not line.startswith((" + ", "$ ")):
        workshop.say(f"  {line.strip()}")


def _name_and_version(line: str) -> tuple[str, Version]:
    requirement = Requirement(line)
    return canonicalize_name(requirement.name), Version(next(iter(requirement.specifier)).version)


def _marker(prefix: Path) -> dict[str, object]:
    try:
        row = json.loads(read_whole(prefix / MARKER, _MAX_MARKER))
    except (OSError, ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _is_ours(prefix: Path, workshop: Workshop) -> bool:
    row = _marker(prefix)
    return (row.get("fix"), row.get("action")) == (workshop.folder.parent.name, workshop.folder.name)
