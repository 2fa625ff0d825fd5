"""Lays a world down on disk as a whole, for other programs to look at: `build(world, folder)`.

    from tests.worlds.build import build
    from tests.worlds.catalogue import WORLDS
    laid = build(WORLDS[0], Path("/tmp/somewhere"), miniature)      # `miniature` is tests.miniature's folder
    subprocess.run(["uv", "pip", "check", "--python", laid.interpreter], env={**os.environ, **laid.variables})

GPUs are told by an `nvidia-smi` on the PATH of `variables`. What no folder can hold is named in `unseen`.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from dualano_setup.facts.fact import Known
from dualano_setup.facts.sheet import Gpus
from dualano_setup.settings.options import OPTIONS
from tests.worlds import fake_smi
from tests.worlds.project import Project, healthy
from tests.worlds.world import FineWorld, World

_MIB = 1 << 20


@dataclass(frozen=True)
class Laid:
    """One world on disk. The environment may be broken or gone, as the world has it."""

    root: Path
    environment: Path
    interpreter: Path
    site_packages: tuple[Path, ...]
    requirements: Path | None
    checkout: Path | None
    accelerate: Path
    model: Path
    data: Path
    variables: dict[str, str]  # to be laid over a program's environment
    settings: dict[str, str]  # the project's settings as the doctor's own variables
    unseen: tuple[str, ...]  # facts of the world that only the doctor's tests are told: "machine", "network"


def build(world: World | FineWorld, folder: Path, miniature: Path) -> Laid:
    """The world in `folder`, which must be new or empty."""
    variables: dict[str, str] = {}
    project = healthy(folder, miniature, variables.__setitem__)
    usual = dict(project.overlay)
    world.lay(project)
    tools = _tools(project)
    variables["PATH"] = os.pathsep.join([str(tools), str(project.env / "bin"), os.environ.get("PATH", os.defpath)])
    told = {name for name, fact in project.overlay.items() if fact != usual.get(name)}
    environment = Path(project.flags.get("env", project.env))
    checkout, settings = project.flags.get("checkout"), project.settings()
    return Laid(
        root=project.root,
        environment=environment,
        interpreter=environment / "bin" / "python",
        site_packages=tuple(environment.glob("lib/python*/site-packages")),
        requirements=project.requirements if checkout and project.requirements.exists() else None,
        checkout=checkout,
        accelerate=project.accelerate,
        model=settings.model,
        data=settings.data,
        variables=variables,
        settings=_settings(project),
        unseen=tuple(sorted(told - {"gpus"})),
    )


def _settings(project: Project) -> dict[str, str]:
    given = {"profile": project.profile, **project.flags}
    return {option.variable: str(given[option.key]) for option in OPTIONS if given.get(option.key) is not None}


def _tools(project: Project) -> Path:
    """A folder with an nvidia-smi that tells the project's GPUs, or without one where no driver is there."""
    folder = project.root / "tools"
    folder.mkdir()
    fact = project.overlay["gpus"]
    assert isinstance(fact, Known)
    facts = _spoken(fact.value)
    if facts:
        (folder / "gpus.json").write_text(json.dumps(facts))
        tool = folder / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{fake_smi.__file__}' '{folder / 'gpus.json'}' \"$@\"\n")
        tool.chmod(0o755)
    return folder


def _spoken(gpus: Gpus) -> dict[str, object]:
    """What the tool is to say; nothing where it would not be installed."""
    says = gpus.note.removeprefix("nvidia-smi: ") if gpus.note.startswith("nvidia-smi: ") else ""
    if not gpus.driver and not says:
        return {}
    devices = [
        {
            "index": gpu.index, "name": gpu.name, "uuid": gpu.uuid, "driver_version": gpus.driver,
            "memory.total": (gpu.memory_total or 0) // _MIB, "memory.used": (gpu.memory_used or 0) // _MIB,
            "memory.free": ((gpu.memory_total or 0) - (gpu.memory_used or 0)) // _MIB,
            "compute_cap": ".".join(map(str, gpu.compute_capability or ())),
        }
        for gpu in gpus.devices
    ]  # fmt: skip
    processes = [
        {"gpu_uuid": gpu.uuid, "pid": p.pid, "process_name": p.name, "used_memory": (p.memory or 0) // _MIB}
        for gpu in gpus.devices
        for p in gpu.processes
    ]
    return {"says": says, "driver": gpus.driver, "cuda": gpus.cuda, "gpus": devices, "processes": processes}
