"""The action that makes a mended copy of a base model: built aside, then renamed in; the model itself is only read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...errors import RepairError
from ...language import _
from ...system import atomic
from ...system.files import read_part, size_of
from ..action import Cost, Workshop
from . import before_image as images
from .room import need_room
from .tensor_names import renamed_header, safetensors_name, split_header
from .undoing import Undoing

CHUNK = 1 << 22  # bytes
GUESSED_SPEED = 100e6  # bytes a second


@dataclass(frozen=True, slots=True)
class MendedCopy(Undoing):
    """Copy the folders `parts` and the top-level files of the model at `source` to `path`, with some files changed.

    Names are relative to the model, with slashes. `left_out` are not copied (what a later action of the same fix makes
    of a pickle among them is its own to undo); `names[i]` is written with `contents[i]`;
    the safetensors files `prefixed` get `prefix` before the names of their tensors, the tensors' bytes stay. Every
    other file becomes another name of the same bytes (a hard link), or a copy where the file system has none.
    `before` is `model_state(source, parts)` at plan time, `size` what is written at most, in bytes.
    """

    kind: ClassVar[str] = "mended-copy"

    source: Path
    path: Path
    parts: tuple[str, ...]
    left_out: tuple[str, ...]
    names: tuple[str, ...]
    contents: tuple[bytes, ...]
    prefixed: tuple[str, ...]
    prefix: str
    before: str
    size: int
    rules: tuple[str, ...]
    why: str

    def describe(self) -> str:
        """One line: what is copied where, and why."""
        return _("make {path}, a mended copy of {source}: {why}", path=self.path, source=self.source, why=self.why)

    def details(self) -> str:
        """Which files differ from the model's."""
        rows = [_("left out: {name}", name=name) for name in self.left_out]
        rows += [
            _("written: {name} ({size} bytes)", name=name, size=len(content))
            for name, content in zip(self.names, self.contents, strict=True)
        ]
        rows += [
            _("{name}: `{prefix}` before the names of its tensors", name=name, prefix=self.prefix)
            for name in self.prefixed
        ]
        return "\n".join([*rows, _("every other file is linked to {source}, which stays as it is", source=self.source)])

    def cost(self) -> Cost:
        """What is written; links take nothing."""
        return Cost(disk=self.size, seconds=1 + self.size / GUESSED_SPEED)

    def apply(self, workshop: Workshop) -> None:
        """Builds beside the target, then renames. Raises RepairError when the model is not what was planned for."""
        if model_state(self.source, self.parts) != self.before:
            raise RepairError(
                _("{path} has changed since the plan was made; run `dualano-doctor fix` again for a new plan",
                  path=self.source)
            )  # fmt: skip
        need_room(self.path, self.size)
        record = images.record_aside(self.path, workshop.folder)
        building = self._building(workshop)
        images.remove_tree(building)
        building.mkdir(parents=True)
        self._build(building)
        atomic.write_synced(workshop.folder / "after.json", json.dumps(self._own(building)).encode(), 0o600)
        images.move_aside(record)
        building.rename(record.path)
        atomic.sync_folder(self.path.parent)

    def verify(self, workshop: Workshop) -> str:
        """Empty when every file of the copy says what it should, tensors byte for byte."""
        written = dict(zip(self.names, self.contents, strict=True))
        kept = [name for name, _file in self._kept()]
        wrong = [name for name in kept if size_of(self.path / name) != size_of(self.source / name)]
        wrong += [name for name, content in written.items() if not _holds(self.path / name, content)]
        wrong += [name for name in self.prefixed if not self._is_renamed(name)]
        wrong += [name for name in self.left_out if os.path.lexists(self.path / name)]
        return _("{path}: {names} are not as planned", path=self.path, names=", ".join(wrong[:8])) if wrong else ""

    def obstacle(self, workshop: Workshop) -> str:
        """Empty when the copy is as it was made (or was never finished)."""
        after = workshop.folder / "after.json"
        if not after.exists() or not os.path.lexists(self.path):
            return ""
        if self._own(self.path) != json.loads(after.read_text(encoding="utf-8")):
            return _("{path} was changed since it was made; move it away, then run `undo` again", path=self.path)
        return ""

    def _put_back(self, before: images.Before, workshop: Workshop) -> None:
        """Removes the copy and moves back what stood there; the model keeps its own names of the shared files."""
        images.remove_tree(self._building(workshop))
        if before.kind == "absent" or os.path.lexists(before.image):
            images.remove_tree(Path(before.path))
        images.bring_back(before)

    def _building(self, workshop: Workshop) -> Path:
        parent = self.path.parent.resolve()
        return parent / f".{self.path.name[:80]}.dualano-new-{workshop.folder.parent.name}"

    def _build(self, building: Path) -> None:
        for name, file in self._kept():
            target = building / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(file, target)
        for name, content in zip(self.names, self.contents, strict=True):
            (building / name).parent.mkdir(parents=True, exist_ok=True)
            atomic.write_synced(building / name, content, 0o644)
        for name in self.prefixed:
            (building / name).parent.mkdir(parents=True, exist_ok=True)
            _write_renamed(self.source / name, building / name, self.prefix)

    def _kept(self) -> Iterator[tuple[str, Path]]:
        """(name, file) of the model's files that are taken over as they are."""
        changed = {*self.left_out, *self.names, *self.prefixed}
        return ((name, file) for name, file in model_files(self.source, self.parts) if name not in changed)

    def _own(self, folder: Path) -> list[list[object]]:
        """Every path of the copy, with size and time where it shares no bytes with the model: what undo would lose."""
        rows: list[list[object]] = []
        later = {made for name in self.left_out if (made := safetensors_name(name)) != name}
        for file in sorted(folder.rglob("*")):
            name, status = file.relative_to(folder).as_posix(), file.lstat()
            if name in later:
                continue
            with suppress(OSError):
                if file.samefile(self.source / name):
                    rows.append([name])
                    continue
            rows.append([name] if file.is_dir() else [name, status.st_size, status.st_mtime_ns])
        return rows

    def _is_renamed(self, name: str) -> bool:
        """Whether the copy has the new header, and after it the same bytes as the model's file."""
        try:
            old_length, header = split_header(self.source / name)
            new = renamed_header(header, self.prefix)
            if read_part(self.path / name, len(new)) != new:
                return False
            return _hash_from(self.source / name, old_length) == _hash_from(self.path / name, len(new))
        except (OSError, ValueError):
            return False


def model_files(source: Path, parts: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """(name, file) of the top-level small files and all files of the parts, links followed, hidden ones left out."""
    rows = [(entry.name, entry) for entry in sorted(source.iterdir()) if entry.suffix in (".json", ".md", ".txt")]
    for part in parts:
        rows += [(f"{part}/{entry.name}", entry) for entry in sorted((source / part).iterdir())]
    return ((name, file) for name, file in rows if file.is_file() and not file.name.startswith("."))


def model_state(source: Path, parts: tuple[str, ...]) -> str:
    """What the copied part of a model consists of, as a short text: names, sizes and times (contents are gigabytes)."""
    try:
        rows = [(name, file.stat().st_size, file.stat().st_mtime_ns) for name, file in model_files(source, parts)]
    except OSError:
        return "unreadable"
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def _link_or_copy(file: Path, target: Path) -> None:
    """Another name of the same bytes; a copy on another file system, or where the system forbids such names."""
    with suppress(OSError):
        target.hardlink_to(os.path.realpath(file))
        return
    shutil.copyfile(file, target)
    _sync(target)


def _write_renamed(source: Path, target: Path, prefix: str) -> None:
    length, header = split_header(source)
    with source.open("rb") as old, target.open("wb") as new:
        new.write(renamed_header(header, prefix))
        old.seek(length)
        shutil.copyfileobj(old, new, CHUNK)
    _sync(target)


def _sync(file: Path) -> None:
    with file.open("rb") as handle:
        os.fsync(handle.fileno())


def _holds(file: Path, content: bytes) -> bool:
    try:
        return size_of(file) == len(content) and read_part(file, len(content)) == content
    except OSError:
        return False


def _hash_from(file: Path, offset: int) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as handle:
        handle.seek(offset)
        while chunk := handle.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
