"""Before-images: how a path was, kept on disk and synced before anything changes it.

Each action owns one folder (`Workshop.folder`). `before.json` there says what stood at the path; `image` beside it
holds the old bytes, or the old tree itself, moved aside on the same file system. All of it is written before the
change, so that a process killed anywhere leaves enough to take the change back.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from ...errors import RepairError
from ...language import _
from ...system.atomic import sha256_of, sync_folder, write_synced

RECORD = "before.json"


IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Before:
    """What stood at `path` before. `kind` is "absent", "file" (bytes copied) or "aside" (moved to `image`)."""

    path: str  # links resolved
    kind: str
    image: str = ""
    sha256: str = ""
    mode: int = 0
    atime_ns: int = 0
    mtime_ns: int = 0
    temporary: str = ""  # where new bytes are gathered before they take the path's place
    made: tuple[str, ...] = ()  # parent folders that were not there, outermost first


def current_sha256(path: Path) -> str:
    """SHA-256 of what stands at `path`, "" when nothing does. Raises RepairError when it is no regular file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return ""
    if not stat.S_ISREG(status.st_mode):
        raise RepairError(_("{path} is not a file; move it away by hand, then run `fix` again", path=path))
    return sha256_of(path)


def keep_file(path: Path, folder: Path) -> Before:
    """Copies what stands at `path` (a file or nothing) into `folder`, synced, and returns the record."""
    real = Path(os.path.realpath(path))
    made = missing_parents(real)
    temporary = str((Path(made[0]).parent if made else real.parent) / f".{real.name[:80]}.dualano-{_tag(folder)}")
    if not real.exists():
        return save(Before(str(real), "absent", temporary=temporary, made=made), folder)
    status = real.stat()
    image = folder / IMAGE
    write_synced(image, real.read_bytes(), 0o600)
    before = Before(
        path=str(real),
        kind="file",
        image=str(image),
        sha256=sha256_of(image),
        mode=stat.S_IMODE(status.st_mode),
        atime_ns=status.st_atime_ns,
        mtime_ns=status.st_mtime_ns,
        temporary=temporary,
    )
    return save(before, folder)


def record_aside(path: Path, folder: Path) -> Before:
    """Records where `path` will be moved to; `move_aside` then moves it. The place is on the same file system."""
    absolute = path.parent.resolve() / path.name  # the last part is not resolved: a link itself is what gets moved
    made = missing_parents(absolute)
    if not os.path.lexists(absolute):
        return save(Before(str(absolute), "absent", made=made), folder)
    image = folder / IMAGE
    if absolute.lstat().st_dev != folder.stat().st_dev:
        image = absolute.parent / f".{absolute.name[:80]}.dualano-{_tag(folder)}-before"
    return save(Before(str(absolute), "aside", image=str(image)), folder)


def move_aside(before: Before) -> None:
    """Moves the recorded path to its place aside."""
    if before.kind == "aside":
        Path(before.path).rename(before.image)
        sync_folder(Path(before.path).parent)


def bring_back(before: Before) -> None:
    """Undoes `move_aside`; does nothing when the move was never made. The path must be free by now."""
    if before.kind == "aside" and os.path.lexists(before.image):
        Path(before.image).rename(before.path)
        sync_folder(Path(before.path).parent)
    remove_empty(before.made)


def put(before: Before, data: bytes, mode: int | None) -> None:
    """Writes new bytes to the recorded path, atomically. `mode` None keeps the old mode (the umask's, if new)."""
    target = Path(before.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if mode is None:
        mode = before.mode if before.kind == "file" else 0o666 & ~_umask()
    temporary = Path(before.temporary)
    write_synced(temporary, data, mode)
    _give_to_its_owner(temporary, target)
    temporary.replace(target)
    sync_folder(target.parent)


def restore_file(before: Before) -> None:
    """Puts the old bytes, mode and times back, or removes a file that was not there. Safe to run again."""
    target = Path(before.path)
    if before.temporary:
        Path(before.temporary).unlink(missing_ok=True)
    if before.kind == "absent":
        target.unlink(missing_ok=True)
        remove_empty(before.made)
        return
    temporary = Path(before.temporary)
    write_synced(temporary, Path(before.image).read_bytes(), before.mode)
    _give_to_its_owner(temporary, target)
    temporary.chmod(before.mode)  # giving it away takes set-user-ID bits off
    os.utime(temporary, ns=(before.atime_ns, before.mtime_ns))
    temporary.replace(target)
    sync_folder(target.parent)


def _give_to_its_owner(new: Path, target: Path) -> None:
    """Root's new bytes in somebody else's file stay theirs; a new file goes to the owner of its folder."""
    if os.geteuid() != 0:
        return
    status = (target if target.exists() else target.parent).stat()
    if status.st_uid != 0:
        os.chown(new, status.st_uid, status.st_gid)


def load(folder: Path) -> Before | None:
    """The record in that folder; None when nothing was recorded, so nothing was changed."""
    try:
        row = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Before(**{**row, "made": tuple(row["made"])})


def save(before: Before, folder: Path) -> Before:
    """Writes the record, synced and atomically: it is there whole or not at all."""
    temporary = folder / f"{RECORD}.new"
    write_synced(temporary, json.dumps(asdict(before)).encode(), 0o600)
    temporary.replace(folder / RECORD)
    sync_folder(folder)
    return before


def missing_parents(path: Path) -> tuple[str, ...]:
    """The parent folders of `path` that do not exist, outermost first."""
    return tuple(str(parent) for parent in reversed(path.parents) if not parent.exists())


def remove_empty(folders: tuple[str, ...]) -> None:
    """Removes folders we made, innermost first, stopping at one that somebody has put something in."""
    for folder in reversed(folders):
        try:
            Path(folder).rmdir()
        except FileNotFoundError:  # cut off while making them: this one was never made
            continue
        except OSError:
            return


def remove_tree(path: Path) -> None:
    """Removes a file, link or tree that this program made. Renamed first, so that no half of it keeps its name.

    Run again after a crash in its middle, it removes what was left.
    """
    if path.is_symlink() or path.is_file():
        path.unlink()
        return
    dying = _dying(path)
    if os.path.lexists(path):
        if dying.exists():
            shutil.rmtree(dying)
        path.rename(dying)
    if dying.exists():
        shutil.rmtree(dying)


def is_left(path: Path) -> bool:
    """Whether something of `path` is still there, be it what a killed `remove_tree` left."""
    return os.path.lexists(path) or _dying(path).exists()


def _dying(path: Path) -> Path:
    return path.with_name(f".{path.name[:80]}.dualano-removing")


def _tag(folder: Path) -> str:
    """Names temporary files after their fix and action, so that a later start finds them again."""
    return f"{folder.parent.name}-{folder.name}"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
