"""Hand-made facts: a healthy machine with the guide's stack, and short ways to change one thing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dualano_setup.facts.fact import Absent, Known, Unknown
from dualano_setup.facts.sheet import (
    BinaryBuild,
    Disk,
    Distribution,
    Environment,
    FactSheet,
    Gpu,
    Gpus,
    IndexConfig,
    Installers,
    Machine,
    PythonInstall,
    XformersBuild,
)
from dualano_setup.knowledge.catalogue import load
from dualano_setup.knowledge.profile import Profile
from dualano_setup.rules.judge import judge
from dualano_setup.rules.registry import RULES
from dualano_setup.rules.rule import Context
from dualano_setup.settings.options import Settings

GIB = 1024**3
SITE = "/env/lib/python3.10/site-packages"
SETTINGS = Settings(project=Path("/project"))
DISKS = tuple(
    Disk(purpose, f"/srv/{purpose}", "/srv", 2000 * GIB, 900 * GIB)
    for purpose in ("environment", "checkpoints", "model")
)
MACHINE = Machine(
    "Linux",
    "6.8.0",
    "Ubuntu 24.04",
    "x86_64",
    "glibc 2.39",
    False,
    False,
    False,
    16,
    64 * GIB,
    48 * GIB,
    32 * GIB,
    DISKS,
)
A4500 = Gpu(0, "NVIDIA RTX A4500", 20 * GIB, 0, (8, 6), "GPU-aa")
GPUS = Gpus("550.90.07", "12.4", (A4500,), None, "nvml")
INSTALLERS = Installers(
    IndexConfig(), IndexConfig(), "/usr/bin/uv", None, (PythonInstall("/usr/bin/python3.10", "3.10.13"),)
)


def dist(name, version, *requires, summary="", location=SITE):
    """One installed distribution."""
    return Distribution(name, version, location, f"{location}/{name}-{version}.dist-info", requires, summary=summary)


def environment(profile: Profile | None = None, python: str = "3.10.13", **changes) -> Environment:
    """An environment that holds a profile's whole lock."""
    profile = profile or load("guide-cu118")
    pins = profile.locked(python)
    tag = "cu" + profile.cuda.replace(".", "") if profile.cuda else "cpu"

    def build(name):
        public = pins[name].partition("+")[0]
        cuda = profile.cuda if name == "torch" else None
        return BinaryBuild(f"{public}+{tag}", cuda, source=f"{SITE}/{name}/version.py") if name in pins else None

    xformers = XformersBuild(
        "0.0.24", "2.2.0+cu118", "11.8", python, cudart="libcudart.so.11.0", source=f"{SITE}/xformers/cpp_lib.json"
    )
    made = Environment(
        prefix="/env", kind="venv", python=python, interpreter="/env/bin/python", interpreter_ok=True, base="/usr",
        site_packages=(SITE,), distributions=tuple(dist(name, version) for name, version in pins.items()),
        torch=build("torch"), torchvision=build("torchvision") if "torchvision" in pins else None,
        torchaudio=build("torchaudio") if "torchaudio" in pins else None,
        xformers=xformers if "xformers" in pins else None,
    )  # fmt: skip
    return replace(made, **changes)


def without(seen: Environment, *names: str) -> Environment:
    """The environment less these distributions."""
    return replace(seen, distributions=tuple(d for d in seen.distributions if d.name not in names))


def having(seen: Environment, *distributions: Distribution) -> Environment:
    """The environment with these distributions in the place of those of the same name."""
    kept = without(seen, *(d.name for d in distributions))
    return replace(kept, distributions=(*kept.distributions, *distributions))


def sheet(**facts) -> FactSheet:
    """The healthy sheet; a fact given is taken as it is when it is one, else wrapped as Known."""
    base = {"machine": MACHINE, "gpus": GPUS, "environment": environment(), "installers": INSTALLERS, **facts}
    wrapped = {name: f if isinstance(f, (Known, Absent, Unknown)) else Known(f, "test") for name, f in base.items()}
    return FactSheet(**wrapped)


def rows(rule: str, facts: FactSheet | None = None, *, profile: str = "guide-cu118", settings: Settings = SETTINGS):
    """That rule's rows, the whole register judged so that causes fold as in a real check."""
    assert rule in {known.id for known in RULES}
    context = Context(facts or sheet(), settings, load(profile))
    return [finding for finding in judge(context, RULES) if finding.rule == rule]


def statuses(rule: str, facts: FactSheet | None = None, **how) -> list[str]:
    """Only their statuses."""
    return [finding.status for finding in rows(rule, facts, **how)]
