"""A healthy project on disk, small enough to break in a hundred ways.

Files are real: an environment's site-packages as an installer leaves them, a base model, a data set, object masks, an
accelerate config, a checkout. What no test can change on disk (the kernel, the RAM, the driver) is said by hand-made
facts laid over what the probes saw.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dualano_setup.check import Report, look
from dualano_setup.facts.collect import collect
from dualano_setup.facts.fact import Absent, Fact, Known
from dualano_setup.facts.project.checkout import patch_parameters
from dualano_setup.facts.project.contents import read
from dualano_setup.facts.sheet import Disk, FactSheet, Gpu, Gpus, IndexConfig, Installers, Machine, PythonInstall
from dualano_setup.knowledge.catalogue import load
from dualano_setup.settings.options import Settings
from dualano_setup.settings.resolve import resolve
from tests.worlds.checkout import lay_checkout
from tests.worlds.site_packages import lay_environment

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
    reads_pixels: bool = False  # stub packages decode nothing; with it, the tester's own Python reads the images

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

    def add_checkout(self, *unpatched: str) -> None:
        """A repaired checkout, but for the patches named."""
        lay_checkout(self.checkout, patch_parameters(self.settings()), unpatched)
        if not self.requirements.exists():
            self.requirements.write_text(REQUIREMENTS, encoding="utf-8")
        self.flags["checkout"] = self.checkout

    def use_profile(self, name: str, python: str) -> None:
        """Another profile, with an environment of its own in the place of the old one."""
        shutil.rmtree(self.env)
        lay_profile(self.env, name, python)
        self.profile = name

    def full_width_model(self) -> None:
        """Makes the model's config say that it is no miniature, so that checkpoints count at their full size."""
        for part, key in (("unet", "cross_attention_dim"), ("text_encoder", "hidden_size")):
            file = self.model / part / "config.json"
            file.write_text(json.dumps(json.loads(file.read_text()) | {key: 768}))

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
        sheet = replace(collect(settings), **self.overlay)
        if not self.reads_pixels or not isinstance(sheet.dataset, Known):
            return sheet
        return replace(sheet, contents=read(settings, sheet.dataset.value, sys.executable, os.environ))


def healthy(root: Path, miniature: Path, patch_environment: Callable[[str, str], None]) -> Project:
    """A project on which every check passes. `miniature` holds model, data and foreground made once for all worlds."""
    root.mkdir(parents=True, exist_ok=True)
    for part, name in (("model", "model"), ("data", "mvtec"), ("foreground", "foreground")):
        shutil.copytree(miniature / part, root / name, copy_function=_linked_if_large)
    project = Project(root, patch_environment)
    lay_profile(project.env, project.profile, "3.10.13")
    project.accelerate.parent.mkdir(parents=True)
    project.accelerate.write_text(ACCELERATE, encoding="utf-8")
    patch_environment("HF_HOME", str(root / "hf"))
    project.flags = {
        "model": project.model, "data": project.data, "category": "widget", "anomaly": "scratch",
        "foreground": project.foreground,
    }  # fmt: skip
    project.overlay = {
        "contents": Absent("the packages of this environment are stubs"),
        "machine": Known(MACHINE),
        "gpus": Known(GPUS),
        "installers": Known(INSTALLERS),
    }
    return project


def named_in_the_file(project: Project, *keys: str) -> None:
    """Paths named by dualano.toml, where `fix` can name a mended copy; a flag would go on naming the old one."""
    rows = [f'{key} = "{project.flags.pop(key).relative_to(project.root)}" # mine\n' for key in keys]
    (project.root / "dualano.toml").write_text("".join(rows), encoding="utf-8")


def _linked_if_large(source: str, target: str) -> None:
    """A copy, or for the UNet's 13 MB another name of the same file: whoever changes it in place copies it first."""
    if Path(source).stat().st_size > 1 << 20:
        with contextlib.suppress(OSError):  # another file system
            Path(target).hardlink_to(source)
            return
    shutil.copyfile(source, target)


def own(file: Path) -> Path:
    """The file with bytes of its own, to be changed in place."""
    data = file.read_bytes()
    file.unlink()
    file.write_bytes(data)
    return file


def lay_profile(prefix: Path, name: str, python: str) -> None:
    """The environment that the profile's lock describes."""
    profile = load(name)
    pins = profile.locked(python)
    builds = {name: pins.get(name) for name in ("torch", "torchvision", "torchaudio")}
    lay_environment(prefix, pins, python=python, builds={**builds, "cuda": profile.cuda})
