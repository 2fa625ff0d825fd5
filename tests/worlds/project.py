"""A healthy project on disk, small enough to break in a hundred ways.

Files are real: an environment's site-packages as an installer leaves them, a base model, a data set, object masks, an
accelerate config, a checkout. What no test can change on disk (the kernel, the RAM, the driver) is said by hand-made
facts laid over what the probes saw.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dualano_setup.bundle import bundle_root
from dualano_setup.check import Report, look
from dualano_setup.facts.collect import collect
from dualano_setup.facts.fact import Fact, Known
from dualano_setup.facts.sheet import (
    Checkout,
    Disk,
    FactSheet,
    Gpu,
    Gpus,
    IndexConfig,
    Installers,
    Machine,
    PatchState,
    PythonInstall,
)
from dualano_setup.patching import load_patches
from dualano_setup.profiles import load
from dualano_setup.settings import Settings, resolve

from .site_packages import lay_environment

GIB = 1024**3
PURPOSES = ("environment", "checkpoints", "model", "data", "temporary", "cache")

MACHINE = Machine(
    system="Linux", kernel="6.8.0-64-generic", distribution="Ubuntu 24.04", architecture="x86_64", libc="glibc 2.39",
    wsl=False, container=False, root=False, cpus=16, ram_total=64 * GIB, ram_available=48 * GIB, shm_total=32 * GIB,
    disks=tuple(Disk(purpose, "/srv", "/srv", 2000 * GIB, 800 * GIB) for purpose in PURPOSES),
)  # fmt: skip
A4500 = Gpu(0, "NVIDIA RTX A4500", 20 * GIB, 12 * 1024**2, (8, 6), "GPU-1")
GPUS = Gpus("550.90.07", "12.4", (A4500,), None, "nvml")
INSTALLERS = Installers(
    pip=IndexConfig(),
    uv=IndexConfig(),
    uv_path="/usr/bin/uv",
    pythons=(PythonInstall("/usr/bin/python3.10", "3.10.13"),),
)

TREE = "bcm-dual-interrelated_diff"
REQUIREMENTS = """\
# what the checkout asks for
accelerate==0.24.1
numpy==1.26.4
opencv-python-headless==4.7.0.72
tensorboard==2.15.0
transformers==4.30.2
"""
ACCELERATE = """\
compute_environment: LOCAL_MACHINE
deepspeed_config: {}
distributed_type: 'NO'
downcast_bf16: 'no'
fsdp_config: {}
machine_rank: 0
main_process_ip: null
main_process_port: null
main_training_function: main
megatron_lm_config: {}
mixed_precision: 'no'
num_machines: 1
num_processes: 1
rdzv_backend: static
same_network: true
use_cpu: false
"""


@dataclass
class Project:
    """One project folder, its settings and the facts laid over it. Worlds mutate it before `look`."""

    root: Path
    patch_environment: Callable[[str, str], None]
    flags: dict[str, Any] = field(default_factory=dict)
    overlay: dict[str, Fact[Any]] = field(default_factory=dict)
    profile: str = "guide-cu118"

    @property
    def env(self) -> Path:
        return self.root / ".dualano" / "env"

    @property
    def site(self) -> Path:
        return next((self.env / "lib").glob("python*")) / "site-packages"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def data(self) -> Path:
        return self.root / "mvtec"

    @property
    def images(self) -> Path:
        return self.data / "widget" / "test" / "scratch"

    @property
    def masks(self) -> Path:
        return self.data / "widget" / "ground_truth" / "scratch"

    @property
    def foreground(self) -> Path:
        return self.root / "foreground"

    @property
    def accelerate(self) -> Path:
        return self.root / "hf" / "accelerate" / "default_config.yaml"

    @property
    def checkout(self) -> Path:
        return self.root / "DualAnoDiff"

    @property
    def requirements(self) -> Path:
        return self.checkout / "requirements.txt"

    def add_checkout(self) -> None:
        """A repaired checkout: its requirements on disk, its sources by hand-made facts.

        The sources are the authors', who gave no licence, so none are here: `tests/patching` proves the reading of
        real ones, and `DUALANO_UPSTREAM` names a clone to prove it on.
        """
        self.checkout.mkdir()
        self.requirements.write_text(REQUIREMENTS, encoding="utf-8")
        self.flags["checkout"] = self.checkout
        states = tuple(
            PatchState(
                patch.id, "after", patch.rules, patch.default, patch.title, files=((f"{TREE}/train.py", "after"),)
            )
            for patch in load_patches(bundle_root() / "patches")
        )
        fact = Checkout(
            str(self.checkout), True, True, trees=(TREE,), patches=states, requirements=str(self.requirements)
        )
        self.overlay["checkout"] = Known(fact)

    def checkout_fact(self, **changes: Any) -> None:
        """Changes the hand-made checkout."""
        self.facts("checkout", **changes)

    def patch_state(self, name: str, state: str) -> None:
        """Puts one patch of the hand-made checkout into another state."""
        fact = self.overlay["checkout"]
        assert isinstance(fact, Known)
        assert name in {patch.patch for patch in fact.value.patches}
        changed = tuple(
            replace(p, state=state, files=tuple((f, state) for f, _ in p.files)) if p.patch == name else p
            for p in fact.value.patches
        )
        self.checkout_fact(patches=changed)

    def edit(self, path: Path, old: str, new: str) -> None:
        """Replaces text that must be there."""
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {path}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def facts(self, name: str, **changes: Any) -> None:
        """Lays a changed copy of a hand-made fact over what the probes see."""
        current = self.overlay[name]
        assert isinstance(current, Known)
        self.overlay[name] = Known(replace(current.value, **changes), "world")

    def gpu(self, **changes: Any) -> None:
        """The same for the one GPU."""
        self.facts("gpus", devices=(replace(A4500, **changes),))

    def settings(self) -> Settings:
        """The settings as the command line would resolve them; never the tester's own DUALANO_ variables."""
        return resolve({"profile": self.profile, "offline": True, **self.flags}, {}, self.root)

    def look(self) -> Report:
        """One whole `check`."""
        return look(self.settings(), self._see)

    def _see(self, settings: Settings) -> FactSheet:
        return replace(collect(settings), **self.overlay)


def healthy(
    root: Path, miniature: Path, patch_environment: Callable[[str, str], None], checkout: Path | None = None
) -> Project:
    """A project on which every check passes. `miniature` holds model, data and foreground made once for all worlds."""
    root.mkdir(parents=True, exist_ok=True)
    for part, name in (("model", "model"), ("data", "mvtec"), ("foreground", "foreground")):
        shutil.copytree(miniature / part, root / name)
    project = Project(root, patch_environment)
    profile = load("guide-cu118")
    pins = profile.locked("3.10")
    builds = {name: pins[name] for name in ("torch", "torchvision", "torchaudio")}
    lay_environment(project.env, pins, python="3.10.13", builds={**builds, "cuda": "11.8"})
    project.accelerate.parent.mkdir(parents=True)
    project.accelerate.write_text(ACCELERATE, encoding="utf-8")
    patch_environment("HF_HOME", str(root / "hf"))
    project.flags = {
        "model": project.model, "data": project.data, "category": "widget", "anomaly": "scratch",
        "foreground": project.foreground,
    }  # fmt: skip
    project.overlay = {"machine": Known(MACHINE), "gpus": Known(GPUS), "installers": Known(INSTALLERS)}
    return project
