"""The action that fetches one file: resumed, checked by hash and size, placed atomically."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ...errors import RepairError
from ...language import _
from ...system import atomic
from ..action import Cost, Workshop
from . import before_image as images
from .room import need_room
from .undoing import Undoing

if TYPE_CHECKING:
    from requests import Response

CHUNK = 1 << 16  # what at most is lost of an answer that breaks off
TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two chunks
ATTEMPTS = 4
PROGRESS_EVERY = 10.0  # seconds
GUESSED_SPEED = 10e6  # bytes a second, for the plan's estimate


@dataclass(frozen=True, slots=True)
class Download(Undoing):
    """Fetch `url` to `path`.

    `size` is in bytes; `sha256` is hexadecimal, "" when the source publishes none (then only the size is checked).
    What stood at `path` is moved aside first. Bytes already fetched stay in `.dualano/downloads` until they are whole,
    so a broken line costs nothing twice.
    """

    kind: ClassVar[str] = "download"

    url: str
    path: Path
    sha256: str
    size: int
    rules: tuple[str, ...]
    why: str

    def describe(self) -> str:
        """One line: what is fetched, and why."""
        return _(
            "download {path} ({size:.1f} MB): {why}", path=self.path.name, size=self.size / 1000000.0, why=self.why
        )

    def details(self) -> str:
        """From where to where."""
        check = (
            f"SHA-256 {self.sha256}" if self.sha256 else _("{size} bytes; the source publishes no hash", size=self.size)
        )
        return f"{self.url}\n-> {self.path}\n{check}"

    def cost(self) -> Cost:
        """The file's size, at a guessed 10 MB/s."""
        return Cost(download=self.size, disk=self.size, seconds=self.size / GUESSED_SPEED)

    def apply(self, workshop: Workshop) -> None:
        """Fetches, checks, and places the file. Raises RepairError; the target is then as it was."""
        part = _part_file(self, workshop)
        if not self._is_whole(part):
            if workshop.offline:
                raise RepairError(
                    _("{path} has to be downloaded, and --offline forbids it: {url}", path=self.path.name, url=self.url)
                )
            need_room(part.with_name(self.path.name), self.size)
            _fetch(self, part, workshop)
        before = images.record_aside(self.path, workshop.folder)
        images.move_aside(before)
        _place(part, Path(before.path))

    def verify(self, workshop: Workshop) -> str:
        """Empty when the file is there with its size and hash."""
        if not self.path.is_file():
            return _("{path} is not there", path=self.path)
        if self._is_whole(self.path):
            return ""
        return _("{path} is not the file that was asked for: its size or SHA-256 differs", path=self.path)

    def obstacle(self, workshop: Workshop) -> str:
        """Empty when the file is still the one downloaded (or gone)."""
        if images.load(workshop.folder) is None or not self.path.exists() or self._is_whole(self.path):
            return ""
        before = images.load(workshop.folder)
        if before and before.kind == "aside" and not os.path.lexists(before.image):
            return ""
        return _("{path} was changed since it was downloaded; move it away, then run `undo` again", path=self.path)

    def _put_back(self, before: images.Before, workshop: Workshop) -> None:
        """Removes the downloaded file and moves the old one back."""
        if before.kind == "absent" or os.path.lexists(before.image):
            images.remove_tree(Path(before.path))
            images.remove_tree(_arriving(Path(before.path)))
        images.bring_back(before)

    def _is_whole(self, file: Path) -> bool:
        if not file.is_file() or file.stat().st_size != self.size:
            return False
        return not self.sha256 or atomic.sha256_of(file) == self.sha256


def _part_file(action: Download, workshop: Workshop) -> Path:
    folder = workshop.project / ".dualano" / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    name = action.sha256 or hashlib.sha256(f"{action.url} {action.size}".encode()).hexdigest()
    part = folder / f"{name}.part"
    _without_link(part)
    return part


def _without_link(place: Path) -> None:
    """Takes away what is no file: the project can be a stranger's, a link in it lead into somebody's home.

    Raises RepairError for a folder.
    """
    try:
        mode = place.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise RepairError(_("{path} is not a file; move it away by hand, then run `fix` again", path=place))
    if not stat.S_ISREG(mode):
        place.unlink()


def _fetch(action: Download, part: Path, workshop: Workshop) -> None:
    """Continues `part` to the whole file; gives up after some attempts that brought nothing new."""
    import requests

    failures = 0
    while failures < ATTEMPTS:
        have = _size(part)
        if have >= action.size:  # longer than it can be, or whole and of another hash: begin again
            part.unlink()
            have = 0
        try:
            with requests.get(action.url, headers=_headers(have), stream=True, timeout=TIMEOUT) as response:
                response.raise_for_status()
                _require_secure(action.url, response.url)
                _receive(response, part, have, action, workshop)
            if action._is_whole(part):
                return
            problem = _("{part} of {size} bytes arrived, or their SHA-256 is wrong", part=_size(part), size=action.size)
        except requests.HTTPError as error:
            raise RepairError(
                _(
                    "{url} answered {status_code} {reason}",
                    url=action.url,
                    status_code=error.response.status_code,
                    reason=error.response.reason,
                )
            ) from error
        except requests.RequestException as error:
            problem = f"{type(error).__name__}: {error}"
        failures += not have < _size(part) < action.size
        workshop.say(
            _(
                "  {path}: {problem}; {attempts} attempts left",
                path=action.path.name,
                problem=problem,
                attempts=ATTEMPTS - failures,
            )
        )
    raise RepairError(
        _(
            "{url} could not be downloaded: {problem}. What arrived is kept; run `fix` again.",
            url=action.url,
            problem=problem,
        )
    )


def _headers(have: int) -> dict[str, str]:
    """Bytes as they are on the server: a compressed answer could not be continued in its middle."""
    return {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})


def _receive(response: Response, part: Path, have: int, action: Download, workshop: Workshop) -> None:
    """Appends the answer's body; begins again when the server ignored the range. Never writes beyond the size."""
    resumed = response.status_code == 206
    left = action.size - (have if resumed else 0)
    told = time.monotonic()
    with part.open("ab" if resumed else "wb") as file:
        for chunk in response.iter_content(CHUNK):
            file.write(chunk[:left])
            left -= len(chunk)
            if left < 0:
                break
            if time.monotonic() - told > PROGRESS_EVERY:
                told = time.monotonic()
                workshop.say(
                    _(
                        "  {path}: {size:.0f} of {size_2:.0f} MB",
                        path=action.path.name,
                        size=(action.size - left) / 1000000.0,
                        size_2=action.size / 1000000.0,
                    )
                )
        file.flush()
        os.fsync(file.fileno())


def _require_secure(asked: str, answered: str) -> None:
    """Raises RepairError when an https address was redirected to one that anybody on the line can answer for."""
    if asked.startswith("https://") and not answered.startswith("https://"):
        raise RepairError(_("{asked} redirects to {answered}, which is not encrypted", asked=asked, answered=answered))


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _place(part: Path, target: Path) -> None:
    """Moves the whole file to its place; over a file system border, through a file beside the target."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if part.stat().st_dev != target.parent.stat().st_dev:
        arriving = _arriving(target)
        _without_link(arriving)
        shutil.copyfile(part, arriving)
        with arriving.open("rb+") as file:
            os.fsync(file.fileno())
        arriving.replace(target)
        part.unlink()
    else:
        part.replace(target)
    atomic.sync_folder(target.parent)


def _arriving(target: Path) -> Path:
    return target.with_name(f".{target.name[:80]}.dualano-arriving")
