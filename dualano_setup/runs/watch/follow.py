"""Reads a file as it grows, whole lines at a time."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from pathlib import Path

from ...system.files import read_part

_MOST = 1 << 20  # bytes at a time


@dataclass(slots=True)
class Follower:
    """Gives what was added to a file since the last call; starts again at 0 when the file was cut short."""

    file: Path
    position: int = 0
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"), repr=False
    )
    _rest: str = ""

    def text(self) -> str:
        """All that is new, decoded; a character that is only half there waits for its other half."""
        try:
            if self.file.stat().st_size < self.position:
                self.position = 0
            new = read_part(self.file, _MOST, self.position)
        except OSError:
            return ""
        self.position += len(new)
        return self._decoder.decode(new)

    def lines(self, *, rest: bool = False) -> list[str]:
        """The whole lines that are new, where a carriage return ends one too; with `rest` also an unfinished last.

        A line of more than a megabyte is given in parts.
        """
        parts = (self._rest + self.text()).replace("\r", "\n").split("\n")
        self._rest = "" if rest or len(parts[-1]) > _MOST else parts.pop()
        return [part for part in parts if part.strip()]
