"""Lays installed distributions on disk the way an installer would: dist-info, RECORD, version files, build records."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import struct
import sys
from functools import lru_cache
from pathlib import Path

from dualano_setup.facts.installers.pythons import find_pythons


def lay(site: Path, name: str, version: str, *, requires=(), files=None, summary="", tag="py3-none-any") -> Path:
    """One installed distribution; returns its dist-info folder. `files` maps paths below `site` to bytes."""
    stem = re.sub(r"[-_.]+", "_", name)
    info = site / f"{stem}-{version}.dist-info"
    info.mkdir(parents=True)
    files = dict(files or {f"{stem}/__init__.py": f"__version__ = {version!r}\n".encode()})
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Summary: {summary or name}"]
    metadata += [f"Requires-Dist: {line}" for line in requires]
    files[f"{info.name}/METADATA"] = ("\n".join(metadata) + "\n\nbody\n").encode()
    files[f"{info.name}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    files[f"{info.name}/INSTALLER"] = b"uv\n"
    files[f"{info.name}/top_level.txt"] = (
        "\n".join(sorted({p.split("/")[0] for p in files if "." not in p.split("/")[0]})) + "\n"
    ).encode()
    rows = []
    for path, data in files.items():
        target = site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(data)}")
    rows.append(f"{info.name}/RECORD,,")
    (info / "RECORD").write_text("\n".join(rows) + "\n")
    return info


def remove(site: Path, name: str) -> None:
    """Uninstalls a distribution with its files."""
    stem = re.sub(r"[-_.]+", "_", name).lower()
    found = [info for info in site.glob("*.dist-info") if info.name.lower().startswith(f"{stem}-")]
    assert found, f"{name} is not installed"
    for info in found:
        for row in (info / "RECORD").read_text().splitlines():
            (site / row.split(",")[0]).unlink(missing_ok=True)
        shutil.rmtree(info, ignore_errors=True)


def reinstall(site: Path, name: str, version: str, **how) -> None:
    """Another version of a distribution in place of the installed one."""
    remove(site, name)
    lay(site, name, version, **how)


def torch_files(version: str, cuda: str | None) -> dict[str, bytes]:
    """torch's version file as its wheels carry it."""
    text = (
        "from typing import Optional\n__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip']\n"
        f"__version__ = '{version}'\ndebug = False\ncuda: Optional[str] = {cuda!r}\n"
        "git_version = 'abc'\nhip: Optional[str] = None\n"
    )
    return {"torch/__init__.py": b"", "torch/version.py": text.encode()}


def sibling_files(package: str, version: str) -> dict[str, bytes]:
    """torchvision's or torchaudio's version file."""
    return {
        f"{package}/__init__.py": b"",
        f"{package}/version.py": f"__version__ = '{version}'\ngit_version = 'abc'\n".encode(),
    }


def xformers_files(torch: str, cuda: str, python: str, needs: str) -> dict[str, bytes]:
    """xformers' build record and a library that needs `needs` at load time."""
    major, minor = cuda.split(".")
    record = {
        "version": {"cuda": int(major) * 100 + int(minor), "torch": torch, "python": python, "flash": "v2.3.6"},
        "env": {"TORCH_CUDA_ARCH_LIST": "5.0+PTX 6.0 6.1 7.0 7.5 8.0+PTX 9.0"},
    }
    return {
        "xformers/__init__.py": b"",
        "xformers/cpp_lib.json": json.dumps(record).encode(),
        "xformers/_C.so": shared_library(needs),
    }


def shared_library(needs: str) -> bytes:
    """A 64-bit little-endian ELF file that holds nothing but one DT_NEEDED entry."""
    strings = b"\0" + needs.encode() + b"\0"
    header, program = 64, 56
    dynamic_at = header + 2 * program
    dynamic_size = 5 * 16
    strings_at = dynamic_at + dynamic_size
    dynamic = b"".join(
        struct.pack("<QQ", tag, value) for tag, value in ((1, 1), (5, strings_at), (10, len(strings)), (0, 0), (0, 0))
    )
    total = strings_at + len(strings)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, total, total, 0x1000)
    dyn = struct.pack("<IIQQQQQQ", 2, 6, dynamic_at, dynamic_at, dynamic_at, dynamic_size, dynamic_size, 8)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    elf = ident + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, header, 0, 0, header, program, 2, 0, 0, 0)
    return elf + load + dyn + dynamic + strings


@lru_cache
def interpreter_of(minor: str) -> Path:
    """A Python of that version on this machine, else the one that runs this."""
    found = (Path(python.path) for python in find_pythons(os.environ) if python.version.startswith(f"{minor}."))
    return next(found, Path(sys.executable).resolve())


def lay_environment(prefix: Path, pins: dict[str, str], *, python: str, builds: dict[str, str | None]) -> Path:
    """A virtual environment with those distributions; returns its site-packages.

    `builds` maps torch, torchvision, torchaudio to their full versions ("2.2.0+cu118") and `cuda` to "11.8" or None.
    Its interpreter is one of that version where this machine has one, so that other tools can be started in it, and
    this test's own where it has none: the doctor never starts it.
    """
    minor = ".".join(python.split(".")[:2])
    site = prefix / "lib" / f"python{minor}" / "site-packages"
    site.mkdir(parents=True)
    bin_folder = prefix / "bin"
    bin_folder.mkdir()
    interpreter = interpreter_of(minor)
    home = interpreter.parent
    (bin_folder / "python").symlink_to(interpreter)
    (bin_folder / f"python{minor}").symlink_to("python")
    (prefix / "pyvenv.cfg").write_text(
        f"home = {home}\nimplementation = CPython\nuv = 0.13.9\nversion_info = {python}\n"
        "include-system-site-packages = false\n"
    )
    for name, version in pins.items():
        files = None
        if name == "torch":
            files = torch_files(builds.get("torch") or version, builds.get("cuda"))
        elif name in ("torchvision", "torchaudio"):
            files = sibling_files(name, builds.get(name) or version)
        elif name == "xformers":
            cuda = builds.get("cuda") or "12.1"
            files = xformers_files(
                builds.get("torch") or "", cuda, python, f"libcudart.so.{'11.0' if cuda.startswith('11') else '12'}"
            )
        lay(
            site,
            name,
            version,
            files=files,
            tag="cp310-cp310-manylinux2014_x86_64" if name == "xformers" else "py3-none-any",
        )
    return site
