"""The computer itself: system, memory, disks. Read from /proc, /sys and statvfs; nothing is started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...language import _
from ...system.files import names_at, plain_error, text_at
from ..fact import Fact, Known, Unknown
from ..sheet import Disk, Machine

if TYPE_CHECKING:
    from ...settings.options import Settings

_UNLIMITED = 1 << 60  # cgroup v1 says "no limit" with a number close to 2**63
_CONTAINER_WORDS = ("docker", "kubepods", "containerd", "lxc", "libpod", "podman")


def probe(settings: Settings, *, root: Path = Path("/"), variables: Mapping[str, str] | None = None) -> Fact[Machine]:
    """Look at the machine. `root` is where /proc, /sys and /etc are looked for."""
    variables = os.environ if variables is None else variables
    try:
        return Known(_read(settings, root, variables), str(root / "proc"))
    except (OSError, ValueError) as error:
        return Unknown(_("the machine cannot be looked at: {error}", error=plain_error(error)))


def _read(settings: Settings, root: Path, variables: Mapping[str, str]) -> Machine:
    system, kernel, architecture = _system()
    total, available = _memory(root)
    limit, used = _cgroup_memory(root)
    if limit is not None and limit < total:
        total, available = limit, max(0, min(available, limit - used))
    return Machine(
        system=system,
        kernel=kernel,
        distribution=_distribution(root),
        architecture=architecture,
        libc=_libc(root),
        wsl="microsoft" in kernel.lower() or "WSL_DISTRO_NAME" in variables,
        container=_in_container(root, variables),
        root=hasattr(os, "geteuid") and os.geteuid() == 0,
        cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        ram_total=total,
        ram_available=available,
        shm_total=_size_of(root / "dev/shm"),
        disks=disks(settings, variables),
    )


def disks(settings: Settings, variables: Mapping[str, str]) -> tuple[Disk, ...]:
    """Free room for each purpose, at the nearest folder that exists already; purposes without a place are left out."""
    home = Path(variables.get("HOME") or Path.home())
    cache = Path(variables.get("XDG_CACHE_HOME") or home / ".cache")
    places: tuple[tuple[str, Path | None], ...] = (
        ("environment", settings.env or settings.state / "env"),
        ("checkpoints", settings.output or settings.project),
        ("model", settings.model or settings.project),
        ("data", settings.data),
        ("temporary", Path(variables.get("TMPDIR") or "/tmp")),
        ("cache", Path(variables.get("HF_HOME") or cache)),
    )
    return tuple(disk for purpose, path in places if path is not None and (disk := _disk(purpose, path)))


def _system() -> tuple[str, str, str]:
    """(system, kernel, architecture); os.uname where there is one, since importing `platform` takes 6 ms."""
    if hasattr(os, "uname"):
        names = os.uname()
        return names.sysname, names.release, names.machine
    import platform

    return platform.system(), platform.release(), platform.machine()


def _distribution(root: Path) -> str:
    for name in ("etc/os-release", "usr/lib/os-release"):
        for line in text_at(root / name).splitlines():
            key, __, value = line.partition("=")
            if key == "PRETTY_NAME":
                return value.strip().strip("\"'")
    return ""


def _libc(root: Path) -> str:
    """ "glibc 2.36", or musl: the system's, since the doctor's own Python may have been built for another."""
    if any(name.startswith("ld-musl-") for folder in ("lib", "usr/lib") for name in names_at(root / folder)):
        return "musl"
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""


def _in_container(root: Path, variables: Mapping[str, str]) -> bool:
    if "container" in variables or "KUBERNETES_SERVICE_HOST" in variables:
        return True
    if (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        return True
    return any(word in text_at(root / "proc/1/cgroup") for word in _CONTAINER_WORDS)


def _memory(root: Path) -> tuple[int, int]:
    """(total, available) bytes. Raises ValueError when nothing tells."""
    values: dict[str, int] = {}
    for line in text_at(root / "proc/meminfo").splitlines():
        key, __, rest = line.partition(":")
        number = rest.split()[:1]
        if number and number[0].isdigit():
            values[key] = int(number[0]) * 1024
    if "MemTotal" in values:
        free = values.get("MemFree", 0) + values.get("Cached", 0)
        return values["MemTotal"], values.get("MemAvailable", free)
    if root != Path("/"):
        raise ValueError(_("{root} names no MemTotal", root=root / "proc/meminfo"))
    import psutil  # 45 ms: only where there is no /proc

    memory = psutil.virtual_memory()
    return memory.total, memory.available


def _cgroup_memory(root: Path) -> tuple[int | None, int]:
    """(the tightest memory limit of this process' control groups, bytes used under it); (None, 0) without one."""
    base = root / "sys/fs/cgroup"
    tightest: tuple[int | None, int] = (None, 0)
    for folder, limit_name, used_name, cache_key in _cgroup_folders(root, base):
        limit = _number(folder / limit_name)
        if limit is None or limit >= _UNLIMITED or (tightest[0] is not None and limit >= tightest[0]):
            continue
        used = _number(folder / used_name) or 0
        statistics = dict(line.split(" ", 1) for line in text_at(folder / "memory.stat").splitlines() if " " in line)
        reclaimable = statistics.get(cache_key, "0")
        tightest = limit, max(0, used - (int(reclaimable) if reclaimable.isdigit() else 0))
    return tightest


def _cgroup_folders(root: Path, base: Path) -> list[tuple[Path, str, str, str]]:
    """Every control-group folder that could limit us, ours first, with the names its version gives the files."""
    found: list[tuple[Path, str, str, str]] = []
    for line in text_at(root / "proc/self/cgroup").splitlines():
        __, __, rest = line.partition(":")
        controllers, __, path = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        top = base / "memory" if controllers else base
        v1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        names = v1 if controllers else ("memory.max", "memory.current", "inactive_file")
        parts = [part for part in path.split("/") if part not in ("", "..")]
        found += [(top.joinpath(*parts[:depth]), *names) for depth in range(len(parts), -1, -1)]
    return found


def _number(path: Path) -> int | None:
    text = text_at(path).strip()
    return int(text) if text.isdigit() else None


def _size_of(folder: Path) -> int | None:
    try:
        status = os.statvfs(folder)
    except (OSError, AttributeError):
        return None
    return status.f_frsize * status.f_blocks


def _disk(purpose: str, path: Path) -> Disk | None:
    existing = str(path)
    while not os.path.isdir(existing):
        parent = os.path.dirname(existing)
        if parent == existing:
            return None
        existing = parent
    try:
        total, free = _room(existing)
        return Disk(purpose, str(path), _mount(existing), total, free, os.access(existing, os.W_OK | os.X_OK))
    except OSError:
        return None


def _room(folder: str) -> tuple[int, int]:
    """(total, free for this user) bytes."""
    if hasattr(os, "statvfs"):
        status = os.statvfs(folder)
        return status.f_frsize * status.f_blocks, status.f_frsize * status.f_bavail
    import shutil

    usage = shutil.disk_usage(folder)
    return usage.total, usage.free


def _mount(folder: str) -> str:
    """The topmost folder on the same device: where the file system is mounted."""
    path = os.path.realpath(folder)
    device = os.stat(path).st_dev
    while (parent := os.path.dirname(path)) != path and os.stat(parent).st_dev == device:
        path = parent
    return path
