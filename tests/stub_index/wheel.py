"""Makes wheels that install like real ones: METADATA, RECORD, entry points, and the files a test asks for."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class StubWheel:
    """One wheel to make.

    `files` are path-in-wheel -> content and replace the default `<module>/__init__.py` (which holds `__version__`).
    `scripts` are console scripts, name -> "module:function". `metadata` are further METADATA lines.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    files: Mapping[str, str | bytes] | None = None
    tags: str = "py3-none-any"
    scripts: Mapping[str, str] = field(default_factory=dict)
    requires_python: str = ""
    metadata: tuple[str, ...] = ()
    metadata_version: str = ""  # where METADATA says another version than the file name

    @property
    def module(self) -> str:
        return self.name.replace("-", "_").replace(".", "_").lower()

    @property
    def file_name(self) -> str:
        return f"{self.module}-{self.version}-{self.tags}.whl"

    @property
    def dist_info(self) -> str:
        return f"{self.module}-{self.version}.dist-info"


def write_wheel(wheel: StubWheel, folder: Path) -> Path:
    """Writes the wheel into `folder` and returns its path. The same wheel always gives the same bytes."""
    members = {name: _bytes(content) for name, content in _contents(wheel).items()}
    members[f"{wheel.dist_info}/METADATA"] = _metadata(wheel).encode()
    root = str(wheel.tags.endswith("-none-any")).lower()
    tags = "".join(f"Tag: {tag}\n" for tag in _expand(wheel.tags))
    members[f"{wheel.dist_info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: stub\nRoot-Is-Purelib: {root}\n{tags}".encode()
    )
    if wheel.scripts:
        rows = "".join(f"{name} = {target}\n" for name, target in wheel.scripts.items())
        members[f"{wheel.dist_info}/entry_points.txt"] = f"[console_scripts]\n{rows}".encode()
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in members.items())
    members[f"{wheel.dist_info}/RECORD"] = f"{record}{wheel.dist_info}/RECORD,,\n".encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / wheel.file_name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)
    return path


def _contents(wheel: StubWheel) -> Mapping[str, str | bytes]:
    if wheel.files is not None:
        return wheel.files
    return {
        f"{wheel.module}/__init__.py": f"__version__ = {wheel.version!r}\n\n\ndef main():\n    print(__version__)\n"
    }


def _metadata(wheel: StubWheel) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {wheel.name}", f"Version: {wheel.metadata_version or wheel.version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in wheel.requires]
    if wheel.requires_python:
        lines.append(f"Requires-Python: {wheel.requires_python}")
    return "\n".join([*lines, *wheel.metadata, ""])


def _expand(tags: str) -> list[str]:
    interpreters, abis, platforms = tags.split("-")
    return [f"{i}-{a}-{p}" for i in interpreters.split(".") for a in abis.split(".") for p in platforms.split(".")]


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
