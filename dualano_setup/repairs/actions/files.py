"""Actions on single files and folders: write one, move one out of the way."""

from __future__ import annotations

import difflib
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...errors import RepairError
from ...language import N_, _
from ...system.files import bytes_at, size_of
from ..action import Cost, Workshop
from . import before_image as images
from .undoing import Undoing

MAX_DIFF_LINES = 400
_MAX_DIFFED = 1 << 24  # bytes


@dataclass(frozen=True, slots=True)
class WriteFile(Undoing):
    """Replace (or create) one file with `content`.

    `before_sha256` is the SHA-256 of the bytes the content was computed from, "" when the file must not exist yet; a
    file that differs by then is not touched. `mode` None keeps the old permissions.
    """

    kind: ClassVar[str] = "write-file"

    path: Path
    content: bytes
    before_sha256: str
    rules: tuple[str, ...]
    why: str
    mode: int | None = None

    @property
    def after_sha256(self) -> str:
        """SHA-256 of the new content."""
        return hashlib.sha256(self.content).hexdigest()

    def describe(self) -> str:
        """One line: edit or create, and why."""
        text = N_("edit {path}: {why}") if self.before_sha256 else N_("create {path}: {why}")
        return _(text, path=self.path, why=self.why)

    def details(self) -> str:
        """The change as a unified diff."""
        return difference(bytes_at(self.path, _MAX_DIFFED), self.content, str(self.path))

    def cost(self) -> Cost:
        """The new bytes, and the old ones kept."""
        return Cost(disk=2 * len(self.content))

    def apply(self, workshop: Workshop) -> None:
        """Keeps the old bytes, then writes atomically. Raises RepairError when the file is not what was planned for."""
        refuse_foreign_link(self.path, workshop.project)
        if images.current_sha256(self.path) != self.before_sha256:
            raise RepairError(
                _(
                    "{path} has changed since the plan was made; run `dualano-doctor fix` again for a new plan",
                    path=self.path,
                )
            )
        images.put(images.keep_file(self.path, workshop.folder), self.content, self.mode)

    def verify(self, workshop: Workshop) -> str:
        """Empty when exactly the planned bytes stand there."""
        if images.current_sha256(self.path) != self.after_sha256:
            return _("{path} does not hold what was written", path=self.path)
        if self.mode is not None and stat.S_IMODE(self.path.stat().st_mode) != self.mode:
            return _("{path} does not have mode {mode:o}", path=self.path, mode=self.mode)
        return ""

    def obstacle(self, workshop: Workshop) -> str:
        """Empty when `undo` may go ahead, else what the user changed since, as a diff."""
        before = images.load(workshop.folder)
        if before is None:
            return ""
        target = Path(before.path)
        now = images.current_sha256(target)
        if now in (before.sha256, self.after_sha256):
            return ""
        if not now:
            return _(
                "{target} was removed since; put it back, or restore {image} by hand",
                target=target,
                image=before.image or "nothing",
            )
        if (size_of(target) or 0) > _MAX_DIFFED:
            return _(
                "{target} was changed since the fix and has {size} bytes now, too many to show; undo would lose them",
                target=target,
                size=size_of(target),
            )
        change = difference(self.content, bytes_at(target, _MAX_DIFFED), str(target))
        return _("{target} was changed since the fix; undoing would lose this:\n{change}", target=target, change=change)

    def _put_back(self, before: images.Before, workshop: Workshop) -> None:
        """Puts back the old bytes, mode and times."""
        images.restore_file(before)


@dataclass(frozen=True, slots=True)
class MoveAside(Undoing):
    """Take a file or a folder out of the way; it is kept in the fix's folder, and `undo` moves it back."""

    kind: ClassVar[str] = "move-aside"

    path: Path
    rules: tuple[str, ...]
    why: str

    def describe(self) -> str:
        """One line: what is moved, and why."""
        return _("move aside {path}: {why}", path=self.path, why=self.why)

    def details(self) -> str:
        """Where it is kept."""
        return _("{path} is kept, not deleted; `dualano-doctor undo` moves it back", path=self.path)

    def cost(self) -> Cost:
        """Nothing: it stays on its file system."""
        return Cost()

    def apply(self, workshop: Workshop) -> None:
        """Records the place aside, then renames. Raises RepairError when nothing is there."""
        if not os.path.lexists(self.path):
            raise RepairError(
                _("{path} is no longer there; run `dualano-doctor fix` again for a new plan", path=self.path)
            )
        images.move_aside(images.record_aside(self.path, workshop.folder))

    def verify(self, workshop: Workshop) -> str:
        """Empty when it is out of the way and kept."""
        before = images.load(workshop.folder)
        if before is None or not os.path.lexists(before.image):
            return _("{path} was not kept", path=self.path)
        return _("{path} is still there", path=self.path) if os.path.lexists(self.path) else ""

    def obstacle(self, workshop: Workshop) -> str:
        """Empty when `undo` may go ahead."""
        before = images.load(workshop.folder)
        if before and before.kind == "aside" and os.path.lexists(before.image) and os.path.lexists(before.path):
            return _(
                "{path} exists again; move it away, then run `undo` again. The old one is {image}",
                path=before.path,
                image=before.image,
            )
        return ""


def refuse_foreign_link(path: Path, project: Path) -> None:
    """Raises RepairError when `path` is a link that leads out of its own folder and out of the project.

    A checkout comes from strangers: a link in it must not make us write to, say, a shell start-up file.
    """
    real = Path(os.path.realpath(path))
    homes = (Path(os.path.realpath(path.parent)), Path(os.path.realpath(project)))
    if path.is_symlink() and not any(real.is_relative_to(home) for home in homes):
        raise RepairError(
            _(
                "{path} is a link to {real}, outside its folder; edit that file by hand, or replace the link",
                path=path,
                real=real,
            )
        )


def difference(old: bytes, new: bytes, name: str) -> str:
    """A unified diff of two files' bytes, bounded; bytes that are not UTF-8 are only counted."""
    try:
        old_lines, new_lines = (data.decode("utf-8").splitlines(keepends=True) for data in (old, new))
    except UnicodeDecodeError:
        return _(
            "{name}: {old_count} bytes become {new_count} bytes (not text)",
            name=name,
            old_count=len(old),
            new_count=len(new),
        )
    lines = list(
        difflib.unified_diff(old_lines, new_lines, _("{name} (before)", name=name), _("{name} (after)", name=name), n=2)
    )
    cut = (
        [_("... {lines_count} more lines\n", lines_count=len(lines) - MAX_DIFF_LINES)]
        if len(lines) > MAX_DIFF_LINES
        else []
    )
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines[:MAX_DIFF_LINES] + cut)
